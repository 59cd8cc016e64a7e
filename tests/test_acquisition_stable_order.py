"""A list that holds still while its scores change, and is right in the end."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.acquisition.stable_order import StableOrder


def seen(order, seconds, scores, margin=0.2, start_s=0.0, **options):
    """The last places after ``seconds`` of the same scores, and how many times a place changed."""
    changes, before = 0, None
    for number in range(round(seconds / 0.2) + 1):
        places = order.update(start_s + 0.2 * number, scores, margin, **options)
        changes += before is not None and places != before
        before = places
    return before, changes


def test_the_best_come_first_and_nothing_moves_after_that():
    order = StableOrder(3)
    assert seen(order, 5, {1: 3.0, 2: 1.0, 3: 2.0})[0] == [2, 3, 1]
    assert seen(order, 20, {1: 3.0, 2: 1.0, 3: 2.0}, start_s=5.0) == ([2, 3, 1], 0)


def test_scores_that_tremble_within_the_margin_move_nothing():
    order = StableOrder(2)
    seen(order, 1, {1: 1.0, 2: 1.1})
    for number in range(100):
        places = order.update(1.0 + 0.2 * number, {1: 1.0 + 0.15 * (number % 2), 2: 1.1 - 0.15 * (number % 2)}, 0.2)
        assert places == [1, 2]


def test_a_lead_that_does_not_last_moves_nothing():
    order = StableOrder(2, patience_s=1.0)
    order.update(0.0, {1: 1.0, 2: 2.0}, 0.2)
    assert order.update(0.8, {1: 3.0, 2: 2.0}, 0.2) == [1, 2]
    assert order.update(1.6, {1: 1.0, 2: 2.0}, 0.2) == [1, 2]
    assert order.update(2.4, {1: 3.0, 2: 2.0}, 0.2) == [1, 2]
    assert order.update(3.5, {1: 3.0, 2: 2.0}, 0.2) == [2, 1]


def test_nothing_moves_while_somebody_points_at_it():
    order = StableOrder(2)
    order.update(0.0, {1: 1.0, 2: 2.0}, 0.2)
    assert seen(order, 5, {1: 5.0, 2: 2.0}, hold=True, start_s=0.2) == ([1, 2], 0)
    assert order.update(5.4, {1: 5.0, 2: 2.0}, 0.2) == [2, 1]


def test_one_that_has_gone_keeps_its_place_for_a_while_and_leaves_it_empty():
    order = StableOrder(2, linger_s=2.0, patience_s=1.0)
    order.update(0.0, {1: 1.0, 2: 2.0}, 0.2)
    assert order.update(0.9, {2: 2.0}, 0.2) == [1, 2]
    assert order.update(5.0, {2: 2.0}, 0.2)[1] in (2, None)
    assert seen(order, 3, {2: 2.0}, start_s=5.2)[0] == [2, None]


def test_a_newcomer_takes_an_empty_place_at_once_and_a_full_one_after_patience():
    order = StableOrder(2, patience_s=1.0)
    assert order.update(0.0, {1: 1.0}, 0.2) == [1, None]
    assert order.update(0.1, {1: 1.0, 2: 2.0}, 0.2) == [1, 2]
    assert order.update(0.2, {1: 1.0, 2: 2.0, 3: 0.5}, 0.2) == [1, 2]
    assert seen(order, 4, {1: 1.0, 2: 2.0, 3: 0.5}, start_s=0.4)[0] == [3, 1]


def test_those_without_a_number_come_last():
    places = seen(StableOrder(3), 6, {1: math.inf, 2: 4.0, 3: math.inf})[0]
    assert places[0] == 2


def test_time_that_falls_back_begins_the_waiting_anew():
    order = StableOrder(2, patience_s=1.0)
    order.update(100.0, {1: 1.0, 2: 2.0}, 0.2)
    order.update(100.5, {1: 3.0, 2: 2.0}, 0.2)
    assert order.update(3.0, {1: 3.0, 2: 2.0}, 0.2) == [1, 2]
    assert order.update(4.1, {1: 3.0, 2: 2.0}, 0.2) == [2, 1]


def test_fewer_places_let_go_of_the_last():
    order = StableOrder(3)
    seen(order, 3, {1: 1.0, 2: 2.0, 3: 3.0})
    order.resize(2)
    assert order.update(4.0, {1: 1.0, 2: 2.0, 3: 3.0}, 0.2) == [1, 2]


def test_the_one_that_is_kept_has_the_last_of_fewer_places():
    order = StableOrder(4)
    seen(order, 3, {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0})
    order.resize(2, keep=4)
    assert order.update(4.0, {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}, 0.2) == [1, 4]
    order.resize(2, keep=9)
    assert order.update(4.1, {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}, 0.2) == [1, 4]


scores = st.dictionaries(st.integers(1, 12), st.floats(1.0, 5.0), max_size=12)


@settings(max_examples=25, deadline=None)
@given(st.lists(scores, min_size=1, max_size=30), st.integers(1, 6))
def test_whatever_happens(changing, places):
    order, before, moved_s = StableOrder(places, rest_s=0.5), None, -math.inf
    for number, now in enumerate(changing):
        at_s = 0.3 * number
        found = order.update(at_s, now, 0.2)
        held = [one for one in found if one is not None]
        assert len(found) == places
        assert len(held) == len(set(held))
        assert None not in found or all(one in held for one in now)
        if before is not None:
            stayed = {one for one in held if one in before}
            if any(found.index(one) != before.index(one) for one in stayed):
                assert at_s - moved_s >= 0.5 - 1e-9
                moved_s = at_s
        before = found
    settled, _ = seen(order, 40, changing[-1], start_s=100.0)
    held = [one for one in settled if one is not None]
    assert set(held) <= set(changing[-1])
    assert len(held) == min(places, len(changing[-1]))
    for better, worse in pairwise(held):
        assert changing[-1][better] <= changing[-1][worse] + 0.2
    assert None not in settled[: len(held)]
    for one in set(changing[-1]) - set(held):
        assert changing[-1][one] >= changing[-1][held[-1]] - 0.2


@pytest.mark.parametrize("places", [0, 1])
def test_no_place_or_one(places):
    assert len(StableOrder(places).update(0.0, {4: 1.0, 5: 2.0}, 0.1)) == places
