"""Fixed fields cut anew from a session's own recording, where that still lies where it was: crops show less of it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import crop
from spermscope.importing.sessions import session_folders
from spermscope.rating.sheets import FARTHEST_PX, Floats, Frames
from spermscope.session import Session, read_session
from spermscope.settings import ClipSettings
from spermscope.video import Source, open_source

Field = tuple[Frames, Floats]
"""``(T, S, S)`` frames, and the head's places ``(T, 2)`` in them."""
SAME_S = 1e-5
"""Tables keep a microsecond."""


class Recordings:
    """The recordings of sessions; the fields of one session are kept at a time."""

    def __init__(self, sources: Sequence[Path]) -> None:
        folders = [folder for source in sources for folder in session_folders(source)]
        sessions = [read_session(folder) for folder in folders if (folder / "session.json").is_file()]
        self._sessions = {session.summary.session_id: session for session in sessions}
        self._at, self._fields = "", dict[int, Field]()

    def field(self, name: str) -> Field | None:
        """Of a clip named after its session and cell; None where there is no such recording."""
        session, _, cell = name.rpartition("-")
        if session not in self._sessions or not cell.isdecimal():
            return None
        if session != self._at:
            self._at, self._fields = session, cut_fields(self._sessions[session])
        return self._fields.get(int(cell))


def cut_fields(session: Session) -> dict[int, Field]:
    """The fields of a session's cells: each stands still on the ground and holds all that the clip's crops hold.

    Nothing where the recording is not there, or is not the one that was assessed. Cells are left out whose
    displacements are unknown, or of whose crops a frame is not found again.
    """
    plans = _plans(session)
    source = _recording(session) if plans else None
    if source is None:
        return {}
    scale = float(session.summary.profile["um_per_px"])
    fields = {cell: np.empty((len(plan.frame), plan.size_px, plan.size_px), np.uint8) for cell, plan in plans.items()}
    wanted: dict[int, list[tuple[int, int]]] = {}
    for cell, plan in plans.items():
        for k, index in enumerate(plan.frame.tolist()):
            wanted.setdefault(index, []).append((cell, k))
    with source:
        for frame in source:
            for cell, k in wanted.pop(frame.index, ()):
                plan = plans[cell]
                x, y = plan.middle_px[k].tolist()
                rules = ClipSettings(size_px=plan.size_px, um_per_px=plan.um_per_px)
                fields[cell][k] = crop(frame.image, (x, y), scale, rules)
            if not wanted:
                break
    missed = {cell for places in wanted.values() for cell, _ in places}
    return {cell: (frames, plans[cell].head_px) for cell, frames in fields.items() if cell not in missed}


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which frames show a clip ``(T,)``, where its field's middle lies in each ``(T, 2)``, the head in the field."""

    frame: NDArray[np.int64]
    middle_px: Floats
    head_px: Floats
    size_px: int
    um_per_px: float


def _plans(session: Session) -> dict[int, _Plan]:
    scale = float(session.summary.profile["um_per_px"])
    tracks: dict[int, list[tuple[float, ...]]] = {}
    for row in session.table("tracks"):
        seen = tuple(float(row[name]) for name in ("time_s", "frame", "x_px", "y_px"))
        tracks.setdefault(int(row["track_id"]), []).append(seen)
    plans = ((cell, _plan(session.clip(cell), np.array(rows), scale)) for cell, rows in tracks.items())
    return {cell: plan for cell, plan in plans if plan is not None}


def _plan(clip: dict[str, NDArray[Any]] | None, track: Floats, scale: float) -> _Plan | None:
    """From the clip's arrays and the track's ``(n, 4)`` times, frames and places in the recording."""
    if clip is None or not np.isfinite(clip["xy_um"]).all():
        return None
    nearest = np.abs(track[:, :1] - clip["time_s"]).argmin(axis=0)
    if np.abs(track[nearest, 0] - clip["time_s"]).max() > SAME_S:
        return None
    xy_um, um_per_px = clip["xy_um"], float(clip["um_per_px"])
    middle_um = 0.5 * (xy_um.min(axis=0) + xy_um.max(axis=0))
    size_px = clip["frames"].shape[1] + math.ceil(float(np.ptp(xy_um, axis=0).max()) / um_per_px)
    if size_px > FARTHEST_PX:
        return None
    return _Plan(
        frame=track[nearest, 1].astype(np.int64),
        middle_px=track[nearest, 2:] + (middle_um - xy_um) / scale,
        head_px=(xy_um - middle_um) / um_per_px + 0.5 * (size_px - 1),
        size_px=size_px,
        um_per_px=um_per_px,
    )


def _recording(session: Session) -> Source | None:
    """What was assessed, open; None where it is not there any more, or was a camera."""
    path = session.folder / "source.json"
    address = json.loads(path.read_text(encoding="utf-8"))["address"] if path.is_file() else "camera:"
    if address.startswith("camera:"):
        return None
    try:
        source = open_source(address, um_per_px=float(session.summary.profile["um_per_px"]))
    except ValueError:
        return None
    if source.sha256 == session.summary.source_sha256:
        return source
    source.close()
    return None
