"""Which kind of source an address names."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NoReturn

from spermscope.types import Scale
from spermscope.video.cameras import open_camera
from spermscope.video.files import VideoFile
from spermscope.video.folder import IMAGE_SUFFIXES, ImageFolder
from spermscope.video.reader import CameraLost, Reader
from spermscope.video.recorded import Recorded
from spermscope.video.recording import find_recording
from spermscope.video.source import Source
from spermscope.video.stacks import TiffStack
from spermscope.video.stills import StillScales

MAX_FPS = 10000.0
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_source(
    address: str | Path,
    *,
    um_per_px: float | None = None,
    scale: Scale | None = None,
    fps: float | None = None,
    stills: bool = False,
    reader: Reader | None = None,
) -> Source:
    """Open a recording, images, a simulation or a camera.

    A video file, a TIFF stack, a folder of images or of a recording in segments, ``sim:PARAMETERS``, or
    ``camera:INDEX``, ``basler:SERIAL``, ``micromanager:CONFIG``.

    Parameters
    ----------
    address
        A path, or one of the prefixes. What a file is, is told by its content, not by its name.
    um_per_px
        Size of a pixel, 0.03 to 2.5 um; estimated from the picture when neither given nor stated by the source, of
        stills for each size of picture.
    scale
        The same as it was calibrated, with its error.
    fps
        Frames per second, above 0 and up to 10000: overrides the times of the source.
    stills
        Each image of a folder (or one image file) is a picture by itself: sizes may differ, times are the index.
    reader
        What is read instead of opening the address, such as a camera that another thread reads.

    Returns
    -------
    Source
        Already probed; close it, or use it in a ``with``.

    Raises
    ------
    ValueError
        One line: what was expected and what was found.
    """
    if um_per_px is not None:
        if scale is not None:
            raise ValueError("scale: expected one, found both a typed and a calibrated scale")
        scale = Scale(_number(um_per_px, "scale"), "given")
    if fps is not None and not 0.0 < _number(fps, "fps") <= MAX_FPS:
        raise ValueError(f"fps: expected above 0 and up to {MAX_FPS:g} frames per second, found {fps:g}")
    name = str(address)
    reader = reader or open_reader(name, fps=fps, stills=stills)
    try:
        if scale is None and isinstance(reader, ImageFolder) and stills:
            return Source(name, reader, stills=StillScales(reader), fps=fps)
        scene = getattr(reader, "scene", None)
        return Source(name, reader, scale=scale or _own_scale(reader), fps=fps, scene=scene)
    except CameraLost as error:
        raise ValueError(str(error)) from error
    except OSError as error:
        _refuse(name, error)


def open_reader(address: str | Path, *, fps: float | None = None, stills: bool = False) -> Reader:
    """What ``open_source`` reads from: raw pictures as the source gives them; close it.

    Raises
    ------
    ValueError
        As ``open_source``.
    """
    name = str(address)
    if name.startswith("sim:"):
        from spermscope.video.simulated import open_simulated  # the simulator is a room of its own: only when asked for

        return open_simulated(name.removeprefix("sim:"))
    camera = open_camera(name)
    if camera is not None:
        return camera
    try:
        return _reader(Path(address), fps, stills)
    except OSError as error:
        _refuse(name, error)


def _own_scale(reader: Reader) -> Scale | None:
    return Scale(reader.um_per_px, "given") if math.isfinite(reader.um_per_px) else None


def _refuse(name: str, error: OSError) -> NoReturn:
    raise ValueError(f"{name}: expected a readable file, found: {error.strerror or error}") from error


def _number(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, found {value}")
    return float(value)


def _reader(path: Path, fps: float | None, stills: bool) -> Reader:
    if not path.exists():
        raise ValueError(f"{path}: expected a file or a folder, found nothing there")
    if path.is_dir():
        recording = find_recording(path)
        if recording is not None and not stills:
            return Recorded(recording)
        return ImageFolder.of_folder(path, stills=stills, fps=fps)
    with path.open("rb") as file:
        magic = file.read(4)
    if not magic:
        raise ValueError(f"{path}: expected a video, a TIFF stack or an image, found an empty file")
    if stills or (path.suffix.lower() in IMAGE_SUFFIXES and magic not in _TIFF_MAGIC):
        return ImageFolder((path,), stills=stills, fps=fps)
    if magic in _TIFF_MAGIC:
        return TiffStack(path, timed=fps is not None)
    return VideoFile(path)
