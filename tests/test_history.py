"""Paths of live tracks: bounded, trimmed to observations, whole-track counts kept."""

import numpy as np
import pytest

from spermscope.history import Histories
from spermscope.types import Frame, Tracks


def follow(track_id, xy, *, observed=True, confirmed=True):
    one = np.ones((1, 2))
    return Tracks(
        track_id=np.array([track_id]),
        xy_px=one,
        wh_px=one,
        xy_um=np.array([xy], float),
        confidence=np.ones(1),
        observed=np.array([observed]),
        confirmed=np.array([confirmed]),
        detection=np.array([0 if observed else -1]),
    )


def frame(index, time_s):
    return Frame(np.zeros((2, 2), np.uint8), index, time_s)


def test_a_path_is_trimmed_to_its_first_and_last_observation():
    histories = Histories(10.0)
    for index, seen in enumerate([True, False, True, False, False]):
        histories.add(frame(index, 0.1 * index), follow(7, (index, 0), observed=seen))
    path = histories.pop(7)
    assert path.observed.tolist() == [True, False, True]
    assert (path.first_frame, path.last_frame) == (0, 2)
    np.testing.assert_allclose(path.xy_um[:, 0], [0, 1, 2])


def test_a_long_track_keeps_its_latest_seconds_but_counts_all_of_them():
    histories = Histories(1.0)
    for index in range(101):
        histories.add(frame(index, 0.1 * index), follow(1, (index, 0)))
    path = histories.pop(1)
    assert path.time_s[0] == pytest.approx(9.0)
    assert path.first_time_s == 0.0
    assert path.seen_s == pytest.approx(10.0)


def test_a_track_that_was_never_confirmed_gives_no_path():
    histories = Histories(1.0)
    histories.add(frame(0, 0.0), follow(1, (0, 0), confirmed=False))
    assert histories.pop(1) is None
    assert histories.pop(2) is None


def test_unobserved_time_is_not_counted_as_seen():
    histories = Histories(10.0)
    for index, seen in enumerate([True, True, False, True]):
        histories.add(frame(index, float(index)), follow(1, (0, 0), observed=seen))
    assert histories.pop(1).seen_s == pytest.approx(2.0)


def test_a_path_remembers_which_pictures_were_repeated():
    histories = Histories(10.0)
    for index in range(4):
        image = np.zeros((2, 2), np.uint8)
        histories.add(Frame(image, index, 0.1 * index, repeated=index == 2), follow(7, (index, 0)))
    assert histories.pop(7).repeated.tolist() == [False, False, True, False]
