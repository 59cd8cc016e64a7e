"""Scores that only a whole set of items has: one number for all of them."""

from __future__ import annotations

import numpy as np

from spermscope.metrics.distances import Floats, entropy, known, modes


def macro_hi(predicted: Floats, target: Floats) -> float:
    """Macro histogram intersection, 0 .. 1: how far each grade's shares overlap over the items, mean over grades.

    For grade k ``sum_i min(p_ik, q_ik) / sum_i max(p_ik, q_ik)``; a rare grade counts as much as a common one. Grades
    without mass on either side are left out; NaN without items.
    """
    keep = known(predicted, target)
    together = np.minimum(predicted[keep], target[keep]).sum(axis=0)
    either = np.maximum(predicted[keep], target[keep]).sum(axis=0)
    used = either > 0
    return float(np.mean(together[used] / either[used])) if used.any() else float("nan")


def macro_f1(predicted: Floats, target: Floats) -> float:
    """F1 of the most probable grades by class, 0 .. 1, mean over the classes that occur on either side.

    Ties go to the worse grade on both sides; NaN without items.
    """
    keep = known(predicted, target)
    grades = predicted.shape[1]
    ours, theirs = modes(predicted[keep]), modes(target[keep])
    hit = np.bincount(ours[ours == theirs], minlength=grades)
    named = np.bincount(ours, minlength=grades) + np.bincount(theirs, minlength=grades)
    used = named > 0
    return float(np.mean(2.0 * hit[used] / named[used])) if used.any() else float("nan")


def entropy_correlation(predicted: Floats, target: Floats) -> float:
    """Pearson's r of predicted and target entropy, -1 .. 1: whether the model knows what is disputed.

    NaN where either does not vary, or with fewer than two items.
    """
    keep = known(predicted, target)
    ours, theirs = entropy(predicted[keep]), entropy(target[keep])
    if len(ours) < 2 or min(np.ptp(ours), np.ptp(theirs)) < 1e-12:
        return float("nan")
    return float(np.corrcoef(ours, theirs)[0, 1])
