"""A simulated field under a microscope: cells, debris, optics and stage, all from one seed, with known truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spermscope.simulate.camera import Camera
from spermscope.simulate.cells import Cells, Floats
from spermscope.simulate.clutter import add_clutter, draw_clutter, reach_um
from spermscope.simulate.debris import add_debris, draw_debris
from spermscope.simulate.microscopes import draw_optics
from spermscope.simulate.optics import KINDS, Optics, Spectrum, clean_optics
from spermscope.simulate.parameters import SceneSettings
from spermscope.simulate.shapes import draw_cells
from spermscope.simulate.swimmers import Pose, Swimmers
from spermscope.simulate.typical import typical_cells

__all__ = ["DebrisTruth", "Scene", "SceneSettings", "Truth", "View"]

MARGIN_UM = 75.0
"""Beyond the view: a cell and its tail are out of sight before it is replaced by a new one."""
LAYERS_UM = (-13.0, -7.0, -3.0, 0.0, 3.0, 7.0, 13.0)
"""Depth layers, from the focal plane, that matter is sorted into before it is imaged."""
LAYER_EDGES_UM = (-10.0, -5.0, -1.5, 1.5, 5.0, 10.0)
RIM_UM = 5.0
"""How far light of what lies beyond the view's edge reaches into it."""
JUMP_UM = (437.0, 311.0)


@dataclass(frozen=True, slots=True)
class View:
    """A window in map coordinates: pixel (0, 0) lies at ``(x_um, y_um)``."""

    x_um: float
    y_um: float
    width_px: int
    height_px: int
    um_per_px: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Where every cell near a view really is, a row each; ``in_view``: its head's centre lies in the picture."""

    cell_id: NDArray[np.int64]
    row: NDArray[np.int64]
    x_px: Floats
    y_px: Floats
    x_um: Floats
    y_um: Floats
    path_x_um: Floats
    path_y_um: Floats
    heading_deg: Floats
    length_um: Floats
    width_um: Floats
    z_um: Floats
    mode: NDArray[np.int64]
    in_view: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.cell_id)


@dataclass(frozen=True, slots=True)
class DebrisTruth:
    """Pieces in a view: ``kind`` indexes ``KINDS`` of ``debris`` or ``clutter``, centres and radii in pixels."""

    kind: NDArray[np.int64]
    x_px: Floats
    y_px: Floats
    radius_px: Floats


class Scene:
    """Everything under the microscope for ``settings.duration_s``; a pure function of its arguments.

    Cells live on a torus that is the view and a margin round it, so their density in view stays constant; one that
    leaves on one side comes back on the other under a new id, out of sight. When the stage jumps, every cell and
    piece is somewhere else and has another id.
    """

    def __init__(
        self,
        settings: SceneSettings,
        cells: Cells | None = None,
        optics: Optics | None = None,
        start_um: Floats | None = None,
        camera: Camera | None = None,
    ) -> None:
        rng = np.random.default_rng([settings.seed, 1])
        self.settings = settings
        self.view_um = np.array([settings.width_px, settings.height_px]) * settings.um_per_px
        self.torus_um = self.view_um + 2 * MARGIN_UM
        if optics is None:
            optics = (
                draw_optics(rng) if settings.optics == "random" else clean_optics(KINDS[KINDS.index(settings.optics)])
            )
        self.optics = optics
        if cells is None:
            count = int(rng.poisson(settings.cells * np.prod(self.torus_um) / np.prod(self.view_um)))
            cells = typical_cells(settings, count, rng)
        self.cells = cells
        self.debris = draw_debris(rng, (self.torus_um[0], self.torus_um[1]), settings.debris)
        self.swimmers = Swimmers(cells, (self.torus_um[0], self.torus_um[1]), settings.duration_s, rng, start_um)
        self.clutter = draw_clutter(
            np.random.default_rng([settings.seed, 4]), (self.torus_um[0], self.torus_um[1]), settings.clutter
        )
        self.camera = camera or settings.camera()
        self._drift_deg = float(rng.uniform(0, 360))
        elsewhere = np.random.default_rng([settings.seed, 3])
        self._cells_moved = elsewhere.uniform(0.0, self.torus_um, (len(cells), 2))
        self._debris_moved = elsewhere.uniform(0.0, self.torus_um, (len(self.debris), 2))
        self._clutter_moved = elsewhere.uniform(0.0, self.torus_um, (len(self.clutter), 2))
        self._still: tuple[tuple[View, bool], Spectrum] | None = None

    @property
    def frame_count(self) -> int:
        """Frames of ``duration_s`` that arrive."""
        return len(self.schedule())

    def schedule(self) -> list[tuple[float, float]]:
        """``(time_s, time_s of what it shows)`` of every frame that arrives."""
        due = max(1, round(self.settings.duration_s * self.settings.fps))
        return self.camera.schedule(due, self.settings.fps)

    def stage_um(self, time_s: float) -> Floats:
        """``(2,)`` where the field's top-left corner lies in the map."""
        turn = np.radians(self._drift_deg)
        place = self.settings.drift_um_s * time_s * np.array([np.cos(turn), np.sin(turn)])
        if self._jumped(time_s):
            place = place + JUMP_UM
        return np.asarray(place, float)

    def _jumped(self, time_s: float) -> bool:
        return 0.0 < self.settings.jump_at_s <= time_s

    def field_view(self, time_s: float) -> View:
        """The camera's own view at that time."""
        x, y = self.stage_um(time_s)
        return View(x, y, self.settings.width_px, self.settings.height_px, self.settings.um_per_px)

    def frames(self) -> Iterator[tuple[int, float, NDArray[np.uint8], Truth]]:
        """``(index, time_s, image, truth)`` of every frame that arrives; the truth is that of its time."""
        schedule = self.schedule()
        pictures = self.camera.record(self.render(shown_s) for _, shown_s in schedule)
        for index, ((time_s, _), image) in enumerate(zip(schedule, pictures, strict=True)):
            yield index, time_s, image, self.truth(time_s)

    def render(
        self, time_s: float, view: View | None = None, rng: np.random.Generator | None = None
    ) -> NDArray[np.uint8]:
        """``(H, W) uint8`` picture; its noise follows from the seed and the time unless ``rng`` is given."""

        def seen(at_s: float) -> NDArray[np.float32]:
            return self._seen(at_s, view or self.field_view(at_s))

        light = self.camera.gather(seen, time_s, 1.0 / self.settings.fps)
        rng = rng or np.random.default_rng([self.settings.seed, 2, round(time_s * 1e6)])
        return self.optics.expose(light, rng, self.camera.light((light.shape[0], light.shape[1]), time_s))

    def truth(self, time_s: float, view: View | None = None) -> Truth:
        """Every cell whose head lies in the view or within the margin round it."""
        view = view or self.field_view(time_s)
        pose, cell_id = self._place(time_s, view)
        x_px, y_px = (pose.x_um - view.x_um) / view.um_per_px, (pose.y_um - view.y_um) / view.um_per_px
        inside = (x_px >= -0.5) & (x_px < view.width_px - 0.5) & (y_px >= -0.5) & (y_px < view.height_px - 0.5)
        return Truth(
            cell_id=cell_id,
            row=np.arange(len(cell_id)),
            x_px=x_px,
            y_px=y_px,
            x_um=pose.x_um,
            y_um=pose.y_um,
            path_x_um=pose.path_x_um,
            path_y_um=pose.path_y_um,
            heading_deg=pose.heading_deg,
            length_um=self.cells.head_length_um,
            width_um=self.cells.head_width_um,
            z_um=self.cells.z_um,
            mode=self.cells.mode,
            in_view=inside,
        )

    def debris_truth(self, time_s: float, view: View | None = None) -> DebrisTruth:
        """The debris that lies in the view."""
        view = view or self.field_view(time_s)
        places = self._lies_px(self.debris.xy_um, self._debris_moved, time_s, view)
        return _in_view(self.debris.kind, places, self.debris.size_um, view)

    def clutter_truth(self, time_s: float, view: View | None = None) -> DebrisTruth:
        """The clutter whose middle lies in the view."""
        view = view or self.field_view(time_s)
        places = self._lies_px(self.clutter.xy_um, self._clutter_moved, time_s, view)
        return _in_view(self.clutter.kind, places, self.clutter.size_um, view)

    def _place(self, time_s: float, view: View) -> tuple[Pose, NDArray[np.int64]]:
        """Poses wrapped round the view, and ids that change when a cell is wrapped or the stage has jumped."""
        pose, jumped = self.swimmers.at(time_s), self._jumped(time_s)
        path = np.column_stack([pose.path_x_um, pose.path_y_um])
        other = self._cells_moved if jumped else np.zeros_like(path)
        corner = np.array([view.x_um, view.y_um]) - MARGIN_UM
        turns = np.floor((path + other - corner) / self.torus_um)
        shift = other - turns * self.torus_um
        away = np.where(turns >= 0, 2 * turns, -2 * turns - 1).astype(np.int64)
        pair = (away.sum(axis=1) * (away.sum(axis=1) + 1)) // 2 + away[:, 1]
        if self.settings.jump_at_s:
            pair = 2 * pair + jumped
        ids = np.arange(len(turns), dtype=np.int64) + len(turns) * pair
        moved = Pose(
            pose.x_um + shift[:, 0],
            pose.y_um + shift[:, 1],
            pose.path_x_um + shift[:, 0],
            pose.path_y_um + shift[:, 1],
            pose.heading_deg,
            pose.tail_um + shift[:, None, :],
        )
        return moved, ids

    def _seen(self, time_s: float, view: View) -> NDArray[np.float32]:
        wide = _padded(view)
        spectrum = self._still_spectrum(time_s, wide).copy()
        pose, _ = self._place(time_s, view)
        half = 0.5 * np.array([wide.width_px, wide.height_px]) * wide.um_per_px
        reach = half + 12.0 + self.cells.tail_length_um[:, None]
        away = np.abs(np.column_stack([pose.x_um, pose.y_um]) - (wide.x_um, wide.y_um) - half)
        close = np.all(away < reach, axis=1)
        layer_of = _layer(self.cells.z_um - self.optics.focus_um)
        filled = []
        for number in np.unique(layer_of[close]).tolist():
            rows = np.flatnonzero(close & (layer_of == number))
            canvas = np.zeros((wide.height_px, wide.width_px), np.float32)
            corner = (wide.x_um, wide.y_um)
            draw_cells(canvas, self.cells.take(rows), _rows(pose, rows), corner, wide.um_per_px, self.optics.thin)
            filled.append((self.optics.focus_um + LAYERS_UM[number], canvas))
        if filled:
            spectrum += self.optics.spectrum(filled, wide.um_per_px)
        seen = self.optics.develop(spectrum, (wide.height_px, wide.width_px), wide.um_per_px)
        left, top = (
            round((at - edge) / view.um_per_px) for at, edge in ((view.x_um, wide.x_um), (view.y_um, wide.y_um))
        )
        return seen[top : top + view.height_px, left : left + view.width_px]

    def _still_spectrum(self, time_s: float, wide: View) -> Spectrum:
        """What debris scatters, kept while the view stays."""
        key = (wide, self._jumped(time_s))
        if self._still is not None and self._still[0] == key:
            return self._still[1]
        layers = [np.zeros((wide.height_px, wide.width_px), np.float32) for _ in LAYERS_UM]
        centres = self._lies_px(self.debris.xy_um, self._debris_moved, time_s, wide)
        radius = self.debris.size_um / wide.um_per_px
        size = np.array([wide.width_px, wide.height_px])
        reach = 2 * radius[:, None] + 4
        layer_of = _layer(self.debris.z_um - self.optics.focus_um)
        for row in np.flatnonzero(np.all((centres > -reach) & (centres < size + reach), axis=1)).tolist():
            centre = (float(centres[row, 0]), float(centres[row, 1]))
            add_debris(layers[layer_of[row]], self.debris, row, centre, wide.um_per_px, self.optics.thin)
        self._add_clutter(layers, time_s, wide)
        heights = [self.optics.focus_um + height for height in LAYERS_UM]
        filled = [(height, layer) for height, layer in zip(heights, layers, strict=True) if layer.any()]
        spectrum = self.optics.spectrum(filled or [(0.0, layers[0])], wide.um_per_px)
        self._still = (key, spectrum)
        return spectrum

    def _add_clutter(self, layers: list[NDArray[np.float32]], time_s: float, wide: View) -> None:
        centres = self._lies_px(self.clutter.xy_um, self._clutter_moved, time_s, wide)
        reach = reach_um(self.clutter)[:, None] / wide.um_per_px
        close = np.all((centres > -reach) & (centres < np.array([wide.width_px, wide.height_px]) + reach), axis=1)
        layer_of = _layer(self.clutter.z_um - self.optics.focus_um)
        for row in np.flatnonzero(close).tolist():
            centre = (float(centres[row, 0]), float(centres[row, 1]))
            add_clutter(layers[layer_of[row]], self.clutter, row, centre, wide.um_per_px, self.optics.thin)

    def _lies_px(self, xy_um: Floats, moved_um: Floats, time_s: float, view: View) -> Floats:
        """``(N, 2)`` pixels of what lies still at ``xy_um``, wrapped round the view."""
        corner = np.array([view.x_um, view.y_um]) - MARGIN_UM
        lies = xy_um + moved_um if self._jumped(time_s) else xy_um
        placed = (lies - corner) % self.torus_um + corner
        return np.asarray((placed - (view.x_um, view.y_um)) / view.um_per_px)


def _in_view(kind: NDArray[np.int64], places_px: Floats, size_um: Floats, view: View) -> DebrisTruth:
    near = np.all((places_px > -0.5) & (places_px < np.array([view.width_px, view.height_px]) - 0.5), axis=1)
    return DebrisTruth(kind[near], places_px[near, 0], places_px[near, 1], size_um[near] / view.um_per_px)


def _layer(depth_um: Floats) -> NDArray[np.int64]:
    return np.digitize(depth_um, LAYER_EDGES_UM).astype(np.int64)


def _padded(view: View) -> View:
    """The view and a rim, so that light from beyond its edge falls in and none wraps round; fast to transform."""
    width, height = (
        fft.next_fast_len(size + 2 * int(np.ceil(RIM_UM / view.um_per_px)), real=True)
        for size in (view.width_px, view.height_px)
    )
    left, top = (width - view.width_px) // 2, (height - view.height_px) // 2
    return View(view.x_um - left * view.um_per_px, view.y_um - top * view.um_per_px, width, height, view.um_per_px)


def _rows(pose: Pose, rows: NDArray[np.int64]) -> Pose:
    return Pose(**{item.name: getattr(pose, item.name)[rows] for item in fields(Pose)})
