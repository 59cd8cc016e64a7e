"""The main window: the live picture, what is known of it, and the keys that do everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QMainWindow,
    QMessageBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from spermscope.acquisition.figures import Figures
from spermscope.acquisition.meter import Meter
from spermscope.acquisition.run import LiveRun
from spermscope.acquisition.shown import Shown
from spermscope.app import candidates, replay_bar
from spermscope.app.candidates import CandidatesPanel
from spermscope.app.checking import SelfTest
from spermscope.app.header import ACTIONS, Header
from spermscope.app.hide_key import HideKey
from spermscope.app.keys import KEYS, KeysDialog
from spermscope.app.notices import NoticeBar
from spermscope.app.preferences import Preferences, keep_preferences
from spermscope.app.rate_check import RateCheck
from spermscope.app.replay_bar import ReplayBar
from spermscope.app.running import OpenRun, Running
from spermscope.app.sessions import SessionsDialog
from spermscope.app.setup import Setup, SetupDialog, said
from spermscope.app.status import StatusBar
from spermscope.app.theme import dress, letter_px
from spermscope.app.view import LiveView
from spermscope.app.words import language, speak, word

if TYPE_CHECKING:
    from spermscope.assessment import Assessed

TEST_AFTER_MS = 5000
"""The self-test begins with the first painted frame, or now, whichever is earlier: the picture comes first."""
STEP = 0.15
LEAST = (960, 600)
"""Given, not asked of the layout: its own least size goes by the letters of the size before."""


class LiveWindow(QMainWindow):
    """Shows one run at a time, which ``open_run`` makes; predictions wait for ``selftest``.

    ``preferences`` are kept when something of them changes; ``aside`` is where a broken file of them was put.
    """

    def __init__(
        self, preferences: Preferences, open_run: OpenRun, selftest: SelfTest, *, aside: Path | None = None
    ) -> None:
        super().__init__()
        self.preferences = preferences
        self.running = Running(open_run, self)
        self._setup: Setup | None = None
        self._delays = Meter()
        self._rate, self._closing = RateCheck(None, 0.0), False
        self._selftest, self._test_begun = selftest, False
        selftest.setParent(self)
        self._build()
        self._connect()
        self._withhold(selftest.reason)
        self._retell()
        if aside is not None:
            self.notices.tell(lambda: word("preferences_broken", name=str(aside)))

    def _build(self) -> None:
        self.header, self.view = Header(self), LiveView(self)
        self.notices, self.status = NoticeBar(self), StatusBar(self)
        self.panel = CandidatesPanel(self._current, self)
        self.replay = ReplayBar(self._current, self.view.picture, self)
        left = QWidget(self)
        below = QVBoxLayout(left)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(self.view, 1)
        below.addWidget(self.replay)
        self.body = QSplitter(Qt.Orientation.Horizontal, self)
        for side, stretch in ((left, 3), (self.panel, 1)):
            self.body.addWidget(side)
            self.body.setStretchFactor(self.body.count() - 1, stretch)
        self.body.setChildrenCollapsible(False)
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part, stretch in ((self.header, 0), (self.body, 1), (self.notices, 0), (self.status, 0)):
            column.addWidget(part, stretch)
        self.setCentralWidget(centre)
        self.setMinimumSize(*LEAST)
        self.view.set_opacity(self.preferences.opacity)

    def _connect(self) -> None:
        self.running.shown.connect(self._show)
        self.running.figures.connect(self._show_figures)
        self.running.ended.connect(self._ended)
        self.running.failed.connect(self._failed)
        self.running.progress.connect(self._progressed)
        self.view.painted.connect(self._painted)
        self._selftest.done.connect(self._tested)
        self.view.set_hides(self.panel.hides)
        self.view.clicked.connect(self.panel.clicked)
        self.panel.picked.connect(lambda one: self.view.follow(None if one < 0 else one))
        self.panel.decided.connect(lambda deed, one: self.view.update())
        self.panel.blind_changed.connect(lambda on: self.view.update())
        self.replay.shown.connect(self._paint)
        self.replay.went_live.connect(self._back_to_live)
        self._actions: dict[str, Callable[[], object]] = {
            "setup": self.ask_setup,
            "record": self.toggle_recording,
            "end": self.end,
            "sessions": self.show_sessions,
            "keys": self.show_keys,
            "language": self.toggle_language,
        }
        self.header.asked.connect(lambda name: self._actions[name]())
        for name, key in ACTIONS.items():
            QShortcut(QKeySequence(key), self, self._actions[name])
        QShortcut(QKeySequence("F11"), self, self.toggle_full_screen)
        QShortcut(QKeySequence("Ctrl+Q"), self, self.close)
        QShortcut(QKeySequence("Escape"), self, self.leave)
        QShortcut(QKeySequence("+"), self, lambda: self._fade(STEP))
        QShortcut(QKeySequence("-"), self, lambda: self._fade(-STEP))
        HideKey(self).held.connect(lambda down: self.view.set_overlay(not down))
        QTimer.singleShot(TEST_AFTER_MS, self._begin_test)

    def begin(self, setup: Setup) -> bool:
        """Start a run; where it cannot be started that is told, and False."""
        if self.running.run is not None:
            self.notices.tell(lambda: word("run_goes_on"))
            return False
        self.notices.forget()
        try:
            run = self.running.begin(setup)
        except (ValueError, OSError) as error:
            self.notices.tell(partial(said, error))
            return False
        run.withhold(self._selftest.reason)
        self._setup, self._rate = setup, RateCheck(setup.camera_fps, time.monotonic())
        self._delays = Meter()
        self.header.show_session(going=True, sample=setup.conditions.sample)
        self._keep(setup.remembered(self.preferences))
        self._retell()
        return True

    def end(self) -> None:
        """End the run and make its session, in the background."""
        if self.running.run is not None and not self.running.ending:
            self.running.end()
            self.header.show_session(going=False)
            self._progressed(0, 0)

    def toggle_recording(self) -> None:
        """Begin or end the recording."""
        run = self.running.run
        if run is not None and not self.running.ending:
            run.record(not run.figures().recording)
            self._show_figures(run.figures())

    def ask_setup(self) -> None:
        """Ask what to look at, and begin; while a run goes on it must be ended first."""
        if self.running.run is not None:
            self.notices.tell(lambda: word("run_goes_on"))
            return
        dialog = SetupDialog(self.preferences, parent=self)
        dialog.calibrate.connect(lambda: self._calibrate(dialog))
        dialog.resize(round(0.72 * self.width()), round(0.6 * self.height()))
        dialog.accepted.connect(lambda: self._chosen(dialog))
        dialog.open()

    def _chosen(self, dialog: SetupDialog) -> None:
        if dialog.setup is not None:
            self.begin(dialog.setup)

    def _calibrate(self, setup: SetupDialog) -> None:
        from spermscope.app.micrometer import MicrometerDialog  # what finds the lines takes a while to load

        shown = self.view.shown
        dialog = MicrometerDialog(shown.step.frame.image if shown else None, setup)
        dialog.kept.connect(setup.list_optics)
        dialog.resize(round(0.7 * self.width()), round(0.8 * self.height()))
        dialog.open()

    def show_sessions(self) -> None:
        """The sessions that there are."""
        root = self._setup.sessions if self._setup else self.preferences.sessions
        run = self.running.run
        dialog = SessionsDialog(root, lambda: run.place if run is not None else None, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def leave(self) -> None:
        """Leave what is under way in the panel, then the cell that is followed, then the full screen."""
        if not self.panel.leave() and self.isFullScreen():
            self.toggle_full_screen()

    def show_keys(self) -> None:
        """Every key, and what the marks mean."""
        dialog = KeysDialog((KEYS, candidates.KEYS, replay_bar.KEYS), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def toggle_language(self) -> None:
        """Japanese instead of English, or the other way round, at once."""
        speak("ja" if language() == "en" else "en")
        self._keep(self.preferences.model_copy(update={"language": language()}))

    def toggle_full_screen(self) -> None:
        """The whole screen, or back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _fade(self, step: float) -> None:
        self.view.set_opacity(self.view.opacity + step)
        self._keep(self.preferences.model_copy(update={"opacity": self.view.opacity}))

    def _keep(self, preferences: Preferences) -> None:
        self.preferences = preferences
        try:
            keep_preferences(preferences)
        except OSError as error:
            self.notices.tell_line(f"the settings could not be kept: {error.strerror or error}")

    def _current(self) -> LiveRun | None:
        """The run that goes on; none while its session is being made."""
        return None if self.running.ending else self.running.run

    def _show(self, shown: Shown) -> None:
        if self.replay.live:
            self._paint(shown)

    def _paint(self, shown: Shown) -> None:
        self.view.set_shown(shown)
        self.panel.show_cells(shown)

    def _back_to_live(self) -> None:
        newest = self.running.run.newest() if self.running.run is not None else None
        if newest is not None:
            self._paint(newest)

    def _painted(self, delay_s: float) -> None:
        if self.replay.live:
            self._delays.add(time.monotonic(), delay_s)
        self._begin_test()

    def _show_figures(self, figures: Figures) -> None:
        self.status.show_figures(figures, 1000.0 * self._delays.median)
        self.header.show_recording(figures.recording)
        for line in figures.warnings:
            self.notices.tell_line(line)
        if not self.running.ending:
            self.view.say("" if figures.state == "running" else word(f"view_{figures.state}"))
        if self._rate.differs(figures.fps, time.monotonic()):
            said_hz, found_hz = self._rate.said_hz, figures.fps
            self.notices.tell(lambda: word("rate_differs", told=f"{said_hz:g}", found=f"{found_hz:.1f}"))

    def _begin_test(self) -> None:
        if not self._test_begun and not self._closing:
            self._test_begun = True
            self._selftest.start()

    def _tested(self, reason: str) -> None:
        self._withhold(reason)
        if self.running.run is not None:
            self.running.run.withhold(reason)

    def _withhold(self, reason: str) -> None:
        self.view.withheld = reason
        self.view.update()
        self.header.withhold(reason)

    def _progressed(self, done: int, total: int) -> None:
        share = f" {100 * done // total} %" if total else ""
        self.view.say(word("view_ending") + share)

    def _ended(self, session: Assessed) -> None:
        self._after_run()
        self.notices.tell(lambda: word("session_saved", name=str(session.folder)))
        if not session.complete:
            self.notices.tell_line(f"not complete: {session.summary.incomplete_because}")
        self.notices.offer("open_report", lambda: self._open(session.folder / "report.html"))

    def _failed(self, error: Exception) -> None:
        self._after_run()
        self.notices.tell(partial(said, error))

    def _after_run(self) -> None:
        self.header.show_session(going=False)
        self.header.show_recording(False)
        self.status.show_figures(None)
        self.replay.go_live()
        self.panel.clear()
        self.view.follow(None)
        self.view.set_shown(None)
        self._setup = None
        self._retell()
        if self._closing:
            self.close()

    def _open(self, path: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Letters grow with the window."""
        dress(letter_px(self.size()))
        super().resizeEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """A session that goes on is ended first, and the window closes when it is made."""
        if self.running.run is None:
            self._closing = True
            self._selftest.stop()
            super().closeEvent(event)
            return
        event.ignore()
        if self.running.ending:
            self._closing = True
        elif self._sure():
            self._closing = True
            self.end()

    def _sure(self) -> bool:
        box = QMessageBox(QMessageBox.Icon.NoIcon, word("live_title"), word("end_and_quit"), parent=self)
        end = box.addButton(word("do_end"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(word("cancel"), QMessageBox.ButtonRole.RejectRole)
        box.exec()
        return box.clickedButton() is end

    def _retell(self) -> None:
        self.setWindowTitle(f"{word('live_title')} - {word('research_only')}")
        if self.running.run is None:
            self.view.say(word("view_no_source"))
