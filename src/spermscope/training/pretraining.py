"""Initial weights: a network that has learned to see simulated cells' traits, before anyone graded anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from spermscope.dataset import dataset_hash, sound_dataset
from spermscope.drawing import Progress
from spermscope.labels import split_by_donor
from spermscope.training.aims import TRAITS, traits
from spermscope.training.files import put
from spermscope.training.fitting import FitSettings, trained
from spermscope.training.material import Material
from spermscope.training.protocol import Cell, Fold

SHARES = (0.9, 0.1)
"""Donors to learn from, and to choose the epoch on."""


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
