"""Heads in a frame: the network's heat maps, or a difference of boxes where there is no network."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from spermscope.model_file import shipped
from spermscope.normalise import flatten, in_blocks, working_size
from spermscope.runtime import Model, load_in
from spermscope.settings import Settings
from spermscope.types import Detections, Frame, SourceProfile

STRIDE = 2
"""Working pixels to one cell of the network's maps."""
SAME_HEAD_UM = 1.8
"""Two peaks nearer than this are one head: less than half its length."""
FAINT = 0.25
"""Down to this share of the threshold a head is faint: enough to go on with, not to begin with."""
_NEIGHBOURS = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across]
MOST = 3000
"""Peaks kept in a frame, the strongest: a flood of noise must not stall the assignment."""


class Detector(Protocol):
    """Finds heads. ``detect`` is called once a frame, in any order and in any thread, and keeps no state."""

    def detect(self, frame: Frame) -> Detections:
        """Objects of both labels in source pixels; score 0..1."""
        ...


def open_detector(
    profile: SourceProfile, settings: Settings, model: Model | None = None, *, faint: bool = False
) -> Detector:
    """The detector that ``settings.detect.method`` names; the shipped network unless ``model`` is given.

    With ``faint`` the network gives faint heads too, for a tracker that tells them from others by their score.
    """
    if settings.detect.method == "boxes":
        return BoxDetector(profile, settings)
    model = model or load_in(shipped("detector"), settings.precision, threads=settings.threads)
    return HeatmapDetector(profile, settings, model, FAINT if faint else 1.0)


def threshold_of(settings: Settings, model: Model) -> float:
    """Score from which a head is sure: as set, else the model card's."""
    given = settings.detect.threshold
    return float(np.ravel(model.card.constants["threshold"])[0]) if given is None else given


class HeatmapDetector:
    """The network on a flattened picture at its own working scale; heads down to ``share`` of the threshold."""

    def __init__(self, profile: SourceProfile, settings: Settings, model: Model, share: float = 1.0) -> None:
        self.model = model
        self._um_per_px = profile.scale.um_per_px
        self._least = share * threshold_of(settings, model)
        slope, shift = np.ravel(model.card.constants.get("calibration", [1.0, 0.0])).tolist()
        self._calibration = slope, shift

    def detect(self, frame: Frame) -> Detections:
        """See ``Detector``."""
        working = self.model.card.um_per_px
        blocks = in_blocks(flatten(frame.image, self._um_per_px, working))
        seen = self.model.read(
            "model",
            {"blocks": blocks},
            lambda maps: decode(maps["heat"][0], maps["rest"][0], self._least, working, self._calibration),
        )
        size = working_size(frame.image.shape, self._um_per_px, working)
        return to_source(seen, size, frame.image.shape)


class BoxDetector:
    """Difference of two box means at the size of a head; needs no model and serves as its oracle."""

    def __init__(self, profile: SourceProfile, settings: Settings) -> None:
        self._um_per_px = profile.scale.um_per_px
        self._polarity = profile.polarity
        self._least = settings.detect.box_contrast

    def detect(self, frame: Frame) -> Detections:
        """See ``Detector``; every object is labelled sperm."""
        working = 0.4
        flat = flatten(frame.image, self._um_per_px, working)
        core, ring = (max(3, int(size_um / working) | 1) for size_um in (3.2, 10.0))
        lift = cv2.blur(flat, (core, core)) - cv2.blur(flat, (ring, ring))
        lift = np.abs(lift) if self._polarity == 0 else self._polarity * lift
        peak = (lift >= cv2.dilate(lift, np.ones((7, 7), np.uint8))) & (lift > self._least)
        rows, columns = np.nonzero(peak)
        score = lift[rows, columns] / (1.0 + lift[rows, columns])
        xy = np.column_stack([columns, rows]).astype(np.float32)
        seen = Detections(xy, np.full((len(xy), 2), 4.4 / working, np.float32), score, np.ones(len(xy), np.bool_))
        size = working_size(frame.image.shape, self._um_per_px, working)
        return to_source(_one_a_head(seen, SAME_HEAD_UM / working), size, frame.image.shape)


def decode(
    heat: NDArray[np.float32],
    rest: NDArray[np.float32],
    threshold: float,
    um_per_px: float,
    calibration: tuple[float, float] = (1.0, 0.0),
) -> Detections:
    """Peaks of the network's ``(h, w, 8)`` and ``(h, w, 16)``; in working pixels.

    The former are 2 maps (heat logits of sperm and other), the latter 4 (offset x and y, log width and height of the
    box), of 2 x 2 cells of ``STRIDE`` working pixels each.
    A peak is a cell that is the largest of its 3 x 3 neighbours in its label's heat; where both labels peak on one
    object the stronger counts. With ``calibration`` (a, b) the score is ``1 / (1 + exp(-(a logit + b)))``, the share of
    such peaks that are heads (Platt 1999).
    """
    slope, shift = calibration
    least = float((np.log(threshold / (1.0 - threshold)) - shift) / slope)
    height, width = heat.shape[:2]
    # A flat search and a division are a quarter of the time of a search in three dimensions.
    y, x, channel = np.unravel_index(np.flatnonzero(heat > least), heat.shape)
    strength = heat[y, x, channel]
    label, row, column = channel // 4, 2 * y + channel % 4 // 2, 2 * x + channel % 2
    peak = np.ones(len(strength), np.bool_)
    for down, across in _NEIGHBOURS:
        # Beyond the border a cell is compared with one that it is compared with anyway.
        near_row = np.clip(row + down, 0, 2 * height - 1)
        near_column = np.clip(column + across, 0, 2 * width - 1)
        near = 4 * label + 2 * (near_row % 2) + near_column % 2
        peak &= strength >= heat[near_row // 2, near_column // 2, near]
    label, row, column, strength = label[peak], row[peak], column[peak], strength[peak]
    if len(strength) > MOST:
        keep = np.argpartition(strength, -MOST)[-MOST:]
        label, row, column, strength = label[keep], row[keep], column[keep], strength[keep]
    around = rest[row // 2, column // 2].reshape(-1, 4, 4)
    own = around[np.arange(len(row)), :, 2 * (row % 2) + column % 2]
    offset = np.where(label[:, None] == 0, np.clip(own[:, :2], -1.5, 1.5), 0.0)
    xy = (np.column_stack([column, row]) + offset) * STRIDE + (STRIDE - 1) / 2
    box = np.exp(np.clip(own[:, 2:], 0.0, 5.0))
    score = 1.0 / (1.0 + np.exp(-(slope * strength + shift)))
    seen = Detections(xy.astype(np.float32), box.astype(np.float32), score.astype(np.float32), label == 0)
    return _one_a_head(seen, SAME_HEAD_UM / um_per_px)


def _one_a_head(seen: Detections, apart_px: float) -> Detections:
    """Of objects nearer than ``apart_px`` to a stronger one, only the strongest."""
    if len(seen) < 2:
        return seen
    order = np.argsort(-seen.score, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    keep = np.ones(len(seen), np.bool_)
    pairs = cKDTree(seen.xy_px).query_pairs(apart_px, output_type="ndarray")
    stronger = np.where(rank[pairs[:, 0]] < rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    weaker = pairs.sum(axis=1) - stronger
    for first, second in zip(*(side[np.argsort(rank[stronger])].tolist() for side in (stronger, weaker)), strict=True):
        if keep[first]:
            keep[second] = False
    return seen.where(keep)


def to_source(seen: Detections, size: tuple[int, int], shape: tuple[int, ...]) -> Detections:
    """From a working picture of ``size`` (height, width) to its source of ``shape``; inside the picture only.

    Sizes are whole pixels, so each axis has its own true factor, not quite the ratio of the scales.
    """
    factor = np.array([shape[1] / size[1], shape[0] / size[0]])
    xy = (seen.xy_px + 0.5) * factor - 0.5
    inside = np.all((xy >= -0.5) & (xy < np.array([shape[1], shape[0]]) - 0.5), axis=1)
    moved = Detections(xy.astype(np.float32), (seen.wh_px * factor).astype(np.float32), seen.score, seen.sperm)
    return moved.where(inside)


def match_heads(heads: NDArray[np.float32], seen: NDArray[np.float32], within: float) -> NDArray[np.int64]:
    """``(M, 2)`` index pairs (head, detection), one to one, nearest in sum, none farther than ``within``."""
    if not len(heads) or not len(seen):
        return np.empty((0, 2), np.int64)
    far = cdist(heads, seen)
    rows, columns = linear_sum_assignment(np.where(far <= within, far, 1e6))
    pairs = np.column_stack([rows, columns])
    return pairs[far[rows, columns] <= within]
