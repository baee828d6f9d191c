"""The rows about people: accounts, roles, mediators, open sessions, single-use links and counted attempts."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from odr.database import Base

ROLES = ("registrar", "mediator", "regulator", "admin")
PURPOSES = ("verify", "reset", "signin", "invite")


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


account = Table(
    "account",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    # Lower case, see `rules.email_key`. Emptied with the name when the account is closed: entries keep only the id.
    Column("email", String(254)),
    Column("verified_at", BigInteger),
    # None for those who come in by mailed links only.
    Column("password_hash", String(200)),
    Column("name", String(120), nullable=False),
    Column("country", String(2)),
    Column("language", String(16), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    UniqueConstraint("email"),
)

# Who asked for everything of theirs to be erased; gone with the last of it.
erasure_request = Table(
    "erasure_request",
    Base.metadata,
    Column("account_id", ForeignKey("account.id"), primary_key=True),
    Column("asked_at", BigInteger, nullable=False),
)

# What somebody typed who wants an account. It becomes one when the mailed link is answered, and is swept otherwise:
# nobody can occupy an address that is not theirs, and registering does the same work for a known address.
registration = Table(
    "registration",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("password_hash", String(200), nullable=False),
    # SHA-256 of the mark left in the browser that asked, so that this browser need not type the password again.
    Column("mark_hash", String(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("country", String(2), nullable=False),
    Column("language", String(16), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("ix_registration_email", "email", "made_at"),
)

role_grant = Table(
    "role_grant",
    Base.metadata,
    Column("account_id", String(32), ForeignKey("account.id"), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("granted_at", BigInteger, nullable=False),
    CheckConstraint(_one_of("role", ROLES), name="role"),
)

mediator = Table(
    "mediator",
    Base.metadata,
    # The stable name that entries give to a mediator. It stays when the account is closed: figures and draws need it.
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("languages", JSON, nullable=False),
    # Claim categories; an empty list means every field.
    Column("fields", JSON, nullable=False),
    Column("country", String(2)),
    # What a mediator declared to be tied to: sellers by their stable ids, and mail domains.
    Column("interest_sellers", JSON, nullable=False),
    Column("interest_domains", JSON, nullable=False),
    Column("training", Text, nullable=False),
    Column("admitted_at", BigInteger, nullable=False),
    Column("mandate_until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("capacity", Integer, nullable=False),
    # Appointments that were let lie count from here on: a change of the roster forgives those before it.
    Column("counted_from", BigInteger, nullable=False),
    UniqueConstraint("account_id"),
    CheckConstraint("capacity > 0", name="capacity"),
)

session = Table(
    "session",
    Base.metadata,
    # SHA-256 of what the cookie carries: who reads the table cannot sign in with it.
    Column("id_hash", String(64), primary_key=True),
    Column("account_id", String(32), ForeignKey("account.id"), nullable=False),
    Column("device", String(80), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("ix_session_account_id", "account_id", "ended_at"),
)

link = Table(
    "link",
    Base.metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("purpose", String(8), nullable=False),
    Column("account_id", String(32)),
    Column("email", String(254)),
    Column("dispute_id", String(32)),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    CheckConstraint(_one_of("purpose", PURPOSES), name="purpose"),
    CheckConstraint("account_id IS NOT NULL OR email IS NOT NULL", name="bound"),
    Index("ix_link_account_id", "account_id", "purpose"),
    Index("ix_link_email", "email", "purpose"),
    Index("ix_link_dispute_id", "dispute_id"),
)

rate = Table(
    "rate",
    Base.metadata,
    # A keyed hash: neither addresses nor accounts can be read out of it.
    Column("bucket", String(32), primary_key=True),
    Column("action", String(32), primary_key=True),
    Column("opened_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("spent", Integer, nullable=False),
    Index("ix_rate_last_at", "last_at"),
)
