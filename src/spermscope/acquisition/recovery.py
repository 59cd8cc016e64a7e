"""What a recording's folder holds, for a list of sessions: also after a kill, a power cut or a full disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spermscope.video.files import VideoFile
from spermscope.video.recording import CUT_OFF, Recording, Segment, find_recording, read_recording


@dataclass(frozen=True, slots=True)
class Described:
    """A recording in figures.

    ``segments`` files and ``frames`` and ``recorded_s`` in those that were closed; ``first_utc`` is when it began (ISO
    8601, '' unknown). ``ended`` is False where the recorder did not get to end it, or the journal cannot tell.
    ``lines`` say what is missing or damaged, the weightiest first; none where all is as it should be.
    """

    folder: Path
    segments: int
    frames: int
    recorded_s: float
    first_utc: str
    ended: bool
    lines: tuple[str, ...]


def describe(folder: Path, *, verify: bool = False) -> Described | None:
    """What the recording in ``folder`` or ``folder/video`` holds; None where there is none.

    Reads the journal and the names of files; ``verify`` reads every file, too, and compares its hash.
    """
    place = find_recording(folder)
    if place is None:
        return None
    recording = read_recording(place)
    closed = [part for part in recording.segments if part.closed and part.path is not None]
    step_s = 1.0 / recording.fps if recording.fps > 0 else 0.0
    return Described(
        place,
        segments=sum(part.path is not None for part in recording.segments),
        frames=sum(len(part.times_s) for part in closed),
        recorded_s=sum(part.times_s[-1] - part.times_s[0] + step_s for part in closed),
        first_utc=next((part.taken_utc for part in recording.segments), ""),
        ended=recording.ended,
        lines=tuple(_lines(recording, verify=verify)),
    )


def first_picture(folder: Path) -> NDArray[np.uint8] | None:
    """``(H, W)``, the first frame of the recording in ``folder`` or ``folder/video``; None where none can be read."""
    place = find_recording(folder)
    for segment in read_recording(place).segments if place else ():
        try:
            pictures = VideoFile(segment.path).pictures() if segment.path else iter(())
            for image, _ in pictures:
                return image.astype(np.uint8, copy=False)
        except ValueError:
            continue
    return None


def _lines(recording: Recording, *, verify: bool) -> list[str]:
    whole = "" if recording.ended else CUT_OFF
    lines = [line for line in (recording.fault or whole,) if line]
    for segment in recording.segments:
        if segment.closed and segment.path is None:
            lines.append(f"segment {segment.number} is missing")
        elif verify and segment.closed and not _same(segment):
            lines.append(f"segment {segment.number} was changed or damaged")
        if segment.why:
            lines.append(f"frames are missing before segment {segment.number}: {segment.why}")
    return lines


def _same(segment: Segment) -> bool:
    assert segment.path is not None
    with segment.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == segment.sha256
