"""Chained rows of what happens in a run, from any thread."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spermscope.journal import Journal


class Notes:
    """A journal that begins with its first row; each row holds ``kind``, ``when`` (UTC, ISO) and its facts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: Journal | None = None
        self._ended = False
        self._lock = threading.Lock()

    def add(self, kind: str, **facts: Any) -> None:
        """Append a row; it is on the disk when this returns. ``facts`` go before what is filled in.

        Raises
        ------
        OSError
            When it could not be written; the next row may be tried.
        ValueError
            After ``close``.
        """
        row = {"kind": kind, "when": datetime.now(UTC).isoformat(timespec="milliseconds")} | facts
        with self._lock:
            if self._ended:
                raise ValueError(f"{self._path.name}: expected a run that goes on, found one that has ended")
            if self._journal is None:
                self._journal = Journal(self._path)
            try:
                self._journal.append(row)
            except OSError:
                # A new opening cuts off what there is of the row.
                self._journal.close()
                self._journal = None
                raise

    def close(self) -> None:
        """No row can follow. Closing twice is fine."""
        with self._lock:
            self._ended = True
            if self._journal is not None:
                self._journal.close()
                self._journal = None
