"""How often codes and passphrases may be tried."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from spermscope.rating.values import Refused

WINDOW_S = 900.0
AT_ONE, OF_NAME, OF_ADDRESS = 10, 100, 40
"""Failures within the window after which a name has to wait at one address, a name anywhere, and an address."""
MOST_KEYS = 10_000


class Limits:
    """Counts failures by name at an address, by name and by address; a success forgives the first.

    A try counts from its beginning, so that tries at the same time are no more than tries one after another. The name
    is a pseudonym, or '' for one-time codes, which count by address alone.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, ...], list[float]] = {}
        self._lock = threading.Lock()

    def check(self, name: str, address: str) -> None:
        """Refuse (``often``, with the ``seconds`` to wait) where too much failed lately."""
        with self._lock:
            self._check(name, address, self._clock())

    def begin(self, name: str, address: str) -> float:
        """Check, and count a failure until more is known; when that was, for ``succeeded`` and ``forget``."""
        now_s = self._clock()
        with self._lock:
            self._check(name, address, now_s)
            if len(self._failures) > MOST_KEYS:
                self._failures = {key: times for key, times in self._failures.items() if now_s - times[-1] < WINDOW_S}
            for key, _ in _keys(name, address):
                self._failures.setdefault(key, []).append(now_s)
        return now_s

    def forget(self, name: str, address: str, begun_s: float) -> None:
        """What began then was no guess."""
        with self._lock:
            for key, _ in _keys(name, address):
                times = self._failures.get(key, [])
                if begun_s in times:
                    times.remove(begun_s)
                if not times:
                    self._failures.pop(key, None)

    def succeeded(self, name: str, address: str, begun_s: float) -> None:
        """Forget that try, and the failures of that name from that address."""
        self.forget(name, address, begun_s)
        with self._lock:
            self._failures.pop(("both", name, address), None)

    def _check(self, name: str, address: str, now_s: float) -> None:
        waits = [self._wait(key, most, now_s) for key, most in _keys(name, address)]
        if max(waits) > 0:
            raise Refused("often", seconds=math.ceil(max(waits)))

    def _wait(self, key: tuple[str, ...], most: int, now_s: float) -> float:
        times = [at for at in self._failures.get(key, []) if now_s - at < WINDOW_S]
        if not times:
            self._failures.pop(key, None)
            return 0.0
        self._failures[key] = times
        return times[-most] + WINDOW_S - now_s if len(times) >= most else 0.0


def _keys(name: str, address: str) -> list[tuple[tuple[str, ...], int]]:
    keys = [(("both", name, address), AT_ONE), (("address", address), OF_ADDRESS)]
    return [*keys, (("name", name), OF_NAME)] if name else keys
