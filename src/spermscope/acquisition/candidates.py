"""Which cells are offered to be judged, in what order, and why a prediction is disputed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from spermscope.acquisition.shown import CellInView
from spermscope.motility import SUMS
from spermscope.settings import KinematicsSettings
from spermscope.types import Kinematics

Sort = Literal["rating", "differ", "unsure", "speed", "followed"]
MARGIN: dict[Sort, float] = {"rating": 0.2, "differ": 0.1, "unsure": 0.1, "speed": 8.0, "followed": 0.5}
"""By how much a cell must lead another to change places with it: grades, nats, grades, um/s, seconds."""
SPLIT_NATS = 1.4
"""Experts differ from here: as much as if they chose evenly among four of the five grades."""
UNSURE_GRADES = 0.35
"""The model is unsure from here: its expected grade is usually off by a third of a grade or more."""
LEAST_FOLLOWED_S = 1.0

Dispute = Literal["unlike", "experts_differ", "model_unsure"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which confirmed cells are offered."""

    motile_only: bool = False
    followed: bool = True
    not_ambiguous: bool = True

    def left_out(self, cell: CellInView) -> str:
        """Why a cell is not offered (``young still unknown ambiguous``), '' where it is.

        ``unknown``: only motile ones are asked for, and how this one moves was not measured.
        """
        if not cell.confirmed or (self.followed and cell.followed_s < LEAST_FOLLOWED_S):
            return "young"
        if self.not_ambiguous and cell.ambiguous:
            return "ambiguous"
        if self.motile_only:
            moving = moves(cell.kinematics)
            return "unknown" if moving is None else "" if moving else "still"
        return ""


def moves(motion: Kinematics | None) -> bool | None:
    """Whether a cell moves: by its WHO grade, or where that is withheld by the same limits; None where unknown."""
    if motion is None:
        return None
    if motion.who_motility:
        return motion.who_motility in SUMS["motile"]
    limits = KinematicsSettings()
    seen = (
        (motion.vsl_um_s, limits.still_um_s),
        (motion.twitch_um, limits.still_um),
        (motion.tail_movement, limits.tail_ratio),
    )
    if all(math.isnan(value) for value, _ in seen):
        return None
    return any(value > limit for value, limit in seen)


def score(cell: CellInView, sort: Sort) -> float:
    """Where a cell stands by that order, lower first; infinity where the number it goes by is absent."""
    if sort == "followed":
        return -cell.followed_s
    if sort == "speed":
        speed = cell.kinematics.vsl_um_s if cell.kinematics else math.nan
        return math.inf if math.isnan(speed) else -speed
    if not graded(cell):
        return math.inf
    grade = cell.grade
    by = {"rating": grade.expected_grade, "differ": -grade.entropy, "unsure": -grade.uncertainty}
    return float(by[sort][0])


def graded(cell: CellInView) -> bool:
    """Whether it has a prediction that may be shown."""
    return len(cell.grade) > 0 and not bool(cell.grade.unlike[0])


def disputes(cell: CellInView) -> tuple[Dispute, ...]:
    """Why its predicted rating is not to be leaned on; none where it has no prediction."""
    if not len(cell.grade):
        return ()
    if cell.grade.unlike[0]:
        return ("unlike",)
    found: list[Dispute] = []
    if cell.grade.entropy[0] >= SPLIT_NATS:
        found.append("experts_differ")
    if cell.grade.uncertainty[0] >= UNSURE_GRADES:
        found.append("model_unsure")
    return tuple(found)
