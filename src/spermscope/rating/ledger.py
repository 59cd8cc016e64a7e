"""The one table of a study: votes and states as rows that are only ever added, each bound to the one before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from spermscope.journal import START, follow
from spermscope.rating.database import open_database

VOTE, STATE, PACKAGE, SEAT = "vote", "state", "package", "seat"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row: ``seq`` counts from 1; ``body`` is its content as JSON, ``chain`` binds it to all before it."""

    seq: int
    id: str
    kind: str
    rater: str
    number: int
    body: str
    chain: str

    @property
    def content(self) -> dict[str, Any]:
        """The body, read."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Ledger:
    """The rows; one process at a time adds to them, so it knows the last ones without asking.

    Parameters
    ----------
    folder, study_id
        Whose rows they are.
    database_url
        Of a PostgreSQL database (``postgresql+psycopg://...``); None takes ``rating.db`` in the folder.

    Raises
    ------
    ValueError
        When the database cannot be reached.
    """

    def __init__(self, folder: Path, study_id: str, database_url: str | None = None) -> None:
        self.start = follow(START, study_id)
        self._engine, self._table = open_database(folder, study_id, database_url)
        self._end: Entry | None = None
        self._last: dict[tuple[str, str], Entry] = {}
        self._place: dict[str, int] = {}
        self._sure = False
        self._look()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def adding(self) -> Iterator[Adding]:
        """What is added within becomes part of the table together, on the disk, at the end; or nothing does."""
        self._look()
        adding = Adding(self)
        yield adding
        if adding.rows:
            self._sure = False
            with self._engine.begin() as connection:
                connection.execute(insert(self._table), [asdict(entry) for entry in adding.rows])
            self._take(adding.rows)
            self._sure = True

    def rows(self, kind: str | None = None, rater: str | None = None, after: int = 0) -> Iterator[Entry]:
        """Rows in order, of that kind and rater; those of a moment, whatever is added meanwhile."""
        table = self._table
        query = select(table).where(table.c.seq > after).order_by(table.c.seq)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        if rater is not None:
            query = query.where(table.c.rater == rater)
        with self._engine.connect() as connection:
            found = connection.execute(query).all()
        return (Entry(**row._mapping) for row in found)

    def by_id(self, id: str) -> Entry | None:
        """The row of that id."""
        seq = self._place.get(id)
        return None if seq is None else next(self.rows(after=seq - 1), None)

    def last(self, kind: str, rater: str = "") -> Entry | None:
        """The last row of that kind and rater."""
        return self._last.get((kind, rater))

    def end(self) -> Entry | None:
        """The last row of all."""
        return self._end

    def raters(self) -> set[str]:
        """Everyone who has a row."""
        return {rater for _, rater in list(self._last) if rater}

    def _look(self) -> None:
        """Read what is there beyond what is known; after a write of which nobody knows whether it succeeded, too."""
        if not self._sure:
            self._take(list(self.rows(after=self._end.seq if self._end else 0)))
            self._sure = True

    def _take(self, rows: list[Entry]) -> None:
        for entry in rows:
            self._place[entry.id] = entry.seq
            self._last[entry.kind, entry.rater] = self._end = entry


class Adding:
    """The rows as they will be; nothing is written yet."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self.rows = ledger, list[Entry]()
        self._last: dict[tuple[str, str], Entry] = {}
        self._ids: dict[str, Entry] = {}
        end = ledger.end()
        self._seq, self._chain = (end.seq, end.chain) if end else (0, ledger.start)

    def by_id(self, id: str) -> Entry | None:
        """The row of that id."""
        return self._ids.get(id) or self._ledger.by_id(id)

    def last(self, kind: str, rater: str = "") -> Entry | None:
        """The last row of that kind and rater."""
        return self._last.get((kind, rater)) or self._ledger.last(kind, rater)

    def add(self, id: str, kind: str, content: dict[str, Any], rater: str = "", number: int = 0) -> Entry:
        """One more row."""
        body = json.dumps(content, ensure_ascii=False, sort_keys=True, allow_nan=False)
        self._seq, self._chain = self._seq + 1, link(self._chain, id, kind, rater, number, body)
        entry = Entry(self._seq, id, kind, rater, number, body, self._chain)
        self._ids[id] = self._last[kind, rater] = entry
        self.rows.append(entry)
        return entry


def link(before: str, id: str, kind: str, rater: str, number: int, body: str) -> str:
    """The chain after a row: every column counts."""
    return follow(before, json.dumps([id, kind, rater, number, body], ensure_ascii=False))
