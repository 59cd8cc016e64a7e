"""A tracker of another library over points in a CSV: the one file here that runs in an environment of its own.

``python foreign.py norfair|cbiou SETTINGS FPS POINTS TRACKS [POINTS TRACKS ...]``; ``SETTINGS`` is JSON. In:
``frame,x_um,y_um``, every frame from 0 on; out: ``frame,track_id,x_um,y_um``. As with our own tracker, a track that
counts at last is listed from its first point on, and where it is unseen it is listed as predicted for ``coast_s``.
Pixels of 1/3 um are what the libraries see, since that is the size their defaults are made for.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

UM_PER_PX = 1 / 3
SCORE = 0.9
Sighting = tuple[int, bool, np.ndarray]
"""An object that is followed: who, whether it counts yet, where (pixels)."""


def norfair(fps: float, given: dict) -> Callable[[np.ndarray], Iterator[Sighting]]:
    """Norfair's tracker on euclidean distances."""
    from norfair import Detection, OptimizedKalmanFilterFactory, Tracker

    tracker = Tracker(
        distance_function="euclidean",
        distance_threshold=given["reach_px"],
        hit_counter_max=max(given["delay"] + 1, round(given["patience_s"] * fps)),
        initialization_delay=given["delay"],
        past_detections_length=0,
        filter_factory=OptimizedKalmanFilterFactory(
            R=given["measured"], Q=given["moved"], pos_variance=given["place"], vel_variance=given["pace"]
        ),
    )

    def step(xy_px: np.ndarray) -> Iterator[Sighting]:
        seen = [Detection(points=point[None]) for point in xy_px]
        tracker.update(seen)
        fresh = {id(detection) for detection in seen}
        unseen = step.unseen
        for thing in tracker.tracked_objects:
            number = thing.initializing_id
            unseen[number] = 0 if id(thing.last_detection) in fresh else unseen.get(number, 0) + 1
            if thing.hit_counter_is_positive and unseen[number] <= given["coast_s"] * fps:
                exact = unseen[number] == 0 and not given["smooth"]
                yield number, thing.id is not None, (thing.last_detection.points if exact else thing.estimate)[0]

    step.unseen = {}
    return step


def cbiou(fps: float, given: dict) -> Callable[[np.ndarray], Iterator[Sighting]]:
    """C-BIoU of ``trackers``: boxes about the points, widened before they are laid over each other."""
    import supervision as sv
    from trackers import CBIoUTracker

    tracker = CBIoUTracker(
        lost_track_buffer=max(1, round(30 * given["patience_s"])),
        frame_rate=fps,
        track_activation_threshold=0.5,
        high_conf_det_threshold=0.5,
        minimum_consecutive_frames=given["delay"],
        minimum_iou_threshold_first_assoc=given["overlap"],
        minimum_iou_threshold_unconfirmed_assoc=given["young_overlap"],
        buffer_ratio_first=given["buffer"],
        buffer_ratio_second=given["buffer"],
        instant_first_frame_activation=False,
    )
    half = given["side_px"] / 2
    names: dict[int, tuple[int, object]] = {}

    def step(xy_px: np.ndarray) -> Iterator[Sighting]:
        boxes = np.column_stack([xy_px - half, xy_px + half])
        found = tracker.update(sv.Detections(xyxy=boxes, confidence=np.full(len(boxes), SCORE)))
        exact = {} if given["smooth"] else dict(zip(found.tracker_id.tolist(), found.xyxy, strict=True))
        exact.pop(-1, None)
        for thing in tracker.tracks:
            if thing.time_since_update <= given["coast_s"] * fps:
                number = names.setdefault(id(thing), (len(names), thing))[0]
                box = exact.get(thing.tracker_id, thing.get_state_bbox())
                yield number, thing.tracker_id >= 0, (box[:2] + box[2:]) / 2

    return step


def follow(points: Path, tracks: Path, step: Callable[[np.ndarray], Iterator[Sighting]]) -> None:
    """Read one file of points and write its tracks."""
    table = np.loadtxt(points, delimiter=",", skiprows=1, ndmin=2)
    young: dict[int, list] = {}
    with tracks.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["frame", "track_id", "x_um", "y_um"])
        for frame in range(int(table[:, 0].max()) + 1):
            for number, counts, place in step(table[table[:, 0] == frame, 1:3] / UM_PER_PX):
                young.setdefault(number, []).append([frame, number, *(place * UM_PER_PX).round(4).tolist()])
                if counts:
                    rows.writerows(young.pop(number))


def main() -> None:
    """Follow every pair of files."""
    library, given, fps, *paths = sys.argv[1:]
    for points, tracks in zip(paths[::2], paths[1::2], strict=True):
        make = {"norfair": norfair, "cbiou": cbiou}[library]
        follow(Path(points), Path(tracks), make(float(fps), json.loads(given)))


if __name__ == "__main__":
    main()
