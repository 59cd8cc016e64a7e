"""Hand-over between two threads: to one who must not be waited for, or to one who must miss nothing."""

from __future__ import annotations

import threading
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
    """Room for one item: the giver never waits, and an item that was not taken before the next came is dropped."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that newer ones took the place of."""
        return self._dropped

    def put(self, item: T) -> None:
        """Give; returns at once."""
        with self._changed:
            if self._closed:
                return
            self._dropped += self._item is not None
            self._item = item
            self._changed.notify()

    def take(self) -> T | None:
        """The newest item."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed)
            item, self._item = self._item, None
            return item

    def begin(self) -> None:
        """Count from now on; an old item that nobody took is let go."""
        with self._changed:
            self._item, self._dropped = None, 0

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
