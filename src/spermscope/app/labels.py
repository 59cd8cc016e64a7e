"""Where labels stand: beside their cells, on no cell, on no other label, inside the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GAP_PX = 5.0
"""Between a cell's marks and a label beside them."""
_SIDES = np.array([(1, 0), (1, -1), (1, 1), (-1, 0), (-1, -1), (-1, 1), (0, -1), (0, 1)], np.float64)
_RINGS = (0.0, 1.0, 2.2, 4.0)
"""How much farther off, in heights of the label, when nearer places are taken."""
PLACES = len(_SIDES) * len(_RINGS)


@dataclass(frozen=True, slots=True)
class Placed:
    """``xy_px (N, 2)`` top left corners, NaN where every place was taken; ``place (N,)`` which one, -1 for none."""

    xy_px: Floats
    place: NDArray[np.int64]


def place_labels(boxes: Floats, sizes: Floats, bounds: Floats, before: NDArray[np.int64] | None = None) -> Placed:
    """A place for each cell's label; earlier rows choose first.

    Parameters
    ----------
    boxes
        ``(N, 4)`` left, top, right, bottom of what a label must not touch around each cell, pixels.
    sizes
        ``(N, 2)`` width and height of each label.
    bounds
        ``(4,)`` what no label leaves.
    before
        ``(N,)`` the place that each cell's label had, -1 for none: it is kept while it is free, so labels do not jump.
    """
    count = len(boxes)
    corners = _corners(boxes, sizes)
    rects = np.concatenate([corners, corners + sizes[:, None]], axis=2)
    free = _inside(rects, bounds) & ~_touching(rects, boxes)
    order = np.tile(np.arange(PLACES), (count, 1))
    chosen, xy = np.full(count, -1), np.full((count, 2), np.nan)
    taken = np.empty((0, 4))
    for row in range(count):
        if before is not None and before[row] >= 0:
            order[row] = np.concatenate([before[row : row + 1], np.delete(order[row], before[row])])
        open_ = free[row] & ~_overlap(rects[row][:, None], taken[None]).any(axis=1)
        ways = order[row][open_[order[row]]]
        if len(ways):
            chosen[row], xy[row] = ways[0], corners[row, ways[0]]
            taken = np.concatenate([taken, rects[row, ways[0]][None]])
    return Placed(xy, chosen)


def _corners(boxes: Floats, sizes: Floats) -> Floats:
    """``(N, PLACES, 2)`` top left corners, the nearest first."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    away = np.concatenate([np.broadcast_to(GAP_PX + ring * sizes[:, 1:2], sizes.shape)[:, None] for ring in _RINGS], 1)
    reach = half[:, None] + sizes[:, None] / 2 + away
    steps = (reach[:, :, None] * _SIDES[None, None]).reshape(len(boxes), PLACES, 2)
    return centre[:, None] + steps - sizes[:, None] / 2


def _inside(rects: Floats, bounds: Floats) -> NDArray[np.bool_]:
    return np.asarray(((rects[..., :2] >= bounds[:2]) & (rects[..., 2:] <= bounds[2:])).all(axis=-1))


def _touching(rects: Floats, boxes: Floats) -> NDArray[np.bool_]:
    """``(N, PLACES)``: whether a place lies on any cell."""
    return np.asarray(_overlap(rects[:, :, None], boxes[None, None]).any(axis=2))


def _overlap(one: Floats, other: Floats) -> NDArray[np.bool_]:
    return np.asarray(((one[..., :2] < other[..., 2:]) & (other[..., :2] < one[..., 2:])).all(axis=-1))
