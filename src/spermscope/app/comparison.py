"""Two sessions side by side: their main figures."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from spermscope.acquisition.archive import Entry, main_figures
from spermscope.app.band import DemonstrationBand
from spermscope.app.bars import letters_px
from spermscope.app.tables import dress_table
from spermscope.app.words import told, word

ABSENT = "–"


class ComparisonDialog(QDialog):
    """A row for each figure, or why it was not computed; what people's corrections made of it stands in brackets."""

    def __init__(self, one: Entry, other: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pair = (one, other)
        self._figures = [main_figures(entry.folder) for entry in self._pair]
        em = letters_px(self)
        self.mark = DemonstrationBand()
        self.mark.setVisible(one.demonstration or other.demonstration)
        self.table = QTableWidget(len(self._figures[0]), 3)
        dress_table(self.table)
        self.table.setAlternatingRowColors(True)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        column = QVBoxLayout(self)
        column.addWidget(self.mark)
        column.addWidget(self.table)
        self.resize(60 * em, 46 * em)
        self.retell()

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retell()

    def retell(self) -> None:
        """Say everything in the language that is spoken."""
        self.setWindowTitle(word("compare"))
        self.table.setHorizontalHeaderLabels([word("figure"), *(entry.folder.name for entry in self._pair)])
        for row, name in enumerate(self._figures[0]):
            texts = [_name(name), *(told(figures[name]) or ABSENT for figures in self._figures)]
            for column, said in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(said))


def _name(figure: str) -> str:
    if figure.startswith("grade_"):
        return word("figure_grade", grade=figure.removeprefix("grade_"))
    return word(f"figure_{figure}")
