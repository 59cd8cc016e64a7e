"""Votes to distributions, splits that keep donors apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spermscope.labels import distribution, folds_by_donor, split_by_donor, split_hash, vote_counts


def test_missing_votes_are_left_out_and_no_vote_has_no_distribution():
    votes = np.array([[0, 0, 4, -1], [-1, -1, -1, -1], [2, -1, -1, -1]])
    assert vote_counts(votes, 5).tolist() == [[2, 0, 0, 0, 1], [0] * 5, [0, 0, 1, 0, 0]]
    found = distribution(votes, 5)
    assert found[0] == pytest.approx([2 / 3, 0, 0, 0, 1 / 3])
    assert np.isnan(found[1]).all()
    assert found[2].tolist() == [0, 0, 1, 0, 0]
    assert distribution(np.empty((0, 40), np.int64), 5).shape == (0, 5)


@pytest.mark.parametrize(
    ("votes", "words"),
    [([[5]], "expected grades 0 to 4"), ([[-2]], "expected grades 0 to 4"), ([1, 2], "expected shape")],
)
def test_votes_that_are_no_grades_are_refused(votes, words):
    with pytest.raises(ValueError, match=words):
        vote_counts(np.array(votes), 5)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80), st.integers(0, 9))
def test_no_donor_is_on_two_sides_and_none_is_lost(donors, seed):
    parts = split_by_donor(np.array(donors), (0.7, 0.1, 0.2), seed)
    everyone = np.concatenate(parts)
    assert sorted(everyone.tolist()) == sorted(set(donors))
    assert len(parts) == 3


def test_a_split_depends_on_its_donors_and_seed_alone():
    donors = np.repeat(np.arange(50), 3)
    parts = split_by_donor(donors, (0.7, 0.1, 0.2), 4)
    assert [len(part) for part in parts] == [35, 5, 10]
    shuffled = np.random.default_rng(0).permutation(donors)
    assert split_hash(split_by_donor(shuffled, (0.7, 0.1, 0.2), 4)) == split_hash(parts)
    assert split_hash(split_by_donor(donors, (0.7, 0.1, 0.2), 5)) != split_hash(parts)
    assert split_hash(parts[::-1]) != split_hash(parts)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80), st.integers(2, 6), st.integers(0, 9), st.booleans())
def test_every_donor_is_in_exactly_one_fold_and_folds_are_of_one_size(donors, folds, seed, graded):
    grade = np.random.default_rng(seed).choice([1.0, 2.5, 5.0, np.nan], len(donors)) if graded else None
    if len(set(donors)) < folds:
        with pytest.raises(ValueError, match=f"found {folds} for {len(set(donors))} donors"):
            folds_by_donor(np.array(donors), folds, seed, grade)
        return
    parts = folds_by_donor(np.array(donors), folds, seed, grade)
    assert sorted(np.concatenate(parts).tolist()) == sorted(set(donors))
    assert len(parts) == folds
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(st.integers(2, 6), st.integers(1, 12), st.integers(0, 99))
def test_folds_are_alike_in_mean_grade_as_neighbours_in_rank_are(folds, donors_a_fold, seed):
    """Every fold has one of as many neighbours in rank: their means differ by the range over the blocks at most."""
    rng = np.random.default_rng(seed)
    grade_of = rng.uniform(1, 5, folds * donors_a_fold)
    donors = rng.permutation(np.repeat(np.arange(len(grade_of)), 3))
    parts = folds_by_donor(donors, folds, seed, grade_of[donors])
    means = [grade_of[part].mean() for part in parts]
    assert max(means) - min(means) <= np.ptp(grade_of) / donors_a_fold + 1e-9


def test_folds_depend_on_donors_grades_and_seed_alone():
    rng = np.random.default_rng(3)
    donors, grade = np.repeat(np.arange(50), 3), rng.uniform(1, 5, 150)
    shuffled = rng.permutation(150)
    first = split_hash(folds_by_donor(donors, 5, 4, grade))
    assert split_hash(folds_by_donor(donors[shuffled], 5, 4, grade[shuffled])) == first
    assert split_hash(folds_by_donor(donors, 5, 5, grade)) != first
    assert split_hash(folds_by_donor(donors, 5, 4)) != first


@pytest.mark.parametrize("folds", [-1, 0, 1])
def test_one_fold_is_none(folds):
    with pytest.raises(ValueError, match="2 folds or more"):
        folds_by_donor(np.arange(9), folds, 0)


def test_the_hash_of_a_split_stays_what_it_is_in_model_cards():
    assert split_hash((np.array([1, 5]), np.array([2]))) == "ee9456f47840947c"


@pytest.mark.parametrize("shares", [(0.5, 0.4), (1.5, -0.5)])
def test_shares_that_do_not_make_a_whole_are_refused(shares):
    with pytest.raises(ValueError, match="sum to 1"):
        split_by_donor(np.arange(9), shares, 0)
