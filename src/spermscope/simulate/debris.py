"""What else lies in a sample: specks, blobs, threads, granular round cells and head-like pieces.

Densities per 85 x 85 um (256 px at 1/3 um) follow the simulation-to-real study: specks 0-50, small blobs 0-12. Round
cells measure 6-16 um across (leukocytes and germ cells). Head-sized smooth discs are left out: people label them as
sperm.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.simulate.cells import Floats
from spermscope.simulate.shapes import add_disc

Image = NDArray[np.float32]
KINDS = ("speck", "blob", "thread", "round cell", "head-like")
_PER_MM2 = (2600.0, 420.0, 60.0, 60.0, 50.0)


@dataclass(frozen=True, slots=True)
class Debris:
    """Pieces, a row each: ``kind`` indexes ``KINDS``, ``xy_um (N, 2)``, ``size_um`` radius, ``thickness``, ``z_um``."""

    kind: NDArray[np.int64]
    xy_um: Floats
    size_um: Floats
    thickness: Floats
    z_um: Floats
    seed: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kind)


def draw_debris(rng: np.random.Generator, field_um: tuple[float, float], density: float) -> Debris:
    """Pieces scattered over ``field_um``; ``density`` 1 is a washed sample, 3 a dirty one, 0 none."""
    area_mm2 = field_um[0] * field_um[1] * 1e-6
    counts = rng.poisson(density * area_mm2 * np.array(_PER_MM2))
    kind = np.repeat(np.arange(len(KINDS)), counts)
    count = len(kind)
    low = np.array([0.15, 0.5, 4.0, 3.8, 0.7])[kind]
    high = np.array([0.45, 1.4, 14.0, 8.0, 2.2])[kind]
    return Debris(
        kind=kind,
        xy_um=rng.uniform((0.0, 0.0), field_um, (count, 2)),
        size_um=low * (high / low) ** rng.random(count),
        thickness=np.where(kind == 0, 0.08 * 16.0 ** rng.random(count), rng.uniform(0.25, 1.3, count)),
        z_um=rng.normal(0.0, 3.0, count),
        seed=rng.integers(0, 2**31, count),
    )


def add_debris(
    canvas: Image, debris: Debris, row: int, centre_px: tuple[float, float], um_per_px: float, thin: float = 1.0
) -> None:
    """Add one piece to ``canvas``; specks, blobs and threads count ``thin`` times."""
    size = debris.size_um[row] / um_per_px
    strength = debris.thickness[row]
    kind = KINDS[debris.kind[row]]
    if kind in ("speck", "blob"):
        # Specks below the pixel spread their matter: thickness falls with the area they do not fill.
        radius = max(size, 0.7)
        add_disc(canvas, centre_px, radius, thin * strength * min(1.0, (size / radius) ** 2))
        return
    rng = np.random.default_rng(debris.seed[row])
    if kind == "thread":
        _thread(canvas, rng, centre_px, size, thin * 0.4 * strength, um_per_px)
    elif kind == "round cell":
        add_disc(canvas, centre_px, size, 0.5 * strength)
        for _ in range(14):
            turn, out = rng.uniform(0, 2 * np.pi), size * 0.85 * np.sqrt(rng.random())
            grain = (centre_px[0] + out * np.cos(turn), centre_px[1] + out * np.sin(turn))
            add_disc(canvas, grain, max(0.7, rng.uniform(0.08, 0.2) * size), rng.uniform(0.15, 0.5))
    else:
        for _ in range(int(rng.integers(2, 5))):
            shift = rng.normal(0.0, 0.55 * size, 2)
            add_disc(canvas, (centre_px[0] + shift[0], centre_px[1] + shift[1]), size * rng.uniform(0.4, 0.8), strength)


def _thread(
    canvas: Image, rng: np.random.Generator, centre: tuple[float, float], size: float, strength: float, um_per_px: float
) -> None:
    turns = np.cumsum(rng.normal(0.0, 0.35, 12)) + rng.uniform(0, 2 * np.pi)
    path = np.cumsum(np.column_stack([np.cos(turns), np.sin(turns)]) * size / 6, axis=0) + centre
    lines = np.zeros(canvas.shape, np.uint8)
    cv2.polylines(
        lines,
        [np.rint(path * 16).astype(np.int32)[:, None]],
        False,
        200,
        max(1, round(0.5 / um_per_px)),
        cv2.LINE_AA,
        4,
    )
    canvas += lines.astype(np.float32) * np.float32(strength / 200.0)
