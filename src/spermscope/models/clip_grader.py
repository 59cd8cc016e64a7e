"""The one interface of all networks that grade a clip, and how a whole-clip network is put together."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from spermscope.models.distance import Distance
from spermscope.models.motion import Alone, Beside


class Trunk(Protocol):
    """A network that looks at a whole clip, without heads."""

    width: int
    """D, of what it gives."""
    frames: int
    """Crops that it looks at."""

    def __call__(self, pictures: Tensor) -> Tensor:
        """``pictures (B, T, H, W)`` from ``clips.to_model_input``, T >= 2, to ``(B, D)``.

        Which crops it takes and at what size is its own affair and happens inside.
        """


class ClipGrader(nn.Module):
    """``pictures (B, T, 128, 128)`` and ``motion (B, T, 7)`` to ``logits (B, M, K)`` and ``embedding (B, D)``.

    Both inputs are float32, from ``clips.to_model_input`` and ``clips.motion_features``; T >= 2, other sides than 128
    as the trunk's strides allow. M output heads on one trunk: each may learn from its own resample of the donors, and
    their spread is the model's doubt. The embedding is what all heads read. With ``Alone`` for ``side`` nothing in the
    network reads ``motion``.
    """

    def __init__(self, trunk: Trunk, side: Beside | Alone, grades: int = 5, heads: int = 4) -> None:
        super().__init__()
        self.trunk, self.side = trunk, side
        self.norm = nn.LayerNorm(side.width)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(side.width, 96), nn.GELU(), nn.Linear(96, grades)) for _ in range(heads)
        )

    def forward(self, pictures: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        embedding = self.norm(self.side(self.trunk(pictures), motion))
        return torch.stack([head(embedding) for head in self.heads], 1), embedding


class ClipAtWork(nn.Module):
    """A trained ``ClipGrader`` with how far what it sees is from training: what a model file holds."""

    def __init__(self, network: ClipGrader) -> None:
        super().__init__()
        self.network = network
        self.distance = Distance(network.side.width)

    def forward(self, pictures: Tensor, motion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As ``ClipGrader``, and ``distance (B,)``."""
        logits, embedding = self.network(pictures, motion)
        return logits, embedding, self.distance(embedding)


class PicturesAlone(nn.Module):
    """A network that does not read ``motion``, without that input: what is exported and used at work."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """``pictures (B, T, 128, 128)`` to what the network gives."""
        given: tuple[Tensor, ...]
        given = self.network(pictures, pictures.new_zeros(pictures.shape[0], pictures.shape[1], 7))
        return given
