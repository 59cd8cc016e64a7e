"""Experts' votes to distributions of grades; splits that keep a donor on one side."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

MISSING = -1


def vote_counts(votes: NDArray[np.int64], grades: int) -> NDArray[np.int64]:
    """``(N, R)`` votes (grade index 0 best, -1 missing) to ``(N, grades)`` counts.

    Raises
    ------
    ValueError
        When there is no row per item, or a vote is not a grade.
    """
    if votes.ndim != 2:
        raise ValueError(f"votes: expected shape (items, raters), found {votes.shape}")
    if votes.size and (votes.min() < MISSING or votes.max() >= grades):
        raise ValueError(f"votes: expected grades 0 to {grades - 1} or {MISSING}, found {votes.min()} to {votes.max()}")
    return (votes[:, :, None] == np.arange(grades)).sum(axis=1)


def distribution(votes: NDArray[np.int64], grades: int) -> NDArray[np.float64]:
    """``(N, grades)`` shares of the votes; rows sum to 1, a row without a vote is NaN."""
    counts = vote_counts(votes, grades).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def split_by_donor(donors: NDArray[np.int64], shares: tuple[float, ...], seed: int) -> tuple[NDArray[np.int64], ...]:
    """The distinct donors in parts of those shares (which sum to 1), shuffled by ``seed``; no donor is in two.

    ``donors (N,)`` may repeat and stand in any order. Parts are rounded to whole donors and sorted.
    """
    if abs(sum(shares) - 1.0) > 1e-9 or min(shares) < 0:
        raise ValueError(f"split: expected shares >= 0 that sum to 1, found {shares}")
    people = np.random.default_rng(seed).permutation(np.unique(donors))
    edges = np.rint(np.cumsum(shares)[:-1] * len(people)).astype(int)
    return tuple(np.sort(part) for part in np.split(people, edges))


def folds_by_donor(
    donors: NDArray[np.int64], folds: int, seed: int, mean_grade: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.int64], ...]:
    """The distinct donors in ``folds`` parts, shuffled by ``seed``: each donor is in exactly one, sizes differ by one.

    ``donors (N,)`` may repeat and stand in any order. With ``mean_grade (N,)`` of the clips (NaN where unknown) folds
    are alike in their donors' mean grades: donors are ranked by theirs, and of as many neighbours as there are folds
    each goes to another fold. Parts are sorted.

    Raises
    ------
    ValueError
        When there are fewer than two folds, or fewer donors than folds.
    """
    people, number = np.unique(donors, return_inverse=True)
    if not 2 <= folds <= len(people):
        raise ValueError(f"folds: expected 2 folds or more, a donor for each, found {folds} for {len(people)} donors")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(people))
    if mean_grade is not None:
        order = order[np.argsort(_means(mean_grade, number, len(people))[order], kind="stable")]
    turns = np.concatenate([rng.permutation(folds) for _ in range(0, len(people), folds)])[: len(people)]
    return tuple(np.sort(people[order[turns == fold]]) for fold in range(folds))


def _means(values: NDArray[np.float64], group: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """``(groups,)`` mean of what is known of each group; NaN where nothing is."""
    known = np.isfinite(values)
    count = np.bincount(group[known], minlength=groups)
    total = np.bincount(group[known], values[known], minlength=groups)
    return np.divide(total, count, out=np.full(groups, np.nan), where=count > 0)


def split_hash(parts: tuple[NDArray[np.int64], ...]) -> str:
    """A short name of a split: equal parts give equal hashes."""
    text = "|".join(",".join(map(str, part.tolist())) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
