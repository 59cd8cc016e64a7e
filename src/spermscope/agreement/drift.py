"""Whether grades or the time that they take change from block to block: raters tire, and find their scale late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.agreement.coefficient import Coefficient, Estimate, Floats, Ints, estimate, undefined
from spermscope.agreement.severity import severities
from spermscope.labels import MISSING
from spermscope.metrics.intervals import RESAMPLES


@dataclass(frozen=True, slots=True)
class Drift:
    """By rater and block, ``(R, blocks)``; NaN where he gave none there.

    ``harshness`` is how many grades worse he voted on the clips of the block than the others did, less the same over
    all blocks; ``time_s`` the median time of a vote. ``trend`` is the panel's change in grades a block, ``slopes`` and
    ``errors (R,)`` each rater's with its standard error.
    """

    harshness: Floats
    time_s: Floats
    trend: Estimate
    slopes: Floats
    errors: Floats

    @property
    def panel(self) -> Floats:
        """``(blocks,)`` mean harshness over raters."""
        return _means(self.harshness)

    @property
    def panel_time_s(self) -> Floats:
        """``(blocks,)`` mean over raters of their median times."""
        return _means(self.time_s)


def drift(
    votes: Ints, blocks: Ints, time_s: Floats, donors: Ints, rng: np.random.Generator, *, resamples: int = RESAMPLES
) -> Drift:
    """The drift of ``votes (N, R)`` given in ``blocks (N, R)``, from 0 (-1: not shown), after ``time_s (N, R)``.

    A clip is its own measure: others saw it in other blocks. So only where orders differ between raters is anything
    seen, and what is common to all of them is found as well.
    """
    left, when = against_the_rest(votes, blocks)
    count = int(blocks.max(initial=-1)) + 1
    slopes, errors = _own_slopes(left, when)
    return Drift(
        harshness=_by_block(left, blocks, count, np.mean),
        time_s=_by_block(time_s, blocks, count, np.median),
        trend=estimate(lambda rows: _slope(left[rows], when[rows]), donors, rng, resamples=resamples),
        slopes=slopes,
        errors=errors,
    )


def against_the_rest(votes: Ints, blocks: Ints) -> tuple[Floats, Floats]:
    """``(N, R)`` each vote less the mean of the others on that clip, and so with the blocks; mean 0 for each rater.

    What raters differ by over all blocks is taken off. NaN where he or all others gave no vote.
    """
    effect, _ = severities(votes)
    given = (votes != MISSING) & (blocks >= 0)
    milder = votes.astype(np.float64) - np.nan_to_num(effect)
    left, when = _less_others(milder, given), _less_others(blocks.astype(np.float64), given)
    return left - _means(left), when - _means(when)


def _means(values: Floats) -> Floats:
    """``(R,)`` of what is known of each column; NaN where nothing is."""
    seen = np.isfinite(values)
    count = seen.sum(axis=0)
    return np.divide(np.where(seen, values, 0.0).sum(axis=0), count, out=np.full(len(count), np.nan), where=count > 0)


def _less_others(values: Floats, given: NDArray[np.bool_]) -> Floats:
    kept = np.where(given, values, 0.0)
    others = given.sum(axis=1, keepdims=True) - 1
    rest = np.divide(kept.sum(axis=1, keepdims=True) - kept, others, out=np.full(kept.shape, np.nan), where=others > 0)
    return np.where(given, values - rest, np.nan)


def _by_block(values: Floats, blocks: Ints, count: int, middle: Callable[[Floats], np.floating]) -> Floats:
    found = np.full((values.shape[1], count), np.nan)
    for rater, block in np.ndindex(found.shape):
        own = values[blocks[:, rater] == block, rater]
        own = own[np.isfinite(own)]
        if len(own):
            found[rater, block] = middle(own)
    return found


def _slope(left: Floats, when: Floats) -> Coefficient:
    """Grades a block, by least squares through the origin: both sides are differences from the rest."""
    seen = np.isfinite(left) & np.isfinite(when)
    spread = float((when[seen] ** 2).sum())
    if not spread:
        return undefined("not computed: all raters saw each clip in the same block")
    return Coefficient(float((left[seen] * when[seen]).sum()) / spread)


def _own_slopes(left: Floats, when: Floats) -> tuple[Floats, Floats]:
    """``(R,)`` each rater's slope by least squares and its standard error; NaN with fewer than three votes."""
    seen = np.isfinite(left) & np.isfinite(when)
    y, x, count = np.where(seen, left, 0.0), np.where(seen, when, 0.0), seen.sum(axis=0)
    spread = np.where((count > 2) & ((x**2).sum(axis=0) > 0), (x**2).sum(axis=0), np.nan)
    slopes = (x * y).sum(axis=0) / spread
    rest = ((y - slopes * x) ** 2).sum(axis=0) / np.where(count > 2, count - 2, np.nan)
    return slopes, np.sqrt(rest / spread)
