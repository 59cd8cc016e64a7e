"""A small heat-map detector: where heads are, what they are, how large (after CenterNet, Zhou et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIDE = 4
CHANNELS = 2
"""Heat maps: sperm, other."""


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class HeatmapNet(nn.Module):
    """Flattened picture ``(B, 1, H, W)`` -> ``(B, 6, H/4, W/4)``; H and W are multiples of 16.

    Channels: 2 heat logits (sperm, other), offset (x, y) of the head's centre from the cell's centre in strides,
    log of the head's length and width in working pixels.
    """

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        c = [12 * width, 28 * width, 40 * width, 56 * width]
        self.stem = _block(1, c[0], 5, 2)
        self.quarter = nn.Sequential(_block(c[0], c[1], 3, 2), _block(c[1], c[1], 3, 1))
        self.eighth = nn.Sequential(_block(c[1], c[2], 3, 2), _block(c[2], c[2], 3, 1))
        self.sixteenth = nn.Sequential(_block(c[2], c[3], 3, 2), _block(c[3], c[3], 3, 1))
        self.down = nn.Conv2d(c[3], c[2], 1)
        self.side = nn.Conv2d(c[2], c[1], 1)
        self.mix = _block(c[1], c[1], 3, 1)
        self.out = nn.Conv2d(c[1], CHANNELS + 4, 1)
        nn.init.constant_(self.out.bias[:CHANNELS], -3.5)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        quarter = self.quarter(self.stem(picture))
        eighth = self.eighth(quarter)
        eighth = eighth + _double(self.down(self.sixteenth(eighth)))
        merged = quarter + _double(self.side(eighth))
        return self.out(self.mix(merged))


def _double(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


def heatmap_loss(output: Tensor, heat: Tensor, box: Tensor, weight: Tensor) -> Tensor:
    """``(B,)``: focal loss of the heat (Lin et al. 2017, as CenterNet uses it) and L1 of offset and log size.

    ``heat (B, 2, h, w)`` holds Gaussians that peak at 1, ``box (B, 4, h, w)`` the targets at cells with
    ``weight (B, 1, h, w)`` above 0. Heat below 0 marks cells that are not judged.
    """
    logit = output[:, :CHANNELS].float()
    chance = torch.sigmoid(logit)
    judged = heat >= 0
    peak = (heat >= 0.999) & judged
    near = torch.clamp(1.0 - heat, 0.0, 1.0) ** 4
    rise = (1.0 - chance) ** 2 * nn.functional.softplus(-logit) * peak
    fall = near * chance**2 * nn.functional.softplus(logit) * (~peak & judged)
    count = peak.flatten(1).sum(1).clamp(min=1)
    focal = (rise + fall).flatten(1).sum(1) / count
    far = (output[:, CHANNELS:].float() - box).abs() * weight
    return focal + far.flatten(1).sum(1) / weight.flatten(1).sum(1).clamp(min=1e-3)
