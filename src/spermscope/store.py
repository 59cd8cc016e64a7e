"""A session on disk: written beside its place while it runs, moved there whole when it ends.

While it runs everything lies in ``NAME.partial``: tables grow, each finished cell is complete at once, and a journal
says how far they are true. A kill leaves that folder, whose name and missing ``session.json`` say that it is not whole.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
import time
import zipfile
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from spermscope.journal import Journal
from spermscope.summary import Summary
from spermscope.types import GRADES, Cell, Clip, Step
from spermscope.whole_files import move, put

TABLES: dict[str, tuple[str, ...]] = {
    "detections": ("frame", "x_px", "y_px", "w_px", "h_px", "score", "label"),
    "tracks": (
        *("frame", "time_s", "track_id", "x_px", "y_px", "w_px", "h_px"),
        *("confidence", "observed", "x_um", "y_um", "field"),
    ),
    "stage": ("frame", "time_s", "field", "x_um", "y_um", "state", "focus", "map", "um_per_px"),
    "grades": ("track_id", "time_s", *(f"p_{grade}" for grade in GRADES), "expected_grade", "uncertainty"),
    "sperm": (
        *("track_id", "field", "first_frame", "last_frame", "n_frames", "duration_s"),
        *(f"p_{grade}" for grade in GRADES),
        *("expected_grade", "grade", "entropy", "uncertainty", "who_motility"),
        *("vcl_um_s", "vsl_um_s", "vap_um_s", "lin", "str", "wob", "alh_um", "bcf_hz", "mad_deg"),
        *("twitch_um", "tail_movement", "hyperactivated", "identity", "notes"),
    ),
    "decisions": (
        *("number", "time", "who", "sample", "track_id", "action", "grade", "reason", "undoes", "detail"),
        *("frame", "x_px", "y_px", "clip_sha256", "blind", *(f"p_{grade}" for grade in GRADES)),
        *("expected_grade", "uncertainty", "model", "model_sha256", "demonstration"),
    ),
}
BALLAST_BYTES = 512 * 1024
"""Kept free on the disk, so that a full one still takes the last lines and ``session.json``."""
JOURNAL_EVERY_S = 2.0


class SessionWriter:
    """Writes one session folder.

    Parameters
    ----------
    folder
        Where the session will stand; must not exist.
    um_allowed
        Whether um columns may be filled.
    mark
        A note for every cell, such as that the scale was estimated and accepted.
    begun
        ``begin_folder`` has made the partial folder already, for what is written before the first frame is known.

    Raises
    ------
    ValueError
        As ``begin_folder``.
    """

    def __init__(self, folder: Path, *, um_allowed: bool = True, mark: str = "", begun: bool = False) -> None:
        self.folder = folder
        self.partial = partial_of(folder) if begun else begin_folder(folder)
        self._um_allowed = um_allowed
        self._mark = mark
        self._files: dict[str, TextIO] = {}
        self._tables = {name: self._open(name) for name in TABLES}
        self._journal = Journal(self.partial / "journal.jsonl")
        self._journaled_s = time.monotonic()
        self._waiting: deque[tuple[set[int], list[tuple[int, str]]]] = deque()
        self._confirmed: set[int] = set()

    def _open(self, name: str) -> Any:
        file = (self.partial / f"{name}.csv").open("w", encoding="utf-8", newline="")
        self._files[name] = file
        table = csv.writer(file, lineterminator="\n")
        table.writerow(TABLES[name])
        return table

    def write_source(self, address: str) -> None:
        """Keep the source's local name apart, in ``source.json``; nothing else holds it."""
        (self.partial / "source.json").write_text(
            json.dumps({"address": address}, ensure_ascii=False), encoding="utf-8"
        )

    def write(self, step: Step) -> None:
        """Add one frame. A track's rows are written once it is confirmed, sorted by frame; others never."""
        frame, stage, seen = step.frame.index, step.stage, step.detections
        numbers = _texts(np.column_stack([seen.xy_px, seen.wh_px, seen.score]), (2, 2, 2, 2, 4))
        labels = np.where(seen.sperm, "sperm", "other").tolist()
        self._files["detections"].writelines(
            f"{frame},{text},{label}\n" for text, label in zip(numbers, labels, strict=True)
        )
        place = [_number(stage.x_um, 3), _number(stage.y_um, 3)] if self._um_allowed else ["", ""]
        time_s = f"{step.frame.time_s:.6f}"
        focus = f"{stage.focus:.5g}" if math.isfinite(stage.focus) else ""
        seen_there = [stage.state, focus, stage.map, _number(stage.um_per_px, 5)]
        self._tables["stage"].writerow([frame, time_s, stage.field, *place, *seen_there])
        self._write_tracks(step, time_s)
        self._write_grades(step)
        self.write_cells(step.finished)
        if time.monotonic() - self._journaled_s > JOURNAL_EVERY_S:
            self._note({"frames": frame + 1, "time_s": step.frame.time_s})

    def _write_tracks(self, step: Step, time_s: str) -> None:
        tracks, ids = step.tracks, step.tracks.track_id.tolist()
        boxes = _texts(np.column_stack([tracks.xy_px, tracks.wh_px, tracks.confidence]), (2, 2, 2, 2, 4))
        um = _texts(tracks.xy_um, (3, 3)) if self._um_allowed else [","] * len(ids)
        parts = zip(ids, boxes, tracks.observed.tolist(), um, strict=True)
        rows = [
            (one, f"{step.frame.index},{time_s},{one},{box},{observed:d},{place},{step.stage.field}\n")
            for one, box, observed, place in parts
        ]
        alive = set(ids)
        self._confirmed |= set(tracks.track_id[tracks.confirmed].tolist())
        self._waiting.append((alive, rows))
        while self._waiting and not (self._waiting[0][0] & alive) - self._confirmed:
            self._flush_tracks(self._waiting.popleft()[1])
        if not self._waiting:
            self._confirmed &= alive

    def _flush_tracks(self, rows: list[tuple[int, str]]) -> None:
        self._files["tracks"].writelines(row for track_id, row in rows if track_id in self._confirmed)

    def _write_grades(self, step: Step) -> None:
        grades = step.grades
        for row in np.flatnonzero(~grades.unlike).tolist():
            shares = [_number(v, 4) for v in grades.probabilities[row].tolist()]
            doubt = [_number(float(grades.expected_grade[row]), 3), _number(float(grades.uncertainty[row]), 3)]
            self._tables["grades"].writerow([int(grades.track_id[row]), f"{grades.time_s[row]:.6f}", *shares, *doubt])

    def write_cells(self, cells: Iterable[Cell]) -> None:
        """Add finished cells: a row each in ``sperm.csv`` and the clip that was graded."""
        for cell in cells:
            self._tables["sperm"].writerow(sperm_row(cell, self._mark))
            if cell.clip is not None:
                save_clip(self.partial / "clips" / f"{cell.track_id}.npz", cell.clip, cell.grade.embedding)
            self._note({"cell": cell.track_id, "last_frame": cell.last_frame})

    def _note(self, row: dict[str, Any]) -> None:
        for file in self._files.values():
            file.flush()
        self._journal.append(row)
        self._journaled_s = time.monotonic()

    def finish(self, summary: Summary) -> Path:
        """Write ``session.json`` and move the folder to its place; whole or, as the summary says, a part."""
        (self.partial / ".ballast").unlink(missing_ok=True)
        for unfinished in (self.partial / "clips").glob("*.part"):
            unfinished.unlink()
        while self._waiting:
            with suppress(OSError):
                self._flush_tracks(self._waiting.popleft()[1])
        self._close()
        text = json.dumps(summary.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
        (self.partial / "session.json").write_text(text, encoding="utf-8")
        move(self.partial, self.folder)
        return self.folder

    def abandon(self) -> None:
        """Remove what was written: nothing could be read from the source."""
        self._close()
        shutil.rmtree(self.partial, ignore_errors=True)

    def _close(self) -> None:
        for file in self._files.values():
            with suppress(OSError):
                file.close()
        with suppress(OSError):
            self._journal.close()


def partial_of(folder: Path) -> Path:
    """Where a session lies until it ends."""
    return folder.with_name(folder.name + ".partial")


def begin_folder(folder: Path) -> Path:
    """Make the partial folder of the session that will stand at ``folder``.

    Raises
    ------
    ValueError
        When either exists, or it cannot be made.
    """
    partial = partial_of(folder)
    for path in (folder, partial):
        if path.exists():
            raise ValueError(f"{path}: expected a new folder, found one that exists")
    try:
        partial.mkdir(mode=0o700)
        (partial / "clips").mkdir(mode=0o700)
        (partial / ".ballast").write_bytes(bytes(BALLAST_BYTES))
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise ValueError(f"{folder}: expected a place that can be written to, found: {error.strerror}") from error
    return partial


def sperm_row(cell: Cell, mark: str = "") -> list[object]:
    """The cell's row of ``sperm.csv``; what was not computed is empty and its reason stands in ``notes``."""
    motion, grade = cell.kinematics, cell.grade
    shown = len(grade) == 1 and not cell.not_graded
    shares: list[object] = [""] * len(GRADES)
    judged: list[object] = [""] * 4
    if shown:
        shares = [_number(v, 4) for v in grade.probabilities[0].tolist()]
        numbers = (float(grade.expected_grade[0]), float(grade.entropy[0]), float(grade.uncertainty[0]))
        expected, entropy, doubt = (_number(v, 3) for v in numbers)
        judged = [expected, GRADES[int(grade.mode[0])], entropy, doubt]
    speeds = [_number(v, 2) for v in (motion.vcl_um_s, motion.vsl_um_s, motion.vap_um_s)]
    ratios = [_number(v, 3) for v in (motion.lin, motion.str_, motion.wob)]
    beat = [_number(v, 2) for v in (motion.alh_um, motion.bcf_hz, motion.mad_deg)]
    in_place = [_number(v, 2) for v in (motion.twitch_um, motion.tail_movement)]
    notes = "; ".join(dict.fromkeys(filter(None, (mark, cell.not_graded, *motion.why.values()))))
    return [
        *(cell.track_id, cell.field, cell.first_frame, cell.last_frame, motion.n_frames, _number(motion.duration_s, 3)),
        *(*shares, *judged, motion.who_motility, *speeds, *ratios, *beat, *in_place),
        *(motion.hyperactivated, cell.identity, notes),
    ]


def save_clip(path: Path, clip: Clip, embedding: NDArray[np.float32]) -> None:
    """A clip and its embedding as an ``.npz`` without pickle; under its name only once it is whole."""
    arrays = {
        "frames": clip.frames,
        "time_s": clip.time_s,
        "xy_um": clip.xy_um,
        "observed": clip.observed,
        "um_per_px": np.float64(clip.um_per_px),
        "embedding": embedding.reshape(-1),
    }
    # The fastest level: noise does not pack, and numpy's own choice would take longer than tracking the cell did.
    with put(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else ""


def _texts(table: NDArray[np.floating], digits: tuple[int, ...]) -> list[str]:
    """A text for each row, of its numbers with commas between; empty is what is not finite."""
    rows = table.tolist()
    if not np.isfinite(table).all():
        return [",".join(map(_number, row, digits)) for row in rows]
    form = ",".join(f"%.{count}f" for count in digits)
    return [form % tuple(row) for row in rows]
