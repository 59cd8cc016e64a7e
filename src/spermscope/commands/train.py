"""``spermscope train``: the shipped models, from simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spermscope.commands.progress import progress

if TYPE_CHECKING:
    from spermscope.simulate.optics import Kind


@click.group()
def train() -> None:
    """Train the shipped models from simulation (needs the train extra)."""


_model_file = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The model file, NAME.spermscope."
)
_seed = click.option("--seed", default=0, show_default=True, help="Everything random follows from it.")


@train.command()
@_model_file
@_seed
@click.option("--steps", default=None, type=int, help="Training steps; the shipped model's number when not given.")
@click.option("--pictures", default=None, type=int, help="Training pictures; else the shipped model's number.")
@click.option("--without", type=click.Choice(["phase", "brightfield", "hoffman"]), help="Contrast method to leave out.")
def detector(out: Path, seed: int, steps: int | None, pictures: int | None, without: Kind | None) -> None:
    """Train the heat-map detector on simulated pictures alone.

    \b
    Example: spermscope train detector --out detector.spermscope
    """
    from spermscope.training.detector import PICTURES, STEPS, train_detector

    with progress("steps") as advance:
        train_detector(
            out, seed=seed, progress=advance, steps=steps or STEPS, pictures=pictures or PICTURES, without=without
        )
    click.echo(str(out))


@train.command()
@_model_file
@_seed
@click.option("--donors", default=None, type=int, help="Simulated donors; the shipped model's number when not given.")
def grader(out: Path, seed: int, donors: int | None) -> None:
    """Train the streaming grader on simulated experts' distributions: a demonstration model.

    \b
    Example: spermscope train grader --out grader.spermscope
    """
    from spermscope.training.grader import DONORS, train_grader

    with progress("steps") as advance:
        train_grader(out, seed=seed, progress=advance, donors=donors or DONORS)
    click.echo(str(out))


@train.command()
@_model_file
@_seed
@click.option("--epochs", default=None, type=int, help="Passes over the tiles; the shipped model's number else.")
@click.option("--tiles", default=None, type=int, help="Training tiles; the shipped model's number when not given.")
def scale(out: Path, seed: int, epochs: int | None, tiles: int | None) -> None:
    """Train the network that estimates um per pixel, on simulated pictures alone.

    \b
    Example: spermscope train scale --out scale.spermscope
    """
    from spermscope.training.scale import EPOCHS, TILES, train_scale

    with progress("steps") as advance:
        train_scale(out, seed=seed, progress=advance, epochs=epochs or EPOCHS, tiles=tiles or TILES)
    click.echo(str(out))
