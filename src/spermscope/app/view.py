"""The live picture with its overlay: each overlay on the very frame that it was computed from."""

from __future__ import annotations

import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from spermscope.acquisition.shown import CellInView, Shown
from spermscope.app.overlay import Fit, Look, Overlay
from spermscope.app.theme import GROUND, INK, NOTICE, SOFT
from spermscope.app.words import told, word

REACH_PX = 25.0
"""A click means the nearest cell within so many source pixels beyond its box."""


class LiveView(QWidget):
    """Shows one ``Shown`` at a time, as large as fits, with its overlay.

    ``clicked`` gives a point in the source's pixels. ``painted`` follows every painting of a ``Shown`` that was not
    painted before, with its delay: seconds from its capture to the end of the painting.

    ``withheld`` (a reason in English, '' for none) hides every prediction. Where a model in use was not trained on
    experts a band above the picture says so: nothing switches it off.
    """

    clicked = Signal(float, float)
    painted = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(320, 240)
        self.setMouseTracking(True)
        self.withheld = ""
        self.message = ""
        self._hides: Callable[[int], bool] = lambda track_id: False
        self._shown: Shown | None = None
        self._fresh = False
        self._on, self._opacity = True, 1.0
        self._followed: int | None = None
        self._overlay = Overlay()
        self._kept: tuple[int, QSize, QImage, NDArray[np.uint8]] | None = None

    @property
    def shown(self) -> Shown | None:
        """What is painted now."""
        return self._shown

    def set_shown(self, shown: Shown | None) -> None:
        """Paint this; the same one again costs nothing."""
        if shown is not self._shown:
            self._shown, self._fresh = shown, True
            self.update()

    def set_overlay(self, on: bool) -> None:
        """Show or hide every mark; the demonstration's band stays."""
        if on != self._on:
            self._on = on
            self.update()

    def set_opacity(self, opacity: float) -> None:
        """Of the marks, 0.1..1; hiding them is ``set_overlay``'s part."""
        self._opacity = min(1.0, max(0.1, opacity))
        self.update()

    @property
    def opacity(self) -> float:
        """Of the marks."""
        return self._opacity

    def follow(self, track_id: int | None) -> None:
        """Mark that cell as the one that is followed, or none."""
        self._followed = track_id
        self.update()

    @property
    def followed(self) -> int | None:
        """The cell that is followed."""
        return self._followed

    def set_hides(self, hides: Callable[[int], bool]) -> None:
        """Whose prediction must not be seen yet (a person grades first); asked at every painting."""
        self._hides = hides
        self.update()

    def say(self, message: str) -> None:
        """Words in the middle of the view, for as long as they are not ''."""
        if message != self.message:
            self.message = message
            self.update()

    def picture(self, shown: Shown, *, overlay: bool = True) -> QImage:
        """``shown`` in the source's own size, below the demonstration's band where one is due: for a snapshot."""
        height, width = shown.step.frame.image.shape
        letters_px = max(12.0, height / 46)
        band = round(_band_height(letters_px)) if shown.demonstration and overlay else 0
        image = QImage(width, height + band, QImage.Format.Format_RGB32)
        painter = QPainter(image)
        painter.setFont(self.font())
        where = QRectF(0, band, width, height)
        painter.drawImage(where.topLeft(), _grey(shown.step.frame.image))
        if overlay:
            Overlay().paint(painter, shown, Fit(1.0, 0.0, band), where, self._look(letters_px))
        if band:
            _paint_band(painter, QRectF(0, 0, width, band), letters_px)
        painter.end()
        return image

    def cell_at(self, x_px: float, y_px: float) -> CellInView | None:
        """The confirmed cell nearest to that point of the source's picture, if one is near."""
        cells = [cell for cell in (self._shown.cells if self._shown else ()) if cell.confirmed]
        if not cells:
            return None
        away = [np.hypot(cell.xy_px[0] - x_px, cell.xy_px[1] - y_px) - max(cell.wh_px) / 2 for cell in cells]
        nearest = int(np.argmin(away))
        return cells[nearest] if away[nearest] <= REACH_PX else None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the frame, its overlay, the band and the message."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(GROUND))
        shown, letters_px = self._shown, self._letters_px()
        if shown is not None:
            fit, where = self._fit(shown)
            painter.drawImage(where.topLeft(), self._scaled(shown, where))
            if self._on:
                self._overlay.paint(painter, shown, fit, where, self._look(letters_px))
            if shown.demonstration:
                _paint_band(painter, QRectF(0, 0, self.width(), _band_height(letters_px)), letters_px)
        if self.message:
            self._paint_message(painter, letters_px)
        painter.end()
        if shown is not None and self._fresh:
            self._fresh = False
            self.painted.emit(time.monotonic() - shown.taken_s)

    def _letters_px(self) -> float:
        return float(self.font().pixelSize() if self.font().pixelSize() > 0 else 16)

    def _look(self, letters_px: float) -> Look:
        hides = (lambda track_id: True) if self.withheld else self._hides
        return Look(letters_px, self._opacity, self._followed, hides)

    def _fit(self, shown: Shown) -> tuple[Fit, QRectF]:
        """How the picture lies below the band, and the whole view pixels that it covers."""
        height, width = shown.step.frame.image.shape
        band = _band_height(self._letters_px()) if shown.demonstration else 0.0
        scale = min(self.width() / width, (self.height() - band) / height)
        wide, high = round(width * scale), round(height * scale)
        left, top = (self.width() - wide) // 2, round(band + (self.height() - band - high) / 2)
        return Fit(wide / width, left, top), QRectF(left, top, wide, high)

    def _scaled(self, shown: Shown, where: QRectF) -> QImage:
        """The frame at the size of the view's own pixels; kept until another frame or size is asked for."""
        ratio = self.devicePixelRatioF()
        size = QSize(max(1, round(where.width() * ratio)), max(1, round(where.height() * ratio)))
        if self._kept is None or self._kept[0] != id(shown) or self._kept[1] != size:
            grey = shown.step.frame.image
            if grey.shape != (size.height(), size.width()):
                grey = cv2.resize(grey, (size.width(), size.height()), interpolation=cv2.INTER_LINEAR)
            image = _grey(grey)
            image.setDevicePixelRatio(ratio)
            self._kept = (id(shown), size, image, grey)
        return self._kept[2]

    def _paint_message(self, painter: QPainter, letters_px: float) -> None:
        letters = QFont(self.font())
        letters.setPixelSize(round(1.5 * letters_px))
        painter.setFont(letters)
        how = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        place = QRectF(self.rect()).adjusted(letters_px, 0.0, -letters_px, 0.0)
        lines = painter.boundingRect(place, how, self.message)
        if self._shown is not None:
            painter.fillRect(lines.adjusted(-letters_px, -letters_px, letters_px, letters_px), QColor(NOTICE))
        painter.setPen(QColor(INK if self._shown is not None else SOFT))
        painter.drawText(place, how, self.message)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click tells where in the picture it was."""
        if self._shown is not None and event.button() == Qt.MouseButton.LeftButton:
            point = self._fit(self._shown)[0].back(event.position().x(), event.position().y())
            self.clicked.emit(*point)

    def event(self, event: QEvent) -> bool:
        """Over a cell: its number, and why it has no grade where it has none."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.told_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def told_at(self, point: QPointF) -> str:
        """What is said of the cell at that point of the view, '' where there is none."""
        if self._shown is None:
            return ""
        cell = self.cell_at(*self._fit(self._shown)[0].back(point.x(), point.y()))
        if cell is None:
            return ""
        lines = [word("cell_number", number=cell.track_id), word("cell_followed", seconds=f"{cell.followed_s:.1f}")]
        if self._hides(cell.track_id) and not self.withheld:
            lines.append(word("grade_hidden"))
        elif self.withheld or not len(cell.grade):
            lines.append(told(self.withheld or cell.not_graded))
        elif bool(cell.grade.unlike[0]):
            lines.append(told("not graded: unlike training"))
        if cell.ambiguous:
            lines.append(word("cell_ambiguous"))
        return "\n".join(line for line in lines if line)


def _grey(image: NDArray[np.uint8]) -> QImage:
    """The picture as Qt sees it, in place: the array must outlive it."""
    height, width = image.shape
    return QImage(image.data, width, height, image.strides[0], QImage.Format.Format_Grayscale8)


def _band_height(letters_px: float) -> float:
    return round(1.7 * letters_px)


def _paint_band(painter: QPainter, where: QRectF, letters_px: float) -> None:
    """DEMONSTRATION MODEL, as large as fits."""
    said = word("demonstration_mark")
    letters = QFont(painter.font())
    letters.setBold(True)
    letters.setPixelSize(round(letters_px))
    wide = QFontMetricsF(letters).horizontalAdvance(said)
    letters.setPixelSize(max(7, int(letters_px * min(1.0, 0.96 * where.width() / max(wide, 1.0)))))
    painter.save()
    painter.setFont(letters)
    painter.fillRect(where, QColor(NOTICE))
    painter.setPen(QColor(INK))
    painter.drawText(where, Qt.AlignmentFlag.AlignCenter, said)
    painter.restore()
