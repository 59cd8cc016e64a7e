"""A decoded video frame as grey levels that use the whole range, whatever the codec's convention."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_MPEG, _JPEG = 1, 2  # AVColorRange: limited and full


def grey_picture(frame: Any) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """``(H, W)`` grey of an ``av.VideoFrame``: ``uint8``, or ``uint16`` in 0..2^bits - 1 for deeper formats.

    Limited-range luma (16..235 in 8 bits, ITU-R BT.601 and BT.709) is expanded to the full range; full-range luma
    (``yuvj*``, marked frames, grey formats unless marked limited) is left alone. An unmarked YUV frame is limited,
    as every player takes it. RGB becomes luma by BT.601.
    """
    layout = frame.format
    if layout.is_rgb or layout.has_palette:
        return _upright(_luma_of_rgb(frame), frame)
    planar = layout.is_planar or len(layout.components) == 1
    bits = layout.components[0].bits if len(layout.components) else 0
    if not planar or layout.is_bit_stream or layout.is_big_endian or not 8 <= bits <= 16:
        frame = frame.reformat(format="yuv444p")  # packed YUV and rarities: luma first, then as below
        layout, bits = frame.format, 8
    luma = _first_plane(frame, bits)
    full = layout.name.startswith("yuvj") or frame.color_range == _JPEG
    if full or (len(layout.components) <= 2 and frame.color_range != _MPEG):
        return _upright(luma.copy(), frame)
    table = _expansion(bits)
    return _upright(cv2.LUT(luma, table) if bits == 8 else table[luma], frame)


def _luma_of_rgb(frame: Any) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """BT.601 luma; the usual BGR24 of raw AVI files needs no conversion first."""
    if frame.format.name == "bgr24":
        return np.asarray(cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_BGR2GRAY))
    deep = any(part.bits > 8 for part in frame.format.components)
    return np.asarray(cv2.cvtColor(frame.to_ndarray(format="rgb48le" if deep else "rgb24"), cv2.COLOR_RGB2GRAY))


def _first_plane(frame: Any, bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A view of the luma without the padding that ends each line."""
    plane = frame.planes[0]
    if bits == 8:
        return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    return np.frombuffer(plane, "<u2").reshape(-1, plane.line_size // 2)[: frame.height, : frame.width]


@cache
def _expansion(bits: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Table from limited to full range: black 16 and white 235, both times ``2^(bits - 8)``."""
    top = 2**bits - 1
    step = 2 ** (bits - 8)
    levels = (np.arange(2**bits) - 16.0 * step) * top / (219.0 * step)
    table: NDArray[np.uint8] | NDArray[np.uint16] = np.rint(np.clip(levels, 0, top)).astype(
        np.uint8 if bits == 8 else np.uint16
    )
    return table


def _upright(picture: NDArray[Any], frame: Any) -> NDArray[Any]:
    """Turned as the container's display matrix asks, by quarter turns (``rotation`` is counter-clockwise)."""
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture
