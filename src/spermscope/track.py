"""Points in, identities out: a Kalman filter a cell and one gated assignment a frame, in um and s.

Each track filters its mean path with a constant-velocity model (white acceleration). The lateral beat of the head is
taken as measurement noise, and each track learns how wide its own is (adaptive filtering by innovations, Mehra 1970):
a hyperactivated head swings several micrometres from its path and would leave the gate of a calm one. Cost of a pair is
``d^2 + ln det S`` (the negative log likelihood, up to constants) with a price for young tracks, solved as one linear
assignment (Kuhn 1955). Two heads that showed as one may have come out either way: from their parting on a second pair
of filters follows the exchanged identities, and the likelihoods of both stories are compared point by point. Once the
first is clearly the likelier the tracks go on; where it is clearly not, or that takes too long, both end as
``ambiguous`` rather than guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spermscope.settings import TrackSettings

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
FORBIDDEN = 1e6
POOLED_HITS = 20
"""A track's score is the mean of its points', of about so many when it is older."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The live tracks after one frame, a row each, in order of id.

    ``xy_um (M, 2)`` is the measured point where ``observed``, else the prediction; ``detection (M,)`` its row in the
    input, -1 where predicted. ``ended_why``: ``lost``, ``ambiguous`` or ``left``.
    """

    track_id: Ids
    xy_um: Floats
    detection: Ids
    observed: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    confidence: Floats
    ended_id: Ids
    ended_why: tuple[str, ...]


@dataclass(slots=True)
class _State:
    """Filters of M tracks. ``p (M, 3)`` holds the covariance of position and velocity (one axis serves both).

    ``hits (M,)`` counts a track's points.

    ``beat2 (M,)`` is the variance of a track's points about its mean path, an axis, as its own points tell it so far.

    ``merged_with`` is the id of the track that this one showed as one with from ``merged_s`` on, -1 for none. From
    their parting (``parted_s``, NaN before) ``other_x``, ``other_v`` and ``other_p`` follow the partner's points, and
    ``evidence`` sums by how much worse that explains them.
    """

    track_id: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    x: Floats = field(default_factory=lambda: np.empty((0, 2)))
    v: Floats = field(default_factory=lambda: np.empty((0, 2)))
    p: Floats = field(default_factory=lambda: np.empty((0, 3)))
    hits: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    score: Floats = field(default_factory=lambda: np.empty(0))
    seen_s: Floats = field(default_factory=lambda: np.empty(0))
    beat2: Floats = field(default_factory=lambda: np.empty(0))
    confirmed: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    merged_with: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    merged_s: Floats = field(default_factory=lambda: np.empty(0))
    parted_s: Floats = field(default_factory=lambda: np.empty(0))
    evidence: Floats = field(default_factory=lambda: np.empty(0))
    other_x: Floats = field(default_factory=lambda: np.empty((0, 2)))
    other_v: Floats = field(default_factory=lambda: np.empty((0, 2)))
    other_p: Floats = field(default_factory=lambda: np.empty((0, 3)))

    def __len__(self) -> int:
        return len(self.track_id)

    def keep(self, rows: NDArray[np.bool_] | Ids) -> _State:
        return _State(*(getattr(self, name)[rows] for name in self.__slots__))

    def join(self, other: _State) -> _State:
        return _State(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__slots__))


class Tracker:
    """Follows points through time; ids count up and are never used again within one instance."""

    def __init__(self, settings: TrackSettings | None = None) -> None:
        self._set = settings or TrackSettings()
        self._state = _State()
        self._next_id = 1
        self._time_s = float("nan")

    def reset(self) -> None:
        """Forget everything; ids begin at 1 again."""
        self._state = _State()
        self._next_id = 1
        self._time_s = float("nan")

    def end_all(self, why: str) -> tuple[Ids, tuple[str, ...]]:
        """End every live track: ids and reasons. Ids go on counting."""
        ids = self._state.track_id
        self._state = _State()
        return ids, (why,) * len(ids)

    def step(
        self,
        time_s: float,
        xy_um: Floats,
        score: NDArray[np.floating],
        bounds_um: tuple[float, float, float, float] | None = None,
    ) -> Followed:
        """Take the points of one frame.

        Parameters
        ----------
        time_s
            Later than the time before.
        xy_um
            ``(N, 2)``; N = 0 is normal.
        score
            ``(N,)`` in 0..1; a point below ``settings.start_score`` may continue a track but starts none.
        bounds_um
            ``(x0, y0, x1, y1)`` of the view: a track predicted outside it ends as ``left``.

        Raises
        ------
        ValueError
            When time does not go forward or the arrays disagree.
        """
        if len(xy_um) != len(score):
            raise ValueError(f"track: expected a score for each of {len(xy_um)} points, found {len(score)}")
        if not np.isnan(self._time_s) and time_s <= self._time_s:
            raise ValueError(f"track: expected a time after {self._time_s:g} s, found {time_s:g} s")
        passed_s = 0.0 if np.isnan(self._time_s) else time_s - self._time_s
        self._predict(passed_s)
        self._time_s = time_s
        points = np.asarray(xy_um, np.float64).reshape(-1, 2)
        marks = np.asarray(score, np.float64)
        match = self._assign(points, marks < self._set.start_score)
        unsure = self._weigh(points, match, passed_s)
        self._update(points, marks, match, time_s)
        self._note_merges(match)
        self._keep_hidden(points, match)
        ended = self._end(time_s, bounds_um, match, unsure)
        return self._report(points, marks, *ended)

    def _predict(self, dt: float) -> None:
        s, noise = self._state, self._set.acceleration_um_s2**2
        s.x, s.v, s.p = _predicted(s.x, s.v, s.p, dt, noise)
        s.other_x, s.other_v, s.other_p = _predicted(s.other_x, s.other_v, s.other_p, dt, noise)

    def _beat2(self, rows: Ids | slice = slice(None)) -> Floats:
        """Variance of the tracks' points about their mean paths, an axis."""
        return np.clip(self._state.beat2[rows], self._set.least_beat_um**2, self._set.widest_beat_um**2)

    def _spread(self) -> Floats:
        """``(M,)`` variance of the innovation, an axis."""
        spread: Floats = self._state.p[:, 0] + self._beat2()
        return spread

    def _assign(self, points: Floats, faint: NDArray[np.bool_]) -> Ids:
        """``(M,)`` the point of each track, -1 where none.

        Confirmed and young tracks share one problem. Faint points, of which most are no heads, are left to confirmed
        tracks that found no better one, and only close to where those are expected (Zhang et al. 2022, ByteTrack).
        """
        s, match = self._state, np.full(len(self._state), -1, np.int64)
        if not len(s) or not len(points):
            return match
        far2 = ((s.x[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
        spread = self._spread()[:, None]
        young = (s.hits < self._set.confirm_hits)[:, None]
        cost = far2 / spread + 2 * np.log(spread) + self._set.young_price * young
        near = (far2 < self._set.gate * spread) & (far2 < self._set.reach_um**2)
        match = _solve(cost, near & ~faint)
        left = ((match < 0) & s.confirmed)[:, None]
        close = far2 < self._set.faint_gate * spread
        match = np.maximum(match, _solve(cost, close & faint & left))
        return self._second_pass(far2, spread[:, 0], match, np.flatnonzero(~faint))

    def _second_pass(self, far2: Floats, spread: Floats, match: Ids, strong: Ids) -> Ids:
        """Lonely confirmed tracks may take a lonely point somewhat beyond the gate."""
        free = np.setdiff1d(strong, match)
        lost = np.flatnonzero((match < 0) & self._state.confirmed)
        if not len(free) or not len(lost):
            return match
        far2 = far2[np.ix_(lost, free)]
        near = (far2 < self._set.loose_gate * spread[lost, None]) & (far2 < self._set.loose_um**2)
        alone = near & (near.sum(axis=0) == 1)[None, :] & (near.sum(axis=1) == 1)[:, None]
        rows, columns = np.nonzero(alone)
        match[lost[rows]] = free[columns]
        return match

    def _partner(self, row: int) -> int:
        """The row of the track that this one has merged with, -1 where that one has ended."""
        s = self._state
        other = int(np.searchsorted(s.track_id, s.merged_with[row]))
        return other if other < len(s) and s.track_id[other] == s.merged_with[row] else -1

    def _weigh(self, points: Floats, match: Ids, passed_s: float) -> NDArray[np.bool_]:
        """Compare both stories of every pair that merged and now shows apart; rows where the told one may be wrong."""
        s, unsure = self._state, np.zeros(len(self._state), np.bool_)
        for row in np.flatnonzero(s.merged_with >= 0).tolist():
            other = self._partner(row)
            if other < row or match[row] < 0 or match[other] < 0:
                continue
            pair = np.array([row, other])
            if np.isnan(s.parted_s[row]):
                s.parted_s[pair], s.evidence[pair] = self._time_s, 0.0
                s.other_x[pair], s.other_v[pair], s.other_p[pair] = s.x[pair], s.v[pair], s.p[pair]
            own, swapped = points[match[pair]], points[match[pair[::-1]]]
            noise = self._beat2(pair)
            worse = _misfit(s.other_x[pair], s.other_p[pair], swapped, noise)
            worse -= _misfit(s.x[pair], s.p[pair], own, noise)
            # Points nearer in time than a stroke of the tail say the same thing about where the path goes.
            fresh = 1.0 if s.parted_s[row] == self._time_s else min(1.0, passed_s * self._set.stroke_hz)
            s.evidence[pair] += fresh * worse
            s.other_x[pair], s.other_v[pair], s.other_p[pair] = _corrected(
                s.other_x[pair], s.other_v[pair], s.other_p[pair], swapped, noise
            )
            if s.evidence[row] >= self._set.sure_margin:
                s.merged_with[pair], s.parted_s[pair] = -1, np.nan
            late = self._time_s - s.parted_s[row] > self._set.unsure_s
            unsure[pair] = late or s.evidence[row] < -self._set.sure_margin
        return unsure

    def _update(self, points: Floats, marks: Floats, match: Ids, time_s: float) -> None:
        s = self._state
        rows = np.flatnonzero(match >= 0)
        if not len(rows):
            return
        found, noise = points[match[rows]], self._beat2(rows)
        off2 = ((found - s.x[rows]) ** 2).sum(axis=1) / 2 - s.p[rows, 0]
        learned = 1.0 - np.exp((s.seen_s[rows] - time_s) / self._set.beat_s)
        s.beat2[rows] += learned * (off2 - s.beat2[rows])
        s.x[rows], s.v[rows], s.p[rows] = _corrected(s.x[rows], s.v[rows], s.p[rows], found, noise)
        s.hits[rows] += 1
        pooled = np.maximum(1.0 / s.hits[rows], 1.0 / POOLED_HITS)
        s.score[rows] += pooled * (marks[match[rows]] - s.score[rows])
        s.seen_s[rows] = time_s
        s.confirmed |= (s.hits >= self._set.confirm_hits) & (s.score >= self._set.confirm_score)

    def _note_merges(self, match: Ids) -> None:
        """A confirmed track without a point, beside one that has it, has merged with it until both are apart."""
        s = self._state
        for row in np.flatnonzero((match < 0) & s.confirmed).tolist():
            far2 = ((s.x - s.x[row]) ** 2).sum(axis=1)
            far2[row] = np.inf
            far2[~s.confirmed] = np.inf
            other = int(np.argmin(far2)) if len(s) > 1 else row
            if far2[other] < self._set.merge_um**2 and s.merged_with[other] != s.track_id[row]:
                s.merged_with[row], s.merged_with[other] = s.track_id[other], s.track_id[row]
                s.parted_s[[row, other]], s.merged_s[[row, other]] = np.nan, self._time_s

    def _keep_hidden(self, points: Floats, match: Ids) -> None:
        """A head hidden by the one that it has merged with lies near that one's point: roughly, it has been seen."""
        s = self._state
        for row in np.flatnonzero((match < 0) & (s.merged_with >= 0)).tolist():
            other = self._partner(row)
            if other < 0 or match[other] < 0:
                continue
            only, point = np.array([row]), points[match[[other]]]
            near = np.hypot(*(point - s.x[only]).T)[0] <= self._set.merge_um
            if near and self._time_s - s.merged_s[row] <= self._set.merge_s:
                rough = self._set.merge_um**2
                s.x[only], s.v[only], s.p[only] = _corrected(s.x[only], s.v[only], s.p[only], point, rough)
                s.seen_s[row] = self._time_s

    def _end(
        self, time_s: float, bounds_um: tuple[float, float, float, float] | None, match: Ids, unsure: NDArray[np.bool_]
    ) -> tuple[Ids, Ids, tuple[str, ...]]:
        """Drop what is lost, out of view or ambiguous; the matches of the rest, and what ended why."""
        s, missed = self._state, match < 0
        patience = np.where(s.confirmed, self._set.max_gap_s, self._set.young_gap_s)
        lost = missed & (time_s - s.seen_s > patience + 1e-9)
        left = np.zeros(len(s), np.bool_)
        if bounds_um is not None and len(s):
            low, high = np.array(bounds_um[:2]), np.array(bounds_um[2:])
            left = missed & np.any((s.x < low) | (s.x > high), axis=1)
        # Two merged tracks may not both outlive the merge on one point: who is it? Nobody knows.
        fused = np.isin(s.track_id, s.merged_with[lost & (s.merged_with >= 0)]) | (lost & (s.merged_with >= 0))
        unsure = unsure | fused
        gone = lost | left | unsure
        why = tuple(np.select([unsure, left], ["ambiguous", "left"], "lost")[gone].tolist())
        ended = s.track_id[gone]
        self._state = s.keep(~gone)
        return match[~gone], ended, why

    def _report(self, points: Floats, marks: Floats, match: Ids, ended: Ids, why: tuple[str, ...]) -> Followed:
        taken = match[match >= 0]
        free = np.setdiff1d(np.arange(len(points)), taken)
        fresh = free[marks[free] >= self._set.start_score]
        self._start(points[fresh], marks[fresh])
        match = np.concatenate([match, fresh])
        s, observed = self._state, match >= 0
        where = np.where(observed[:, None], points[match] if len(points) else s.x, s.x)
        return Followed(s.track_id.copy(), where, match, observed, s.confirmed.copy(), s.score.copy(), ended, why)

    def _start(self, points: Floats, marks: Floats) -> None:
        count = len(points)
        fresh = _State(
            track_id=np.arange(self._next_id, self._next_id + count, dtype=np.int64),
            x=points.copy(),
            v=np.zeros((count, 2)),
            p=np.tile([self._set.beat_um**2, 0.0, self._set.start_speed_um_s**2], (count, 1)),
            hits=np.ones(count, np.int64),
            score=marks.copy(),
            seen_s=np.full(count, self._time_s),
            beat2=np.full(count, self._set.beat_um**2),
            confirmed=(marks >= self._set.confirm_score) & (self._set.confirm_hits <= 1),
            merged_with=np.full(count, -1, np.int64),
            merged_s=np.full(count, np.nan),
            parted_s=np.full(count, np.nan),
            evidence=np.zeros(count),
            other_x=points.copy(),
            other_v=np.zeros((count, 2)),
            other_p=np.zeros((count, 3)),
        )
        self._next_id += count
        self._state = self._state.join(fresh)


def _predicted(x: Floats, v: Floats, p: Floats, dt: float, noise: float) -> tuple[Floats, Floats, Floats]:
    """Filters ``dt`` later, under white acceleration of variance ``noise``."""
    pp, pv, vv = p.T
    spread = np.column_stack(
        [
            pp + 2 * dt * pv + dt * dt * vv + noise * dt**4 / 4,
            pv + dt * vv + noise * dt**3 / 2,
            vv + noise * dt * dt,
        ]
    )
    return x + dt * v, v, spread


def _corrected(x: Floats, v: Floats, p: Floats, points: Floats, noise: Floats | float) -> tuple[Floats, Floats, Floats]:
    """Filters after one point each, measured with variance ``noise``."""
    spread = p[:, 0] + noise
    gain = np.column_stack([p[:, 0] / spread, p[:, 1] / spread])
    off = points - x
    pp, pv, vv = p.T
    left = np.column_stack([(1 - gain[:, 0]) * pp, (1 - gain[:, 0]) * pv, vv - gain[:, 1] * pv])
    return x + gain[:, :1] * off, v + gain[:, 1:] * off, left


def _misfit(x: Floats, p: Floats, points: Floats, noise: Floats | float) -> float:
    """Twice the negative log likelihood of the points, up to a constant."""
    spread = p[:, 0] + noise
    return float((((x - points) ** 2).sum(axis=1) / spread + 2 * np.log(spread)).sum())


def _solve(cost: Floats, near: NDArray[np.bool_]) -> Ids:
    """``(M,)`` column of each row in the cheapest assignment over allowed pairs that pairs as many as possible."""
    match = np.full(len(cost), -1, np.int64)
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(rows):
        return match
    part = np.where(near[np.ix_(rows, columns)], cost[np.ix_(rows, columns)], FORBIDDEN)
    picked, at = linear_sum_assignment(part)
    good = part[picked, at] < FORBIDDEN
    match[rows[picked[good]]] = columns[at[good]]
    return match
