"""The table of scores that stands in a model's card: every number with its interval and what it is read against."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from spermscope import metrics


def card_scores(predicted: NDArray[np.float64], exam: metrics.Exam) -> dict[str, float | list[float]]:
    """By measure ``[score, low, high]``, and ``MEASURE_floor``, ``MEASURE_mean_row`` and so on.

    Undefined ones are absent. The floor draws votes from the labels where the truth behind them is not known.
    """
    rng = np.random.default_rng(12)
    table = metrics.score_table(predicted, exam, metrics.beside(exam, rng), rng)
    card: dict[str, float | list[float]] = {
        "clips": float(len(exam.target)),
        "donors": float(len(np.unique(exam.donor))),
    }
    for name, score in table.items():
        columns = {column: round(value, 6) for column, value in asdict(score).items() if np.isfinite(value)}
        if "value" in columns:
            card[name] = [columns.pop(column, float("nan")) for column in ("value", "low", "high")]
            card.update({f"{name}_{column}": value for column, value in columns.items()})
    return card
