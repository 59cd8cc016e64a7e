"""Whether a study's rows, anchors, files and receipts are what the study made: any edit, drop, swap or cut shows."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spermscope.dataset import open_dataset
from spermscope.rating.anchors import FILE as ANCHORS
from spermscope.rating.anchors import Head, read_heads
from spermscope.rating.creating import SOURCE
from spermscope.rating.database import FILE as LEDGER
from spermscope.rating.flaws import Flaw
from spermscope.rating.keys import head_message, signed_by
from spermscope.rating.ledger import STATE, Entry, Ledger, link
from spermscope.rating.opening import frozen_hashes
from spermscope.rating.protocol import StudyFile, read_study_file
from spermscope.rating.replaying import replay
from spermscope.rating.sheets import Sheet, content_hash, read_sheets, sheet_path
from spermscope.rating.turns import Turns
from spermscope.rating.values import Receipt

PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in ``rows`` rows; the first ``anchored`` of them are covered by a signed head."""

    rows: int
    anchored: int
    flaws: tuple[Flaw, ...]


def verify(folder: Path, database_url: str | None = None, receipts: Sequence[Receipt] = ()) -> Verified:
    """Look at everything; ``receipts`` are heads that others kept: raters', those of exports and answers.

    Raises
    ------
    ValueError
        When there is no study to look at, or its database cannot be reached.
    """
    study, sheets = read_study_file(folder), read_sheets(folder)
    heads, flaws = _heads(folder, study)  # before the rows: of a study that is served both grow meanwhile
    ledger = Ledger(folder, study.study_id, database_url)
    try:
        rows = list(ledger.rows())
    finally:
        ledger.close()
    sound, broken = _of_chain(rows, ledger.start)
    flaws += broken
    if heads and not rows:
        flaws.append(Flaw("no_rows", LEDGER if database_url is None else "database", values={"seq": heads[-1].seq}))
    else:
        flaws += [flaw for head in heads if (flaw := _of_head(rows, head, ANCHORS))]
    flaws += _of_receipts(study, rows, receipts)
    if rows and not heads and not _anchored_soon(folder, study):
        flaws.append(Flaw("no_anchors", ANCHORS))
    flaws += [*_of_frozen(folder, sound), *_of_clips(folder, sheets)]
    flaws += replay(study, Turns(study, sheets), rows)
    return Verified(len(rows), max((head.seq for head in heads), default=0), tuple(flaws))


def read_receipts(path: Path) -> list[Receipt]:
    """Receipts in a JSON file: one, or a list of them; more keys are taken.

    Raises
    ------
    ValueError
        When there is something else in it.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = found if isinstance(found, list) else [found]
        return [Receipt(**{name: row[name] for name in Receipt.__slots__}) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: expected receipts, found something else") from error


def _heads(folder: Path, study: StudyFile) -> tuple[list[Head], list[Flaw]]:
    """The anchored heads that this study signed, and what is wrong with the others."""
    path = folder / ANCHORS
    if not path.is_file():
        return [], []
    try:
        heads = read_heads(path)
    except ValueError:
        return [], [Flaw("anchors_edited", ANCHORS)]
    good = [head for head in heads if _signed(study, head.seq, head.chain, head.signature)]
    flaws = [Flaw("signature", ANCHORS, head.seq) for head in heads if head not in good]
    return good, flaws


def _anchored_soon(folder: Path, study: StudyFile) -> bool:
    """Whether a first head comes: in a study that has just been started the row is there before its anchor."""
    until_s = time.monotonic() + PATIENCE_S
    while not (found := bool(_heads(folder, study)[0])) and time.monotonic() < until_s:
        time.sleep(0.1)
    return found


def _signed(study: StudyFile, seq: int, chain: str, signature: str) -> bool:
    return signed_by(study.public_key, head_message(study.study_id, seq, chain), signature)


def _of_chain(rows: Sequence[Entry], start: str) -> tuple[Sequence[Entry], list[Flaw]]:
    """The rows that follow one from the other, and the first that does not; those after it hang on it."""
    before = start
    for place, entry in enumerate(rows, 1):
        if entry.seq != place:
            return rows[: place - 1], [Flaw("missing", LEDGER, place)]
        if entry.chain != link(before, entry.id, entry.kind, entry.rater, entry.number, entry.body):
            return rows[: place - 1], [Flaw("changed", LEDGER, place)]
        before = entry.chain
    return rows, []


def _of_head(rows: Sequence[Entry], head: Head, file: str) -> Flaw | None:
    """Rows that a signed head speaks of are there, up to it as they were."""
    if head.seq > len(rows):
        return Flaw("cut", LEDGER, len(rows) + 1, {"file": file, "seq": head.seq})
    if head.seq < 1 or rows[head.seq - 1].chain != head.chain:
        return Flaw("other_chain", LEDGER, head.seq, {"file": file})
    return None


def _of_receipts(study: StudyFile, rows: Sequence[Entry], receipts: Sequence[Receipt]) -> Iterator[Flaw]:
    for receipt in receipts:
        file = f"receipt {receipt.vote}"
        if receipt.study_id != study.study_id:
            yield Flaw("other_study", file, 0, {"study": receipt.study_id})
        elif not _signed(study, receipt.seq, receipt.chain, receipt.signature):
            yield Flaw("signature", file, receipt.seq)
        elif flaw := _of_head(rows, Head(receipt.seq, receipt.chain, receipt.signature), file):
            yield flaw
        elif receipt.vote and rows[receipt.seq - 1].id != receipt.vote:
            yield Flaw("other_vote", file, receipt.seq)


def _of_frozen(folder: Path, rows: Sequence[Entry]) -> Iterator[Flaw]:
    """Files that are not as the study froze them; a row that cannot be read is ``replay``'s to tell."""
    found = frozen_hashes(folder)
    try:
        starts = (entry.content for entry in rows if entry.kind == STATE)
        frozen = dict(next((content["frozen"] for content in starts if "frozen" in content), found))
    except (ValueError, TypeError):
        return
    for name, expected in frozen.items():
        if found.get(name) != expected:
            yield Flaw("not_frozen", name)


def _of_clips(folder: Path, sheets: Sequence[Sheet]) -> Iterator[Flaw]:
    """Every sheet has the content that it is named after, and every clip of the study's data set what it had."""
    for sheet in sheets:
        path = sheet_path(folder, sheet.hash)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest()[:32] != sheet.hash:
            yield Flaw("other_sheet", f"clips/{path.name}")
    if not (folder / SOURCE).is_dir():
        return
    data = open_dataset(folder / SOURCE)
    row_of = {name: row for row, name in enumerate(data.items.clip.tolist())}
    for sheet in sheets:
        if sheet.name not in row_of:
            yield Flaw("no_source", SOURCE, 0, {"clip": sheet.name})
            continue
        one = data.clips([row_of[sheet.name]])
        if content_hash(one.frames[0], one.time_s[0], one.xy_um[0], one.observed[0]) != sheet.content:
            yield Flaw("other_source", SOURCE, 0, {"clip": sheet.name})
