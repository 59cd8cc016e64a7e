"""Replicates: the WHO rule by hand, the limit against brute force, simulation and published limits."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.replicates import chance_limit, compare_replicates


def counts(rapid, slow, nonprogressive, immotile):
    return {"rapid": rapid, "slow": slow, "non-progressive": nonprogressive, "immotile": immotile}


def test_the_most_frequent_grade_is_compared():
    found = compare_replicates(counts(100, 20, 10, 70), counts(90, 30, 10, 70))
    assert (found.grade, found.share) == ("rapid", pytest.approx(0.475))
    assert found.difference == pytest.approx(0.05)
    assert found.agrees
    assert not found.shortfall


def test_replicates_too_far_apart_do_not_agree():
    found = compare_replicates(counts(120, 20, 10, 50), counts(90, 40, 20, 50))
    assert found.difference == pytest.approx(0.15)
    assert not found.agrees


def test_too_few_cells_or_fields_are_named():
    found = compare_replicates(counts(50, 20, 10, 70), counts(100, 30, 10, 70), fields=(3, 6))
    assert found.shortfall == "150 and 210 cells, 200 each are asked for; 3 and 6 fields, 5 each are asked for"


@pytest.mark.parametrize(("percent", "points"), [(10, 6), (20, 8), (30, 9), (50, 10), (70, 9), (80, 8), (90, 6)])
def test_of_two_hundred_and_two_hundred_the_limits_are_near_the_published_ones(percent, points):
    # Single limits of the WHO manual's 95 % table for 200 + 200 cells, for comparison; ours are not rounded.
    assert 100 * chance_limit(percent / 100, 200, 200) == pytest.approx(points, abs=0.51)


def brute_limit(share, cells, others):
    chance = lambda k, n: math.comb(n, k) * share**k * (1 - share) ** (n - k)  # noqa: E731
    pairs = [(abs(i / cells - j / others), chance(i, cells) * chance(j, others))
             for i in range(cells + 1) for j in range(others + 1)]  # fmt: skip
    differences = sorted({round(d, 9) for d, _ in pairs})
    return next(d for d in differences if sum(p for far, p in pairs if far > d + 1e-9) <= 0.05)


@pytest.mark.parametrize(("share", "cells", "others"), [(0.5, 12, 12), (0.2, 9, 14), (0.05, 20, 10)])
def test_the_limit_is_the_one_that_every_pair_of_counts_gives(share, cells, others):
    assert chance_limit(share, cells, others) == pytest.approx(brute_limit(share, cells, others), abs=1e-8)


@pytest.mark.parametrize("share", [0.03, 0.3, 0.6])
def test_replicates_of_one_sample_disagree_at_most_once_in_twenty(share):
    rng = np.random.default_rng(1)
    drawn = rng.binomial(220, share, (20000, 2)) / 220
    apart = np.abs(drawn[:, 0] - drawn[:, 1])
    assert 0.02 < (apart > chance_limit(share, 220, 220) + 1e-12).mean() < 0.055


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 1), st.integers(1, 400), st.integers(1, 400))
def test_the_limit_is_the_same_from_either_side(share, cells, others):
    found = chance_limit(share, cells, others)
    assert 0.0 <= found <= 1.0
    assert found == pytest.approx(chance_limit(share, others, cells))


def test_where_all_or_none_have_the_grade_any_difference_is_one():
    assert chance_limit(0.0, 200, 200) == 0.0
    assert chance_limit(1.0, 200, 200) == 0.0
    assert chance_limit(1e-308, 1, 3) == 0.0


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (counts(0, 0, 0, 0), counts(1, 0, 0, 0), "expected cells in both, found 0 and 1"),
        (counts(-1, 0, 0, 9), counts(1, 0, 0, 0), "expected counts from 0, found a negative one"),
        ({"rapid": 1}, counts(1, 0, 0, 0), "expected the same grades in both"),
    ],
)
def test_what_is_no_pair_of_replicates_is_refused(first, second, told):
    with pytest.raises(ValueError, match=told):
        compare_replicates(first, second)
