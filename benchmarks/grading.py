"""The shipped grader on simulated donors that nothing has seen: every score beside its floor and the mean row.

``python -m benchmarks.grading [DONORS]``. Draws new donors (numbers that the recipe never uses), grades their clips by
the shipped file in the engine that a clinic runs, and scores against the 40 simulated experts' votes. The interval is a
bootstrap by donor; the floor is what the labels themselves get against labels of 40 fresh votes; the mean row is the
mean distribution of other donors for everyone.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np

from spermscope import metrics
from spermscope.grade import open_grader
from spermscope.settings import ClipSettings, Settings
from spermscope.study.panel_clips import PanelClips, draw_panel_clips
from spermscope.training.scores import TABLE, score_table
from spermscope.types import Clip, Scale, SourceProfile

FIRST_DONOR = 1_000_000


def grade(clips: PanelClips) -> tuple[np.ndarray, np.ndarray]:
    """Distributions of all clips and which are unlike training."""
    profile = SourceProfile(150, 150, 15.0, Scale(0.5, "given"), 0, 110.0, 3.0)
    grader, scale = open_grader(profile, Settings()), ClipSettings().um_per_px
    rows = [
        Clip(row, clips.frames[row], clips.time_s[row], clips.xy_um[row], clips.observed[row], scale)
        for row in range(len(clips))
    ]
    parts = [grader.grade_clips(rows[first : first + 50]) for first in range(0, len(rows), 50)]
    return np.concatenate([p.probabilities for p in parts]), np.concatenate([p.unlike for p in parts])


def main() -> None:
    """Print the table."""
    donors = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    clips = draw_panel_clips(range(FIRST_DONOR, FIRST_DONOR + donors), 0)
    others = draw_panel_clips(range(FIRST_DONOR + donors, FIRST_DONOR + donors + 40), 0).distributions
    predicted, unlike = grade(clips)
    target = clips.distributions
    table = score_table(predicted, target, clips.votes.shape[1], clips.donor, others)
    sys.stdout.write(f"{donors} donors, {len(clips)} clips; unlike training: {100 * unlike.mean():.1f} %\n\n")
    sys.stdout.write(
        "| metric | score | 95 % interval by donor | noise floor | mean-distribution row |\n|---|---|---|---|---|\n"
    )
    for name in TABLE:
        point, low, high = table[name]
        floor, mean = table[f"{name}_floor"], table[f"{name}_mean_row"]
        sys.stdout.write(f"| {name} | {point:.5f} | {low:.5f}-{high:.5f} | {floor:.5f} | {mean:.5f} |\n")
    error = metrics.mse(predicted, target)
    sys.stdout.write(f"\nMSE over its floor: {error.mean() / table['mse_floor']:.2f}\n")
    sys.stdout.write(f"entropy correlation: {metrics.entropy_correlation(predicted, target):.2f}\n")
    edges = np.quantile(clips.clarity, [0, 1 / 3, 2 / 3, 1])
    for low, high in itertools.pairwise(edges):
        part = (clips.clarity >= low) & (clips.clarity <= high)
        sys.stdout.write(f"clarity {low:.2f}-{high:.2f}: MSE {error[part].mean():.5f}\n")


if __name__ == "__main__":
    main()
