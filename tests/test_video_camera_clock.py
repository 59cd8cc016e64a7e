"""A camera's clock is believed while it agrees with this computer's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spermscope.video.camera_clock import DISBELIEVED, CameraClock


def stamped(camera_s, arrived_s):
    warnings = []
    clock = CameraClock(warnings)
    return np.array([clock.stamp(*pair) for pair in zip(camera_s, arrived_s, strict=True)]), warnings


@given(origin_s=st.floats(-1e6, 1e6), drift=st.floats(-0.01, 0.01), seed=st.integers(0, 99))
def test_its_steps_are_kept_whatever_its_origin_and_the_transfer(origin_s, drift, seed):
    arrived_s = 50 + np.arange(200) / 15 + np.random.default_rng(seed).uniform(0, 0.5, 200)
    camera_s = origin_s + np.arange(200) / 15 * (1 + drift)
    times_s, warnings = stamped(camera_s, arrived_s)
    assert np.diff(times_s) == pytest.approx(np.full(199, (1 + drift) / 15), abs=1e-6)
    assert times_s[0] == arrived_s[0]
    assert warnings == []


@pytest.mark.parametrize("speed", [0.125, 0.5, 1.5, 8.0])
def test_one_that_runs_at_another_speed_is_left(speed):
    arrived_s = np.arange(300) / 15
    times_s, warnings = stamped(7 + arrived_s * speed, arrived_s)
    assert warnings == [DISBELIEVED]
    assert np.all(np.diff(times_s) > 0)
    assert np.diff(times_s[-200:]) == pytest.approx(np.full(199, 1 / 15))


@pytest.mark.parametrize("said_s", [0.2, 0.1, math.nan])
def test_one_that_stands_still_goes_back_or_falls_silent_is_left(said_s):
    times_s, warnings = stamped([0.0, 0.1, 0.2, said_s, 0.4], [5.0, 5.1, 5.2, 5.31, 5.4])
    assert warnings == [DISBELIEVED]
    assert times_s == pytest.approx([5.0, 5.1, 5.2, 5.31, 5.4])


def test_a_camera_without_a_clock_has_arrivals_and_no_warning():
    times_s, warnings = stamped([math.nan] * 3, [5.0, 5.1, 5.3])
    assert times_s.tolist() == [5.0, 5.1, 5.3]
    assert warnings == []
