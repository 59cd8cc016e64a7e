"""The shipped grader on simulated donors that nothing has seen: every score beside all that it is read against.

``python -m benchmarks.grading [DONORS]``. Draws new donors (numbers that the recipe never uses), grades their clips by
the shipped file in the engine that a clinic runs, and scores against the 40 simulated experts' votes. Intervals are a
bootstrap by donor; the floor is what the labels themselves get against labels of 40 fresh votes; the mean row is the
mean distribution of other donors for everyone. Sets of grades are fitted on half the donors and raters and tried on
the others. Last the error once more in f32 by both rows of looks, and in int8 as live.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np

from spermscope import metrics
from spermscope.conformal import grade_sets, rater_coverage, set_threshold
from spermscope.doubt import chance, kept
from spermscope.grade import open_grader
from spermscope.labels import distribution
from spermscope.report.scores import score_lines, segment_lines
from spermscope.settings import ClipSettings, Settings, live_settings
from spermscope.study.panel_clips import PanelClips, draw_panel_clips
from spermscope.types import Clip, Grades, Scale, SourceProfile

FIRST_DONOR = 1_000_000
HALVINGS = 100


def grade(clips: PanelClips, settings: Settings) -> Grades:
    """Of all clips."""
    profile = SourceProfile(150, 150, 15.0, Scale(0.5, "given"), 0, 110.0, 3.0)
    grader, scale = open_grader(profile, settings), ClipSettings().um_per_px
    rows = [
        Clip(row, clips.frames[row], clips.time_s[row], clips.xy_um[row], clips.observed[row], scale)
        for row in range(len(clips))
    ]
    return Grades.joined([grader.grade_clips(rows[first : first + 50]) for first in range(0, len(rows), 50)])


def sets(predicted: np.ndarray, votes: np.ndarray, donor: np.ndarray) -> str:
    """How sets of grades that are fitted on half the donors and raters hold the other raters' votes on other donors."""
    rng, people, found = np.random.default_rng(13), np.unique(donor), []
    for _ in range(HALVINGS):
        fitted = np.isin(donor, rng.permutation(people)[: len(people) // 2])
        raters = rng.permutation(votes.shape[1])
        known, new = raters[: len(raters) // 2], raters[len(raters) // 2 :]
        limit = set_threshold(predicted[fitted], distribution(votes[fitted][:, known], 5), donor[fitted])
        chosen = grade_sets(predicted[~fitted], limit)
        share = rater_coverage(chosen, votes[~fitted][:, new], donor[~fitted])
        low, high = metrics.crossed_interval(share, rng, resamples=500)
        found.append((100 * share.mean(), low <= 0.9 <= high, chosen.sum(axis=1).mean()))
    held, inside, size = np.array(found).T
    return (
        f"90 % sets, {HALVINGS} random halvings of donors and raters: {held.mean():.1f} % held (95 % of halvings "
        f"{np.quantile(held, 0.025):.1f}-{np.quantile(held, 0.975):.1f}), the interval contains 90 in "
        f"{100 * inside.mean():.0f} %, mean size {size.mean():.2f}\n"
    )


def doubts(found: Grades, clips: PanelClips) -> str:
    """By fifths of the model's own doubt: the doubt and how far the expected grade is off, root mean squares."""
    off = found.expected_grade - metrics.mean_grade(clips.distributions)
    variance = chance(clips.distributions, np.full(len(clips), clips.votes.shape[1]))
    lines = ["| own doubt | cells | doubt | off the votes, less their chance | off the truth | within a doubt |"]
    lines.append("|---|---|---|---|---|---|")
    parts = [("all", np.arange(len(clips)))]
    parts += [(f"fifth {at + 1}", rows) for at, rows in enumerate(np.array_split(np.argsort(found.uncertainty), 5))]
    for name, rows in parts:
        doubt, true = found.uncertainty[rows], found.expected_grade[rows] - metrics.mean_grade(clips.truth[rows])
        seen = np.mean(off[rows] ** 2 - variance[rows]).clip(min=0.0)
        numbers = [f"{root:.2f}" for root in np.sqrt([np.mean(doubt**2), seen, np.mean(true**2)])]
        within = 100 * kept(doubt, off[rows], variance[rows]).mean()
        lines.append(f"| {name} | {len(rows)} | {' | '.join(numbers)} | {within:.0f} % |")
    return "\n".join(lines) + "\n"


def another_way(one: np.ndarray, other: np.ndarray, donor: np.ndarray, floor: float) -> str:
    """Another way's error, and what it adds to ``one``'s, with intervals by donor."""
    low, high = metrics.bootstrap_interval(other, donor, np.random.default_rng(5))
    less, more = metrics.bootstrap_interval(other - one, donor, np.random.default_rng(5))
    return (
        f"MSE {other.mean():.5f} ({low:.5f}-{high:.5f}), {other.mean() / floor:.2f} times its floor; "
        f"{(other - one).mean():+.5f} ({less:+.5f} to {more:+.5f})"
    )


def main() -> None:
    """Print the tables."""
    donors = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    clips = draw_panel_clips(range(FIRST_DONOR, FIRST_DONOR + donors), 0)
    others = draw_panel_clips(range(FIRST_DONOR + donors, FIRST_DONOR + donors + 40), 0).distributions
    found = grade(clips, Settings())
    predicted, unlike = found.probabilities, found.unlike
    mean = metrics.mean_distribution(others, len(clips))
    exam = metrics.Exam.of_votes(clips.votes, clips.donor, mean, truth=clips.truth)
    rng = np.random.default_rng(12)
    table = metrics.score_table(predicted, exam, metrics.beside(exam, rng), rng)
    sys.stdout.write(f"{donors} donors, {len(clips)} clips; unlike training: {100 * unlike.mean():.1f} %\n\n")
    sys.stdout.write("\n".join(score_lines(table)))
    sys.stdout.write(f"\n\nMSE over its floor: {table['mse'].value / table['mse'].floor:.2f}\n")
    place = metrics.segments(exam.target)
    parts = metrics.segment_tables(predicted, exam, rng)
    counts = {segment: int((place == segment).sum()) for segment in parts}
    sys.stdout.writelines(f"{line}\n" for line in segment_lines(parts, counts))
    sys.stdout.write(sets(predicted, clips.votes, clips.donor))
    sys.stdout.write(doubts(found, clips))
    error = metrics.mse(predicted, exam.target)
    edges = np.quantile(clips.clarity, [0, 1 / 3, 2 / 3, 1])
    for low, high in itertools.pairwise(edges):
        part = (clips.clarity >= low) & (clips.clarity <= high)
        sys.stdout.write(f"clarity {low:.2f}-{high:.2f}: MSE {error[part].mean():.5f}\n")
    for name, settings in (("by both rows of looks", live_settings("f32")), ("in int8, as live", live_settings())):
        other = metrics.mse(grade(clips, settings).probabilities, exam.target)
        sys.stdout.write(f"{name}: {another_way(error, other, exam.donor, table['mse'].floor)}\n")


if __name__ == "__main__":
    main()
