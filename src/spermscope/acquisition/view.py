"""What a step of the pipeline shows: its cells with their newest grades, paths and numbers so far."""

from __future__ import annotations

import time

import numpy as np

from spermscope.acquisition.shown import CellInView, Shown
from spermscope.ending import UNLIKE
from spermscope.pipeline import Pipeline
from spermscope.types import Grades, Kinematics, Step

LEAST_AGE_S = 1.0
"""A track's age before its numbers are shown; afterwards they are renewed each such time, or fifth of its age."""
MOST_RENEWED = 2
"""Cells whose numbers are renewed with one frame: a field that was entered at once must not stall the next one."""


class View:
    """Follows a pipeline and says what each of its steps shows: ``show``, ``measure``, ``learn``, in this order.

    ``measure`` and ``learn`` may lag some steps behind, each in a thread of its own.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._none = Grades.empty()
        self._grades: dict[int, Grades] = {}
        self._numbers: dict[int, tuple[float, Kinematics | None]] = {}

    def show(self, step: Step, taken_s: float, withheld: str = "") -> Shown:
        """The frame that was taken at ``taken_s`` and all that is painted on it, by what was learned before; ready now.

        ``withheld`` says why no cell has a grade, whatever was predicted before.
        """
        if withheld:
            self._grades.clear()
        unsettled = set(self._pipeline.unsettled.tolist())
        cells = tuple(self._cell(step, row, unsettled, withheld) for row in range(len(step.tracks)))
        return Shown(step, cells, taken_s, time.monotonic(), self._pipeline.demonstration)

    def measure(self, step: Step) -> None:
        """Measure anew, for the frames that follow, the cells that wait for it the longest."""
        for track_id in step.tracks.ended_id.tolist():
            self._numbers.pop(track_id, None)
        ids = step.tracks.track_id[step.tracks.confirmed].tolist()
        ages_s = {track_id: self._pipeline.age_s(track_id) for track_id in ids}
        waits = {track_id: age_s - self._numbers.get(track_id, (0.0, None))[0] for track_id, age_s in ages_s.items()}
        due = [track_id for track_id, wait_s in waits.items() if wait_s >= max(LEAST_AGE_S, 0.2 * ages_s[track_id])]
        for track_id in sorted(due, key=waits.__getitem__)[-MOST_RENEWED:]:
            self._numbers[track_id] = ages_s[track_id], self._pipeline.kinematics_so_far(track_id)

    def learn(self, step: Step) -> None:
        """Take the step's grades, for the frames that follow."""
        for row, track_id in enumerate(step.grades.track_id.tolist()):
            self._grades[track_id] = step.grades.row(row)
        for track_id in step.tracks.ended_id.tolist():
            self._grades.pop(track_id, None)

    def _cell(self, step: Step, row: int, unsettled: set[int], withheld: str) -> CellInView:
        tracks, track_id = step.tracks, int(step.tracks.track_id[row])
        grade = self._none if withheld else self._grades.get(track_id, self._none)
        x, y = tracks.xy_px[row].tolist()
        width, height = tracks.wh_px[row].tolist()
        return CellInView(
            track_id=track_id,
            xy_px=(x, y),
            wh_px=(width, height),
            confirmed=bool(tracks.confirmed[row]),
            observed=bool(tracks.observed[row]),
            followed_s=self._pipeline.age_s(track_id),
            ambiguous=track_id in unsettled,
            grade=grade,
            kinematics=self._numbers.get(track_id, (0.0, None))[1],
            trail_px=self._pipeline.trail_px(track_id, step.stage),
            not_graded=withheld or self._why_not(grade),
        )

    def _why_not(self, grade: Grades) -> str:
        if self._pipeline.grader.reason or not len(grade):
            return self._pipeline.grader.reason or self._pipeline.too_few_crops
        return UNLIKE if bool(np.any(grade.unlike)) else ""
