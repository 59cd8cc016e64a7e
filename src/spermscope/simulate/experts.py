"""Simulated experts: 40 raters who grade what a clip shows of a cell's shape and movement.

They are an exam for the machinery, not a model of any person. Every rater has a severity, a weight of shape against
movement, an inconsistency, and a leaning to let the weaker of the two decide (Dawid & Skene 1979 describe raters by
such errors; the study this follows had 40 embryologists and five grades). What is out of focus or faint is seen less
clearly: its shape pulls towards the middle, and the votes spread.

No study gives these constants. They are ours, set so that the exam is fair, which ``tests/test_experts.py`` holds:
shape alone and movement alone each explain 25-60 % of the variance of the mean grade, donors and raters 10-30 %, every
grade is used, and the mean distribution scores ten times the noise of 40 votes or worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from spermscope.simulate.cells import Cells, Floats
from spermscope.simulate.optics import Optics

RATERS = 40
CUTS = (0.72, 0.60, 0.48, 0.36)
"""Impressions from which on grades A, B, C, D are given; set once so that every grade is used."""
NEUTRAL = 0.5
DETAIL_UM = 0.9
"""Blur at which the shape of a head is half lost."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a clip shows of N cells, all ``(N,)`` in 0..1: ``shape``, ``movement`` (1 best) and ``clarity``."""

    shape: Floats
    movement: Floats
    clarity: Floats


def appearance(cells: Cells, optics: Optics, um_per_px: float, time_s: Floats, xy_um: Floats) -> Appearance:
    """What the clip shows.

    ``time_s (T,)`` and ``xy_um (N, T, 2)`` are the head positions within the clip: movement is judged by what the cell
    did in this second, not by its trait. ``um_per_px`` is the scale of the source that the clip was cut from.

    Raises
    ------
    ValueError
        When there are fewer than two times, or no position for each cell and time.
    """
    if len(time_s) < 2 or xy_um.shape != (len(cells), len(time_s), 2):
        raise ValueError(
            f"appearance: expected positions ({len(cells)}, T, 2) at T >= 2 times, found {xy_um.shape} at {len(time_s)}"
        )
    blur_um = np.hypot(optics.blur_um(cells.z_um), 0.5 * um_per_px)
    faint = 1.0 / (1.0 + (6.0 / max(optics.contrast_to_noise, 1.0)) ** 2)
    clarity = faint / (1.0 + (blur_um / DETAIL_UM) ** 2)
    shape = 1.0 - clarity * _defect(cells) - (1.0 - clarity) * (1.0 - NEUTRAL)
    return Appearance(np.clip(shape, 0, 1), _movement(time_s, xy_um), np.clip(clarity, 0, 1))


def _defect(cells: Cells) -> Floats:
    """0 (none) to 1: several defects add up, none counts beyond what is left of the impression."""
    slim = cells.head_width_um / cells.head_length_um
    size = np.sqrt(cells.head_width_um * cells.head_length_um)
    severity = [
        np.clip(np.abs(slim - 0.66) / 0.3, 0, 1) * 0.75,
        np.clip((np.abs(size - 3.55) - 0.25) / 1.2, 0, 1) * 0.8,
        np.clip((np.abs(cells.head_taper - 0.1) - 0.15) / 0.7, 0, 1) * 0.6,
        np.clip((cells.head_roughness - 0.1) / 0.9, 0, 1) * 0.7,
        np.clip(cells.vacuole / 0.35, 0, 1) * 0.5,
        np.clip((cells.midpiece_bend_deg - 12) / 70, 0, 1) * 0.6,
        np.clip(cells.droplet_um / 2.5, 0, 1) * 0.55,
        np.clip((38.0 - cells.tail_length_um) / 25, 0, 1) * 0.8,
        np.clip(cells.tail_coil, 0, 1) * 0.75,
    ]
    left: Floats = np.prod(1.0 - np.stack(severity), axis=0)
    return 1.0 - left


def _movement(time_s: Floats, xy_um: Floats) -> Floats:
    """0.2 (still) to 1: net speed, half of the marks at 15 um/s, less where the path is crooked."""
    steps = np.linalg.norm(np.diff(xy_um, axis=1), axis=2).sum(axis=1)
    net = np.linalg.norm(xy_um[:, -1] - xy_um[:, 0], axis=1)
    speed = net / (time_s[-1] - time_s[0])
    straight = net / np.maximum(steps, 1e-9)
    twitch = 0.08 * np.clip(steps / (time_s[-1] - time_s[0]) / 15.0, 0, 1)
    marks: Floats = np.clip(0.2 + 0.8 * speed**1.5 / (15.0**1.5 + speed**1.5) * (0.75 + 0.25 * straight) + twitch, 0, 1)
    return marks


class Panel:
    """Raters with traits of their own; the same generator gives the same panel."""

    def __init__(self, rng: np.random.Generator, raters: int = RATERS, grades: int = 5) -> None:
        self.severity = rng.normal(0.0, 0.10, raters)
        self.shape_weight = np.clip(rng.normal(0.62, 0.12, raters), 0.15, 0.85)
        self.weakest = rng.beta(1.5, 5, raters)
        self.inconsistency = 0.075 * np.exp(rng.normal(0.0, 0.35, raters))
        at = np.linspace(0, len(CUTS) - 1, grades - 1)
        self._cuts = np.interp(at, np.arange(len(CUTS)), CUTS)

    def votes(self, seen: Appearance, rng: np.random.Generator) -> NDArray[np.int64]:
        """``(N, raters)`` grade index, 0 = A (best)."""
        impression, doubt = self._impressions(seen)
        impression = impression + doubt * rng.standard_normal(impression.shape)
        return (impression[:, :, None] < self._cuts).sum(axis=2).astype(np.int64)

    def probabilities(self, seen: Appearance) -> Floats:
        """``(N, raters, grades)`` each rater's chance of each grade, exact; its mean over raters is the truth."""
        impression, doubt = self._impressions(seen)
        at_least = ndtr((self._cuts - impression[:, :, None]) / doubt[:, :, None])
        ends = (*impression.shape, 1)
        chance: Floats = -np.diff(np.concatenate([np.ones(ends), at_least, np.zeros(ends)], axis=2), axis=2)
        return chance

    def _impressions(self, seen: Appearance) -> tuple[Floats, Floats]:
        """``(N, raters)`` mean and standard deviation of each rater's impression."""
        shape, movement = seen.shape[:, None], seen.movement[:, None]
        mean = self.shape_weight * shape + (1 - self.shape_weight) * movement
        impression = (1 - self.weakest) * mean + self.weakest * np.minimum(shape, movement)
        doubt = self.inconsistency * (1.0 + 1.5 * (1.0 - seen.clarity[:, None]))
        return impression - self.severity, doubt
