"""What the coordinator's page asks: completion, links to join, the study's state, agreement after the lock."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from spermscope.rating.values import RaterProgress, Role
from spermscope.rating.web.doors import Coordinator, HouseOf
from spermscope.rating.web.shown import protocol_for

router = APIRouter(prefix="/api")


class Move(BaseModel):
    """The state a study is to go to."""

    model_config = ConfigDict(extra="forbid")
    to: Literal["open", "paused", "locked"]


class Invitation(BaseModel):
    """Whom a code is for; ``name`` goes to the map of people alone."""

    model_config = ConfigDict(extra="forbid")
    role: Role
    name: str = Field(default="", max_length=200)


@router.get("/study")
def study(request: Request, _: Coordinator, house: HouseOf) -> dict[str, Any]:
    """State, protocol, seats, and how far and how steady each rater is; no single vote.

    ``total`` counts the presentations of all seats, those that nobody has taken among them. ``address`` is where other
    computers reach the study; '' where they do not, or where that is not known.
    """
    protocol, turns = house.study.protocol, house.study.turns
    return {
        "state": house.study.state,
        "address": request.app.state.address,
        "seats": len(turns.seats),
        "total": sum(len(turns.of(seat)) for seat in turns.seats),
        "protocol": {**protocol_for(house.study), "view": protocol.view, "trail": protocol.trail},
        "raters": [_row(rater) for rater in house.study.completion()],
    }


@router.post("/invitations")
def invite(asked: Invitation, _: Coordinator, house: HouseOf) -> dict[str, str]:
    """A one-time code, told this once."""
    return {"code": house.study.invite(asked.role, name=asked.name)}


@router.post("/state")
def move(asked: Move, who: Coordinator, house: HouseOf) -> dict[str, str]:
    """Start, pause, go on or lock; who did is noted."""
    served = house.study
    if asked.to == "open":
        (served.start if served.state == "draft" else served.resume)(who)
    elif asked.to == "paused":
        served.pause(who)
    else:
        served.lock(who)
    return {"state": served.state}


def _row(rater: RaterProgress) -> dict[str, Any]:
    """As JSON: what is undefined is null."""
    row = asdict(rater)
    row["pace_per_min"] = _known(rater.pace_per_min)
    for block in row["drift"]:
        block["mean_grade"], block["median_ms"] = _known(block["mean_grade"]), _known(block["median_ms"])
    return row


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
