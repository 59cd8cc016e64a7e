"""What people themselves reach: one rater against the rest of the panel, and half a panel against the other half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.labels import MISSING, distribution
from spermscope.metrics.distances import Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Reading:
    """A rater as if he were a model; every array ``(N, K)``, NaN where he or all others gave no vote.

    ``vote`` has his grade alone. ``meaning`` is the distribution that his grade stands for: the mean label of the
    others over the cells of **other donors** to which he gave that grade (and one more cell of his mean label). A bare
    vote is no forecast, and distances would blame it for being sure; its meaning is the best forecast that can be
    made from it. ``rest`` is the label of all others.
    """

    vote: Floats
    meaning: Floats
    rest: Floats


def readings(votes: Ints, grades: int, donor: Ints) -> list[Reading]:
    """Each of R raters against the rest; ``votes (N, R)`` grade index or -1, ``donor (N,)``."""
    return [_reading(votes, rater, grades, donor) for rater in range(votes.shape[1])]


def half_panels(votes: Ints, grades: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Labels ``(N, K)`` of a random half of the raters and of the other half; an odd panel's last rater sits out.

    Both sides are noisy: two halves of R independent votes differ in MSE by four times the noise floor of R votes, so
    a model can score better than half a panel without knowing more.
    """
    order = rng.permutation(votes.shape[1])
    half = len(order) // 2
    return distribution(votes[:, order[:half]], grades), distribution(votes[:, order[half : 2 * half]], grades)


def _reading(votes: Ints, rater: int, grades: int, donor: Ints) -> Reading:
    rest = distribution(np.delete(votes, rater, axis=1), grades)
    usable = np.isfinite(rest).all(axis=1) & (votes[:, rater] != MISSING)
    vote, meaning = np.full_like(rest, np.nan), np.full_like(rest, np.nan)
    given, label = votes[usable, rater], rest[usable]
    vote[usable] = np.eye(grades)[given]
    meaning[usable] = _meaning(given, label, grades, donor[usable])
    rest[~usable] = np.nan
    return Reading(vote, meaning, rest)


def _meaning(given: Ints, label: Floats, grades: int, donor: Ints) -> Floats:
    """Mean label of other donors' cells of the same grade; NaN where there is no other donor."""
    people, member = np.unique(donor, return_inverse=True)
    cells = np.zeros((len(people), grades))
    labels = np.zeros((len(people), grades, grades))
    np.add.at(cells, (member, given), 1.0)
    np.add.at(labels, (member, given), label)
    cells, labels = cells.sum(axis=0) - cells, labels.sum(axis=0) - labels
    total = cells.sum(axis=1)[:, None]
    usual = np.divide(labels.sum(axis=1), total, out=np.full((len(people), grades), np.nan), where=total > 0)
    meaning: Floats = (labels + usual[:, None, :]) / (cells[:, :, None] + 1.0)
    return meaning[member, given]
