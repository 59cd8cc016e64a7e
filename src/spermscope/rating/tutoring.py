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
from spermscope.rating.panel_view import as_shown, can_be_shown, panel_protocol
from spermscope.rating.protocol import Protocol
from spermscope.rating.sheets import tiled
from spermscope.rating.values import SheetInfo
from spermscope.runtime import Model

FEWEST_VOTES, FEWEST_CLIPS = 3, 5
NEAREST = 3


@dataclass(frozen=True)
class Lessons:
    """N clips with at least three votes: ``rows (N,)`` of the data set, the panel's ``shares (N, K)``.

    ``protocol`` is what the panel was asked, and the view that it judged.
    ``nearest (N, 3)`` are the clips, of another donor where known, whose embeddings by a grader lie nearest.
    ``panel_apart`` is how far, in grades, one rater lies from the panel's mean on average.
    """

    data: Dataset = field(repr=False)
    protocol: Protocol
    rows: NDArray[np.int64]
    shares: NDArray[np.float64]
    nearest: NDArray[np.int64]
    panel_apart: float

    def __len__(self) -> int:
        return len(self.rows)

    def png(self, number: int) -> bytes:
        """The sheet of a clip in the panel's view: all of its frames, losslessly."""
        frames, _ = as_shown(self.data, int(self.rows[number]), self.protocol)
        done, data = cv2.imencode(".png", tiled(frames))
        if not done:
            raise ValueError(f"{self.data.folder}: expected a sheet of clip {number}, found one that cannot be written")
        return data.tobytes()

    def sheet(self, number: int) -> SheetInfo:
        """How a clip is played; it has no name here."""
        return as_shown(self.data, int(self.rows[number]), self.protocol)[1]


def lessons_of(
    data: Dataset, grader: Model, progress: Callable[[int, int | None], None] = lambda done, total: None
) -> Lessons:
    """What a data set can teach; ``grader`` tells which clips look alike.

    Raises
    ------
    ValueError
        When fewer than five clips have three votes, the grader does not fit the clips, or the data set's protocol is
        that of another.
    """
    protocol = panel_protocol(data)
    votes = (data.vote_matrix() != MISSING).sum(axis=1)
    voted = np.flatnonzero(votes >= FEWEST_VOTES)
    rows = voted[[can_be_shown(data, row, protocol) for row in voted.tolist()]]
    if len(rows) < FEWEST_CLIPS:
        found = f"{len(rows)} of {len(data)}"
        raise ValueError(
            f"{data.folder}: expected {FEWEST_CLIPS} clips or more with {FEWEST_VOTES} votes, found {found}"
        )
    shares = data.distributions()[rows]
    embedding = grade_rows(grader, data, rows, progress).embedding
    grades = np.arange(1, shares.shape[1] + 1)
    apart = (shares * np.abs(grades - mean_grade(shares)[:, None])).sum(axis=1)
    return Lessons(data, protocol, rows, shares, nearest_of(embedding, data.donor_number()[rows]), float(apart.mean()))


def nearest_of(embedding: NDArray[np.float32], donor: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(N, 3)`` others by distance, each feature in its own standard deviations; those of the same donor come last."""
    spread = embedding.std(axis=0)
    scaled = (embedding - embedding.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    distance = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    distance[donor[:, None] == donor[None]] += 2.0 * distance.max() + 1.0
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :NEAREST].astype(np.int64)
