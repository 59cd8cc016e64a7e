"""Starting the live application."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from types import TracebackType

from PySide6.QtWidgets import QApplication

from spermscope.acquisition.giving_way import share_the_processor
from spermscope.acquisition.run import LiveRun
from spermscope.app.checking import SelfTest
from spermscope.app.preferences import read_preferences
from spermscope.app.setup import Setup
from spermscope.app.theme import dress
from spermscope.app.window import LiveWindow
from spermscope.app.words import speak, word
from spermscope.conclusion import Conditions
from spermscope.runtime import Model, load_in
from spermscope.settings import live_settings

LETTERS_PX = 17


def start(
    address: str = "",
    *,
    um_per_px: float | None = None,
    optics: str = "",
    out: Path | None = None,
    sample: str = "",
    operator: str = "",
    language: str = "",
    grader: Path | None = None,
) -> int:
    """Open the window, with a run of ``address`` where one is given, and return its exit code when it is closed.

    What is not given is as it was the last time; ``out`` holds the session folders, ``grader`` is a model file.
    """
    application = QApplication.instance() or QApplication(sys.argv[:1])
    share_the_processor()
    preferences, aside = read_preferences()
    own = load_in(grader, preferences.precision) if grader else None
    speak(language or preferences.language)
    dress(LETTERS_PX)
    window = LiveWindow(preferences, lambda setup: open_run(setup, own), SelfTest(), aside=aside)
    sys.excepthook = lambda kind, error, trace: _told(window, kind, error, trace)
    window.resize(1280, 800)
    window.show()
    if address:
        conditions = Conditions(
            sample=sample,
            preparation=preferences.preparation,
            ejaculate=preferences.ejaculate,
            temperature_c=preferences.temperature_c,
            depth_um=preferences.depth_um,
        )
        typed = um_per_px is not None or bool(optics)
        window.begin(
            Setup(
                address=address,
                sessions=out or preferences.sessions,
                um_per_px=um_per_px if typed else preferences.um_per_px,
                optics=optics if typed else preferences.optics,
                conditions=conditions,
                operator=operator or preferences.operator,
                precision=preferences.precision,
            )
        )
    else:
        window.ask_setup()
    return application.exec()


def open_run(setup: Setup, grader: Model | None = None) -> LiveRun:
    """The run of a setup, not yet started.

    Raises
    ------
    ValueError
        One line: unknown optics.
    """
    return LiveRun(
        setup.address,
        setup.session_folder(datetime.now()),
        um_per_px=setup.um_per_px,
        optics=setup.optics or None,
        settings=live_settings(setup.precision),
        conditions=setup.conditions,
        grader=grader,
        sample=setup.conditions.sample,
        operator=setup.operator,
    )


def _told(window: LiveWindow, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of ours is told in the window, which goes on, as the recording does."""
    sys.__excepthook__(kind, error, trace)
    window.notices.tell(lambda: word("our_fault", name=f"{kind.__name__}: {error}"))
