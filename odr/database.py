"""The database: one metadata, the house's SQLite pragmas, and the two ways to it, reading and writing."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Dialect, Engine, MetaData, create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

T = TypeVar("T")

# Named constraints, so that a migration and an error message can speak of them.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of the product hangs on this metadata; our own base keeps strict type checks possible."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base, disable_autonaming=True)
"""Makes and keeps the engine of an application. Rows are read and written through Core, writes by `write_unit`."""


class Rolled(Exception):
    """Raised inside a write unit to say: another writer was first, run the whole unit again."""


def open_engine(url: str, *, pooled: bool = True) -> Engine:
    """An engine with the house's settings on every connection. `url`: sqlite:///path or postgresql+psycopg://…"""
    options: dict[str, Any] = {} if pooled else {"poolclass": NullPool}
    engine = create_engine(url, **options)
    prepare_engine(engine)
    return engine


def prepare_engine(engine: Engine) -> None:
    """Set what `decisions.md`-grade durability needs on each new connection of this engine."""
    # An error of the database ends up in the operator's log, where nobody's words and addresses belong.
    engine.hide_parameters = True
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def pragmas(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver must not open transactions by itself: writers say BEGIN IMMEDIATE, see `writing`.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            # FULL: with NORMAL an acknowledged act may be lost at power loss, and a signed checkpoint would lie.
            "synchronous=FULL",
            "busy_timeout=20000",
            "foreign_keys=ON",
            "secure_delete=ON",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("odr_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: BEGIN IMMEDIATE on SQLite, READ COMMITTED on PostgreSQL; commits at the end."""
    with engine.connect().execution_options(odr_writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads one moment of the database, whatever is written meanwhile."""
    # SQLite does so in any transaction, PostgreSQL when told so.
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def write_unit(engine: Engine, unit: Callable[[Connection], T], *, attempts: int = 12) -> T:
    """Run `unit(connection)` in one transaction and commit it; run it again from the start when another writer
    was first (a version conflict, a deadlock, a serialization failure), at most `attempts` times.

    A unit must therefore read all that it decides on through its own connection.
    """
    for attempt in range(1, attempts + 1):
        try:
            with writing(engine) as connection:
                return unit(connection)
        except Exception as failure:
            if attempt == attempts or not _worth_another_try(failure):
                raise
            # Losers of a race step aside for a moment, each for another one, so that they do not meet again.
            time.sleep(random.uniform(0, 0.004) * attempt)  # noqa: S311 - no secret, only a pause
    raise AssertionError("unreachable")


class Prepared:
    """A Core statement, compiled once for each kind of database and handed to its driver as it is.

    Only for the six writes of every act (ADR 11), for its look whether the house has stopped (ADR 16), and for the walk
    of verifying over every entry (ADR 24): there the way through SQLAlchemy costs more than the database does. A taken
    key is a writer who was first: Rolled.
    """

    def __init__(self, statement: Any, names: Iterable[str]) -> None:
        self._statement = statement
        self._names = list(names)
        self._compiled: dict[str, tuple[str, list[tuple[str, Any]], bool]] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each row; a row has a value for every name."""
        sql, places, positional = self._for(connection.dialect)
        cursor = connection.connection.cursor()
        try:
            for row in rows:
                values = {name: write(row[name]) if write else row[name] for name, write in places}
                cursor.execute(sql, tuple(values.values()) if positional else values)
        except connection.dialect.loaded_dbapi.IntegrityError as taken:
            raise Rolled(str(self._statement.table)) from taken
        finally:
            cursor.close()

    def row(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Execute a query once and answer its first row, with values as the driver gives them."""
        return next(iter(self.rows(connection, values)), None)

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """The same with all its rows."""
        sql, places, positional = self._for(connection.dialect)
        given = {name: write(values[name]) if write else values[name] for name, write in places}
        cursor = connection.connection.cursor()
        try:
            cursor.execute(sql, tuple(given.values()) if positional else given)
            return cursor.fetchall()
        finally:
            cursor.close()

    def _for(self, dialect: Dialect) -> tuple[str, list[tuple[str, Any]], bool]:
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._names or None)
            names = compiled.positiontup if compiled.positional else list(compiled.binds)
            writers = {
                name: compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in set(names)
            }
            places = [(name, writers[name]) for name in names]
            known = self._compiled[dialect.name] = (str(compiled), places, compiled.positional)
        return known


def _worth_another_try(failure: Exception) -> bool:
    if isinstance(failure, Rolled | IntegrityError):
        return True
    original = getattr(failure, "orig", failure)
    if isinstance(original, sqlite3.OperationalError):
        return "locked" in str(original) or "busy" in str(original)
    # serialization_failure and deadlock_detected (PostgreSQL error codes, appendix A).
    return getattr(original, "sqlstate", None) in {"40001", "40P01"}
