"""What stands of all decisions: read off their rows, of which an ``undo`` takes an earlier one back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

KINDS = ("accept", "reject", "flag", "undo", "blind_grade", "correction", "snapshot", "mismatch")
LASTING = ("undo", "snapshot", "mismatch")
"""Rows that cannot be taken back: they tell what happened."""


class Standing:
    """The rows so far and what they come to; of several judgements of one cell the latest stands."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._rows: list[dict[str, Any]] = []
        self._undone: set[int] = set()
        for row in rows:
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """The next row."""
        self._rows.append(dict(row))
        if row["kind"] == "undo":
            self._undone.add(row["undoes"])

    @property
    def count(self) -> int:
        """Rows, those that were taken back included."""
        return len(self._rows)

    def latest(self) -> dict[str, Any] | None:
        """The latest row that stands and can be taken back."""
        for row in reversed(self._rows):
            if row["kind"] not in LASTING and row["number"] not in self._undone:
                return row
        return None

    def judged(self) -> dict[int, str]:
        """``accept``, ``reject`` or ``flag`` by track."""
        found = {row["track_id"]: row["kind"] for row in self._standing("accept", "reject", "flag")}
        return dict(found)

    def totals(self) -> Counter[str]:
        """How many cells were accepted, rejected and flagged, by kind."""
        return Counter(self.judged().values())

    @property
    def graded(self) -> frozenset[int]:
        """Tracks that a person graded; taking the grade back does not make its prediction unseen."""
        return frozenset(row["track_id"] for row in self._rows if row["kind"] == "blind_grade")

    def own_grade(self, track_id: int) -> str:
        """The person's own grade of a cell, '' where none stands."""
        found = [row["own"] for row in self._standing("blind_grade") if row["track_id"] == track_id]
        return found[-1] if found else ""

    @property
    def not_sperm(self) -> frozenset[int]:
        """Tracks that a person says are none."""
        return frozenset(row["track_id"] for row in self._standing("correction") if row["what"] == "not_sperm")

    @property
    def missed(self) -> tuple[dict[str, Any], ...]:
        """Places (``frame time_s x_px y_px``) where a person saw one that was not followed."""
        return tuple(row for row in self._standing("correction") if row["what"] == "missed")

    @property
    def corrections(self) -> int:
        """How many corrections stand."""
        return len(self.not_sperm) + len(self.missed)

    def _standing(self, *kinds: str) -> list[dict[str, Any]]:
        return [row for row in self._rows if row["kind"] in kinds and row["number"] not in self._undone]
