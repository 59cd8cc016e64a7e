"""Initial weights: a network that has learned to see simulated cells' traits, before anyone graded anything.

Stills teach shape at a fraction of the cost, clips movement too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from spermscope.dataset import dataset_hash, sound_dataset
from spermscope.drawing import Progress
from spermscope.labels import split_by_donor
from spermscope.models.family import NETWORKS
from spermscope.models.one_crop import on_one_crop
from spermscope.models.streaming import TOKEN, StreamingClip
from spermscope.training.aims import TRAITS, traits
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.fitting import FitSettings, trained
from spermscope.training.material import Material
from spermscope.training.protocol import Cell, Fold
from spermscope.training.stills import Stills, fit_stills, read_traits
from spermscope.whole_files import put

SHARES = (0.9, 0.1)
"""Donors to learn from, and to choose the epoch on."""
FEWEST = 20
"""Stills."""


def train_trunk(
    dataset: Path,
    out: Path,
    network: str,
    settings: FitSettings,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> tuple[float, float]:
    """Train ``network`` on a simulated study's traits and write its weights to ``out``.

    Gives the error (smooth L1, over traits of order one) on donors held back, and that of each trait's mean. A run
    that was killed goes on from ``NAME.ckpt``.

    Raises
    ------
    ValueError
        When the data set has errors, no traits, or a single donor.
    """
    material = Material(sound_dataset(dataset))
    aim = traits(material)
    train, held = (
        np.flatnonzero(np.isin(material.donor, part)) for part in split_by_donor(material.donor, SHARES, seed)
    )
    if not len(held):
        raise ValueError(f"{dataset}: expected donors to learn from and to choose on, found too few")
    checkpoint = out.with_suffix(".ckpt")
    named = f"{dataset_hash(material.dataset)} {settings.model_dump_json()}"
    cell, fold = Cell(seed, 0, TRAITS, network), Fold(train, held, held)
    built, course = trained(cell, aim, material, fold, settings, checkpoint, progress, named)
    with put(out) as part:
        torch.save(built.state_dict(), part)
    checkpoint.unlink(missing_ok=True)
    unseen = np.tile(aim.target[train].mean(axis=0), (len(held), 1, 1))
    return min(course.curve), aim.error(unseen, aim.target[held])


def train_on_stills(
    stills: Stills,
    out: Path,
    network: str,
    epochs: int,
    rate: float,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> tuple[float, float]:
    """Train what ``network`` sees of a single crop on stills' traits, and write its weights to ``out``.

    What reads displacements, and what joins crops, keeps its random weights. The error is told as by ``train_trunk``,
    on the last tenth of the stills. A run that was killed goes on from ``NAME.ckpt``.

    Raises
    ------
    ValueError
        When there are fewer than 20 stills.
    """
    if len(stills) < FEWEST:
        raise ValueError(f"stills: expected {FEWEST} or more to learn from and to test on, found {len(stills)}")
    torch.manual_seed(seed)
    learned = len(stills) - len(stills) // 10
    known, held = stills.part(slice(learned)), stills.part(slice(learned, None))
    built = NETWORKS[network](stills.traits.shape[1], 1)
    rng = np.random.default_rng([seed, 32])
    of = f"{network}, {epochs} epochs at {rate:g}, seed {seed}, {stills.name}"
    checkpoint = Checkpoint(out.with_suffix(".ckpt"), of)
    with _sight(built) as (sight, width):
        probe = fit_stills(sight, width, known, epochs, rate, rng, progress, checkpoint)
        read = read_traits(sight, probe, held)
    with put(out) as part:
        torch.save(built.cpu().state_dict(), part)
    checkpoint.done()
    return _off(read, held.traits), _off(np.broadcast_to(known.traits.mean(axis=0), held.traits.shape), held.traits)


@contextmanager
def _sight(network: nn.Module) -> Iterator[tuple[nn.Module, int]]:
    """What sees a single crop ``(B, 1, 128, 128)``, and the width of what it gives."""
    if isinstance(network, StreamingClip):
        yield network.encoder, TOKEN
        return
    with on_one_crop(network.trunk) as trunk:
        yield trunk, trunk.width


def _off(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    return float(nn.functional.smooth_l1_loss(torch.from_numpy(found.copy()), torch.from_numpy(wanted)))
