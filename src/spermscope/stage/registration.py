"""The shift between two pictures of one sample, in Fourier space, from its specks and heads alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spermscope.compress import asinh

SPECKS_ABOVE = 1.1
"""On the asinh scale: matter more than four deviations of the noise from its surroundings."""
COARSE = 4
"""Pixels of a small picture to one of its outline: a swimmer that moves on by a few still covers its old place."""

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Waves:
    """The Fourier transform of a real picture of ``shape`` and the sum of its squares, ``energy``."""

    values: NDArray[np.complex64]
    shape: tuple[int, ...]
    energy: float


@dataclass(frozen=True, slots=True)
class Match:
    """How two pictures lie over each other.

    ``shift_px (2,)``: by how much the field moved over the sample. ``likeness``: height of the peak over that of equal
    pictures. ``stands_out``: over the highest that chance gives elsewhere.
    """

    shift_px: NDArray[np.float64]
    likeness: float
    stands_out: float


def shrink(image: NDArray[np.uint8], width_px: int) -> tuple[Picture, float]:
    """The flattened picture at most ``width_px`` wide, and how many source pixels one of its pixels is.

    Lamp and noise, which do not move with the sample, are cut off: what is left is specks and heads, bright and dark.
    """
    factor = max(1.0, image.shape[1] / width_px)
    size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
    # Halving is what the resampler does fastest; the rest is done on what is left.
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    flat = small - cv2.blur(small, (15, 15), borderType=cv2.BORDER_REFLECT)
    spread = float(np.median(np.abs(flat[::2, ::2])))
    if spread == 0.0 and not flat.any():
        return flat, factor
    flat = asinh(flat * np.float32(1.0 / max(3.0 * spread, 0.5)))
    return np.copysign(np.maximum(np.abs(flat) - np.float32(SPECKS_ABOVE), 0.0), flat), factor


def outline(picture: Picture) -> Waves:
    """Where a small picture shows anything, coarsely and whether bright or dark; its mean is taken off."""
    size = (max(1, picture.shape[1] // COARSE), max(1, picture.shape[0] // COARSE))
    there = cv2.GaussianBlur(cv2.resize(np.abs(picture), size, interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    return waves(there - cv2.mean(there)[0])


def waves(picture: Picture) -> Waves:
    """The transform of a picture."""
    values: NDArray[np.complex64] = fft.rfft2(picture, workers=1).astype(np.complex64)
    return Waves(values, picture.shape, float(np.vdot(picture, picture)))


def correlate(before: Waves, now: Waves, expected: NDArray[np.float64], within_px: float) -> Match:
    """The best shift within ``within_px`` (one, if less) of ``expected``."""
    height, width = before.shape
    within_px = max(within_px, 1.0)
    energy = float(np.sqrt(before.energy * now.energy))
    if energy <= 0:
        return Match(np.zeros(2), 1.0, 0.0)
    surface = fft.irfft2(before.values * np.conj(now.values), s=(height, width), workers=1)
    rows = np.flatnonzero(np.abs(_around(height, expected[1])) <= within_px)
    columns = np.flatnonzero(np.abs(_around(width, expected[0])) <= within_px)
    best = np.unravel_index(np.argmax(surface[np.ix_(rows, columns)]), (len(rows), len(columns)))
    row, column = int(rows[best[0]]), int(columns[best[1]])
    peak = np.array([_refine(surface, row, column, axis) for axis in (1, 0)])
    size = np.array([width, height])
    peak = (peak + size / 2) % size - size / 2
    top = float(surface[row, column])
    # The peak itself and what swims near it do not count as chance.
    near = [np.abs(_around(length, at)) <= 0.1 * length for length, at in ((height, row), (width, column))]
    surface[np.ix_(*near)] = -np.inf
    return Match(peak, top / energy, top / max(float(surface.max()), 1e-9 * energy))


def _around(length: int, middle: float) -> NDArray[np.floating]:
    """How far each of ``length`` places lies beyond ``middle``, the short way round."""
    return (np.arange(length) - middle + length / 2) % length - length / 2


def _refine(surface: NDArray[np.floating], row: int, column: int, axis: int) -> float:
    """Position of the peak along ``axis`` by a parabola through three points."""
    height, width = surface.shape
    middle = float(surface[row, column])
    if axis == 1:
        low, high, place = surface[row, column - 1], surface[row, (column + 1) % width], column
    else:
        low, high, place = surface[row - 1, column], surface[(row + 1) % height, column], row
    curve = float(low) - 2 * middle + float(high)
    return place if curve >= 0 else place + 0.5 * (float(low) - float(high)) / curve
