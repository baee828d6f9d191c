"""Migrations: they lead an empty database to the tables in the code, once, and keep the log's guards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from odr.database import Base, open_engine, writing
from odr.migrations.service import is_current, migrate


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
