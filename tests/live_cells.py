"""Cells in view for tests of what people see and do: made by hand, or seen by the pipeline in a simulation."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from spermscope.acquisition.replay import Replay
from spermscope.acquisition.shown import CellInView, Shown
from spermscope.journal import Journal
from spermscope.kinematics import compute_kinematics
from spermscope.model_file import shipped
from spermscope.runtime import load_model
from spermscope.types import Clip, Detections, Frame, Grades, StagePosition, Step, Tracks

SIZE = (300, 400)


def grade_of(track_id, shares=(0.6, 0.2, 0.1, 0.1, 0.0), doubt=0.1, unlike=False, time_s=0.0):
    return Grades(
        np.array([track_id]),
        np.array([time_s]),
        np.array([shares], float),
        np.array([doubt]),
        np.array([unlike]),
        np.zeros((1, 4), np.float32),
    )


def peaked(grade, sure=0.8):
    """Shares with ``sure`` at one grade, 0 is A."""
    return tuple(sure if number == grade else (1 - sure) / 4 for number in range(5))


@lru_cache
def swimming(speed_um_s=40.0, seconds=1.5, rate_hz=15.0, **options):
    time_s = np.arange(0, seconds, 1 / rate_hz)
    path = np.column_stack([speed_um_s * time_s, np.zeros_like(time_s)])
    return compute_kinematics(time_s, path, np.ones(len(time_s), bool), **options)


def cell(track_id, xy_px=(200.0, 150.0), grade="peaked A", followed_s=2.0, motion="swims", **changes):
    """A confirmed cell; ``grade`` is a row, ``peaked A`` .. ``peaked E``, or None."""
    if grade is None:
        grade = Grades.empty()
    elif isinstance(grade, str):
        grade = grade_of(track_id, peaked("ABCDE".index(grade[-1])))
    made = CellInView(
        track_id=track_id,
        xy_px=xy_px,
        wh_px=(14.0, 14.0),
        confirmed=True,
        observed=True,
        followed_s=followed_s,
        ambiguous=False,
        grade=grade,
        kinematics=swimming() if motion == "swims" else motion,
        trail_px=np.array([xy_px]),
    )
    return replace(made, **changes)


RAMP = np.add(*np.indices(SIZE))


def picture(index):
    return ((RAMP + 3 * index) % 200).astype(np.uint8)


def shown(cells, index=0, time_s=None, demonstration=False):
    time_s = index / 15 if time_s is None else time_s
    frame = Frame(picture(index), index, time_s)
    none, pairs, ids = np.empty(0), np.empty((0, 2)), np.empty(0, np.int64)
    tracks = Tracks(ids, pairs, pairs, pairs, none, ids > 0, ids > 0, ids)
    place = StagePosition(0, 0.0, 0.0, "still", 1.0, 0, 0.33)
    step = Step(frame, place, Detections.empty(), tracks, Grades.empty(), {})
    return Shown(step, tuple(cells), time_s, time_s, demonstration)


@lru_cache
def clip_of(track_id, pictures=16):
    rng = np.random.default_rng(track_id)
    time_s = np.arange(pictures) / 15
    frames = rng.integers(0, 255, (pictures, 150, 150), np.uint8)
    path = np.column_stack([40 * time_s, 0 * time_s])
    return Clip(track_id, frames, time_s, path, np.ones(pictures, bool), 0.5)


@lru_cache
def grader():
    return load_model(shipped("grader"))


class StillRun:
    """A run that gives what it was given: the session that decisions are made in, with a journal on the disk."""

    def __init__(self, place, sample="S-1", operator="OP7"):
        self.place, self.sample, self.operator = place, sample, operator
        self.models = (grader(),)
        self.replay = Replay()
        self.clips = {}
        self.last = None

    def note(self, kind, **facts):
        journal = Journal(self.place / "decisions.jsonl")
        journal.append({"kind": kind, "when": datetime.now(UTC).isoformat(), "who": self.operator, **facts})
        journal.close()

    def clip(self, track_id):
        return self.clips.setdefault(track_id, clip_of(track_id))

    def newest(self):
        return self.last

    def see(self, what):
        self.last = what
        self.replay.add(what)
