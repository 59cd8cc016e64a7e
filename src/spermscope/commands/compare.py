"""``spermscope compare``: networks x losses on a data set of votes, as one table."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import click

from spermscope.commands.progress import progress


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Trainings and their table; kept and resumed.",
)
@click.option("--preset", type=click.Choice(["small", "medium", "paper"]), default="small", show_default=True)
@click.option("--networks", help="Names with commas between, in place of the preset's.")
@click.option("--losses", help="Names with commas between, in place of the preset's.")
@click.option("--alone", help="Networks to train without displacements too, by the first loss.")
@click.option("--folds", type=click.IntRange(2), help="Parts of the donors, each tested by what the others taught.")
@click.option("--seeds", help="Numbers with commas between; a row of the table for each.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the training clips.")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Learning rate at its peak, in place of the preset's."
)
@click.option(
    "--weights", type=click.Path(path_type=Path), metavar="DIR", help="Initial weights, NETWORK.pt of train trunk."
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of this process.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", help="Language of the page.")
def compare(
    dataset: Path,
    out: Path,
    preset: str,
    networks: str | None,
    losses: str | None,
    alone: str | None,
    folds: int | None,
    seeds: str | None,
    epochs: int | None,
    rate: float | None,
    weights: Path | None,
    threads: int,
    language: Literal["en", "ja"],
) -> None:
    """Train networks by losses on a data set of votes, test them on unseen donors, write one table (needs torch).

    The estimated time is printed first. What was trained is kept in DIR: the same command goes on where it was stopped,
    and several of them, here or on machines that share DIR, divide the work and write the same table.

    \b
    Example: spermscope compare study --out comparison --preset small
    Or:      accelerate launch -m spermscope compare study --out comparison --preset paper
    """
    import torch

    from spermscope.training.comparing import compare as run
    from spermscope.training.presets import PRESETS

    plan = PRESETS[preset]
    chosen = _listed(networks) or plan.networks
    plan = replace(
        plan,
        networks=chosen,
        losses=_listed(losses) or plan.losses,
        alone=tuple(name for name in plan.alone if name in chosen) if alone is None else _listed(alone),
        folds=folds or plan.folds,
        seeds=_numbers(seeds) or plan.seeds,
        fit=plan.fit.model_copy(update={"epochs": epochs or plan.fit.epochs, "rate": rate or plan.fit.rate}),
    )
    torch.set_num_threads(threads)
    with progress("s of work") as advance:
        say = partial(click.echo, err=True)
        page = run(dataset, out, plan, weights=weights, language=language, progress=advance, say=say)
    click.echo(str(page))


def _listed(names: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip()) if names else ()


def _numbers(names: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(name) for name in _listed(names))
    except ValueError as error:
        raise ValueError(f"compare: expected whole numbers as seeds, found {names}") from error
