"""``spermscope rate new``: a study from sessions or data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from spermscope.commands.progress import progress
from spermscope.commands.rate.options import database


def _anchors(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for value in values:
        code, sign, clip = value.partition("=")
        if not (code and sign and clip):
            raise click.BadParameter(f"expected GRADE=CLIP, found {value}")
        found.setdefault(code, []).append(clip)
    return found


@click.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A data set, a session folder or a folder of sessions; several times for several.",
)
@click.option("--protocol", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A protocol as JSON.")
@click.option("--raters", type=click.IntRange(1, 999), help="Seats. [default: 40]")
@click.option("--raters-per-clip", type=click.IntRange(1, 999), help="Seats that see each clip. [default: all]")
@click.option("--view", type=click.Choice(["head", "field"]), help="Following the head, or a fixed field.")
@click.option("--trail/--no-trail", default=None, help="Draw the head's path.")
@click.option("--repeats", type=click.FloatRange(0, 0.25), help="Share of clips that come again. [default: 0.08]")
@click.option("--seed", type=click.IntRange(0), help="Every order follows from it. [default: 0]")
@click.option("--anchor", "anchors", multiple=True, callback=_anchors, metavar="GRADE=CLIP", help="A clip to show.")
@click.option("--start", is_flag=True, help="Freeze it and take votes at once.")
@database
def new(
    study: Path,
    database: str | None,
    sources: tuple[Path, ...],
    protocol: Path | None,
    raters: int | None,
    raters_per_clip: int | None,
    view: Literal["head", "field"] | None,
    trail: bool | None,
    repeats: float | None,
    seed: int | None,
    anchors: dict[str, list[str]],
    start: bool,
) -> None:
    """Make a study in a new folder from data sets and sessions; print a coordinator's code.

    \b
    Example: spermscope rate new study --from clips --raters 40 --view field --start
    """
    from spermscope.rating.creating import new_study
    from spermscope.rating.database import reach
    from spermscope.rating.opening import open_study
    from spermscope.rating.protocol import read_protocol

    given: dict[str, object] = {"raters": raters, "raters_per_clip": raters_per_clip, "view": view, "trail": trail}
    given |= {"repeats_share": repeats, "seed": seed}
    rules = read_protocol(protocol, {name: value for name, value in given.items() if value is not None})
    reach(database)
    with progress("clips") as advance:
        made = new_study(study, sources, rules, anchors=anchors, progress=advance)
    with open_study(study, database) as opened:
        if start:
            opened.start()
        code = opened.invite("coordinator")
    left = "".join(f"; {count} left out: {why}" for why, count in made.left.items())
    click.echo(f"{study}: {made.clips} clips{left}")
    click.echo(f"coordinator's code: {code}")
