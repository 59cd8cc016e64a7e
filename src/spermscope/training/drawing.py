"""Many things from as many numbers, drawn in several processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
Progress = Callable[[int, int | None], None]
CHUNK = 20
"""Drawn by a process before it asks for more."""


def draw_all(draw: Callable[[int], T], numbers: range, processes: int, progress: Progress) -> list[T]:
    """What ``draw`` (a function of a module, or part of one) makes of each of ``numbers``, in their order."""
    if processes < 2:
        return [draw(number) for number in numbers]
    done: list[T] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for drawn in pool.map(draw, numbers, chunksize=CHUNK):
            done.append(drawn)
            progress(len(done), len(numbers))
    return done
