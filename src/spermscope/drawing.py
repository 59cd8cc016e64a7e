"""Many things from as many numbers, drawn in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import TypeVar

import cv2

T = TypeVar("T")
Progress = Callable[[int, int | None], None]
CHUNK = 20
"""Drawn by a process before it asks for more."""


def draw_each(draw: Callable[[int], T], numbers: range, processes: int, progress: Progress) -> Iterator[T]:
    """What ``draw`` (a function of a module, or part of one) makes of each of ``numbers``, one by one, in order."""
    with ExitStack() as stack:
        if processes < 2:
            drawn: Iterable[T] = map(draw, numbers)
        else:
            context = get_context("spawn")
            pool = stack.enter_context(ProcessPoolExecutor(processes, context, initializer=_alone))
            drawn = pool.map(draw, numbers, chunksize=min(CHUNK, -(-len(numbers) // processes)))
        for done, one in enumerate(drawn, 1):
            progress(done, len(numbers))
            yield one


def _alone() -> None:
    """OpenCV would start a thread for every core in every process."""
    cv2.setNumThreads(1)


def draw_all(draw: Callable[[int], T], numbers: range, processes: int, progress: Progress) -> list[T]:
    """All that ``draw_each`` gives."""
    return list(draw_each(draw, numbers, processes, progress))
