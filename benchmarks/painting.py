"""The live window on a camera (``benchmarks.live``): the delay until painted, and paintings a second.

``python -m benchmarks.painting [SECONDS] [--frames FOLDER] [--size WIDTHxHEIGHT] [--no-record] [--scene WORDS]``. First
the camera gives 15 frames a second to the application's own window (offscreen unless ``QT_QPA_PLATFORM`` says
otherwise), with overlay, candidates and figures, everything recorded; the delay runs from a frame's arrival until its
overlay is painted. Then the camera gives four times as many, so that the pipeline never rests, and the window paints as
often as it can, each time as if the frame were new.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import psutil
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from benchmarks.live import SCENE, WARM_S, Seen, live_run, measure, rendered
from spermscope.acquisition.giving_way import share_the_processor
from spermscope.acquisition.run import LiveRun
from spermscope.app.application import LETTERS_PX
from spermscope.app.checking import SelfTest
from spermscope.app.preferences import Preferences
from spermscope.app.setup import Setup
from spermscope.app.theme import dress
from spermscope.app.window import LiveWindow
from spermscope.bench.camera import RawCamera
from spermscope.types import Array

SATURATED_FPS = 60.0
SETTLE_S = 5.0
AGREES = 'print(\'[{"stage": "all", "ok": true}]\')'


def wait(seconds: float) -> None:
    """Let the window work for so long."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


class Window:
    """The application's window, which shows the run that it is given."""

    def __init__(self, width: int, height: int, *, record: bool) -> None:
        self._record = record
        self._run: LiveRun | None = None
        dress(LETTERS_PX)
        self.window = LiveWindow(Preferences(), self._given, SelfTest(command=("-c", AGREES)))
        self.window.resize(width, height)
        self.window.show()

    def _given(self, setup: Setup) -> LiveRun:
        assert self._run is not None
        return self._run

    def begin(self, run: LiveRun) -> LiveWindow:
        """Show this one."""
        self._run = run
        self.window.begin(Setup("camera:0", run.folder.parent, um_per_px=0.3333))
        return self.window

    def end(self) -> None:
        """End it and wait for its session."""
        self.window.end()
        while self.window.running.run is not None:
            wait(0.1)

    def look(self, run: LiveRun, seconds: float) -> Seen:
        """See ``benchmarks.live.look``: what is seen is what was painted."""
        seen, process = Seen(), psutil.Process()
        window = self.begin(run)
        if self._record:
            window.toggle_recording()
        begun_s, spent_s = time.monotonic(), sum(process.cpu_times()[:2])
        wait(WARM_S)
        painted = window.view.painted.connect(lambda delay_s: seen.add(window.view.shown, time.monotonic()))
        weigh = QTimer()
        weigh.timeout.connect(seen.weigh)
        weigh.start(1000)
        wait(seconds)
        weigh.stop()
        window.view.painted.disconnect(painted)
        seen.cores = (sum(process.cpu_times()[:2]) - spent_s) / (time.monotonic() - begun_s)
        seen.figures = run.figures()
        self.end()
        return seen


def saturated(images: Array, seconds: float, shown: Window) -> None:
    """Print how often the window paints while the pipeline is given more than it can take."""
    with tempfile.TemporaryDirectory() as folder:
        camera = RawCamera(images, SATURATED_FPS)
        run = live_run(Path(folder) / "session", camera)
        window = shown.begin(run)
        while run.newest() is None:
            wait(0.05)
        wait(SETTLE_S)
        took_ms: list[float] = []
        begun_s = time.monotonic()
        while (once_s := time.monotonic()) - begun_s < seconds:
            window.view.set_shown(replace(run.newest()))
            window.view.repaint()
            QApplication.processEvents()
            took_ms.append(1e3 * (time.monotonic() - once_s))
        figures = run.figures()
        shown.end()
    p50, p99 = np.percentile(took_ms, [50, 99])
    sys.stdout.write(
        f"\nsaturated: {len(took_ms) / seconds:.0f} paintings a second, {p50:.1f} ms each (p99 {p99:.1f});"
        f" analysed {figures.analysed_fps:.1f} of {figures.fps:.1f} frames a second\n"
    )


def main() -> int:
    """Both measurements; 1 when a frame was dropped in capture or recording."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=float, default=60.0)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--no-record", action="store_true")
    parser.add_argument("--scene", default=SCENE, help="as sim: takes it, at 0.3333 um/px and 15 fps")
    asked = parser.parse_args()
    width, height = (int(side) for side in asked.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPERMSCOPE_CONFIG"] = folder
        images = rendered(asked.frames or Path(folder), asked.scene)
        application = QApplication.instance() or QApplication([])
        share_the_processor()
        shown = Window(width, height, record=not asked.no_record)
        lost = measure(images, asked.seconds, shown.look, "painted")
        saturated(images, min(asked.seconds, 20.0), shown)
        shown.window.close()
        del application
    return lost


if __name__ == "__main__":
    sys.exit(main())
