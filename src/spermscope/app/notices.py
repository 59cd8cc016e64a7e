"""What the user must be told, until it was read: the newest lines, in the language that is spoken."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from spermscope.app.words import told, word

Say = Callable[[], str]
LINES = 3


class NoticeBar(QFrame):
    """Up to ``LINES`` lines and a button that says they were read; hidden while there is none.

    A line that was read does not come again, save by ``tell`` with another text.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._open: list[Say] = []
        self._seen: set[str] = set()
        self._lines, self._read, self._do = QLabel(self), QPushButton(self), QPushButton(self)
        self._lines.setWordWrap(True)
        self._lines.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._action: Callable[[], object] | None = None
        self._action_key = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        row.addWidget(self._lines, 1)
        for button in (self._do, self._read):
            row.addWidget(button)
        self._read.clicked.connect(self.read)
        self._do.clicked.connect(self._act)
        self._retell()

    @property
    def lines(self) -> list[str]:
        """What is shown."""
        return [say() for say in self._open[-LINES:]]

    def tell(self, say: Say) -> None:
        """Show a line, which ``say`` gives in the language that is spoken."""
        self._open.append(say)
        self._retell()

    def tell_line(self, line: str) -> None:
        """Show a line of a run (English, as results keep it) in the language that is spoken; once each."""
        if line not in self._seen:
            self._seen.add(line)
            self.tell(lambda: told(line))

    def offer(self, key: str, action: Callable[[], object]) -> None:
        """Beside the lines, a button named by the message ``key`` that does ``action``."""
        self._action_key, self._action = key, action
        self._retell()

    def read(self) -> None:
        """The lines were read: they go."""
        self._open, self._action = [], None
        self._retell()

    def forget(self) -> None:
        """Another run begins: its lines are told even if an earlier run's said the same."""
        self._seen.clear()

    def _act(self) -> None:
        if self._action is not None:
            self._action()

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def _retell(self) -> None:
        self._lines.setText("\n".join(self.lines))
        self._read.setText(word("notice_read"))
        self._do.setVisible(self._action is not None)
        if self._action is not None:
            self._do.setText(word(self._action_key))
        self.setVisible(bool(self._open))
