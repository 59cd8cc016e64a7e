"""Whether the model puts the cells of a field in the experts' order: values that belong to whole groups of items.

Each group's value stands in the row of its first item and the other rows are NaN, so that these scores average and
resample like any other. Cells are ordered by mean grade.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from spermscope.metrics.distances import Floats, known, mean_grade

FEWEST = 4


def best_of_field(predicted: Floats, target: Floats, field: NDArray[np.int64], *, among: int = 3) -> Floats:
    """``(N,)`` whether the model's highest cell of a field is among the experts' best ``among``, 0 .. 1.

    Ties on either side are broken at random and the expectation is given: by chance it is ``among / n`` in a field of
    n, which is also what a model gets that tells no cell from another. Fields of fewer than 4 cells are left out.
    """
    values = np.full(len(field), np.nan)
    for first, ours, theirs in _groups(predicted, target, field):
        better = (theirs[None, :] < theirs[:, None]).sum(axis=1)
        equal = (theirs[None, :] == theirs[:, None]).sum(axis=1)
        within = np.clip((among - better) / equal, 0.0, 1.0)
        values[first] = within[ours == ours.min()].mean()
    return values


def rank_correlation(predicted: Floats, target: Floats, donor: NDArray[np.int64]) -> Floats:
    """``(N,)`` Spearman's r of the mean grades within each donor, -1 .. 1; ties have their mean rank.

    Left out: donors with fewer than 4 cells, or whose cells all have one mean grade on either side.
    """
    values = np.full(len(donor), np.nan)
    for first, ours, theirs in _groups(predicted, target, donor):
        if min(np.ptp(ours), np.ptp(theirs)) > 0:
            values[first] = np.corrcoef(rankdata(ours), rankdata(theirs))[0, 1]
    return values


def _groups(
    predicted: Floats, target: Floats, group: NDArray[np.int64]
) -> list[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
    """First row and both sides' mean grades of each group that is large enough."""
    rows = np.flatnonzero(known(predicted, target))
    rows = rows[np.argsort(group[rows], kind="stable")]
    parts = np.split(rows, np.flatnonzero(np.diff(group[rows])) + 1)
    ours, theirs = (np.round(mean_grade(side), 9) for side in (predicted, target))
    return [(int(part[0]), ours[part], theirs[part]) for part in parts if len(part) >= FEWEST]
