"""What a live run tells: lines for who watches it, and rows of ``events.jsonl`` for who reads of it later."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from spermscope.acquisition.notes import Notes

LATE_TOLD = 15
"""Frames that had to do with fewer grades, from which on it is told: a hiccup is not."""


class Telling:
    """From any thread. Of each kind of line the latest stands; a row that cannot be written stops nothing."""

    def __init__(self, path: Path) -> None:
        self._rows = Notes(path)
        self._lines: dict[str, str] = {}
        self._noted = (0, 0, 0)

    @property
    def lines(self) -> tuple[str, ...]:
        """Those that stand, the latest last."""
        return tuple(self._lines.values())

    def say(self, kind: str, line: str, **facts: Any) -> None:
        """A line, '' for none, and a row with it and ``facts``."""
        if line:
            self._lines.pop(kind, None)
            self._lines[kind] = line
        self.note(kind, **({"line": line} if line else {}) | facts)

    def unsay(self, kind: str) -> None:
        """The line of that kind stands no longer."""
        self._lines.pop(kind, None)

    def note(self, kind: str, **facts: Any) -> None:
        """A row alone."""
        with suppress(OSError, ValueError):  # a full disk is told by who needs it
            self._rows.add(kind, **facts)

    def note_drops(self, analysis: int, recording: int, late: int) -> None:
        """A row of what was dropped, or had to do with fewer grades, since the last one; counts are of the whole run.

        Without anything new there is none.
        """
        now = (analysis, recording, late)
        if now != self._noted:
            fresh = (count - before for count, before in zip(now, self._noted, strict=True))
            self._noted = now
            self.note("dropped", **dict(zip(("analysis", "recording", "late"), fresh, strict=True)))
        if late >= LATE_TOLD and "late" not in self._lines:
            self.say("late", "more cells than this computer grades in time: their ratings are renewed less often")

    def close(self) -> None:
        """No row follows."""
        self._rows.close()
