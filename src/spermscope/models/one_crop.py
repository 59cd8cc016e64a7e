"""A trunk that learns to see on single crops first: an eighth of a clip's work, and stills are cheap to simulate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from spermscope.models.timesformer import TimeSformer


@contextmanager
def on_one_crop(trunk: nn.Module) -> Iterator[nn.Module]:
    """Within it ``trunk``, a ``Trunk``, looks at the middle crop alone; after it at whole clips again.

    Time adds nothing yet: a kernel in time has learned in its middle, the rest of it is set to 0, so a clip that stands
    still is seen as its crop was (after the inflation of Carreira & Zisserman 2017). A TimeSformer's attention along
    time begins as what its attention in space has become.
    """
    frames, trunk.frames = trunk.frames, 1
    try:
        yield trunk
    finally:
        trunk.frames = frames
    with torch.no_grad():
        for part in trunk.modules():
            if isinstance(part, nn.Conv3d) and part.kernel_size[0] > 1:
                middle = part.weight[:, :, part.kernel_size[0] // 2].clone()
                part.weight.zero_()[:, :, part.kernel_size[0] // 2] = middle
            if isinstance(part, TimeSformer):
                part.begin_time()
