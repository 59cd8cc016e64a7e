"""How far raters agree with each other and with themselves, and how each of them lies to the panel.

``votes (N, R)`` are grade indices, 0 best, one step apart, -1 missing; ``counts (N, K)`` are votes by grade. Nothing
here reweights a vote. Definitions, ranges and sources stand in ``docs/METRICS.md``.
"""

from spermscope.agreement.coefficient import Coefficient, Estimate, estimate
from spermscope.agreement.disagreement import mean_distance, most_disputed
from spermscope.agreement.drift import Drift, drift
from spermscope.agreement.fleiss import fleiss_kappa
from spermscope.agreement.intraclass import Components, icc_of_mean, icc_of_one, variance_components
from spermscope.agreement.kappa import LINEAR, QUADRATIC, pooled_kappa, weighted_kappa
from spermscope.agreement.krippendorff import coincidences, interval, krippendorff_alpha, nominal, ordinal
from spermscope.agreement.severity import correlation_with_rest, scatters, severities
from spermscope.agreement.study import AgreementStudy, Repeats, StudyFacts
from spermscope.agreement.summary import COEFFICIENTS, Agreement, RaterRow, summarise

__all__ = [
    "COEFFICIENTS",
    "LINEAR",
    "QUADRATIC",
    "Agreement",
    "AgreementStudy",
    "Coefficient",
    "Components",
    "Drift",
    "Estimate",
    "RaterRow",
    "Repeats",
    "StudyFacts",
    "coincidences",
    "correlation_with_rest",
    "drift",
    "estimate",
    "fleiss_kappa",
    "icc_of_mean",
    "icc_of_one",
    "interval",
    "krippendorff_alpha",
    "mean_distance",
    "most_disputed",
    "nominal",
    "ordinal",
    "pooled_kappa",
    "scatters",
    "severities",
    "summarise",
    "variance_components",
    "weighted_kappa",
]
