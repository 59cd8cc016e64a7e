"""Frames with cells as a live run shows them, made by hand: every property of a cell can be chosen."""

import time

import numpy as np

from spermscope.acquisition.shown import CellInView, Shown
from spermscope.types import Detections, Frame, Grades, StagePosition, Step, Tracks

PROBABILITIES = np.array(
    [
        [0.7, 0.2, 0.1, 0.0, 0.0],
        [0.2, 0.6, 0.1, 0.1, 0.0],
        [0.1, 0.2, 0.5, 0.1, 0.1],
        [0.0, 0.1, 0.2, 0.6, 0.1],
        [0.0, 0.0, 0.1, 0.3, 0.6],
    ]
)


def grade_row(track_id, grade, uncertainty=0.2, unlike=False):
    return Grades(
        np.array([track_id]),
        np.array([1.0]),
        PROBABILITIES[grade : grade + 1],
        np.array([uncertainty]),
        np.array([unlike]),
        np.zeros((1, 4), np.float32),
    )


def cell(track_id, xy, grade=None, *, wh=(15.0, 12.0), uncertainty=0.2, unlike=False, **other):
    x, y = xy
    trail = np.column_stack([np.linspace(x - 40, x, 15), np.linspace(y + 12, y, 15)])
    values = {
        "confirmed": True,
        "observed": True,
        "followed_s": 1.6,
        "ambiguous": False,
        "kinematics": None,
        "trail_px": trail,
    } | other
    row = Grades.empty() if grade is None else grade_row(track_id, grade, uncertainty, unlike)
    return CellInView(track_id=track_id, xy_px=(x, y), wh_px=wh, grade=row, **values)


def shown_of(cells, size=(640, 480), *, index=0, demonstration=True, image=None):
    width, height = size
    if image is None:
        image = np.random.default_rng(index).integers(90, 150, (height, width), np.uint8)
    frame = Frame(image, index, index / 15)
    none, pairs = np.empty(0), np.empty((0, 2))
    ids, flags = np.empty(0, np.int64), np.empty(0, np.bool_)
    tracks = Tracks(ids, pairs, pairs, pairs, none, flags, flags, ids)
    place = StagePosition(0, 0.0, 0.0, "still", 1.0, 0, 0.4)
    step = Step(frame, place, Detections.empty(), tracks, Grades.empty(), {})
    now = time.monotonic()
    return Shown(step=step, cells=tuple(cells), taken_s=now - 0.04, ready_s=now, demonstration=demonstration)


def crowd(count, size=(1392, 976), *, seed=0, index=0):
    rng = np.random.default_rng(seed)
    places = rng.uniform((30, 30), (size[0] - 30, size[1] - 30), (count, 2)) + index * 1.5
    cells = [
        cell(k + 1, xy, None if k % 6 == 5 else k % 5, uncertainty=0.1 + 0.6 * (k % 4) / 3)
        for k, xy in enumerate(places.tolist())
    ]
    return shown_of(cells, size, index=index)
