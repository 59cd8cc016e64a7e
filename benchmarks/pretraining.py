"""What pre-training on simulation saves: the error by number of rated clips, from random and from given weights.

``python -m benchmarks.pretraining STUDY WEIGHTS [NETWORK...] [--picture FILE.png]``. STUDY is a set of rated clips,
WEIGHTS a folder with ``NETWORK.pt`` from ``spermscope train trunk`` on other donors and another panel. A third of the
donors is tested; of the others as many are rated as make up the number, a fifth of them held back to choose epoch and
temperature on. Every training has as many steps, whatever the number of clips; the fewer donors are among the more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from spermscope.dataset import open_dataset
from spermscope.labels import folds_by_donor
from spermscope.metrics import bootstrap_interval, mean_distribution, mse
from spermscope.report.figures import figure_of
from spermscope.training.fitting import FitSettings, fit
from spermscope.training.initial import Initial
from spermscope.training.material import Material
from spermscope.training.protocol import INNER, Cell, Fold, folds

CLIPS = (40, 80, 160, 10_000)
"""Rated clips; the last is all that there are."""
STEPS, BATCH = 240, 8
STARTS = ("random", "pre-trained")


def parts(material: Material) -> Iterator[Fold]:
    """The first of three folds with more and more of its training donors."""
    whole = folds(material.donor, material.mean_grade, 3)[0]
    outside = np.sort(np.concatenate([whole.train, whole.held]))
    people = np.random.default_rng(7).permutation(np.unique(material.donor[outside]))
    count = np.cumsum([(material.donor == person).sum() for person in people])
    for clips in CLIPS:
        rated = people[: int(np.searchsorted(count, min(clips, len(outside)))) + 1]
        some = outside[np.isin(material.donor[outside], rated)]
        held = folds_by_donor(material.donor[some], min(INNER, len(rated)), 0, material.mean_grade[some])[0]
        chosen = np.isin(material.donor[some], held)
        yield Fold(some[~chosen], some[chosen], whole.test)


def errors(network: str, start: Path | None, material: Material, fold: Fold) -> np.ndarray:
    """``(n,)`` MSE of each clip tested."""
    batch = min(BATCH, len(fold.train))
    settings = FitSettings(epochs=max(1, round(STEPS / (len(fold.train) // batch))), batch=batch)
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(Cell(0, 0, "emd", network), material, fold, settings, Path(folder) / "c", start=start)
    return mse(fitted.predicted, material.target[fold.test])


def main() -> None:
    """Print the table and draw it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("study", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("networks", nargs="*", default=["stream", "small-r2plus1d"])
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    material = Material(open_dataset(given.study))
    initial, trainings = Initial.of_folder(given.weights, given.networks), list(parts(material))
    rated = [len(fold.train) + len(fold.held) for fold in trainings]
    sys.stdout.write(f"| network | begins with | {' | '.join(f'{count} clips' for count in rated)} |\n")
    sys.stdout.write("|---" * (2 + len(rated)) + "|\n")
    figure, axes = figure_of(5.2, 3.4)
    for colour, network in zip(("#0072B2", "#D55E00", "#009E73"), given.networks, strict=False):
        for start, line in zip(STARTS, ("--", "-"), strict=True):
            row = []
            for fold in trainings:
                found = errors(network, initial.files[network] if start == STARTS[1] else None, material, fold)
                low, high = bootstrap_interval(found, material.donor[fold.test], np.random.default_rng(3))
                row.append((float(found.mean()), low, high))
                sys.stderr.write(f"{network} {start} {len(fold.train)}: {row[-1]}\n")
            cells = " | ".join(f"{value:.4f} ({low:.4f}-{high:.4f})" for value, low, high in row)
            sys.stdout.write(f"| {network} | {start} | {cells} |\n")
            sys.stdout.flush()
            value, low, high = np.array(row).T
            axes.errorbar(
                rated, value, [value - low, high - value], fmt="o", ls=line, color=colour, ms=4, lw=1.2, capsize=2,
                label=f"{network}, {start}",
            )  # fmt: skip
    tested = material.target[trainings[-1].test]
    level = float(mse(mean_distribution(material.target[trainings[-1].train], len(tested)), tested).mean())
    sys.stdout.write(f"\nMean row: {level:.4f}; {len(tested)} clips tested.\n")
    axes.axhline(level, color="#555555", ls=":", lw=1)
    axes.text(rated[-1], level, "mean row", fontsize=7, color="#555555", va="bottom", ha="right")
    axes.set(xscale="log", xlabel="rated clips", ylabel="MSE on unseen donors", ylim=(0, None))
    axes.set_xticks(rated, [str(count) for count in rated])
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=7)
    if given.picture:
        figure.savefig(given.picture, dpi=130)


if __name__ == "__main__":
    main()
