"""One number that makes a model as sure as its validation votes allow (Guo et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax

Floats = NDArray[np.float64]
Loss = Callable[[Floats, Floats], Floats]

LOWEST, HIGHEST = 0.05, 20.0


def tempered(logits: Floats, temperature: float = 1.0) -> Floats:
    """``(N, M, K)`` logits of M heads to ``(N, K)``: the mean over heads of the softmax of logits / temperature."""
    shares: Floats = softmax(logits / temperature, axis=2).mean(axis=1)
    return shares


def fit_temperature(logits: Floats, target: Floats, loss: Loss) -> float:
    """The temperature, 0.05 .. 20, at which the mean ``loss(predicted, target) (N,)`` is least.

    ``logits (N, M, K)`` and ``target (N, K)`` are of **validation** donors; items without a label (NaN) are left out.
    Above 1 the model was too sure. A loss that still falls at an end of the range gives that end. The mode of a single
    head stays what it was; of the mean of several it may move.

    Raises
    ------
    ValueError
        When shapes do not fit, a logit is not finite, or no item has a label.
    """
    if logits.ndim != 3 or target.shape != (len(logits), logits.shape[2]):
        raise ValueError(
            f"temperature: expected logits (N, M, K) and target (N, K), found {logits.shape} and {target.shape}"
        )
    seen = np.isfinite(target).all(axis=1)
    if not seen.any():
        raise ValueError("temperature: expected labels to fit it on, found none")
    if not np.isfinite(logits[seen]).all():
        raise ValueError("temperature: expected finite logits, found others")

    def cost(log_temperature: float) -> float:
        return float(loss(tempered(logits[seen], float(np.exp(log_temperature))), target[seen]).mean())

    grid = np.linspace(
        np.log(LOWEST), np.log(HIGHEST), 41
    )  # a loss may have several valleys: look everywhere, then refine
    costs = [cost(place) for place in grid]
    best = int(np.argmin(costs))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x if found.fun < costs[best] else grid[best]))
