"""What one simulated cell is: shape, defects, tail and way of swimming, a row per cell."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MODES = ("progressive", "hyperactivated", "circling", "non-progressive", "immotile")
"""Ways of swimming; ``Cells.mode`` holds an index into this."""


@dataclass(frozen=True, slots=True)
class Cells:
    """N cells, every field ``(N,)``; what a donor's traits and chance have made of each.

    Shape. ``head_length_um`` and ``head_width_um`` are full axes; ``head_taper`` -1..1 narrows the rear (+) or the
    front (-); ``head_roughness`` 0..1 deforms the outline; ``vacuole`` 0..0.5 is a share of the head's area;
    ``midpiece_bend_deg`` is the angle between head axis and midpiece; ``midpiece_um`` its thickness;
    ``droplet_um`` the diameter of a cytoplasmic droplet (0 = none); ``tail_length_um`` (0 = missing);
    ``tail_coil`` 0..1 winds the tail up (1 = coiled round the head).

    Movement. ``mode`` indexes ``MODES``. ``speed_um_s`` along the average path; ``beat_hz`` and ``beat_um`` are
    frequency and amplitude of the head's lateral swing (half the peak-to-peak width); ``tail_um`` the largest
    lateral amplitude of the tail wave; ``turn_deg_s`` the steady turning of the path; ``wander_deg`` the angular
    random walk's standard deviation after one second.

    Picture. ``z_um`` is the height above the focal plane; ``thickness`` scales optical path length around 1.
    """

    head_length_um: Floats
    head_width_um: Floats
    head_taper: Floats
    head_roughness: Floats
    vacuole: Floats
    midpiece_bend_deg: Floats
    midpiece_um: Floats
    droplet_um: Floats
    tail_length_um: Floats
    tail_coil: Floats
    mode: NDArray[np.int64]
    speed_um_s: Floats
    beat_hz: Floats
    beat_um: Floats
    tail_um: Floats
    turn_deg_s: Floats
    wander_deg: Floats
    z_um: Floats
    thickness: Floats

    def __post_init__(self) -> None:
        for item in fields(self):
            column = getattr(self, item.name)
            if column.shape != (len(self.mode),):
                raise ValueError(f"{item.name}: expected shape ({len(self.mode)},), found {column.shape}")

    def __len__(self) -> int:
        return len(self.mode)

    def take(self, rows: NDArray[np.int64]) -> Cells:
        """The cells in ``rows``, in that order."""
        return Cells(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    @staticmethod
    def join(parts: list[Cells]) -> Cells:
        """All cells of ``parts`` (at least one), in order."""
        return Cells(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Cells)})
