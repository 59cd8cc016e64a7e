"""Losses: pure functions of ``(logits, target)`` that give one value an item."""

from __future__ import annotations

import torch
from torch import Tensor


def emd_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` root of the mean squared difference of the cumulative distributions (r = 2; Talebi & Milanfar 2018).

    ``logits (B, K)`` over ordered grades, ``target (B, K)`` rows that sum to 1. The root is smoothed at 0, so its
    gradient is finite where the two agree.
    """
    apart = torch.cumsum(torch.softmax(logits.float(), -1) - target, -1)
    return (apart.square().mean(-1) + 1e-8).sqrt() - 1e-4
