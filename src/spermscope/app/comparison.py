"""Two sessions side by side: their main figures."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spermscope.acquisition.archive import Entry, main_figures
from spermscope.app.words import word

ABSENT = "–"


class ComparisonDialog(QDialog):
    """A row for each figure; what people's corrections made of it stands in brackets."""

    def __init__(self, one: Entry, other: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pair = (one, other)
        self._figures = [main_figures(entry.folder) for entry in self._pair]
        em = self.fontMetrics().height()
        self.mark = QLabel()
        self.mark.setObjectName("notice")
        self.mark.setWordWrap(True)
        self.mark.setVisible(one.demonstration or other.demonstration)
        self.table = QTableWidget(len(self._figures[0]), 3)
        self.table.verticalHeader().setVisible(False)
        self.table.setShowGrid(False)
        self.table.setAlternatingRowColors(True)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.addWidget(self.mark)
        column.addWidget(self.table)
        self.resize(46 * em, 34 * em)
        self.retell()

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retell()

    def retell(self) -> None:
        """Say everything in the language that is spoken."""
        self.setWindowTitle(word("compare"))
        self.mark.setText(word("demonstration_mark"))
        self.table.setHorizontalHeaderLabels([word("figure"), *(entry.folder.name for entry in self._pair)])
        for row, name in enumerate(self._figures[0]):
            texts = [_name(name), *(figures[name] or ABSENT for figures in self._figures)]
            for column, said in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(said))


def _name(figure: str) -> str:
    if figure.startswith("grade_"):
        return word("figure_grade", grade=figure.removeprefix("grade_"))
    return word(f"figure_{figure}")
