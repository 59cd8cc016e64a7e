"""What every request needs: the study, and who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from spermscope.rating.opening import Study
from spermscope.rating.values import Refused
from spermscope.rating.web.access import Session, Sessions, same
from spermscope.rating.web.guards import SAFE
from spermscope.rating.web.limits import Limits

HASHING = 2
"""Passphrases checked at a time: each takes 64 MiB and a core, by argon2's own defaults."""


@dataclass(frozen=True, slots=True)
class House:
    """One study being served: its sessions, its limits, and whether it speaks TLS."""

    study: Study
    secure: bool = False
    sessions: Sessions = field(default_factory=Sessions)
    limits: Limits = field(default_factory=Limits)
    hashing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(HASHING))

    @property
    def cookie(self) -> str:
        """The cookie's name: studies served side by side on one machine do not sign each other's people out."""
        return f"{'__Host-' if self.secure else ''}spermscope-{self.study.study_id}"


async def house_of(request: Request) -> House:
    """What the app serves."""
    house: House = request.app.state.house
    return house


HouseOf = Annotated[House, Depends(house_of)]


async def signed_in(request: Request, house: HouseOf) -> Session:
    """Who asks; refused without a session, and where something changes without the session's own token.

    A token that comes with a mere question must fit too: it is of a page that someone else has signed in behind.
    """
    session = house.sessions.find(request.cookies.get(house.cookie, ""))
    if session is None:
        raise Refused("session")
    token = request.headers.get("x-csrf-token")
    if (token is not None or request.method not in SAFE) and not same(session.token, token or ""):
        raise Refused("token")
    return session


SignedIn = Annotated[Session, Depends(signed_in)]


async def rater(session: SignedIn) -> str:
    """The pseudonym of the rater who asks; refused for anyone else."""
    if session.person.role != "rater":
        raise Refused("role")
    return session.person.pseudonym


async def coordinator(session: SignedIn) -> str:
    """The pseudonym of the coordinator who asks; refused for anyone else."""
    if session.person.role != "coordinator":
        raise Refused("role")
    return session.person.pseudonym


Rater = Annotated[str, Depends(rater)]
Coordinator = Annotated[str, Depends(coordinator)]
