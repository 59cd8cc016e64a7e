"""A camera read in a thread that never waits: its pictures stamped as they come, the camera sought when it is lost."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from spermscope.types import Array
from spermscope.video.reader import Picture, Reader, TimeSource

INBOX = 64
"""Pictures that may wait while the first ones are being looked at."""
POLL_S = 0.1
LOST_S, LOST_STEPS = 0.7, 4.0
"""Without a picture for so long, and for so many usual steps, a camera is lost."""
FIRST_S = 10.0
"""A camera that has given no picture yet may take so long."""
RETRY_S, START_S = 1.0, 3.0
"""How often a lost camera is sought, and how long one that was opened anew may take for its first picture."""
JUMP_S = 1.0
"""By so much more or less than the computer's clock a camera's may go on from one picture to the next."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    """One picture."""

    connection: int
    image: Array
    said_s: float
    taken_s: float


@dataclass(frozen=True, slots=True)
class _Ended:
    """The end of a connection."""

    connection: int
    why: str


class Feed:
    """A camera as a ``Reader`` that outlives its losses; read by one thread, in ``pictures``.

    ``taken_s`` holds, in order, when the pictures that ``pictures`` gave had arrived (``time.monotonic``): who reads
    takes one from its left for each. A pass ends when the size of the pictures changes (``resized``; the next pass
    begins with the first picture of the new size) or after ``close``.

    ``on_lost(reason)`` is called within a second of the last picture, ``on_back(after_s)`` with the first picture
    afterwards; the camera is sought every second. ``on_told(line)`` is called with what else the user should know.
    """

    live = True
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()
    frame_count: int | None = None
    time_source: TimeSource = "container"

    def __init__(
        self,
        first: Reader,
        open_reader: Callable[[], Reader],
        *,
        on_lost: Callable[[str], None],
        on_back: Callable[[float], None],
        on_told: Callable[[str], None],
    ) -> None:
        self.um_per_px, self.warnings = first.um_per_px, first.warnings
        self.rate_hz = first.rate_hz if first.rate_hz > 0 else math.nan
        self.taken_s: deque[float] = deque()
        self.resized = False
        self.arrived = self.dropped = 0
        self._open_reader = open_reader
        self._on_lost, self._on_back, self._on_told = on_lost, on_back, on_told
        self._clock = _Clock()
        self._inbox: queue.Queue[_Arrived | _Ended] = queue.Queue(INBOX)
        self._stop = threading.Event()
        self._counting = threading.Lock()
        self._connection = 0
        self._shape: tuple[int, ...] | None = None
        self._held: _Arrived | None = None
        self._latest_s = time.monotonic()
        self._step_s = math.nan
        self._told = False
        self._connect(first)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of the latest pictures; None before the first."""
        return self._shape

    def pictures(self) -> Iterator[Picture]:
        """See ``Reader``; waits for a lost camera."""
        self.resized = False
        while (arrived := self._held or self._next()) is not None:
            self._held = None
            if self._shape not in (None, arrived.image.shape):
                self._held, self._shape, self.resized = arrived, arrived.image.shape, True
                return
            self._shape = arrived.image.shape
            self.taken_s.append(arrived.taken_s)
            yield arrived.image, self._clock.time_s(arrived.said_s, arrived.taken_s)
            if self._clock.jumped and not self._told:
                self._told = True
                self._on_told("the camera's clock jumps or repeats: the computer's clock is used where it does")

    def close(self) -> None:
        """Stop: what has arrived is still given; the thread that reads lets go of the camera with its next picture."""
        with self._counting:
            self._stop.set()

    def _next(self) -> _Arrived | None:
        """The next picture, of this or a later connection; None once closed."""
        lost_s, tried_s, next_try_s = math.nan, -math.inf, -math.inf
        while not self._stop.is_set():
            arrived = self._wait()
            if isinstance(arrived, _Arrived):
                self._note_arrival(arrived, lost_s)
                return arrived
            if isinstance(arrived, _Ended):
                next_try_s = min(next_try_s, tried_s + RETRY_S)
            why = arrived.why if arrived else self._silent()
            if why and math.isnan(lost_s):
                lost_s = time.monotonic()
                self._on_lost(why)
            if not math.isnan(lost_s) and time.monotonic() >= next_try_s:
                tried_s = time.monotonic()
                next_try_s = tried_s + (START_S if self._reconnect() else RETRY_S)
        return self._last()

    def _wait(self) -> _Arrived | _Ended | None:
        """What comes of this connection within a moment."""
        with suppress(queue.Empty):
            arrived = self._inbox.get(timeout=POLL_S)
            if arrived.connection == self._connection:
                return arrived
            self._drop(arrived)
        return None

    def _last(self) -> _Arrived | None:
        """A picture that arrived before the end."""
        with suppress(queue.Empty):
            while True:
                arrived = self._inbox.get_nowait()
                if isinstance(arrived, _Arrived) and arrived.connection == self._connection:
                    return arrived
                self._drop(arrived)
        return None

    def _note_arrival(self, arrived: _Arrived, lost_s: float) -> None:
        if math.isnan(lost_s):
            step_s = arrived.taken_s - self._latest_s
            self._step_s = step_s if math.isnan(self._step_s) else min(step_s, 1.5 * self._step_s)
        else:
            self._clock.restart()
            self._on_back(arrived.taken_s - lost_s)
        self._latest_s = arrived.taken_s

    def _silent(self) -> str:
        """Why the camera counts as lost although nothing was said; '' where it does not."""
        quiet_s = time.monotonic() - self._latest_s
        patience_s = FIRST_S if math.isnan(self._step_s) else max(LOST_S, LOST_STEPS * self._step_s)
        return f"no picture for {quiet_s:.1f} s" if quiet_s > patience_s else ""

    def _reconnect(self) -> bool:
        """Open the camera anew, whatever has become of the old connection; whether there was one."""
        self._connection += 1
        try:
            self._connect(self._open_reader())
        except (ValueError, OSError):
            return False
        return True

    def _connect(self, reader: Reader) -> None:
        args = (reader, self._connection)
        threading.Thread(target=self._read, args=args, name="camera", daemon=True).start()

    def _read(self, reader: Reader, connection: int) -> None:
        """Runs in a thread of its own until the camera ends, or another connection has taken its place."""
        why = "the camera gives no more pictures"
        try:
            for image, said_s in reader.pictures():
                taken_s = time.monotonic()
                if not self._arrive(_Arrived(connection, image, said_s, taken_s)):
                    return
        except Exception as error:  # whatever a driver raises, the camera is lost
            why = str(error) or type(error).__name__
        finally:
            with suppress(Exception):
                reader.close()
        self._arrive(_Ended(connection, why))

    def _arrive(self, arrived: _Arrived | _Ended) -> bool:
        """Never waits: where the inbox is full, a picture is dropped and counted, and an end is noticed by silence.

        False, and neither taken nor counted, once stopped or where another connection has taken its place.
        """
        with self._counting:
            if self._stop.is_set() or arrived.connection != self._connection:
                return False
            picture = isinstance(arrived, _Arrived)
            self.arrived += picture
            try:
                self._inbox.put_nowait(arrived)
            except queue.Full:
                self.dropped += picture
        return True

    def _drop(self, arrived: _Arrived | _Ended) -> None:
        """Count a picture that nobody will see."""
        with self._counting:
            self.dropped += isinstance(arrived, _Arrived)


class _Clock:
    """A camera's times on one line that starts at 0 and rises, whatever its clock does."""

    def __init__(self) -> None:
        self.jumped = False
        self._first_s = self._taken_s = self._said_s = math.nan
        self._offset_s = 0.0
        self._last_s = -math.inf

    def restart(self) -> None:
        """The camera's clock may begin anew."""
        self._said_s = math.nan

    def time_s(self, said_s: float, taken_s: float) -> float:
        """The time of a picture that arrived at ``taken_s``; ``said_s`` is NaN where the camera gives none."""
        if math.isnan(self._first_s):
            self._first_s = taken_s
        arrived_s = taken_s - self._first_s
        time_s = arrived_s
        if math.isfinite(said_s):
            passed_s = said_s - self._said_s
            jumped = not (passed_s > 0.0 and abs(passed_s - (taken_s - self._taken_s)) < JUMP_S)
            if jumped:
                self.jumped |= not math.isnan(self._said_s)
                self._offset_s = arrived_s - said_s
            time_s = said_s + self._offset_s
        self._said_s, self._taken_s = said_s, taken_s
        self._last_s = max(time_s, self._last_s + 1e-3)
        return self._last_s
