"""All scenes through every measurement, each in a process of its own."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from spermscope import __version__
from spermscope.bench.apart import apart
from spermscope.bench.instructions import Isa, capped, note
from spermscope.bench.limit import Limit, measure_limit
from spermscope.bench.recorded import take
from spermscope.bench.scenes import CELLS, FIELDS, FPS, SUFFIXES, BenchScene, draw_scenes
from spermscope.bench.stages import time_stages
from spermscope.bench.start import start
from spermscope.bench.watched import watch
from spermscope.drawing import Progress
from spermscope.runtime import engine_name
from spermscope.settings import Settings

LIVE_S = 10.0
FEW = 30
"""Cells in the scene from which the start is timed, and which is watched at twice the usual rate, too."""


def all_scenes(*, quick: bool = False) -> list[BenchScene]:
    """Both fields with every number of cells; ``quick``: 0, 10 and 30 cells in the small one, shortened."""
    if quick:
        return [BenchScene("640x480", cells, frames=36) for cells in CELLS[:3]]
    return [BenchScene(field, cells) for field in FIELDS for cells in CELLS]


def run_suite(
    scenes: Sequence[BenchScene],
    folder: Path,
    settings: Settings,
    isa: Isa = "native",
    *,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Draw what ``folder`` lacks, measure, and give plain values: ``machine``, ``limit``, ``start`` and ``scenes``."""
    total = 2 + 2 * len(scenes)
    draw_scenes(scenes, folder, settings.threads, lambda done, _: progress(done, total))
    environment, results = capped(isa), {}
    for number, scene in enumerate(scenes, len(scenes)):
        results[f"{scene.field} {scene.cells}"] = _scene(scene, folder, settings, environment)
        progress(number + 1, total)
    limit, _ = apart(measure_limit, environment=environment)
    progress(total - 1, total)
    with_cells = [scene for scene in scenes if scene.cells == FEW]
    started = _start(with_cells[0], folder, settings, environment) if with_cells else {}
    progress(total, total)
    return {
        "machine": _machine(settings, isa),
        "limit": _limit(limit),
        "start": started,
        "scenes": results,
    }


def _scene(scene: BenchScene, folder: Path, settings: Settings, environment: Mapping[str, str]) -> dict[str, Any]:
    lossless = str(scene.movie(folder, "ffv1"))
    one_core = settings.model_copy(update={"threads": 1})
    timings, _ = apart(_stages, lossless, one_core, scene.um_per_px, environment=environment)
    found: dict[str, Any] = {"cells": round(timings.cells, 1), **timings.as_json()}
    for codec in SUFFIXES:
        address = str(scene.movie(folder, codec))
        taken, peak_mb = apart(take, address, scene.um_per_px, settings, environment=environment)
        found[codec] = {
            "times_faster_than_filmed": round(taken.ratio, 2),
            "frames_a_second": round(taken.frames_a_second, 1),
        }
        found[codec]["peak_mb"] = round(peak_mb)
    found["live"] = _live(scene, folder, FPS, environment)
    if scene.cells == FEW:
        found["live_at_twice_the_rate"] = _live(scene, folder, 2 * FPS, environment)
    return found


def _live(scene: BenchScene, folder: Path, fps: float, environment: Mapping[str, str]) -> dict[str, Any]:
    seen, _ = apart(_watch, scene, folder, fps, environment=environment)
    p50, p95, p99 = np.percentile(seen.delay_ms, [50, 95, 99]).round(1).tolist()
    return {
        "fps": fps,
        "delay_ms": {"p50": p50, "p95": p95, "p99": p99},
        "came": seen.came,
        "left_out": seen.left_out,
        "late": seen.late,
        "graded": None if np.isnan(seen.graded) else round(seen.graded, 3),
        "renewed_hz": None if np.isnan(seen.renewed_hz) else round(seen.renewed_hz, 2),
    }


def _stages(address: str, settings: Settings, um_per_px: float) -> Any:
    return time_stages(address, settings, um_per_px=um_per_px)


def _watch(scene: BenchScene, folder: Path, fps: float) -> Any:
    return watch(scene, folder, fps, LIVE_S, record=True)


def _start(scene: BenchScene, folder: Path, settings: Settings, environment: Mapping[str, str]) -> dict[str, float]:
    """Seconds from asking for a process until its first frame is analysed, and until its first grade."""
    begun_s = time.monotonic()
    address = str(scene.movie(folder, "h264"))
    started, _ = apart(start, address, scene.um_per_px, settings, environment=environment)
    return {
        "first_frame_s": round(started.seen_s - begun_s, 2),
        "first_grade_s": round(started.graded_s - begun_s, 2),
        "filmed_until_then_s": round(started.filmed_s, 2),
    }


def _limit(limit: Limit) -> dict[str, float]:
    return {name: round(value, 1) for name, value in asdict(limit).items()} | {"share": round(limit.share, 3)}


def _machine(settings: Settings, isa: Isa) -> dict[str, Any]:
    return {
        "spermscope": __version__,
        "engine": engine_name(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "precision": settings.precision,
        "threads": settings.threads,
        "isa": isa,
        "note": note(isa),
    }


def _processor() -> str:
    """Its name, as the system says it."""
    said = Path("/proc/cpuinfo")
    lines = said.read_text(encoding="utf-8").splitlines() if said.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
