"""How the field moved between frames: drift to be removed, jumps and cuts that end every track.

Every frame's specks and heads are correlated (in Fourier space) with those of a key frame and of the frame before.
What lies still in the sample makes one peak; moving cells, half a second later, make none in common. The shift is
smoothed by a constant-velocity filter, since a stage drifts slowly and pixels jitter; where nothing lies still, the
stage is taken to stand.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spermscope.compress import asinh
from spermscope.settings import StageSettings
from spermscope.types import Frame, StagePosition, StageState

SPECKS_ABOVE = 1.1
"""On the asinh scale: matter more than four deviations of the noise from its surroundings."""

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Waves:
    """The Fourier transform of a real picture of ``shape`` and the sum of its squares, ``energy``."""

    values: NDArray[np.complex64]
    shape: tuple[int, ...]
    energy: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """One frame's waves, where it lay in the map (``place_um (2,)``) and when."""

    waves: _Waves
    place_um: NDArray[np.float64]
    time_s: float


class StageFollower:
    """Tells where each frame lies in the map. Call ``step`` once a frame, in order; ``reset`` forgets all."""

    def __init__(self, um_per_px: float, settings: StageSettings | None = None) -> None:
        self._um_per_px = um_per_px
        self._set = settings or StageSettings()
        self.reset()

    def reset(self) -> None:
        """The next frame is the first of field 0 again."""
        self._key: _Seen | None = None
        self._before: _Seen | None = None
        self._field = 0
        self._place = np.zeros(2)
        self._speed = np.zeros(2)
        self._spread = np.array([0.0, 0.0, 1.0])
        self._time_s = float("nan")
        self._likeness: deque[float] = deque(maxlen=self._set.remembered_frames)

    def step(self, frame: Frame) -> StagePosition:
        """Register one frame.

        A frame without any structure (flat, or a few pixels large) lies where the one before lay.
        """
        small, factor = _shrink(frame.image, self._set.width_px)
        focus = _focus(frame.image)
        dt = 0.0 if np.isnan(self._time_s) else frame.time_s - self._time_s
        self._time_s = frame.time_s
        if min(small.shape) < 16 or (self._before is None and not small.any()):
            return self._at("start" if self._before is None else "still", focus)
        waves = _waves(small)
        if self._key is None or self._before is None or self._key.waves.shape != waves.shape:
            self._begin(waves)
            return self._at("start", focus)
        state = self._register(waves, self._um_per_px * factor, dt)
        self._before = _Seen(waves, self._place.copy(), self._time_s)
        return self._at(state, focus)

    def _at(self, state: StageState, focus: float) -> StagePosition:
        return StagePosition(self._field, float(self._place[0]), float(self._place[1]), state, focus)

    def _begin(self, waves: _Waves) -> None:
        """A new field begins where we are."""
        self._key = self._before = _Seen(waves, self._place.copy(), self._time_s)
        self._speed = np.zeros(2)
        self._spread = np.array([0.0, 0.0, 1.0])
        self._likeness.clear()

    def _register(self, waves: _Waves, um_per_px: float, dt: float) -> StageState:
        before, key = self._before, self._key
        if before is None or key is None:
            raise RuntimeError("a frame is registered before the first one")
        step = _correlate(before.waves, waves, np.zeros(2), max(waves.shape))
        usual = float(np.median(self._likeness)) if len(self._likeness) >= 3 else step.likeness
        if step.likeness < self._set.cut_share * usual and usual > self._set.least_likeness:
            self._field += 1
            self._begin(waves)
            return "cut"
        if step.stands_out > self._set.sure_ratio and np.hypot(*step.shift_px) * um_per_px > self._set.jump_um:
            self._field += 1
            self._place = before.place_um + step.shift_px * um_per_px
            self._begin(waves)
            return "jump"
        self._likeness.append(step.likeness)
        self._filter(self._measure(waves, um_per_px, dt), dt)
        return "drift" if np.hypot(*self._speed) > self._set.still_um_s else "still"

    def _measure(self, waves: _Waves, um_per_px: float, dt: float) -> NDArray[np.float64] | None:
        """Place by the key frame, once swimmers have moved away from where they were in it; None if nothing says."""
        key = self._key
        if key is None or self._time_s - key.time_s < self._set.settle_s:
            return None
        expected = (self._place + dt * self._speed - key.place_um) / um_per_px
        found = _correlate(key.waves, waves, expected, self._set.search_um / um_per_px)
        sure = found.stands_out > self._set.sure_ratio
        place: NDArray[np.float64] = key.place_um + found.shift_px * um_per_px
        far = np.hypot(*found.shift_px) > 0.25 * min(waves.shape)
        if far or not sure:
            self._key = _Seen(waves, place if sure else self._place + dt * self._speed, self._time_s)
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


def _shrink(image: NDArray[np.uint8], width_px: int) -> tuple[Picture, float]:
    """The flattened picture at most ``width_px`` wide, and how many source pixels one of its pixels is."""
    factor = max(1.0, image.shape[1] / width_px)
    size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
    # Halving is what the resampler does fastest; the rest is done on what is left.
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    flat = small - cv2.blur(small, (15, 15), borderType=cv2.BORDER_REFLECT)
    spread = float(np.median(np.abs(flat[::2, ::2])))
    if spread == 0.0 and not flat.any():
        return flat, factor
    flat = asinh(flat * np.float32(1.0 / max(3.0 * spread, 0.5)))
    return np.copysign(np.maximum(np.abs(flat) - np.float32(SPECKS_ABOVE), 0.0), flat), factor


def _waves(small: Picture) -> _Waves:
    """Of the picture's specks and heads alone: lamp and noise, which do not move with the sample, are cut off."""
    values: NDArray[np.complex64] = fft.rfft2(small, workers=1).astype(np.complex64)
    return _Waves(values, small.shape, float(np.vdot(small, small)))


@dataclass(frozen=True, slots=True)
class _Match:
    """How two pictures lie over each other.

    ``shift_px (2,)``: by how much the field moved over the sample. ``likeness``: height of the peak over that of equal
    pictures. ``stands_out``: over the highest that chance gives elsewhere.
    """

    shift_px: NDArray[np.float64]
    likeness: float
    stands_out: float


def _correlate(before: _Waves, now: _Waves, expected: NDArray[np.float64], within_px: float) -> _Match:
    """The best shift within ``within_px`` (one, if less) of ``expected``."""
    height, width = before.shape
    within_px = max(within_px, 1.0)
    energy = float(np.sqrt(before.energy * now.energy))
    if energy <= 0:
        return _Match(np.zeros(2), 1.0, 0.0)
    surface = fft.irfft2(before.values * np.conj(now.values), s=(height, width), workers=1)
    rows = np.flatnonzero(np.abs(_around(height, expected[1])) <= within_px)
    columns = np.flatnonzero(np.abs(_around(width, expected[0])) <= within_px)
    best = np.unravel_index(np.argmax(surface[np.ix_(rows, columns)]), (len(rows), len(columns)))
    row, column = int(rows[best[0]]), int(columns[best[1]])
    peak = np.array([_refine(surface, row, column, axis) for axis in (1, 0)])
    size = np.array([width, height])
    peak = (peak + size / 2) % size - size / 2
    top = float(surface[row, column])
    # The peak itself and what swims near it do not count as chance.
    near = [np.abs(_around(length, at)) <= 0.1 * length for length, at in ((height, row), (width, column))]
    surface[np.ix_(*near)] = -np.inf
    return _Match(peak, top / energy, top / max(float(surface.max()), 1e-9 * energy))


def _around(length: int, middle: float) -> NDArray[np.floating]:
    """How far each of ``length`` places lies beyond ``middle``, the short way round."""
    return (np.arange(length) - middle + length / 2) % length - length / 2


def _refine(surface: NDArray[np.floating], row: int, column: int, axis: int) -> float:
    """Position of the peak along ``axis`` by a parabola through three points."""
    height, width = surface.shape
    middle = float(surface[row, column])
    if axis == 1:
        low, high, place = surface[row, column - 1], surface[row, (column + 1) % width], column
    else:
        low, high, place = surface[row - 1, column], surface[(row + 1) % height, column], row
    curve = float(low) - 2 * middle + float(high)
    return place if curve >= 0 else place + 0.5 * (float(low) - float(high)) / curve


def _focus(image: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) of a central part, over the mean level squared."""
    height, width = image.shape
    part = image[height // 4 : max(height * 3 // 4, 1), width // 4 : max(width * 3 // 4, 1)]
    level = cv2.mean(part)[0] if part.size else 0.0
    if level == 0.0:
        return 0.0
    spread = cv2.meanStdDev(cv2.Laplacian(part, cv2.CV_16S))[1]
    return float(spread[0, 0] / level) ** 2
