"""Rank quality against scipy and against drawing ties at random."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from spermscope.metrics import best_of_field, rank_correlation
from tests.distributions import distributions


def sure(*grades):
    return np.eye(5)[list(grades)]


def test_the_models_highest_is_looked_up_among_the_experts_three_best():
    target = sure(0, 1, 2, 3, 4)
    field = np.zeros(5, np.int64)
    assert best_of_field(sure(0, 1, 2, 3, 4), target, field)[0] == 1
    assert best_of_field(sure(4, 3, 1, 3, 4), target, field)[0] == 1
    assert best_of_field(sure(4, 3, 4, 2, 4), target, field)[0] == 0
    assert np.isnan(best_of_field(target, target, field)[1:]).all()


@given(distributions(7), distributions(7))
def test_ties_have_the_share_that_random_order_gives_them(predicted, target):
    ours, theirs = (np.round(side @ np.arange(5), 9) for side in (predicted, target))
    # Expectation over random orders: the k-th of the tied cells at the edge is within as often as there are places.
    chances = []
    for top in np.flatnonzero(ours == ours.min()):
        places = 3 - sum(other < theirs[top] for other in theirs)
        chances.append(min(max(places, 0) / sum(other == theirs[top] for other in theirs), 1))
    found = best_of_field(predicted, target, np.zeros(7, np.int64))[0]
    assert found == pytest.approx(np.mean(chances))


def test_shuffled_cells_with_ties_settle_at_the_same_share():
    rng = np.random.default_rng(1)
    predicted, target = sure(0, 0, 1, 2, 3, 4), sure(1, 2, 1, 1, 1, 0)
    ours, theirs = predicted @ np.arange(5.0), target @ np.arange(5.0)
    hits = 0
    for _ in range(20000):
        noise = rng.random((2, 6)) * 1e-6
        hits += int(np.argmin(ours + noise[0])) in np.argsort(theirs + noise[1])[:3]
    expected = best_of_field(predicted, target, np.zeros(6, np.int64))[0]
    assert hits / 20000 == pytest.approx(expected, abs=0.015)


@given(st.integers(4, 12))
def test_a_model_that_tells_no_cell_from_another_gets_the_chance_level(count):
    rng = np.random.default_rng(count)
    target = rng.dirichlet(np.ones(5), count)
    found = best_of_field(np.full((count, 5), 0.2), target, np.zeros(count, np.int64))
    assert found[0] == pytest.approx(3 / count)


def test_small_fields_and_cells_without_votes_are_left_out():
    rng = np.random.default_rng(2)
    shares = rng.dirichlet(np.ones(5), 12)
    field = np.array([7, 7, 7, 3, 3, 3, 3, 3, 9, 9, 9, 9])
    assert np.flatnonzero(np.isfinite(best_of_field(shares, shares, field))).tolist() == [3, 8]
    holed = shares.copy()
    holed[8] = np.nan
    assert np.flatnonzero(np.isfinite(best_of_field(shares, holed, field))).tolist() == [3]
    assert np.flatnonzero(np.isfinite(rank_correlation(shares, holed, field))).tolist() == [3]
    assert best_of_field(np.empty((0, 5)), np.empty((0, 5)), np.empty(0, np.int64)).shape == (0,)


@given(distributions(20), distributions(20))
def test_scipy_gives_the_same_rank_correlation_in_each_donor(predicted, target):
    donor = np.tile([5, 2], 10)
    found = rank_correlation(predicted, target, donor)
    for person, first in ((5, 0), (2, 1)):
        sides = [np.round(side[donor == person] @ np.arange(5), 9) for side in (predicted, target)]
        if min(np.ptp(side) for side in sides) == 0:
            assert np.isnan(found[first])
        else:
            assert found[first] == pytest.approx(spearmanr(*sides).statistic)
    assert np.isnan(found[2:]).all()
