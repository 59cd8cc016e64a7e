"""One live run after another, as the window sees them: begun, asked for what is new, ended in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from spermscope.acquisition.run import LiveRun
from spermscope.acquisition.shown import Shown
from spermscope.app.setup import Setup
from spermscope.app.words import language

if TYPE_CHECKING:
    from spermscope.assessment import Assessed

FIGURES_MS = 250
OpenRun = Callable[[Setup], LiveRun]


class Running(QObject):
    """Holds the run that goes on, if any.

    ``shown`` gives every ``Shown`` that is new as soon as it can be painted; ``figures`` four times a second.
    ``ended`` follows ``end`` with the session, ``failed`` with what kept it from being made; ``progress``
    comes between: frames done and to do (0: not known).
    """

    shown = Signal(object)
    figures = Signal(object)
    progress = Signal(int, int)
    ended = Signal(object)
    failed = Signal(object)
    _came = Signal()

    def __init__(self, open_run: OpenRun, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open_run = open_run
        self._ending: threading.Thread | None = None
        self._told: SimpleQueue[tuple[int, int] | Assessed | Exception] = SimpleQueue()
        self.run: LiveRun | None = None
        self._newest: Shown | None = None
        self._count = QTimer(self)
        self._came.connect(self._look, Qt.ConnectionType.QueuedConnection)
        self._count.timeout.connect(self._ask)

    @property
    def ending(self) -> bool:
        """Whether a session is being made now."""
        return self._ending is not None

    def begin(self, setup: Setup) -> LiveRun:
        """Start a run; an earlier one must have ended.

        Raises
        ------
        ValueError, OSError
            One line: what of the setup cannot be used.
        """
        if self.run is not None:
            raise RuntimeError("a run goes on")
        setup.sessions.mkdir(parents=True, exist_ok=True)
        run = self._open_run(setup)
        run.tell_when_shown(self._came.emit)
        run.start()
        self.run, self._newest = run, None
        self._count.start(FIGURES_MS)
        return run

    def end(self) -> None:
        """Make the session in the background; ``ended`` or ``failed`` follows."""
        if self.run is None or self._ending is not None:
            return
        self._ending = threading.Thread(target=self._finish, args=(self.run, language()), name="ending")
        self._ending.start()

    def _finish(self, run: LiveRun, tongue: str) -> None:
        """The ending thread's work; what it tells is read by the window's own thread."""
        try:
            session = run.finish(lambda done, total: self._told.put((done, total or 0)), language=tongue)
        except Exception as error:
            self._told.put(error)
        else:
            self._told.put(session)

    def _read(self) -> None:
        """What the ending thread has told since."""
        while not self._told.empty():
            told = self._told.get()
            if isinstance(told, tuple):
                self.progress.emit(*told)
            else:
                self._over()
                (self.failed if isinstance(told, Exception) else self.ended).emit(told)

    def _over(self) -> None:
        self._count.stop()
        if self._ending is not None:
            self._ending.join()
        self._ending, self.run, self._newest = None, None, None

    def _look(self) -> None:
        newest = self.run.newest() if self.run and not self.ending else None
        if newest is not None and newest is not self._newest:
            self._newest = newest
            self.shown.emit(newest)

    def _ask(self) -> None:
        if self.run is not None:
            self.figures.emit(self.run.figures())
        self._read()
