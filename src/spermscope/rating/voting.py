"""The rules by which a vote or a state becomes a row; each is applied while nobody else adds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from spermscope.rating.ledger import PACKAGE, SEAT, STATE, VOTE, Adding, Entry
from spermscope.rating.protocol import Protocol
from spermscope.rating.turns import Turn
from spermscope.rating.values import NewVote, Refused, State
from spermscope.rating.writer import Rule

FROM: dict[State, tuple[State, ...]] = {
    "draft": (),
    "open": ("draft", "paused"),
    "paused": ("open",),
    "locked": ("open", "paused"),
}
"""From which states each is reached."""


def now() -> str:
    """UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def check_answer(protocol: Protocol, vote: NewVote) -> None:
    """Refuses what the protocol does not ask."""
    if vote.protocol_version != protocol.version:
        raise Refused("protocol", expected=protocol.version, found=vote.protocol_version)
    if (vote.grade is not None and vote.grade not in protocol.codes) or (
        vote.reason is not None and vote.reason not in protocol.reasons
    ):
        raise Refused("answer")


def vote_content(protocol: Protocol, turn: Turn, pseudonym: str, vote: NewVote) -> dict[str, Any]:
    """What a vote's row says."""
    return {
        **vote.model_dump(mode="json"),
        "rater": pseudonym,
        "clip": turn.shown.clip,
        "number": turn.shown.number,
        "block": turn.shown.block,
        "occurrence": turn.occurrence,
        "view": protocol.view_name,
        "order_seed": protocol.seed,
        "time": now(),
    }


def casting(content: dict[str, Any], sent: dict[str, Any]) -> Rule:
    """Adds a vote's row, or finds it where the same vote (``sent``) was added before under its id."""

    def rule(adding: Adding) -> Entry:
        known = adding.by_id(content["id"])
        if known is not None:
            if known.kind == VOTE and known.rater == content["rater"] and known.content | sent == known.content:
                return known
            raise Refused("id")
        state = state_of(adding.last(STATE))
        if state != "open":
            raise Refused(state)
        package = adding.last(PACKAGE, content["rater"])
        if content.get("package") != (package.id if package else None):
            raise Refused("carried")
        _check_turn(content, adding.last(VOTE, content["rater"]))
        return adding.add(content["id"], VOTE, content, content["rater"], content["number"])

    return rule


def _check_turn(content: Mapping[str, Any], last: Entry | None) -> None:
    """A vote is on the presentation after the last one's, or takes the place of the last one."""
    if content["replaces"] is None:
        expected = last.number + 1 if last else 1
        if content["number"] != expected:
            raise Refused("order", expected=expected, found=content["number"])
    elif last is None or last.id != content["replaces"] or last.number != content["number"]:
        raise Refused("replaces")


def entering(state: State, who: str, **facts: Any) -> Rule:
    """Adds the row by which the study comes into that state."""

    def rule(adding: Adding) -> Entry:
        before = state_of(adding.last(STATE))
        if before not in FROM[state] or (before == "draft") != ("frozen" in facts):
            raise Refused("state", before=before, after=state)
        return adding.add(str(uuid4()), STATE, {"state": state, "who": who, "time": now(), **facts})

    return rule


def reseating(seat: str) -> Rule:
    """Notes that a seat's passphrase is to be chosen anew: whoever votes there next may be another."""

    def rule(adding: Adding) -> Entry:
        return adding.add(str(uuid4()), SEAT, {"seat": seat, "time": now()})

    return rule


def state_of(last: Entry | None) -> State:
    """The state that the last such row tells."""
    state: State = "draft" if last is None else last.content["state"]
    return state
