"""R(2+1)D (Tran et al. 2018): every 3-D convolution is one in space, then one in time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spermscope.models.sampling import central, evenly


def _factored(inputs: int, middle: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """1 x 3 x 3, then 3 x 1 x 1, with a threshold between: as many weights as 3 x 3 x 3, one more nonlinearity."""
    return nn.Sequential(
        nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        nn.BatchNorm3d(middle),
        nn.ReLU(inplace=True),
        nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
        nn.BatchNorm3d(outputs),
    )


class _Residual(nn.Module):
    """Two factored convolutions and a shortcut; a stride holds in space and in time."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = 27 * inputs * outputs // (9 * inputs + 3 * outputs)
        self.change = nn.Sequential(
            _factored(inputs, middle, outputs, stride), nn.ReLU(inplace=True), _factored(outputs, middle, outputs)
        )
        projection = nn.Conv3d(inputs, outputs, 1, stride, bias=False)
        same = inputs == outputs and stride == 1
        self.short = nn.Identity() if same else nn.Sequential(projection, nn.BatchNorm3d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, T, H, W)`` to ``(B, outputs, T/stride, H/stride, W/stride)``."""
        return torch.relu(self.short(x) + self.change(x))


class R2Plus1D(nn.Module):
    """A trunk: the middle ``side`` x ``side`` of 8 evenly spaced crops to ``(B, 8 first)``; the default is R(2+1)D-18.

    The channels between space and time follow the paper's rule once a block, from its inputs and outputs, as in the
    weights in common use: 31.3 M parameters. By the rule for each convolution it would be 33.2 M.
    """

    def __init__(self, depths: tuple[int, ...] = (2, 2, 2, 2), first: int = 64, side: int = 112) -> None:
        super().__init__()
        between = 45 * first // 64
        self.enter = nn.Sequential(
            nn.Conv3d(1, between, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(between),
            nn.ReLU(inplace=True),
            nn.Conv3d(between, first, (3, 1, 1), 1, (1, 0, 0), bias=False),
            nn.BatchNorm3d(first),
            nn.ReLU(inplace=True),
        )
        blocks, channels = [], first
        for number, depth in enumerate(depths):
            for place in range(depth):
                stride = 2 if number and not place else 1
                blocks.append(_Residual(channels, first * 2**number, stride))
                channels = first * 2**number
        self.blocks = nn.Sequential(*blocks)
        self.width, self.side, self.frames = channels, side, 8

    def forward(self, pictures: Tensor) -> Tensor:
        """``(B, T, H, W)`` to ``(B, D)``."""
        clip = central(evenly(pictures, self.frames), self.side)[:, None]
        return self.blocks(self.enter(clip)).mean((2, 3, 4))
