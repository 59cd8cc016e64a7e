"""What a whole source adds up to: counts, motility, the sample's grades, timings; fed step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spermscope.types import GRADES, Cell, Kinematics, StagePosition, Step

MOST_BLOCKS = 60
"""Time blocks that the intervals resample, at most; each lasts a second or more."""


@dataclass(frozen=True, slots=True)
class CellSeconds:
    """Who was in view for how long: ``who (M,)`` WHO grades ('' = not graded), ``seconds (M, B)`` by block.

    ``hyperactivated (M,)`` is ``yes``, ``no`` or '' (not called).
    """

    who: tuple[str, ...]
    hyperactivated: tuple[str, ...]
    seconds: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Watched:
    """Fields in which cells could be counted, a row each, however often they were visited.

    ``maps (F,)`` and ``place_um (F, 2)``: where the field was last seen; ``in_view (F,)``: confirmed cells a frame.
    """

    maps: NDArray[np.int64]
    place_um: NDArray[np.float64]
    in_view: NDArray[np.float64]


@dataclass(slots=True)
class _Field:
    map: int
    place_um: tuple[float, float]
    frames: int = 0
    frames_of: Counter[int] = field(default_factory=Counter)

    def in_view(self, without: Set[int]) -> float:
        cells = self.frames_of.total() - sum(self.frames_of[track_id] for track_id in without)
        return cells / self.frames


class Tally:
    """Running totals of one source; memory grows with its cells, fields and seconds, not with its frames.

    A cell counts from its ``confirm_hits`` th frame on, so a visit's earlier frames do not say how many a field holds.
    What is asked ``without`` some track ids leaves these out, as if they had never been followed.
    """

    def __init__(self, confirm_hits: int = 5) -> None:
        self._confirm_hits = confirm_hits
        self.frames = 0
        self.dropped = 0
        self.fields = 0
        self.shapes: set[tuple[int, ...]] = set()
        self.first_time_s = self.last_time_s = float("nan")
        self.cells = 0
        self.not_graded: Counter[str] = Counter()
        self.not_computed: dict[str, str] = {}
        self._spans: list[tuple[int, str, str, float, float, float]] = []
        self._graded: dict[int, NDArray[np.float64]] = {}
        self._frames_in_view: Counter[int] = Counter()
        self._in_view: list[tuple[int, int]] = []
        self._watched: dict[int, _Field] = {}
        self._frames_here = 0
        self._milliseconds: Counter[str] = Counter()

    def add_step(self, step: Step) -> None:
        """Count one frame."""
        if not self.frames:
            self.first_time_s = step.frame.time_s
        self.last_time_s = step.frame.time_s
        self.frames += 1
        self.dropped += step.dropped
        self.fields = max(self.fields, step.stage.field + 1)
        self.shapes.add(step.frame.image.shape)
        self._milliseconds.update(step.timings_ms)
        confirmed = step.tracks.track_id[step.tracks.confirmed].tolist()
        self._frames_in_view.update(confirmed)
        self._count_in_view(step.frame.time_s, len(confirmed))
        self._count_in_field(step.stage, confirmed)
        self.add_cells(step.finished)

    def add_cells(self, cells: tuple[Cell, ...]) -> None:
        """Count cells whose tracks have ended."""
        for cell in cells:
            self.cells += 1
            motion = cell.kinematics
            times_s = (cell.first_time_s, cell.last_time_s, cell.seen_s)
            self._spans.append((cell.track_id, motion.who_motility, motion.hyperactivated, *times_s))
            self._add_reasons(motion)
            if cell.not_graded:
                self.not_graded[cell.not_graded.split(":")[-1].strip()] += 1
            else:
                self._graded[cell.track_id] = cell.grade.probabilities[0].copy()  # a view would keep its whole frame

    def _add_reasons(self, motion: Kinematics) -> None:
        for name, reason in motion.why.items():
            value = getattr(motion, name)
            if not value if isinstance(value, str) else np.isnan(value):
                self.not_computed.setdefault(name, reason)

    def _count_in_view(self, time_s: float, cells: int) -> None:
        second = int(time_s - self.first_time_s)
        while len(self._in_view) <= second:
            self._in_view.append((0, 0))
        frames, total = self._in_view[second]
        self._in_view[second] = (frames + 1, total + cells)

    def _count_in_field(self, stage: StagePosition, cells: list[int]) -> None:
        self._frames_here = 1 if stage.state in ("start", "jump", "cut") else self._frames_here + 1
        if self._frames_here < self._confirm_hits:
            return
        known = self._watched.setdefault(stage.field, _Field(stage.map, (stage.x_um, stage.y_um)))
        if self._frames_here == self._confirm_hits:
            known.map, known.place_um = stage.map, (stage.x_um, stage.y_um)
        known.frames += 1
        known.frames_of.update(cells)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last; NaN without a frame."""
        return self.last_time_s - self.first_time_s

    @property
    def graded(self) -> int:
        """Cells that have a predicted distribution."""
        return len(self._graded)

    def graded_without(self, without: Set[int]) -> int:
        """Of other cells those that have a predicted distribution."""
        return len(self._graded.keys() - without)

    def sample_distribution(self, without: Set[int] = frozenset()) -> NDArray[np.float64]:
        """``(K,)`` mean of the cells' predicted distributions; NaN when none is graded."""
        rows = [shares for track_id, shares in self._graded.items() if track_id not in without]
        return np.sum(rows, axis=0) / len(rows) if rows else np.full(len(GRADES), np.nan)

    def mean_in_view(self, without: Set[int] = frozenset()) -> float:
        """Confirmed cells a frame, the mean over frames; NaN without a frame."""
        frames, cells = np.sum(self._in_view, axis=0) if self._in_view else (0, 0)
        cells -= sum(self._frames_in_view[track_id] for track_id in without)
        return float(cells / frames) if frames else float("nan")

    def watched(self, without: Set[int] = frozenset()) -> Watched:
        """The fields that were watched for long enough for a cell to count."""
        seen = self._watched.values()
        return Watched(
            maps=np.array([one.map for one in seen], np.int64),
            place_um=np.array([one.place_um for one in seen], np.float64).reshape(-1, 2),
            in_view=np.array([one.in_view(without) for one in seen], np.float64),
        )

    def timings_ms(self) -> dict[str, float]:
        """Mean milliseconds a frame, by stage."""
        return {name: total / max(1, self.frames) for name, total in self._milliseconds.items()}

    def cell_seconds(self, without: Set[int] = frozenset()) -> CellSeconds:
        """Observed cell-seconds of every cell, spread evenly over its track, in time blocks."""
        spans = [span[1:] for span in self._spans if span[0] not in without]
        count = int(np.clip(self.duration_s, 1, MOST_BLOCKS)) if self._spans else 1
        edges_s = np.linspace(0.0, 1.0, count + 1) * self.duration_s + self.first_time_s
        seconds = np.zeros((len(spans), count))
        for row, (_, _, first_s, last_s, seen_s) in enumerate(spans):
            inside = np.diff(np.clip(edges_s, first_s, last_s))
            seconds[row] = seen_s * inside / inside.sum() if inside.sum() > 0 else 0.0
        return CellSeconds(tuple(span[0] for span in spans), tuple(span[1] for span in spans), seconds)
