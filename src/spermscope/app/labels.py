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
    kept = np.full(count, -1) if before is None else before
    chosen, taken = np.full(count, -1), list[list[float]]()
    # A label mostly stays where it was, so a list that is walked until something fits is quicker than arrays of all.
    for row, (places, open_, first) in enumerate(zip(rects.tolist(), free.tolist(), kept.tolist(), strict=True)):
        for place in (first, *range(PLACES)) if first >= 0 else range(PLACES):
            if open_[place] and not any(_cross(places[place], other) for other in taken):
                chosen[row] = place
                taken.append(places[place])
                break
    xy = np.where(chosen[:, None] < 0, np.nan, corners[np.arange(count), chosen])
    return Placed(xy, chosen)


def _cross(one: list[float], other: list[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


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
    left, top, right, bottom = np.moveaxis(rects, 2, 0)[..., None]
    apart = (left < boxes[:, 2]) & (boxes[:, 0] < right) & (top < boxes[:, 3]) & (boxes[:, 1] < bottom)
    return np.asarray(apart.any(axis=2))
