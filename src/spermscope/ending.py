"""What a track leaves when it ends, and the cell that is made of it: measured, and graded by its best clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spermscope.grade import Grader
from spermscope.history import Path
from spermscope.kinematics import compute_kinematics
from spermscope.settings import KinematicsSettings
from spermscope.types import Cell, Clip, Grades, Kinematics

UNLIKE = "not graded: unlike training"


@dataclass(frozen=True, slots=True)
class Left:
    """What is known of a track that ended, for the reason ``why``; ``tail`` is its movement, or NaN and the reason."""

    track_id: int
    why: str
    field: int
    path: Path
    clip: Clip | None
    tail: tuple[float, str]


class Ending:
    """Makes cells of ended tracks; most are graded already, for their best clip ended with a running grade.

    ``um_reason`` and ``who_reason`` say why cells get no um or no WHO grade, '' where they do.
    """

    def __init__(self, grader: Grader, settings: KinematicsSettings, um_reason: str, who_reason: str) -> None:
        self._grader, self._settings = grader, settings
        self._um_reason, self._who_reason = um_reason, who_reason
        self._graded: dict[int, Grades] = {}

    @property
    def too_few_crops(self) -> str:
        """Why a cell has no grade yet."""
        return f"not graded: fewer than {self._grader.first} crops at 15 Hz"

    def keep_best(self, grades: Grades, best: frozenset[int]) -> None:
        """Of the running grades keep those of the tracks in ``best``: their best clip, so far, ends here."""
        for row, track_id in enumerate(grades.track_id.tolist()):
            if track_id in best:
                self._graded[track_id] = grades.row(row)

    def cell(self, left: Left) -> Cell:
        """The cell of a track that ended; its crops are graded now where they never were together."""
        clip, path, kept = left.clip, left.path, self._graded.get(left.track_id)
        not_graded = self._grader.reason
        if not not_graded and (clip is None or len(clip.frames) < self._grader.first):
            not_graded = self.too_few_crops
        grade = Grades.empty()
        if clip is not None and not not_graded:
            given = kept is not None and kept.time_s[0] == clip.time_s[-1]
            grade = kept if kept is not None and given else self._grader.grade_clips([clip])
            if grade.unlike.any():
                not_graded = UNLIKE
        identity: Literal["clear", "ambiguous"] = "ambiguous" if left.why == "ambiguous" else "clear"
        return Cell(
            track_id=left.track_id,
            field=left.field,
            first_frame=path.first_frame,
            last_frame=path.last_frame,
            first_time_s=path.first_time_s,
            last_time_s=path.last_time_s,
            seen_s=path.seen_s,
            why=left.why,
            identity=identity,
            kinematics=self.measure(path, left.tail),
            grade=grade,
            not_graded=not_graded,
            clip=clip,
        )

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """Let go of ended tracks, once their cells are made."""
        for track_id in track_ids.tolist():
            self._graded.pop(track_id, None)
        self._grader.forget(track_ids)

    def measure(self, path: Path, tail: tuple[float, str]) -> Kinematics:
        """How a cell has moved, by what of its path is kept."""
        return compute_kinematics(
            path.time_s,
            path.xy_um,
            path.observed,
            self._settings,
            repeated=path.repeated,
            tail=tail,
            um_reason=self._um_reason,
            who_reason=self._who_reason,
        )
