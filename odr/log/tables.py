"""The tables of the log: entries and their sealed words, the queue, the tree, checkpoints, acts, and stored files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import methodcaller
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    event,
)

from odr.database import Base


class Blob(LargeBinary):
    """Bytes, also where somebody's SQL turned them into text: SQLite keeps whatever type it is given, and verifying
    must name such a deed, not stumble over it."""

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        if dialect.name == "sqlite":
            return as_bytes
        return super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call]


def as_bytes(value: Any) -> Any:
    """Bytes that may have been stored as text."""
    if value is None or isinstance(value, bytes):
        return value
    # What `any_text` let through as it was.
    return str(value).encode(errors="surrogateescape")


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """Read text that is none: SQLite lets bytes be stored as text, and its driver would refuse the whole row. For
    verifying, which must name the row."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    before, driver.text_factory = driver.text_factory, methodcaller("decode", "utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


# SQLite gives an automatic number only to a plain INTEGER key.
_Counting = BigInteger().with_variant(Integer, "sqlite")

entry = Table(
    "entry",
    Base.metadata,
    Column("stream", String(80), primary_key=True),
    Column("ver", Integer, primary_key=True),
    Column("type", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reach", String(16), nullable=False),
    Column("leaf_hash", Blob(32), nullable=False),
    Column("raw", Blob, nullable=False),
    # A stream is one range of one b-tree: its page reads it without a sort (performance.md §3).
    sqlite_with_rowid=False,
)

payload = Table(
    "payload",
    Base.metadata,
    Column("stream", String(80), primary_key=True),
    Column("ver", Integer, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("salt", Blob(32), nullable=False),
    Column("wrapped_key", Blob(64), nullable=False),
    Column("sealed", Blob, nullable=False),
    ForeignKeyConstraint(["stream", "ver"], ["entry.stream", "entry.ver"]),
    sqlite_with_rowid=False,
)

stored_file = Table(
    "stored_file",
    Base.metadata,
    Column("stream", String(80), primary_key=True),
    Column("ver", Integer, primary_key=True),
    Column("object_id", String(32), nullable=False, unique=True),
    Column("wrapped_key", Blob(64), nullable=False),
    ForeignKeyConstraint(["stream", "ver"], ["entry.stream", "entry.ver"]),
)

idempotency = Table(
    "idempotency",
    Base.metadata,
    Column("actor", String(32), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("salt", Blob(32), nullable=False),
    Column("body_mac", Blob(32), nullable=False),
    Column("stream", String(80), nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    sqlite_with_rowid=False,
)

queue = Table(
    "queue",
    Base.metadata,
    Column("id", _Counting, primary_key=True, autoincrement=True),
    Column("stream", String(80), nullable=False),
    Column("ver", Integer, nullable=False),
    Column("leaf_hash", Blob(32), nullable=False),
    sqlite_autoincrement=True,
)

leaf = Table(
    "leaf",
    Base.metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("stream", String(80), nullable=False),
    Column("ver", Integer, nullable=False),
    Column("leaf_hash", Blob(32), nullable=False),
    UniqueConstraint("stream", "ver"),
)

tile = Table(
    "tile",
    Base.metadata,
    Column("level", Integer, primary_key=True),
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("root", Blob(32), nullable=False),
    Column("hashes", Blob, nullable=False),
    # The 255 nodes above the 256 hashes, pairs first and the root last, so that a proof has nothing to compute.
    Column("nodes", Blob, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    Base.metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False, unique=True),
    Column("signed_at", BigInteger, nullable=False),
    Column("note", Blob, nullable=False),
)

stop = Table(
    "stop",
    Base.metadata,
    # Always 1: a house has stopped or it has not.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("code", String(16), nullable=False),
    Column("note", Blob, nullable=False),
)

former_checkpoint = Table(
    "former_checkpoint",
    Base.metadata,
    # Checkpoints of a log that was given up, kept beside the one that was founded over its entries.
    Column("origin", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    Column("note", Blob, nullable=False),
)

cosignature = Table(
    "cosignature",
    Base.metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    # The name of the witness's key; one witness counts once.
    Column("witness", String(255), primary_key=True),
    Column("line", Blob, nullable=False),
    # When the witness says it signed, ms UTC.
    Column("at", BigInteger, nullable=False),
)

self_check = Table(
    "self_check",
    Base.metadata,
    # "quick" or "full": the last of each.
    Column("kind", String(16), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("findings", Integer, nullable=False),
    # The code of the first finding, empty where all was sound.
    Column("code", String(64), nullable=False),
)

auditor = Table(
    "auditor",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("token_sha256", Blob(32), nullable=False, unique=True),
    Column("admitted_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

auditor_read = Table(
    "auditor_read",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("auditor_id", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("path", String(80), nullable=False),
    ForeignKeyConstraint(["auditor_id"], ["auditor.id"]),
)

APPEND_ONLY = (entry, leaf, tile, checkpoint)
"""Tables whose rows never change and never go. The triggers are guard rails against accidents, not security:
whoever can write to the database can drop them, and `odr verify` finds what was done then."""


def guard(table: Table, connection: Connection) -> None:
    """Make the database itself refuse UPDATE and DELETE on an append-only table."""
    for statement in _guards(table.name, connection.dialect.name):
        connection.exec_driver_sql(statement)


@contextmanager
def unguarded(connection: Connection, *tables: Table) -> Iterator[None]:
    """Let the caller change append-only tables within its transaction; they are guarded again before it ends. Only for
    founding a log anew (ADR 18)."""
    for table in tables:
        names = [f"{table.name}_no_{verb}" for verb in ("update", "delete")]
        if connection.dialect.name != "sqlite":
            names = [f"{table.name}_append_only ON {table.name}"]
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    yield
    for table in tables:
        guard(table, connection)


def _guards(name: str, dialect: str) -> list[str]:
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name} "
            f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE OR REPLACE FUNCTION odr_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%% is append-only', TG_TABLE_NAME; END $$",
        f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
        "FOR EACH STATEMENT EXECUTE FUNCTION odr_append_only()",
    ]


def _guard_when_created(table: Table, connection: Connection, **_: object) -> None:
    guard(table, connection)


for _table in APPEND_ONLY:
    event.listen(_table, "after_create", _guard_when_created)
