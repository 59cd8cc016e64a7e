"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def put(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write; it is put in its place at the end, by one replacement."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        move(part, path)
    finally:
        part.unlink(missing_ok=True)


def put_text(path: Path, text: str) -> None:
    """A text in UTF-8, as ``put`` does."""
    with put(path) as part:
        part.write_text(text, encoding="utf-8")


def move(source: Path, target: Path, tries: int = 20) -> None:
    """Rename, patiently: on Windows a virus scanner may hold a file for a moment."""
    for attempt in range(tries):
        try:
            os.replace(source, target)
        except PermissionError:
            if attempt == tries - 1:
                raise
            time.sleep(0.1)
        else:
            return
