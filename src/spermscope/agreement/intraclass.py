"""Intraclass correlation, two-way random, absolute agreement: what share of the scatter of grades is the clips' own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spermscope.agreement.coefficient import NOTHING_APART, Coefficient, Ints, undefined
from spermscope.labels import MISSING

UNSOLVABLE = 1e-9


@dataclass(frozen=True, slots=True)
class Components:
    """Variances of grades (0 best, one step 1): of ``clip``, ``rater`` and the ``rest``; may come out below 0.

    ``mean`` is the mean grade, ``per_clip`` the harmonic mean of votes a clip.
    """

    clip: float
    rater: float
    rest: float
    mean: float
    per_clip: float


def variance_components(votes: Ints) -> Components | None:
    """Of ``votes (N, R)``, grade index or -1, in the model grade = mean + clip + rater + rest, all random.

    Henderson's first method (1953; Searle, Casella & McCulloch 1992, ch. 5.3), unbiased for any pattern of missing
    votes and the usual mean squares where none is missing. None where votes cannot tell the three apart.
    """
    given = votes != MISSING
    seen = given.any(axis=1)
    grade, given = votes[seen], given[seen]
    of_clip, of_rater = given.sum(axis=1), given.sum(axis=0)
    of_rater = of_rater[of_rater > 0]
    n, clips, raters = int(given.sum()), len(of_clip), len(of_rater)
    if n <= max(clips, raters) or min(clips, raters) < 2:
        return None
    mean = float(grade[given].mean())
    left = np.where(given, grade - mean, 0.0)
    by_clip = float((left.sum(axis=1) ** 2 / of_clip).sum())
    by_rater = float((left.sum(axis=0)[given.any(axis=0)] ** 2 / of_rater).sum())
    p, q = float((of_clip**2).sum()) / n, float((of_rater**2).sum()) / n
    expected = np.array(
        [
            [n - p, clips - q, clips - 1],
            [raters - p, n - q, raters - 1],
            [p - raters, q - clips, n - clips - raters + 1],
        ]
    )
    if abs(np.linalg.det(expected / n)) < UNSOLVABLE:
        return None
    squares = np.array([by_clip, by_rater, float((left**2).sum()) - by_clip - by_rater])
    clip, rater, rest = map(float, np.linalg.solve(expected, squares))
    return Components(clip, rater, rest, mean, per_clip=clips / float((1.0 / of_clip).sum()))


def icc_of_one(votes: Ints) -> Coefficient:
    """ICC(2,1) of Shrout & Fleiss 1979, the ICC(A,1) of McGraw & Wong 1996: how reliable one rater's grade is."""
    return _icc(votes, by_mean=False)


def icc_of_mean(votes: Ints) -> Coefficient:
    """ICC(2,k), the ICC(A,k): how reliable the mean grade of a clip is, of as many raters as graded it.

    With missing votes k is the harmonic mean of votes a clip, as in the G(q,k) of Putka et al. 2008.
    """
    return _icc(votes, by_mean=True)


def _icc(votes: Ints, *, by_mean: bool) -> Coefficient:
    parts = variance_components(votes)
    if parts is None:
        return undefined("not computed: too few grades to tell clips from raters")
    if len(np.unique(votes[votes != MISSING])) == 1:
        return undefined(NOTHING_APART)
    whole = parts.clip + (parts.rater + parts.rest) / (parts.per_clip if by_mean else 1.0)
    if whole < UNSOLVABLE:
        return undefined("not computed: clips differ less than chance would have them")
    return Coefficient(parts.clip / whole)
