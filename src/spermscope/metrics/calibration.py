"""Whether predicted shares can be taken at their word: soft-label calibration error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spermscope.metrics.distances import Floats, known

BINS = 10


def calibration_error(predicted: Floats, target: Floats, donor: NDArray[np.int64], *, bins: int = BINS) -> float:
    """Root of the mean squared gap between predicted and voted share, over grades and bins; 0 .. 1.

    Every grade's items fall by predicted share into ``bins`` bins of about equal size (equal shares share a bin), as
    many as leave 20 items in each. A bin's squared gap is the mean product of the gaps of two of its items from
    **different donors** ``(N,)``: what chance adds to a square cancels, in votes and in donors alike (Kumar et al. 2019
    subtract it for independent items). Bins weigh by their items; one with a single donor says nothing. A sum below
    zero counts as 0; NaN where no bin says anything.
    """
    keep = known(predicted, target)
    if not keep.any():
        return float("nan")
    shares, gaps = predicted[keep], target[keep] - predicted[keep]
    people, member = np.unique(donor[keep], return_inverse=True)
    bins = max(1, min(bins, len(shares) // 20))
    shape = shares.shape[1] * bins, len(people)
    cell = _bins(shares, bins) * len(people) + member[:, None]
    size = np.bincount(cell.ravel(), minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    total = np.bincount(cell.ravel(), gaps.ravel(), minlength=shape[0] * shape[1]).reshape(shape)
    pairs = size.sum(axis=1) ** 2 - (size**2).sum(axis=1)
    products = total.sum(axis=1) ** 2 - (total**2).sum(axis=1)
    used = pairs > 0
    if not used.any():
        return float("nan")
    square = np.average(products[used] / pairs[used], weights=size.sum(axis=1)[used])
    return float(np.sqrt(max(0.0, square)))


def calibration_curve(predicted: Floats, target: Floats, *, bins: int = BINS) -> Floats:
    """``(K, bins, 2)`` mean predicted and mean voted share of the items in each bin of each grade.

    The bins are those of ``calibration_error``; as many as there are, NaN where one is empty, no bins without items.
    """
    keep = known(predicted, target)
    bins, grades = max(1, min(bins, int(keep.sum()) // 20)), predicted.shape[1]
    if not keep.any():
        return np.empty((grades, 0, 2))
    cell = _bins(predicted[keep], bins).ravel()
    size = np.bincount(cell, minlength=grades * bins)
    sides = [np.bincount(cell, side[keep].ravel(), minlength=grades * bins) for side in (predicted, target)]
    total = np.stack(sides, axis=1)
    mean: Floats = np.divide(total, size[:, None], out=np.full_like(total, np.nan), where=size[:, None] > 0)
    return mean.reshape(grades, bins, 2)


def _bins(shares: Floats, bins: int) -> NDArray[np.int64]:
    """``(N, K)`` bin of every share, counted through the grades; a bin's upper edge is the last of its N / bins."""
    edges = np.sort(shares, axis=0)[np.arange(1, bins) * len(shares) // bins - 1]
    place = np.stack([np.searchsorted(edges[:, grade], shares[:, grade]) for grade in range(shares.shape[1])], axis=1)
    numbered: NDArray[np.int64] = place + bins * np.arange(shares.shape[1])
    return numbered
