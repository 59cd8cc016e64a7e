"""One candidate: its key, its clip, what is predicted of it with doubt and disputes, and how it moves."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QWidget,
)

from spermscope.acquisition.candidates import disputes, graded
from spermscope.acquisition.shown import CellInView
from spermscope.app.bars import DistributionBars, letters_px
from spermscope.app.deeds import TAGS
from spermscope.app.line import Line
from spermscope.app.marks import mark_width, paint_mark
from spermscope.app.motion_words import in_short
from spermscope.app.player import ClipPlayer
from spermscope.app.theme import ACCENT, INK, LINE, PANEL, RAISED, SOFT
from spermscope.app.words import told, word
from spermscope.types import GRADES, Clip

SIGNS = {"accept": "✓", "reject": "✕", "flag": "⚑"}


class Headline(QWidget):
    """The predicted grade as mark and letter, the expected grade with the doubt, and what a person decided."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grade: int | None = None
        self.said = self.tag = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def tell(self, grade: int | None, said: str, tag: str) -> None:
        """Show these; ``grade`` 0 is A, None has no mark."""
        if (grade, said, tag) != (self.grade, self.said, self.tag):
            self.grade, self.said, self.tag = grade, said, tag
            self.update()

    def sizeHint(self) -> QSize:
        """One and a half letters high."""
        return QSize(100, round(1.45 * letters_px(self)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Mark, words, and the tag at the right."""
        painter = QPainter(self)
        where = QRectF(self.rect())
        if self.grade is not None:
            paint_mark(painter, self.grade, where)
            where.setLeft(where.left() + mark_width(where.height()) + 0.2 * where.height())
        bold = QFont(self.font())
        bold.setBold(True)
        painter.setFont(bold)
        tag_px = painter.fontMetrics().horizontalAdvance(self.tag)
        painter.setPen(QColor(ACCENT))
        painter.drawText(where, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.tag)
        painter.setFont(bold if self.grade is not None else self.font())
        painter.setPen(QColor(INK if self.grade is not None else SOFT))
        room = where.adjusted(0, 0, -tag_px - 0.3 * where.height(), 0)
        said = painter.fontMetrics().elidedText(self.said, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)


class CandidateRow(QFrame):
    """Shows one cell; ``clicked`` when it is pointed at, ``graded`` with a letter when a person grades it."""

    clicked = Signal()
    graded = Signal(str)

    def __init__(self, key: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cell: CellInView | None = None
        self.here = self.picked = self.hidden = False
        self._remarks: list[str] = []
        self.number = QLabel(str(key))
        self.number.setObjectName("figure")
        self.number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.player = ClipPlayer(lines=6.2)
        self.headline = Headline()
        self.bars = DistributionBars()
        self.motion = Line()
        self.disputed = Line()
        self._lower = QStackedWidget()
        self._lower.addWidget(self.bars)
        self._lower.addWidget(self._grade_buttons())
        self._lower.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._place()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setObjectName("candidate")

    def _grade_buttons(self) -> QWidget:
        """A person's own grade, while the predicted one is hidden."""
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        self.buttons = []
        for number, letter in enumerate(GRADES, 1):
            button = QPushButton(letter)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.setAccessibleName(f"{number} {letter}")
            button.setToolTip(str(number))
            button.setMinimumWidth(1)
            button.setStyleSheet("padding: 0px;")
            button.clicked.connect(lambda _=False, letter=letter: self.graded.emit(letter))
            line.addWidget(button)
            self.buttons.append(button)
        return holder

    def _place(self) -> None:
        grid = QGridLayout(self)
        gap = max(3, letters_px(self) // 4)
        grid.setContentsMargins(gap, gap, 2 * gap, gap)
        grid.setHorizontalSpacing(2 * gap)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.number, 0, 0, 4, 1)
        grid.addWidget(self.player, 0, 1, 4, 1)
        for line, widget in enumerate((self.headline, self._lower, self.motion, self.disputed)):
            grid.addWidget(widget, line, 2)
        grid.setColumnStretch(2, 1)

    def leave(self) -> None:
        """Nobody stands here."""
        self.cell = None
        self.player.set_clip(None)
        self.setVisible(False)

    def show_cell(self, cell: CellInView, clip: Clip | None, *, here: bool, picked: bool, hidden: bool) -> None:
        """Show that cell as it is now; ``here``: it has not gone; ``hidden`` keeps its prediction back."""
        self.cell, self.here, self.picked, self.hidden = cell, here, picked, hidden
        known = graded(cell) and not hidden
        self.player.set_clip(clip)
        self.bars.set_grade(cell.grade if known else cell.grade.empty())
        self._lower.setCurrentIndex(1 if hidden and picked else 0)
        self.motion.tell(in_short(cell.kinematics))
        doubts = [] if hidden else [word(why) for why in disputes(cell)]
        doubts += [word("ambiguous")] if cell.ambiguous else []
        self._remarks = doubts + ([] if here else [word("gone")])
        self.setVisible(True)
        self.update()

    def tell_decision(self, judged: str, own: str) -> None:
        """What a person decided (``accept reject flag`` or ''), and the person's own grade or ''."""
        cell = self.cell
        if cell is None:
            return
        known = graded(cell) and not self.hidden
        said = self._said(cell, known=known)
        said += f"  ({word('own_grade', grade=own)})" if own else ""
        self.headline.tell(int(cell.grade.mode[0]) if known else None, said, SIGNS.get(judged, ""))
        decided = [word(TAGS[judged])] if judged else []
        self.disputed.tell("  ·  ".join([word("cell_n", cell=cell.track_id), *decided, *self._remarks]))
        self.headline.setToolTip(word("expected_more") if known else said)

    def _said(self, cell: CellInView, *, known: bool) -> str:
        if self.hidden:
            return word("your_grade") if self.picked else word("hidden_until")
        if known:
            value, doubt = f"{cell.grade.expected_grade[0]:.1f}", f"{cell.grade.uncertainty[0]:.2f}"
            return word("expected", value=value, doubt=doubt)
        return word("unlike") if len(cell.grade) else told(cell.not_graded) or word("not_graded_yet")

    def paintEvent(self, event: QPaintEvent) -> None:
        """The ground: raised where the cell is picked, faint where it has gone."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        around = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QColor(ACCENT if self.picked else LINE))
        painter.setBrush(QColor(RAISED if self.picked else PANEL))
        painter.setOpacity(1.0 if self.here else 0.5)
        painter.drawRoundedRect(around, 6, 6)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick it."""
        self.clicked.emit()
