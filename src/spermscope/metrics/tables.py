"""The table of scores: every number with its interval and with all that it is read against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spermscope.metrics.ceilings import Reading, half_panels, readings
from spermscope.metrics.distances import Floats, known, mean_grade
from spermscope.metrics.exam import BY_CELL, MEASURES, Exam, Measure
from spermscope.metrics.intervals import RESAMPLES, bootstrap_interval, resampled_interval
from spermscope.metrics.references import mean, noise_floor

HALVES = 20
"""Random halvings of the panel that the half-panel ceiling is the mean of."""
DRAWS = 100
"""Labels that the noise floor is the mean of."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a score, the same for every model; NaN where the exam does not have what it takes.

    ``floor`` the truth (where unknown, the label) against as many independent votes; ``ceiling_rater`` one rater
    against the rest, mean over raters; ``ceiling_half`` half the panel against the other half; ``mean_row`` the mean
    training label for every cell; ``truth_row`` the true distribution as the prediction.
    """

    floor: float
    ceiling_rater: float
    ceiling_half: float
    mean_row: float
    truth_row: float


@dataclass(frozen=True, slots=True)
class Score(Beside):
    """A row of the table: the score, its 95 % interval by donor, and what stands beside it."""

    value: float
    low: float
    high: float


def beside(exam: Exam, rng: np.random.Generator, measures: Mapping[str, Measure] = MEASURES) -> dict[str, Beside]:
    """By measure what its scores are read against; work it out once for all models of one exam."""
    grades, votes = exam.target.shape[1], exam.votes
    raters = [] if votes is None else readings(votes, grades, exam.donor)
    halves = [] if votes is None else [half_panels(votes, grades, rng) for _ in range(HALVES)]
    truth = exam.target if exam.truth is None else exam.truth
    answer = {}
    for name, measure in measures.items():
        score = partial(measure.score, exam=exam)
        answer[name] = Beside(
            floor=noise_floor(score, np.where(exam.raters[:, None] > 0, truth, np.nan), exam.raters, rng, draws=DRAWS),
            ceiling_rater=_one_rater(measure, raters, score),
            ceiling_half=mean(np.array([score(one, other) for one, other in halves])),
            mean_row=score(exam.mean, exam.target),
            truth_row=float("nan") if exam.truth is None else score(exam.truth, exam.target),
        )
    return answer


def score_table(
    predicted: Floats,
    exam: Exam,
    against: Mapping[str, Beside],
    rng: np.random.Generator,
    *,
    measures: Mapping[str, Measure] = MEASURES,
    resamples: int = RESAMPLES,
) -> dict[str, Score]:
    """By measure its row for ``predicted (N, K)``; ``against`` comes from ``beside``."""
    table = {}
    for name, measure in measures.items():
        low, high = _interval(measure, predicted, exam, rng, resamples)
        value = measure.score(predicted, exam.target, exam)
        table[name] = Score(**asdict(against[name]), value=value, low=low, high=high)
    return table


def segments(target: Floats) -> NDArray[np.int64]:
    """``(N,)`` the whole grade 1 .. K nearest to the label's mean grade, halves to the worse; 0 without a label."""
    seen = np.isfinite(target).all(axis=1)
    middle = np.floor(np.round(mean_grade(target), 9) + 0.5, where=seen, out=np.zeros(len(target)))
    return middle.astype(np.int64)


def segment_tables(predicted: Floats, exam: Exam, rng: np.random.Generator) -> dict[int, dict[str, Score]]:
    """By segment of the label's mean grade the table of its cells, in the measures that a cell has by itself.

    A segment is chosen by its label, noise included, so even the truth looks too near the middle at both ends: read a
    segment beside its own truth row and ceilings.
    """
    place = segments(exam.target)
    answer = {}
    for grade in np.unique(place[place > 0]).tolist():
        rows = np.flatnonzero(place == grade)
        part = exam.take(rows)
        answer[grade] = score_table(predicted[rows], part, beside(part, rng, BY_CELL), rng, measures=BY_CELL)
    return answer


def _one_rater(measure: Measure, raters: list[Reading], score: Callable[[Floats, Floats], float]) -> float:
    if measure.rater == "nothing":
        return float("nan")
    return mean(np.array([score(r.vote if measure.rater == "vote" else r.meaning, r.rest) for r in raters]))


def _interval(
    measure: Measure, predicted: Floats, exam: Exam, rng: np.random.Generator, resamples: int
) -> tuple[float, float]:
    rows = np.flatnonzero(known(predicted, exam.target))
    values = measure.of(predicted, exam.target, exam.donor, exam.field)
    if np.ndim(values):
        rows = np.flatnonzero(np.isfinite(values))
        return bootstrap_interval(np.asarray(values)[rows], exam.donor[rows], rng, resamples=resamples)

    def again(picked: NDArray[np.int64]) -> float:
        some = rows[picked]
        return float(measure.of(predicted[some], exam.target[some], exam.donor[some], exam.field[some]))

    return resampled_interval(again, exam.donor[rows], rng, resamples=resamples)
