"""One look for every microscope: working scale, flat background, unit contrast; what the detector sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.compress import asinh

BACKGROUND_UM = 24.0
"""Side of the box whose mean is taken as background: five heads wide."""
GAIN_MAD = 4.0
"""Deviations (median absolute) that are mapped to one."""
LINEAR_ABOVE = 0.75
"""Shrunk no further than this, neighbours are interpolated, in an eighth of the time that an area's mean takes."""
MULTIPLE = 32
BLOCK = 4
STRIP = 256

Picture = NDArray[np.float32]


def working_size(shape: tuple[int, ...], um_per_px: float, working_um_per_px: float) -> tuple[int, int]:
    """(height, width) at the working scale, at least 1."""
    factor = um_per_px / working_um_per_px
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def flatten(image: NDArray[np.uint8], um_per_px: float, working_um_per_px: float) -> Picture:
    """``(H', W') float32`` with background 0 and noise-like contrast 1, compressed by asinh.

    H' and W' are the working size padded at the bottom right with zeros to a multiple of 32.
    """
    height, width = working_size(image.shape, um_per_px, working_um_per_px)
    shrink = cv2.INTER_AREA if height < LINEAR_ABOVE * image.shape[0] else cv2.INTER_LINEAR
    scaled = image if (height, width) == image.shape else cv2.resize(image, (width, height), interpolation=shrink)
    side = max(3, int(BACKGROUND_UM / working_um_per_px) | 1)
    background = cv2.boxFilter(scaled, cv2.CV_32F, (side, side), borderType=cv2.BORDER_REFLECT)
    flat = cv2.subtract(scaled, background, background, dtype=cv2.CV_32F)
    spread = float(np.median(np.abs(flat[::4, ::4]))) if flat.size else 0.0
    flat *= np.float32(1.0 / max(GAIN_MAD * spread, 1.0))
    padded = np.zeros((-(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE), np.float32)
    for top in range(0, height, STRIP):
        # What whole pictures need in between would not stay in the processor's memory.
        padded[top : min(top + STRIP, height), :width] = asinh(flat[top : top + STRIP])
    return padded


def in_blocks(picture: Picture) -> NDArray[np.float32]:
    """``(1, H/4, W/4, 16)``: each block of 4 x 4 pixels as channels, row by row; H and W are multiples of 4."""
    height, width = picture.shape[0] // BLOCK, picture.shape[1] // BLOCK
    # A block's row of four floats moves as one number of 16 bytes, in a fifth of the time.
    rows = picture.view(np.complex128).reshape(height, BLOCK, width).transpose(0, 2, 1)
    return np.ascontiguousarray(rows).view(np.float32).reshape(1, height, width, BLOCK * BLOCK)
