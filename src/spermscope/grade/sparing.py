"""Who is graded where there is no time for all: nobody is left out twice in a row."""

from __future__ import annotations

from collections.abc import Iterable


class Sparing:
    """Remembers who was left out last time."""

    def __init__(self) -> None:
        self._left_out: set[int] = set()

    def whose_turn(self, due: Iterable[int], *, late: bool) -> set[int]:
        """Of the tracks that are ``due`` all, or where it is ``late`` those alone that were left out last time."""
        asked = set(due)
        turn = asked & self._left_out if late else asked
        self._left_out = (self._left_out - asked) | (asked - turn)
        return turn

    def forget(self, track_ids: Iterable[int]) -> None:
        """Let go of ended tracks."""
        self._left_out.difference_update(track_ids)
