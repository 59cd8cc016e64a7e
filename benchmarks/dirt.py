"""What debris costs a count: tracks that count in washed and in filthy samples.

``python -m benchmarks.dirt [MODEL.spermscope ...]``. Each scene (15 cells, 250 x 190 um, 3 s, every contrast method,
15 and 30 frames per second, seeds that nothing was chosen on) is watched twice, with debris as in a washed sample and
eight times as dense. A track that counts is right when half of its points or more lie within 3 um of heads; one that
so lies on heads blurred beyond recognition, or on the simulation's head-like pieces, is excused. Recall: of the sharp
heads that stay in view for a second, those that a track which counts follows for a fifth of a second. In brackets 95 %
by resampling the scenes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from benchmarks.optics import NEAR_UM, UNSEEN_BLUR_UM
from benchmarks.tracking import OWN_UM, Rows, follow, inside, owners, profile_of, rows_of
from spermscope.detect import FAINT, HeatmapDetector
from spermscope.model_file import shipped
from spermscope.runtime import Model, load_model
from spermscope.settings import Settings
from spermscope.simulate import debris
from spermscope.simulate.optics import KINDS, clean_optics
from spermscope.simulate.scene import MARGIN_UM, Scene, SceneSettings
from spermscope.simulate.typical import typical_cells

FIRST_SEED, SCENES, DIRT = 26000, 24, (1.0, 8.0)
HEAD_LIKE = debris.KINDS.index("head-like")


@dataclass(frozen=True)
class Counted:
    """Of one scene: judged tracks, those of them on no head, of these on blobs and moving; sharp heads, those found."""

    tracks: int
    wrong: int
    on_blobs: int
    swimming: int
    heads: int
    found: int


def scene_of(number: int, dirt: float) -> Scene:
    """The same cells, microscope and scale whatever the dirt."""
    rng = np.random.default_rng([FIRST_SEED, number])
    um_per_px = float(rng.uniform(0.2, 0.6))
    settings = SceneSettings(
        width_px=round(250 / um_per_px), height_px=round(190 / um_per_px), um_per_px=um_per_px, duration_s=3.0,
        fps=(15.0, 30.0)[number // len(KINDS) % 2], cells=15, seed=FIRST_SEED + number, debris=dirt, defocus_um=1.5,
    )  # fmt: skip
    view_um = np.array([settings.width_px, settings.height_px]) * um_per_px
    count = round(settings.cells * np.prod(view_um + 2 * MARGIN_UM) / np.prod(view_um))
    cells = typical_cells(settings, count, rng)
    return Scene(settings, cells=cells, optics=clean_optics(KINDS[number % len(KINDS)]))


def not_judged(scene: Scene, frames: int) -> tuple[Rows, set[int], Rows]:
    """Blurred heads and head-like pieces of every frame, ids of cells that were ever blurred, and blobs."""
    excused, blobs, ever = [], [], set()
    for frame in range(frames):
        time_s = frame / scene.settings.fps
        cells, bits = scene.truth(time_s), scene.debris_truth(time_s)
        blurred = scene.optics.blur_um(cells.z_um) > UNSEEN_BLUR_UM
        ever |= set(cells.cell_id[blurred].tolist())
        places = np.column_stack([bits.x_px, bits.y_px]) * scene.settings.um_per_px
        excused += [(frame, 0, cells.x_um[row], cells.y_um[row]) for row in np.flatnonzero(blurred & cells.in_view)]
        excused += [(frame, 0, *place) for place in places[bits.kind == HEAD_LIKE]]
        blobs += [(frame, 0, *place) for place in places[bits.kind == debris.KINDS.index("blob")]]
    return rows_of(excused), ever, rows_of(blobs)


def on(track: Rows, things: Rows, reach_um: float) -> float:
    """Share of the track's points that lie on them."""
    hits = [
        bool((cdist(track.xy_um[[row]], things.xy_um[things.frame == frame]) < reach_um).any())
        for row, frame in enumerate(track.frame)
    ]
    return float(np.mean(hits))


def watched(number: int, dirt: float, model: Model) -> Counted:
    """One scene through the pipeline."""
    scene = scene_of(number, dirt)
    detector = HeatmapDetector(profile_of(scene.settings), Settings(), model, FAINT)
    true, seen, cells, _ = follow(scene, detector=detector)
    excused, blurred, blobs = not_judged(scene, int(true.frame.max()) + 1)
    speed = {cell.track_id: cell.kinematics.vap_um_s for cell in cells}
    judged = wrong = on_blobs = swimming = 0
    for ident in np.unique(seen.ident).tolist():
        track = Rows(*(part[seen.ident == ident] for part in (seen.frame, seen.ident, seen.xy_um)))
        right = on(track, true, OWN_UM) >= 0.5 and on(track, excused, OWN_UM) < 0.5
        if not right and on(track, excused, NEAR_UM) >= 0.5:
            continue
        judged += 1
        if not right:
            wrong += 1
            on_blobs += on(track, blobs, OWN_UM) >= 0.5
            swimming += speed.get(ident, 0.0) >= 5.0
    within, fps = inside(true, scene.view_um), scene.settings.fps
    followed = owners(within, inside(seen, scene.view_um), fps)
    sharp = [c for c in np.unique(within.ident).tolist() if (within.ident == c).sum() >= fps and c not in blurred]
    return Counted(judged, wrong, on_blobs, swimming, len(sharp), sum(c in followed for c in sharp))


def row(name: str, model: Model) -> str:
    """A line of the table."""
    parts = [np.array([list(vars(watched(n, dirt, model)).values()) for n in range(SCENES)]) for dirt in DIRT]
    drawn = np.random.default_rng(0).integers(0, SCENES, (1000, SCENES))
    precision = [1 - part[drawn, 1].sum(1) / part[drawn, 0].sum(1) for part in parts]
    low, high = np.quantile(100 * (precision[1] - precision[0]), (0.025, 0.975))
    (clean, dirty) = (part.sum(axis=0) for part in parts)
    shares = [1 - total[1] / total[0] for total in (clean, dirty)]
    cost = f"{100 * (shares[1] - shares[0]):+.1f} ({low:+.1f} to {high:+.1f})"
    wrong = f"{clean[1]} of {clean[0]} | {dirty[1]} of {dirty[0]} | {dirty[2]} | {dirty[3]}"
    recall = f"{clean[5] / clean[4]:.3f} | {dirty[5] / dirty[4]:.3f}"
    return f"| {name} | {shares[0]:.3f} | {shares[1]:.3f} | {cost} | {wrong} | {recall} |\n"


def main() -> None:
    """Print the table."""
    sys.stdout.write(
        "| detector | precision, debris 1 | debris 8 | off, points | wrong, debris 1 | debris 8 | on blobs | moving | "
        "recall, debris 1 | debris 8 |\n|---|---|---|---|---|---|---|---|---|---|\n"
    )
    for path in [Path(name) for name in sys.argv[1:]] or [shipped("detector")]:
        sys.stdout.write(row(path.stem, load_model(path, threads=2)))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
