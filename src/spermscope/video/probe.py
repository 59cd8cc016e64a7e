"""What the first frames tell of a source: levels, background, contrast, polarity and, if need be, scale."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.types import Array, Scale, SourceProfile
from spermscope.video.blobs import Blobs, find_blobs
from spermscope.video.levels import find_levels, level_table
from spermscope.video.reader import TimeSource
from spermscope.video.scale import estimate_scale

LOOKED_AT = 6
"""Frames, spread over the probe, in which blobs are looked for: neighbours show the same cells."""
HEAD_SIGMA_UM = 0.9
"""Inner sigma (um) at which a head answers most. A disc of the area of a 4.5 x 3 um head has a diameter of 3.7 um;
a Laplacian answers most at diameter / 2.83 = 1.3 um, the difference of Gaussians that stands for it at 1.0 um. Heads
in simulated scenes, neither discs nor even, answer at 0.9 um (bias below 0.1 octave in phase and bright field)."""
HEAD_AND_HALO = (1.0, 2.0**0.5, 2.0)
"""Sizes, in heads, at which polarity is looked for: a halo has the sign of its head."""
SETTLED = 1.5
"""Bright over dark weight (or the reverse) above which polarity counts as settled; a wrong sign is worse than none."""


def probe(
    images: Sequence[Array], times: Sequence[float], scale: Scale | None, time_source: TimeSource = "container"
) -> SourceProfile:
    """Look at the first frames once.

    Parameters
    ----------
    images
        At least one ``(H, W)`` picture of ``uint8`` or ``uint16``; of other sizes than the first one's (stills) only
        the levels count.
    times
        Seconds, one for each picture.
    scale
        As given or calibrated; None has it estimated from the pictures.
    """
    black, white = find_levels(images)
    table = level_table(black, white)
    alike = [image if image.dtype == np.uint8 else table[image] for image in images if image.shape == images[0].shape]
    scale = scale or estimate_scale(alike)
    looked = [alike[index] for index in np.unique(np.linspace(0, len(alike) - 1, LOOKED_AT).round().astype(int))]
    flat = [flatten(image) for image in looked]
    bright, dark = find_blobs(flat, [size * HEAD_SIGMA_UM / scale.um_per_px for size in HEAD_AND_HALO])
    return SourceProfile(
        width_px=images[0].shape[1],
        height_px=images[0].shape[0],
        rate_hz=median_rate(times),
        scale=scale,
        polarity=find_polarity(bright, dark),
        background=float(np.median([np.median(image) for image in looked])),
        contrast=float(np.median([1.4826 * np.median(np.abs(image)) for image in flat])),
        black_level=black,
        white_level=white,
        time_source=time_source,
    )


def median_rate(times: Sequence[float]) -> float:
    """Frames per second; NaN for one frame.

    The mean step where all are alike (containers round them to 1 ms), else the median, which a gap does not touch.
    """
    steps = np.diff(np.asarray(times, np.float64))
    if not len(steps):
        return float("nan")
    middle = float(np.median(steps))
    return float(1.0 / (np.mean(steps) if np.max(np.abs(steps - middle)) <= 0.25 * middle else middle))


def flatten(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``image`` less its local background: the mean over a box of a sixth of the shorter side (31 px at least)."""
    box = max(31, min(image.shape) // 6) | 1
    picture = image.astype(np.float32)
    flat: NDArray[np.float32] = picture - cv2.blur(picture, (box, box), borderType=cv2.BORDER_REFLECT)
    return flat - np.median(flat)


def find_polarity(bright: Blobs, dark: Blobs) -> int:
    """+1 where the bright blobs clearly outweigh the dark ones, -1 where it is the reverse, else 0.

    A blob weighs its squared strength times its size, so that a field of specks does not outvote the heads.
    """
    weights = [float(np.sum(blobs.strength**2 * blobs.sigma_px)) for blobs in (bright, dark)]
    if weights[0] > SETTLED * weights[1]:
        return 1
    return -1 if weights[1] > SETTLED * weights[0] else 0
