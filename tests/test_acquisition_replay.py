"""The last half minute: bounded, frozen by a snapshot, and the picture is the one that was shown."""

import threading

import numpy as np
import pytest

from spermscope.acquisition.replay import Replay
from spermscope.acquisition.shown import Shown
from spermscope.types import Detections, Frame, Grades, StagePosition, Step, Tracks


def shown(index, fps=15.0, side=64):
    none, pairs = np.empty(0), np.empty((0, 2))
    ids, flags = np.empty(0, np.int64), np.empty(0, np.bool_)
    x = np.arange(side)
    image = np.tile(128 + 60 * np.sin((x + index) / 8.0), (side, 1)).astype(np.uint8)
    frame = Frame(image, index, index / fps)
    tracks = Tracks(ids, pairs, pairs, pairs, none, flags, flags, ids)
    stage = StagePosition(0, 0.0, 0.0, "still", 1.0, 0, 0.5)
    return Shown(Step(frame, stage, Detections.empty(), tracks, Grades.empty(), {}), (), 1.0, 1.1, False)


def filled(count, last_s=30.0):
    replay = Replay(last_s)
    for index in range(count):
        replay.add(shown(index))
    return replay


def test_only_the_last_seconds_are_kept():
    replay = filled(100, last_s=2.0)
    assert len(replay) == 31
    assert replay.times()[0] == pytest.approx(69 / 15)
    assert replay.times()[-1] == pytest.approx(99 / 15)


def test_what_was_shown_comes_back_with_a_picture_that_differs_by_a_few_grey_levels():
    replay = filled(20)
    for place in (0, 7, -1):
        back, given = replay.at(place), shown(place % 20)
        assert back.step.frame.index == given.step.frame.index
        assert back.step.frame.image.shape == given.step.frame.image.shape
        assert np.abs(back.step.frame.image.astype(int) - given.step.frame.image).max() <= 4
        assert back.step.stage == given.step.stage


def test_a_snapshot_stands_still_while_the_replay_moves_on():
    replay = filled(30, last_s=1.0)
    still = replay.snapshot()
    before = still.times().tolist()
    for index in range(30, 90):
        replay.add(shown(index))
    assert still.times().tolist() == before
    assert still.at(0).step.frame.time_s == before[0]
    assert replay.times()[0] > before[-1]


def test_the_nearest_frame_is_found():
    replay = filled(30)
    assert replay.nearest(-1.0) == 0
    assert replay.nearest(10.4 / 15) == 10
    assert replay.nearest(10.6 / 15) == 11
    assert replay.nearest(99.0) == 29
    with pytest.raises(IndexError):
        Replay().nearest(0.0)
    with pytest.raises(IndexError):
        replay.at(30)


def test_a_time_that_goes_back_begins_anew():
    replay = filled(30)
    replay.add(shown(3))
    assert len(replay) == 1


def test_it_is_read_while_it_is_written():
    replay, errors = filled(10, last_s=0.5), []

    def read():
        try:
            for _ in range(300):
                replay.at(-1)
                replay.snapshot().at(0)
                replay.nearest(1.0)
        except Exception as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for index in range(10, 400):
        replay.add(shown(index))
    reader.join()
    assert errors == []
