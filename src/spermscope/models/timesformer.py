"""TimeSformer (Bertasius et al. 2021): patches of all crops, attended to along time, then within each crop."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spermscope.models.sampling import central, evenly


class _Attention(nn.Module):
    """Self-attention of several heads (Vaswani et al. 2017) over ``(B, L, width)``."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        length, width = x.shape[1], x.shape[2]
        q, k, v = self.qkv(x).reshape(-1, length, 3, self.count, width // self.count).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.join(seen.transpose(1, 2).reshape(-1, length, width))


class _Block(nn.Module):
    """Divided space-time attention, pre-norm: time, space, MLP, each with a residual."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.norm_time, self.norm_space, self.norm_mlp = (nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.time, self.space = _Attention(width, count), _Attention(width, count)
        self.join_time = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, mark: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        """``mark (B, 1, width)``, the token that stands for the clip, and ``patches (B, T, N, width)``, as they were.

        In time a patch sees the patches at its own place, where there is more than one crop; in space those of its
        own crop and the mark, which takes the mean of what it saw in each crop.
        """
        frames, places, width = patches.shape[1:]
        if frames > 1:
            along = patches.transpose(1, 2).reshape(-1, frames, width)
            along = self.join_time(self.time(self.norm_time(along)))
            patches = patches + along.reshape(-1, places, frames, width).transpose(1, 2)
        within = torch.cat([mark[:, None].expand(-1, frames, -1, -1), patches], 2).reshape(-1, 1 + places, width)
        within = self.space(self.norm_space(within)).reshape(-1, frames, 1 + places, width)
        mark, patches = mark + within[:, :, :1].mean(1), patches + within[:, :, 1:]
        return mark + self.mlp(self.norm_mlp(mark)), patches + self.mlp(self.norm_mlp(patches))

    def begin_time(self) -> None:
        """Attention along time begins as what space's is, and adds nothing yet."""
        self.time.load_state_dict(self.space.state_dict())
        self.norm_time.load_state_dict(self.norm_space.state_dict())
        nn.init.zeros_(self.join_time.weight)
        nn.init.zeros_(self.join_time.bias)


class TimeSformer(nn.Module):
    """A trunk: the middle ``side`` x ``side`` of 8 evenly spaced crops, in square patches, to ``(B, width)``.

    Patches are an odd number a side, so that the middle one holds the head. Widths 192, 384 and 768 with 3, 6 and 12
    attention heads are Tiny, Small and Base (after the ViTs of Touvron et al. 2021); the default is Small: 30 M
    parameters.
    """

    def __init__(
        self, width: int = 384, count: int = 6, depth: int = 12, side: int = 112, frames: int = 8, patch: int = 16
    ) -> None:
        super().__init__()
        self.width, self.side, self.frames = width, side, frames
        self.patch = nn.Conv2d(1, width, patch, patch)
        self.mark = nn.Parameter(torch.zeros(1, 1, width))
        self.place = nn.Parameter(torch.zeros(1, 1 + (side // patch) ** 2, width))
        self.moment = nn.Parameter(torch.zeros(1, frames, width))
        self.blocks = nn.ModuleList(_Block(width, count) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        for token in (self.mark, self.place, self.moment):
            nn.init.trunc_normal_(token, std=0.02)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(B, T, H, W)`` to ``(B, width)``."""
        crops = central(evenly(pictures, self.frames), self.side)
        patches = self.patch(crops.flatten(0, 1)[:, None]).flatten(2).transpose(1, 2).unflatten(0, (-1, self.frames))
        patches = patches + self.place[:, None, 1:] + self.moment[:, : self.frames, None]
        mark = (self.mark + self.place[:, :1]).expand(patches.shape[0], -1, -1)
        for block in self.blocks:
            mark, patches = block(mark, patches)
        return self.norm(mark)[:, 0]

    def begin_time(self) -> None:
        """After learning on single crops, as the paper begins with a network of images: time adds nothing yet."""
        self.moment.data.copy_(self.moment[:, :1].expand_as(self.moment))
        for block in self.blocks:
            block.begin_time()
