"""The line at the head of the window: which session this is, and the few things that can be done, each with its key."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from spermscope.app.words import told, word

ACTIONS = {
    "setup": "F2",
    "record": "F9",
    "end": "Ctrl+E",
    "sessions": "F3",
    "keys": "F1",
    "language": "Ctrl+L",
}


class Header(QFrame):
    """``asked`` names the action whose button was pressed, one of ``ACTIONS``."""

    asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sample, self._reason = "", ""
        self._going = False
        self._title, self._off = QLabel(self), QLabel(self)
        self._title.setObjectName("strong")
        self._off.setObjectName("notice")
        self._off.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._off.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self._title)
        row.addWidget(self._off, 1)
        row.addStretch(0)
        self._buttons: dict[str, QPushButton] = {}
        for name in ACTIONS:
            button = QPushButton(self)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda checked=False, name=name: self.asked.emit(name))
            self._buttons[name] = button
            row.addWidget(button)
        self._buttons["record"].setCheckable(True)
        self._buttons["record"].clicked.connect(lambda checked: self._buttons["record"].setChecked(not checked))
        self.show_session(going=False)

    def show_session(self, *, going: bool, sample: str = "") -> None:
        """A session of that sample goes on, or none does."""
        self._going, self._sample = going, sample
        for name in ("record", "end"):
            self._buttons[name].setEnabled(going)
        self._retell()

    def show_recording(self, on: bool) -> None:
        """Whether the recording runs."""
        self._buttons["record"].setChecked(on)
        self._retell()

    def withhold(self, reason: str) -> None:
        """Why predictions are off (English), '' where they are on."""
        self._reason = reason
        self._retell()

    @property
    def lines(self) -> tuple[str, str]:
        """What is said: the session, and why predictions are off."""
        return self._title.text(), self._off.text() if self._reason else ""

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def _retell(self) -> None:
        if not self._going:
            self._title.setText(word("header_none"))
        else:
            self._title.setText(
                word("header_sample", sample=self._sample) if self._sample else word("header_no_sample")
            )
        self._off.setText(told(self._reason))
        self._off.setToolTip(told(self._reason))
        self._off.setVisible(bool(self._reason))
        for name, button in self._buttons.items():
            button.setText(word("do_stop" if name == "record" and button.isChecked() else f"do_{name}"))
            button.setToolTip(f"{word(f'key_{name}')}  ({ACTIONS[name]})")
