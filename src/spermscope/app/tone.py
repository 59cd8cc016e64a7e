"""A short tone when a cell above a chosen predicted grade appears, for eyes that are on the eyepiece."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QApplication

from spermscope.acquisition.candidates import graded
from spermscope.acquisition.shown import CellInView


class Tone:
    """Sounds once for each cell; ``at`` is the worst grade that sounds (0 is A), None for silence."""

    def __init__(self) -> None:
        self.at: int | None = None
        self._heard: set[int] = set()

    def hear(self, cells: Iterable[CellInView], *, allowed: bool) -> bool:
        """Look at the cells in view, and whether the tone sounded.

        ``allowed`` is False for a demonstration model, and while a person grades first: the tone would tell. Cells that
        come into view meanwhile make no sound later.
        """
        new = {
            cell.track_id
            for cell in cells
            if graded(cell) and self.at is not None and int(cell.grade.mode[0]) <= self.at
        } - self._heard
        self._heard |= new
        if not new or not allowed:
            return False
        QApplication.beep()
        return True

    def forget(self) -> None:
        """Another run begins, whose numbers are others."""
        self._heard.clear()
