"""Hand-over between two threads, of which the giver never waits: newest wins, what was passed over is counted."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Room for one item.

    ``put`` never blocks; an item that was not taken before the next came is dropped and counted. ``close`` ends it:
    what is inside can still be taken.
    """

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._changed = threading.Condition()
        self.given = 0
        self.dropped = 0

    def put(self, item: T) -> bool:
        """Hand over ``item``, not None; False where an older one was dropped for it. Nothing happens once closed."""
        with self._changed:
            if self._closed:
                return True
            passed_over = self._item is not None
            self._item = item
            self.given += 1
            self.dropped += passed_over
            self._changed.notify()
            return not passed_over

    def take(self, timeout_s: float | None = None) -> T | None:
        """The newest item, waited for; None when it is closed and empty, or nothing came in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return item

    @property
    def closed(self) -> bool:
        """Whether nothing more will come."""
        return self._closed

    def close(self) -> None:
        """Nothing more will come. Closing twice is fine."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
