"""From the command to a live picture: ``spermscope live`` in a process of its own, until the first overlay is painted.

``python -m benchmarks.opening [ROUNDS]``. A movie of 1392 x 976 stands in the camera's place; the first round finds
files cold, if the machine was just started. Offscreen unless ``QT_QPA_PLATFORM`` says otherwise.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

SCENE = "width_px=1392,height_px=976,um_per_px=0.3333,fps=15,duration_s=4,cells=30,seed=73"
CHILD = "--child"


def child(movie: str, sessions: str, begun: float) -> int:
    """The command itself; prints the seconds until the first frame is painted, and leaves."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from spermscope.app.application import start
    from spermscope.app.window import LiveWindow

    application = QApplication(sys.argv[:1])
    poll = QTimer()

    def told(delay_s: float) -> None:
        sys.stdout.write(f"{time.time() - begun:.3f}\n")
        sys.stdout.flush()
        os._exit(0)

    def seek() -> None:
        for window in application.topLevelWidgets():
            if isinstance(window, LiveWindow):
                poll.stop()
                window.view.painted.connect(told)

    poll.timeout.connect(seek)
    poll.start(5)
    return start(movie, um_per_px=0.3333, out=Path(sessions))


def opened(command: list[str], environment: dict[str, str]) -> float:
    """Seconds of one round; its self-test, which the process leaves behind, ends with it and does not slow the next."""
    begun = [*command, str(time.time())]
    with subprocess.Popen(begun, env=environment, text=True, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        took_s = float(process.stdout.readline())
        process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return took_s


def main() -> int:
    """Print the rounds and their median."""
    if sys.argv[1:2] == [CHILD]:
        return child(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    from spermscope.simulate.scene import Scene, SceneSettings
    from spermscope.video.recorder import Recorder

    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as folder:
        settings, movie = SceneSettings.parse(SCENE), Path(folder) / "cells.mkv"
        with Recorder(movie, settings.width_px, settings.height_px, settings.fps) as recorder:
            for number, (_, _, image, _) in enumerate(Scene(settings).frames()):
                recorder.write(image, number / settings.fps)
        environment = {"QT_QPA_PLATFORM": "offscreen"} | os.environ | {"SPERMSCOPE_CONFIG": folder}
        command = [sys.executable, "-m", "benchmarks.opening", CHILD, str(movie), folder]
        took_s = [opened(command, environment) for _ in range(rounds)]
    sys.stdout.write(", ".join(f"{seconds:.1f}" for seconds in took_s) + f" s; median {np.median(took_s):.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
