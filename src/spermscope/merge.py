"""Two heads that show as one: which is hidden, and who came out where; break rather than guess.

They may have come out either way: from their parting on a second pair of filters follows the exchanged identities, and
the likelihoods of both stories are compared point by point. Once the first is clearly the likelier the tracks go on;
where it is clearly not, or that takes too long, both end as ``ambiguous``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spermscope.live import Live
from spermscope.settings import TrackSettings
from spermscope.swim import Floats, Ids


def weigh(
    live: Live, points: Floats, match: Ids, time_s: float, passed_s: float, rules: TrackSettings
) -> NDArray[np.bool_]:
    """Compare both stories of every pair that merged and now shows apart; rows where the told one may be wrong."""
    unsure, noise2 = np.zeros(len(live), np.bool_), rules.off_um**2
    for row in np.flatnonzero(live.merged_with >= 0).tolist():
        partner = live.partner(row)
        if partner < row or match[row] < 0 or match[partner] < 0:
            continue
        pair = np.array([row, partner])
        if np.isnan(live.parted_s[row]):
            live.parted_s[pair], live.evidence[pair] = time_s, 0.0
            live.other[pair] = live.swim[pair]
        own, swapped, other = points[match[pair]], points[match[pair[::-1]]], live.other[pair]
        worse = other.misfit(swapped, noise2) - live.swim[pair].misfit(own, noise2)
        # Points nearer in time than a stroke of the tail say the same thing about where the path goes.
        fresh = 1.0 if live.parted_s[row] == time_s else min(1.0, passed_s * rules.stroke_hz)
        live.evidence[pair] += fresh * worse
        other.correct(swapped, noise2)
        live.other[pair] = other
        if live.evidence[row] >= rules.sure_margin:
            live.merged_with[pair], live.parted_s[pair] = -1, np.nan
        late = time_s - live.parted_s[row] > rules.unsure_s
        unsure[pair] = late or live.evidence[row] < -rules.sure_margin
    return unsure


def note_merges(live: Live, match: Ids, time_s: float, rules: TrackSettings) -> None:
    """A confirmed track without a point, beside one that has it, has merged with it until both are apart."""
    path_um = live.swim.path_um
    for row in np.flatnonzero((match < 0) & live.confirmed).tolist():
        far2 = ((path_um - path_um[row]) ** 2).sum(axis=1)
        far2[row] = np.inf
        far2[~live.confirmed] = np.inf
        other = int(np.argmin(far2)) if len(live) > 1 else row
        if far2[other] < rules.merge_um**2 and live.merged_with[other] != live.track_id[row]:
            live.merged_with[row], live.merged_with[other] = live.track_id[other], live.track_id[row]
            live.parted_s[[row, other]], live.merged_s[[row, other]] = np.nan, time_s


def keep_hidden(live: Live, points: Floats, match: Ids, time_s: float, rules: TrackSettings) -> None:
    """A head hidden by the one that it has merged with lies near that one's point: roughly, it has been seen."""
    for row in np.flatnonzero((match < 0) & (live.merged_with >= 0)).tolist():
        other, only = live.partner(row), np.array([row])
        if other < 0 or match[other] < 0:
            continue
        swim, point = live.swim[only], points[match[[other]]]
        near = np.hypot(*(point - swim.path_um)[0]) <= rules.merge_um
        if near and time_s - live.merged_s[row] <= rules.merge_s:
            swim.correct(point, rules.merge_um**2)
            live.swim[only] = swim
            live.seen_s[row] = time_s
