"""The scale from a stage micrometer: its evenly spaced parallel lines, found and measured to a fraction of a pixel.

The lines' direction is that of the strongest gradients (structure tensor, Bigun & Granlund 1987), refined so that the
picture, summed along the lines, stands out most. The spacing is the shortest lag at which that profile repeats itself;
a straight line through the numbered line centres then gives it with its standard error.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

LEAST_LINES = 4
LEAST_SPACING_PX = 5.0
LEAST_REPEAT = 0.3
"""Correlation of the profile with itself, one spacing on, below which nothing is evenly spaced."""
OFF_LINE = 0.15
"""A centre farther than this share of the spacing from where its number puts it is dirt."""
ENOUGH_PIXELS = 200_000
"""Pixels, drawn at random, from which a direction is judged: large pictures take no longer."""
FLOOR = 0.002
"""Half-width of the interval, as a fraction, that no picture can beat: distortion of the lens."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Divisions:
    """``spacing_px`` between neighbouring lines and the half-width of its 95 % interval as a fraction.

    ``normal_deg`` is the direction across the lines (0 = +x, 90 = down); ``places_px (N,)`` where each line crosses
    that direction, from the picture's centre.
    """

    spacing_px: float
    relative_error: float
    normal_deg: float
    places_px: Floats


def find_divisions(image: NDArray[np.uint8]) -> Divisions:
    """Lines of a stage micrometer, dark or bright, at any angle; long and short ones may alternate.

    Raises
    ------
    ValueError
        When fewer than ``LEAST_LINES`` evenly spaced lines show.
    """
    flat = _flatten(image)
    normal_rad = _across(flat)
    profile = _profile(flat, normal_rad)
    spacing = _spacing(profile)
    places = _centres(profile, spacing)
    number, places = _numbered(places, spacing)
    if len(number) < LEAST_LINES:
        raise _nothing(len(number))
    slope, offset = np.polyfit(number, places, 1)
    scatter = np.sqrt(np.sum((places - offset - slope * number) ** 2) / (len(number) - 2))
    error = scatter / np.sqrt(np.sum((number - number.mean()) ** 2))
    relative = max(1.96 * float(error) / float(slope), FLOOR)
    return Divisions(float(slope), relative, float(np.degrees(normal_rad)), places)


def _nothing(count: int) -> ValueError:
    return ValueError(f"expected at least {LEAST_LINES} evenly spaced parallel lines, found {count}; give --points")


def _flatten(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The picture less its background, whose bounds follow the smaller side."""
    side = max(15, min(image.shape) // 8) | 1
    picture = image.astype(np.float32)
    flat: NDArray[np.float32] = picture - cv2.blur(picture, (side, side), borderType=cv2.BORDER_REFLECT)
    return flat


def _across(flat: NDArray[np.float32]) -> float:
    """Direction of the strongest gradients in radians, refined to a hundredth of a degree."""
    soft = cv2.GaussianBlur(flat, (0, 0), 1.5)
    gx, gy = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    xx, yy, xy = (float(np.mean(part)) for part in (gx * gx, gy * gy, gx * gy))
    best = 0.5 * np.arctan2(2.0 * xy, xx - yy)
    some = np.random.default_rng(0).integers(0, flat.size, min(flat.size, ENOUGH_PIXELS))
    for step_deg in (0.5, 0.1, 0.02):
        tried = best + np.radians(step_deg) * np.arange(-6, 7)
        best = tried[int(np.argmax([_profile(flat, angle, some).var() for angle in tried]))]
    return float(best)


def _profile(flat: NDArray[np.float32], normal_rad: float, some: NDArray[np.int64] | None = None) -> Floats:
    """Mean along the lines by whole pixels across them; index ``size // 2`` is the picture's centre.

    Of all pixels, or of ``some`` by their flat index.
    """
    height, width = flat.shape
    taken = np.arange(flat.size) if some is None else some
    y, x = np.divmod(taken, width)
    reach = int(np.ceil(0.5 * np.hypot(height, width))) + 1
    place = (x - 0.5 * (width - 1)) * np.cos(normal_rad) + (y - 0.5 * (height - 1)) * np.sin(normal_rad) + reach
    low = place.astype(np.int64)
    part, values, size = place - low, flat.ravel()[taken], 2 * reach + 1
    weight = np.bincount(low, 1 - part, size) + np.bincount(low + 1, part, size)
    total = np.bincount(low, (1 - part) * values, size) + np.bincount(low + 1, part * values, size)
    # Corners see a line for a few pixels only: they say little.
    least = 0.2 * min(height, width) * len(taken) / flat.size
    return np.where(weight > least, total / np.maximum(weight, 1e-9), 0.0)


def _spacing(profile: Floats) -> float:
    """The shortest lag at which the profile repeats itself."""
    waves = np.fft.rfft(profile - profile.mean(), 2 * len(profile))
    repeat = np.fft.irfft(np.abs(waves) ** 2)[: len(profile) // 2]
    if repeat[0] <= 0:
        raise _nothing(0)
    # A lag leaves fewer pairs; what is left of them is what counts.
    repeat = repeat / repeat[0] * len(profile) / (len(profile) - np.arange(len(repeat)))
    first = max(int(LEAST_SPACING_PX), int(np.argmax(repeat < 0)))
    lags, shape = find_peaks(repeat[first:], height=LEAST_REPEAT, prominence=0.1)
    if not len(lags):
        raise _nothing(0)
    heights = shape["peak_heights"]
    spacing = float(lags[np.flatnonzero(heights > 0.6 * heights.max())[0]] + first)
    # A lag is known to half a pixel; that of several spacings gives one spacing so many times more exactly.
    times = 2
    while (times + 0.4) * spacing < len(repeat):
        low = int((times - 0.4) * spacing)
        spacing = (low + int(np.argmax(repeat[low : int((times + 0.4) * spacing) + 1]))) / times
        times *= 2
    return spacing


def _centres(profile: Floats, spacing: float) -> Floats:
    """Where lines cross, from the picture's centre: centroids of the profile's peaks of the sign that is rarer."""
    soft = gaussian_filter1d(profile, max(1.0, 0.06 * spacing))
    soft = soft * (np.sign(np.mean((soft - soft.mean()) ** 3)) or 1.0)
    peaks, _ = find_peaks(soft, distance=max(2, int(0.6 * spacing)), height=0.25 * np.quantile(soft, 0.995))
    half = max(1, round(0.2 * spacing))
    centres = []
    for peak in peaks.tolist():
        low, high = max(0, peak - half), min(len(soft), peak + half + 1)
        part = soft[low:high] - soft[low:high].min()
        centres.append(float(np.sum(part * np.arange(low, high)) / part.sum()) if part.sum() > 0 else float(peak))
    return np.array(centres) - len(profile) // 2


def _numbered(places: Floats, spacing: float) -> tuple[Floats, Floats]:
    """Each centre's number along the scale; centres that fit no number are left out."""
    if len(places) < LEAST_LINES:
        return places[:0], places[:0]
    start = places[len(places) // 2]
    for _ in range(3):
        number = np.rint((places - start) / spacing)
        keep = np.abs(places - start - number * spacing) < max(OFF_LINE * spacing, 1.0)
        if keep.sum() < LEAST_LINES or len(np.unique(number[keep])) < LEAST_LINES:
            return places[:0], places[:0]
        spacing, start = np.polyfit(number[keep], places[keep], 1)
    return number[keep], places[keep]
