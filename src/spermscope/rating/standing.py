"""What the rows tell: how far everyone is, and the votes that count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from threading import Lock
from typing import Any

from spermscope.labels import MISSING
from spermscope.rating.ledger import VOTE, Entry, Ledger
from spermscope.rating.protocol import Protocol
from spermscope.rating.sheets import Sheet
from spermscope.rating.values import Drift, RaterProgress, VoteRow, VotesTable

PACE_VOTES = 30
FEWEST = 4
"""Votes of which a mean is told before the lock."""
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What progress needs of a vote that counts; ``grade`` 1 (best) .. K, 0 where it was not judged."""

    block: int
    grade: int
    elapsed_ms: int
    time: str


class Standing:
    """How far everyone is; reads each row once, so that asking again and again costs little."""

    def __init__(self, ledger: Ledger, codes: tuple[str, ...]) -> None:
        self._ledger, self._lock = ledger, Lock()
        self._grade = {code: number for number, code in enumerate(codes, 1)} | {None: 0}
        self._votes: dict[str, dict[int, _Kept]] = {}
        self._seq = 0

    def look(self) -> None:
        """Take in the rows that came since."""
        with self._lock:
            for entry in self._ledger.rows(VOTE, after=self._seq):
                said = entry.content
                kept = _Kept(said["block"], self._grade[said["grade"]], said["elapsed_ms"], said["time"])
                self._votes.setdefault(entry.rater, {})[entry.number] = kept
                self._seq = entry.seq

    def of(self, pseudonym: str, joined: bool, total: int, *, locked: bool) -> RaterProgress:
        """How far one was at the last look.

        Unless ``locked``, grades are told of blocks alone that another one follows, so that no vote in them can change
        any more, and of four votes or more: of fewer, or from one look to the next, they would tell single votes.
        """
        with self._lock:
            votes = list(self._votes.get(pseudonym, {}).values())
        times = [datetime.fromisoformat(vote.time) for vote in votes[-PACE_VOTES:]]
        minutes = (times[-1] - times[0]).total_seconds() / 60.0 if len(times) > 1 else 0.0
        blocks: dict[int, list[_Kept]] = {}
        for vote in votes:
            blocks.setdefault(vote.block, []).append(vote)
        return RaterProgress(
            pseudonym=pseudonym,
            joined=joined,
            done=len(votes),
            total=total,
            pace_per_min=(len(times) - 1) / minutes if minutes > 0 else NAN,
            last_time=votes[-1].time if votes else "",
            drift=tuple(
                _drift(block, blocks[block], 1 if locked else FEWEST if block < max(blocks) else None)
                for block in sorted(blocks)
            ),
        )


def _drift(block: int, votes: list[_Kept], fewest: int | None) -> Drift:
    """Grades where there are ``fewest`` or more; None tells none."""
    grades = [vote.grade for vote in votes if vote.grade]
    return Drift(
        block=block,
        votes=len(votes),
        mean_grade=sum(grades) / len(grades) if fewest is not None and len(grades) >= fewest else NAN,
        cannot_judge=len(votes) - len(grades) if fewest is not None and len(votes) >= fewest else None,
        median_ms=float(median(vote.elapsed_ms for vote in votes)),
    )


def counting(rows: Iterable[Entry]) -> dict[str, dict[int, dict[str, Any]]]:
    """Of each rater, by number, the contents of the votes that were not replaced."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for entry in rows:
        if entry.kind == VOTE:
            found.setdefault(entry.rater, {})[entry.number] = entry.content
    return found


def votes_table(
    protocol: Protocol, sheets: Mapping[str, Sheet], rated: tuple[str, ...], rows: Iterable[Entry]
) -> VotesTable:
    """All votes that count, by rater and number."""
    codes, votes = protocol.codes, counting(rows)
    return VotesTable(
        protocol_version=protocol.version,
        grades=codes,
        clips=rated,
        donors=tuple(sheets[clip].donor for clip in rated),
        raters=tuple(sorted(votes)),
        rows=tuple(
            _row(votes[rater][number], sheets, codes) for rater in sorted(votes) for number in sorted(votes[rater])
        ),
    )


def _row(content: Mapping[str, Any], sheets: Mapping[str, Sheet], codes: tuple[str, ...]) -> VoteRow:
    sheet = sheets[content["clip"]]
    return VoteRow(
        id=content["id"],
        rater=content["rater"],
        clip=sheet.hash,
        donor=sheet.donor,
        sample=sheet.sample,
        occurrence=content["occurrence"],
        number=content["number"],
        block=content["block"],
        grade=MISSING if content["grade"] is None else codes.index(content["grade"]),
        reason=content["reason"] or "",
        elapsed_ms=content["elapsed_ms"],
        time=content["time"],
    )
