"""Statistics: what is counted about each dispute, and the editions that were published.

Disputes filed before are counted by `odr rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from odr.log.tables import guard
from odr.statistics.tables import edition

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "statistics_record",
        sa.Column("dispute_id", sa.String(length=32), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("overdue", sa.String(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dispute_id", name=op.f("pk_statistics_record")),
    )
    op.create_index("ix_statistics_record_overdue", "statistics_record", ["overdue"], unique=False)
    op.create_table(
        "statistics_edition",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cut_at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_statistics_edition")),
    )
    guard(edition, op.get_bind())
