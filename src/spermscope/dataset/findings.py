"""What is wrong with a data set, in words that name file and row; each sentence stands in the message catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from spermscope.locale import text

MOST = 20
"""Findings of one kind that are listed; the others are counted."""
HINTS = frozenset({"seldom_used", "one_clip", "no_vote", "source_scale_unknown", "scale_unknown", "raters_unknown"})
"""Kinds that only warn; every other one refuses."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, or ``more`` like it. ``row`` counts rows as an editor does, the header is 1; 0 is the whole file."""

    kind: str
    file: str
    row: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    more: int = 0

    @property
    def refuses(self) -> bool:
        """Whether nothing should be learned from a set with it."""
        return self.kind not in HINTS

    def sentence(self, language: str = "en") -> str:
        """File, row and what is wrong."""
        where = text("data_row", language, file=self.file, row=self.row) if self.row else self.file
        what = text(f"data_{self.kind}", language, **self.values)
        return f"{where}: {text('data_more', language, count=self.more, what=what) if self.more else what}"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        told = {"file": self.file, "row": self.row, "more": self.more, "sentence": self.sentence()}
        return {"kind": self.kind, "refuses": self.refuses, **told}


def listed(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first ``MOST`` of each kind and file; then how many more there are, with the last of them."""
    seen: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = finding.kind, finding.file
        seen[key] += 1
        last[key] = finding
        if seen[key] <= MOST:
            yield finding
    for key, count in seen.items():
        if count > MOST:
            yield replace(last[key], more=count - MOST)
