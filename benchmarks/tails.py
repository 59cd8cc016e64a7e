"""Cells that stay where they are: those that beat their tails told from immotile ones, with and without the tail.

``python -m benchmarks.tails [scenes] [rates] [cost] [--model FILE]``. ``scenes``: shipped detector and tracker, three
optics, 15, 30 and 50 frames a second, ten seeds on which nothing was chosen; a seed settles the cells, the noise
(1.5-8 grey levels) and what disturbs. Three fifths of the non-progressive cells swing their heads by no more than
0.05-0.3 um; the rest by 0.9-2 um, as the simulation has them. ``rates``: single cells from 15 to 200 frames a second,
places 0.12 um off. ``cost``: the stage's share of a frame. Intervals resample seeds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.speed import SCENE
from benchmarks.tracking import profile_of
from spermscope.clips import Clipper
from spermscope.detect import open_detector
from spermscope.history import Histories
from spermscope.kinematics import compute_kinematics
from spermscope.pipeline import Pipeline
from spermscope.runtime import Model, load_model
from spermscope.settings import Settings
from spermscope.simulate.cells import MODES, Cells
from spermscope.simulate.scene import MARGIN_UM, Scene, SceneSettings
from spermscope.simulate.typical import typical_cells
from spermscope.tails import Tails
from spermscope.types import Frame, Tracks

FIRST_SEED, SEEDS = 33001, 10
OPTICS = ("phase", "brightfield", "hoffman")
RATES_HZ = (15, 30, 50)
DISTURBED = {
    "nothing": "progressive=0",
    "swimmers that pass": "progressive=2",
    "drift of 5 um/s": "progressive=0.5,drift_um_s=5",
    "H.264, crf 28": "progressive=0.5,h264_crf=28",
    "flicker of 5 %": "progressive=0.5,flicker=0.05",
}
FIELD = "width_px=400,height_px=400,um_per_px=0.4,duration_s=4,cells=16,hyperactivated=0,circling=0"
SMALL_UM, MATCH_UM, MATCH_SHARE = 0.3, 3.0, 0.8
KINDS = ("small", "typical", "immotile")


@dataclass(frozen=True)
class Row:
    """One cell that was followed for a second: whose it was and what it was called."""

    seed: int
    optics: str
    rate_hz: int
    disturbed: str
    kind: str
    without: str
    found: str
    tail: float


def scene_of(seed: int, optics: str, rate_hz: int) -> tuple[str, Scene]:
    """What disturbs the scene of a seed, and the scene."""
    name = list(DISTURBED)[seed % len(DISTURBED)]
    address = f"{FIELD},{DISTURBED[name]},nonprogressive=1,immotile=1,optics={optics},fps={rate_hz},seed={seed}"
    settings, rng = SceneSettings.parse(address), np.random.default_rng([seed, 77])
    view_um = np.array([settings.width_px, settings.height_px]) * settings.um_per_px
    count = int(rng.poisson(settings.cells * np.prod(view_um + 2 * MARGIN_UM) / np.prod(view_um)))
    cells = typical_cells(settings, count, rng)
    small = (cells.mode == MODES.index("non-progressive")) & (rng.random(count) < 0.6)
    scene = Scene(settings, replace(cells, beat_um=np.where(small, rng.uniform(0.05, SMALL_UM, count), cells.beat_um)))
    scene.optics = replace(scene.optics, noise_sigma=float(np.exp(rng.uniform(np.log(1.5), np.log(8.0)))))
    return name, scene


def rows_of(seed: int, optics: str, rate_hz: int, model: Model | None = None) -> list[Row]:
    """The cells of one scene that swim nowhere by truth and were followed for a second or more."""
    disturbed, scene = scene_of(seed, optics, rate_hz)
    profile = profile_of(scene.settings)
    detector = open_detector(profile, Settings(), model, faint=True)
    pipeline, histories = Pipeline(profile, detector=detector), Histories(60.0)
    owners: dict[int, Counter] = {}
    cells = []
    for index, time_s, image, truth in scene.frames():
        frame = Frame(image, index, time_s)
        step = pipeline.step(frame)
        histories.add(frame, step.tracks)
        cells += step.finished
        places = np.column_stack([truth.x_um, truth.y_um])
        for track_id, xy in zip(step.tracks.track_id.tolist(), step.tracks.xy_um, strict=True):
            away = np.hypot(*(places - xy).T)
            owner = int(truth.cell_id[np.argmin(away)]) if len(away) and away.min() < MATCH_UM else -1
            owners.setdefault(track_id, Counter())[owner] += 1
    rows = []
    for cell in [*cells, *pipeline.finish()]:
        (owner, times), path = owners[cell.track_id].most_common(1)[0], histories.pop(cell.track_id)
        kind = kind_of(scene.cells, owner) if times > MATCH_SHARE * owners[cell.track_id].total() else ""
        if kind and cell.kinematics.who_motility:
            blind = compute_kinematics(path.time_s, path.xy_um, path.observed, repeated=path.repeated)
            called = (blind.who_motility, cell.kinematics.who_motility)
            rows.append(Row(seed, optics, rate_hz, disturbed, kind, *called, cell.kinematics.tail_movement))
    return rows


def kind_of(cells: Cells, owner: int) -> str:
    """One of ``KINDS``; '' for a swimmer or nobody."""
    if owner < 0:
        return ""
    row = owner % len(cells)
    if MODES[cells.mode[row]] == "non-progressive":
        return "small" if cells.beat_um[row] <= SMALL_UM else "typical"
    return "immotile" if MODES[cells.mode[row]] == "immotile" else ""


def share(rows: list[Row], kind: str, field: str) -> str:
    """Per cent of the cells of a kind that were called moving, and its 95 % interval by seed."""
    seeds = sorted({row.seed for row in rows})
    counts = np.zeros((len(seeds), 2))
    for row in rows:
        if row.kind == kind:
            counts[seeds.index(row.seed)] += getattr(row, field) != "immotile", 1
    moving, total = counts.sum(axis=0)
    if not total:
        return "-"
    drawn = counts[np.random.default_rng(0).integers(0, len(seeds), (2000, len(seeds)))].sum(axis=1)
    drawn = drawn[drawn[:, 1] > 0]
    low, high = np.percentile(100 * drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return (
        f"{100 * moving / total:.0f} ({low:.0f}-{high:.0f})"
        if kind != "immotile"
        else (f"{100 * moving / total:.1f} ({low:.1f}-{high:.1f})")
    )


def table(rows: list[Row], names: dict[str, list[Row]]) -> None:
    """A row of shares for each name, before and after."""
    head = "".join(f" {kind}: n | without | with |" for kind in KINDS)
    sys.stdout.write(f"\n| % called moving |{head} tail known |\n|---|{'---|---|---|' * len(KINDS)}---|\n")
    for name, part in (names | {"all": rows}).items():
        shown = ""
        for kind in KINDS:
            count = sum(row.kind == kind for row in part)
            shown += f" {count} | {share(part, kind, 'without')} | {share(part, kind, 'found')} |"
        known = 100 * sum(np.isfinite(row.tail) for row in part) / max(1, len(part))
        sys.stdout.write(f"| {name} |{shown} {known:.0f} % |\n")
    sys.stdout.flush()


def rescued(rows: list[Row]) -> None:
    """What the tail adds where the head shows nothing: per cent called moving of those that were immotile without."""
    sys.stdout.write("\n| head still | tail beats: n | called moving, % | immotile: n | called moving, % |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    still = [row for row in rows if row.without == "immotile"]
    for name in (*OPTICS, "all"):
        part = [row for row in still if name in ("all", row.optics)]
        shown = (
            f"{sum(r.kind == kind for r in part)} | {share(part, kind, 'found')}" for kind in ("small", "immotile")
        )
        sys.stdout.write(f"| {name} | {' | '.join(shown)} |\n")


def scenes(model: Model | None = None, first_seed: int = FIRST_SEED) -> list[Row]:
    """Print the tables by optics, by rate and by what disturbs."""
    rows: list[Row] = []
    for seed in range(first_seed, first_seed + SEEDS):
        for optics in OPTICS:
            for rate_hz in RATES_HZ:
                rows += rows_of(seed, optics, rate_hz, model)
        sys.stderr.write(f"seed {seed}: {len(rows)} cells\n")
    table(
        rows, {f"{o}, {r} fps": [w for w in rows if (w.optics, w.rate_hz) == (o, r)] for o in OPTICS for r in RATES_HZ}
    )
    table(rows, {optics: [row for row in rows if row.optics == optics] for optics in OPTICS})
    table(rows, {name: [row for row in rows if row.disturbed == name] for name in DISTURBED})
    rescued(rows)
    return rows


def ratio_at(rate_hz: int, cells: Cells, seed: int) -> float:
    """Tail movement of the only cell of a small field, its place known to 0.12 um."""
    address = f"width_px=140,height_px=140,um_per_px=0.4,duration_s=4,debris=0,fps={rate_hz},seed={seed}"
    scene, rng = (
        Scene(SceneSettings.parse(address), cells, start_um=np.array([[28.0, 28.0]])),
        np.random.default_rng(seed),
    )
    clipper, tails, one = Clipper(0.4), Tails(0.4), np.ones(1, bool)
    for index, time_s, image, truth in scene.frames():
        xy = np.column_stack([truth.x_um, truth.y_um])[:1] + rng.normal(0, 0.12, (1, 2))
        ids, frame = np.array([1]), Frame(image, index, time_s)
        tracks = Tracks(ids, xy / 0.4, np.full((1, 2), 10.0), xy, np.ones(1), one, one, np.zeros(1, np.int64))
        tails.step(frame, tracks, clipper.step(frame, tracks))
    return tails.measured(1)[0]


def rates() -> None:
    """One cell of each kind from 15 to 200 frames a second; median of six, and the extremes."""
    wanted = (15, 25, 30, 50, 60, 100, 200)
    sys.stdout.write(f"\n| tail movement |{''.join(f' {rate} |' for rate in wanted)}\n|---|{'---|' * len(wanted)}\n")
    for kind, beat_um in (("immotile", 0.0), ("nonprogressive", 0.2), ("nonprogressive", 1.5)):
        only = ",".join(f"{name}={int(name == kind)}" for name in ("progressive", "nonprogressive", "immotile"))
        mix, shown = SceneSettings.parse(f"{only},hyperactivated=0,circling=0"), []
        for rate_hz in wanted:
            found = []
            for seed in range(FIRST_SEED + 100, FIRST_SEED + 106):
                cells = typical_cells(mix, 1, np.random.default_rng(seed))
                slow = replace(cells, speed_um_s=np.minimum(cells.speed_um_s, 1.0), beat_um=np.array([beat_um]))
                found.append(ratio_at(rate_hz, slow, seed))
            low, middle, high = np.nanpercentile(found, [0, 50, 100])
            shown.append(f"{middle:.1f} ({low:.1f}-{high:.1f})")
        name = "immotile" if kind == "immotile" else f"head {beat_um:g} um, tail 3-6 um"
        sys.stdout.write(f"| {name} | {' | '.join(shown)} |\n")


def cost() -> None:
    """CPU time of one thread a frame, the least of five rounds: a field of 464 x 325 um, about 30 cells, 4 s."""
    still = "progressive=0,hyperactivated=0,circling=0,nonprogressive=0,immotile=1"
    sys.stdout.write("\n| cells | in view | tails, ms | detector, ms | tails / detector |\n|---|---|---|---|---|\n")
    for name, more in (("of all kinds", ""), ("all immotile", f",{still}")):
        settings = SceneSettings.parse(f"{SCENE}{more}".replace("duration_s=20", "duration_s=4"))
        scene, clipper, fed = Scene(settings), Clipper(settings.um_per_px), []
        for index, time_s, image, truth in scene.frames():
            rows = np.flatnonzero(truth.in_view)
            xy, one = np.column_stack([truth.x_um, truth.y_um])[rows], np.ones(len(rows), bool)
            frame = Frame(image, index, time_s)
            tracks = Tracks(
                truth.cell_id[rows], xy / settings.um_per_px, np.full((len(rows), 2), 10.0), xy, np.ones(len(rows)),
                one, one, np.arange(len(rows)),
            )  # fmt: skip
            fed.append((frame, tracks, clipper.step(frame, tracks)))
        detector, tails_ms, detector_ms = open_detector(profile_of(settings), Settings(threads=1)), [], []
        for _ in range(5):
            tails, begun = Tails(settings.um_per_px), time.process_time()
            for frame, tracks, crops in fed:
                tails.step(frame, tracks, crops)
            tails_ms.append(1e3 * (time.process_time() - begun) / len(fed))
            begun = time.process_time()
            for frame, _, _ in fed[:8]:
                detector.detect(frame)
            detector_ms.append(1e3 * (time.process_time() - begun) / 8)
        mine, whole = min(tails_ms), min(detector_ms)
        sys.stdout.write(f"| {name} | {len(fed[-1][1])} | {mine:.2f} | {whole:.1f} | {mine / whole:.3f} |\n")


def main() -> None:
    """Print the tables."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("parts", nargs="*", help="scenes, rates, cost; all when not named")
    words.add_argument("--model", type=Path, help="another detector than the shipped one, for the scenes")
    asked = words.parse_args()
    model = load_model(asked.model, threads=2) if asked.model else None
    for part in asked.parts or ["scenes", "rates", "cost"]:
        {"scenes": lambda: scenes(model), "rates": rates, "cost": cost}[part]()


if __name__ == "__main__":
    main()
