"""Tracks of a session, thinned for drawing, in memory that does not grow with the recording."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MOST_TRACKS = 400
SPACING_S = 0.15
MOST_POINTS = 400
"""Of one track: a cell that stays for an hour is drawn by its first minute."""

Points = NDArray[np.float64]


def read_paths(folder: Path, always: set[int]) -> dict[int, Points]:
    """``(n, 2)`` pixels by track: those in ``always`` in full, others thinned, at most ``MOST_TRACKS`` of them."""
    points: dict[int, list[tuple[float, float]]] = {}
    last_s: dict[int, float] = {}
    with (folder / "tracks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            track_id, time_s = int(row["track_id"]), float(row["time_s"])
            if track_id not in points and len(points) >= MOST_TRACKS and track_id not in always:
                continue
            known = points.setdefault(track_id, [])
            if len(known) >= MOST_POINTS or (
                track_id not in always and time_s - last_s.get(track_id, -1.0) < SPACING_S
            ):
                continue
            known.append((float(row["x_px"]), float(row["y_px"])))
            last_s[track_id] = time_s
    return {track_id: np.array(known) for track_id, known in points.items()}
