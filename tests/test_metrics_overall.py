"""Macro scores against brute force and hand-made tables."""

import numpy as np
import pytest
from hypothesis import given

from spermscope import metrics
from tests.distributions import distributions


@given(distributions(8), distributions(8))
def test_brute_force_gives_the_same_macro_hi(predicted, target):
    grades = []
    for k in range(5):
        overlap = sum(min(p[k], q[k]) for p, q in zip(predicted, target, strict=True))
        union = sum(max(p[k], q[k]) for p, q in zip(predicted, target, strict=True))
        if union > 0:
            grades.append(overlap / union)
    assert metrics.macro_hi(predicted, target) == pytest.approx(sum(grades) / len(grades))


@given(distributions(8), distributions(8))
def test_precision_and_recall_give_the_same_macro_f1(predicted, target):
    ours, theirs = metrics.modes(predicted).tolist(), metrics.modes(target).tolist()
    found = []
    for k in set(ours) | set(theirs):
        hit = sum(a == b == k for a, b in zip(ours, theirs, strict=True))
        precision = hit / ours.count(k) if k in ours else 0.0
        recall = hit / theirs.count(k) if k in theirs else 0.0
        found.append(2 * precision * recall / (precision + recall) if hit else 0.0)
    assert metrics.macro_f1(predicted, target) == pytest.approx(sum(found) / len(found))


@given(distributions(8), distributions(8))
def test_macro_scores_are_symmetric_and_one_for_the_truth_alone(predicted, target):
    for score in (metrics.macro_hi, metrics.macro_f1):
        assert 0 <= score(predicted, target) <= 1
        assert score(predicted, target) == pytest.approx(score(target, predicted))
        assert score(target, target) == pytest.approx(1)


def test_a_rare_grade_counts_as_much_as_a_common_one():
    target = np.vstack([np.tile([1.0, 0, 0], (99, 1)), [[0, 0, 1.0]]])
    blind = np.tile([1.0, 0, 0], (100, 1))
    assert metrics.mode_accuracy(blind, target).mean() == 0.99
    assert metrics.macro_f1(blind, target) == pytest.approx((2 * 99 / 199 + 0) / 2)
    assert metrics.macro_hi(blind, target) == pytest.approx((99 / 100 + 0) / 2)


def test_macro_scores_leave_out_what_has_no_votes_and_refuse_what_is_no_distribution():
    target = np.array([[0.5, 0.5], [np.nan, np.nan], [0.1, 0.9]])
    predicted = np.array([[0.4, 0.6], [1.0, 0.0], [0.3, 0.7]])
    for score in (metrics.macro_hi, metrics.macro_f1):
        assert score(predicted, target) == score(predicted[::2], target[::2])
        assert np.isnan(score(np.empty((0, 5)), np.empty((0, 5))))
        with pytest.raises(ValueError, match="expected shares"):
            score(2 * predicted, target)
