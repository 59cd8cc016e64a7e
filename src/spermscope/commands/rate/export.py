"""``spermscope rate export``: a locked study's clips and votes as a data set."""

from __future__ import annotations

from pathlib import Path

import click

from spermscope.commands.rate.options import database, study


@click.command()
@study
@database
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The data set, a new folder.")
def export(study: Path, database: str | None, out: Path) -> None:
    """Write a locked study as a data set that train reads, with the signed head of its votes.

    \b
    Example: spermscope rate export study --out rated
    """
    from spermscope.rating.exporting import export_study
    from spermscope.rating.opening import open_study

    with open_study(study, database) as opened:
        done = export_study(opened, out)
    click.echo(f"{out}: {done.clips} clips, {done.votes} votes, {done.cannot_judge} that could not be judged")
