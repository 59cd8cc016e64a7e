"""A model file judged on a data set's clips, in the engine that a clinic runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spermscope import __version__
from spermscope.conformal import donor_coverage, grade_sets
from spermscope.dataset import Dataset, dataset_hash
from spermscope.dataset.exam import exam_of_rows
from spermscope.doubt import chance, kept
from spermscope.grade import grade_rows
from spermscope.locale import text
from spermscope.metrics import (
    Exam,
    Score,
    beside,
    bootstrap_interval,
    mean_grade,
    mean_of_others,
    score_table,
    segment_tables,
    segments,
)
from spermscope.report.scores import plain_scores, score_lines, score_rows, segment_lines
from spermscope.runtime import Model
from spermscope.types import Grades

Progress = Callable[[int, int | None], None]

DRAWS = 12
"""Seed of every interval."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model says of N clips with votes, and how far that is from the votes.

    ``clips (N,)`` their names. ``segments`` has the scores by the whole grade nearest to the label's mean.
    """

    model: Model
    dataset: Dataset
    clips: tuple[str, ...]
    exam: Exam
    grades: Grades
    scores: dict[str, Score]
    segments: dict[int, dict[str, Score]]

    def lines(self, language: str = "en") -> Iterator[str]:
        """What was judged on what, the table, and the segments, to be read."""
        card = self.model.card
        yield text("scores_model", language, **card.model_dump(include={"name", "version", "kind", "trained_on"}))
        if card.demonstration:
            yield text("demonstration", language)
        facts = self.facts()
        yield text("scores_facts", language, **facts, percent=f"{100 * self.unlike_share:.1f}")
        yield from (text(note, language) for note in self.notes())
        yield ""
        yield from score_lines(self.scores, language)
        yield ""
        mse = self.scores["mse"]
        if mse.floor > 0:
            yield text("scores_over_floor", language, ratio=f"{mse.value / mse.floor:.2f}")
        yield text("scores_doubt", language, **{name: f"{value:.3g}" for name, value in self.doubt.items()})
        if self.sets is not None:
            yield text("scores_sets", language, **{name: f"{value:.3g}" for name, value in self.sets.items()})
        places = segments(self.exam.target)
        yield from segment_lines(self.segments, {name: int((places == name).sum()) for name in self.segments}, language)

    @property
    def unlike_share(self) -> float:
        """Of the clips; 0 .. 1."""
        return float(self.grades.unlike.mean())

    @property
    def sets(self) -> dict[str, float] | None:
        """Per cent of the votes that the model's 90 % sets ``held`` (``low`` .. ``high``), and their mean ``size``.

        Interval by donor; None where the model's card has no threshold for sets.
        """
        threshold = self.model.card.constants.get("sets_90")
        if not isinstance(threshold, float):
            return None
        chosen = grade_sets(self.grades.probabilities, threshold)
        share = 100 * donor_coverage(chosen, self.exam.target, self.exam.donor)
        low, high = bootstrap_interval(share, np.arange(len(share)), np.random.default_rng(DRAWS))
        size = float(chosen.sum(axis=1).mean())
        return {"held": float(share.mean()), "low": low, "high": high, "size": size}

    @property
    def doubt(self) -> dict[str, float]:
        """The model's own doubt beside its error, in grades, root mean squares over cells: ``said`` and ``off``.

        What the chance of votes adds to the error is taken out. ``within`` is the per cent of the cells whose votes'
        mean lies within a doubt of the expected grade (``low`` .. ``high`` by donor).
        """
        off = self.grades.expected_grade - mean_grade(self.exam.target)
        variance = chance(self.exam.target, self.exam.raters)
        inside = np.where(kept(self.grades.uncertainty, off, variance), 100.0, 0.0)
        low, high = bootstrap_interval(inside, self.exam.donor, np.random.default_rng(DRAWS))
        return {
            "said": float(np.sqrt(np.mean(self.grades.uncertainty**2))),
            "off": float(np.sqrt(np.mean(off**2 - variance).clip(min=0.0))),
            "within": float(inside.mean()),
            "low": low,
            "high": high,
        }

    def facts(self) -> dict[str, int]:
        """How much was judged on."""
        return {
            "clips": len(self.clips),
            "donors": len(np.unique(self.exam.donor)),
            "votes": int(self.exam.raters.sum()),
        }

    def notes(self) -> list[str]:
        """Messages that must stand beside the scores, by their names in the catalogue."""
        said = {
            "scores_simulated": self.exam.truth is not None,
            "compare_no_raters": self.exam.votes is None,
            "data_scale_unknown": self.dataset.form.um_per_px is None,
            "scores_learned_from": dataset_hash(self.dataset) in self.model.card.trained_on,
            "scores_one_donor": len(np.unique(self.exam.donor)) == 1,
        }
        return [name for name, holds in said.items() if holds]

    def as_json(self) -> dict[str, Any]:
        """All but the single predictions, as plain values; None where a number is not known."""
        return {
            "version": __version__,
            "model": {"sha256": self.model.sha256, **self.model.card.model_dump(mode="json")},
            "demonstration": text("demonstration") if self.model.card.demonstration else "",
            "data_set": {"hash": dataset_hash(self.dataset), **self.facts()},
            "notes": [text(note) for note in self.notes()],
            "unlike_share": self.unlike_share,
            "doubt": self.doubt,
            "sets_90": self.sets,
            "scores": plain_scores(self.scores),
            "segments": {str(name): plain_scores(scores) for name, scores in self.segments.items()},
        }

    def write(self, folder: Path) -> None:
        """Write ``scores.csv``, ``predictions.csv`` and ``evaluation.json`` into a new folder."""
        folder.mkdir(parents=True)
        tables = {"all": self.scores} | {f"near {name}": scores for name, scores in self.segments.items()}
        _write_csv(folder / "scores.csv", score_rows(tables))
        _write_csv(folder / "predictions.csv", self._predictions())
        told = json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False)
        (folder / "evaluation.json").write_text(told, encoding="utf-8")

    def _predictions(self) -> Iterator[list[str]]:
        names = [f"p_{grade}" for grade in self.model.card.grades]
        yield ["clip", "donor", *names, "expected_grade", "uncertainty", "unlike", "demonstration"]
        found, rows = self.grades, self.grades.track_id
        numbers = np.column_stack([found.probabilities, found.expected_grade, found.uncertainty]).tolist()
        marks = zip(found.unlike.tolist(), self.dataset.items.donor[rows].tolist(), strict=True)
        for clip, row, (unlike, donor) in zip(self.clips, numbers, marks, strict=True):
            cells = [f"{number:.6f}" for number in row]
            yield [clip, donor, *cells, str(int(unlike)), str(int(self.model.card.demonstration))]


def evaluate(model: Model, dataset: Dataset, progress: Progress = lambda done, total: None) -> Evaluation:
    """Grade every clip that has votes, and score the predictions; cells unlike training count like any other.

    The mean row is that of other donors, since nothing is learned here. That the model never saw these donors is for
    the user to know: its card says what it was trained on.

    Raises
    ------
    ValueError
        One line: the model is no grader or one of other grades or clips, or no clip has votes or a donor.
    """
    target, donor = dataset.distributions(), dataset.donor_number()
    rows = np.flatnonzero(np.isfinite(target).all(axis=1))
    if not len(rows):
        raise ValueError(f"{dataset.folder}: expected clips with votes, found none")
    exam = exam_of_rows(dataset, rows, mean_of_others(target[rows], donor[rows]))
    grades = grade_rows(model, dataset, rows, progress)
    rng = np.random.default_rng(DRAWS)
    return Evaluation(
        model=model,
        dataset=dataset,
        clips=tuple(dataset.items.clip[rows].tolist()),
        exam=exam,
        grades=grades,
        scores=score_table(grades.probabilities, exam, beside(exam, rng), rng),
        segments=segment_tables(grades.probabilities, exam, rng),
    )


def _write_csv(path: Path, rows: Iterator[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
