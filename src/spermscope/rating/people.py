"""Who is behind a pseudonym: ``keys/people.db``, apart from the votes, in no export, erasable.

Codes are kept as hashes, passphrases as argon2id.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from spermscope.rating.values import Person, Refused, Role

FILE = "people.db"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Of codes: none is taken for another."""
VALID_S = 30 * 86_400.0
SHORTEST = 8
LONGEST = 256
_TABLES = """
CREATE TABLE IF NOT EXISTS people (pseudonym TEXT PRIMARY KEY, role TEXT, name TEXT, passphrase TEXT);
CREATE TABLE IF NOT EXISTS invitations (code TEXT PRIMARY KEY, role TEXT, pseudonym TEXT, name TEXT, until_s REAL);
"""


class People:
    """The map; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._lock, self._hasher = Lock(), PasswordHasher()
        path = folder / FILE
        self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._base.execute("PRAGMA secure_delete=ON")
        self._base.executescript(_TABLES)
        path.chmod(0o600)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def invite(self, role: Role, pseudonym: str | None, name: str = "") -> str:
        """A new code for one who joins in that role, and how he is called."""
        letters = "".join(secrets.choice(LETTERS) for _ in range(16))
        row = (_hash(letters), role, pseudonym, name, time.time() + VALID_S)
        with self._lock:
            self._base.execute("INSERT INTO invitations VALUES (?, ?, ?, ?, ?)", row)
        return "-".join(letters[start : start + 4] for start in range(0, 16, 4))

    def join(self, code: str, passphrase: str, seats: int, taken: Collection[str]) -> Person:
        """Use up a code; raters get the lowest seat that nobody has and that is not among ``taken``."""
        if not SHORTEST <= len(passphrase) <= LONGEST:
            raise Refused("passphrase", least=SHORTEST, most=LONGEST)
        code = _hash(code.upper().replace("-", "").replace(" ", ""))
        with self._lock:
            self._invited(code)
        # Outside the lock: it takes long, and others sign in meanwhile.
        hashed = self._hasher.hash(passphrase)
        with self._lock, self._base:
            self._base.execute("BEGIN IMMEDIATE")
            role, pseudonym, name = self._invited(code)
            pseudonym = pseudonym or self._free(role, seats, taken)
            try:
                self._base.execute("INSERT INTO people VALUES (?, ?, ?, ?)", (pseudonym, role, name, hashed))
            except sqlite3.IntegrityError as error:
                if not self._renewed(pseudonym, name, hashed):
                    raise Refused("code") from error
            self._base.execute("DELETE FROM invitations WHERE code = ?", (code,))
        return Person(pseudonym, role)

    def renew(self, pseudonym: str, name: str = "") -> str | None:
        """A new code for a seat whose passphrase was forgotten; None for a seat that nobody has.

        The old passphrase and older codes of that seat end at once; who joins with the new one has the seat.
        """
        with self._lock, self._base:
            self._base.execute("BEGIN IMMEDIATE")
            query = "SELECT role FROM people WHERE pseudonym = ?"
            found: tuple[Role] | None = self._base.execute(query, (pseudonym,)).fetchone()
            self._base.execute("UPDATE people SET passphrase = '' WHERE pseudonym = ?", (pseudonym,))
            self._base.execute("DELETE FROM invitations WHERE pseudonym = ?", (pseudonym,))
        return self.invite(found[0], pseudonym, name) if found else None

    def _renewed(self, pseudonym: str, name: str, hashed: str) -> bool:
        """Give a passphrase to one who has none; a name that is not given stays."""
        statement = (
            "UPDATE people SET passphrase = ?, name = CASE WHEN ? = '' THEN name ELSE ? END "
            "WHERE pseudonym = ? AND passphrase = ''"
        )
        return self._base.execute(statement, (hashed, name, name, pseudonym)).rowcount == 1

    def _invited(self, code: str) -> tuple[Role, str | None, str]:
        """What a code is for, by its hash."""
        query = "SELECT role, pseudonym, name FROM invitations WHERE code = ? AND until_s > ?"
        found: tuple[Role, str | None, str] | None = self._base.execute(query, (code, time.time())).fetchone()
        if found is None:
            raise Refused("code")
        return found

    @cached_property
    def _nobody(self) -> str:
        """The hash of a passphrase that nobody has."""
        return self._hasher.hash(secrets.token_hex(16))

    def _free(self, role: Role, seats: int, taken: Collection[str]) -> str:
        sitting = {*taken, *(one for (one,) in self._base.execute("SELECT pseudonym FROM people"))}
        letter, last = ("R", seats) if role == "rater" else ("C", 999)
        for number in range(1, last + 1):
            if (pseudonym := f"{letter}{number:03d}") not in sitting:
                return pseudonym
        raise Refused("seats", count=seats)

    def sign_in(self, pseudonym: str, passphrase: str) -> Person:
        """Who it is; as slow for one who is nobody."""
        with self._lock:
            query = "SELECT role, passphrase FROM people WHERE pseudonym = ?"
            found = self._base.execute(query, (pseudonym,)).fetchone()
        nobody = self._nobody
        try:
            self._hasher.verify((found and found[1]) or nobody, passphrase[: LONGEST + 1])
        except (VerificationError, InvalidHashError) as error:
            raise Refused("sign_in") from error
        if found is None:
            raise Refused("sign_in")
        return Person(pseudonym, found[0])

    def names(self) -> dict[str, str]:
        """What people are called, by pseudonym; '' where no name was given or it was erased."""
        with self._lock:
            return dict(self._base.execute("SELECT pseudonym, name FROM people ORDER BY pseudonym"))

    def erase(self, pseudonym: str | None) -> int:
        """Overwrite name and passphrase of one, or of everyone: the pseudonym stays taken, nobody signs in with it.

        Codes for that seat that are not used yet go too; with everyone go all.
        """
        where, values = ("WHERE pseudonym = ?", (pseudonym,)) if pseudonym else ("", ())
        with self._lock:
            count = self._base.execute(f"UPDATE people SET name = '', passphrase = '' {where}", values).rowcount
            self._base.execute(f"DELETE FROM invitations {where}", values)
            self._base.execute("VACUUM")
        return count


def _hash(letters: str) -> str:
    return hashlib.sha256(letters.encode()).hexdigest()
