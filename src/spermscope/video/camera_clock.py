"""When a camera's pictures were taken: by its own clock while that can be believed, else by when they arrived."""

from __future__ import annotations

import math

ALLOWED_S, ALLOWED_SHARE = 1.0, 0.02
"""How far a camera's clock may be from this computer's: pictures wait up to so long, and clocks differ by so much."""
DISBELIEVED = "the camera's clock does not agree with this computer's: frames have the times of their arrival"


class CameraClock:
    """Times of one camera's pictures, s, on the clock of their arrival (``time.monotonic``).

    A camera's own clock is that of the exposure and does not tremble with the transfer. It is left, once and for all,
    when it stands still, goes back, or runs at another speed than this computer's; ``warnings`` then gets a line. Times
    go on from where they were.
    """

    def __init__(self, warnings: list[str]) -> None:
        self._warnings = warnings
        self._believed = True
        self._start: tuple[float, float] | None = None
        self._last = (math.nan, math.nan)
        self._shift_s = 0.0

    def stamp(self, camera_s: float, arrived_s: float) -> float:
        """Time of a picture that has ``camera_s`` by the camera (any origin; NaN: it does not say) and came then."""
        if self._start is None:
            self._believed = math.isfinite(camera_s)
            self._start = (camera_s, arrived_s)
            self._last = (camera_s, arrived_s)
            return arrived_s
        if self._believed and not self._plausible(camera_s, arrived_s):
            self._believed = False
            self._shift_s = self._time_s(self._last[0]) - self._last[1]
            self._warnings.append(DISBELIEVED)
        self._last = (camera_s, arrived_s)
        return self._time_s(camera_s) if self._believed else arrived_s + self._shift_s

    def _plausible(self, camera_s: float, arrived_s: float) -> bool:
        assert self._start is not None
        passed_s = arrived_s - self._start[1]
        ahead_s = abs(camera_s - self._start[0] - passed_s)
        return camera_s > self._last[0] and ahead_s <= ALLOWED_S + ALLOWED_SHARE * passed_s

    def _time_s(self, camera_s: float) -> float:
        assert self._start is not None
        return self._start[1] + camera_s - self._start[0]
