"""A network trained on a data set of votes and packed as a model file: the winner of a comparison, put to work.

Donors are split once: most teach, some choose epoch and temperature, some are seen by nothing and give the card its
scores and its 90 % sets their threshold.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from spermscope import __version__
from spermscope.conformal import set_threshold
from spermscope.dataset import dataset_hash, sound_dataset
from spermscope.dataset.exam import exam_of_rows
from spermscope.drawing import Progress
from spermscope.labels import split_by_donor, split_hash
from spermscope.metrics import mean_distribution, mse
from spermscope.models.clip_grader import ClipAtWork, ClipGrader
from spermscope.models.streaming import StreamingClip
from spermscope.runtime import ModelCard, write_model
from spermscope.temperature import fit_temperature, tempered
from spermscope.training.aims import votes
from spermscope.training.export import Golden, Graphs, clip_graphs, streaming_graphs
from spermscope.training.files import put
from spermscope.training.fitting import FitSettings, logits_of, trained
from spermscope.training.initial import Initial
from spermscope.training.material import Ints, Material
from spermscope.training.protocol import Cell, Fold
from spermscope.training.scores import card_scores

SHARES = (0.8, 0.1, 0.1)
"""Donors to learn from, to choose on, and to test on."""
FAR = 0.995
"""Share of clips of other donors that count as like training."""


def train_network(
    dataset: Path,
    out: Path,
    cell: Cell,
    settings: FitSettings,
    start: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Train ``cell``'s network on a data set and write ``out``; its weights lie beside it as ``NAME.pt``.

    ``start`` is such a file of weights to begin with. A run that was killed goes on from ``NAME.ckpt``. The model is a
    demonstration where the data set knows the truth: then it was simulated.

    Raises
    ------
    ValueError
        When the data set has errors, fewer than ten donors, or no scale, or a file is not what it should be.
    """
    material = Material(sound_dataset(dataset))
    form = material.dataset.form
    if form.um_per_px is None:
        raise ValueError(f"{dataset}: expected clips of a known scale for a model that is put to work, found none")
    parts = split_by_donor(material.donor, SHARES, cell.seed)
    if any(len(part) == 0 for part in parts):
        people = len(np.unique(material.donor))
        raise ValueError(f"{dataset}: expected donors to learn from, choose on and test on, found {people} in all")
    fold = Fold(*(np.flatnonzero(np.isin(material.donor, part)) for part in parts))
    initial = Initial({cell.network: start} if start else {})
    checkpoint = out.with_suffix(".ckpt")
    named = f"{dataset_hash(material.dataset)} {settings.model_dump_json()} {initial.name}"
    aim = votes(material, cell.loss, settings.heads)
    network, _ = trained(cell, aim, material, fold, settings, checkpoint, progress, named, start)
    with put(out.with_suffix(".pt")) as part:
        torch.save(network.state_dict(), part)
    _cool(network, fit_temperature(logits_of(network, material, fold.held)[0], material.target[fold.held], mse))
    at_work = network if isinstance(network, StreamingClip) else ClipAtWork(network)
    distance = at_work.head.distance if isinstance(at_work, StreamingClip) else at_work.distance
    distance.learn(_seen(network, material, fold.train))
    far = distance(_seen(network, material, fold.held))
    predicted = tempered(logits_of(network, material, fold.test)[0])
    target, donor = material.target[fold.test], material.donor[fold.test]
    raters = len(material.dataset.raters) if form.raters_known else None
    constants: dict[str, float | list[float]] = {
        "unlike_above": float(np.quantile(far.numpy(), FAR)),
        "sets_90": set_threshold(predicted, target, donor, raters=raters),
    }
    mean = mean_distribution(material.target[fold.train], len(fold.test))
    exam = exam_of_rows(material.dataset, material.rows[fold.test], mean)
    every = network.every if isinstance(network, StreamingClip) else 1
    card = _card(material, cell, settings, start, every).model_copy(
        update={"constants": constants, "scores": card_scores(predicted, exam), "split_hash": split_hash(parts)}
    )
    write_model(out, card, *_graphs(at_work, form.length))
    checkpoint.unlink(missing_ok=True)
    return out


def _cool(network: nn.Module, temperature: float) -> None:
    """Put the temperature into the last layer of every head."""
    heads = network.head.heads if isinstance(network, StreamingClip) else network.heads
    with torch.no_grad():
        for head in heads:
            for weight in head[-1].parameters():
                weight /= temperature


def _seen(network: StreamingClip | ClipGrader, material: Material, rows: Ints) -> Tensor:
    """``(n, D)`` of those clips: what is far from training or is not. On the processor."""
    network.eval().cpu()
    found = []
    with torch.no_grad():
        for first in range(0, len(rows), 16):
            pictures, motion = material.plain(rows[first : first + 16])
            streaming = isinstance(network, StreamingClip)
            found.append(network.tokens(pictures).mean(1) if streaming else network(pictures, motion)[1])
    return torch.cat(found)


def _graphs(network: StreamingClip | ClipAtWork, length: int) -> tuple[Graphs, Golden]:
    if isinstance(network, StreamingClip):
        return streaming_graphs(network.encoder, network.head, network.every)
    return clip_graphs(network, length)


def _card(material: Material, cell: Cell, settings: FitSettings, start: Path | None, every: int) -> ModelCard:
    data, form = material.dataset, material.dataset.form
    simulated = data.truth() is not None
    options = f"--network {cell.network} --loss {cell.loss} --epochs {settings.epochs} --rate {settings.rate:g}"
    options += f" --seed {cell.seed}"
    people = "simulated " * simulated
    return ModelCard(
        kind="streaming" if cell.network == "stream" else "clip",
        name=cell.network,
        version=__version__,
        um_per_px=form.um_per_px,
        rate_hz=form.rate_hz / every,
        grades=data.grades,
        trained_on=(
            f"{len(material)} clips of {len(np.unique(material.donor))} {people}donors with {len(data.votes)} votes of "
            f"{len(data.raters)} {people}raters (data set {dataset_hash(data)}); a fifth of the donors taught nothing"
        ),
        demonstration=simulated,
        recipe=f"spermscope train network DATASET {options}" + (f" --weights {start.name}" if start else ""),
        seed=cell.seed,
        intended_use=(
            "Showing that the machinery works. Not for choosing cells. Research use only."
            if simulated
            else "Research use only."
        ),
        limits=(
            "It learned from simulated experts and says nothing about real cells or real experts."
            if simulated
            else "It repeats what its raters graded, on cells, donors and microscopes like theirs."
        ),
    )
