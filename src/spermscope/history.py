"""The recent path of every live cell, in memory that does not grow with the recording."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from spermscope.types import Frame, Tracks


@dataclass(frozen=True, slots=True)
class Path:
    """Where one cell was: ``time_s (n,)``, ``xy_um (n, 2)`` drift-free, ``observed (n,) bool``.

    ``repeated (n,) bool``: the frame was the picture before it once more.
    The rows cover at most the window that ``Histories`` keeps; ``first_frame``, ``first_time_s`` and ``seen_s``
    (observed cell-seconds) cover the whole track. A path starts and ends with an observation.
    """

    time_s: NDArray[np.float64]
    xy_um: NDArray[np.float64]
    observed: NDArray[np.bool_]
    repeated: NDArray[np.bool_]
    first_frame: int
    last_frame: int
    first_time_s: float
    last_time_s: float
    seen_s: float


@dataclass(slots=True)
class _Rows:
    first_frame: int
    first_time_s: float
    confirmed: bool = False
    seen_s: float = 0.0
    rows: deque[tuple[int, float, float, float, bool, bool]] = field(default_factory=deque)


class Histories:
    """Paths of live tracks, each limited to its latest ``keep_s`` seconds; any thread may ask while one adds."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._live: dict[int, _Rows] = {}
        self._last_time_s = float("nan")
        self._lock = threading.Lock()

    def add(self, frame: Frame, tracks: Tracks) -> None:
        """Append one frame's positions; call it once a frame, in order of time."""
        elapsed_s = frame.time_s - self._last_time_s if np.isfinite(self._last_time_s) else 0.0
        self._last_time_s = frame.time_s
        columns = (tracks.track_id, tracks.xy_um, tracks.observed, tracks.confirmed)
        with self._lock:
            for track_id, xy, observed, confirmed in zip(*(column.tolist() for column in columns), strict=True):
                path = self._live.get(track_id)
                if path is None:
                    path = self._live[track_id] = _Rows(frame.index, frame.time_s)
                path.seen_s += elapsed_s if observed else 0.0
                path.confirmed |= confirmed
                path.rows.append((frame.index, frame.time_s, xy[0], xy[1], observed, frame.repeated))
                while frame.time_s - path.rows[0][1] > self._keep_s:
                    path.rows.popleft()

    def path(self, track_id: int) -> Path | None:
        """A live track's path so far; None when it is not confirmed or was never observed."""
        path = self._copy(track_id)
        return _path(path) if path is not None and path.confirmed else None

    def pop(self, track_id: int) -> Path | None:
        """Hand over an ended track's path; None when it was never confirmed or never observed."""
        path = self._live.pop(track_id, None)
        return _path(path) if path is not None and path.confirmed else None

    def age_s(self, track_id: int) -> float:
        """How long a live track has been followed; 0 for one that is not known."""
        path = self._live.get(track_id)
        return path.rows[-1][1] - path.first_time_s if path else 0.0

    def latest_um(self, track_id: int, last_s: float) -> NDArray[np.float64]:
        """``(n, 2)`` where a live track was in the last ``last_s`` seconds, predictions included; n may be 0."""
        with self._lock:
            path = self._live.get(track_id)
            since_s = self._last_time_s - last_s
            latest = [row[2:4] for row in takewhile(lambda row: row[1] >= since_s, reversed(path.rows if path else ()))]
        return np.array(latest[::-1], np.float64).reshape(-1, 2)

    def _copy(self, track_id: int) -> _Rows | None:
        with self._lock:
            path = self._live.get(track_id)
            return replace(path, rows=path.rows.copy()) if path is not None else None

    def reset(self) -> None:
        """Forget every path."""
        self._live.clear()
        self._last_time_s = float("nan")


def _path(path: _Rows) -> Path | None:
    rows = list(path.rows)
    seen = [number for number, row in enumerate(rows) if row[4]]
    if not seen:
        return None
    rows = rows[seen[0] : seen[-1] + 1]
    table = np.array([row[1:4] for row in rows])
    return Path(
        time_s=table[:, 0],
        xy_um=table[:, 1:],
        observed=np.array([row[4] for row in rows]),
        repeated=np.array([row[5] for row in rows]),
        first_frame=path.first_frame,
        last_frame=rows[-1][0],
        first_time_s=path.first_time_s,
        last_time_s=rows[-1][1],
        seen_s=path.seen_s,
    )
