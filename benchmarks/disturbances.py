"""A recording once more with something changed that is not the cell: brightness, scale, mirror, coding, frame rate.

Each disturbance makes a video file as a user would have it, and says where a point of the recording lies in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.trails import Trail
from spermscope.video import open_source
from spermscope.video.recorder import Recorder

Draw = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Disturbance:
    """``draw`` changes a picture; a point ``xy`` px of it then lies at ``factor * xy + offset`` px.

    ``stated`` is the scale that is given over the true one, ``every`` keeps one frame of so many, and ``bit_s`` codes
    as H.264 at so many bits a second, where 0 keeps every grey level.
    """

    name: str
    draw: Draw = np.asarray
    factor: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    stated: float = 1.0
    every: int = 1
    bit_s: int = 0

    def um_per_px(self, true: float) -> float:
        """The scale that the disturbed video is read at."""
        return true * self.stated / abs(self.factor[0])

    def of(self, trail: Trail) -> Trail:
        """Where the cell of a trail lies in the disturbed video."""
        kept = trail.take(np.flatnonzero(trail.frame % self.every == 0))
        return replace(
            kept,
            frame=kept.frame // self.every,
            xy_px=kept.xy_px * self.factor + self.offset,
            xy_um=kept.xy_um * np.sign(self.factor) * self.stated,
        )

    def write(self, recording: Path, folder: Path) -> Path:
        """The disturbed video, made from ``recording``."""
        with open_source(recording, um_per_px=1.0) as source:
            rate_hz = source.profile.rate_hz / self.every
            frames = ((self.draw(frame.image), frame.time_s) for frame in source if frame.index % self.every == 0)
            shape = self.draw(np.zeros((source.profile.height_px, source.profile.width_px), np.uint8)).shape
            if self.bit_s:
                return _h264(folder / "disturbed.mp4", frames, shape, rate_hz, self.bit_s)
            with Recorder(folder / "disturbed.mkv", shape[1], shape[0], rate_hz) as film:
                for image, time_s in frames:
                    film.write(image, time_s)
        return folder / "disturbed.mkv"


def _h264(
    path: Path, frames: Iterable[tuple[np.ndarray, float]], shape: tuple[int, int], rate_hz: float, bit_s: int
) -> Path:
    """Frames of a steady rate, as one pass of the encoder at an average bit rate leaves them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=round(rate_hz))
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = *shape, "yuv420p", bit_s
        for image, _ in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gray")))
        container.mux(stream.encode())
    return path


def brighter(gain: float) -> Draw:
    """All grey levels times ``gain``, cut off at 255."""
    return lambda image: cv2.convertScaleAbs(image, alpha=gain)


def resampled(factor: float) -> Draw:
    """The picture in ``factor`` times as many pixels a side."""
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    return lambda image: cv2.resize(image, None, fx=factor, fy=factor, interpolation=how)


def magnified(factor: float) -> Disturbance:
    """Another magnification, rightly stated: pixel centres move by half a pixel's growth."""
    middle = 0.5 * (factor - 1.0)
    return Disturbance(f"magnified x {factor:g}", resampled(factor), (factor, factor), (middle, middle))


def disturbances(width_px: int, height_px: int) -> list[Disturbance]:
    """All of them for pictures of this size; the first changes nothing."""
    return [
        Disturbance("copied without loss"),
        Disturbance("brightness x 0.8", brighter(0.8)),
        Disturbance("brightness x 1.2", brighter(1.2)),
        Disturbance("scale stated x 0.85", stated=0.85),
        Disturbance("scale stated x 1.15", stated=1.15),
        magnified(0.85),
        magnified(1.15),
        Disturbance("mirrored left-right", np.fliplr, (-1.0, 1.0), (width_px - 1.0, 0.0)),
        Disturbance("mirrored up-down", np.flipud, (1.0, -1.0), (0.0, height_px - 1.0)),
        Disturbance("H.264 at 1 Mbit/s", bit_s=1_000_000),
        Disturbance("48 -> 24 fps", every=2),
    ]
