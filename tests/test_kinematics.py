"""Kinematics against closed forms, their gates, and the inequality that holds for every track."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from spermscope.average_path import average_path
from spermscope.kinematics import BEAT_FIELDS, UM_FIELDS, WORDS, compute_kinematics
from spermscope.who_motility import twitch_um, who_motility


def measure(time_s, xy_um, **options):
    return compute_kinematics(time_s, xy_um, np.ones(len(time_s), bool), **options)


def is_absent(found, name):
    value = getattr(found, name)
    return value == "" if name in WORDS else np.isnan(value)


def sine(rate_hz, duration_s, speed_um_s, amplitude_um, beat_hz, phase=0.3):
    time_s = np.arange(int(rate_hz * duration_s) + 1) / rate_hz
    return time_s, np.column_stack([speed_um_s * time_s, amplitude_um * np.sin(2 * np.pi * beat_hz * time_s + phase)])


@pytest.mark.parametrize("rate_hz", [50, 60, 100, 200])
def test_a_straight_line_has_one_speed_and_no_beat(rate_hz):
    time_s = np.arange(2 * rate_hz + 1) / rate_hz
    found = measure(time_s, np.column_stack([30 * time_s, -40 * time_s]))
    assert [found.vcl_um_s, found.vsl_um_s, found.vap_um_s] == pytest.approx([50, 50, 50], rel=0.005)
    assert [found.lin, found.str_, found.wob] == pytest.approx([1, 1, 1], rel=0.005)
    assert found.mad_deg == pytest.approx(0, abs=1e-3)
    assert np.isnan(found.alh_um)
    assert np.isnan(found.bcf_hz)
    assert "crossings" in found.why["bcf_hz"]


def test_a_circle_has_the_arc_and_the_chord():
    time_s = np.arange(401) / 100
    angle = 2 * np.pi * time_s / 4.0 * 0.75
    found = measure(time_s, 20 * np.column_stack([np.cos(angle), np.sin(angle)]))
    assert found.vcl_um_s == pytest.approx(20 * 1.5 * np.pi / 4, rel=0.005)
    assert found.vap_um_s == pytest.approx(20 * 1.5 * np.pi / 4, rel=0.005)
    assert found.vsl_um_s == pytest.approx(20 * np.sqrt(2) / 4, rel=0.005)
    assert found.mad_deg == pytest.approx(np.degrees(1.5 * np.pi / 400), rel=0.005)


def arc_speed(speed_um_s, amplitude_um, beat_hz):
    """Mean speed along a sine: its arc over one beat, by numerical integration."""
    omega = 2 * np.pi * beat_hz
    arc, _ = quad(lambda t: np.hypot(speed_um_s, amplitude_um * omega * np.cos(omega * t)), 0, 1 / beat_hz, limit=200)
    return arc * beat_hz


@pytest.mark.parametrize("beat_hz", [5.0, 7.3, 10.0, 12.0])
@pytest.mark.parametrize("amplitude_um", [1.0, 2.0, 4.0])
def test_a_sine_of_known_amplitude_and_frequency(amplitude_um, beat_hz):
    # Long and finely sampled, so that neither the shrinking ends nor the polyline's chords tell; the moving average
    # of a sine is a sine of sinc(width x frequency) times the amplitude.
    time_s, xy = sine(400, 30, 60.0, amplitude_um, beat_hz)
    found = measure(time_s, xy)
    left_um = amplitude_um * abs(np.sinc(0.2 * beat_hz))
    assert found.vcl_um_s == pytest.approx(arc_speed(60.0, amplitude_um, beat_hz), rel=0.005)
    assert found.vsl_um_s == pytest.approx(60.0, rel=0.005)
    assert found.vap_um_s == pytest.approx(arc_speed(60.0, left_um, beat_hz), rel=0.005)
    assert found.alh_um == pytest.approx(2 * amplitude_um, rel=0.005)
    assert found.bcf_hz == pytest.approx(2 * beat_hz, rel=0.005)
    assert found.lin == pytest.approx(60.0 / arc_speed(60.0, amplitude_um, beat_hz), rel=0.005)


def test_vcl_is_the_length_of_the_sampled_polyline_at_fifty_frames():
    time_s, xy = sine(50, 2, 60.0, 2.0, 12.0)
    by_hand = sum(float(np.hypot(*(b - a))) for a, b in itertools.pairwise(xy)) / 2.0
    assert measure(time_s, xy).vcl_um_s == pytest.approx(by_hand, rel=1e-12)


tracks = st.integers(3, 80).flatmap(
    lambda n: st.tuples(
        st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=n, max_size=n),
        st.lists(st.floats(0.004, 0.12), min_size=n, max_size=n),
        st.booleans(),
    )
)


@settings(max_examples=400, deadline=None)
@given(tracks)
def test_vsl_vap_vcl_are_in_order_on_any_track_at_any_times(track):
    points, steps, even = track
    time_s = np.arange(len(steps)) * 0.01 if even else np.cumsum(steps)
    xy = np.array(points)
    path = average_path(time_s, xy, 0.2)
    lengths = [float(np.hypot(*np.diff(p, axis=0).T).sum()) for p in (path, xy)]
    chord = float(np.hypot(*(xy[-1] - xy[0])))
    assert chord <= lengths[0] * (1 + 1e-9) + 1e-9
    assert lengths[0] <= lengths[1] * (1 + 1e-9) + 1e-9
    np.testing.assert_allclose(path[[0, -1]], xy[[0, -1]], atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 6.28), st.floats(-500, 500), st.floats(0.3, 3.0))
def test_turning_and_shifting_change_nothing_and_scaling_scales(turn, shift, factor):
    rng = np.random.default_rng(4)
    time_s = np.arange(120) / 60
    xy = np.cumsum(rng.normal(0.8, 0.6, (120, 2)), axis=0)
    c, s = np.cos(turn), np.sin(turn)
    plain = measure(time_s, xy)
    moved = measure(time_s, xy @ np.array([[c, s], [-s, c]]) + shift)
    larger = measure(time_s, factor * xy)
    for name in ("vcl_um_s", "vsl_um_s", "vap_um_s", "mad_deg"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name), rel=1e-6)
    assert larger.vap_um_s == pytest.approx(factor * plain.vap_um_s, rel=1e-9)


def test_below_fifty_frames_a_second_nothing_of_the_beat_is_reported():
    time_s, xy = sine(15, 2, 60.0, 2.0, 12.0)
    found = measure(time_s, xy)
    for name in BEAT_FIELDS:
        assert is_absent(found, name), name
        assert found.why[name] == "not computed: 15 fps is below 50"
    assert found.vsl_um_s == pytest.approx(60, rel=0.05)
    assert found.who_motility == "rapid"


def test_forty_nine_point_nine_frames_count_as_fifty():
    time_s, xy = sine(49.95, 2, 60.0, 2.0, 10.0)
    assert np.isfinite(measure(time_s, xy).vcl_um_s)


def test_below_one_second_there_is_no_who_grade():
    time_s, xy = sine(50, 0.9, 60.0, 1.0, 10.0)
    found = measure(time_s, xy)
    assert found.who_motility == ""
    assert found.why["who_motility"] == "not computed: 0.90 s of track, 1 s are needed"
    assert found.vsl_um_s == pytest.approx(60, rel=0.05)


def test_an_estimated_scale_withholds_every_micrometre_and_keeps_the_ratios():
    time_s, xy = sine(50, 2, 60.0, 1.0, 10.0)
    found = measure(time_s, xy, um_reason="scale estimated, 0.45 um/px ± 35 %; calibrate")
    for name in UM_FIELDS:
        assert is_absent(found, name), name
        assert "calibrate" in found.why[name]
    assert 0 < found.lin < 1
    assert found.bcf_hz == pytest.approx(20, rel=0.02)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_positions_give_nothing_but_a_reason(count):
    found = measure(np.arange(count) / 50, np.zeros((count, 2)))
    assert np.isnan(found.vsl_um_s)
    assert found.why["vsl_um_s"] == f"not computed: {count} positions, 3 are needed"


def test_a_still_cell_has_speed_zero_no_ratio_and_no_beat():
    found = measure(np.arange(101) / 50, np.zeros((101, 2)))
    assert found.vcl_um_s == 0.0
    assert np.isnan(found.lin)
    assert found.why["lin"] == "not computed: the cell did not move"
    assert found.who_motility == "immotile"


def test_localisation_noise_is_no_beat():
    rng = np.random.default_rng(2)
    time_s = np.arange(201) / 100
    found = measure(time_s, np.column_stack([50 * time_s, 0 * time_s]) + rng.normal(0, 0.05, (201, 2)))
    assert np.isnan(found.bcf_hz)


def even(rate_hz):
    return np.arange(2 * rate_hz + 1) / rate_hz


def to_milliseconds(rate_hz):
    """As a container rounds them."""
    return np.round(np.arange(2 * rate_hz + 1) / rate_hz, 3)


def with_gaps(rate_hz):
    """Every fifth frame is missing, and a fifth of a second."""
    time_s = np.arange(2 * rate_hz + 1) / rate_hz
    return time_s[(np.arange(len(time_s)) % 5 != 3) & ~((time_s > 0.7) & (time_s < 0.9))]


def from_tenths(rate_hz):
    """Sums of 0.1 are not what they seem."""
    return np.cumsum(np.full(20, 0.1)) - 0.1


@pytest.mark.parametrize("times", [even, to_milliseconds, with_gaps, from_tenths])
@pytest.mark.parametrize("rate_hz", [15, 24, 30, 50, 60, 200])
@pytest.mark.parametrize(
    ("speed_um_s", "grade"),
    [(25.0, "rapid"), (24.999, "slow"), (5.0, "slow"), (4.999, "non-progressive"), (1.5, "immotile")],
)
def test_exactly_25_and_5_um_in_a_second_belong_to_the_faster_grade(times, rate_hz, speed_um_s, grade):
    time_s = times(rate_hz)
    along = 300.0 + speed_um_s * time_s
    for turn in np.radians([0, 30, 77, 180]):
        assert who_motility(time_s, np.column_stack([along * np.cos(turn), along * np.sin(turn)])) == grade


@pytest.mark.parametrize(("last_um", "grade"), [(25.0, "rapid"), (24.999, "slow"), (5.0, "slow"), (4.999, "")])
@pytest.mark.parametrize("rate_hz", [15, 30, 50])
def test_of_a_track_of_one_second_the_ends_alone_count(last_um, grade, rate_hz):
    # A detour that scatters the head: whatever lies between, the one window runs from the first to the last point.
    time_s = np.arange(rate_hz + 1) / rate_hz
    xy = np.column_stack([last_um * time_s, 4 * np.sin(np.pi * time_s)])
    assert who_motility(time_s, xy) == (grade or "non-progressive")


def test_the_distance_is_the_median_over_all_windows():
    # By hand: of three seconds the windows start at 0 .. 2 s, and the middle one goes from 1 s to 2 s.
    time_s = np.arange(301) / 100
    xy = np.column_stack([np.minimum(30 * time_s, 30.0), 0 * time_s])
    assert who_motility(time_s, xy) not in ("rapid", "slow")
    longer = np.column_stack([np.minimum(30 * time_s, 60.0), 0 * time_s])
    assert who_motility(time_s, longer) == "rapid"


def test_a_tight_fast_circle_goes_nowhere_in_a_second():
    time_s = np.arange(201) / 100
    angle = 2 * np.pi * time_s
    assert who_motility(time_s, 3 * np.column_stack([np.cos(angle), np.sin(angle)])) == "non-progressive"


@pytest.mark.parametrize("rate_hz", [15, 50])
def test_an_immotile_head_that_a_neighbour_pulls_aside_now_and_then_stays_immotile(rate_hz):
    rng = np.random.default_rng(5)
    time_s = np.arange(0, 4, 1 / rate_hz)
    pulled = (time_s % 1.0 < 0.15)[:, None] * np.array([1.4, 0.3])
    assert who_motility(time_s, rng.normal(0, 0.15, (len(time_s), 2)) + pulled) == "immotile"


@pytest.mark.parametrize("rate_hz", [15, 50])
def test_two_seconds_tell_moving_from_immotile_under_localisation_noise(rate_hz):
    rng = np.random.default_rng(9)
    time_s = np.arange(2 * rate_hz + 1) / rate_hz
    right = 0
    for trial in range(200):
        twitch = trial % 2
        swing = twitch * rng.uniform(0.9, 2.0) * np.sin(2 * np.pi * rng.uniform(8, 16) * time_s + rng.uniform(0, 6.3))
        xy = np.column_stack([twitch * rng.uniform(0, 2) * time_s, swing]) + rng.normal(0, 0.12, (len(time_s), 2))
        right += who_motility(time_s, xy) == ("non-progressive" if twitch else "immotile")
    assert right >= 194


def test_a_window_without_points_says_nothing():
    time_s = np.r_[np.arange(0, 1, 0.1), np.arange(4, 6, 0.1)]
    assert who_motility(time_s, np.zeros((len(time_s), 2))) == "immotile"
    assert who_motility(time_s, np.column_stack([30 * time_s, 0 * time_s])) == "rapid"


def test_arrays_that_disagree_and_time_that_stands_are_refused():
    with pytest.raises(ValueError, match="expected equal lengths, found 3, 2, 3"):
        compute_kinematics(np.arange(3.0), np.zeros((2, 2)), np.ones(3, bool))
    with pytest.raises(ValueError, match="expected rising times"):
        measure(np.zeros(3), np.zeros((3, 2)))


def test_the_reason_why_who_grades_are_withheld_leaves_the_speeds():
    time_s, xy = sine(50, 2, 60.0, 1.0, 10.0)
    found = measure(time_s, xy, who_reason="WHO grades need 37 C")
    assert found.who_motility == ""
    assert found.why["who_motility"] == "not computed: WHO grades need 37 C"
    assert found.vsl_um_s == pytest.approx(60, rel=0.02)


@pytest.mark.parametrize("rate_hz", [50, 60, 100])
@pytest.mark.parametrize(
    ("speed_um_s", "amplitude_um", "beat_hz", "called"),
    [
        (60.0, 5.0, 9.0, "yes"),
        (60.0, 2.0, 12.0, "no"),
        (60.0, 3.0, 14.0, "no"),
        (160.0, 5.0, 9.0, "no"),
        (160.0, 0.0, 9.0, "no"),
    ],
)
def test_hyperactivated_is_fast_crooked_and_wide(rate_hz, speed_um_s, amplitude_um, beat_hz, called):
    assert measure(*sine(rate_hz, 3, speed_um_s, amplitude_um, beat_hz)).hyperactivated == called


def test_wide_strokes_without_a_whole_beat_are_not_called():
    time_s = np.arange(12) / 60
    found = measure(time_s, 30 * np.column_stack([np.cos(30 * time_s), np.sin(30 * time_s)]))
    assert found.hyperactivated == ""
    assert "crossings" in found.why["hyperactivated"]


@pytest.mark.parametrize("rate_hz", [15, 50])
def test_a_twitch_is_told_from_a_drift(rate_hz):
    rng = np.random.default_rng(4)
    time_s = np.arange(3 * rate_hz) / rate_hz
    noise = rng.normal(0, 0.12, (len(time_s), 2))
    drift = np.column_stack([1.4 * time_s, 0 * time_s]) + noise
    swing = np.column_stack([1.0 * np.sin(2 * np.pi * 3.1 * time_s), 0 * time_s]) + noise
    assert [who_motility(time_s, path) for path in (drift, swing)] == ["immotile", "non-progressive"]
    assert twitch_um(time_s, drift) < 0.2
    # Of a sine's squares the smallest four fifths have a mean of 0.34, not of a half.
    assert twitch_um(time_s, swing) == pytest.approx(np.sqrt(0.34 + 2 * 0.12**2), rel=0.1)


@pytest.mark.parametrize("step_s", [1.0, 2.5])
def test_what_is_seen_once_a_second_or_less_is_neither_immotile_nor_moving(step_s):
    found = measure(step_s * np.arange(10.0), np.zeros((10, 2)))
    assert found.who_motility == ""
    assert found.why["who_motility"] == "not computed: fewer than 3 positions in 1 s"


@pytest.mark.parametrize(
    ("speed_um_s", "swing_um", "tail", "grade"),
    [
        (0.5, 0.0, 2.6, "non-progressive"),
        (0.5, 0.0, 2.1, "immotile"),
        (0.5, 0.0, np.nan, "immotile"),
        (0.5, 1.5, 1.0, "non-progressive"),
        (10.0, 0.0, 5.0, "slow"),
    ],
)
def test_a_still_head_whose_tail_moves_is_not_immotile(speed_um_s, swing_um, tail, grade):
    time_s, xy = sine(15, 3, speed_um_s, swing_um, 3.1)
    found = measure(time_s, xy, tail=(tail, "" if tail > 0 else "not computed: too near"))
    assert found.who_motility == grade
    assert found.tail_movement == pytest.approx(tail, nan_ok=True)
    assert found.why.get("tail_movement", "") == ("" if tail > 0 else "not computed: too near")


@pytest.mark.parametrize(
    ("duration_s", "reason"), [(0.8, "not computed: 0.80 s of track, 1 s are needed"), (2.0, "not computed: no scale")]
)
def test_the_tail_is_withheld_where_the_twitch_is(duration_s, reason):
    found = measure(*sine(15, duration_s, 0.5, 0.0, 3.0), tail=(4.0, ""), um_reason="no scale" * (duration_s > 1))
    assert np.isnan(found.tail_movement)
    assert found.why["tail_movement"] == found.why["twitch_um"] == reason


def test_repeated_pictures_add_no_rate():
    time_s, xy = sine(25, 2, 60.0, 2.0, 9.0)
    twice = measure(np.arange(2 * len(xy)) / 50, np.repeat(xy, 2, axis=0), repeated=np.arange(2 * len(xy)) % 2 == 1)
    once = measure(time_s, xy)
    for name in BEAT_FIELDS:
        assert is_absent(twice, name), name
        assert twice.why[name] == "not computed: 24.8 different pictures a second are below 50"
    assert twice.who_motility == once.who_motility == "rapid"
    assert twice.vsl_um_s == pytest.approx(once.vsl_um_s, rel=0.02)


def test_where_enough_pictures_are_new_the_repeated_ones_change_nothing():
    time_s, xy = sine(200, 2, 60.0, 2.0, 12.0)
    repeated = np.arange(len(xy)) % 4 == 2
    held = xy.copy()
    held[repeated] = held[np.flatnonzero(repeated) - 1]
    found, plain = measure(time_s, held, repeated=repeated), measure(time_s[~repeated], xy[~repeated])
    for name in ("vcl_um_s", "vsl_um_s", "vap_um_s", "lin", "alh_um", "bcf_hz", "mad_deg", "twitch_um", "who_motility"):
        assert getattr(found, name) == getattr(plain, name), name
    assert found.n_frames == len(xy)


def test_a_still_cell_in_a_picture_that_is_repeated_for_seconds_is_immotile():
    time_s = np.arange(101) / 50
    found = measure(time_s, np.zeros((101, 2)), repeated=time_s > 0)
    assert found.who_motility == "immotile"
    assert found.why["vcl_um_s"] == "not computed: 0 different pictures a second are below 50"
