"""``spermscope rate serve``: the pages of a study, for browsers; ``rate invite``: a code to join with."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from spermscope.commands.rate.options import database, study


@click.command()
@study
@database
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to be reached at; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--certificate", type=click.Path(path_type=Path, exists=True), help="TLS certificate (PEM).")
@click.option("--key", type=click.Path(path_type=Path, exists=True), help="Its private key (PEM).")
def serve(study: Path, database: str | None, host: str, port: int, certificate: Path | None, key: Path | None) -> None:
    """Serve a study's pages to browsers: this machine's alone, unless --host says otherwise.

    The first coordinator's link is printed; links for all others come from the coordinator's page. A package that was
    unpacked is served in the same way, to its one rater.

    \b
    Example: spermscope rate serve study
    Or:      spermscope rate serve study --host 0.0.0.0 --certificate server.pem --key server-key.pem
    """
    from spermscope.rating.opening import open_study
    from spermscope.rating.web.serve import serve as run

    with open_study(study, database) as opened:
        run(opened, host=host, port=port, certificate=certificate, key=key, told=click.echo)


@click.command()
@study
@database
@click.option("--role", type=click.Choice(["rater", "coordinator"]), default="rater", show_default=True)
def invite(study: Path, database: str | None, role: Literal["rater", "coordinator"]) -> None:
    """Print a new one-time code, while the study is not being served.

    \b
    Example: spermscope rate invite study --role coordinator
    """
    from spermscope.rating.opening import open_study

    with open_study(study, database) as opened:
        click.echo(opened.invite(role))
