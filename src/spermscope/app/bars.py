"""A predicted distribution as five bars, each with its grade's shape and letter, and how sure the model is."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontInfo, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from spermscope.app.marks import MARKS, mark_width, paint_mark
from spermscope.app.theme import INK, LINE, SOFT
from spermscope.app.words import word
from spermscope.types import Grades


def letters_px(widget: QWidget) -> int:
    """The height of a widget's letters, by which everything in it is sized."""
    return QFontInfo(widget.font()).pixelSize()


class DistributionBars(QWidget):
    """Bars from A to E, heights from 0 to 1; below them a dot at the expected grade with a line over +- the doubt.

    Without a grade the letters stand alone. With ``numbers`` each bar has its share in percent above it.
    """

    def __init__(self, parent: QWidget | None = None, *, numbers: bool = False) -> None:
        super().__init__(parent)
        self._grade = Grades.empty()
        self._numbers = numbers
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.retell()

    def retell(self) -> None:
        """Say what the bars are, in the language that is spoken."""
        self.setToolTip(word("distribution"))
        self.setAccessibleName(word("distribution"))

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retell()

    @property
    def grade(self) -> Grades:
        """What is drawn: one row, or none."""
        return self._grade

    def set_grade(self, grade: Grades) -> None:
        """Draw one row; none, or one unlike training, draws no bar."""
        self._grade = Grades.empty() if len(grade) and grade.unlike[0] else grade
        self.update()

    def sizeHint(self) -> QSize:
        """Less than three letters high, five where shares are written."""
        em = letters_px(self)
        return QSize(9 * em, round((4.4 if self._numbers else 2.7) * em))

    def minimumSizeHint(self) -> QSize:
        """As high as it wants to be."""
        return QSize(5 * letters_px(self), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars on a base line, marks below it, the whisker at the foot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        em = float(letters_px(self))
        column = self.width() / len(MARKS)
        foot, letters = 0.5 * em, 0.9 * em
        base = self.height() - foot - letters - 0.1 * em
        top = 1.1 * em if self._numbers else 0.1 * em
        painter.setPen(QPen(QColor(LINE), 1.0))
        painter.drawLine(QLineF(0.1 * column, base, self.width() - 0.1 * column, base))
        for number in range(len(MARKS)):
            left = number * column
            mark = QRectF(left + (column - mark_width(letters)) / 2, base + 0.1 * em, mark_width(letters), letters)
            paint_mark(painter, number, mark)
            if len(self._grade):
                self._bar(painter, number, QRectF(left + 0.18 * column, top, 0.64 * column, base - top))
        if len(self._grade):
            self._whisker(painter, column, self.height() - 0.5 * foot)

    def _bar(self, painter: QPainter, number: int, room: QRectF) -> None:
        share = float(self._grade.probabilities[0, number])
        high = max(1.0, share * room.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(MARKS[number].colour))
        painter.drawRect(QRectF(room.left(), room.bottom() - high, room.width(), high))
        if self._numbers:
            letters = QFont(self.font())
            letters.setPixelSize(max(7, round(0.82 * letters_px(self))))
            painter.setFont(letters)
            painter.setPen(QColor(INK))
            above = QRectF(room.left() - room.width(), room.bottom() - high - room.top(), 3 * room.width(), room.top())
            painter.drawText(above, Qt.AlignmentFlag.AlignCenter, f"{100 * share:.0f} %")

    def _whisker(self, painter: QPainter, column: float, y: float) -> None:
        expected, doubt = float(self._grade.expected_grade[0]), float(self._grade.uncertainty[0])
        most = float(len(MARKS))
        ends = (expected - doubt, expected, expected + doubt)
        low, at, high = ((min(most, max(1.0, value)) - 0.5) * column for value in ends)
        thin = max(1.0, 0.08 * letters_px(self))
        painter.setPen(QPen(QColor(SOFT), thin))
        painter.drawLine(QLineF(0.5 * column, y, self.width() - 0.5 * column, y))
        painter.setPen(QPen(QColor(INK), 2.5 * thin))
        painter.drawLine(QLineF(low, y, high, y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(INK))
        painter.drawEllipse(QPointF(at, y), 3.2 * thin, 3.2 * thin)
