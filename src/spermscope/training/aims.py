"""What a network is trained towards: the panel's votes, or what simulation knows of each cell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spermscope.metrics import Floats, mse
from spermscope.temperature import tempered
from spermscope.training.losses import LOSSES, panel_loss
from spermscope.training.material import Material

TRAITS = "traits"
"""The loss of a training towards traits."""


@dataclass(frozen=True, slots=True)
class Aim:
    """``target (N, K)`` of all clips; ``loss(logits (B, M, K), target (B, K), share (B, M)) -> ()``; ``heads`` M.

    ``error(logits (n, M, K), target (n, K))`` is what epochs are chosen by.
    """

    target: Floats
    heads: int
    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    error: Callable[[Floats, Floats], float]


def votes(material: Material, loss: str, heads: int) -> Aim:
    """The distributions of votes by one of ``LOSSES``; M heads, each by its share of every donor."""
    of_panel = LOSSES[loss]

    def descended(logits: Tensor, target: Tensor, share: Tensor) -> Tensor:
        return panel_loss(of_panel, logits, target, share).mean()

    return Aim(material.target, heads, descended, _vote_error)


def traits(material: Material) -> Aim:
    """The traits of simulated cells (smooth L1), by one head.

    Raises
    ------
    ValueError
        When the data set has none, or not of every clip.
    """
    known = material.dataset.traits()
    if known is None or not np.isfinite(known[material.rows]).all():
        raise ValueError(f"{material.dataset.folder}: expected traits.csv of all clips (spermscope simulate study)")

    def descended(logits: Tensor, target: Tensor, share: Tensor) -> Tensor:
        return nn.functional.smooth_l1_loss(logits[:, 0], target)

    return Aim(known[material.rows], 1, descended, _trait_error)


def _vote_error(logits: Floats, target: Floats) -> float:
    """MSE; a network that came to nothing is worse than any other."""
    predicted = tempered(logits)
    return float(mse(predicted, target).mean()) if np.isfinite(predicted).all() else math.inf


def _trait_error(logits: Floats, target: Floats) -> float:
    loss = float(nn.functional.smooth_l1_loss(torch.from_numpy(logits[:, 0]), torch.from_numpy(target)))
    return loss if math.isfinite(loss) else math.inf
