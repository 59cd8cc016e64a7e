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


def _circle(radius_um: float, count: int) -> NDArray[np.float64]:
    turn = 2.0 * np.pi * np.arange(count) / count
    return radius_um * np.column_stack([np.cos(turn), np.sin(turn)])


CORE_UM, RING_UM = 1.0, 5.0
"""Radii of where a head is looked at, inside its outline, and of what surrounds it, inside its halo."""
_CORE = [_circle(0.0, 1), _circle(0.5 * CORE_UM, 6), _circle(CORE_UM, 12)]
IN_CORE = sum(map(len, _CORE))
AROUND_UM = np.concatenate([*_CORE, _circle(RING_UM, 24)])
"""``(43, 2)`` where it is looked at: the first ``IN_CORE`` places in the core, the others on the ring."""
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
    places = np.rint(xy_px[:, None, :] + AROUND_UM / um_per_px).astype(np.int64)
    # Where a circle leaves the picture, the border's pixels stand for it.
    columns = np.clip(places[:, :, 0], 0, image.shape[1] - 1)
    rows = np.clip(places[:, :, 1], 0, image.shape[0] - 1)
    seen = image[rows, columns].astype(np.float64)
    core, around = np.sort(seen[:, :IN_CORE], axis=1), np.sort(seen[:, IN_CORE:], axis=1)
    ring = _quantile(around, 0.5)
    brighter, darker = _quantile(core, 0.9) - ring, ring - _quantile(core, 0.1)
    one_sided = np.minimum(brighter, darker) < BOTH_SIDES * np.maximum(brighter, darker)
    return np.where(one_sided, np.sign(brighter - darker), 0.0).astype(np.int64)


def _quantile(ordered: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """``(N,)`` of rows in order, between two of them by the line, as numpy's, which takes ten times as long."""
    place = share * (ordered.shape[1] - 1)
    low = int(place)
    return ordered[:, low] + (place - low) * (ordered[:, low + 1] - ordered[:, low])
