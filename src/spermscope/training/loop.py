"""What every training of a grader shares: the device, its precision, and one cosine cycle over shuffled batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from spermscope.drawing import Progress
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.matrices import Orthogonal

CPU = torch.device("cpu")
DECAY = 0.02
"""Of weights, by each step of the rate."""
BF16_UNITS = ("amx_bf16", "avx512_bf16")
"""Of a processor, as torch names them: the first multiplies bf16 several times, the second nearly twice as fast."""


def fastest_device() -> torch.device:
    """The graphics card where there is one; of several, this process's own (``LOCAL_RANK``, which launchers set)."""
    if not torch.cuda.is_available():
        return CPU
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def mixed_precision(device: torch.device = CPU) -> torch.autocast:
    """bf16 where the device multiplies it; elsewhere it is emulated, ten times slower than f32."""
    able = device.type == "cuda" or any(torch.cpu.get_capabilities().get(unit, False) for unit in BF16_UNITS)
    return torch.autocast(device.type, torch.bfloat16, enabled=able)


class Loop:
    """AdamW with one cosine cycle over shuffled batches; Muon for those weights that are named as ``matrices``."""

    def __init__(
        self,
        parts: list[nn.Module],
        rate: float,
        epochs: int,
        items: int,
        batch: int,
        progress: Progress,
        matrices: Sequence[nn.Parameter] = (),
    ) -> None:
        self.parts, self.epochs, self.items, self.batch, self.progress = parts, epochs, items, batch, progress
        self.steps_an_epoch = items // batch
        self.weights = [weight for part in parts for weight in part.parameters()]
        named = {id(weight) for weight in matrices}
        rest = [weight for weight in self.weights if id(weight) not in named]
        self.optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, lr=rate, weight_decay=DECAY)]
        if matrices:
            self.optimizers.append(Orthogonal(list(matrices), rate, DECAY))
        steps = max(1, epochs * self.steps_an_epoch)
        self.schedules = [
            OneCycleLR(one, rate, total_steps=steps, pct_start=0.08, cycle_momentum=isinstance(one, torch.optim.AdamW))
            for one in self.optimizers
        ]

    def batches(self, rng: np.random.Generator, checkpoint: Checkpoint | None = None) -> Iterator[NDArray[np.int64]]:
        """Rows of each batch, epoch after epoch; with a ``checkpoint``, kept after each, those that are left.

        Where all that is random comes from ``rng`` and torch's own generator, what was killed and goes on ends as what
        was not.
        """
        first = self._resumed(rng, checkpoint)
        done = first * self.steps_an_epoch
        for epoch in range(first, self.epochs):
            order = rng.permutation(self.items)
            for number in range(self.steps_an_epoch):
                for part in self.parts:
                    part.train()
                yield order[number * self.batch : (number + 1) * self.batch]
                done += 1
                self.progress(done, self.epochs * self.steps_an_epoch)
            if checkpoint is not None:
                random = {"numpy": rng.bit_generator.state, "torch": torch.get_rng_state()}
                checkpoint.keep(epoch=epoch + 1, random=random, **self.state())

    def descend(self, loss: Tensor) -> None:
        """One step down."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        for optimizer, schedule in zip(self.optimizers, self.schedules, strict=True):
            optimizer.step()
            schedule.step()

    def state(self) -> dict[str, Any]:
        """Of the parts, the optimizers and their schedules, as ``load`` takes it."""
        return {
            "parts": [part.state_dict() for part in self.parts],
            "optimizers": [one.state_dict() for one in self.optimizers],
            "schedules": [one.state_dict() for one in self.schedules],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        mine = (*self.parts, *self.optimizers, *self.schedules)
        kept = (*state["parts"], *state["optimizers"], *state["schedules"])
        for one, found in zip(mine, kept, strict=True):
            one.load_state_dict(found)

    def _resumed(self, rng: np.random.Generator, checkpoint: Checkpoint | None) -> int:
        """The epoch to go on with."""
        state = checkpoint.kept() if checkpoint is not None else None
        if state is None:
            return 0
        self.load(state)
        rng.bit_generator.state = state["random"]["numpy"]
        torch.set_rng_state(state["random"]["torch"])
        return int(state["epoch"])
