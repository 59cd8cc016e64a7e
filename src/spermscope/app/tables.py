"""How tables look: no grid, air around texts, a calm selection."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTableWidget

from spermscope.app.theme import ACCENT, INK, LINE, PANEL, RAISED, SOFT


def dress_table(table: QTableWidget) -> None:
    """Give a table its look; nobody writes into it."""
    table.setShowGrid(False)
    table.setWordWrap(True)
    table.verticalHeader().setVisible(False)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setStyleSheet(
        f"""
        QTableWidget {{ border: 1px solid {LINE}; outline: none; }}
        QTableWidget::item {{ padding: 3px 10px; border: none; }}
        QTableWidget::item:selected {{ background: {RAISED}; color: {INK}; border-top: 1px solid {ACCENT};
            border-bottom: 1px solid {ACCENT}; }}
        QHeaderView::section {{ background: {PANEL}; color: {SOFT}; border: none; padding: 5px 10px;
            font-weight: 600; }}
        """
    )
