"""Migrations: they lead an empty database to the tables in the code, once, and keep the log's guards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from odr.database import Base, open_engine, writing
from odr.log.proof import inner_nodes
from odr.migrations.service import _config, is_current, migrate


@pytest.fixture
def bare(engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """An engine on a database of the same kind without any table."""
    if engine.dialect.name == "sqlite":
        empty = open_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        yield empty
        empty.dispose()
        return
    with writing(engine) as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    yield engine


def test_migrating_leads_to_the_tables_in_the_code(bare):
    assert not is_current(bare)

    assert migrate(bare)

    assert is_current(bare)
    with bare.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == [], "write a migration: make migration words='…'"


def test_migrating_a_second_time_changes_nothing(bare):
    migrate(bare)

    assert not migrate(bare)


def test_a_migrated_database_refuses_to_change_or_drop_rows_of_the_log(bare):
    migrate(bare)
    row = "INSERT INTO checkpoint (number, size, signed_at, note) VALUES (1, 1, 1, '')"
    with writing(bare) as connection:
        connection.execute(text(row))

    for act in ("UPDATE checkpoint SET size = 2", "DELETE FROM checkpoint"):
        with pytest.raises(DBAPIError, match="append-only"), writing(bare) as connection:
            connection.execute(text(act))


def test_a_failed_migration_leaves_nothing_behind(bare):
    """The people of a half migrated house would see errors that no operator can explain."""
    with writing(bare) as connection:
        connection.execute(text("CREATE TABLE worker (id INTEGER)"))

    with pytest.raises(DBAPIError):
        migrate(bare)

    assert inspect(bare).get_table_names() == ["worker"]


def test_tiles_stored_before_are_given_their_nodes_and_stay_as_they_were(bare):
    hashes = [bytes([place]) * 32 for place in range(256)]
    nodes = inner_nodes(hashes)
    with writing(bare) as connection:
        command.upgrade(_config(connection), "0004")
    with writing(bare) as connection:
        connection.execute(
            text("INSERT INTO tile (level, number, root, hashes) VALUES (0, :number, :root, :hashes)"),
            [
                {"number": 0, "root": nodes[-1], "hashes": b"".join(hashes)},
                {"number": 1, "root": nodes[-1], "hashes": b"cut short"},
            ],
        )

    migrate(bare)

    with bare.connect() as connection:
        rows = connection.execute(text("SELECT root, hashes, nodes FROM tile ORDER BY number")).all()
    assert [tuple(map(bytes, row)) for row in rows] == [
        (nodes[-1], b"".join(hashes), b"".join(nodes)),
        (nodes[-1], b"cut short", b""),
    ]
    with pytest.raises(DBAPIError, match="append-only"), writing(bare) as connection:
        connection.execute(text("DELETE FROM tile"))
