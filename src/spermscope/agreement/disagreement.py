"""Which clips raters disagree about."""

from __future__ import annotations

import numpy as np

from spermscope.agreement.coefficient import Floats, Ints


def mean_distance(counts: Ints) -> Floats:
    """``(N,)`` grades that two raters lie apart on a clip, on average over all pairs; 0 .. K-1 (Gini 1912).

    From ``(N, K)`` counts. It does not grow with the number of votes. NaN with fewer than two.
    """
    votes = counts.sum(axis=1)
    place = np.arange(counts.shape[1])
    apart = np.abs(place[:, None] - place[None, :])
    total = ((counts @ apart) * counts).sum(axis=1)
    pairs = votes * (votes - 1)
    return np.divide(total, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)


def most_disputed(counts: Ints, number: int) -> Ints:
    """Rows of the ``number`` clips with the greatest mean distance, greatest first; ties to the earlier row.

    Fewer where fewer have two votes that differ.
    """
    apart = np.nan_to_num(mean_distance(counts))
    order = np.argsort(-apart, kind="stable")[:number]
    rows: Ints = order[apart[order] > 0]
    return rows
