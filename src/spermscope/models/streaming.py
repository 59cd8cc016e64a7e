"""The streaming grader: every crop encoded once into a token, a small transformer over the last second of tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spermscope.models.distance import Distance
from spermscope.models.facing import Facing

TOKEN = 256
WIDTH = 192


class _Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut (He et al. 2016): halves the picture, or keeps its size and its width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        halved = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.short = nn.Identity() if stride == 1 else halved

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` to ``(B, outputs, H/2, W/2)``; as large as it was where the widths are equal."""
        return torch.relu(self.main(x) + self.short(x))


class CropEncoder(nn.Module):
    """``(B, 1, 128, 128)`` from ``clips.to_model_input`` to a token ``(B, 256)``.

    Two sights of one crop: the whole at half resolution, where a tail is seen well enough, and where the head points;
    then the head and its neck, 18 x 12 um turned to point to the right, where they must be told to a fraction of a
    pixel.
    """

    def __init__(self) -> None:
        super().__init__()
        self.whole = nn.Sequential(_enter(16), _Residual(16, 32), _Residual(32, 64), _Residual(64, 128))
        self.heading = nn.Linear(128 * 2, 2)
        self.facing = Facing(height=32, width=48, step_px=0.75, behind_px=6.0)
        self.detail = nn.Sequential(
            _enter(32), _Residual(32, 64), _Residual(64, 64), _Residual(64, 128), nn.Conv2d(128, 48, 1)
        )
        self.out = nn.Linear(48 * 4 * 6 + 128 * 2, TOKEN)
        self.to(memory_format=torch.channels_last)

    def forward(self, picture: Tensor) -> Tensor:
        """See the class."""
        return self.look(picture)[0]

    def look(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The token, and the vector ``(B, 2)`` along which it took the head to point; no length is meant."""
        whole = self.whole(nn.functional.avg_pool2d(picture, 2))
        around = torch.cat([whole.mean((2, 3)), whole[:, :, 1:3, 1:3].mean((2, 3))], 1)
        heading = self.heading(around)
        head = self.detail(self.facing(picture, heading))
        return self.out(torch.cat([head.flatten(1), around], 1)), heading


def _enter(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))


class GradeHead(nn.Module):
    """Tokens of up to T crops and their motion to ``logits (B, M, K)``, ``embedding (B, D)``, ``distance (B)``.

    ``tokens (B, T, 256)``, ``motion (B, T, 7)``, ``valid (B, T)`` 1 where there is a crop; the latest crop is last.
    ``distance`` is that of the mean token.
    """

    def __init__(self, grades: int = 5, heads: int = 4, length: int = 16, features: int = 7) -> None:
        super().__init__()
        self.token = nn.Sequential(nn.LayerNorm(TOKEN), nn.Linear(TOKEN, WIDTH))
        self.motion = nn.Sequential(nn.Linear(features, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.place = nn.Parameter(0.02 * torch.randn(length, WIDTH))
        layers = [_Layer(WIDTH) for _ in range(2)]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(WIDTH)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 96), nn.GELU(), nn.Linear(96, grades)) for _ in range(heads)
        )
        self.distance = Distance(TOKEN)

    def forward(
        self, tokens: Tensor, motion: Tensor, valid: Tensor, places: slice = slice(None)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See the class; ``places`` are those that are looked at."""
        return self.read(tokens[:, places], motion[:, places], valid[:, places], self.place[places])

    def read(self, tokens: Tensor, motion: Tensor, valid: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As ``forward``, of L crops that stand at ``place (L, 192)``, rows of ``self.place``."""
        share = valid / valid.sum(1, keepdim=True).clamp(min=1.0)
        x = self.token(tokens) + self.motion(motion) + place
        bias = ((valid - 1.0) * 1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias)
        pooled = (self.norm(x) * share[:, :, None]).sum(1)
        logits = torch.stack([head(pooled) for head in self.heads], 1)
        mean = (tokens * share[:, :, None]).sum(1)
        return logits, pooled, self.distance(mean)


class HeadAtWork(nn.Module):
    """The head where only every ``every``-th crop, counted from the latest, has a token: the rest changes nothing."""

    def __init__(self, head: GradeHead, every: int) -> None:
        super().__init__()
        self.head = head
        self.places = slice((head.place.shape[0] - 1) % every, None, every)

    def forward(self, tokens: Tensor, motion: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As ``GradeHead``."""
        logits: Tensor
        logits, embedding, distance = self.head(tokens, motion, valid, self.places)
        return logits, embedding, distance


class StreamingClip(nn.Module):
    """Encoder and head on a whole clip, as a ``ClipGrader``: every second crop, counted back from the last, is seen.

    A clip that is longer than the head's places is read at its end. A head without ``motion`` (``Nothing`` in its
    place) reads the pictures alone.
    """

    def __init__(self, encoder: CropEncoder, head: GradeHead, every: int = 2) -> None:
        super().__init__()
        self.encoder, self.head, self.every = encoder, head, every

    def forward(self, pictures: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """As ``ClipGrader``; sides of 128."""
        length = self.head.place.shape[0]
        tokens = self.tokens(pictures)
        count = tokens.shape[1]
        place = self.head.place[(length - 1) % self.every :: self.every][-count:]
        motion = motion[:, -length:][:, self._looked_at(pictures)]
        logits, embedding, _ = self.head.read(tokens, motion, torch.ones_like(tokens[:, :, 0]), place)
        return logits, embedding

    def tokens(self, pictures: Tensor) -> Tensor:
        """``(B, L, 256)`` of the L crops that are seen."""
        pictures = pictures[:, -self.head.place.shape[0] :][:, self._looked_at(pictures)]
        return self.encoder(pictures.flatten(0, 1)[:, None]).unflatten(0, (-1, pictures.shape[1]))

    def _looked_at(self, pictures: Tensor) -> slice:
        """Of the crops that the head has places for."""
        return slice((min(pictures.shape[1], self.head.place.shape[0]) - 1) % self.every, None, self.every)


class Nothing(nn.Module):
    """0 for each crop, in place of what its motion adds to its token."""

    def forward(self, motion: Tensor) -> Tensor:
        """``(B, T, 7)`` to ``(B, T, 1)``."""
        return torch.zeros_like(motion[:, :, :1])


class _Layer(nn.Module):
    """Pre-norm attention and MLP (Vaswani et al. 2017) with an additive mask."""

    def __init__(self, width: int, attention_heads: int = 4) -> None:
        super().__init__()
        self.count = attention_heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """``x (B, T, width)``, ``bias (B, 1, 1, T)`` added to the attention's logits."""
        length, width = x.shape[1], x.shape[2]
        parts = self.qkv(self.norm1(x)).reshape(-1, length, 3, self.count, width // self.count).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        weight = torch.softmax(q @ k.transpose(2, 3) * (width // self.count) ** -0.5 + bias, -1)
        x = x + self.join((weight @ v).transpose(1, 2).reshape(-1, length, width))
        return x + self.mlp(self.norm2(x))
