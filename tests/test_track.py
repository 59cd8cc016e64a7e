"""Identities: crossings, gaps, order, counters, ambiguity."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.settings import TrackSettings
from spermscope.track import Tracker, _solve


def follow(paths, times_s, rng=None, *, noise_um=0.15, merge_um=0.0, order=None):
    """Ids given to each path, frame by frame (0 where unseen); heads nearer than ``merge_um`` show as one."""
    tracker, ids, whys = Tracker(), [], []
    for frame, time_s in enumerate(times_s):
        points = paths[:, frame] + (rng.normal(0, noise_um, (len(paths), 2)) if rng is not None else 0.0)
        owner = np.arange(len(points))
        if merge_um and len(points) == 2 and np.hypot(*(points[0] - points[1])) < merge_um:
            points, owner = points.mean(axis=0, keepdims=True), np.array([-1])
        if order is not None:
            shuffle = order.permutation(len(points))
            points, owner = points[shuffle], owner[shuffle]
        followed = tracker.step(time_s, points, np.ones(len(points)))
        row = np.zeros(len(paths), int)
        for track_id, detection in zip(followed.track_id, followed.detection, strict=True):
            if detection >= 0 and owner[detection] >= 0:
                row[owner[detection]] = track_id
        ids.append(row)
        whys += followed.ended_why
    return np.array(ids), whys


def crossing(rng, angle_deg, fps, speed_um_s=60.0):
    """Two beating cells that meet after one second at that angle (0 = head-on)."""
    times_s = np.arange(int(2 * fps)) / fps
    paths = []
    for direction in (0.0, np.pi - np.radians(angle_deg)):
        along = speed_um_s * (times_s - 1.0)
        across = 1.2 * np.sin(2 * np.pi * rng.uniform(8, 14) * times_s + rng.uniform(0, 6.28))
        c, s = np.cos(direction), np.sin(direction)
        paths.append(np.column_stack([along * c - across * s, along * s + across * c]))
    return np.array(paths), times_s


def outcome(ids):
    """kept, swapped or ended, judged by the ids shortly before and well after the meeting."""
    before, after = ids[len(ids) // 4], ids[-2]
    if (before == after).all():
        return "kept"
    return "swapped" if set(before) & set(after) and (before[0] == after[1] or before[1] == after[0]) else "ended"


@pytest.mark.parametrize("fps", [15, 50])
@pytest.mark.parametrize(("hidden_s", "lives"), [(0.7, True), (1.6, False)])
def test_a_head_hidden_by_its_neighbour_is_kept_beside_it_for_a_second(fps, hidden_s, lives):
    rng, tracker, whys = np.random.default_rng([fps, 8]), Tracker(), []
    for time_s in np.arange(int((1.0 + hidden_s) * fps)) / fps:
        points = np.array([[40.0 * time_s, 0.0], [40.0 * time_s, 2.6]]) + rng.normal(0, 0.15, (2, 2))
        followed = tracker.step(time_s, points[: 2 if time_s < 1.0 else 1], np.ones(2 if time_s < 1.0 else 1))
        whys += followed.ended_why
        if time_s < 1.0 + min(hidden_s, 0.7):
            assert followed.track_id.tolist() == [1, 2]
            assert np.hypot(*(followed.xy_um[1] - points[0])) < 4.0
    assert whys == ([] if lives else ["ambiguous", "ambiguous"])


@pytest.mark.parametrize("fps", [15, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("angle_deg", [0, 90])
def test_head_on_and_right_angle_crossings_keep_both_identities(angle_deg, fps):
    rng = np.random.default_rng([angle_deg, fps, 5])
    seen = [
        outcome(follow(*crossing(rng, angle_deg, fps, rng.uniform(30, 90)), rng, merge_um=3.0)[0]) for _ in range(50)
    ]
    assert seen.count("kept") >= 45
    assert seen.count("swapped") == 0


@pytest.mark.parametrize("speed_um_s", [30.0, 60.0])
@pytest.mark.slow
def test_a_merge_at_thirty_degrees_is_told_by_where_the_cells_go(speed_um_s):
    rng = np.random.default_rng(int(speed_um_s))
    seen = [outcome(follow(*crossing(rng, 150, 50, speed_um_s), rng, merge_um=3.0)[0]) for _ in range(50)]
    assert seen.count("kept") >= 40
    assert seen.count("swapped") == 0


def test_a_head_is_followed_through_a_rain_of_chance_points_and_the_rain_is_not():
    rng, tracker, counted, owners = np.random.default_rng(4), Tracker(), set(), []
    for time_s in np.arange(200) / 50:
        head = np.array([[10 + 35 * time_s, 80 + 1.5 * np.sin(2 * np.pi * 11 * time_s)]])
        shown = rng.random() > 0.2
        rain = rng.uniform(0, 160, (rng.poisson(24), 2))
        points = np.vstack([head[: int(shown)] + rng.normal(0, 0.5, (int(shown), 2)), rain])
        followed = tracker.step(time_s, points, np.full(len(points), 0.9), (0, 0, 160, 160))
        counted |= set(followed.track_id[followed.confirmed].tolist())
        owners += followed.track_id[followed.detection == 0].tolist() if shown else []
    assert max(owners.count(owner) for owner in set(owners)) > 0.85 * len(owners)
    assert len(counted) <= 4


def longest_share(rules, seed):
    """The share of a swinging head's points that its longest identity holds: 15 % unseen, three specks a frame."""
    rng, tracker, owners = np.random.default_rng(seed), Tracker(rules), []
    for time_s in np.arange(150) / 50:
        head = np.array([[20 + 30 * time_s, 5.5 * np.sin(2 * np.pi * 11 * time_s)]])
        seen = rng.random() > 0.15
        points = np.vstack([head[: int(seen)], rng.uniform([0, -15], [130, 15], (rng.poisson(3), 2))])
        followed = tracker.step(time_s, points + rng.normal(0, 0.25, points.shape), np.full(len(points), 0.8))
        owners += followed.track_id[followed.detection == 0].tolist() if seen else []
    return max(owners.count(owner) for owner in set(owners)) / len(owners)


@pytest.mark.slow
def test_a_track_learns_how_wide_its_head_swings():
    calm = TrackSettings(least_beat_um=1.0, widest_beat_um=1.0)
    learned, fixed = (np.mean([longest_share(rules, seed) for seed in range(20)]) for rules in (TrackSettings(), calm))
    assert learned > fixed + 0.1


@pytest.mark.parametrize("fps", [15, 50])
def test_a_filtered_place_is_nearer_to_a_swimming_head_than_its_points(fps):
    rng, tracker, times_s = np.random.default_rng(fps), Tracker(), np.arange(4 * fps) / fps
    rows = 40.0 * np.arange(20)
    across = 1.2 * np.sin(2 * np.pi * rng.uniform(8, 14, (20, 1)) * times_s + rng.uniform(0, 6.28, (20, 1)))
    heads = np.stack([np.broadcast_to(45.0 * times_s, across.shape), rows[:, None] + across], axis=2)
    filtered, measured = [], []
    for frame, time_s in enumerate(times_s):
        followed = tracker.step(time_s, heads[:, frame] + rng.normal(0, 0.5, (20, 2)), np.ones(20))
        true = heads[followed.detection, frame][followed.observed]
        filtered += np.hypot(*(followed.head_um[followed.observed] - true).T).tolist() if time_s > 1 else []
        measured += np.hypot(*(followed.xy_um[followed.observed] - true).T).tolist() if time_s > 1 else []
    assert np.mean(filtered) < 0.95 * np.mean(measured)


def test_an_immotile_cell_stays_one_track_for_minutes():
    rng = np.random.default_rng(1)
    ids, _ = follow(np.zeros((1, 3000, 2)), np.arange(3000) / 15, rng)
    assert set(ids.ravel()) == {1}


def test_cells_that_stop_together_and_part_slowly_end_as_ambiguous_or_keep_but_do_not_swap():
    times_s = np.arange(90) / 15
    rng = np.random.default_rng(3)
    swapped = ambiguous = 0
    for _ in range(20):
        side = np.interp(times_s, [0, 2, 4, 6], [12, 0.3, 0.3, 12])
        sign = rng.choice((-1.0, 1.0))
        turn = np.where(times_s > 3, sign, 1.0)
        paths = np.array([np.column_stack([8 * times_s, side * turn]), np.column_stack([8 * times_s, -side * turn])])
        ids, whys = follow(paths, times_s, rng, merge_um=3.0)
        ambiguous += "ambiguous" in whys
        swapped += outcome(ids) == "swapped"
    assert ambiguous >= 15
    assert swapped <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_detections_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    starts, speeds = rng.uniform(0, 200, (12, 2)), rng.normal(0, 40, (12, 2))
    times_s = np.arange(30) / 30
    paths = starts[:, None] + speeds[:, None] * times_s[None, :, None]
    plain, _ = follow(paths, times_s)
    mixed, _ = follow(paths, times_s, order=rng)
    same = {tuple(column) for column in (plain[:, :, None] == plain[:, None, :]).reshape(len(times_s), -1).T}
    again = {tuple(column) for column in (mixed[:, :, None] == mixed[:, None, :]).reshape(len(times_s), -1).T}
    assert same == again


def test_ids_are_never_used_again_after_an_end():
    tracker = Tracker()
    first = tracker.step(0.0, np.array([[0.0, 0.0]]), np.ones(1))
    ids, whys = tracker.end_all("cut")
    assert (ids.tolist(), whys) == (first.track_id.tolist(), ("cut",))
    assert tracker.step(0.1, np.array([[0.0, 0.0]]), np.ones(1)).track_id.tolist() == [2]
    assert Tracker().step(0.0, np.zeros((1, 2)), np.ones(1)).track_id.tolist() == [1]


def test_a_gap_is_bridged_by_predictions_and_a_longer_one_ends_the_track():
    tracker = Tracker()
    for frame in range(10):
        tracker.step(frame / 15, np.array([[4.0 * frame, 0.0]]), np.ones(1))
    gone = [tracker.step((10 + k) / 15, np.empty((0, 2)), np.empty(0)) for k in range(3)]
    assert all(len(step.track_id) == 1 and not step.observed[0] for step in gone)
    assert gone[1].xy_um[0, 0] == pytest.approx(44.0, abs=1.5)
    back = tracker.step(13 / 15, np.array([[52.0, 0.0]]), np.ones(1))
    assert back.track_id.tolist() == [1]
    ended = [tracker.step((14 + k) / 15, np.empty((0, 2)), np.empty(0)) for k in range(7)]
    assert [why for step in ended for why in step.ended_why] == ["lost"]


def test_a_track_that_leaves_the_view_ends_as_left():
    tracker, whys = Tracker(), []
    for frame in range(30):
        x = 3.0 * frame
        points = np.array([[x, 5.0]]) if x < 50 else np.empty((0, 2))
        whys += tracker.step(frame / 15, points, np.ones(len(points)), bounds_um=(0, 0, 50, 50)).ended_why
    assert whys == ["left"]


FAINT = TrackSettings().start_score - 0.1


def a_confirmed_track(places):
    tracker = Tracker()
    for frame in range(10):
        followed = tracker.step(frame / 50, places, np.ones(len(places)))
    assert followed.confirmed.all()
    return tracker


def test_a_faint_point_continues_a_track_that_counts_but_starts_none():
    assert len(Tracker().step(0.0, np.zeros((1, 2)), np.array([FAINT])).track_id) == 0
    tracker = a_confirmed_track(np.zeros((1, 2)))
    assert tracker.step(0.2, np.zeros((1, 2)), np.array([FAINT])).observed.tolist() == [True]


def test_a_faint_point_farther_off_than_a_head_would_be_is_left():
    tracker = a_confirmed_track(np.zeros((1, 2)))
    assert tracker.step(0.2, np.array([[2.5, 0.0]]), np.array([FAINT])).observed.tolist() == [False]


def test_a_sure_point_goes_before_a_faint_one_that_is_nearer():
    tracker = a_confirmed_track(np.zeros((1, 2)))
    followed = tracker.step(0.2, np.array([[0.0, 0.0], [1.5, 0.0]]), np.array([FAINT, 0.9]))
    assert followed.detection.tolist() == [1]


def test_a_faint_point_goes_to_the_head_that_is_left():
    tracker = a_confirmed_track(np.array([[0.0, 0.0], [2.0, 0.0]]))
    followed = tracker.step(0.2, np.array([[0.2, 0.0], [0.0, 0.0]]), np.array([FAINT, 0.9]))
    assert followed.detection.tolist() == [1, -1]
    followed = tracker.step(0.22, np.array([[1.9, 0.0], [0.0, 0.0]]), np.array([FAINT, 0.9]))
    assert followed.detection.tolist() == [1, 0]


@pytest.mark.parametrize("times_s", [(0.0, 0.0), (1.0, 0.5)])
def test_time_must_go_forward(times_s):
    tracker = Tracker()
    tracker.step(times_s[0], np.zeros((1, 2)), np.ones(1))
    with pytest.raises(ValueError, match="expected a time after"):
        tracker.step(times_s[1], np.zeros((1, 2)), np.ones(1))


def test_scores_must_match_the_points():
    with pytest.raises(ValueError, match="expected a score for each of 2 points, found 1"):
        Tracker().step(0.0, np.zeros((2, 2)), np.ones(1))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000))
def test_the_assignment_is_the_best_of_all(rows, columns, seed):
    rng = np.random.default_rng(seed)
    cost, near = rng.normal(0, 3, (rows, columns)), rng.random((rows, columns)) < 0.6
    match = _solve(cost, near)

    def value(pairs):
        return -len(pairs), sum(cost[pair] for pair in pairs)

    options = []
    for count in range(min(rows, columns) + 1):
        for some in itertools.combinations(range(rows), count):
            for at in itertools.permutations(range(columns), count):
                pairs = list(zip(some, at, strict=True))
                if all(near[pair] for pair in pairs):
                    options.append(value(pairs))
    found = value([(row, column) for row, column in enumerate(match) if column >= 0])
    assert found == pytest.approx(min(options))


def counted(tracker, times_s, points_at):
    """Ids that count after all of ``times_s``."""
    for number, time_s in enumerate(times_s):
        points, scores = points_at(number, time_s)
        followed = tracker.step(time_s, points, scores, (0, 0, 200, 200))
    return followed.track_id[followed.confirmed].tolist()


def test_a_point_beside_an_unseen_head_starts_no_second_head():
    """Two points that show in turn are one head and a doubt; shown together they are two heads."""
    at, times_s = np.array([[50.0, 50.0], [50.0, 53.5]]), np.arange(40) / 50

    def in_turn(number, _):
        return (at[:1] if number < 20 or number % 2 else at[1:]), np.ones(1)

    def together(number, _):
        return (at[:1] if number < 20 else at), np.ones(1 if number < 20 else 2)

    assert len(counted(Tracker(), times_s, in_turn)) == 1
    assert len(counted(Tracker(), times_s, together)) == 2
