"""The camera of a Micro-Manager configuration, through pymmcore-plus."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spermscope.video.camera_clock import CameraClock
from spermscope.video.reader import FIRST_PICTURE_S, LOST_AFTER_S, CameraLost, Picture, TimeSource, to_grey

DEMO = "MMConfig_demo.cfg"
_BUFFER_MB = 256
_LOOK_EVERY_S = 0.001
_ELAPSED = "ElapsedTime-ms"


class MicroManager:
    """``micromanager:CONFIG.cfg`` or ``micromanager:demo``; see ``Reader``.

    The configuration says which camera it is and how it is set; where it knows the size of a pixel that is the scale.
    Times are those of the camera's adapter where it gives them.

    Raises
    ------
    ValueError
        When pymmcore-plus or the devices are missing, or the configuration has no camera.
    """

    live = True
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()
    rate_hz = float("nan")
    frame_count: int | None = None

    def __init__(self, address: str) -> None:
        # In a Qt application it would send its events through a package that nothing else here needs.
        os.environ.setdefault("PYMM_SIGNALS_BACKEND", "psygnal")
        try:
            from pymmcore_plus import CMMCorePlus, find_micromanager
        except ImportError as error:
            raise ValueError(
                f"{address}: expected the package pymmcore-plus for Micro-Manager, found none: "
                "pip install 'spermscope[cameras]'"
            ) from error
        self.warnings: list[str] = []
        self.time_source: TimeSource = "container"
        self._address = address
        if not find_micromanager(return_first=False):
            raise ValueError(f"{address}: expected Micro-Manager (MICROMANAGER_PATH says where), found none")
        self.core: Any = CMMCorePlus()
        name = address.removeprefix("micromanager:")
        try:
            self.core.loadSystemConfiguration(DEMO if name == "demo" else name)
            self.core.setCircularBufferMemoryFootprint(_BUFFER_MB)
            if not self.core.getCameraDevice():
                raise RuntimeError("a configuration without a camera")
            size_um = float(self.core.getPixelSizeUm())
        except (RuntimeError, OSError) as error:
            self.close()
            why = str(error).splitlines()[0]
            raise ValueError(f"{address}: expected a Micro-Manager configuration, found: {why}") from error
        self.um_per_px = size_um if size_um > 0 else math.nan

    def pictures(self) -> Iterator[Picture]:
        """Yield frames until the camera gives no more.

        Raises
        ------
        CameraLost
            When its adapter says so, or nothing has come for a second.
        """
        clock, patience_s = CameraClock(self.warnings), FIRST_PICTURE_S
        try:
            self.core.startContinuousSequenceAcquisition(0)
            while True:
                self._await_picture(patience_s)
                picture, said = self.core.popNextImageAndMD()
                arrived_s = time.monotonic()
                camera_s = float(said[_ELAPSED]) / 1000 if _ELAPSED in said else math.nan
                yield to_grey(picture, self._address), clock.stamp(camera_s, arrived_s)
                patience_s = LOST_AFTER_S
        except (RuntimeError, IndexError) as error:
            why = str(error).splitlines()[0]
            raise CameraLost(f"{self._address}: the camera was lost: {why}") from error
        finally:
            self._stop()

    def _await_picture(self, patience_s: float) -> None:
        until_s = time.monotonic() + patience_s
        while not self.core.getRemainingImageCount():
            if time.monotonic() > until_s or not self.core.isSequenceRunning():
                raise CameraLost(f"{self._address}: the camera gives no more pictures")
            time.sleep(_LOOK_EVERY_S)

    def _stop(self) -> None:
        try:
            self.core.stopSequenceAcquisition()
        except RuntimeError:
            return  # it is gone

    def close(self) -> None:
        """Let go of all devices of the configuration."""
        try:
            self.core.unloadAllDevices()
        except RuntimeError:
            return


def list_configurations() -> list[tuple[str, str]]:
    """``(address part, name)`` of each configuration beside Micro-Manager's devices; empty where there is none."""
    try:
        from pymmcore_plus import find_micromanager
    except ImportError:
        return []
    folders = [Path(folder) for folder in find_micromanager(return_first=False)]
    found = [path for folder in folders for path in sorted(folder.glob("*.cfg"))]
    return [("demo", "demo") if path.name == DEMO else (str(path), path.stem) for path in found]
