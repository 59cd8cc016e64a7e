"""Points in, identities out: a filter a cell and one gated assignment a frame, in um and s.

Each track's filters expect the next point from a mean path and a beat across it (``swim``), and each learns how wide
its own head swings (adaptive filtering by innovations, Mehra 1970): a hyperactivated head swings several micrometres
from its path and would leave the gate of a calm one. Cost of a pair is ``d^2 + ln det S`` (the negative log likelihood,
up to constants) with a price for young tracks, solved as one linear assignment (Kuhn 1955). A track counts once its
points are far likelier to come from a head than from chance, and ends when they no longer are. Heads that showed as one
go on only where it is clear who is who (``merge``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from spermscope.live import Live
from spermscope.merge import keep_hidden, note_merges, weigh
from spermscope.settings import TrackSettings
from spermscope.swim import Floats, Ids

FORBIDDEN = 1e6
POOLED_HITS = 20
"""A track's score is the mean of its points', of about so many when it is older."""
LEAST_VIEW_UM2 = 1e4


@dataclass(frozen=True, slots=True)
class Followed:
    """The live tracks after one frame, a row each, in order of id.

    ``xy_um (M, 2)`` is the measured point where ``observed``, else the prediction; ``detection (M,)`` its row in the
    input, -1 where predicted. ``head_um (M, 2)`` is where the filters hold the heads to be: nearer to them than points
    that are off by as much as ``off_um``, farther than better ones. ``ended_why``: ``lost``, ``ambiguous`` or ``left``.
    """

    track_id: Ids
    xy_um: Floats
    head_um: Floats
    detection: Ids
    observed: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    confidence: Floats
    ended_id: Ids
    ended_why: tuple[str, ...]


class Tracker:
    """Follows points through time; ids count up and are never used again within one instance."""

    def __init__(self, settings: TrackSettings | None = None) -> None:
        self._set = settings or TrackSettings()
        self._noise2 = self._set.off_um**2
        self._live = Live.none(self._set)
        self._next_id = 1
        self._time_s = float("nan")
        self._chance = float("nan")

    def reset(self) -> None:
        """Forget everything; ids begin at 1 again."""
        self._live = Live.none(self._set)
        self._next_id = 1
        self._time_s = float("nan")
        self._chance = float("nan")

    def end_all(self, why: str) -> tuple[Ids, tuple[str, ...]]:
        """End every live track: ids and reasons. Ids go on counting."""
        ids = self._live.track_id
        self._live = Live.none(self._set)
        return ids, (why,) * len(ids)

    @property
    def unsettled(self) -> Ids:
        """Live tracks that show as one with another, or did, and of which it is open who is who."""
        live = self._live
        open_: Ids = live.track_id[(live.merged_with >= 0) & np.isin(live.merged_with, live.track_id)]
        return open_

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
        faint = marks < self._set.start_score
        match = self._assign(points, faint)
        if len(match):
            self._believe(points, match, int((_free(match, len(points)) & ~faint).sum()), passed_s, bounds_um)
        unsure = weigh(self._live, points, match, time_s, passed_s, self._set)
        self._update(points, marks, match, time_s)
        note_merges(self._live, match, time_s, self._set)
        keep_hidden(self._live, points, match, time_s, self._set)
        ended = self._end(time_s, bounds_um, match, unsure)
        return self._report(points, marks, *ended)

    def _predict(self, passed_s: float) -> None:
        s, swing2 = self._live, self._swing2()
        s.swim.predict(passed_s, swing2, self._set)
        parted = np.flatnonzero(~np.isnan(s.parted_s))
        if len(parted):
            other = s.other[parted]
            other.predict(passed_s, swing2[parted], self._set)
            s.other[parted] = other

    def _swing2(self) -> Floats:
        """``(M, 2)`` variance of the heads' swing along their mean paths and across, without the error of a place."""
        low, high = self._set.least_beat_um**2, self._set.widest_beat_um**2
        swing2: Floats = np.clip(self._live.beat2, low, high) - self._noise2
        return np.maximum(swing2, 0.0)

    def _assign(self, points: Floats, faint: NDArray[np.bool_]) -> Ids:
        """``(M,)`` the point of each track, -1 where none.

        Confirmed and young tracks share one problem. Faint points, of which most are no heads, are left to confirmed
        tracks that found no better one, and only close to where those are expected (Zhang et al. 2022, ByteTrack).
        """
        s, match = self._live, np.full(len(self._live), -1, np.int64)
        if not len(s) or not len(points):
            return match
        spread = s.swim.spread(self._noise2)
        misses = s.swim.misses(points)
        far2, odd = (misses**2).sum(axis=1), (misses**2 / spread[:, :, None]).sum(axis=1)
        young = s.hits < self._set.confirm_hits
        cost = odd + (np.log(spread).sum(axis=1) + self._set.young_price * young)[:, None]
        near = (odd < self._set.gate) & (far2 < self._set.reach_um**2)
        match = _solve(cost, near & ~faint)
        if faint.any():
            left = ((match < 0) & s.confirmed)[:, None]
            match = np.maximum(match, _solve(cost, (odd < self._set.faint_gate) & faint & left))
        return self._second_pass(far2, odd, match, ~faint)

    def _second_pass(self, far2: Floats, odd: Floats, match: Ids, strong: NDArray[np.bool_]) -> Ids:
        """Lonely confirmed tracks may take a lonely point somewhat beyond the gate."""
        free = np.flatnonzero(_free(match, len(strong)) & strong)
        lost = np.flatnonzero((match < 0) & self._live.confirmed)
        if not len(free) or not len(lost):
            return match
        some = np.ix_(lost, free)
        near = (odd[some] < self._set.loose_gate) & (far2[some] < self._set.loose_um**2)
        alone = near & (near.sum(axis=0) == 1)[None, :] & (near.sum(axis=1) == 1)[:, None]
        rows, columns = np.nonzero(alone)
        match[lost[rows]] = free[columns]
        return match

    def _believe(
        self,
        points: Floats,
        match: Ids,
        unclaimed: int,
        passed_s: float,
        bounds_um: tuple[float, float, float, float] | None,
    ) -> None:
        """Add to every track's log odds what this frame says: a point where one was expected, or none.

        The odds are those of a head against points that fall so by chance, as many to an area as lately no track took
        (Sittler 1964). Of merged heads one is hidden: a missing point says nothing there. Nor does a point speak for a
        young track while it may be that of a head beside it, which counts and was not seen: one head, one track.
        """
        s, rules = self._live, self._set
        now = max(unclaimed, 0.5) / _area_um2(points, bounds_um)
        learned = 1.0 - np.exp(-passed_s / rules.chance_s)
        self._chance = now if np.isnan(self._chance) else self._chance + learned * (now - self._chance)
        spread, hit = s.swim.spread(self._noise2), match >= 0
        odd = (s.swim[hit].off(points[match[hit]]) ** 2 / spread[hit]).sum(axis=1)
        told = np.where(s.merged_with >= 0, 0.0, np.log(1.0 - rules.seen_share))
        told[hit] = np.log(rules.seen_share / (2 * np.pi * self._chance)) - (np.log(spread[hit]).sum(axis=1) + odd) / 2
        young, unseen = np.flatnonzero(hit & ~s.confirmed), s.swim[~hit & s.confirmed].head_um
        doubtful = young[np.any(cdist(points[match[young]], unseen) < rules.doubt_um, axis=1)]
        told[doubtful] = np.minimum(told[doubtful], 0.0)
        s.belief = np.minimum(s.belief + min(1.0, passed_s * rules.look_hz) * told, rules.most_belief)

    def _update(self, points: Floats, marks: Floats, match: Ids, time_s: float) -> None:
        s = self._live
        rows = np.flatnonzero(match >= 0)
        if not len(rows):
            return
        found, swim = points[match[rows]], s.swim[rows]
        off2 = swim.beside(found) ** 2 - swim.path_spread()
        learned = 1.0 - np.exp((s.seen_s[rows] - time_s) / self._set.beat_s)
        s.beat2[rows] += learned[:, None] * (off2 - s.beat2[rows])
        swim.correct(found, self._noise2)
        s.swim[rows] = swim
        s.hits[rows] += 1
        pooled = np.maximum(1.0 / s.hits[rows], 1.0 / POOLED_HITS)
        s.score[rows] += pooled * (marks[match[rows]] - s.score[rows])
        s.seen_s[rows] = time_s
        s.confirmed |= (
            (s.hits >= self._set.confirm_hits)
            & (s.score >= self._set.confirm_score)
            & (s.belief >= self._set.confirm_belief)
        )

    def _end(
        self, time_s: float, bounds_um: tuple[float, float, float, float] | None, match: Ids, unsure: NDArray[np.bool_]
    ) -> tuple[Ids, Ids, tuple[str, ...]]:
        """Drop what is lost, out of view or ambiguous; the matches of the rest, and what ended why."""
        s, missed = self._live, match < 0
        patience = np.where(s.confirmed, self._set.max_gap_s, self._set.young_gap_s)
        lost = missed & (time_s - s.seen_s > patience + 1e-9)
        lost |= missed & (s.belief < self._set.least_belief)
        left = np.zeros(len(s), np.bool_)
        if bounds_um is not None and len(s):
            low, high = np.array(bounds_um[:2]), np.array(bounds_um[2:])
            left = missed & np.any((s.swim.path_um < low) | (s.swim.path_um > high), axis=1)
        # Two merged tracks may not both outlive the merge on one point: who is it? Nobody knows.
        fused = lost & (s.merged_with >= 0)
        unsure = unsure | fused | (np.isin(s.track_id, s.merged_with[fused]) if fused.any() else False)
        gone = lost | left | unsure
        if not gone.any():
            return match, s.track_id[:0], ()
        why = tuple(np.select([unsure, left], ["ambiguous", "left"], "lost")[gone].tolist())
        ended = s.track_id[gone]
        self._live = s.keep(~gone)
        return match[~gone], ended, why

    def _report(self, points: Floats, marks: Floats, match: Ids, ended: Ids, why: tuple[str, ...]) -> Followed:
        fresh = np.flatnonzero(_free(match, len(points)) & (marks >= self._set.start_score))
        if len(fresh):
            self._start(points[fresh], marks[fresh])
            match = np.concatenate([match, fresh])
        s, observed = self._live, match >= 0
        where = head_um = s.swim.head_um
        if len(points):
            where = np.where(observed[:, None], points[match], head_um)
        kept = s.confirmed.copy(), s.score.copy()
        return Followed(s.track_id.copy(), where, head_um, match, observed, *kept, ended, why)

    def _start(self, points: Floats, marks: Floats) -> None:
        ids = np.arange(self._next_id, self._next_id + len(points), dtype=np.int64)
        self._next_id += len(points)
        self._live = self._live.join(Live.begun(ids, points, marks, self._time_s, self._set))


def _free(match: Ids, count: int) -> NDArray[np.bool_]:
    """``(count,)`` points that no track has."""
    free = np.ones(count, np.bool_)
    free[match[match >= 0]] = False
    return free


def _area_um2(points: Floats, bounds_um: tuple[float, float, float, float] | None) -> float:
    """The view's area; where that is not known, what the points span."""
    if bounds_um is not None:
        return (bounds_um[2] - bounds_um[0]) * (bounds_um[3] - bounds_um[1])
    return max(float(np.prod(np.ptp(points, axis=0))) if len(points) else 0.0, LEAST_VIEW_UM2)


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
