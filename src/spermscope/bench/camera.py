"""A camera that gives pictures from memory on time, whoever listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spermscope.types import Array
from spermscope.video.reader import TimeSource


class RawCamera:
    """See ``video.reader.Reader``. Gives ``images (N, H, W)`` forwards and backwards for ever, without a break.

    ``late_s`` is how late the latest of its pictures were, for whoever listened was in its way.
    """

    live = True
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()
    um_per_px = float("nan")
    frame_count: int | None = None
    time_source: TimeSource = "container"

    def __init__(self, images: NDArray[np.uint8], fps: float) -> None:
        self.warnings: list[str] = []
        self.rate_hz = fps
        self.late_s = 0.0
        self._images = images

    def pictures(self) -> Iterator[tuple[Array, float]]:
        """Each when it is due."""
        begun_s, count = time.monotonic(), len(self._images)
        number = 0
        while True:
            place = number % (2 * count - 2)
            image = np.array(self._images[place if place < count else 2 * count - 2 - place])
            due_s = begun_s + number / self.rate_hz
            time.sleep(max(0.0, due_s - time.monotonic()))
            self.late_s = max(self.late_s, time.monotonic() - due_s)
            yield image, due_s
            number += 1

    def close(self) -> None:
        """Hold nothing."""
