"""What the OME description of a TIFF says of times and of the size of a pixel (schema 2016-06)."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "min": 60.0, "h": 3600.0}
_MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3}


@dataclass(frozen=True, slots=True)
class OmeTimes:
    """``increment_s`` between frames, ``plane_s (T,)`` each frame's own time (empty where not said), ``um_per_px``."""

    increment_s: float = float("nan")
    um_per_px: float = float("nan")
    plane_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


def read_ome(text: str | None) -> OmeTimes:
    """Read the first image's ``Pixels``; NaN and empty for what is missing, malformed or not positive.

    Units: ``TimeIncrement`` and ``DeltaT`` are seconds unless said otherwise, ``PhysicalSizeX`` micrometres; a size
    in another unit of length than nm, um or mm counts as not said.
    """
    try:
        root = ElementTree.fromstring(text or "")
    except ElementTree.ParseError:
        return OmeTimes()
    pixels = root.find(".//{*}Pixels")
    if pixels is None:
        return OmeTimes()
    stamps: dict[int, float] = {}
    for plane in pixels.iterfind("{*}Plane"):
        if plane.get("TheC", "0") == "0" and plane.get("DeltaT") is not None:
            frame = int(plane.get("TheT", "0")) + int(plane.get("TheZ", "0"))
            stamps.setdefault(frame, _quantity(plane, "DeltaT", _SECONDS, "s"))
    return OmeTimes(
        increment_s=_positive(_quantity(pixels, "TimeIncrement", _SECONDS, "s")),
        um_per_px=_positive(_quantity(pixels, "PhysicalSizeX", _MICROMETRES, "µm")),
        plane_s=np.array([stamps.get(index, np.nan) for index in range(len(stamps))]),
    )


def _quantity(node: ElementTree.Element, name: str, units: dict[str, float], usual: str) -> float:
    try:
        return float(node.get(name, "nan")) * units.get(node.get(f"{name}Unit", usual), float("nan"))
    except ValueError:
        return float("nan")


def _positive(value: float) -> float:
    return value if 0.0 < value < float("inf") else float("nan")
