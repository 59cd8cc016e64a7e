"""Tail movement: noise, shifts, light and what is beside the cell, on pictures whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.clips import Clipper
from spermscope.settings import Settings, TailSettings
from spermscope.tails import Tails, tail_movement
from spermscope.types import Frame, Tracks

UM_PER_PX, SIZE = 0.5, 128
FREE = np.ones((23, 23), bool)


def picture(rng, *, head=(32.0, 32.0), tail_deg=0.0, light=1.0, noise=2.0, others=()):
    """A grey field with a bright head, a straight tail (which points where it is told) and other heads."""
    y, x = np.mgrid[:SIZE, :SIZE] * UM_PER_PX
    image = np.full((SIZE, SIZE), 100.0)
    for head_x, head_y in (head, *others):
        image += 60 * np.exp(-(((x - head_x) / 2.0) ** 2 + ((y - head_y) / 1.4) ** 2))
    turn = np.radians(tail_deg)
    along = (x - head[0]) * np.cos(turn) + (y - head[1]) * np.sin(turn)
    across = (y - head[1]) * np.cos(turn) - (x - head[0]) * np.sin(turn)
    image += 18 * np.exp(-(across**2) / 0.8) * ((along > 2) & (along < 14))
    return np.clip(image * light + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8)


def watch(make, *, rate_hz=15, seconds=2.2, off_um=0.12, stage=(0.0, 0.0), repeated=lambda index: False, others=()):
    """Tail movement of a cell at (32, 32) um of the map; ``make(rng, time_s, place)`` gives each picture."""
    rng = np.random.default_rng(3)
    clipper, tails, image = Clipper(UM_PER_PX), Tails(UM_PER_PX), None
    for index in range(round(rate_hz * seconds) + 1):
        time_s = index / rate_hz
        corner = np.array(stage) * time_s
        if image is None or not repeated(index):
            image = make(rng, time_s, tuple(np.array([32.0, 32.0]) - corner))
        xy = np.array([(32.0, 32.0), *(other(time_s) for other in others)])
        xy = xy + rng.normal(0, off_um, xy.shape)
        count = len(xy)
        tracks = Tracks(
            np.arange(count) + 7, (xy - corner) / UM_PER_PX, np.full((count, 2), 10.0), xy, np.ones(count),
            np.ones(count, bool), np.arange(count) == 0, np.arange(count),
        )  # fmt: skip
        frame = Frame(image.copy(), index, time_s, repeated=repeated(index) and index > 0)
        tails.step(frame, tracks, clipper.step(frame, tracks))
    return tails.measured(7)


def still(rng, time_s, head):
    return picture(rng, head=head)


def beating(rng, time_s, head):
    return picture(rng, head=head, tail_deg=18 * np.sin(2 * np.pi * 4.1 * time_s))


@pytest.mark.parametrize("pictures", [10, 16, 31])
def test_white_noise_gives_one(pictures):
    rng = np.random.default_rng(1)
    found = [tail_movement(rng.normal(90, 3, (pictures, 23, 23)).astype(np.float32), FREE) for _ in range(60)]
    assert np.mean(found) == pytest.approx(1.0, abs=0.08)


@settings(max_examples=40, deadline=None)
@given(
    shift=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), turn=st.floats(-0.03, 0.03), gain=st.floats(0.9, 1.1),
    offset=st.floats(-10, 10),
)  # fmt: skip
def test_a_small_movement_of_the_whole_and_another_light_are_no_tail(shift, turn, gain, offset):
    y, x = np.mgrid[-11:12, -11:12].astype(float)

    def seen(dx, dy, angle, gain, offset):
        u, v = x * np.cos(angle) + y * np.sin(angle) - dx, y * np.cos(angle) - x * np.sin(angle) - dy
        body = 60 * np.exp(-((u / 4) ** 2 + (v / 3) ** 2)) + 25 * np.exp(-(((u - 6) / 4) ** 2 + ((v - 1) / 2.5) ** 2))
        return gain * (100 + body) + offset

    rng = np.random.default_rng(8)
    noise = rng.normal(0, 1.0, (16, 23, 23))
    moved = [seen(*shift, turn, gain, offset) if index % 2 else seen(0, 0, 0, 1, 0) for index in range(16)]
    assert tail_movement((np.array(moved) + noise).astype(np.float32), FREE) < 1.5


def test_what_moves_against_the_rest_is_a_tail_and_its_size_counts():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[-11:12, -11:12]
    noise, found = 100 + 60 * np.exp(-(x**2 + y**2) / 8) + rng.normal(0, 1.0, (16, 23, 23)), []
    for levels in (0, 3, 6, 12):
        pictures = noise.copy()
        pictures[::2, 10:13, 14:18] += levels
        found.append(tail_movement(pictures.astype(np.float32), FREE))
    assert found == sorted(found)
    assert found[0] < 1.2
    assert found[-1] > 2.5


@pytest.mark.parametrize("kept", [0.4, 0.7])
def test_less_than_half_of_the_ring_says_nothing(kept):
    rng = np.random.default_rng(4)
    free = np.arange(23)[None, :] < 23 * kept + np.zeros((23, 1))
    assert np.isnan(tail_movement(rng.normal(90, 3, (16, 23, 23)).astype(np.float32), free)) == (kept < 0.5)


@pytest.mark.parametrize("rate_hz", [10, 15, 30, 50])
def test_a_beating_tail_is_told_from_a_still_one(rate_hz):
    assert watch(still, rate_hz=rate_hz)[0] < 1.5
    assert watch(beating, rate_hz=rate_hz)[0] > 3


@pytest.mark.parametrize("make", [still, beating])
def test_a_drifting_stage_changes_little(make):
    at_rest, drifting = watch(make)[0], watch(make, stage=(5.0, -3.0))[0]
    assert drifting == pytest.approx(at_rest, rel=0.25)


def test_a_flickering_lamp_is_no_tail():
    def flickering(rng, time_s, head):
        return picture(rng, head=head, light=1.0 + 0.06 * np.sin(2 * np.pi * 6.3 * time_s))

    assert watch(flickering)[0] < 1.5


def test_a_neighbour_that_passes_is_left_out():
    def passing(time_s):
        return 14.0 + 18.0 * time_s, 39.0

    def make(rng, time_s, head):
        return picture(rng, head=head, others=[passing(time_s)])

    assert watch(make, others=[passing])[0] < 1.5 < watch(make)[0]


def test_a_neighbour_that_stays_too_near_leaves_nothing_to_tell():
    value, why = watch(still, others=[lambda time_s: (36.0, 32.0), lambda time_s: (28.0, 32.0)])
    assert np.isnan(value)
    assert why == "not computed: another head or the edge of the picture is too near"


def test_repeated_frames_are_left_out():
    value, _ = watch(beating, rate_hz=30, repeated=lambda index: index % 2 == 1)
    assert value == pytest.approx(watch(beating, rate_hz=15)[0], rel=0.3)
    value, why = watch(beating, rate_hz=30, seconds=5, repeated=lambda index: index % 5 != 0)
    assert np.isnan(value)
    assert why == "not computed: 6 different pictures a second are below 10"


def test_a_cell_that_swims_away_or_was_not_seen_has_no_value():
    clipper, tails = Clipper(UM_PER_PX), Tails(UM_PER_PX)
    rng = np.random.default_rng(5)
    for index in range(31):
        xy = np.array([[20.0 + index, 32.0]])
        frame, one = Frame(picture(rng, head=(20.0 + index, 32.0)), index, index / 15), np.ones(1, bool)
        tracks = Tracks(np.array([1]), xy / UM_PER_PX, np.ones((1, 2)), xy, np.ones(1), one, one, np.zeros(1, np.int64))
        tails.step(frame, tracks, clipper.step(frame, tracks))
    for track_id in (1, 2):
        value, why = tails.measured(track_id)
        assert np.isnan(value)
        assert why == "not computed: the head did not stay within 2.5 um for 1 s"


@pytest.mark.parametrize("limits", [{}, {"ground_um": 20.0, "stay_um": 10.0, "soft_um": 10.0}])
def test_a_head_that_jumps_to_and_fro_within_its_place_breaks_nothing(limits):
    clipper, tails, rng = Clipper(UM_PER_PX), Tails(UM_PER_PX, TailSettings(**limits)), np.random.default_rng(6)
    for index in range(31):
        xy = np.array([[32.0 + 2.49 * (index > 0) * (-1.0) ** (index % 3), 32.0]])
        frame, one = Frame(picture(rng), index, index / 15), np.ones(1, bool)
        tracks = Tracks(np.array([1]), xy / UM_PER_PX, np.ones((1, 2)), xy, np.ones(1), one, one, np.zeros(1, np.int64))
        tails.step(frame, tracks, clipper.step(frame, tracks))
    assert 0.5 < tails.measured(1)[0] < 1.5


def test_settings_out_of_order_are_refused():
    with pytest.raises(ValueError, match="expected near_um < far_um <= ground_um"):
        TailSettings(near_um=7)
    assert Settings().tail.far_um == 6.0
