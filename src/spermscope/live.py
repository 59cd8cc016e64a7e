"""What is known of every live track, a row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.settings import TrackSettings
from spermscope.swim import Floats, Ids, Swims


def _joined(first: Any, second: Any) -> Any:
    return first.join(second) if isinstance(first, Swims) else np.concatenate([first, second])


@dataclass(slots=True)
class Live:
    """M tracks in order of id; every field has M rows.

    ``hits`` counts a track's points. ``beat2 (M, 2)`` is the variance of its points about its mean path, along and
    across, as they tell it so far. ``belief`` is the log odds that it is a head, not points that fell so by chance.

    ``merged_with`` is the id of the track that this one showed as one with from ``merged_s`` on, -1 for none. From
    their parting (``parted_s``, NaN before) ``other`` follows the partner's points, and ``evidence`` sums by how much
    worse that explains them.
    """

    track_id: Ids
    swim: Swims
    hits: Ids
    score: Floats
    seen_s: Floats
    beat2: Floats
    belief: Floats
    confirmed: NDArray[np.bool_]
    merged_with: Ids
    merged_s: Floats
    parted_s: Floats
    evidence: Floats
    other: Swims

    @staticmethod
    def none(rules: TrackSettings) -> Live:
        """No track."""
        return Live.begun(np.empty(0, np.int64), np.empty((0, 2)), np.empty(0), float("nan"), rules)

    @staticmethod
    def begun(track_id: Ids, points: Floats, marks: Floats, time_s: float, rules: TrackSettings) -> Live:
        """Tracks of one point each."""
        count = len(points)
        return Live(
            track_id=track_id,
            swim=Swims.begun(points, rules),
            hits=np.ones(count, np.int64),
            score=marks.copy(),
            seen_s=np.full(count, time_s),
            beat2=np.full((count, 2), rules.beat_um**2),
            belief=np.zeros(count),
            confirmed=np.zeros(count, np.bool_),
            merged_with=np.full(count, -1, np.int64),
            merged_s=np.full(count, np.nan),
            parted_s=np.full(count, np.nan),
            evidence=np.zeros(count),
            other=Swims.begun(points, rules),
        )

    def __len__(self) -> int:
        return len(self.track_id)

    def keep(self, rows: NDArray[np.bool_] | Ids) -> Live:
        """The tracks in ``rows``."""
        return Live(*(getattr(self, name)[rows] for name in self.__slots__))

    def join(self, later: Live) -> Live:
        """These tracks and ``later`` ones."""
        return Live(*(_joined(getattr(self, name), getattr(later, name)) for name in self.__slots__))

    def partner(self, row: int) -> int:
        """The row of the track that this one has merged with, -1 where that one has ended."""
        other = int(np.searchsorted(self.track_id, self.merged_with[row]))
        return other if other < len(self) and self.track_id[other] == self.merged_with[row] else -1
