"""One line of text that is cut where it does not fit; whole in its tip."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from spermscope.app.bars import letters_px
from spermscope.app.theme import INK, SOFT


class Line(QWidget):
    """Soft and small, or with ``strong`` as plain text; ``said`` is what it says."""

    def __init__(self, parent: QWidget | None = None, *, strong: bool = False) -> None:
        super().__init__(parent)
        self.said = ""
        self._strong = strong
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def tell(self, said: str) -> None:
        """Say that."""
        if said != self.said:
            self.said = said
            self.setToolTip(said)
            self.update()

    def sizeHint(self) -> QSize:
        """As high as its letters need."""
        return QSize(60, round((1.45 if self._strong else 1.2) * letters_px(self)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line."""
        painter = QPainter(self)
        letters = QFont(self.font())
        letters.setPixelSize(max(9, round((1.0 if self._strong else 0.82) * letters_px(self))))
        letters.setBold(self._strong)
        painter.setFont(letters)
        painter.setPen(QColor(INK if self._strong else SOFT))
        said = painter.fontMetrics().elidedText(self.said, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)
