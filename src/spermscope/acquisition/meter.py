"""How fast frames come and are analysed, and how late: over the last seconds."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np

LOOKED_BACK_S = 5.0


class Meter:
    """Notes moments, each with a value, and tells what the last ``LOOKED_BACK_S`` held; any thread may call it."""

    def __init__(self) -> None:
        self._rows: deque[tuple[float, float]] = deque()
        self._first_s = float("nan")
        self._lock = threading.Lock()

    def add(self, moment_s: float, value: float = 0.0) -> None:
        """Note something that happened at ``moment_s`` (``time.monotonic``)."""
        with self._lock:
            self._first_s = moment_s if np.isnan(self._first_s) else self._first_s
            self._rows.append((moment_s, value))
            self._forget(moment_s)

    @property
    def rate_hz(self) -> float:
        """How many a second; NaN before the first."""
        now_s = time.monotonic()
        with self._lock:
            if np.isnan(self._first_s):
                return float("nan")
            self._forget(now_s)
            return len(self._rows) / max(min(now_s - self._first_s, LOOKED_BACK_S), 0.2)

    @property
    def median(self) -> float:
        """Of the values; NaN where there is none."""
        with self._lock:
            self._forget(time.monotonic())
            return float(np.median([value for _, value in self._rows])) if self._rows else float("nan")

    def _forget(self, now_s: float) -> None:
        while self._rows and now_s - self._rows[0][0] > LOOKED_BACK_S:
            self._rows.popleft()
