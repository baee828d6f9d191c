"""Notices: to mediators too, found again by delivery reports, and recorded in the dispute they belong to."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SIDE = "side IN ('buyer', 'seller', 'mediator')"
_TO_RECORD = "to_record IN ('sent', 'returned')"


def upgrade() -> None:
    columns = (
        sa.Column("mark", sa.String(length=32), nullable=True),
        sa.Column("returned_at", sa.BigInteger(), nullable=True),
        sa.Column("to_record", sa.String(length=8), nullable=True),
    )
    # SQLite changes a check only by copying the whole table; that its ids are never used again must be said anew.
    with op.batch_alter_table("outbox", table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        for column in columns:
            batch_op.add_column(column)
        batch_op.drop_constraint(op.f("ck_outbox_side"), type_="check")
        batch_op.create_check_constraint(op.f("ck_outbox_side"), _SIDE)
        batch_op.create_check_constraint(op.f("ck_outbox_to_record"), _TO_RECORD)
    _mark_what_there_is()
    op.create_index("ix_outbox_mark", "outbox", ["mark"], unique=True)
    op.create_index(
        "ix_outbox_to_record",
        "outbox",
        ["id"],
        sqlite_where=sa.text("to_record IS NOT NULL"),
        postgresql_where=sa.text("to_record IS NOT NULL"),
    )


def _mark_what_there_is() -> None:
    """Notices of the release before carry a mark that was computed from their key; reports on them still come."""
    outbox = sa.table("outbox", sa.column("id"), sa.column("key"), sa.column("mark"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(outbox.c.id, outbox.c.key)).all():
        mark = hashlib.sha256(f"odr/message/v1\n{row.key}".encode()).hexdigest()[:32]
        connection.execute(sa.update(outbox).where(outbox.c.id == row.id).values(mark=mark))
