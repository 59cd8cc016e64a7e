"""Video out: lossless grey for what is measured, small colour files for what is only looked at."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
import numpy as np

from spermscope.types import Array
from spermscope.video.sealed import SEALED, seal

ONE_CORE_PX_S = 25e6
"""Pixels that one core codes in FFV1 in a second with as much time to spare, by 20 ns each."""
_TICKS = 1000
"""Times are kept in milliseconds."""
_FLAGS_AT, _WHOLE_RANGE = 12, 4
"""Where the head of a MagicYUV frame has its flags, and the one that says 0 to 255."""
Codec = Literal["ffv1", "magicyuv", "mpeg4"]


@dataclass(frozen=True, slots=True)
class _Form:
    """How a codec is written: the container and its options, what pictures become, and the codec's own options."""

    container: str
    container_options: dict[str, str]
    grey: str
    colour: str
    options: dict[str, str]


_MATROSKA = {"cluster_time_limit": "1000", "flush_packets": "1"}
_FRAGMENTS = {"movflags": "empty_moov+frag_every_frame+default_base_moof", "flush_packets": "1"}
_FORMS: dict[Codec, _Form] = {
    # Every frame stands alone and is checked.
    "ffv1": _Form("matroska", _MATROSKA, "gray", "bgr0", {"level": "3", "slicecrc": "1", "g": "1"}),
    # PyAV writes it into no Matroska file; QuickTime in fragments, one a frame, is as safe from a cut.
    "magicyuv": _Form("mov", _FRAGMENTS, "gray", "gbrp", {"pred": "median"}),
    "mpeg4": _Form("matroska", _MATROSKA, "yuv420p", "yuv420p", {"qmin": "2", "qmax": "6"}),
}


class Recorder:
    """Writes frames with their own times into a file.

    ``codec`` ``"ffv1"`` (Matroska) keeps every grey level, in the format of archives; ``"magicyuv"`` (QuickTime) does
    so in a sixth of the time and a tenth more bytes, for what is written while much else goes on, with each frame
    sealed; ``"mpeg4"`` (Matroska) is small, opens in every player and is for overlays. Times are kept to the
    millisecond. No tag of any other file is copied. A recording that is cut off stays readable up to its last second.

    Parameters
    ----------
    path
        File to write, by custom ``.mkv`` or, of QuickTime, ``.mov``; an existing one is overwritten.
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
        codec: Codec = "ffv1",
        colour: bool = False,
    ) -> None:
        if codec not in _FORMS:
            raise ValueError(f"codec: expected one of {', '.join(_FORMS)}, found {codec!r}")
        if width_px < 1 or height_px < 1 or not 0.0 < fps < float("inf"):
            raise ValueError(f"recorder: expected positive size and rate, found {width_px}x{height_px} at {fps} fps")
        form = _FORMS[codec]
        self._shape = (height_px, width_px, 3) if colour else (height_px, width_px)
        self._colour = colour
        self._even = codec == "mpeg4"
        self._sealed = codec == "magicyuv"
        self._last_tick = -1
        self._container: Any = av.open(str(path), "w", format=form.container, options=form.container_options)
        if self._sealed:
            self._container.metadata["comment"] = SEALED
        self._stream = self._container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        self._stream.width = width_px + (width_px % 2 if self._even else 0)
        self._stream.height = height_px + (height_px % 2 if self._even else 0)
        self._stream.pix_fmt = form.colour if colour else form.grey
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream.options = dict(form.options)
        if self._sealed:
            self._stream.codec_context.thread_count = 1  # more would hold frames back
        if codec == "ffv1":
            # Slices are coded in parallel where one core is too slow: it costs a fifth more. A tiny picture has one.
            self._stream.options = {**form.options, "slices": "4" if min(width_px, height_px) >= 32 else "1"}
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
        self._mux(frame)
        self._last_tick = tick

    def _mux(self, frame: Any) -> None:
        """Code ``frame``, or with None what is still inside the encoder, and write what comes of it."""
        for packet in self._stream.encode(frame):
            if self._sealed:
                _mark_whole_range(packet)
            self._container.mux(seal(packet) if self._sealed else packet)

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
        try:
            if self._last_tick >= 0:
                self._mux(None)
        finally:
            container, self._container = self._container, None
            container.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _mark_whole_range(packet: Any) -> None:
    """Say in the head of a MagicYUV frame that its levels go from 0 to 255; the encoder says 16 to 235 of all it codes.

    Of the head, four letters, its length, version, format, a byte and the matrix go before the flags (FFmpeg's
    ``magicyuv.c``).
    """
    memoryview(packet)[_FLAGS_AT] |= _WHOLE_RANGE
