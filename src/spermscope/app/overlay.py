"""What is painted on a frame: corners beside each head, its trail, its number and its predicted grade.

No line, letter or plate is painted on a head: all of them are clipped to what lies outside the heads' boxes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF, QRegion

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


@dataclass(frozen=True, slots=True)
class _Marked:
    """A cell and what is painted for it: the grade, 0 is A, or None, and in grades from A where it is expected.

    None stands for a cell that has no grade, is unlike training, or whose grade is hidden.
    """

    cell: CellInView
    name: str
    grade: int | None
    expected: float
    doubt: float

    @property
    def colour(self) -> str:
        """Of its marks."""
        return NEUTRAL if self.grade is None else MARKS[self.grade].colour


def _marked(cell: CellInView, look: Look) -> _Marked:
    name = f"{cell.track_id}{' ?' if cell.ambiguous else ''}"
    if not len(cell.grade) or bool(cell.grade.unlike[0]) or look.hides(cell.track_id):
        return _Marked(cell, name, None, 0.0, 0.0)
    grade = cell.grade
    return _Marked(cell, name, int(grade.mode[0]), float(grade.expected_grade[0]) - 1.0, float(grade.uncertainty[0]))


class Overlay:
    """Paints one ``Shown`` after another; remembers where each label stood, so that labels do not jump."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def paint(self, painter: QPainter, shown: Shown, fit: Fit, bounds: QRectF, look: Look) -> None:
        """Paint the confirmed cells of ``shown`` on a picture that lies in ``bounds`` as ``fit`` says."""
        cells = [_marked(cell, look) for cell in shown.cells if cell.confirmed]
        if not cells or look.opacity <= 0.0:
            return
        heads = _boxes([one.cell for one in cells], fit)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(look.opacity)
        painter.setClipRegion(_outside(heads, bounds))
        frames = _framed(heads, look.letters_px)
        _trails(painter, cells, fit, look)
        _corners(painter, cells, frames, look)
        self._labels(painter, cells, frames, bounds, look)
        painter.restore()

    def _labels(self, painter: QPainter, cells: Sequence[_Marked], frames: Floats, bounds: QRectF, look: Look) -> None:
        letters = QFont(painter.font())
        letters.setPixelSize(max(7, round(0.8 * look.letters_px)))
        painter.setFont(letters)
        measure = QFontMetricsF(letters)
        sizes = np.array([_size(one, measure.horizontalAdvance(one.name), look) for one in cells])
        edge = np.array([bounds.left(), bounds.top(), bounds.right(), bounds.bottom()])
        before = np.array([self._places.get(one.cell.track_id, -1) for one in cells])
        placed = place_labels(frames, sizes, edge, before)
        self._places = {one.cell.track_id: place for one, place in zip(cells, placed.place.tolist(), strict=True)}
        for row in np.flatnonzero(placed.place >= 0).tolist():
            where = QRectF(*placed.xy_px[row].tolist(), *sizes[row].tolist())
            if placed.place[row] >= 8:
                _leader(painter, where, frames[row])
            _label(painter, cells[row], where, look)


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


def _trails(painter: QPainter, cells: Sequence[_Marked], fit: Fit, look: Look) -> None:
    """Thin lines: a smooth one of more than a pixel takes as long as all else that is painted on a frame."""
    width = max(1.0, 0.07 * look.letters_px - 0.4)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, width <= 1.0)
    for one in cells:
        if len(one.cell.trail_px) > 1:
            colour = QColor(one.colour)
            colour.setAlpha(150)
            painter.setPen(QPen(colour, width))
            painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in fit.of(one.cell.trail_px).tolist()]))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)


def _corners(painter: QPainter, cells: Sequence[_Marked], frames: Floats, look: Look) -> None:
    """Four hollow corners each; thin where there is no grade, shorter the less sure the model is of one."""
    alike: dict[tuple[bool, str, int], list[QLineF]] = defaultdict(list)
    for one, (left, top, right, bottom) in zip(cells, frames.tolist(), strict=True):
        arm = (right - left) * (0.22 if one.grade is None else 0.36 / (1.0 + 2.0 * one.doubt))
        lines = _corner_lines(left, top, right, bottom, arm)
        alike[one.grade is not None, one.colour, 255 if one.cell.observed else 110] += lines
        if one.cell.track_id == look.followed:
            away = 0.3 * look.letters_px
            painter.setPen(QPen(QColor(INK), max(1.5, 0.1 * look.letters_px)))
            painter.drawLines(_corner_lines(left - away, top - away, right + away, bottom + away, 1.4 * arm))
    for (graded, name, alpha), lines in alike.items():
        thick = (0.14 if graded else 0.07) * look.letters_px
        colour = QColor(name)
        colour.setAlpha(alpha)
        for shade, width in ((HALO, thick + 0.14 * look.letters_px), (colour, max(1.0, thick))):
            painter.setPen(QPen(shade, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
            painter.drawLines(lines)


def _corner_lines(left: float, top: float, right: float, bottom: float, arm: float) -> list[QLineF]:
    corners = ((left, top, 1, 1), (right, top, -1, 1), (left, bottom, 1, -1), (right, bottom, -1, -1))
    return [
        line
        for x, y, across, down in corners
        for line in (QLineF(x, y, x + across * arm, y), QLineF(x, y, x, y + down * arm))
    ]


def _size(one: _Marked, name_px: float, look: Look) -> tuple[float, float]:
    """Width and height of a label: the mark and the number, and below them how sure the model is."""
    high = look.letters_px
    if one.grade is None:
        return name_px + 0.5 * high, high
    return mark_width(high) + name_px + 0.6 * high, 1.5 * high


def _label(painter: QPainter, one: _Marked, where: QRectF, look: Look) -> None:
    device = painter.device()
    ratio = device.devicePixelRatioF() if device is not None else 1.0
    whisker = None if one.grade is None else _whisker_px(one, where.width() - 0.7 * look.letters_px)
    followed = one.cell.track_id == look.followed
    said = (one.name, one.grade, whisker, followed)
    image = _label_image(*said, round(where.width(), 1), look.letters_px, painter.font().family(), ratio)
    painter.drawImage(where.topLeft(), image)


def _whisker_px(one: _Marked, span: float) -> tuple[int, int, int]:
    """Where the expected grade lies between A (0) and E (``span``), and how far the model's own doubt reaches."""
    worst = len(MARKS) - 1
    at = (one.expected, one.expected - one.doubt, one.expected + one.doubt)
    middle, low, high = (round(span * min(worst, max(0.0, grade)) / worst) for grade in at)
    return middle, low, high


@lru_cache(maxsize=1024)
def _label_image(
    name: str,
    grade: int | None,
    whisker: tuple[int, int, int] | None,
    followed: bool,
    width: float,
    high: float,
    family: str,
    ratio: float,
) -> QImage:
    """A label, drawn once as long as it says the same: most do from one frame to the next."""
    where = QRectF(0.0, 0.0, width, high if grade is None else 1.5 * high)
    size = math.ceil(where.width() * ratio), math.ceil(where.height() * ratio)
    image = QImage(*size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(PLATE)
    painter.drawRoundedRect(where, 0.2 * high, 0.2 * high)
    row = QRectF(0.2 * high, 0.0, width - 0.4 * high, high)
    letters = QFont(family)
    letters.setPixelSize(max(7, round(0.8 * high)))
    painter.setFont(letters)
    if grade is not None and whisker is not None:
        paint_mark(painter, grade, row)
        row.setLeft(row.left() + mark_width(high) + 0.1 * high)
        _whisker(painter, whisker, QRectF(0.35 * high, high, width - 0.7 * high, 0.4 * high))
    painter.setPen(QColor(INK if followed else SOFT))
    painter.drawText(row, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
    painter.end()
    return image


def _whisker(painter: QPainter, px: tuple[int, int, int], where: QRectF) -> None:
    """From A (left) to E (right): a dot at the expected grade, a line as far as the model's own doubt."""
    at, low, high = (where.left() + offset for offset in px)
    middle, thin = where.center().y(), max(1.0, 0.12 * where.height())
    painter.setPen(QPen(QColor(255, 255, 255, 70), thin))
    painter.drawLines(_axis(where, len(MARKS) - 1))
    painter.setPen(QPen(QColor(INK), 2.5 * thin))
    painter.drawLine(QLineF(low, middle, high, middle))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(INK))
    painter.drawEllipse(QPointF(at, middle), 0.28 * where.height(), 0.28 * where.height())


def _axis(where: QRectF, worst: int) -> list[QLineF]:
    middle, reach = where.center().y(), 0.25 * where.height()
    ticks = [where.left() + where.width() * step / worst for step in range(worst + 1)]
    return [QLineF(ticks[0], middle, ticks[-1], middle), *(QLineF(x, middle - reach, x, middle + reach) for x in ticks)]


def _leader(painter: QPainter, where: QRectF, frame: Floats) -> None:
    """A thin line from a label that had to stand off to its cell's corners."""
    left, top, right, bottom = frame.tolist()
    x = min(max(where.center().x(), left), right)
    y = min(max(where.center().y(), top), bottom)
    near = QPointF(min(max(x, where.left()), where.right()), min(max(y, where.top()), where.bottom()))
    painter.setPen(QPen(QColor(255, 255, 255, 120), 1.0))
    painter.drawLine(QLineF(near, QPointF(x, y)))
