"""One picture of a stage micrometer in, one named scale out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2

from spermscope.calibration import Calibration, positive_um, save_calibration, scale_of_points
from spermscope.micrometer import find_divisions
from spermscope.report.micrometer import draw_divisions, draw_points
from spermscope.types import Scale
from spermscope.video import open_source

Points = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one picture; ``lines`` counts the lines that agreed, 0 where two points were given."""

    calibration: Calibration
    lines: int

    def keep(self) -> None:
        """Store it under its name."""
        save_calibration(self.calibration)

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self.calibration) | {"lines": self.lines}

    def sentence(self) -> str:
        """One line to read."""
        scale = self.calibration
        how = f"{self.lines} lines" if self.lines else "two points"
        kept = f", kept as {scale.name!r}" if scale.name else ""
        return f"{scale.um_per_px:.5g} um/px ± {100 * scale.relative_error:.2g} % (95 %) from {how}{kept}"


def measure(
    image: Path,
    name: str,
    *,
    points: Points | None = None,
    length_um: float | None = None,
    division_um: float | None = None,
    check: Path | None = None,
) -> Measured:
    """Measure the scale by two points (with their ``length_um``) or by the lines (with their ``division_um``).

    Raises
    ------
    ValueError
        One line: which of the two is asked for is not clear, the picture cannot be read, or shows no such lines.
    """
    if (points is None) != (length_um is None) or (points is None) == (division_um is None):
        raise ValueError("calibrate: expected either --division-um, or --points together with --length-um")
    if check is not None and check.exists():
        raise ValueError(f"{check}: expected a new file, found one that exists")
    length = positive_um(length_um if length_um is not None else division_um or 0.0)
    with open_source(image, stills=True, um_per_px=1.0) as source:
        picture = next(iter(source)).image
    if points is not None:
        scale, lines, drawn = scale_of_points(length, points), 0, draw_points(picture, points)
    else:
        found = find_divisions(picture)
        scale = Scale(length / found.spacing_px, "calibrated", found.relative_error)
        lines, drawn = len(found.places_px), draw_divisions(picture, found)
    if check is not None:
        # Encoded here, not by name: the library's own writer knows no Japanese folder on Windows.
        check.write_bytes(cv2.imencode(".png", drawn)[1].tobytes())
    made = datetime.now(UTC).isoformat(timespec="seconds")
    height, width = picture.shape
    method = "lines" if lines else "points"
    return Measured(
        Calibration(name, scale.um_per_px, scale.relative_error, width, height, method, length, made), lines
    )
