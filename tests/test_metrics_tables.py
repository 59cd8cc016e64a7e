"""The whole table: its numbers are those of the functions, and it says where it cannot know."""

from dataclasses import asdict

import numpy as np
import pytest
from scipy.special import softmax

from spermscope import metrics
from spermscope.metrics import MEASURES, Exam


def world(seed, donors=30, raters=12):
    """An exam of known truth and two models, the second worse."""
    rng = np.random.default_rng(seed)
    donor = np.repeat(np.arange(donors), rng.integers(4, 12, donors))
    logits = rng.normal(0, 1.5, (len(donor), 5)) + rng.normal(0, 0.5, (donors, 5))[donor]
    truth = softmax(logits, axis=1)
    edges = truth.cumsum(axis=1)[:, None, :-1]
    votes = (rng.random((len(donor), raters))[:, :, None] > edges).sum(axis=2)
    mean = metrics.mean_distribution(truth, len(donor))
    good, bad = (softmax(logits + rng.normal(0, noise, logits.shape), axis=1) for noise in (0.4, 1.0))
    return Exam.of_votes(votes, donor, mean, truth=truth), good, bad


def table(predicted, exam, measures=MEASURES, resamples=200):
    rng = np.random.default_rng(1)
    against = metrics.beside(exam, rng, measures)
    return metrics.score_table(predicted, exam, against, rng, measures=measures, resamples=resamples)


@pytest.fixture(scope="module")
def exam():
    return world(1)


@pytest.fixture(scope="module")
def scores(exam):
    return table(exam[1], exam[0])


def test_values_are_those_of_the_functions(exam, scores):
    exam, good, _ = exam
    assert set(scores) == set(MEASURES)
    expected = {
        "mse": metrics.mse(good, exam.target).mean(),
        "macro_hi": metrics.macro_hi(good, exam.target),
        "macro_f1": metrics.macro_f1(good, exam.target),
        "calibration_error": metrics.calibration_error(good, exam.target, exam.donor),
        "best_of_field": np.nanmean(metrics.best_of_field(good, exam.target, exam.donor)),
        "rank_correlation": np.nanmean(metrics.rank_correlation(good, exam.target, exam.donor)),
    }
    for name, value in expected.items():
        assert scores[name].value == pytest.approx(value), name
    assert scores["mse"].truth_row == pytest.approx(metrics.mse(exam.truth, exam.target).mean())
    assert scores["mse"].mean_row == pytest.approx(metrics.mse(exam.mean, exam.target).mean())


def test_every_value_lies_in_its_interval_and_references_are_in_order(scores):
    for name, score in scores.items():
        assert score.low <= score.value <= score.high, name
        better = 1 if MEASURES[name].higher else -1
        if name != "calibration_error":  # the mean row can be calibrated; see its own tests
            assert better * score.floor > better * score.value, name
            assert better * score.truth_row > better * score.value, name
            assert better * score.ceiling_half > better * score.ceiling_rater, name
            assert not better * score.mean_row > better * score.value, name


def test_the_mean_row_ranks_by_chance(exam, scores):
    size = np.bincount(exam[0].donor)
    assert scores["best_of_field"].mean_row == pytest.approx((3 / size).mean())
    assert np.isnan(scores["rank_correlation"].mean_row)


def test_hard_measures_take_a_raters_vote_as_it_stands(exam, scores):
    exam = exam[0]
    agree = []
    for rater in range(exam.votes.shape[1]):
        others = np.delete(exam.votes, rater, axis=1)
        counts = (others[:, :, None] == np.arange(5)).sum(axis=1)
        agree.append(np.mean(exam.votes[:, rater] == metrics.modes(counts)))
    assert scores["mode_accuracy"].ceiling_rater == pytest.approx(np.mean(agree))
    assert np.isnan(scores["calibration_error"].ceiling_rater)


def test_without_votes_and_truth_their_columns_are_undefined(exam):
    exam, good, _ = exam
    bare = Exam(exam.target, exam.raters, exam.donor, exam.field, exam.mean)
    row = table(good, bare, metrics.BY_CELL)["mse"]
    assert np.isnan([row.ceiling_rater, row.ceiling_half, row.truth_row]).all()
    assert np.isfinite([row.value, row.low, row.high, row.floor, row.mean_row]).all()


def test_cells_without_votes_change_nothing(exam, scores):
    exam, good, _ = exam
    rows = np.r_[0, np.arange(len(good))]
    longer = exam.take(rows)
    longer.votes[0], longer.target[0], longer.raters[0] = -1, np.nan, 0
    found = table(good[rows], longer)
    for name, score in scores.items():
        assert found[name].value == pytest.approx(score.value), name
        assert found[name].ceiling_rater == pytest.approx(score.ceiling_rater, nan_ok=True), name
        assert found[name].mean_row == pytest.approx(score.mean_row, nan_ok=True), name


def test_columns_of_an_exam_have_a_row_for_every_cell(exam):
    exam = exam[0]
    with pytest.raises(ValueError, match="one row a cell"):
        Exam.of_votes(exam.votes, exam.donor[1:], exam.mean)


def test_the_same_seed_gives_the_same_table(exam, scores):
    again = table(exam[1], exam[0])
    for name in scores:
        assert asdict(again[name]) == pytest.approx(asdict(scores[name]), nan_ok=True)


def test_a_model_does_not_differ_from_itself_and_a_worse_one_does(exam):
    exam, good, bad = exam
    rng = np.random.default_rng(2)
    for name, found in metrics.paired_differences(good, good, exam, rng, resamples=50).items():
        assert (found.value, found.low, found.high) == (0, 0, 0), name
    differences = metrics.paired_differences(good, bad, exam, rng, resamples=200)
    for name, found in differences.items():
        assert found.low <= found.value <= found.high, name
    assert differences["mse"].high < 0
    assert differences["macro_hi"].low > 0
    assert differences["mse"].value == pytest.approx(
        (metrics.mse(good, exam.target) - metrics.mse(bad, exam.target)).mean()
    )


def test_pairing_is_surer_than_two_intervals(exam):
    exam, good, _ = exam
    near = 0.98 * good + 0.02 * exam.mean
    pair = metrics.paired_differences(good, near, exam, np.random.default_rng(3), measures=metrics.BY_CELL)["mse"]
    alone = table(good, exam, metrics.BY_CELL)["mse"]
    assert pair.high - pair.low < 0.3 * (alone.high - alone.low)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mse", "macro_hi", "macro_f1", "entropy_correlation", "best_of_field"])
def test_intervals_hold_what_endless_donors_give(name):
    large, good, _ = world(5, donors=3000)
    measure = MEASURES[name]
    truth, held = measure.score(good, large.target, large), 0
    for seed in range(100, 250):
        small, predicted, _ = world(seed, donors=40)
        row = table(predicted, small, {name: measure}, resamples=200)[name]
        held += row.low <= truth <= row.high
    print(f"{name}: {truth:.4f} is held by {held / 1.5:.0f} % of the intervals")
    assert held / 150 >= 0.85


def test_mean_ranks_count_ties_and_leave_out_what_a_model_lacks():
    models = [
        {"mse": 0.1, "emd": 0.3, "macro_f1": 0.9},
        {"mse": 0.2, "emd": 0.3, "macro_f1": 0.8},
        {"mse": 0.3, "emd": 0.1},
    ]
    # mse: 1 2 3; emd: 2.5 2.5 1; macro_f1 is missing in the third.
    assert metrics.mean_ranks(models).tolist() == [1.75, 2.25, 2.0]
    assert metrics.mean_ranks(models[:2]).tolist() == [(1 + 1.5 + 1) / 3, (2 + 1.5 + 2) / 3]
    assert np.isnan(metrics.mean_ranks([{"mse": float("nan")}, {"mse": 1.0}])).all()


def test_segments_are_the_nearest_whole_grade_and_halves_go_to_the_worse():
    target = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.51, 0.49, 0], [0, 0.2, 0.8], [np.nan] * 3])
    assert metrics.segments(target).tolist() == [1, 2, 1, 3, 0]


def test_segment_tables_part_the_cells(exam):
    exam, good, _ = exam
    place = metrics.segments(exam.target)
    found = metrics.segment_tables(good, exam, np.random.default_rng(4))
    assert list(found) == np.unique(place).tolist()
    sizes = np.array([(place == grade).sum() for grade in found])
    means = np.array([part["mse"].value for part in found.values()])
    assert (sizes * means).sum() / sizes.sum() == pytest.approx(metrics.mse(good, exam.target).mean())
    assert set(found[int(place[0])]) == set(metrics.BY_CELL)
