"""The sessions below a folder: which there are, what state they are in, and two of them side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spermscope.acquisition.corrections import FILE as CORRECTED
from spermscope.acquisition.recovery import describe, first_picture
from spermscope.session import read_session
from spermscope.summary import Share, Summary
from spermscope.types import GRADES

PARTIAL, PERCENT = ".partial", "{:.0f}\N{NO-BREAK SPACE}%"
WHY = {
    "concentration": "concentration",
    "motile": "motility",
    "progressive": "motility",
    "hyperactivated": "hyperactivated",
}
"""Figures that may be absent, and under which name the session says why."""
State = Literal["whole", "part", "killed", "unreadable"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One session. ``made`` is ISO 8601 in UTC; ``cells`` None where it never ended.

    ``why`` says what is missing (English, as results keep it); ``recording`` is its recording's folder, if it has one,
    which ``recorded_s`` seconds can be read of.
    """

    folder: Path
    state: State
    made: str
    sample: str
    cells: int | None
    demonstration: bool
    why: tuple[str, ...]
    recording: Path | None
    recorded_s: float

    @property
    def report(self) -> Path | None:
        """Its report, if it has one."""
        path = self.folder / "report.html"
        return path if path.is_file() else None


def sessions_in(root: Path, running: Path | None = None) -> list[Entry]:
    """Every session folder directly below ``root``, the newest first, save the one that is ``running``.

    A folder that never ended (a kill, a power cut) is listed as ``killed``; one whose ``session.json`` cannot be read
    as ``unreadable``. A missing ``root`` has none.
    """
    try:
        folders = [path for path in root.iterdir() if path.is_dir() and path != running]
    except OSError:
        return []
    found = [entry for folder in folders if (entry := _entry(folder)) is not None]
    return sorted(found, key=lambda entry: (entry.made, entry.folder.name), reverse=True)


def thumbnail(entry: Entry) -> NDArray[np.uint8] | None:
    """``(H, W)``: the recording's first picture, else a cell's; None where there is neither."""
    picture = first_picture(entry.recording) if entry.recording is not None else None
    if picture is not None:
        return picture
    for path in sorted((entry.folder / "clips").glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return np.asarray(arrays["frames"][0], np.uint8)
        except (OSError, ValueError, KeyError):
            continue
    return None


def main_figures(folder: Path) -> dict[str, str]:
    """What two sessions are compared by: texts by name of the figure, or why one was not computed.

    Names are ``frames duration scale cells in_view concentration motile progressive hyperactivated graded grade_A`` ..
    ``corrections model``; a figure that people's corrections changed has the corrected one after the raw, in brackets.

    Raises
    ------
    ValueError
        When the folder holds no session.
    """
    summary = read_session(folder).summary
    corrected = _corrected(folder)
    amount, shares = summary.concentration, summary.motility or {}
    sample = summary.sample_distribution or {}
    fixed = corrected.get("corrected", {})
    figures = {
        "frames": str(summary.frames),
        "duration": _text(summary.duration_s, "{:.1f}"),
        "scale": _text(summary.profile.get("um_per_px"), "{:.3f}"),
        "cells": _with(str(summary.cells), fixed.get("cells")),
        "in_view": _with(_text(summary.mean_in_view, "{:.1f}"), _text(fixed.get("mean_in_view"), "{:.1f}")),
        "concentration": _with(
            _text(amount.millions_per_ml if amount else None, "{:.3g}"), _text(_first(fixed, "concentration"), "{:.3g}")
        ),
        **{name: _with(_share(shares.get(name)), _fixed_share(fixed, name)) for name in ("motile", "progressive")},
        "hyperactivated": _with(
            _share(summary.hyperactivated), _text(_hundred(_first(fixed, "hyperactivated")), PERCENT)
        ),
        "graded": _with(str(summary.graded), fixed.get("graded")),
    }
    for grade in GRADES:
        figures[f"grade_{grade}"] = _text(_hundred(sample.get(grade)), PERCENT)
    for name, key in WHY.items():
        figures[name] = figures[name] or summary.not_computed.get(key, "")
    figures["corrections"] = str(corrected.get("corrections", 0))
    graders = [use for use in summary.models if use.kind in ("streaming", "clip")]
    figures["model"] = " ".join((graders[0].name, graders[0].version)) if graders else ""
    return figures


def _entry(folder: Path) -> Entry | None:
    ended, cut = (folder / "session.json").is_file(), folder.name.endswith(PARTIAL)
    try:
        recorded = describe(folder)
    except (OSError, ValueError):
        recorded = None
    if not ended and not cut and recorded is None:
        return None
    place, seconds, lines = (recorded.folder, recorded.recorded_s, recorded.lines) if recorded else (None, 0.0, ())
    if not ended:
        made = (recorded and recorded.first_utc) or _touched(folder)
        return Entry(folder, "killed", made, "", None, False, lines, place, seconds)
    try:
        summary = Summary.model_validate_json((folder / "session.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        return Entry(folder, "unreadable", _touched(folder), "", None, False, (why,), place, seconds)
    why = (summary.incomplete_because, *lines) if not summary.complete else lines
    state: State = "whole" if summary.complete else "part"
    sample = str(summary.conditions.get("sample", ""))
    return Entry(folder, state, summary.created, sample, summary.cells, summary.demonstration, why, place, seconds)


def _touched(folder: Path) -> str:
    """When something was last added to it, in place of the moment that nothing tells."""
    return datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _corrected(folder: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads((folder / CORRECTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _text(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _share(share: Share | None) -> str:
    return "" if share is None else " ".join((PERCENT.format(100 * share.share), f"({share.interval})"))


def _fixed_share(fixed: Mapping[str, Any], name: str) -> str:
    return _text(_hundred(_first(fixed.get("motility") or {}, name)), PERCENT)


def _first(fixed: Mapping[str, Any], name: str) -> float | None:
    """The value before its interval; None where it is absent, as everything but counts may be."""
    found: list[float | None] | None = fixed.get(name)
    return found[0] if found else None


def _with(raw: str, corrected: object) -> str:
    """Raw, and the corrected figure where there is one."""
    return " ".join((raw, f"[{corrected}]")) if corrected not in (None, "") else raw
