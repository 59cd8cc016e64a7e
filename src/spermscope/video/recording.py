"""What lies in the folder of a recording: short video files, and a journal that says when each frame was taken."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.journal import read_journal

JOURNAL = "journal.jsonl"
CUT_OFF = "the recording was cut off; what was recorded before can be read"
PART = ".part"
"""Ends the name of a segment that is still being written."""
_NAME = re.compile(r"(\d{6})\.(?:mov|mkv)(\.part)?")
"""The first recordings were of ``.mkv`` files."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One video file of a recording.

    ``number`` counts from 1. ``path`` is None where the file is gone. ``first_s`` is the time of the first frame in the
    run, NaN where the journal does not tell; ``taken_utc`` when that was (ISO 8601, '' unknown). ``times_s (n,)`` holds
    the time of every frame, and ``sha256`` the hash of the file, of a segment that was closed; one that was cut off has
    neither. ``why`` is what came between the segment before and this one, '' nothing.
    """

    number: int
    path: Path | None
    first_s: float = float("nan")
    taken_utc: str = ""
    times_s: tuple[float, ...] = ()
    sha256: str = ""
    why: str = ""

    @property
    def closed(self) -> bool:
        """Whether the recorder closed it."""
        return bool(self.sha256)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as its folder tells it.

    ``fps`` is the nominal rate and ``um_per_px`` the scale that was known, both NaN where unknown. ``ended`` is False
    where the recorder did not get to say so. ``fault`` says what is wrong with the journal, '' nothing.
    """

    folder: Path
    segments: tuple[Segment, ...]
    fps: float
    um_per_px: float
    ended: bool
    fault: str


def segment_name(number: int) -> str:
    """``000001.mov`` for 1."""
    return f"{number:06d}.mov"


def find_recording(folder: Path) -> Path | None:
    """``folder``, or ``folder/video``, whichever holds a recording; None where neither does."""
    return next((place for place in (folder, folder / "video") if _files(place)), None)


def read_recording(folder: Path) -> Recording:
    """What ``folder`` holds; reads the journal and the names of files, no video.

    A journal that is absent or was changed counts for nothing: the files then tell what there is.
    """
    rows, fault = _rows(folder / JOURNAL)
    segments = {number: Segment(number, path) for number, path in _files(folder).items()}
    for told in _segments_told(rows):
        found = segments.get(told.number)
        if found or told.closed:  # else it never had a frame
            segments[told.number] = replace(told, path=found.path if found else None)
    started = [row for row in rows if row["kind"] == "started"]
    scale = started[-1]["um_per_px"] if started else None
    return Recording(
        folder,
        tuple(segments[number] for number in sorted(segments)),
        fps=float(started[-1]["fps"]) if started else math.nan,
        um_per_px=math.nan if scale is None else float(scale),
        ended=bool(rows) and rows[-1]["kind"] == "ended",
        fault=fault,
    )


def ticks_ms(times_s: Sequence[float]) -> NDArray[np.int64]:
    """Whole milliseconds since the first of ``times_s``, each above the one before: what a segment's file keeps."""
    ticks = np.empty(len(times_s), np.int64)
    last = -1
    for index, time_s in enumerate(times_s):
        last = ticks[index] = max(round((time_s - times_s[0]) * 1000), last + 1)
    return ticks


def _rows(path: Path) -> tuple[list[dict[str, Any]], str]:
    try:
        return read_journal(path), ""
    except FileNotFoundError:
        return [], "the recording has no journal: its times are those of the files"
    except (ValueError, OSError):
        return [], "the journal of the recording was changed or damaged: its times are those of the files"


def _files(folder: Path) -> dict[int, Path]:
    """Segments by number; one that is whole goes before its part."""
    if not folder.is_dir():
        return {}
    names = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    names.sort(key=lambda item: item[0][2] is None)
    return {int(match[1]): path for match, path in names}


def _segments_told(rows: Iterable[dict[str, Any]]) -> list[Segment]:
    """The segments of the journal's rows, in order."""
    told: dict[int, Segment] = {}
    why = ""
    for row in rows:
        if row["kind"] == "gap":
            why = row["reason"]
        elif row["kind"] == "ended":
            why = "recording was off"
        elif row["kind"] == "opened":
            number = int(row["file"][:6])
            told[number] = Segment(number, None, row["first_s"], row["taken_utc"], why=why if told else "")
            why = ""
        elif row["kind"] == "segment":
            number = int(row["file"][:6])
            told[number] = replace(told[number], times_s=tuple(row["times_s"]), sha256=row["sha256"])
    return list(told.values())
