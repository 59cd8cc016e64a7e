"""Clips on disk: plain ``.npy`` files of a fixed number of clips, mapped into memory and read by row.

Row i of the items lies in shard ``i // clips_a_shard`` at ``i % clips_a_shard``. A shard is four files, one a property.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from spermscope.dataset.form import Form
from spermscope.types import Clip

FOLDER = "clips"
NAMES = ("frames", "time_s", "xy_um", "observed")
OPEN = 48
"""Shards that are kept open, four files each: operating systems allow a process some hundreds of files."""


@dataclass(frozen=True, slots=True)
class Clips:
    """B clips: ``frames (B, T, S, S) uint8``, ``time_s (B, T)``, ``xy_um (B, T, 2)``, ``observed (B, T) bool``.

    ``xy_um`` is drift-free and all NaN in a clip whose displacements are absent.
    """

    frames: NDArray[np.uint8]
    time_s: NDArray[np.float64]
    xy_um: NDArray[np.float64]
    observed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def displaced(self) -> NDArray[np.bool_]:
        """``(B,)`` whether displacements are known."""
        return np.asarray(np.isfinite(self.xy_um).all(axis=(1, 2)), np.bool_)


def shapes(form: Form) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Type and shape of one clip's row in each file of a shard."""
    length, size = form.length, form.size_px
    return {
        "frames": (np.dtype(np.uint8), (length, size, size)),
        "time_s": (np.dtype(np.float64), (length,)),
        "xy_um": (np.dtype(np.float64), (length, 2)),
        "observed": (np.dtype(np.bool_), (length,)),
    }


def shard_path(folder: Path, name: str, shard: int) -> Path:
    """Where that property of a shard's clips lies."""
    return folder / FOLDER / f"{name}-{shard:05d}.npy"


def mapped(folder: Path, form: Form, name: str, shard: int) -> np.memmap[Any, Any]:
    """One file of a shard, ``(n, ...)``, read only.

    Raises
    ------
    ValueError
        When it is missing, no array, or of another form; names the file.
    """
    path, (dtype, shape) = shard_path(folder, name, shard), shapes(form)[name]
    try:
        array: np.memmap[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: expected an array of clips, found {error}") from error
    if array.dtype != dtype or array.shape[1:] != shape:
        sides = ", ".join(map(str, shape))
        raise ValueError(f"{path}: expected (n, {sides}) {dtype}, found {array.shape} {array.dtype}")
    return array


class Shards:
    """The clips of a set by row; opens a shard when it is asked for and keeps the latest ones open."""

    def __init__(self, folder: Path, form: Form) -> None:
        self._folder, self._form = folder, form
        self._shapes = shapes(form)
        self._open = lru_cache(OPEN)(partial(_all_mapped, folder, form))

    def __reduce__(self) -> tuple[Any, ...]:
        return Shards, (self._folder, self._form)

    def read(self, rows: NDArray[np.int64]) -> Clips:
        """Copies of those rows, in their order.

        Raises
        ------
        ValueError
            When a shard is missing, too short, or of another form; names the file.
        """
        found = {name: np.empty((len(rows), *shape), dtype) for name, (dtype, shape) in self._shapes.items()}
        shards, places = np.divmod(rows, self._form.clips_a_shard)
        for shard in np.unique(shards).tolist():
            here = np.flatnonzero(shards == shard)
            here = here[np.argsort(places[here])]
            for name, array in self._open(shard).items():
                if places[here[-1]] >= len(array):
                    path = shard_path(self._folder, name, shard)
                    raise ValueError(f"{path}: expected {places[here[-1]] + 1} clips or more, found {len(array)}")
                _fetch(array, places[here], found[name], here)
        return Clips(**found)


def _all_mapped(folder: Path, form: Form, shard: int) -> dict[str, np.memmap[Any, Any]]:
    """A shard's files for reading here and there: the system reads nothing ahead that was not asked for."""
    arrays = {name: mapped(folder, form, name, shard) for name in NAMES}
    for array in arrays.values():
        if hasattr(mmap, "MADV_RANDOM"):
            _map_of(array).madvise(mmap.MADV_RANDOM)
    return arrays


def _fetch(array: np.memmap[Any, Any], rows: NDArray[np.int64], out: NDArray[Any], places: NDArray[np.int64]) -> None:
    """Those rows of a mapped array into those places; the system is told of them all before the first is copied."""
    if hasattr(mmap, "MADV_WILLNEED") and array.strides[0] > mmap.PAGESIZE:
        start = array.offset % mmap.ALLOCATIONGRANULARITY + rows * array.strides[0]
        page = start - start % mmap.PAGESIZE
        for first, size in zip(page.tolist(), (start - page + array.strides[0]).tolist(), strict=True):
            _map_of(array).madvise(mmap.MADV_WILLNEED, first, size)
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        out[place] = array[row]


def _map_of(array: np.memmap[Any, Any]) -> mmap.mmap:
    base: Any = array.base
    return base


class ShardWriter:
    """Grows one shard beside its place, from the clips it has, and puts it there when told."""

    def __init__(self, folder: Path, form: Form, shard: int, count: int) -> None:
        self._folder, self._shard, self._shapes, self.count = folder, shard, shapes(form), 0
        self._files: dict[str, BinaryIO] = {name: self._part(name).open("wb") for name in NAMES}
        for name in NAMES:
            self._head(name)
        for name in NAMES if count else ():
            self._copy(name, mapped(folder, form, name, shard)[:count])
        self.count = count

    def add(self, clip: Clip) -> None:
        """One more clip, of the right form."""
        for name, (dtype, _) in self._shapes.items():
            self._files[name].write(np.ascontiguousarray(getattr(clip, name), dtype).tobytes())
        self.count += 1

    def close(self) -> None:
        """Take no more clips; whole on the disk, and not yet in its place."""
        for name, file in self._files.items():
            self._head(name)
            file.flush()
            os.fsync(file.fileno())
            file.close()

    def place(self) -> None:
        """Put the closed shard where it is read; each of its files only grows, so that earlier rows stay readable."""
        for name in NAMES:
            os.replace(self._part(name), shard_path(self._folder, name, self._shard))

    def abandon(self) -> None:
        """Remove the closed shard."""
        for name in NAMES:
            self._part(name).unlink(missing_ok=True)

    def _part(self, name: str) -> Path:
        return shard_path(self._folder, name, self._shard).with_suffix(".part")

    def _copy(self, name: str, array: NDArray[Any]) -> None:
        for row in array:
            self._files[name].write(row.tobytes())

    def _head(self, name: str) -> None:
        """The header for the clips so far; numpy leaves room in it for any number of rows."""
        dtype, shape = self._shapes[name]
        file = self._files[name]
        file.seek(0)
        described = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (self.count, *shape)}
        npy.write_array_header_1_0(file, described)
        if self.count:
            file.seek(0, os.SEEK_END)
