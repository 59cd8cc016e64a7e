"""``spermscope demo``: a simulated scene through everything; ``demo rate``: a simulated rating study to look at."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from spermscope.commands.progress import progress

_replace = click.option("--replace", is_flag=True, help="Replace an earlier demonstration there.")


@click.group(invoke_without_command=True)
@click.option(
    "--out", default=Path("demo"), type=click.Path(path_type=Path), show_default=True, help="Where to put it."
)
@_replace
@click.pass_context
def demo(context: click.Context, out: Path, replace: bool) -> int:
    """Simulate a scene, assess it, print a short table and the report's path.

    \b
    Example: spermscope demo --out demo
    """
    if context.invoked_subcommand:
        return 0
    from spermscope.demo import run_demo

    with progress("frames") as advance:
        result = run_demo(out, replace=replace, progress=advance)
    result.print_table(Console())
    return 0 if result.complete else 3


@demo.command()
@click.option(
    "--out", default=Path("demo-rate"), type=click.Path(path_type=Path), show_default=True, help="Where to put it."
)
@_replace
@click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0 takes a free one.")
def rate(out: Path, replace: bool, port: int) -> None:
    """Start a rating study of simulated clips with simulated raters already half done; print the links to it.

    \b
    Example: spermscope demo rate
    """
    from spermscope.rating.demonstration import prepare_demonstration
    from spermscope.rating.opening import open_study
    from spermscope.rating.web.serve import serve

    with progress("donors") as advance:
        folder = prepare_demonstration(out, replace=replace, progress=advance)
    click.echo("simulated clips, graded by simulated raters: they say nothing about cells or people")
    with open_study(folder) as study:
        serve(study, port=port, told=click.echo, roles=("coordinator", "rater"))
