"""How far an embedding lies from those of training: what "unlike training" is judged by."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DIAGONAL = 0.1
"""Share of the covariance that is taken from its diagonal alone: few clips tell the rest badly."""


class Distance(nn.Module):
    """``(B, D)`` to ``(B,)``: the Mahalanobis distance over the square root of D; 1 is typical of what was learned."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("whiten", torch.eye(width))

    def forward(self, seen: Tensor) -> Tensor:
        """See the class."""
        return ((seen - self.centre) @ self.whiten).square().mean(1).sqrt()

    def learn(self, seen: Tensor) -> None:
        """Take mean and covariance of training's ``(N, D)``, N >= 2."""
        spread = torch.cov(seen.double().T)
        spread = (1 - DIAGONAL) * spread + DIAGONAL * torch.diag(spread.diagonal())
        values, vectors = torch.linalg.eigh(spread + 1e-4 * torch.eye(len(spread), dtype=spread.dtype))
        self.centre.copy_(seen.double().mean(0).float())
        self.whiten.copy_((vectors * values.clamp(min=1e-5).rsqrt()).float())
