"""What every training of a grader shares: the device, its precision, and one cosine cycle over shuffled batches."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spermscope.drawing import Progress

CPU = torch.device("cpu")
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
    """AdamW with one cosine cycle over shuffled batches."""

    def __init__(
        self, parts: list[nn.Module], rate: float, epochs: int, items: int, batch: int, progress: Progress
    ) -> None:
        self.parts, self.epochs, self.items, self.batch, self.progress = parts, epochs, items, batch, progress
        self.steps_an_epoch = items // batch
        self.weights = [weight for part in parts for weight in part.parameters()]
        self.optimizer = torch.optim.AdamW(self.weights, lr=rate, weight_decay=0.02)
        steps = max(1, epochs * self.steps_an_epoch)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, rate, total_steps=steps, pct_start=0.08)

    def batches(self, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Rows of each batch, epoch after epoch."""
        done = 0
        for _ in range(self.epochs):
            order = rng.permutation(self.items)
            for number in range(self.steps_an_epoch):
                for part in self.parts:
                    part.train()
                yield order[number * self.batch : (number + 1) * self.batch]
                done += 1
                self.progress(done, self.epochs * self.steps_an_epoch)

    def descend(self, loss: Tensor) -> None:
        """One step down."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.schedule.step()
