"""How simulated cells swim: average path, head beat and flagellar wave, for any time.

An average path turns steadily and wanders (an angular random walk); the head swings across it as a sine; the
flagellum is a travelling wave whose amplitude grows from the neck (Gray & Hancock 1955 draw it so; human sperm beat
at 4-16 Hz and swing the head by 2-7 um peak to peak, Mortimer 2000). Immotile cells only jitter (Brownian, below
0.3 um); non-progressive ones twitch on the spot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.simulate.cells import MODES, Cells, Floats

STEP_S = 0.005
TAIL_POINTS = 24
MIDPIECE_UM = 5.0
WAVELENGTH = 0.65
"""Of the tail's length: one and a half waves stand on a human flagellum."""
BROWNIAN_UM = 0.08
"""Standard deviation of an immotile cell's jitter."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where N cells are at one time: head centres, the average path below the beat, and tails.

    ``heading_deg (N,)`` is the head's long axis (0 = +x, 90 = +y, downward); ``tail_um (N, P, 2)`` runs from the neck
    to the tip; a missing tail has all points at the neck.
    """

    x_um: Floats
    y_um: Floats
    path_x_um: Floats
    path_y_um: Floats
    heading_deg: Floats
    tail_um: Floats


class Swimmers:
    """Paths of N cells over ``duration_s``; ``start_um (N, 2)`` or uniform in ``field_um`` (width, height)."""

    def __init__(
        self,
        cells: Cells,
        field_um: tuple[float, float],
        duration_s: float,
        rng: np.random.Generator,
        start_um: Floats | None = None,
    ) -> None:
        count, steps = len(cells), int(np.ceil(duration_s / STEP_S)) + 2
        self.cells = cells
        start = rng.uniform((0.0, 0.0), field_um, (count, 2)) if start_um is None else np.asarray(start_um, float)
        turning = np.radians(cells.turn_deg_s)[:, None] * STEP_S
        wander = np.radians(cells.wander_deg)[:, None] * np.sqrt(STEP_S) * rng.standard_normal((count, steps))
        course = rng.uniform(0, 2 * np.pi, (count, 1)) + np.cumsum(turning + wander, axis=1)
        pace = (cells.speed_um_s * STEP_S)[:, None]
        self._course = course.astype(np.float32)
        self._x = start[:, :1] + np.cumsum(pace * np.cos(course), axis=1)
        self._y = start[:, 1:] + np.cumsum(pace * np.sin(course), axis=1)
        self._phase = rng.uniform(0, 2 * np.pi, count)
        self._moving = cells.mode != MODES.index("immotile")
        self._jitter = np.where(self._moving, 0.0, BROWNIAN_UM)[:, None] * _smooth_noise(rng, count, duration_s)
        self._side = rng.choice((-1.0, 1.0), count)

    def at(self, time_s: float) -> Pose:
        """Every cell at ``time_s`` (0 .. duration; held at the ends)."""
        place = float(np.clip(time_s / STEP_S, 0, self._x.shape[1] - 1.001))
        low, part = int(place), place - int(place)
        path_x = (1 - part) * self._x[:, low] + part * self._x[:, low + 1]
        path_y = (1 - part) * self._y[:, low] + part * self._y[:, low + 1]
        course = (1 - part) * self._course[:, low] + part * self._course[:, low + 1]
        beat = 2 * np.pi * np.where(self._moving, self.cells.beat_hz * time_s, 0.0) + self._phase
        swing = np.where(self._moving, self.cells.beat_um * np.sin(beat), 0.0)
        shake = self._jitter_at(time_s)
        x = path_x - swing * np.sin(course) + shake[0]
        y = path_y + swing * np.cos(course) + shake[1]
        wobble = np.where(self._moving, np.radians(np.minimum(28.0, 6.0 * self.cells.beat_um)) * np.cos(beat), 0.0)
        heading = course + wobble
        tail = self._tails(np.column_stack([x, y]), heading, beat)
        return Pose(x, y, path_x, path_y, np.degrees(heading), tail)

    def _jitter_at(self, time_s: float) -> Floats:
        grid = self._jitter.shape[1] // 2
        place = float(np.clip(time_s / 0.1, 0, grid - 1.001))
        low, part = int(place), place - int(place)
        both = self._jitter.reshape(len(self.cells), 2, grid)
        held: Floats = ((1 - part) * both[:, :, low] + part * both[:, :, low + 1]).T
        return held

    def _tails(self, heads: Floats, heading: Floats, beat: Floats) -> Floats:
        """Tail points (N, P, 2) by integrating the tangent along the flagellum, so its length is exact."""
        cells = self.cells
        along = np.linspace(0.0, 1.0, TAIL_POINTS)
        length = cells.tail_length_um[:, None]
        wave = beat[:, None] - 2 * np.pi * along / WAVELENGTH
        envelope = 0.15 + 0.85 * along
        amplitude = np.where(self._moving, cells.tail_um, 0.25 * cells.tail_um)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = amplitude * (0.85 * np.sin(wave) - envelope * 2 * np.pi / WAVELENGTH * np.cos(wave)) / length
        slope = np.arctan(np.nan_to_num(slope, posinf=0.0, neginf=0.0))
        bend = np.radians(cells.midpiece_bend_deg)[:, None] * np.clip(along * length / MIDPIECE_UM, 0, 1)
        coil = 3.5 * np.pi * cells.tail_coil[:, None] * along
        turning = heading[:, None] + np.pi + slope + self._side[:, None] * (bend + coil)
        step = length / (TAIL_POINTS - 1)
        rear = -0.5 * cells.head_length_um
        neck = heads + rear[:, None] * np.column_stack([np.cos(heading), np.sin(heading)])
        middle = 0.5 * (turning[:, 1:] + turning[:, :-1])
        points = np.zeros((len(cells), TAIL_POINTS, 2))
        points[:, 1:, 0] = np.cumsum(step * np.cos(middle), axis=1)
        points[:, 1:, 1] = np.cumsum(step * np.sin(middle), axis=1)
        tails: Floats = points + neck[:, None, :]
        return tails


def _smooth_noise(rng: np.random.Generator, count: int, duration_s: float) -> NDArray[np.float64]:
    """(count, 2 * grid) slow unit noise on a 0.1 s grid, x then y."""
    grid = int(duration_s / 0.1) + 3
    return rng.standard_normal((count, 2 * grid))
