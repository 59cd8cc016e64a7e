"""Concentration against hand-worked cases, exact counts and simulated chambers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from spermscope.concentration import concentration, distinct_views, searched_volume_ul


def test_five_fields_of_a_20_um_chamber_by_hand():
    # 1000 x 800 px at 0.5 um: 500 x 400 um, 20 um deep: 4e6 um3 = 0.004 uL a field, 0.02 uL in five.
    volume_ul = searched_volume_ul(1000, 800, 0.5, 20.0, 5)
    assert volume_ul == pytest.approx(0.02)
    # 200 cells in 0.02 uL are 10 000 in one uL, 10 million in one mL.
    assert concentration(200, volume_ul).millions_per_ml == pytest.approx(10.0)


def test_ground_that_two_fields_share_counts_once_by_hand():
    # Views of 400 x 300 um. In map 0 one lies at the origin, one half a view to the right and again there, one a
    # quarter off on both sides of the first: 400 x 300 + 200 x 300 + what sticks out below, 400 x 75 (from x = 100).
    places = np.array([[0.0, 0.0], [200.0, 0.0], [200.0, 0.0], [100.0, 75.0], [0.0, 0.0]])
    maps = np.array([0, 0, 0, 0, 3])
    assert distinct_views(maps[:1], places[:1], 400, 300) == 1.0
    assert distinct_views(maps[:3], places[:3], 400, 300) == pytest.approx(1.5)
    assert distinct_views(maps[:4], places[:4], 400, 300) == pytest.approx(1.5 + 0.25)
    assert distinct_views(maps, places, 400, 300) == pytest.approx(1.75 + 1.0)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(-8, 8), st.integers(-8, 8)), min_size=1, max_size=7))
def test_distinct_ground_is_what_counting_squares_finds(corners):
    # Views of 5 x 3 squares on a grid: a brute-force set of squares.
    squares = {(x + i, y + j) for x, y in corners for i in range(5) for j in range(3)}
    places = np.array(corners, float)
    assert distinct_views(np.zeros(len(corners), int), places, 5.0, 3.0) == pytest.approx(len(squares) / 15)


def test_none_seen_bounds_the_count_by_three():
    found = concentration(0, 0.5)
    assert (found.millions_per_ml, found.low) == (0.0, 0.0)
    assert found.high * 1e3 * 0.5 == pytest.approx(-np.log(0.05))


@pytest.mark.parametrize("cells", [1, 7, 60, 400])
def test_the_interval_is_the_exact_one_of_a_poisson_count(cells):
    found = concentration(cells, 1.0)
    low, high = found.low * 1e3, found.high * 1e3
    assert poisson.sf(cells - 1, low) == pytest.approx(0.025, rel=1e-6)
    assert poisson.cdf(cells, high) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize("mean", [4.0, 20.0, 150.0])
def test_the_interval_holds_the_truth_at_least_as_often_as_it_says(mean):
    seen = np.random.default_rng(0).poisson(mean, 4000)
    intervals = {count: concentration(count, 1.0) for count in np.unique(seen).tolist()}
    held = [intervals[c].low * 1e3 <= mean <= intervals[c].high * 1e3 for c in seen.tolist()]
    assert np.mean(held) > 0.945


@settings(deadline=None)
@given(st.just(0.0) | st.floats(1e-6, 1e4), st.floats(1e-4, 10))
def test_the_value_lies_within_its_interval_and_scales_with_the_volume(cells, volume_ul):
    found, twice = concentration(cells, volume_ul), concentration(cells, 2 * volume_ul)
    assert found.low <= found.millions_per_ml <= found.high
    assert twice.high == pytest.approx(found.high / 2)


@pytest.mark.parametrize(
    "sides", [(0, 480, 0.5, 20.0, 1), (640, 480, -0.5, 20.0, 1), (640, 480, 0.5, 0.0, 1), (640, 480, 0.5, 20.0, 0)]
)
def test_a_volume_of_nothing_is_refused(sides):
    with pytest.raises(ValueError, match=r"concentration: expected a [a-z ]+ above 0, found"):
        searched_volume_ul(*sides)


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="found -1 cells in 1 uL"):
        concentration(-1, 1.0)
