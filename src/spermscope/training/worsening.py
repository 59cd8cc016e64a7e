"""Whether a variant of a grader is worse than the grader itself: measures beside each other, and what is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from spermscope.doubt import LEAST, chance, surprise
from spermscope.metrics import MEASURES, Exam, beside, bootstrap_interval, mean_grade, paired_differences
from spermscope.metrics.intervals import RESAMPLES
from spermscope.model_file import Change
from spermscope.types import Grades

SPANS = {"calibration_error": 0.2, "unlike": 0.4}
"""What a margin is a share of where the mean row tells nothing."""
SIGHT = ("recall", "precision", "f1")
"""Measures of a detector: more is better."""
DRAWS = 12
"""Seed of every interval and floor."""


def changes(
    before: Grades, after: Grades, exam: Exam, share: float, *, resamples: int = RESAMPLES
) -> dict[str, Change]:
    """By measure what the variant changed; measures that are undefined on this exam are left out.

    Of ``unlike`` the difference is the share of clips for which the answer is another, either way.
    """
    allowed, found = margins(exam, share), {}
    sides = after.probabilities, before.probabilities
    for name, apart in paired_differences(*sides, exam, _rng(), resamples=resamples).items():
        scores = (MEASURES[name].score(grades.probabilities, exam.target, exam) for grades in (before, after))
        numbers = (*scores, apart.value, apart.low, apart.high, allowed[name])
        if np.isfinite(numbers).all():
            found[name] = change(*numbers)
    other = (before.unlike != after.unlike).astype(np.float64)
    low, high = bootstrap_interval(other, exam.donor, _rng(), resamples=resamples)
    shares = before.unlike.mean(), after.unlike.mean()
    return found | {"unlike": change(*shares, other.mean(), low, high, share * SPANS["unlike"])}


def doubt_change(before: Grades, after: Grades, exam: Exam, share: float, *, resamples: int = RESAMPLES) -> Change:
    """How unlikely the experts' mean grades are under the model's own doubt, in nats a clip; of a model with a law.

    All that can be learned is ``0.5 log(a / b)``: a Gaussian of the mean row's mean squared error, and one of what the
    chance of votes leaves.
    """
    true, variance = mean_grade(exam.target), chance(exam.target, exam.raters)
    one, two = (surprise(each.uncertainty, each.expected_grade - true, variance) for each in (before, after))
    unlearned, left = np.mean((mean_grade(exam.mean) - true) ** 2), variance.mean()
    way = max(0.0, 0.5 * float(np.log((unlearned + LEAST**2) / (left + LEAST**2))))
    low, high = bootstrap_interval(two - one, exam.donor, _rng(), resamples=resamples)
    return change(one.mean(), two.mean(), (two - one).mean(), low, high, share * way)


def margins(exam: Exam, share: float) -> dict[str, float]:
    """By measure how much worse is accepted: ``share`` of the way from the mean row to the noise floor.

    That way is all that can be learned. Where the mean row has no score (correlations) it counts as 0; ``SPANS``
    stands for the way where the mean row says nothing. NaN where the floor is.
    """
    found = {}
    for name, one in beside(replace(exam, votes=None), _rng()).items():
        way = abs(one.floor - np.nan_to_num(one.mean_row))
        found[name] = share * SPANS.get(name, float(way))
    return found


def worst(name: str, change: Change) -> float:
    """How much worse the measure may have become, by its interval's worse end; below 0 where it became better."""
    return -change.low if name in SIGHT or (name in MEASURES and MEASURES[name].higher) else change.high


def beyond(found: Mapping[str, Change]) -> dict[str, Change]:
    """Those that may have become worse by more than their margin."""
    return {name: change for name, change in found.items() if worst(name, change) > change.margin}


def change(*numbers: float) -> Change:
    """Before, after, difference, low, high and margin, rounded."""
    names = ("before", "after", "difference", "low", "high", "margin")
    return Change(**{name: round(float(number), 6) for name, number in zip(names, numbers, strict=True)})


def _rng() -> np.random.Generator:
    return np.random.default_rng(DRAWS)
