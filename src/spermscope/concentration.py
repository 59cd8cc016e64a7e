"""How many cells there are in a volume, and what may be said where none was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from spermscope.summary import Amount

UL_PER_UM3 = 1e-9
PER_UL_IN_MILLIONS_PER_ML = 1e-3


def distinct_views(maps: NDArray[np.int64], place_um: NDArray[np.float64], width_um: float, height_um: float) -> float:
    """How many views of ``width_um`` x ``height_um`` make up all the ground that some fields show.

    Ground that several of them share counts once. ``maps (F,)``: fields in different maps share nothing;
    ``place_um (F, 2)``: where each field's corner lies in its map.
    """
    covered = 0.0
    for number in np.unique(maps):
        left, top = place_um[maps == number].T
        x, y = (np.unique([low, low + side]) for low, side in ((left, width_um), (top, height_um)))
        seen = np.zeros((len(x) - 1, len(y) - 1), bool)
        for column, row in zip(left, top, strict=True):
            inside_x = (x[:-1] >= column) & (x[:-1] < column + width_um)
            seen |= inside_x[:, None] & (y[:-1] >= row) & (y[:-1] < row + height_um)
        covered += float(np.diff(x) @ seen @ np.diff(y))
    return covered / (width_um * height_um)


def searched_volume_ul(width_px: int, height_px: int, um_per_px: float, depth_um: float, views: float) -> float:
    """Volume of ``views`` pictures' worth of distinct ground, through the whole depth of the chamber.

    Raises
    ------
    ValueError
        When one of them is not positive.
    """
    sides = {"width": width_px, "height": height_px, "scale": um_per_px, "depth": depth_um, "views": views}
    for name, value in sides.items():
        if not value > 0:
            raise ValueError(f"concentration: expected a {name} above 0, found {value:g}")
    return views * width_px * height_px * um_per_px**2 * depth_um * UL_PER_UM3


def concentration(cells: float, volume_ul: float) -> Amount:
    """The concentration of ``cells`` seen at one instant in ``volume_ul``, with its 95 % interval.

    The interval is the exact one of a Poisson count (Garwood 1936); where none was seen ``low`` is 0 and ``high`` the
    one-sided 95 % bound, 3.0 cells in the volume. ``cells`` is a mean over frames and need not be whole.

    Cells must be counted at instants (the mean in view), never as tracks: who stays in view is one cell, and those that
    swim through do not belong to the volume; nor may ground that was seen twice count twice. Cells that are missed are
    not in it. The interval takes cells to lie independently; a chamber filled by capillary flow is loaded unevenly, and
    clumps make the true doubt wider.

    Raises
    ------
    ValueError
        When ``cells`` is negative or the volume is not positive.
    """
    if not cells >= 0 or not volume_ul > 0:
        raise ValueError(
            f"concentration: expected cells from 0 in a volume above 0, found {cells:g} cells in {volume_ul:g} uL"
        )
    low = float(gammaincinv(cells, 0.025)) if cells > 0 else 0.0
    high = float(gammaincinv(cells + 1, 0.975 if cells > 0 else 0.95))
    value, low, high = (count / volume_ul * PER_UL_IN_MILLIONS_PER_ML for count in (cells, low, high))
    return Amount(cells=cells, volume_ul=volume_ul, millions_per_ml=value, low=low, high=high)
