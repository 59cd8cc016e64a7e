"""From nothing to the first graded cell: a new interpreter, the models, the first second of a movie."""

from __future__ import annotations

import time
from dataclasses import dataclass

from spermscope.pipeline import Pipeline
from spermscope.settings import Settings
from spermscope.video import open_source


@dataclass(frozen=True, slots=True)
class Started:
    """Moments on ``time.monotonic``, which processes share.

    ``seen_s`` is the first frame's end, ``graded_s`` that of the first frame with a grade, NaN where no cell got one;
    ``filmed_s`` the time in the movie at which that frame lies.
    """

    seen_s: float
    graded_s: float
    filmed_s: float


def start(address: str, um_per_px: float, settings: Settings) -> Started:
    """Frames are taken as fast as they are analysed."""
    seen_s = float("nan")
    with open_source(address, um_per_px=um_per_px) as source:
        pipeline = Pipeline(source.profile, settings)
        for frame in source:
            step = pipeline.step(frame)
            seen_s = time.monotonic() if frame.index == 0 else seen_s
            if len(step.grades):
                return Started(seen_s, time.monotonic(), frame.time_s)
    return Started(seen_s, float("nan"), float("nan"))
