"""A folder of images, or one image file: a sequence, or stills that stand each by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from spermscope.types import Array
from spermscope.video.image_size import image_size
from spermscope.video.reader import Picture, TimeSource, to_grey

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``img2`` before ``img10``, and upper and lower case together."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


class ImageFolder:
    """Images in the natural order of their names; see ``Reader``.

    Raises
    ------
    ValueError
        Without ``stills``: when sizes differ, or when no rate is given (images do not say when they were taken).
    """

    live = False
    um_per_px = float("nan")
    rate_hz = float("nan")

    def __init__(self, paths: tuple[Path, ...], *, stills: bool, fps: float | None) -> None:
        self.paths = paths
        self.warnings: list[str] = []
        self.truncated = False
        self.mixed_sizes = stills
        self.frame_count: int | None = len(paths)
        self.time_source: TimeSource = "index" if stills else "given"
        self._step = 1.0 if stills or fps is None else 1.0 / fps
        if not stills:
            if fps is None:
                raise ValueError(f"{paths[0]}: expected a frame rate (--fps) or --stills for images, found neither")
            self._refuse_mixed_sizes()

    @classmethod
    def of_folder(cls, folder: Path, *, stills: bool, fps: float | None) -> ImageFolder:
        """The images that lie directly in ``folder``; hidden files and other kinds are left alone."""
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
        ]
        if not found:
            kinds = " ".join(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)
            raise ValueError(f"{folder}: expected a folder with images ({kinds}), found none")
        return cls(tuple(sorted(found, key=lambda path: natural_key(path.name))), stills=stills, fps=fps)

    def _refuse_mixed_sizes(self) -> None:
        sizes = ((path, image_size(path)) for path in self.paths)
        known = [(path, size) for path, size in sizes if size is not None]
        for path, size in known[1:]:
            first_path, first = known[0]
            if size != first:
                raise ValueError(
                    f"{path.parent}: expected images of one size (or --stills), found {first[0]}x{first[1]} in "
                    f"{first_path.name} and {size[0]}x{size[1]} in {path.name}"
                )

    def of_each_size(self, most: int) -> Iterator[list[Array]]:
        """Up to ``most`` images of each size, spread over the folder, one size after another; upright or on its side.

        Headers tell the sizes, so that no more images are decoded; one that cannot be read has no size.
        """
        alike: dict[tuple[int, ...], list[Path]] = {}
        for path in self.paths:
            if size := image_size(path):
                alike.setdefault(tuple(sorted(size)), []).append(path)
        for paths in alike.values():
            chosen = np.unique(np.linspace(0, len(paths) - 1, most).round().astype(int)).tolist()
            read = [(_read(paths[index]), str(paths[index])) for index in chosen]
            if images := [to_grey(picture, name) for picture, name in read if picture is not None]:
                yield images

    def close(self) -> None:
        """Hold nothing between passes."""

    def pictures(self) -> Iterator[Picture]:
        """Yield every image that can be read; the others keep their place in time and are told in ``warnings``.

        By number, from 0 in natural order, since a name may say whose sample it is and warnings go into the session.
        """
        for index, path in enumerate(self.paths):
            picture = _read(path)
            if picture is None:
                self.truncated = True
                line = f"image {index} could not be read and was left out"
                if line not in self.warnings:
                    self.warnings.append(line)
                continue
            yield to_grey(picture, str(path)), index * self._step


def _read(path: Path) -> Array | None:
    """The image as stored, RGB where it has colour; None where it cannot be decoded.

    Read by numpy and decoded from memory, because OpenCV does not open names outside the code page on Windows.
    """
    try:
        data = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR) if data.size else None
    except (OSError, cv2.error):
        return None
    if picture is None:
        return None
    upright: Array = picture[:, :, ::-1] if picture.ndim == 3 else picture
    return upright
