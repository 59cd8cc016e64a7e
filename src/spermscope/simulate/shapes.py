"""The thickness map of cells: heads, midpieces, droplets and tails, drawn in um with soft edges.

Thickness is relative: 1 at the middle of a typical head (about 1 um of dense matter); a midpiece is near 0.6 and a
principal piece of tail near 0.35, both thinner than the microscope resolves.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.simulate.cells import Cells, Floats
from spermscope.simulate.swimmers import MIDPIECE_UM, Pose

Image = NDArray[np.float32]
_SHIFT = 4
_FULL = 200.0
"""Grey level in the 8-bit drawing of lines that stands for thickness 1."""


def draw_cells(
    canvas: Image, cells: Cells, pose: Pose, origin_um: tuple[float, float], um_per_px: float, thin: float = 1.0
) -> None:
    """Add the cells to ``canvas (H, W)`` whose pixel (0, 0) lies at ``origin_um``; tails count ``thin`` times."""
    lines = np.zeros(canvas.shape, np.uint8)
    for row in range(len(cells)):
        _draw_tail(lines, cells, pose, row, origin_um, um_per_px)
    canvas += lines.astype(np.float32) * np.float32(thin / _FULL)
    for row in range(len(cells)):
        centre = ((pose.x_um[row] - origin_um[0]) / um_per_px, (pose.y_um[row] - origin_um[1]) / um_per_px)
        _draw_head(canvas, cells, row, centre, np.radians(pose.heading_deg[row]), um_per_px)
        if cells.droplet_um[row] > 0:
            neck = (pose.tail_um[row, 2] - origin_um) / um_per_px
            add_disc(canvas, (neck[0], neck[1]), 0.5 * cells.droplet_um[row] / um_per_px, 0.55)


def _draw_tail(
    lines: NDArray[np.uint8], cells: Cells, pose: Pose, row: int, origin_um: tuple[float, float], um_per_px: float
) -> None:
    if cells.tail_length_um[row] <= 0:
        return
    points = np.rint((pose.tail_um[row] - origin_um) / um_per_px * (1 << _SHIFT)).astype(np.int32)
    share = cells.thickness[row] * _FULL * 0.35
    # A line one pixel wide stands for 0.5 um of tail: finer pixels draw it wider, coarser ones fainter.
    width = max(1, round(0.5 / um_per_px))
    faint = min(1.0, 0.5 / um_per_px)
    cv2.polylines(lines, [points[:, None]], False, int(share * faint), width, cv2.LINE_AA, _SHIFT)
    middle = max(2, round(len(points) * MIDPIECE_UM / max(cells.tail_length_um[row], MIDPIECE_UM)) + 1)
    thick = cells.midpiece_um[row] / um_per_px
    strong = int(np.clip(cells.thickness[row] * _FULL * 0.6 * min(1.0, thick), 0, 255))
    cv2.polylines(lines, [points[:middle, None]], False, strong, max(1, round(thick)), cv2.LINE_AA, _SHIFT)


def _draw_head(
    canvas: Image, cells: Cells, row: int, centre: tuple[float, float], heading: float, um_per_px: float
) -> None:
    length, width = cells.head_length_um[row], cells.head_width_um[row]
    reach = int(np.ceil(0.75 * length / um_per_px)) + 2
    window = _window(canvas, centre, reach)
    if window is None:
        return
    rows, columns = window
    y, x = np.mgrid[rows, columns].astype(np.float32)
    dx, dy = (x - centre[0]) * um_per_px, (y - centre[1]) * um_per_px
    along = dx * np.cos(heading) + dy * np.sin(heading)
    across = -dx * np.sin(heading) + dy * np.cos(heading)
    u = along / (0.5 * length)
    half = 0.5 * width * (1.0 + 0.45 * cells.head_taper[row] * np.clip(u, -1.2, 1.2))
    v = across / np.maximum(half, 0.2)
    radius = np.sqrt(u * u + v * v)
    rough = cells.head_roughness[row]
    if rough > 0:
        angle = np.arctan2(v, u)
        # The outline hangs on the cell itself, not on its row: rows change as others come and go.
        own = 1e3 * length
        radius = radius * (1.0 + rough * (0.22 * np.sin(2 * angle + own) + 0.18 * np.sin(3 * angle + 2.1 * own)))
    dome = np.sqrt(np.clip(1.0 - radius * radius, 0.0, 1.0))
    edge = np.clip((1.0 - radius) * 0.5 * width / um_per_px + 0.5, 0.0, 1.0)
    head = (0.35 + 0.65 * dome) * edge
    if cells.vacuole[row] > 0.01:
        size = np.sqrt(cells.vacuole[row] * length * width) * 0.5
        spot = np.exp(-((along - 0.18 * length) ** 2 + (across - 0.1 * width) ** 2) / (2 * (0.75 * size) ** 2))
        head *= 1.0 - 0.85 * spot
    canvas[rows, columns] += (cells.thickness[row] * head).astype(np.float32)


def upright_boxes(length: Floats, width: Floats, turn: Floats) -> Floats:
    """``(N, 2)`` width and height of the upright box round an ellipse that is turned by ``turn`` radians."""
    across, down = np.cos(turn), np.sin(turn)
    return np.column_stack([np.hypot(length * across, width * down), np.hypot(length * down, width * across)])


def add_disc(canvas: Image, centre: tuple[float, float], radius_px: float, thickness: float) -> None:
    """Add a domed disc with a soft edge; nothing when it lies outside."""
    window = _window(canvas, centre, int(np.ceil(radius_px)) + 2)
    if window is None:
        return
    rows, columns = window
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(centre[1])
    x = np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(centre[0])
    square = x * x + y * y
    dome = np.sqrt(np.maximum(1.0 - square / np.float32(radius_px**2), 0.0))
    edge = np.minimum(np.maximum(np.float32(radius_px + 0.5) - np.sqrt(square), 0.0), 1.0)
    canvas[rows, columns] += (thickness * (0.3 + 0.7 * dome) * edge).astype(np.float32)


def _window(canvas: Image, centre: tuple[float, float], reach: int) -> tuple[slice, slice] | None:
    height, width = canvas.shape
    x, y = round(centre[0]), round(centre[1])
    left, right, top, bottom = (
        max(0, x - reach),
        min(width, x + reach + 1),
        max(0, y - reach),
        min(height, y + reach + 1),
    )
    if left >= right or top >= bottom:
        return None
    return slice(top, bottom), slice(left, right)
