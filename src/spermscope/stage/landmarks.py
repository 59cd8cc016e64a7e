"""Specks and heads of a view as points, and how two views lie over each other by the points that they share.

Every pair of points, one from each view, votes for the shift between them (a Hough transform, Ballard 1981); what lies
still in the sample votes as one. Whether so many shared points can be chance is asked a contrario (Desolneux, Moisan &
Morel 2000): with ``n`` points of one view on the common ground, each of which meets one of the other's by chance with
probability ``p``, and ``T`` shifts that could have been found, ``T P(Binomial(n, p) >= k)`` pairs of strange views are
expected to share ``k`` points. Swimmers have left their places and share none; they only add to ``n``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.special import bdtrc

from spermscope.stage.registration import Picture

MOST_POINTS = 200
APART_PX = 3
"""Points of one view keep so far apart, so that a head counts once."""
BLUR_PX = 1.0
LEAST_LIFT = 0.15
"""Of a blurred small picture: what is fainter makes no point."""
MEET_PX = 1.5
"""Points this near to each other, once the views lie over each other, are taken for the same one."""
LEAST_OVERLAP = 0.25
BIN_PX = 2.0
TRIES = 3
"""Shifts with the most votes that are looked at: the most voted one may be a chance of two crowds."""
STRANGE = 1e-6
"""Expected chance finds in two strange views: an overlap below it is believed."""
DIRT_PX = 1.5
CLEAN_SHARE = 0.6
"""Dirt on the camera meets itself at no shift: there, this share of the points must meet."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Points ``xy_px (N, 2)``, the clearest first, of a picture of ``size_px`` (width, height)."""

    xy_px: Points
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Overlap:
    """One view over another.

    ``shift_px (2,)``: where the second view's origin lies in the first. ``shared`` of ``count`` points of the poorer
    view on the common ground are in both. ``expected`` such finds, or better ones, in two strange views by chance.
    """

    shift_px: Points
    shared: int
    count: int
    expected: float

    @property
    def sure(self) -> bool:
        """Whether neither chance nor dirt on the camera explains it."""
        moved = float(np.hypot(*self.shift_px)) >= DIRT_PX
        return self.expected < STRANGE and (moved or self.shared >= CLEAN_SHARE * self.count)


def find_landmarks(picture: Picture) -> Landmarks:
    """The clearest points of a small picture, whether bright or dark, to a fraction of a pixel."""
    lift = cv2.GaussianBlur(np.abs(picture), (0, 0), BLUR_PX)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * APART_PX + 1, 2 * APART_PX + 1))
    peak = (lift == cv2.dilate(lift, disc)) & (lift > LEAST_LIFT)
    peak[[0, -1]] = peak[:, [0, -1]] = False
    row, column = np.nonzero(peak)
    clearest = np.argsort(-lift[row, column], kind="stable")[:MOST_POINTS]
    row, column = row[clearest], column[clearest]
    middle = lift[row, column]
    x = column + _vertex(lift[row, column - 1], middle, lift[row, column + 1])
    y = row + _vertex(lift[row - 1, column], middle, lift[row + 1, column])
    return Landmarks(np.column_stack([x, y]).astype(np.float64), (picture.shape[1], picture.shape[0]))


def _vertex(low: NDArray[np.float32], middle: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """Offset of the top of the parabola through three neighbours."""
    curve = low - 2 * middle + high
    return np.where(curve < 0, 0.5 * (low - high) / np.minimum(curve, -1e-6), 0.0)


def keep_still(view: Landmarks, later: Landmarks, shift_px: Points) -> Landmarks:
    """Those points of ``view`` that are still there in ``later``, whose origin lies at ``shift_px`` in it."""
    if not len(later.xy_px):
        return Landmarks(later.xy_px, view.size_px)
    apart_px, _ = KDTree(later.xy_px + shift_px).query(view.xy_px, distance_upper_bound=MEET_PX)
    return Landmarks(view.xy_px[apart_px <= MEET_PX], view.size_px)


def shared_part(shift_px: Points, size_px: tuple[int, int]) -> NDArray[np.float64]:
    """Share of a view that one of the same size shifted by ``shift_px (..., 2)`` covers, 0 .. 1."""
    share: NDArray[np.float64] = np.clip(1.0 - np.abs(shift_px) / np.asarray(size_px), 0.0, None).prod(axis=-1)
    return share


def overlay(known: Landmarks, seen: Landmarks) -> Overlap | None:
    """The least likely to be chance of the shifts that have the most votes; None where a view has no point."""
    if not len(known.xy_px) or not len(seen.xy_px):
        return None
    tree = KDTree(known.xy_px)
    found = (_judge(known, tree, seen, _refined(tree, seen, shift)) for shift in _most_voted(known, seen))
    return min(found, key=lambda one: one.expected)


def _most_voted(known: Landmarks, seen: Landmarks) -> Points:
    """``(TRIES, 2)`` shifts that the most pairs of points agree on."""
    rows, columns = _enough_overlap(known.size_px).shape
    pairs = ((known.xy_px[:, None, axis] - seen.xy_px[None, :, axis]).astype(np.float32) for axis in (0, 1))
    x, y = (((off + side) / BIN_PX).astype(np.int32) for off, side in zip(pairs, known.size_px, strict=True))
    count = np.bincount((y * columns + x).ravel(), minlength=rows * columns).reshape(rows, columns)
    # A window of two by two bins, so that no shift lies at every window's edge; it ends at its own bin.
    window = cv2.boxFilter(count.astype(np.float32), -1, (2, 2), normalize=False, borderType=cv2.BORDER_CONSTANT)
    window *= _enough_overlap(known.size_px)
    row, column = np.unravel_index(np.argpartition(-window, TRIES, axis=None)[:TRIES], window.shape)
    return np.asarray(np.column_stack([column, row]) * BIN_PX - known.size_px, np.float64)


@lru_cache(maxsize=2)
def _enough_overlap(size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Which of the bins stand for views that overlap enough."""
    columns, rows = (int(np.ceil(2 * side / BIN_PX)) + 2 for side in size_px)
    shift_px = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1) * BIN_PX - size_px
    return shared_part(np.asarray(shift_px, np.float64), size_px) >= LEAST_OVERLAP


def _refined(tree: KDTree, seen: Landmarks, shift_px: Points) -> Points:
    """The median shift of the points that meet within a window of bins."""
    for _ in range(2):
        off, _ = _meetings(tree, seen, shift_px, 1.5 * BIN_PX)
        shift_px = shift_px + np.median(off, axis=0) if len(off) else shift_px
    return shift_px


def _meetings(tree: KDTree, seen: Landmarks, shift_px: Points, within_px: float) -> tuple[Points, int]:
    """By how much each point of ``seen`` misses the one that it meets, and how many different ones are met."""
    moved = seen.xy_px + shift_px
    apart_px, nearest = tree.query(moved, distance_upper_bound=within_px)
    met = apart_px <= within_px
    partner = np.asarray(nearest)[met]
    return np.asarray(tree.data)[partner] - moved[met], len(np.unique(partner))


def _judge(known: Landmarks, tree: KDTree, seen: Landmarks, shift_px: Points) -> Overlap:
    size = np.array(known.size_px)
    area = float(shared_part(shift_px, known.size_px) * size.prod())
    moved = seen.xy_px + shift_px
    inside = [((xy >= 0) & (xy <= size)).all(axis=1).sum() for xy in (known.xy_px - shift_px, moved)]
    count, others = sorted(int(number) for number in inside)
    off, different = _meetings(tree, seen, shift_px, MEET_PX)
    shared = min(different, count)
    if not shared or area <= 0:
        return Overlap(shift_px, 0, count, float("inf"))
    disc = np.pi * MEET_PX**2
    expected = 4 * size.prod() / disc * float(bdtrc(shared - 1, count, min(1.0, others * disc / area)))
    return Overlap(shift_px + off.mean(axis=0), shared, count, expected)
