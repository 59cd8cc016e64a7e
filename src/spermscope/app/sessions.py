"""The sessions kept on this PC: what state they are in, their reports, a new analysis, and two side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QSize, QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QColor, QDesktopServices, QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spermscope.acquisition.archive import PARTIAL, Entry, sessions_in, thumbnail
from spermscope.app.bars import letters_px
from spermscope.app.comparison import ComparisonDialog
from spermscope.app.reanalysis import Reanalysis
from spermscope.app.tables import dress_table
from spermscope.app.theme import GROUND
from spermscope.app.words import told, word

COLUMNS = ("session_name", "session_made", "session_sample", "session_cells", "session_state")


class SessionsDialog(QDialog):
    """Sessions directly below ``root``, the newest first; ``running`` gives the folder of one that is under way."""

    opened = Signal(Path)
    reanalysed = Signal(Path)

    def __init__(
        self, root: Path, running: Callable[[], Path | None] = lambda: None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._root, self._running = root, running
        self.entries: list[Entry] = []
        self._pending: list[int] = []
        self._work: Reanalysis | None = None
        self._thumbs = QTimer(self)
        self._thumbs.timeout.connect(self._next_thumbnail)
        self._build()
        self.retell()
        self.renew()

    def _build(self) -> None:
        em = letters_px(self)
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setIconSize(QSize(8 * em, 6 * em))
        self.table.verticalHeader().setDefaultSectionSize(round(6.6 * em))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        dress_table(self.table)
        self.table.itemSelectionChanged.connect(self._allow)
        self.table.doubleClicked.connect(self.open_report)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.report, self.again, self.two, self.shut = (QPushButton() for _ in range(4))
        for button, act in (
            (self.report, self.open_report),
            (self.again, self.reanalyse),
            (self.two, self.compare),
            (self.shut, self.close),
        ):
            button.setAutoDefault(False)
            button.clicked.connect(act)
        line = QHBoxLayout()
        for button in (self.report, self.again, self.two):
            line.addWidget(button)
        line.addStretch(1)
        line.addWidget(self.shut)
        column = QVBoxLayout(self)
        column.addWidget(self.table, 1)
        column.addWidget(self.message)
        column.addLayout(line)
        self.resize(66 * em, 38 * em)

    def renew(self) -> None:
        """Look again what there is; pictures come one by one thereafter."""
        self.entries = sessions_in(self._root, self._running())
        self.table.setRowCount(len(self.entries))
        for row, entry in enumerate(self.entries):
            for column, said in enumerate(_texts(entry)):
                self.table.setItem(row, column, QTableWidgetItem(said))
        if not self.entries:
            self.message.setText(word("sessions_none", folder=str(self._root)))
        self._pending = list(range(len(self.entries)))
        self._thumbs.start(0)
        self._allow()

    def _next_thumbnail(self) -> None:
        if not self._pending:
            self._thumbs.stop()
            return
        row = self._pending.pop(0)
        picture = thumbnail(self.entries[row])
        item = self.table.item(row, 0)
        if picture is not None and item is not None:
            size = self.table.iconSize()
            item.setIcon(QIcon(_pixmap(picture, size.width(), size.height())))

    @property
    def chosen(self) -> list[Entry]:
        """The rows that are selected, from the top."""
        return [self.entries[row] for row in sorted({index.row() for index in self.table.selectedIndexes()})]

    def open_report(self) -> None:
        """Show the report of the chosen one in the browser."""
        report = self.chosen[0].report if self.chosen else None
        if report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(report)))
            self.opened.emit(report)

    def reanalyse(self) -> None:
        """Take the chosen one's recording through the pipeline again, into a new session beside it."""
        entry = self.chosen[0] if self.chosen else None
        if entry is None or entry.recording is None or self._work is not None:
            return
        self._work = Reanalysis(entry, _free(self._root, entry.folder.name.removesuffix(PARTIAL)), self)
        name = entry.folder.name
        self._work.went_on.connect(lambda done: self.message.setText(word("analysing", name=name, done=done)))
        self._work.finished_well.connect(self._analysed)
        self._work.broke.connect(self._not_analysed)
        self.message.setText(word("analysing", name=name, done=0))
        self._work.start()
        self._allow()

    def _analysed(self, folder: Path) -> None:
        self._work = None
        self.renew()
        self.message.setText(word("analysed", name=folder.name))
        self.reanalysed.emit(folder)

    def _not_analysed(self, error: str) -> None:
        self._work = None
        self.renew()
        self.message.setText(word("not_analysed", error=told(error)))

    def compare(self) -> None:
        """The two chosen ones, side by side."""
        if self.two.isEnabled():
            one, other = self.chosen
            ComparisonDialog(one, other, self).open()

    def _allow(self) -> None:
        """What can be done with what is chosen; a button that is off says why."""
        chosen = self.chosen
        one = chosen[0] if len(chosen) == 1 else None
        ended = [entry for entry in chosen if entry.state in ("whole", "part")]
        self.report.setEnabled(one is not None and one.report is not None)
        self.report.setToolTip(word("no_report") if one is not None and one.report is None else "")
        self.again.setEnabled(one is not None and one.recording is not None and self._work is None)
        self.again.setToolTip(word("no_recording") if one is not None and one.recording is None else "")
        self.two.setEnabled(len(chosen) == 2 and len(ended) == 2)

    def closeEvent(self, event: QCloseEvent) -> None:
        """An analysis under way is broken off; what it has done is kept as a part."""
        self._thumbs.stop()
        if self._work is not None:
            self._work.stop()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retell()
            self.renew()

    def retell(self) -> None:
        """Say everything in the language that is spoken."""
        self.setWindowTitle(word("sessions"))
        self.table.setHorizontalHeaderLabels([word(name) for name in COLUMNS])
        self.report.setText(word("open_report"))
        self.again.setText(word("reanalyse"))
        self.two.setText(word("compare"))
        self.shut.setText(word("close"))
        self.message.setText("")


def _texts(entry: Entry) -> tuple[str, ...]:
    made = entry.made
    if made:
        made = datetime.fromisoformat(made).astimezone().strftime("%Y-%m-%d  %H:%M")
    cells = "" if entry.cells is None else str(entry.cells)
    return entry.folder.name.removesuffix(PARTIAL), made, entry.sample, cells, _state(entry)


def _state(entry: Entry) -> str:
    lines = [told(line) for line in entry.why]
    if entry.state == "unreadable":
        return word("session_unreadable", why=lines[0])
    if entry.state == "part":
        first, lines = word("session_part", why=lines[0]), lines[1:]
    else:
        first = word("session_killed") if entry.state == "killed" else word("session_whole")
    marks = [word("demonstration_mark")] if entry.demonstration else []
    return "\n".join([first, *lines, *marks])


def _pixmap(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], width: int, height: int) -> QPixmap:
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(1, round(scale * picture.shape[1])), max(1, round(scale * picture.shape[0])))
    small = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    whole = QPixmap(width, height)
    whole.fill(QColor(GROUND))
    painter = QPainter(whole)
    image = QImage(small.data, *size, size[0], QImage.Format.Format_Grayscale8)
    painter.drawImage((width - size[0]) // 2, (height - size[1]) // 2, image)
    painter.end()
    return whole


def _free(root: Path, name: str) -> Path:
    """A new folder's path beside the old one."""
    number = 2
    while any((root / f"{name}-{number}{tail}").exists() for tail in ("", PARTIAL)):
        number += 1
    return root / f"{name}-{number}"
