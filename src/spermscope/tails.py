"""Whether a cell that stays where it is beats its tail: change beside its head that no shift of the whole explains.

A second of a cell's crops, blurred, is laid over one place of the map, so that drift is gone. From each change between
two pictures is taken what a small movement of the whole cell (to second order: shift, turn, stretch, focus) and another
light (gain and offset) would do: one step of registration (Lucas & Kanade 1981). What is left is noise, or a part that
moves against the rest: the tail.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.settings import ClipSettings, TailSettings
from spermscope.types import Crops, Frame, Tracks

Floats = NDArray[np.float64]
GRID_UM = 1.0
"""Blurred pictures are looked at in steps of this."""
TENTH = 10
TENTH_ABOVE = 1.755
"""Mean of the highest tenth of a normal distribution, in standard deviations."""
LEAST_LEVELS = 0.1
"""Grey levels of change below which ground is as good as still: codecs leave it without any noise."""
LEAST_RATIO = 0.1
"""A second of ratio 0 (no change at all) counts as this in the mean of several."""
LEAST_FREE = 0.5
"""Of tail and ground, that must be in the picture and away from other heads."""
ROUNDING_S = 0.02
"""Containers round times."""
REMEMBERED = 60
"""Seconds of a track that count, the latest ones."""


class _Look(NamedTuple):
    """The middle of one crop; ``place_um`` is its centre in the map, ``low_um`` and ``high_um`` are the frame's."""

    picture: NDArray[np.uint8]
    number: int
    time_s: float
    place_um: Floats
    low_um: Floats
    high_um: Floats
    others_um: Floats


@dataclass(slots=True)
class _Watch:
    """One cell: the second that is being filled, and what the ones before it gave."""

    looks: list[_Look] = field(default_factory=list)
    ratios: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    slowest_hz: float = float("inf")


class Tails:
    """Watches what surrounds every cell that stays for a second; fed once a frame with the crops that fell due."""

    def __init__(
        self, um_per_px: float, settings: TailSettings | None = None, clip: ClipSettings | None = None
    ) -> None:
        self._um_per_px = um_per_px
        self._set = settings or TailSettings()
        self._clip = clip or ClipSettings()
        self._soft_px = 2 * int(0.5 * self._set.soft_um / self._clip.um_per_px) + 1
        # Two looks of a second may lie on either side of its first one.
        reach_px = (self._set.ground_um + 2 * self._set.stay_um + GRID_UM) / self._clip.um_per_px
        self._half = min(int(reach_px) + self._soft_px // 2 + 2, self._clip.size_px // 2)
        self._watches: dict[int, _Watch] = {}
        self._picture = 0

    def step(self, frame: Frame, tracks: Tracks, crops: Crops) -> None:
        """Add one frame's crops. A repeated frame shows no new picture, so nothing is compared with itself."""
        self._picture += not frame.repeated
        if not len(crops):
            return
        order = np.argsort(tracks.track_id)
        rows = order[np.searchsorted(tracks.track_id, crops.track_id, sorter=order)]
        low_um = crops.xy_um - tracks.xy_px[rows] * self._um_per_px
        high_um = low_um + np.array(frame.image.shape[::-1]) * self._um_per_px
        reach_um = self._set.ground_um + self._set.neighbour_um + self._set.stay_um
        near = np.hypot(*np.moveaxis(crops.xy_um[:, None] - tracks.xy_um[None], 2, 0)) < reach_um
        near[np.arange(len(rows)), rows] = False
        middle = self._clip.size_px // 2
        cut = slice(middle - self._half, middle + self._half)
        for row, track_id in enumerate(crops.track_id.tolist()):
            seen, when_s, others_um = crops.frames[row, cut, cut], float(crops.time_s[row]), tracks.xy_um[near[row]]
            look = _Look(seen, self._picture, when_s, crops.xy_um[row], low_um[row], high_um[row], others_um)
            self._add(self._watches.setdefault(track_id, _Watch()), look)

    def measured(self, track_id: int) -> tuple[float, str]:
        """A track's tail movement, the geometric mean of its seconds; NaN and the reason where there is none."""
        watch, rules = self._watches.get(track_id, _Watch()), self._set
        known = [ratio for ratio in watch.ratios if np.isfinite(ratio)]
        if known:
            return float(np.exp(np.mean(np.log(np.maximum(known, LEAST_RATIO))))), ""
        if np.isfinite(watch.slowest_hz):
            why = f"{watch.slowest_hz:.3g} different pictures a second are below {rules.least_rate_hz:g}"
        elif watch.ratios:
            why = "another head or the edge of the picture is too near"
        else:
            why = f"the head did not stay within {rules.stay_um:g} um for {rules.window_s:g} s"
        return float("nan"), f"not computed: {why}"

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """Let go of ended tracks."""
        for track_id in track_ids.tolist():
            self._watches.pop(track_id, None)

    def _add(self, watch: _Watch, look: _Look) -> None:
        if watch.looks and watch.looks[-1].number == look.number:
            return
        if watch.looks and np.hypot(*(look.place_um - watch.looks[0].place_um)) > self._set.stay_um:
            watch.looks.clear()
        watch.looks.append(look)
        took_s = look.time_s - watch.looks[0].time_s
        if took_s < self._set.window_s - ROUNDING_S:
            return
        rate_hz = (len(watch.looks) - 1) / took_s
        if rate_hz < self._set.least_rate_hz - 0.5:
            watch.slowest_hz = min(watch.slowest_hz, rate_hz)
        else:
            watch.ratios.append(self._ratio(watch.looks))
        watch.looks = [look]

    def _ratio(self, looks: list[_Look]) -> float:
        """Tail movement in one second."""
        places_um = np.array([look.place_um for look in looks])
        anchor_um = np.median(places_um, axis=0)
        side = int(np.ceil(self._set.ground_um / GRID_UM)) + 1
        x, y = _grid(side)
        margin_um = 0.5 * self._set.soft_um + self._clip.um_per_px
        left, top = np.max([look.low_um for look in looks], axis=0) - anchor_um + margin_um
        right, bottom = np.min([look.high_um for look in looks], axis=0) - anchor_um - margin_um
        free = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        heads = np.round(np.concatenate([look.others_um for look in looks]) - anchor_um).tolist()
        for head_x, head_y in {(head_x, head_y) for head_x, head_y in heads}:
            free &= (x - head_x) ** 2 + (y - head_y) ** 2 > self._set.neighbour_um**2
        return tail_movement(self._laid_over(looks, anchor_um - places_um, side), free, self._set)

    def _laid_over(self, looks: list[_Look], shift_um: Floats, side: int) -> NDArray[np.float32]:
        """``(T, S, S)`` the looks, blurred, over one place of the map, ``shift_um`` from each one's centre."""
        step, rim = round(GRID_UM / self._clip.um_per_px), self._soft_px // 2
        reach = side * step + rim
        # A crop's side is even: its centre lies half a pixel before its middle pixel.
        start = self._half - 0.5 + shift_um / self._clip.um_per_px - reach
        size = 2 * reach + 2
        start = np.clip(start, 0, 2 * self._half - size)
        first = np.floor(start).astype(int)
        cuts = [look.picture[y : y + size, x : x + size] for look, (x, y) in zip(looks, first.tolist(), strict=True)]
        soft = cv2.boxFilter(np.stack(cuts, axis=2), cv2.CV_32F, (self._soft_px, self._soft_px))
        x, y = (start - first).astype(np.float32).T
        left, right = (soft[:, rim + i : size - rim - 1 + i : step] for i in (0, 1))
        across = left + x * (right - left)
        upper, lower = (across[rim + i : size - rim - 1 + i : step] for i in (0, 1))
        return np.ascontiguousarray(np.moveaxis(upper + y * (lower - upper), 2, 0))


def tail_movement(
    pictures: NDArray[np.float32], free: NDArray[np.bool_], settings: TailSettings | None = None
) -> float:
    """How many times more than the ground the most restless part beside a head changes.

    Parameters
    ----------
    pictures
        ``(T, S, S)`` of one place in steps of ``GRID_UM``, the head in the middle, S odd.
    free
        ``(S, S)`` what shows nothing of other cells.

    Returns
    -------
    float
        About 1 where nothing changes but white noise, 2-7 for a tail that beats; no measure of how widely it does, for
        a large change spreads over the fit. Of the root mean squares over time of what is left of each change: the mean
        of the highest tenth of the places ``near_um .. far_um`` from the head over the median of those ``near_um ..
        ground_um`` from it, over what white noise gives. NaN where less than half of either is free or T is below 3.
    """
    rules = settings or TailSettings()
    x, y = _grid(pictures.shape[-1] // 2)
    away_um = np.hypot(x, y)
    ground = (away_um >= rules.near_um) & (away_um <= rules.ground_um)
    beside = ground & (away_um <= rules.far_um)
    if len(pictures) < 3 or min(free[ground].mean(), free[beside].mean()) < LEAST_FREE:
        return float("nan")
    disc = free & (away_um <= rules.ground_um)
    left = _unexplained(pictures, disc, x, y)
    restless = np.sqrt((left**2).mean(axis=0))
    tail = np.sort(restless[beside[disc]])
    top = float(tail[-max(1, len(tail) // TENTH) :].mean())
    return top / max(float(np.median(restless[ground[disc]])), LEAST_LEVELS) / _of_noise(len(left))


@lru_cache(maxsize=4)
def _grid(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(S, S)`` twice: how far each place lies from the head to the right and down, um."""
    steps = np.arange(-side, side + 1, dtype=np.float32) * np.float32(GRID_UM)
    x, y = np.meshgrid(steps, steps)
    return x, y


def _unexplained(
    pictures: NDArray[np.float32], disc: NDArray[np.bool_], x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``(T - 1, P)`` the changes in ``disc`` less what a movement of the whole and another light explain of each."""
    mean = pictures.mean(axis=0)
    down, right = np.gradient(mean)
    (down_down, down_right), right_right = np.gradient(down), np.gradient(right, axis=1)
    moved = [right, down, x * down - y * right, x * right + y * down, right_right, down_down, down_right]
    causes = np.stack([*moved, mean - mean.mean(), np.ones_like(mean)])[:, disc]
    series = pictures[:, disc]
    changes = series[1:] - series[:-1]
    # A unit on the diagonal: nothing is explained by a cause that is hardly there.
    amounts = np.linalg.solve(causes @ causes.T + np.eye(len(causes), dtype=np.float32), causes @ changes.T)
    left: NDArray[np.float32] = changes - amounts.T @ causes
    return left


def _of_noise(changes: int) -> float:
    """What ``changes`` successive ones of white noise give: the sum of their squares varies by 3/n - 1/n2 of itself."""
    return 1.0 + TENTH_ABOVE * 0.5 * float(np.sqrt(3.0 / changes - 1.0 / changes**2))
