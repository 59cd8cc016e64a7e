"""A picture kept beside the session, with and without marks, and its row among the decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.acquisition.decisions import Session
from spermscope.acquisition.shown import Shown
from spermscope.whole_files import put

FOLDER = "snapshots"


def keep_snapshot(session: Session, shown: Shown, marked: NDArray[np.uint8]) -> list[Path]:
    """Write the frame as ``snapshots/FRAME.png`` and ``marked (H, W, 3) uint8`` RGB as ``FRAME-marks.png``; both paths.

    A frame of the replay has been a JPEG: its picture is for looking, not for measuring. Kept again, a frame's pictures
    are replaced.

    Raises
    ------
    OSError
        The disk is full or cannot be written to; nothing half is left under these names.
    """
    folder = session.place / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    frame = shown.step.frame
    pictures = {f"{frame.index:08d}.png": frame.image, f"{frame.index:08d}-marks.png": marked[..., ::-1]}
    for name, picture in pictures.items():
        _write(folder / name, picture)
    session.note("snapshot", frame=frame.index, time_s=frame.time_s, files=list(pictures), sample=session.sample)
    return [folder / name for name in pictures]


def _write(path: Path, picture: NDArray[Any]) -> None:
    packed = np.asarray(cv2.imencode(".png", picture)[1], np.uint8)
    with put(path) as part:
        part.write_bytes(packed.tobytes())
