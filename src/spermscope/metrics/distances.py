"""How far each item's predicted distribution of grades is from the experts'."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def mse(predicted: Floats, target: Floats) -> Floats:
    """Mean squared difference over the K bins, 0 .. 2/K."""
    return np.mean(apart(predicted, target) ** 2, axis=1)


def emd(predicted: Floats, target: Floats) -> Floats:
    """Earth mover's distance in grades (r = 1): sum of absolute differences of the cumulative shares, 0 .. K-1."""
    return np.abs(np.cumsum(apart(predicted, target), axis=1)).sum(axis=1)


def emd_rms(predicted: Floats, target: Floats) -> Floats:
    """Root of the mean squared difference of the cumulative shares (r = 2), the training loss; 0 .. sqrt(1 - 1/K)."""
    return np.sqrt(np.mean(np.cumsum(apart(predicted, target), axis=1) ** 2, axis=1))


def rps(predicted: Floats, target: Floats) -> Floats:
    """Ranked probability score: sum of squared differences of the cumulative shares, 0 .. K-1."""
    return np.sum(np.cumsum(apart(predicted, target), axis=1)[:, :-1] ** 2, axis=1)


def jsd(predicted: Floats, target: Floats) -> Floats:
    """Jensen-Shannon divergence in nats, symmetric, 0 .. ln 2."""
    middle = predicted - 0.5 * apart(predicted, target)
    divergence = 0.5 * (_relative(predicted, middle) + _relative(target, middle))
    return np.maximum(divergence, 0.0)  # rounding alone can make it negative


def histogram_intersection(predicted: Floats, target: Floats) -> Floats:
    """Sum of the smaller shares, 0 .. 1; one minus the total variation distance. Our "distribution accuracy"."""
    return 1.0 - 0.5 * np.abs(apart(predicted, target)).sum(axis=1)


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
    return np.abs(apart(predicted, target) @ np.arange(predicted.shape[1], dtype=np.float64))


def mean_grade(distribution: Floats) -> Floats:
    """``(N,)`` mean grade, 1 (best) .. K."""
    return 1.0 + distribution @ np.arange(distribution.shape[1], dtype=np.float64)


def entropy(distribution: Floats) -> Floats:
    """How far the raters are apart, in nats, 0 (one grade) .. ln K (all grades alike)."""
    logs = np.log(distribution, out=np.zeros_like(distribution), where=distribution > 0)
    return np.maximum(-np.sum(distribution * logs, axis=1), 0.0)


def apart(predicted: Floats, target: Floats) -> Floats:
    """Predicted minus target ``(N, K)``, once both are known to be distributions."""
    if predicted.ndim != 2 or predicted.shape != target.shape:
        raise ValueError(f"distributions: expected two of one shape (N, K), found {predicted.shape} and {target.shape}")
    for name, rows in (("predicted", predicted), ("target", target)):
        total = rows.sum(axis=1)
        bad = (np.abs(total - 1.0) > 1e-3) | (rows < 0).any(axis=1)  # NaN compares False
        if bad.any():
            raise ValueError(f"{name}: expected shares >= 0 that sum to 1, found {rows[np.argmax(bad)].tolist()}")
    return predicted - target


def known(predicted: Floats, target: Floats) -> NDArray[np.bool_]:
    """``(N,)`` whether both sides have a distribution."""
    return ~np.isnan(apart(predicted, target).sum(axis=1))


def _relative(p: Floats, q: Floats) -> Floats:
    ratio = np.divide(p, q, out=np.ones_like(p), where=(p > 0) & (q > 0))
    return np.sum(p * np.log(ratio), axis=1)


def _modes_within(predicted: Floats, target: Floats, grades: int) -> Floats:
    unknown = np.isnan(apart(predicted, target)).any(axis=1)
    hit = np.abs(modes(predicted) - modes(target)) <= grades
    return np.where(unknown, np.nan, hit)
