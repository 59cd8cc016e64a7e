"""Crops as a network sees them, where it learns: the preprocessing of ``clips`` on any device, turned and disturbed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spermscope.clips import GAIN, MODEL_PX, to_model_input
from spermscope.training.loop import CPU


def as_input(frames: Tensor) -> Tensor:
    """``(..., S, S) uint8``, S >= 128, to ``(..., 128, 128) float32`` on the same device: ``clips.to_model_input``."""
    return torch.from_numpy(to_model_input(frames.numpy())) if frames.device == CPU else input_on_card(frames)


def input_on_card(frames: Tensor) -> Tensor:
    """``clips.to_model_input`` to 1e-5, on any device; on a processor several times slower."""
    edge = (frames.shape[-1] - MODEL_PX) // 2
    centre = frames[..., edge : edge + MODEL_PX, edge : edge + MODEL_PX].float()
    sample = centre[..., ::4, ::4].flatten(-2)
    level = _median(sample)
    spread = _median((sample - level).abs())
    return torch.asinh((centre - level[..., None]) / (GAIN * spread[..., None]).clamp(min=2.0))


class Turns:
    """Drawn for each of some pictures: one of the eight quarter turns and mirrorings, a gain and a sign."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._across, self._down, self._swapped = rng.random((3, count)) < 0.5
        sign = np.where(rng.random(count) < 0.15, -1.0, 1.0)
        self._gain = (sign * np.exp(rng.normal(0, 0.15, count))).astype(np.float32)

    def pictures(self, inputs: Tensor) -> Tensor:
        """``(B, T, H, H)``, each clip turned as a whole, times its gain."""

        def each(values: NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(values).to(inputs.device)[:, None, None, None]

        inputs = torch.where(each(self._across), inputs.flip(3), inputs)
        inputs = torch.where(each(self._down), inputs.flip(2), inputs)
        inputs = torch.where(each(self._swapped), inputs.transpose(2, 3), inputs)
        return inputs * each(self._gain)

    def directions(self, vectors: Tensor) -> Tensor:
        """``(B, 2)``, x to the right and y downward, as they lie in the turned pictures."""
        x, y = vectors.unbind(1)
        across, down, swapped = (
            torch.from_numpy(drawn).to(vectors.device) for drawn in (self._across, self._down, self._swapped)
        )
        x, y = torch.where(across, -x, x), torch.where(down, -y, y)
        return torch.stack([torch.where(swapped, y, x), torch.where(swapped, x, y)], 1)


def turned(inputs: Tensor, rng: np.random.Generator) -> Tensor:
    """``(B, T, H, H)``, each clip turned, mirrored and weighed by chance."""
    return Turns(len(inputs), rng).pictures(inputs)


def _median(values: Tensor) -> Tensor:
    """``(..., N)`` to ``(..., 1)``, N even: the mean of the two in the middle, as numpy has it."""
    middle = values.shape[-1] // 2
    return values.sort(-1).values[..., middle - 1 : middle + 1].mean(-1, keepdim=True)
