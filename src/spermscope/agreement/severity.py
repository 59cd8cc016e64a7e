"""How much harsher a rater is than the panel, and how far he scatters about it: to be looked at, never to reweight."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spermscope.agreement.coefficient import Floats, Ints
from spermscope.agreement.intraclass import Components, variance_components
from spermscope.labels import MISSING

NO_REST = 1e-9
"""Share of the scatter below which there is none: also grades that fit clips and raters exactly can be solved."""


def severities(votes: Ints) -> tuple[Floats, Floats]:
    """``(R,)`` grades that each rater votes worse (positive) or better than the panel, and the standard error of it.

    The best linear unbiased prediction of the rater's effect (Henderson 1975; Robinson 1991) in the model of
    ``variance_components``: a difference from the panel on the same clips, drawn towards 0 as far as his votes leave it
    open. All 0 where raters differ no more than chance has them; NaN for a rater without votes, or where votes cannot
    tell clips from raters.
    """
    parts = variance_components(votes)
    given = votes != MISSING
    nobody = ~given.any(axis=0)
    if parts is None:
        return np.full(len(nobody), np.nan), np.full(len(nobody), np.nan)
    effect, error = _predicted(votes, given, parts)
    effect[nobody], error[nobody] = np.nan, np.nan
    return effect, error


def _predicted(votes: Ints, given: NDArray[np.bool_], parts: Components) -> tuple[Floats, Floats]:
    """The mixed model's equations for mean and raters, those of the clips solved beforehand."""
    clip = max(parts.clip, 0.0)
    least = NO_REST * (clip + abs(parts.rater) + abs(parts.rest))
    if parts.rater <= least:
        return np.zeros(votes.shape[1]), np.zeros(votes.shape[1])
    rest = max(parts.rest, least)
    grade = np.where(given, votes - parts.mean, 0.0)
    of_rater = np.concatenate([[given.sum()], given.sum(axis=0)]).astype(np.float64)
    shown = np.column_stack([given.sum(axis=1), given]).astype(np.float64)
    left = np.diag(of_rater)
    left[0, 1:] = left[1:, 0] = of_rater[1:]
    right = np.concatenate([[grade.sum()], grade.sum(axis=0)])
    drawn = clip / (shown[:, 0] * clip + rest)
    left -= (shown * drawn[:, None]).T @ shown
    right -= shown.T @ (drawn * grade.sum(axis=1))
    left[1:, 1:] += np.eye(votes.shape[1]) * rest / parts.rater
    inverse = np.linalg.inv(left)
    return (inverse @ right)[1:], np.sqrt(rest * np.diag(inverse)[1:])


def scatters(votes: Ints) -> Floats:
    """``(R,)`` standard deviation, in grades, of what is a rater's own in his votes beside his severity.

    From the variances of the differences of any two raters on the clips that both graded, as Grubbs (1948) tells
    instruments apart; pairs weigh by their clips. It holds both inconsistency and a taste of his own. 0 where the
    estimate falls below 0; NaN where fewer than three raters share clips.
    """
    given = (votes != MISSING).astype(np.float64)
    grade = np.where(votes != MISSING, votes, 0).astype(np.float64)
    common = given.T @ given
    total = grade.T @ given - given.T @ grade
    square = (grade**2).T @ given + given.T @ grade**2 - 2.0 * grade.T @ grade
    weight = np.maximum(common - 1.0, 0.0)
    np.fill_diagonal(weight, 0.0)
    variance = np.divide(square - total**2 / np.maximum(common, 1), weight, out=np.zeros_like(weight), where=weight > 0)
    found = np.full(len(weight), np.nan)
    seen = weight.any(axis=1)
    left = np.diag(weight.sum(axis=1)) + weight
    if seen.sum() >= 3 and np.linalg.matrix_rank(left[np.ix_(seen, seen)]) == seen.sum():
        right = (weight * variance).sum(axis=1)
        found[seen] = np.sqrt(np.maximum(np.linalg.solve(left[np.ix_(seen, seen)], right[seen]), 0.0))
    return found


def correlation_with_rest(votes: Ints) -> Floats:
    """``(R,)`` Pearson's r of each rater's grades with the mean grade of all others on the same clips.

    NaN where either side does not vary.
    """
    return np.array([_correlation(votes, rater) for rater in range(votes.shape[1])])


def _correlation(votes: Ints, rater: int) -> float:
    others = np.delete(votes, rater, axis=1)
    given = others != MISSING
    seen = given.any(axis=1) & (votes[:, rater] != MISSING)
    own = votes[seen, rater].astype(np.float64)
    rest = np.where(given, others, 0).sum(axis=1)[seen] / given.sum(axis=1)[seen]
    if not len(own) or np.ptp(own) == 0 or np.ptp(rest) < 1e-12:
        return float("nan")
    return float(np.corrcoef(own, rest)[0, 1])
