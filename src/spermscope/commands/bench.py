"""``spermscope bench``: how fast this machine is."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from spermscope.commands.progress import progress


@click.command()
@click.argument("source", default="sim:width_px=1392,height_px=976,um_per_px=0.3333,fps=15,cells=30,duration_s=8")
@click.option("--grader", type=click.Path(path_type=Path), help="Your own grader, a model file; else the shipped one.")
@click.option("--int8", is_flag=True, help="Compute in whole numbers where a model has them, as live does.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(source: str, grader: Path | None, int8: bool, as_json: bool) -> None:
    """Time every stage on this machine: median, 95th percentile and maximum in milliseconds a frame.

    \b
    Example: spermscope bench --int8 movie.mp4
    """
    from spermscope.bench import time_stages
    from spermscope.runtime import load_in
    from spermscope.settings import Settings

    settings = Settings(precision="int8" if int8 else "f32")
    model = load_in(grader, settings.precision) if grader else None
    with progress("frames") as advance:
        table = time_stages(source, settings, grader=model, progress=advance)
    if as_json:
        click.echo(json.dumps(table.as_json(), indent=1))
    else:
        table.print_table(Console())
