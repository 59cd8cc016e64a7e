"""One cell, followed large: its surroundings in the picture that is shown, its distribution and its numbers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from spermscope.acquisition.candidates import disputes, graded
from spermscope.acquisition.shown import CellInView, Shown
from spermscope.app.bars import DistributionBars, letters_px
from spermscope.app.line import Line
from spermscope.app.marks import HALO, NEUTRAL
from spermscope.app.motion_words import in_full
from spermscope.app.theme import GROUND
from spermscope.app.words import told, word

MOST_LINES = 5
SIDE_UM = 40.0
"""What is shown around the head: head, midpiece and most of the tail."""


class CloseUp(QWidget):
    """The surroundings of one head in the frame, centred on it, 40 um wide; nothing is drawn on the head."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cut: NDArray[np.uint8] | None = None
        self._box_px = (0.0, 0.0)
        self._cut_px = 1.0
        self.stale = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def show_cell(self, shown: Shown, cell: CellInView) -> None:
        """Cut the cell out of that frame."""
        side = max(16, round(SIDE_UM / shown.step.stage.um_per_px))
        self._cut = cv2.getRectSubPix(shown.step.frame.image, (side, side), cell.xy_px)
        self._box_px, self._cut_px, self.stale = cell.wh_px, float(side), False
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._cut = None
        self.update()

    def keep(self) -> None:
        """The cell has gone: what was last seen stays, fainter."""
        self.stale = True
        self.update()

    def sizeHint(self) -> QSize:
        """A square nine letters high."""
        side = 9 * letters_px(self)
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The cut, and corners beside the head."""
        painter = QPainter(self)
        side = float(min(self.width(), self.height()))
        where = QRectF((self.width() - side) / 2, 0, side, side)
        painter.fillRect(where, QColor(GROUND))
        if self._cut is None:
            return
        painter.setOpacity(0.45 if self.stale else 1.0)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        high, wide = self._cut.shape
        painter.drawImage(where, QImage(self._cut.data, wide, high, wide, QImage.Format.Format_Grayscale8))
        reach = (0.5 * max(self._box_px) / self._cut_px + 0.04) * side
        arm, centre = 0.35 * reach, where.center()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lines = [
            line
            for across in (-1, 1)
            for down in (-1, 1)
            for line in _corner(centre.x() + across * reach, centre.y() + down * reach, -across * arm, -down * arm)
        ]
        for colour, thick in ((HALO, 4.0), (QColor(NEUTRAL), 2.0)):
            painter.setPen(QPen(colour, thick, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawLines(lines)


def _corner(x: float, y: float, across: float, down: float) -> tuple[QLineF, QLineF]:
    return QLineF(x, y, x + across, y), QLineF(x, y, x, y + down)


class LargeView(QWidget):
    """Follows one cell through the frames it is shown; a cell that has gone stays as it was last seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cell: CellInView | None = None
        self._hidden = False
        self.close_up = CloseUp()
        self.bars = DistributionBars(numbers=True)
        self.head, self.expected = Line(strong=True), Line(strong=True)
        self.doubts, self.foot = Line(), [Line() for _ in range(MOST_LINES)]
        grid = QGridLayout(self)
        gap = max(3, letters_px(self) // 4)
        grid.setContentsMargins(0, gap, 0, 0)
        grid.setHorizontalSpacing(2 * gap)
        grid.setVerticalSpacing(0)
        right = (self.head, self.expected, self.bars, self.doubts)
        grid.addWidget(self.close_up, 0, 0, len(right) + 1, 1, Qt.AlignmentFlag.AlignTop)
        for line, widget in enumerate(right):
            grid.addWidget(widget, line, 1)
        grid.setRowStretch(len(right), 1)
        for line, widget in enumerate(self.foot, len(right) + 1):
            grid.addWidget(widget, line, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        self.setVisible(False)

    @property
    def track_id(self) -> int | None:
        """The cell that is followed."""
        return self._cell.track_id if self._cell else None

    def show_cell(self, shown: Shown | None, track_id: int | None, *, hidden: bool) -> None:
        """Show that cell in that frame; None shows nothing. ``hidden`` keeps its prediction back."""
        if shown is None or track_id is None:
            self._cell = None
            self.close_up.clear()
            self.setVisible(False)
            return
        found = next((cell for cell in shown.cells if cell.track_id == track_id), None)
        if found is not None:
            self._cell = found
            self.close_up.show_cell(shown, found)
        elif self._cell is not None and self._cell.track_id == track_id:
            self.close_up.keep()
        else:
            self._cell = None
            self.close_up.clear()
        self._hidden = hidden
        self.setVisible(self._cell is not None)
        self.retell()

    def retell(self) -> None:
        """Say everything anew, in the language that is spoken."""
        cell = self._cell
        if cell is None:
            return
        known = graded(cell) and not self._hidden
        self.bars.set_grade(cell.grade if known else cell.grade.empty())
        self.head.tell("  ·  ".join([word("cell_n", cell=cell.track_id), self._age(cell)]))
        self.expected.tell(self._rating(cell, known=known))
        doubts = [] if self._hidden else [word(why) for why in disputes(cell)]
        doubts += [word("ambiguous")] if cell.ambiguous else []
        doubts += [word("gone")] if self.close_up.stale else []
        self.doubts.tell("  ·  ".join(doubts))
        lines = in_full(cell.kinematics)
        for line, said in zip(self.foot, lines + [""] * MOST_LINES, strict=False):
            line.tell(said)
            line.setVisible(bool(said))

    def _age(self, cell: CellInView) -> str:
        return word("followed_for", seconds=f"{cell.followed_s:.1f}")

    def _rating(self, cell: CellInView, *, known: bool) -> str:
        if known:
            value, doubt = f"{cell.grade.expected_grade[0]:.2f}", f"{cell.grade.uncertainty[0]:.2f}"
            return word("predicted", value=value, doubt=doubt)
        if self._hidden:
            return word("hidden_until")
        return word("unlike") if len(cell.grade) else told(cell.not_graded) or word("not_graded_yet")
