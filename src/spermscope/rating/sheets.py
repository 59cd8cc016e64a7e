"""Clips as raters see them: every frame of one clip in one lossless picture, named after its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from spermscope.rating.values import SheetInfo
from spermscope.whole_files import put_text

FILE = "clips.json"
FOLDER = "clips"
COLUMNS = 4
FARTHEST_PX = 1500
"""A canvas that would be wider is no clip's second: its displacements are wrong."""

Frames = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A clip of a study: its sheet, its name and codes in the study's data set, and the head's path.

    ``path_px (T, 2)`` is drift-free, in pixels of the sheet's frames, of the field or from the first crop; empty where
    displacements are unknown. ``content`` names the clip's own arrays. In a package name and codes are ''.
    """

    hash: str
    content: str
    name: str
    donor: str
    sample: str
    columns: int
    width_px: int
    height_px: int
    um_per_px: float | None
    time_s: tuple[float, ...]
    path_px: tuple[tuple[float, float], ...]

    def nameless(self) -> Sheet:
        """Without what tells whose it is."""
        return replace(self, name="", donor="", sample="", content="")

    def info(self, folder: Path, view: str, trail: bool) -> SheetInfo:
        """As a page shows it."""
        return SheetInfo(
            hash=self.hash,
            path=str(sheet_path(folder, self.hash)),
            frames=len(self.time_s),
            columns=self.columns,
            width_px=self.width_px,
            height_px=self.height_px,
            um_per_px=self.um_per_px,
            time_s=self.time_s,
            head_px=self.path_px if view == "field" else (),
            trail_px=self._trail(view) if trail else (),
        )

    def _trail(self, view: str) -> tuple[tuple[tuple[float, float], ...], ...]:
        """The path up to each frame; where the view follows the head, seen from where the head is now."""
        path = np.array(self.path_px).reshape(-1, 2)
        middle = 0.5 * np.array([self.width_px - 1, self.height_px - 1])
        paths = (path[: k + 1] + ((middle - path[k]) if view == "head" else 0.0) for k in range(len(path)))
        return tuple(tuple((round(x, 2), round(y, 2)) for x, y in one.tolist()) for one in paths)


def field_of(frames: Frames, path_px: Floats) -> tuple[Frames, Floats]:
    """Crops ``(T, S, S)`` laid out by their displacements ``(T, 2)`` px on one fixed canvas ``(T, H, W)``.

    Pixels are moved by whole ones, unchanged; what a crop did not see has the clip's median. Also the heads' places
    ``(T, 2)`` on the canvas, to the fraction.

    Raises
    ------
    ValueError
        When displacements are unknown or larger than any clip's.
    """
    if not np.isfinite(path_px).all():
        raise ValueError("displacements unknown")
    size = frames.shape[1]
    corner = np.rint(path_px - path_px.min(axis=0)).astype(np.int64)
    width, height = (corner.max(axis=0) + size).tolist()
    if max(width, height) > FARTHEST_PX:
        raise ValueError(f"a canvas of {width} x {height} px is larger than {FARTHEST_PX}")
    out = np.full((len(frames), height, width), np.uint8(np.median(frames)))
    for canvas, crop, (left, top) in zip(out, frames, corner.tolist(), strict=True):
        canvas[top : top + size, left : left + size] = crop
    return out, path_px - path_px.min(axis=0) + 0.5 * (size - 1)


def tiled(frames: Frames, columns: int = COLUMNS) -> Frames:
    """``(T, H, W)`` frames row by row in one picture; places without one are black."""
    count, height, width = frames.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, height, width), np.uint8)
    sheet[:count] = frames
    return sheet.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def untiled(sheet: Frames, count: int, width_px: int, height_px: int) -> Frames:
    """The frames ``(count, height_px, width_px)`` of a sheet."""
    rows, columns = sheet.shape[0] // height_px, sheet.shape[1] // width_px
    return sheet.reshape(rows, height_px, columns, width_px).swapaxes(1, 2).reshape(-1, height_px, width_px)[:count]


def write_sheet(folder: Path, frames: Frames) -> str:
    """Keep frames as a PNG under ``folder/clips``; its name, the hash of its bytes."""
    done, data = cv2.imencode(".png", tiled(frames), [cv2.IMWRITE_PNG_COMPRESSION, 6])
    if not done:
        raise ValueError(f"{folder}: expected a sheet of {frames.shape}, found one that cannot be written")
    name = hashlib.sha256(data.tobytes()).hexdigest()[:32]
    sheet_path(folder, name).write_bytes(data.tobytes())
    return name


def read_frames(folder: Path, sheet: Sheet) -> Frames:
    """The frames ``(T, H, W)`` of a sheet."""
    path = sheet_path(folder, sheet.hash)
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise ValueError(f"{path}: expected a picture, found something else")
    return untiled(np.asarray(picture, np.uint8), len(sheet.time_s), sheet.width_px, sheet.height_px)


def sheet_path(folder: Path, hash: str) -> Path:
    """Where a sheet lies."""
    return folder / FOLDER / f"{hash}.png"


def content_hash(frames: Frames, time_s: Floats, xy_um: Floats, observed: NDArray[np.bool_]) -> str:
    """A name of a clip's own arrays, to the bit."""
    found = hashlib.sha256()
    for array in (frames, time_s, xy_um, observed):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:32]


def write_sheets(folder: Path, sheets: Sequence[Sheet]) -> None:
    """Write ``clips.json``, whole or not at all."""
    put_text(folder / FILE, sheets_text(sheets))


def sheets_text(sheets: Sequence[Sheet]) -> str:
    """``clips.json``, a line for each sheet."""
    return "[" + ",\n".join(json.dumps(asdict(sheet), allow_nan=False) for sheet in sheets) + "]\n"


def read_sheets(folder: Path) -> tuple[Sheet, ...]:
    """What ``clips.json`` says.

    Raises
    ------
    ValueError
        When there is none, or it says something else.
    """
    path = folder / FILE
    try:
        return TypeAdapter(tuple[Sheet, ...]).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ValueError(f"{path}: expected the study's clips, found something else") from error
