"""Our tracker against norfair and C-BIoU on points: 150 cells, a fifth unseen, as many false, places off by 0.5 um.

``python -m benchmarks.rivals [tune] NORFAIR_PYTHON TRACKERS_PYTHON``. The libraries ask for different numpy, so each
lives in an environment of its own and exchanges CSV (``foreign.py``)::

    python -m venv N && N/bin/pip install norfair==2.3.0
    python -m venv T && T/bin/pip install trackers==2.6.1
    python -m benchmarks.rivals N/bin/python T/bin/python

Heads nearer than 3 um are one point. Every point has the same score, so nobody can tell heads by it. Each library is
tuned at each frame rate by itself: ``tune`` tries ``TRIALS`` settings on the beginnings of the tuning scenes (one set
by hand, ``DRAWN`` at random, the rest round the best so far) and keeps what gave the highest mean HOTA in
``rivals.json``. Ours runs as shipped, with one setting for both frame rates, and is listed twice: where its filters
hold the heads to be, as the libraries may be (``smooth``), and where they were measured, as the product lists them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from benchmarks.tracking import SIZES, Rows, compared, hota, rows_of, tracks_per_cell
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.track import Tracker

MISSED, FALSE, OFF_UM, ONE_UM, SCORE = 0.2, 0.2, 0.5, 3.0, 0.9
LASTS_S = {"1392@15": 10.0, "640@50": 5.0}
TUNING_SEEDS, SEEDS = (21001, 21002), tuple(range(23001, 23009))
TRIALS, DRAWN, BEGINNING = 40, 16, 0.4
CHOSEN = Path(__file__).with_name("rivals.json")
BEGIN = {
    "norfair": {"reach_px": 24.0, "patience_s": 0.3, "delay": 3, "measured": 4.0, "moved": 0.1}
    | {"place": 10.0, "pace": 1.0, "coast_s": 0.1, "smooth": False},
    "cbiou": {"side_px": 16.0, "patience_s": 0.3, "delay": 4, "overlap": 0.1, "young_overlap": 0.1}
    | {"buffer": 0.8, "coast_s": 0.1, "smooth": False},
}
"""The first trial: the libraries' defaults where they have some, sizes and times of heads elsewhere."""
RANGES = {
    "norfair": {
        "reach_px": (4.0, 45.0),
        "patience_s": (0.05, 1.5),
        "delay": (1, 8),
        "measured": (0.3, 100.0),
        "moved": (0.002, 2.0),
        "place": (1.0, 50.0),
        "pace": (0.05, 50.0),
        "coast_s": (0.02, 0.5),
        "smooth": (False, True),
    },
    "cbiou": {
        "side_px": (8.0, 80.0),
        "patience_s": (0.05, 1.5),
        "delay": (1, 8),
        "overlap": (0.02, 0.6),
        "young_overlap": (0.02, 0.6),
        "buffer": (0.02, 1.5),
        "coast_s": (0.02, 0.5),
        "smooth": (False, True),
    },
}
"""What is tuned, and between which limits: numbers on a logarithmic scale, whole ones where the limits are whole."""


@dataclass(frozen=True)
class Heavy:
    """A scene of points: truth, and what is seen of it, ``(n, 2)`` um a frame."""

    scene: Scene
    true: Rows
    seen: list[np.ndarray]

    @staticmethod
    def of(size: str, seed: int, share: float = 1.0) -> Heavy:
        """The scene of that seed, or the beginning of it."""
        lasts_s = share * LASTS_S[size]
        settings = SceneSettings.parse(f"{SIZES[size]},cells=150,duration_s={lasts_s},seed={seed}")
        scene, rng, true, seen = Scene(settings), np.random.default_rng([seed, 4]), [], []
        for frame in range(scene.frame_count):
            truth = scene.truth(frame / settings.fps)
            xy_um = np.column_stack([truth.x_um, truth.y_um])[truth.in_view]
            true += [(frame, cell, *xy) for cell, xy in zip(truth.cell_id[truth.in_view], xy_um, strict=True)]
            heads = fused(xy_um)
            heads = heads[rng.random(len(heads)) >= MISSED]
            heads = heads + rng.normal(0, OFF_UM, heads.shape)
            false = rng.uniform(0, scene.view_um, (rng.poisson(FALSE * len(xy_um)), 2))
            seen.append(rng.permutation(np.vstack([heads, false])))
        return Heavy(scene, rows_of(true), seen)


def written(seen: list[np.ndarray], path: Path) -> Path:
    """The points of every frame as CSV."""
    table = [(frame, *xy) for frame, points in enumerate(seen) for xy in points]
    np.savetxt(path, table, ["%d", "%.4f", "%.4f"], ",", header="frame,x_um,y_um", comments="")
    return path


def fused(xy_um: np.ndarray) -> np.ndarray:
    """Heads, of which those that hang together by less than ``ONE_UM`` are one at their mean."""
    pairs = cKDTree(xy_um).query_pairs(ONE_UM, output_type="ndarray")
    joined = coo_array((np.ones(len(pairs)), pairs.T), (len(xy_um), len(xy_um)))
    group = connected_components(joined, directed=False)[1]
    return np.column_stack([np.bincount(group, axis) / np.bincount(group) for axis in xy_um.T])


def ours(seen: list[np.ndarray], fps: float, view_um: np.ndarray, place: str = "head_um") -> Rows:
    """Our tracks, each from its first point on once it counts, by that ``place`` of ``Followed``."""
    tracker, rows, young = Tracker(), [], {}
    for frame, points in enumerate(seen):
        followed = tracker.step(frame / fps, points, np.full(len(points), SCORE), (0.0, 0.0, *view_um))
        for track, xy, counts in zip(followed.track_id, getattr(followed, place), followed.confirmed, strict=True):
            young.setdefault(track, []).append((frame, track, *xy))
            if counts:
                rows += young.pop(track)
    return rows_of(rows)


def theirs(library: str, python: str, given: dict, fps: float, scenes: list[list[np.ndarray]]) -> list[Rows]:
    """A library's tracks of the points in each of some scenes."""
    script = Path(__file__).with_name("foreign.py")
    with tempfile.TemporaryDirectory() as folder:
        points = [written(seen, Path(folder) / f"points{n}.csv") for n, seen in enumerate(scenes)]
        tracks = [path.with_stem(f"tracks{n}") for n, path in enumerate(points)]
        paths = [str(path) for pair in zip(points, tracks, strict=True) for path in pair]
        subprocess.run([python, "-I", str(script), library, json.dumps(given), str(fps), *paths], check=True)
        return [rows_of(np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)) for path in tracks]


def tuned(library: str, python: str, size: str) -> dict:
    """The best of ``TRIALS`` settings at one frame rate, and what they gave."""
    scenes = [Heavy.of(size, seed, BEGINNING) for seed in TUNING_SEEDS]
    rng, best, most = np.random.default_rng(0), {}, -1.0
    for trial in range(TRIALS):
        given = drawn(RANGES[library], rng, best if trial > DRAWN else {}) if trial else BEGIN[library]
        found = theirs(library, python, given, scenes[0].scene.settings.fps, [heavy.seen for heavy in scenes])
        pairs = zip(scenes, found, strict=True)
        value = float(np.mean([hota(heavy.true, tracks, heavy.scene.view_um) for heavy, tracks in pairs]))
        if value > most:
            best, most = given, value
        sys.stdout.write(f"{library} {size} {trial + 1}: {value:.2f} (best {most:.2f})\n")
        sys.stdout.flush()
    return {**best, "hota": round(most, 2)}


def drawn(ranges: dict, rng: np.random.Generator, near: dict) -> dict:
    """Settings between the limits: anywhere, or a tenth of the range (standard deviation) from those ``near``."""
    given = {}
    for name, (low, high) in ranges.items():
        if isinstance(low, bool):
            given[name] = bool(rng.random() < 0.5) if not near or rng.random() < 0.1 else near[name]
            continue
        span = np.log(high / low)
        middle = rng.uniform(0, span) if not near else np.log(near[name] / low) + rng.normal(0, span / 10)
        value = low * np.exp(np.clip(middle, 0, span))
        given[name] = round(value) if isinstance(low, int) else round(float(value), 4)
    return given


def chosen() -> dict:
    """What ``tune`` kept: settings by library and frame rate."""
    return json.loads(CHOSEN.read_text(encoding="utf-8"))


def interval(values: np.ndarray) -> str:
    """Mean and 95 % interval of the mean by resampling the seeds."""
    draws = np.random.default_rng(0).choice(values, (4000, len(values))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"{values.mean():.1f} ({low:.1f} to {high:.1f})"


def measure(size: str, pythons: dict[str, str]) -> None:
    """Print one frame rate's rows."""
    from trackeval.metrics.clear import CLEAR

    scenes = [Heavy.of(size, seed) for seed in SEEDS]
    fps, seen = scenes[0].scene.settings.fps, [heavy.seen for heavy in scenes]
    places = {"ours": "head_um", "ours, as measured": "xy_um"}
    found = {name: [ours(h.seen, fps, h.scene.view_um, place) for h in scenes] for name, place in places.items()}
    for library, python in pythons.items():
        found[library] = theirs(library, python, chosen()[library][size], fps, seen)
    values = {}
    for name, tracks in found.items():
        pairs = list(zip(scenes, tracks, strict=True))
        values[name] = np.array([hota(h.true, rows, h.scene.view_um) for h, rows in pairs])
        each = np.mean([tracks_per_cell(h.true, rows, h.scene) for h, rows in pairs])
        data = [compared(h.true, rows, h.scene.view_um) for h, rows in pairs]
        switches = np.mean([CLEAR({"PRINT_CONFIG": False}).eval_sequence(one)["IDSW"] for one in data])
        lead = "" if name in places else interval(values["ours"] - values[name])
        sys.stdout.write(f"| {size} | {name} | {interval(values[name])} | {lead} | {each:.2f} | {switches:.0f} |\n")
        sys.stdout.flush()


def main() -> None:
    """Tune, or print the table."""
    words = [word for word in sys.argv[1:] if word != "tune"]
    pythons = dict(zip(RANGES, words, strict=True))
    if "tune" in sys.argv:
        kept = {library: {size: tuned(library, python, size) for size in SIZES} for library, python in pythons.items()}
        CHOSEN.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        return
    sys.stdout.write("| scene | tracker | HOTA (95 %) | ours leads by (95 %) | tracks per cell | switches |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for size in SIZES:
        measure(size, pythons)


if __name__ == "__main__":
    main()
