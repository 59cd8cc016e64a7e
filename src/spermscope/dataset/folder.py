"""A data set as it is read: tables in memory, clips by row, distributions derived from the votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset.form import Form, read_form
from spermscope.dataset.shards import Clips, Shards
from spermscope.dataset.tables import Items, Votes, read_items, read_traits, read_truth, read_votes, refuse
from spermscope.labels import MISSING


@dataclass(frozen=True)
class Dataset:
    """N clips, who gave them, and every vote as it was given."""

    folder: Path
    form: Form
    items: Items
    votes: Votes

    def __len__(self) -> int:
        return len(self.items)

    @property
    def grades(self) -> tuple[str, ...]:
        """Names, best first."""
        return self.form.grades

    @property
    def raters(self) -> tuple[str, ...]:
        """Names, sorted: the columns of ``vote_matrix``."""
        return self.votes.raters

    def clips(self, rows: Sequence[int] | NDArray[np.int64]) -> Clips:
        """Copies of those clips, in that order; nothing else is read.

        Raises
        ------
        ValueError
            When there is no such row, or its shard is missing, too short or of another form.
        """
        wanted = np.asarray(rows, np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise ValueError(
                f"{self.folder}: expected rows 0 to {len(self) - 1}, found {wanted.min()} to {wanted.max()}"
            )
        return self._shards.read(wanted)

    @cached_property
    def _shards(self) -> Shards:
        return Shards(self.folder, self.form)

    def distributions(self) -> NDArray[np.float64]:
        """``(N, K)`` shares of the votes, one a rater: rows sum to 1, a clip without a vote is NaN.

        Of a clip that was shown to a rater again, unannounced, the first presentation counts: its repeat tells how
        steady the rater is, and would count the rater twice.
        """
        first = self.votes.first
        grades = len(self.grades)
        cell = self.votes.row[first] * grades + self.votes.grade[first]
        counts = np.bincount(cell, minlength=len(self) * grades).reshape(len(self), grades).astype(np.float64)
        total = counts.sum(axis=1, keepdims=True)
        return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)

    def vote_matrix(self) -> NDArray[np.int64]:
        """``(N, R)`` grade index of each rater's first presentation, -1 where there is none."""
        votes, first = self.votes, self.votes.first
        matrix = np.full((len(self), len(self.raters)), MISSING, np.int64)
        matrix[votes.row[first], votes.rater_number[first]] = votes.grade[first]
        return matrix

    def donor_number(self) -> NDArray[np.int64]:
        """``(N,)`` donors numbered from 0 in the order of their codes.

        Raises
        ------
        ValueError
            When the donor of some clip is unknown: its fold could not be told.
        """
        unknown = np.flatnonzero(self.items.donor == "")
        if len(unknown):
            raise ValueError(f"{self.folder}: expected a donor for every clip, found none for {len(unknown)}")
        return np.unique(self.items.donor, return_inverse=True)[1].astype(np.int64)

    def truth(self) -> NDArray[np.float64] | None:
        """``(N, K)`` what infinitely many votes of such raters would give; None where the set was not simulated.

        For evaluation only: nothing may be learned or chosen by it.
        """
        return read_truth(self.folder, self.form, self.items)

    def traits(self) -> NDArray[np.float64] | None:
        """``(N, P)`` what simulation knows of each cell, numbers of order one; None where the set was not simulated."""
        return read_traits(self.folder, self.items)


def open_dataset(folder: Path | str) -> Dataset:
    """Open a data set: reads its form, its items and its votes, and no clip.

    Raises
    ------
    ValueError
        At the first row of a table that is wrong, naming file and row; ``check`` lists them all.
    """
    place = Path(folder)
    form = read_form(place)
    items = read_items(place, refuse)
    return Dataset(place, form, items, read_votes(place, form, items, refuse))
