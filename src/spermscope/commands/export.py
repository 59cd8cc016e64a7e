"""``spermscope export``: a model file in the form in which it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from spermscope.commands.progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spermscope.model_file import Change

_file = click.Path(path_type=Path)


@click.command()
@click.argument("model", type=_file)
@click.option(
    "--int8", "dataset", required=True, type=_file, metavar="DATASET", help="Clips and votes; simulated: pictures."
)
@click.option("--out", required=True, type=_file, help="The model file, NAME.spermscope.")
@click.option(
    "--margin", default=0.05, show_default=True, type=click.FloatRange(0, 1), help="Share of what is learned."
)
@click.option("--seed", default=0, show_default=True, help="Which donors calibrate and which judge.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of the table.")
def export(
    model: Path, dataset: Path, out: Path, margin: float, seed: int, as_json: bool, language: Literal["en", "ja"]
) -> int:
    """Add an int8 variant to a model file, unless it makes any measure worse (needs the train extra).

    A detector is tried on simulated pictures. For a grader a fifth of the data set's donors calibrates it, the others
    judge it beside f32. The file is written only where no measure's 95 % interval reaches further to the worse side
    than the margin: of a grader that share of the way from the mean row's score to the noise floor, of a detector a
    hundredth. Else exit 2.

    \b
    Example: spermscope export grader.spermscope --int8 study --out small.spermscope
    Example: spermscope export detector.spermscope --int8 simulated --out small.spermscope
    """
    from spermscope.model_file import SUFFIX, write_model
    from spermscope.training.int8 import try_int8

    if out.suffix != SUFFIX:
        raise ValueError(f"{out}: expected a name that ends in {SUFFIX}")
    if str(dataset) == "simulated":
        from spermscope.training.int8_detector import try_int8_detector

        with progress("pictures") as advance:
            trial = try_int8_detector(model, seed=seed, progress=advance)
    else:
        with progress("clips") as advance:
            trial = try_int8(model, dataset, margin=margin, seed=seed, progress=advance)
    changes = trial.variant.changes
    if as_json:
        click.echo(json.dumps({"accepted": trial.accepted, **trial.variant.model_dump()}, indent=1))
    else:
        _print(changes, trial.variant.judged_on, language)
    if not trial.accepted:
        click.echo(_refusal(changes, language), err=True)
        return 2
    write_model(out, trial.file.card, trial.file.graphs, trial.file.golden)
    if not as_json:
        click.echo(str(out))
    return 0


def _print(changes: Mapping[str, Change], judged_on: str, language: str) -> None:
    from spermscope.locale import text

    click.echo(f"{text('int8_judged_on', language)}: {judged_on}")
    click.echo(f"{'':<22}{'f32':>10}{'int8':>10}{'int8 - f32':>12}{'95 %':>22}{text('int8_margin', language):>10}")
    for name, one in changes.items():
        interval = f"{one.low:.5f} .. {one.high:.5f}"
        row = f"{name:<22}{one.before:>10.5f}{one.after:>10.5f}{one.difference:>12.5f}{interval:>22}{one.margin:>10.5f}"
        click.echo(row)


def _refusal(changes: Mapping[str, Change], language: str) -> str:
    from spermscope.locale import listed, text
    from spermscope.training.worsening import beyond, worst

    return text(
        "int8_refused",
        language,
        items=listed(
            [
                text(
                    "int8_worse",
                    language,
                    name=name,
                    before=f"{one.before:.5f}",
                    after=f"{one.after:.5f}",
                    worst=f"{worst(name, one):.5f}",
                    margin=f"{one.margin:.5f}",
                )
                for name, one in beyond(changes).items()
            ],
            language,
        ),
    )
