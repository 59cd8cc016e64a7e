"""The agreement report of a locked study, for its coordinators: made when it is first asked for, then kept."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from spermscope.rating.opening import Study
from spermscope.rating.reporting import report_study
from spermscope.rating.values import Refused
from spermscope.rating.web.doors import Coordinator, HouseOf

router = APIRouter()
FOLDER = "agreement"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
"""The page stands alone: its pictures and styles are in it, and it has no script."""
_making = Lock()


@router.get("/agreement")
def agreement(_: Coordinator, house: HouseOf, language: Annotated[Literal["en", "ja"], Query()] = "en") -> Response:
    """The report as a page; refused before the lock."""
    page = _kept(house.study, language)
    return Response(page.read_bytes(), media_type="text/html", headers={"Content-Security-Policy": POLICY})


def _kept(study: Study, language: Literal["en", "ja"]) -> Path:
    """What a locked study says does not change any more."""
    if study.state != "locked":
        raise Refused("unlocked")
    if study.file.pseudonym:
        raise Refused("unknown")
    out = study.folder / FOLDER / language
    with _making:
        return next(out.glob("*.html"), None) or report_study(study, out, language)
