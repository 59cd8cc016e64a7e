"""What stands for a grade: a letter, a shape and a colour, each of which is enough.

No colour is red, amber, yellow or green, which JIS T 0601-1 keeps for indicators; a test looks at all of them through
eyes that lack a cone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen

from spermscope.types import GRADES

NEUTRAL = "#bcc5cd"
"""Of a cell without a grade."""
HALO = QColor(0, 0, 0, 200)
"""Drawn under every line, so that it is seen on any ground."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One grade's: ``corners`` of its shape (0 is a circle), the first of them at ``turn_deg`` from the top."""

    letter: str
    colour: str
    corners: int
    turn_deg: float


MARKS = tuple(
    Mark(letter, colour, corners, turn)
    for letter, (colour, corners, turn) in zip(
        GRADES,
        (("#b8f4ff", 0, 0.0), ("#2fa4ff", 4, 0.0), ("#8460ff", 4, 45.0), ("#fb8fdc", 3, 0.0), ("#8e9196", 2, 0.0)),
        strict=True,
    )
)
"""Best first, as ``GRADES``: circle, diamond, square, triangle, bar."""


def mark_width(height: float) -> float:
    """How wide ``paint_mark`` draws at that height."""
    return 1.7 * height


def shape_path(grade: int, where: QRectF) -> QPainterPath:
    """The grade's shape inside ``where``, a square."""
    mark, centre, reach = MARKS[grade], where.center(), where.width() / 2
    path = QPainterPath()
    if mark.corners == 0:
        path.addEllipse(centre, 0.9 * reach, 0.9 * reach)
    elif mark.corners == 2:
        path.addRoundedRect(QRectF(where.left(), centre.y() - 0.3 * reach, where.width(), 0.6 * reach), 2, 2)
    else:
        reach *= 1.15 if mark.corners == 3 or mark.turn_deg else 1.05
        angles = [math.radians(mark.turn_deg + 360 * k / mark.corners) for k in range(mark.corners)]
        drop = 0.15 * reach if mark.corners == 3 else 0.0
        path.moveTo(QPointF(centre.x() + reach * math.sin(angles[0]), centre.y() + drop - reach * math.cos(angles[0])))
        for angle in angles[1:]:
            path.lineTo(QPointF(centre.x() + reach * math.sin(angle), centre.y() + drop - reach * math.cos(angle)))
        path.closeSubpath()
    return path


def paint_mark(painter: QPainter, grade: int, where: QRectF) -> None:
    """Paint the grade (0 is A): its shape, then its letter, in its colour; as high as ``where``, from its left edge."""
    device = painter.device()
    ratio = device.devicePixelRatioF() if device is not None else 1.0
    painter.drawImage(where.topLeft(), _image(grade, where.height(), painter.font().family(), ratio))


@lru_cache(maxsize=256)
def _image(grade: int, high: float, family: str, ratio: float) -> QImage:
    """The mark, drawn once for each height: letters and shapes take most of the time that a frame is painted in."""
    mark = MARKS[grade]
    image = QImage(
        max(1, math.ceil(mark_width(high) * ratio)),
        max(1, math.ceil(high * ratio)),
        QImage.Format.Format_ARGB32_Premultiplied,
    )
    image.setDevicePixelRatio(ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(HALO, max(1.0, 0.08 * high)))
    painter.setBrush(QColor(mark.colour))
    painter.drawPath(shape_path(grade, QRectF(0.1 * high, 0.14 * high, 0.72 * high, 0.72 * high)))
    letter = QFont(family)
    letter.setPixelSize(max(6, round(0.92 * high)))
    letter.setBold(True)
    painter.setFont(letter)
    painter.setPen(QColor(mark.colour))
    painter.drawText(QRectF(0.92 * high, 0.0, 0.78 * high, high), Qt.AlignmentFlag.AlignCenter, mark.letter)
    painter.end()
    return image
