"""The pages and what they are made of: the same for everyone, from a fixed list, with nothing of any study in them."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from spermscope.locale import pages
from spermscope.rating.values import Refused
from spermscope.rating.web.doors import HouseOf

router = APIRouter(include_in_schema=False)
PAGES = ("enter", "rate", "coordinate")
OTHERS = ("tutor",)
"""Pages that another server shows."""
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@lru_cache(maxsize=1)
def assets() -> dict[str, Response]:
    """Every asset by its name."""
    folder = files("spermscope.rating.web").joinpath("assets")
    found = {item.name: item for item in folder.iterdir() if item.name[item.name.rfind(".") :] in TYPES}
    kinds = {name: TYPES[name[name.rfind(".") :]] for name in found}
    return {name: Response(_told(item.read_bytes()), media_type=kinds[name]) for name, item in found.items()}


def _told(page: bytes) -> bytes:
    """With what a page says by itself until it has its words, in both languages."""
    lines = (f'<p lang="{language}">{escape(line)}</p>' for language, line in pages()["unreached"].items())
    return page.replace(b"<!-- unreached -->", "".join(lines).encode())


@router.get("/")
def home(request: Request, house: HouseOf) -> Response:
    """On to the page of whoever is signed in."""
    session = house.sessions.find(request.cookies.get(house.cookie, ""))
    if session is None:
        return RedirectResponse("/enter", 303)
    return RedirectResponse("/rate" if session.person.role == "rater" else "/coordinate", 303)


@router.get("/words")
def words() -> dict[str, dict[str, str]]:
    """All that the pages say, in both languages."""
    return pages()


@router.get("/assets/{name}")
def asset(name: str) -> Response:
    """A style sheet, a script or a picture."""
    if name not in assets() or name.endswith(".html"):
        raise Refused("unknown")
    return _copy(name)


@router.get("/{page}")
def page(page: str) -> Response:
    """A page."""
    if page not in PAGES:
        raise Refused("unknown")
    return html(page)


def html(name: str) -> Response:
    """A page's file."""
    return _copy(f"{name}.html")


def _copy(name: str) -> Response:
    kept = assets()[name]
    return Response(kept.body, media_type=kept.media_type)
