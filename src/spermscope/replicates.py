"""Whether two replicate counts of one sample agree within what chance explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

LEAST_CELLS, LEAST_FIELDS = 200, 5
"""Of each replicate, after the WHO manual."""
BY_CHANCE = 0.05
UNLIKELY = 1e-9
"""Chance that is left out of account."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two replicates compared for the grade that is most frequent in both together.

    ``share`` is the grade's mean share of the two, ``difference`` how far their shares lie apart and ``limit`` what
    chance alone exceeds in no more than one pair of replicates in twenty; all 0..1. ``shortfall`` says in one line what
    the replicates lack (cells, fields), '' where nothing.
    """

    grade: str
    share: float
    difference: float
    limit: float
    shortfall: str

    @property
    def agrees(self) -> bool:
        """Whether the difference is one that chance explains."""
        return self.difference <= self.limit


def compare_replicates(
    first: Mapping[str, int], second: Mapping[str, int], fields: tuple[int, int] = (LEAST_FIELDS, LEAST_FIELDS)
) -> Agreement:
    """Compare the counts by grade of two replicates, each from ``fields`` fields at one instant.

    The rule is that of the WHO manual: at least 200 cells in at least five fields each, compared for the most frequent
    grade; where they disagree both are discarded and two new ones prepared. The limit is not read from its table but
    computed exactly (``chance_limit``), so that it holds for any number of cells.

    Raises
    ------
    ValueError
        When the grades differ, a count is negative, or a replicate holds no cell.
    """
    if set(first) != set(second):
        raise ValueError(f"replicates: expected the same grades in both, found {sorted(first)} and {sorted(second)}")
    if min(*first.values(), *second.values()) < 0:
        raise ValueError("replicates: expected counts from 0, found a negative one")
    cells = (sum(first.values()), sum(second.values()))
    if not min(cells):
        raise ValueError(f"replicates: expected cells in both, found {cells[0]} and {cells[1]}")
    grade = max(first, key=lambda name: first[name] + second[name])
    shares = (first[grade] / cells[0], second[grade] / cells[1])
    return Agreement(
        grade=grade,
        share=float(np.mean(shares)),
        difference=abs(shares[0] - shares[1]),
        limit=chance_limit((first[grade] + second[grade]) / sum(cells), *cells),
        shortfall=_shortfall(cells, fields),
    )


def chance_limit(share: float, cells: int, others: int) -> float:
    """The difference of shares that two counts of one population exceed with a chance of at most ``BY_CHANCE``.

    Exact: both counts are binomial with ``share``, and every pair of counts is weighed. Smaller than any possible
    difference (0) where ``share`` is 0 or 1.

    Raises
    ------
    ValueError
        When ``share`` lies outside 0..1 or a count is below 1.
    """
    if not 0.0 <= share <= 1.0 or cells < 1 or others < 1:
        raise ValueError(f"replicates: expected a share in 0..1 of cells, found {share:g} of {cells} and {others}")
    if min(share, 1.0 - share) * max(cells, others) < UNLIKELY:
        return 0.0
    counts = [np.arange(low, high + 1) for low, high in (_likely(share, number) for number in (cells, others))]
    weight = np.outer(binom.pmf(counts[0], cells, share), binom.pmf(counts[1], others, share)).ravel()
    # Whole multiples of 1 / (cells x others), so that equal differences are equal.
    apart = np.abs(counts[0][:, None] * others - counts[1][None, :] * cells).ravel()
    steps, place = np.unique(apart, return_inverse=True)
    beyond = 1.0 - np.cumsum(np.bincount(place, weight))
    return float(steps[int(np.argmax(beyond <= BY_CHANCE))] / (cells * others))


def _likely(share: float, number: int) -> tuple[int, int]:
    """Counts outside of which next to nothing falls: what keeps large counts quick."""
    return int(binom.ppf(UNLIKELY, number, share)), int(binom.ppf(1.0 - UNLIKELY, number, share))


def _shortfall(cells: tuple[int, int], fields: tuple[int, int]) -> str:
    lacking = []
    if min(cells) < LEAST_CELLS:
        lacking.append(f"{cells[0]} and {cells[1]} cells, {LEAST_CELLS} each are asked for")
    if min(fields) < LEAST_FIELDS:
        lacking.append(f"{fields[0]} and {fields[1]} fields, {LEAST_FIELDS} each are asked for")
    return "; ".join(lacking)
