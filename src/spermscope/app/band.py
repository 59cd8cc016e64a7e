"""DEMONSTRATION MODEL, in one line, as large as the width allows."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from spermscope.app.theme import INK, NOTICE
from spermscope.app.words import word

LEAST_PX = 8


class DemonstrationBand(QWidget):
    """Stands wherever a prediction of a demonstration model is shown; ``text`` is what it says."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.text())

    def text(self) -> str:
        """The words, in the language that is spoken."""
        return word("demonstration_mark")

    def sizeHint(self) -> QSize:
        """A line and some air."""
        return QSize(100, round(1.6 * QFontInfo(self.font()).pixelSize()))

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.setAccessibleName(self.text())
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line, its letters as high as fit."""
        painter, where = QPainter(self), QRectF(self.rect())
        painter.fillRect(where, QColor(NOTICE))
        letters = QFont(self.font())
        letters.setBold(True)
        px = QFontInfo(self.font()).pixelSize()
        letters.setPixelSize(px)
        wide = QFontMetricsF(letters).horizontalAdvance(self.text())
        letters.setPixelSize(max(LEAST_PX, int(px * min(1.0, 0.96 * where.width() / max(wide, 1.0)))))
        painter.setFont(letters)
        painter.setPen(QColor(INK))
        painter.drawText(where, Qt.AlignmentFlag.AlignCenter, self.text())
