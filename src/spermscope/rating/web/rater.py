"""What a rater's page asks: the next clips, their pictures, votes, and the last clip again."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from spermscope.rating.values import NewVote, Refused
from spermscope.rating.web.doors import HouseOf, Rater
from spermscope.rating.web.shown import presentation_of

router = APIRouter()
AHEAD = 24
"""Clips at most that a page may fetch before their turn."""


@router.get("/api/next")
async def next_clips(
    pseudonym: Rater, house: HouseOf, count: Annotated[int, Query(ge=1, le=1000)] = AHEAD
) -> dict[str, Any]:
    """The rater's next clips, in order, with his own progress; none unless the study is open and takes his votes."""
    study = house.study
    state: str = study.state
    state, progress = "carried" if state == "open" and study.carried(pseudonym) else state, study.progress(pseudonym)
    coming = study.next_presentations(pseudonym, min(count, AHEAD)) if state == "open" else []
    presentations = [presentation_of(study, presentation) for presentation in coming]
    return {"state": state, "done": progress.done, "total": progress.total, "presentations": presentations}


@router.get("/sheets/{id}.png")
def sheet(id: str, pseudonym: Rater, house: HouseOf) -> Response:
    """The picture of one of the rater's own presentations."""
    clip = house.study.presentation(pseudonym, id).clip
    return _png(house.study.clip(clip).path)


@router.get("/anchors/{grade}/{number}.png")
def anchor(grade: str, number: int, pseudonym: Rater, house: HouseOf) -> Response:
    """The picture of a grade's anchor clip."""
    anchors = {one.code: one.anchors for one in house.study.protocol.grades}.get(grade, ())
    if not 0 <= number < len(anchors):
        raise Refused("unknown")
    return _png(house.study.clip(anchors[number]).path)


@router.post("/api/votes")
async def vote(given: NewVote, pseudonym: Rater, house: HouseOf) -> dict[str, Any]:
    """Take a vote; the answer is its receipt and comes once the vote is on the disk."""
    receipt = await asyncio.wrap_future(house.study.submit(pseudonym, given))
    return asdict(receipt)


@router.get("/api/last")
async def last(pseudonym: Rater, house: HouseOf) -> dict[str, Any] | None:
    """The rater's last vote's id and clip, to be graded again; null before the first vote."""
    presentation = house.study.undo_last(pseudonym)
    if presentation is None:
        return None
    return {"vote": {"id": presentation.replaces}, "presentation": presentation_of(house.study, presentation)}


def _png(path: str) -> Response:
    """The bytes alone: no date, no name, no tag that two turns of one clip would share."""
    return Response(Path(path).read_bytes(), media_type="image/png")
