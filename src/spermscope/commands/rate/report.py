"""``spermscope rate report``: how far the raters of a locked study agree."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from spermscope.commands.rate.options import database, study


@click.command()
@study
@database
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The page and its tables.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of the page.")
def report(study: Path, database: str | None, out: Path, language: Literal["en", "ja"]) -> None:
    """Write the agreement of a locked study: coefficients, raters, drift, disputed clips, reporting checklist.

    \b
    Example: spermscope rate report study --out agreement
    """
    from spermscope.rating.opening import open_study
    from spermscope.rating.reporting import report_study

    with open_study(study, database) as opened:
        page = report_study(opened, out, language)
    click.echo(str(page))
