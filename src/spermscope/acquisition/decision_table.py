"""``decisions.jsonl``, chained rows of what people decided, read; and ``decisions.csv`` of it when a session ends."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spermscope.acquisition.standing import KINDS
from spermscope.journal import read_journal
from spermscope.store import TABLES
from spermscope.types import GRADES
from spermscope.whole_files import put

FILE = "decisions.jsonl"


def read_decisions(folder: Path) -> list[dict[str, Any]]:
    """The rows of a session folder, in order; none where nobody decided anything.

    Raises
    ------
    ValueError
        When a row was edited, taken out or put in.
    """
    path = folder / FILE
    return [row for row in read_journal(path) if row["kind"] in KINDS] if path.is_file() else []


def write_decisions(folder: Path) -> None:
    """Write ``decisions.csv`` from the rows; shares and doubt in it are what was shown, empty where nothing was."""
    rows = read_decisions(folder)
    if not rows:
        return
    with put(folder / "decisions.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(TABLES["decisions"])
        table.writerows(_cells(row) for row in rows)


def _cells(row: Mapping[str, Any]) -> list[object]:
    shown, model = row.get("shown") or {}, row.get("model") or {}
    shares = shown.get("distribution", {})
    blind = "" if "blind" not in shown else int(shown["blind"])
    values = {
        **{name: row.get(name) for name in ("who", "sample", "number", "track_id", "reason", "undoes")},
        **{name: row.get(name) for name in ("frame", "x_px", "y_px", "clip_sha256")},
        "time": row["when"],
        "grade": row.get("own"),
        "action": row.get("what", row["kind"]),
        "detail": " ".join(row.get("files", [])) or row.get("found"),
        "blind": blind,
        **{f"p_{grade}": shares.get(grade) for grade in GRADES},
        **{name: shown.get(name) for name in ("expected_grade", "uncertainty")},
        "model": model.get("name"),
        "model_sha256": model.get("sha256"),
        "demonstration": int(model["demonstration"]) if model else "",
    }
    return ["" if values[name] is None else values[name] for name in TABLES["decisions"]]
