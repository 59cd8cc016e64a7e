"""What every kind of source supplies: raw grey pictures with their own times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.types import Array

TimeSource = Literal["container", "given", "nominal", "index"]
Picture = tuple[Array, float]
"""``(H, W) uint8`` or ``uint16`` grey, and its time in s (NaN where the source does not say)."""

LOST_AFTER_S = 0.8
"""A camera that has given nothing for so long is lost: a second later the user knows."""
FIRST_PICTURE_S = 5.0
"""What a camera may need to give its first one."""


class CameraLost(OSError):
    """A camera that was there gives no more pictures: it was unplugged, switched off, or its driver gave up."""


class Reader(Protocol):
    """One kind of source.

    ``pictures`` is called once for each pass over the source; every pass starts at the first picture, except for a
    camera, which goes on, until ``CameraLost``. The iterator may run in another thread than the one that made it, and
    is closed there.
    ``time_source`` ``"index"`` or ``"given"`` means that the times are final; otherwise a rate that the user gives
    goes before them. ``rate_hz`` is the nominal rate (NaN where there is none), ``um_per_px`` a scale that the source
    itself states (NaN where it does not), ``paths`` the files whose bytes the source is (empty: it has none).
    ``warnings`` grows while pictures are read; ``truncated`` is True once a pass met an end that is not the
    recording's own.
    """

    time_source: TimeSource
    rate_hz: float
    um_per_px: float
    frame_count: int | None
    paths: tuple[Path, ...]
    live: bool
    mixed_sizes: bool
    warnings: list[str]
    truncated: bool

    def pictures(self) -> Iterator[Picture]:
        """Yield every picture in order, holding one at a time."""
        ...

    def close(self) -> None:
        """Let go of what is held between passes (a camera; files hold nothing)."""
        ...


def to_grey(picture: Array, name: str) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """``picture`` as ``(H, W)``: RGB(A) becomes luma by ITU-R BT.601, 8 and 16 bits stay as they are.

    Raises
    ------
    ValueError
        When it is neither grey nor RGB(A), empty, or not of 8 or 16 bits. ``name`` says whose picture it is.
    """
    if picture.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{name}: expected 8- or 16-bit pictures, found {picture.dtype}")
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    if picture.size == 0 or not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))):
        raise ValueError(f"{name}: expected grey or RGB pictures, found an array of shape {picture.shape}")
    if picture.ndim == 2:
        return np.ascontiguousarray(picture)
    grey: NDArray[np.uint8] = cv2.cvtColor(np.ascontiguousarray(picture[:, :, :3]), cv2.COLOR_RGB2GRAY)
    return grey
