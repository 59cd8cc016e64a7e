"""Crops: where, how large, and when."""

import numpy as np
import pytest

from spermscope.clips import MODEL_PX, MOTION_FEATURES, Clipper, crop, motion_features, to_model_input
from spermscope.types import Frame, Tracks


def blob(shape, x, y, sigma):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (40 + 180 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))).astype(np.uint8)


def centroid(image):
    lift = image.astype(float) - 45
    lift[lift < 0] = 0
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return (lift * columns).sum() / lift.sum(), (lift * rows).sum() / lift.sum(), lift


def tracks(ids, xy_px, *, confirmed=True, observed=True, um_per_px=0.5):
    count = len(ids)
    xy = np.array(xy_px, float).reshape(count, 2)
    return Tracks(
        np.array(ids, np.int64), xy, np.ones((count, 2)), xy * um_per_px, np.ones(count),
        np.full(count, observed), np.full(count, confirmed), np.arange(count),
    )  # fmt: skip


@pytest.mark.parametrize("um_per_px", [0.2, 0.333, 0.5, 0.8])
def test_a_head_stands_in_the_middle_at_the_clips_scale(um_per_px):
    sigma_um = 3.0
    image = blob((400, 500), 251.3, 180.7, sigma_um / um_per_px)
    cut = crop(image, (251.3, 180.7), um_per_px)
    x, y, lift = centroid(cut)
    assert cut.shape == (150, 150)
    assert (x, y) == pytest.approx((74.5, 74.5), abs=0.1)
    _, middle, source = centroid(image)
    spreads_um = [
        um * np.sqrt((light * (np.mgrid[: len(light), : light.shape[1]][0] - at) ** 2).sum() / light.sum())
        for light, at, um in ((lift, y, 0.5), (source, middle, um_per_px))
    ]
    assert spreads_um[0] == pytest.approx(spreads_um[1], rel=0.02)


@pytest.mark.parametrize("xy", [(0, 0), (79, 59), (-5, 30), (40, 200)])
def test_beyond_the_border_there_is_background(xy):
    image = np.full((60, 80), 77, np.uint8)
    assert np.unique(crop(image, xy, 0.5)).tolist() == [77]


def test_a_one_pixel_picture_can_be_cropped():
    assert crop(np.full((1, 1), 9, np.uint8), (0, 0), 0.5).shape == (150, 150)


def due_times(times_s):
    clipper, image, taken = Clipper(0.5), np.zeros((40, 40), np.uint8), []
    for index, time_s in enumerate(times_s):
        taken += clipper.step(Frame(image, index, time_s), tracks([1], [(20, 20)])).time_s.tolist()
    return taken


def test_at_fifteen_frames_every_frame_is_taken():
    times_s = (np.arange(40) / 15).tolist()
    assert due_times(times_s) == times_s


@pytest.mark.parametrize("fps", [24, 30, 50, 100])
def test_at_higher_rates_the_nearest_frame_to_each_due_time_is_taken_once(fps):
    times_s = np.arange(3 * fps) / fps
    wanted = [times_s[np.argmin(np.abs(times_s - k / 15))] for k in range(44)]
    taken = due_times(times_s.tolist())
    assert len(set(taken)) == len(taken)
    assert np.abs(np.array(taken[:44]) - wanted).max() <= 1.01 / fps
    assert len(taken) == pytest.approx(45, abs=1)


def graded_each_frame(times_s, cells, begin=1, every=2):
    """How many cells are graded with each frame, with every ``every``-th crop; all begin with the frame ``begin``."""
    clipper, image = Clipper(0.5, every=every), np.zeros((40, 40), np.uint8)
    seen, graded = dict.fromkeys(range(cells), 0), []
    for index, time_s in enumerate(times_s):
        here = tracks(range(cells), [(20, 20)] * cells) if index >= begin else tracks([], np.empty((0, 2)))
        ids = clipper.step(Frame(image, index, time_s), here).track_id.tolist()
        graded.append(sum(seen[one] % every == 0 for one in ids))
        for one in ids:
            seen[one] += 1
    return graded, seen


@pytest.mark.parametrize(("fps", "most"), [(15, 5), (30, 3), (60, 2), (100, 1)])
def test_cells_that_begin_together_are_graded_in_turn(fps, most):
    graded, seen = graded_each_frame(np.arange(2 * fps) / fps, 10)
    assert max(graded) == most
    assert min(seen.values()) >= 15 * 2 - 4


@pytest.mark.parametrize(("fps", "frames"), [(15, 2), (30, 4), (60, 8)])
def test_where_grades_are_far_apart_no_cell_waits_for_two_crops(fps, frames):
    graded, _ = graded_each_frame(np.arange(fps) / fps, 40, every=8)
    assert sum(graded[1 : 1 + frames]) == 40
    assert max(graded) <= np.ceil(40 / min(frames, 4))


def test_a_cell_that_begins_alone_begins_at_once():
    assert graded_each_frame(np.arange(6) / 15, 1)[0] == [0, 1, 0, 1, 0, 1]


def test_two_frames_at_almost_the_same_time_do_not_make_a_million_slots():
    graded, _ = graded_each_frame([0.0, 1e-9, 0.1, 0.2, 0.3, 0.4], 20)
    assert sum(graded) > 0


def test_after_a_gap_no_crop_is_taken_twice_to_catch_up():
    times_s = [0.0, 0.02, 0.04, 0.06, 0.6, 0.62, 0.64, 0.66, 0.68]
    taken = due_times(times_s)
    assert len(taken) == len(set(taken)) <= 5


def test_a_young_track_is_not_cropped_and_an_ended_one_is_forgotten():
    clipper, image = Clipper(0.5), np.zeros((40, 40), np.uint8)
    assert len(clipper.step(Frame(image, 0, 0.0), tracks([1], [(20, 20)], confirmed=False))) == 0
    assert len(clipper.step(Frame(image, 1, 0.1), tracks([1], [(20, 20)]))) == 1
    clipper.forget(np.array([1, 99]))
    assert clipper.best_clip(1) is None


def test_the_best_clip_is_the_most_observed_then_the_latest():
    clipper, image = Clipper(0.5), np.zeros((40, 40), np.uint8)
    seen = [True] * 16 + [False] * 4 + [True] * 14
    for index, observed in enumerate(seen):
        clipper.step(Frame(image, index, index / 15), tracks([5], [(20, 20)], observed=observed))
    clip = clipper.best_clip(5)
    assert clip.observed.all()
    np.testing.assert_allclose(clip.time_s, np.arange(16) / 15)
    for index in range(len(seen), len(seen) + 4):
        clipper.step(Frame(image, index, index / 15), tracks([5], [(20, 20)]))
    assert clipper.best_clip(5).time_s[-1] == pytest.approx((len(seen) + 3) / 15)


@pytest.mark.parametrize(("count", "last"), [(1, 0), (2, 0), (19, 18), (20, 18)])
def test_a_clip_ends_where_a_grade_falls_due(count, last):
    clipper, image = Clipper(0.5, every=2), np.zeros((40, 40), np.uint8)
    assert np.isnan(clipper.best_ends_s(5))
    for index in range(count):
        clipper.step(Frame(image, index, index / 15), tracks([5], [(20, 20)]))
    assert clipper.best_ends_s(5) == clipper.best_clip(5).time_s[-1] == last / 15


def test_model_input_ignores_brightness_and_gain():
    rng = np.random.default_rng(1)
    frames = rng.integers(80, 120, (2, 3, 150, 150)).astype(np.uint8)
    plain = to_model_input(frames)
    assert plain.shape == (2, 3, MODEL_PX, MODEL_PX)
    assert plain.dtype == np.float32
    np.testing.assert_allclose(to_model_input(frames + 50), plain, atol=1e-6)
    np.testing.assert_allclose(to_model_input(2 * (frames - 60)), plain, atol=0.02)


def test_a_flat_crop_gives_zeros_not_nan():
    assert not to_model_input(np.full((1, 150, 150), 7, np.uint8)).any()


def test_motion_features_do_not_depend_on_the_way_a_cell_swims():
    rng = np.random.default_rng(2)
    time_s, xy = np.arange(16) / 15, np.cumsum(rng.normal(1, 1, (16, 2)), axis=0)
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    seen = np.ones(16, bool)
    np.testing.assert_allclose(
        motion_features(time_s, xy, seen), motion_features(time_s, xy @ turn + 100, seen), atol=1e-4
    )


def test_unknown_displacements_leave_only_what_was_observed():
    out = motion_features(np.arange(4) / 15, np.ones((4, 2)), np.array([1, 0, 1, 1], bool), known=False)
    assert out.shape == (4, MOTION_FEATURES)
    assert out[:, 5].tolist() == [1, 0, 1, 1]
    assert not np.delete(out, 5, axis=1).any()


def test_many_clips_at_once_move_as_each_by_itself():
    rng = np.random.default_rng(3)
    time_s, xy = np.tile(np.arange(12) / 15, (5, 1)), np.cumsum(rng.normal(1, 1, (5, 12, 2)), axis=1)
    seen, known = rng.random((5, 12)) < 0.8, np.array([True, True, False, True, False])
    xy[2, 3] = np.nan
    each = [motion_features(*parts, known=bool(one)) for *parts, one in zip(time_s, xy, seen, known, strict=True)]
    np.testing.assert_array_equal(motion_features(time_s, xy, seen, known=known), each)
