"""Simulated tiles of any scale: what the scale network learns from.

Only matter of known size may tell the scale. Noise, blocks of compression and the sharpness of single pixels come with
the camera and the codec, and recordings are resized after both: so a tile is rendered at one scale and resized to
another, blurred in pixels, compressed again. Neither may what is not sperm: specks and blobs are drawn larger or
smaller than they are, a whole picture's alike, and how many pieces lie in a tile, or that no head does, is drawn
without regard to its scale. (With so many pieces to the square millimetre a first network read the scale off empty,
dirty fields.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.simulate.cells import Cells
from spermscope.simulate.debris import KINDS
from spermscope.simulate.optics import Optics
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.simulate.typical import typical_cells
from spermscope.training.pictures import any_optics
from spermscope.video.scale import look

SIDE_PX = 288
"""Of a drawn tile: the network's tile is cut from it, at another zoom each time."""
FINEST_UM_PER_PX, COARSEST_UM_PER_PX = 0.1, 1.3
RENDERED_UM_PER_PX = (0.09, 1.6)
MOST_PER_UM2 = 0.009
"""Heads in the densest preparation: 65 in 85 x 85 um."""
FEWEST, MOST = 2.5, 250.0
"""Mean number of heads in view where there are any."""
EMPTY = 0.25
"""Share of tiles without heads, at every scale."""
PIECES = (0.5, 120.0)
"""Pieces of dirt in a tile."""
PIECES_PER_UM2 = 0.0032
"""Where ``SceneSettings.debris`` is 1."""
SCRAPS = (0.3, 10.0)
"""Of tissue, granules, red cells, loose tails and glass in a tile where there are any."""
SCRAPS_PER_UM2 = 0.00043
"""Where ``SceneSettings.clutter`` is 1."""
DIRT = [KINDS.index(kind) for kind in ("speck", "blob")]


@dataclass(frozen=True, slots=True)
class Tile:
    """``flat (288, 288) float16`` of a true scale; ``either_sign``: an inverted picture of this kind exists too."""

    flat: NDArray[np.float16]
    um_per_px: float
    either_sign: bool


def draw_tile(seed: int) -> Tile:
    """The tile of that seed."""
    rng = np.random.default_rng([seed, 21])
    um_per_px = float(np.exp(rng.uniform(np.log(FINEST_UM_PER_PX), np.log(COARSEST_UM_PER_PX))))
    size = (SIDE_PX, SIDE_PX)
    cells = 0.0 if rng.random() < EMPTY else draw_crowd(rng, um_per_px, size)
    images, optics = draw_source(rng, um_per_px, size, 1, cells)
    return Tile(look(images[0]).astype(np.float16), um_per_px, optics.glow == 0 and optics.phase_rad == 0)


def draw_source(
    rng: np.random.Generator, um_per_px: float, size_px: tuple[int, int], frames: int, cells: float
) -> tuple[list[NDArray[np.uint8]], Optics]:
    """``frames`` pictures, a second apart, of one scene: ``size_px`` (width, height), about ``cells`` heads in view."""
    zoom = float(np.exp(rng.uniform(np.log(0.6), np.log(1.7)))) if rng.random() < 0.6 else 1.0
    rendered = float(np.clip(um_per_px * zoom, *RENDERED_UM_PER_PX))
    zoom = rendered / um_per_px
    optics = any_optics(rng)
    settings = SceneSettings(
        width_px=int(np.ceil(size_px[0] / zoom)),
        height_px=int(np.ceil(size_px[1] / zoom)),
        um_per_px=rendered,
        duration_s=float(frames),
        cells=cells,
        seed=int(rng.integers(2**31)),
        debris=_dirt(rng, um_per_px),
        clutter=_mess(rng, um_per_px),
        sensor_dust=int(rng.integers(1, 15)) if rng.random() < 0.15 else 0,
        defocus_um=float(rng.choice((0.5, 1.5, 3.0, 5.0), p=(0.35, 0.35, 0.2, 0.1))),
    )
    scene = Scene(settings, cells=_cells(settings, rng, optics.glow > 0), optics=optics)
    dirt = np.isin(scene.debris.kind, DIRT)
    grown = np.where(dirt, np.exp(rng.uniform(-0.9, 0.9)), 1.0)
    scene.debris = replace(scene.debris, size_um=grown * scene.debris.size_um)
    blur_px = float(rng.uniform(0.4, 1.2)) if rng.random() < 0.3 else 0.0
    quality = int(rng.integers(30, 95)) if rng.random() < 0.3 else 0
    return [_recorded(scene.render(float(at)), size_px, blur_px, quality) for at in range(frames)], optics


def _recorded(image: NDArray[np.uint8], size_px: tuple[int, int], blur_px: float, quality: int) -> NDArray[np.uint8]:
    """What a camera's picture is after it was resized, smoothed and compressed once more."""
    if image.shape != size_px[::-1]:
        shrinks = image.shape[1] > size_px[0]
        image = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if blur_px:
        image = cv2.GaussianBlur(image, (0, 0), blur_px)
    if quality:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return image


def draw_crowd(rng: np.random.Generator, um_per_px: float, size_px: tuple[int, int]) -> float:
    """Mean number of heads in view: from few to as many as fit, each order of magnitude as often."""
    fit = MOST_PER_UM2 * size_px[0] * size_px[1] * um_per_px**2
    return float(np.exp(rng.uniform(np.log(FEWEST), np.log(np.clip(fit, 2 * FEWEST, MOST)))))


def _dirt(rng: np.random.Generator, um_per_px: float) -> float:
    """Density of debris, as ``SceneSettings`` has it, for a number of pieces in a tile; none in one of ten."""
    if rng.random() < 0.1:
        return 0.0
    pieces = float(np.exp(rng.uniform(*np.log(PIECES))))
    return min(50.0, pieces / (PIECES_PER_UM2 * (SIDE_PX * um_per_px) ** 2))


def _mess(rng: np.random.Generator, um_per_px: float) -> float:
    """Density of clutter, as ``SceneSettings`` has it, for a number of pieces in a tile; none in six of ten."""
    if rng.random() < 0.6:
        return 0.0
    pieces = float(np.exp(rng.uniform(*np.log(SCRAPS))))
    return min(20.0, pieces / (SCRAPS_PER_UM2 * (SIDE_PX * um_per_px) ** 2))


def _cells(settings: SceneSettings, rng: np.random.Generator, glowing: bool) -> Cells:
    spread = 1.0 + 150.0 / (np.array([settings.width_px, settings.height_px]) * settings.um_per_px)
    cells = typical_cells(settings, int(rng.poisson(settings.cells * np.prod(spread))), rng)
    roundish = rng.random(len(cells)) < rng.choice((0.0, 0.3))
    width = np.where(roundish, cells.head_length_um * rng.uniform(0.8, 1.0, len(cells)), cells.head_width_um)
    # Men differ, and light spreads round a glowing head, which then looks larger than it is.
    size = float(np.exp(rng.normal(0.0, 0.05) + (rng.uniform(0.0, 0.3) if glowing else 0.0)))
    return replace(
        cells,
        head_length_um=size * cells.head_length_um,
        head_width_um=size * width,
        tail_length_um=cells.tail_length_um * (0.0 if not glowing and rng.random() < 0.1 else 1.0),
        thickness=cells.thickness * (1.0 if rng.random() < 0.7 else 0.7),
    )
