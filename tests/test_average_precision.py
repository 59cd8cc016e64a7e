"""The benchmarks' own yardstick, against a closed form and another implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.average_precision import Judged, average_precision, judge, rates


def test_a_hand_worked_case():
    pictures = [Judged(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]), 4)]
    # Precision 1 up to recall 1/4, 2/3 up to 2/4; the rest is never reached.
    assert average_precision(pictures) == pytest.approx((1 + 2 / 3) / 4)
    assert rates(pictures, 0.65) == (0.5, pytest.approx(2 / 3), pytest.approx(4 / 7))


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=40), st.integers(0, 5))
def test_it_is_the_area_under_the_envelope(drawn, missed):
    score = np.array([s + 0.001 * i for i, (s, _) in enumerate(drawn)])
    hit = np.array([h for _, h in drawn])
    objects = int(hit.sum()) + missed
    if not objects:
        return
    order = np.argsort(-score)
    points = [(hit[order][: k + 1].sum() / objects, hit[order][: k + 1].mean()) for k in range(len(hit))]
    area, before = 0.0, 0.0
    for recall in sorted({r for r, _ in points}):
        area += (recall - before) * max(p for r, p in points if r >= recall)
        before = recall
    assert average_precision([Judged(score, hit, objects)]) == pytest.approx(area)


def test_the_surer_of_two_on_one_object_hits_and_the_other_does_not():
    judged = judge(np.array([0.5, 0.9]), np.ones((2, 1), bool), np.array([[0.0], [3.0]]), np.zeros(2, bool))
    assert judged.hit.tolist() == [True, False]
    assert judged.score.tolist() == [0.9, 0.5]


def test_what_lies_on_something_unjudged_counts_neither_way():
    judged = judge(np.array([0.5, 0.9]), np.zeros((2, 1), bool), np.ones((2, 1)), np.array([True, False]))
    assert judged.score.tolist() == [0.9]
    assert judged.objects == 1
