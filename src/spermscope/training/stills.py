"""Single crops of simulated cells with their traits: from what is known of each cell the encoder learns to see shapes.

A still costs a sixteenth of a clip to draw, so there are many more cells here than in the clips, and traits say far
more about a picture than one panel's votes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spermscope.drawing import Progress, draw_all
from spermscope.models.streaming import TOKEN, CropEncoder
from spermscope.settings import ClipSettings
from spermscope.simulate.donors import draw_cells, draw_donor
from spermscope.simulate.experts import appearance
from spermscope.study.panel_clips import film
from spermscope.study.traits import shape_traits
from spermscope.training.loop import Loop, mixed_precision, turned

CELLS_A_DONOR = 3
BATCH = 64


@dataclass(frozen=True, slots=True)
class Stills:
    """N crops ``frames (N, 150, 150) uint8`` and ``traits (N, 13) float32``, as ``shape_traits`` gives them."""

    frames: NDArray[np.uint8]
    traits: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frames)


def draw_stills(donors: range, seed: int, processes: int = 2, progress: Progress = lambda done, total: None) -> Stills:
    """``CELLS_A_DONOR`` stills of each donor; they depend on ``seed`` and his number alone."""
    parts = draw_all(partial(_donor_stills, seed), donors, processes, progress)
    return Stills(np.concatenate([part.frames for part in parts]), np.concatenate([part.traits for part in parts]))


def save_stills(path: Path, stills: Stills) -> None:
    """Keep stills in an uncompressed ``.npz``."""
    np.savez(path, allow_pickle=False, frames=stills.frames, traits=stills.traits)


def load_stills(path: Path) -> Stills:
    """Read what ``save_stills`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return Stills(arrays["frames"], arrays["traits"])


def _donor_stills(seed: int, number: int) -> Stills:
    rng = np.random.default_rng([seed, number, 22])
    donor = draw_donor(rng, number)
    cells = draw_cells(donor, CELLS_A_DONOR, rng)
    times_s = rng.uniform(0.0, 1.0, (CELLS_A_DONOR, 1))
    frames = [film(donor, cells, row, times_s[row], seed, rng, ClipSettings())[0][0] for row in range(CELLS_A_DONOR)]
    # Movement is no trait of a still: any two positions do.
    nowhere = np.zeros((CELLS_A_DONOR, 2, 2))
    seen = appearance(cells, donor.optics, donor.um_per_px, np.array([0.0, 1.0]), nowhere)
    return Stills(np.stack(frames), shape_traits(cells, seen).astype(np.float32))


def fit_stills(encoder: CropEncoder, stills: Stills, epochs: int, rng: np.random.Generator, progress: Progress) -> None:
    """The encoder and a linear reading of it on the traits (smooth L1)."""
    probe = nn.Linear(TOKEN, stills.traits.shape[1])
    target = torch.from_numpy(stills.traits)
    loop = Loop([encoder, probe], 2e-3, epochs, len(stills), BATCH, progress)
    for rows in loop.batches(rng):
        pictures = turned(stills.frames[rows][:, None], rng)
        with mixed_precision():
            read = probe(encoder(pictures))
        loop.descend(nn.functional.smooth_l1_loss(read.float(), target[rows]))
