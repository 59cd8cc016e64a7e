"""What is learned from: the clips of a data set that have votes, as batches of tensors."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spermscope.clips import MODEL_PX, MOTION_FEATURES, motion_features
from spermscope.dataset import Clips, Dataset
from spermscope.training.loop import CPU
from spermscope.training.sight import as_input, turned

Ints = NDArray[np.int64]

UNKNOWN = 0.1
"""Share of the clips that go without displacements in training."""


class Material:
    """N clips with votes: ``target (N, K)``, ``donor (N,)``, and ``rows (N,)`` of the data set.

    Raises
    ------
    ValueError
        When no clip has votes, or the clips are smaller than what networks see.
    """

    def __init__(self, dataset: Dataset) -> None:
        if dataset.form.size_px < MODEL_PX or dataset.form.length < 2:
            found = f"{dataset.form.length} of {dataset.form.size_px} px"
            raise ValueError(
                f"{dataset.folder}: expected clips of 2 pictures or more, {MODEL_PX} px or more, found {found}"
            )
        labels = dataset.distributions()
        self.dataset, self.rows = dataset, np.flatnonzero(np.isfinite(labels).all(axis=1))
        if not len(self.rows):
            raise ValueError(f"{dataset.folder}: expected clips with votes, found none")
        self.target, self.donor = labels[self.rows], dataset.donor_number()[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def mean_grade(self) -> NDArray[np.float64]:
        """``(N,)`` of the labels, 1 .. K."""
        return self.target @ np.arange(1.0, self.target.shape[1] + 1)

    def plain(self, some: Ints, device: torch.device = CPU) -> tuple[Tensor, Tensor]:
        """``pictures (B, T, 128, 128)`` and ``motion (B, T, 7)`` of those clips as they are."""
        clips = self.dataset.clips(self.rows[some])
        return as_input(torch.from_numpy(clips.frames).to(device)), _motion(clips, clips.displaced).to(device)

    def disturbed(self, some: Ints, rng: np.random.Generator, device: torch.device = CPU) -> tuple[Tensor, Tensor]:
        """The same in ways that keep what a clip means: turned, mirrored, gain and sign; a tenth without displacements.

        Time is never reversed: a swimmer does not swim backwards.
        """
        clips = self.dataset.clips(self.rows[some])
        pictures = turned(as_input(torch.from_numpy(clips.frames).to(device)), rng)
        return pictures, _motion(clips, clips.displaced & (rng.random(len(some)) >= UNKNOWN)).to(device)


def _motion(clips: Clips, known: NDArray[np.bool_]) -> Tensor:
    out = np.zeros((*clips.time_s.shape, MOTION_FEATURES), np.float32)
    for row in range(len(clips)):
        out[row] = motion_features(clips.time_s[row], clips.xy_um[row], clips.observed[row], known=bool(known[row]))
    return torch.from_numpy(out)
