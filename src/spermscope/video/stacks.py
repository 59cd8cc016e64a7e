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

_MOVIE_AXES = frozenset("TZIQYXS")


class TiffStack:
    """The first series of a TIFF file: a page a frame; see ``Reader``.

    Times come from OME (``DeltaT`` of the planes, else ``TimeIncrement``) or ImageJ (``finterval``). Where a stack
    has depth but no time, its planes are taken for frames. Of several channels the first is read.

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
        try:
            with tifffile.TiffFile(path) as tif:
                self._describe(tif)
        except (tifffile.TiffFileError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: expected a TIFF stack, found: {error}") from error
        self._settle_times(timed)

    def _describe(self, tif: Any) -> None:
        series = tif.series[0]
        self._shape, self._axes = tuple(series.shape), str(series.axes)
        sizes = dict(zip(self._axes, self._shape, strict=True))
        extra = "".join(axis for axis in self._axes if axis not in _MOVIE_AXES and axis != "C" and sizes[axis] > 1)
        if extra or (sizes.get("T", 1) > 1 and sizes.get("Z", 1) > 1):
            raise ValueError(
                f"{self.paths[0]}: expected a movie of one plane, found axes {self._axes} of {self._shape}"
            )
        if sizes.get("C", 1) > 1:
            self.warnings.append(f"{sizes['C']} channels: only the first is read")
        if sizes.get("Z", 1) > 1:
            self.warnings.append(f"{sizes['Z']} planes of depth were taken for frames")
        if series.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"{self.paths[0]}: expected 8- or 16-bit pixels, found {series.dtype}")
        self.frame_count: int | None = math.prod(sizes.get(axis, 1) for axis in "TZIQ")
        self._times = read_ome(tif.ome_metadata) if tif.is_ome else OmeTimes()
        if tif.is_imagej:
            interval = float((tif.imagej_metadata or {}).get("finterval", 0.0) or 0.0)
            self._times = OmeTimes(increment_s=interval if interval > 0 else math.nan)
        self.um_per_px = self._times.um_per_px
        if math.isfinite(self.um_per_px):
            self.warnings.append(f"scale {self.um_per_px:g} um/px taken from the file's OME description")

    def _settle_times(self, timed: bool) -> None:
        stamps, count = self._times.plane_s, self.frame_count or 0
        self._stamps = stamps if len(stamps) == count and np.all(np.diff(stamps) > 0) else np.empty(0)
        increment_s = self._times.increment_s
        self.rate_hz = 1.0 / increment_s if math.isfinite(increment_s) else math.nan
        self.time_source: TimeSource = "container"
        if not len(self._stamps) and math.isnan(increment_s) and not timed and count > 1:
            raise ValueError(f"{self.paths[0]}: expected frame times in the stack or --fps, found neither")

    def close(self) -> None:
        """Hold nothing between passes."""

    def pictures(self) -> Iterator[Picture]:
        """Yield the pages in order; stop with a warning at the first that cannot be read."""
        count = self.frame_count or 0
        with tifffile.TiffFile(self.paths[0]) as tif:
            for index in range(count):
                try:
                    picture = self._page(tif, index)
                except (tifffile.TiffFileError, ValueError, OSError, IndexError, TypeError, RuntimeError) as error:
                    self.truncated = True
                    line = f"truncated after frame {index - 1} of {count}: {error}".splitlines()[0]
                    if line not in self.warnings:
                        self.warnings.append(line)
                    return
                yield to_grey(picture, str(self.paths[0])), self._time_s(index)

    def _time_s(self, index: int) -> float:
        return float(self._stamps[index]) if len(self._stamps) else index / self.rate_hz

    def _page(self, tif: Any, index: int) -> Array:
        """Frame ``index`` alone; a stack stored in one piece (ImageJ writes them without page headers) by offset."""
        series = tif.series[0]
        sizes = dict(zip(self._axes, self._shape, strict=True))
        picture_axes = [axis for axis in self._axes if axis in "YXS"]
        shape = tuple(sizes[axis] for axis in picture_axes)
        # channels that come after time in the file lie between one frame's first channel and the next one's
        step = sizes.get("C", 1) if "C" in self._axes and self._axes.index("C") > self._frame_axis() else 1
        page_number = index * step
        if series.dataoffset is not None and not series.is_multifile:
            dtype = series.dtype.newbyteorder(tif.byteorder)
            size = math.prod(shape) * dtype.itemsize
            tif.filehandle.seek(series.dataoffset + page_number * size)
            data = tif.filehandle.read(size)
            if len(data) < size:
                raise ValueError("the file ends too early")
            picture = np.frombuffer(data, dtype).reshape(shape).astype(series.dtype.newbyteorder("="))
        else:
            page = series.pages[page_number]
            if page is None:
                raise ValueError("the page is missing")
            picture = np.asarray(page.asarray()).reshape(page.shape)
        return np.moveaxis(picture, picture_axes.index("S"), -1) if "S" in picture_axes else picture

    def _frame_axis(self) -> int:
        places = [self._axes.index(axis) for axis in "TZIQ" if axis in self._axes]
        return min(places, default=-1)
