"""A crop's middle turned so that the head points to the right: what is left to tell apart is shape."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Facing(nn.Module):
    """``(B, 1, S, S)`` and where each head points, ``(B, 2)``, to ``(B, 1, height, width)``, bilinear.

    Pixels lie ``step_px`` of the crop's apart. The middle of the view lies ``behind_px`` of the crop's behind the
    crop's own, where the neck is. A sampling that gradients pass (Jaderberg et al. 2015), so that a heading that is
    not told is learned by what it is good for. A direction of length 0 shows the crop's middle alone.
    """

    at: Tensor

    def __init__(self, height: int, width: int, step_px: float, behind_px: float) -> None:
        super().__init__()
        across = (torch.arange(height) - (height - 1) / 2) * step_px
        along = (torch.arange(width) - (width - 1) / 2) * step_px - behind_px
        self.size = height, width
        self.register_buffer("at", torch.cartesian_prod(across, along).flip(1), persistent=False)

    def forward(self, picture: Tensor, heading: Tensor) -> Tensor:
        """See the class; x to the right, y downward, of any length."""
        # Half precision would misplace pixels by a quarter of their width.
        with torch.autocast("cuda" if picture.is_cuda else "cpu", enabled=False):
            along = nn.functional.normalize(heading.float(), dim=1) * (2 / picture.shape[-1])
            across = torch.stack([-along[:, 1], along[:, 0]], 1)
            grid = (self.at @ torch.stack([along, across], 1)).unflatten(1, self.size)
            return nn.functional.grid_sample(picture.float(), grid, "bilinear", "zeros", align_corners=False)
