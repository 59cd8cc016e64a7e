"""How long every stage takes on this machine, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from spermscope.grade import open_grader
from spermscope.pipeline import Pipeline
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.video import open_source

WARM_UP = 10
"""Frames left out: the engine compiles and caches fill."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds a frame by stage (``read`` is decoding or simulating), and the whole run's rate."""

    stages_ms: dict[str, list[float]]
    filmed_s: float
    taken_s: float
    cells: float

    def as_json(self) -> dict[str, object]:
        """Median, 95th percentile and maximum by stage."""
        rows = {
            name: dict(zip(("median", "p95", "max"), np.percentile(ms, [50, 95, 100]).round(2).tolist(), strict=True))
            for name, ms in self.stages_ms.items()
        }
        return {"stages_ms": rows, "times_faster_than_filmed": self.ratio, "mean_cells_in_view": self.cells}

    @property
    def ratio(self) -> float:
        """Filmed time over what all stages took one after another, reading aside; ``assess`` overlaps them."""
        return self.filmed_s / self.taken_s

    def print_table(self, console: Console) -> None:
        """The same as a table."""
        table = Table("stage", "median ms", "p95 ms", "max ms")
        for name, ms in self.stages_ms.items():
            table.add_row(name, *(f"{value:.1f}" for value in np.percentile(ms, [50, 95, 100])))
        console.print(table)
        console.print(f"{self.cells:.0f} cells in view; {self.ratio:.2f} times faster than filmed, reading aside,")
        console.print("with one stage after another; assess overlaps them")


def time_stages(
    address: str,
    settings: Settings | None = None,
    *,
    grader: Model | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Timings:
    """Take a source through the pipeline, with the shipped grader or the given one, and time its stages.

    Raises
    ------
    ValueError
        When the source cannot be opened or has too few frames to time, or the model is no grader of its cells.
    """
    stages_ms: dict[str, list[float]] = {"read": []}
    taken_s = 0.0
    times_s, cells = [], []
    with open_source(address) as source:
        rules = settings or Settings()
        pipeline = Pipeline(source.profile, rules, grader=open_grader(source.profile, rules, grader))
        begun = time.perf_counter()
        for frame in source:
            read = time.perf_counter()
            step = pipeline.step(frame)
            done = time.perf_counter()
            progress(frame.index + 1, source.frame_count)
            if frame.index >= WARM_UP:
                stages_ms["read"].append(1000.0 * (read - begun))
                for name, ms in step.timings_ms.items():
                    stages_ms.setdefault(name, []).append(ms)
                taken_s += done - read
                times_s.append(frame.time_s)
                cells.append(int(step.tracks.confirmed.sum()))
            begun = time.perf_counter()
    if len(times_s) < 2:
        raise ValueError(f"{address}: expected more than {WARM_UP + 1} frames to time, found {len(times_s) + WARM_UP}")
    filmed_s = (times_s[-1] - times_s[0]) * len(times_s) / (len(times_s) - 1)
    return Timings(stages_ms, filmed_s, taken_s, float(np.mean(cells)))
