"""Trained cells on disk: ``NAME.npz`` with what was predicted, then ``NAME.json`` with how, which says it is done."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.training.fitting import Fitted
from spermscope.training.protocol import Cell
from spermscope.whole_files import put

ARRAYS = ("held", "test")
Named = dict[str, str | int | float]
"""What a cell hangs on beside its own name: data set, version, folds, settings."""


class Cells:
    """The cells of one comparison in ``folder``, which is made where it is missing."""

    def __init__(self, folder: Path, named: Named) -> None:
        self.folder, self.named = folder, named
        folder.mkdir(parents=True, exist_ok=True)

    def lock(self, cell: Cell) -> Path:
        """Who trains it."""
        return self.folder / f"{cell.name}.lock"

    def checkpoint(self, cell: Cell) -> Path:
        """What it has come to while it is trained."""
        return self.folder / f"{cell.name}.ckpt"

    def done(self, cell: Cell) -> bool:
        """Whether it is there.

        Raises
        ------
        ValueError
            When it is there of other settings or another data set.
        """
        return self._card(cell) is not None

    def tidy(self, cell: Cell) -> None:
        """Remove what a process that was killed had half written of it."""
        for part in self.folder.glob(f"{cell.name}.*.part"):
            part.unlink(missing_ok=True)

    def keep(self, cell: Cell, fitted: Fitted, rows: dict[str, NDArray[np.int64]]) -> None:
        """Put a trained cell in its place; ``rows`` are those of the data set, held back and tested."""
        arrays = {name: getattr(fitted, name) for name in ARRAYS} | {f"{name}_rows": rows[name] for name in ARRAYS}
        with put(self.folder / f"{cell.name}.npz") as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        facts = {name: value for name, value in asdict(fitted).items() if name not in ARRAYS}
        with put(self.folder / f"{cell.name}.json") as part:
            part.write_text(json.dumps({**asdict(cell), "named": self.named, **facts}, indent=1), encoding="utf-8")
        self.checkpoint(cell).unlink(missing_ok=True)

    def read(self, cell: Cell) -> Fitted:
        """A cell that is done.

        Raises
        ------
        ValueError
            When its files cannot be read; names one.
        """
        card, path = self._card(cell), self.folder / f"{cell.name}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in ARRAYS}
            facts = {name: value for name, value in (card or {}).items() if name in Fitted.__dataclass_fields__}
            return Fitted(**found, **facts | {"curve": tuple(facts["curve"])})
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: expected a trained cell, found {error}; remove it and start again") from error

    def _card(self, cell: Cell) -> dict[str, Any] | None:
        path = self.folder / f"{cell.name}.json"
        try:
            card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ValueError(f"{path}: expected a trained cell, found {error}; remove it and start again") from error
        for name, wanted in self.named.items():
            found = card.get("named", {}).get(name)
            if found != wanted:
                raise ValueError(f"{path}: expected {name} {wanted}, found {found}; choose another folder")
        return card
