"""A picture to look at before a calibration is believed: what was measured, drawn over the micrometer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.micrometer import Divisions

MARK_BGR = (230, 120, 0)
Corners = tuple[tuple[float, float], tuple[float, float]]


def draw_divisions(image: NDArray[np.uint8], found: Divisions) -> NDArray[np.uint8]:
    """``(H, W, 3)``: a line over every line that was counted."""
    height, width = image.shape
    turn = np.radians(found.normal_deg)
    across, along = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    centre, reach = 0.5 * np.array([width - 1, height - 1]), float(np.hypot(height, width))
    ends = (
        (centre + place * across - reach * along, centre + place * across + reach * along) for place in found.places_px
    )
    return _drawn(image, [((float(a[0]), float(a[1])), (float(b[0]), float(b[1]))) for a, b in ends])


def draw_points(image: NDArray[np.uint8], points_px: tuple[float, float, float, float]) -> NDArray[np.uint8]:
    """``(H, W, 3)``: the line between the two points."""
    x1, y1, x2, y2 = points_px
    return _drawn(image, [((x1, y1), (x2, y2))])


def _drawn(image: NDArray[np.uint8], lines: list[Corners]) -> NDArray[np.uint8]:
    drawn = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for start, end in lines:
        first, last = (tuple(round(16 * value) for value in point) for point in (start, end))
        cv2.line(drawn, first, last, MARK_BGR, 1, cv2.LINE_AA, 4)
    return np.asarray(drawn, np.uint8)
