"""The threads that record: fed without waiting, and what they could not take is counted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from spermscope.acquisition.capture import Taken
from spermscope.acquisition.giving_way import give_way
from spermscope.types import Frame, SourceProfile

MOST_WAITING = 64
"""Frames that may wait for the disk: two seconds and more at usual rates."""
BEHIND = 16
"""Frames that wait from which on the recording gives way to nobody any more."""


class Recorder(Protocol):
    """Writes frames of one size; one thread calls it, any may read its figures.

    ``write`` and the making of one raise an OSError whose ``strerror`` is a line for the user; what was written is then
    closed and valid.
    """

    @property
    def recorded_s(self) -> float:
        """Seconds recorded so far."""
        ...

    @property
    def disk_left_s(self) -> float:
        """How long the disk lasts; NaN where not known."""
        ...

    @property
    def warning(self) -> str:
        """A line for the user, '' none."""
        ...

    def write(self, frame: Frame, taken_utc: datetime) -> None:
        """Add one frame; times rise."""
        ...

    def gap(self, reason: str) -> None:
        """Frames are missing here: what follows goes into a segment of its own."""
        ...

    def close(self) -> None:
        """End the recording. Closing twice is fine."""
        ...


MakeRecorder = Callable[[Path, SourceProfile], Recorder]
Told = Callable[[str, str], None]


class Recording:
    """Records what it is given while it is switched on, in threads of its own.

    One gives way, so that a frame is written where the processor has nothing to show; while ``BEHIND`` frames wait
    another, which does not, writes them instead. ``told(kind, line)`` is called from either: ``recording``,
    ``recorded``, or ``not_recording`` and why.
    """

    def __init__(self, folder: Path, make: MakeRecorder, told: Told) -> None:
        self._folder, self._make, self._told = folder, make, told
        self._items: deque[Taken | str | None] = deque()
        self._changed = threading.Condition()
        self._waiting = 0
        self._on = self._ended = False
        self._recorder: Recorder | None = None
        self._shape: tuple[int, ...] = ()
        self._before_s = 0.0
        self.dropped = 0
        self._writing = threading.Lock()
        self._threads = [
            threading.Thread(target=self._give_way, name="recording", daemon=True),
            threading.Thread(target=self._run_late, name="recording-late", daemon=True),
        ]

    @property
    def on(self) -> bool:
        """Whether frames are being recorded, or will be from the first one on."""
        return self._on

    @property
    def recorded_s(self) -> float:
        """Seconds in the recording."""
        recorder = self._recorder
        return self._before_s + (recorder.recorded_s if recorder else 0.0)

    @property
    def disk_left_s(self) -> float:
        """How long the disk lasts; NaN while nothing is recorded."""
        recorder = self._recorder
        return recorder.disk_left_s if recorder else float("nan")

    @property
    def warning(self) -> str:
        """What the recorder has to say, '' nothing."""
        recorder = self._recorder
        return recorder.warning if recorder else ""

    def switch(self, on: bool) -> None:
        """Begin or end; twice the same is fine."""
        with self._changed:
            if on == self._on or self._ended:
                return
            self._on = on
            if not on:
                self._give(None)
            elif self._threads[0].ident is None:
                for thread in self._threads:
                    thread.start()

    def put(self, taken: Taken) -> None:
        """Record a frame if that is on; never waits."""
        with self._changed:
            if not self._on:
                return
            if self._waiting >= MOST_WAITING:
                self.dropped += 1
                return
            self._waiting += 1
            self._give(taken)

    def gap(self, reason: str) -> None:
        """Say that frames are missing from here on."""
        with self._changed:
            if self._on:
                self._give(reason)

    def end(self) -> None:
        """Record what waits, close, and end the threads; returns when that is done."""
        with self._changed:
            self._on, self._ended = False, True
            self._give(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _give(self, item: Taken | str | None) -> None:
        self._items.append(item)
        self._changed.notify_all()

    def _give_way(self) -> None:
        give_way()
        while self._wait(lambda: bool(self._items) and self._waiting < BEHIND):
            self._next()

    def _run_late(self) -> None:
        """Write what is late, and at the end all that waits."""
        while self._wait(lambda: self._waiting >= BEHIND) or self._items:
            self._next()

    def _wait(self, due: Callable[[], bool]) -> bool:
        """True once it is due, False once this recording has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or due())
            return not self._ended

    def _next(self) -> None:
        with self._writing:
            with self._changed:
                if not self._items:
                    return
                item = self._items.popleft()
                self._waiting -= isinstance(item, Taken)
                self._changed.notify_all()
            try:
                if isinstance(item, Taken):
                    self._write(item)
                elif isinstance(item, str):
                    self._leave_gap(item)
                else:
                    self._close()
            except (OSError, ValueError) as error:
                self._fail(error)

    def _write(self, taken: Taken) -> None:
        shape = taken.frame.image.shape
        if self._recorder is not None and shape != self._shape:
            self._close()
        if self._recorder is None:
            self._recorder = self._make(self._folder, taken.profile)
            self._shape = shape
            self._told("recording", "")
        self._recorder.write(taken.frame, taken.taken_utc)

    def _leave_gap(self, reason: str) -> None:
        if self._recorder is not None:
            self._recorder.gap(reason)

    def _close(self) -> None:
        recorder = self._recorder
        if recorder is None:
            return
        try:
            recorder.close()
        finally:
            self._before_s += recorder.recorded_s
            self._recorder = None
        self._told("recorded", "")

    def _fail(self, error: OSError | ValueError) -> None:
        """The recording ends by itself: say so, keep what there is, and take no more."""
        with self._changed:
            self._on = False
            kept = [item for item in self._items if item is None]
            self._items.clear()
            self._items.extend(kept)
            self._waiting = 0
        why = getattr(error, "strerror", None) or str(error)
        line = f"the recording stopped: {why}" if self._recorder else f"no recording: {why}"
        with suppress(OSError, ValueError):
            self._close()
        self._told("not_recording", line)
