"""Detection on simulated pictures of every contrast method: what holds across microscopes, and what a score means.

``python -m benchmarks.optics [--model FILE ...] [--int8]``. Seeds of its own; scales of 0.2-0.6 um/px are known. A head
counts where it is not blurred beyond recognition; what lies on a blurred head, a bead or a red cell is excused. Centre
in box: the upright box round the head. AP50: boxes that overlap by half. Calibration: by how much the mean score of
detections above the threshold is off the share of them that are heads. Debris: eight times as much as in a washed
sample, under typical optics. ``f1 (hand-set boxes)`` is the difference of boxes on the same pictures, its polarity
known.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.average_precision import Judged, average_precision, best_f1, judge, rates
from spermscope.detect import BoxDetector, HeatmapDetector, match_heads
from spermscope.model_file import shipped
from spermscope.runtime import Model, load_model
from spermscope.settings import Settings
from spermscope.simulate import clutter, debris
from spermscope.simulate.cells import MODES
from spermscope.simulate.microscopes import draw_closed_condenser, draw_optics, draw_relief, draw_wet_phase
from spermscope.simulate.optics import KINDS, Kind, Optics, clean_optics
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.simulate.shapes import upright_boxes
from spermscope.types import Detections, Frame, Scale, SourceProfile

FIRST_SEED = 21000
SCENES = 30
UNSEEN_BLUR_UM, NEAR_UM = 1.3, 4.0
EVERYTHING = 0.05


@dataclass(frozen=True)
class Truth:
    """Heads that count, a row each, with their upright boxes ``(cx, cy, w, h)``; places where a hit is excused."""

    boxes: np.ndarray
    moving: np.ndarray
    excused: np.ndarray


def truth_of(scene: Scene) -> Truth:
    """What a picture at 0.05 s shows."""
    um_per_px = scene.settings.um_per_px
    cells, bits, scraps = scene.truth(0.05), scene.debris_truth(0.05), scene.clutter_truth(0.05)
    xy = np.column_stack([cells.x_px, cells.y_px])
    size = upright_boxes(cells.length_um, cells.width_um, np.radians(cells.heading_deg)) / um_per_px
    blurred = scene.optics.blur_um(cells.z_um) > UNSEEN_BLUR_UM
    counts = cells.in_view & ~blurred
    alike = np.isin(scraps.kind, [clutter.KINDS.index(kind) for kind in ("bead", "red cell", "tissue")])
    head_like = bits.kind == debris.KINDS.index("head-like")
    places = [np.column_stack([part.x_px, part.y_px])[rows] for part, rows in ((scraps, alike), (bits, head_like))]
    return Truth(
        np.concatenate([xy, size], axis=1)[counts],
        cells.mode[counts] != MODES.index("immotile"),
        np.concatenate([xy[cells.in_view & blurred], *places]),
    )


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``(N, M)`` intersection over union of boxes ``(cx, cy, w, h)``."""
    low = np.maximum((one[:, None, :2] - one[:, None, 2:] / 2), (other[None, :, :2] - other[None, :, 2:] / 2))
    high = np.minimum((one[:, None, :2] + one[:, None, 2:] / 2), (other[None, :, :2] + other[None, :, 2:] / 2))
    both = np.clip(high - low, 0, None).prod(axis=2)
    return both / (one[:, None, 2:].prod(axis=2) + other[None, :, 2:].prod(axis=2) - both)


def judged(seen: Detections, truth: Truth, um_per_px: float, *, half: bool) -> Judged:
    """Hits by centre in box, or by half an overlap."""
    far = np.hypot(*(seen.xy_px[:, None] - truth.boxes[None, :, :2]).transpose(2, 0, 1))
    if half:
        on = overlap(np.concatenate([seen.xy_px, seen.wh_px], axis=1), truth.boxes) >= 0.5
    else:
        on = np.all(np.abs(seen.xy_px[:, None] - truth.boxes[None, :, :2]) <= truth.boxes[None, :, 2:] / 2, axis=2)
    away = np.hypot(*(seen.xy_px[:, None] - truth.excused[None]).transpose(2, 0, 1)) * um_per_px
    return judge(seen.score, on, far, (away < NEAR_UM).any(axis=1))


def draw_microscope(kind: Kind, rng: np.random.Generator) -> Optics:
    """Any of that contrast method: half of the newer looks, half of the older ones."""
    if rng.random() < 0.5:
        return draw_optics(rng, kind)
    return {"phase": draw_wet_phase, "brightfield": draw_closed_condenser, "hoffman": draw_relief}[kind](rng)


def scene_of(seed: int, kind: Kind, optics: Optics, rng: np.random.Generator, dirt: float, mess: float) -> Scene:
    """A picture of about 250 x 190 um."""
    um_per_px = float(rng.uniform(0.2, 0.6))
    size = {"width_px": round(250 / um_per_px), "height_px": round(190 / um_per_px)}
    settings = SceneSettings(
        **size, um_per_px=um_per_px, duration_s=0.1, cells=15, seed=seed, debris=dirt, clutter=mess, defocus_um=1.5
    )
    return Scene(settings, optics=optics)


def look(scene: Scene, model: Model | None) -> Detections:
    """Detections of sperm in that picture: the network's, or the hand-set boxes'."""
    size, optics = scene.settings, scene.optics
    scale, polarity = Scale(size.um_per_px, "given"), 0 if optics.kind == "hoffman" else optics.polarity
    profile = SourceProfile(size.width_px, size.height_px, 15.0, scale, polarity, 120.0, 3.0)
    detector = HeatmapDetector(profile, Settings(), model, EVERYTHING) if model else BoxDetector(profile, Settings())
    seen = detector.detect(Frame(scene.render(0.05), 0, 0.05))
    return seen.where(seen.sperm)


@dataclass(frozen=True)
class Looked:
    """One scene's detections by both rules, and how many of its moving and immotile heads were found."""

    centre: Judged
    half: Judged
    found: np.ndarray


def looked(scene: Scene, model: Model | None, threshold: float) -> Looked:
    """Judge one scene."""
    truth, seen, um_per_px = truth_of(scene), look(scene, model), scene.settings.um_per_px
    centre, half = (judged(seen, truth, um_per_px, half=rule) for rule in (False, True))
    near = match_heads(truth.boxes[:, :2].astype(np.float32), seen.xy_px[seen.score >= threshold], 2.4 / um_per_px)
    hit = np.isin(np.arange(len(truth.boxes)), near[:, 0])
    found = np.array([[hit[rows].sum(), rows.sum()] for rows in (truth.moving, ~truth.moving)])
    return Looked(centre, half, found)


def by_optics(name: str, model: Model, threshold: float) -> None:
    """A row for each contrast method."""
    for number, kind in enumerate(KINDS):
        rng = np.random.default_rng([FIRST_SEED, number])
        seeds = range(FIRST_SEED + 1000 * number, FIRST_SEED + 1000 * number + SCENES)
        scenes = [scene_of(seed, kind, draw_microscope(kind, rng), rng, 1.0, 0.5) for seed in seeds]
        rows = [looked(scene, model, threshold) for scene in scenes]
        centre, half = [row.centre for row in rows], [row.half for row in rows]
        box = [looked(scene, None, 0.0).centre for scene in scenes]
        score, hit = (np.concatenate([getattr(one, what) for one in centre]) for what in ("score", "hit"))
        sure = score >= threshold
        recall, precision, f1 = rates(centre, threshold)
        moving, still = np.sum([row.found for row in rows], axis=0)
        sys.stdout.write(
            f"| {name}, {kind} | {sum(one.objects for one in centre)} | {average_precision(centre):.3f} | "
            f"{average_precision(half):.3f} | {best_f1(centre):.3f} | {recall:.3f} | {precision:.3f} | {f1:.3f} | "
            f"{score[sure].mean() - hit[sure].mean():+.3f} | {moving[0] / moving[1]:.3f} | {still[0] / still[1]:.3f} | "
            f"{best_f1(box):.3f} |\n"
        )
        sys.stdout.flush()


def by_debris(name: str, model: Model, threshold: float) -> None:
    """Precision in clean and in filthy samples under typical optics."""
    shares = []
    for dirt in (1.0, 8.0):
        rng = np.random.default_rng([FIRST_SEED, 9])
        scenes = [
            scene_of(FIRST_SEED + 5000 + number, KINDS[number % 3], clean_optics(KINDS[number % 3]), rng, dirt, 0.0)
            for number in range(SCENES)
        ]
        shares.append(rates([looked(scene, model, threshold).centre for scene in scenes], threshold))
    (clean_recall, clean, _), (dirty_recall, dirty, _) = shares
    sys.stdout.write(
        f"| {name} | {clean:.3f} | {dirty:.3f} | {100 * (dirty - clean):+.1f} | {clean_recall:.3f} | "
        f"{dirty_recall:.3f} |\n"
    )


def main() -> None:
    """Print the tables."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--model", type=Path, nargs="+", default=[shipped("detector")])
    words.add_argument("--int8", action="store_true", help="their int8 variants")
    asked = words.parse_args()
    precision = "int8" if asked.int8 else "f32"
    loaded = [(path.stem, load_model(path, threads=2, precision=precision)) for path in asked.model]
    named = [(name, model, float(np.ravel(model.card.constants["threshold"])[0])) for name, model in loaded]
    sys.stdout.write(
        "| detector, optics | heads | AP | AP50 | best F1 | recall | precision | F1 | score - share | recall, moving | "
        "recall, immotile | f1 (hand-set boxes) |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    for one in named:
        by_optics(*one)
    sys.stdout.write(
        "\n| detector | precision, debris 1 | debris 8 | off, points | recall, debris 1 | debris 8 |\n"
        "|---|---|---|---|---|---|\n"
    )
    for one in named:
        by_debris(*one)


if __name__ == "__main__":
    main()
