"""A recording in segments, read as one source."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from spermscope.video.files import VideoFile
from spermscope.video.reader import Picture, TimeSource
from spermscope.video.recording import CUT_OFF, Segment, read_recording, ticks_ms

_FALLBACK_STEP_S = 1.0 / 15.0
"""Between segments whose place in time nothing tells."""


class Recorded:
    """All segments of a recording's folder, one after another; see ``Reader``.

    Each frame has the very time that the run gave it. Of a segment that was cut off, what can be decoded is given, its
    times to the millisecond. Gaps, and what is missing or damaged, are told in ``warnings``.

    Raises
    ------
    ValueError
        When no file of it is there.
    """

    live = False
    mixed_sizes = False

    def __init__(self, folder: Path) -> None:
        self._recording = read_recording(folder)
        self._segments = self._recording.segments
        self.paths: tuple[Path, ...] = tuple(part.path for part in self._segments if part.path is not None)
        if not self.paths:
            raise ValueError(f"{folder}: expected a recording, found none of its files")
        self.warnings: list[str] = [self._recording.fault] if self._recording.fault else []
        self.truncated = False
        self.time_source: TimeSource = "container"
        self.rate_hz = self._recording.fps
        self.um_per_px = self._recording.um_per_px
        self.frame_count: int | None = sum(len(part.times_s) for part in self._segments) or None

    def close(self) -> None:
        """Hold nothing between passes."""

    def pictures(self) -> Iterator[Picture]:
        """Yield every frame that can be decoded, in order of time; a change of the picture's size ends the pass."""
        last_s, shift_s, shape = math.nan, 0.0, None
        for segment in self._segments:
            shift_s = self._shift_s(segment, last_s, shift_s)
            for image, said_s in self._frames(segment):
                if shape not in (None, image.shape):
                    self._cut(f"the picture size changes at segment {segment.number}: stopped there")
                    return
                shape, last_s = image.shape, said_s + shift_s
                yield image, last_s
        if not (self._recording.ended or self._recording.fault):
            self._cut(CUT_OFF)

    def _shift_s(self, segment: Segment, last_s: float, shift_s: float) -> float:
        """What is added to the segment's times: as before, unless its start is unknown or not after ``last_s``."""
        start_s = segment.first_s + shift_s
        if math.isnan(last_s) or start_s > last_s:
            if segment.why and not math.isnan(last_s):
                self._tell(f"{start_s - last_s:.1f} s are missing after {last_s:.1f} s: {segment.why}")
            return shift_s
        after_s = last_s + (1.0 / self.rate_hz if self.rate_hz > 0 else _FALLBACK_STEP_S)
        if math.isnan(segment.first_s):
            return after_s
        self._tell(f"the clock began anew at segment {segment.number}: it was put right after the one before")
        return after_s - segment.first_s

    def _frames(self, segment: Segment) -> Iterator[Picture]:
        """Pictures with their times in the run; where its start is unknown, since the segment's first frame."""
        first_s = segment.first_s if math.isfinite(segment.first_s) else 0.0
        ticks, count = ticks_ms(segment.times_s), 0
        for image, file_s in _decoded(segment.path):
            at, count = int(np.searchsorted(ticks, round(1000 * file_s))), count + 1
            yield image, (segment.times_s[at] if at < len(ticks) else first_s + file_s)
        if not segment.closed:
            self._cut(f"segment {segment.number} was cut off: {count} frames of it were read")
        elif segment.path is None:
            self._cut(f"segment {segment.number} is missing")
        elif count < len(ticks):
            self._cut(f"segment {segment.number} is damaged: {count} of {len(ticks)} frames were read")

    def _cut(self, line: str) -> None:
        self.truncated = True
        self._tell(line)

    def _tell(self, line: str) -> None:
        if line not in self.warnings:
            self.warnings.append(line)


def _decoded(path: Path | None) -> Iterator[Picture]:
    """What can be decoded of a file; nothing where it is no video."""
    with suppress(ValueError):
        yield from () if path is None else VideoFile(path).pictures()
