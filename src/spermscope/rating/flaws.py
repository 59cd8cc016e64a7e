"""What ``verify`` finds, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from spermscope.locale import text


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is not as the study made it; ``seq`` is the row from which on it shows, 0 for a whole file."""

    kind: str
    file: str
    seq: int = 0
    values: dict[str, Any] = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """File, row and what is wrong."""
        where = text("verify_row", language, file=self.file, seq=self.seq) if self.seq else self.file
        return f"{where}: {text(f'verify_{self.kind}', language, **self.values)}"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {"kind": self.kind, "file": self.file, "row": self.seq, "sentence": self.sentence()}
