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
    first, second = both_graded(pairs).T.astype(np.float64)
    if not len(first):
        return undefined("not computed: no clip was graded twice by one rater")
    found, sizes = zip(*(np.unique(side, return_counts=True) for side in (first, second)), strict=True)
    apart = np.abs(found[0][:, None] - found[1][None, :]) ** power
    expected = float(sizes[0] @ apart @ sizes[1]) / len(first) ** 2
    if not expected:
        return undefined(NOTHING_APART)
    return Coefficient(1.0 - float((np.abs(first - second) ** power).mean()) / expected)


def both_graded(pairs: Ints) -> Ints:
    """The pairs that have two grades."""
    kept: Ints = pairs[(pairs != MISSING).all(axis=1)]
    return kept
