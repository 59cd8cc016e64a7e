"""What camera and recorder do to a picture: dust, flicker, rolling and interlaced exposure, lost frames, H.264.

Ranges worth simulating. Flicker: a lamp on 50 or 60 Hz mains pulses at twice that, a few per cent, and beats with the
frame rate. Rolling exposure: a row-wise CMOS sensor reads a frame out in 5-30 ms. Interlace: analogue cameras give
even and odd rows half a frame apart. Sensor dust: round shadows fixed in the picture. H.264: crf 18 (near lossless)
to 35 (blocky), with frozen noise between key frames.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Grey = NDArray[np.uint8]
STRIPS = 4
"""Bands of rows that stand for a rolling exposure; within one all rows are exposed at once."""
GROUP = 25
"""Frames between key frames of the H.264 stream."""


@dataclass(frozen=True, slots=True)
class Camera:
    """An ideal camera unless told otherwise.

    ``dust`` shadows on the sensor; ``flicker`` relative amplitude of the lamp at ``mains_hz`` times two; ``rolling_s``
    time from the first row's exposure to the last row's; ``interlaced`` even rows first, odd rows half a frame later;
    ``dropped`` and ``repeated`` shares of frames that are lost, and that show the frame before again; ``h264_crf`` 0
    for none; ``seed`` settles where dust lies and which frames are lost.
    """

    dust: int = 0
    flicker: float = 0.0
    mains_hz: float = 50.0
    rolling_s: float = 0.0
    interlaced: bool = False
    dropped: float = 0.0
    repeated: float = 0.0
    h264_crf: int = 0
    seed: int = 0

    def schedule(self, count: int, fps: float) -> list[tuple[float, float]]:
        """``(time_s, time_s of what it shows)`` of those of ``count`` due frames that arrive; the first always does."""
        rng = np.random.default_rng([self.seed, 5])
        lost, again = rng.random(count) < self.dropped, rng.random(count) < self.repeated
        times: list[tuple[float, float]] = []
        for index in range(count):
            time_s = index / fps
            if index and lost[index]:
                continue
            times.append((time_s, times[-1][1] if times and again[index] else time_s))
        return times

    def gather(self, seen: Callable[[float], Image], time_s: float, frame_s: float) -> Image:
        """The light on the sensor, ``seen(time_s)`` being what falls on it at that time."""
        if self.interlaced:
            whole = seen(time_s).copy()
            whole[1::2] = seen(time_s + 0.5 * frame_s)[1::2]
            return whole
        if self.rolling_s > 0:
            middles = (np.arange(STRIPS) + 0.5) / STRIPS
            exposed = [np.array_split(seen(time_s + self.rolling_s * middle), STRIPS) for middle in middles.tolist()]
            return np.concatenate([exposed[strip][strip] for strip in range(STRIPS)])
        return seen(time_s)

    def light(self, shape: tuple[int, int], time_s: float) -> Image | None:
        """``(H, W)`` factors of dust and lamp; None where both are ideal."""
        if not self.dust and not self.flicker:
            return None
        rows = time_s + self.rolling_s * np.arange(shape[0]) / shape[0]
        pulse = 1.0 + self.flicker * np.sin(4.0 * np.pi * self.mains_hz * rows)
        light = np.broadcast_to(pulse.astype(np.float32)[:, None], shape).copy()
        rng = np.random.default_rng([self.seed, 6])
        for _ in range(self.dust):
            _shadow(light, rng)
        return light

    def record(self, pictures: Iterable[Grey]) -> Iterator[Grey]:
        """The pictures as they come back from the recording, at once where nothing is compressed."""
        return coded(pictures, self.h264_crf) if self.h264_crf else iter(pictures)


def _shadow(light: Image, rng: np.random.Generator) -> None:
    """A speck on the cover glass of the sensor: a soft disc, often with a ring."""
    height, width = light.shape
    x0, y0 = rng.uniform(0, width), rng.uniform(0, height)
    radius = float(np.exp(rng.uniform(np.log(2.0), np.log(14.0))))
    depth, ring = rng.uniform(0.03, 0.35), rng.choice((0.0, 0.5)) * rng.random()
    reach = int(2.5 * radius) + 2
    rows = slice(max(0, int(y0) - reach), min(height, int(y0) + reach + 1))
    columns = slice(max(0, int(x0) - reach), min(width, int(x0) + reach + 1))
    y, x = np.ogrid[rows, columns]
    away = np.hypot(x - x0, y - y0) / radius
    disc = 1.0 / (1.0 + np.exp(np.clip(6.0 * (away - 1.0), -30, 30)))
    light[rows, columns] *= (1.0 - depth * (disc - ring * np.exp(-((away - 1.5) ** 2) / 0.08))).astype(np.float32)


def coded(pictures: Iterable[Grey], crf: int) -> Iterator[Grey]:
    """Each picture as H.264 of constant rate factor ``crf`` gives it back, with a key frame every ``GROUP``."""
    group: list[Grey] = []
    for picture in pictures:
        group.append(picture)
        if len(group) == GROUP:
            yield from _coded_group(group, crf)
            group = []
    if group:
        yield from _coded_group(group, crf)


def _coded_group(group: list[Grey], crf: int) -> list[Grey]:
    height, width = group[0].shape
    even = (height + height % 2, width + width % 2)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as box:
        stream = box.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "veryfast", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt, stream.gop_size = *even, "yuv420p", GROUP
        for picture in group:
            whole = cv2.copyMakeBorder(
                picture, 0, even[0] - height, 0, even[1] - width, borderType=cv2.BORDER_REPLICATE
            )
            box.mux(stream.encode(av.VideoFrame.from_ndarray(whole, "gray")))
        box.mux(stream.encode())
    file.seek(0)
    with av.open(file) as box:
        return [frame.to_ndarray(format="gray")[:height, :width] for frame in box.decode(video=0)]
