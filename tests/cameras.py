"""Cameras that do what a test tells them: hardware that is not there, behind the reader's interface."""

import math
import threading
import time
from pathlib import Path

import numpy as np

from spermscope.simulate.scene import Scene, SceneSettings


def frames_of(parameters):
    """``[(image, time_s)]`` of a simulated scene."""
    return [(image, time_s) for _, time_s, image, _ in Scene(SceneSettings.parse(parameters)).frames()]


class Camera:
    """Gives ``pictures`` (image, said time) until it is ``unplugged``; then it ends by ``error``, or ``hangs``."""

    live = True
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()
    um_per_px = math.nan
    frame_count = None
    time_source = "container"

    def __init__(self, pictures, rate_hz=60.0, *, states_hz=None, hangs=False, error=None):
        self.warnings = []
        self.rate_hz = rate_hz if states_hz is None else states_hz
        self._true_hz = rate_hz
        self.closed = threading.Event()
        self.unplugged = threading.Event()
        self._pictures = pictures
        self._hangs = hangs
        self._error = error

    def pictures(self):
        begun_s = time.monotonic()
        for number, (image, said_s) in enumerate(self._pictures):
            time.sleep(max(0.0, begun_s + number / self._true_hz - time.monotonic()))
            if self.unplugged.is_set():
                break
            yield image, said_s
        if self._error:
            raise self._error
        if self._hangs:
            self.closed.wait(20.0)

    def close(self):
        self.closed.set()


def grey(count, shape=(48, 64), first_s=0.0, step_s=1 / 60):
    """``count`` noisy pictures that differ, with their times."""
    rng = np.random.default_rng(count)
    return [(rng.integers(90, 130, shape, np.uint8), first_s + number * step_s) for number in range(count)]


def wait_for(condition, seconds=20.0):
    """Whether ``condition()`` came true in time."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        if condition():
            return True
        time.sleep(0.01)
    return False
