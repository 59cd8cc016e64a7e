"""The last half minute, to be frozen, stepped through and played again."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.acquisition.shown import Shown
from spermscope.types import Frame

LAST_S = 30.0
MOST_BYTES = 512 << 20
"""Of packed pictures: a large, fast camera has a shorter replay instead of a full memory."""
QUALITY = 85


class Replay:
    """What was shown in the last ``last_s`` seconds, by the frames' own times; any thread may call it.

    Pictures are kept as JPEG (for looking, not for measuring) and unpacked when they are asked for.
    """

    def __init__(self, last_s: float = LAST_S) -> None:
        self._last_s = last_s
        self._kept: deque[tuple[Shown, NDArray[np.uint8]]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, shown: Shown) -> None:
        """Keep one more; the oldest go. Times that do not rise begin a new replay."""
        frame = shown.step.frame
        packed = np.asarray(cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1], np.uint8)
        row = (replace(shown, step=replace(shown.step, frame=_unseen(frame))), packed)
        with self._lock:
            if self._kept and self._kept[-1][0].step.frame.time_s >= frame.time_s:
                self._kept.clear()
                self._bytes = 0
            self._kept.append(row)
            self._bytes += packed.nbytes
            while frame.time_s - self._kept[0][0].step.frame.time_s > self._last_s or self._bytes > MOST_BYTES:
                self._bytes -= self._kept.popleft()[1].nbytes

    def __len__(self) -> int:
        return len(self._kept)

    def times(self) -> NDArray[np.float64]:
        """``(n,)`` the frames' times, s, rising."""
        with self._lock:
            return np.array([shown.step.frame.time_s for shown, _ in self._kept])

    def at(self, index: int) -> Shown:
        """What was shown in that place, 0 the oldest, negative ones from the latest.

        Raises
        ------
        IndexError
            Where there is none; a replay that still runs may have let go of it: freeze by ``snapshot`` first.
        """
        with self._lock:
            shown, packed = self._kept[index]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
        return replace(shown, step=replace(shown.step, frame=replace(shown.step.frame, image=image)))

    def nearest(self, time_s: float) -> int:
        """The place whose time is nearest to ``time_s``; IndexError where nothing is kept."""
        times = self.times().tolist()
        if not times:
            raise IndexError("expected a frame in the replay, found none")
        after = min(bisect_left(times, time_s), len(times) - 1)
        before = max(after - 1, 0)
        return before if time_s - times[before] < times[after] - time_s else after

    def snapshot(self) -> Replay:
        """A replay that does not move on; shares the packed pictures, so it costs next to nothing."""
        still = Replay(self._last_s)
        with self._lock:
            still._kept, still._bytes = self._kept.copy(), self._bytes
        return still


def _unseen(frame: Frame) -> Frame:
    """The frame without its picture."""
    return replace(frame, image=np.empty((0, 0), np.uint8))
