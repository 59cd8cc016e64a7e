"""Labels: on no cell, on no other label, inside the picture, still while they can be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("PySide6")

from spermscope.app.labels import PLACES, _corners, place_labels

BOUNDS = np.array([0.0, 0.0, 800.0, 600.0])


def boxes_of(centres, half=12.0):
    return np.concatenate([centres - half, centres + half], axis=1)


def apart(one, other):
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


centres = hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(0, 600))


@settings(deadline=None, max_examples=60)
@given(centres, st.integers(0, 2**32 - 1))
def test_no_label_lies_on_a_cell_or_a_label_or_outside_and_none_is_missing_without_need(centres, seed):
    boxes = boxes_of(centres)
    sizes = np.random.default_rng(seed).uniform((30, 15), (80, 30), (len(centres), 2))
    placed = place_labels(boxes, sizes, BOUNDS)
    rects = np.concatenate([placed.xy_px, placed.xy_px + sizes], axis=1)
    there = [rect for rect in rects.tolist() if not np.isnan(rect[0])]
    for number, rect in enumerate(there):
        assert rect[0] >= 0
        assert rect[1] >= 0
        assert rect[2] <= 800
        assert rect[3] <= 600
        assert all(apart(rect, box) for box in boxes.tolist())
        assert all(apart(rect, other) for other in there[number + 1 :])
    ways = _corners(boxes, sizes)
    for row in np.flatnonzero(placed.place < 0).tolist():  # no place at all was free for it
        for x, y in ways[row].tolist():
            rect = [x, y, x + sizes[row, 0], y + sizes[row, 1]]
            outside = rect[0] < 0 or rect[1] < 0 or rect[2] > 800 or rect[3] > 600
            assert outside or not all(apart(rect, other) for other in [*boxes.tolist(), *there])


def test_cells_far_apart_have_their_labels_to_the_right():
    boxes = boxes_of(np.array([[100.0, 100.0], [400.0, 300.0]]))
    placed = place_labels(boxes, np.full((2, 2), (40.0, 20.0)), BOUNDS)
    assert placed.place.tolist() == [0, 0]
    assert (placed.xy_px[:, 0] > boxes[:, 2]).all()


def test_a_cell_at_the_right_edge_has_its_label_on_the_left():
    placed = place_labels(boxes_of(np.array([[780.0, 300.0]])), np.array([[40.0, 20.0]]), BOUNDS)
    assert placed.xy_px[0, 0] + 40 < 768


def test_a_label_stays_where_it_was_while_that_is_free():
    boxes = boxes_of(np.array([[300.0, 300.0]]))
    sizes = np.array([[40.0, 20.0]])
    for place in range(PLACES):
        assert place_labels(boxes, sizes, BOUNDS, np.array([place])).place[0] == place
    blocked = boxes_of(np.array([[300.0, 300.0], [340.0, 300.0]]))
    assert place_labels(blocked, np.full((2, 2), (40.0, 20.0)), BOUNDS, np.array([0, -1])).place[0] != 0


def test_no_cell_has_no_label():
    placed = place_labels(np.empty((0, 4)), np.empty((0, 2)), BOUNDS)
    assert placed.xy_px.shape == (0, 2)
