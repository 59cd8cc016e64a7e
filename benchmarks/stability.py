"""Whether a predicted rating stays the same where nothing about the cell has changed, on real pixels (visem52).

``python -m benchmarks.stability [MODEL.spermscope]``; the shipped grader when none is named. The recording is taken to
have the scale that is estimated of it. Every cell that is followed for 2 s is graded over the middle second of its
track, and in each disturbed video over the same second again: once with the tracks carried over, so that pixels alone
vary, and once from detection on, which is what a user sees. Two seconds of one track are its first and its last; beside
them stand simulated cells at the same scale and frame rate. EMD in grades; intervals are a bootstrap over cells
(simulated: donors).
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.disturbances import Disturbance, disturbances
from benchmarks.simulated_seconds import draw_seconds
from benchmarks.trails import SECOND_S, Trail, cut, follow, same_cell
from spermscope import metrics
from spermscope.grade import Grader, open_grader
from spermscope.model_file import shipped
from spermscope.runtime import load_model
from spermscope.settings import Settings
from spermscope.study.panel_clips import JITTER_UM
from spermscope.types import Clip
from spermscope.video import open_source

RECORDING = Path(__file__).resolve().parents[2] / "shared" / "data" / "visem52" / "visem52_dev.mp4"
LEAST_S = 2.0 + 1.0 / 15.0
"""So long that the first and the last second share no crop."""
DONORS = 40
HEAD = (
    "| {} | cells | median EMD (95 %) | 90 % below | unlike training, before and after | median of the others |\n"
    "|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Rated:
    """N predictions: ``shares (N, K)`` of the grades, and which are of cells ``unlike (N,)`` training."""

    shares: np.ndarray
    unlike: np.ndarray

    def take(self, rows: list[int]) -> Rated:
        """These of them."""
        return Rated(self.shares[rows], self.unlike[rows])


def rate(grader: Grader, clips: list[Clip]) -> Rated:
    """What the grader predicts for exactly these crops, unlike training or not."""
    parts = [grader.grade_clips(clips[first : first + 50]) for first in range(0, len(clips), 50)]
    return Rated(np.concatenate([p.probabilities for p in parts]), np.concatenate([p.unlike for p in parts]))


def row(name: str, before: Rated, after: Rated, cells: str = "", group: np.ndarray | None = None) -> str:
    """One line of a table; ``group (N,)`` are donors, where the cells are not each by itself."""
    apart = metrics.emd(before.shares, after.shares)
    by = np.arange(len(apart)) if group is None else group
    low, high = metrics.resampled_interval(lambda rows: float(np.median(apart[rows])), by, np.random.default_rng(5))
    like = ~(before.unlike | after.unlike)
    others = f"{np.median(apart[like]):.2f} ({like.sum()})" if like.any() else "- (0)"
    return (
        f"| {name} | {cells or len(apart)} | {np.median(apart):.2f} ({low:.2f}-{high:.2f}) | "
        f"{np.quantile(apart, 0.9):.2f} | {100 * before.unlike.mean():.0f} %, {100 * after.unlike.mean():.0f} % | "
        f"{others} |\n"
    )


def two_seconds(
    grader: Grader, whose: str, first: list[Clip], last: list[Clip], group: np.ndarray | None = None
) -> tuple[str, str]:
    """Lines on two seconds of each cell and on what of the other one makes the difference; two different cells."""
    before = rate(grader, first)
    changes = {
        "first and last second": last,
        "first second, its pictures from the last": mixed(last, first),
        "first second, its displacements from the last": mixed(first, last),
    }
    lines = "".join(row(f"{whose}: {name}", before, rate(grader, c), group=group) for name, c in changes.items())
    one, other = np.triu_indices(len(first), 1)
    apart = metrics.emd(before.shares[one], before.shares[other])
    pairs = f"{whose}, {len(apart)} pairs of different cells: median EMD {np.median(apart):.2f}, 90 % below"
    return lines, f"{pairs} {np.quantile(apart, 0.9):.2f}\n"


def mixed(pictures: list[Clip], displacements: list[Clip]) -> list[Clip]:
    """Clips with the pictures of some and all else of the others."""
    return [replace(moved, frames=seen.frames) for seen, moved in zip(pictures, displacements, strict=True)]


def real_seconds(grader: Grader, trails: list[Trail], um_per_px: float) -> tuple[str, str]:
    """``two_seconds`` of the recording's cells, and what placing or timing its crops a little otherwise does."""
    pairs = [(trail.second(trail.time_s[0]), trail.second(trail.time_s[-1] - SECOND_S)) for trail in trails]
    whole = [number for number, (first, last) in enumerate(pairs) if first and last]
    first, last = ([pairs[number][half] for number in whole] for half in (0, 1))
    clips = cut(RECORDING, um_per_px, first)
    lines, of_pairs = two_seconds(grader, "visem52", clips, cut(RECORDING, um_per_px, last))
    rng, before = np.random.default_rng(6), rate(grader, clips)
    off = [replace(one, xy_px=one.xy_px + rng.normal(0.0, JITTER_UM / um_per_px, one.xy_px.shape)) for one in first]
    later = [trails[number].second(trails[number].time_s[1]) for number in whole]
    for name, seconds in ((f"first second, each crop {JITTER_UM} um off", off), ("a frame later", later)):
        lines += row(f"visem52: {name}", before, rate(grader, cut(RECORDING, um_per_px, seconds)))
    return lines, of_pairs


def simulated_seconds(grader: Grader, um_per_px: float, fps: float) -> tuple[str, str]:
    """``two_seconds`` of simulated cells, and how far apart the simulated panel itself is on them."""
    first, last, one, other, donor = draw_seconds(DONORS, um_per_px, fps)
    lines, pairs = two_seconds(grader, "simulated", first, last, donor)
    none = np.zeros(len(donor), bool)
    return lines + row("simulated: the panel on both seconds", Rated(one, none), Rated(other, none), group=donor), pairs


def middle_s(trail: Trail) -> float:
    """When the middle second of a trail begins."""
    return float(trail.time_s[0] + 0.5 * (trail.lasts_s - SECOND_S))


def disturbed(
    grader: Grader, change: Disturbance, um_per_px: float, trails: list[Trail], before: Rated
) -> tuple[str, str]:
    """A line with the tracks carried over, and one with everything anew, from detection on."""
    begins_s = [middle_s(trail) for trail in trails]
    carried = [change.of(trail) for trail in trails]
    scale = change.um_per_px(um_per_px)
    with tempfile.TemporaryDirectory() as folder:
        video = change.write(RECORDING, Path(folder))
        seconds = [trail.second(at_s) for trail, at_s in zip(carried, begins_s, strict=True)]
        held = row(change.name, before, rate(grader, cut(video, scale, seconds)))
        found = follow(video, scale, grader)
        own = [same_cell(trail, found, at_s, scale) for trail, at_s in zip(carried, begins_s, strict=True)]
        again = [trail and trail.second(at_s) for trail, at_s in zip(own, begins_s, strict=True)]
        rows = [number for number, second in enumerate(again) if second]
        after = rate(grader, cut(video, scale, [again[number] for number in rows]))
        with open_source(video) as source:
            name = f"{change.name} (estimated: {source.profile.scale.um_per_px:.2f} um/px)"
        return held, row(name, before.take(rows), after, f"{len(rows)} of {len(trails)}")


def main() -> None:
    """Print the tables."""
    out, model = sys.stdout, load_model(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped("grader"))
    with open_source(RECORDING) as source:
        profile = source.profile
    grader, scale = open_grader(profile, Settings(), model), profile.scale.um_per_px
    trails = [trail for trail in follow(RECORDING, scale, grader) if trail.lasts_s >= LEAST_S]
    trails = [trail for trail in trails if trail.second(middle_s(trail))]
    out.write(f"{model.card.name} {model.card.version} {model.sha256[:12]}, {scale:.3f} um/px, {len(trails)} cells\n\n")
    real, of_real = real_seconds(grader, trails, scale)
    simulated, of_simulated = simulated_seconds(grader, scale, profile.rate_hz)
    out.write(HEAD.format("two seconds of a cell") + real + simulated + f"\n{of_real}{of_simulated}\n")
    out.flush()
    before = rate(grader, cut(RECORDING, scale, [trail.second(middle_s(trail)) for trail in trails]))
    changes = disturbances(profile.width_px, profile.height_px)
    lines = [disturbed(grader, change, scale, trails, before) for change in changes]
    for title, rows in zip(("tracks carried over", "everything anew"), zip(*lines, strict=True), strict=True):
        out.write(HEAD.format(title) + "".join(rows) + "\n")


if __name__ == "__main__":
    main()
