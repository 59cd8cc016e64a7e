"""What a score is read against: the mean of the training labels, and the noise of the votes themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spermscope.metrics.distances import Floats

Metric = Callable[[Floats, Floats], Floats]
Score = Callable[[Floats, Floats], Floats | float]


def mean_distribution(training: Floats, count: int) -> Floats:
    """``(count, K)``: the mean of the training labels for every item, the row that a model has to beat."""
    return np.tile(np.nanmean(training, axis=0), (count, 1))


def mean_of_others(target: Floats, donor: NDArray[np.int64]) -> Floats:
    """``(N, K)``: for every item the mean label of all other donors' items, NaN where no other donor has one.

    The mean row of a set from which nothing was learned: each donor is left out of his own.
    """
    seen = np.isfinite(target).all(axis=1)
    people, member = np.unique(donor, return_inverse=True)
    total = np.zeros((len(people), target.shape[1]))
    np.add.at(total, member[seen], target[seen])
    count = np.bincount(member[seen], minlength=len(people))
    rest, others = np.maximum(total.sum(axis=0) - total, 0.0), (count.sum() - count)[:, None]
    mean: Floats = np.divide(rest, others, out=np.full_like(rest, np.nan), where=others > 0)
    return mean[member]


def noise_floor(
    score: Score, target: Floats, raters: int | NDArray[np.int64], rng: np.random.Generator, *, draws: int = 20
) -> float:
    """Mean score of the truth itself against labels of ``raters`` independent votes drawn from it.

    ``raters`` is one number, or ``(N,)`` where items have different numbers of votes. ``target`` stands for the truth;
    rows without one are left out. Where it is itself a label of ``raters`` votes, the floor of the MSE comes out a
    share ``1 / raters`` too low. A panel that is the same for every item scatters less than independent votes do.
    """
    votes = np.broadcast_to(raters, len(target))
    seen = np.isfinite(target).all(axis=1)
    if (votes[seen] < 1).any():
        raise ValueError(f"noise floor: expected at least 1 rater, found {votes[seen].min()}")
    labels, found = np.full_like(target, np.nan), []
    for _ in range(draws):
        labels[seen] = rng.multinomial(votes[seen], target[seen]) / votes[seen][:, None]
        found.append(mean(score(target, labels)))
    return mean(np.array(found))


def mean(values: Floats | float) -> float:
    """The mean of what is defined; NaN where nothing is."""
    defined = np.atleast_1d(values)
    defined = defined[np.isfinite(defined)]
    return float(defined.mean()) if len(defined) else float("nan")
