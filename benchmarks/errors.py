"""What the grader's error is made of: what changes from take to take of the same cell, and what stays.

``python -m benchmarks.errors [MODEL.spermscope]``. Cells of new donors are filmed four times: the same cell at the same
microscope, with other noise, neighbours, debris and way of swimming. Each prediction is compared with the panel's exact
distribution for that take, so votes' chance is in no figure. What scatters between a cell's takes is what noise,
neighbours and tracking hide; what all takes share is what the network has not learned to see or the optics never show,
which the rows by clarity tell apart: blur hides little of the clearest third.
"""

from __future__ import annotations

import itertools
import sys
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.grading import FIRST_DONOR
from spermscope.drawing import draw_all
from spermscope.grade import open_grader
from spermscope.metrics import bootstrap_interval
from spermscope.model_file import shipped
from spermscope.runtime import load_model
from spermscope.settings import ClipSettings, Settings
from spermscope.simulate.cells import MODES, Cells
from spermscope.simulate.donors import draw_cells, draw_donor
from spermscope.simulate.experts import Panel, appearance
from spermscope.study.panel_clips import JITTER_UM, PANEL_SEED, film
from spermscope.types import Clip, Scale, SourceProfile

DONORS, CELLS, TAKES = 80, 6, 4
THIRDS = ("least clear third", "middle third", "clearest third")
STILL = [MODES.index(mode) for mode in ("non-progressive", "immotile")]


def takes(model: Path, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one donor ``errors (cells, takes, 5)``, ``clarity (cells,)``, ``still (cells,)``."""
    rng, rules = np.random.default_rng([number, 77]), ClipSettings()
    donor = draw_donor(rng, number)
    cells = draw_cells(donor, CELLS, rng)
    panel = Panel(np.random.default_rng(PANEL_SEED))
    profile = SourceProfile(150, 150, 15.0, Scale(0.5, "given"), 0, 110.0, 3.0)
    grader = open_grader(profile, Settings(), load_model(model))
    times_s = np.arange(rules.length) / rules.rate_hz
    errors, clarity = np.empty((CELLS, TAKES, 5)), np.empty(CELLS)
    for row in range(CELLS):
        clips, true_um = [], []
        for _ in range(TAKES):
            frames, xy_um, _ = film(donor, cells, row, times_s, number, rng, rules)
            seen_um = xy_um + rng.normal(0.0, JITTER_UM, xy_um.shape)
            clips.append(Clip(len(clips), frames, times_s, seen_um, np.ones(len(times_s), np.bool_), rules.um_per_px))
            true_um.append(xy_um)
        same = Cells.join([cells.take(np.array([row]))] * TAKES)
        seen = appearance(same, donor.optics, donor.um_per_px, times_s, np.stack(true_um))
        errors[row] = grader.grade_clips(clips).probabilities - panel.probabilities(seen).mean(axis=1)
        clarity[row] = seen.clarity[0]
    return errors, clarity, np.isin(cells.mode, STILL)


def row(name: str, errors: np.ndarray, donor: np.ndarray) -> str:
    """MSE in all, between takes, and shared by them, with intervals by donor."""
    whole = np.square(errors).mean(axis=(1, 2))
    between = errors.var(axis=1, ddof=1).mean(axis=1)
    cells = []
    for part in (whole, between, whole - between):
        low, high = bootstrap_interval(part, donor, np.random.default_rng(4))
        cells.append(f"{part.mean():.5f} ({low:.5f}-{high:.5f})")
    return f"| {name} | {len(errors)} | {' | '.join(cells)} |\n"


def main() -> None:
    """Print the table."""
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("grader")
    numbers = range(FIRST_DONOR + 500_000, FIRST_DONOR + 500_000 + DONORS)
    drawn = draw_all(partial(takes, model), numbers, 2, lambda done, total: None)
    errors, clarity, still = (np.concatenate(part) for part in zip(*drawn, strict=True))
    donor = np.repeat(np.arange(DONORS), CELLS)
    sys.stdout.write("| cells | number | MSE from the truth | between takes | shared by all takes |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    sys.stdout.write(row("all", errors, donor))
    edges = np.quantile(clarity, [0, 1 / 3, 2 / 3, 1])
    for name, (low, high) in zip(THIRDS, itertools.pairwise(edges), strict=True):
        some = (clarity >= low) & (clarity <= high)
        sys.stdout.write(row(f"{name}, {low:.2f}-{high:.2f}", errors[some], donor[some]))
    for name, some in (("swimming", ~still), ("non-progressive or immotile", still)):
        sys.stdout.write(row(name, errors[some], donor[some]))


if __name__ == "__main__":
    main()
