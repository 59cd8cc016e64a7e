"""How far predicted distributions of grades are from the experts'; each function gives one value an item.

All take ``predicted (N, K)`` and ``target (N, K)``, rows over ordered grades that sum to 1. Definitions, ranges and
sources stand in ``docs/METRICS.md``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], Floats]


def mse(predicted: Floats, target: Floats) -> Floats:
    """Mean squared difference over the K bins, 0 .. 2/K."""
    return np.mean((predicted - target) ** 2, axis=1)


def emd(predicted: Floats, target: Floats) -> Floats:
    """Earth mover's distance in grades (r = 1): sum of absolute differences of the cumulative shares, 0 .. K-1."""
    return np.abs(np.cumsum(predicted - target, axis=1)).sum(axis=1)


def emd_rms(predicted: Floats, target: Floats) -> Floats:
    """Root of the mean squared difference of the cumulative shares (r = 2), the training loss; 0 .. 1."""
    return np.sqrt(np.mean(np.cumsum(predicted - target, axis=1) ** 2, axis=1))


def rps(predicted: Floats, target: Floats) -> Floats:
    """Ranked probability score: sum of squared differences of the cumulative shares, 0 .. K-1."""
    return np.sum(np.cumsum(predicted - target, axis=1)[:, :-1] ** 2, axis=1)


def jsd(predicted: Floats, target: Floats) -> Floats:
    """Jensen-Shannon divergence in nats, symmetric, 0 .. ln 2."""
    middle = 0.5 * (predicted + target)
    return 0.5 * (_relative(predicted, middle) + _relative(target, middle))


def _relative(p: Floats, q: Floats) -> Floats:
    ratio = np.divide(p, q, out=np.ones_like(p), where=(p > 0) & (q > 0))
    return np.sum(p * np.log(ratio), axis=1)


def histogram_intersection(predicted: Floats, target: Floats) -> Floats:
    """Sum of the smaller shares, 0 .. 1; one minus the total variation distance."""
    return np.minimum(predicted, target).sum(axis=1)


def modes(distribution: Floats) -> NDArray[np.int64]:
    """Index of the most probable grade; a tie goes to the worse."""
    last = distribution.shape[1] - 1
    best: NDArray[np.int64] = last - np.argmax(distribution[:, ::-1], axis=1)
    return best


def mode_accuracy(predicted: Floats, target: Floats) -> Floats:
    """1 where the most probable grades agree, else 0; ties go to the worse grade on both sides."""
    return (modes(predicted) == modes(target)).astype(np.float64)


def near_accuracy(predicted: Floats, target: Floats) -> Floats:
    """1 where the most probable grades differ by at most one, else 0."""
    return (np.abs(modes(predicted) - modes(target)) <= 1).astype(np.float64)


def expected_error(predicted: Floats, target: Floats) -> Floats:
    """Absolute difference of the mean grades, 0 .. K-1."""
    return np.abs((predicted - target) @ np.arange(predicted.shape[1], dtype=np.float64))


def noise_floor(metric: Metric, target: Floats, raters: int, rng: np.random.Generator, *, draws: int = 20) -> float:
    """Mean score of the truth itself against labels of ``raters`` votes: nothing can be better on such labels.

    ``target`` stands for the truth; the votes are drawn from it.
    """
    scores = [metric(target, rng.multinomial(raters, target) / raters).mean() for _ in range(draws)]
    return float(np.mean(scores))


def bootstrap_interval(
    values: Floats, groups: NDArray[np.int64], rng: np.random.Generator, *, resamples: int = 2000
) -> tuple[float, float]:
    """95 % interval of the mean by resampling whole groups (donors); NaN without values."""
    if not len(values):
        return float("nan"), float("nan")
    _, member = np.unique(groups, return_inverse=True)
    total = np.bincount(member, values)
    count = np.bincount(member).astype(np.float64)
    picks = rng.integers(0, len(total), (resamples, len(total)))
    means = total[picks].sum(axis=1) / count[picks].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
