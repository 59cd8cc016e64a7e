"""ResNet (He et al. 2016) on single crops: the middle one alone, or the mean over several."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from spermscope.models.sampling import evenly

WIDTHS = (1, 2, 4, 8)
"""Of the four stages, in units of the first."""


def _convolved(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class _Residual(nn.Module):
    """``relu(short(x) + change(x))``; the shortcut is a projection where the shape changes (option B)."""

    def __init__(self, change: nn.Module, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.change = change
        same = inputs == outputs and stride == 1
        self.short = nn.Identity() if same else _convolved(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, H/stride, W/stride)``."""
        return torch.relu(self.short(x) + self.change(x))


def basic(inputs: int, width: int, stride: int) -> tuple[nn.Module, int]:
    """Two 3 x 3 convolutions, and how many channels they give."""
    change = nn.Sequential(_convolved(inputs, width, 3, stride), nn.ReLU(inplace=True), _convolved(width, width, 3))
    return _Residual(change, inputs, width, stride), width


def bottleneck(inputs: int, width: int, stride: int) -> tuple[nn.Module, int]:
    """1 x 1 down, 3 x 3 (which strides: Goyal et al. 2017), 1 x 1 up to four times the width."""
    change = nn.Sequential(
        _convolved(inputs, width, 1),
        nn.ReLU(inplace=True),
        _convolved(width, width, 3, stride),
        nn.ReLU(inplace=True),
        _convolved(width, 4 * width, 1),
    )
    return _Residual(change, inputs, 4 * width, stride), 4 * width


Block = Callable[[int, int, int], tuple[nn.Module, int]]


class ResNet(nn.Module):
    """One crop ``(B, 1, H, W)`` to ``(B, D)``; four stages of ``depths`` blocks. H and W are multiples of 32.

    ``ResNet()`` is ResNet-18, ``ResNet(bottleneck, (3, 4, 6, 3))`` is ResNet-50.
    """

    def __init__(self, block: Block = basic, depths: tuple[int, ...] = (2, 2, 2, 2), first: int = 64) -> None:
        super().__init__()
        self.enter = nn.Sequential(_convolved(1, first, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        stages, channels = [], first
        for number, depth in enumerate(depths):
            for place in range(depth):
                stride = 2 if number and not place else 1
                made, channels = block(channels, first * WIDTHS[number], stride)
                stages.append(made)
        self.blocks = nn.Sequential(*stages)
        self.width = channels
        self.to(memory_format=torch.channels_last)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        return self.blocks(self.enter(picture)).mean((2, 3))


class FrameMean(nn.Module):
    """A trunk: the mean of what a still network sees in ``frames`` evenly spaced crops; of 1, the middle crop's."""

    def __init__(self, encoder: ResNet, frames: int) -> None:
        super().__init__()
        self.encoder, self.frames = encoder, frames
        self.width = encoder.width

    def forward(self, pictures: Tensor) -> Tensor:
        """``(B, T, H, W)`` to ``(B, D)``."""
        each = self.encoder(evenly(pictures, self.frames).flatten(0, 1)[:, None])
        return each.unflatten(0, (-1, self.frames)).mean(1)
