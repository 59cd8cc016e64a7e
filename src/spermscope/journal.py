"""Append-only rows, each bound to the one before by a hash; what was acknowledged survives a kill."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START = "0" * 64


class Journal:
    """A file of JSON lines ``{"row": ..., "chain": ...}``; ``append`` returns once the row is on the disk."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` to append; an unfinished last line, left by a kill, is cut off first."""
        self._last = START
        if path.exists():
            whole = list(_read(path))
            self._last, end = whole[-1][1:] if whole else (START, 0)
            with path.open("r+b") as file:
                file.truncate(end)
        self._file = path.open("ab", buffering=0)

    def append(self, row: dict[str, Any]) -> None:
        """Write one row and wait until it is on the disk.

        Raises
        ------
        OSError
            When it could not be written whole: open the file anew, which cuts off what there is of it.
        """
        text = json.dumps(row, ensure_ascii=False, sort_keys=True, allow_nan=False)
        chain = follow(self._last, text)
        line = json.dumps({"row": text, "chain": chain}, ensure_ascii=False).encode() + b"\n"
        if self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)
        os.fsync(self._file.fileno())
        self._last = chain

    def close(self) -> None:
        """Close the file; appending afterwards is an error."""
        self._file.close()


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Every row, in order; an unfinished last line is left out.

    Raises
    ------
    ValueError
        When a row was edited, taken out or put in: names the first line that does not follow from the one before.
    """
    return [json.loads(text) for text, _, _ in _read(path)]


def _read(path: Path) -> Iterator[tuple[str, str, int]]:
    """Text, chain and end in bytes of each whole row."""
    last, end = START, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                entry = json.loads(line)
                text, chain = entry["row"], entry["chain"]
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}: line {number}: expected a journal row, found something else") from error
            if chain != follow(last, text):
                raise ValueError(
                    f"{path}: line {number}: expected a row that follows from the one before, found another"
                )
            last, end = chain, end + len(line)
            yield text, chain, end


def follow(last: str, text: str) -> str:
    """The chain's next link: a hash of the one before and the row's text; ``START`` comes before the first."""
    return hashlib.sha256(f"{last}{text}".encode()).hexdigest()
