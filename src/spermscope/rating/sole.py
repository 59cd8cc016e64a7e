"""One process at a time has a study open: a lock that ends with the process, on any system."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class SoleUse:
    """Holds the study in ``folder`` until ``close`` or the end of the process.

    Raises
    ------
    ValueError
        When another process, or this one, holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._base = sqlite3.connect(folder / "in_use.db", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._base.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._base.close()
            raise ValueError(
                f"{folder}: expected a study that is not in use, found it open elsewhere (stop rate serve first)"
            ) from error

    def close(self) -> None:
        """Let go of it."""
        self._base.close()
