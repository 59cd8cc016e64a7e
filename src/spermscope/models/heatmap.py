"""A small heat-map detector: where heads are, what they are, how large (after CenterNet, Zhou et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CHANNELS = 2
"""Heat maps: sperm, other."""
CELLS = 4
"""2 x 2 of every map at each place of the output."""
TYPICAL_HEADS = 6.0
"""A picture of so many counts once; one of others by the root of their number, so that neither few nor many rule."""
PLACE_WEIGHT = 3.0
"""Of the offset's loss against the size's: speeds hang on where a head is, nothing on how large its box."""


def _convolved(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


def _block(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(*_convolved(inputs, outputs, kernel, stride, groups), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    """``relu(x + f(x))`` (He et al. 2016): sum and threshold are one step with the convolution before them."""

    def __init__(self, change: nn.Module) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)``, unchanged in size."""
        return torch.relu(x + self.change(x))


def _whole(width: int) -> _Residual:
    return _Residual(_convolved(width, width, 3))


def _light(width: int) -> _Residual:
    """Depthwise, then pointwise: a ninth of a whole convolution's work."""
    return _Residual(nn.Sequential(_block(width, width, 3, groups=width), _convolved(width, width, 1)))


class _Merge(nn.Module):
    """A coarser level's view added to a finer one (Lin et al. 2017, feature pyramids)."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(coarse, fine, 1)
        self.mix = _light(fine)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """``(B, fine, H, W)`` and ``(B, coarse, H/2, W/2)`` to ``(B, fine, H, W)``."""
        mixed: Tensor = self.mix(fine + nn.functional.interpolate(self.down(coarse), scale_factor=2.0, mode="nearest"))
        return mixed


class HeatmapNet(nn.Module):
    """Flattened picture ``(B, 1, H, W)`` -> ``(B, 24, H/4, W/4)``; H and W are multiples of 32.

    The first layer sees 4 x 4 working pixels as channels and the last writes 2 x 2 cells for each (Shi et al. 2016), so
    nothing is computed at full size and yet two heads side by side stay two; ``to_maps`` spreads the cells out. Most
    weights sit where the picture is small: a head's surroundings (tail, ring, neighbours) tell it from what looks
    alike, and there they cost little.
    """

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.PixelUnshuffle(4)
        self.quarter = nn.Sequential(_block(16, 24, 3), _light(24))
        self.eighth = nn.Sequential(_block(24, 48, 3, 2), _whole(48))
        self.sixteenth = nn.Sequential(_block(48, 72, 3, 2), _whole(72), _light(72))
        self.coarsest = nn.Sequential(_block(72, 96, 3, 2), _whole(96), _light(96))
        self.to_sixteenth, self.to_eighth, self.to_quarter = _Merge(96, 72), _Merge(72, 48), _Merge(48, 24)
        self.out = nn.Conv2d(24, CELLS * (CHANNELS + 4), 1)
        nn.init.constant_(self.out.bias[: CELLS * CHANNELS], -4.5)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        cells: Tensor = self.out(self.seen(self.blocks(picture)))
        return cells

    def seen(self, blocks: Tensor) -> Tensor:
        """``(B, 16, h, w)`` to ``(B, 24, h, w)``: what the maps are read from."""
        quarter = self.quarter(blocks)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        around = self.to_sixteenth(sixteenth, self.coarsest(sixteenth))
        finest: Tensor = self.to_quarter(quarter, self.to_eighth(eighth, around))
        return finest


class HeatmapAtWork(nn.Module):
    """The network in the form in which it is exported: places last but one, channels last, as an engine computes.

    Turning a frame's arrays round costs a tenth of the time that computing them does. ``blocks (B, h, w, 16)``
    (``normalise.in_blocks``) to ``heat (B, h, w, 8)``, of which all is looked at, and ``rest (B, h, w, 16)``, of which
    only what belongs to peaks is.
    """

    def __init__(self, network: HeatmapNet) -> None:
        super().__init__()
        self.network, heats = network, CELLS * CHANNELS
        weight, bias = network.out.weight.detach(), network.out.bias.detach()
        self.heat, self.rest = (nn.Conv2d(weight.shape[1], len(part), 1) for part in (bias[:heats], bias[heats:]))
        self.heat.load_state_dict({"weight": weight[:heats], "bias": bias[:heats]})
        self.rest.load_state_dict({"weight": weight[heats:], "bias": bias[heats:]})

    def forward(self, blocks: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        seen = self.network.seen(blocks.permute(0, 3, 1, 2))
        return self.heat(seen).permute(0, 2, 3, 1), self.rest(seen).permute(0, 2, 3, 1)


def to_maps(output: Tensor) -> Tensor:
    """``(B, 24, h, w)`` of the network to maps ``(B, 6, 2h, 2w)``.

    Channels: 2 heat logits (sperm, other), offset (x, y) of the head's centre from the cell's centre in strides, log of
    the width and height of its upright box in working pixels.
    """
    return nn.functional.pixel_shuffle(output, 2)


def heatmap_loss(output: Tensor, heat: Tensor, box: Tensor, weight: Tensor, care: Tensor) -> Tensor:
    """``(B,)``: focal loss against soft heat (Li et al. 2020, quality focal loss) and L1 of offset and log size.

    ``output`` is the network's. ``heat (B, 2, H/2, W/2)`` holds Gaussians; a hard peak would ask which cell of two the
    centre lies in, a soft one is reached wherever it lies. ``box (B, 4, H/2, W/2)`` are targets at cells with
    ``weight (B, 1, H/2, W/2)`` above 0, 1 at a head's own cell. Heat below 0 marks cells that are not judged.
    ``care (B, 1, H/2, W/2)`` is how much a cell counts, 1 for most.
    """
    maps = to_maps(output)
    logit = maps[:, :CHANNELS].float()
    target = heat.clamp(min=0.0)
    entropy = nn.functional.softplus(logit) - target * logit
    focal = (target - torch.sigmoid(logit)).square() * entropy * (heat >= 0) * care
    heads = (weight == 1).flatten(1).sum(1).clamp(min=1)
    share = (weight * care)[:, 0]
    # Few cells belong to heads, and only there are boxes compared: half of the loss's time.
    at, row, column = torch.nonzero(share, as_tuple=True)
    far = (maps[at, CHANNELS:, row, column].float() - box[at, :, row, column]).abs()
    far = (PLACE_WEIGHT * far[:, :2].sum(1) + far[:, 2:].sum(1)) * share[at, row, column]
    placed = torch.zeros_like(share[:, 0, 0]).index_add(0, at, far) / share.flatten(1).sum(1).clamp(min=1e-3)
    return focal.flatten(1).sum(1) / (TYPICAL_HEADS * heads).sqrt() + placed
