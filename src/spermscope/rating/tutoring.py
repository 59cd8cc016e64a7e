"""Lessons for a learner: clips that a panel has rated, what it said of each, and the clips that look most alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.dataset import Dataset
from spermscope.grade.of_dataset import grade_rows
from spermscope.labels import MISSING
from spermscope.metrics.distances import mean_grade
from spermscope.rating.sheets import COLUMNS, tiled
from spermscope.rating.values import SheetInfo
from spermscope.runtime import Model

FEWEST_VOTES, FEWEST_CLIPS = 3, 5
NEAREST = 3


@dataclass(frozen=True)
class Lessons:
    """N clips with at least three votes: ``rows (N,)`` of the data set, the panel's ``shares (N, K)``.

    ``nearest (N, 3)`` are the clips, of another donor where known, whose embeddings by a grader lie nearest.
    ``panel_apart`` is how far, in grades, one rater lies from the panel's mean on average.
    """

    data: Dataset = field(repr=False)
    rows: NDArray[np.int64]
    shares: NDArray[np.float64]
    nearest: NDArray[np.int64]
    panel_apart: float

    def __len__(self) -> int:
        return len(self.rows)

    def png(self, number: int) -> bytes:
        """The sheet of a clip: all of its frames, losslessly."""
        done, data = cv2.imencode(".png", tiled(self.data.clips([int(self.rows[number])]).frames[0]))
        if not done:
            raise ValueError(f"{self.data.folder}: expected a sheet of clip {number}, found one that cannot be written")
        return data.tobytes()

    def sheet(self, number: int) -> SheetInfo:
        """How a clip is played; it has no name here."""
        time_s = self.data.clips([int(self.rows[number])]).time_s[0]
        form = self.data.form
        return SheetInfo(
            hash="",
            path="",
            frames=form.length,
            columns=COLUMNS,
            width_px=form.size_px,
            height_px=form.size_px,
            um_per_px=form.um_per_px,
            time_s=tuple((time_s - time_s[0]).tolist()),
        )


def lessons_of(
    data: Dataset, grader: Model, progress: Callable[[int, int | None], None] = lambda done, total: None
) -> Lessons:
    """What a data set can teach; ``grader`` tells which clips look alike.

    Raises
    ------
    ValueError
        When fewer than five clips have three votes, or the grader does not fit the clips.
    """
    votes = (data.vote_matrix() != MISSING).sum(axis=1)
    rows = np.flatnonzero(votes >= FEWEST_VOTES)
    if len(rows) < FEWEST_CLIPS:
        found = f"{len(rows)} of {len(data)}"
        raise ValueError(
            f"{data.folder}: expected {FEWEST_CLIPS} clips or more with {FEWEST_VOTES} votes, found {found}"
        )
    shares = data.distributions()[rows]
    embedding = grade_rows(grader, data, rows, progress).embedding
    grades = np.arange(1, shares.shape[1] + 1)
    apart = (shares * np.abs(grades - mean_grade(shares)[:, None])).sum(axis=1)
    return Lessons(data, rows, shares, nearest_of(embedding, data.donor_number()[rows]), float(apart.mean()))


def nearest_of(embedding: NDArray[np.float32], donor: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(N, 3)`` others by distance, each feature in its own standard deviations; those of the same donor come last."""
    spread = embedding.std(axis=0)
    scaled = (embedding - embedding.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    distance = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    distance[donor[:, None] == donor[None]] += 2.0 * distance.max() + 1.0
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :NEAREST].astype(np.int64)
