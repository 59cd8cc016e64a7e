"""A movie from its file to its cells' grades, as ``assess`` takes it: reading, seeing and grading overlap."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from spermscope.bench.stages import WARM_UP
from spermscope.pipeline import Pipeline
from spermscope.settings import Settings
from spermscope.video import open_source


@dataclass(frozen=True, slots=True)
class Taken:
    """What one pass over a movie took, from its first frame that counts on, and how many cells were in view."""

    frames: int
    filmed_s: float
    taken_s: float
    cells: float

    @property
    def ratio(self) -> float:
        """How many times faster than it was filmed."""
        return self.filmed_s / self.taken_s

    @property
    def frames_a_second(self) -> float:
        """How many frames a second."""
        return self.frames / self.taken_s


def take(address: str, um_per_px: float, settings: Settings) -> Taken:
    """Take a movie through the pipeline on ``settings.threads`` cores, everything counted but loading and the report.

    Raises
    ------
    ValueError
        When it has too few frames.
    """
    cells, times_s, begun_s = [], [], float("nan")
    with open_source(address, um_per_px=um_per_px) as source:
        pipeline = Pipeline(source.profile, settings)
        for step in pipeline.run(source):
            if step.frame.index == WARM_UP:
                begun_s = time.perf_counter()
            elif step.frame.index > WARM_UP:
                times_s.append(step.frame.time_s)
                cells.append(int(step.tracks.confirmed.sum()))
        pipeline.finish()
    taken_s = time.perf_counter() - begun_s
    if len(times_s) < 2:
        raise ValueError(f"{address}: expected more than {WARM_UP + 2} frames, found {len(times_s) + WARM_UP + 1}")
    filmed_s = (times_s[-1] - times_s[0]) * len(times_s) / (len(times_s) - 1)
    return Taken(len(times_s), filmed_s, taken_s, float(np.mean(cells)))
