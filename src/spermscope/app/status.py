"""The line at the foot of the window: how the run is doing, in figures that are read from two metres."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from spermscope.acquisition.figures import Figures
from spermscope.app.words import word

NONE = "–"
WIDE = ("source", "dropped", "engine")


class StatusBar(QFrame):
    """Source, rate, dropped frames, delay, engine and precision, recording and disk; ``show_figures`` renews them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._figures: Figures | None = None
        self._delay_ms = math.nan
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        self._captions: dict[str, QLabel] = {}
        self._values: dict[str, QLabel] = {}
        for name in ("source", "rate", "analysed", "dropped", "delay", "engine", "recording", "disk"):
            row.addLayout(self._item(name), 3 if name in WIDE else 2)
        self._retell()

    def _item(self, name: str) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        caption, value = QLabel(self), QLabel(NONE, self)
        caption.setObjectName("soft")
        value.setObjectName("strong")
        for label in (caption, value):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setMinimumWidth(1)
            column.addWidget(label)
        self._captions[name], self._values[name] = caption, value
        return column

    def show_figures(self, figures: Figures | None, painted_ms: float = math.nan) -> None:
        """Show these; ``painted_ms`` is the delay from capture to painting, which counts where it is known."""
        self._figures, self._delay_ms = figures, painted_ms
        self._retell()

    def value(self, name: str) -> str:
        """What is shown for ``name``."""
        return self._values[name].text()

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def _retell(self) -> None:
        for name, caption in self._captions.items():
            caption.setText(word(f"status_{name}"))
        for name, said in self._said().items():
            value = self._values[name]
            value.setToolTip(said)
            value.setText(said)

    def _said(self) -> dict[str, str]:
        figures = self._figures
        if figures is None:
            return dict.fromkeys(self._values, NONE)
        delay_ms = self._delay_ms if math.isfinite(self._delay_ms) else figures.delay_ms
        return {
            "source": figures.source,
            "rate": _number(figures.fps, "fps"),
            "analysed": _number(figures.analysed_fps, "fps"),
            "dropped": word(
                "status_dropped_value", analysis=figures.dropped_analysis, recording=figures.dropped_recording
            ),
            "delay": f"{delay_ms:.0f} ms" if math.isfinite(delay_ms) else NONE,
            "engine": " ".join(part for part in (figures.engine, figures.precision) if part) or NONE,
            "recording": _clock(figures.recorded_s) if figures.recording else word("status_not_recording"),
            "disk": _left(figures.disk_left_s),
        }


def _number(value: float, unit: str) -> str:
    return f"{value:.1f} {unit}" if math.isfinite(value) else NONE


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"● {hours}:{minutes:02d}:{rest:02d}" if hours else f"● {minutes}:{rest:02d}"


def _left(seconds: float) -> str:
    if not math.isfinite(seconds):
        return NONE
    hours, minutes = divmod(int(seconds // 60), 60)
    if hours >= 100:
        return word("status_disk_days", days=hours // 24)
    return word("status_disk_value", hours=hours, minutes=minutes)
