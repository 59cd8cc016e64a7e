"""The live engine on a camera of 1392 x 976 at 15 fps with 30 cells, everything recorded: delay, drops, memory.

``python -m benchmarks.live [SECONDS] [--frames FOLDER] [--no-record]``. Twenty seconds are rendered beforehand into
``FOLDER/live.npy`` (kept; a temporary one unless given) and given forwards and backwards, without a break, by a camera
that is a thread with a clock. The delay runs from a frame's arrival until the thread that shows, which looks 60 times a
second, has it, and until what that does with it (``hook`` of ``watch``, such as painting) is done. The first five
seconds are left out. Exits 1 when a frame was dropped in capture or recording, or when memory grows by over 5 % once
the replay is full.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil

from spermscope.acquisition.run import LiveRun
from spermscope.acquisition.shown import Shown
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Array
from spermscope.video.reader import TimeSource

SCENE = "width_px=1392,height_px=976,um_per_px=0.3333,fps=15,duration_s=20,cells=30,seed=73"
WARM_S = 5.0
LOOK_S = 1.0 / 60.0
FULL_AFTER = 40
"""Seconds after which the replay is full: from there on memory must stay flat."""


def rendered(folder: Path) -> Array:
    """``(N, H, W) uint8`` the scene's frames, as a raw file that is made once."""
    path = folder / "live.npy"
    if not path.exists():
        settings = SceneSettings.parse(SCENE)
        shape = (round(settings.fps * settings.duration_s), settings.height_px, settings.width_px)
        part = np.lib.format.open_memmap(folder / "part.npy", "w+", np.uint8, shape)
        for number, _, image, _ in Scene(settings).frames():
            part[number] = image
        part.flush()
        del part
        (folder / "part.npy").rename(path)
    return np.load(path, mmap_mode="r")


class RawCamera:
    """Gives pictures on time, whoever listens; see ``video.reader.Reader``."""

    live = True
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()
    um_per_px = float("nan")
    frame_count: int | None = None
    time_source: TimeSource = "container"

    def __init__(self, images: Array, fps: float) -> None:
        self.warnings: list[str] = []
        self.rate_hz = fps
        self._images = images
        self.late_s = 0.0

    def pictures(self) -> Iterator[tuple[Array, float]]:
        """Forwards and backwards for ever."""
        begun_s, count = time.monotonic(), len(self._images)
        number = 0
        while True:
            place = number % (2 * count - 2)
            image = np.array(self._images[place if place < count else 2 * count - 2 - place])
            due_s = begun_s + number / self.rate_hz
            time.sleep(max(0.0, due_s - time.monotonic()))
            self.late_s = max(self.late_s, time.monotonic() - due_s)
            yield image, due_s
            number += 1

    def close(self) -> None:
        """Hold nothing."""


def watch(run: LiveRun, seconds: float, hook: Callable[[Shown], None]) -> dict[str, list[float]]:
    """Look at the run as a window does; delays in ms, from arrival until seen and until done, and memory in MB."""
    found: dict[str, list[float]] = {"seen": [], "done": [], "memory": [], "step": []}
    process, latest = psutil.Process(), None
    begun_s, spent_s = time.monotonic(), sum(process.cpu_times()[:2])
    while (now_s := time.monotonic()) - begun_s < seconds + WARM_S:
        shown = run.newest()
        if shown is not None and shown is not latest:
            latest = shown
            hook(shown)
            if now_s - begun_s > WARM_S:
                found["seen"].append(1e3 * (now_s - shown.taken_s))
                found["done"].append(1e3 * (time.monotonic() - shown.taken_s))
                found["step"].append(sum(shown.step.timings_ms.values()))
        if len(found["memory"]) < now_s - begun_s - WARM_S:
            found["memory"].append(process.memory_info().rss / 1e6)
        time.sleep(max(0.0, LOOK_S - (time.monotonic() - now_s)))
    found["cores"] = [(sum(process.cpu_times()[:2]) - spent_s) / (time.monotonic() - begun_s)]
    return found


def measure(images: Array, seconds: float, *, record: bool, hook: Callable[[Shown], None]) -> int:
    """One run; prints its table, and says 1 when the capture or the recording has lost a frame."""
    cameras: list[RawCamera] = []

    def camera() -> RawCamera:
        cameras.append(RawCamera(images, 15.0))
        return cameras[-1]

    with tempfile.TemporaryDirectory() as folder:
        run = LiveRun("camera:0", Path(folder) / "session", um_per_px=0.3333, open_reader=camera)
        run.start()
        run.record(record)
        found = watch(run, seconds, hook)
        figures = run.figures()
        timings = run.newest().step.timings_ms if run.newest() else {}
        run.finish()
    if not found["seen"]:
        raise ValueError(f"expected frames to be analysed, found none within {seconds:g} s")
    memory = found["memory"]
    first = memory[min(len(memory) - 1, FULL_AFTER)]
    lines = ["| delay until | p50 ms | p99 ms | most ms |", "|---|---|---|---|"]
    for name in ("seen", "done"):
        p50, p99 = np.percentile(found[name], [50, 99])
        lines.append(f"| {name} | {p50:.0f} | {p99:.0f} | {max(found[name]):.0f} |")
    lines += [
        f"\ncaptured {figures.captured}, analysed {figures.analysed_fps:.1f} a second",
        f"pipeline, median {np.median(found['step']):.0f} ms; of the last frame "
        + ", ".join(f"{name} {ms:.0f}" for name, ms in timings.items()),
        f"cores in use, mean: {found['cores'][0]:.2f}",
        f"dropped: analysis {figures.dropped_analysis}, recording {figures.dropped_recording}",
        f"recorded {figures.recorded_s:.1f} s; the camera was late by {1e3 * cameras[0].late_s:.0f} ms at most",
        f"memory {first:.0f} MB to {memory[-1]:.0f} MB: {100 * (memory[-1] / first - 1):.1f} %",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(figures.dropped_recording > 0 or memory[-1] > 1.05 * first)


def main(hook: Callable[[Shown], None] = lambda shown: None) -> int:
    """Run it; ``hook`` is called with every frame that is shown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--no-record", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = rendered(asked.frames or Path(folder))
        return measure(images, asked.seconds, record=not asked.no_record, hook=hook)


if __name__ == "__main__":
    sys.exit(main())
