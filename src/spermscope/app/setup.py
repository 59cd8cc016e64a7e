"""Before a run: what is looked at, at which scale, under which conditions, by whom, on which sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
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

from spermscope.acquisition.decisions import RefusedError, check_code
from spermscope.app.preferences import Preferences
from spermscope.app.sources import SourceList
from spermscope.app.words import told, word
from spermscope.calibration import known_optics
from spermscope.conclusion import Conditions
from spermscope.runtime import Precision

PREPARATIONS = ("raw", "washed", "density gradient", "swim-up", "TESE", "ICSI, PVP")


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run is started with; ``um_per_px`` None and ``optics`` '' leave the scale to be estimated.

    ``camera_fps`` is what the camera is set to, where the user said so: measured times are compared with it.
    """

    address: str
    sessions: Path
    um_per_px: float | None = None
    optics: str = ""
    camera_fps: float | None = None
    conditions: Conditions = field(default_factory=Conditions)
    operator: str = ""
    precision: Precision = "int8"

    def session_folder(self, now: datetime) -> Path:
        """A new folder for a session that starts ``now``."""
        sample = f"-{self.conditions.sample}" if self.conditions.sample else ""
        name = f"{now:%Y%m%d-%H%M%S}{sample}"
        tried, number = self.sessions / name, 2
        while tried.exists() or tried.with_name(tried.name + ".partial").exists():
            tried, number = self.sessions / f"{name}-{number}", number + 1
        return tried

    def remembered(self, before: Preferences) -> Preferences:
        """The preferences with everything of this that the next start may offer again; the sample is not."""
        conditions = self.conditions
        return before.model_copy(
            update={
                "address": self.address,
                "folder": str(self.sessions),
                "um_per_px": self.um_per_px,
                "optics": self.optics,
                "camera_fps": self.camera_fps,
                "operator": self.operator,
                "preparation": conditions.preparation,
                "ejaculate": conditions.ejaculate,
                "temperature_c": conditions.temperature_c,
                "depth_um": conditions.depth_um,
            }
        )


class SetupDialog(QDialog):
    """Asks for a ``Setup``; ``calibrate`` is emitted when the user wants to measure a scale first."""

    calibrate = Signal()

    def __init__(self, known: Preferences, sample: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setup: Setup | None = None
        self._refused: Exception | None = None
        self._precision = known.precision
        self.sources = SourceList(known.address, self)
        self.optics = QComboBox(self)
        self.scale = QLineEdit(_shown(known.um_per_px), self)
        self.camera_fps = QLineEdit(_shown(known.camera_fps), self)
        self.preparation = QComboBox(self)
        self.preparation.setEditable(True)
        self.preparation.addItems(["", *PREPARATIONS])
        self.preparation.setCurrentText(known.preparation)
        self.ejaculate = QCheckBox(self)
        self.ejaculate.setChecked(known.ejaculate)
        self.temperature = QLineEdit(_shown(known.temperature_c), self)
        self.depth_um = QLineEdit(_shown(known.depth_um), self)
        self.sample, self.operator = QLineEdit(sample, self), QLineEdit(known.operator, self)
        self.folder = QLineEdit(str(known.sessions), self)
        self._build(known)
        self.list_optics(known.optics)
        self._retell()

    def _build(self, known: Preferences) -> None:
        self._calibrate, self._browse = QPushButton(self), QPushButton(self)
        self._cancel, self._start = QPushButton(self), QPushButton(self)
        self._start.setDefault(True)
        self._trouble = QLabel(self)
        self._trouble.setObjectName("notice")
        self._trouble.setWordWrap(True)
        self._trouble.hide()
        form = QFormLayout()
        self._rows: dict[str, QLabel] = {}
        for name, part in self._parts().items():
            self._rows[name] = QLabel(self)
            form.addRow(self._rows[name], part)
        sides = QHBoxLayout()
        sides.addWidget(self.sources, 4)
        sides.addLayout(form, 5)
        buttons = QHBoxLayout()
        buttons.addStretch()
        for button in (self._cancel, self._start):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.addLayout(sides)
        column.addWidget(self._trouble)
        column.addLayout(buttons)
        for button in (self._calibrate, self._browse, self._cancel):
            button.setAutoDefault(False)
        self._calibrate.clicked.connect(self.calibrate)
        self._browse.clicked.connect(self._ask_folder)
        self._cancel.clicked.connect(self.reject)
        self._start.clicked.connect(self.accept)

    def _parts(self) -> dict[str, QWidget | QHBoxLayout]:
        return {
            "sample": self.sample,
            "operator": self.operator,
            "optics": _beside(self.optics, self._calibrate),
            "scale": self.scale,
            "camera_fps": self.camera_fps,
            "preparation": self.preparation,
            "ejaculate": self.ejaculate,
            "temperature": self.temperature,
            "depth": self.depth_um,
            "folder": _beside(self.folder, self._browse),
        }

    def list_optics(self, chosen: str) -> None:
        """Offer the scales that were calibrated, with that one chosen."""
        self.optics.clear()
        self.optics.addItem("", "")
        try:
            names = known_optics()
        except (ValueError, OSError) as error:
            self._refuse(error)
            names = []
        for name in names:
            self.optics.addItem(name, name)
        self.optics.setCurrentIndex(max(0, self.optics.findData(chosen)))
        self._retell()

    def read(self) -> Setup:
        """What the fields say.

        Raises
        ------
        ValueError
            One line: nothing to look at, a number that is none or out of range, a code that may be a name.
        """
        if not self.sources.address:
            raise RefusedError("refused_no_source", "source: expected one, found none")
        operator, sample = self.operator.text().strip(), self.sample.text().strip()
        optics = str(self.optics.currentData() or "")
        um_per_px = number_of("scale", self.scale.text(), 0.03, 2.5)
        if optics and um_per_px is not None:
            raise RefusedError("refused_two_scales", "scale: expected a calibrated or a typed one, found both")
        conditions = Conditions(
            sample=check_code("sample", sample) if sample else "",
            ejaculate=self.ejaculate.isChecked(),
            preparation=self.preparation.currentText().strip()[:200],
            temperature_c=number_of("temperature", self.temperature.text(), -20, 80),
            depth_um=number_of("depth", self.depth_um.text(), 0.1, 10000),
        )
        return Setup(
            address=self.sources.address,
            sessions=Path(self.folder.text().strip() or "."),
            um_per_px=um_per_px,
            optics=optics,
            camera_fps=number_of("camera_fps", self.camera_fps.text(), 0.1, 10000),
            conditions=conditions,
            operator=check_code("operator", operator) if operator else "",
            precision=self._precision,
        )

    def accept(self) -> None:
        """Close with ``setup``, or stay and say what is wrong."""
        try:
            self.setup = self.read()
        except ValueError as error:
            self._refuse(error)
            return
        super().accept()

    def _refuse(self, error: Exception) -> None:
        self._refused = error
        self._trouble.setText(said(error))
        self._trouble.show()

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, word("setup_folder"), self.folder.text())
        if path:
            self.folder.setText(path)

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def _retell(self) -> None:
        self.setWindowTitle(word("setup_title"))
        for name, label in self._rows.items():
            label.setText(word(f"setup_{name}"))
        self.optics.setItemText(0, word("setup_no_optics"))
        self.ejaculate.setText(word("setup_ejaculate_more"))
        for number in (self.scale, self.camera_fps):
            number.setPlaceholderText(word("setup_unknown"))
        self.sample.setPlaceholderText(word("setup_code"))
        self.operator.setPlaceholderText(word("setup_code"))
        self._calibrate.setText(word("setup_calibrate"))
        self._browse.setText(word("setup_browse"))
        self._cancel.setText(word("cancel"))
        self._start.setText(word("setup_start"))
        if self._refused is not None:
            self._trouble.setText(said(self._refused))


def said(error: Exception) -> str:
    """An error in the language that is spoken, where the catalogue knows it."""
    if isinstance(error, RefusedError):
        return word(error.key, **error.values)
    return told(" ".join(str(error).split()))


def _beside(field: QWidget, button: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(field, 1)
    row.addWidget(button)
    return row


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def number_of(name: str, typed: str, least: float, most: float) -> float | None:
    """What was typed, None for nothing; a decimal comma and full-width digits are numbers too."""
    plain = typed.strip().replace(",", ".").replace("．", ".")
    if not plain:
        return None
    try:
        value = float(plain)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        message = f"{name}: expected {least:g} to {most:g}, found {typed!r}"
        raise RefusedError("refused_number", message, name=word(f"setup_{name}"), least=least, most=most, found=typed)
    return value
