"""Orders: everything comes, repeats stay hidden, and shares are even."""

from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.rating.orders import seat_order, shares

few = settings(max_examples=60, deadline=None)


def named(count):
    return [f"clip{number}" for number in range(count)]


@few
@given(st.integers(1, 120), st.integers(0, 99), st.integers(0, 40), st.floats(0, 0.25), st.integers(2, 60))
def test_every_clip_comes_once_and_the_share_of_repeats_twice_far_apart(count, seed, seat, share, block):
    order = seat_order(named(count), seed, seat, repeats_share=share, block=block)
    often = Counter(order)
    assert set(often) == set(named(count))
    assert set(often.values()) <= {1, 2}
    repeated = [clip for clip, times in often.items() if times == 2]
    assert len(repeated) == min(round(share * count), count // 2)
    places = sorted(len(order) - 1 - order[::-1].index(clip) for clip in repeated)
    assert all(after - before > 1 for before, after in pairwise(places))
    for clip in repeated:
        first, second = [place for place, one in enumerate(order) if one == clip]
        assert second - first >= max(2, min(block, count // 2))


def test_a_repeat_stands_in_another_block_where_there_are_two():
    order = seat_order(named(615), 3, 8, repeats_share=0.08, block=50)
    assert len(order) == 615 + 49
    for clip, times in Counter(order).items():
        blocks = [place // 50 for place, one in enumerate(order) if one == clip]
        assert len(set(blocks)) == times


def test_an_order_follows_from_seed_and_seat_and_from_nothing_else():
    rules = {"repeats_share": 0.1, "block": 10}
    one = seat_order(named(40), 5, 2, **rules)
    assert one == seat_order(list(reversed(named(40))), 5, 2, **rules)
    assert one != seat_order(named(40), 5, 3, **rules)
    assert one != seat_order(named(40), 6, 2, **rules)
    assert seat_order(["a", "b", "c", "d"], 1, 0, repeats_share=0.25, block=2) == ["c", "d", "a", "c", "b"]


def test_first_places_are_drawn_evenly():
    first = Counter(seat_order(named(4), seed, 0, repeats_share=0, block=2)[0] for seed in range(2000))
    assert all(abs(times - 500) < 4 * (2000 * 0.25 * 0.75) ** 0.5 for times in first.values())


@few
@given(st.integers(1, 60), st.integers(0, 9), st.integers(1, 12), st.data())
def test_shares_cover_every_clip_equally_and_seats_differ_by_one(count, seed, raters, data):
    each = data.draw(st.integers(1, raters))
    dealt = shares(named(count), seed, raters=raters, raters_per_clip=each)
    assert Counter(clip for clips in dealt for clip in clips) == dict.fromkeys(named(count), each)
    assert all(len(set(clips)) == len(clips) for clips in dealt)
    sizes = [len(clips) for clips in dealt]
    assert max(sizes) - min(sizes) <= 1


def pairs(dealt):
    return [len(set(one) & set(other)) for one, other in combinations(dealt, 2)]


@pytest.mark.parametrize(("raters", "each"), [(12, 4), (40, 10), (7, 3)])
def test_all_pairs_of_raters_share_about_equally_many(raters, each):
    shared = pairs(shares(named(615), 1, raters=raters, raters_per_clip=each))
    mean = 615 * each * (each - 1) / (raters * (raters - 1))
    assert sum(shared) / len(shared) == pytest.approx(mean, rel=0.01)
    assert all(abs(count - mean) <= 1 + 0.06 * mean for count in shared)


def test_a_donors_clips_are_spread_over_the_seats():
    dealt = shares(named(120), 2, raters=12, raters_per_clip=3)
    of_donor = [sum(int(clip[4:]) < 8 for clip in clips) for clips in dealt]
    assert sum(of_donor) == 24
    assert set(of_donor) == {2}
