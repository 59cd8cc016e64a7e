"""A finished session folder, read back: what its summary says, its tables, its clips."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.summary import Summary


@dataclass(frozen=True)
class Session:
    """A finished session folder, read lazily."""

    folder: Path

    @cached_property
    def summary(self) -> Summary:
        """What ``session.json`` says."""
        return Summary.model_validate_json((self.folder / "session.json").read_text(encoding="utf-8"))

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of ``NAME.csv`` as text by column; an empty text is "not computed"."""
        with (self.folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def corrected(self) -> dict[str, Any] | None:
        """What ``corrected.json`` says: raw figures and those that heed people's corrections; None without any."""
        path = self.folder / "corrected.json"
        if not path.is_file():
            return None
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return told

    def clip(self, track_id: int) -> dict[str, NDArray[Any]] | None:
        """The arrays of ``clips/ID.npz``; None where the cell has none."""
        path = self.folder / "clips" / f"{track_id}.npz"
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}


def read_session(folder: Path) -> Session:
    """Open a session folder.

    Raises
    ------
    ValueError
        When it is not one, or one that never ended.
    """
    if not (folder / "session.json").is_file():
        raise ValueError(f"{folder}: expected a session folder with session.json, found none")
    return Session(folder)


def paths_of(rows: Sequence[dict[str, str]]) -> dict[int, NDArray[np.float64]]:
    """``tracks.csv`` rows to ``(n, 3)`` arrays ``time_s, x_px, y_px`` by track."""
    paths: dict[int, list[tuple[float, float, float]]] = {}
    for row in rows:
        paths.setdefault(int(row["track_id"]), []).append(
            (float(row["time_s"]), float(row["x_px"]), float(row["y_px"]))
        )
    return {track_id: np.array(points) for track_id, points in paths.items()}
