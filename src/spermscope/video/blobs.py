"""Bright and dark blobs in scale space: whether heads are bright or dark.

A difference of Gaussians of fixed ratio is scale-normalised: its answer to a blob is largest at the blob's own size
(Lindeberg 1998, Int. J. Comput. Vis. 30:79). Large sizes are searched in shrunken pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RATIO = 1.6  # outer to inner sigma: the difference closest to a Laplacian (Marr & Hildreth 1980)
MAX_ELONGATION = 3.0
"""Curvature across over curvature along a blob: more than this is a stretch of tail or a scratch."""
STRONGEST = 12
"""Blobs taken from each frame and sign."""
MIN_SIGNAL = 5.0
"""In robust standard deviations of the answer at one size: what weaker blobs have is noise."""


@dataclass(frozen=True, slots=True)
class Blobs:
    """Blobs of one sign, pooled: ``sigma_px (N,)`` and ``strength (N,)`` in grey levels, above 0."""

    sigma_px: NDArray[np.float64]
    strength: NDArray[np.float64]


def find_blobs(images: Sequence[Floats], sigmas_px: Sequence[float]) -> tuple[Blobs, Blobs]:
    """The strongest bright and dark blobs of flattened ``images`` (each ``(H, W) float32``), in that order."""
    found: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for image in images:
        answers = [_answer(image, sigma) for sigma in sigmas_px]
        for sign, rows in zip((1.0, -1.0), found, strict=True):
            rows.extend(_strongest(answers, sign, sigmas_px))
    bright, dark = (Blobs(*np.array(rows, np.float64).reshape(-1, 2).T) for rows in found)
    return bright, dark


@dataclass(frozen=True, slots=True)
class _Answer:
    """Difference of Gaussians at one size, on a grid of ``step`` source pixels; ``noise`` its robust sd."""

    values: Floats
    step: int
    noise: float


def _answer(image: Floats, sigma_px: float) -> _Answer:
    step = 1 << max(0, int(np.log2(sigma_px / 2.0)))
    if step > 1:
        size = (max(image.shape[1] // step, 1), max(image.shape[0] // step, 1))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    inner = cv2.GaussianBlur(image, (0, 0), sigma_px / step)
    values = inner - cv2.GaussianBlur(image, (0, 0), RATIO * sigma_px / step)
    return _Answer(values, step, 1.4826 * float(np.median(np.abs(values[::3, ::3]))))


def _strongest(answers: Sequence[_Answer], sign: float, sigmas_px: Sequence[float]) -> list[tuple[float, float]]:
    """Up to ``STRONGEST`` (sigma, strength): maxima over place and size, none inside a stronger one."""
    rows = [_peaks(answer, sign, level, sigmas_px[level]) for level, answer in enumerate(answers)]
    peaks = np.concatenate(rows) if rows else np.empty((0, 4))
    peaks = peaks[np.argsort(-peaks[:, 0], kind="stable")]
    taken: list[tuple[float, float, float]] = []
    result: list[tuple[float, float]] = []
    for strength, x_px, y_px, level_value in peaks:
        level = int(level_value)
        reach = 2.0 * RATIO * sigmas_px[level]
        if any(np.hypot(x_px - x, y_px - y) < max(reach, other) for x, y, other in taken):
            continue
        taken.append((x_px, y_px, reach))
        result.append((sigmas_px[level], float(strength)))
        if len(result) == STRONGEST:
            break
    return result


def _peaks(answer: _Answer, sign: float, level: int, sigma_px: float) -> NDArray[np.float64]:
    """``(N, 4)`` strength, x_px, y_px, level of the strongest local maxima at one size, above the noise."""
    values = sign * answer.values
    top = cv2.dilate(values, np.ones((3, 3), np.uint8))
    peak = (values == top) & (values > max(MIN_SIGNAL * answer.noise, 1.0))
    rows, columns = np.unravel_index(np.flatnonzero(peak), peak.shape)
    strength = values[rows, columns]
    order = np.argsort(-strength, kind="stable")[: 8 * STRONGEST]
    best = order[_round(values, rows[order], columns[order], max(1, round(sigma_px / answer.step)))]
    place = (np.stack([columns[best], rows[best]]) + 0.5) * answer.step - 0.5
    return np.column_stack([strength[best], place[0], place[1], np.full(len(best), float(level))])


def _round(values: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64], reach: int) -> NDArray[np.bool_]:
    """Which maxima are no ridges, by the ratio of the Hessian's eigenvalues (Lowe 2004, section 4.1)."""
    padded = np.pad(values, reach, mode="edge")
    rows, columns = rows + reach, columns + reach
    here = padded[rows, columns]
    across = padded[rows, columns + reach] + padded[rows, columns - reach] - 2 * here
    down = padded[rows + reach, columns] + padded[rows - reach, columns] - 2 * here
    mixed = (
        padded[rows + reach, columns + reach]
        + padded[rows - reach, columns - reach]
        - padded[rows + reach, columns - reach]
        - padded[rows - reach, columns + reach]
    ) / 4
    trace, determinant = across + down, across * down - mixed**2
    limit = (MAX_ELONGATION + 1) ** 2 / MAX_ELONGATION
    return (determinant > 0) & (trace**2 < limit * determinant)
