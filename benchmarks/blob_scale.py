"""The scale by the size of the strongest blobs, which are taken for heads: what the network is measured against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spermscope.types import Scale
from spermscope.video.blobs import find_blobs
from spermscope.video.probe import HEAD_SIGMA_UM, LOOKED_AT, find_polarity, flatten
from spermscope.video.scale import UNSEEN

SIGMAS_PX = tuple(float(2.0 ** (step / 4)) for step in range(19))
"""Inner sigmas searched: 1 to 22.6 px."""
LIMITS_UM_PER_PX = (0.08, 1.2)
ERROR, UNSETTLED_ERROR = 0.35, 0.7
"""Half-width of the interval, as a fraction, with settled and unsettled polarity."""
MIN_BLOBS = 3


def estimate_by_blobs(images: Sequence[np.ndarray]) -> Scale:
    """From the median size of the blobs of the settled sign (of both where unsettled), weighed by squared strength."""
    chosen = np.unique(np.linspace(0, len(images) - 1, LOOKED_AT).round().astype(int))
    bright, dark = find_blobs([flatten(images[index]) for index in chosen], SIGMAS_PX)
    polarity = find_polarity(bright, dark)
    kinds = {1: (bright,), -1: (dark,), 0: (bright, dark)}[polarity]
    sigmas = np.concatenate([kind.sigma_px for kind in kinds])
    if len(sigmas) < MIN_BLOBS:
        return UNSEEN
    order = np.argsort(sigmas, kind="stable")
    heavy = np.cumsum(np.concatenate([kind.strength**2 for kind in kinds])[order])
    middle = float(sigmas[order][np.searchsorted(heavy, heavy[-1] / 2)])
    um_per_px = float(np.clip(HEAD_SIGMA_UM / middle, *LIMITS_UM_PER_PX))
    return Scale(um_per_px, "estimated", ERROR if polarity else UNSETTLED_ERROR)
