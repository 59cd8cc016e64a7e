"""What several of the commands take."""

from __future__ import annotations

from pathlib import Path

import click

study = click.argument("study", type=click.Path(path_type=Path, exists=True, file_okay=False))
database = click.option(
    "--database",
    envvar="SPERMSCOPE_DATABASE",
    metavar="URL",
    help="PostgreSQL for the votes, postgresql+psycopg://...; rating.db in the study else.",
)
