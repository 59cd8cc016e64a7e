"""Width and height of an image from its header, so that a folder is checked without decoding it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import tifffile

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def image_size(path: Path) -> tuple[int, int] | None:
    """``(width, height)`` of a PNG, BMP, JPEG or TIFF; None where the header cannot be read."""
    try:
        with path.open("rb") as file:
            magic = file.read(26)
            if magic.startswith(b"\x89PNG"):
                width, height = struct.unpack(">II", magic[16:24])
                return int(width), int(height)
            if magic.startswith(b"BM"):
                width, height = struct.unpack("<ii", magic[18:26])
                return int(width), abs(int(height))
            if magic.startswith(b"\xff\xd8"):
                return _jpeg_size(file)
        with tifffile.TiffFile(path) as tif:
            page = tif.pages.first
            return int(page.imagewidth), int(page.imagelength)
    except (OSError, struct.error, tifffile.TiffFileError, IndexError):
        return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """From the frame header (ITU-T T.81, B.2.2); the segments before it are skipped by their lengths."""
    file.seek(2)
    while True:
        marker = file.read(1)
        if not marker:
            return None
        if marker != b"\xff":
            continue
        while (kind := file.read(1)) == b"\xff":
            pass
        if not kind:
            return None
        if kind[0] in _JPEG_FRAMES:
            _, _, height, width = struct.unpack(">HBHH", file.read(7))
            return int(width), int(height)
        (length,) = struct.unpack(">H", file.read(2))
        file.seek(length - 2, 1)
