"""What a plan will cost, from one measured step of each of its networks."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from spermscope.drawing import Progress
from spermscope.models.family import NETWORKS
from spermscope.training.fitting import FitSettings, logits_of
from spermscope.training.loop import Loop, fastest_device, mixed_precision
from spermscope.training.losses import emd_loss, panel_loss
from spermscope.training.material import Material
from spermscope.training.protocol import Cell, Fold, Ints


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds a clip: to learn from it once, and to predict it, reading it included."""

    learn_s: float
    predict_s: float

    def of_epoch(self, fold: Fold) -> float:
        """Seconds of one epoch of a cell on that fold."""
        return len(fold.train) * self.learn_s + len(fold.held) * self.predict_s

    def of_end(self, fold: Fold) -> float:
        """Seconds of what follows the last epoch."""
        return (len(fold.held) + len(fold.test)) * self.predict_s


def measured(
    networks: Iterable[str],
    material: Material,
    settings: FitSettings,
    progress: Progress = lambda done, total: None,
) -> dict[str, Cost]:
    """By network its cost here: the second of two steps and the second of two predictions of one batch."""
    names = list(dict.fromkeys(networks))
    answer = {}
    with torch.random.fork_rng():
        for number, name in enumerate(names, 1):
            answer[name] = _measure(name, material, settings)
            progress(number, len(names))
    return answer


def total_s(cells: Iterable[Cell], folds: tuple[Fold, ...], costs: dict[str, Cost], epochs: int) -> float:
    """Seconds that all those cells take one process."""
    return sum(
        epochs * costs[cell.network].of_epoch(folds[cell.fold]) + costs[cell.network].of_end(folds[cell.fold])
        for cell in cells
    )


def _measure(name: str, material: Material, settings: FitSettings) -> Cost:
    rows = np.arange(min(settings.batch, len(material)))
    network = NETWORKS[name](material.target.shape[1], settings.heads).to(fastest_device())
    loop = Loop([network], settings.rate, 2, len(rows), len(rows), lambda done, total: None)
    laps_s = [(_step_s(loop, material, rows), _predict_s(loop, material, rows)) for _ in range(2)]
    learn_s, predict_s = laps_s[1]
    return Cost(learn_s / len(rows), predict_s / len(rows))


def _step_s(loop: Loop, material: Material, rows: Ints) -> float:
    network = loop.parts[0].train()
    device = loop.weights[0].device
    begun = time.perf_counter()
    pictures, motion = material.disturbed(rows, np.random.default_rng(0), device)
    with mixed_precision(device):
        logits = network(pictures, motion)[0]
    target = torch.from_numpy(material.target[rows]).float().to(device)
    loop.descend(panel_loss(emd_loss, logits.float(), target).mean())
    return time.perf_counter() - begun


def _predict_s(loop: Loop, material: Material, rows: Ints) -> float:
    begun = time.perf_counter()
    logits_of(loop.parts[0], material, rows)
    return time.perf_counter() - begun
