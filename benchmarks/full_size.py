"""Networks of the published size on thousands of simulated clips: the streaming grader against those that look again.

``python -m benchmarks.full_size STUDY --kept DIR [--weights DIR] [--train NETWORK...] [--epochs N]``.
STUDY is a set of rated clips, ``--weights`` a folder with ``NETWORK.pt`` of ``spermscope train trunk``. Of the donors
seven in ten are learned from, one chooses epoch and temperature, two are tested. Each of ``--train`` (``NETWORK``, or
``NETWORK-pictures`` without displacements) is trained and its predictions are kept in DIR; the table is of all that
are kept there, so several machines may share the work. Differences are paired, with intervals by donor.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from spermscope.dataset import open_dataset
from spermscope.labels import split_by_donor
from spermscope.metrics import bootstrap_interval, mean_distribution, mse, noise_floor
from spermscope.training.fitting import FitSettings, fit
from spermscope.training.material import Material
from spermscope.training.protocol import Cell, Fold

SHARES = (0.7, 0.1, 0.2)
PICTURES = "-pictures"
AGAINST = "stream"


def split(material: Material) -> Fold:
    """The same donors for every network."""
    parts = split_by_donor(material.donor, SHARES, 0)
    return Fold(*(np.flatnonzero(np.isin(material.donor, part)) for part in parts))


def train(name: str, material: Material, settings: FitSettings, weights: Path | None, kept: Path) -> None:
    """One network; its predictions of the clips tested go to ``NAME.npz``."""
    network = name.removesuffix(PICTURES)
    cell = Cell(0, 0, "emd", network, motion=network == name)
    start = weights / f"{network}.pt" if weights else None

    def tell(done: int, total: int | None) -> None:
        sys.stderr.write(f"{name}: epoch {done} of {total}\n")

    fitted = fit(cell, material, split(material), settings, kept / f"{name}.ckpt", tell, start=start)
    np.savez(
        kept / f"{name}.npz",
        allow_pickle=False,
        predicted=fitted.predicted.astype(np.float32),
        curve=np.array(fitted.curve),
        seconds=fitted.seconds,
    )


def main() -> None:
    """Train what is asked for, then print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study", type=Path)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--train", nargs="*", default=[])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=5e-4)
    given = parser.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    material = Material(open_dataset(given.study))
    settings = FitSettings(epochs=given.epochs, batch=given.batch, rate=given.rate)
    for name in given.train:
        train(name, material, settings, given.weights, given.kept)
    sys.stdout.write(table(material, given.kept))


def table(material: Material, kept: Path) -> str:
    """MSE of every network that is kept, and its difference from the streaming one's."""
    fold = split(material)
    target, donor = material.target[fold.test], material.donor[fold.test]
    errors = {path.stem: _kept(path, target) for path in sorted(kept.glob("*.npz"))}
    mean = mse(mean_distribution(material.target[fold.train], len(target)), target)
    truth = material.dataset.truth()
    lines = [
        f"{len(fold.train)} clips learned from, {len(fold.held)} chosen on, {len(target)} of {len(np.unique(donor))} "
        f"donors tested; mean row {mean.mean():.5f}"
    ]
    if truth is not None:
        known = truth[material.rows[fold.test]]
        floor = noise_floor(mse, known, len(material.dataset.raters), np.random.default_rng(0))
        lines[0] += f", floor {floor:.5f}, truth {mse(known, target).mean():.5f}"
    lines += [
        "",
        "| network | MSE (95 % by donor) | less that of the stream | its epochs' error on donors held back | s |",
    ]
    lines.append("|---|---|---|---|---|")
    for name, (error, curve, seconds) in errors.items():
        cells = [name, _shown(error, donor, 5)]
        cells.append(_shown(error - errors[AGAINST][0], donor, 5, sign="+") if AGAINST in errors else "")
        cells += [" ".join(f"{value:.4f}" for value in curve), f"{seconds:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _kept(path: Path, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    with np.load(path, allow_pickle=False) as found:
        return mse(found["predicted"].astype(float), target), found["curve"], float(found["seconds"])


def _shown(values: np.ndarray, donor: np.ndarray, digits: int, sign: str = "") -> str:
    low, high = bootstrap_interval(values, donor, np.random.default_rng(5))
    value, low, high = (f"{one:{sign}.{digits}f}" for one in (values.mean(), low, high))
    return f"{value} ({low} to {high})"


if __name__ == "__main__":
    main()
