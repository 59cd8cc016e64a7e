"""``spermscope data``: check a data set of clips and votes, and import what others have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from spermscope.commands.progress import progress

_out = click.option("--out", required=True, type=click.Path(path_type=Path), help="The data set's folder.")
_source = click.argument("source", type=click.Path(path_type=Path, exists=True))


@click.group()
def data() -> None:
    """Check a data set of clips and votes, or import one."""


@data.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of the findings.")
def check(folder: Path, as_json: bool, language: Literal["en", "ja"]) -> int:
    """Say in words what is wrong with a data set, naming file and row; exit 2 where nothing should be learned from it.

    \b
    Example: spermscope data check study
    """
    from spermscope.dataset.check import check as find
    from spermscope.dataset.check import overview
    from spermscope.locale import text

    with progress("clips") as advance:
        findings = find(folder, advance)
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in findings], indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(
                f"{text('data_error' if finding.refuses else 'data_hint', language)}: {finding.sentence(language)}"
            )
        if not any(finding.refuses for finding in findings):
            click.echo(overview(folder, language))
    return 2 if any(finding.refuses for finding in findings) else 0


@data.group("import")
def imports() -> None:
    """Import session folders, votes, published pickles, or boxes for a detector.

    \b
    Example: spermscope data import session sessions --out study
    """


@imports.command()
@_source
@_out
@click.option("--clinic", default="", help="Code of the clinic, noted beside each clip.")
@click.option("--optics", default="", help="Such as: phase, brightfield, hoffman; noted beside each clip.")
def session(source: Path, out: Path, clinic: str, optics: str) -> None:
    """Add the clips of a session folder, or of a folder of sessions, to a data set.

    \b
    Example: spermscope data import session sessions --out study
    """
    from spermscope.importing.sessions import import_sessions

    with progress("clips") as advance:
        done = import_sessions(source, out, advance, clinic=clinic, optics=optics)
    click.echo(f"{out}: {done.sentence('clips')}")


@imports.command()
@_source
@_out
def rating(source: Path, out: Path) -> None:
    """Merge a rating study's votes.csv into the data set whose clips were rated.

    \b
    Example: spermscope data import rating export/votes.csv --out study
    """
    from spermscope.importing.ratings import import_ratings

    with progress("votes") as advance:
        done = import_ratings(source, out, advance)
    click.echo(f"{out}: {done.sentence('votes')}")


@imports.command()
@_source
@_out
@click.option("--raters", required=True, type=click.IntRange(2, 10_000), help="How many experts graded.")
@click.option("--um-per-px", type=float, help="Scale of the clips, where it is known.")
@click.option("--donors", type=click.Path(path_type=Path, exists=True), help="A CSV table with columns clip,donor.")
def pickles(source: Path, out: Path, raters: int, um_per_px: float | None, donors: Path | None) -> None:
    """Make a data set of the published pickles 16frame.pkl and grades.pkl; one that tries to run code is refused.

    \b
    Example: spermscope data import pickles dataset --raters 40 --donors donors.csv --out study
    """
    from spermscope.importing.pickles import import_pickles

    with progress("clips") as advance:
        done = import_pickles(source, out, advance, raters=raters, um_per_px=um_per_px, donors=donors)
    click.echo(f"{out}: {done.sentence('clips')}")


@imports.command()
@_source
@_out
@click.option("--sperm", type=int, multiple=True, default=(0,), show_default=True, help="Classes that are sperm.")
def yolo(source: Path, out: Path, sperm: tuple[int, ...]) -> None:
    """Make a folder of frames and boxes.csv, for training a detector, of VISEM-Tracking or YOLO folders.

    \b
    Example: spermscope data import yolo VISEM_Tracking/Train --out boxes
    """
    from spermscope.importing.boxes import import_boxes

    with progress("frames") as advance:
        done = import_boxes(source, out, advance, sperm=sperm)
    click.echo(f"{out}: {done.sentence('frames')}")
