"""Stills without a given scale: pictures of one size share an estimate, but for one that clearly shows another.

Pictures of one size are taken to come from one microscope, and one picture alone tells less than all of them. Yet a
camera may look through two objectives. A picture has its own scale where it and its size are better explained by two
scales than by one.

Stills come from every kind of microscope and show few cells each, so what the network leaves open the detector settles:
it is surest of what it sees at the scale that it learned. (Of simulated video that told the scale no better.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spermscope.model_file import shipped
from spermscope.runtime import Model, load_model
from spermscope.several_scales import SURE, sureness_at
from spermscope.types import Array, Scale
from spermscope.video.folder import ImageFolder
from spermscope.video.levels import find_levels, level_table
from spermscope.video.scale import UNSEEN, bin_centres, conclude, read_scale, scale_network

MOST_STILLS = 32
"""Of one size that are looked at."""
MOST_TILES = 384
"""Looked at through one zoom in one size, more than in a video: every still shows other cells."""
MOST_PICTURES = 8
"""Of one size in which the detector looks at every scale that the tiles leave open."""
TRUST = 0.5
"""Power of the network's distribution beside the detector's sureness: it errs in its own way on microscopes that it has
never seen. See ``several_scales.SURE``."""
LEAST_LEFT = 1e-3
"""Share of the likeliest scale's chance from which on a scale is looked at."""
APART = 0.05
"""Odds of one scale against two below which a picture has its own."""


class StillScales:
    """The scale of each size of picture in a folder, estimated from pictures of that size together.

    By the shipped network unless ``model`` is given.

    Attributes
    ----------
    by_size
        By ``(longer, shorter)`` side in pixels: a picture on its side has the same size.
    """

    def __init__(self, folder: ImageFolder, model: Model | None = None) -> None:
        self._model = model or scale_network()
        self._pooled: dict[tuple[int, ...], NDArray[np.float64]] = {}
        self.by_size: dict[tuple[int, ...], Scale] = {}
        for images in folder.of_each_size(MOST_STILLS):
            table = level_table(*find_levels(images))
            seen = [image if image.dtype == np.uint8 else table[image] for image in images]
            pooled = read_scale(seen, self._model, most_tiles=MOST_TILES)
            self._pooled[_size(images[0])] = pooled
            self.by_size[_size(images[0])] = conclude(confirmed(pooled, seen, MOST_PICTURES))

    def of_size(self, image: Array) -> Scale:
        """That of pictures as large as ``image``; ``UNSEEN`` where the folder's headers told no such size."""
        return self.by_size.get(_size(image), UNSEEN)

    def of(self, image: NDArray[np.uint8]) -> Scale:
        """That of its size, or its own where the two lie apart."""
        own = read_scale([image], self._model)
        pooled = self._pooled.get(_size(image))
        if pooled is not None and one_scale_odds(own, pooled) >= APART:
            return self.of_size(image)
        return conclude(confirmed(own, [image], 1))


def confirmed(
    distribution: NDArray[np.float64], images: Sequence[NDArray[np.uint8]], most_pictures: int
) -> NDArray[np.float64]:
    """``(K,)``: the network's, times how sure the detector is of pictures taken at each scale; flat ones stay."""
    left = distribution / distribution.max()
    likely = np.flatnonzero(left >= LEAST_LEFT)
    if len(likely) == len(distribution):
        return distribution
    some = [images[row] for row in np.unique(np.linspace(0, len(images) - 1, most_pictures).round().astype(int))]
    sure = sureness_at(some, np.exp(bin_centres(len(distribution))[likely]), detector_network())
    told = np.zeros(len(distribution))
    told[likely] = left[likely] ** TRUST * np.exp(SURE * (sure - sure.max()))
    return np.asarray(told / told.sum())


@lru_cache(maxsize=1)
def detector_network() -> Model:
    """The shipped detector, loaded once."""
    return load_model(shipped("detector"))


def one_scale_odds(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How much likelier two distributions ``(K,)`` are if one scale made both than if two did: ``K sum(one * other)``.

    The Bayes factor (Kass & Raftery 1995) of evidence that is independent, where every scale was as likely before.
    A distribution that says nothing gives 1.
    """
    return float(len(one) * (one @ other))


def _size(image: Array) -> tuple[int, ...]:
    return tuple(sorted(image.shape, reverse=True))
