"""SlowFast (Feichtenhofer et al. 2019): few crops through a wide pathway, all through a narrow one that feeds it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spermscope.models.sampling import central, evenly

SLOWER = 4
"""Crops of the fast pathway to one of the slow (the paper's alpha; 8 there, of longer clips)."""
LATERAL = 2
"""Channels that reach the slow pathway, to one of the fast."""


def _convolved(inputs: int, outputs: int, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> nn.Sequential:
    padding = tuple(size // 2 for size in kernel)
    return nn.Sequential(nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm3d(outputs))


def _block(inputs: int, outputs: int, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> nn.Sequential:
    return nn.Sequential(_convolved(inputs, outputs, kernel, stride), nn.ReLU(inplace=True))


class _Bottleneck(nn.Module):
    """``time`` x 1 x 1 down, 1 x 3 x 3, 1 x 1 x 1 up; a stride holds in space alone: no crop is ever left out."""

    def __init__(self, inputs: int, width: int, stride: int, time: int) -> None:
        super().__init__()
        step = (1, stride, stride)
        self.change = nn.Sequential(
            _block(inputs, width, (time, 1, 1), (1, 1, 1)),
            _block(width, width, (1, 3, 3), step),
            _convolved(width, 4 * width, (1, 1, 1), (1, 1, 1)),
        )
        same = inputs == 4 * width and stride == 1
        self.short = nn.Identity() if same else _convolved(inputs, 4 * width, (1, 1, 1), step)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, T, H, W)`` to ``(B, 4 width, T, H/stride, W/stride)``."""
        return torch.relu(self.short(x) + self.change(x))


def _stage(inputs: int, width: int, depth: int, stride: int, time: int) -> nn.Sequential:
    rest = [_Bottleneck(4 * width, width, 1, time) for _ in range(depth - 1)]
    return nn.Sequential(_Bottleneck(inputs, width, stride, time), *rest)


def _enter(width: int, time: int) -> nn.Sequential:
    return nn.Sequential(_block(1, width, (time, 7, 7), (1, 2, 2)), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))


class SlowFast(nn.Module):
    """A trunk: 16 evenly spaced crops, every fourth in the slow pathway, to ``(B, D)``; the default is SlowFast-R50.

    ``first`` and ``fast`` are the pathways' channels after the first layer. The slow one convolves in time in its last
    two stages alone, the fast one throughout. Of each crop the middle ``side`` x ``side`` is seen, a multiple of 32.
    """

    def __init__(self, depths: tuple[int, ...] = (3, 4, 6, 3), first: int = 64, fast: int = 8, side: int = 128) -> None:
        super().__init__()
        self.slow_enter, self.fast_enter = _enter(first, 1), _enter(fast, 5)
        laterals, slow_stages, fast_stages = [], [], []
        slow_in, fast_in = first, fast
        for number, depth in enumerate(depths):
            stride, time = (2 if number else 1), (3 if number >= 2 else 1)
            laterals.append(_block(fast_in, LATERAL * fast_in, (5, 1, 1), (SLOWER, 1, 1)))
            slow_stages.append(_stage(slow_in + LATERAL * fast_in, first * 2**number, depth, stride, time))
            fast_stages.append(_stage(fast_in, fast * 2**number, depth, stride, 3))
            slow_in, fast_in = 4 * first * 2**number, 4 * fast * 2**number
        self.laterals = nn.ModuleList(laterals)
        self.slow_stages, self.fast_stages = nn.ModuleList(slow_stages), nn.ModuleList(fast_stages)
        self.width, self.side, self.frames = slow_in + fast_in, side, 16

    def forward(self, pictures: Tensor) -> Tensor:
        """``(B, T, H, W)`` to ``(B, D)``."""
        clip = central(evenly(pictures, self.frames), self.side)[:, None]
        slow, fast = self.slow_enter(clip[:, :, ::SLOWER]), self.fast_enter(clip)
        for lateral, slow_stage, fast_stage in zip(self.laterals, self.slow_stages, self.fast_stages, strict=True):
            slow = slow_stage(torch.cat([slow, lateral(fast)], 1))
            fast = fast_stage(fast)
        return torch.cat([slow.mean((2, 3, 4)), fast.mean((2, 3, 4))], 1)
