"""Distances between distributions of grades against SciPy, closed forms and brute force."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from scipy.stats import pearsonr, wasserstein_distance

from spermscope import metrics
from tests.distributions import distributions

PER_ITEM = (
    metrics.mse,
    metrics.emd,
    metrics.emd_rms,
    metrics.rps,
    metrics.jsd,
    metrics.histogram_intersection,
    metrics.mode_accuracy,
    metrics.near_accuracy,
    metrics.expected_error,
)
DISTANCES = (metrics.mse, metrics.emd, metrics.emd_rms, metrics.rps, metrics.jsd, metrics.expected_error)


def one(*shares):
    return np.array([shares], float)


@given(distributions(), distributions())
def test_scipy_gives_the_same_distances(predicted, target):
    grade = np.arange(5)
    for row, (p, q) in enumerate(zip(predicted, target, strict=True)):
        assert metrics.emd(predicted, target)[row] == pytest.approx(wasserstein_distance(grade, grade, p, q), abs=1e-12)
        assert metrics.jsd(predicted, target)[row] == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-9)
        assert metrics.entropy(predicted)[row] == pytest.approx(scipy_entropy(p), abs=1e-12)


@given(distributions(), distributions())
def test_intersection_is_one_minus_the_total_variation(predicted, target):
    # Total variation by brute force: the largest difference that any set of grades can have.
    sets = (np.arange(32)[:, None] >> np.arange(5)) & 1
    variation = ((predicted - target) @ sets.T).max(axis=1)
    assert metrics.histogram_intersection(predicted, target) == pytest.approx(1 - variation, abs=1e-12)
    assert metrics.histogram_intersection(predicted, target) == pytest.approx(np.minimum(predicted, target).sum(1))


@given(distributions(), distributions())
def test_brute_force_gives_the_same_scores(predicted, target):
    for row, (p, q) in enumerate(zip(predicted, target, strict=True)):
        below = [sum(p[: k + 1]) - sum(q[: k + 1]) for k in range(5)]
        assert metrics.rps(predicted, target)[row] == pytest.approx(sum(d * d for d in below[:4]), abs=1e-12)
        assert metrics.emd_rms(predicted, target)[row] == pytest.approx(
            (sum(d * d for d in below) / 5) ** 0.5, abs=1e-7
        )
        assert metrics.mse(predicted, target)[row] == pytest.approx(sum((p - q) ** 2) / 5, abs=1e-12)
        means = [sum(k * share for k, share in enumerate(side)) for side in (p, q)]
        assert metrics.expected_error(predicted, target)[row] == pytest.approx(abs(means[0] - means[1]), abs=1e-12)


@given(distributions(), distributions())
def test_all_stay_in_their_ranges_and_are_symmetric(predicted, target):
    top = [2 / 5, 4, 0.8**0.5, 4, np.log(2), 1, 1, 1, 4]
    for metric, highest in zip(PER_ITEM, top, strict=True):
        values = metric(predicted, target)
        assert values.shape == (3,)
        assert values.min() >= -1e-12
        assert values.max() <= highest + 1e-12
        assert values == pytest.approx(metric(target, predicted), abs=1e-12)


@given(distributions())
def test_the_truth_is_at_no_distance_from_itself(target):
    for metric in DISTANCES:
        assert metric(target, target) == pytest.approx(0, abs=1e-12)
    for metric in (metrics.histogram_intersection, metrics.mode_accuracy, metrics.near_accuracy):
        assert metric(target, target) == pytest.approx(1)


def test_best_against_worst_reaches_every_end_of_the_range():
    best, worst = one(1, 0, 0, 0, 0), one(0, 0, 0, 0, 1)
    found = [metric(best, worst)[0] for metric in PER_ITEM]
    assert found == pytest.approx([0.4, 4, 0.8**0.5, 4, np.log(2), 0, 0, 0, 4])


def test_only_ordered_distances_grow_with_the_grades_between():
    a, b, e = one(1, 0, 0, 0, 0), one(0, 1, 0, 0, 0), one(0, 0, 0, 0, 1)
    for metric in (metrics.emd, metrics.emd_rms, metrics.rps, metrics.expected_error):
        assert metric(a, b) < metric(a, e)
    for metric in (metrics.mse, metrics.jsd, metrics.histogram_intersection):
        assert metric(a, b) == pytest.approx(metric(a, e))


def test_a_tie_goes_to_the_worse_grade():
    tie = one(0.4, 0.4, 0.2, 0, 0)
    assert metrics.modes(tie).tolist() == [1]
    assert metrics.modes(np.full((1, 5), 0.2)).tolist() == [4]
    assert metrics.mode_accuracy(tie, one(0, 1, 0, 0, 0)).tolist() == [1]
    assert metrics.mode_accuracy(tie, one(1, 0, 0, 0, 0)).tolist() == [0]
    assert metrics.near_accuracy(tie, one(0, 0, 1, 0, 0)).tolist() == [1]
    assert metrics.near_accuracy(tie, one(0, 0, 0, 1, 0)).tolist() == [0]


@pytest.mark.parametrize("metric", PER_ITEM)
def test_an_item_without_votes_has_no_score(metric):
    predicted, target = np.full((2, 5), 0.2), np.vstack([np.full(5, np.nan), np.full(5, 0.2)])
    assert np.isnan(metric(predicted, target)).tolist() == [True, False]
    assert metric(np.empty((0, 5)), np.empty((0, 5))).shape == (0,)


@pytest.mark.parametrize("metric", PER_ITEM)
@pytest.mark.parametrize(
    ("predicted", "target", "words"),
    [
        (np.full((1, 5), 0.2), np.full((1, 4), 0.25), "one shape"),
        (np.full(5, 0.2), np.full(5, 0.2), "one shape"),
        (np.full((1, 5), 8.0), np.full((1, 5), 0.2), "predicted: expected shares"),
        (np.full((1, 5), 0.2), one(1.5, -0.5, 0, 0, 0), "target: expected shares"),
    ],
)
def test_what_is_no_distribution_is_refused(metric, predicted, target, words):
    with pytest.raises(ValueError, match=words):
        metric(predicted, target)


def test_entropy_correlation_is_pearsons_and_undefined_for_constants():
    rng = np.random.default_rng(3)
    target = rng.dirichlet(np.ones(5), 50)
    predicted = 0.5 * target + 0.5 * rng.dirichlet(np.ones(5), 50)
    assert metrics.entropy_correlation(target, target) == pytest.approx(1)
    expected = pearsonr(scipy_entropy(predicted, axis=1), scipy_entropy(target, axis=1)).statistic
    assert metrics.entropy_correlation(predicted, target) == pytest.approx(expected)
    assert np.isnan(metrics.entropy_correlation(np.full((50, 5), 0.2), target))
    assert np.isnan(metrics.entropy_correlation(predicted[:1], target[:1]))


def test_the_mean_row_is_the_training_mean_for_everyone():
    training = np.vstack([one(1, 0, 0), one(0, 0, 1), one(np.nan, np.nan, np.nan)])
    assert metrics.mean_distribution(training, 2).tolist() == [[0.5, 0, 0.5], [0.5, 0, 0.5]]


def test_the_noise_floor_of_mse_has_its_closed_form():
    rng = np.random.default_rng(4)
    truth = rng.dirichlet(np.ones(5), 400)
    expected = (truth * (1 - truth)).sum(axis=1).mean() / (5 * 40)
    assert metrics.noise_floor(metrics.mse, truth, 40, rng) == pytest.approx(expected, rel=0.02)
    assert metrics.noise_floor(metrics.mse, truth, 10, rng) == pytest.approx(4 * expected, rel=0.02)


def test_the_noise_floor_of_intersection_is_its_expectation_by_enumeration():
    truth = one(0.3, 0.7)
    # Two votes: 0, 1 or 2 of them for the first grade.
    expected = 0.49 * 0.7 + 0.42 * 0.8 + 0.09 * 0.3
    floor = metrics.noise_floor(metrics.histogram_intersection, truth, 2, np.random.default_rng(0), draws=20000)
    assert floor == pytest.approx(expected, abs=0.005)
    with pytest.raises(ValueError, match="at least 1 rater"):
        metrics.noise_floor(metrics.mse, truth, 0, np.random.default_rng(0))


def test_the_noise_floor_takes_each_items_own_number_of_votes():
    rng = np.random.default_rng(9)
    truth, votes = rng.dirichlet(np.ones(5), 400), rng.integers(3, 41, 400)
    expected = ((truth * (1 - truth)).sum(axis=1) / (5 * votes)).mean()
    assert metrics.noise_floor(metrics.mse, truth, votes, rng, draws=60) == pytest.approx(expected, rel=0.03)
    holed, votes = np.where(np.arange(400)[:, None] < 200, truth, np.nan), np.where(np.arange(400) < 200, votes, 0)
    expected = ((truth * (1 - truth)).sum(axis=1)[:200] / (5 * votes[:200])).mean()
    assert metrics.noise_floor(metrics.mse, holed, votes, rng, draws=60) == pytest.approx(expected, rel=0.05)
    with pytest.raises(ValueError, match="at least 1 rater"):
        metrics.noise_floor(metrics.mse, truth, votes, rng)


def test_a_score_of_the_whole_set_has_a_floor_too():
    rng = np.random.default_rng(10)
    truth = rng.dirichlet(np.ones(5), 2000)
    labels = rng.multinomial(40, truth) / 40
    floor = metrics.noise_floor(metrics.macro_hi, truth, 40, rng)
    assert floor == pytest.approx(metrics.macro_hi(truth, labels), abs=0.01)
    assert floor < 1


def test_the_interval_resamples_donors_not_cells():
    rng = np.random.default_rng(5)
    donor = np.repeat(np.arange(100), 20)
    values = rng.normal(0, 1, 100)[donor]
    low, high = metrics.bootstrap_interval(values, donor, rng)
    # Twenty equal cells tell no more than one: the standard error is that of 100 donors.
    assert (high - low) / (2 * 1.96) == pytest.approx(values[::20].std() / 10, rel=0.1)
    alone = metrics.bootstrap_interval(values, np.arange(2000), rng)
    assert alone[1] - alone[0] < 0.3 * (high - low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(300):
        donor = np.repeat(np.arange(40), rng.integers(3, 12, 40))
        values = rng.normal(0, 1, 40)[donor] + rng.normal(0, 1, len(donor))
        low, high = metrics.bootstrap_interval(values, donor, rng, resamples=400)
        covered += low <= 0 <= high
    assert 0.89 <= covered / 300 <= 0.985


@pytest.mark.parametrize("donors", [6, 12, 40, 200])
def test_the_interval_of_few_donors_is_as_wide_as_students(donors):
    values = scipy.stats.norm.ppf((np.arange(donors) + 0.5) / donors)
    low, high = metrics.bootstrap_interval(values, np.arange(donors), np.random.default_rng(0), resamples=100_000)
    wide = scipy.stats.t.interval(0.95, donors - 1, scale=scipy.stats.sem(values))
    assert (low, high) == pytest.approx(wide, rel=0.06)


def test_an_interval_needs_values_and_a_group_for_each():
    rng = np.random.default_rng(7)
    assert np.isnan(metrics.bootstrap_interval(np.empty(0), np.empty(0, np.int64), rng)).all()
    assert metrics.bootstrap_interval(np.array([2.0, 2.0]), np.array([1, 1]), rng) == (2.0, 2.0)
    with pytest.raises(ValueError, match="one group a value"):
        metrics.bootstrap_interval(np.ones(3), np.array([1, 2]), rng)


def test_the_crossed_interval_covers_new_donors_and_new_raters():
    rng, crossed, donors_alone = np.random.default_rng(8), 0, 0
    for _ in range(300):
        values = rng.normal(0, 1, 30)[:, None] + rng.normal(0, 1, 12) + rng.normal(0, 1, (30, 12))
        low, high = metrics.crossed_interval(values, rng, resamples=300)
        crossed += low <= 0 <= high
        low, high = metrics.bootstrap_interval(values.mean(axis=1), np.arange(30), rng, resamples=300)
        donors_alone += low <= 0 <= high
    assert crossed / 300 >= 0.89
    assert donors_alone / 300 < 0.8


def test_the_crossed_interval_leaves_out_what_is_not_there():
    rng = np.random.default_rng(11)
    assert np.isnan(metrics.crossed_interval(np.full((3, 2), np.nan), rng)).all()
    assert metrics.crossed_interval(np.array([[2.0, np.nan], [np.nan, 2.0]]), rng) == (2.0, 2.0)


def test_the_training_loss_is_the_same_distance():
    torch = pytest.importorskip("torch")
    from spermscope.training.losses import emd_loss

    rng = np.random.default_rng(8)
    logits, target = rng.normal(0, 2, (60, 5)), rng.dirichlet(np.ones(5), 60)
    predicted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = emd_loss(torch.from_numpy(logits), torch.from_numpy(target).float()).numpy()
    assert loss == pytest.approx(metrics.emd_rms(predicted, target), abs=2e-4)


@given(distributions(8), st.lists(st.integers(0, 3), min_size=8, max_size=8), st.sets(st.integers(0, 7), max_size=3))
def test_the_mean_of_others_leaves_each_donor_out(target, donor, unseen):
    target, donor = target.copy(), np.array(donor)
    target[list(unseen)] = np.nan
    found = metrics.mean_of_others(target, donor)
    for row in range(8):
        others = [target[other] for other in range(8) if donor[other] != donor[row] and other not in unseen]
        wanted = np.mean(others, axis=0) if others else np.full(5, np.nan)
        np.testing.assert_allclose(found[row], wanted, atol=1e-12)
