"""``spermscope rate people``: who is behind a pseudonym, and forgetting it."""

from __future__ import annotations

from pathlib import Path

import click

from spermscope.commands.rate.options import database, study


@click.command()
@study
@database
@click.option("--erase", metavar="PSEUDONYM", help="Forget who this is: the votes stay, the seat stays taken.")
@click.option("--erase-all", is_flag=True, help="Forget everyone, and codes that are not used yet.")
def people(study: Path, database: str | None, erase: str | None, erase_all: bool) -> None:
    """List who is behind each pseudonym, while the study is not being served; or forget it for good.

    \b
    Example: spermscope rate people study --erase R007
    """
    from spermscope.rating.opening import open_study

    with open_study(study, database) as opened:
        if erase is not None and erase not in opened.names():
            raise ValueError(f"{study}: expected the pseudonym of one who joined, found {erase}")
        if erase is not None or erase_all:
            click.echo(f"{study}: {opened.erase(None if erase_all else erase)} forgotten")
            return
        for pseudonym, name in opened.names().items():
            click.echo(f"{pseudonym}\t{name}")
