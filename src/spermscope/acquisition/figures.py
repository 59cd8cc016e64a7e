"""How a run is doing, for a status bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["starting", "running", "lost", "ended"]


@dataclass(frozen=True, slots=True)
class Figures:
    """How a run is doing now, for a status bar.

    ``state``: ``starting`` until the first frame is analysed; ``lost`` while the camera gives nothing and is looked
    for; ``ended`` when nothing more will come. ``fps`` and ``analysed_fps`` are frames that came and that were analysed
    in a second, over the last 5 s; ``delay_ms`` is the median of the last 5 s from arrival to analysed; NaN where there
    is nothing to tell them from. ``captured`` counts the frames that came; ``dropped_analysis`` those that came while
    the run went on and were not analysed, ``dropped_recording`` those that the recording misses, ``late`` those with
    which fewer cells were graded than were due. ``recorded_s`` are seconds in the recording; ``disk_left_s`` how long
    the disk lasts at the present rate, NaN where not known. ``engine`` and ``precision`` name what computes;
    ``warnings`` are lines for the user, oldest first.
    """

    state: State
    fps: float
    analysed_fps: float
    delay_ms: float
    captured: int
    dropped_analysis: int
    dropped_recording: int
    late: int
    recording: bool
    recorded_s: float
    disk_left_s: float
    engine: str
    precision: str
    source: str
    warnings: tuple[str, ...]
