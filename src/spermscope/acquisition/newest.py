"""Hand-over between two threads: to one who must not be waited for, or to one who must miss nothing."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class HandOver(Protocol[T]):
    """One thread gives, another takes.

    ``put`` takes an item, not None; ``take`` waits for one, and gives None when it is closed and empty. ``begin`` sets
    the count of what was ``dropped`` to 0. ``close`` may be called by either, and twice; nothing is put afterwards, and
    what is inside can still be taken.
    """

    @property
    def dropped(self) -> int:
        """Items that were given and will never be taken."""
        ...

    def put(self, item: T) -> None:
        """Give."""
        ...

    def take(self) -> T | None:
        """Wait and take."""
        ...

    def begin(self) -> None:
        """Count from now on."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class Newest(Generic[T]):
    """The giver never waits; an item drops those before it that have waited ``patience_s`` or longer to be taken.

    With 0 there is room for one.
    """

    def __init__(self, patience_s: float = 0.0) -> None:
        self._patience_s = patience_s
        self._items: deque[tuple[float, T]] = deque()
        self._closed = False
        self._changed = threading.Condition()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that newer ones took the place of."""
        return self._dropped

    def put(self, item: T) -> None:
        """Give; returns at once."""
        now_s = time.monotonic()
        with self._changed:
            if self._closed:
                return
            while self._items and now_s - self._items[0][0] >= self._patience_s:
                self._items.popleft()
                self._dropped += 1
            self._items.append((now_s, item))
            self._changed.notify()

    def take(self) -> T | None:
        """The oldest item that is still there."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._closed)
            return self._items.popleft()[1] if self._items else None

    def begin(self) -> None:
        """Count from now on; old items that nobody took are let go."""
        with self._changed:
            self._items.clear()
            self._dropped = 0

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Every(Generic[T]):
    """Room for ``depth`` items: the giver waits for a place, and nothing is dropped."""

    dropped = 0

    def __init__(self, depth: int = 2) -> None:
        self._items: deque[T] = deque()
        self._depth = depth
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Give; waits for a place."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._depth or self._closed)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()

    def take(self) -> T | None:
        """The oldest item."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._items) or self._closed)
            item = self._items.popleft() if self._items else None
            self._changed.notify_all()
            return item

    def begin(self) -> None:
        """Nothing to do: none is dropped."""

    def close(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
