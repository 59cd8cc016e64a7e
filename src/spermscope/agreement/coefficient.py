"""A coefficient of agreement, with its interval by donor, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.metrics import resampled_interval
from spermscope.metrics.intervals import RESAMPLES

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FEWEST_DONORS = 5
"""With fewer an interval by donor says nothing."""
NOTHING_APART = "not computed: all grades are one and the same"


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A number, NaN where it is undefined, and then ``why``."""

    value: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its 95 % interval by donor; ``why`` says what is NaN: the number, or the interval alone."""

    value: float
    low: float
    high: float
    why: str = ""


def undefined(why: str) -> Coefficient:
    """No number, for that reason."""
    return Coefficient(float("nan"), why)


def estimate(
    statistic: Callable[[Ints], Coefficient], donors: Ints, rng: np.random.Generator, *, resamples: int = RESAMPLES
) -> Estimate:
    """``statistic(rows)`` of all rows, with the interval that resampling their ``donors (N,)`` gives.

    Raters stay who they are: the interval is for other donors, judged by these very raters. NaN with fewer than five
    donors.
    """
    found = statistic(np.arange(len(donors)))
    if not np.isfinite(found.value):
        return Estimate(found.value, float("nan"), float("nan"), found.why)
    if len(np.unique(donors)) < FEWEST_DONORS:
        return Estimate(found.value, float("nan"), float("nan"), f"no interval: fewer than {FEWEST_DONORS} donors")
    low, high = resampled_interval(lambda rows: statistic(rows).value, donors, rng, resamples=resamples)
    return Estimate(found.value, low, high)
