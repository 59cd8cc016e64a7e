"""Single crops of simulated cells with their traits: from what is known of each cell a network learns to see shapes.

A still costs a sixteenth of a clip to draw, so there are many more cells here than in the clips, and traits say far
more about a picture than one panel's votes do.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spermscope.clips import MODEL_PX
from spermscope.drawing import Progress, draw_all
from spermscope.settings import ClipSettings
from spermscope.simulate.donors import draw_cells, draw_donor
from spermscope.simulate.experts import appearance
from spermscope.study.panel_clips import USUAL, film
from spermscope.study.traits import shape_traits
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.loop import Loop, fastest_device, mixed_precision
from spermscope.training.sight import as_input, turned
from spermscope.whole_files import put

CELLS_A_DONOR = 3
BATCH = 512


@dataclass(frozen=True, slots=True)
class Stills:
    """N crops ``frames (N, 128, 128) uint8`` and ``traits (N, 13) float32``, as ``shape_traits`` gives them."""

    frames: NDArray[np.uint8]
    traits: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def name(self) -> str:
        """How many there are, and of which cells."""
        return f"{len(self)} stills {hashlib.sha256(self.traits.tobytes()).hexdigest()[:16]}"


def draw_stills(
    donors: range,
    seed: int,
    processes: int = 2,
    progress: Progress = lambda done, total: None,
    rules: ClipSettings = USUAL,
) -> Stills:
    """``CELLS_A_DONOR`` stills of each donor; they depend on ``seed``, his number and the scale of ``rules`` alone."""
    parts = draw_all(partial(_donor_stills, seed, rules=rules), donors, processes, progress)
    return Stills(np.concatenate([part.frames for part in parts]), np.concatenate([part.traits for part in parts]))


def save_stills(path: Path, stills: Stills) -> None:
    """Keep stills in an uncompressed ``.npz``."""
    with put(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, frames=stills.frames, traits=stills.traits)


def load_stills(path: Path) -> Stills:
    """Read what ``save_stills`` wrote.

    Raises
    ------
    ValueError
        When the file holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            stills = Stills(arrays["frames"], arrays["traits"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected stills of simulate stills, found something else") from error
    wanted, found = (len(stills), MODEL_PX, MODEL_PX), stills.frames.shape
    if found != wanted or stills.frames.dtype != np.uint8 or len(stills.traits) != len(stills):
        raise ValueError(f"{path}: expected uint8 stills of {wanted} with their traits, found {found}")
    return stills


def _donor_stills(seed: int, number: int, rules: ClipSettings = USUAL) -> Stills:
    rng = np.random.default_rng([seed, number, 22])
    donor = draw_donor(rng, number)
    cells = draw_cells(donor, CELLS_A_DONOR, rng)
    times_s = rng.uniform(0.0, 1.0, (CELLS_A_DONOR, 1))
    frames = [film(donor, cells, row, times_s[row], seed, rng, rules)[0][0] for row in range(CELLS_A_DONOR)]
    edge = (rules.size_px - MODEL_PX) // 2
    seen_px = slice(edge, edge + MODEL_PX)
    # Movement is no trait of a still: any two positions do.
    nowhere = np.zeros((CELLS_A_DONOR, 2, 2))
    seen = appearance(cells, donor.optics, donor.um_per_px, np.array([0.0, 1.0]), nowhere)
    return Stills(np.stack(frames)[:, seen_px, seen_px], shape_traits(cells, seen).astype(np.float32))


def fit_stills(
    sight: nn.Module,
    width: int,
    stills: Stills,
    epochs: int,
    rate: float,
    rng: np.random.Generator,
    progress: Progress,
    checkpoint: Checkpoint | None = None,
) -> nn.Linear:
    """``sight``, ``(B, 1, 128, 128)`` to ``(B, width)``, and a linear reading of it on the traits (smooth L1).

    Both are left on the fastest device. What was kept in ``checkpoint`` is gone on with.
    """
    device = fastest_device()
    probe = nn.Linear(width, stills.traits.shape[1])
    frames, target = torch.from_numpy(stills.frames).to(device), torch.from_numpy(stills.traits).to(device)
    batch = min(BATCH, max(2, len(stills) // 8))
    loop = Loop([sight.to(device), probe.to(device)], rate, epochs, len(stills), batch, progress)
    for rows in loop.batches(rng, checkpoint):
        some = torch.from_numpy(rows).to(device)
        with mixed_precision(device):
            read = probe(sight(turned(as_input(frames[some])[:, None], rng)))
        loop.descend(nn.functional.smooth_l1_loss(read.float(), target[some]))
    return probe


def read_traits(sight: nn.Module, probe: nn.Linear, stills: Stills) -> NDArray[np.float32]:
    """``(N, 13)`` as they are read from the stills as they are."""
    sight.eval()
    device, found = probe.weight.device, []
    with torch.no_grad(), mixed_precision(device):
        for first in range(0, len(stills), BATCH):
            frames = torch.from_numpy(stills.frames[first : first + BATCH]).to(device)
            found.append(probe(sight(as_input(frames)[:, None])).float().cpu().numpy())
    return np.concatenate(found)
