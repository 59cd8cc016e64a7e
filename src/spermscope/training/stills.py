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
from torch import Tensor, nn

from spermscope.clips import MODEL_PX
from spermscope.drawing import Progress, draw_all
from spermscope.models.streaming import CropEncoder
from spermscope.settings import ClipSettings
from spermscope.simulate.donors import draw_cells, draw_donor
from spermscope.simulate.experts import appearance
from spermscope.study.panel_clips import USUAL, film
from spermscope.study.traits import shape_traits
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.loop import Loop, fastest_device, mixed_precision
from spermscope.training.matrices import matrices
from spermscope.training.sight import Turns, as_input
from spermscope.whole_files import put

CELLS_A_DONOR = 3
BATCH = 256
HEADING = 0.2
"""Weight of the headings (mean squared error of unit vectors) beside the traits."""


@dataclass(frozen=True, slots=True)
class Stills:
    """N crops ``frames (N, 128, 128) uint8`` and ``traits (N, 13) float32``, as ``shape_traits`` gives them.

    ``heading (N, 2) float32`` are unit vectors to where heads point, x to the right, y downward.
    """

    frames: NDArray[np.uint8]
    traits: NDArray[np.float32]
    heading: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frames)

    def part(self, rows: slice) -> Stills:
        """Those alone."""
        return Stills(self.frames[rows], self.traits[rows], self.heading[rows])

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
    return Stills(*(np.concatenate([getattr(part, name) for part in parts]) for name in Stills.__slots__))


def save_stills(path: Path, stills: Stills) -> None:
    """Keep stills in an uncompressed ``.npz``."""
    with put(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: getattr(stills, name) for name in Stills.__slots__})


def load_stills(path: Path) -> Stills:
    """Read what ``save_stills`` wrote.

    Raises
    ------
    ValueError
        When the file holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            stills = Stills(*(arrays[name] for name in Stills.__slots__))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected stills of simulate stills, found something else") from error
    wanted, found = (len(stills), MODEL_PX, MODEL_PX), stills.frames.shape
    rows = {len(stills.frames), len(stills.traits), len(stills.heading)}
    if found != wanted or stills.frames.dtype != np.uint8 or len(rows) > 1:
        raise ValueError(f"{path}: expected uint8 stills of {wanted} with their traits, found {found}")
    return stills


def _donor_stills(seed: int, number: int, rules: ClipSettings = USUAL) -> Stills:
    rng = np.random.default_rng([seed, number, 22])
    donor = draw_donor(rng, number)
    cells = draw_cells(donor, CELLS_A_DONOR, rng)
    times_s = rng.uniform(0.0, 1.0, (CELLS_A_DONOR, 1))
    films = [film(donor, cells, row, times_s[row], seed, rng, rules) for row in range(CELLS_A_DONOR)]
    edge = (rules.size_px - MODEL_PX) // 2
    seen_px = slice(edge, edge + MODEL_PX)
    # Movement is no trait of a still: any two positions do.
    nowhere = np.zeros((CELLS_A_DONOR, 2, 2))
    seen = appearance(cells, donor.optics, donor.um_per_px, np.array([0.0, 1.0]), nowhere)
    frames = np.concatenate([one.frames for one in films])[:, seen_px, seen_px]
    heading = np.concatenate([one.heading for one in films])
    return Stills(frames, shape_traits(cells, seen).astype(np.float32), heading.astype(np.float32))


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

    One that turns heads learns where they point, too. Both are left on the fastest device. What was kept in
    ``checkpoint`` is gone on with.
    """
    device = fastest_device()
    probe = nn.Linear(width, stills.traits.shape[1])
    frames, traits, heading = (torch.from_numpy(getattr(stills, name)).to(device) for name in Stills.__slots__)
    batch = min(BATCH, max(2, len(stills) // 8))
    parts = [sight.to(device), probe.to(device)]
    loop = Loop(parts, rate, epochs, len(stills), batch, progress, matrices(sight))
    for rows in loop.batches(rng, checkpoint):
        some, turns = torch.from_numpy(rows).to(device), Turns(len(rows), rng)
        pictures = turns.pictures(as_input(frames[some])[:, None])
        with mixed_precision(device):
            seen, misled = _looked(sight, pictures, turns.directions(heading[some]))
            read = probe(seen)
        loop.descend(nn.functional.smooth_l1_loss(read.float(), traits[some]) + HEADING * misled)
    return probe


def _looked(sight: nn.Module, pictures: Tensor, heading: Tensor) -> tuple[Tensor, Tensor | float]:
    """What is seen, and how far off the headings are by which a sight turns its pictures; 0 where it does not."""
    if not isinstance(sight, CropEncoder):
        return sight(pictures), 0.0
    seen, taken = sight.look(pictures)
    return seen, nn.functional.mse_loss(taken.float(), heading)


def read_traits(sight: nn.Module, probe: nn.Linear, stills: Stills) -> NDArray[np.float32]:
    """``(N, 13)`` as they are read from the stills as they are."""
    sight.eval()
    device, found = probe.weight.device, []
    with torch.no_grad(), mixed_precision(device):
        for first in range(0, len(stills), BATCH):
            frames = torch.from_numpy(stills.frames[first : first + BATCH]).to(device)
            found.append(probe(sight(as_input(frames)[:, None])).float().cpu().numpy())
    return np.concatenate(found)
