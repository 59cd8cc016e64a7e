"""``spermscope rate verify``: whether every row is as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from spermscope.commands.rate.options import database, study


@click.command()
@study
@database
@click.option(
    "--receipt",
    "receipts",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Receipts that a rater kept, or an export's head.json; several times for several.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what is found as JSON.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of what is found.")
def verify(
    study: Path, database: str | None, receipts: tuple[Path, ...], as_json: bool, language: Literal["en", "ja"]
) -> int:
    """Find any vote that was edited, taken away, put in or cut off since it was anchored; exit 2 where there is one.

    \b
    Example: spermscope rate verify study --receipt R007.json
    """
    from spermscope.locale import text
    from spermscope.rating.verifying import read_receipts
    from spermscope.rating.verifying import verify as look

    found = look(study, database, [receipt for path in receipts for receipt in read_receipts(path)])
    if as_json:
        flaws = [flaw.as_json() for flaw in found.flaws]
        click.echo(json.dumps({"rows": found.rows, "anchored": found.anchored, "flaws": flaws}, indent=1))
    elif found.flaws:
        for flaw in found.flaws:
            click.echo(flaw.sentence(language))
    else:
        click.echo(text("verify_sound", language, rows=found.rows, anchored=found.anchored))
    return 2 if found.flaws else 0
