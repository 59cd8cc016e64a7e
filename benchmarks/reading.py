"""How much of the grader's error is in what it reads from pictures: oracles that know, and the encoder's own reading.

``python -m benchmarks.reading STUDY``, a set of ``spermscope simulate study``. A small network predicts the votes from
the true impressions of shape and clarity and from the track; then from impressions with noise of so much of a trait's
unit. Beside it, how far a linear reading of the shipped encoder's tokens is from each trait. A fifth of the donors is
tested.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from spermscope.clips import motion_features, to_model_input
from spermscope.dataset import open_dataset
from spermscope.metrics import mse
from spermscope.model_file import shipped
from spermscope.runtime import load_model
from spermscope.study.traits import MOVEMENT, SHAPE
from spermscope.training.losses import emd_loss
from spermscope.training.material import Material

EPOCHS, BATCH, RATE = 60, 64, 2e-3
NOISE = (0.2, 0.35, 0.5)
NAMES = (*SHAPE, MOVEMENT)


def tracks(material: Material) -> np.ndarray:
    """``(N, 15)``: means, spreads, largest and last of what displacements say."""
    clips = material.dataset.clips(material.rows)
    parts = zip(clips.time_s, clips.xy_um, clips.observed, strict=True)
    motion = np.stack([motion_features(*part) for part in parts])[:, :, :5]
    return np.concatenate([motion.mean(1), motion.std(1), motion[:, :, :3].max(1), motion[:, -1, 3:]], 1)


def votes_from(known: np.ndarray, target: np.ndarray, test: np.ndarray) -> float:
    """MSE on the clips of ``test`` by a small network that reads ``known (N, D)``."""
    torch.manual_seed(0)
    rng, train = np.random.default_rng(0), np.flatnonzero(~test)
    scaled = torch.from_numpy((known - known[train].mean(0)) / (known[train].std(0) + 1e-6)).float()
    wanted = torch.from_numpy(target).float()
    network = nn.Sequential(
        nn.Linear(known.shape[1], 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 64), nn.GELU(), nn.Linear(64, 5)
    )
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.02)
    steps = len(train) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * steps)
    for _ in range(EPOCHS):
        for rows in rng.permutation(train)[: steps * BATCH].reshape(steps, BATCH):
            optimizer.zero_grad()
            emd_loss(network(scaled[rows]), wanted[rows]).mean().backward()
            optimizer.step()
            schedule.step()
    predicted = torch.softmax(network.eval()(scaled[test]), -1).detach().double().numpy()
    return float(mse(predicted, target[test]).mean())


def tokens(material: Material) -> np.ndarray:
    """``(N, 8, 256)`` of the crops that the shipped grader sees."""
    model, found = load_model(shipped("grader")), []
    for first in range(0, len(material), 50):
        frames = material.dataset.clips(material.rows[first : first + 50]).frames[:, 1::2]
        pictures = to_model_input(frames).reshape(-1, 1, 128, 128)
        found.append(model.run("encoder", {"picture": pictures})["token"].reshape(len(frames), -1, 256))
    return np.concatenate(found)


def read(seen: np.ndarray, traits: np.ndarray, test: np.ndarray) -> np.ndarray:
    """``(14, 2)`` share of each trait's variance that a ridge regression explains on ``test``, and its error."""
    scaled = (seen - seen[~test].mean(0)) / (seen[~test].std(0) + 1e-6)
    given = np.column_stack([scaled, np.ones(len(scaled))])
    known = given[~test]
    weights = np.linalg.solve(known.T @ known + 10.0 * np.eye(given.shape[1]), known.T @ traits[~test])
    error = np.square(given[test] @ weights - traits[test]).mean(0)
    return np.column_stack([1 - error / traits[test].var(0), np.sqrt(error)])


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    material = Material(open_dataset(Path(sys.argv[1])))
    traits, truth = material.dataset.traits(), material.dataset.truth()
    if traits is None or truth is None:
        raise SystemExit(f"{sys.argv[1]}: expected a simulated study with traits and truth")
    traits, truth = traits[material.rows], truth[material.rows]
    rng = np.random.default_rng(0)
    people = rng.permutation(np.unique(material.donor))
    test = np.isin(material.donor, people[: len(people) // 5])
    moved = tracks(material)
    shape, clarity = NAMES.index("shape"), NAMES.index("clarity")
    sys.stdout.write(f"{(~test).sum()} clips learned from, {test.sum()} tested\n\n| what is known | MSE |\n|---|---|\n")
    sys.stdout.write(f"| the truth | {mse(truth[test], material.target[test]).mean():.5f} |\n")
    sys.stdout.write(f"| the track alone | {votes_from(moved, material.target, test):.5f} |\n")
    for noise in (0.0, *NOISE):
        blurred = traits[:, [shape]] + noise * rng.normal(size=(len(traits), 1))
        known = np.column_stack([blurred, traits[:, [clarity]], moved])
        name = f"shape to within {noise}, clarity and the track"
        sys.stdout.write(f"| {name} | {votes_from(known, material.target, test):.5f} |\n")
        sys.stdout.flush()
    seen = tokens(material).astype(float)
    one, mean = read(seen[:, 4], traits, test), read(seen.mean(1), traits, test)
    sys.stdout.write("\n| trait | one crop: variance explained, error | mean of eight |\n|---|---|---|\n")
    for name, (share, off), (share8, off8) in zip(NAMES, one, mean, strict=True):
        sys.stdout.write(f"| {name} | {100 * share:.0f} %, {off:.2f} | {100 * share8:.0f} %, {off8:.2f} |\n")


if __name__ == "__main__":
    main()
