"""TIFF and OME-TIFF stacks, one page at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from spermscope.types import Array
from spermscope.video.ome import OmeTimes, read_ome
from spermscope.video.reader import Picture, TimeSource, to_grey

_MOVIE_AXES = frozenset("TZIQYXSC")
_BROKEN = (tifffile.TiffFileError, ValueError, OSError, IndexError, KeyError, TypeError, RuntimeError)


class TiffStack:
    """The first series of a TIFF file: a page a frame; see ``Reader``.

    Times come from OME (``DeltaT`` of the planes, else ``TimeIncrement``) or ImageJ (``finterval``). Where a stack
    has depth but no time, its planes are taken for frames. Of several channels the first is read. A file whose chain
    of pages is broken gives the pages before the break.

    Raises
    ------
    ValueError
        When it is no movie (both time and depth, pixels that are not of 8 or 16 bits), or says no times and none
        are given.
    """

    live = False
    mixed_sizes = False

    def __init__(self, path: Path, *, timed: bool) -> None:
        self.paths: tuple[Path, ...] = (path,)
        self.warnings: list[str] = []
        self.truncated = False
        self._offset: int | None = None  # of a stack stored in one piece
        self._broken_chain = False
        try:
            with tifffile.TiffFile(path) as tif:
                self._find_axes(tif)
                self._times = _times(tif)
        except _BROKEN as error:
            raise ValueError(f"{path}: expected a TIFF stack, found: {str(error).splitlines()[0]}") from error
        self._check()
        self.um_per_px = self._times.um_per_px
        if math.isfinite(self.um_per_px):
            self.warnings.append(f"scale {self.um_per_px:g} um/px taken from the file's OME description")
        self._settle_times(timed)

    def _find_axes(self, tif: Any) -> None:
        try:
            series = tif.series[0]
            shape, axes, self._dtype = series.shape, series.axes, series.dtype
            if series.dataoffset is not None and not series.is_multifile:
                self._offset = int(series.dataoffset)
        except tifffile.TiffFileError:
            page = tif.pages.first
            shape, axes, self._dtype = (1, *page.shape), f"Q{page.axes}", page.dtype
            self._broken_chain = True
        promised = int((tif.imagej_metadata or {}).get("images", 0)) if tif.is_imagej else 0
        if promised > math.prod(shape) // max(math.prod(tif.pages.first.shape), 1):  # cut short: no page headers
            page = tif.pages.first
            shape, axes, self._offset = (promised, *page.shape), f"T{page.axes}", int(page.dataoffsets[0])
        self._order = tif.byteorder
        self._sizes = dict(zip(axes, (int(size) for size in shape), strict=True))

    def _check(self) -> None:
        sizes, path = self._sizes, self.paths[0]
        unknown = [axis for axis, size in sizes.items() if axis not in _MOVIE_AXES and size > 1]
        if unknown or (sizes.get("T", 1) > 1 and sizes.get("Z", 1) > 1):
            found = f"axes {''.join(sizes)} of {tuple(sizes.values())}"
            raise ValueError(f"{path}: expected a movie of one plane, found {found}")
        if self._dtype not in (np.uint8, np.uint16):
            raise ValueError(f"{path}: expected 8- or 16-bit pixels, found {self._dtype}")
        if sizes.get("C", 1) > 1:
            self.warnings.append(f"{sizes['C']} channels: only the first is read")
        if sizes.get("Z", 1) > 1:
            self.warnings.append(f"{sizes['Z']} planes of depth were taken for frames")
        frames = math.prod(sizes.get(axis, 1) for axis in "TZIQ")
        self.frame_count: int | None = None if self._broken_chain else frames

    def _settle_times(self, timed: bool) -> None:
        stamps = self._times.plane_s
        usable = len(stamps) == self.frame_count and bool(np.all(np.diff(stamps) > 0))
        self._stamps = stamps if usable else np.empty(0)
        increment_s = self._times.increment_s
        self.rate_hz = 1.0 / increment_s if math.isfinite(increment_s) else math.nan
        self.time_source: TimeSource = "container"
        if not usable and math.isnan(increment_s) and not timed and self.frame_count != 1:
            raise ValueError(f"{self.paths[0]}: expected frame times in the stack or --fps, found neither")

    def close(self) -> None:
        """Hold nothing between passes."""

    def pictures(self) -> Iterator[Picture]:
        """Yield the pages in order; stop with a warning at the first that cannot be read."""
        index = 0
        with tifffile.TiffFile(self.paths[0]) as tif:
            while self.frame_count is None or index < self.frame_count:
                try:
                    picture = self._page(tif, index)
                except _BROKEN:
                    self._cut(index)
                    return
                yield to_grey(picture, str(self.paths[0])), self._time_s(index)
                index += 1

    def _cut(self, count: int) -> None:
        self.truncated = True
        promise = f": the stack promises {self.frame_count} frames" if self.frame_count else ""
        line = f"truncated after frame {count - 1}{promise}"
        if line not in self.warnings:
            self.warnings.append(line)

    def _time_s(self, index: int) -> float:
        return float(self._stamps[index]) if len(self._stamps) else index / self.rate_hz

    def _page(self, tif: Any, index: int) -> Array:
        """Frame ``index`` alone, channels of colour last."""
        number = index * self._pages_per_frame()
        if self._offset is not None:
            return self._stored_in_one_piece(tif, number)
        page = tif.pages[number] if self._broken_chain else tif.series[0].pages[number]
        if page is None:
            raise ValueError("the page is missing")
        return self._colour_last(np.asarray(page.asarray()))

    def _pages_per_frame(self) -> int:
        """Channels that follow time in the order of axes lie between one frame and the next."""
        axes = list(self._sizes)
        first = min((axes.index(axis) for axis in "TZIQ" if axis in axes), default=len(axes))
        return self._sizes["C"] if "C" in axes and axes.index("C") > first else 1

    def _stored_in_one_piece(self, tif: Any, number: int) -> Array:
        """By offset: ImageJ writes long stacks without page headers."""
        shape = tuple(size for axis, size in self._sizes.items() if axis in "YXS")
        dtype = np.dtype(self._dtype)
        size = math.prod(shape) * dtype.itemsize
        tif.filehandle.seek((self._offset or 0) + number * size)
        data = tif.filehandle.read(size)
        if len(data) < size:
            raise ValueError("the file ends too early")
        picture = np.frombuffer(data, dtype.newbyteorder(self._order)).reshape(shape)
        return self._colour_last(picture.astype(dtype.newbyteorder("=")))

    def _colour_last(self, picture: Array) -> Array:
        axes = [axis for axis in self._sizes if axis in "YXS"]
        picture = picture.reshape([self._sizes[axis] for axis in axes])
        return np.moveaxis(picture, axes.index("S"), -1) if "S" in axes else picture


def _times(tif: Any) -> OmeTimes:
    if tif.is_ome:
        return read_ome(tif.ome_metadata)
    interval = float((tif.imagej_metadata or {}).get("finterval", 0.0) or 0.0) if tif.is_imagej else 0.0
    return OmeTimes(increment_s=interval if interval > 0 else math.nan)
