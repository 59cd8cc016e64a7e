"""A Basler camera through pypylon, its frames stamped by the camera where it has a clock."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spermscope.types import Array
from spermscope.video.camera_clock import CameraClock
from spermscope.video.reader import FIRST_PICTURE_S, LOST_AFTER_S, CameraLost, Picture, TimeSource, to_grey

BUFFERS = 32
"""Pictures that the driver keeps for us: two seconds at 15 fps."""
_LISTED = ("BaslerUsb", "BaslerCamEmu")
_IN_NETWORK = ("BaslerGigE",)
_SHORTEST_SERIAL = 5


class Basler:
    """``basler:0`` (a place in the list) or ``basler:SERIAL``; see ``Reader``.

    What the camera is set to (exposure, area, format) stays as it is; grey of 8, 10, 12 and 16 bits is read, and colour
    of 8 bits. A camera in the network is found by its serial number alone, since looking for others would send.

    Raises
    ------
    ValueError
        When there is no such camera, it is in use, or pypylon is missing.
    """

    live = True
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()
    um_per_px = float("nan")
    frame_count: int | None = None

    def __init__(self, address: str) -> None:
        try:
            from pypylon import genicam, pylon
        except ImportError as error:
            raise ValueError(
                f"{address}: expected the package pypylon for Basler cameras, found none: "
                "pip install 'spermscope[cameras]'"
            ) from error
        self.warnings: list[str] = []
        self._damaged_line = ""
        self.time_source: TimeSource = "container"
        self._address, self._pylon, self._error = address, pylon, genicam.GenericException
        try:
            self.device = pylon.InstantCamera(pylon.TlFactory.GetInstance().CreateDevice(_find(pylon, address)))
            self.device.Open()
            self.device.MaxNumBuffer.SetValue(BUFFERS)
        except self._error as error:
            raise ValueError(f"{address}: expected a camera that can be opened, found: {_said(error)}") from error
        self.rate_hz = self._value("ResultingFrameRate", "ResultingFrameRateAbs", "AcquisitionFrameRate")
        tick_hz = self._value("GevTimestampTickFrequency")
        self._tick_s = 1.0 / tick_hz if tick_hz > 0 else 1e-9  # cameras on USB count nanoseconds
        self._convert = pylon.ImageFormatConverter()
        self._convert.OutputBitAlignment.SetValue("LsbAligned")

    def pictures(self) -> Iterator[Picture]:
        """Yield frames until the camera gives no more.

        Raises
        ------
        CameraLost
            When it was removed, or nothing has come for a second.
        """
        clock, patience_s, damaged = CameraClock(self.warnings), FIRST_PICTURE_S, 0
        try:
            self.device.StartGrabbing(self._pylon.GrabStrategy_OneByOne)
            while True:
                result = self.device.RetrieveResult(round(1000 * patience_s), self._pylon.TimeoutHandling_Return)
                arrived_s = time.monotonic()
                if not result.IsValid():
                    raise CameraLost(f"{self._address}: the camera gives no more pictures")
                with result:
                    if not result.GrabSucceeded():
                        damaged += 1
                        self._tell_damaged(damaged)
                        continue
                    ticks, picture = int(result.TimeStamp), self._picture(result)
                yield picture, clock.stamp(ticks * self._tick_s if ticks else math.nan, arrived_s)
                patience_s = LOST_AFTER_S
        except self._error as error:
            raise CameraLost(f"{self._address}: the camera was lost: {_said(error)}") from error
        finally:
            self._stop_grabbing()

    def _picture(self, result: Any) -> Array:
        """Grey of 8 or 16 bits: unpacked, and brought to RGB where the camera gives colour."""
        pylon, kind = self._pylon, result.PixelType
        if kind in (pylon.PixelType_Mono8, pylon.PixelType_Mono10, pylon.PixelType_Mono12, pylon.PixelType_Mono16):
            return to_grey(result.Array, self._address)
        mono = pylon.IsMono(kind) and not pylon.IsBayer(kind)
        self._convert.OutputPixelFormat = pylon.PixelType_Mono16 if mono else pylon.PixelType_RGB8packed
        return to_grey(self._convert.Convert(result).GetArray(), self._address)

    def _tell_damaged(self, count: int) -> None:
        if self._damaged_line in self.warnings:
            self.warnings.remove(self._damaged_line)
        self._damaged_line = f"{count} pictures arrived damaged and were left out"
        self.warnings.append(self._damaged_line)

    def _value(self, *names: str) -> float:
        """The first of the camera's values that it has, NaN where it has none."""
        for name in names:
            try:
                return float(self.device.GetNodeMap().GetNode(name).Value)
            except (self._error, AttributeError):
                continue
        return math.nan

    def _stop_grabbing(self) -> None:
        try:
            self.device.StopGrabbing()
        except self._error:
            return  # it is gone

    def close(self) -> None:
        """Let go of the camera."""
        try:
            self.device.Close()
            self.device.DestroyDevice()
        except self._error:
            return


def list_baslers() -> list[tuple[str, str]]:
    """``(serial number, name)`` of each camera on USB and each emulated one; empty where pypylon is missing."""
    try:
        from pypylon import pylon
    except ImportError:
        return []
    return [(info.GetSerialNumber(), info.GetFriendlyName()) for info in _listed(pylon, _LISTED)]


def _listed(pylon: Any, classes: tuple[str, ...]) -> list[Any]:
    found = []
    for name in classes:
        wanted = pylon.DeviceInfo()
        wanted.SetDeviceClass(name)
        found += list(pylon.TlFactory.GetInstance().EnumerateDevices([wanted]))
    return found


def _find(pylon: Any, address: str) -> Any:
    wanted = address.removeprefix("basler:")
    is_place = wanted.isdecimal() and len(wanted) < _SHORTEST_SERIAL
    found = _listed(pylon, _LISTED)
    if is_place and int(wanted) < len(found):
        return found[int(wanted)]
    by_serial = {info.GetSerialNumber(): info for info in found}
    if wanted.isdecimal() and not is_place and wanted not in by_serial:
        by_serial |= {info.GetSerialNumber(): info for info in _listed(pylon, _IN_NETWORK)}
    if wanted not in by_serial:
        there = ", ".join(by_serial)
        raise ValueError(f"{address}: expected basler:0 and so on or a serial number, found {there or 'no camera'}")
    return by_serial[wanted]


def _said(error: Exception) -> str:
    """The first line of what pylon says, without where in its code that was."""
    return re.split(r"\s:\s", str(error).strip().splitlines()[0])[0]
