"""Who did it: representatives, opened files, resets that need two, identities, credentials, and how one signed in."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NINETY_DAYS = 90 * 86_400_000


def upgrade() -> None:
    op.create_table(
        "mandate",
        sa.Column("dispute_id", sa.String(length=32), nullable=False),
        sa.Column("actor_id", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("dispute_id", "actor_id", name=op.f("pk_mandate")),
    )
    op.create_index("ix_mandate_account_id", "mandate", ["account_id", "ended_at"])
    op.create_table(
        "opening",
        sa.Column("dispute_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dispute_id", "account_id", "opened_at", name=op.f("pk_opening")),
    )
    op.create_table(
        "factor_reset",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.String(length=8), nullable=False),
        sa.Column("answered_by", sa.String(length=32), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=8), nullable=True),
        sa.CheckConstraint("ground IN ('lost', 'stolen', 'left')", name=op.f("ck_factor_reset_ground")),
        sa.CheckConstraint("outcome IN ('done', 'refused', 'lapsed')", name=op.f("ck_factor_reset_outcome")),
        sa.CheckConstraint(
            "answered_by IS NULL OR asked_by IS NULL OR answered_by <> asked_by",
            name=op.f("ck_factor_reset_two_people"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_factor_reset_account_id_account")),
        sa.ForeignKeyConstraint(["answered_by"], ["account.id"], name=op.f("fk_factor_reset_answered_by_account")),
        sa.ForeignKeyConstraint(["asked_by"], ["account.id"], name=op.f("fk_factor_reset_asked_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_factor_reset")),
    )
    op.create_index("ix_factor_reset_account_id", "factor_reset", ["account_id", "outcome"])
    op.create_table(
        "identity_proof",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("method", sa.String(length=8), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("subject_hash", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=43), nullable=True),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("proven_at", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.Column("missed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("level IN ('organisation', 'eid')", name=op.f("ck_identity_proof_level")),
        sa.CheckConstraint("method IN ('dns', 'web', 'oidc')", name=op.f("ck_identity_proof_method")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_identity_proof_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_proof")),
    )
    op.create_index("ix_identity_proof_account_id", "identity_proof", ["account_id", "ended_at"])
    op.create_index("ix_identity_proof_subject_hash", "identity_proof", ["subject_hash", "ended_at"])
    op.create_table(
        "credential",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("mediator_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=120), nullable=False),
        sa.Column("document_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("reminded_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('mediation', 'consumer_law', 'language', 'insurance')", name=op.f("ck_credential_kind")
        ),
        sa.ForeignKeyConstraint(["mediator_id"], ["mediator.id"], name=op.f("fk_credential_mediator_id_mediator")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
    )
    op.create_index("ix_credential_mediator_id", "credential", ["mediator_id", "expires_at"])
    op.add_column("mediator", sa.Column("excused_until", sa.BigInteger(), nullable=True))
    # Whoever serves now was admitted when no evidence was asked for: a pool must not be empty on the day of an upgrade.
    serving = sa.table("mediator", sa.column("excused_until", sa.BigInteger()), sa.column("ended_at", sa.BigInteger()))
    until = int(time.time() * 1000) + NINETY_DAYS
    op.execute(sa.update(serving).where(serving.c.ended_at.is_(None)).values(excused_until=until))
    op.add_column("account", sa.Column("suspended_at", sa.BigInteger(), nullable=True))
    op.add_column("seller", sa.Column("claimed_by", sa.String(length=32), nullable=True))
    op.add_column("seller", sa.Column("claimed_at", sa.BigInteger(), nullable=True))
    op.add_column("seller", sa.Column("claimed_proof", sa.String(length=32), nullable=True))
    op.add_column("seller", sa.Column("wrapped_key", sa.LargeBinary(), nullable=True))
    op.add_column("seller", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.create_index("ix_seller_claimed_by", "seller", ["claimed_by"])
    with op.batch_alter_table("role_grant") as batch:
        batch.add_column(sa.Column("given_by", sa.String(length=32), nullable=True))
        batch.create_foreign_key(op.f("fk_role_grant_given_by_account"), "account", ["given_by"], ["id"])
    op.add_column("link", sa.Column("actor_id", sa.String(length=32), nullable=True))
    with op.batch_alter_table("session") as batch:
        batch.add_column(sa.Column("factor_kind", sa.String(length=8), nullable=True))
        batch.add_column(sa.Column("began_by", sa.String(length=8), server_default="password", nullable=False))
        batch.create_check_constraint(op.f("ck_session_factor_kind"), "factor_kind IN ('passkey', 'totp', 'recovery')")
        batch.create_check_constraint(
            op.f("ck_session_began_by"), "began_by IN ('password', 'link', 'verify', 'invite')"
        )
    for table, column, words in (
        ("link", "purpose", "'verify', 'reset', 'signin', 'invite', 'mandate'"),
        ("ceremony", "purpose", "'app', 'passkey', 'proof', 'sign', 'eid'"),
    ):
        name = op.f(f"ck_{table}_{column}")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"{column} IN ({words})")
