"""Which way heads stand out on this microscope, by vote of the surest detections; those that dissent count less.

One network serves bright and dark heads alike, so in a single frame a dark speck may pass for a dark head. A recording
has one polarity, though: once its detections agree on it, what stands out the other way starts no track. Relief shows
both sides of every head; there the vote stays unclear and changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spermscope.types import Detections, Frame

CORE_UM, RING_UM = 1.0, 5.0
"""Radii of where a head is looked at, inside its outline, and of what surrounds it, inside its halo."""
BOTH_SIDES = 0.2
"""The weaker side over the stronger from which on a head is bright and dark at once. Medians over simulated fields:
relief 0.32-0.74, phase contrast and bright field below 0.04."""
SURE = 0.5
"""Least score of a detection that votes; its vote weighs its score squared."""
QUORUM = 12.0
"""Sum of weights from which on the vote counts."""
MAJORITY = 0.65
"""Share of the weights that settles it."""
DISSENT = 0.4
"""What remains of a dissenter's score: too little to start a track, enough to go on with one."""


class PolarityVote:
    """The vote of one source; it grows with every frame."""

    def __init__(self, um_per_px: float) -> None:
        self._um_per_px = um_per_px
        self._weights = np.zeros(3)

    @property
    def polarity(self) -> int:
        """+1 where heads are bright, -1 where they are dark, 0 while that is not settled and where they are both."""
        dark, both, bright = self._weights.tolist()
        if dark + bright < max(QUORUM, both):
            return 0
        share = bright / (dark + bright)
        return int(share > MAJORITY) - int(share < 1.0 - MAJORITY)

    def step(self, frame: Frame, seen: Detections) -> Detections:
        """``seen`` with its dissenters' scores lowered, after its sure ones have voted."""
        sign = signs(frame.image, seen.xy_px, self._um_per_px)
        sure = seen.sperm & (seen.score >= SURE)
        self._weights += np.bincount(sign[sure] + 1, seen.score[sure] ** 2, minlength=3)
        dissents = seen.sperm & (sign * self.polarity < 0)
        return replace(seen, score=np.where(dissents, np.float32(DISSENT), np.float32(1.0)) * seen.score)


def signs(image: NDArray[np.uint8], xy_px: NDArray[np.float32], um_per_px: float) -> NDArray[np.int64]:
    """``(N,)``: +1 where a place is brighter than the median of a ring round it, -1 darker, 0 both or neither."""
    ring = np.median(_sampled(image, xy_px, RING_UM / um_per_px, 24), axis=1)
    circles = ((0.0, 1), (0.5 * CORE_UM, 6), (CORE_UM, 12))
    core = np.concatenate([_sampled(image, xy_px, radius / um_per_px, count) for radius, count in circles], axis=1)
    brighter, darker = np.quantile(core, 0.9, axis=1) - ring, ring - np.quantile(core, 0.1, axis=1)
    one_sided = np.minimum(brighter, darker) < BOTH_SIDES * np.maximum(brighter, darker)
    return np.where(one_sided, np.sign(brighter - darker), 0.0).astype(np.int64)


def _sampled(image: NDArray[np.uint8], xy_px: NDArray[np.float32], radius_px: float, count: int) -> NDArray[np.float64]:
    """``(N, count)`` nearest pixels on a circle round each place; the border's where it leaves the picture."""
    turn = 2.0 * np.pi * np.arange(count) / count
    circle = radius_px * np.column_stack([np.cos(turn), np.sin(turn)])
    places = np.rint(xy_px[:, None, :] + circle).astype(np.int64)
    columns = np.clip(places[:, :, 0], 0, image.shape[1] - 1)
    rows = np.clip(places[:, :, 1], 0, image.shape[0] - 1)
    return np.asarray(image[rows, columns], np.float64)
