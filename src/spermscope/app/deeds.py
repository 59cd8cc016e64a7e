"""What a person does about a cell: each deed is tried, and one line says what came of it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from spermscope.acquisition.decisions import Decisions, RefusedError, Session
from spermscope.acquisition.shown import CellInView
from spermscope.acquisition.standing import Standing
from spermscope.app.words import word
from spermscope.types import Clip

NOBODY = -1
TAGS = {"accept": "accepted", "reject": "rejected", "flag": "flagged", "not_sperm": "not_sperm"}


class Deeds(QObject):
    """``done`` names a deed that was written down, and its cell (-1: none); ``said`` a line, and whether it refuses."""

    done = Signal(str, int)
    said = Signal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.decisions: Decisions | None = None

    def begin(self, session: Session | None, *, blind_first: bool) -> None:
        """Another session, which begins with no decisions; None: nothing can be decided."""
        self.decisions = None if session is None else Decisions(session, blind_first=blind_first)

    @property
    def standing(self) -> Standing:
        """What stands."""
        return self.decisions.standing if self.decisions is not None else Standing()

    @property
    def blind_first(self) -> bool:
        """Whether a person grades first."""
        return self.decisions is not None and self.decisions.blind_first

    def hides(self, track_id: int) -> bool:
        """Whether that cell's prediction must not be seen anywhere yet."""
        return self.decisions is not None and self.decisions.hides(track_id)

    def judge(self, deed: str, cell: CellInView, clip: Clip | None, frame: int, reason: str = "") -> bool:
        """Accept, reject or flag a cell, or say that it is none; whether it was written down."""
        one, grade = cell.track_id, cell.grade
        said = word("decided", cell=one, what=word(TAGS[deed]))
        if deed == "not_sperm":
            return self._try(deed, one, lambda made: made.not_sperm(one, grade, clip, frame=frame), said)
        return self._try(deed, one, lambda made: made.decide(deed, one, grade, clip, frame=frame, reason=reason), said)

    def grade(self, letter: str, cell: CellInView, clip: Clip | None, frame: int) -> bool:
        """The person's own grade, whereupon the prediction is shown."""
        one, grade = cell.track_id, cell.grade
        said = word("decided", cell=one, what=word("own_grade", grade=letter))
        return self._try("blind_grade", one, lambda made: made.grade_blind(one, letter, grade, clip, frame=frame), said)

    def missed(self, frame: int, time_s: float, xy_px: tuple[float, float]) -> bool:
        """There is one that is not followed."""
        return self._try("missed", NOBODY, lambda made: made.missed(frame, time_s, xy_px), word("corrected_missed"))

    def undo(self) -> bool:
        """Take back the latest that stands, and say which."""
        row = self.decisions.standing.latest() if self.decisions is not None else None
        said = ""
        if row is not None:
            what = word("own_grade", grade=row["own"]) if "own" in row else word(row.get("what", row["kind"]))
            cell = "" if row.get("track_id") is None else f"{word('cell_n', cell=row['track_id'])}, "
            said = word("undone", what=cell + what)
        return self._try("undo", NOBODY, lambda made: made.undo(), said)

    def scan(self, code: str) -> None:
        """The code on the dish; a wrong one stops every decision."""
        self._try("", NOBODY, lambda made: made.scan(code), word("scan_fits", sample=code.strip()))

    def _try(self, deed: str, one: int, act: Callable[[Decisions], object], said: str) -> bool:
        if self.decisions is None:
            return False
        try:
            act(self.decisions)
        except RefusedError as refusal:
            self.said.emit(word(refusal.key, **refusal.values), True)
            return False
        except (OSError, ValueError) as error:  # the disk is full, or the run has just been finished
            self.said.emit(word("not_written", error=getattr(error, "strerror", None) or str(error)), True)
            return False
        self.said.emit(said, False)
        if deed:
            self.done.emit(deed, one)
        return True
