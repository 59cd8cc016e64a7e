"""The live engine on a camera of 1392 x 976 at 15 fps with 30 cells, everything recorded: delay, drops, memory.

``python -m benchmarks.live [SECONDS] [--frames FOLDER]``. Twenty seconds are rendered beforehand into
``FOLDER/live.npy`` (kept; a temporary one unless given) and given forwards and backwards, without a break, by a camera
that is a thread with a clock. The delay runs from a frame's arrival until a thread that looks 60 times a second has it;
until it is painted: ``benchmarks.painting``. The first five seconds are left out. Exits 1 when a frame was dropped in
capture or recording, or when memory grows by over 5 % once the replay is full.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from spermscope.acquisition.figures import Figures
from spermscope.acquisition.giving_way import share_the_processor
from spermscope.acquisition.run import LiveRun
from spermscope.acquisition.shown import Shown
from spermscope.bench.camera import RawCamera
from spermscope.settings import live_settings
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Array

SCENE = "width_px=1392,height_px=976,um_per_px=0.3333,fps=15,duration_s=20,cells=30,seed=73"
WARM_S = 5.0
LOOK_S = 1.0 / 60.0
FULL_AFTER = 40
"""Seconds after which the replay is full: from there on memory must stay flat."""


def rendered(folder: Path, scene: str = SCENE) -> Array:
    """``(N, H, W) uint8`` the scene's frames, as a raw file that is made once."""
    path = folder / ("live.npy" if scene == SCENE else f"live-{zlib.crc32(scene.encode()):08x}.npy")
    if not path.exists():
        settings = SceneSettings.parse(scene)
        shape = (round(settings.fps * settings.duration_s), settings.height_px, settings.width_px)
        part = np.lib.format.open_memmap(folder / "part.npy", "w+", np.uint8, shape)
        for number, _, image, _ in Scene(settings).frames():
            part[number] = image
        part.flush()
        del part
        (folder / "part.npy").rename(path)
    return np.load(path, mmap_mode="r")


@dataclass
class Seen:
    """What a run showed after ``WARM_S``: delays from arrival in ms, the pipeline's times, memory, cores."""

    delay_ms: list[float] = field(default_factory=list)
    timings: list[dict[str, float]] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    cores: float = float("nan")
    figures: Figures | None = None

    def add(self, shown: Shown, now_s: float) -> None:
        """One frame that was seen at ``now_s``."""
        self.delay_ms.append(1e3 * (now_s - shown.taken_s))
        self.timings.append(shown.step.timings_ms)

    def weigh(self) -> None:
        """Note the memory, once a second."""
        self.memory_mb.append(psutil.Process().memory_info().rss / 1e6)


Look = Callable[[LiveRun, float], Seen]


def look(run: LiveRun, seconds: float) -> Seen:
    """Begin the run, look 60 times a second whether there is something new, and end it."""
    seen, latest, process = Seen(), None, psutil.Process()
    run.start()
    run.record(True)
    begun_s, spent_s = time.monotonic(), sum(process.cpu_times()[:2])
    while (now_s := time.monotonic()) - begun_s < seconds + WARM_S:
        shown = run.newest()
        if shown is not None and shown is not latest and now_s - begun_s > WARM_S:
            latest = shown
            seen.add(shown, now_s)
        if len(seen.memory_mb) < now_s - begun_s - WARM_S:
            seen.weigh()
        time.sleep(max(0.0, LOOK_S - (time.monotonic() - now_s)))
    seen.cores = (sum(process.cpu_times()[:2]) - spent_s) / (time.monotonic() - begun_s)
    seen.figures = run.figures()
    run.finish()
    return seen


def live_run(folder: Path, camera: RawCamera) -> LiveRun:
    """A run of that camera as the application begins it."""
    return LiveRun("camera:0", folder, um_per_px=0.3333, settings=live_settings(), open_reader=lambda: camera)


def measure(images: Array, seconds: float, watch: Look = look, until: str = "seen by a thread that looks") -> int:
    """One run; prints its table, and says 1 when the capture or the recording has lost a frame, or memory grows."""
    camera = RawCamera(images, 15.0)
    with tempfile.TemporaryDirectory() as folder:
        run = live_run(Path(folder) / "session", camera)
        seen = watch(run, seconds)
    figures, memory = seen.figures, seen.memory_mb
    if not seen.delay_ms or figures is None:
        raise ValueError(f"expected frames to be analysed, found none within {seconds:g} s")
    first = memory[min(len(memory) - 1, FULL_AFTER)]
    p50, p99 = np.percentile(seen.delay_ms, [50, 99])
    stages = {name: np.median([timings[name] for timings in seen.timings]) for name in seen.timings[0]}
    lines = [
        f"delay until {until}: p50 {p50:.0f} ms, p99 {p99:.0f} ms, most {max(seen.delay_ms):.0f} ms",
        f"captured {figures.captured}, shown {len(seen.delay_ms) / seconds:.1f} a second",
        f"dropped: analysis {figures.dropped_analysis}, recording {figures.dropped_recording}",
        "median ms: " + ", ".join(f"{name} {ms:.0f}" for name, ms in stages.items()),
        f"cores in use, mean: {seen.cores:.2f}",
        f"recorded {figures.recorded_s:.1f} s; the camera was late by {1e3 * camera.late_s:.0f} ms at most",
        f"memory {first:.0f} MB to {memory[-1]:.0f} MB: {100 * (memory[-1] / first - 1):.1f} %",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(figures.dropped_recording > 0 or memory[-1] > 1.05 * first)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--frames", type=Path)
    asked = parser.parse_args()
    share_the_processor()
    with tempfile.TemporaryDirectory() as folder:
        return measure(rendered(asked.frames or Path(folder)), asked.seconds)


if __name__ == "__main__":
    sys.exit(main())
