"""What the suite found, as tables to read and a chart to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from spermscope.bench.reference import Ratio
from spermscope.report.figures import panels_of

STAGES = ("stage", "detect", "track", "clips", "tails", "grade", "measure")
# Okabe & Ito's colours; marks say the same again.
LOOKS = (("#0072B2", "o", "-"), ("#E69F00", "s", "--"))


def print_suite(found: Mapping[str, Any], console: Console) -> None:
    """Stages, then the whole, then the machine's limit and the start."""
    stages = Table("scene", "cells", *STAGES, "mean", title="ms a frame, one stage after another: p50, p99")
    whole = Table(
        "scene", "graded/s", "H.264 x", "FFV1 x", "live p50 ms", "p99 ms", "left out", "late", "renewed Hz", "MB",
        title="one core: cell-frames graded a second; all: times faster than filmed; live: delay until placed, frames "
        "left out for newer ones, frames with fewer grades than were due, and how often a cell's grade is another",
    )  # fmt: skip
    for name, scene in found["scenes"].items():
        laps = (scene["stages_ms"].get(stage) for stage in STAGES)
        stages.add_row(
            name,
            f"{scene['cells']:.0f}",
            *(f"{lap['p50']:.1f}, {lap['p99']:.1f}" if lap else "" for lap in laps),
            f"{scene['mean_ms']:.1f}",
        )
        whole.add_row(
            name,
            f"{scene['graded_a_second']:.0f}",
            *(f"{scene[codec]['times_faster_than_filmed']:.2f}" for codec in ("h264", "ffv1")),
            *_live(scene["live"]),
            f"{scene['ffv1']['peak_mb']:.0f}",
        )
        if "live_at_twice_the_rate" in scene:
            fast = scene["live_at_twice_the_rate"]
            whole.add_row(f"- live at {fast['fps']:g} fps", "", "", "", *_live(fast), "")
    console.print(stages, whole)
    machine, limit, begun = found["machine"], found["limit"], found["start"]
    console.print(f"{machine['processor']}, {machine['cores']} cores, {machine['engine']}, {machine['precision']}")
    console.print(f"{machine['isa']}{'; ' + machine['note'] if machine['note'] else ''}")
    console.print(
        f"f32 products of matrices, one core: {limit['matrices']:.0f} GFLOP/s; encoder {limit['encoder']:.0f}"
        f" ({100 * limit['share']:.0f} %), head {limit['head']:.0f}"
    )
    if begun:
        console.print(
            f"from the start to the first frame {begun['first_frame_s']:.1f} s, to the first grade"
            f" {begun['first_grade_s']:.1f} s, which needs {begun['filmed_until_then_s']:.2f} s of movie"
        )


def _live(live: Mapping[str, Any]) -> tuple[str, ...]:
    p50, p99 = (f"{live['delay_ms'][share]:.0f}" for share in ("p50", "p99"))
    renewed = "" if live["renewed_hz"] is None else f"{live['renewed_hz']:.1f}"
    return p50, p99, f"{live['left_out']} of {live['came']}", f"{live['late']}", renewed


def print_ratios(ratios: Mapping[str, Ratio], console: Console) -> None:
    """Ours beside others."""
    table = Table("beside", "ours ms", "theirs ms", "times faster", "95 %", title="f32, one core, by turns")
    for name, ratio in ratios.items():
        interval = f"{ratio.low:.1f} - {ratio.high:.1f}"
        table.add_row(name, f"{ratio.ours_ms:.3g}", f"{ratio.theirs_ms:.4g}", f"{ratio.value:.1f}", interval)
    console.print(table)


def chart(found: Mapping[str, Any]) -> Figure:
    """What a frame takes, and how many grades come of a second, against the cells in view."""
    figure, (cost, rate) = panels_of(7.4, 3.4, 2, together=False)
    fields = list(dict.fromkeys(name.split()[0] for name in found["scenes"]))
    for field, (colour, mark, dash) in zip(fields, LOOKS, strict=False):
        scenes = [scene for name, scene in found["scenes"].items() if name.split()[0] == field]
        cells = [scene["cells"] for scene in scenes]
        look: dict[str, Any] = {
            "color": colour,
            "marker": mark,
            "linestyle": dash,
            "markersize": 4,
            "label": f"{field} px",
        }
        cost.plot(cells, [scene["mean_ms"] for scene in scenes], **look)
        rate.plot(cells, [scene["graded_a_second"] for scene in scenes], **look)
    cost.set(xlabel="cells in view", ylabel="ms a frame, one core", xlim=(0, None), ylim=(0, None))
    rate.set(xlabel="cells in view", ylabel="grades a second, one core", xlim=(0, None), ylim=(0, None))
    cost.legend(frameon=False, fontsize=8)
    return figure
