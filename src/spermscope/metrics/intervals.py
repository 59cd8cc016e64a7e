"""95 % intervals by resampling donors, each with all his cells, which are alike; and raters where they change too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spermscope.metrics.distances import Floats

RESAMPLES = 2000


def bootstrap_interval(
    values: Floats, groups: NDArray[np.int64], rng: np.random.Generator, *, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """95 % interval of the mean by resampling whole groups (donors); NaN without values.

    ``values (N,)``, ``groups (N,)``. Percentile interval; with one group it has no width, which says nothing.
    """
    if len(values) != len(groups):
        raise ValueError(f"bootstrap: expected one group a value ({len(values)}), found {len(groups)}")
    if not len(values):
        return float("nan"), float("nan")
    _, member = np.unique(groups, return_inverse=True)
    total = np.bincount(member, values)
    count = np.bincount(member).astype(np.float64)
    picks = rng.integers(0, len(total), (resamples, len(total)))
    return _middle(total[picks].sum(axis=1) / count[picks].sum(axis=1))


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
    return _middle(np.array([statistic(np.concatenate([people[person] for person in pick])) for pick in picks]))


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


def _middle(found: Floats) -> tuple[float, float]:
    defined = found[np.isfinite(found)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)
