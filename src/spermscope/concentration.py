"""How many cells there are in a volume, and what may be said where none was seen."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import gammaincinv

UL_PER_UM3 = 1e-9
PER_UL_IN_MILLIONS_PER_ML = 1e-3


@dataclass(frozen=True, slots=True)
class Concentration:
    """Cells in ``volume_ul`` microlitres looked at, and the concentration that follows, in 10^6 per mL.

    ``cells`` is a mean over frames and need not be whole. ``low`` and ``high`` are the exact 95 % interval of a Poisson
    count (Garwood 1936); where none was seen ``low`` is 0 and ``high`` the one-sided 95 % bound, 3.0 cells in it.
    """

    cells: float
    volume_ul: float
    value: float
    low: float
    high: float


def searched_volume_ul(width_px: int, height_px: int, um_per_px: float, depth_um: float, fields: int) -> float:
    """Volume of ``fields`` views that do not overlap, through the whole depth of the chamber.

    Raises
    ------
    ValueError
        When one of them is not positive.
    """
    sides = {"width": width_px, "height": height_px, "scale": um_per_px, "depth": depth_um, "fields": fields}
    for name, value in sides.items():
        if not value > 0:
            raise ValueError(f"concentration: expected a {name} above 0, found {value:g}")
    return fields * width_px * height_px * um_per_px**2 * depth_um * UL_PER_UM3


def concentration(cells: float, volume_ul: float) -> Concentration:
    """The concentration of ``cells`` seen at one instant in ``volume_ul``.

    Cells must be counted at instants (the mean in view, a sum over fields), never as tracks: who stays in view is one
    cell, and those that swim through do not belong to the volume. The interval takes them to lie independently; a
    chamber filled by capillary flow is loaded unevenly, and clumps make the true doubt wider.

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
    return Concentration(cells, volume_ul, value, low, high)
