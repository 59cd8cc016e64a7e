"""Trained cells judged together: predictions of all folds as one, scored beside what they are read against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset.exam import exam_of_rows
from spermscope.metrics import (
    Difference,
    Exam,
    Floats,
    beside,
    calibration_curve,
    mean_distribution,
    mean_ranks,
    paired_differences,
    score_table,
)
from spermscope.report.comparison import Comparison, Row
from spermscope.training.fitting import Fitted
from spermscope.training.initial import RANDOM
from spermscope.training.material import Material
from spermscope.training.presets import Plan
from spermscope.training.protocol import Cell, Fold

DRAWS = 12
"""Seed of every interval: all rows are resampled alike."""


def judge(
    material: Material, folds: tuple[Fold, ...], plan: Plan, found: Mapping[Cell, Fitted], initial: str = RANDOM
) -> Comparison:
    """All rows of the plan's table, each over all N clips; the best has the least mean rank, then the least MSE.

    Every clip is predicted by the one training that tested it; ``initial`` names the weights that all began with.
    Human ceilings need raters who are known.
    """
    exam = exam_of(material, folds)
    against = beside(exam, _rng())
    predicted, rows = [], []
    for key, cells in groupby(plan.cells(), lambda cell: replace(cell, fold=0)):
        fits = [found[cell] for cell in cells]
        predicted.append(together([fit.predicted for fit in fits], folds))
        scores = score_table(predicted[-1], exam, against, _rng())
        rows.append(
            Row(
                network=key.network,
                loss=key.loss,
                seed=key.seed,
                motion=key.motion,
                scores=scores,
                parameters=fits[0].parameters,
                ms_a_clip=float(np.median([fit.ms_a_clip for fit in fits])),
                train_s=sum(fit.seconds for fit in fits),
                epochs=tuple(fit.epoch for fit in fits),
                temperatures=tuple(fit.temperature for fit in fits),
            )
        )
    ranks = mean_ranks([{name: score.value for name, score in row.scores.items()} for row in rows])
    best = min(range(len(rows)), key=lambda place: (ranks[place], rows[place].scores["mse"].value))
    apart = [_apart(one, predicted[best], exam) if place != best else {} for place, one in enumerate(predicted)]
    rows = [replace(row, rank=float(rank), apart=how) for row, rank, how in zip(rows, ranks, apart, strict=True)]
    curve = calibration_curve(predicted[best], exam.target)
    return Comparison(tuple(rows), best, against, curve, material.dataset.grades, _facts(material, plan, initial))


def exam_of(material: Material, folds: tuple[Fold, ...]) -> Exam:
    """All clips, each read against the mean label of its own fold's training clips."""
    means = [mean_distribution(material.target[fold.train], len(fold.test)) for fold in folds]
    return exam_of_rows(material.dataset, material.rows, together(means, folds))


def together(parts: list[Floats], folds: tuple[Fold, ...]) -> Floats:
    """``(N, K)`` from what each fold's test clips have, in the clips' own order."""
    order: NDArray[np.int64] = np.concatenate([fold.test for fold in folds])
    out: Floats = np.empty((len(order), parts[0].shape[1]))
    out[order] = np.concatenate(parts)
    return out


def _apart(one: Floats, best: Floats, exam: Exam) -> dict[str, Difference]:
    return paired_differences(one, best, exam, _rng())


def _rng() -> np.random.Generator:
    return np.random.default_rng(DRAWS)


def _facts(material: Material, plan: Plan, initial: str) -> dict[str, int | bool | str]:
    votes = material.dataset.vote_matrix()[material.rows]
    return {
        "clips": len(material),
        "donors": len(np.unique(material.donor)),
        "votes": int((votes >= 0).sum()),
        "folds": plan.folds,
        "epochs": plan.fit.epochs,
        "initial": "" if initial == RANDOM else initial,
        "simulated": material.dataset.truth() is not None,
        "raters_known": material.dataset.form.raters_known,
    }
