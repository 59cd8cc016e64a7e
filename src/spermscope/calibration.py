"""Scales that were measured once and are used by name: one entry a microscope, objective and camera mode.

Entries are only ever added, in a chained journal in the user's configuration folder: the latest of a name counts, and
what a result was computed with can be looked up later. ``SPERMSCOPE_CONFIG`` names another folder.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_config_path

from spermscope.journal import Journal, read_journal
from spermscope.types import Scale

POINT_ERROR_PX = 1.0
"""How far a point that a person clicked may be off, 95 %."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A named scale for pictures of one size; ``method`` is ``points`` or ``lines`` of ``length_um``."""

    name: str
    um_per_px: float
    relative_error: float
    width_px: int
    height_px: int
    method: str
    length_um: float
    made: str

    @property
    def scale(self) -> Scale:
        """The scale that ``open_source`` takes."""
        return Scale(self.um_per_px, "calibrated", self.relative_error)

    def check(self, width_px: int, height_px: int) -> None:
        """Refuse pictures of another size: binning or another camera mode changes what a pixel is.

        Raises
        ------
        ValueError
            One line with both sizes.
        """
        if (width_px, height_px) != (self.width_px, self.height_px):
            raise ValueError(
                f"optics {self.name!r}: expected pictures of {self.width_px}x{self.height_px} px, as it was calibrated "
                f"on, found {width_px}x{height_px}; calibrate this camera mode, or give --um-per-px"
            )


def scale_of_points(length_um: float, points_px: tuple[float, float, float, float]) -> Scale:
    """The scale from two points ``x1 y1 x2 y2`` that lie ``length_um`` apart.

    Raises
    ------
    ValueError
        When the length is no positive number, or the points are less than 10 px apart.
    """
    x1, y1, x2, y2 = points_px
    apart_px = math.hypot(x2 - x1, y2 - y1)
    if not apart_px >= 10.0:
        raise ValueError(f"points: expected two points at least 10 px apart, found {apart_px:.3g} px")
    return Scale(positive_um(length_um) / apart_px, "calibrated", math.sqrt(2) * POINT_ERROR_PX / apart_px)


def positive_um(length_um: float) -> float:
    """The length itself.

    Raises
    ------
    ValueError
        When it is not a finite number above 0.
    """
    if not (math.isfinite(length_um) and length_um > 0):
        raise ValueError(f"length: expected micrometres above 0, found {length_um:g}")
    return length_um


def journal_path() -> Path:
    """Where the entries are kept."""
    folder = os.environ.get("SPERMSCOPE_CONFIG")
    return (Path(folder) if folder else user_config_path("spermscope", appauthor=False)) / "optics.jsonl"


def save_calibration(calibration: Calibration) -> Path:
    """Add an entry; the file's path.

    Raises
    ------
    ValueError
        When the name is empty or longer than 80 characters.
    """
    if not 0 < len(calibration.name.strip()) <= 80:
        raise ValueError(f"optics: expected a name of 1 to 80 characters, found {len(calibration.name)}")
    path = journal_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(path)
    try:
        journal.append(asdict(calibration))
    finally:
        journal.close()
    return path


def known_optics() -> list[str]:
    """Names of everything that was calibrated, in order.

    Raises
    ------
    ValueError
        One line, when the file holds something else.
    """
    return sorted(_entries())


def find_calibration(name: str) -> Calibration:
    """The latest entry of that name.

    Raises
    ------
    ValueError
        One line with the names that there are, or with what an entry of another version holds.
    """
    entries = _entries()
    if name not in entries:
        known = ", ".join(sorted(entries)) or "none calibrated yet"
        raise ValueError(f"optics: expected one of ({known}), found {name!r}; see spermscope calibrate")
    return entries[name]


def _entries() -> dict[str, Calibration]:
    """The latest of each name."""
    path = journal_path()
    try:
        return {row["name"]: Calibration(**row) for row in read_journal(path)} if path.is_file() else {}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected calibrations as this version writes them, found: {error}") from error
