"""The clips of a data set, graded as a clinic would grade them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset import Clips, Dataset
from spermscope.grade.open import Grader, open_grader
from spermscope.model_file import ModelCard
from spermscope.runtime import Model
from spermscope.settings import ClipSettings, Settings
from spermscope.types import Clip, Grades, Scale, SourceProfile

READ = 32
"""Clips that are read and graded at once."""


def grade_rows(
    model: Model,
    dataset: Dataset,
    rows: NDArray[np.int64],
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Grades:
    """A row for each of those clips, in order; their ``track_id`` is their row. ``progress`` counts clips.

    Where nobody knows the clips' scale the model's is taken.

    Raises
    ------
    ValueError
        One line: the model is no grader, or one of other grades or clips.
    """
    grader, scale = _grader(model, dataset), _scale(model.card, dataset)
    parts = []
    for first in range(0, len(rows), READ):
        some = rows[first : first + READ]
        parts.append(grader.grade_clips(_clips(some, dataset.clips(some), scale)))
        progress(min(first + READ, len(rows)), len(rows))
    return Grades.joined(parts)


def _grader(model: Model, dataset: Dataset) -> Grader:
    """The model's grader for the clips that the set has."""
    form, scale = dataset.form, _scale(model.card, dataset)
    clip = ClipSettings(size_px=form.size_px, um_per_px=scale, rate_hz=form.rate_hz, length=form.length)
    # What the clips were cut from is not known, nor how many frames it had in a second.
    unknown = float("nan")
    profile = SourceProfile(form.size_px, form.size_px, unknown, Scale(scale, "given"), 0, unknown, unknown)
    grader = open_grader(profile, Settings(clip=clip), model)
    if form.length > grader.span:
        raise ValueError(f"{model.card.name}: expected clips of at most {grader.span} crops, found {form.length}")
    if form.grades != model.card.grades:
        expected, found = " ".join(form.grades), " ".join(model.card.grades)
        raise ValueError(f"{model.card.name}: expected the grades of {dataset.folder}, {expected}; found {found}")
    return grader


def _scale(card: ModelCard, dataset: Dataset) -> float:
    """The clips' own; the model's where nobody knows it."""
    return dataset.form.um_per_px or card.um_per_px


def _clips(rows: NDArray[np.int64], clips: Clips, um_per_px: float) -> list[Clip]:
    return [
        Clip(row, clips.frames[at], clips.time_s[at], clips.xy_um[at], clips.observed[at], um_per_px)
        for at, row in enumerate(rows.tolist())
    ]
