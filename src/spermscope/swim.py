"""How a head is expected to go on: a mean path that keeps its velocity, and a beat across it; filters of M heads.

The state of an axis is place and velocity of the mean path (white acceleration) and a swing about it: a damped
oscillation in noise, that is a beat of roughly known rate whose phase is kept for a few strokes (a Kalman filter with a
quasi-periodic component, Harvey 1989, chapter 2.3). Heads beat at different rates and some lie still, so each is
expected in K ways at once, one a rate and the last for rest, and its points tell which to believe (a bank of filters,
Magill 1965). Where frames are rarer than strokes the beat fades to plain noise by itself. A head swings across its path
and hardly along it, so both have variances of their own; they turn with the path.
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
    """Filters of M heads, K ways to go on each.

    ``mean (M, K, 4, 2)``: place (um), velocity (um/s), swing and its quarter stroke later (um), x and y. ``cov
    (M, K, 2, 4, 4)``: their covariance along the path and across it. ``trust (M, K)``: how far each way is believed,
    1 in all. Along and across are those of the mean velocity, so that a head has one path.
    """

    mean: Floats
    cov: Floats
    trust: Floats

    @staticmethod
    def begun(xy_um: Floats, rules: TrackSettings) -> Swims:
        """Heads that were seen once."""
        ways = len(rules.beats_hz) + 1
        mean, cov = np.zeros((len(xy_um), ways, 4, 2)), np.zeros((len(xy_um), ways, 2, 4, 4))
        mean[:, :, 0] = xy_um[:, None]
        noise2 = rules.off_um**2
        swing2 = max(rules.beat_um**2 - noise2, 0.0)
        cov[:, :-1] = np.diag([swing2 + noise2, rules.start_speed_um_s**2, swing2, swing2])
        # Where the head is seen, its path lies as far to the one side as it swings to the other.
        cov[:, :-1, :, 0, 2] = cov[:, :-1, :, 2, 0] = -swing2
        cov[:, -1] = np.diag([noise2, rules.start_speed_um_s**2, 0.0, 0.0])
        return Swims(mean, cov, np.full(mean.shape[:2], 1.0 / ways))

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: NDArray[np.bool_] | Ids) -> Swims:
        return Swims(self.mean[rows], self.cov[rows], self.trust[rows])

    def __setitem__(self, rows: NDArray[np.bool_] | Ids, other: Swims) -> None:
        self.mean[rows], self.cov[rows], self.trust[rows] = other.mean, other.cov, other.trust

    def join(self, other: Swims) -> Swims:
        """These and those."""
        pairs = ((self.mean, other.mean), (self.cov, other.cov), (self.trust, other.trust))
        return Swims(*(np.concatenate(pair) for pair in pairs))

    @property
    def path_um(self) -> Floats:
        """``(M, 2)`` where the mean paths are."""
        return self._pooled(self.mean[:, :, 0])

    @property
    def head_um(self) -> Floats:
        """``(M, 2)`` where the heads are."""
        return self._pooled(self._heads())

    def predict(self, passed_s: float, swing2: Floats, rules: TrackSettings) -> None:
        """Go on for ``passed_s``; ``swing2 (M, 2)`` is the variance of the swing along and across."""
        go, kept = _steps(passed_s, rules)
        push = np.array([[passed_s**3 / 3, passed_s**2 / 2], [passed_s**2 / 2, passed_s]])
        wander = np.full(len(go), rules.wander_um2_s3)
        wander[-1] = rules.rest_um2_s3
        self.mean = go @ self.mean
        self.cov = go[:, None] @ self.cov @ np.swapaxes(go, 1, 2)[:, None]
        self.cov[..., :2, :2] += wander[:, None, None, None] * push
        fresh = (1 - kept**2) * swing2[:, None]
        self.cov[:, :-1, :, 2, 2] += fresh
        self.cov[:, :-1, :, 3, 3] += fresh
        forgotten = 1.0 - np.exp(-passed_s / rules.trust_s)
        self.trust = self.trust + forgotten * (1.0 / len(go) - self.trust)

    def correct(self, points: Floats, noise2: float) -> None:
        """Take a point each, measured with that variance."""
        axes = self._axes()
        off, spread = self._offs(points, axes), self._spreads(noise2)
        gain = (self.cov[..., 0] + self.cov[..., 2]) / spread[..., None]
        self.mean = self.mean + np.swapaxes(gain * off[..., None], 2, 3) @ axes[:, None]
        self.cov = self.cov - gain[..., :, None] * (gain * spread[..., None])[..., None, :]
        self.trust = self.trust * _likely(off, spread)
        self.trust /= self.trust.sum(axis=1, keepdims=True)

    def spread(self, noise2: float) -> Floats:
        """``(M, 2)`` variance of a point about the expected head, along and across."""
        apart = self._offs(self.head_um, self._axes())
        return self._pooled(self._spreads(noise2) + apart**2)

    def path_spread(self) -> Floats:
        """``(M, 2)`` variance of the mean path's place, along and across."""
        return self._pooled(self.cov[..., 0, 0])

    def off(self, points: Floats) -> Floats:
        """``(M, 2)`` how far a point each lies from the expected head, along and across."""
        return np.einsum("mad,md->ma", self._axes(), points - self.head_um)

    def misses(self, points: Floats) -> Floats:
        """``(M, 2, N)`` how far every point lies from every expected head, along and across."""
        axes = self._axes()
        there = (axes.reshape(-1, 2) @ points.T).reshape(len(axes), 2, -1)
        return there - np.einsum("mad,md->ma", axes, self.head_um)[:, :, None]

    def beside(self, points: Floats) -> Floats:
        """``(M, 2)`` how far a point each lies from the mean path's place, along and across."""
        return np.einsum("mad,md->ma", self._axes(), points - self.path_um)

    def misfit(self, points: Floats, noise2: float) -> float:
        """Twice the negative log likelihood of a point each, up to a constant."""
        off, spread = self._offs(points, self._axes()), self._spreads(noise2)
        misfit = (off**2 / spread + np.log(spread)).sum(axis=2)
        best = misfit.min(axis=1, keepdims=True)
        return float((best[:, 0] - 2 * np.log((self.trust * np.exp((best - misfit) / 2)).sum(axis=1))).sum())

    def _heads(self) -> Floats:
        return self.mean[:, :, 0] + self.mean[:, :, 2]

    def _pooled(self, values: Floats) -> Floats:
        """``(M, 2)`` mean of ``values (M, K, 2)`` over the ways, as far as each is believed."""
        return (self.trust[:, None] @ values)[:, 0]

    def _offs(self, points: Floats, axes: Floats) -> Floats:
        """``(M, K, 2)`` how far a point each lies from where each way expects the head, along and across."""
        return (points[:, None] - self._heads()) @ np.swapaxes(axes, 1, 2)

    def _spreads(self, noise2: float) -> Floats:
        found: Floats = self.cov[..., 0, 0] + 2 * self.cov[..., 0, 2] + self.cov[..., 2, 2] + noise2
        return found

    def _axes(self) -> Floats:
        """``(M, 2, 2)`` unit vectors along the path and across it."""
        v = self._pooled(self.mean[:, :, 1])
        speed = np.hypot(v[:, 0], v[:, 1])
        along = np.where(speed[:, None] > 0, v / np.maximum(speed, 1e-9)[:, None], [1.0, 0.0])
        return np.stack([along, np.stack([-along[:, 1], along[:, 0]], axis=1)], axis=1)


def _steps(passed_s: float, rules: TrackSettings) -> tuple[Floats, float]:
    """``(K, 4, 4)`` how a state goes on in each way, and how much of a beat is kept."""
    kept = float(np.exp(-passed_s / rules.beat_lasts_s))
    turn = 2 * np.pi * np.append(rules.beats_hz, 0.0) * passed_s
    go = np.zeros((len(turn), 4, 4))
    go[:, 0, 0] = go[:, 1, 1] = 1.0
    go[:, 0, 1] = passed_s
    go[:, 2, 2] = go[:, 3, 3] = kept * np.cos(turn)
    go[:, 2, 3] = kept * np.sin(turn)
    go[:, 3, 2] = -go[:, 2, 3]
    return go, kept


def _likely(off: Floats, spread: Floats) -> Floats:
    """``(M, K)`` likelihood of a point in each way, the likeliest 1."""
    misfit = (off**2 / spread + np.log(spread)).sum(axis=2)
    return np.exp((misfit.min(axis=1, keepdims=True) - misfit) / 2)
