"""A scale from a picture of a stage micrometer: by its lines or by two points, looked at before it is kept."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spermscope.acquisition.decisions import RefusedError
from spermscope.app.setup import number_of, said
from spermscope.app.theme import ACCENT, GROUND
from spermscope.app.words import word
from spermscope.calibrating import Measured, measure
from spermscope.calibration import save_calibration
from spermscope.video import open_source

Point = tuple[float, float]


class MicrometerDialog(QDialog):
    """Measures and keeps a named scale; ``kept`` gives the name.

    Begins with ``live``, a frame ``(H, W) uint8`` of the run that goes on, where there is one; a picture can be opened.
    Two clicked points measure by ``length``; without points the lines are found, ``length`` from one to the next.
    """

    kept = Signal(str)

    def __init__(self, live: NDArray[np.uint8] | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._live = live
        self._file: Path | None = None
        self.measured: Measured | None = None
        self._trouble: Exception | None = None
        self.picture = _Picture(self)
        self.length, self.name = QLineEdit("10", self), QLineEdit(self)
        self._open, self._measure, self._keep = QPushButton(self), QPushButton(self), QPushButton(self)
        self._close = QPushButton(self)
        self._help, self._outcome = QLabel(self), QLabel(self)
        self._build()
        if live is not None:
            self.picture.show_picture(live)
        self._retell()

    def _build(self) -> None:
        self._help.setWordWrap(True)
        self._help.setObjectName("soft")
        self._outcome.setWordWrap(True)
        self._outcome.setObjectName("strong")
        form = QFormLayout()
        self._length_label, self._name_label = QLabel(self), QLabel(self)
        form.addRow(self._length_label, self.length)
        form.addRow(self._name_label, self.name)
        buttons = QHBoxLayout()
        for button in (self._open, self._measure, self._keep, self._close):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(self._help)
        column.addWidget(self.picture, 1)
        column.addLayout(form)
        column.addWidget(self._outcome)
        column.addLayout(buttons)
        self._open.clicked.connect(self._ask_file)
        self._measure.clicked.connect(self.measure)
        self._keep.clicked.connect(self.keep)
        self._close.clicked.connect(self.reject)
        self.name.textChanged.connect(self._retell)

    def open_picture(self, path: Path) -> None:
        """Measure on that picture; what it is, is told by its content."""
        try:
            with open_source(path, stills=True, um_per_px=1.0) as source:
                self.picture.show_picture(next(iter(source)).image)
            self._file, self._trouble = path, None
        except ValueError as error:
            self._trouble = error
        self.measured = None
        self._retell()

    def measure(self) -> None:
        """Measure the picture as the fields say, and draw what was measured over it."""
        self.measured, self._trouble = None, None
        try:
            with tempfile.TemporaryDirectory(prefix="spermscope-micrometer-") as folder:
                self._measure_in(Path(folder))
        except (ValueError, OSError) as error:
            self._trouble = error
        self._retell()

    def _measure_in(self, folder: Path) -> None:
        file, check = self._file, folder / "check.png"
        if file is None and self._live is not None:
            file = folder / "live.png"
            file.write_bytes(cv2.imencode(".png", self._live)[1].tobytes())
        if file is None:
            raise RefusedError("refused_no_picture", "picture: expected one of a stage micrometer, found none")
        length = number_of("micrometer_length", self.length.text(), 0.01, 1e5) or 0.0
        name, points = self.name.text().strip(), self.picture.points
        if len(points) == 2:
            self.measured = measure(file, name, points=(*points[0], *points[1]), length_um=length, check=check)
        else:
            self.measured = measure(file, name, division_um=length, check=check)
        drawn = cv2.imdecode(np.frombuffer(check.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        self.picture.show_drawn(cv2.cvtColor(drawn, cv2.COLOR_BGR2RGB))

    def keep(self) -> None:
        """Keep the scale under its name, for this and every later run."""
        if self.measured is None:
            return
        try:
            calibration = replace(self.measured.calibration, name=self.name.text().strip())
            save_calibration(calibration)
        except (ValueError, OSError) as error:
            self._trouble = error
            self._retell()
            return
        self.kept.emit(calibration.name)
        self.accept()

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, word("micrometer_open"))
        if path:
            self.open_picture(Path(path))

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def _retell(self) -> None:
        self.setWindowTitle(word("micrometer_title"))
        self._help.setText(word("micrometer_help"))
        self._length_label.setText(word("setup_micrometer_length"))
        self._name_label.setText(word("micrometer_name"))
        self._open.setText(word("micrometer_open"))
        self._measure.setText(word("micrometer_measure"))
        self._keep.setText(word("micrometer_keep"))
        self._close.setText(word("cancel"))
        self._keep.setEnabled(self.measured is not None and bool(self.name.text().strip()))
        self._outcome.setText(self._told())

    def _told(self) -> str:
        if self._trouble is not None:
            return said(self._trouble)
        if self.measured is None:
            return ""
        scale, lines = self.measured.calibration, self.measured.lines
        values = {"um": f"{scale.um_per_px:.5g}", "percent": f"{100 * scale.relative_error:.2g}"}
        return word("micrometer_lines", count=lines, **values) if lines else word("micrometer_points", **values)


class _Picture(QWidget):
    """A picture as large as fits; two clicks set two points, a third begins anew."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(480, 320)
        self.points: list[Point] = []
        self._kept: NDArray[np.uint8] | None = None
        self._image = QImage()

    def show_picture(self, grey: NDArray[np.uint8]) -> None:
        """Show ``(H, W)`` grey, without points."""
        self.points = []
        self._kept = np.ascontiguousarray(grey)
        self._image = QImage(
            self._kept.data, grey.shape[1], grey.shape[0], grey.shape[1], QImage.Format.Format_Grayscale8
        )
        self.update()

    def show_drawn(self, rgb: NDArray[np.uint8]) -> None:
        """Show ``(H, W, 3)``; the points stay."""
        self._kept = np.ascontiguousarray(rgb)
        self._image = QImage(self._kept.data, rgb.shape[1], rgb.shape[0], 3 * rgb.shape[1], QImage.Format.Format_RGB888)
        self.update()

    def _where(self) -> QRectF:
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        return QRectF(left, top, size.width(), size.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Set a point of the picture, in its pixels."""
        where = self._where()
        if self._image.isNull() or not where.contains(event.position()):
            return
        scale = where.width() / self._image.width()
        at = event.position() - where.topLeft()
        self.points = [*(self.points if len(self.points) < 2 else ()), (at.x() / scale - 0.5, at.y() / scale - 0.5)]
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture and the points."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(GROUND))
        if self._image.isNull():
            return
        where = self._where()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(where, self._image)
        painter.setPen(QPen(QColor(ACCENT), 2.0))
        scale = where.width() / self._image.width()
        for x, y in self.points:
            at = where.topLeft() + QPointF((x + 0.5) * scale, (y + 0.5) * scale)
            painter.drawLine(at - QPointF(9, 0), at + QPointF(9, 0))
            painter.drawLine(at - QPointF(0, 9), at + QPointF(0, 9))
