"""``spermscope train``: the shipped models, from simulation; any network, from a data set of votes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from spermscope.commands.progress import progress

if TYPE_CHECKING:
    from spermscope.simulate.optics import Kind


@click.group()
def train() -> None:
    """Train the shipped models from simulation, or a network from experts' votes (needs the train extra)."""


def _new_model(_: click.Context, __: click.Parameter, path: Path) -> Path:
    """Refuse now what could not be written after hours."""
    from spermscope.model_file import SUFFIX

    if path.suffix != SUFFIX:
        raise ValueError(f"{path}: expected a name that ends in {SUFFIX}")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: expected a folder that exists, found none")
    return path


_model_file = click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    callback=_new_model,
    help="The model file, NAME.spermscope.",
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
@click.option(
    "--stills", type=click.Path(path_type=Path), help="Of simulate stills; else the shipped model's are drawn."
)
def grader(out: Path, seed: int, donors: int | None, stills: Path | None) -> None:
    """Train the streaming grader on simulated experts' distributions: a demonstration model.

    \b
    Example: spermscope train grader --out grader.spermscope
    """
    from spermscope.training.grader import DONORS, train_grader
    from spermscope.training.stills import load_stills

    kept = load_stills(stills) if stills else None
    with progress("steps") as advance:
        train_grader(out, seed=seed, progress=advance, donors=donors or DONORS, stills=kept)
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


@train.command()
@click.argument("dataset", type=click.Path(path_type=Path))
@_model_file
@_seed
@click.option("--network", default="stream", show_default=True, help="As compare names them.")
@click.option("--loss", default="emd", show_default=True, help="As compare names them.")
@click.option("--epochs", type=click.IntRange(1), default=30, show_default=True, help="Passes over the training clips.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True, help="Of learning.")
@click.option("--batch", type=click.IntRange(2), default=16, show_default=True, help="Clips of a step.")
@click.option("--weights", type=click.Path(path_type=Path), help="To begin with: NAME.pt of an earlier training.")
@click.option(
    "--teacher", type=click.Path(path_type=Path), help="A grader's model file whose predictions it learns, too."
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of this process.")
def network(
    dataset: Path,
    out: Path,
    seed: int,
    network: str,
    loss: str,
    epochs: int,
    rate: float,
    batch: int,
    weights: Path | None,
    teacher: Path | None,
    threads: int,
) -> None:
    """Train a network on a data set of votes: a model file, and its weights beside it for another training.

    \b
    Example: spermscope train network study --network small-r2plus1d --out winner.spermscope
    """
    import torch

    from spermscope.runtime import load_model
    from spermscope.training.fitting import FitSettings
    from spermscope.training.network import train_network
    from spermscope.training.presets import refuse_unknown
    from spermscope.training.protocol import Cell

    refuse_unknown([network], [loss])
    torch.set_num_threads(threads)
    cell, settings = Cell(seed, 0, loss, network), FitSettings(epochs=epochs, rate=rate, batch=batch)
    tutor = load_model(teacher) if teacher else None
    with progress("epochs") as advance:
        train_network(dataset, out, cell, settings, weights, tutor, advance)
    click.echo(str(out))


@train.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The weights, NETWORK.pt.")
@_seed
@click.option("--network", default="stream", show_default=True, help="As compare names them.")
@click.option(
    "--epochs", type=click.IntRange(1), default=20, show_default=True, help="Passes over the clips or stills."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True, help="Of learning.")
@click.option(
    "--batch", type=click.IntRange(2), default=16, show_default=True, help="Clips of a step; of stills it is 256."
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of this process.")
def trunk(source: Path, out: Path, seed: int, network: str, epochs: int, rate: float, batch: int, threads: int) -> None:
    """Train what a network sees on simulated cells' traits: initial weights for compare and train network.

    SOURCE is a file of stills, which teach shape, or a simulated study, whose clips teach movement too.

    \b
    Example: spermscope simulate stills --donors 36000 --out stills.npz
             spermscope train trunk stills.npz --network small-r2plus1d --out weights/small-r2plus1d.pt
    """
    import torch

    from spermscope.training.fitting import FitSettings
    from spermscope.training.presets import refuse_unknown
    from spermscope.training.pretraining import train_on_stills, train_trunk
    from spermscope.training.stills import load_stills

    refuse_unknown([network], ["emd"])
    torch.set_num_threads(threads)
    out.parent.mkdir(parents=True, exist_ok=True)
    with progress("epochs") as advance:
        if source.is_file():
            error, unseen = train_on_stills(load_stills(source), out, network, epochs, rate, seed, advance)
        else:
            settings = FitSettings(epochs=epochs, rate=rate, batch=batch)
            error, unseen = train_trunk(source, out, network, settings, seed, advance)
    click.echo(f"{out}: traits of unseen donors are {error:.3f} off (smooth L1), their means {unseen:.3f}")
