"""Where the pipeline saw each cell of a recording, and clips of any second of it.

A trail is a track as ``Pipeline`` lists it from the frame on in which it counts. A clip of it is cut as ``Clipper``
does: of all frames the nearest to each due time, once, at the clip's scale.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spermscope.clips import crop
from spermscope.grade import Grader
from spermscope.pipeline import Pipeline
from spermscope.settings import ClipSettings
from spermscope.types import Clip
from spermscope.video import open_source

CLIP = ClipSettings()
DUE_S = np.arange(CLIP.length) / CLIP.rate_hz
SECOND_S = float(DUE_S[-1])
LATE_S = 0.03
"""A crop this far from its due time is none."""
NEAR_UM = 3.0
"""Two trails that stay nearer than this over a second are one cell's: a head is 4-5 um long."""


@dataclass(frozen=True)
class Trail:
    """``frame (n,)`` rising, ``time_s (n,)``, ``xy_px (n, 2)``, drift-free ``xy_um (n, 2)``, ``observed (n,)``."""

    frame: np.ndarray
    time_s: np.ndarray
    xy_px: np.ndarray
    xy_um: np.ndarray
    observed: np.ndarray

    def take(self, rows: np.ndarray) -> Trail:
        """These rows, in order."""
        return Trail(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @property
    def lasts_s(self) -> float:
        """From the first place to the last."""
        return float(self.time_s[-1] - self.time_s[0])

    def second(self, begins_s: float) -> Trail | None:
        """The 16 rows that a clip beginning then consists of; None where the trail has a gap or does not reach."""
        rows = np.abs(self.time_s[:, None] - (begins_s + DUE_S)).argmin(axis=0)
        whole = np.abs(self.time_s[rows] - (begins_s + DUE_S)).max() <= LATE_S
        return self.take(rows) if whole and (np.diff(rows) > 0).all() else None


def follow(video: Path, um_per_px: float, grader: Grader) -> list[Trail]:
    """The whole pipeline over a video; trails begin and end with an observation."""
    rows: dict[int, list] = defaultdict(list)
    with open_source(video, um_per_px=um_per_px) as source:
        pipeline = Pipeline(source.profile, grader=grader)
        for step in pipeline.run(source):
            tracks = step.tracks
            for row in np.flatnonzero(tracks.confirmed).tolist():
                when, where = (step.frame.index, step.frame.time_s), (*tracks.xy_px[row], *tracks.xy_um[row])
                rows[int(tracks.track_id[row])].append((*when, *where, tracks.observed[row]))
    return [_trail(np.array(of_one, float)) for of_one in rows.values()]


def _trail(table: np.ndarray) -> Trail:
    seen = np.flatnonzero(table[:, 6])
    table = table[seen[0] : seen[-1] + 1]
    return Trail(table[:, 0].astype(int), table[:, 1], table[:, 2:4], table[:, 4:6], table[:, 6] > 0)


def same_cell(trail: Trail, others: list[Trail], begins_s: float, um_per_px: float) -> Trail | None:
    """Of ``others`` in the same video the one on the same cell over the second that begins then; None where none is.

    It lists a place in three quarters of the frames that both could have, and their median distance is the least and
    below ``NEAR_UM``.
    """
    inside = (trail.time_s >= begins_s - LATE_S) & (trail.time_s <= begins_s + SECOND_S + LATE_S)
    here = trail.take(np.flatnonzero(inside))
    best, least_um = None, NEAR_UM
    for other in others:
        _, mine, its = np.intersect1d(here.frame, other.frame, return_indices=True)
        if len(mine) < 0.75 * len(here.frame):
            continue
        away_um = um_per_px * float(np.median(np.hypot(*(here.xy_px[mine] - other.xy_px[its]).T)))
        if away_um < least_um:
            best, least_um = other, away_um
    return best


def cut(video: Path, um_per_px: float, seconds: list[Trail]) -> list[Clip]:
    """A clip of each second, from the frames of the video, in one pass."""
    pictures = np.zeros((len(seconds), CLIP.length, CLIP.size_px, CLIP.size_px), np.uint8)
    due: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row, second in enumerate(seconds):
        for place, frame in enumerate(second.frame.tolist()):
            due[frame].append((row, place))
    with open_source(video, um_per_px=um_per_px) as source:
        for frame in source:
            for row, place in due[frame.index]:
                x, y = seconds[row].xy_px[place].tolist()
                pictures[row, place] = crop(frame.image, (x, y), um_per_px, CLIP)
    return [
        Clip(row, pictures[row], second.time_s, second.xy_um, second.observed, CLIP.um_per_px)
        for row, second in enumerate(seconds)
    ]
