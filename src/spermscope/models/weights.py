"""Initial weights from a local file."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor, nn


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill ``network`` from a file of ``torch.save(network.state_dict(), path)``; nothing in the file is run.

    Raises
    ------
    ValueError
        One line: the file is missing or holds something else than weights, or those of another network; named is the
        first that is missing, of another shape, not finite, or too many. The network is unchanged then.
    """
    kept = _read(path)
    expected = network.state_dict()
    for name, value in expected.items():
        if name not in kept:
            raise ValueError(f"{path}: expected this network's weights, found none named {name}")
        if kept[name].shape != value.shape:
            shapes = f"{tuple(value.shape)}, found {tuple(kept[name].shape)}"
            raise ValueError(f"{path}: expected this network's weights, {name} of shape {shapes}")
        if not torch.isfinite(kept[name]).all():
            raise ValueError(f"{path}: expected finite weights, found NaN or infinity in {name}")
    surplus = next((name for name in kept if name not in expected), None)
    if surplus is not None:
        raise ValueError(f"{path}: expected this network's weights, found {surplus}, which it has not")
    network.load_state_dict(kept)


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
