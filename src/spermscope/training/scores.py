"""The table of scores that stands in a model's card: every number with its interval, its floor and the mean row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spermscope import metrics

TABLE: dict[str, metrics.Metric] = {
    "mse": metrics.mse,
    "emd": metrics.emd,
    "histogram_intersection": metrics.histogram_intersection,
    "mode_accuracy": metrics.mode_accuracy,
    "near_accuracy": metrics.near_accuracy,
    "jsd": metrics.jsd,
    "rps": metrics.rps,
}


def score_table(
    predicted: NDArray[np.float64],
    target: NDArray[np.float64],
    raters: int,
    donor: NDArray[np.int64],
    train_target: NDArray[np.float64],
) -> dict[str, float | list[float]]:
    """By metric: the score, its 95 % interval by donor, the noise floor, and what the mean distribution gets.

    The floor draws votes from the labels themselves, since the truth behind votes is not known outside simulation.
    """
    rng = np.random.default_rng(12)
    mean = metrics.mean_distribution(train_target, len(target))
    table: dict[str, float | list[float]] = {"clips": float(len(target)), "donors": float(len(np.unique(donor)))}
    for name, metric in TABLE.items():
        values = metric(predicted, target)
        low, high = metrics.bootstrap_interval(values, donor, rng)
        table[name] = [round(float(value), 6) for value in (values.mean(), low, high)]
        table[f"{name}_floor"] = round(metrics.noise_floor(metric, target, raters, rng), 6)
        table[f"{name}_mean_row"] = round(float(metric(mean, target).mean()), 6)
    return table
