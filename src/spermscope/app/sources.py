"""What can be looked at: cameras that are there, a recording, a simulation."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from spermscope.app.words import word
from spermscope.video.cameras import Found, list_cameras

SIMULATION = "sim:width_px=640,height_px=480,um_per_px=0.4,fps=15,cells=14,optics=phase,duration_s=600"
ASK_MS = 50
_ADDRESS = Qt.ItemDataRole.UserRole


class SourceList(QWidget):
    """The cameras that are there, looked for in the background, and ways to a file and to a simulation.

    The address can be typed too. ``chosen`` is emitted when it changes. Works without any camera.
    """

    chosen = Signal(str)

    def __init__(self, address: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._heading, self._state = QLabel(self), QLabel(self)
        self._heading.setObjectName("strong")
        self._state.setObjectName("soft")
        self._state.setWordWrap(True)
        self._list = QListWidget(self)
        self._list.setAlternatingRowColors(True)
        self._file, self._again = QPushButton(self), QPushButton(self)
        self._folder = QPushButton(self)
        self._address = QLineEdit(address, self)
        row = QHBoxLayout()
        for button in (self._file, self._folder, self._again):
            button.setAutoDefault(False)
            row.addWidget(button)
        for part in (self._heading, self._list, self._state):
            column.addWidget(part)
        column.addLayout(row)
        column.addWidget(self._address)
        self._cameras: list[Found] | None = None
        self._answers: SimpleQueue[list[Found]] = SimpleQueue()
        self._ask = QTimer(self)
        self._ask.timeout.connect(self._show_cameras)
        self._list.itemSelectionChanged.connect(self._picked)
        self._address.textChanged.connect(self.chosen)
        self._file.clicked.connect(self._ask_file)
        self._folder.clicked.connect(self._ask_folder)
        self._again.clicked.connect(self.look)
        self._retell()
        self.look()

    @property
    def address(self) -> str:
        """What was chosen, '' for nothing."""
        return self._address.text().strip()

    def set_address(self, address: str) -> None:
        """Choose that."""
        self._address.setText(address)

    def look(self) -> None:
        """Look for cameras again, in the background."""
        self._cameras = None
        self._retell()
        answers = self._answers = SimpleQueue()
        threading.Thread(target=lambda: answers.put(list_cameras()), name="cameras", daemon=True).start()
        self._ask.start(ASK_MS)

    def _show_cameras(self) -> None:
        if not self._answers.empty():
            self._ask.stop()
            self._cameras = self._answers.get()
            self._retell()

    def _picked(self) -> None:
        for item in self._list.selectedItems():
            self._address.setText(item.data(_ADDRESS))

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, word("source_file"))
        if path:
            self._address.setText(path)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, word("source_folder"))
        if path:
            self._address.setText(path)

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        if event.type() == QEvent.Type.LanguageChange:
            self._retell()
        super().changeEvent(event)

    def _retell(self) -> None:
        self._heading.setText(word("source"))
        self._file.setText(word("source_file"))
        self._folder.setText(word("source_folder"))
        self._again.setText(word("source_again"))
        self._address.setPlaceholderText(word("source_address"))
        if self._cameras is None:
            self._state.setText(word("source_looking"))
        else:
            self._state.setText(word("source_none") if not self._cameras else word("source_choose"))
        self._list.blockSignals(True)
        self._list.clear()
        for found in self._cameras or ():
            self._add(found.name, found.address)
        self._add(word("source_simulation"), SIMULATION)
        self._list.blockSignals(False)

    def _add(self, name: str, address: str) -> None:
        item = QListWidgetItem(name, self._list)
        item.setData(_ADDRESS, address)
        item.setToolTip(address)
        if address == self.address:
            self._list.setCurrentItem(item)
