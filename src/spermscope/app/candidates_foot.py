"""The foot of the candidates: what can be done with the picked cell, a reason, the sample's code, and the totals."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from spermscope.acquisition.decisions import MOST_REASON
from spermscope.acquisition.standing import Standing
from spermscope.app.line import Line
from spermscope.app.words import word

DEEDS = (("accept", "A"), ("reject", "R"), ("flag", "F"), ("undo", "U"), ("not_sperm", "N"), ("missed", "M"))


class CandidatesFoot(QWidget):
    """``asked`` names a deed; ``reasoned`` brings the reason for one that was asked; ``scanned`` a sample's code."""

    asked = Signal(str)
    reasoned = Signal(str, str)
    scanned = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._deed = ""
        self._cell = 0
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.message.setVisible(False)
        self.reason, self.scan = _Entry(), _Entry()
        self.reason.setMaxLength(MOST_REASON)
        self.reason.setVisible(False)
        self.reason.returnPressed.connect(self._reasoned)
        self.reason.left.connect(self.close_reason)
        self.scan.setMaxLength(80)
        self.scan.returnPressed.connect(self._scanned)
        self.buttons = {deed: self._button(deed) for deed, _ in DEEDS}
        self.totals, self.in_view = Line(), Line()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.message)
        column.addWidget(self.reason)
        column.addLayout(self._grid())
        column.addWidget(self.scan)
        column.addWidget(self.totals)
        column.addWidget(self.in_view)
        self.retell()

    def _button(self, deed: str) -> QPushButton:
        button = QPushButton()
        button.setStyleSheet("padding: 1px 4px;")
        button.setMinimumWidth(1)
        button.clicked.connect(lambda: self.asked.emit(deed))
        return button

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4)
        for number, button in enumerate(self.buttons.values()):
            grid.addWidget(button, number // 3, number % 3)
        return grid

    def say(self, line: str, refused: bool = False) -> None:
        """A line above the buttons, '' for none; one that refuses must be read."""
        self.message.setObjectName("notice" if refused else "soft")
        self.message.setText(line)
        self.message.setVisible(bool(line))
        style = self.message.style()
        style.unpolish(self.message)
        style.polish(self.message)

    def open_reason(self, deed: str, cell: int) -> None:
        """Ask why, before the deed is done."""
        self._deed, self._cell = deed, cell
        self.retell()
        self.reason.setVisible(True)
        self.reason.setFocus()

    def close_reason(self) -> None:
        """Nothing is done."""
        self._deed = ""
        self.reason.clear()
        self.reason.setVisible(False)

    @property
    def writing(self) -> bool:
        """Whether a reason is being written."""
        return bool(self._deed)

    def _reasoned(self) -> None:
        deed, reason = self._deed, self.reason.text().strip()
        self.close_reason()
        if deed:
            self.reasoned.emit(deed, reason)

    def _scanned(self) -> None:
        code = self.scan.text()
        self.scan.clear()
        self.scan.clearFocus()
        self.scanned.emit(code)

    def count(self, standing: Standing, cells: int) -> None:
        """Show what stands, and how many cells are in view when corrections are heeded."""
        found = standing.totals()
        counts = {"accepted": found["accept"], "rejected": found["reject"], "flagged": found["flag"]}
        self.totals.tell(word("totals", **counts))
        self.in_view.tell(word("in_view", cells=cells, corrections=standing.corrections))

    def retell(self) -> None:
        """Say everything in the language that is spoken; what was said in the other one goes."""
        self.say("")
        for deed, key in DEEDS:
            self.buttons[deed].setText(f"{word(deed)}  {key}")
        self.scan.setPlaceholderText(f"{word('scan')}  (K)")
        if self._deed:
            self.reason.setPlaceholderText(word("reason_for", what=word(self._deed), cell=self._cell))


class _Entry(QLineEdit):
    """A line that is left by Esc."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves it."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.clearFocus()
            self.left.emit()
        else:
            super().keyPressEvent(event)
