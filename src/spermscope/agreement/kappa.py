"""Weighted kappa: whether a rater who sees a clip again gives it the same grade, or one close by."""

from __future__ import annotations

import numpy as np

from spermscope.agreement.coefficient import NOTHING_APART, Coefficient, Ints, undefined
from spermscope.labels import MISSING

LINEAR, QUADRATIC = 1, 2


def weighted_kappa(pairs: Ints, power: int = QUADRATIC) -> Coefficient:
    """Cohen's weighted kappa (1968) of ``pairs (P, 2)`` of grades, in -1..1; pairs with a -1 are left out.

    Grades that differ by d disagree by d to the ``power``: 1 linear (Cicchetti & Allison 1971), 2 quadratic (Fleiss &
    Cohen 1973). NaN without a pair, or where all grades are one.
    """
    return pooled_kappa(pairs, np.zeros(len(pairs), np.int64), power)


def pooled_kappa(pairs: Ints, raters: Ints, power: int = QUADRATIC) -> Coefficient:
    """The same of the pairs of several ``raters (P,)``, each against what chance gives *him*.

    1 - observed / expected disagreement, both summed over raters: the mean of their own kappas, each weighing by his
    pairs and by what there is to disagree about. One table of all pairs would take the raters' differences for merit.
    """
    kept = both_graded(pairs)
    if not len(kept):
        return undefined("not computed: no clip was graded twice by one rater")
    people, who = np.unique(raters[(pairs != MISSING).all(axis=1)], return_inverse=True)
    grades = int(kept.max()) + 1
    place = np.arange(grades, dtype=np.float64)
    apart = np.abs(place[:, None] - place[None, :]) ** power
    first, second = (
        np.bincount(who * grades + side, minlength=len(people) * grades).reshape(len(people), grades) for side in kept.T
    )
    expected = float((((first @ apart) * second).sum(axis=1) / np.bincount(who)).sum())
    if not expected:
        return undefined(NOTHING_APART)
    return Coefficient(1.0 - float(apart[kept[:, 0], kept[:, 1]].sum()) / expected)


def both_graded(pairs: Ints) -> Ints:
    """The pairs that have two grades."""
    kept: Ints = pairs[(pairs != MISSING).all(axis=1)]
    return kept
