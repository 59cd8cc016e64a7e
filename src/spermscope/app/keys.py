"""Every key on one page, and what the marks mean."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from spermscope.app.marks import MARKS, mark_width, paint_mark
from spermscope.app.words import word

KEYS = (
    ("F1", "key_keys"),
    ("F2", "key_setup"),
    ("F3", "key_sessions"),
    ("F9", "key_record"),
    ("Ctrl+E", "key_end"),
    ("Space", "key_hide"),
    ("+  -", "key_opacity"),
    ("F11", "key_full"),
    ("Ctrl+L", "key_language"),
    ("Esc", "key_leave"),
    ("Ctrl+Q", "key_quit"),
)
"""A key and its message, of the window itself."""


class KeysDialog(QDialog):
    """The keys of ``groups`` (a key and its message each) in columns, and the legend of the marks below."""

    def __init__(self, groups: tuple[tuple[tuple[str, str], ...], ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._told: list[tuple[QLabel, str]] = []
        column = QVBoxLayout(self)
        row = QHBoxLayout()
        row.setSpacing(40)
        for group in groups:
            row.addLayout(self._keys(group))
        column.addLayout(row, 1)
        column.addWidget(_Legend(self))
        for key in ("legend_corners", "legend_whisker", "legend_thin"):
            label = QLabel(self)
            label.setObjectName("soft")
            label.setWordWrap(True)
            self._told.append((label, key))
            column.addWidget(label)
        self._retell()

    def _keys(self, group: tuple[tuple[str, str], ...]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(8)
        for number, (key, message) in enumerate(group):
            name, said = QLabel(key, self), QLabel(self)
            name.setObjectName("strong")
            for label in (name, said):
                label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            grid.addWidget(name, number, 0)
            grid.addWidget(said, number, 1)
            self._told.append((said, message))
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(len(group), 1)
        return grid

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def _retell(self) -> None:
        self.setWindowTitle(word("keys_title"))
        for label, message in self._told:
            label.setText(word(message))


class _Legend(QWidget):
    """The five marks in a row, best first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As wide as five marks."""
        high = 2 * self.fontMetrics().height()
        return QSize(round(5 * 2 * mark_width(high)), high)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint them."""
        painter, high = QPainter(self), 1.6 * self.fontMetrics().height()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for grade in range(len(MARKS)):
            paint_mark(painter, grade, QRectF(1.6 * mark_width(high) * grade, 0.2 * high, mark_width(high), high))
