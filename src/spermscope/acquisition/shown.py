"""What is to be seen of one analysed frame: the frame itself, and all that is painted on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.types import Grades, Kinematics, Step


@dataclass(frozen=True, slots=True)
class CellInView:
    """One cell in one frame.

    ``xy_px`` and ``wh_px`` are the centre and the size of its box in the source's pixels. ``observed`` is False where
    the place is the tracker's prediction, ``confirmed`` where the track is too young to count, ``ambiguous`` is True
    while it is open which of two cells that showed as one it is. ``followed_s`` is the age of its track.

    ``grade`` is its newest predicted distribution, one row (``unlike``: not to be shown as a grade), or none;
    ``not_graded`` is why it has none yet or at all, '' where it has one. ``kinematics`` are those of the track so far,
    renewed about once a second (of an old track less often), with the reasons for what is withheld; None until it was
    followed for a second. ``trail_px (n, 2)`` are the places of the last second in this frame's pixels, oldest first;
    n may be 0.
    """

    track_id: int
    xy_px: tuple[float, float]
    wh_px: tuple[float, float]
    confirmed: bool
    observed: bool
    followed_s: float
    ambiguous: bool
    grade: Grades
    kinematics: Kinematics | None
    trail_px: NDArray[np.float64]
    not_graded: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame in which every cell has its place: ``step.frame`` is the very picture that ``cells`` belong to.

    Cells are graded afterwards, so that no picture waits for it: ``step.grades`` and ``step.finished`` are empty, and a
    new grade is in the cells of the next frame.

    ``taken_s`` and ``ready_s`` are ``time.monotonic`` when the frame arrived and when its analysis was done.
    ``demonstration``: a model in use was not trained on experts, and every surface must say so.
    """

    step: Step
    cells: tuple[CellInView, ...]
    taken_s: float
    ready_s: float
    demonstration: bool

    @property
    def delay_s(self) -> float:
        """From arrival to the end of the analysis."""
        return self.ready_s - self.taken_s
