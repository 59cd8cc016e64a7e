"""Who is signed in: server-side sessions behind a cookie, each with the token its own pages send back."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from spermscope.rating.values import Person

IDLE_S = 8 * 3600.0
WHOLE_S = 24 * 3600.0
"""A session ends this long after its last use, and after this long in any case."""


@dataclass(frozen=True, slots=True)
class Session:
    """One person signed in on one browser; ``token`` must come with everything that changes something."""

    person: Person
    token: str = field(repr=False)
    began_s: float
    used_s: float


class Sessions:
    """All sessions, in memory: a restart signs everyone out. Cookies are kept as hashes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[bytes, Session] = {}
        self._lock = threading.Lock()

    def begin(self, person: Person) -> str:
        """A new session's cookie; never one that was there before."""
        cookie, now_s = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            self._sessions = {key: one for key, one in self._sessions.items() if _lives(one, now_s)}
            self._sessions[_hash(cookie)] = Session(person, secrets.token_urlsafe(32), now_s, now_s)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """The session behind a cookie; None when it ended or never was."""
        key, now_s = _hash(cookie), self._clock()
        with self._lock:
            session = self._sessions.get(key)
            if session is None or not _lives(session, now_s):
                self._sessions.pop(key, None)
                return None
            self._sessions[key] = replace(session, used_s=now_s)
        return session

    def end(self, cookie: str) -> None:
        """End the session behind a cookie, if there is one."""
        with self._lock:
            self._sessions.pop(_hash(cookie), None)


def same(expected: str, found: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing."""
    return hmac.compare_digest(expected.encode(), found.encode())


def _lives(session: Session, now_s: float) -> bool:
    return now_s - session.used_s < IDLE_S and now_s - session.began_s < WHOLE_S


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
