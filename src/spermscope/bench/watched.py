"""A scene before a camera, live: how late what is seen comes, and how many frames are never looked at."""

from __future__ import annotations

import csv
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spermscope.acquisition.giving_way import share_the_processor
from spermscope.acquisition.run import LiveRun
from spermscope.bench.camera import RawCamera
from spermscope.bench.scenes import BenchScene
from spermscope.settings import live_settings

WARM_S = 3.0
"""Left out: the first cells are found and graded."""
LOOK_S = 0.004


@dataclass(frozen=True, slots=True)
class Watched:
    """``delay_ms`` from a frame's arrival until its cells have their places, of all that were looked at.

    ``came`` are the frames of the same seconds, ``left_out`` those that a newer one overtook, ``late`` those with which
    fewer cells were graded than were due; ``graded`` is how many of the cells followed for two seconds had a grade at
    the end, as a share; ``renewed_hz`` how many times a second a cell was graded anew, NaN where none was.
    """

    delay_ms: list[float]
    came: int
    left_out: int
    late: int
    cells: float
    graded: float
    renewed_hz: float


def watch(scene: BenchScene, folder: Path, fps: float, seconds: float, *, record: bool) -> Watched:
    """Watch for so long, as ``live`` does without a window; to be called in a process of its own.

    Raises
    ------
    ValueError
        When nothing was analysed.
    """
    share_the_processor()
    camera = RawCamera(scene.images(folder), fps)
    with tempfile.TemporaryDirectory(prefix="spermscope-bench-") as place:
        run = LiveRun(
            "camera:0",
            Path(place) / "session",
            um_per_px=scene.um_per_px,
            settings=live_settings(),
            open_reader=lambda: camera,
        )
        run.start()
        if record:
            run.record(True)
        while run.newest() is None:
            _await_something(run)
        time.sleep(WARM_S)
        found = _look(run, seconds)
        session = run.finish().folder
        return replace(found, renewed_hz=_renewed_hz(session / "grades.csv", seconds))


def _await_something(run: LiveRun) -> None:
    if run.figures().state == "ended":
        raise ValueError("bench: expected frames to be analysed, found none")
    time.sleep(LOOK_S)


def _look(run: LiveRun, seconds: float) -> Watched:
    before, latest = run.figures(), run.newest()
    delays_ms, cells, graded = [], [], float("nan")
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        shown = run.newest()
        if shown is not None and shown is not latest:
            latest = shown
            delays_ms.append(1e3 * shown.delay_s)
            cells.append(sum(cell.confirmed for cell in shown.cells))
            old = [cell for cell in shown.cells if cell.confirmed and cell.followed_s >= 2.0]
            graded = sum(not cell.not_graded for cell in old) / len(old) if old else float("nan")
        time.sleep(LOOK_S)
    after = run.figures()
    left_out = after.dropped_analysis - before.dropped_analysis
    came, late = after.captured - before.captured, after.late - before.late
    return Watched(delays_ms, came, left_out, late, float(np.mean(cells or [0])), graded, float("nan"))


def _renewed_hz(table: Path, seconds: float) -> float:
    """By the session's grades of its last so many seconds; between a cell's first and last one."""
    with table.open(encoding="utf-8", newline="") as rows:
        track_id, time_s = np.array([row[:2] for row in csv.reader(rows)][1:], float).reshape(-1, 2).T
    latest = time_s > time_s.max(initial=0.0) - seconds
    spans = [time_s[latest & (track_id == one)] for one in np.unique(track_id[latest])]
    graded_s = sum(float(np.ptp(span)) for span in spans)
    return sum(len(span) - 1 for span in spans) / graded_s if graded_s else float("nan")
