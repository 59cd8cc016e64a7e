"""A UVC camera through OpenCV, its frames stamped when they arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from spermscope.video.reader import Picture, TimeSource, to_grey


class Camera:
    """``camera:INDEX``; see ``Reader``. A pass goes on where the last one stopped; it ends with the camera.

    Times are ``time.monotonic`` right after the frame was handed over: late by the transfer, never early.

    Raises
    ------
    ValueError
        When the index is no number or no camera answers.
    """

    live = True
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()
    um_per_px = float("nan")
    frame_count: int | None = None

    def __init__(self, address: str) -> None:
        number = address.removeprefix("camera:")
        if not number.isdecimal():
            raise ValueError(f"{address}: expected camera:0, camera:1 and so on, found {number!r}")
        self.warnings: list[str] = []
        self.time_source: TimeSource = "container"
        self._address = address
        self._capture = cv2.VideoCapture(int(number))
        if not self._capture.isOpened():
            raise ValueError(f"{address}: expected a camera, found none that answers")
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate_hz = rate if rate > 0 else float("nan")

    def pictures(self) -> Iterator[Picture]:
        """Yield frames until the camera gives no more."""
        while True:
            there, picture = self._capture.read()
            time_s = time.monotonic()
            if not there:
                return
            yield to_grey(picture[:, :, ::-1] if picture.ndim == 3 else picture, self._address), time_s

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()
