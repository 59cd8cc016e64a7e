"""Muon (Jordan et al. 2024, as torch has it) for what a network's layers multiply by, convolutions included."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

LAYERS = (nn.Linear, nn.Conv2d, nn.Conv3d)


def matrices(network: nn.Module) -> list[nn.Parameter]:
    """The weights of its linear layers and convolutions, but for those that see a single input, as the first does."""
    layers = (layer for layer in network.modules() if isinstance(layer, LAYERS))
    return [layer.weight for layer in layers if layer.weight.shape[1] > 1]


class Orthogonal(torch.optim.Muon):
    """Muon on ``weights``: those of a convolution are one matrix, a row an output, which shares their memory.

    Every step is of one length in all directions of a matrix; its root mean square is a fifth of the rate, which is
    about AdamW's, so both take the same rate (Liu et al. 2025).
    """

    def __init__(self, weights: list[nn.Parameter], rate: float, decay: float) -> None:
        self.weights = weights
        shared = [nn.Parameter(_as_matrix(weight.detach(), weight)) for weight in weights]
        super().__init__(shared, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step down by the gradients of ``weights``."""
        for weight, matrix in zip(self.weights, self.param_groups[0]["params"], strict=True):
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad, weight)
        found: float | None = super().step(closure)
        return found


def _as_matrix(values: Tensor, weight: Tensor) -> Tensor:
    """``(outputs, all that one sees)``, in the order in which ``weight`` lies in memory, so that nothing is copied."""
    order = sorted(range(weight.ndim), key=weight.stride, reverse=True)
    return values.permute(order).flatten(1)
