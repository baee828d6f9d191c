"""Mediators: who sits in a dispute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mediator", sa.String(length=32), nullable=True))
        batch_op.create_index("ix_dispute_mediator_clock_due", ["mediator", "clock_due"], unique=False)
