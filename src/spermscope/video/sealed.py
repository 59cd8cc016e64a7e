"""Frames that carry their own sum, for a codec that has none: what was not written whole, or rotted, is known.

Behind the bytes of a frame stand four more, their CRC-32 (zlib's, little-endian); a decoder that finds its slices by
their offsets, as MagicYUV's does, never reads them. A file that is so says it in its comment, for a frame whose end is
lost cannot.
"""

from __future__ import annotations

import zlib

import av

SEALED = "spermscope:crc32-behind-each-frame"
"""The comment of a file all of whose frames are sealed."""
_BYTES = 4


def seal(packet: av.Packet) -> av.Packet:
    """The same packet with its sum behind it."""
    content = bytes(packet)
    sealed = av.Packet(content + zlib.crc32(content).to_bytes(_BYTES, "little"))
    sealed.stream, sealed.time_base, sealed.duration = packet.stream, packet.time_base, packet.duration
    sealed.pts, sealed.dts, sealed.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
    return sealed


def is_whole(packet: av.Packet) -> bool:
    """Whether a sealed ``av.Packet`` is as it was written."""
    content = memoryview(packet)
    return len(content) > _BYTES and zlib.crc32(content[:-_BYTES]) == int.from_bytes(content[-_BYTES:], "little")
