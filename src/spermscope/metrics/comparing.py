"""Models beside each other on one exam: paired differences, and their mean rank over the measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from spermscope.metrics.distances import Floats, known
from spermscope.metrics.exam import MEASURES, Exam, Measure
from spermscope.metrics.intervals import RESAMPLES, bootstrap_interval, resampled_interval
from spermscope.metrics.references import mean


@dataclass(frozen=True, slots=True)
class Difference:
    """First model's score minus the second's, on the same cells, with its 95 % interval by donor."""

    value: float
    low: float
    high: float


def paired_differences(
    first: Floats,
    second: Floats,
    exam: Exam,
    rng: np.random.Generator,
    *,
    measures: Mapping[str, Measure] = MEASURES,
    resamples: int = RESAMPLES,
) -> dict[str, Difference]:
    """By measure; a resample draws the same donors for both. Cells or groups without a score for both are left out."""
    rows = np.flatnonzero(known(first, exam.target) & known(second, exam.target))
    first, second, exam = first[rows], second[rows], exam.take(rows)
    return {name: _difference(measure, first, second, exam, rng, resamples) for name, measure in measures.items()}


def mean_ranks(scores: Sequence[Mapping[str, float]], measures: Mapping[str, Measure] = MEASURES) -> Floats:
    """``(models,)`` mean rank over the measures, 1 = best of all in every one; ties share their mean rank.

    ``scores`` has each model's number by measure. Measures that any model lacks (absent or NaN) are left out; NaN where
    none is left.
    """
    ranks = []
    for name, measure in measures.items():
        found = np.array([model.get(name, np.nan) for model in scores], np.float64)
        if np.isfinite(found).all():
            ranks.append(rankdata(-found if measure.higher else found))
    answer: Floats = np.mean(ranks, axis=0) if ranks else np.full(len(scores), np.nan)
    return answer


def _difference(
    measure: Measure, first: Floats, second: Floats, exam: Exam, rng: np.random.Generator, resamples: int
) -> Difference:
    def apart(rows: NDArray[np.int64]) -> Floats | float:
        target, donor, field = exam.target[rows], exam.donor[rows], exam.field[rows]
        return measure.of(first[rows], target, donor, field) - measure.of(second[rows], target, donor, field)

    found = apart(np.arange(len(first)))
    if np.ndim(found):
        values = np.asarray(found)
        kept = np.isfinite(values)
        low, high = bootstrap_interval(values[kept], exam.donor[kept], rng, resamples=resamples)
    else:
        low, high = resampled_interval(lambda rows: float(apart(rows)), exam.donor, rng, resamples=resamples)
    return Difference(mean(found), low, high)
