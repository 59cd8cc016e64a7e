"""The one thread that adds to a ledger: what waits together is written together, and only then acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread

from spermscope.rating.anchors import Anchors
from spermscope.rating.ledger import Adding, Entry, Ledger

MOST = 256
"""Rows in one write to the disk."""

Rule = Callable[[Adding], Entry]
"""Adds one row, or finds the one that is there already, or refuses by raising."""


class Writer:
    """Applies rules one after another; each sees all that was added before it."""

    def __init__(self, ledger: Ledger, anchors: Anchors) -> None:
        self._ledger, self._anchors = ledger, anchors
        self._waiting: SimpleQueue[tuple[Rule, Future[Entry]] | None] = SimpleQueue()
        self._gate, self._open = Lock(), True
        self._thread = Thread(target=self._work, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, rule: Rule) -> Future[Entry]:
        """The row, once it is on the disk; what the rule raised where it refused."""
        future: Future[Entry] = Future()
        with self._gate:
            if not self._open:
                raise ValueError("study: expected an open one, found it closed")
            self._waiting.put((rule, future))
        return future

    def close(self) -> None:
        """Write what waits and anchor it."""
        with self._gate:
            if self._open:
                self._waiting.put(None)
            self._open = False
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            group, going = self._next_group()
            if group:
                self._write(group)
        self._anchors.set()

    def _next_group(self) -> tuple[list[tuple[Rule, Future[Entry]]], bool]:
        """What waits, at least one; False with it where the end came."""
        group: list[tuple[Rule, Future[Entry]]] = []
        while len(group) < MOST and (not group or not self._waiting.empty()):
            one = self._waiting.get()
            if one is None:
                return group, False
            if one[1].set_running_or_notify_cancel():
                group.append(one)
        return group, True

    def _write(self, group: list[tuple[Rule, Future[Entry]]]) -> None:
        done: list[tuple[Future[Entry], Entry | BaseException]] = []
        try:
            with self._ledger.adding() as adding:
                for rule, future in group:
                    try:
                        done.append((future, rule(adding)))
                    except Exception as refusal:
                        done.append((future, refusal))
        except Exception as error:  # the disk or the database: nothing of the group was written
            done = [(future, error) for _, future in group]
        for future, outcome in done:
            future.set_exception(outcome) if isinstance(outcome, BaseException) else future.set_result(outcome)
        for _, outcome in done:
            if isinstance(outcome, Entry):
                self._anchors.reached(outcome)
