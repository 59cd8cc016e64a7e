"""A small network that reads from one tile of a picture how large its pixels are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BINS = 32
VIEWS = 4
"""Ways of weighing the places of a tile against each other, learned."""


def _block(inputs: int, outputs: int, stride: int = 1, groups: int = 1, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    """``x + f(x)`` (He et al. 2016) with ``f`` one whole convolution, or a depthwise and a pointwise one."""

    def __init__(self, width: int, *, light: bool = False) -> None:
        super().__init__()
        one = _block(width, width)
        two = nn.Sequential(_block(width, width, groups=width), _block(width, width, kernel=1))
        self.change = two if light else one

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)``, unchanged in size."""
        return x + self.change(x)


class ScaleNet(nn.Module):
    """Flattened tile ``(B, 1, H, W)`` -> logits ``(B, 32)`` over steps of log um/px; H and W are multiples of 32.

    The first layer sees 4 x 4 pixels as channels (Shi et al. 2016), so nothing is computed at full size. Where
    something of known size lies (a head, a midpiece), a place answers; the places are weighed by a softmax (Ilse et
    al. 2018, attention-based pooling), so that empty background and dirt need not outvote two heads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.PixelUnshuffle(4), _block(16, 32), _Residual(32, light=True))
        self.middle = nn.Sequential(_block(32, 64, 2), _Residual(64), _Residual(64, light=True))
        self.coarse = nn.Sequential(_block(64, 96, 2), _Residual(96), _Residual(96, light=True))
        self.around = nn.Sequential(_block(96, 128, 2), _Residual(128), _Residual(128, light=True))
        self.down = nn.Conv2d(128, 96, 1)
        self.mix = nn.Sequential(_Residual(96), _Residual(96, light=True))
        self.attention = nn.Conv2d(96, VIEWS, 1)
        self.out = nn.Sequential(nn.Linear(VIEWS * 96, 128), nn.ReLU(inplace=True), nn.Linear(128, BINS))

    def forward(self, tile: Tensor) -> Tensor:
        """See the class."""
        coarse = self.coarse(self.middle(self.fine(tile)))
        spread = nn.functional.interpolate(self.down(self.around(coarse)), scale_factor=2.0, mode="nearest")
        places = self.mix(coarse + spread)
        weight = torch.softmax(self.attention(places).flatten(2), -1)
        return self.out(torch.einsum("bvp,bcp->bvc", weight, places.flatten(2)).flatten(1))
