"""Pictures and their heat maps as tensors where the network learns: picked, turned and disturbed in batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from spermscope.training.targets import Lesson

HEAT, BOX, WEIGHT, CARE = slice(0, 2), slice(2, 6), slice(6, 7), slice(7, 8)
"""Channels of ``maps``, as ``heatmap_loss`` takes them; a box is offset x and y, log width and log height."""
TRANSPOSED = [0, 1, 3, 2, 5, 4, 6, 7]
INVERTED, SELDOM_INVERTED = 0.3, 0.05
"""Shares that are inverted: of pictures that microscopes give in either polarity, and of others."""


class Lessons:
    """``flat (N, 1, 256, 256)`` and ``maps (N, 8, 128, 128)`` of N pictures, float16 on one device (0.4 MB each)."""

    def __init__(self, lessons: Sequence[Lesson], device: torch.device) -> None:
        pictures = [lesson.picture for lesson in lessons]
        self.flat = torch.from_numpy(np.stack([picture.flat for picture in pictures]))[:, None].to(device)
        self.maps = torch.from_numpy(np.stack([lesson.maps for lesson in lessons])).to(device)
        self.inverted = torch.tensor([INVERTED if p.either_sign else SELDOM_INVERTED for p in pictures], device=device)

    def __len__(self) -> int:
        return len(self.flat)

    def batch(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """``(B, 1, 256, 256)`` and ``(B, 8, 128, 128)`` float32, any pictures; ``generator`` is of the device."""
        rows = torch.randint(len(self), (size,), generator=generator, device=generator.device)
        flat, maps = turned(self.flat[rows], self.maps[rows], generator)
        return disturbed(flat.float(), self.inverted[rows], generator), maps.float()

    def plain(self, size: int, count: int) -> list[Tensor]:
        """Up to ``count`` batches of pictures as they are."""
        return [self.flat[at : at + size].float() for at in range(0, min(count * size, len(self)), size)]


def turned(flat: Tensor, maps: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each picture mirrored and turned by quarters, its maps alike, in their place."""
    for axis, offset in ((-1, 2), (-2, 3)):
        picked = _picked(0.5, flat, generator)
        flat[picked] = flat[picked].flip(axis)
        mirrored = maps[picked].flip(axis)
        mirrored[:, offset].neg_()
        maps[picked] = mirrored
    picked = _picked(0.5, flat, generator)
    flat[picked] = flat[picked].transpose(-1, -2)
    maps[picked] = maps[picked].transpose(-1, -2)[:, TRANSPOSED]
    return flat, maps


def disturbed(flat: Tensor, inverted: Tensor, generator: torch.Generator) -> Tensor:
    """Either polarity, another gain, more noise, which normalisation cannot settle."""
    sign = 1.0 - 2.0 * _picked(inverted, flat, generator).float()
    gain = torch.exp(_uniform(flat, generator) - 0.5)
    seen = flat * _each(sign * gain)
    noisy = _picked(0.4, flat, generator)
    noise = torch.empty_like(flat[noisy]).normal_(generator=generator)
    seen[noisy] += _each(0.15 * _uniform(noise, generator)) * noise
    return seen


def _each(numbers: Tensor) -> Tensor:
    """``(B,)`` to ``(B, 1, 1, 1)``."""
    return numbers[:, None, None, None]


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    """``(B,)`` in 0..1."""
    return torch.rand(len(like), generator=generator, device=like.device)


def _picked(share: float | Tensor, like: Tensor, generator: torch.Generator) -> Tensor:
    """``(B,)``: which of the pictures, about ``share`` of them."""
    return _uniform(like, generator) < share
