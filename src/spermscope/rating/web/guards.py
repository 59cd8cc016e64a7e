"""What surrounds every request and answer: sizes, origin, headers, and faults that tell nothing."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spermscope.rating.values import Refused

_log = logging.getLogger(__name__)
MOST_BYTES = 16_384
PATIENCE_S = 20.0
SAFE = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
STATUS = {
    "session": 401,
    "token": 403,
    "role": 403,
    "sign_in": 403,
    "code": 403,
    "unlocked": 403,
    "unknown": 404,
    "presentation": 404,
    "clip": 404,
    "large": 413,
    "passphrase": 422,
    "answer": 422,
    "malformed": 422,
    "often": 429,
    "broken": 500,
}
"""Of refusals; any other is a conflict with how things stand (409)."""


def refusal(refused: Refused, status: int | None = None) -> JSONResponse:
    """The answer that tells a page what was refused, by its key."""
    content = {"refused": {"key": refused.key, "values": refused.values}}
    answer = JSONResponse(content, status or STATUS.get(refused.key, 409))
    if "seconds" in refused.values:
        answer.headers["Retry-After"] = str(refused.values["seconds"])
    return answer


class Guards:
    """Reads bodies whole and small, lets only the study's own pages change anything, sets the headers of answers."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    found.setdefault(name, value)
            await send(message)

        if scope["method"] not in SAFE and not _own_page(Headers(scope=scope)):
            return await refusal(Refused("token"))(scope, receive, answer)
        try:
            body = await asyncio.wait_for(_whole(receive), PATIENCE_S)
        except (Refused, TimeoutError) as error:
            refused = error if isinstance(error, Refused) else Refused("malformed")
            return await refusal(refused)(scope, receive, answer)
        if body is None:
            return None
        return await self._served(scope, _again(body, receive), answer)

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What went wrong on our side is told in the log alone."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            _log.exception("a request could not be answered")
            if started:
                raise
            await refusal(Refused("broken"))(scope, receive, send)


def _own_page(headers: Headers) -> bool:
    """Whether a browser says that the request comes from a page of this very server; other programs say nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


async def _whole(receive: Receive) -> bytes | None:
    """The request's body; None when the other side went away."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BYTES:
            raise Refused("large")
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Give the body once; then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
