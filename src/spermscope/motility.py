"""A sample's motility: shares of cell-seconds in view by WHO grade and of hyperactivated cells, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WHO_GRADES = ("rapid", "slow", "non-progressive", "immotile")
LEAST_BLOCKS = 5
"""Blocks of which an interval is made: one block resampled is always itself, and would claim certainty."""
SUMS = {"progressive": ("rapid", "slow"), "motile": ("rapid", "slow", "non-progressive")}
CALLS = ("yes", "no")


@dataclass(frozen=True, slots=True)
class MotilityShares:
    """Shares in 0..1 by name (the four grades, ``progressive``, ``motile``; or the calls), each with its 95 % interval.

    ``graded_s`` are the cell-seconds that the shares are of; ``ungraded_s`` those of tracks without a grade or call.
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
    return _shares_of(who, WHO_GRADES, SUMS, seconds, rng, resamples)


def hyperactivated_shares(
    called: Sequence[str], seconds: NDArray[np.float64], rng: np.random.Generator, *, resamples: int = 2000
) -> MotilityShares:
    """Shares ``yes`` and ``no`` of the cell-seconds of all cells that were called, immotile ones included.

    Parameters, blocks and errors as in ``motility_shares``; ``called`` is '' where a track could not be called.
    """
    return _shares_of(called, CALLS, {}, seconds, rng, resamples)


def _shares_of(
    labels: Sequence[str],
    names: tuple[str, ...],
    sums: Mapping[str, tuple[str, ...]],
    seconds: NDArray[np.float64],
    rng: np.random.Generator,
    resamples: int,
) -> MotilityShares:
    if len(labels) != len(seconds):
        raise ValueError(f"motility: expected a grade for each of {len(seconds)} tracks, found {len(labels)}")
    row = np.array([names.index(label) if label else -1 for label in labels], np.int64)
    by_block = np.array([seconds[row == number].sum(axis=0) for number in range(len(names))]).reshape(len(names), -1)
    adding = np.array([[name == part or name in sums.get(part, ()) for name in names] for part in (*names, *sums)])
    graded_s, ungraded_s = float(by_block.sum()), float(seconds[row < 0].sum())
    nothing = dict.fromkeys((*names, *sums), float("nan"))
    if not graded_s > 0:
        return MotilityShares(nothing, nothing, nothing, 0.0, ungraded_s)
    point = dict(zip(nothing, _shares(by_block.sum(axis=1)[None], adding)[0].tolist(), strict=True))
    filled = int((by_block.sum(axis=0) > 0).sum())
    if filled < LEAST_BLOCKS:
        reason = f"not computed: {filled} blocks of a second or more are below {LEAST_BLOCKS}"
        return MotilityShares(point, nothing, nothing, graded_s, ungraded_s, reason)
    picks = rng.integers(0, by_block.shape[1], (resamples, by_block.shape[1]))
    drawn = _shares(by_block[:, picks].sum(axis=2).T, adding)
    ends = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    low, high = (dict(zip(nothing, end.tolist(), strict=True)) for end in ends)
    return MotilityShares(point, low, high, graded_s, ungraded_s)


def _shares(seconds: NDArray[np.float64], adding: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``(R, N)`` cell-seconds to ``(R, M)`` shares, sums of the parts that ``adding (M, N)`` names; NaN where empty."""
    total = seconds.sum(axis=1, keepdims=True)
    parts = np.divide(seconds, total, out=np.full_like(seconds, np.nan), where=total > 0)
    shares: NDArray[np.float64] = parts @ adding.T
    return shares
