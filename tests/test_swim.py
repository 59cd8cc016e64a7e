"""Filters of swimming heads, against textbook filters and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.settings import TrackSettings
from spermscope.swim import Swims

RULES = TrackSettings()
NOISE2 = RULES.off_um**2


def some_swims(rng, count=5):
    """Filters that have seen a few points of heads under way."""
    places = rng.uniform(0, 100, (count, 2))
    pace = rng.uniform(-50, 50, (count, 2))
    swims, swing2 = Swims.begun(places, RULES), rng.uniform(0.1, 9, (count, 2))
    for step in range(1, 6):
        swims.predict(0.02, swing2, RULES)
        swims.correct(places + 0.02 * step * pace + rng.normal(0, 1, (count, 2)), NOISE2)
    return swims, swing2


def turned(xy, angle):
    c, s = np.cos(angle), np.sin(angle)
    return xy @ np.array([[c, s], [-s, c]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.2), st.floats(0.001, 0.2))
def test_two_steps_are_one_step_of_both_times(seed, first_s, second_s):
    once, swing2 = some_swims(np.random.default_rng(seed))
    twice = once[np.arange(len(once))]
    once.predict(first_s + second_s, swing2, RULES)
    twice.predict(first_s, swing2, RULES)
    twice.predict(second_s, swing2, RULES)
    assert once.mean == pytest.approx(twice.mean)
    assert once.cov == pytest.approx(twice.cov)


def test_an_axis_is_a_textbook_kalman_filter():
    rng, look = np.random.default_rng(1), np.array([[1.0, 0.0, 1.0, 0.0]])
    swims, _ = some_swims(rng, 1)
    swims.mean[0, 1] = 30.0, 0.0
    swims.mean[0, [0, 2], 1] = 0.0
    mean, cov = swims.mean[0, :, 0].copy(), swims.cov[0, 0].copy()
    point = np.array([[swims.head_um[0, 0] + 1.3, 0.0]])
    swims.correct(point, NOISE2)
    spread = look @ cov @ look.T + NOISE2
    gain = cov @ look.T / spread
    assert swims.mean[0, :, 0] == pytest.approx(mean + (gain * (point[0, 0] - look @ mean)).ravel())
    assert swims.cov[0, 0] == pytest.approx((np.eye(4) - gain @ look) @ cov)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_turning_the_world_turns_the_filters(seed, angle):
    rng = np.random.default_rng(seed)
    here, swing2 = some_swims(rng)
    there = Swims(turned(here.mean, angle), here.cov.copy())
    points = here.head_um + rng.normal(0, 1, (len(here), 2))
    assert here.misfit(points, NOISE2) == pytest.approx(there.misfit(turned(points, angle), NOISE2))
    for swims, seen in ((here, points), (there, turned(points, angle))):
        swims.correct(seen, NOISE2)
        swims.predict(0.02, swing2, RULES)
    assert turned(here.mean, angle) == pytest.approx(there.mean)
    assert here.cov == pytest.approx(there.cov)


@pytest.mark.parametrize("fps", [15, 50, 200])
def test_covariances_stay_covariances_over_minutes(fps):
    rng = np.random.default_rng(fps)
    swims, swing2 = some_swims(rng, 3)
    for _ in range(2000):
        swims.predict(1 / fps, swing2, RULES)
        if rng.random() < 0.7:
            swims.correct(swims.head_um + rng.normal(0, 1, (3, 2)), NOISE2)
    assert swims.cov == pytest.approx(np.swapaxes(swims.cov, 2, 3))
    assert np.linalg.eigvalsh(swims.cov).min() > 0


def test_a_beat_that_is_seen_is_expected_to_go_on():
    """At 50 frames per second the next place of a beating head is better known with its beat than without."""
    rng, surprise = np.random.default_rng(5), {}
    times_s = np.arange(1, 200) / 50
    for name, rules in {"beat": RULES, "noise": RULES.model_copy(update={"beat_lasts_s": 1e-3})}.items():
        off2 = []
        for _ in range(10):
            phase, rate_hz = rng.uniform(0, 6.28), rng.uniform(9, 14)
            swims = Swims.begun(np.zeros((1, 2)), rules)
            for time_s in times_s:
                head = np.array([[50 * time_s, 2.0 * np.sin(2 * np.pi * rate_hz * time_s + phase)]])
                swims.predict(0.02, np.array([[0.05, 2.0]]), rules)
                off2.append((swims.off(head) ** 2).sum())
                swims.correct(head + rng.normal(0, 0.15, (1, 2)), NOISE2)
        surprise[name] = np.mean(off2)
    assert surprise["beat"] < 0.6 * surprise["noise"]


def test_a_head_that_was_seen_once_is_where_it_was_seen():
    swims = Swims.begun(np.array([[3.0, 4.0]]), RULES)
    assert swims.head_um.tolist() == [[3.0, 4.0]]
    assert swims.spread(NOISE2) == pytest.approx(np.full((1, 2), 2 * NOISE2))
