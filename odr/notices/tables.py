"""The outbox of notices with what became of each, and the pulse of the workers that empty it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    and_,
)

from odr.database import Base

outbox = Table(
    "outbox",
    Base.metadata,
    # Counted, not UUIDv7: two notices of one act fall into one millisecond and their order must still be certain.
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False),
    # The name in the Message-ID, by which a delivery report finds its notice. Random: whoever could compute it could
    # report as undelivered what the other side received, and stop a clock at will.
    Column("mark", String(32)),
    Column("template", String(40), nullable=False),
    Column("account_id", String(32)),
    # Only for an address that has no account; emptied as soon as the notice is sent or given up.
    Column("email_sealed", LargeBinary),
    Column("dispute_id", String(32)),
    Column("side", String(8)),
    # Codes, amounts and instants only; words of people are never copied here.
    Column("params", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Until then nobody else touches the row: it is in a worker's hands, or it rests after a failure.
    Column("leased_until", BigInteger),
    Column("lease_owner", String(32)),
    Column("sent_at", BigInteger),
    Column("failed_at", BigInteger),
    Column("failure", String(64)),
    Column("returned_at", BigInteger),
    # "sent" or "returned" until that fact stands in the dispute's own stream.
    Column("to_record", String(8)),
    UniqueConstraint("key"),
    CheckConstraint("sent_at IS NULL OR failed_at IS NULL", name="one_end"),
    CheckConstraint("(dispute_id IS NULL) = (side IS NULL)", name="side_of_dispute"),
    CheckConstraint("side IN ('buyer', 'seller', 'mediator')", name="side"),
    CheckConstraint("to_record IN ('sent', 'returned')", name="to_record"),
    # A table filled up by the years must not slow the search for the few rows still waiting.
    sqlite_autoincrement=True,
)

_waiting = and_(outbox.c.sent_at.is_(None), outbox.c.failed_at.is_(None))

Index("ix_outbox_waiting", outbox.c.due_at, sqlite_where=_waiting, postgresql_where=_waiting)
Index(
    "ix_outbox_waiting_order",
    outbox.c.dispute_id,
    outbox.c.side,
    outbox.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
_unrecorded = outbox.c.to_record.is_not(None)

Index("ix_outbox_mark", outbox.c.mark, unique=True)
Index("ix_outbox_to_record", outbox.c.id, sqlite_where=_unrecorded, postgresql_where=_unrecorded)

worker = Table(
    "worker",
    Base.metadata,
    Column("owner", String(32), primary_key=True),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    # The parts that failed in the latest round, by name, separated by commas; empty when all is well.
    Column("failing", String(200), nullable=False, server_default=""),
)
