"""A UVC camera through OpenCV, its frames stamped when they arrive."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2

from spermscope.types import Array
from spermscope.video.reader import FIRST_PICTURE_S, LOST_AFTER_S, CameraLost, Picture, TimeSource, to_grey

WAITING = 16
"""Pictures that may wait to be asked for; what comes on top is dropped, and shows as a gap in the times."""


class Camera:
    """``camera:INDEX``; see ``Reader``. A pass goes on where the last one stopped, until ``CameraLost``.

    Times are ``time.monotonic`` right after the frame was handed over: late by the transfer, never early. A thread
    reads, since a driver whose camera was pulled may not come back for many seconds.

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
        self._arrived: queue.Queue[tuple[Array, float] | None] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def pictures(self) -> Iterator[Picture]:
        """Yield frames until the camera gives no more.

        Raises
        ------
        CameraLost
            When it says so, or nothing has come for a second.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
            self._thread.start()
        patience_s = FIRST_PICTURE_S
        while True:
            try:
                taken = self._arrived.get(timeout=patience_s)
            except queue.Empty:
                taken = None
            if taken is None:
                raise CameraLost(f"{self._address}: the camera gives no more pictures")
            picture, time_s = taken
            yield to_grey(picture[:, :, ::-1] if picture.ndim == 3 else picture, self._address), time_s
            patience_s = LOST_AFTER_S

    def _read(self) -> None:
        while not self._stop.is_set():
            there, picture = self._capture.read()
            time_s = time.monotonic()
            try:
                self._arrived.put_nowait((picture, time_s) if there else None)
            except queue.Full:
                continue
            if not there:
                break
        self._capture.release()

    def close(self) -> None:
        """Let go of the camera, as soon as its driver comes back."""
        self._stop.set()
        if self._thread is None:
            self._capture.release()
        else:
            self._thread.join(LOST_AFTER_S)
