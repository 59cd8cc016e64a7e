"""The cells now in view with the highest predicted rating, to be picked, looked at and decided about."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from PySide6.QtCore import QEvent, QSize, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from spermscope.acquisition.candidates import MARGIN, Sort, graded, score
from spermscope.acquisition.corrections import cells_in_view
from spermscope.acquisition.decisions import JUDGEMENTS, Session
from spermscope.acquisition.shown import CellInView, Shown
from spermscope.acquisition.stable_order import MOST_PLACES, StableOrder
from spermscope.acquisition.standing import Standing
from spermscope.app.band import DemonstrationBand
from spermscope.app.bars import letters_px
from spermscope.app.candidate_row import CandidateRow
from spermscope.app.candidates_foot import CandidatesFoot
from spermscope.app.candidates_head import CandidatesHead
from spermscope.app.deeds import NOBODY, Deeds
from spermscope.app.large import LargeView
from spermscope.app.tone import Tone
from spermscope.app.words import word
from spermscope.types import GRADES, Clip

RENEW_MS = 200
"""Rows are renewed so often: figures that change faster cannot be read."""
REACH_PX = 25.0
SPACING = 4
KEYS = (
    ("1-9", "key_pick"),
    ("A R F", "key_decide"),
    ("Shift+A R F", "key_reason"),
    ("U", "key_undo"),
    ("B", "key_blind"),
    ("1-5", "key_own_grade"),
    ("N", "key_not_sperm"),
    ("M", "key_missed"),
    ("K", "key_scan"),
)
"""For the page of keys: a key and its message."""


class Watched(Session, Protocol):
    """A run whose cells are offered."""

    def clip(self, track_id: int) -> Clip | None:
        """A cell's latest crops, None where there are none."""
        ...


class CandidatesPanel(QWidget):
    """Hosted by the window, which calls ``show_cells`` with each ``Shown`` it paints.

    ``picked`` names the cell to follow large (-1: none); ``decided`` a deed (``accept reject flag undo blind_grade
    not_sperm missed``) and its cell (-1: none). ``run_provider`` gives the run that is on, None where there is none;
    another run begins with no decisions.
    """

    picked = Signal(int)
    decided = Signal(str, int)
    blind_changed = Signal(bool)

    def __init__(self, run_provider: Callable[[], Watched | None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run_provider = run_provider
        self._run: Watched | None = None
        self.deeds = Deeds(self)
        self._shown: Shown | None = None
        self._known: dict[int, CellInView] = {}
        self._clips: dict[int, Clip] = {}
        self._picked: int | None = None
        self._asks_place = False
        self._renewed_s = 0.0
        self._order = StableOrder()
        self._tone = Tone()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._renew)
        self._build()
        self._connect()
        self._bind_keys()
        self.retell()

    def _build(self) -> None:
        self.head, self.foot, self.large = CandidatesHead(), CandidatesFoot(), LargeView()
        self.mark, self.empty = DemonstrationBand(), QLabel()
        self.empty.setObjectName("soft")
        self.empty.setWordWrap(True)
        self.mark.setVisible(False)
        self.rows = [CandidateRow(key) for key in range(1, MOST_PLACES + 1)]
        self.middle = QWidget()
        self.middle.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        column, inner = QVBoxLayout(self), QVBoxLayout(self.middle)
        column.setSpacing(SPACING)
        inner.setSpacing(SPACING)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSizeConstraint(QVBoxLayout.SizeConstraint.SetNoConstraint)
        lines: list[QWidget] = [self.empty, *self.rows]
        for widget in lines:
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            inner.addWidget(widget)
            widget.setVisible(False)
        inner.addStretch(1)
        inner.addWidget(self.large)
        parts: tuple[QWidget, ...] = (self.head, self.mark, self.middle, self.foot)
        for part in parts:
            column.addWidget(part, 1 if part is self.middle else 0)

    def _connect(self) -> None:
        for place, row in enumerate(self.rows):
            row.clicked.connect(lambda place=place: self.pick(self._at(place)))
            row.graded.connect(self.grade)
        self.head.changed.connect(self._renew)
        self.head.blind_changed.connect(self._set_blind)
        self.foot.asked.connect(self.do)
        self.foot.reasoned.connect(self.do)
        self.foot.scanned.connect(self.deeds.scan)
        self.deeds.said.connect(self.foot.say)
        self.deeds.done.connect(self._done)

    def _bind_keys(self) -> None:
        places = range(1, MOST_PLACES + 1)
        bound: dict[str, Callable[[], None]] = {str(key): partial(self._digit, key) for key in places}
        for key, deed in (*zip("ARF", JUDGEMENTS, strict=True), ("U", "undo"), ("N", "not_sperm"), ("M", "missed")):
            bound[key] = partial(self.do, deed)
        for key, deed in zip("ARF", JUDGEMENTS, strict=True):
            bound[f"Shift+{key}"] = partial(self._ask_why, deed)
        bound |= {"K": self.foot.scan.setFocus, "B": self.head.blind.toggle}
        for keys, act in bound.items():
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(act)

    def sizeHint(self) -> QSize:
        """Wide enough for a clip and what is said beside it."""
        return QSize(26 * letters_px(self), 50 * letters_px(self))

    def hides(self, track_id: int) -> bool:
        """Whether that cell's prediction must not be seen anywhere yet."""
        return self.deeds.hides(track_id)

    @property
    def picked_id(self) -> int | None:
        """The cell that is picked."""
        return self._picked

    def show_cells(self, shown: Shown) -> None:
        """Offer the cells of this frame, which is the one that is painted."""
        self._begin(self._run_provider())
        cells = tuple(cell for cell in shown.cells if cell.confirmed)
        self._shown = replace(shown, cells=cells)
        self._known = {cell.track_id: cell for cell in cells} | self._kept(cells)
        self._tone.at = self.head.tone_at
        self._tone.hear(cells, allowed=not (shown.demonstration or self.deeds.blind_first))
        if self.deeds.decisions is not None:
            self.deeds.decisions.showing([cell.track_id for cell in cells if graded(cell)])
        self._enlarge()
        waited_ms = 1000 * (time.monotonic() - self._renewed_s)
        if waited_ms >= RENEW_MS:
            self._renew()
        elif not self._later.isActive():
            self._later.start(max(1, round(RENEW_MS - waited_ms)))

    def clear(self) -> None:
        """The run is over: nothing is offered, and nothing can be decided."""
        self._shown = None
        self._begin(None)
        for row in self.rows:
            row.leave()
        self.mark.setVisible(False)
        self.empty.setVisible(False)
        self.foot.count(Standing(), 0)

    def _begin(self, run: Watched | None) -> None:
        if run is self._run:
            return
        self._run = run
        self.deeds.begin(run, blind_first=self.head.blind.isChecked())
        self._order = StableOrder()
        self._known, self._clips = {}, {}
        self._asks_place = False
        self._tone.forget()
        self._later.stop()
        self.foot.say("")
        self.pick(None)

    def _kept(self, cells: Sequence[CellInView]) -> dict[int, CellInView]:
        """Cells that have gone and are still listed or picked, as they were last seen."""
        here = {cell.track_id for cell in cells}
        wanted = {self._at(place) for place in range(len(self.rows))} | {self._picked}
        return {one: cell for one, cell in self._known.items() if one in wanted and one not in here}

    def _renew(self) -> None:
        """Rank the cells anew and tell every row."""
        if self._shown is None:
            return
        self._renewed_s = time.monotonic()
        self._fit_rows()
        places = self._rank(self._shown.cells)
        here, judged = {cell.track_id for cell in self._shown.cells}, self.deeds.standing.judged()
        for row, one in zip(self.rows, places + [None] * len(self.rows), strict=False):
            cell = None if one is None else self._known.get(one)
            if cell is None or one is None:
                row.leave()
                continue
            row.show_cell(cell, self._clip(one), here=one in here, picked=one == self._picked, hidden=self.hides(one))
            row.tell_decision(judged.get(one, ""), self.deeds.standing.own_grade(one))
        self._clips = {one: clip for one, clip in self._clips.items() if one in places or one == self._picked}
        self.mark.setVisible(self._shown.demonstration)
        self.head.set_demonstration(self._shown.demonstration)
        self.foot.count(self.deeds.standing, cells_in_view(self._shown.cells, self.deeds.standing))

    def _rank(self, cells: Sequence[CellInView]) -> list[int | None]:
        """Who stands where; how many the filter leaves out is told."""
        why = {cell.track_id: self.head.filter.left_out(cell) for cell in cells}
        gone, sort = self.deeds.standing.not_sperm, self._sort()
        offered = [cell for cell in cells if not why[cell.track_id] and cell.track_id not in gone]
        scores = {cell.track_id: score(cell, sort) for cell in offered}
        hold = self.foot.writing or any(row.underMouse() for row in self.rows)
        now_s = self._shown.step.frame.time_s if self._shown else 0.0
        places = self._order.update(now_s, scores, MARGIN[sort], hold=hold)
        self._tell_left_out(Counter(why.values()), offered=any(one is not None for one in places))
        return places

    def _sort(self) -> Sort:
        """By rating cells would stand in the order that a person who grades first is not to know yet."""
        return "followed" if self.deeds.blind_first and self.head.sort != "speed" else self.head.sort

    def _tell_left_out(self, why: Counter[str], *, offered: bool) -> None:
        out = why["still"] + why["ambiguous"] + why["unknown"]
        lines = [] if offered else [word("none_offered")]
        if why["unknown"]:
            lines.append(word("left_out_unknown", count=out, unknown=why["unknown"]))
        elif out:
            lines.append(word("left_out", count=out))
        self.empty.setText("\n".join(lines))
        self.empty.setVisible(bool(lines))

    def _clip(self, track_id: int) -> Clip | None:
        """The cell's latest crops; those it had where it has gone."""
        clip = self._run.clip(track_id) if self._run is not None else None
        if clip is not None:
            self._clips[track_id] = clip
        return self._clips.get(track_id)

    def _fit_rows(self) -> None:
        """As many places as there is room for."""
        row = self.rows[0].sizeHint().height() + SPACING
        empty = 0 if self.empty.isHidden() else self.empty.sizeHint().height() + SPACING
        room = self.middle.height() - empty
        self.large.setMaximumHeight(max(1, room - row))
        if not self.large.isHidden():
            room -= min(self.large.sizeHint().height(), self.large.maximumHeight()) + SPACING
        self._order.resize(max(1, min(MOST_PLACES, room // row)), self._picked)

    def _at(self, place: int) -> int | None:
        cell = self.rows[place].cell
        return None if cell is None else cell.track_id

    def _enlarge(self) -> None:
        hidden = self._picked is not None and self.hides(self._picked)
        self.large.show_cell(self._shown, self._picked, hidden=hidden)

    def _digit(self, key: int) -> None:
        if self._picked is not None and self.hides(self._picked) and key <= len(GRADES):
            self.grade(GRADES[key - 1])
        elif (one := self._at(key - 1)) is not None:
            self.pick(one)

    def pick(self, track_id: int | None) -> None:
        """Follow that cell large, None for none; one that is not known changes nothing."""
        if track_id == self._picked or (track_id is not None and track_id not in self._known):
            return
        self._picked = track_id
        self.foot.close_reason()
        self._enlarge()
        self._renew()
        self.picked.emit(NOBODY if track_id is None else track_id)

    def clicked(self, x_px: float, y_px: float) -> None:
        """A click into the picture: the place of one that was missed, if that was asked, else the cell there."""
        if self._shown is None:
            return
        frame = self._shown.step.frame
        if self._asks_place:
            self._asks_place = False
            self.deeds.missed(frame.index, frame.time_s, (x_px, y_px))
            return
        away = {
            cell.track_id: max(abs(cell.xy_px[0] - x_px), abs(cell.xy_px[1] - y_px)) - max(cell.wh_px) / 2
            for cell in self._shown.cells
        }
        nearest = min(away, key=lambda one: away[one], default=None)
        self.pick(nearest if nearest is not None and away[nearest] <= REACH_PX else None)

    def leave(self) -> bool:
        """Esc: leave what is under way, else the picked cell; False where there was nothing to leave."""
        if self._asks_place or self.foot.writing:
            self._asks_place = False
            self.foot.close_reason()
            self.foot.say("")
        elif self._picked is not None:
            self.pick(None)
        else:
            return False
        return True

    def do(self, deed: str, reason: str = "") -> None:
        """What a key or a button asks for: ``accept reject flag undo not_sperm missed``."""
        if self._shown is None:
            return
        if deed == "undo":
            self.deeds.undo()
        elif deed == "missed":
            self._asks_place = True
            self.foot.say(word("missed_where"))
        elif self._picked is None or self._picked not in self._known:
            self.foot.say(word("pick_one"))
        else:
            cell, frame = self._known[self._picked], self._shown.step.frame.index
            self.deeds.judge(deed, cell, self._clip(cell.track_id), frame, reason)

    def grade(self, letter: str) -> None:
        """The person's own grade of the picked cell, whose prediction is shown thereafter."""
        if self._shown is not None and self._picked is not None and self._picked in self._known:
            cell, frame = self._known[self._picked], self._shown.step.frame.index
            self.deeds.grade(letter, cell, self._clip(cell.track_id), frame)

    def _done(self, deed: str, one: int) -> None:
        if deed == "not_sperm":
            self.pick(None)
        self._enlarge()
        self._renew()
        self.decided.emit(deed, one)

    def _ask_why(self, deed: str) -> None:
        if self._picked is None:
            self.foot.say(word("pick_one"))
        else:
            self.foot.open_reason(deed, self._picked)

    def _set_blind(self, on: bool) -> None:
        if self.deeds.decisions is not None:
            self.deeds.decisions.blind_first = on
        self._enlarge()
        self._renew()
        self.blind_changed.emit(on)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """More or fewer rows fit."""
        super().resizeEvent(event)
        self._renew()

    def changeEvent(self, event: QEvent) -> None:
        """Another language."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self.retell()

    def retell(self) -> None:
        """Say everything in the language that is spoken."""
        self.head.retell()
        self.foot.retell()
        self.large.retell()
        self._renew()
