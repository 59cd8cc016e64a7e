"""A recording that survives: short files that stand alone, each closed and hashed before the next one begins."""

from __future__ import annotations

import errno
import math
import os
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from spermscope import __version__
from spermscope.acquisition.disk import USUAL_FPS, DiskRules, expected_bytes_per_s, seconds_left
from spermscope.acquisition.open_segment import LENGTH_S, OpenSegment
from spermscope.journal import Journal
from spermscope.types import Frame, Scale
from spermscope.video.recording import JOURNAL, PART, read_recording, segment_name
from spermscope.whole_files import move

BALLAST_BYTES = 512 * 1024
"""Kept beside the segments, so that a full disk still takes the journal's last lines."""
_BALLAST = ".ballast"
_USUAL = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the folder is read-only",
    errno.EACCES: "the folder is read-only",
}
_MEASURED = 20
"""Segments from which the need of bytes is measured."""


class SegmentedRecorder:
    """Records frames losslessly into ``folder/000001.mov`` and so on, 1.5 s each, with a chained journal beside them.

    Kept are the 8-bit pictures that the analysis sees, to the bit, and in the journal each one's own time. A segment
    has ``.part`` behind its name until it is on the disk, hashed and in the journal, so that a kill leaves every
    earlier one whole. One thread writes; any may ask.

    Parameters
    ----------
    folder
        Made if it is not there. A recording that lies in it already is continued: numbers go on.
    width_px, height_px
        Size of every frame.
    fps
        Nominal rate; 0 or NaN where nothing is known.
    scale
        Of a pixel; noted for whoever reads the recording, unless it was estimated.
    rules
        How much of the disk is left free.

    Raises
    ------
    OSError
        ``strerror`` is a line for the user: the folder cannot be written, or the disk has no room for long enough.
    """

    def __init__(
        self,
        folder: Path,
        width_px: int,
        height_px: int,
        fps: float,
        *,
        scale: Scale | None = None,
        rules: DiskRules | None = None,
    ) -> None:
        self._folder, self._size, self._rules = folder, (width_px, height_px), rules or DiskRules()
        self._fps = fps if 0.0 < fps < math.inf else USUAL_FPS
        self._expected = expected_bytes_per_s(width_px, height_px, self._fps)
        self._open: OpenSegment | None = None
        self._closed_s = 0.0
        self._measured: deque[tuple[int, float]] = deque(maxlen=_MEASURED)
        self._number = 0
        self._left_s = math.nan
        known = scale.um_per_px if scale is not None and scale.source != "estimated" else None
        try:
            self._journal: Journal | None = self._begin()
            self._note(
                "started", width_px=width_px, height_px=height_px, fps=self._fps, um_per_px=known, app=__version__
            )
        except (OSError, ValueError) as error:
            raise OSError(getattr(error, "errno", errno.EIO), f"no recording: {_why(error)}", str(folder)) from error

    def _begin(self) -> Journal:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._left_s = seconds_left(self._folder, self._expected, self._rules.reserve_bytes)
        if refusal := self._rules.refusal(self._left_s):
            raise OSError(errno.ENOSPC, refusal)
        (self._folder / _BALLAST).write_bytes(bytes(BALLAST_BYTES))
        self._number = max((part.number for part in read_recording(self._folder).segments), default=0)
        return Journal(self._folder / JOURNAL)

    def write(self, frame: Frame, taken_utc: datetime) -> None:
        """Append ``frame``, which was taken at ``taken_utc`` (aware of its zone).

        Raises
        ------
        OSError
            It could not be written; ``strerror`` is a line for the user. The recorder is closed then, and what it wrote
            before can be read.
        ValueError
            The frame is of another size, or the recorder is closed.
        """
        if self._journal is None:
            raise ValueError("recorder: expected an open one, found one that is closed")
        if frame.image.shape != self._size[::-1]:
            raise ValueError(f"frame: expected {self._size[::-1]}, found {frame.image.shape}")
        try:
            if self._open is not None and self._open.over(frame.time_s):
                self._close_segment()
            if self._open is None:
                self._open_segment(frame.time_s, taken_utc)
            assert self._open is not None
            self._open.write(frame.image, frame.time_s)
        except OSError as error:
            self._stop(error)

    def gap(self, reason: str) -> None:
        """Frames are missing from here on, because of ``reason``; the next begins a segment. Raises as ``write``."""
        try:
            self._close_segment()
            self._note("gap", reason=reason)
        except OSError as error:
            self._stop(error)

    def close(self) -> None:
        """End the recording. Closing twice is fine. Raises as ``write``."""
        try:
            self._close_segment()
            self._end("")
        except OSError as error:
            self._stop(error)

    @property
    def recorded_s(self) -> float:
        """Seconds recorded so far."""
        return self._closed_s + (self._length_s(segment) if (segment := self._open) else 0.0)

    @property
    def segment(self) -> int:
        """Number of the latest segment, counted from 1; 0 before the first."""
        return self._number

    @property
    def bytes_per_s(self) -> float:
        """What the latest segments needed; what such pictures are likely to need, before there is one."""
        measured = list(self._measured)
        seconds = sum(part_s for _, part_s in measured)
        return sum(count for count, _ in measured) / seconds if seconds > 0 else self._expected

    @property
    def disk_left_s(self) -> float:
        """Seconds that the disk will take at this rate, as of the latest segment; NaN where it does not say."""
        return self._left_s

    @property
    def warning(self) -> str:
        """A line for the user where the disk is full soon, else ''."""
        return self._rules.warning(self._left_s)

    def _open_segment(self, time_s: float, taken_utc: datetime) -> None:
        self._left_s = seconds_left(self._folder, self.bytes_per_s, self._rules.reserve_bytes)
        if self._left_s < LENGTH_S:
            raise OSError(errno.ENOSPC, "the disk is nearly full")
        name = segment_name(self._number + 1)
        self._note("opened", file=name, first_s=time_s, taken_utc=taken_utc.astimezone(UTC).isoformat())
        self._number += 1
        self._open = OpenSegment(self._folder / (name + PART), *self._size, self._fps, time_s)

    def _close_segment(self) -> None:
        if self._open is not None:
            self._open.close()
            self._keep(self._open)
            self._open = None

    def _keep(self, segment: OpenSegment) -> None:
        """The row comes before the name: a file that is in the journal is whole under either."""
        path = segment.path.with_suffix("")
        count, seconds = segment.path.stat().st_size, self._length_s(segment)
        self._note("segment", file=path.name, times_s=segment.times_s, bytes=count, sha256=segment.sha256())
        with suppress(PermissionError):
            move(segment.path, path)
        _sync(self._folder)
        self._measured.append((count, seconds))
        self._closed_s += seconds

    def _length_s(self, segment: OpenSegment) -> float:
        times_s = segment.times_s
        return times_s[-1] - times_s[0] + 1.0 / self._fps if times_s else 0.0

    def _note(self, kind: str, **facts: Any) -> None:
        if self._journal is not None:
            self._journal.append({"kind": kind, **facts})

    def _end(self, reason: str) -> None:
        self._note("ended", reason=reason)
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
        (self._folder / _BALLAST).unlink(missing_ok=True)

    def _stop(self, error: OSError) -> NoReturn:
        """Close what there is so that it can be read, as far as the disk lets us, and raise the user's line."""
        why = _why(error)
        with suppress(OSError):
            (self._folder / _BALLAST).unlink(missing_ok=True)
        for step in (self._reopen_journal, self._salvage, lambda: self._end(why)):
            with suppress(OSError, ValueError):
                step()
        self._journal = None
        raise OSError(error.errno, f"the recording stopped: {why}", str(self._folder)) from error

    def _reopen_journal(self) -> None:
        """A row that was not written whole is cut off."""
        if self._journal is not None:
            self._journal.close()
            self._journal = Journal(self._folder / JOURNAL)

    def _salvage(self) -> None:
        segment, self._open = self._open, None
        if segment is not None:
            segment.cut()
            if segment.times_s:
                self._keep(segment)
            else:
                segment.path.unlink(missing_ok=True)


def _why(error: OSError | ValueError) -> str:
    """In words that the catalogue has, where it is one of the system's usual troubles."""
    number = getattr(error, "errno", None) or 0
    said = getattr(error, "strerror", None) or str(error)
    return _USUAL.get(number, said) if said == os.strerror(number) else said


def _sync(folder: Path) -> None:
    """Names reach the disk, too, where folders can be opened (not on Windows, which does so by itself)."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
