"""A sample's motility: shares of cell-seconds in view by WHO grade, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WHO_GRADES = ("rapid", "slow", "non-progressive", "immotile")
LEAST_BLOCKS = 5
"""Blocks of which an interval is made: one block resampled is always itself, and would claim certainty."""
SUMS = {"progressive": ("rapid", "slow"), "motile": ("rapid", "slow", "non-progressive")}


@dataclass(frozen=True, slots=True)
class MotilityShares:
    """Shares in 0..1 by name (the four grades, ``progressive``, ``motile``), each with its 95 % interval.

    ``graded_s`` are the cell-seconds that the shares are of; ``ungraded_s`` those of tracks too short for a grade.
    Without graded cell-seconds every share is NaN; the intervals are too where fewer than ``LEAST_BLOCKS`` blocks hold
    graded cell-seconds, and ``no_interval`` says so.
    """

    share: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    graded_s: float
    ungraded_s: float
    no_interval: str = ""


def motility_shares(
    who: Sequence[str], seconds: NDArray[np.float64], rng: np.random.Generator, *, resamples: int = 2000
) -> MotilityShares:
    """Shares of cell-seconds.

    Cell-seconds, not tracks: a cell that is lost and found again, or swims through quickly, must not count more than
    one that stays. The interval resamples whole blocks (fields, or stretches of time), never tracks; blocks of one
    field share their immotile cells, so with one field it is a lower bound of the doubt.

    Parameters
    ----------
    who
        M WHO grades, '' where a track has none.
    seconds
        ``(M, B)`` observed cell-seconds of each track in each block.

    Raises
    ------
    ValueError
        When the numbers of tracks disagree.
    """
    if len(who) != len(seconds):
        raise ValueError(f"motility: expected a grade for each of {len(seconds)} tracks, found {len(who)}")
    label = np.array([WHO_GRADES.index(grade) if grade else -1 for grade in who], np.int64)
    by_block = np.array([seconds[label == grade].sum(axis=0) for grade in range(len(WHO_GRADES))])
    by_block = by_block.reshape(len(WHO_GRADES), -1)
    ungraded_s = float(seconds[label < 0].sum())
    names = (*WHO_GRADES, *SUMS)
    if not by_block.sum() > 0:
        nothing = dict.fromkeys(names, float("nan"))
        return MotilityShares(nothing, dict(nothing), dict(nothing), 0.0, ungraded_s)
    filled = int((by_block.sum(axis=0) > 0).sum())
    point = dict(zip(names, _shares(by_block.sum(axis=1)[None])[0].tolist(), strict=True))
    if filled < LEAST_BLOCKS:
        nothing = dict.fromkeys(names, float("nan"))
        reason = f"not computed: {filled} blocks of a second or more are below {LEAST_BLOCKS}"
        return MotilityShares(point, nothing, dict(nothing), float(by_block.sum()), ungraded_s, reason)
    picks = rng.integers(0, by_block.shape[1], (resamples, by_block.shape[1]))
    drawn = _shares(by_block[:, picks].sum(axis=2).T)
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    lows, highs = (dict(zip(names, row.tolist(), strict=True)) for row in (low, high))
    return MotilityShares(point, lows, highs, float(by_block.sum()), ungraded_s)


def _shares(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(R, 4)`` cell-seconds to ``(R, 6)`` shares; NaN where a row is empty."""
    total = seconds.sum(axis=1, keepdims=True)
    four = np.divide(seconds, total, out=np.full_like(seconds, np.nan), where=total > 0)
    sums = [four[:, [WHO_GRADES.index(grade) for grade in grades]].sum(axis=1) for grades in SUMS.values()]
    return np.column_stack([four, *sums])
