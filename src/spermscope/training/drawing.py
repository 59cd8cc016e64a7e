"""Many pictures from as many seeds, drawn in several processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
Progress = Callable[[int, int | None], None]


def draw_all(draw: Callable[[int], T], seeds: range, processes: int, progress: Progress) -> list[T]:
    """What ``draw`` (a function of a module) makes of each of ``seeds``, in their order."""
    if processes < 2:
        return [draw(number) for number in seeds]
    done: list[T] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for drawn in pool.map(draw, seeds, chunksize=50):
            done.append(drawn)
            progress(len(done), len(seeds))
    return done
