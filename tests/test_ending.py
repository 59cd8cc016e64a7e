"""What becomes of a track that ended: its grade is that of its best clip, given before or now."""

import math
from dataclasses import replace

import numpy as np
import pytest

from spermscope.ending import UNLIKE, Ending, Left
from spermscope.grade import open_grader
from spermscope.history import Path
from spermscope.settings import KinematicsSettings, Settings
from spermscope.simulate.scene import Scene, SceneSettings, View
from spermscope.types import Clip, Scale, SourceProfile

TIMES_S = np.arange(16) / 15
NO_TAIL = (math.nan, "not computed: the head did not stay")


@pytest.fixture(scope="module")
def grader():
    return open_grader(SourceProfile(320, 240, 15.0, Scale(0.4, "given"), 0, 110.0, 3.0), Settings())


@pytest.fixture
def ending(grader):
    return Ending(grader, KinematicsSettings(), "", "not computed: no ejaculate")


@pytest.fixture(scope="module")
def clip():
    scene = Scene(SceneSettings(width_px=150, height_px=150, um_per_px=0.5, cells=6, seed=3))
    truth = [scene.truth(time_s) for time_s in TIMES_S.tolist()]
    places = np.array([(float(one.x_um[0]), float(one.y_um[0])) for one in truth])
    views = [View(x - 37.25, y - 37.25, 150, 150, 0.5) for x, y in places.tolist()]
    frames = [scene.render(time_s, view) for time_s, view in zip(TIMES_S.tolist(), views, strict=True)]
    return Clip(7, np.stack(frames), TIMES_S, places, np.ones(16, bool), 0.5)


def left(clip, why="lost", track_id=7):
    path = Path(TIMES_S, np.column_stack([TIMES_S * 30, TIMES_S * 0]), np.ones(16, bool), np.zeros(16, bool),
                4, 19, 0.25, 1.25, 1.0)  # fmt: skip
    return Left(track_id, why, 2, path, clip, NO_TAIL)


def test_a_clip_that_was_never_graded_is_graded_now(ending, grader, clip):
    cell = ending.cell(left(clip))
    np.testing.assert_array_equal(cell.grade.probabilities, grader.grade_clips([clip]).probabilities)
    assert (cell.not_graded, cell.track_id, cell.field, cell.first_frame, cell.seen_s) == ("", 7, 2, 4, 1.0)
    assert cell.kinematics.vsl_um_s == pytest.approx(30.0)


def test_the_grade_that_was_given_when_the_best_clip_ended_stays(ending, grader, clip):
    given = replace(grader.grade_clips([clip]), probabilities=np.array([[0.1, 0.2, 0.3, 0.3, 0.1]]))
    ending.keep_best(given, frozenset({7}))
    assert ending.cell(left(clip)).grade.probabilities[0].tolist() == [0.1, 0.2, 0.3, 0.3, 0.1]


def test_a_running_grade_of_other_crops_does_not_stand_for_the_best_clip(ending, grader, clip):
    early = replace(grader.grade_clips([clip]), probabilities=np.array([[1.0, 0, 0, 0, 0]]), time_s=np.array([0.5]))
    ending.keep_best(early, frozenset({7}))
    assert ending.cell(left(clip)).grade.probabilities[0, 0] < 1.0
    ending.keep_best(replace(early, time_s=clip.time_s[-1:]), frozenset())
    assert ending.cell(left(clip)).grade.probabilities[0, 0] < 1.0


def test_what_is_forgotten_does_not_come_back(ending, grader, clip):
    given = replace(grader.grade_clips([clip]), probabilities=np.array([[1.0, 0, 0, 0, 0]]))
    ending.keep_best(given, frozenset({7}))
    ending.forget(np.array([7]))
    assert ending.cell(left(clip)).grade.probabilities[0, 0] < 1.0


@pytest.mark.parametrize("crops", [None, 12])
def test_too_few_crops_are_no_grade_and_it_says_so(ending, clip, crops):
    short = crops and Clip(7, *(part[:crops] for part in (clip.frames, clip.time_s, clip.xy_um, clip.observed)), 0.5)
    cell = ending.cell(left(short or None))
    assert len(cell.grade) == 0
    assert cell.not_graded == ending.too_few_crops == "not graded: fewer than 13 crops at 15 Hz"


def test_a_cell_unlike_training_keeps_its_row_and_is_not_graded(ending, clip):
    flat = replace(clip, frames=np.full_like(clip.frames, 120))
    cell = ending.cell(left(flat))
    assert (len(cell.grade), cell.not_graded) == (1, UNLIKE)


@pytest.mark.parametrize(("why", "identity"), [("lost", "clear"), ("ambiguous", "ambiguous")])
def test_who_it_was_is_told(ending, clip, why, identity):
    assert ending.cell(left(clip, why)).identity == identity
