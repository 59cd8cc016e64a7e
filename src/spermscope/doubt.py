"""A model's own doubt: how far its expected grade is off, told by how far its heads lie apart.

Heads on one trunk share what the trunk has missed. So they lie apart far less than they are off together, but more
where they are off more: a power law between the two, fitted on donors held back, says how much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

LEAST = 1e-4
"""Grades; heads nearer than this lie at one place, and nobody is surer than this."""
STEEPEST = 2.0
FEWEST = 50
"""Cells; fewer say nothing of how doubt rises."""


def heads_apart(shares: Floats) -> Floats:
    """``(N,)`` standard deviation of the expected grade over the M heads of ``shares (N, M, K)``, in grades."""
    spread: Floats = (shares @ np.arange(1.0, shares.shape[2] + 1.0)).std(axis=1)
    return spread


def chance(target: Floats, raters: NDArray[np.int64]) -> Floats:
    """``(N,)`` variance of a mean grade that so few votes bring: of each row of shares, by its number of votes."""
    grades = np.arange(1.0, target.shape[1] + 1.0)
    variance: Floats = (target @ grades**2 - (target @ grades) ** 2) / np.maximum(raters, 1)
    return variance


@dataclass(frozen=True, slots=True)
class Doubt:
    """``scale * spread ** power``, in grades: the standard error of the expected grade where heads lie so far apart.

    As it stands: the spread itself, of a model whose card says nothing.
    """

    scale: float = 1.0
    power: float = 1.0

    @classmethod
    def of_card(cls, constants: Mapping[str, Any]) -> Self:
        """What a card's constants say, ``doubt: [scale, power]``."""
        return cls(*np.ravel(constants["doubt"]).tolist()) if "doubt" in constants else cls()

    @property
    def constant(self) -> list[float]:
        """As a card holds it."""
        return [self.scale, self.power]

    def of(self, spread: Floats) -> Floats:
        """``(N,)`` for spreads ``(N,)``."""
        doubt: Floats = self.scale * spread**self.power
        return doubt


def fit_doubt(spread: Floats, off: Floats, variance: Floats) -> Doubt:
    """The power law under which errors are likeliest: Gaussian, of variance ``doubt^2 + variance``.

    ``spread``, ``off`` (expected grade less the votes' mean) and ``variance`` (``chance`` of the votes) are ``(N,)``,
    of donors who taught the heads nothing. Where heads never lie apart, or of fewer than fifty cells, the doubt is the
    same for all cells.

    Raises
    ------
    ValueError
        When there is no cell, or a number is not finite.
    """
    if not len(off) or not np.isfinite([spread, off, variance]).all():
        raise ValueError(f"doubt: expected finite errors of cells held back, found {len(off)} with others")
    log_spread = np.log(np.maximum(spread, LEAST))
    middle, told = float(log_spread.mean()), float(np.ptp(spread)) > LEAST and len(off) >= FEWEST

    def unlikely(line: Floats) -> float:
        return float(surprise(np.exp(line[0] + line[1] * (log_spread - middle)), off, variance).mean())

    own = float(np.mean(off**2 - variance))
    start = np.array([0.5 * np.log(max(own, LEAST**2)), 0.25 * STEEPEST * told])
    bounds = [(2.0 * np.log(LEAST), None), (0.0, STEEPEST * told)]
    height, power = minimize(unlikely, start, method="L-BFGS-B", bounds=bounds).x.tolist()
    return Doubt(round(float(np.exp(height - power * middle)), 5), round(power, 5))


def surprise(doubt: Floats, off: Floats, variance: Floats) -> Floats:
    """``(N,)`` how unlikely each error is under its doubt, in nats: Gaussian, of variance ``doubt^2 + variance``.

    A proper score: least on average where the doubt is right. A constant is left out.
    """
    whole = doubt**2 + variance + LEAST**2
    nats: Floats = 0.5 * (np.log(whole) + off**2 / whole)
    return nats


def kept(doubt: Floats, off: Floats, variance: Floats) -> NDArray[np.bool_]:
    """``(N,)`` does the votes' mean lie within a standard error of the expected grade: 68 % where doubt is right."""
    within: NDArray[np.bool_] = np.abs(off) <= np.sqrt(doubt**2 + variance)
    return within
