"""How the field moved between frames: drift to be removed, jumps and cuts that end every track.

Within a field every frame's specks and heads are correlated (in Fourier space) with those of a key frame. What lies
still in the sample makes one peak; moving cells, half a second later, make none in common. The shift is smoothed by a
constant-velocity filter, since a stage drifts slowly and pixels jitter; where nothing lies still, the stage is taken to
stand. A field ends where the outline of what is seen is no longer like that of the frame before; the new view is then
sought among the remembered ones.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.settings import StageSettings
from spermscope.stage.focus import focus_score
from spermscope.stage.landmarks import LEAST_OVERLAP, Landmarks, find_landmarks, keep_still, overlay, shared_part
from spermscope.stage.memory import FieldMemory, Spot
from spermscope.stage.registration import COARSE, Picture, Waves, correlate, outline, shrink, waves
from spermscope.types import Frame, StagePosition, StageState

LEAST_STILL = 4
"""Landmarks that lie still; fewer say nothing about a view."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A frame that later ones are measured by: where it lay in the map (``place_um (2,)``) and when."""

    picture: Picture
    waves: Waves
    place_um: NDArray[np.float64]
    time_s: float


@dataclass(frozen=True, slots=True)
class _Before:
    """The latest frame that showed anything."""

    picture: Picture
    outline: Waves
    place_um: NDArray[np.float64]
    time_s: float


class StageFollower:
    """Tells where each frame lies in the map. Call ``step`` once a frame, in order; ``reset`` forgets all."""

    def __init__(self, um_per_px: float, settings: StageSettings | None = None) -> None:
        self._um_per_px = um_per_px
        self._set = settings or StageSettings()
        self.reset()

    def reset(self) -> None:
        """The next frame is the first of field 0 of map 0 again."""
        self._memory = FieldMemory(self._set.remembered_views)
        self._opening: StageState = "start"
        self._time_s = float("nan")
        self._begin_map()

    def cut(self, um_per_px: float) -> None:
        """The next frame, of another scale or size, begins a new map; numbers go on, what was seen is forgotten."""
        self._um_per_px = um_per_px
        self._opening = "cut"
        self._memory.forget()
        self._begin_map()

    def _begin_map(self) -> None:
        self._spot = self._memory.new_spot()
        self._place = self._spot.place_um
        self._key: _Key | None = None
        self._before: _Before | None = None
        self._speed = np.zeros(2)
        self._spread = np.array([0.0, 0.0, 1.0])
        self._likeness: deque[float] = deque(maxlen=self._set.remembered_frames)

    def step(self, frame: Frame) -> StagePosition:
        """Register one frame.

        A frame without any structure (flat, or a few pixels large) lies where the one before lay.
        """
        picture, factor = shrink(frame.image, self._set.width_px)
        focus = focus_score(frame.image)
        state, self._opening = self._opening, "still"
        dt = 0.0 if np.isnan(self._time_s) else frame.time_s - self._time_s
        self._time_s = frame.time_s
        if min(picture.shape) < 16 or not picture.any():
            return self._at(state, focus)
        shape = outline(picture)
        if self._before is None or self._before.picture.shape != picture.shape:
            self._begin(picture)
        else:
            state = self._register(picture, shape, self._before, self._um_per_px * factor, dt)
        self._before = _Before(picture, shape, self._place, self._time_s)
        return self._at(state, focus)

    def _at(self, state: StageState, focus: float) -> StagePosition:
        x_um, y_um = self._place.tolist()
        return StagePosition(self._spot.field, x_um, y_um, state, focus, self._spot.map, self._um_per_px)

    def _begin(self, picture: Picture) -> None:
        """A new field begins where we are."""
        self._key = _Key(picture, waves(picture), self._place, self._time_s)
        self._speed = np.zeros(2)
        self._spread = np.array([0.0, 0.0, 1.0])

    def _register(self, picture: Picture, shape: Waves, before: _Before, um_per_px: float, dt: float) -> StageState:
        reach_px = self._set.jump_um / (um_per_px * COARSE)
        likeness = correlate(before.outline, shape, np.zeros(2), reach_px).likeness
        usual = float(np.median(self._likeness)) if len(self._likeness) >= 3 else 0.0
        # What was unlike counts too: where no frame is like the one before, as in noise, the cuts come to an end.
        self._likeness.append(likeness)
        if likeness < self._set.cut_share * usual and usual > self._set.least_likeness:
            state = self._cross(picture, before, um_per_px)
            if state is not None:
                return state
        self._filter(self._measure(picture, before, um_per_px, dt), dt)
        return "drift" if np.hypot(*self._speed) > self._set.still_um_s else "still"

    def _cross(self, picture: Picture, before: _Before, um_per_px: float) -> StageState | None:
        """Into a new field, or None where the landmarks say that the view has stayed."""
        seen = find_landmarks(picture)
        left, landmarks, settled = self._leave(before, um_per_px)
        over = overlay(landmarks, seen)
        if over is not None and over.sure:
            moved_um = left.place_um + over.shift_px * um_per_px - self._place
            if np.hypot(*moved_um) < self._set.jump_um:
                return None
        self._memory.remember(left, landmarks, um_per_px, settled=settled)
        spot = self._memory.recognise(seen, um_per_px)
        near = spot is not None and spot.map == left.map
        self._spot = spot or self._memory.new_spot()
        moved_px = (self._spot.place_um - self._place) / um_per_px
        self._place = self._spot.place_um
        self._begin(picture)
        return "jump" if near and shared_part(moved_px, seen.size_px) >= LEAST_OVERLAP else "cut"

    def _leave(self, before: _Before, um_per_px: float) -> tuple[Spot, Landmarks, bool]:
        """The view to be remembered of the field that ends, and whether its landmarks are known to lie still."""
        last = find_landmarks(before.picture)
        key = self._key
        if key is not None and before.time_s - key.time_s >= self._set.settle_s:
            moved_px = (before.place_um - key.place_um) / um_per_px
            still = keep_still(find_landmarks(key.picture), last, moved_px)
            if len(still.xy_px) >= LEAST_STILL:
                return Spot(self._spot.map, key.place_um, self._spot.field), still, True
        return Spot(self._spot.map, before.place_um, self._spot.field), last, False

    def _measure(self, picture: Picture, before: _Before, um_per_px: float, dt: float) -> NDArray[np.float64] | None:
        """Place by the key frame, once swimmers have moved away from where they were in it; None if nothing says."""
        key = self._key
        if key is None or self._time_s - key.time_s < self._set.settle_s:
            return None
        now = waves(picture)
        expected = (self._place + dt * self._speed - key.place_um) / um_per_px
        found = correlate(key.waves, now, expected, self._set.search_um / um_per_px)
        sure = found.stands_out > self._set.sure_ratio
        place: NDArray[np.float64] = key.place_um + found.shift_px * um_per_px
        far = np.hypot(*found.shift_px) > 0.25 * min(now.shape)
        if far and sure:
            left, landmarks, settled = self._leave(before, um_per_px)
            self._memory.remember(left, landmarks, um_per_px, settled=settled)
        if far or not sure:
            self._key = _Key(picture, now, place if sure else self._place + dt * self._speed, self._time_s)
        return place if sure else None

    def _filter(self, measured: NDArray[np.float64] | None, dt: float) -> None:
        """Constant-velocity filter; without a measurement the stage is taken to stand."""
        pp, pv, vv = self._spread
        noise = self._set.acceleration_um_s2**2
        self._place = self._place + dt * self._speed
        pp, pv, vv = (
            pp + 2 * dt * pv + dt * dt * vv + noise * dt**4 / 4,
            pv + dt * vv + noise * dt**3 / 2,
            vv + noise * dt * dt,
        )
        if measured is None:
            self._speed = self._speed * np.exp(-dt / 0.5)
        else:
            whole = pp + self._set.jitter_um**2
            off = measured - self._place
            self._place = self._place + pp / whole * off
            self._speed = self._speed + pv / whole * off
            pp, pv, vv = pp - pp * pp / whole, pv - pv * pp / whole, vv - pv * pv / whole
        self._spread = np.array([pp, pv, vv])
