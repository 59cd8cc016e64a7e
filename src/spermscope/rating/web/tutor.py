"""The tutor's server: gives lessons and takes nothing, so that no learner's answer can ever enter a study."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response

from spermscope.dataset.identity import dataset_hash
from spermscope.rating.tutoring import Lessons
from spermscope.rating.values import Refused
from spermscope.rating.web import pages
from spermscope.rating.web.app import LOOPBACK, surrounded
from spermscope.rating.web.serve import run
from spermscope.rating.web.shown import sheet_of


async def lessons_given(request: Request) -> Lessons:
    """What the app teaches."""
    lessons: Lessons = request.app.state.lessons
    return lessons


Given = Annotated[Lessons, Depends(lessons_given)]


def make_tutor(lessons: Lessons, *, secure: bool = False, hosts: tuple[str, ...] = LOOPBACK) -> FastAPI:
    """The application: four questions that can be asked, none that changes anything."""
    app = surrounded(FastAPI(docs_url=None, redoc_url=None, openapi_url=None), secure=secure, hosts=hosts)
    app.state.lessons = lessons
    for path, answer in (
        ("/", _page),
        ("/words", pages.words),
        ("/assets/{name}", pages.asset),
        ("/api/lessons", _lessons),
        ("/api/clips/{number}", _clip),
        ("/api/panel/{number}", _panel),
        ("/sheets/{number}.png", _sheet),
    ):
        app.add_api_route(path, answer, methods=["GET"])
    return app


def serve_tutor(
    lessons: Lessons,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    certificate: Path | None = None,
    key: Path | None = None,
    told: Callable[[str], None] = print,
) -> None:
    """Serve lessons until Ctrl-C; as ``serve`` does a study."""

    def lines(address: str, sheltered: bool) -> list[str]:
        return [f"{len(lessons)} clips to learn from at {address} (Ctrl-C stops)"]

    run(partial(make_tutor, lessons), lines, told, host=host, port=port, certificate=certificate, key=key)


def _page() -> Response:
    return pages.html("tutor")


def _lessons(lessons: Given) -> dict[str, Any]:
    """How many clips there are, what the panel was asked, and a name for the learner's own answers in the browser."""
    rules = lessons.protocol
    grades = [{"code": grade.code, "label": grade.label.model_dump(), "anchors": []} for grade in rules.grades]
    asked = {"question": rules.question.model_dump(), "grades": grades, "view": rules.view, "trail": rules.trail}
    return {
        "clips": len(lessons),
        "name": dataset_hash(lessons.data),
        "simulated": lessons.data.truth() is not None,
        "panel_apart": lessons.panel_apart,
        "protocol": asked,
    }


def _clip(number: int, lessons: Given) -> dict[str, Any]:
    return sheet_of(lessons.sheet(_known(number, lessons)))


def _sheet(number: int, lessons: Given) -> Response:
    return Response(lessons.png(_known(number, lessons)), media_type="image/png")


def _panel(number: int, lessons: Given) -> dict[str, Any]:
    """What the panel said of a clip, and of those that look most alike."""
    alike = lessons.nearest[_known(number, lessons)].tolist()
    return {"shares": lessons.shares[number].tolist(), "nearest": [_told(one, lessons) for one in alike]}


def _told(number: int, lessons: Lessons) -> dict[str, Any]:
    return {"clip": number, "shares": lessons.shares[number].tolist()}


def _known(number: int, lessons: Lessons) -> int:
    if not 0 <= number < len(lessons):
        raise Refused("unknown")
    return number
