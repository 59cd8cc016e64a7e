"""``spermscope evaluate``: a model file judged on a data set of votes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from spermscope.commands.progress import progress


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write the tables there; a new folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of what is printed.")
def evaluate(model: Path, dataset: Path, out: Path | None, as_json: bool, language: Literal["en", "ja"]) -> None:
    """Grade the clips of a data set by a model file, and score that against the votes.

    Each score stands with its 95 % interval by donor and beside what it is read against: the noise of the votes, one
    rater, half the panel, the mean of other donors and, of a simulated set, the truth. No torch is needed.

    \b
    Example: spermscope evaluate ours.spermscope study --out scores
    """
    from spermscope.dataset import open_dataset
    from spermscope.evaluation import evaluate as judge
    from spermscope.runtime import load_model

    if out is not None and out.exists():
        raise ValueError(f"{out}: expected a new folder, found one that exists")
    with progress("clips") as advance:
        found = judge(load_model(model), open_dataset(dataset), advance)
    if out is not None:
        found.write(out)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(found.lines(language)))
