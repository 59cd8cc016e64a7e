"""A track's WHO grade: where its head goes in a second, and whether head or tail moves where it goes nowhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spermscope.average_path import average_path
from spermscope.settings import KinematicsSettings

Floats = NDArray[np.float64]
LEFT_OUT, LEAST_POINTS = 5, 3
"""Of so many points in a window the farthest is left out of its scatter; fewer points than these have none."""
ROUNDING_UM = 1e-4
"""Less than any picture resolves and more than floating point loses: a distance this near to a limit has reached it."""


def who_motility(
    time_s: Floats, xy_um: Floats, settings: KinematicsSettings | None = None, tail_movement: float = float("nan")
) -> str:
    """WHO 6th edition grade of a track of at least one second; '' where its points are too few to tell.

    Distance from start to end of one-second windows on the average path, the median over all windows: ``rapid`` from
    25 um, ``slow`` from 5 um (``ROUNDING_UM`` below either still counts), else ``non-progressive`` if head or tail
    moves at all and ``immotile`` if neither does. A head moves when it goes somewhere or when its scatter about a
    straight second exceeds what localisation explains, a tail when ``tail_movement`` (NaN: not known) exceeds what
    immotile cells show.
    """
    rules = settings or KinematicsSettings()
    gone_um = _gone_um(time_s, xy_um, rules)
    if np.isnan(gone_um):
        return ""
    if gone_um >= rules.rapid_um_s * rules.who_s - ROUNDING_UM:
        return "rapid"
    if gone_um >= rules.slow_um_s * rules.who_s - ROUNDING_UM:
        return "slow"
    if gone_um > rules.still_um_s * rules.who_s + ROUNDING_UM:
        return "non-progressive"
    twitch = twitch_um(time_s, xy_um, rules.who_s)
    if np.isnan(twitch):
        return ""
    return "non-progressive" if twitch > rules.still_um or tail_movement > rules.tail_ratio else "immotile"


def _gone_um(time_s: Floats, xy_um: Floats, rules: KinematicsSettings) -> float:
    """Median distance from start to end of windows of ``who_s`` on the average path; NaN where none is so long.

    Times are averaged as places are, so that on uneven times a steady swimmer's average points lie on its line.
    """
    mean = average_path(time_s, np.column_stack([xy_um, time_s]), rules.slow_window_s)
    path, when_s = mean[:, :2], mean[:, 2]
    starts = np.flatnonzero(when_s <= when_s[-1] - rules.who_s + 1e-6)
    if not len(starts):
        return float("nan")
    later_s = when_s[starts] + rules.who_s
    ends = np.column_stack([np.interp(later_s, when_s, path[:, axis]) for axis in (0, 1)])
    return float(np.median(np.hypot(*(ends - path[starts]).T)))


def twitch_um(time_s: Floats, xy_um: Floats, window_s: float = 1.0) -> float:
    """How far the head moves about where it goes, um: tells a cell that twitches in place from one that drifts.

    Median over half-overlapping windows of the root mean square distance from a straight line in time; NaN where no
    window holds ``LEAST_POINTS``.

    The farthest fifth of a window's points is left out: a neighbour that passes and shows as one with the head pulls it
    aside for a moment, and that is not its own movement.
    """
    starts_s = np.arange(time_s[0], time_s[-1] - window_s + 1e-6, 0.5 * window_s)
    first = np.searchsorted(time_s, starts_s - 1e-9)
    counts = np.searchsorted(time_s, starts_s + window_s + 1e-9, side="right") - first
    spreads = [
        _spreads(time_s[rows], xy_um[rows])
        for count in np.unique(counts[counts >= LEAST_POINTS]).tolist()
        for rows in [first[counts == count, None] + np.arange(count)]
    ]
    return float(np.median(np.concatenate(spreads))) if spreads else float("nan")


def _spreads(time_s: Floats, xy_um: Floats) -> Floats:
    """``(W,)`` of ``(W, n)`` times and ``(W, n, 2)`` places: the scatter of each window's nearest four fifths."""
    count = time_s.shape[1]
    kept = np.argsort(_off_line2(time_s, xy_um), axis=1)[:, : count - count // LEFT_OUT]
    near = np.take_along_axis(time_s, kept, 1), np.take_along_axis(xy_um, kept[:, :, None], 1)
    found: Floats = np.sqrt(_off_line2(*near).mean(axis=1))
    return found


def _off_line2(time_s: Floats, xy_um: Floats) -> Floats:
    """``(W, n)`` squared distances from the straight line in time that fits each window best (least squares)."""
    t = time_s - time_s.mean(axis=1, keepdims=True)
    off = xy_um - xy_um.mean(axis=1, keepdims=True)
    slope = (t[:, :, None] * off).sum(axis=1) / (t**2).sum(axis=1)[:, None]
    found: Floats = ((off - t[:, :, None] * slope[:, None]) ** 2).sum(axis=2)
    return found
