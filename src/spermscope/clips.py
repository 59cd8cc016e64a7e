"""Head-centred crops at the clip scale, when they fall due: THE preprocessing, the same in training and at work."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.compress import asinh
from spermscope.settings import ClipSettings
from spermscope.types import Clip, Crops, Frame, Tracks

MODEL_PX = 128
"""Central part of a crop that networks see: 64 um, head, midpiece and most of the tail."""
MOTION_FEATURES = 7
GAIN = 3.0
MOST_APART = 2
"""Cells that begin together begin less than so many crops apart: who is seen for a moment shall have a grade, too."""
MOST_SLOTS = 16
"""Into so many parts of the time between two grades of a cell, at most, the cells are dealt out."""
SAMPLE = (MODEL_PX // 4) ** 2
"""Pixels of which a crop's level and gain are read."""


@dataclass(slots=True)
class _Reel:
    """One track's crops: the latest ones, how many there were, and the best clip so far."""

    due_s: float
    latest: deque[tuple[NDArray[np.uint8], float, float, float, bool]]
    best: list[tuple[NDArray[np.uint8], float, float, float, bool]] = field(default_factory=list)
    best_seen: int = -1
    count: int = 0


class Clipper:
    """Cuts each confirmed cell at ``rate_hz``: of all frames the one nearest to each due time, once.

    Keeps the latest ``length`` crops of a live track and its best clip (most observed crops, then the latest). A clip
    ends where a grader grades it, on a track's ``first``-th crop and every ``every`` later; before, anywhere.

    Cells that begin together begin a few frames apart, less than two crops: every ``every``-th crop of a cell is work
    for the grader, and no frame shall bring the work of all.
    """

    def __init__(
        self, um_per_px: float, settings: ClipSettings | None = None, *, first: int = 1, every: int = 1
    ) -> None:
        self._um_per_px = um_per_px
        self._set = settings or ClipSettings()
        self._first, self._every = first, every
        self._reels: dict[int, _Reel] = {}
        self._before_s = float("nan")
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Forget every track."""
        self._reels.clear()
        self._before_s = float("nan")

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """Let go of ended tracks; ask for their ``best_clip`` before."""
        for track_id in track_ids.tolist():
            self._reels.pop(track_id, None)

    def step(self, frame: Frame, tracks: Tracks) -> Crops:
        """Crops that fall due with this frame (N may be 0). Frames come in order of time."""
        interval_s = frame.time_s - self._before_s if np.isfinite(self._before_s) else 0.0
        self._before_s = frame.time_s
        rows = [row for row in np.flatnonzero(tracks.confirmed).tolist() if self._due(tracks, row, frame, interval_s)]
        images = self._cut(frame.image, tracks.xy_px[rows])
        for image, row in zip(images, rows, strict=True):
            x, y = tracks.xy_um[row]
            self._add(int(tracks.track_id[row]), (image, frame.time_s, float(x), float(y), bool(tracks.observed[row])))
        size = self._set.size_px
        return Crops(
            track_id=tracks.track_id[rows],
            frames=np.array(images, np.uint8).reshape(-1, size, size),
            time_s=np.full(len(rows), frame.time_s),
            xy_um=tracks.xy_um[rows],
            observed=tracks.observed[rows],
        )

    def best_clip(self, track_id: int) -> Clip | None:
        """The clip to grade a track by; None for one without crops."""
        reel = self._reels.get(track_id)
        return self._clip(track_id, reel.best) if reel and reel.best else None

    def latest_clip(self, track_id: int) -> Clip | None:
        """The latest crops of a live track; None for one without. Alone of all this any thread may call."""
        with self._lock:
            reel = self._reels.get(track_id)
            rows = list(reel.latest) if reel else []
        return self._clip(track_id, rows) if rows else None

    def _clip(self, track_id: int, rows: list[tuple[NDArray[np.uint8], float, float, float, bool]]) -> Clip:
        images, times_s, x, y, observed = zip(*rows, strict=True)
        return Clip(
            track_id=track_id,
            frames=np.stack(images),
            time_s=np.array(times_s),
            xy_um=np.column_stack([x, y]),
            observed=np.array(observed),
            um_per_px=self._set.um_per_px,
        )

    def best_ends_s(self, track_id: int) -> float:
        """When a track's best clip ends; NaN for a track without crops."""
        reel = self._reels.get(track_id)
        return reel.best[-1][1] if reel and reel.best else float("nan")

    def _due(self, tracks: Tracks, row: int, frame: Frame, interval_s: float) -> bool:
        track_id = int(tracks.track_id[row])
        reel = self._reels.get(track_id)
        if reel is None:
            due_s = self._least_busy_s(frame.time_s, interval_s)
            self._reels[track_id] = reel = _Reel(due_s, deque(maxlen=self._set.length))
        if frame.time_s + 0.5 * interval_s < reel.due_s:
            return False
        period_s = 1.0 / self._set.rate_hz
        # The next due time on the same grid that this frame is not already the nearest to.
        missed = max(0.0, np.ceil((frame.time_s + 0.5 * interval_s - reel.due_s) / period_s - 1e-6) - 1.0)
        reel.due_s += (missed + 1.0) * period_s
        reel.count += 1
        return True

    def _least_busy_s(self, now_s: float, interval_s: float) -> float:
        """When a cell's first crop falls due: of the next frames that with which the fewest cells are graded."""
        period_s = 1.0 / self._set.rate_hz
        round_s = self._every * period_s
        slots = min(round(round_s / interval_s), MOST_SLOTS) if interval_s else 1
        if slots < 2 or not self._reels:
            return now_s
        graded_s = [reel.due_s + -reel.count % self._every * period_s for reel in self._reels.values()]
        slot = np.round((np.array(graded_s) - now_s) * slots / round_s).astype(np.int64) % slots
        soon = -(-slots * MOST_APART // max(self._every, MOST_APART))
        return now_s + round_s / slots * int(np.bincount(slot, minlength=slots)[:soon].argmin())

    def _add(self, track_id: int, row: tuple[NDArray[np.uint8], float, float, float, bool]) -> None:
        reel = self._reels[track_id]
        with self._lock:
            reel.latest.append(row)
        seen, since = sum(one[4] for one in reel.latest), reel.count - self._first
        if seen >= reel.best_seen and (since < 0 or since % self._every == 0):
            reel.best, reel.best_seen = list(reel.latest), seen

    def _cut(self, image: NDArray[np.uint8], xy_px: NDArray[np.float64]) -> list[NDArray[np.uint8]]:
        if not len(xy_px):
            return []
        ratio = self._set.um_per_px / self._um_per_px
        soft, level = _soften(image, ratio), _level(image)
        return [_cut_one(soft, level, xy, ratio, self._set.size_px) for xy in xy_px.tolist()]


def crop(
    image: NDArray[np.uint8], xy_px: tuple[float, float], um_per_px: float, settings: ClipSettings | None = None
) -> NDArray[np.uint8]:
    """``(150, 150) uint8`` centred on ``xy_px`` of a picture of ``um_per_px``; its median fills what lies beyond it."""
    rules = settings or ClipSettings()
    ratio = rules.um_per_px / um_per_px
    return _cut_one(_soften(image, ratio), _level(image), list(xy_px), ratio, rules.size_px)


def _soften(image: NDArray[np.uint8], ratio: float) -> NDArray[np.uint8]:
    """What is finer than a clip's pixel is blurred away before sampling (``ratio`` source pixels to one)."""
    if ratio <= 1.2:
        return image
    sigma = 0.45 * float(np.sqrt(ratio * ratio - 1.0))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _level(image: NDArray[np.uint8]) -> float:
    return float(np.median(image[::16, ::16]))


def _cut_one(image: NDArray[np.uint8], level: float, xy: list[float], ratio: float, size_px: int) -> NDArray[np.uint8]:
    middle = 0.5 * (size_px - 1)
    matrix = np.array([[ratio, 0.0, xy[0] - ratio * middle], [0.0, ratio, xy[1] - ratio * middle]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(
        image, matrix, (size_px, size_px), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=level
    )
    return np.asarray(cut, np.uint8)


def to_model_input(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``(..., 150, 150) uint8`` to ``(..., 128, 128) float32``: centre, background 0, robust gain, asinh.

    Each picture by itself, so that a crop is encoded the same whatever comes before and after it.
    """
    edge = (frames.shape[-1] - MODEL_PX) // 2
    centre = frames[..., edge : edge + MODEL_PX, edge : edge + MODEL_PX].reshape(-1, MODEL_PX, MODEL_PX)
    sample = centre[:, ::4, ::4].reshape(len(centre), SAMPLE)
    # Twice the level, and so twice each distance to it, are whole numbers.
    twice_level = _middle_two(sample)
    spread = 0.25 * _middle_two(np.abs(2 * sample.astype(np.int16) - twice_level))
    levels = np.arange(256, dtype=np.float32) - (0.5 * twice_level).astype(np.float32)
    levels /= np.maximum(GAIN * spread, 2.0).astype(np.float32)
    # A pixel has 256 values at most: each is computed once and looked up.
    table = asinh(levels)
    out = np.empty(centre.shape, np.float32)
    for row, (picture, values) in enumerate(zip(centre, table, strict=True)):
        cv2.LUT(picture, values, out[row])
    return out.reshape(*frames.shape[:-2], MODEL_PX, MODEL_PX)


def _middle_two(values: NDArray[Any]) -> NDArray[np.int16]:
    """``(N, 1)`` the sum of the middle two of each row of ``(N, SAMPLE)`` small whole numbers: twice its median."""
    # By the digits' order, which is stable: a quarter of the time of a median.
    ordered = np.sort(values, axis=-1, kind="stable")[:, SAMPLE // 2 - 1 : SAMPLE // 2 + 1]
    return ordered.sum(axis=-1, keepdims=True, dtype=np.int16)


def central_lift(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(...)`` how far the centre of each ``(..., 128, 128)`` model input stands out: about 0.1 in pure noise.

    The largest absolute mean of a 5 x 5 box within 3 um of the centre, where the head must be.
    """
    middle = MODEL_PX // 2
    near = inputs[..., middle - 8 : middle + 8, middle - 8 : middle + 8]
    across = np.add.reduce([near[..., shift : shift + 12] for shift in range(5)])
    boxes = np.add.reduce([across[..., shift : shift + 12, :] for shift in range(5)]) / 25.0
    return np.abs(boxes).max(axis=(-2, -1))


def motion_features(
    time_s: NDArray[np.float64],
    xy_um: NDArray[np.float64],
    observed: NDArray[np.bool_],
    *,
    known: bool | np.bool_ | NDArray[np.bool_] = True,
) -> NDArray[np.float32]:
    """``(..., T, 7)`` what the track adds to each crop, the same whichever way the cell swims.

    ``time_s`` and ``observed`` are ``(..., T)``, ``xy_um (..., T, 2)``. Step and its turning (cosine, sine's size),
    distance from the first crop, path so far, observed, and whether displacements are ``known (...)`` at all (else all
    but ``observed`` are 0). Lengths over 25 um, steps over 3 um.
    """
    out = np.zeros((*time_s.shape, MOTION_FEATURES), np.float32)
    if out.size:
        step = np.diff(xy_um, axis=-2, prepend=xy_um[..., :1, :])
        before = np.concatenate([step[..., :1, :], step[..., :-1, :]], axis=-2)
        size, size_before = (np.hypot(one[..., 0], one[..., 1]) for one in (step, before))
        scale = np.maximum(size * size_before, 0.05)
        away = xy_um - xy_um[..., :1, :]
        out[..., 0] = size / 3.0
        out[..., 1] = (step * before).sum(axis=-1) / scale
        out[..., 2] = np.abs(step[..., 0] * before[..., 1] - step[..., 1] * before[..., 0]) / scale
        out[..., 3] = np.hypot(away[..., 0], away[..., 1]) / 25.0
        out[..., 4] = np.cumsum(size, axis=-1) / 25.0
        out[..., 6] = 1.0
    out[~np.asarray(known, np.bool_)] = 0.0
    out[..., 5] = observed
    return out
