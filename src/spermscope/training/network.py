"""A network trained on a data set of votes and packed as a model file: the winner of a comparison, put to work.

Donors are split once: most teach, some choose epoch and temperature, some are seen by nothing and give the card its
scores, its 90 % sets their threshold and its own doubt a measure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn

from spermscope import __version__
from spermscope.conformal import set_threshold
from spermscope.dataset import dataset_hash, sound_dataset
from spermscope.dataset.exam import exam_of_rows
from spermscope.doubt import chance, fit_doubt, heads_apart
from spermscope.drawing import Progress
from spermscope.labels import split_by_donor, split_hash
from spermscope.metrics import Floats, mean_distribution, mean_grade, mse
from spermscope.model_file import ModelCard, write_model
from spermscope.models.clip_grader import ClipAtWork, ClipGrader
from spermscope.models.streaming import StreamingClip
from spermscope.runtime import Model
from spermscope.temperature import fit_temperature, tempered
from spermscope.training.aims import votes
from spermscope.training.distilling import taught
from spermscope.training.export import Golden, Graphs, clip_graphs, streaming_graphs
from spermscope.training.fitting import FitSettings, logits_of, trained
from spermscope.training.initial import Initial
from spermscope.training.material import Ints, Material
from spermscope.training.protocol import Cell, Fold
from spermscope.training.scores import card_scores
from spermscope.whole_files import put

SHARES = (0.8, 0.1, 0.1)
"""Donors to learn from, to choose on, and to test on."""
FAR = 0.995
"""Share of clips of other donors that count as like training."""

SIMULATED_USE = "Showing that the machinery works. Not for choosing cells. Research use only."
SIMULATED_LIMITS = "It learned from simulated experts and says nothing about real cells or real experts."
MEASURED_LIMITS = "It repeats what its raters graded, on cells, donors and microscopes like theirs."


def train_network(
    dataset: Path,
    out: Path,
    cell: Cell,
    settings: FitSettings,
    start: Path | None = None,
    teacher: Model | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Train ``cell``'s network on a data set and write ``out``; its weights lie beside it as ``NAME.pt``.

    ``start`` is such a file of weights to begin with; a ``teacher`` says what it sees of the clips, too. A run that was
    killed goes on from ``NAME.ckpt``. The model is a demonstration where the data set knows the truth: then it was
    simulated.

    Raises
    ------
    ValueError
        When the data set has errors, fewer than ten donors, or no scale, or a file is not what it should be.
    """
    material = Material(sound_dataset(dataset))
    if material.dataset.form.um_per_px is None:
        raise ValueError(f"{dataset}: expected clips of a known scale for a model that is put to work, found none")
    fold, split = _split(material, cell.seed)
    aim = votes(material, cell.loss, settings.heads)
    if teacher is not None:
        _refuse_knowing(teacher, material, split, cell.seed)
        aim = taught(aim, teacher, material, fold.train)
    checkpoint, told = out.with_suffix(".ckpt"), "" if teacher is None else teacher.sha256
    initial = Initial({cell.network: start} if start else {}).name
    named = f"{dataset_hash(material.dataset)} {settings.model_dump_json()} {initial} {told}"
    network, _ = trained(cell, aim, material, fold, settings, checkpoint, progress, named, start)
    with put(out.with_suffix(".pt")) as part:
        torch.save(network.state_dict(), part)
    _cool(network, fit_temperature(logits_of(network, material, fold.held)[0], material.target[fold.held], mse))
    logits = logits_of(network, material, fold.test)[0]
    predicted = tempered(logits)
    at_work, unlike_above = _at_work(network.cpu(), material, fold)
    mean = mean_distribution(material.target[fold.train], len(fold.test))
    card = _card(material, cell, settings, start, teacher).model_copy(
        update={
            "rate_hz": material.dataset.form.rate_hz / (network.every if isinstance(network, StreamingClip) else 1),
            "constants": {
                "unlike_above": unlike_above,
                "doubt": _doubt(logits, material, fold.test),
                "sets_90": _threshold(predicted, material, fold.test),
            },
            "scores": card_scores(predicted, exam_of_rows(material.dataset, material.rows[fold.test], mean)),
            "split_hash": split,
        }
    )
    write_model(out, card, *_graphs(at_work, material.dataset.form.length))
    checkpoint.unlink(missing_ok=True)
    return out


def _split(material: Material, seed: int) -> tuple[Fold, str]:
    """Donors to learn from, to choose on and to test on, and the split's name."""
    parts = split_by_donor(material.donor, SHARES, seed)
    if any(len(part) == 0 for part in parts):
        place, people = material.dataset.folder, len(np.unique(material.donor))
        raise ValueError(f"{place}: expected donors to learn from, choose on and test on, found {people} in all")
    return Fold(*(np.flatnonzero(np.isin(material.donor, part)) for part in parts)), split_hash(parts)


def _refuse_knowing(teacher: Model, material: Material, split: str, seed: int) -> None:
    """A teacher of the same data set must not have learned from those who are held back or tested."""
    card = teacher.card
    if dataset_hash(material.dataset) in card.trained_on and card.split_hash != split:
        raise ValueError(
            f"{card.name}: expected a teacher that learned from the same donors, found one with others: "
            f"train it on this data set with --seed {seed}"
        )


def _at_work(network: nn.Module, material: Material, fold: Fold) -> tuple[StreamingClip | ClipAtWork, float]:
    """The network with its distance from training, and the distance from which on a cell is unlike it."""
    at_work = network if isinstance(network, StreamingClip) else ClipAtWork(network)
    distance = at_work.head.distance if isinstance(at_work, StreamingClip) else at_work.distance
    distance.learn(_seen(network, material, fold.train))
    return at_work, float(np.quantile(distance(_seen(network, material, fold.held)).numpy(), FAR))


def _threshold(predicted: Floats, material: Material, tested: Ints) -> float:
    """Of sets that hold nine in ten votes, by donors whom nothing has seen."""
    known = material.dataset.form.raters_known
    raters = len(material.dataset.raters) if known else None
    return set_threshold(predicted, material.target[tested], material.donor[tested], raters=raters)


def _cool(network: nn.Module, temperature: float) -> None:
    """Put the temperature into the last layer of every head."""
    heads = network.head.heads if isinstance(network, StreamingClip) else network.heads
    with torch.no_grad():
        for head in heads:
            for weight in head[-1].parameters():
                weight /= temperature


def _doubt(logits: Floats, material: Material, tested: Ints) -> list[float]:
    """How far off the expected grade is by how far the heads lie apart, by donors whom nothing has seen."""
    target, votes_each = material.target[tested], material.dataset.vote_matrix()[material.rows[tested]]
    off = mean_grade(tempered(logits)) - mean_grade(target)
    return fit_doubt(heads_apart(softmax(logits, axis=2)), off, chance(target, (votes_each >= 0).sum(axis=1))).constant


def _seen(network: StreamingClip | ClipGrader, material: Material, rows: Ints) -> Tensor:
    """``(n, D)`` of those clips: what is far from training or is not."""
    network.eval()
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


def _card(
    material: Material, cell: Cell, settings: FitSettings, start: Path | None, teacher: Model | None
) -> ModelCard:
    data, simulated = material.dataset, material.dataset.truth() is not None
    people = "simulated " * simulated
    learned = (
        f"{len(material)} clips of {len(np.unique(material.donor))} {people}donors with {len(data.votes)} votes of "
        f"{len(data.raters)} {people}raters (data set {dataset_hash(data)}); a fifth of the donors taught nothing"
    )
    recipe = (
        f"spermscope train network DATASET --network {cell.network} --loss {cell.loss} --epochs {settings.epochs} "
        f"--rate {settings.rate:g} --batch {settings.batch} --seed {cell.seed}"
    )
    if start is not None:
        recipe += f" --weights {start.name}"
    if teacher is not None:
        learned += f"; half of what it learned is what {teacher.card.name} {teacher.sha256[:16]} predicts"
        recipe += " --teacher MODEL"
    return ModelCard(
        kind="streaming" if cell.network == "stream" else "clip",
        name=cell.network,
        version=__version__,
        um_per_px=data.form.um_per_px,
        grades=data.grades,
        trained_on=learned,
        demonstration=simulated,
        recipe=recipe,
        seed=cell.seed,
        intended_use=SIMULATED_USE if simulated else "Research use only.",
        limits=SIMULATED_LIMITS if simulated else MEASURED_LIMITS,
    )
