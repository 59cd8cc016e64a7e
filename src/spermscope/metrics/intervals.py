"""95 % intervals by resampling donors, each with all his cells, which are alike; and raters where they change too."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from spermscope.metrics.distances import Floats

RESAMPLES = 2000
TAIL = 0.025


def bootstrap_interval(
    values: Floats, groups: NDArray[np.int64], rng: np.random.Generator, *, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % interval of the mean by resampling whole groups (donors); NaN without values.

    ``values (N,)``, ``groups (N,)``. Percentile interval, expanded for few groups (``tail``); with one group it has no
    width, which says nothing.
    """
    if len(values) != len(groups):
        raise ValueError(f"bootstrap: expected one group a value ({len(values)}), found {len(groups)}")
    if not len(values):
        return float("nan"), float("nan")
    _, member = np.unique(groups, return_inverse=True)
    total = np.bincount(member, values)
    count = np.bincount(member).astype(np.float64)
    picks = rng.integers(0, len(total), (resamples, len(total)))
    return _middle(total[picks].sum(axis=1) / count[picks].sum(axis=1), tail(len(total)))


def resampled_interval(
    statistic: Callable[[NDArray[np.int64]], float],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
) -> tuple[float, float]:
    """The same for a score that is no mean: ``statistic(rows)`` is computed anew from the rows of each resample.

    A group that is drawn twice has its rows twice. Resamples in which the score is undefined are left out.
    """
    if not len(groups):
        return float("nan"), float("nan")
    _, member = np.unique(groups, return_inverse=True)
    people = np.split(np.argsort(member, kind="stable"), np.cumsum(np.bincount(member))[:-1])
    picks = rng.integers(0, len(people), (resamples, len(people)))
    found = np.array([statistic(np.concatenate([people[person] for person in pick])) for pick in picks])
    return _middle(found, tail(len(people)))


def crossed_interval(values: Floats, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % interval of the mean of ``values (donors, raters)`` for other donors **and** other raters; NaN is left out.

    Both sides are resampled, each by itself (the pigeonhole bootstrap, Owen 2007): rather too wide than too narrow.
    """
    seen = np.isfinite(values)
    if not seen.any():
        return float("nan"), float("nan")
    donors, raters = (
        rng.multinomial(side, np.full(side, 1.0 / side), resamples).astype(np.float64) for side in values.shape
    )
    total = ((donors @ np.where(seen, values, 0.0)) * raters).sum(axis=1)
    count = ((donors @ seen.astype(np.float64)) * raters).sum(axis=1)
    return _middle(np.divide(total, count, out=np.full(resamples, np.nan), where=count > 0))


def tail(groups: int) -> float:
    """Share of the resamples beyond each end of a 95 % interval from so many groups; 0.025 of very many.

    Percentiles of n groups are too narrow by sqrt((n - 1) / n) and by what sets the normal's 1.96 apart from Student's
    t (the expanded percentile interval of Hesterberg 2015).
    """
    if groups < 2:
        return TAIL
    return float(ndtr(stdtrit(groups - 1, TAIL) * math.sqrt(groups / (groups - 1))))


def _middle(found: Floats, tail: float = TAIL) -> tuple[float, float]:
    defined = found[np.isfinite(found)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return float(low), float(high)
