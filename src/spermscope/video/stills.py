"""Stills: where no scale is given, pictures of one size are taken to come from one microscope and share an estimate."""

from __future__ import annotations

import numpy as np

from spermscope.runtime import Model
from spermscope.types import Array, Scale
from spermscope.video.folder import ImageFolder
from spermscope.video.levels import find_levels, level_table
from spermscope.video.scale import UNSEEN, estimate_scale

MOST_STILLS = 32
"""Of one size that are looked at."""
MOST_TILES = 384
"""Looked at in one size, more than in a video: every still shows other cells."""


class StillScales:
    """The scale of each size of picture in a folder, estimated from pictures of that size together.

    By the shipped network unless ``model`` is given.

    Attributes
    ----------
    by_size
        By ``(longer, shorter)`` side in pixels: a picture on its side has the same size.
    """

    def __init__(self, folder: ImageFolder, model: Model | None = None) -> None:
        self.by_size: dict[tuple[int, ...], Scale] = {}
        for images in folder.of_each_size(MOST_STILLS):
            table = level_table(*find_levels(images))
            seen = [image if image.dtype == np.uint8 else table[image] for image in images]
            self.by_size[_size(images[0])] = estimate_scale(seen, model, most_tiles=MOST_TILES)

    def of_size(self, image: Array) -> Scale:
        """That of pictures as large as ``image``; ``UNSEEN`` where the folder's headers told no such size."""
        return self.by_size.get(_size(image), UNSEEN)


def _size(image: Array) -> tuple[int, ...]:
    return tuple(sorted(image.shape, reverse=True))
