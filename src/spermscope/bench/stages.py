"""How long every stage takes, frame by frame, one stage after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from spermscope.grade import open_grader
from spermscope.pipeline import Pipeline
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.video import open_source

WARM_UP = 20
"""Frames left out: the engine compiles, caches fill, and the first cells are graded."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds a frame by stage (``read`` is decoding or simulating), and the whole run's rate.

    ``taken_s`` is what all stages took, reading aside; ``cells`` how many cells that count were in view on average;
    ``graded`` how many grades were given.
    """

    stages_ms: dict[str, list[float]]
    filmed_s: float
    taken_s: float
    cells: float
    graded: int

    def as_json(self) -> dict[str, Any]:
        """Median, 95th and 99th percentile by stage."""
        rows = {
            name: dict(zip(("p50", "p95", "p99"), np.percentile(ms, [50, 95, 99]).round(2).tolist(), strict=True))
            for name, ms in self.stages_ms.items()
        }
        return {
            "stages_ms": rows,
            "mean_ms": round(self.mean_ms, 2),
            "times_faster_than_filmed": round(self.ratio, 3),
            "mean_cells_in_view": round(self.cells, 1),
            "graded_a_second": round(self.graded / self.taken_s, 1),
        }

    @property
    def mean_ms(self) -> float:
        """What a frame takes on average, reading aside."""
        return 1e3 * self.taken_s / len(self.stages_ms["read"])

    @property
    def ratio(self) -> float:
        """Filmed time over what all stages took one after another, reading aside; ``assess`` overlaps them."""
        return self.filmed_s / self.taken_s

    def print_table(self, console: Console) -> None:
        """The same as a table."""
        table = Table("stage", "p50 ms", "p95 ms", "p99 ms")
        for name, ms in self.stages_ms.items():
            table.add_row(name, *(f"{value:.1f}" for value in np.percentile(ms, [50, 95, 99])))
        console.print(table)
        console.print(f"{self.cells:.0f} cells in view; {self.ratio:.2f} times faster than filmed, reading aside,")
        console.print("with one stage after another; assess overlaps them")


def time_stages(
    address: str,
    settings: Settings | None = None,
    *,
    grader: Model | None = None,
    um_per_px: float | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Timings:
    """Take a source through the pipeline, with the shipped grader or the given one, and time its stages.

    Raises
    ------
    ValueError
        When the source cannot be opened or has too few frames to time, or the model is no grader of its cells.
    """
    stages_ms: dict[str, list[float]] = {"read": []}
    taken_s, graded = 0.0, 0
    times_s, cells = [], []
    with open_source(address, um_per_px=um_per_px) as source:
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
                graded += len(step.grades)
                times_s.append(frame.time_s)
                cells.append(int(step.tracks.confirmed.sum()))
            begun = time.perf_counter()
    if len(times_s) < 2:
        raise ValueError(f"{address}: expected more than {WARM_UP + 1} frames to time, found {len(times_s) + WARM_UP}")
    filmed_s = (times_s[-1] - times_s[0]) * len(times_s) / (len(times_s) - 1)
    return Timings(stages_ms, filmed_s, taken_s, float(np.mean(cells)), graded)
