"""Following cells end to end on simulated scenes: HOTA, tracks per cell, VSL, WHO grades; and an open field's shares.

``python -m benchmarks.tracking [scenes] [shares] [dense] [--model FILE]``. Scored with trackeval's HOTA on similarity
1 - d / 6.67 um. ``scenes`` and ``shares`` use seeds that nothing was chosen on; ``dense`` looks into two older scenes,
on which the misses of an earlier network were studied before this one was designed. Border: truth and tracks within
3 um of the frame's edge are left out of HOTA and of the tracks per cell, since a head there is cut and comes and goes
with every beat.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from spermscope.detect import Detector, match_heads, open_detector
from spermscope.kinematics import compute_kinematics
from spermscope.motility import WHO_GRADES, motility_shares
from spermscope.pipeline import Pipeline
from spermscope.runtime import Model, load_model
from spermscope.settings import KinematicsSettings, Settings
from spermscope.simulate.cells import MODES
from spermscope.simulate.scene import MARGIN_UM, Scene, SceneSettings
from spermscope.simulate.typical import typical_cells
from spermscope.tally import Tally
from spermscope.types import Detections, Frame, Scale, SourceProfile

REACH_UM = 20 / 3
EDGE_UM = 3.0
OWN_UM, FAR, STAY = 3.0, 1e6, 1e3
SIZES = {
    "1392@15": "width_px=1392,height_px=976,um_per_px=0.3333,fps=15",
    "640@50": "width_px=640,height_px=480,um_per_px=0.3333,fps=50",
}
FIRST_SEED, STUDIED_SEED = 15000, 8000
FIELD = (
    "width_px=1392,height_px=976,um_per_px=0.3333,fps=15,duration_s=30,cells=60,progressive=0.6,hyperactivated=0,"
    "circling=0,nonprogressive=0,immotile=0.4,seed=8101"
)


@dataclass(frozen=True)
class Rows:
    """Positions over a scene, a row for each object and frame."""

    frame: np.ndarray
    ident: np.ndarray
    xy_um: np.ndarray


def profile_of(settings: SceneSettings) -> SourceProfile:
    """The profile of a scene whose scale is known."""
    scale = Scale(settings.um_per_px, "given")
    return SourceProfile(settings.width_px, settings.height_px, settings.fps, scale, 0, 120.0, 3.0)


def follow(
    scene: Scene, settings: Settings | None = None, detector: Detector | None = None
) -> tuple[Rows, Rows, list, Tally]:
    """Truth, tracks, cells and totals of a scene taken through the pipeline."""
    pipeline, tally = Pipeline(profile_of(scene.settings), settings, detector=detector), Tally()
    true, seen, cells = [], [], []
    young: dict[int, list] = {}
    for index, time_s, image, truth in scene.frames():
        rows = np.flatnonzero(truth.in_view)
        true += [(index, truth.cell_id[r], truth.x_um[r], truth.y_um[r]) for r in rows]
        step = pipeline.step(Frame(image, index, time_s))
        tally.add_step(step)
        cells += step.finished
        for track_id, (x, y), confirmed in zip(
            step.tracks.track_id.tolist(), step.tracks.xy_um.tolist(), step.tracks.confirmed.tolist(), strict=True
        ):
            young.setdefault(track_id, []).append((index, track_id, x, y))
            if confirmed:
                seen += young[track_id]
                young[track_id] = []
    last = pipeline.finish()
    tally.add_cells(last)
    return rows_of(true), rows_of(seen), [*cells, *last], tally


def rows_of(table: list) -> Rows:
    array = np.array(table, float).reshape(-1, 4)
    return Rows(array[:, 0].astype(int), array[:, 1].astype(int), array[:, 2:])


def inside(rows: Rows, view_um: np.ndarray) -> Rows:
    """The rows that lie away from the frame's edge."""
    keep = np.all((rows.xy_um > EDGE_UM) & (rows.xy_um < view_um - EDGE_UM), axis=1)
    return Rows(rows.frame[keep], rows.ident[keep], rows.xy_um[keep])


def compared(true: Rows, seen: Rows, view_um: np.ndarray) -> dict:
    """Truth and tracks as trackeval's metrics take them."""
    true, seen = inside(true, view_um), inside(seen, view_um)
    true_id, seen_id = (np.unique(rows.ident, return_inverse=True) for rows in (true, seen))
    frames = range(int(true.frame.max()) + 1)
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": len(true_id[0]),
        "num_tracker_ids": len(seen_id[0]),
        "num_gt_dets": len(true.frame),
        "num_tracker_dets": len(seen.frame),
        "gt_ids": [true_id[1][true.frame == f] for f in frames],
        "tracker_ids": [seen_id[1][seen.frame == f] for f in frames],
        "similarity_scores": [
            np.clip(1 - cdist(true.xy_um[true.frame == f], seen.xy_um[seen.frame == f]) / REACH_UM, 0, 1)
            for f in frames
        ],
    }


def hota(true: Rows, seen: Rows, view_um: np.ndarray) -> float:
    """HOTA in percent."""
    from trackeval.metrics.hota import HOTA

    return float(100 * np.mean(HOTA().eval_sequence(compared(true, seen, view_um))["HOTA"]))


def tracks_per_cell(true: Rows, seen: Rows, scene: Scene) -> float:
    """Tracks that follow a cell for a fifth of a second or more, on average over cells seen for a second or more."""
    within, fps = inside(true, scene.view_um), scene.settings.fps
    found = owners(within, inside(seen, scene.view_um), fps)
    stayed = [cell for cell in np.unique(within.ident) if (within.ident == cell).sum() >= fps]
    return float(np.mean([len(found.get(int(cell), [])) for cell in stayed]))


def owners(true: Rows, seen: Rows, fps: float) -> dict[int, list[tuple[int, np.ndarray]]]:
    """For each true cell, the tracks that follow it for a fifth of a second or more, with the frames.

    Matched as CLEAR MOT does (Bernardin & Stiefelhagen 2008): a pair stays together while it is within reach, the rest
    are paired one to one with the least sum of distances.
    """
    held: dict[tuple[int, int], list[int]] = {}
    pairs: dict[int, int] = {}
    for f in np.unique(seen.frame).tolist():
        t, s = true.frame == f, seen.frame == f
        cells, tracks = true.ident[t].tolist(), seen.ident[s].tolist()
        far = cdist(true.xy_um[t], seen.xy_um[s])
        cost = np.where(far < OWN_UM, far, FAR)
        for row, cell in enumerate(cells):
            if pairs.get(cell) in tracks:
                column = tracks.index(pairs[cell])
                cost[row, column] -= STAY * (far[row, column] < OWN_UM)
        rows, columns = linear_sum_assignment(cost)
        near = [(cells[r], tracks[c]) for r, c in zip(rows, columns, strict=True) if far[r, c] < OWN_UM]
        pairs = {**{cell: track for cell, track in pairs.items() if cell in cells}, **dict(near)}
        for pair in near:
            held.setdefault(pair, []).append(f)
    found: dict[int, list[tuple[int, np.ndarray]]] = {}
    for (cell, track), frames in held.items():
        if len(frames) >= 0.2 * fps:
            found.setdefault(cell, []).append((track, np.array(frames)))
    return found


def opened(scene: Scene, model: Model | None) -> Detector:
    """The detector of a pipeline that watches the scene; the shipped network unless ``model`` is given."""
    return open_detector(profile_of(scene.settings), Settings(), model, faint=True)


def score(name: str, scene: Scene, model: Model | None) -> None:
    """Print one scene's row."""
    true, seen, cells, _ = follow(scene, detector=opened(scene, model))
    fps, rules = scene.settings.fps, KinematicsSettings()
    tracks = {cell.track_id: cell for cell in cells}
    per_cell = tracks_per_cell(true, seen, scene)
    found = owners(true, seen, fps)
    long = [c for c in np.unique(true.ident) if (true.ident == c).sum() >= fps]
    errors, right, judged = [], 0, 0
    for cell in long:
        own = found.get(int(cell), [])
        if not own:
            continue
        track, frames = max(own, key=lambda item: len(item[1]))
        if len(frames) < 2 * fps or track not in tracks:
            continue
        rows = (true.ident == cell) & (true.frame >= frames.min()) & (true.frame <= frames.max())
        if rows.sum() < 2 * fps:
            continue
        real = compute_kinematics(true.frame[rows] / fps, true.xy_um[rows], np.ones(rows.sum(), bool), rules)
        path = (seen.ident == track) & (seen.frame >= frames.min()) & (seen.frame <= frames.max())
        order = np.argsort(seen.frame[path])
        mine = compute_kinematics(
            seen.frame[path][order] / fps, seen.xy_um[path][order], np.ones(path.sum(), bool), rules
        )
        if real.vsl_um_s > 3.0:
            errors.append(abs(mine.vsl_um_s / real.vsl_um_s - 1))
        mode = MODES[scene.cells.mode[int(cell) % len(scene.cells)]]
        truth = real.who_motility
        if truth in ("non-progressive", "immotile"):
            truth = "immotile" if mode == "immotile" else "non-progressive"
        judged += 1
        right += tracks[track].kinematics.who_motility == truth
    value = hota(true, seen, scene.view_um)
    sys.stdout.write(
        f"| {name} | {value:.1f} | {per_cell:.2f} | {100 * np.median(errors):.2f} % | {right} of {judged} "
        f"({100 * right / judged:.1f} %) |\n"
    )
    sys.stdout.flush()


def open_field() -> Scene:
    """40 % progressive, 20 % slow (a third of those that swim, at 8-22 um/s) and 40 % immotile cells."""
    settings = SceneSettings.parse(FIELD)
    rng = np.random.default_rng(8102)
    view_um = np.array([settings.width_px, settings.height_px]) * settings.um_per_px
    count = round(settings.cells * np.prod(view_um + 2 * MARGIN_UM) / np.prod(view_um))
    cells = typical_cells(settings, count, rng)
    slow = (cells.speed_um_s > 0) & (rng.random(count) < 1 / 3)
    return Scene(settings, cells=replace(cells, speed_um_s=np.where(slow, rng.uniform(8, 22, count), cells.speed_um_s)))


def shares(model: Model | None) -> None:
    """The open field: WHO shares in cell-seconds against the truth by mode."""
    scene = open_field()
    true, _, _, tally = follow(scene, detector=opened(scene, model))
    seconds = tally.cell_seconds()
    mine = motility_shares(seconds.who, seconds.seconds, np.random.default_rng(0))
    modes = np.array([MODES[scene.cells.mode[int(i) % len(scene.cells)]] for i in true.ident])
    who, total = {}, {}
    for cell in np.unique(true.ident):
        rows = true.ident == cell
        path = scene.cells.speed_um_s[int(cell) % len(scene.cells)]
        grade = modes[rows][0]
        if grade == "progressive":
            whole = (
                compute_kinematics(true.frame[rows] / 15, true.xy_um[rows], np.ones(rows.sum(), bool))
                if rows.sum() > 16
                else None
            )
            grade = whole.who_motility if whole else ("rapid" if path >= 25 else "slow")
        who[cell] = grade
        total[grade] = total.get(grade, 0.0) + rows.sum()
    sys.stdout.write("\n| WHO grade | true share | found | 95 % interval | off, points |\n|---|---|---|---|---|\n")
    for grade in WHO_GRADES:
        real = total.get(grade, 0.0) / sum(total.values())
        sys.stdout.write(
            f"| {grade} | {100 * real:.1f} % | {100 * mine.share[grade]:.1f} % | "
            f"{100 * mine.low[grade]:.1f}-{100 * mine.high[grade]:.1f} % | {100 * (mine.share[grade] - real):+.1f} |\n"
        )


class Perfect:
    """Every head in view and nothing else, 0.25 um off (standard deviation): what the tracker makes of that."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._rng = scene, np.random.default_rng(0)

    def detect(self, frame: Frame) -> Detections:
        """See ``Detector``."""
        truth = self._scene.truth(frame.time_s)
        xy = np.column_stack([truth.x_px, truth.y_px])[truth.in_view]
        xy = xy + self._rng.normal(0, 0.25 / self._scene.settings.um_per_px, xy.shape)
        count = len(xy)
        size, sure = np.full((count, 2), 10, np.float32), np.full(count, 0.9, np.float32)
        return Detections(xy.astype(np.float32), size, sure, np.ones(count, bool))


def dense(model: Model | None) -> None:
    """Dense fields of 50 fps: HOTA with perfect detections; single-frame recall by the distance of the next head."""
    for cells in (60, 150):
        settings = SceneSettings.parse(f"{SIZES['640@50']},cells={cells},duration_s=8,seed={STUDIED_SEED + cells}")
        scene = Scene(settings)
        true, seen, _, _ = follow(scene, detector=Perfect(scene))
        sys.stdout.write(f"\n{cells} cells, perfect detections: HOTA {hota(true, seen, scene.view_um):.1f}\n")
        detector, next_um, found = open_detector(profile_of(settings), Settings(), model), [], []
        for index in range(0, scene.frame_count, 33):
            truth = scene.truth(index / settings.fps)
            xy = np.column_stack([truth.x_px, truth.y_px])[truth.in_view].astype(np.float32)
            detections = detector.detect(Frame(scene.render(index / settings.fps), index, index / settings.fps))
            pairs = match_heads(xy, detections.xy_px[detections.sperm], 2.4 / settings.um_per_px)
            next_um += (np.sort(cdist(xy, xy), axis=1)[:, 1] * settings.um_per_px).tolist()
            found += np.isin(np.arange(len(xy)), pairs[:, 0]).tolist()
        away, hit = np.array(next_um), np.array(found)
        for low, high in ((0, 3), (3, 5), (5, 8), (8, np.inf)):
            part = (away >= low) & (away < high)
            sys.stdout.write(f"next head {low}-{high} um: recall {hit[part].mean():.3f} of {part.sum()}\n")


def scenes(model: Model | None) -> None:
    """Six fields, sparse to dense, of two cameras."""
    sys.stdout.write("| scene | HOTA | tracks per cell | median VSL error | WHO grade right |\n|---|---|---|---|---|\n")
    for size, address in SIZES.items():
        for cells in (20, 60, 150):
            settings = SceneSettings.parse(f"{address},cells={cells},duration_s=8,seed={FIRST_SEED + cells}")
            score(f"{size}, {cells} cells", Scene(settings), model)


def main() -> None:
    """Print the tables."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("parts", nargs="*", help="scenes, shares, dense; the first two when not named")
    words.add_argument("--model", type=Path, help="another detector than the shipped one")
    asked = words.parse_args()
    model = load_model(asked.model, threads=2) if asked.model else None
    for part in asked.parts or ["scenes", "shares"]:
        {"scenes": scenes, "shares": shares, "dense": dense}[part](model)


if __name__ == "__main__":
    main()
