"""Filters of swimming heads, against textbook filters and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

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
    assert once.trust == pytest.approx(twice.trust)


def test_an_axis_of_a_way_is_a_textbook_kalman_filter():
    rng, look = np.random.default_rng(1), np.array([[1.0, 0.0, 1.0, 0.0]])
    swims, _ = some_swims(rng, 1)
    swims.mean[0, :, 1] = 30.0, 0.0
    swims.mean[0, :, [0, 2], 1] = 0.0
    before, point = swims[np.array([0])], np.array([[swims.head_um[0, 0] + 1.3, 0.0]])
    swims.correct(point, NOISE2)
    for way in range(len(RULES.beats_hz) + 1):
        mean, cov = before.mean[0, way, :, 0], before.cov[0, way, 0]
        spread = look @ cov @ look.T + NOISE2
        gain = cov @ look.T / spread
        assert swims.mean[0, way, :, 0] == pytest.approx(mean + (gain * (point[0, 0] - look @ mean)).ravel())
        assert swims.cov[0, way, 0] == pytest.approx((np.eye(4) - gain @ look) @ cov, abs=1e-9)


def test_ways_are_believed_by_bayes_and_a_misfit_is_that_of_their_mixture():
    """Against scipy's normal densities."""
    swims, _ = some_swims(np.random.default_rng(2), 1)
    swims.mean[0, :, 1] = 30.0, 0.0
    point, before = swims.head_um + np.array([[0.7, -0.4]]), swims.trust[0]
    heads, cov = swims.mean[0, :, 0] + swims.mean[0, :, 2], swims.cov[0]
    variance = cov[..., 0, 0] + 2 * cov[..., 0, 2] + cov[..., 2, 2] + NOISE2
    likely = norm.pdf(point, heads, np.sqrt(variance)).prod(axis=1)
    shared = 2 * np.log(2 * np.pi)
    assert swims.misfit(point, NOISE2) + shared == pytest.approx(-2 * np.log(before @ likely))
    swims.correct(point, NOISE2)
    assert swims.trust[0] == pytest.approx(before * likely / (before @ likely))


@pytest.mark.parametrize("beat_hz", [6.0, 9.0, 12.0, 15.0, 0.0])
def test_points_tell_how_a_head_beats_and_whether_it_lies_still(beat_hz):
    rng = np.random.default_rng(7)
    swims = Swims.begun(np.zeros((20, 2)), RULES)
    for time_s in np.arange(1, 75) / 50:
        across = 1.5 * np.sin(2 * np.pi * beat_hz * time_s)
        heads = np.array([40.0 * time_s, across]) if beat_hz else np.zeros(2)
        swims.predict(0.02, np.tile([0.2, 1.1], (20, 1)), RULES)
        swims.correct(heads + rng.normal(0, 0.3, (20, 2)), NOISE2)
    ways = [*RULES.beats_hz, 0.0]
    assert ways[swims.trust.mean(axis=0).argmax()] == beat_hz


def test_a_head_that_lies_still_is_known_better_than_its_points():
    rng, swims = np.random.default_rng(3), Swims.begun(np.zeros((200, 2)), RULES)
    for _ in range(50):
        swims.predict(0.02, np.ones((200, 2)), RULES)
        swims.correct(rng.normal(0, RULES.off_um, (200, 2)), NOISE2)
    assert np.sqrt((swims.head_um**2).mean()) < 0.5 * RULES.off_um


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_turning_the_world_turns_the_filters(seed, angle):
    rng = np.random.default_rng(seed)
    here, swing2 = some_swims(rng)
    there = Swims(turned(here.mean, angle), here.cov.copy(), here.trust.copy())
    points = here.head_um + rng.normal(0, 1, (len(here), 2))
    assert here.misfit(points, NOISE2) == pytest.approx(there.misfit(turned(points, angle), NOISE2))
    for swims, seen in ((here, points), (there, turned(points, angle))):
        swims.correct(seen, NOISE2)
        swims.predict(0.02, swing2, RULES)
    assert turned(here.mean, angle) == pytest.approx(there.mean)
    assert here.cov == pytest.approx(there.cov)
    assert here.trust == pytest.approx(there.trust)


@pytest.mark.parametrize("fps", [15, 50, 200])
def test_covariances_stay_covariances_over_minutes(fps):
    rng = np.random.default_rng(fps)
    swims, swing2 = some_swims(rng, 3)
    for _ in range(2000):
        swims.predict(1 / fps, swing2, RULES)
        if rng.random() < 0.7:
            swims.correct(swims.head_um + rng.normal(0, 1, (3, 2)), NOISE2)
    assert swims.cov == pytest.approx(np.swapaxes(swims.cov, 3, 4))
    assert np.linalg.eigvalsh(swims.cov[:, :-1]).min() > 0
    assert np.linalg.eigvalsh(swims.cov[:, -1, :, :2, :2]).min() > 0
    assert not swims.cov[:, -1, :, 2:].any()
    assert swims.trust.min() > 0
    assert swims.trust.sum(axis=1) == pytest.approx(np.ones(3))


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
    assert swims.head_um == pytest.approx(np.array([[3.0, 4.0]]))
    assert swims.spread(NOISE2) == pytest.approx(np.full((1, 2), 2 * NOISE2))
