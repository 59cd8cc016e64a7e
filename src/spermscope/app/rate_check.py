"""Whether the frames' times agree with what the camera is said to be set to."""

from __future__ import annotations

import math

OFF = 0.05
"""From here on, as a fraction, the two differ."""
SETTLED_S = 5.0
"""Not before so long after the start: the first frames of a camera come as they like."""


class RateCheck:
    """Compares once the rate is settled; ``said_hz`` is None where nobody said what the camera is set to."""

    def __init__(self, said_hz: float | None, began_s: float) -> None:
        self.said_hz = said_hz
        self._began_s = began_s
        self._told = False

    def differs(self, found_hz: float, now_s: float) -> bool:
        """True once, when ``found_hz`` (NaN: not known yet) turns out to be another rate."""
        if self.said_hz is None or self._told or not math.isfinite(found_hz) or now_s - self._began_s < SETTLED_S:
            return False
        self._told = abs(found_hz / self.said_hz - 1.0) > OFF
        return self._told
