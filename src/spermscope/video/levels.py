"""Which source levels become black and white when more than 8 bits are brought down to 8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spermscope.types import Array

TAIL = 0.001
"""Share of the pixels at each end that does not count: hot and dead pixels."""
HEADROOM = 0.15
"""Of the range found, added at both ends: a cell brighter than any in the probe must not saturate."""


def find_levels(images: Sequence[Array]) -> tuple[float, float]:
    """Black and white level of ``images`` (each ``(H, W)`` of ``uint8`` or ``uint16``).

    8-bit pictures keep their levels: (0, 255). So do 16-bit pictures that use 8 bits only. For the others the range
    between the ``TAIL`` quantiles, widened by ``HEADROOM`` and to 255 levels at least, so that nothing is amplified
    beyond the camera's own steps.
    """
    if all(image.dtype == np.uint8 for image in images):
        return 0.0, 255.0
    counts = np.zeros(65536, np.int64)
    for image in images:
        counts += np.bincount(image.ravel(), minlength=65536)
    share = np.cumsum(counts) / counts.sum()
    low, high = float(np.searchsorted(share, TAIL)), float(np.searchsorted(share, 1.0 - TAIL))
    if np.flatnonzero(counts)[-1] <= 255:
        return 0.0, 255.0
    half = max((0.5 + HEADROOM) * (high - low), 127.5)
    middle = np.clip((low + high) / 2, half, 65535.0 - half) if half < 32767.5 else 32767.5
    return max(float(middle - half), 0.0), min(float(middle + half), 65535.0)


def level_table(black: float, white: float) -> NDArray[np.uint8]:
    """``(65536,) uint8``: the straight line from ``black`` = 0 to ``white`` = 255, clipped."""
    levels = (np.arange(65536) - black) * (255.0 / (white - black))
    table: NDArray[np.uint8] = np.floor(np.clip(levels, 0, 255) + 0.5).astype(np.uint8)  # ties go one way
    return table
