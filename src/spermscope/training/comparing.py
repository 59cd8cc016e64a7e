"""The whole comparison: cells trained in a fixed order by one process or several, kept, and judged together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from spermscope import __version__
from spermscope.dataset import dataset_hash, sound_dataset
from spermscope.drawing import Progress
from spermscope.report.comparison import write_comparison
from spermscope.training.cells import Cells, Named
from spermscope.training.claims import claim, holder
from spermscope.training.costs import Cost, measured, total_s
from spermscope.training.fitting import fit
from spermscope.training.initial import Initial
from spermscope.training.judging import judge
from spermscope.training.material import Material
from spermscope.training.presets import Plan
from spermscope.training.protocol import Cell, Fold, folds

PAUSE_S = 2.0
"""Between looks at what other processes have done."""


def compare(
    dataset: Path,
    out: Path,
    plan: Plan,
    *,
    weights: Path | None = None,
    language: str = "en",
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train and judge all cells of ``plan`` on a data set, and give the page ``out/table.html``.

    ``weights`` is a folder with a file of initial weights for each network, ``NETWORK.pt``, from ``train network``.
    What is in ``out/cells`` is not trained again. Several processes may work on one ``out``: each cell is trained by
    one of them, and each writes the same table at the end. ``progress`` counts seconds of work as they were estimated;
    ``say`` gets the estimate before the first cell, and what is waited for.

    Raises
    ------
    ValueError
        When the data set has errors or too few donors, initial weights are missing or another network's, or ``out``
        holds cells of other settings or another data set.
    """
    study = _Study.opened(dataset, out, plan, weights)
    cells = plan.cells()
    missing = [cell for cell in cells if not study.cells.done(cell)]
    if missing:
        costs = measured([cell.network for cell in missing], study.material, plan.fit)
        say(_estimate(missing, cells, study, costs))
        _train(missing, study, costs, progress, say)
    found = {cell: study.cells.read(cell) for cell in cells}
    return write_comparison(out, judge(study.material, study.folds, plan, found, study.initial.name), language)


@dataclass(frozen=True, slots=True)
class _Study:
    """What all cells of a comparison share."""

    material: Material
    folds: tuple[Fold, ...]
    cells: Cells
    plan: Plan
    initial: Initial

    @classmethod
    def opened(cls, dataset: Path, out: Path, plan: Plan, weights: Path | None) -> _Study:
        """The study of a sound data set."""
        material = Material(sound_dataset(dataset))
        parts = folds(material.donor, material.mean_grade, plan.folds)
        named: Named = {"data set": dataset_hash(material.dataset), "version": __version__, "folds": plan.folds}
        initial = Initial.of_folder(weights, plan.networks)
        named["initial weights"] = initial.name
        return cls(material, parts, Cells(out / "cells", named | plan.fit.model_dump()), plan, initial)

    def train(self, cell: Cell, progress: Progress) -> None:
        """One cell, from its checkpoint to its files."""
        self.cells.tidy(cell)
        fold, rows = self.folds[cell.fold], self.material.rows
        named = ", ".join(f"{name} {value}" for name, value in self.cells.named.items())
        start = self.initial.files.get(cell.network)
        fitted = fit(cell, self.material, fold, self.plan.fit, self.cells.checkpoint(cell), progress, named, start)
        self.cells.keep(cell, fitted, {"held": rows[fold.held], "test": rows[fold.test]})


def _train(
    missing: Sequence[Cell], study: _Study, costs: dict[str, Cost], progress: Progress, say: Callable[[str], None]
) -> None:
    """All cells that nobody else trains; then wait for the others', or take over what they left."""
    tally = _Tally(missing, study, costs, progress)
    waited_for = None
    while missing:
        trained = False
        for cell in missing:
            with claim(study.cells.lock(cell)) as ours:
                if ours and not study.cells.done(cell):
                    study.train(cell, partial(tally.epoch, cell))
                    trained = True
        missing = [cell for cell in missing if not study.cells.done(cell)]
        tally.left(missing)
        if missing and not trained:
            lock = study.cells.lock(missing[0])
            if waited_for != (lock, held := holder(lock)) and held:
                say(f"waiting for {lock} of process {held[0]} on {held[1]}; if that is no more, remove the file")
                waited_for = (lock, held)
            time.sleep(PAUSE_S)


class _Tally:
    """Seconds of work that are done, of all that were estimated."""

    def __init__(self, cells: Sequence[Cell], study: _Study, costs: dict[str, Cost], progress: Progress) -> None:
        self._study, self._costs, self._progress = study, costs, progress
        self._all_s = self._left_s = self._work_s(cells)
        self._open = list(cells)

    def epoch(self, cell: Cell, done: int, _: int | None) -> None:
        """So many epochs of a cell are trained."""
        self._open = [one for one in self._open if one == cell or not self._study.cells.done(one)]
        self._left_s = self._work_s(self._open)
        cost = self._costs[cell.network]
        self._say(self._all_s - self._left_s + done * cost.of_epoch(self._study.folds[cell.fold]))

    def left(self, cells: Sequence[Cell]) -> None:
        """Only these cells are not done."""
        self._open = list(cells)
        self._say(self._all_s - self._work_s(cells))

    def _work_s(self, cells: Sequence[Cell]) -> float:
        return total_s(cells, self._study.folds, self._costs, self._study.plan.fit.epochs)

    def _say(self, done_s: float) -> None:
        total = math.ceil(self._all_s)
        self._progress(int(done_s) if self._open else total, total)


def _estimate(missing: Sequence[Cell], cells: Sequence[Cell], study: _Study, costs: dict[str, Cost]) -> str:
    minutes = total_s(missing, study.folds, costs, study.plan.fit.epochs) / 60
    long = f"{minutes:.0f} minutes" if minutes >= 1 else "less than a minute"
    if minutes > 120:
        long = f"{minutes / 60:.1f} hours"
    each = ", ".join(f"{name} {1e3 * cost.learn_s:.0f} ms" for name, cost in costs.items())
    return f"{len(missing)} of {len(cells)} cells to train, about {long} for one process (a clip and step: {each})"
