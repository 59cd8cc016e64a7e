"""A cell's clip, played over and over at its own speed."""

from __future__ import annotations

import time

import cv2
import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QImage, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from spermscope.app.bars import letters_px
from spermscope.app.theme import ACCENT, GROUND, LINE
from spermscope.types import Clip

TICK_MS = 33
REST_S = 0.4
"""The last picture stands for so long before the clip begins anew."""


class ClipPlayer(QWidget):
    """Plays one ``Clip`` in a loop, each picture at its own time; a line at the foot tells where in it.

    Only plays while it is to be seen. A clip with more pictures of the same cell goes on where the old one was.
    """

    def __init__(self, parent: QWidget | None = None, *, lines: float = 6.0) -> None:
        super().__init__(parent)
        self._lines = lines
        self._clip: Clip | None = None
        self._begun_s = time.monotonic()
        self._at = 0
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # else all that lies below is painted with it
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def clip(self) -> Clip | None:
        """What is played."""
        return self._clip

    @property
    def at(self) -> int:
        """The place in the clip of the picture that is shown."""
        return self._at

    def set_clip(self, clip: Clip | None) -> None:
        """Play this one; None shows an empty square."""
        if clip is self._clip:
            return
        if clip is None or self._clip is None or clip.track_id != self._clip.track_id:
            self._begun_s = time.monotonic()
        self._clip = clip
        self._at = 0 if clip is None else min(self._at, len(clip.frames) - 1)
        self.update()

    def sizeHint(self) -> QSize:
        """A square so many letters high."""
        side = round(self._lines * letters_px(self))
        return QSize(side, side)

    def showEvent(self, event: QShowEvent) -> None:
        """Play."""
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest."""
        self._timer.stop()

    def seek(self, elapsed_s: float) -> None:
        """Show what is due so long after the clip began, in whichever round."""
        if self._clip is None or not len(self._clip.frames):
            return
        times_s = self._clip.time_s - self._clip.time_s[0]
        due_s = elapsed_s % (float(times_s[-1]) + REST_S)
        at = int(np.searchsorted(times_s, due_s, side="right")) - 1
        if at != self._at:
            self._at = at
            self.update()

    def _tick(self) -> None:
        self.seek(time.monotonic() - self._begun_s)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture that is due, and how far the clip is."""
        painter = QPainter(self)
        side = min(self.width(), self.height())
        where = QRectF((self.width() - side) // 2, (self.height() - side) // 2, side, side)
        painter.fillRect(self.rect(), QColor(GROUND))
        if self._clip is None or not len(self._clip.frames):
            return
        ratio = self.devicePixelRatioF()
        wide = max(1, round(side * ratio))
        frame = cv2.resize(self._clip.frames[self._at], (wide, wide), interpolation=cv2.INTER_LINEAR)
        image = QImage(frame.data, wide, wide, wide, QImage.Format.Format_Grayscale8)
        image.setDevicePixelRatio(ratio)
        painter.drawImage(where.topLeft(), image)
        thin = max(2.0, side / 40)
        done = (self._at + 1) / len(self._clip.frames)
        foot = QRectF(where.left(), where.bottom() - thin, where.width(), thin)
        painter.fillRect(foot, QColor(LINE))
        painter.fillRect(QRectF(foot.left(), foot.top(), done * foot.width(), thin), QColor(ACCENT))
