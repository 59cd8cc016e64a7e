"""Video out: lossless grey for what is measured, small colour files for what is only looked at."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
import numpy as np

from spermscope.types import Array

ONE_CORE_PX_S = 25e6
"""Pixels that one core codes in a second with as much time to spare, by 20 ns each."""
_TICKS = 1000
"""Matroska counts milliseconds."""
_OPTIONS: dict[str, dict[str, str]] = {
    "ffv1": {"level": "3", "slicecrc": "1", "g": "1"},  # every frame stands alone and is checked
    "mpeg4": {"qmin": "2", "qmax": "6"},
}


class Recorder:
    """Writes frames with their own times into a Matroska file.

    ``codec`` ``"ffv1"`` keeps every grey level (for measuring); ``"mpeg4"`` is small, opens in every player and is for
    overlays. Times are kept to the millisecond. No tag of any other file is copied. A recording that is cut off
    stays readable up to its last second.

    Parameters
    ----------
    path
        File to write, by custom ``.mkv``; an existing one is overwritten.
    width_px, height_px
        Size of every frame.
    fps
        Nominal rate, above 0; a hint to players only.
    colour
        Frames are ``(H, W, 3) uint8`` RGB instead of ``(H, W) uint8`` grey.

    Raises
    ------
    ValueError
        When a value is out of range or the file cannot be made.
    """

    def __init__(
        self,
        path: str | Path,
        width_px: int,
        height_px: int,
        fps: float,
        codec: Literal["ffv1", "mpeg4"] = "ffv1",
        colour: bool = False,
    ) -> None:
        if codec not in _OPTIONS:
            raise ValueError(f"codec: expected one of {', '.join(_OPTIONS)}, found {codec!r}")
        if width_px < 1 or height_px < 1 or not 0.0 < fps < float("inf"):
            raise ValueError(f"recorder: expected positive size and rate, found {width_px}x{height_px} at {fps} fps")
        self._shape = (height_px, width_px, 3) if colour else (height_px, width_px)
        self._colour = colour
        self._even = codec != "ffv1"
        self._last_tick = -1
        options = {"cluster_time_limit": "1000", "flush_packets": "1"}
        self._container: Any = av.open(str(path), "w", format="matroska", options=options)
        self._stream = self._container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        self._stream.width = width_px + (width_px % 2 if self._even else 0)
        self._stream.height = height_px + (height_px % 2 if self._even else 0)
        self._stream.pix_fmt = "yuv420p" if self._even else ("bgr0" if colour else "gray")
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream.options = dict(_OPTIONS[codec])
        if codec == "ffv1":
            # Slices are coded in parallel where one core is too slow: it costs a fifth more. A tiny picture has one.
            self._stream.options = {**_OPTIONS[codec], "slices": "4" if min(width_px, height_px) >= 32 else "1"}
            self._stream.codec_context.thread_count = 1 if width_px * height_px * fps < ONE_CORE_PX_S else 0
        try:
            self._container.start_encoding()
        except OSError as error:
            raise ValueError(f"{path}: expected a file that can be written, found: {error.strerror}") from error

    def write(self, image: Array, time_s: float) -> None:
        """Append ``image`` taken at ``time_s``, which must lie after the one before by a millisecond or more."""
        if image.shape != self._shape or image.dtype != np.uint8:
            raise ValueError(f"frame: expected {self._shape} uint8, found {image.shape} {image.dtype}")
        tick = round(time_s * _TICKS)
        if tick <= self._last_tick:
            raise ValueError(f"frame: expected a time after {self._last_tick / _TICKS} s, found {time_s} s")
        frame = av.VideoFrame.from_ndarray(self._padded(image), format="rgb24" if self._colour else "gray")
        if frame.format.name != self._stream.pix_fmt:
            frame = frame.reformat(format=self._stream.pix_fmt)
        frame.pts, frame.time_base = tick, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))
        self._last_tick = tick

    def _padded(self, image: Array) -> Array:
        """Codecs with halved chroma need even sides: the last row or column is repeated."""
        if not self._even or (image.shape[0] % 2 == 0 and image.shape[1] % 2 == 0):
            return np.ascontiguousarray(image)
        edges = [(0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)]
        return np.pad(image, edges[: image.ndim], mode="edge")

    def close(self) -> None:
        """Write what is still inside the encoder and end the file. Closing twice is fine."""
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            if self._last_tick >= 0:
                container.mux(self._stream.encode(None))
        finally:
            container.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
