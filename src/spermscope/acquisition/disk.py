"""How long a recording may go on before the disk is full, and what follows from that."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

LOSSLESS_SHARE = 0.6
"""Of the raw bytes, what a lossless file is taken to need before anything was measured."""
USUAL_FPS = 15.0


@dataclass(frozen=True, slots=True)
class DiskRules:
    """When a recording warns, and when none is begun.

    With less than ``warn_s`` seconds of recording left it is told, with less than ``refuse_s`` none is begun, and
    ``reserve_bytes`` stay free, for the tables, the journal and the report of the session.
    """

    warn_s: float = 30 * 60.0
    refuse_s: float = 10 * 60.0
    reserve_bytes: int = 512 * 1024 * 1024

    def refusal(self, left_s: float) -> str:
        """Why no recording is started with so many seconds left, '' where one is (NaN: nothing is known)."""
        if not left_s < self.refuse_s:
            return ""
        return f"the disk has room for {_minutes(left_s)} min of recording, {_minutes(self.refuse_s)} min are needed"

    def warning(self, left_s: float) -> str:
        """What is said while it runs, '' nothing."""
        return f"the disk is full in {_minutes(left_s)} min of recording" if left_s < self.warn_s else ""


def expected_bytes_per_s(width_px: int, height_px: int, fps: float) -> float:
    """What a lossless recording of grey pictures is likely to need; a rate that is not known counts as 15 fps."""
    return LOSSLESS_SHARE * width_px * height_px * (fps if 0.0 < fps < math.inf else USUAL_FPS)


def seconds_left(folder: Path, bytes_per_s: float, reserve_bytes: int = DiskRules().reserve_bytes) -> float:
    """Seconds until only ``reserve_bytes`` of the disk of ``folder`` are free; NaN where the disk does not say."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return math.nan
    return max(0.0, free - reserve_bytes) / bytes_per_s


def _minutes(seconds: float) -> str:
    return f"{math.floor(seconds / 60)}"
