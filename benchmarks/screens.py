"""A scripted session of the live window, with a picture of every window to be looked at.

``python -m benchmarks.screens FOLDER``. A simulated recording is played as if live; a candidate is picked and accepted
by key, the session recorded, frozen, ended and kept. Each window is grabbed in both languages at 1280x800 and 2560x1440
into ``FOLDER/WINDOW-LANGUAGE-WIDTH.png``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from spermscope.acquisition.giving_way import share_the_processor
from spermscope.app.application import LETTERS_PX, open_run
from spermscope.app.checking import SelfTest
from spermscope.app.micrometer import MicrometerDialog
from spermscope.app.preferences import Preferences
from spermscope.app.setup import Setup
from spermscope.app.theme import dress
from spermscope.app.window import LiveWindow
from spermscope.app.words import speak
from spermscope.conclusion import Conditions
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video.recorder import Recorder

SCENE = "width_px=960,height_px=720,um_per_px=0.3333,fps=15,duration_s=4,cells=16,seed=12,optics=phase"
SIZES = ((1280, 800), (2560, 1440))
SETTLED_MS = 6000
"""The figures of the status line are of the last five seconds, in which a picture of a window costs a while."""
AGREES = 'print(\'[{"stage": "all", "ok": true}]\')'


def movie(path: Path) -> Path:
    """The scene, forwards and backwards for two minutes; made once."""
    if not path.exists():
        settings = SceneSettings.parse(SCENE)
        images = [image for _, _, image, _ in Scene(settings).frames()]
        with Recorder(path, settings.width_px, settings.height_px, settings.fps) as recorder:
            for number, image in enumerate(15 * (images + images[::-1])):
                recorder.write(image, number / settings.fps)
    return path


def let(milliseconds: int) -> None:
    """Let the windows work; ``QTest.qWait`` would keep Python's lock meanwhile, and every other thread waiting."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait(until: Callable[[], object], seconds: float = 60.0) -> None:
    """Let the windows work until that is so."""
    begun_s = time.monotonic()
    while not until():
        if time.monotonic() - begun_s > seconds:
            raise TimeoutError("expected the window to come so far, found it did not")
        let(20)


def grab(window: LiveWindow, part: Callable[[], QWidget], name: str, folder: Path) -> None:
    """Pictures of ``part`` in every language and size of the window."""
    for tongue in ("en", "ja"):
        speak(tongue)
        for width, height in SIZES:
            window.resize(width, height)
            let(150)
            shown = part()
            let(400)
            size = shown.size()
            shown.grab().save(str(folder / f"{name}-{tongue}-{width}.png"))
            if shown is window and (size.width(), size.height()) != (width, height):
                sys.stdout.write(
                    f"{name}-{tongue}-{width}: {size.width()}x{size.height()} instead of {width}x{height}\n"
                )
            if isinstance(shown, QDialog):
                shown.close()


def opened(window: LiveWindow, ask: Callable[[], None]) -> QDialog:
    """The dialog that ``ask`` opens."""
    before = set(window.findChildren(QDialog))
    ask()
    let(600)
    return next(dialog for dialog in window.findChildren(QDialog) if dialog not in before)


def main() -> int:
    """Run the session; its folder is ``FOLDER/sessions``."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["SPERMSCOPE_CONFIG"] = str(folder / "config")
    QApplication.instance() or QApplication([])
    share_the_processor()
    dress(LETTERS_PX)
    window = LiveWindow(Preferences(folder=str(folder / "sessions")), open_run, SelfTest(command=("-c", AGREES)))
    window.resize(*SIZES[0])
    window.show()
    grab(window, lambda: window, "empty", folder)
    grab(window, lambda: opened(window, window.ask_setup), "setup", folder)
    conditions = Conditions(sample="S-0412", ejaculate=True, temperature_c=37.0, depth_um=20.0)
    setup = Setup(str(movie(folder / "cells.mkv")), folder / "sessions", um_per_px=0.3333, conditions=conditions)
    window.begin(setup)
    window.toggle_recording()
    wait(lambda: window.view.shown is not None and sum(len(cell.grade) for cell in window.view.shown.cells) > 4)
    let(SETTLED_MS)
    window.activateWindow()
    wait(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_1)
    QTest.keyClick(window, Qt.Key.Key_A)
    grab(window, lambda: window, "live", folder)
    grab(window, lambda: opened(window, window.show_keys), "keys", folder)
    frame = window.view.shown.step.frame.image
    grab(window, lambda: opened(window, lambda: MicrometerDialog(frame, window).show()), "micrometer", folder)
    window.activateWindow()
    wait(window.isActiveWindow)
    QTest.keyClick(window, Qt.Key.Key_P)
    QTest.keyClick(window, Qt.Key.Key_Left)
    grab(window, lambda: window, "frozen", folder)
    QTest.keyClick(window, Qt.Key.Key_L)
    let(1500)
    grab(window, lambda: window, "replay", folder)
    QTest.keyClick(window, Qt.Key.Key_P)
    window.end()
    wait(lambda: window.running.run is None)
    grab(window, lambda: window, "kept", folder)
    grab(window, lambda: opened(window, window.show_sessions), "sessions", folder)
    window.close()
    sys.stdout.write(f"{len(list(folder.glob('*.png')))} pictures in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
