"""Dark, calm, and as large as the window allows: colours, letters and one style sheet for every widget."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

GROUND, PANEL, RAISED, LINE = "#101418", "#181d22", "#232a31", "#36414b"
INK, SOFT, ACCENT = "#eef2f5", "#a3b0bc", "#7fb8ea"
NOTICE = "#3a3566"
"""Ground of what must be read: never red, amber or green, which JIS T 0601-1 keeps for indicators."""
FAMILIES = [
    *("Segoe UI", "Yu Gothic UI", "Meiryo", "Helvetica Neue", "Hiragino Sans"),
    *("Noto Sans", "Noto Sans CJK JP", "DejaVu Sans"),
]
LEAST_PX, MOST_PX = 13, 40
_ACROSS, _DOWN = 80, 50
"""Letters' heights that a window is wide and high: readable from two metres on a full screen."""


def letter_px(window: QSize) -> int:
    """The size of plain text, pixels, in a window of that size."""
    return max(LEAST_PX, min(MOST_PX, window.width() // _ACROSS, window.height() // _DOWN))


def dress(letters_px: int) -> None:
    """Give every widget of the running application the theme with plain text of that size; cheap when it is so already.

    Object names choose a role: ``figure`` a large number, ``strong`` a heading, ``soft`` what stands back, ``notice``
    what must be read.
    """
    running = QApplication.instance()
    if not isinstance(running, QApplication) or running.font().pixelSize() == letters_px:
        return
    letters = QFont(FAMILIES)
    letters.setPixelSize(letters_px)
    if not running.styleSheet():
        running.setStyle("Fusion")
        running.setPalette(_palette())
    running.setFont(letters)
    running.setStyleSheet(_sheet(letters_px))


def _palette() -> QPalette:
    palette, role = QPalette(), QPalette.ColorRole
    for part, colour in {
        role.Window: PANEL,
        role.Base: GROUND,
        role.AlternateBase: RAISED,
        role.Button: RAISED,
        role.Highlight: ACCENT,
        role.HighlightedText: GROUND,
        role.WindowText: INK,
        role.Text: INK,
        role.ButtonText: INK,
        role.ToolTipBase: RAISED,
        role.ToolTipText: INK,
        role.PlaceholderText: SOFT,
        role.Link: ACCENT,
    }.items():
        palette.setColor(part, QColor(colour))
    for part in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, part, QColor("#6b7782"))
    return palette


def _sheet(letters_px: int) -> str:
    gap, round_px = max(3, letters_px // 4), max(3, letters_px // 4)
    return f"""
    * {{ font-size: {letters_px}px; }}
    QWidget#figure {{ font-size: {round(1.35 * letters_px)}px; font-weight: 600; }}
    QWidget#strong {{ font-weight: 600; }}
    QWidget#soft {{ color: {SOFT}; font-size: {round(0.82 * letters_px)}px; }}
    QWidget#notice {{ background: {NOTICE}; color: {INK}; padding: {gap}px {2 * gap}px; font-weight: 600; }}
    QToolTip {{ background: {RAISED}; color: {INK}; border: 1px solid {LINE}; padding: {gap}px; }}
    QPushButton, QToolButton {{ background: {RAISED}; border: 1px solid {LINE}; border-radius: {round_px}px;
        padding: {gap}px {3 * gap}px; min-height: {round(1.5 * letters_px)}px; }}
    QPushButton:hover, QToolButton:hover {{ border-color: {ACCENT}; }}
    QPushButton:focus, QToolButton:focus {{ border-color: {ACCENT}; outline: none; }}
    QPushButton:checked, QToolButton:checked, QPushButton:default {{ background: {ACCENT}; color: {GROUND}; }}
    QPushButton:disabled, QToolButton:disabled {{ background: {PANEL}; color: #6b7782; }}
    QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ background: {GROUND}; border: 1px solid {LINE};
        border-radius: {round_px}px; padding: {gap}px {gap}px; min-height: {round(1.4 * letters_px)}px; }}
    QLineEdit:focus, QComboBox:focus, QDoubleSpinBox:focus {{ border-color: {ACCENT}; }}
    QCheckBox::indicator {{ width: {letters_px}px; height: {letters_px}px; background: {GROUND};
        border: 1px solid {SOFT}; border-radius: {round_px}px; }}
    QCheckBox::indicator:checked {{ background: {ACCENT}; border-color: {ACCENT}; }}
    QCheckBox::indicator:focus {{ border-color: {ACCENT}; }}
    QListWidget {{ border: 1px solid {LINE}; border-radius: {round_px}px; }}
    QListWidget::item {{ padding: {gap}px; }}
    QListWidget::item:selected {{ background: {ACCENT}; color: {GROUND}; }}
    QScrollBar:vertical {{ background: {PANEL}; width: {letters_px}px; }}
    QScrollBar::handle:vertical {{ background: {LINE}; border-radius: {round_px}px; min-height: {2 * letters_px}px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
    """
