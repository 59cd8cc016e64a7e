"""How far predicted distributions of grades are from the experts'; most functions give one value an item.

All take ``predicted (N, K)`` and ``target (N, K)``, rows over ordered grades (best first) that sum to 1, or NaN where
an item has no vote; its value is NaN then. No item gives an empty answer. Anything else is a ``ValueError``.
Definitions, ranges, tie rules and sources stand in ``docs/METRICS.md``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], Floats]


def mse(predicted: Floats, target: Floats) -> Floats:
    """Mean squared difference over the K bins, 0 .. 2/K."""
    return np.mean(_apart(predicted, target) ** 2, axis=1)


def emd(predicted: Floats, target: Floats) -> Floats:
    """Earth mover's distance in grades (r = 1): sum of absolute differences of the cumulative shares, 0 .. K-1."""
    return np.abs(np.cumsum(_apart(predicted, target), axis=1)).sum(axis=1)


def emd_rms(predicted: Floats, target: Floats) -> Floats:
    """Root of the mean squared difference of the cumulative shares (r = 2), the training loss; 0 .. sqrt(1 - 1/K)."""
    return np.sqrt(np.mean(np.cumsum(_apart(predicted, target), axis=1) ** 2, axis=1))


def rps(predicted: Floats, target: Floats) -> Floats:
    """Ranked probability score: sum of squared differences of the cumulative shares, 0 .. K-1."""
    return np.sum(np.cumsum(_apart(predicted, target), axis=1)[:, :-1] ** 2, axis=1)


def jsd(predicted: Floats, target: Floats) -> Floats:
    """Jensen-Shannon divergence in nats, symmetric, 0 .. ln 2."""
    middle = predicted - 0.5 * _apart(predicted, target)
    divergence = 0.5 * (_relative(predicted, middle) + _relative(target, middle))
    return np.maximum(divergence, 0.0)  # rounding alone can make it negative


def histogram_intersection(predicted: Floats, target: Floats) -> Floats:
    """Sum of the smaller shares, 0 .. 1; one minus the total variation distance. Our "distribution accuracy"."""
    return 1.0 - 0.5 * np.abs(_apart(predicted, target)).sum(axis=1)


def modes(distribution: Floats) -> NDArray[np.int64]:
    """Index of the most probable grade; a tie goes to the worse."""
    last = distribution.shape[1] - 1
    best: NDArray[np.int64] = last - np.argmax(distribution[:, ::-1], axis=1)
    return best


def mode_accuracy(predicted: Floats, target: Floats) -> Floats:
    """1 where the most probable grades agree, else 0; ties go to the worse grade on both sides."""
    return _modes_within(predicted, target, 0)


def near_accuracy(predicted: Floats, target: Floats) -> Floats:
    """1 where the most probable grades differ by at most one, else 0."""
    return _modes_within(predicted, target, 1)


def expected_error(predicted: Floats, target: Floats) -> Floats:
    """Absolute difference of the mean grades, 0 .. K-1."""
    return np.abs(_apart(predicted, target) @ np.arange(predicted.shape[1], dtype=np.float64))


def entropy(distribution: Floats) -> Floats:
    """How far the raters are apart, in nats, 0 (one grade) .. ln K (all grades alike)."""
    logs = np.log(distribution, out=np.zeros_like(distribution), where=distribution > 0)
    return np.maximum(-np.sum(distribution * logs, axis=1), 0.0)


def entropy_correlation(predicted: Floats, target: Floats) -> float:
    """Pearson's r of predicted and target entropy, -1 .. 1: whether the model knows what is disputed.

    NaN where either does not vary, or with fewer than two items.
    """
    keep = np.isfinite(_apart(predicted, target)).all(axis=1)
    ours, theirs = entropy(predicted[keep]), entropy(target[keep])
    if len(ours) < 2 or min(np.ptp(ours), np.ptp(theirs)) < 1e-12:
        return float("nan")
    return float(np.corrcoef(ours, theirs)[0, 1])


def mean_distribution(training: Floats, count: int) -> Floats:
    """``(count, K)``: the mean of the training labels for every item, the row that a model has to beat."""
    return np.tile(np.nanmean(training, axis=0), (count, 1))


def noise_floor(metric: Metric, target: Floats, raters: int, rng: np.random.Generator, *, draws: int = 20) -> float:
    """Mean score of the truth itself against labels of ``raters`` independent votes drawn from it.

    ``target`` stands for the truth. Where it is itself a label of ``raters`` votes, the floor of the MSE comes out a
    share ``1 / raters`` too low. A panel that is the same for every item scatters less than independent votes do.
    """
    if raters < 1:
        raise ValueError(f"noise floor: expected at least 1 rater, found {raters}")
    scores = [metric(target, rng.multinomial(raters, target) / raters).mean() for _ in range(draws)]
    return float(np.mean(scores))


def bootstrap_interval(
    values: Floats, groups: NDArray[np.int64], rng: np.random.Generator, *, resamples: int = 2000
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
    means = total[picks].sum(axis=1) / count[picks].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _apart(predicted: Floats, target: Floats) -> Floats:
    """Predicted minus target, once both are known to be distributions."""
    if predicted.ndim != 2 or predicted.shape != target.shape:
        raise ValueError(f"distributions: expected two of one shape (N, K), found {predicted.shape} and {target.shape}")
    for name, rows in (("predicted", predicted), ("target", target)):
        total = rows.sum(axis=1)
        bad = (np.abs(total - 1.0) > 1e-3) | (rows < 0).any(axis=1)  # NaN compares False
        if bad.any():
            raise ValueError(f"{name}: expected shares >= 0 that sum to 1, found {rows[np.argmax(bad)].tolist()}")
    return predicted - target


def _relative(p: Floats, q: Floats) -> Floats:
    ratio = np.divide(p, q, out=np.ones_like(p), where=(p > 0) & (q > 0))
    return np.sum(p * np.log(ratio), axis=1)


def _modes_within(predicted: Floats, target: Floats, grades: int) -> Floats:
    unknown = np.isnan(_apart(predicted, target)).any(axis=1)
    hit = np.abs(modes(predicted) - modes(target)) <= grades
    return np.where(unknown, np.nan, hit)
