"""What a training that was killed goes on from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from spermscope.whole_files import put

FORM = 2
"""Of what is kept; 1 had one optimizer a training."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file with the state of one training: ``of`` says which, with all that its course hangs on."""

    path: Path
    of: str

    def keep(self, **state: Any) -> None:
        """Put ``state`` (tensors, numbers, strings and containers of them) in the place of what was kept before."""
        with put(self.path) as part:
            torch.save({"of": self.of, "form": FORM, **state}, part)

    def kept(self) -> dict[str, Any] | None:
        """What was kept last, on the processor; None where nothing was.

        Raises
        ------
        ValueError
            When it is of another training, or of a version that kept something else.
        """
        if not self.path.is_file():
            return None
        state: dict[str, Any] = torch.load(self.path, weights_only=True, map_location="cpu")
        if state.get("of") != self.of:
            raise ValueError(f"{self.path}: expected a checkpoint of {self.of}, found one of {state.get('of')}")
        if state.get("form") != FORM:
            raise ValueError(f"{self.path}: expected a checkpoint of this version, found an earlier one's: remove it")
        return state

    def done(self) -> None:
        """Nothing is left to go on with."""
        self.path.unlink(missing_ok=True)
