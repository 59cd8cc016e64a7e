"""What the detector is asked for in a training picture: heat at heads, boxes, and how much each place counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spermscope.detect import STRIDE
from spermscope.training.pictures import PATCH_PX, WORKING_UM_PER_PX, Picture, draw_picture

PEAK_WIDTH, UNJUDGED_WIDTH = 0.2, 0.28
"""Standard deviation of a head's heat in head sizes: two heads side by side must stay two peaks. Of one that is not
judged a wider place is left out."""
CROWDED_UM = 4.5
"""Heads nearer than this to another one touch it or lie on it."""
CROWD_CARE = 3.0
"""Of a crowded head's place in the loss against any other's: they are few, and what is missed are mostly they."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A picture and its ``maps (8, 128, 128) float16``: what ``draw_targets`` gives, one upon the other."""

    picture: Picture
    maps: NDArray[np.float16]

    @classmethod
    def of(cls, picture: Picture) -> Self:
        """The lesson of a picture."""
        return cls(picture, np.concatenate(draw_targets(picture)).astype(np.float16))


def draw_lesson(seed: int) -> Lesson:
    """The lesson of that seed's picture."""
    return Lesson.of(draw_picture(seed))


def draw_targets(picture: Picture) -> tuple[NDArray[np.float32], ...]:
    """``heat (2, 128, 128)``, ``box (4, 128, 128)``, ``weight`` and ``care`` as ``heatmap_loss`` takes them."""
    side = PATCH_PX // STRIDE
    heat = np.zeros((2, side, side), np.float32)
    box = np.zeros((4, side, side), np.float32)
    weight = np.zeros((1, side, side), np.float32)
    care = np.ones((1, side, side), np.float32)
    # The centre of heat-map cell i lies at working pixel i * STRIDE + (STRIDE - 1) / 2.
    cell_xy = (picture.xy_px - (STRIDE - 1) / 2) / STRIDE
    crowded = _crowded(picture).tolist()
    for kind, (x, y), size, close in zip(picture.kind.tolist(), cell_xy.tolist(), picture.box_px, crowded, strict=True):
        column, row = round(x), round(y)
        if not (0 <= column < side and 0 <= row < side):
            continue
        wide = UNJUDGED_WIDTH if kind < 0 else PEAK_WIDTH
        sigma = float(np.clip(np.sqrt(size[0] * size[1]) / STRIDE * wide, 0.7, 5.0))
        reach = int(3.5 * sigma) + 1
        rows = np.arange(max(0, row - reach), min(side, row + reach + 1))
        columns = np.arange(max(0, column - reach), min(side, column + reach + 1))
        blob = np.exp(-((columns - x) ** 2 + (rows[:, None] - y) ** 2) / (2 * sigma**2)).astype(np.float32)
        near = np.ix_(rows, columns)
        if kind < 0:
            heat[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1][:, blob > 0.15] = -1.0
            continue
        if close:
            care[0][near] = CROWD_CARE
        before = heat[kind][near]
        # A head between two cells is as surely one as a head in the middle of a cell.
        heat[kind][near] = np.where(before < 0, before, np.maximum(before, blob / blob.max()))
        for across, down, share in ((0, 0, 1.0), (1, 0, 0.3), (-1, 0, 0.3), (0, 1, 0.3), (0, -1, 0.3)):
            i, j = row + down, column + across
            if 0 <= i < side and 0 <= j < side and share > weight[0, i, j] and kind == 0:
                box[:, i, j] = (x - j, y - i, np.log(max(size[0], 1.0)), np.log(max(size[1], 1.0)))
                weight[0, i, j] = share
    return heat, box, weight, care


def _crowded(picture: Picture) -> NDArray[np.bool_]:
    """``(N,)``: which objects are heads with another head beside or on them."""
    heads = picture.kind == 0
    near = cKDTree(picture.xy_px).query_pairs(CROWDED_UM / WORKING_UM_PER_PX, output_type="ndarray")
    pairs = near[heads[near].all(axis=1)]
    return np.isin(np.arange(len(heads)), pairs)
