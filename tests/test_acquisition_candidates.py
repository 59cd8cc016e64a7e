"""Which cells are offered, in which order, and when a prediction is disputed."""

import math

import pytest
from live_cells import cell, grade_of, peaked, swimming

from spermscope.acquisition.candidates import Filter, disputes, moves, score


def test_a_cell_that_swims_is_motile_with_or_without_a_who_grade():
    assert moves(swimming(40.0)) is True
    assert moves(swimming(40.0, who_reason="WHO grades need a measured scale")) is True
    assert moves(swimming(0.0)) is False
    assert moves(swimming(0.0, who_reason="WHO grades need a measured scale")) is False


def test_what_was_not_measured_is_neither_motile_nor_still():
    assert moves(None) is None
    assert moves(swimming(40.0, um_reason="scale estimated, 0.33 um/px; calibrate")) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"followed_s": 0.9}, "young"),
        ({"confirmed": False}, "young"),
        ({"ambiguous": True}, "ambiguous"),
        ({"motion": swimming(0.0)}, "still"),
        ({"motion": None}, "unknown"),
    ],
)
def test_the_filter_says_why_a_cell_is_left_out(changes, why):
    assert Filter(motile_only=True).left_out(cell(1, **changes)) == why


def test_a_filter_that_asks_nothing_leaves_out_only_what_does_not_count_yet():
    all_in = Filter(motile_only=False, followed=False, not_ambiguous=False)
    assert all_in.left_out(cell(1, followed_s=0.1, ambiguous=True, motion=None)) == ""
    assert all_in.left_out(cell(1, confirmed=False)) == "young"


def test_orders_put_the_asked_for_first():
    better, worse = cell(1, grade="peaked A", followed_s=1), cell(2, grade="peaked D", followed_s=9)
    assert score(better, "rating") < score(worse, "rating")
    assert score(worse, "followed") < score(better, "followed")
    split = cell(3, grade=grade_of(3, (0.2,) * 5, doubt=0.6))
    assert score(split, "differ") < score(better, "differ")
    assert score(split, "unsure") < score(better, "unsure")
    fast, slow = cell(4, motion=swimming(80.0)), cell(5, motion=swimming(10.0))
    assert score(fast, "speed") < score(slow, "speed")


@pytest.mark.parametrize("sort", ["rating", "differ", "unsure"])
def test_a_cell_without_a_prediction_that_may_be_shown_stands_last(sort):
    assert score(cell(1, grade=None), sort) == math.inf
    assert score(cell(1, grade=grade_of(1, unlike=True)), sort) == math.inf
    assert score(cell(1, motion=None), "speed") == math.inf


def test_disputes_name_the_experts_the_model_and_the_unlike():
    assert disputes(cell(1, grade=grade_of(1, peaked(0, 0.95), doubt=0.05))) == ()
    assert disputes(cell(1, grade=grade_of(1, (0.2,) * 5, doubt=0.05))) == ("experts_differ",)
    assert disputes(cell(1, grade=grade_of(1, peaked(0, 0.95), doubt=0.5))) == ("model_unsure",)
    assert disputes(cell(1, grade=grade_of(1, unlike=True))) == ("unlike",)
    assert disputes(cell(1, grade=None)) == ()
