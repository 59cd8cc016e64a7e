"""Landmarks and the recognition of ground seen before, on drawn points whose truth is known."""

import numpy as np
import pytest

from spermscope.stage.landmarks import Landmarks, find_landmarks, keep_still, overlay
from spermscope.stage.memory import FieldMemory, Spot

SIZE = (320, 240)
GROUND = np.random.default_rng(0).uniform(0, 2000, (2600, 2))
"""About fifty points a view."""


def view(x, y, *, seed, swimmers=20, jitter_px=0.2, ground=GROUND):
    rng = np.random.default_rng(seed)
    here = ground[((ground >= (x, y)) & (ground < (x + SIZE[0], y + SIZE[1]))).all(axis=1)] - (x, y)
    here = here + rng.normal(0, jitter_px, here.shape)
    points = np.concatenate([here, rng.uniform(0, SIZE, (swimmers, 2))])
    return Landmarks(rng.permutation(points), SIZE)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (31.3, -17.8), (160.0, 60.0), (-190.4, -30.2)])
def test_the_shift_between_two_views_of_one_ground_is_found_to_a_fraction_of_a_pixel(shift):
    over = overlay(view(600, 700, seed=1), view(600 + shift[0], 700 + shift[1], seed=2))
    assert over.sure
    assert np.hypot(*(over.shift_px - shift)) < 0.2


def test_strange_views_are_never_taken_for_one():
    views = [view(x, y, seed=10 * x + y, swimmers=30) for x in range(0, 1600, 400) for y in range(0, 1600, 400)]
    pairs = [(a, b) for row, a in enumerate(views) for b in views[row + 1 :]]
    expected = [overlay(*pair).expected for pair in pairs]
    assert len(pairs) == 120
    # One find in strange views as good as 0.01 is expected in a hundred; the threshold is 1e-6.
    assert min(expected) > 1e-4


def test_a_view_of_swimmers_alone_is_not_recognised_when_they_have_moved_on():
    empty = np.empty((0, 2))
    over = overlay(view(0, 0, seed=1, swimmers=60, ground=empty), view(0, 0, seed=2, swimmers=60, ground=empty))
    assert not over.sure


def test_dirt_on_the_camera_does_not_make_one_field_of_two():
    dirt = np.random.default_rng(5).uniform(0, SIZE, (15, 2))
    dirty = [Landmarks(np.concatenate([one.xy_px, dirt]), SIZE) for one in (view(0, 0, seed=1), view(900, 900, seed=2))]
    over = overlay(*dirty)
    assert over.expected < 1e-6
    assert not over.sure


def test_a_view_without_a_point_says_nothing():
    nothing = find_landmarks(np.zeros((240, 320), np.float32))
    assert nothing.xy_px.shape == (0, 2)
    assert overlay(nothing, view(0, 0, seed=1)) is None
    assert overlay(view(0, 0, seed=1), nothing) is None
    assert len(keep_still(view(0, 0, seed=1), nothing, np.zeros(2)).xy_px) == 0


def test_points_of_a_picture_are_found_where_they_were_drawn_bright_or_dark():
    y, x = np.mgrid[:240, :320].astype(np.float32)
    drawn = np.array([[40.3, 50.7], [200.0, 100.4], [300.6, 220.2]])
    picture = sum(
        sign * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 4.5) for sign, at in zip((2, -3, 1), drawn, strict=True)
    )
    found = find_landmarks(picture.astype(np.float32)).xy_px
    assert np.abs(found[np.argsort(found[:, 0])] - drawn).max() < 0.1


def test_only_what_stays_is_kept():
    still, gone = view(0, 0, seed=1, swimmers=0), view(0, 0, seed=1, swimmers=25)
    kept = keep_still(gone, view(4, 3, seed=9, swimmers=0), np.array([4.0, 3.0]))
    assert 0.9 * len(still.xy_px) < len(kept.xy_px) < len(still.xy_px) + 3


def remembering(*spots, most=48, um_per_px=1.0):
    memory = FieldMemory(most)
    for field, (map_, place, (x, y)) in enumerate(spots):
        while memory.new_field() < field:
            pass
        memory.remember(Spot(map_, np.array(place, float), field), view(x, y, seed=field), um_per_px, settled=True)
    return memory


def test_a_field_seen_again_keeps_its_number_and_one_beside_it_gets_a_new_one_in_the_same_map():
    memory = remembering((0, (0, 0), (300, 300)), (0, (900, 0), (1200, 300)), um_per_px=2.0)
    again = memory.recognise(view(330, 310, seed=50), 2.0)
    beside = memory.recognise(view(300 + 200, 300, seed=51), 2.0)
    assert (again.map, again.field) == (0, 0)
    assert again.place_um == pytest.approx([60, 20], abs=0.6)
    assert (beside.map, beside.field) == (0, 2)
    assert beside.place_um == pytest.approx([400, 0], abs=0.6)
    assert memory.recognise(view(300, 1500, seed=52), 2.0) is None


def test_two_maps_that_meet_become_the_older_one():
    memory = remembering((0, (0, 0), (300, 300)), (1, (5, 5), (700, 300)))
    between = memory.recognise(view(500, 300, seed=60), 1.0)
    assert between.map == 0
    assert between.place_um == pytest.approx([200, 0], abs=0.4)
    far = memory.recognise(view(720, 300, seed=61), 1.0)
    assert (far.map, far.field) == (0, 1)
    assert far.place_um == pytest.approx([420, 0], abs=0.6)


def test_a_field_that_is_left_again_is_remembered_as_it_was_last_seen():
    other = np.random.default_rng(1).uniform(0, SIZE, (60, 2))
    memory = remembering((0, (0, 0), (300, 300)), (0, (900, 0), (1200, 300)))
    memory.remember(Spot(0, np.array([5.0, 5.0]), 0), Landmarks(other, SIZE), 1.0, settled=True)
    assert memory.recognise(view(300, 300, seed=90), 1.0) is None
    again = memory.recognise(Landmarks(other[other[:, 0] >= 30] - (30, 0), SIZE), 1.0)
    assert again.field == 0
    assert again.place_um == pytest.approx([35, 5], abs=0.01)


def test_only_the_latest_views_are_remembered():
    memory = remembering(*[(n, (0, 0), (400 * n, 400 * n)) for n in range(4)], most=3)
    assert memory.recognise(view(0, 0, seed=70), 1.0) is None
    assert memory.recognise(view(400, 400, seed=71), 1.0).field == 1


def test_a_pan_does_not_drive_settled_fields_out_of_memory():
    memory = remembering((0, (0, 0), (0, 0)), most=12)
    for number in range(60):
        x = 12.0 * number
        memory.remember(Spot(0, np.array([x, 0.0]), 0), view(x, 0, seed=number), 1.0, settled=False)
    assert memory.recognise(view(8, 0, seed=80), 1.0).place_um == pytest.approx([8, 0], abs=0.4)
