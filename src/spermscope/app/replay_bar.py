"""Freeze, step and replay the last half minute while everything else goes on; keep a picture of what is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSlider, QWidget

from spermscope.acquisition.decisions import Session
from spermscope.acquisition.replay import Replay
from spermscope.acquisition.shown import Shown
from spermscope.acquisition.snapshot import keep_snapshot
from spermscope.app.words import word

KEYS = (("P", "key_freeze"), ("←  →", "key_step"), ("L", "key_replay"), ("S", "key_snapshot"))
LONGEST_MS = 500
"""A gap in the recording is not sat through."""


class Replayed(Session, Protocol):
    """A run that can be looked back on."""

    @property
    def replay(self) -> Replay:
        """The last half minute."""
        ...

    def newest(self) -> Shown | None:
        """The latest analysed frame; None before the first."""
        ...


class ReplayBar(QWidget):
    """While ``live`` the window shows the newest frame; else only what ``shown`` brings, until ``went_live``.

    ``painted`` gives a ``Shown`` with its overlay, in the source's own size, for snapshots. The run itself is never
    touched: capture, analysis and recording go on.
    """

    shown = Signal(object)
    went_live = Signal()

    def __init__(
        self,
        run_provider: Callable[[], Replayed | None],
        painted: Callable[[Shown], QImage],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._run_provider, self._painted = run_provider, painted
        self._still: Replay | None = None
        self._times_s = np.empty(0)
        self._at = 0
        self._playing = QTimer(self)
        self._playing.setSingleShot(True)
        self._playing.timeout.connect(self._next)
        self._said = ""
        self._build()
        for keys, act in (
            ("P", self.toggle),
            ("Left", self.back),
            ("Right", self.on),
            ("L", self.play),
            ("S", self.keep),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)
        self.retell()

    def _build(self) -> None:
        names = {
            "freeze": self.toggle,
            "back": self.back,
            "on": self.on,
            "play": self.play,
            "keep": self.keep,
        }
        self.buttons = {name: QPushButton() for name in names}
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.valueChanged.connect(self._slid)
        self.state, self.message = QLabel(), QLabel()
        self.state.setObjectName("strong")
        self.message.setObjectName("soft")
        for label in (self.state, self.message):
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        line = QHBoxLayout(self)
        line.setContentsMargins(8, 2, 8, 2)
        line.addWidget(self.state)
        for name, act in names.items():
            button = self.buttons[name]
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setStyleSheet("padding: 1px 8px;")
            button.clicked.connect(act)
            line.addWidget(button)
            if name == "on":
                line.addWidget(self.slider, 1)
        line.addWidget(self.message)

    @property
    def live(self) -> bool:
        """Whether the newest frame is to be shown."""
        return self._still is None

    @property
    def playing(self) -> bool:
        """Whether the replay runs."""
        return self._playing.isActive()

    @property
    def at(self) -> int:
        """The place in the frozen replay that is shown, 0 the oldest."""
        return self._at

    def toggle(self) -> None:
        """Freeze at the newest frame, or go live again."""
        if self.live:
            if self._freeze():
                self._show(len(self._times_s) - 1)
        else:
            self.go_live()

    def back(self) -> None:
        """One frame back; freezes."""
        self._step(-1)

    def on(self) -> None:
        """One frame on; freezes."""
        self._step(1)

    def play(self) -> None:
        """From the oldest frame on, at its own speed, to the one it was frozen at; pauses while it runs."""
        if self.playing:
            self._playing.stop()
            self.retell()
        elif not self.live or self._freeze():
            self._show(0 if self._at >= len(self._times_s) - 1 else self._at)
            self._wait()

    def go_live(self) -> None:
        """Let go of the frozen frames."""
        if self.live:
            return
        self._playing.stop()
        self._still, self._times_s = None, np.empty(0)
        self._say("")
        self.went_live.emit()

    def keep(self) -> None:
        """Keep a picture of what is shown, with and without marks."""
        run = self._run_provider()
        shown = (run.newest() if run else None) if self._still is None else self._still.at(self._at)
        if run is None or shown is None:
            self._say(word("nothing_to_freeze"))
            return
        try:
            files = keep_snapshot(run, shown, _rgb(self._painted(shown)))
        except OSError as error:
            self._say(word("snapshot_not_kept", error=error.strerror or str(error)))
        else:
            self._say(word("snapshot_kept", name=files[0].name))

    def _freeze(self) -> bool:
        run = self._run_provider()
        still = run.replay.snapshot() if run is not None else None
        if still is None or not len(still):
            self._say(word("nothing_to_freeze"))
            return False
        self._still, self._times_s, self._at = still, still.times(), len(still) - 1
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(still) - 1)
        self.slider.blockSignals(False)
        self._say("")
        return True

    def _step(self, by: int) -> None:
        if self.live and not self._freeze():
            return
        self._playing.stop()
        self._show(self._at + by)

    def _show(self, at: int) -> None:
        if self._still is None:
            return
        self._at = min(max(at, 0), len(self._times_s) - 1)
        self.slider.blockSignals(True)
        self.slider.setValue(self._at)
        self.slider.blockSignals(False)
        self.retell()
        self.shown.emit(self._still.at(self._at))

    def _slid(self, value: int) -> None:
        if self.live and not self._freeze():
            return
        self._playing.stop()
        self._show(value)

    def _next(self) -> None:
        self._show(self._at + 1)
        self._wait()

    def _wait(self) -> None:
        if self._at + 1 < len(self._times_s):
            apart_ms = 1000.0 * float(self._times_s[self._at + 1] - self._times_s[self._at])
            self._playing.start(round(min(apart_ms, LONGEST_MS)))
        self.retell()

    def _say(self, said: str) -> None:
        self._said = said
        self.retell()

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._said = ""
            self.retell()

    def retell(self) -> None:
        """Say everything in the language that is spoken."""
        live = self.live
        ago = "" if live else f"{self._times_s[-1] - self._times_s[self._at]:.1f}"
        self.state.setText(
            word("is_live") if live else word("replaying_at" if self.playing else "frozen_at", seconds=ago)
        )
        texts = {
            "freeze": (word("freeze" if live else "go_live"), "P"),
            "back": ("◀", "←"),
            "on": ("▶", "→"),
            "play": (word("pause" if self.playing else "replay"), "L"),
            "keep": (word("snapshot"), "S"),
        }
        for name, (said, key) in texts.items():
            self.buttons[name].setText(f"{said}  {key}" if name not in ("back", "on") else said)
        for name, key in (("back", "step_back"), ("on", "step_on")):
            self.buttons[name].setToolTip(f"{word(key)}  {texts[name][1]}")
            self.buttons[name].setAccessibleName(word(key))
        self.slider.setVisible(not live)
        self.message.setText(self._said or ("" if live else word("recording_goes_on")))


def _rgb(image: QImage) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """``(H, W, 3)`` of a picture."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    width, height = plain.width(), plain.height()
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(height, plain.bytesPerLine())
    return rows[:, : 3 * width].reshape(height, width, 3).copy()
