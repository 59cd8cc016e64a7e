"""The rows gone through again by the study's rules: each vote in its turn, once, while votes were taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from spermscope.rating.database import FILE
from spermscope.rating.flaws import Flaw
from spermscope.rating.ledger import PACKAGE, STATE, VOTE, Entry
from spermscope.rating.protocol import StudyFile
from spermscope.rating.turns import Turns
from spermscope.rating.values import Refused
from spermscope.rating.voting import FROM


def replay(study: StudyFile, turns: Turns, rows: Sequence[Entry]) -> Iterator[Flaw]:
    """What could not have come in by the rules; a row that cannot be read ends it."""
    state, last, ids, packages = "draft", dict[str, Entry](), set[str](), dict[str, str]()
    for entry in rows:
        try:
            content = entry.content
            if entry.kind == STATE:
                if state not in FROM[content["state"]]:
                    yield Flaw("state", FILE, entry.seq)
                state = content["state"]
            elif entry.kind == PACKAGE:
                packages[entry.rater] = entry.id
            elif entry.kind == VOTE:
                if state != "open":
                    yield Flaw("not_open", FILE, entry.seq)
                if entry.id in ids or (content["id"], content["rater"], content["number"]) != _named(entry):
                    yield Flaw("doubled", FILE, entry.seq)
                if not _in_turn(entry, content, last.get(entry.rater)) or not _as_shown(content, study, turns):
                    yield Flaw("out_of_turn", FILE, entry.seq, {"rater": entry.rater})
                if content.get("package") != packages.get(entry.rater):
                    yield Flaw("not_carried", FILE, entry.seq, {"rater": entry.rater})
                last[entry.rater] = entry
            ids.add(entry.id)
        except (ValueError, KeyError, TypeError, IndexError):
            yield Flaw("unreadable", FILE, entry.seq)
            return


def _named(entry: Entry) -> tuple[str, str, int]:
    return entry.id, entry.rater, entry.number


def _in_turn(entry: Entry, content: dict[str, Any], last: Entry | None) -> bool:
    if content["replaces"] is None:
        return entry.number == (last.number if last else 0) + 1
    return last is not None and last.id == content["replaces"] and last.number == entry.number


def _as_shown(content: dict[str, Any], study: StudyFile, turns: Turns) -> bool:
    """The clip, view and answer are those of the protocol."""
    try:
        turn = turns.of(content["rater"])[content["number"] - 1]
    except Refused:
        return False
    rules = study.protocol
    answers = content["grade"] in rules.codes or content["reason"] in rules.reasons
    shown = (turn.shown.id, turn.shown.clip, turn.occurrence, rules.view_name, rules.seed)
    names = ("presentation", "clip", "occurrence", "view", "order_seed")
    return answers and tuple(content[name] for name in names) == shown
