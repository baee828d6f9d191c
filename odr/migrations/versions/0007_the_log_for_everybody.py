"""What others do for the log and with it: witnesses, auditors, checks of itself, erasures, and a log founded anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "former_checkpoint",
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "number", name=op.f("pk_former_checkpoint")),
    )
    op.create_table(
        "cosignature",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=255), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "witness", name=op.f("pk_cosignature")),
    )
    op.create_table(
        "self_check",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_self_check")),
    )
    op.create_table(
        "auditor",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("admitted_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditor")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_auditor_token_sha256")),
    )
    op.create_table(
        "auditor_read",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("auditor_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["auditor_id"], ["auditor.id"], name=op.f("fk_auditor_read_auditor_id_auditor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditor_read")),
    )
    op.create_table(
        "erasure_request",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_erasure_request_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_erasure_request")),
    )
