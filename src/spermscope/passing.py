"""What is known of a frame between the parts of the pipeline, each of which may run in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.ending import Left
from spermscope.types import Crops, Detections, Frame, StagePosition, Step

Ended = tuple[NDArray[np.int64], tuple[str, ...]]
"""Ids of tracks that ended, and why each did."""
NOTHING: Ended = (np.empty(0, np.int64), ())


class Clock:
    """How long a frame spends in each stage, in milliseconds."""

    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """What is done within is put down as stage ``name``."""
        begun = time.perf_counter()
        yield
        self.laps_ms[name] = 1000.0 * (time.perf_counter() - begun)


@dataclass(frozen=True, slots=True)
class Located:
    """A frame and where it lies in the map."""

    frame: Frame
    stage: StagePosition
    clock: Clock


@dataclass(frozen=True, slots=True)
class Seen:
    """What one frame shows by itself: where it lies, and heads."""

    located: Located
    detections: Detections


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame in which every cell has its place; ``step`` has no ``grades`` yet, and nothing is ``finished``.

    ``cut`` are the tracks that a jump or a cut ended, in ``field_before``; ``ended`` those that ended by themselves.
    """

    step: Step
    cut: Ended
    field_before: int
    ended: Ended
    clock: Clock


@dataclass(frozen=True, slots=True)
class CutOut:
    """A frame whose cells are cut out; the best clip so far of the tracks in ``best`` ends with it.

    ``left`` are the tracks that ended.
    """

    step: Step
    crops: Crops
    best: frozenset[int]
    left: tuple[Left, ...]
    clock: Clock
