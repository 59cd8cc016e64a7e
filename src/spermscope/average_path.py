"""A path without its beat: the average path of WHO, from which VAP, ALH, BCF and the WHO grade are read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def average_path(time_s: Floats, xy_um: Floats, window_s: float) -> Floats:
    """``(n, D)`` centred moving average of ``xy_um (n, D)`` over ``window_s``; its end samples count half (trapezoid).

    The window shrinks symmetrically towards both ends of the track, so the first and last points are the track's own.
    """
    n = len(xy_um)
    step_s = float(np.median(np.diff(time_s))) if n > 1 else window_s
    most = max(0, round(0.5 * window_s / step_s))
    reach = np.minimum(np.minimum(np.arange(n), np.arange(n)[::-1]), most)
    total = np.vstack([np.zeros((1, xy_um.shape[1])), np.cumsum(xy_um - xy_um[0], axis=0)])
    rows = np.arange(n)
    box = total[rows + reach + 1] - total[rows - reach]
    ends = xy_um[rows + reach] + xy_um[rows - reach] - 2 * xy_um[0]
    mean: Floats = (box - 0.5 * ends) / np.maximum(2 * reach, 1)[:, None]
    mean[reach == 0] = xy_um[reach == 0] - xy_um[0]
    path: Floats = mean + xy_um[0]
    return path
