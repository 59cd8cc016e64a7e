"""One training: a network by a loss, its epoch chosen on donors held back; of a cell its temperature too.

Everything random follows from the seed, the fold, the epoch and the batch, so a training that was cut short and goes on
gives what an unbroken one gives: on one thread of one machine to the bit.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from torch import Tensor, nn

from spermscope.drawing import Progress
from spermscope.metrics import Floats, mse
from spermscope.models.family import NETWORKS
from spermscope.models.weights import load_trunk
from spermscope.temperature import fit_temperature, tempered
from spermscope.training.aims import Aim, votes
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.loop import Loop, fastest_device, mixed_precision
from spermscope.training.material import Material
from spermscope.training.protocol import Cell, Fold

Ints = NDArray[np.int64]

START, ORDER, BATCH, DONORS = 1, 2, 3, 4
"""What a random number is for."""
AHEAD = 8
"""Batches that are read and turned before a graphics card is done with the last."""
READERS = 4
"""Threads that read them."""


class FitSettings(BaseModel):
    """How every cell of a comparison is trained: AdamW, one cosine cycle with its peak at ``rate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: PositiveInt = 8
    batch: int = Field(default=16, ge=2)
    rate: PositiveFloat = 1e-3
    heads: PositiveInt = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained cell on its fold: logits ``(n, M, K)`` of the clips held back and of those tested.

    ``temperature`` and ``epoch`` (from 1) are chosen on the clips held back by the MSE of the mean distribution, whose
    course by epoch is ``curve``; ``ms_a_clip`` is the time to predict one, without reading it.
    """

    held: Floats
    test: Floats
    temperature: float
    epoch: int
    curve: tuple[float, ...]
    seconds: float
    ms_a_clip: float
    parameters: int

    @property
    def predicted(self) -> Floats:
        """``(n, K)`` of the clips tested."""
        return tempered(self.test, self.temperature)


@dataclass(slots=True)
class Course:
    """What a training has come to: its best weights, and the error after each epoch on the clips held back."""

    best: dict[str, Any]
    curve: list[float]
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """Of the best, from 0."""
        return int(np.argmin(self.curve))


def fit(
    cell: Cell,
    material: Material,
    fold: Fold,
    settings: FitSettings,
    checkpoint: Path,
    progress: Progress = lambda done, total: None,
    named: str = "",
    start: Path | None = None,
) -> Fitted:
    """Train one cell and predict its fold; as ``trained``."""
    aim = votes(material, cell.loss, settings.heads)
    network, course = trained(cell, aim, material, fold, settings, checkpoint, progress, named, start)
    return _fitted(network, material, fold, course)


def trained(
    cell: Cell,
    aim: Aim,
    material: Material,
    fold: Fold,
    settings: FitSettings,
    checkpoint: Path,
    progress: Progress = lambda done, total: None,
    named: str = "",
    start: Path | None = None,
) -> tuple[nn.Module, Course]:
    """The network of the epoch that came nearest to ``aim`` on the clips held back.

    Goes on from ``checkpoint`` where there is one; ``named`` tells other data and settings in it from these.
    ``progress`` counts epochs, ``start`` is a file of initial weights.

    Raises
    ------
    ValueError
        When the checkpoint is of another cell, data set or settings, the initial weights are another network's, or
        the training came to nothing.
    """
    with _seeded(cell, START):
        build = NETWORKS[cell.network]
        network = build(aim.target.shape[1], aim.heads, motion=cell.motion)
        if start is not None:
            load_trunk(network, start)
        network = network.to(fastest_device())
        batch = min(settings.batch, len(fold.train))
        loop = Loop([network], settings.rate, settings.epochs, len(fold.train), batch, lambda done, total: None)
        keeper = Checkpoint(checkpoint, f"{cell.name} {named}")
        course = _resumed(keeper, loop)
        share = _shares(cell, material.donor[fold.train], aim.heads)
        for epoch in range(len(course.curve), settings.epochs):
            begun = time.monotonic()
            _one_epoch(cell, aim, material, fold.train, loop, share, epoch)
            course.curve.append(aim.error(logits_of(network, material, fold.held)[0], aim.target[fold.held]))
            if course.epoch == epoch:
                course.best = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
            course.seconds += time.monotonic() - begun
            keeper.keep(best=course.best, curve=course.curve, seconds=course.seconds, **loop.state())
            progress(epoch + 1, settings.epochs)
        if not math.isfinite(min(course.curve)):
            raise ValueError(
                f"{cell.name}: expected finite predictions after one of {settings.epochs} epochs, found none; "
                f"a lower learning rate than {settings.rate:g} may help"
            )
        network.load_state_dict(course.best)
        return network, course


def logits_of(network: nn.Module, material: Material, rows: Ints) -> tuple[Floats, float]:
    """``(n, M, K)`` of those clips, and milliseconds a clip; the network is left in evaluation."""
    network.eval()
    device = next(network.parameters()).device
    found, spent_s = [], 0.0
    with torch.no_grad(), mixed_precision(device):
        for first in range(0, len(rows), 16):
            pictures, motion = material.plain(rows[first : first + 16], device)
            begun = time.perf_counter()
            found.append(network(pictures, motion)[0].double().cpu().numpy())
            spent_s += time.perf_counter() - begun
    return np.concatenate(found), 1e3 * spent_s / len(rows)


def _fitted(network: nn.Module, material: Material, fold: Fold, course: Course) -> Fitted:
    held, _ = logits_of(network, material, fold.held)
    test, ms_a_clip = logits_of(network, material, fold.test)
    return Fitted(
        held=held,
        test=test,
        temperature=fit_temperature(held, material.target[fold.held], mse),
        epoch=course.epoch + 1,
        curve=tuple(course.curve),
        seconds=course.seconds,
        ms_a_clip=ms_a_clip,
        parameters=sum(weight.numel() for weight in network.parameters()),
    )


def _one_epoch(cell: Cell, aim: Aim, material: Material, train: Ints, loop: Loop, share: Tensor, epoch: int) -> None:
    network = loop.parts[0]
    network.train()
    device = next(network.parameters()).device
    order = train[_generator(cell, ORDER, epoch).permutation(len(train))]
    batches = (
        (order[number * loop.batch : (number + 1) * loop.batch], _generator(cell, BATCH, epoch, number))
        for number in range(loop.steps_an_epoch)
    )
    for rows, rng, pictures, motion in _drawn(material, batches, device, 0 if device.type == "cpu" else AHEAD):
        torch.manual_seed(int(rng.integers(2**62)))
        with mixed_precision(device):
            logits = network(pictures, motion)[0]
        target = torch.from_numpy(aim.target[rows]).float().to(device)
        loop.descend(aim.loss(logits.float(), target, share[torch.from_numpy(material.donor[rows])].to(device)))


def _drawn(
    material: Material, batches: Iterable[tuple[Ints, np.random.Generator]], device: torch.device, ahead: int
) -> Iterator[tuple[Ints, np.random.Generator, Tensor, Tensor]]:
    """Each batch with its disturbed clips, in order; up to ``ahead`` are drawn by other threads before they are due."""

    def draw(rows: Ints, rng: np.random.Generator) -> tuple[Ints, np.random.Generator, Tensor, Tensor]:
        return rows, rng, *material.disturbed(rows, rng, device)

    if not ahead:
        yield from starmap(draw, batches)
        return
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Future[tuple[Ints, np.random.Generator, Tensor, Tensor]]] = deque()
        for batch in batches:
            waiting.append(pool.submit(draw, *batch))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _shares(cell: Cell, donor: Ints, heads: int) -> Tensor:
    """By donor's number, ``(., heads)``: how often each head's own bootstrap of the training donors drew each."""
    people = np.unique(donor)
    share = np.zeros((int(people[-1]) + 1, heads), np.float32)
    share[people] = _generator(cell, DONORS).multinomial(len(people), np.full(len(people), 1.0 / len(people)), heads).T
    return torch.from_numpy(share)


def _generator(cell: Cell, *what: int) -> np.random.Generator:
    return np.random.default_rng([cell.seed, cell.fold, *what])


@contextmanager
def _seeded(cell: Cell, what: int) -> Iterator[None]:
    """Numbers that torch draws follow from the cell; afterwards they go on as before."""
    with torch.random.fork_rng():
        torch.manual_seed(int(_generator(cell, what).integers(2**62)))
        yield


def _resumed(checkpoint: Checkpoint, loop: Loop) -> Course:
    state = checkpoint.kept()
    if state is None:
        return Course({}, [])
    loop.load(state)
    return Course(state["best"], state["curve"], state["seconds"])
