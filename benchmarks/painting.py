"""The live window over the live engine (``benchmarks.live``): the delay until painted, and paintings a second.

``python -m benchmarks.painting [SECONDS] [--frames FOLDER] [--size WIDTHxHEIGHT]``. First the camera gives 15 frames a
second and every one is painted, with its overlay, candidates and figures, by the whole window (offscreen unless
``QT_QPA_PLATFORM`` says otherwise). Then it gives four times as many, so that the pipeline never rests, and the window
paints as often as it can, each time as if the frame were new.
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
from PySide6.QtWidgets import QApplication

from benchmarks.live import RawCamera, measure, rendered
from spermscope.acquisition.run import LiveRun
from spermscope.acquisition.shown import Shown
from spermscope.app.application import LETTERS_PX, open_run
from spermscope.app.checking import SelfTest
from spermscope.app.preferences import Preferences
from spermscope.app.theme import dress
from spermscope.app.window import LiveWindow
from spermscope.types import Array

SATURATED_FPS = 60.0
SETTLE_S = 5.0


class Painted:
    """A whole window that paints what it is given, at once."""

    def __init__(self, width: int, height: int) -> None:
        self._application = QApplication.instance() or QApplication([])
        dress(LETTERS_PX)
        self.window = LiveWindow(Preferences(), open_run, SelfTest(command=("-c", "")))
        self.window.view.withheld = ""
        self.window.resize(width, height)
        self.window.show()
        self._application.processEvents()

    def paint(self, shown: Shown) -> None:
        """Paint this frame and whatever else waits."""
        self.window.view.set_shown(shown)
        self.window.panel.show_cells(shown)
        self.window.view.repaint()
        self._application.processEvents()


def saturated(images: Array, seconds: float, painted: Painted) -> None:
    """Print how often the window paints while the pipeline is given more than it can take."""
    with tempfile.TemporaryDirectory() as folder:
        camera = RawCamera(images, SATURATED_FPS)
        run = LiveRun("camera:0", Path(folder) / "session", um_per_px=0.3333, open_reader=lambda: camera)
        run.start()
        while run.newest() is None:
            time.sleep(0.05)
        time.sleep(SETTLE_S)
        took_ms: list[float] = []
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < seconds:
            once_s = time.monotonic()
            painted.paint(replace(run.newest()))
            took_ms.append(1e3 * (time.monotonic() - once_s))
        figures = run.figures()
        run.finish()
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
    asked = parser.parse_args()
    width, height = (int(side) for side in asked.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        images = rendered(asked.frames or Path(folder))
        painted = Painted(width, height)
        lost = measure(images, asked.seconds, record=True, hook=painted.paint)
        saturated(images, min(asked.seconds, 20.0), painted)
    return lost


if __name__ == "__main__":
    sys.exit(main())
