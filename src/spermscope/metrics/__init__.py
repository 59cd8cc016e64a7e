"""How far predicted distributions of grades are from the experts', and what such a number is read against.

Functions take ``predicted (N, K)`` and ``target (N, K)``, rows over ordered grades (best first) that sum to 1, or NaN
where an item has no vote. Those that give one value an item give NaN there; those that give one number leave it out. No
item gives an empty answer or NaN. Anything else is a ``ValueError``. Definitions, ranges, tie rules and sources stand
in ``docs/METRICS.md``.
"""

from spermscope.metrics.calibration import calibration_curve, calibration_error
from spermscope.metrics.ceilings import Reading, half_panels, readings
from spermscope.metrics.comparing import Difference, mean_ranks, paired_differences
from spermscope.metrics.distances import (
    Floats,
    emd,
    emd_rms,
    entropy,
    expected_error,
    histogram_intersection,
    jsd,
    mean_grade,
    mode_accuracy,
    modes,
    mse,
    near_accuracy,
    rps,
)
from spermscope.metrics.exam import BY_CELL, MEASURES, Exam, Measure
from spermscope.metrics.intervals import bootstrap_interval, crossed_interval, resampled_interval
from spermscope.metrics.overall import entropy_correlation, macro_f1, macro_hi
from spermscope.metrics.ranking import best_of_field, rank_correlation
from spermscope.metrics.references import Metric, mean_distribution, mean_of_others, noise_floor
from spermscope.metrics.tables import Beside, Score, beside, score_table, segment_tables, segments

__all__ = [
    "BY_CELL",
    "MEASURES",
    "Beside",
    "Difference",
    "Exam",
    "Floats",
    "Measure",
    "Metric",
    "Reading",
    "Score",
    "beside",
    "best_of_field",
    "bootstrap_interval",
    "calibration_curve",
    "calibration_error",
    "crossed_interval",
    "emd",
    "emd_rms",
    "entropy",
    "entropy_correlation",
    "expected_error",
    "half_panels",
    "histogram_intersection",
    "jsd",
    "macro_f1",
    "macro_hi",
    "mean_distribution",
    "mean_grade",
    "mean_of_others",
    "mean_ranks",
    "mode_accuracy",
    "modes",
    "mse",
    "near_accuracy",
    "noise_floor",
    "paired_differences",
    "rank_correlation",
    "readings",
    "resampled_interval",
    "rps",
    "score_table",
    "segment_tables",
    "segments",
]
