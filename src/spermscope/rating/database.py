"""Where rows lie: SQLite (WAL, synchronous FULL) in the study's folder, or PostgreSQL by URL, one table a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

FILE = "rating.db"
_ONLY_ADDED = "rows are only ever added"


def reach(url: str | None) -> None:
    """Raise ValueError where no database can be reached at that URL; None is always there."""
    if url is not None:
        engine = _engine(url)
        try:
            with engine.connect():
                pass
        except SQLAlchemyError as error:
            raise _unreached(url, error) from error
        finally:
            engine.dispose()


def open_database(folder: Path, study_id: str, url: str | None) -> tuple[Engine, Table]:
    """The database and the study's table in it, made where there is none.

    Raises
    ------
    ValueError
        When the URL is of neither kind, or the database cannot be reached; a password is not in the message.
    """
    table = _table(study_id)
    engine = _engine(url or f"sqlite:///{(folder / FILE).absolute().as_posix()}")
    try:
        with engine.begin() as connection:
            table.create(connection, checkfirst=True)
            _guard(connection, table.name)
    except SQLAlchemyError as error:
        engine.dispose()
        raise _unreached(url or folder / FILE, error) from error
    return engine, table


def _unreached(where: str | Path, error: SQLAlchemyError) -> ValueError:
    shown = make_url(where).render_as_string() if isinstance(where, str) else where
    return ValueError(f"{shown}: expected a database, found {str(error).splitlines()[0]}")


def _table(study_id: str) -> Table:
    return Table(
        f"ledger_{study_id}",
        MetaData(),
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("id", String(36), nullable=False, unique=True),
        Column("kind", String(8), nullable=False),
        Column("rater", String(4), nullable=False),
        Column("number", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("chain", String(64), nullable=False),
    )


def _engine(url: str) -> Engine:
    try:
        engine = create_engine(url, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ValueError(f"database: expected a URL such as postgresql+psycopg://..., found {error}") from error
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise ValueError(f"database: expected SQLite or PostgreSQL, found {engine.dialect.name}")
    sqlite = engine.dialect.name == "sqlite"
    event.listen(engine, "connect", _set_sqlite if sqlite else _set_postgresql)
    if sqlite:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _set_sqlite(connection: Any, _: object) -> None:
    """A commit is on the disk when it returns, and readers hinder nobody."""
    connection.isolation_level = None
    for setting in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {setting}")


def _set_postgresql(connection: Any, _: object) -> None:
    """A commit is on the disk when it returns, whatever the server's own setting."""
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
        f"CREATE OR REPLACE FUNCTION only_added_{name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_ONLY_ADDED}'; END $$"
    )
    connection.exec_driver_sql(
        f"CREATE OR REPLACE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION only_added_{name}()"
    )
