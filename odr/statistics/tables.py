"""The rows of the statistics: what is counted about each dispute, and the editions that were cut."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    event,
    insert,
    update,
)

from odr.database import Base, Prepared
from odr.log.tables import guard
from odr.procedure.dispute import Dispute
from odr.statistics.figures import record_of
from odr.statistics.records import to_text

record = Table(
    "statistics_record",
    Base.metadata,
    Column("dispute_id", String(32), primary_key=True),
    # Whether the filing was made on another clock than the real one: such disputes count in demonstrations only.
    Column("simulated", Boolean, nullable=False),
    Column("overdue", String(16), nullable=False),
    Column("body", Text, nullable=False),
)
"""One row a dispute, written with the act that changes it and rebuilt from its entries at will (`odr rebuild`)."""

Index("ix_statistics_record_overdue", record.c.overdue)

edition = Table(
    "statistics_edition",
    Base.metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("cut_at", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""What was published, and stays as it was published."""

event.listen(edition, "after_create", lambda table, connection, **_: guard(table, connection))

_CHANGING = ("overdue", "body")
_INSERT = Prepared(insert(record), record.c.keys())
_UPDATE = Prepared(
    update(record)
    .where(record.c.dispute_id == bindparam("this_id"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING}),
    (),
)


def record_row(dispute: Dispute, simulated: bool) -> dict[str, Any]:
    """The row that belongs to this state."""
    held = record_of(dispute)
    return {"dispute_id": dispute.id, "simulated": simulated, "overdue": held.overdue, "body": to_text(held)}


def count_in(connection: Connection, before: Dispute, after: Dispute, clock_kind: str) -> None:
    """Bring what is counted about a dispute from one state to the next, in the act's transaction; most acts change
    nothing of it."""
    if before.version == 0:
        _INSERT.run(connection, [record_row(after, clock_kind != "real")])
    elif record_of(before) != record_of(after):
        row = record_row(after, False)
        _UPDATE.run(connection, [{"this_id": after.id, **{f"new_{name}": row[name] for name in _CHANGING}}])
