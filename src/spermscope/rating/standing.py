"""What the rows tell: how far everyone is, and the votes that count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from statistics import fmean, median
from typing import Any

from spermscope.labels import MISSING
from spermscope.rating.ledger import VOTE, Entry
from spermscope.rating.protocol import Protocol
from spermscope.rating.sheets import Sheet
from spermscope.rating.values import Drift, RaterProgress, VoteRow, VotesTable

PACE_VOTES = 30
NAN = float("nan")


def counting(rows: Iterable[Entry]) -> dict[str, dict[int, dict[str, Any]]]:
    """Of each rater, by number, the contents of the votes that were not replaced."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for entry in rows:
        if entry.kind == VOTE:
            found.setdefault(entry.rater, {})[entry.number] = entry.content
    return found


def rater_progress(
    pseudonym: str, joined: bool, total: int, votes: Mapping[int, Mapping[str, Any]], codes: tuple[str, ...]
) -> RaterProgress:
    """How far one is, from the votes that count by number."""
    contents = [votes[number] for number in sorted(votes)]
    times = [datetime.fromisoformat(content["time"]) for content in contents[-PACE_VOTES:]]
    minutes = (times[-1] - times[0]).total_seconds() / 60.0 if len(times) > 1 else 0.0
    return RaterProgress(
        pseudonym=pseudonym,
        joined=joined,
        done=len(contents),
        total=total,
        pace_per_min=(len(times) - 1) / minutes if minutes > 0 else NAN,
        last_time=contents[-1]["time"] if contents else "",
        drift=tuple(_drift(block, contents, codes) for block in sorted({content["block"] for content in contents})),
    )


def _drift(block: int, contents: list[Mapping[str, Any]], codes: tuple[str, ...]) -> Drift:
    here = [content for content in contents if content["block"] == block]
    grades = [codes.index(content["grade"]) + 1 for content in here if content["grade"] is not None]
    return Drift(
        block=block,
        votes=len(here),
        mean_grade=fmean(grades) if grades else NAN,
        cannot_judge=len(here) - len(grades),
        median_ms=float(median(content["elapsed_ms"] for content in here)) if here else NAN,
    )


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
