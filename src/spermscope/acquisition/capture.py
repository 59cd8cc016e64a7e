"""The thread that takes frames: each stamped when it came, and handed on at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spermscope.acquisition.feed import Feed
from spermscope.calibration import Calibration
from spermscope.sitting import open_calibrated
from spermscope.types import Frame, SourceProfile
from spermscope.video import Source
from spermscope.video.reader import Reader

DARK_S, DARK_SPREAD = 1.0, 3
"""A picture without more grey levels than that for so long shows nothing."""
LATE_S = 1.0
"""Playback that is later than this goes on from where it is instead of catching up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One frame: ``taken_s`` (``time.monotonic``) and ``taken_utc`` when it came, the profile of its source."""

    frame: Frame
    taken_s: float
    taken_utc: datetime
    profile: SourceProfile


@dataclass(frozen=True, slots=True)
class Opening:
    """How a source is opened: see ``LiveRun``."""

    address: str
    open_reader: Callable[[], Reader]
    um_per_px: float | None
    optics: str | None
    fps: float | None

    def probed(self, reader: Reader) -> tuple[Source, Calibration | None]:
        """The source over ``reader``, its first frames looked at; as ``open_calibrated``."""
        return open_calibrated(self.address, um_per_px=self.um_per_px, optics=self.optics, fps=self.fps, reader=reader)

    def resized(self) -> Opening:
        """For pictures of another size, of which the given scale says nothing: they may be binned, or cut out."""
        return replace(self, um_per_px=None, optics=None)


class Receiver(Protocol):
    """Who is told what becomes of the source; every call returns soon, and comes from the thread that captures."""

    def on_source(self, source: Source, calibration: Calibration | None) -> None:
        """The first frames were looked at: once at first, and again whenever the size of the pictures has changed."""
        ...

    def on_frame(self, taken: Taken) -> None:
        """One frame, in order."""
        ...

    def on_lost(self, reason: str) -> None:
        """The camera gives nothing; it is sought."""
        ...

    def on_back(self, after_s: float) -> None:
        """The camera gives pictures again."""
        ...

    def on_told(self, line: str) -> None:
        """Something that the user should know."""
        ...


class Capture:
    """Takes frames from a source and gives them to ``receiver``, in the thread that calls ``run``, until ``stop``.

    A camera is read as it comes. Anything else waits for ``ready`` and, if ``paced``, is played at its own times.
    """

    def __init__(self, opening: Opening, receiver: Receiver, *, paced: bool) -> None:
        self.ready = threading.Event()
        self._opening = opening
        self._receiver = receiver
        self._paced = paced
        self._stop = threading.Event()
        self._feed: Feed | None = None
        self._first_s, self._last_s = math.nan, 0.0
        self._count = 0
        self._dark = _Dark()

    @property
    def captured(self) -> int:
        """Frames that came."""
        return self._feed.arrived if self._feed else self._count

    @property
    def dropped(self) -> int:
        """Frames of a camera that came while too many waited; nobody has seen them."""
        return self._feed.dropped if self._feed else 0

    def stop(self) -> None:
        """End soon; any thread may call it."""
        self._stop.set()
        self.ready.set()
        if self._feed is not None:
            self._feed.close()

    def run(self) -> None:
        """Take frames until the source ends.

        Raises
        ------
        ValueError, OSError
            One line: the source cannot be opened, or turned out to be something else.
        """
        reader = self._opening.open_reader()
        if reader.live:
            self._feed = reader = Feed(
                reader,
                self._opening.open_reader,
                on_lost=self._receiver.on_lost,
                on_back=self._receiver.on_back,
                on_told=self._receiver.on_told,
            )
        source: Source | None = None
        opening, first_shape = self._opening, None
        try:
            while source is None or (self._feed and self._feed.resized and not self._stop.is_set()):
                source, calibration = opening.probed(reader)
                self._pass(source, calibration)
                if self._feed:
                    first_shape = first_shape or (source.profile.height_px, source.profile.width_px)
                    opening = self._opening if self._feed.shape == first_shape else self._opening.resized()
        finally:
            if source is not None:
                source.close()
            reader.close()

    def _pass(self, source: Source, calibration: Calibration | None) -> None:
        """Every frame of one size; indices and times go on from those of the size before."""
        self._receiver.on_source(source, calibration)
        if self._feed is None:
            self.ready.wait()
        pace, base, base_s = _Pace(self._stop), self._count, math.nan
        for frame in source:
            taken_s = self._feed.taken_s.popleft() if self._feed else pace.wait(frame.time_s) if self._paced else _now()
            if self._stop.is_set() and self._feed is None:
                return
            if math.isnan(base_s):
                self._first_s = taken_s if math.isnan(self._first_s) else self._first_s
                base_s = max(taken_s - self._first_s, self._last_s + 1e-3)
            if base:
                frame = replace(frame, index=base + frame.index, time_s=base_s + frame.time_s)
            self._count, self._last_s = frame.index + 1, frame.time_s
            ago = timedelta(seconds=_now() - taken_s)
            self._receiver.on_frame(Taken(frame, taken_s, datetime.now(UTC) - ago, source.profile))
            if line := self._dark.line(frame.image, frame.time_s):
                self._receiver.on_told(line)


def _now() -> float:
    return time.monotonic()


class _Pace:
    """Waits until a frame is due, counted from the first one."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._zero_s = math.nan

    def wait(self, time_s: float) -> float:
        """When the frame came: its own time after the first one, or now where that has passed."""
        now_s = _now()
        if math.isnan(self._zero_s) or now_s - (self._zero_s + time_s) > LATE_S:
            self._zero_s = now_s - time_s
        self._stop.wait(max(0.0, self._zero_s + time_s - now_s))
        return _now()


class _Dark:
    """Notices that pictures have shown nothing for a while."""

    def __init__(self) -> None:
        self._since_s = math.nan
        self._told = False

    def line(self, image: NDArray[np.uint8], time_s: float) -> str:
        """What is to be said, once for each time that it grows dark; '' nothing."""
        if int(np.ptp(image[::16, ::16])) > DARK_SPREAD:
            self._since_s, self._told = math.nan, False
            return ""
        self._since_s = time_s if math.isnan(self._since_s) else self._since_s
        if self._told or time_s - self._since_s < DARK_S:
            return ""
        self._told = True
        return "the picture is empty: light, shutter, cable?"
