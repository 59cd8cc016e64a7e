"""What the track adds to the pictures: one small side input, the same for every whole-clip network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH = 64


class Motion(nn.Module):
    """``(B, T, 7)`` from ``clips.motion_features`` to ``(B, 64)``, any T.

    Each step with its two neighbours; of all steps the mean (how it goes on the whole), the largest (what it does at
    times) and the last (where it got to: distance and path grow along the clip).
    """

    def __init__(self, features: int = 7) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv1d(features, WIDTH, 3, padding=1), nn.GELU(), nn.Conv1d(WIDTH, WIDTH, 1), nn.GELU()
        )
        self.out = nn.Linear(3 * WIDTH, WIDTH)

    def forward(self, motion: Tensor) -> Tensor:
        """See the class."""
        steps = self.steps(motion.transpose(1, 2))
        return self.out(torch.cat([steps.mean(2), steps.amax(2), steps[:, :, -1]], 1))


class Beside(nn.Module):
    """The track's embedding beside what the pictures show: ``(B, D)`` and ``(B, T, 7)`` to ``(B, D + 64)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.motion = Motion()
        self.width = width + WIDTH

    def forward(self, seen: Tensor, motion: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([seen, self.motion(motion)], 1)


class Alone(nn.Module):
    """The pictures alone: ``(B, D)`` as it is, whatever the track did."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, seen: Tensor, motion: Tensor) -> Tensor:
        """See the class."""
        return seen
