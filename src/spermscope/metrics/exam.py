"""What models are judged on, and by which measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spermscope.labels import distribution
from spermscope.metrics import distances, overall
from spermscope.metrics.calibration import calibration_error
from spermscope.metrics.distances import Floats
from spermscope.metrics.ranking import best_of_field, rank_correlation
from spermscope.metrics.references import mean

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Exam:
    """N cells that a model did not learn from.

    ``target (N, K)`` the experts' distributions and ``raters (N,)`` how many votes made each; ``donor (N,)``;
    ``field (N,)`` which cells were seen together; ``mean (N, K)`` the mean label of what was learned from (of each
    cell's own fold). ``votes (N, R)`` where every vote is known, ``truth (N, K)`` in simulation, else None.
    """

    target: Floats
    raters: Ints
    donor: Ints
    field: Ints
    mean: Floats
    votes: Ints | None = None
    truth: Floats | None = None

    def __post_init__(self) -> None:
        columns = (self.target, self.raters, self.donor, self.field, self.mean, self.votes, self.truth)
        rows = [len(column) for column in columns if column is not None]
        if len(set(rows)) > 1:
            raise ValueError(f"exam: expected one row a cell in every column, found {rows}")

    @classmethod
    def of_votes(
        cls, votes: Ints, donor: Ints, mean: Floats, *, field: Ints | None = None, truth: Floats | None = None
    ) -> Exam:
        """From votes ``(N, R)`` (grade index, -1 missing); a donor's cells are one field unless ``field`` says more."""
        target, raters = distribution(votes, mean.shape[1]), (votes >= 0).sum(axis=1)
        return cls(target, raters, donor, donor if field is None else field, mean, votes, truth)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Exam:
        """The exam of some of the cells."""
        return Exam(
            self.target[rows],
            self.raters[rows],
            self.donor[rows],
            self.field[rows],
            self.mean[rows],
            None if self.votes is None else self.votes[rows],
            None if self.truth is None else self.truth[rows],
        )


@dataclass(frozen=True, slots=True)
class Measure:
    """``of(predicted, target, donor, field)`` gives values ``(N,)`` to be averaged, or one number for all cells.

    ``higher``: more is better. ``rater``: what a single rater enters with, his vote as it stands, the distribution that
    it stands for, or nothing, where neither says anything.
    """

    of: Callable[[Floats, Floats, Ints, Ints], Floats | float]
    higher: bool = False
    rater: Literal["vote", "meaning", "nothing"] = "meaning"

    def score(self, predicted: Floats, target: Floats, exam: Exam) -> float:
        """One number; NaN where it is undefined."""
        return mean(self.of(predicted, target, exam.donor, exam.field))


def _plain(score: Callable[[Floats, Floats], Floats | float]) -> Callable[[Floats, Floats, Ints, Ints], Floats | float]:
    return lambda predicted, target, donor, field: score(predicted, target)


BY_CELL: dict[str, Measure] = {
    "mse": Measure(_plain(distances.mse)),
    "emd": Measure(_plain(distances.emd)),
    "emd_rms": Measure(_plain(distances.emd_rms)),
    "rps": Measure(_plain(distances.rps)),
    "jsd": Measure(_plain(distances.jsd)),
    "expected_error": Measure(_plain(distances.expected_error)),
    "histogram_intersection": Measure(_plain(distances.histogram_intersection), higher=True),
    "mode_accuracy": Measure(_plain(distances.mode_accuracy), higher=True, rater="vote"),
    "near_accuracy": Measure(_plain(distances.near_accuracy), higher=True, rater="vote"),
}
"""Measures that every cell has by itself."""

MEASURES: dict[str, Measure] = {
    **BY_CELL,
    "macro_hi": Measure(_plain(overall.macro_hi), higher=True),
    "macro_f1": Measure(_plain(overall.macro_f1), higher=True, rater="vote"),
    "calibration_error": Measure(
        lambda predicted, target, donor, field: calibration_error(predicted, target, donor), rater="nothing"
    ),
    "entropy_correlation": Measure(_plain(overall.entropy_correlation), higher=True),
    "best_of_field": Measure(
        lambda predicted, target, donor, field: best_of_field(predicted, target, field), higher=True
    ),
    "rank_correlation": Measure(
        lambda predicted, target, donor, field: rank_correlation(predicted, target, donor), higher=True
    ),
}
