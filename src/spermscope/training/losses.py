"""Losses: pure functions of ``(logits, target)`` that give one value an item; the mean over items is descended.

All take ``logits (B, K)`` over ordered grades and ``target (B, K)``, rows that sum to 1; a grade may have no share.
Every gradient is finite, at logits of +-100 too. Definitions, reasons and sources stand in ``docs/METRICS.md``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]

HARDLY = 1e-6
"""A grade whose share in a batch is of this size counts half in the macro losses: softmax leaves none at exactly 0."""


def emd_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` root of the mean squared difference of the cumulative distributions (r = 2; Talebi & Milanfar 2018).

    The root is smoothed at 0, so its gradient is finite where the two agree.
    """
    apart = torch.cumsum(_apart(logits, target), -1)
    return (apart.square().mean(-1) + 1e-8).sqrt() - 1e-4


def emd_r1_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` sum of absolute differences of the cumulative distributions: grades that a share must move, 0 .. K-1."""
    return torch.cumsum(_apart(logits, target), -1).abs().sum(-1)


def mse_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` mean squared difference over the K bins, 0 .. 2/K."""
    return _apart(logits, target).square().mean(-1)


def jsd_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` Jensen-Shannon divergence in nats, the symmetric one, 0 .. ln 2 (Lin 1991)."""
    log_p = torch.log_softmax(logits.float(), -1)
    middle = 0.5 * (log_p.exp() + target)
    log_m = middle.clamp(min=1e-30).log()
    divergence = log_p.exp() * (log_p - log_m) + torch.xlogy(target, target) - target * log_m
    return 0.5 * divergence.sum(-1)


def cross_entropy_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` soft cross-entropy in nats; at best the target's own entropy, not 0."""
    return -(target * torch.log_softmax(logits.float(), -1)).sum(-1)


def intersection_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` 1 - histogram intersection, which is half the sum of absolute differences, 0 .. 1."""
    return 0.5 * _apart(logits, target).abs().sum(-1)


def macro_intersection_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` each item's share of 1 - Macro-HI: the **mean** is the batch's loss, 0 .. 1, rare grades counting alike.

    By grade, the sum over items of the smaller share over that of the larger; the mean over grades that occur.
    """
    return _macro(logits, target, torch.maximum)


def macro_f1_loss(logits: Tensor, target: Tensor) -> Tensor:
    """``(B,)`` each item's share of 1 - Macro-F1: the **mean** is the batch's loss, 0 .. 1, rare grades counting alike.

    By grade, the smaller share is what is rightly given to it: F1 = 2 sum min(p, q) / sum (p + q), which is the usual
    F1 where both sides are one-hot; the mean over grades that occur.
    """
    return _macro(logits, target, torch.add)


LOSSES: dict[str, Loss] = {
    "emd": emd_loss,
    "emd-r1": emd_r1_loss,
    "mse": mse_loss,
    "jsd": jsd_loss,
    "ce": cross_entropy_loss,
    "hi": intersection_loss,
    "macro-hi": macro_intersection_loss,
    "macro-f1": macro_f1_loss,
}


def panel_loss(loss: Loss, logits: Tensor, target: Tensor, share: Tensor | None = None) -> Tensor:
    """``(B,)`` mean loss over the heads of ``logits (B, M, K)``.

    ``share (B, M)`` is how often each head's own resample of the donors drew the item's, so that the heads' spread
    tells the model's doubt: an item counts by its shares among the heads, and not where no head drew it.
    """
    each = torch.stack([loss(logits[:, number], target) for number in range(logits.shape[1])], 1)
    return each.mean(1) if share is None else (each * share).sum(1) / share.sum(1).clamp(min=1.0)


def _apart(logits: Tensor, target: Tensor) -> Tensor:
    return torch.softmax(logits.float(), -1) - target


def _macro(logits: Tensor, target: Tensor, total: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """By grade, what two sides do not share over ``total`` of both; the mean over grades that occur, by item."""
    mass = total(torch.softmax(logits.float(), -1), target).sum(0)
    occurs = mass / (mass + HARDLY)
    apart = _apart(logits, target).abs() / (mass + HARDLY)
    return len(logits) * apart.sum(-1) / occurs.sum()
