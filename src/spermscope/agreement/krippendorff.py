"""Krippendorff's alpha: how far the grades within a clip are apart, against those of any two clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spermscope.agreement.coefficient import NOTHING_APART, Coefficient, Floats, Ints, undefined

Distance = Callable[[Floats], Floats]
"""How often each of K grades was given, to squared distances ``(K, K)``."""


def nominal(used: Floats) -> Floats:
    """Any two grades are equally far apart."""
    return 1.0 - np.eye(len(used))


def ordinal(used: Floats) -> Floats:
    """As many votes as lie between two grades, their own counted half."""
    between = np.cumsum(used) - 0.5 * used
    return (between[:, None] - between[None, :]) ** 2


def interval(used: Floats) -> Floats:
    """Grades are equally spaced numbers."""
    place = np.arange(len(used), dtype=np.float64)
    return (place[:, None] - place[None, :]) ** 2


def krippendorff_alpha(counts: Ints, distance: Distance = ordinal) -> Coefficient:
    """Krippendorff's alpha from ``(N, grades)`` counts of votes (Krippendorff 2004, ch. 11; 2011).

    1 is perfect agreement, 0 what chance gives; clips with fewer than two votes say nothing. NaN where no clip has two
    votes, or all votes are one grade.
    """
    together = coincidences(counts)
    used = together.sum(axis=1)
    if not used.any():
        return undefined("not computed: no clip has two grades")
    apart = distance(used)
    expected = float(used @ apart @ used) / (used.sum() - 1)
    return Coefficient(1.0 - float((together * apart).sum()) / expected) if expected else undefined(NOTHING_APART)


def coincidences(counts: Ints) -> Floats:
    """``(K, K)``: how often two votes on one clip were such a pair of grades, each clip weighing by its votes.

    Symmetric; its sum is the number of votes that have a partner. Zeros where there is none.
    """
    paired = counts[counts.sum(axis=1) >= 2].astype(np.float64)
    share = paired / (paired.sum(axis=1, keepdims=True) - 1)
    together: Floats = share.T @ paired - np.diag(share.sum(axis=0))
    return together
