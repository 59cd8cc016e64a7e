"""Fields seen before, each by its landmarks, and the recognition of one that comes into view again.

Every group of fields whose places are known to each other is one map with coordinates of its own. A view that shows
enough of a remembered one takes its place from it; if more than half of it lies on a remembered view it is that field
again. Where two maps turn out to be one ground, the younger is laid into the older one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spermscope.stage.landmarks import Landmarks, overlay, shared_part

SAME_FIELD = 0.5
"""A view that shares more than this with a remembered one is the same field."""
SAME_GROUND = 0.75
"""Two views of one map that share more than this need not both be remembered."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a view's origin lies: ``place_um (2,)`` in ``map``; ``field`` is the ground's number."""

    map: int
    place_um: NDArray[np.float64]
    field: int


@dataclass(frozen=True, slots=True)
class _View:
    """A remembered view; ``settled``: its landmarks are known to lie still."""

    spot: Spot
    landmarks: Landmarks
    settled: bool


class FieldMemory:
    """Remembers the latest ``most`` views; each costs at most 3.2 kB, and 2 ms when a new field is looked up."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._views: list[_View] = []
        self._maps = self._fields = 0

    def forget(self) -> None:
        """Remember no view any more; numbers go on."""
        self._views.clear()

    def new_field(self) -> int:
        """The next field number."""
        self._fields += 1
        return self._fields - 1

    def new_spot(self) -> Spot:
        """The origin of a new map, under a new field."""
        self._maps += 1
        return Spot(self._maps - 1, np.zeros(2), self.new_field())

    def remember(self, spot: Spot, landmarks: Landmarks, um_per_px: float, *, settled: bool) -> None:
        """Keep the view that is being left; it replaces those of the same ground if its landmarks have settled."""
        kept = [view for view in self._views if not settled or _share(view, spot, um_per_px) <= SAME_GROUND]
        if kept and not kept[-1].settled and self._is_known(kept[-1], kept[:-1], um_per_px):
            kept.pop()
        self._views = [*kept, _View(spot, landmarks, settled)][-self._most :]

    def recognise(self, seen: Landmarks, um_per_px: float) -> Spot | None:
        """Where a view lies, by all that is remembered; None if it surely shows nothing of it."""
        found: dict[int, tuple[float, Spot]] = {}
        for view in self._views:
            over = overlay(view.landmarks, seen)
            if over is None or not over.sure:
                continue
            spot = replace(view.spot, place_um=view.spot.place_um + over.shift_px * um_per_px)
            if spot.map not in found or over.expected < found[spot.map][0]:
                found[spot.map] = (over.expected, spot)
        if not found:
            return None
        home = found[min(found)][1]
        for _, spot in found.values():
            self._lay(spot.map, home.map, home.place_um - spot.place_um)
        return self._numbered(home, um_per_px)

    def _lay(self, map_: int, onto: int, by_um: NDArray[np.float64]) -> None:
        """Give every view of one map its place in another."""
        for row, view in enumerate(self._views):
            if view.spot.map == map_ != onto:
                moved = Spot(onto, view.spot.place_um + by_um, view.spot.field)
                self._views[row] = replace(view, spot=moved)

    def _numbered(self, spot: Spot, um_per_px: float) -> Spot:
        """The spot under the number of the field that it shares most with, or a new one."""
        closest = max(self._views, key=lambda view: _share(view, spot, um_per_px))
        same = _share(closest, spot, um_per_px) > SAME_FIELD
        return replace(spot, field=closest.spot.field if same else self.new_field())

    @staticmethod
    def _is_known(one: _View, others: list[_View], um_per_px: float) -> bool:
        return any(_share(view, one.spot, um_per_px) > SAME_GROUND for view in others)


def _share(view: _View, spot: Spot, um_per_px: float) -> float:
    """Share of the view that one at ``spot`` covers."""
    if view.spot.map != spot.map:
        return 0.0
    return float(shared_part((view.spot.place_um - spot.place_um) / um_per_px, view.landmarks.size_px))
