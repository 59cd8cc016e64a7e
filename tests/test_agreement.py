"""Coefficients of agreement: published worked examples, other people's code, brute force, and what always holds."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score
from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from spermscope.agreement import (
    LINEAR,
    QUADRATIC,
    coincidences,
    estimate,
    fleiss_kappa,
    icc_of_mean,
    icc_of_one,
    interval,
    krippendorff_alpha,
    mean_distance,
    most_disputed,
    nominal,
    ordinal,
    pooled_kappa,
    variance_components,
    weighted_kappa,
)
from spermscope.labels import MISSING, vote_counts

# Four observers, twelve units, 0 where an observer said nothing: Krippendorff, "Computing Krippendorff's
# alpha-reliability" (2011), section D.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)
# Fleiss 1971, table 1: 30 patients, six psychiatrists, five diagnoses; a digit for each.
FLEISS_ROWS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
FLEISS = np.array([[int(digit) for digit in row] for row in FLEISS_ROWS.split()])
# Shrout & Fleiss 1979, table 2: six targets, four judges.
SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])

small = arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 5)), elements=st.integers(-1, 3))


def alpha_by_pairs(votes, apart):
    """Alpha as it is defined: every pair of votes within a clip against every pair at all."""
    clips = [[int(v) for v in row if v >= 0] for row in votes]
    clips = [row for row in clips if len(row) >= 2]
    pool = [v for row in clips for v in row]

    def distance(a, b):
        return apart(min(a, b), max(a, b), pool)

    observed = sum(
        distance(row[i], row[j]) / (len(row) - 1)
        for row in clips
        for i in range(len(row))
        for j in range(len(row))
        if i != j
    )
    expected = sum(distance(a, b) for a in pool for b in pool) / (len(pool) - 1) if pool else 0
    return 1 - observed / expected if expected else float("nan")


def ordinal_apart(a, b, pool):
    return (sum(a <= v <= b for v in pool) - (pool.count(a) + pool.count(b)) / 2) ** 2


APART = {
    nominal: lambda a, b, pool: float(a != b),
    ordinal: ordinal_apart,
    interval: lambda a, b, pool: float((a - b) ** 2),
}


@pytest.mark.parametrize(("distance", "published"), [(nominal, 0.743), (ordinal, 0.815), (interval, 0.849)])
def test_the_worked_example_of_krippendorff(distance, published):
    found = krippendorff_alpha(vote_counts(KRIPPENDORFF.T - 1, 5), distance)
    assert found.value == pytest.approx(published, abs=0.0005)


@pytest.mark.parametrize("distance", APART)
@settings(deadline=None)
@given(votes=small)
def test_alpha_equals_its_definition_over_pairs(distance, votes):
    found = krippendorff_alpha(vote_counts(votes, 4), distance)
    assert found.value == pytest.approx(alpha_by_pairs(votes, APART[distance]), abs=1e-9, nan_ok=True)
    assert bool(found.why) == np.isnan(found.value)


def test_alpha_is_one_for_agreement_nought_for_chance_and_undefined_without_disagreement():
    rng = np.random.default_rng(1)
    same = np.repeat(rng.integers(0, 5, (200, 1)), 8, axis=1)
    assert krippendorff_alpha(vote_counts(same, 5)).value == pytest.approx(1)
    assert krippendorff_alpha(vote_counts(rng.integers(0, 5, (4000, 8)), 5)).value == pytest.approx(0, abs=0.01)
    assert krippendorff_alpha(vote_counts(np.full((5, 8), 2), 5)).why == "not computed: all grades are one and the same"
    for lone in (np.full((5, 1), 2), np.zeros((0, 3), np.int64)):
        assert krippendorff_alpha(vote_counts(lone, 5)).why == "not computed: no clip has two grades"


@settings(deadline=None)
@given(votes=small)
def test_coincidences_are_symmetric_and_sum_to_the_votes_that_have_a_partner(votes):
    found = coincidences(vote_counts(votes, 4))
    given_votes = (votes >= 0).sum(axis=1)
    assert found == pytest.approx(found.T)
    assert found.sum() == pytest.approx(given_votes[given_votes >= 2].sum())


def test_the_table_of_fleiss_and_statsmodels():
    assert FLEISS.sum(axis=0).tolist() == [26, 26, 30, 55, 43]
    assert fleiss_kappa(FLEISS).value == pytest.approx(0.430, abs=0.0005)
    assert fleiss_kappa(FLEISS).value == pytest.approx(statsmodels_fleiss(FLEISS), abs=1e-12)


@settings(deadline=None)
@given(arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(2, 6)), elements=st.integers(0, 3)))
def test_fleiss_kappa_equals_statsmodels_where_every_clip_has_as_many_votes(votes):
    counts = vote_counts(votes, 4)
    found = fleiss_kappa(counts)
    if len(np.unique(votes)) == 1:
        assert found.why == "not computed: all grades are one and the same"
    else:
        assert found.value == pytest.approx(statsmodels_fleiss(counts), abs=1e-9)


def test_fleiss_kappa_with_missing_votes_is_that_of_gwet():
    # Gwet 2014: p_a over clips with two votes, 1 and 1/3 of pairs alike; chance from all three clips' mean shares.
    counts = np.array([[2, 0], [2, 1], [0, 1]])
    chance = ((1 + 2 / 3 + 0) / 3) ** 2 + ((0 + 1 / 3 + 1) / 3) ** 2
    assert fleiss_kappa(counts).value == pytest.approx(((1 + 1 / 3) / 2 - chance) / (1 - chance))
    assert fleiss_kappa(np.array([[1, 0], [0, 1]])).why == "not computed: no clip has two grades"


def test_the_six_targets_of_shrout_and_fleiss():
    assert icc_of_one(SHROUT).value == pytest.approx(0.29, abs=0.005)
    assert icc_of_mean(SHROUT).value == pytest.approx(0.62, abs=0.005)


def mean_squares(votes):
    """ICC(2,1) and ICC(2,k) from the table of variance: Shrout & Fleiss 1979."""
    n, k = votes.shape
    grand = votes.mean()
    between = k * ((votes.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    judges = n * ((votes.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    left = votes - votes.mean(axis=1, keepdims=True) - votes.mean(axis=0) + grand
    error = (left**2).sum() / ((n - 1) * (k - 1))
    with np.errstate(divide="ignore"):  # of the mean it may have no value
        return (
            (between - error) / (between + (k - 1) * error + k * (judges - error) / n),
            (between - error) / (between + (judges - error) / n),
        )


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 9), st.integers(2, 6))
def test_icc_without_missing_votes_is_that_of_the_mean_squares(seed, clips, raters):
    rng = np.random.default_rng(seed)
    votes = np.clip(rng.integers(0, 5, (clips, 1)) + rng.integers(-1, 2, (clips, raters)), 0, 4)
    assume(np.ptp(votes))
    one, of_mean = mean_squares(votes)
    assert icc_of_one(votes).value == pytest.approx(one, abs=1e-9)
    if not icc_of_mean(votes).why:
        assert icc_of_mean(votes).value == pytest.approx(of_mean, rel=1e-6, abs=1e-9)


def expected_squares(given_votes, clip, rater, rest):
    """What the three sums of squares of Henderson's first method come to on average: traces over the whole model."""
    at, by = np.nonzero(given_votes)
    clips, raters = np.eye(len(given_votes))[at], np.eye(given_votes.shape[1])[by]
    spread = clip * clips @ clips.T + rater * raters @ raters.T + rest * np.eye(len(at))
    ones = np.full((len(at), len(at)), 1 / len(at))
    onto_clips, onto_raters = clips @ np.linalg.pinv(clips), raters @ np.linalg.pinv(raters)
    forms = (onto_clips - ones, onto_raters - ones, np.eye(len(at)) - onto_clips - onto_raters + ones)
    return forms, [np.trace(form @ spread) for form in forms]


def test_variance_components_with_missing_votes_are_unbiased():
    rng = np.random.default_rng(3)
    given_votes = rng.random((14, 6)) < 0.6
    forms, _ = expected_squares(given_votes, 0, 0, 0)
    grade = rng.integers(0, 5, (14, 6))
    found = variance_components(np.where(given_votes, grade, MISSING))
    squares = [grade[given_votes] @ form @ grade[given_votes] for form in forms]
    _, expected = expected_squares(given_votes, found.clip, found.rater, found.rest)
    assert squares == pytest.approx(expected, rel=1e-9)


def test_icc_with_missing_votes_is_close_to_restricted_likelihood():
    rng = np.random.default_rng(8)
    clip, rater = rng.normal(0, 1.0, (150, 1)), rng.normal(0, 0.4, 12)
    votes = np.clip(np.rint(2 + clip + rater + rng.normal(0, 0.7, (150, 12))), 0, 4).astype(np.int64)
    votes[rng.random(votes.shape) < 0.5] = MISSING
    at, by = np.nonzero(votes != MISSING)
    effects = VCSpec(["clip", "rater"], [[["c"] * 150], [["r"] * 12]], [[np.eye(150)[at]], [np.eye(12)[by]]])
    fitted = MixedLM(votes[at, by].astype(float), np.ones((len(at), 1)), groups=np.zeros(len(at)), exog_vc=effects).fit(
        reml=True
    )
    likely = dict(zip(fitted.model.exog_vc.names, fitted.vcomp, strict=True))
    expected = likely["clip"] / (likely["clip"] + likely["rater"] + fitted.scale)
    assert icc_of_one(votes).value == pytest.approx(expected, abs=0.02)


def test_icc_says_why_there_is_none():
    assert icc_of_one(np.eye(3, dtype=np.int64) - 1 + np.eye(3, dtype=np.int64)).why == (
        "not computed: too few grades to tell clips from raters"
    )
    assert icc_of_one(np.full((4, 3), 2)).why == "not computed: all grades are one and the same"
    # Raters who contradict each other: clips' means are alike, more than chance would have them.
    assert icc_of_mean(np.array([[0, 4], [4, 0], [0, 4], [4, 0]])).why == (
        "not computed: clips differ less than chance would have them"
    )


def test_the_mean_of_raters_is_as_reliable_as_spearman_and_brown_have_it_for_the_raters_that_a_clip_has():
    rng = np.random.default_rng(2)
    votes = np.clip(rng.integers(0, 5, (60, 1)) + rng.integers(-1, 2, (60, 8)), 0, 4)
    votes[:, 4:][rng.random((60, 4)) < 0.7] = MISSING
    k = 60 / (1 / (votes != MISSING).sum(axis=1)).sum()
    one = icc_of_one(votes).value
    assert icc_of_mean(votes).value == pytest.approx(k * one / (1 + (k - 1) * one))


@pytest.mark.parametrize(("power", "weights"), [(LINEAR, "linear"), (QUADRATIC, "quadratic")])
@settings(deadline=None)
@given(arrays(np.int64, st.tuples(st.integers(1, 20), st.just(2)), elements=st.integers(0, 4)))
def test_weighted_kappa_equals_scikit_learn_and_statsmodels(power, weights, pairs):
    found = weighted_kappa(pairs, power)
    if len(np.unique(pairs)) == 1:
        assert found.why == "not computed: all grades are one and the same"
        return
    labels = list(range(5))
    assert found.value == pytest.approx(cohen_kappa_score(*pairs.T, weights=weights, labels=labels), abs=1e-9)
    table = np.histogram2d(*pairs.T, bins=[np.arange(6)] * 2)[0]
    named = cohens_kappa(table, wt=weights, return_results=False)
    assert found.value == pytest.approx(named, abs=1e-9)


def test_the_weighted_kappa_of_the_sas_manual():
    table = np.array([[0, 4, 1], [0, 8, 0], [0, 1, 5]])
    pairs = np.repeat(np.argwhere(table >= 0), table.ravel(), axis=0)
    assert weighted_kappa(pairs, LINEAR).value == pytest.approx(0.4701, abs=5e-5)


def test_pairs_without_two_grades_are_left_out_of_kappa():
    pairs = np.array([[0, 0], [1, 2], [4, 4], [MISSING, 3], [2, MISSING]])
    assert weighted_kappa(pairs).value == weighted_kappa(pairs[:3]).value
    assert weighted_kappa(pairs[3:]).why == "not computed: no clip was graded twice by one rater"


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_pooled_kappa_is_the_mean_of_the_raters_own_by_what_there_is_to_disagree_about(seed):
    rng = np.random.default_rng(seed)
    raters = rng.integers(0, 4, 40)
    pairs = np.clip(raters[:, None] + rng.integers(-1, 2, (40, 2)), 0, 4)
    own, weights = [], []
    for rater in np.unique(raters):
        mine = pairs[raters == rater]
        found = weighted_kappa(mine, LINEAR)
        own.append(0.0 if found.why else found.value)
        weights.append(np.abs(mine[:, :1] - mine[:, 1]).mean() * len(mine))
    assert pooled_kappa(pairs, raters, LINEAR).value == pytest.approx(np.average(own, weights=weights))


def test_raters_who_differ_and_guess_have_no_pooled_kappa_though_one_table_of_all_would_have():
    rng = np.random.default_rng(9)
    raters = np.repeat([0, 1], 2000)
    pairs = rng.integers(0, 2, (4000, 2)) + 3 * raters[:, None]
    assert pooled_kappa(pairs, raters).value == pytest.approx(0, abs=0.03)
    assert weighted_kappa(pairs).value > 0.85


@settings(deadline=None)
@given(votes=small, seed=st.integers(0, 99))
def test_neither_the_order_of_clips_or_raters_nor_turning_the_scale_changes_a_coefficient(votes, seed):
    rng = np.random.default_rng(seed)
    other = votes[rng.permutation(len(votes))][:, rng.permutation(votes.shape[1])]
    turned = np.where(other == MISSING, MISSING, 3 - other)
    for of in (krippendorff_alpha, fleiss_kappa):
        first, second = of(vote_counts(votes, 4)), of(vote_counts(turned, 4))
        assert first.value == pytest.approx(second.value, abs=1e-9, nan_ok=True)
        assert not first.value > 1 + 1e-12
    for of in (icc_of_one, icc_of_mean):
        first, second = of(votes), of(turned)
        assert first.value == pytest.approx(second.value, rel=1e-6, abs=1e-6, nan_ok=True)


@settings(deadline=None)
@given(votes=small)
def test_mean_distance_is_the_mean_over_pairs_of_votes(votes):
    found = mean_distance(vote_counts(votes, 4))
    for row, value in zip(votes, found, strict=True):
        own = [int(v) for v in row if v >= 0]
        pairs = [abs(a - b) for i, a in enumerate(own) for b in own[:i]]
        assert value == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


def test_the_most_disputed_clips_are_those_whose_raters_lie_furthest_apart():
    counts = np.array([[5, 0, 0, 0, 5], [0, 0, 10, 0, 0], [0, 5, 0, 5, 0], [1, 0, 0, 0, 0], [5, 0, 0, 0, 5]])
    assert most_disputed(counts, 10).tolist() == [0, 4, 2]
    assert most_disputed(counts, 1).tolist() == [0]


def test_an_interval_needs_five_donors_and_holds_its_number():
    rng = np.random.default_rng(4)
    votes = np.clip(rng.integers(0, 5, (80, 1)) + rng.integers(-1, 2, (80, 6)), 0, 4)
    counts = vote_counts(votes, 5)

    def alpha(rows):
        return krippendorff_alpha(counts[rows])

    found = estimate(alpha, np.arange(80) // 8, rng, resamples=200)
    assert found.low < found.value < found.high
    few = estimate(alpha, np.arange(80) // 20, rng, resamples=200)
    assert few.value == found.value
    assert np.isnan(few.low)
    assert few.why == "no interval: fewer than 5 donors"
    none = estimate(lambda rows: krippendorff_alpha(counts[rows] * 0), np.arange(80), rng)
    assert np.isnan([none.value, none.low, none.high]).all()
    assert none.why == "not computed: no clip has two grades"
