"""The votes of an unpacked study in one signed file, and their way back into the study they were given for."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spermscope.journal import START, follow
from spermscope.rating.keys import head_message, signed_by
from spermscope.rating.ledger import PACKAGE, VOTE, Entry, link
from spermscope.rating.opening import Study
from spermscope.rating.values import NewVote, Refused
from spermscope.rating.voting import casting, check_answer, vote_content
from spermscope.whole_files import put_text

LARGEST = 256 * 1024 * 1024
"""Bytes of an answer file."""


class Answers(BaseModel):
    """All rows of a package's study, and their signed head."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: int = Field(default=1, ge=1, le=1)
    study_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    package: str = Field(pattern=r"^[0-9a-f]{16}$")
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")
    rows: list[Entry]


def write_answers(study: Study, out: Path) -> int:
    """Write a package's votes to a file, in place of an earlier one; how many count.

    Raises
    ------
    ValueError
        When the study is no unpacked package.
    """
    if study.file.parent is None:
        raise ValueError(f"{study.folder}: expected an unpacked package, found a whole study (rate export)")
    head, rows = study.head(), list(study.ledger.rows())
    answers = {
        "study_id": study.file.parent,
        "package": study.study_id,
        "signature": head.signature,
        "rows": [asdict(row) for row in rows],
    }
    put_text(out, json.dumps(answers, ensure_ascii=False))
    return len({row.number for row in rows if row.kind == VOTE})


def merge_answers(study: Study, file: Path) -> tuple[int, int]:
    """Take the votes of an answer file; how many were new, and how many there already.

    Votes keep their ids and times. Refused as a rater's own votes are, and where the study handed out no such package
    or another in its place (``no_package``); votes before a refused one are taken.

    Raises
    ------
    ValueError
        When the file is none, is of another study, or was changed.
    """
    answers = _read(file)
    if answers.study_id != study.study_id:
        raise ValueError(f"{file}: expected answers to study {study.study_id}, found {answers.study_id}")
    package = next((row for row in study.ledger.rows(PACKAGE) if row.id == answers.package), None)
    if package is None or package != study.ledger.last(PACKAGE, package.rater):
        raise Refused("no_package")
    _check_signed(file, answers, package.content["public_key"])
    before = study.head().seq
    votes = [row.content for row in answers.rows if row.kind == VOTE]
    try:
        entries = [_take(study, package, content) for content in votes]
    except (ValidationError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{file}: expected votes, found another row") from error
    taken = sum(entry.seq > before for entry in entries)
    return taken, len(entries) - taken


def _read(file: Path) -> Answers:
    if file.stat().st_size > LARGEST:
        raise ValueError(f"{file}: expected {LARGEST} bytes at most, found more")
    try:
        return Answers.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{file}: expected a rater's answers, found something else") from error


def _check_signed(file: Path, answers: Answers, public_key: str) -> None:
    """Every row follows from the one before, and the package's own key signed the last."""
    before = follow(START, answers.package)
    for place, row in enumerate(answers.rows, 1):
        before = link(before, row.id, row.kind, row.rater, row.number, row.body)
        if (row.seq, row.chain) != (place, before):
            raise ValueError(f"{file}: expected the votes as they were signed, found row {place} changed")
    if not signed_by(public_key, head_message(answers.package, len(answers.rows), before), answers.signature):
        raise ValueError(f"{file}: expected the signature of its package, found another")


def _take(study: Study, package: Entry, content: dict[str, Any]) -> Entry:
    """One vote by the study's own rules, whatever else its row says."""
    turn = study.turns.of(package.rater)[int(content["number"]) - 1]
    given = {name: content[name] for name in NewVote.model_fields} | {"presentation": turn.shown.id}
    vote = NewVote.model_validate(given)
    check_answer(study.protocol, vote)
    if content["clip"] != turn.shown.clip:
        raise Refused("presentation")
    time = datetime.fromisoformat(content["time"]).isoformat(timespec="milliseconds")
    row = vote_content(study.protocol, turn, package.rater, vote) | {"time": time, "package": package.id}
    return study.add(casting(row, row))
