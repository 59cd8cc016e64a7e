"""Read or compute a few items ahead in threads, so that it overlaps with what is done with the items before."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")
_POLL_S = 0.1


class _End:
    """The last thing in the queue; carries the error that ended the reading, if any."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(make: Callable[[], Iterator[T]], depth: int) -> Generator[T, None, None]:
    """Yield the items of ``make()``, read up to ``depth`` ahead in a thread; 0 reads in the caller's own.

    An error of the iterator is raised here, after the items that came before it. Closing the generator (or dropping
    it) ends the thread and closes the iterator.
    """
    if depth <= 0:
        yield from make()
        return
    items: queue.Queue[T | _End] = queue.Queue(depth)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(make, items, stop), name="read-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := items.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()


def _fill(make: Callable[[], Iterator[T]], items: queue.Queue[T | _End], stop: threading.Event) -> None:
    error: BaseException | None = None
    try:
        iterator = make()
        try:
            for item in iterator:
                if not _offer(items, item, stop):
                    return
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
    except BaseException as caught:  # the consumer raises it
        error = caught
    _offer(items, _End(error), stop)


def _offer(items: queue.Queue[T | _End], item: T | _End, stop: threading.Event) -> bool:
    """Put ``item`` unless ``stop`` is set while the queue is full; whether it was put."""
    while not stop.is_set():
        try:
            items.put(item, timeout=_POLL_S)
        except queue.Full:
            continue
        return True
    return False


def compute_ahead(
    function: Callable[[S], T], items: Iterable[S], workers: int, depth: int = 0
) -> Generator[tuple[S, T], None, None]:
    """Yield ``(item, function(item))`` in order; up to ``workers`` items are computed at once, in threads.

    At most ``depth`` items, or as many as there are workers, are read ahead, in the caller's own thread, and what is
    ready is yielded before the next is read. An error of ``items`` is raised after all that came before it, an error of
    ``function`` at its item.
    """
    most = max(workers, depth)
    ahead: deque[tuple[S, Future[T]]] = deque()
    error: Exception | None = None
    iterator = iter(items)
    with ThreadPoolExecutor(workers, "compute-ahead") as pool:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            except Exception as caught:
                error = caught
                break
            ahead.append((item, pool.submit(function, item)))
            while ahead and (len(ahead) > most or ahead[0][1].done()):
                item, future = ahead.popleft()
                yield item, future.result()
        for item, future in ahead:
            yield item, future.result()
    if error is not None:
        raise error
