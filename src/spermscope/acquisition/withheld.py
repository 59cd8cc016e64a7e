"""Predictions that must not be seen, because what computes them did not agree with what it should give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from spermscope.types import Cell, Grades, Step


def without_grades(step: Step, reason: str) -> Step:
    """The step as if nothing had been graded, ``reason`` with every cell that it finished; '' leaves it as it is."""
    if not reason:
        return step
    return replace(step, grades=Grades.empty(), finished=ungraded(step.finished, reason))


def ungraded(cells: Iterable[Cell], reason: str) -> tuple[Cell, ...]:
    """The cells without their grades, which ``reason`` stands for; '' leaves them as they are."""
    if not reason:
        return tuple(cells)
    return tuple(replace(cell, grade=Grades.empty(), not_graded=reason) for cell in cells)
