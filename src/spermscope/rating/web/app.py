"""The web application of one study."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from spermscope import __version__
from spermscope.rating.opening import Study
from spermscope.rating.values import Refused
from spermscope.rating.web import agreement, coordinator, entry, pages, rater
from spermscope.rating.web.doors import House
from spermscope.rating.web.guards import Guards, refusal

PARTS = (entry, rater, coordinator, agreement, pages)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def make_app(study: Study, *, secure: bool = False, hosts: tuple[str, ...] = LOOPBACK) -> FastAPI:
    """The application that serves ``study``; ``secure`` behind TLS, ``hosts`` the names it answers to ("*": any)."""
    app = FastAPI(title="spermscope rating study", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.house, app.state.address = House(study, secure), ""
    for part in PARTS:
        app.include_router(part.router)
    return surrounded(app, secure=secure, hosts=hosts)


def surrounded(app: FastAPI, *, secure: bool, hosts: tuple[str, ...]) -> FastAPI:
    """The same application with its guards, answering by refusals that a page can tell."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(Guards, secure=secure)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(error)


def _malformed(request: Request, error: Exception) -> Response:
    return refusal(Refused("malformed"))


def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: an address or a method that is not there."""
    assert isinstance(error, HTTPException)
    return refusal(Refused("unknown" if error.status_code in (404, 405) else "malformed"), error.status_code)
