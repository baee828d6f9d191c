"""Mediators: the roster, and who sits in a dispute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mediator", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("challenge_due", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_dispute_challenge_due", ["challenge_due"], unique=False)
        batch_op.create_index("ix_dispute_mediator_clock_due", ["mediator", "clock_due"], unique=False)
    op.create_table(
        "mediator",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("interest_sellers", sa.JSON(), nullable=False),
        sa.Column("interest_domains", sa.JSON(), nullable=False),
        sa.Column("training", sa.Text(), nullable=False),
        sa.Column("admitted_at", sa.BigInteger(), nullable=False),
        sa.Column("mandate_until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("counted_from", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_mediator_capacity")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_mediator_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mediator")),
        sa.UniqueConstraint("account_id", name=op.f("uq_mediator_account_id")),
    )
    op.create_table(
        "decision_draft",
        sa.Column("dispute_id", sa.String(length=32), nullable=False),
        sa.Column("mediator", sa.String(length=32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dispute_id", "mediator", name=op.f("pk_decision_draft")),
    )
    op.create_table(
        "draw",
        sa.Column("dispute_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("dispute_id", "version", name=op.f("pk_draw")),
        sa.UniqueConstraint("number", name=op.f("uq_draw_number")),
    )
    op.create_table(
        "appointment",
        sa.Column("dispute_id", sa.String(length=32), nullable=False),
        sa.Column("mediator", sa.String(length=32), nullable=False),
        sa.Column("seller", sa.String(length=32), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("missed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("dispute_id", "mediator", name=op.f("pk_appointment")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index("ix_appointment_mediator", ["mediator", "missed_at"], unique=False)
        batch_op.create_index("ix_appointment_seller", ["seller", "accepted_at"], unique=False)
