"""The scale that is estimated where none is given, on simulated sources and on real pictures.

``python -m benchmarks.scale [MODEL]``: the shipped network, or that of the file, beside the size of blobs.
Simulated: 216 sources from seeds and a recipe of their own (donors, not the tiles of the network's training): any
optics, 0.15-0.8 um/px evenly in the logarithm, 640x480 and 1392x976, about 3, 15 or 60 cells in view, clean to dirty.
Error is |estimated / true - 1|; a source is covered where its stated interval holds the truth. Intervals are 95 %, by
bootstrap over sources. Real, where the recordings lie beside the checkout: their scales are not published; 5.0 um for
the median box is the yardstick of the stills.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.blob_scale import estimate_by_blobs
from benchmarks.detection import DATA, read_boxes
from spermscope.model_file import shipped
from spermscope.runtime import Model, load_model
from spermscope.simulate.donors import draw_cells, draw_donor
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Scale
from spermscope.video import open_source
from spermscope.video.folder import ImageFolder
from spermscope.video.scale import estimate_scale
from spermscope.video.source import PROBE_FRAMES
from spermscope.video.stills import StillScales

SOURCES = 216
SIZES_PX = ((640, 480), (1392, 976))
CELLS = (3, 15, 60)
FRAMES = 3
RANGE_UM_PER_PX = (0.15, 0.8)


@dataclass(frozen=True)
class Simulated:
    """A source: its pictures and what is true of it."""

    images: list[np.ndarray]
    um_per_px: float
    optics: str
    cells: int
    size: str


def draw(seed: int) -> Simulated:
    """The source of that seed; sizes and numbers of cells take turns."""
    rng = np.random.default_rng([seed, 4711])
    donor = draw_donor(rng, seed)
    width, height = SIZES_PX[seed % len(SIZES_PX)]
    cells = CELLS[seed // len(SIZES_PX) % len(CELLS)]
    um_per_px = float(np.exp(rng.uniform(*np.log(RANGE_UM_PER_PX))))
    settings = SceneSettings(
        width_px=width,
        height_px=height,
        um_per_px=um_per_px,
        duration_s=float(FRAMES),
        cells=cells,
        seed=int(rng.integers(2**31)),
        debris=float(rng.choice((0.5, 1.0, 2.0, 4.0))),
    )
    spread = 1.0 + 150.0 / (um_per_px * np.array([width, height]))
    scene = Scene(settings, draw_cells(donor, int(rng.poisson(cells * np.prod(spread))), rng), donor.optics)
    kind = "strong phase" if donor.optics.phase_rad > 0 else donor.optics.kind
    images = [scene.render(float(time_s)) for time_s in range(FRAMES)]
    return Simulated(images, um_per_px, kind, cells, f"{width}x{height}")


def simulated(model: Model) -> None:
    """The table by optics, number of cells, size and scale."""
    groups: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for seed in range(SOURCES):
        source = draw(seed)
        third = ("0.15-0.26", "0.26-0.46", "0.46-0.80")[int(np.searchsorted((0.26, 0.46), source.um_per_px))]
        kinds = ("all", source.optics, f"{source.cells} cells", source.size, f"{third} um/px")
        estimates = {"network": estimate_scale(source.images, model), "blobs": estimate_by_blobs(source.images)}
        for name, found in estimates.items():
            off = abs(found.um_per_px / source.um_per_px - 1.0)
            covered = abs(source.um_per_px / found.um_per_px - 1.0) <= found.relative_error
            for kind in kinds:
                groups[f"{kind}, {name}"].append((off, covered))
    for group, rows in groups.items():
        off, covered = np.array(rows).T
        sys.stdout.write(
            f"| {group} | {len(rows)} | {100 * np.median(off):.1f} ({_interval(off, np.median)}) "
            f"| {100 * np.mean(off <= 0.3):.0f} ({_interval(off <= 0.3, np.mean)}) "
            f"| {100 * np.mean(covered):.0f} ({_interval(covered, np.mean)}) |\n"
        )


def _interval(values: np.ndarray, what) -> str:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    again = what(values[rng.integers(0, len(values), (1000, len(values)))], axis=1)
    low, high = 100 * np.quantile(again, (0.025, 0.975))
    return f"{low:.0f}-{high:.0f}"


def real(model: Model) -> Iterator[tuple[str, Scale, float]]:
    """Name, estimate, and the yardstick, NaN where there is none."""
    with open_source(DATA / "visem52" / "visem52_dev.mp4", um_per_px=1.0) as source:
        frames = [frame.image for frame in islice(source, PROBE_FRAMES)]
    yield "visem52, network", estimate_scale(frames, model), float("nan")
    yield "visem52, blobs", estimate_by_blobs(frames), float("nan")
    images: dict[tuple[int, ...], list[np.ndarray]] = defaultdict(list)
    boxes: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for name, rows in read_boxes(DATA / "icsi-stills" / "boxes.csv", "image").items():
        image = cv2.imread(str(DATA / "icsi-stills" / name), cv2.IMREAD_GRAYSCALE)
        images[image.shape].append(image)
        boxes[image.shape] += (rows[:, 3] * image.shape[1]).tolist()
    scales = StillScales(ImageFolder.of_folder(DATA / "icsi-stills", stills=True, fps=None), model)
    for shape, pictures in images.items():
        name, yard = f"icsi-stills {shape[1]}x{shape[0]} ({len(pictures)})", 5.0 / float(np.median(boxes[shape]))
        yield f"{name}, network", scales.of_size(pictures[0]), yard
        yield f"{name}, blobs", estimate_by_blobs(pictures), yard


def start_up(path: Path) -> None:
    """What the estimate adds to the opening of a recording; the engine is there already."""
    scene = Scene(SceneSettings(width_px=SIZES_PX[1][0], height_px=SIZES_PX[1][1], duration_s=3.0, cells=30, seed=1))
    images = [scene.render(index / 15) for index in range(PROBE_FRAMES)]
    begun = time.process_time()
    model = load_model(path)
    loaded = time.process_time()
    estimate_scale(images, model)
    done = time.process_time()
    sys.stdout.write(
        f"start-up, {len(images)} pictures of {SIZES_PX[1][0]}x{SIZES_PX[1][1]}: {done - begun:.2f} s of one core, "
        f"{loaded - begun:.2f} to load and check, {done - loaded:.2f} to look\n\n"
    )


def main() -> None:
    """Print the time and both tables."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("scale")
    model = load_model(path)
    start_up(path)
    sys.stdout.write(
        "| simulated sources | n | median error, % | within 30 %, % | covered, % |\n|---|---|---|---|---|\n"
    )
    simulated(model)
    if not DATA.is_dir():
        sys.stdout.write("no recordings beside the checkout: no real picture measured\n")
        return
    sys.stdout.write("\n| real pictures | estimate, um/px | yardstick | ratio |\n|---|---|---|---|\n")
    for name, found, yard in real(model):
        ratio = f"{found.um_per_px / yard:.2f}" if np.isfinite(yard) else ""
        yard_text = f"{yard:.3f}" if ratio else ""
        sys.stdout.write(
            f"| {name} | {found.um_per_px:.3f} ± {100 * found.relative_error:.0f} % | {yard_text} | {ratio} |\n"
        )


if __name__ == "__main__":
    main()
