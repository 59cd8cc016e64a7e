"""What is wrong with a recording and would mislead without a word: combed, clipped, repeated and missing pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.types import Array

FULL_SCALES = (255, 1023, 4095, 16383, 65535)
"""White of cameras of 8 to 16 bits."""
NEAR_END = 0.01
"""Of the full scale: what lies so near to black or white is clipped (codecs blur the last levels)."""
CLIPPED_SHARE = 0.02
"""Of the pixels, from which a line is said. Simulated scenes in three contrasts have below 0.2 %, a half more light
included; where more light than that clips the background, 95 % and more."""
COMB_RATIO, COMB_SHARE = 2.2, 0.02
"""A picture is combed where moving places hold so many times more vertical than horizontal stripes of one pixel, and
their power is at least this share of the change's. Of 576 progressive scenes (raw, JPEG 25, H.264, noisy, drifting,
flickering, striped) the highest ratio was 1.9; combed ones give 2.5 to 99, save behind strong noise or flicker."""
COMB_PAIRS, COMB_SIDE_PX, LEAST_MOVING_PX = 6, 640, 2000
"""Pairs of pictures and the side of their middle that are looked at, and how much must move to tell."""
BLOCK_PX, EVERY_ROW = 16, 4
"""Change is looked for in blocks of so many pixels, in one row of so many."""
REPEAT_LEVELS, REPEAT_SHARE = 3.0, 0.25
"""A picture repeats the one before where no block's mean change exceeds so many grey levels and this share of the usual
change: a codec touches up a repeated picture by 1-3 levels, a swimmer changes its blocks by 7-30."""
LATEST = 8
MISSING_STEPS = 1.5
"""A step of more than so many usual ones is a gap."""
REPEATED_SHARE, MISSING_SHARE = 0.05, 0.01
"""Shares of repeated and of missing frames from which a line is said: where nothing moves a codec repeats pictures."""
_NYQUIST = np.array([1, -4, 6, -4, 1], np.float32) / 16


def still_flaws(images: Sequence[Array], eight_bit: Sequence[NDArray[np.uint8]]) -> list[str]:
    """A line for each flaw that the first pictures show: ``images`` as the camera gave them, and the same of 8 bits."""
    lines = []
    for share, end in zip(clipped_shares(images), ("black", "white"), strict=True):
        if share >= CLIPPED_SHARE:
            lines.append(
                f"{100 * share:.0f} % of the pixels are {end}: cells may be lost there; mend light or exposure"
            )
    ratio, share = combing(eight_bit)
    if ratio >= COMB_RATIO and share >= COMB_SHARE:
        lines.append("two moments in one picture (interlaced): speeds and shapes of moving cells are off")
    return lines


def clipped_shares(images: Sequence[Array]) -> tuple[float, float]:
    """Shares of the pixels within ``NEAR_END`` of black and of white, 0..1."""
    brightest = max(int(image.max()) for image in images)
    full = next(scale for scale in FULL_SCALES if brightest <= scale)
    count = sum(image.size for image in images)
    black = sum(int((image <= NEAR_END * full).sum()) for image in images)
    white = sum(int((image >= (1.0 - NEAR_END) * full).sum()) for image in images)
    return black / count, white / count


def combing(images: Sequence[NDArray[np.uint8]]) -> tuple[float, float]:
    """How much more one-pixel stripes lie across than along the rows where something moves, and their share.

    Interlaced video shows odd and even rows of different moments, so what moves is torn into stripes of the highest
    frequency that rows can hold, and of none along the columns. What still places show of either (noise, fine
    structure) is taken off; what is as fine in both directions (codecs, sharp heads) gives a ratio of one.

    Returns
    -------
    ratio, share
        Power of the stripes over that of the same along the columns, and over that of the change between two pictures;
        NaN where fewer than ``LEAST_MOVING_PX`` pixels moved.
    """
    moving, still = np.zeros(4), np.zeros(4)
    for number in np.unique(np.linspace(0, max(0, len(images) - 2), COMB_PAIRS).round().astype(int)).tolist():
        if number + 1 < len(images):
            before, after = (_middle(image) for image in images[number : number + 2])
            found = _stripes(before, after)
            moving += found[0]
            still += found[1]
    if moving[3] < LEAST_MOVING_PX or not still[3]:
        return float("nan"), float("nan")
    across, along, change, _ = moving / moving[3]
    across_still, along_still, _, _ = still / still[3]
    by_chance = 4.0 * 0.5 * (across_still + along_still) / np.sqrt(moving[3])
    extra = across - across_still
    return float(extra / (max(along - along_still, 0.0) + by_chance + 0.05)), float(extra / change)


def _middle(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    top, left = (max(0, (side - COMB_SIDE_PX) // 2) for side in image.shape)
    return image[top : top + COMB_SIDE_PX, left : left + COMB_SIDE_PX].astype(np.float32)


def _stripes(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float64]:
    """``(2, 4)`` for moving and still pixels: sums of squares across and along the rows, of the change, and a count."""
    change = after - before
    size = cv2.blur(np.abs(change), (5, 5))
    usual = float(np.median(size))
    squares = [cv2.filter2D(after, -1, kernel) ** 2 for kernel in (_NYQUIST[:, None], _NYQUIST[None, :])]
    values = [*squares, change**2, np.ones_like(change)]
    return np.array(
        [[float(value[where].sum()) for value in values] for where in (size > 3 * usual + 1, size <= 1.5 * usual)]
    )


class Watch:
    """Watches the pictures of one pass over a source: which repeat the one before, and how many are missing.

    ``usual_s`` is the usual step between frames, NaN where there is none.
    """

    def __init__(self, usual_s: float) -> None:
        self._usual_s = usual_s
        self._before: tuple[NDArray[np.uint8], float] | None = None
        self._changes: deque[float] = deque(maxlen=LATEST)
        self._frames = self._repeated = self._missing = 0
        self._longest_s = 0.0

    def repeats(self, image: NDArray[np.uint8], time_s: float) -> bool:
        """Whether ``image`` is the picture before it with a new time; call it once a frame, in order of time."""
        before, self._before = self._before, (image, time_s)
        self._frames += 1
        if before is None or before[0].shape != image.shape:
            return False
        step_s = time_s - before[1]
        if step_s > MISSING_STEPS * self._usual_s:
            self._missing += round(step_s / self._usual_s) - 1
            self._longest_s = max(self._longest_s, step_s)
        change = _largest_change(before[0], image)
        usual = sorted(self._changes)[-2] if len(self._changes) > 1 else 0.0
        self._changes.append(change)
        found = change == 0.0 or change <= min(REPEAT_LEVELS, REPEAT_SHARE * usual)
        self._repeated += found
        return found

    @property
    def lines(self) -> list[str]:
        """What is to be said of the pictures so far."""
        found = []
        repeated, missing = self._repeated, self._missing
        if repeated and repeated >= REPEATED_SHARE * self._frames:
            percent = f"{100 * repeated / self._frames:.0f}"
            found.append(
                f"{percent} % of the frames repeat the picture before them: there are fewer pictures than frames"
            )
        if missing and missing >= MISSING_SHARE * self._frames:
            percent, gap_s = f"{100 * missing / (self._frames + missing):.0f}", f"{self._longest_s:.2f}"
            found.append(
                f"{percent} % of the frames are missing, the longest gap lasts {gap_s} s: tracks may break there"
            )
        return found


def _largest_change(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """The largest mean change of a block, grey levels; 0 only where every row that is looked at is the same."""
    change = cv2.absdiff(before[::EVERY_ROW], after[::EVERY_ROW]).astype(np.float32)
    height, width = max(1, change.shape[0] * EVERY_ROW // BLOCK_PX), max(1, change.shape[1] // BLOCK_PX)
    return float(cv2.resize(change, (width, height), interpolation=cv2.INTER_AREA).max())
