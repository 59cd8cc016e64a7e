"""Sets of neighbouring grades that hold a new rater's vote on a new donor's cell as often as they say.

Split conformal prediction with the scores of ordinal adaptive sets (Lu, Angelopoulos & Pomerantz 2022): a set begins
with the most probable grade and takes in the more probable neighbour until it holds enough. Votes of one cell and cells
of one donor are not exchangeable with those of others, **donors** are, so every calibration donor has one vote in all
(the pooled score distribution of hierarchical conformal prediction: Lee, Barber & Willett 2023; Dunn, Wasserman &
Ramdas 2022). What is and what is not guaranteed stands in ``docs/METRICS.md``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def grade_sets(predicted: Floats, threshold: float) -> NDArray[np.bool_]:
    """``(N, K)`` whether each grade is in the item's set: neighbours, never none; all of them at ``threshold`` 1."""
    answer: NDArray[np.bool_] = mass_before(predicted) <= threshold
    return answer


def set_threshold(
    predicted: Floats, target: Floats, donor: NDArray[np.int64], *, miss: float = 0.1, raters: int | None = None
) -> float:
    """The threshold, 0 .. 1, for sets that miss at most a share ``miss`` of the votes.

    ``predicted (N, K)``, votes as shares ``target (N, K)`` and ``donor (N,)`` come from donors that the model and its
    temperature did not learn from; items without a vote (NaN) are left out. A donor counts once, his items alike, an
    item's votes alike, and the donor to come counts as a miss. With the number of the panel's ``raters`` so does the
    rater to come, which guards against a small panel. Too few donors give 1, all grades: below 9 at a tenth, below 12
    with 40 raters.
    """
    if not 0 < miss < 1:
        raise ValueError(f"conformal: expected a share between 0 and 1 to miss, found {miss}")
    seen = np.isfinite(target).all(axis=1)
    people, member = np.unique(donor[seen], return_inverse=True)
    if not len(people):
        return 1.0
    weight = target[seen] / (np.bincount(member)[member] * len(people))[:, None]
    level = (1.0 - miss) * (len(people) + 1) / len(people)
    if raters is not None:
        level *= (raters + 1) / raters
    scores = mass_before(predicted[seen]).ravel()
    order = np.argsort(scores)
    held = np.cumsum(weight.ravel()[order])
    place = int(np.searchsorted(held, level - 1e-9))
    return float(scores[order][place]) if place < len(held) else 1.0


def donor_coverage(sets: NDArray[np.bool_], target: Floats, donor: NDArray[np.int64]) -> Floats:
    """``(D,)`` share of the votes on each donor's items that their sets hold: a donor's items alike, then their votes.

    Donors in sorted order; items without a vote are left out. Its mean is the coverage that is promised;
    ``metrics.bootstrap_interval`` over it has the interval for these raters.
    """
    seen = np.isfinite(target).all(axis=1)
    _, member = np.unique(donor[seen], return_inverse=True)
    held = (sets[seen] * target[seen]).sum(axis=1)
    share: Floats = np.bincount(member, held) / np.bincount(member)
    return share


def rater_coverage(sets: NDArray[np.bool_], votes: NDArray[np.int64], donor: NDArray[np.int64]) -> Floats:
    """``(D, R)`` share of each rater's votes ``(N, R)`` on each donor's items that their sets hold; NaN without a vote.

    For raters who are new as well: ``metrics.crossed_interval`` has the interval of its mean.
    """
    _, member = np.unique(donor, return_inverse=True)
    given = votes >= 0
    held = given & np.take_along_axis(sets, np.where(given, votes, 0), axis=1)
    people = np.arange(member.max(initial=-1) + 1)[:, None] == member
    count = (people @ given.astype(np.float64)).astype(np.float64)
    return np.divide(people @ held.astype(np.float64), count, out=np.full_like(count, np.nan), where=count > 0)


def mass_before(predicted: Floats) -> Floats:
    """``(N, K)`` the predicted share that a growing set holds before it takes in each grade: 0 for the mode, below 1.

    Ties go to the worse grade, as the mode's do.
    """
    count, grades = predicted.shape
    rows = np.arange(count)
    low = high = grades - 1 - np.argmax(predicted[:, ::-1], axis=1)
    padded = np.pad(predicted, ((0, 0), (1, 1)), constant_values=-1.0)
    before, held = np.zeros_like(predicted), predicted[rows, low]
    for _ in range(grades - 1):
        better, worse = padded[rows, low], padded[rows, high + 2]  # padded: grade g stands in column g + 1
        up = better > worse
        low, high = np.where(up, low - 1, low), np.where(up, high, high + 1)
        taken = np.where(up, low, high)
        before[rows, taken] = held
        held = np.minimum(held + predicted[rows, taken], 1.0)
    return before
