"""The protocol of a fair comparison: what is trained on whom, chosen on whom, and tested on whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.labels import folds_by_donor
from spermscope.metrics import Floats

Ints = NDArray[np.int64]

INNER = 5
"""Of the donors outside a test fold one part in so many is held back, to choose on."""
LEAST = 3
"""Donors outside every test fold: two to learn from and one to choose on."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One training: a network by a loss, tested on one fold. Without ``motion`` it does not see displacements."""

    seed: int
    fold: int
    loss: str
    network: str
    motion: bool = True

    @property
    def name(self) -> str:
        """For files."""
        return f"{self.network}{'' if self.motion else '-pictures'}_{self.loss}_seed{self.seed}_fold{self.fold}"


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows of clips, sorted: ``train`` to learn from, ``held`` to choose epoch and temperature on, ``test``."""

    train: Ints
    held: Ints
    test: Ints


def folds(donor: Ints, mean_grade: Floats, count: int) -> tuple[Fold, ...]:
    """``count`` folds of N clips; each clip is tested once, and a donor is on one side only.

    ``donor (N,)``, ``mean_grade (N,)`` of their labels, by which test folds are alike and so are the parts that are
    held back. No seed changes them: all trainings are tested on the same folds.

    Raises
    ------
    ValueError
        When there are too few donors.
    """
    people = len(np.unique(donor))
    if count < 2 or people < count or people - -(-people // count) < LEAST:
        raise ValueError(
            f"compare: expected 2 folds or more, a donor for each and {LEAST} outside each, "
            f"found {count} folds of {people} donors"
        )
    outer = folds_by_donor(donor, count, 0, mean_grade)
    return tuple(_fold(donor, mean_grade, test, number) for number, test in enumerate(outer))


def _fold(donor: Ints, mean_grade: Floats, tested: Ints, number: int) -> Fold:
    outside = np.flatnonzero(~np.isin(donor, tested))
    parts = min(INNER, len(np.unique(donor[outside])))
    chosen = folds_by_donor(donor[outside], parts, number + 1, mean_grade[outside])[0]
    held = np.isin(donor[outside], chosen)
    return Fold(outside[~held], outside[held], np.flatnonzero(np.isin(donor, tested)))
