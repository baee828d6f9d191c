"""The shape of the database: nothing reaches into the log to change it, and what belongs to a dispute says so first."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from odr.database import Base
from odr.disputes.tables import dispute_row
from odr.log.tables import APPEND_ONLY


@pytest.fixture
def tables(all_tables: None) -> list[Table]:
    return list(Base.metadata.sorted_tables)


def test_no_deletion_cascades_anywhere(tables):
    """A row that goes must not take others with it unseen, least of all an entry."""
    cascading = [
        f"{table.name}.{key.parent.name}"
        for table in tables
        for key in table.foreign_keys
        if key.ondelete is not None or key.onupdate is not None
    ]

    assert cascading == []


def test_an_entry_leans_on_no_row_that_could_be_erased(tables):
    ordinary = {table.name for table in tables} - {table.name for table in APPEND_ONLY}

    leaning = [table.name for table in APPEND_ONLY for key in table.foreign_keys if key.column.table.name in ordinary]

    assert leaning == []


def test_what_belongs_to_a_dispute_leads_its_key_with_the_dispute(tables):
    """So that one dispute is one shard and one range of one tree (decisions: keys)."""
    owned = [table for table in tables if "stream" in table.c and table.primary_key.columns.keys()[0] != "stream"]

    # The queue and the tree put entries of all disputes in one order; an act is looked up by who did it.
    assert {table.name for table in owned} == {"queue", "leaf", "idempotency"}
    assert next(iter(dispute_row.primary_key.columns)).name == "id"


def test_every_constraint_has_a_name(tables):
    """A migration and an error message must be able to speak of it."""
    assert [
        constraint for table in tables for constraint in table.constraints if len(table.c) and not constraint.name
    ] == []


def test_no_table_is_numbered_in_the_way_of_those_who_act(tables):
    """A counter that every act must pass would make all of them wait for one another."""
    counting = {table.name for table in tables for column in table.primary_key.columns if column.autoincrement is True}

    assert counting <= {"queue", "outbox"}
