"""What a dirty preparation holds besides cells and specks: tissue, granules, red cells, beads, loose tails, glass.

Testicular tissue and unwashed ejaculate bring scraps of tubule, clumps of granules, red cells and tails without heads;
a dish for injection brings a pipette, oil beads and the drop's own edge. Sizes in um: red cells 6-8 across with a
dimple (Diez-Silva et al. 2010, MRS Bull. 35:382), principal pieces of a tail 15-50 long, injection pipettes 5-8 wide
outside. Shares are by eye, after unstained stills of three cameras.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.simulate.cells import Floats
from spermscope.simulate.debris import Debris
from spermscope.simulate.shapes import add_disc

Image = NDArray[np.float32]
KINDS = ("granules", "loose tail", "loop", "red cell", "bead", "tissue", "pipette", "drop edge")
_PER_MM2 = (130.0, 90.0, 60.0, 60.0, 50.0, 25.0, 6.0, 6.0)
_LOW_UM = np.array([2.0, 12.0, 1.2, 2.9, 0.8, 8.0, 2.2, 40.0])
_HIGH_UM = np.array([10.0, 45.0, 3.2, 4.0, 5.0, 30.0, 4.5, 200.0])


def draw_clutter(rng: np.random.Generator, field_um: tuple[float, float], density: float) -> Debris:
    """Pieces scattered over ``field_um``; ``density`` 1 is a tissue preparation, 0 none.

    ``kind`` indexes this file's ``KINDS``; ``size_um`` is a radius, a tail's length or a pipette's half width;
    ``xy_um`` is the middle, of a pipette the tip.
    """
    counts = rng.poisson(density * field_um[0] * field_um[1] * 1e-6 * np.array(_PER_MM2))
    kind = np.repeat(np.arange(len(KINDS)), counts)
    count = len(kind)
    return Debris(
        kind=kind,
        xy_um=rng.uniform((0.0, 0.0), field_um, (count, 2)),
        size_um=_LOW_UM[kind] * (_HIGH_UM[kind] / _LOW_UM[kind]) ** rng.random(count),
        thickness=rng.uniform(0.3, 1.2, count),
        z_um=rng.normal(0.0, 3.0, count),
        seed=rng.integers(0, 2**31, count),
    )


def reach_um(clutter: Debris) -> Floats:
    """``(N,)``: how far from its middle each piece may reach."""
    far = np.array([1.3, 1.0, 1.2, 1.1, 1.1, 1.6, np.inf, np.inf])
    return np.asarray(far[clutter.kind] * clutter.size_um + 2.0)


def add_clutter(
    canvas: Image, clutter: Debris, row: int, centre_px: tuple[float, float], um_per_px: float, thin: float = 1.0
) -> None:
    """Add one piece to ``canvas``; loose tails, loops and granules count ``thin`` times."""
    rng = np.random.default_rng(clutter.seed[row])
    size, strength = clutter.size_um[row] / um_per_px, float(clutter.thickness[row])
    kind = KINDS[clutter.kind[row]]
    if kind == "granules":
        _granules(canvas, rng, centre_px, size, thin * strength, um_per_px)
    elif kind == "loose tail":
        turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0.0, 0.18, 24))
        _line(canvas, centre_px + _walk(turns, size / 24), thin * rng.uniform(0.3, 0.6), um_per_px)
    elif kind == "loop":
        around = np.linspace(0.0, rng.uniform(1.2, 2.5) * 2 * np.pi, 40)
        radius = size * (1.0 + rng.normal(0.0, 0.15) * np.sin(2 * around) + 0.06 * around)
        path = centre_px + np.column_stack([np.cos(around), np.sin(around)]) * radius[:, None]
        _line(canvas, path, thin * rng.uniform(0.3, 0.6), um_per_px)
    elif kind == "red cell":
        add_disc(canvas, centre_px, size, 0.8 * strength)
        add_disc(canvas, centre_px, 0.6 * size, -0.5 * strength)
    elif kind == "bead":
        add_disc(canvas, centre_px, max(size, 0.7), 2.0 * strength)
    elif kind == "tissue":
        _tissue(canvas, rng, centre_px, size, strength, um_per_px)
    elif kind == "pipette":
        _pipette(canvas, rng, centre_px, size, strength)
    else:
        _drop_edge(canvas, rng, centre_px, size, strength, um_per_px)


def _walk(turns: Floats, step_px: float) -> Floats:
    path = np.cumsum(np.column_stack([np.cos(turns), np.sin(turns)]) * step_px, axis=0)
    return path - path.mean(axis=0)


def _line(canvas: Image, path_px: Floats, strength: float, um_per_px: float) -> None:
    """A thread half a um thick; on coarser pixels fainter."""
    lines = np.zeros(canvas.shape, np.uint8)
    points = np.rint(path_px * 16).astype(np.int32)[:, None]
    cv2.polylines(lines, [points], False, 200, max(1, round(0.5 / um_per_px)), cv2.LINE_AA, 4)
    canvas += lines.astype(np.float32) * np.float32(strength * min(1.0, 0.5 / um_per_px) / 200.0)


def _granules(
    canvas: Image,
    rng: np.random.Generator,
    centre: tuple[float, float],
    size: float,
    strength: float,
    um_per_px: float,
) -> None:
    """A clump of spheres of about half a um, or a string of them."""
    count = int(np.clip(0.35 * (size * um_per_px) ** 2 * rng.uniform(0.4, 1.2), 4, 60))
    squeezed = rng.uniform(0.25, 1.0)
    out = rng.normal(0.0, 0.5 * size, (count, 2)) * (1.0, squeezed)
    turn = rng.uniform(0, np.pi)
    places = out @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + centre
    radius = np.maximum(rng.uniform(0.35, 0.9, count) / um_per_px, 0.7)
    for place, size_px in zip(places.tolist(), radius.tolist(), strict=True):
        add_disc(canvas, (place[0], place[1]), size_px, strength * float(rng.uniform(0.4, 1.0)))


def _tissue(
    canvas: Image,
    rng: np.random.Generator,
    centre: tuple[float, float],
    size: float,
    strength: float,
    um_per_px: float,
) -> None:
    """A scrap with a ragged outline and a rough surface."""
    half = int(1.5 * size) + 2
    y, x = np.ogrid[-half : half + 1, -half : half + 1]
    ragged = np.clip(0.3 * _field(rng, 2 * half + 1, 0.5 * size), -0.5, 0.45)
    inside = np.clip((1.0 + ragged - np.hypot(x, y) / size) * 0.25 * size, 0.0, 1.0)
    grains = (0.35, 2.5 / um_per_px), (0.25, 0.8 / um_per_px)
    rough = 0.5 + sum(share * _field(rng, 2 * half + 1, grain) for share, grain in grains)
    shift = np.array([[1.0, 0.0, centre[0] - half], [0.0, 1.0, centre[1] - half]])
    size_px = (canvas.shape[1], canvas.shape[0])
    canvas += cv2.warpAffine((strength * inside * rough).astype(np.float32), shift, size_px)


def _pipette(
    canvas: Image, rng: np.random.Generator, tip: tuple[float, float], half_width: float, strength: float
) -> None:
    """A straight glass tube from beyond the field to its slanted tip."""
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    along = (x - tip[0]) * np.cos(turn) + (y - tip[1]) * np.sin(turn)
    across = -(x - tip[0]) * np.sin(turn) + (y - tip[1]) * np.cos(turn)
    outer = np.clip((along - across + half_width) / (6.0 * half_width), 0.0, 1.0) * half_width
    bore = np.sqrt(np.maximum(outer**2 - across**2, 0.0)) - np.sqrt(np.maximum((0.7 * outer) ** 2 - across**2, 0.0))
    canvas += (strength * 3.0 * bore / half_width).astype(np.float32)


def _drop_edge(
    canvas: Image,
    rng: np.random.Generator,
    centre: tuple[float, float],
    radius: float,
    strength: float,
    um_per_px: float,
) -> None:
    """The rim of a drop: thickness climbs along a wide, wavy circle and falls off beyond it."""
    y, x = np.ogrid[: canvas.shape[0], : canvas.shape[1]]
    turn = rng.uniform(0, 2 * np.pi)
    dx, dy = x - centre[0] + radius * np.cos(turn), y - centre[1] + radius * np.sin(turn)
    angle = np.arctan2(dy, dx)
    rim = radius * (1.0 + 0.04 * np.sin(3 * angle + turn) + 0.02 * np.sin(7 * angle))
    beyond = (np.hypot(dx, dy) - rim) * um_per_px
    climb = 1.0 / (1.0 + np.exp(-np.clip(beyond / rng.uniform(0.5, 2.0), -30, 30)))
    canvas += (1.5 * strength * climb * np.exp(-np.maximum(beyond, 0.0) / rng.uniform(3.0, 25.0))).astype(np.float32)


def _field(rng: np.random.Generator, side: int, grain_px: float) -> Image:
    """A smooth random surface of unit spread whose bumps are ``grain_px`` wide."""
    coarse = max(2, round(side / max(grain_px, 1.0)))
    bumps = rng.standard_normal((coarse, coarse)).astype(np.float32)
    return np.asarray(cv2.resize(bumps, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
