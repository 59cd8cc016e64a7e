"""Joining, signing in and out, and who one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spermscope import __version__
from spermscope.rating.values import Person, Refused
from spermscope.rating.web.doors import House, HouseOf, SignedIn
from spermscope.rating.web.shown import protocol_for

router = APIRouter(prefix="/api")
_TRIES = ("code", "sign_in")
"""Refusals that may be guesses."""


class Joining(BaseModel):
    """A one-time code and the passphrase that its owner chose."""

    model_config = ConfigDict(extra="forbid")
    code: str = Field(min_length=1, max_length=200)
    passphrase: str = Field(min_length=1, max_length=200)


class SigningIn(BaseModel):
    """A pseudonym and its passphrase."""

    model_config = ConfigDict(extra="forbid")
    pseudonym: str = Field(min_length=1, max_length=40)
    passphrase: str = Field(min_length=1, max_length=200)


@router.post("/join")
async def join(asked: Joining, request: Request, response: Response, house: HouseOf) -> dict[str, str]:
    """Take a seat by a one-time code; signs in at once."""
    person = await _tried(house, request, "", lambda: house.study.join(asked.code.strip(), asked.passphrase))
    return _begun(house, response, person)


@router.post("/session")
async def sign_in(asked: SigningIn, request: Request, response: Response, house: HouseOf) -> dict[str, str]:
    """Sign in by pseudonym and passphrase."""
    name = asked.pseudonym.strip().upper()
    person = await _tried(house, request, name, lambda: house.study.sign_in(name, asked.passphrase))
    return _begun(house, response, person)


@router.delete("/session", status_code=204)
def sign_out(request: Request, session: SignedIn, house: HouseOf) -> Response:
    """End the session; its cookie opens nothing afterwards."""
    house.sessions.end(request.cookies[house.cookie])
    answer = Response(status_code=204)
    answer.delete_cookie(house.cookie, secure=house.secure, httponly=True, samesite="strict")
    return answer


@router.get("/me")
def me(session: SignedIn, house: HouseOf) -> dict[str, Any]:
    """Who is signed in, the token for what changes something, and what that role's page needs to know."""
    person = session.person
    known: dict[str, Any] = {
        "pseudonym": person.pseudonym,
        "role": person.role,
        "token": session.token,
        "study": house.study.study_id,
        "app_version": __version__,
    }
    if person.role == "rater":
        progress = house.study.progress(person.pseudonym)
        known |= {"protocol": protocol_for(house.study), "done": progress.done, "total": progress.total}
    return known


async def _tried(house: House, request: Request, name: str, attempt: Callable[[], Person]) -> Person:
    """The person an attempt gives; failures that may be guesses are counted and, when many, refused."""
    address = request.client.host if request.client else ""

    def counted() -> Person:
        """Begun when its turn comes: raters who wait for theirs are no guesses."""
        begun_s = house.limits.begin(name, address)
        try:
            person = attempt()
        except BaseException as error:
            if not (isinstance(error, Refused) and error.key in _TRIES):
                house.limits.forget(name, address, begun_s)
            raise
        house.limits.succeeded(name, address, begun_s)
        return person

    house.limits.check(name, address)
    return await to_thread.run_sync(counted, limiter=house.hashing)


def _begun(house: House, response: Response, person: Person) -> dict[str, str]:
    cookie = house.sessions.begin(person)
    response.set_cookie(house.cookie, cookie, httponly=True, secure=house.secure, samesite="strict", path="/")
    return {"pseudonym": person.pseudonym, "role": person.role}
