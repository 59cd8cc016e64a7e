"""Which cameras there are, and which kind an address names."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

from spermscope.video.basler import Basler, list_baslers
from spermscope.video.camera import Camera
from spermscope.video.micromanager import MicroManager, list_configurations
from spermscope.video.reader import Reader

PATIENCE_S = 1.5
"""What has not answered after so long is left out."""
_MOST_UVC = 4
_V4L = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class Found:
    """A camera that can be opened by ``address``, and what it calls itself."""

    address: str
    name: str


def open_camera(address: str) -> Reader | None:
    """The camera of ``camera:``, ``basler:`` or ``micromanager:``; None where the address names none.

    Raises
    ------
    ValueError
        One line: it is not there, cannot be opened, or what it needs is not installed.
    """
    if address.startswith("camera:"):
        return Camera(address)
    if address.startswith("basler:"):
        return Basler(address)
    return MicroManager(address) if address.startswith("micromanager:") else None


def list_cameras() -> list[Found]:
    """What is plugged in, Micro-Manager's configurations last; within 2 s, never an error.

    A kind whose package is missing, or that does not answer in time, is left out. On Windows and macOS a UVC camera
    that is in use does not show, since the only way to find one there is to open it. Nothing is sent into a network.
    """
    ways = (_list_uvc, _list_baslers, _list_micromanager)
    found: dict[int, list[Found]] = {}

    def ask(place: int, way: Callable[[], list[Found]]) -> None:
        try:
            found[place] = way()
        except Exception:  # a driver's own trouble is no reason to have no list
            found[place] = []

    threads = [threading.Thread(target=ask, args=item, daemon=True) for item in enumerate(ways)]
    for thread in threads:
        thread.start()
    _join(threads)
    return [camera for place in range(len(ways)) for camera in found.get(place, [])]


def _join(threads: list[threading.Thread]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))


def _list_uvc() -> list[Found]:
    """On Linux by the system's list, elsewhere by trying."""
    if sys.platform.startswith("linux"):
        return [Found(f"camera:{number}", name) for number, name in _v4l_cameras()]
    return [Found(f"camera:{number}", f"camera {number}") for number in range(_MOST_UVC) if _answers(number)]


def _v4l_cameras() -> list[tuple[int, str]]:
    """Of the several nodes of a camera the first one has the pictures."""
    nodes = sorted(_V4L.glob("video*"), key=lambda node: int(node.name.removeprefix("video")))
    firsts = [node for node in nodes if (node / "index").read_text().strip() == "0"]
    return [(int(node.name.removeprefix("video")), (node / "name").read_text().strip()) for node in firsts]


def _answers(number: int) -> bool:
    capture = cv2.VideoCapture(number)
    try:
        return bool(capture.isOpened())
    finally:
        capture.release()


def _list_baslers() -> list[Found]:
    return [Found(f"basler:{serial}", name) for serial, name in list_baslers()]


def _list_micromanager() -> list[Found]:
    return [Found(f"micromanager:{part}", f"Micro-Manager/{name}") for part, name in list_configurations()]
