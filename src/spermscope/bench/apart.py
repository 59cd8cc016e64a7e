"""A measurement in a process of its own, so that nothing of another lies in its memory or its caches."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

import cv2

T = TypeVar("T")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Threads are what the pipeline says; a library's own would come on top."""


def apart(measure: Callable[..., T], *given: Any, environment: Mapping[str, str] | None = None) -> tuple[T, float]:
    """What ``measure``, a function of a module, gives in a new process, and that process's peak memory in MB.

    The process has ``environment`` on top of this one's. Memory is NaN where the system does not tell.
    """
    with _set(ONE_THREAD | dict(environment or {})), ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_measured, measure, given).result()


def _measured(measure: Callable[..., T], given: tuple[Any, ...]) -> tuple[T, float]:
    cv2.setNumThreads(1)
    return measure(*given), peak_mb()


def peak_mb() -> float:
    """The most memory that this process has held, MB; NaN where the system does not tell."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return float("nan")
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


@contextmanager
def _set(environment: Mapping[str, str]) -> Iterator[None]:
    """Variables for what is started meanwhile."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
