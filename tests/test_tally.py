"""What fields add up to, by hand."""

import numpy as np
import pytest

from spermscope.tally import Tally
from spermscope.types import Detections, Frame, Grades, StagePosition, Step, Tracks


def step(index, field, state, cells, map_=0, x_um=0.0):
    none, pairs, ids = np.empty(0), np.zeros((cells, 2)), np.arange(cells)
    tracks = Tracks(ids, pairs, pairs, pairs, np.ones(cells), ids >= 0, ids >= 0, ids, none.astype(int), ())
    frame = Frame(np.zeros((4, 4), np.uint8), index, index / 10)
    return Step(
        frame, StagePosition(field, x_um, 0.0, state, 1.0, map_, 0.4), Detections.empty(), tracks, Grades.empty(), {}
    )


def visits(*rows, confirm_hits=1):
    tally, index = Tally(confirm_hits), 0
    for field, frames, cells, x_um in rows:
        for number in range(frames):
            tally.add_step(step(index, field, "still" if number else "cut", cells, x_um=x_um))
            index += 1
    return tally


def test_a_field_that_is_visited_again_is_averaged_not_added():
    # Field 0: 10 frames of 4 cells, later 5 frames of 7: 75 in 15 frames are 5. Field 1: 10. Mean of the two 7.5.
    tally = visits((0, 10, 4, 0.0), (1, 5, 10, 900.0), (0, 5, 7, 3.0))
    assert tally.fields == 2
    assert tally.watched().in_view.tolist() == [5.0, 10.0]
    assert tally.watched().place_um.tolist() == [[3.0, 0.0], [900.0, 0.0]]


def test_frames_in_which_no_cell_can_be_confirmed_yet_do_not_count_as_empty():
    # Three frames pass before a cell counts: the visits leave none, two, none and one.
    tally = visits((0, 2, 0, 0.0), (0, 5, 6, 0.0), (1, 3, 0, 0.0), (2, 4, 8, 0.0), confirm_hits=4)
    assert tally.fields == 3
    assert tally.watched().in_view.tolist() == [6.0, 8.0]


def test_without_a_field_that_was_watched_there_is_no_row():
    watched = visits((0, 2, 0, 0.0), confirm_hits=5).watched()
    assert watched.place_um.shape == (0, 2)
    assert np.isnan(Tally().mean_in_view())
    assert visits((0, 2, 3, 0.0)).mean_in_view() == pytest.approx(3.0)
