"""What simulation knows of a cell and a picture may show, as numbers of order one: far more than one panel's votes."""

from __future__ import annotations

import numpy as np

from spermscope.simulate.cells import Cells, Floats
from spermscope.simulate.experts import Appearance

SHAPE = (
    "head_slimness",
    "head_size",
    "head_taper",
    "head_roughness",
    "vacuole",
    "midpiece_bend",
    "droplet",
    "tail_length",
    "tail_coil",
    "head_length",
    "head_width",
    "shape",
    "clarity",
)
"""Names of ``shape_traits``."""
MOVEMENT = "movement"


def shape_traits(cells: Cells, seen: Appearance) -> Floats:
    """``(N, 13)``: traits of the shape, each over about its spread, then its impression and its clarity."""
    columns = (
        (cells.head_width_um / cells.head_length_um - 0.66) / 0.1,
        (np.sqrt(cells.head_width_um * cells.head_length_um) - 3.55) / 0.4,
        (cells.head_taper - 0.1) / 0.3,
        cells.head_roughness / 0.3,
        cells.vacuole / 0.1,
        cells.midpiece_bend_deg / 30.0,
        cells.droplet_um / 1.0,
        (cells.tail_length_um - 45.0) / 10.0,
        cells.tail_coil / 0.4,
        cells.head_length_um - 4.4,
        (cells.head_width_um - 2.9) / 0.6,
        (seen.shape - 0.5) / 0.2,
        (seen.clarity - 0.6) / 0.2,
    )
    return np.column_stack(columns)


def clip_traits(cells: Cells, seen: Appearance) -> Floats:
    """``(N, 14)``: those, then the impression of the movement."""
    return np.column_stack([shape_traits(cells, seen), (seen.movement - 0.5) / 0.2])
