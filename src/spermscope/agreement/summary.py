"""All that is said of a study's agreement, computed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.agreement.coefficient import Coefficient, Estimate, Floats, Ints, estimate, undefined
from spermscope.agreement.drift import Drift, drift
from spermscope.agreement.fleiss import fleiss_kappa
from spermscope.agreement.intraclass import icc_of_mean, icc_of_one
from spermscope.agreement.kappa import LINEAR, QUADRATIC, both_graded, pooled_kappa, weighted_kappa
from spermscope.agreement.krippendorff import krippendorff_alpha
from spermscope.agreement.severity import correlation_with_rest, scatters, severities
from spermscope.agreement.study import AgreementStudy
from spermscope.labels import MISSING
from spermscope.metrics.intervals import RESAMPLES

COEFFICIENTS = ("alpha", "fleiss", "icc_one", "icc_mean", "kappa_quadratic", "kappa_linear", "same", "later")


@dataclass(frozen=True, slots=True)
class RaterRow:
    """One rater: answers counted, how he lies to the panel, and to himself.

    ``severity`` and its ``error``, ``scatter`` and ``slope`` (a block) with its ``slope_error`` are in grades;
    ``used`` are the shares of his votes by grade; ``kappa`` is quadratic, on ``repeats`` pairs.
    """

    name: str
    votes: int
    cannot_judge: int
    missing: int
    used: tuple[float, ...]
    severity: float
    error: float
    scatter: float
    correlation: float
    repeats: int
    kappa: Estimate
    time_s: float
    slope: float
    slope_error: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """``coefficients`` by name (``COEFFICIENTS``), raters in the study's order, and drift."""

    coefficients: dict[str, Estimate]
    raters: tuple[RaterRow, ...]
    drift: Drift


def summarise(study: AgreementStudy, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> Agreement:
    """Every coefficient with its interval by donor, every rater, and the drift.

    ``alpha`` (ordinal), ``fleiss``, ``icc_one`` and ``icc_mean`` are between raters; ``kappa_quadratic``,
    ``kappa_linear``, ``same`` (share of repeats with the same grade) and ``later`` (second grade less the first, mean)
    are of the hidden repeats of all raters together.
    """
    counts, votes = study.counts, study.votes
    pairs, who = study.repeats.grade, study.repeats.rater
    between = {
        "alpha": lambda rows: krippendorff_alpha(counts[rows]),
        "fleiss": lambda rows: fleiss_kappa(counts[rows]),
        "icc_one": lambda rows: icc_of_one(votes[rows]),
        "icc_mean": lambda rows: icc_of_mean(votes[rows]),
    }
    within = {
        "kappa_quadratic": lambda rows: pooled_kappa(pairs[rows], who[rows], QUADRATIC),
        "kappa_linear": lambda rows: pooled_kappa(pairs[rows], who[rows], LINEAR),
        "same": lambda rows: _mean(pairs[rows], lambda both: both[:, 0] == both[:, 1]),
        "later": lambda rows: _mean(pairs[rows], lambda both: both[:, 1] - both[:, 0]),
    }
    found = {name: estimate(of, study.donors, rng, resamples=resamples) for name, of in between.items()}
    of_pair = study.donors[study.repeats.clip]
    found |= {name: estimate(of, of_pair, rng, resamples=resamples) for name, of in within.items()}
    moved = drift(votes, study.blocks, study.time_s, study.donors, rng, resamples=resamples)
    return Agreement(found, _raters(study, moved, rng, resamples), moved)


def _mean(pairs: Ints, of: Callable[[Ints], NDArray[np.generic]]) -> Coefficient:
    both = both_graded(pairs)
    if not len(both):
        return undefined("not computed: no clip was graded twice by one rater")
    return Coefficient(float(of(both).mean()))


def _raters(study: AgreementStudy, moved: Drift, rng: np.random.Generator, resamples: int) -> tuple[RaterRow, ...]:
    effect, error = severities(study.votes)
    scatter, correlation = scatters(study.votes), correlation_with_rest(study.votes)
    rows = []
    for rater, name in enumerate(study.raters):
        votes, reasons = study.votes[:, rater], study.reasons[:, rater]
        own = study.repeats.rater == rater
        pairs, donors = study.repeats.grade[own], study.donors[study.repeats.clip[own]]
        given = votes[votes != MISSING]
        rows.append(
            RaterRow(
                name=name,
                votes=len(given),
                cannot_judge=int((reasons != MISSING).sum()),
                missing=int(study.missing[:, rater].sum()),
                used=tuple((np.bincount(given, minlength=len(study.grades)) / max(len(given), 1)).tolist()),
                severity=float(effect[rater]),
                error=float(error[rater]),
                scatter=float(scatter[rater]),
                correlation=float(correlation[rater]),
                repeats=len(both_graded(pairs)),
                kappa=_own_kappa(pairs, donors, rng, resamples),
                time_s=_median(study.time_s[:, rater]),
                slope=float(moved.slopes[rater]),
                slope_error=float(moved.errors[rater]),
            )
        )
    return tuple(rows)


def _own_kappa(pairs: Ints, donors: Ints, rng: np.random.Generator, resamples: int) -> Estimate:
    return estimate(lambda rows: weighted_kappa(pairs[rows]), donors, rng, resamples=resamples)


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
