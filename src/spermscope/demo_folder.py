"""A folder that a demonstration may fill, and later replace: nobody's own is ever removed."""

from __future__ import annotations

import shutil
from pathlib import Path

MARK = "spermscope-demo.txt"


def demo_folder(out: Path, *, replace: bool = False) -> None:
    """Make ``out``, empty but for a mark.

    Raises
    ------
    ValueError
        When ``out`` exists and is not an earlier demonstration that ``replace`` allows to remove.
    """
    if out.exists():
        if not (replace and (out / MARK).is_file()):
            raise ValueError(f"{out}: expected a new folder or, with --replace, an earlier demonstration")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARK).write_text("A demonstration by spermscope; --replace removes this folder.\n", encoding="utf-8")
