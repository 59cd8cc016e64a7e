"""The networks of a comparison by name: what each is, at full size and in a small form for ordinary machines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from spermscope.models.clip_grader import ClipGrader, Trunk
from spermscope.models.motion import Alone, Beside
from spermscope.models.r2plus1d import R2Plus1D
from spermscope.models.resnet import FrameMean, ResNet, bottleneck
from spermscope.models.slowfast import SlowFast
from spermscope.models.streaming import CropEncoder, GradeHead, Nothing, StreamingClip
from spermscope.models.timesformer import TimeSformer

FRAMES = 8
"""Crops over which a still network's sight is averaged."""
DEEP = (3, 4, 6, 3)
SHALLOW = (1, 1, 1, 1)

TRUNKS: dict[str, Callable[[], Trunk]] = {
    "resnet18-still": lambda: FrameMean(ResNet(), 1),
    "resnet18-mean": lambda: FrameMean(ResNet(), FRAMES),
    "resnet50-still": lambda: FrameMean(ResNet(bottleneck, DEEP), 1),
    "resnet50-mean": lambda: FrameMean(ResNet(bottleneck, DEEP), FRAMES),
    "r2plus1d18": R2Plus1D,
    "slowfast50": SlowFast,
    "timesformer-tiny": lambda: TimeSformer(192, 3),
    "timesformer-small": TimeSformer,
    "timesformer-base": lambda: TimeSformer(768, 12),
    "small-resnet-still": lambda: FrameMean(ResNet(depths=SHALLOW, first=20), 1),
    "small-resnet-mean": lambda: FrameMean(ResNet(depths=SHALLOW, first=20), FRAMES),
    "small-r2plus1d": lambda: R2Plus1D(SHALLOW, first=16, side=64),
    "small-slowfast": lambda: SlowFast(SHALLOW, first=16, fast=4, side=96),
    "small-timesformer": lambda: TimeSformer(96, 3, depth=5, side=56, patch=8),
}
"""Whole-clip trunks. ``small-`` ones have 0.5-0.9 M parameters."""


def _whole_clip(trunk: Callable[[], Trunk], grades: int = 5, heads: int = 4, *, motion: bool = True) -> ClipGrader:
    seen = trunk()
    return ClipGrader(seen, Beside(seen.width) if motion else Alone(seen.width), grades, heads)


def _stream(grades: int = 5, heads: int = 4, *, motion: bool = True) -> StreamingClip:
    head = GradeHead(grades, heads)
    if not motion:
        head.motion = Nothing()
    return StreamingClip(CropEncoder(), head)


NETWORKS: dict[str, Callable[..., nn.Module]] = {
    name: partial(_whole_clip, trunk) for name, trunk in TRUNKS.items()
} | {"stream": _stream}
"""``NETWORKS[name](grades=5, heads=4, motion=True)``, with random weights; ``ClipGrader`` says what it takes and gives.

Without ``motion`` nothing in the network reads the displacements; ``PicturesAlone`` exports it without that input.
"""
