"""One segment of a recording while it is written."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spermscope.video.files import VideoFile
from spermscope.video.recorder import Recorder

LENGTH_S = 1.5
"""A segment is closed after so long, so that with the time that closing takes less than 2 s are ever at stake."""


class OpenSegment:
    """A lossless video file at ``path`` whose first frame has the time ``first_s``; ``times_s`` are its frames' times.

    Raises
    ------
    OSError
        When the file cannot be made; from ``write`` and ``close`` when it cannot be written. ``cut`` then keeps what
        can be read of it.
    """

    def __init__(self, path: Path, width_px: int, height_px: int, fps: float, first_s: float) -> None:
        self.path = path
        self.times_s: list[float] = []
        self._first_s, self._tick = first_s, -1
        self._opened = time.monotonic()
        self._whole_bytes = 0
        self._broken = False
        try:
            self._recorder = Recorder(path, width_px, height_px, fps, codec="magicyuv")
        except ValueError as error:
            raise error.__cause__ if isinstance(error.__cause__, OSError) else OSError(str(error)) from error

    def over(self, time_s: float) -> bool:
        """Whether a frame of that time belongs into another segment: this one is long enough, or time went back."""
        late = time_s - self._first_s >= LENGTH_S or time.monotonic() - self._opened >= LENGTH_S
        return bool(self.times_s) and (late or time_s <= self.times_s[-1])

    def write(self, image: NDArray[np.uint8], time_s: float) -> None:
        """Append a frame."""
        tick = max(round((time_s - self._first_s) * 1000), self._tick + 1)
        try:
            self._recorder.write(image, tick / 1000)
            self._whole_bytes = self.path.stat().st_size  # a frame goes to the file at once and whole, one behind
        except OSError:
            self._broken = True
            raise
        self._tick = tick
        self.times_s.append(time_s)

    def close(self) -> None:
        """End the file and wait until it is on the disk."""
        try:
            self._recorder.close()
            with self.path.open("r+b") as file:
                os.fsync(file.fileno())
        except OSError:
            self._broken = True
            raise

    def cut(self) -> None:
        """End the file after an error: what is not whole at its end is taken off, and ``times_s`` says what is left."""
        try:
            self._recorder.close()
        except OSError:
            self._broken = True
        if self._broken:
            os.truncate(self.path, self._whole_bytes)
            self.times_s = self.times_s[: _frames(self.path)]

    def sha256(self) -> str:
        """Of the file as it is."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _frames(path: Path) -> int:
    with suppress(ValueError):
        return sum(1 for _ in VideoFile(path).pictures())
    return 0
