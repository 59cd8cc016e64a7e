"""``spermscope rate package``, ``unpack``, ``answer`` and ``merge``: rating on a PC without a network."""

from __future__ import annotations

from pathlib import Path

import click

from spermscope.commands.rate.options import database, study

_file = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.command()
@study
@database
@click.option("--rater", required=True, help="Whose seat, such as R007; of one who has not voted.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The package, a new file.")
@click.option("--again", is_flag=True, help="In place of one that was lost; its answers are not taken any more.")
def package(study: Path, database: str | None, rater: str, out: Path, again: bool) -> None:
    """Write a rater's clips and order into one signed file, to be rated on another PC.

    \b
    Example: spermscope rate package study --rater R007 --out R007.rating
    """
    from spermscope.rating.opening import open_study
    from spermscope.rating.packages import write_package

    with open_study(study, database) as opened:
        count = write_package(opened, rater, out, again=again)
    click.echo(f"{out}: {count} presentations for {rater}")


@click.command()
@_file
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option("--key", help="The study's public key, as its coordinator tells it; else the file's own is trusted.")
@database
def unpack(file: Path, out: Path, key: str | None, database: str | None) -> None:
    """Make a package a study of its own, to be rated with the same page; print the rater's code.

    \b
    Example: spermscope rate unpack R007.rating --out mine
    """
    from spermscope.rating.database import reach
    from spermscope.rating.opening import open_study
    from spermscope.rating.packages import unpack as make

    reach(database)
    make(file, out, key)
    with open_study(out, database) as opened:
        opened.start()
        code = opened.invite("rater")
    click.echo(f"{out}: unpacked\nrater's code: {code}")


@click.command()
@study
@database
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The answers, in place of earlier ones.")
def answer(study: Path, database: str | None, out: Path) -> None:
    """Write an unpacked study's votes, and nothing else, into one signed file.

    \b
    Example: spermscope rate answer mine --out R007.answers
    """
    from spermscope.rating.answers import write_answers
    from spermscope.rating.opening import open_study

    with open_study(study, database) as opened:
        count = write_answers(opened, out)
    click.echo(f"{out}: {count} votes")


@click.command()
@study
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@database
def merge(study: Path, files: tuple[Path, ...], database: str | None) -> None:
    """Take the votes of answer files into the study they were given for; twice changes nothing.

    \b
    Example: spermscope rate merge study R007.answers R008.answers
    """
    from spermscope.rating.answers import merge_answers
    from spermscope.rating.opening import open_study

    with open_study(study, database) as opened:
        for file in files:
            taken, known = merge_answers(opened, file)
            click.echo(f"{file}: {taken} votes taken, {known} there already")
