"""How sharp a picture is: how much of its matter's contrast lies in fine structure.

The energy of a fine band over that of a coarse one (an energy ratio, a family that Pertuz et al. 2013 compare with
others), each less what the noise gives. A sharpness that sums up fine structure alone (variance of the Laplacian,
Tenengrad, Brenner) rises with every cell that swims in and above all with the noise; in the ratio they cancel.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FINE_PX, COARSE_PX = 5, 11
"""Sides of the boxes, in halved pixels, between which the bands lie."""
SAMPLED = 3
"""Every so many pixels of a row and a column say how strong the noise is."""
COARSE_NOISE = 0.0307
"""White noise's energy in the coarse band over that in the fine one, from the boxes' weights."""


def focus_score(image: NDArray[np.uint8]) -> float:
    """Fine over coarse energy in the middle of a picture, at least 0; NaN where nothing stands out of the noise.

    It falls with defocus to either side. It is a number without a unit that hangs on the optics, the scale and the
    camera: only scores of one recording can be compared. The noise is told by the median, which matter hardly moves
    while it is sparse.
    """
    height, width = image.shape
    part = image[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4]
    if min(part.shape) < 2 * COARSE_PX:
        return float("nan")
    size = (part.shape[1] // 2, part.shape[0] // 2)
    half = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    smooth = cv2.blur(half, (FINE_PX, FINE_PX))
    fine = half - smooth
    noise = (float(np.median(np.abs(fine[::SAMPLED, ::SAMPLED]))) / 0.6745) ** 2
    coarse = _energy(smooth - cv2.blur(smooth, (COARSE_PX, COARSE_PX))) - COARSE_NOISE * noise
    return max(_energy(fine) - noise, 0.0) / coarse if coarse > 0 else float("nan")


def _energy(band: NDArray[np.float32]) -> float:
    return float(cv2.norm(band, cv2.NORM_L2SQR)) / band.size
