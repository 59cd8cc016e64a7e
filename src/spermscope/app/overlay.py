"""What is painted on a frame: corners beside each head, its trail, its number and its predicted grade.

No line, letter or plate is painted on a head: all of them are clipped to what lies outside the heads' boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF, QRegion

from spermscope.acquisition.shown import CellInView, Shown
from spermscope.app.labels import place_labels
from spermscope.app.marks import HALO, MARKS, NEUTRAL, mark_width, paint_mark
from spermscope.app.theme import INK, SOFT

Floats = NDArray[np.float64]
PLATE = QColor(10, 14, 18, 165)
"""Under a label, so that it is read on any ground."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture lies in a view: ``scale`` view pixels a picture pixel, and where its top left corner is."""

    scale: float
    left: float
    top: float

    def of(self, xy_px: Floats) -> Floats:
        """``(N, 2)`` points of the picture (pixel centres at integers) in the view."""
        return (np.asarray(xy_px, np.float64) + 0.5) * self.scale + (self.left, self.top)

    def back(self, x: float, y: float) -> tuple[float, float]:
        """A point of the view in the picture."""
        return (x - self.left) / self.scale - 0.5, (y - self.top) / self.scale - 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """How the overlay is painted: letters' height in view pixels, opacity 0..1, the cell that is followed, if any.

    ``hides`` names the cells whose prediction must not be seen yet: they look like cells without a grade.
    """

    letters_px: float
    opacity: float = 1.0
    followed: int | None = None
    hides: Callable[[int], bool] = lambda track_id: False


def grade_shown(cell: CellInView, look: Look) -> int | None:
    """The grade to paint, 0 is A; None for a cell that has none, is unlike training, or whose grade is hidden."""
    if not len(cell.grade) or bool(cell.grade.unlike[0]) or look.hides(cell.track_id):
        return None
    return int(cell.grade.mode[0])


class Overlay:
    """Paints one ``Shown`` after another; remembers where each label stood, so that labels do not jump."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def paint(self, painter: QPainter, shown: Shown, fit: Fit, bounds: QRectF, look: Look) -> None:
        """Paint the confirmed cells of ``shown`` on a picture that lies in ``bounds`` as ``fit`` says."""
        cells = [cell for cell in shown.cells if cell.confirmed]
        if not cells or look.opacity <= 0.0:
            return
        heads = _boxes(cells, fit)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(look.opacity)
        painter.setClipRegion(_outside(heads, bounds))
        frames = _framed(heads, look.letters_px)
        for cell, frame in zip(cells, frames, strict=True):
            _trail(painter, cell, fit, look)
            _corners(painter, cell, frame, look)
        self._labels(painter, cells, frames, bounds, look)
        painter.restore()

    def _labels(
        self, painter: QPainter, cells: Sequence[CellInView], frames: Floats, bounds: QRectF, look: Look
    ) -> None:
        letters = QFont(painter.font())
        letters.setPixelSize(max(7, round(0.8 * look.letters_px)))
        painter.setFont(letters)
        measure = QFontMetricsF(letters)
        names = [f"{cell.track_id}{' ?' if cell.ambiguous else ''}" for cell in cells]
        sizes = np.array(
            [_size(cell, measure.horizontalAdvance(name), look) for cell, name in zip(cells, names, strict=True)]
        )
        edge = np.array([bounds.left(), bounds.top(), bounds.right(), bounds.bottom()])
        before = np.array([self._places.get(cell.track_id, -1) for cell in cells])
        placed = place_labels(frames, sizes, edge, before)
        self._places = {cell.track_id: int(place) for cell, place in zip(cells, placed.place, strict=True)}
        for row in np.flatnonzero(placed.place >= 0).tolist():
            where = QRectF(*placed.xy_px[row].tolist(), *sizes[row].tolist())
            if placed.place[row] >= 8:
                _leader(painter, where, frames[row])
            _label(painter, cells[row], names[row], where, look)


def _boxes(cells: Sequence[CellInView], fit: Fit) -> Floats:
    """``(N, 4)`` left, top, right, bottom of the heads in the view."""
    centre = fit.of(np.array([cell.xy_px for cell in cells]))
    half = np.array([cell.wh_px for cell in cells]) * fit.scale / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _outside(heads: Floats, bounds: QRectF) -> QRegion:
    region = QRegion(bounds.toAlignedRect())
    for left, top, right, bottom in heads.tolist():
        region -= QRegion(QRect(int(np.floor(left)), int(np.floor(top)), int(right - left) + 2, int(bottom - top) + 2))
    return region


def _framed(heads: Floats, letters_px: float) -> Floats:
    """The squares whose corners are drawn: around the heads, never on them."""
    centre, half = (heads[:, :2] + heads[:, 2:]) / 2, (heads[:, 2:] - heads[:, :2]) / 2
    reach = np.maximum(half.max(axis=1, keepdims=True) + 0.3 * letters_px, 0.75 * letters_px)
    return np.concatenate([centre - reach, centre + reach], axis=1)


def _colour(cell: CellInView, look: Look) -> QColor:
    grade = grade_shown(cell, look)
    return QColor(NEUTRAL if grade is None else MARKS[grade].colour)


def _trail(painter: QPainter, cell: CellInView, fit: Fit, look: Look) -> None:
    if len(cell.trail_px) < 2:
        return
    line = QPolygonF([QPointF(x, y) for x, y in fit.of(cell.trail_px).tolist()])
    colour = _colour(cell, look)
    colour.setAlpha(150)
    painter.setPen(QPen(colour, max(1.0, 0.07 * look.letters_px)))
    painter.drawPolyline(line)


def _corners(painter: QPainter, cell: CellInView, frame: Floats, look: Look) -> None:
    """Four hollow corners; thin where there is no grade, shorter the less sure the model is of one."""
    left, top, right, bottom = frame.tolist()
    graded = grade_shown(cell, look) is not None
    arm = (right - left) * (0.36 / (1.0 + 2.0 * float(cell.grade.uncertainty[0])) if graded else 0.22)
    lines = _corner_lines(left, top, right, bottom, arm)
    thick = (0.14 if graded else 0.07) * look.letters_px
    colour = _colour(cell, look)
    colour.setAlpha(255 if cell.observed else 110)
    for shade, width in ((HALO, thick + 0.14 * look.letters_px), (colour, max(1.0, thick))):
        painter.setPen(QPen(shade, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
        painter.drawLines(lines)
    if cell.track_id == look.followed:
        away = 0.3 * look.letters_px
        painter.setPen(QPen(QColor(INK), max(1.5, 0.1 * look.letters_px)))
        painter.drawLines(_corner_lines(left - away, top - away, right + away, bottom + away, 1.4 * arm))


def _corner_lines(left: float, top: float, right: float, bottom: float, arm: float) -> list[QLineF]:
    corners = ((left, top, 1, 1), (right, top, -1, 1), (left, bottom, 1, -1), (right, bottom, -1, -1))
    return [
        line
        for x, y, across, down in corners
        for line in (QLineF(x, y, x + across * arm, y), QLineF(x, y, x, y + down * arm))
    ]


def _size(cell: CellInView, name_px: float, look: Look) -> tuple[float, float]:
    """Width and height of a label: the mark and the number, and below them how sure the model is."""
    high = look.letters_px
    if grade_shown(cell, look) is None:
        return name_px + 0.5 * high, high
    return mark_width(high) + name_px + 0.6 * high, 1.5 * high


def _label(painter: QPainter, cell: CellInView, name: str, where: QRectF, look: Look) -> None:
    high, grade = look.letters_px, grade_shown(cell, look)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(PLATE)
    painter.drawRoundedRect(where, 0.2 * high, 0.2 * high)
    row = QRectF(where.left() + 0.2 * high, where.top(), where.width() - 0.4 * high, high)
    if grade is not None:
        paint_mark(painter, grade, row)
        row.setLeft(row.left() + mark_width(high) + 0.1 * high)
        _whisker(
            painter,
            cell,
            QRectF(where.left() + 0.35 * high, where.top() + high, where.width() - 0.7 * high, 0.4 * high),
        )
    painter.setPen(QColor(INK if cell.track_id == look.followed else SOFT))
    painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)


def _whisker(painter: QPainter, cell: CellInView, where: QRectF) -> None:
    """From A (left) to E (right): a dot at the expected grade, a line as far as the model's own doubt."""
    worst = cell.grade.probabilities.shape[1] - 1
    at, off = float(cell.grade.expected_grade[0]) - 1.0, float(cell.grade.uncertainty[0])
    span, middle = where.width(), where.center().y()
    x = where.left() + span * at / worst
    low, high = (where.left() + span * min(worst, max(0.0, at + side * off)) / worst for side in (-1, 1))
    thin = max(1.0, 0.12 * where.height())
    painter.setPen(QPen(QColor(255, 255, 255, 70), thin))
    painter.drawLine(QLineF(where.left(), middle, where.right(), middle))
    for step in range(worst + 1):
        tick = where.left() + span * step / worst
        painter.drawLine(QLineF(tick, middle - 0.25 * where.height(), tick, middle + 0.25 * where.height()))
    painter.setPen(QPen(QColor(INK), 2.5 * thin))
    painter.drawLine(QLineF(low, middle, high, middle))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(INK))
    painter.drawEllipse(QPointF(x, middle), 0.28 * where.height(), 0.28 * where.height())


def _leader(painter: QPainter, where: QRectF, frame: Floats) -> None:
    """A thin line from a label that had to stand off to its cell's corners."""
    left, top, right, bottom = frame.tolist()
    x = min(max(where.center().x(), left), right)
    y = min(max(where.center().y(), top), bottom)
    near = QPointF(min(max(x, where.left()), where.right()), min(max(y, where.top()), where.bottom()))
    painter.setPen(QPen(QColor(255, 255, 255, 120), 1.0))
    painter.drawLine(QLineF(near, QPointF(x, y)))
