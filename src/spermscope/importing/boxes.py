"""VISEM-Tracking and YOLO folders to a folder that a detector can be trained on: pictures and one table of boxes.

The plainest thing that holds both: ``frames/`` with the pictures as they are, and ``boxes.csv`` with
``frame,video,track_id,label,class,x_px,y_px,w_px,h_px``, where x, y is the centre of the box and pixel centres are
integers. ``label`` is ``sperm`` or ``other``; ``class`` is the source's number. Frames of one ``video`` belong on one
side of a split. A picture whose label file is empty shows nothing and has no row; ``frames.csv`` (``frame,video``)
lists every picture. One without a label file was not looked at and is left out.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spermscope.importing.sessions import Imported, Progress
from spermscope.video.image_size import image_size

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
BOX_COLUMNS = ("frame", "video", "track_id", "label", "class", "x_px", "y_px", "w_px", "h_px")
TRACKED = "_with_ftid"
"""End of the names of VISEM-Tracking's label files whose rows begin with a track's id."""


def import_boxes(
    source: Path, out: Path, progress: Progress = lambda done, total: None, *, sperm: tuple[int, ...] = (0,)
) -> Imported:
    """Make the folder ``out`` from a YOLO folder, or from a folder of VISEM-Tracking's videos.

    Pictures stand in folders named ``images`` and their labels beside in ``labels_ftid`` (with track ids) or
    ``labels``. ``sperm`` are the classes that are sperm; every other is ``other``.

    Raises
    ------
    ValueError
        When there is no picture with labels, a row is no box (names file and row), or ``out`` exists.
    """
    part = out.with_name(f"{out.name}.partial")
    for folder in (out, part):
        if folder.exists():
            raise ValueError(f"{folder}: expected a new folder, found one that exists")
    pictures = sorted(path for path in source.rglob("images/**/*") if path.suffix.lower() in PICTURES)
    labelled = [(path, labels) for path in pictures if (labels := _labels(path)) is not None]
    if not labelled:
        raise ValueError(f"{source}: expected pictures in images/ with labels beside in labels/, found none")
    try:
        _write(part, source, labelled, sperm, progress)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    os.replace(part, out)
    return Imported(len(labelled), len(pictures) - len(labelled), "no label file")


def _labels(picture: Path) -> Path | None:
    """The label file of a picture: in the folder beside ``images``, the one with track ids first."""
    *before, inside = picture.parts
    at = len(before) - 1 - before[::-1].index("images")
    for folder, end in (("labels_ftid", TRACKED), ("labels_ftid", ""), ("labels", "")):
        found = Path(*before[:at], folder, *before[at + 1 :], f"{Path(inside).stem}{end}.txt")
        if found.is_file():
            return found
    return None


def _write(
    out: Path, source: Path, labelled: list[tuple[Path, Path]], sperm: tuple[int, ...], progress: Progress
) -> None:
    (out / "frames").mkdir(parents=True)
    with (
        (out / "boxes.csv").open("w", encoding="utf-8", newline="") as boxes_file,
        (out / "frames.csv").open("w", encoding="utf-8", newline="") as frames_file,
    ):
        boxes = csv.writer(boxes_file, lineterminator="\n")
        frames = csv.writer(frames_file, lineterminator="\n")
        boxes.writerow(BOX_COLUMNS)
        frames.writerow(BOX_COLUMNS[:2])
        for number, (picture, labels) in enumerate(labelled):
            frame, video = f"{number:06d}{picture.suffix.lower()}", _video(source, picture)
            shutil.copyfile(picture, out / "frames" / frame)
            frames.writerow([frame, video])
            for track, kind, box in _rows(picture, labels):
                label = "sperm" if kind in sperm else "other"
                boxes.writerow([frame, video, track, label, kind, *(f"{value:.3f}" for value in box)])
            progress(number + 1, len(labelled))


def _video(source: Path, picture: Path) -> str:
    """The folder above ``images``: VISEM-Tracking's number of the video; a YOLO folder's split."""
    above = picture.parts[: len(picture.parts) - 1 - picture.parts[::-1].index("images")]
    return "/".join(above[len(source.parts) :]) or source.name


def _rows(picture: Path, labels: Path) -> Iterator[tuple[str, int, NDArray[np.float64]]]:
    """Track id ('' where there is none), class and box ``x, y, w, h`` in pixels of each label."""
    size = image_size(picture)
    if size is None:
        raise ValueError(f"{picture}: expected a picture, found something that cannot be read")
    tracked = labels.parent.name == "labels_ftid"
    for number, line in enumerate(labels.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            track, kind = (words.pop(0) if tracked else ""), int(float(words.pop(0)))
            box = np.array(words[:4], np.float64).reshape(4)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{labels}: row {number}: expected a class and a box, found {line!r}") from error
        if not (np.isfinite(box).all() and (box >= 0).all() and (box <= 1).all()):
            raise ValueError(f"{labels}: row {number}: expected shares of the picture, 0 to 1, found {line!r}")
        yield track, kind, box * np.array([*size, *size]) - np.array([0.5, 0.5, 0.0, 0.0])
