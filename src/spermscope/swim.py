"""How a head is expected to go on: a mean path that keeps its velocity, and a beat across it; filters of M heads.

The state of an axis is place and velocity of the mean path (white acceleration) and a swing about it: a damped
oscillation in noise, that is a beat of roughly known rate whose phase is kept for a few strokes (a Kalman filter with a
quasi-periodic component, Harvey 1989, chapter 2.3). Where frames are rarer than strokes it fades to plain noise by
itself. A head swings across its path and hardly along it, so both have variances of their own; they turn with the path.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.settings import TrackSettings

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(slots=True)
class Swims:
    """Filters of M heads.

    ``mean (M, 4, 2)``: place (um), velocity (um/s), swing and its quarter stroke later (um), x and y. ``cov
    (M, 2, 4, 4)``: their covariance along the path and across it.
    """

    mean: Floats
    cov: Floats

    @staticmethod
    def begun(xy_um: Floats, rules: TrackSettings) -> Swims:
        """Heads that were seen once."""
        mean, cov = np.zeros((len(xy_um), 4, 2)), np.zeros((len(xy_um), 2, 4, 4))
        mean[:, 0] = xy_um
        swing2 = max(rules.beat_um**2 - rules.off_um**2, 0.0)
        cov[:] = np.diag([swing2 + rules.off_um**2, rules.start_speed_um_s**2, swing2, swing2])
        # Where the head is seen, its path lies as far to the one side as it swings to the other.
        cov[:, :, 0, 2] = cov[:, :, 2, 0] = -swing2
        return Swims(mean, cov)

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: NDArray[np.bool_] | Ids) -> Swims:
        return Swims(self.mean[rows], self.cov[rows])

    def __setitem__(self, rows: NDArray[np.bool_] | Ids, other: Swims) -> None:
        self.mean[rows], self.cov[rows] = other.mean, other.cov

    def join(self, other: Swims) -> Swims:
        """These and those."""
        return Swims(np.concatenate([self.mean, other.mean]), np.concatenate([self.cov, other.cov]))

    @property
    def path_um(self) -> Floats:
        """``(M, 2)`` where the mean paths are."""
        return self.mean[:, 0]

    @property
    def head_um(self) -> Floats:
        """``(M, 2)`` where the heads are."""
        return self.mean[:, 0] + self.mean[:, 2]

    def predict(self, passed_s: float, swing2: Floats, rules: TrackSettings) -> None:
        """Go on for ``passed_s``; ``swing2 (M, 2)`` is the variance of the swing along and across."""
        kept = np.exp(-passed_s / rules.beat_lasts_s)
        turn = 2 * np.pi * rules.beat_hz * passed_s
        c, s = kept * np.cos(turn), kept * np.sin(turn)
        go = np.array([[1, passed_s, 0, 0], [0, 1, 0, 0], [0, 0, c, s], [0, 0, -s, c]])
        push = np.array([[passed_s**3 / 3, passed_s**2 / 2], [passed_s**2 / 2, passed_s]])
        self.mean = go @ self.mean
        self.cov = go @ self.cov @ go.T
        self.cov[:, :, :2, :2] += rules.wander_um2_s3 * push
        self.cov[:, :, [2, 3], [2, 3]] += ((1 - kept**2) * swing2)[:, :, None]

    def correct(self, points: Floats, noise2: float) -> None:
        """Take a point each, measured with that variance."""
        off, spread = self.off(points), self.spread(noise2)
        gain = (self.cov[..., 0] + self.cov[..., 2]) / spread[..., None]
        self.mean = self.mean + np.einsum("mak,ma,mad->mkd", gain, off, self._axes())
        self.cov = self.cov - np.einsum("mak,mal,ma->makl", gain, gain, spread)

    def spread(self, noise2: float) -> Floats:
        """``(M, 2)`` variance of a point about the expected head, along and across."""
        found: Floats = self.cov[..., 0, 0] + 2 * self.cov[..., 0, 2] + self.cov[..., 2, 2] + noise2
        return found

    def off(self, points: Floats) -> Floats:
        """``(M, 2)`` how far a point each lies from the expected head, along and across."""
        return np.einsum("mad,md->ma", self._axes(), points - self.head_um)

    def misses(self, points: Floats) -> Floats:
        """``(M, N, 2)`` how far every point lies from every expected head, along and across."""
        return np.einsum("mad,mnd->mna", self._axes(), points[None] - self.head_um[:, None])

    def beside(self, points: Floats) -> Floats:
        """``(M, 2)`` how far a point each lies from the mean path's place, along and across."""
        return np.einsum("mad,md->ma", self._axes(), points - self.path_um)

    def misfit(self, points: Floats, noise2: float) -> float:
        """Twice the negative log likelihood of a point each, up to a constant."""
        spread = self.spread(noise2)
        return float((self.off(points) ** 2 / spread + np.log(spread)).sum())

    def _axes(self) -> Floats:
        """``(M, 2, 2)`` unit vectors along the path and across it."""
        v = self.mean[:, 1]
        speed = np.hypot(v[:, 0], v[:, 1])
        along = np.where(speed[:, None] > 0, v / np.maximum(speed, 1e-9)[:, None], [1.0, 0.0])
        return np.stack([along, np.stack([-along[:, 1], along[:, 0]], axis=1)], axis=1)
