"""Signed heads of the chain in a second file, ``anchors.log``: no row before one can be changed or taken away."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from spermscope.journal import Journal, read_journal
from spermscope.rating.keys import SigningKey, head_message
from spermscope.rating.ledger import VOTE, Entry, Ledger, link

FILE = "anchors.log"
EVERY = 20
"""Votes between two anchors; a state is anchored at once."""


@dataclass(frozen=True, slots=True)
class Head:
    """The chain as far as row ``seq``, signed by the study's key."""

    seq: int
    chain: str
    signature: str


class Anchors:
    """Writes ``anchors.log``."""

    def __init__(self, folder: Path, study_id: str, key: SigningKey) -> None:
        self._study_id, self._key = study_id, key
        self._path = path = folder / FILE
        heads = read_heads(path) if path.is_file() else []
        self._set = self._reached = (heads[-1].seq, heads[-1].chain) if heads else (0, "")
        self._journal: Journal | None = None

    def resume(self, ledger: Ledger) -> None:
        """Anchor what a kill left without one.

        Raises
        ------
        ValueError
            When the rows are not those that were anchored, or do not follow from them.
        """
        rows = list(ledger.rows(after=max(self._set[0] - 1, 0)))
        before = ledger.start
        if self._set[0]:
            if not rows and ledger.end() is None:
                raise ValueError(
                    f"{self._path}: expected the {self._set[0]} rows that were anchored, found none in the database: "
                    "is --database missing, or another one's? (rate verify)"
                )
            if not rows or (rows[0].seq, rows[0].chain) != self._set:
                raise ValueError(f"{self._path}: expected the rows that were anchored, found others (rate verify)")
            before = rows.pop(0).chain
        for entry in rows:
            if entry.chain != link(before, entry.id, entry.kind, entry.rater, entry.number, entry.body):
                raise ValueError(f"row {entry.seq}: expected one that follows, found another (rate verify)")
            before = entry.chain
        if rows:
            self._reached = rows[-1].seq, rows[-1].chain
        self.set()

    def sign(self, seq: int, chain: str) -> Head:
        """A signed head, as receipts and exports carry it."""
        return Head(seq, chain, self._key.sign(head_message(self._study_id, seq, chain)))

    def reached(self, entry: Entry) -> None:
        """A row is on the disk."""
        if entry.seq > self._reached[0]:
            self._reached = entry.seq, entry.chain
        if entry.kind != VOTE or self._reached[0] - self._set[0] >= EVERY:
            self.set()

    def set(self) -> None:
        """Anchor the last row, where it is not yet; where the disk takes no line, the next call tries again."""
        if self._reached[0] <= self._set[0]:
            return
        head = self.sign(*self._reached)
        line = asdict(head) | {"time": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            self._journal = self._journal or Journal(self._path)
            self._journal.append(line)
        except OSError:
            self.close()
        else:
            self._set = self._reached

    def close(self) -> None:
        """Close the file."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def read_heads(path: Path) -> list[Head]:
    """Every anchored head, in order.

    Raises
    ------
    ValueError
        When the file was edited.
    """
    try:
        return [Head(int(row["seq"]), str(row["chain"]), str(row["signature"])) for row in read_journal(path)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected signed heads, found another row") from error
