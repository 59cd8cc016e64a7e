"""What is true of a scene, as tables to be read elsewhere."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path

import numpy as np

from spermscope.simulate.cells import MODES, Cells
from spermscope.simulate.scene import Scene


def write_truth(scene: Scene, path: Path) -> Path:
    """Write a row for each cell in view and frame to ``path``, and ``<stem>_cells.csv`` with a row for each cell.

    Returns the second file's path.
    """
    seen: dict[int, int] = {}
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["frame", "time_s", "cell_id", "x_px", "y_px", "x_um", "y_um", "heading_deg", "mode"])
        for index, (time_s, _) in enumerate(scene.schedule()):
            truth = scene.truth(time_s)
            for row in np.flatnonzero(truth.in_view).tolist():
                seen[int(truth.cell_id[row])] = row
                numbers = (truth.x_px[row], truth.y_px[row], truth.x_um[row], truth.y_um[row], truth.heading_deg[row])
                words = [f"{value:.3f}" for value in numbers]
                table.writerow([index, f"{time_s:.6f}", truth.cell_id[row], *words, MODES[truth.mode[row]]])
    cells_path = path.with_name(f"{path.stem}_cells.csv")
    names = [item.name for item in fields(Cells) if item.name != "mode"]
    with cells_path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["cell_id", "mode", *names])
        for cell_id, number in sorted(seen.items()):
            values = [f"{getattr(scene.cells, name)[number]:.4f}" for name in names]
            table.writerow([cell_id, MODES[scene.cells.mode[number]], *values])
    return cells_path
