"""A recording analysed anew, in a thread, while the windows go on."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from spermscope.acquisition.archive import Entry
from spermscope.app.words import language
from spermscope.conclusion import Conditions
from spermscope.session import read_session
from spermscope.settings import Settings


class Reanalysis(QObject):
    """``went_on`` counts frames; at the end ``finished_well`` gives the new session's folder, or ``broke`` a line."""

    went_on = Signal(int)
    finished_well = Signal(object)
    broke = Signal(str)

    def __init__(self, entry: Entry, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._entry, self._folder = entry, folder
        self._language = language()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reanalysis", daemon=True)

    def start(self) -> None:
        """Begin, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """Break off at the next frame and wait; the new session is kept as a part."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        from spermscope.assessment import assess  # with the report and its charts, which take a second to load

        try:
            done = assess(
                str(self._entry.recording),
                self._folder,
                settings=settings_of(self._entry),
                conditions=_conditions(self._entry),
                language=self._language,
                progress=self._progress,
            )
        except (ValueError, OSError) as error:
            self.broke.emit(str(error))
        else:
            self.finished_well.emit(done.folder)

    def _progress(self, done: int, total: int | None) -> None:
        if self._stopped.is_set():
            raise KeyboardInterrupt
        if done % 5 == 0:
            self.went_on.emit(done)


def settings_of(entry: Entry) -> Settings | None:
    """Those of the session itself, so that the same frames give the same again; none of one that never ended."""
    if entry.state not in ("whole", "part"):
        return None
    return Settings.model_validate(read_session(entry.folder).summary.settings)


def _conditions(entry: Entry) -> Conditions | None:
    """What was declared then; nothing of a session that never ended."""
    if entry.state not in ("whole", "part"):
        return None
    return Conditions.model_validate(read_session(entry.folder).summary.conditions)
