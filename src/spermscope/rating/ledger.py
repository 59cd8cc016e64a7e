"""The one table of a study: votes and states as rows that are only ever added, each bound to the one before.

SQLite (WAL, synchronous FULL) in the study's folder, or PostgreSQL by URL, where every study has a table of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.engine import Row, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from spermscope.journal import START, follow

FILE = "rating.db"
VOTE, STATE, PACKAGE = "vote", "state", "package"
_ONLY_ADDED = "rows are only ever added"


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
    """The table, made where there is none.

    Parameters
    ----------
    folder, study_id
        Whose it is.
    database_url
        Of a PostgreSQL database (``postgresql+psycopg://...``); None takes ``rating.db`` in the folder.

    Raises
    ------
    ValueError
        When the database cannot be reached.
    """

    def __init__(self, folder: Path, study_id: str, database_url: str | None = None) -> None:
        self.start = follow(START, study_id)
        self._table = _table(study_id)
        self._engine = _engine(database_url or f"sqlite:///{(folder / FILE).absolute().as_posix()}")
        try:
            with self._engine.begin() as connection:
                self._table.create(connection, checkfirst=True)
                _guard(connection, self._table.name)
        except SQLAlchemyError as error:
            where = make_url(database_url).render_as_string() if database_url else folder / FILE
            raise ValueError(f"{where}: expected a database, found {str(error).splitlines()[0]}") from error

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextmanager
    def adding(self) -> Iterator[Adding]:
        """All that is added within becomes part of the table together, on the disk, at the end; or nothing does."""
        with self._engine.connect().execution_options(adds=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text(f'LOCK TABLE "{self._table.name}" IN EXCLUSIVE MODE'))
            yield Adding(connection, self._table, self.start)

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
        return (_entry(row) for row in found)

    def last(self, kind: str, rater: str = "") -> Entry | None:
        """The last row of that kind and rater."""
        with self._engine.connect() as connection:
            return _last(connection, self._table, kind, rater)

    def end(self) -> Entry | None:
        """The last row of all."""
        with self._engine.connect() as connection:
            query = select(self._table).order_by(self._table.c.seq.desc()).limit(1)
            row = connection.execute(query).one_or_none()
        return None if row is None else _entry(row)

    def raters(self) -> set[str]:
        """Everyone who has a row."""
        column = self._table.c.rater
        with self._engine.connect() as connection:
            return {name for name in connection.execute(select(column).distinct()).scalars() if name}


class Adding:
    """The table while rows are added: no one else adds meanwhile."""

    def __init__(self, connection: Connection, table: Table, start: str) -> None:
        self._connection, self._table = connection, table
        query = select(table.c.seq, table.c.chain).order_by(table.c.seq.desc()).limit(1)
        last = connection.execute(query).one_or_none()
        self.seq: int = last.seq if last else 0
        self.chain: str = last.chain if last else start

    def by_id(self, id: str) -> Entry | None:
        """The row of that id."""
        row = self._connection.execute(select(self._table).where(self._table.c.id == id)).one_or_none()
        return None if row is None else _entry(row)

    def last(self, kind: str, rater: str = "") -> Entry | None:
        """The last row of that kind and rater."""
        return _last(self._connection, self._table, kind, rater)

    def add(self, id: str, kind: str, content: dict[str, Any], rater: str = "", number: int = 0) -> Entry:
        """One more row."""
        body = json.dumps(content, ensure_ascii=False, sort_keys=True, allow_nan=False)
        self.seq, self.chain = self.seq + 1, link(self.chain, id, kind, rater, number, body)
        entry = Entry(self.seq, id, kind, rater, number, body, self.chain)
        values = {name: getattr(entry, name) for name in Entry.__slots__}
        self._connection.execute(insert(self._table).values(**values))
        return entry


def link(before: str, id: str, kind: str, rater: str, number: int, body: str) -> str:
    """The chain after a row: every column counts."""
    return follow(before, json.dumps([id, kind, rater, number, body], ensure_ascii=False))


def _table(study_id: str) -> Table:
    name = f"ledger_{study_id}"
    return Table(
        name,
        MetaData(),
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("id", String(36), nullable=False, unique=True),
        Column("kind", String(8), nullable=False),
        Column("rater", String(4), nullable=False),
        Column("number", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("chain", String(64), nullable=False),
        Index(f"{name}_last", "kind", "rater", "seq"),
    )


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)


def _last(connection: Connection, table: Table, kind: str, rater: str) -> Entry | None:
    of_them = (table.c.kind == kind) & (table.c.rater == rater)
    row = connection.execute(select(table).where(of_them).order_by(table.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else _entry(row)


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(url, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ValueError(f"database: expected a URL such as postgresql+psycopg://..., found {error}") from error
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise ValueError(f"database: expected SQLite or PostgreSQL, found {engine.dialect.name}")
    event.listen(engine, "connect", _sqlite if engine.dialect.name == "sqlite" else _postgresql)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", _begin)
    return engine


def _sqlite(connection: Any, _: object) -> None:
    """A commit is on the disk when it returns, and readers hinder nobody."""
    connection.isolation_level = None
    for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    """Who adds takes the table from the start, who reads sees one moment of it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("adds") else "BEGIN")


def _postgresql(connection: Any, _: object) -> None:
    connection.execute("SET SESSION synchronous_commit TO on")
    connection.commit()


def _guard(connection: Connection, name: str) -> None:
    """No statement changes or removes a row; who writes the file itself is found by the chain."""
    if connection.dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS no_{verb.lower()} BEFORE {verb} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
            )
        return
    connection.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION only_added() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_ONLY_ADDED}'; END $$"
    )
    connection.exec_driver_sql(
        f"CREATE OR REPLACE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION only_added()"
    )
