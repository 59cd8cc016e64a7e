"""``spermscope bench``: how fast this machine is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from rich.console import Console

from spermscope.commands.progress import progress

if TYPE_CHECKING:
    from spermscope.bench.reference import Ratio
    from spermscope.settings import Settings

_path = click.Path(path_type=Path)
WIDE = 124
"""Letters a line where no terminal says how many there are."""


@click.command()
@click.argument("source", required=False)
@click.option("--grader", type=_path, help="Your own grader, a model file, for SOURCE; else the shipped one.")
@click.option("--int8", is_flag=True, help="Compute in whole numbers where a model has them, as live does.")
@click.option("--isa", type=click.Choice(["native", "avx2", "avx2_vnni"]), default="native", help="Cap the processor.")
@click.option("--quick", is_flag=True, help="Three short scenes of a small field.")
@click.option("--scenes", type=_path, help="Where the scenes are kept (700 MB); else in this user's cache.")
@click.option("--reference", is_flag=True, help="Beside TimeSformer-Small and RT-DETR (train extra, transformers).")
@click.option("--out", type=_path, help="A folder for bench.json and bench.svg.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(
    source: str | None,
    grader: Path | None,
    int8: bool,
    isa: Literal["native", "avx2", "avx2_vnni"],
    quick: bool,
    scenes: Path | None,
    reference: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Time this machine: every stage on SOURCE, or on fixed scenes of 0 to 300 cells, recorded and live.

    Without SOURCE two fields are simulated once (some minutes) and kept; then each is taken stage by stage on one core,
    as a movie in H.264 and FFV1 on two, and live with its recording. A process of its own for each keeps them apart.

    \b
    Example: spermscope bench --int8 movie.mp4
    Example: spermscope bench --int8 --out bench
    Example: spermscope bench --quick --reference
    """
    from spermscope.settings import Settings

    settings = Settings(precision="int8" if int8 else "f32")
    if source is not None:
        if quick or scenes or reference or out or isa != "native":
            raise ValueError("bench: expected a SOURCE, or options of the fixed scenes, found both")
        _one(source, grader, settings, as_json)
        return
    if grader is not None:
        raise ValueError("bench: expected --grader with a SOURCE, found none")
    _fixed(settings, isa, quick, scenes, reference, out, as_json)


def _one(source: str, grader: Path | None, settings: Settings, as_json: bool) -> None:
    from spermscope.bench import time_stages
    from spermscope.runtime import load_in

    model = load_in(grader, settings.precision) if grader else None
    with progress("frames") as advance:
        table = time_stages(source, settings, grader=model, progress=advance)
    if as_json:
        click.echo(json.dumps(table.as_json(), indent=1))
    else:
        table.print_table(Console())


def _fixed(
    settings: Settings,
    isa: Literal["native", "avx2", "avx2_vnni"],
    quick: bool,
    scenes: Path | None,
    reference: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    from platformdirs import user_cache_path

    from spermscope.bench.apart import apart
    from spermscope.bench.instructions import capped
    from spermscope.bench.suite import all_scenes, run_suite
    from spermscope.bench.table import print_ratios, print_suite
    from spermscope.report.figures import svg

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with progress("steps") as advance:
        folder = scenes or user_cache_path("spermscope") / "bench"
        found: dict[str, Any] = run_suite(all_scenes(quick=quick), folder, settings, isa, progress=advance)
    ratios: dict[str, Ratio] = {}
    if reference:
        from spermscope.bench.reference import detectors, graders

        for measure in (graders, detectors):
            ratios |= apart(measure, environment=capped(isa))[0]
        found["reference"] = {name: asdict(ratio) for name, ratio in ratios.items()}
    if out is not None:
        from spermscope.bench.table import chart

        (out / "bench.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        (out / "bench.svg").write_text(svg(chart(found)), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    print_suite(found, console)
    if ratios:
        print_ratios(ratios, console)
