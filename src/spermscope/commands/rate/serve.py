"""``spermscope rate serve`` and ``rate tutor``: pages for browsers; ``rate invite``: a code to join with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click

from spermscope.commands.progress import progress
from spermscope.commands.rate.options import database, study


def _address(command: Callable[..., None]) -> Callable[..., None]:
    """Where a server is reached, and by which certificate."""
    for option in (
        click.option("--key", type=click.Path(path_type=Path, exists=True), help="Its private key (PEM)."),
        click.option("--certificate", type=click.Path(path_type=Path, exists=True), help="TLS certificate (PEM)."),
        click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0: a free one."),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to answer at; 0.0.0.0 for all."),
    ):
        command = option(command)
    return command


@click.command()
@study
@database
@_address
def serve(study: Path, database: str | None, **where: Any) -> None:
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
        run(opened, told=click.echo, **where)


@click.command()
@study
@database
@click.option("--role", type=click.Choice(["rater", "coordinator"]), default="rater", show_default=True)
@click.option("--name", default="", help="Who joins with it; kept in the map of people alone, which can be erased.")
@click.option("--seat", metavar="PSEUDONYM", help="That seat's: of one who forgot his passphrase, which ends at once.")
def invite(
    study: Path, database: str | None, role: Literal["rater", "coordinator"], name: str, seat: str | None
) -> None:
    """Print a new one-time code, while the study is not being served.

    With --seat the votes of that seat stay and go on; the change is noted among the study's rows.

    \b
    Example: spermscope rate invite study --role coordinator
    Or:      spermscope rate invite study --seat R007
    """
    from spermscope.rating.opening import open_study

    with open_study(study, database) as opened:
        click.echo(opened.renew(seat, name) if seat else opened.invite(role, name=name))


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--grader", type=click.Path(path_type=Path), help="Tells which clips look alike; else the shipped one.")
@_address
def tutor(dataset: Path, grader: Path | None, **where: Any) -> None:
    """Let learners grade the clips of a data set with votes (rate export), and show them what the panel said.

    Answers stay in the learner's browser; the server takes none, so none can enter a study.

    \b
    Example: spermscope rate tutor rated
    """
    from spermscope.dataset import open_dataset
    from spermscope.model_file import shipped
    from spermscope.rating.tutoring import lessons_of
    from spermscope.rating.web.tutor import serve_tutor
    from spermscope.runtime import load_model

    with progress("clips") as advance:
        lessons = lessons_of(open_dataset(dataset), load_model(grader or shipped("grader")), advance)
    serve_tutor(lessons, told=click.echo, **where)
