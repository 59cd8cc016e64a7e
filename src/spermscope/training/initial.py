"""What networks begin with: random weights, or files of an earlier training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spermscope.models.family import NETWORKS
from spermscope.models.weights import load_trunk

RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Initial:
    """By network its file of weights; random where there is none."""

    files: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of_folder(cls, folder: Path | None, networks: Iterable[str]) -> Initial:
        """``NETWORK.pt`` for each of ``networks``, tried on; without a folder all are random.

        Raises
        ------
        ValueError
            When a file is missing or another network's.
        """
        return cls() if folder is None else cls({name: _tried(folder / f"{name}.pt", name) for name in networks})

    @property
    def name(self) -> str:
        """``random``, or a hash of what the files hold."""
        if not self.files:
            return RANDOM
        found = hashlib.sha256()
        for network, path in sorted(self.files.items()):
            found.update(network.encode() + path.read_bytes())
        return found.hexdigest()[:16]


def _tried(path: Path, network: str) -> Path:
    load_trunk(NETWORKS[network](), path)
    return path
