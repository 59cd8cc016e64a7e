"""Initial weights from a local file: what another training has seen, without what it answered."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

ANSWERS = ("norm.", "heads.", "head.norm.", "head.heads.")
"""Weights that turn what is seen into grades: of another panel, of other grades."""


def load_trunk(network: nn.Module, path: Path) -> None:
    """Fill all of ``network`` but its output heads from a file of ``torch.save(state_dict, path)``; nothing is run.

    The file may hold more: heads of any number of grades, and what reads the displacements where ``network`` does not.

    Raises
    ------
    ValueError
        One line: the file is missing or holds something else than weights, or those of another network; named is the
        first that is missing, of another shape, or not finite. The network is unchanged then.
    """
    kept, state = _read(path), network.state_dict()
    expected = {name: value for name, value in state.items() if not name.startswith(ANSWERS)}
    for name, value in expected.items():
        if name not in kept:
            raise ValueError(f"{path}: expected this network's weights, found none named {name}")
        if kept[name].shape != value.shape:
            shapes = f"{tuple(value.shape)}, found {tuple(kept[name].shape)}"
            raise ValueError(f"{path}: expected this network's weights, {name} of shape {shapes}")
        if not torch.isfinite(kept[name]).all():
            raise ValueError(f"{path}: expected finite weights, found NaN or infinity in {name}")
    network.load_state_dict(state | {name: kept[name] for name in expected})


def _read(path: Path) -> dict[str, Tensor]:
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path}: expected a file of weights, found: {error.strerror}") from error
    except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: expected a file of weights, found something else") from error
    if not isinstance(kept, dict) or not all(isinstance(value, Tensor) for value in kept.values()):
        raise ValueError(f"{path}: expected a table of weights by name, found something else")
    return kept
