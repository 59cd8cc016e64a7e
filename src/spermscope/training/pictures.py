"""Simulated pictures and their heat maps: what the detector learns from.

Ranges follow a measured simulation-to-real study: every optics and polarity, glowing phase contrast (a box is the head
without the light round it), scale wrong by an eighth and in some by two fifths, about six heads a patch and up to
sixty, in some clumped, a third of them roundish, every fourth of odd shape, some denser than others, two in five
defocused, tails missing in some, debris from none to filthy. In half of the pictures lie tissue, granules, red cells,
loose tails and glass; in some there is dust on the sensor, the exposure is interlaced or the picture comes out of an
H.264 stream. A head that does not stand out from its surroundings is not asked for: who must find what cannot be seen
learns to guess.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.normalise import flatten
from spermscope.simulate import clutter
from spermscope.simulate.cells import Cells
from spermscope.simulate.debris import KINDS
from spermscope.simulate.microscopes import (
    add_glow,
    draw_closed_condenser,
    draw_optics,
    draw_relief,
    draw_wet_phase,
)
from spermscope.simulate.optics import KINDS as LOOKS
from spermscope.simulate.optics import Kind, Optics, clean_optics
from spermscope.simulate.scene import MARGIN_UM, DebrisTruth, Scene, SceneSettings
from spermscope.simulate.shapes import upright_boxes
from spermscope.simulate.typical import typical_cells

PATCH_PX = 256
WORKING_UM_PER_PX = 0.4
UNSEEN_BLUR_UM = 1.3
"""A head blurred wider than this is neither asked for nor forbidden."""
ROUND_ABOVE_UM, GLOWING_ROUND_ABOVE_UM = 4.6, 7.5
"""Round cells from this radius on are told from heads even where the scale is wrong."""
HEAD_UM = 3.6
ODD = 0.06
"""Share of heads, beside those of ``typical_cells``, that are large, narrow, tapered or rough; as many of each."""
STANDS_OUT = 2.2
"""A head's place against the picture's median place, in mean absolute contrast: fainter heads are not judged."""
ROUND_CELL, HEAD_LIKE = KINDS.index("round cell"), KINDS.index("head-like")
RED_CELL, BEAD, TISSUE, GRANULES = (clutter.KINDS.index(name) for name in ("red cell", "bead", "tissue", "granules"))
CLUMPED, CLUMP_UM = 0.15, 7.0
"""Share of pictures with clumps of heads, and the standard deviation of a head's place in one."""
BEAD_LIKE_UM = (1.0, 3.5)
"""Smooth beads of this radius look like heads without tails: not judged."""
CODED_FRAMES = 2
"""Of one picture with other noise, as an H.264 stream gives the last: the noise of the first is frozen in it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One training patch: ``flat (256, 256) float16`` and its objects, a row each, in working pixels.

    ``kind (N,)`` is 0 sperm, 1 other, -1 not judged; ``xy_px (N, 2)``; ``box_px (N, 2)`` width and height of the box
    round each. ``either_sign``: an inverted picture of this kind exists too. ``look``: the contrast method.
    """

    flat: NDArray[np.float16]
    kind: NDArray[np.int8]
    xy_px: NDArray[np.float32]
    box_px: NDArray[np.float32]
    either_sign: bool = True
    look: Kind = "phase"


def draw_picture(seed: int) -> Picture:
    """The picture of that seed."""
    rng = np.random.default_rng([seed, 11])
    um_per_px = float(rng.uniform(0.17, 0.25) if rng.random() < 0.2 else rng.uniform(0.25, 0.65))
    mistaken = _mistake(rng)
    side_px = int(np.ceil(PATCH_PX * WORKING_UM_PER_PX / (um_per_px * mistaken)))
    optics = any_optics(rng)
    dust = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0) if optics.phase_rad > 0 else (0.0, 1.0, 2.0, 4.0, 8.0, 12.0)
    settings = SceneSettings(
        width_px=side_px,
        height_px=side_px,
        um_per_px=um_per_px,
        duration_s=0.1,
        cells=_crowd(rng),
        seed=seed,
        debris=float(rng.choice(dust)),
        defocus_um=float(rng.choice((0.5, 1.5, 3.0, 5.0), p=(0.35, 0.3, 0.2, 0.15))),
        clutter=float(rng.choice((0.0, 0.5, 1.5, 4.0), p=(0.5, 0.2, 0.2, 0.1))),
        **_camera(rng),
    )
    # Light spreads round a glowing head, which then looks larger than it is.
    glare = float(np.exp(rng.uniform(0.0, 0.35))) if optics.glow > 0 else 1.0
    scene = _scene(settings, _cells(settings, rng, glare), optics, rng)
    filmed = [scene.render(0.05, rng=rng) for _ in range(CODED_FRAMES if settings.h264_crf else 1)]
    *_, image = scene.camera.record(filmed)
    flat = flatten(image, um_per_px * mistaken, WORKING_UM_PER_PX)[:PATCH_PX, :PATCH_PX]
    factor = um_per_px * mistaken / WORKING_UM_PER_PX
    return Picture(
        flat.astype(np.float16),
        *_objects(scene, factor, flat, glare),
        either_sign=optics.glow == 0 and optics.phase_rad == 0,
        look=optics.kind,
    )


def _scene(settings: SceneSettings, cells: Cells, optics: Optics, rng: np.random.Generator) -> Scene:
    """Cells anywhere; in some pictures most of them stick together in clumps, granules in their midst."""
    if rng.random() > CLUMPED:
        return Scene(settings, cells=cells, optics=optics)
    field_um = settings.width_px * settings.um_per_px + 2 * MARGIN_UM
    middles = rng.uniform(0.0, field_um, (1 + len(cells) // 6, 2))
    nearest = middles[rng.integers(0, len(middles), len(cells))] + rng.normal(0.0, CLUMP_UM, (len(cells), 2))
    alone = rng.random((len(cells), 1)) < 0.3
    start_um = np.where(alone, rng.uniform(0.0, field_um, nearest.shape), nearest)
    scene = Scene(settings, cells=cells, optics=optics, start_um=start_um)
    pieces = scene.clutter
    amid = middles[rng.integers(0, len(middles), len(pieces))] + rng.normal(0.0, 0.6 * CLUMP_UM, (len(pieces), 2))
    stuck = (pieces.kind == GRANULES) & (rng.random(len(pieces)) < 0.7)
    scene.clutter = replace(pieces, xy_um=np.where(stuck[:, None], amid, pieces.xy_um))
    return scene


def _crowd(rng: np.random.Generator) -> float:
    """Mean number of heads in a patch: none, some, or a dense preparation."""
    kind = rng.random()
    if kind < 0.06:
        return 0.0
    return float(rng.uniform(18, 65)) if kind > 0.70 else float(rng.gamma(1.5, 4.5))


def _mistake(rng: np.random.Generator) -> float:
    """Believed over true scale: half of the scales are typed in or calibrated, most others well estimated."""
    kind = rng.random()
    if kind < 0.9:
        return float(np.exp(rng.normal(0.0, 0.05 if kind < 0.5 else 0.13)))
    return float(np.exp(rng.uniform(np.log(0.7), np.log(1.45))))


def _camera(rng: np.random.Generator) -> dict[str, Any]:
    """What of the camera and the recording can be seen in a single picture."""
    kind = rng.random()
    coded = int(rng.integers(18, 36)) if kind < 0.15 else 0
    return {
        "h264_crf": coded,
        "interlaced": 0.15 <= kind < 0.20,
        "sensor_dust": int(rng.integers(1, 15)) if rng.random() < 0.2 else 0,
        "fps": float(rng.choice((25.0, 50.0))),
    }


def any_optics(rng: np.random.Generator) -> Optics:
    """A microscope of any kind, in the shares that the models learn from."""
    kind = rng.random()
    if kind < 0.28:
        return draw_wet_phase(rng)
    if kind < 0.46:
        return draw_closed_condenser(rng)
    if kind < 0.60:
        return draw_relief(rng)
    if kind < 0.74:
        clean = clean_optics(LOOKS[int(rng.integers(len(LOOKS)))])
        return replace(clean, blur=float(rng.uniform(0.2, 0.5)), noise_sigma=float(rng.uniform(0.5, 5.0)))
    optics = draw_optics(rng)
    return add_glow(optics, rng) if optics.kind == "phase" and rng.random() < 0.3 else optics


def _cells(settings: SceneSettings, rng: np.random.Generator, glare: float) -> Cells:
    spread = 1.0 + 150.0 / (settings.width_px * settings.um_per_px)
    cells = typical_cells(settings, int(rng.poisson(settings.cells * spread**2)), rng)
    count, glowing = len(cells), glare > 1.0
    roundish = rng.random(count) < 0.3
    width = np.where(roundish, cells.head_length_um * rng.uniform(0.8, 1.0, count), cells.head_width_um)
    large, narrow, tapered, rough = rng.random((4, count)) < ODD
    length = cells.head_length_um * np.where(large, rng.uniform(1.2, 1.5, count), 1.0)
    width = width * np.where(large, 1.3, 1.0) * np.where(narrow, rng.uniform(0.55, 0.75, count), 1.0)
    tail = cells.tail_length_um * (0.0 if not glowing and rng.random() < 0.1 else 1.0)
    tail = np.where(rng.random(count) < 0.04, 0.0, tail)
    uneven = rng.choice((0.0, 0.35), p=(0.65, 0.35))
    bulk = cells.thickness * (1.0 if rng.random() < 0.7 else 0.7) * np.exp(uneven * rng.standard_normal(count))
    size = glare * (1.0 if glowing else float(np.exp(rng.normal(0.0, 0.12))))
    return replace(
        cells,
        head_length_um=size * length,
        head_width_um=size * width,
        head_taper=cells.head_taper + np.where(tapered, rng.uniform(0.4, 0.8, count), 0.0),
        head_roughness=cells.head_roughness + np.where(rough, rng.uniform(0.4, 0.8, count), 0.0),
        tail_length_um=tail,
        thickness=bulk,
    )


def _stands_out(flat: NDArray[np.float32], xy: NDArray[np.float64]) -> NDArray[np.bool_]:
    """``(N,)``: is the place of each head brighter or darker than places mostly are."""
    side = int(HEAD_UM / WORKING_UM_PER_PX) | 1
    strength = cv2.blur(np.abs(flat), (side, side))
    column, row = (np.clip(np.rint(xy[:, axis]).astype(int), 0, flat.shape[1 - axis] - 1) for axis in (0, 1))
    return np.asarray(strength[row, column] > STANDS_OUT * float(np.median(strength)))


def _objects(
    scene: Scene, factor: float, flat: NDArray[np.float32], glare: float
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    truth = scene.truth(0.05)
    seen, um_per_px = truth.in_view, scene.settings.um_per_px
    xy = np.column_stack([truth.x_px, truth.y_px])[seen]
    size = upright_boxes(truth.length_um, truth.width_um, np.radians(truth.heading_deg))[seen] / (um_per_px * glare)
    hidden = scene.optics.blur_um(truth.z_um[seen]) > UNSEEN_BLUR_UM
    scraps = scene.clutter_truth(0.05)
    for row in np.flatnonzero(scraps.kind == TISSUE).tolist():
        away = np.hypot(xy[:, 0] - scraps.x_px[row], xy[:, 1] - scraps.y_px[row])
        hidden |= away < 1.3 * scraps.radius_px[row]
    other_xy, other_size, other_kind = _others(scene, scraps)
    xy, size = np.concatenate([xy, other_xy]), np.concatenate([size, other_size])
    kind = np.concatenate([np.where(hidden, -1, 0), other_kind])
    # Pixel centres are integers in both grids: (x + 1/2) scales, not x.
    placed = (xy + 0.5) * factor - 0.5
    kind = np.where(_stands_out(flat, placed), kind, -1)
    return kind.astype(np.int8), placed.astype(np.float32), (size * factor).astype(np.float32)


def _others(scene: Scene, scraps: DebrisTruth) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Places, sizes and kinds of what is told from heads (1) and of what cannot be (-1)."""
    pieces, um_per_px = scene.debris_truth(0.05), scene.settings.um_per_px
    # Without tails in the picture nobody can tell a piece the size of a head from a head: then it is not judged.
    least_um = GLOWING_ROUND_ABOVE_UM if scene.optics.glow > 0 else ROUND_ABOVE_UM
    large = (pieces.kind == ROUND_CELL) & (pieces.radius_px * um_per_px > least_um)
    told = (pieces.kind == HEAD_LIKE) & bool(scene.cells.tail_length_um.any())
    radius_um = scraps.radius_px * um_per_px
    like_heads = (scraps.kind == BEAD) & (radius_um > BEAD_LIKE_UM[0]) & (radius_um < BEAD_LIKE_UM[1])
    parts = (
        (pieces, np.isin(pieces.kind, (ROUND_CELL, HEAD_LIKE)), np.where(large | told, 1, -1)),
        (scraps, like_heads | (scraps.kind == RED_CELL), np.full(len(scraps.kind), -1)),
    )
    xy = np.concatenate([np.column_stack([part.x_px, part.y_px])[rows] for part, rows, _ in parts])
    radius = np.concatenate([part.radius_px[rows] for part, rows, _ in parts])
    return xy, 2.0 * np.column_stack([radius, radius]), np.concatenate([kind[rows] for _, rows, kind in parts])
