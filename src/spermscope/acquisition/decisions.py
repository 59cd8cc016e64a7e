"""What a person decided about a cell: chained rows that say who, when, on which clip, and what was on the screen.

A row is never changed: taking a decision back is a row of its own, and what stands is read off all of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spermscope.acquisition.standing import Standing
from spermscope.runtime import Model
from spermscope.store import save_clip
from spermscope.types import GRADES, Clip, Grades

CODE = re.compile(r"(?=.*[0-9])[0-9A-Za-z][0-9A-Za-z._-]{0,39}")
MOST_REASON = 200
JUDGEMENTS = ("accept", "reject", "flag")


class Session(Protocol):
    """What a decision has to know of the run it is made in; asked anew for every row."""

    @property
    def place(self) -> Path:
        """Where the session's files lie now."""
        ...

    @property
    def sample(self) -> str:
        """The session's sample code, '' where none was given."""
        ...

    @property
    def operator(self) -> str:
        """The code of who sits at the microscope, '' where none was given."""
        ...

    @property
    def models(self) -> tuple[Model, ...]:
        """The models in use."""
        ...

    def note(self, kind: str, **facts: Any) -> object:
        """Append a chained row, which holds ``kind`` and ``facts``; OSError where it could not be written."""
        ...


class RefusedError(ValueError):
    """A decision that cannot be taken; ``key`` names the message, ``values`` what stands in it."""

    def __init__(self, key: str, message: str, **values: object) -> None:
        super().__init__(message)
        self.key = key
        self.values = values


def check_code(what: str, code: str) -> str:
    """``code`` without blanks around it: letters, digits and ``. _ -``, up to 40, one of them a digit.

    Raises
    ------
    RefusedError
        One line; a plain name has no digit and is refused.
    """
    code = code.strip()
    if not CODE.fullmatch(code):
        raise RefusedError(
            "refused_live_code",
            f"{what}: expected a code of up to 40 letters, digits and . _ - with a digit in it, found {code!r}",
            found=code,
        )
    return code


def clip_sha256(clip: Clip) -> str:
    """Hash of a clip's pictures, times, places and observed flags; NaN places count as they are."""
    digest = hashlib.sha256()
    parts: tuple[tuple[NDArray[Any], str], ...] = (
        (clip.frames, "u1"),
        (clip.time_s, "<f8"),
        (clip.xy_um, "<f8"),
        (clip.observed, "u1"),
    )
    for array, kind in parts:
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(array, kind).tobytes())
    return digest.hexdigest()


def predicted(grade: Grades) -> dict[str, Any] | None:
    """A cell's newest prediction as plain values; None where it has none."""
    if not len(grade):
        return None
    if grade.unlike[0]:
        return {"unlike": True}
    return {
        "distribution": dict(zip(GRADES, np.round(grade.probabilities[0], 4).tolist(), strict=True)),
        "expected_grade": round(float(grade.expected_grade[0]), 3),
        "uncertainty": round(float(grade.uncertainty[0]), 3),
        "time_s": float(grade.time_s[0]),
    }


class Decisions:
    """One person's decisions in one session.

    With ``blind_first`` a cell's prediction is hidden until the person has graded it. ``hides`` says of which cells;
    whoever shows predictions asks it, and tells ``showing`` which cells' predictions were on the screen.
    """

    def __init__(self, session: Session, *, blind_first: bool = False) -> None:
        self._session = session
        self.blind_first = blind_first
        self.standing = Standing()
        self._seen: set[int] = set()
        self._mismatch = ""

    def hides(self, track_id: int) -> bool:
        """Whether this cell's prediction must not be on the screen now; one that has been there hides no more."""
        return self.blind_first and track_id not in self._seen and track_id not in self.standing.graded

    def showing(self, track_ids: list[int]) -> None:
        """These cells have a prediction and are on the screen; it counts as seen where it is not hidden."""
        self._seen.update(track_id for track_id in track_ids if not self.hides(track_id))

    def scan(self, sample: str) -> None:
        """The code on the dish. Nothing is decided while it is not the session's.

        Raises
        ------
        RefusedError
            One line, and the mismatch is a row of its own.
        """
        code = check_code("sample", sample)
        self._mismatch = "" if code == self._session.sample else code
        if self._mismatch:
            self._note("mismatch", found=code)
            self._refuse_mismatch()

    def decide(
        self, kind: str, track_id: int, grade: Grades, clip: Clip | None, *, frame: int, reason: str = ""
    ) -> None:
        """Accept, reject or flag a cell as it was in that frame.

        Raises
        ------
        RefusedError
            The scanned sample is not the session's.
        OSError
            The row could not be written: nothing was decided.
        """
        if kind not in JUDGEMENTS:
            raise KeyError(kind)
        self._decide(kind, track_id, grade, clip, frame=frame, reason=reason[:MOST_REASON])

    def grade_blind(self, track_id: int, letter: str, grade: Grades, clip: Clip | None, *, frame: int) -> None:
        """The person's own grade, given before the prediction was seen; it is revealed thereafter.

        Raises
        ------
        RefusedError
            The prediction has been on the screen, or the scanned sample is not the session's.
        """
        if letter not in GRADES:
            raise KeyError(letter)
        if track_id in self._seen:
            raise RefusedError(
                "refused_seen",
                f"cell {track_id}: expected one whose prediction was not seen yet, found it had been shown",
                cell=track_id,
            )
        self._decide("blind_grade", track_id, grade, clip, frame=frame, own=letter)

    def not_sperm(self, track_id: int, grade: Grades, clip: Clip | None, *, frame: int) -> None:
        """What is followed there is no sperm; errors as in ``decide``."""
        self._decide("correction", track_id, grade, clip, frame=frame, what="not_sperm")

    def missed(self, frame: int, time_s: float, xy_px: tuple[float, float]) -> None:
        """There is a sperm that is not followed; ``xy_px`` in the source's pixels; errors as in ``decide``."""
        self._refuse_mismatch()
        place = {"x_px": round(float(xy_px[0]), 1), "y_px": round(float(xy_px[1]), 1)}
        self._note("correction", what="missed", frame=frame, time_s=time_s, **place)

    def undo(self) -> dict[str, Any]:
        """Take back the latest decision that stands, and give its row. What has been seen stays seen.

        Raises
        ------
        RefusedError
            Nothing is left to take back.
        """
        last = self.standing.latest()
        if last is None:
            raise RefusedError("refused_undo", "undo: expected a decision that stands, found none")
        self._note("undo", undoes=last["number"], track_id=last.get("track_id"))
        return last

    def _decide(self, kind: str, track_id: int, grade: Grades, clip: Clip | None, **facts: Any) -> None:
        self._refuse_mismatch()
        hidden, said = self.hides(track_id), predicted(grade)
        shown = {"blind": hidden} | ({} if hidden or said is None else said)
        self._note(kind, track_id=track_id, shown=shown, predicted=said, **self._kept(clip), **facts)

    def _kept(self, clip: Clip | None) -> dict[str, Any]:
        """The clip's hash, and the clip itself in ``decided/``: the session's own clip of a cell may be a later one."""
        if clip is None:
            return {"clip_sha256": ""}
        name = clip_sha256(clip)
        path = self._session.place / "decided" / f"{name[:16]}.npz"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            save_clip(path, clip, np.empty(0, np.float32))
        return {"clip_sha256": name}

    def _note(self, kind: str, **facts: Any) -> None:
        session = self._session
        facts |= {"number": self.standing.count + 1, "when": datetime.now(UTC).isoformat(timespec="milliseconds")}
        facts |= {"who": session.operator, "sample": session.sample, "model": _model(session.models)}
        session.note(kind, **facts)
        self.standing.add({"kind": kind} | facts)

    def _refuse_mismatch(self) -> None:
        if self._mismatch:
            found, expected = self._mismatch, self._session.sample or "-"
            raise RefusedError(
                "refused_sample",
                f"sample: expected {expected}, found {found}; nothing is decided",
                found=found,
                expected=expected,
            )


def _model(models: tuple[Model, ...]) -> Mapping[str, Any] | None:
    """The grader among them."""
    for model in models:
        if model.card.kind in ("streaming", "clip"):
            card = model.card
            return {
                "name": card.name,
                "version": card.version,
                "sha256": model.sha256,
                "demonstration": card.demonstration,
            }
    return None
