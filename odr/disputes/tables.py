"""The read side of disputes: who is in them, one row each for lists and clocks, and drafts not yet filed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from odr.database import Base, Prepared
from odr.procedure.access import mandate_end
from odr.procedure.dispute import Dispute, Header
from odr.procedure.events import Event, MediatorAccepted, MediatorDrawn, MediatorReleased, PoolCommitted

party = Table(
    "party",
    Base.metadata,
    Column("dispute_id", String(32), primary_key=True),
    Column("side", String(8), primary_key=True),
    Column("actor_id", String(32), nullable=False),
    # Deleting the account's id here unlinks the person from the log (event-log.md §1.1).
    Column("account_id", String(32), index=True),
)
"""Who stands behind the names in entries. An ordinary table: it can forget, the log cannot."""

mandate = Table(
    "mandate",
    Base.metadata,
    Column("dispute_id", String(32), primary_key=True),
    # As entries of this dispute name the representative.
    Column("actor_id", String(32), primary_key=True),
    Column("side", String(8), nullable=False),
    # Whom the invitation goes to, until somebody has taken it up.
    Column("email", String(254)),
    Column("account_id", String(32)),
    Column("given_at", BigInteger, nullable=False),
    # The first instant at which it counts no more, as far as that is known: what lists go by.
    Column("until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)
"""Who acts for a side: the person behind the name that entries give to a representative. What counts stands in the
entries; like `party`, this table can forget."""

Index("ix_mandate_account_id", mandate.c.account_id, mandate.c.ended_at)

opening = Table(
    "opening",
    Base.metadata,
    Column("dispute_id", String(32), primary_key=True),
    Column("account_id", String(32), primary_key=True),
    Column("opened_at", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
)
"""A file that somebody of the staff opened with a reason although nothing in it waits for them, and until when it
stays open to them. The reason stands in the record of readings."""

seller = Table(
    "seller",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("address_key", LargeBinary(32), nullable=False, unique=True),
    # The account that showed to be this seller, by its domain; the proof it rests on, and the address, sealed, for the
    # account's owner to know again.
    Column("claimed_by", String(32)),
    Column("claimed_at", BigInteger),
    Column("claimed_proof", String(32)),
    Column("wrapped_key", LargeBinary),
    Column("sealed", LargeBinary),
    Index("ix_seller_claimed_by", "claimed_by"),
)
"""Sellers by the stable id that entries name them with; found again by a keyed digest of their address."""

dispute_row = Table(
    "dispute",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("phase", String(24), nullable=False),
    Column("code", String(64)),
    Column("category", String(32), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("buyer_country", String(2), nullable=False),
    Column("seller_country", String(2), nullable=False),
    Column("filed_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("mediator", String(32)),
    Column("awaited", String(16)),
    Column("clock_due", BigInteger),
    Column("next_due", BigInteger),
    # Until when a registrar decides on a challenge, which runs beside the time of the step.
    Column("challenge_due", BigInteger),
)
"""One row a dispute, folded from its entries and rebuilt from them at will (`odr rebuild`)."""

Index("ix_dispute_next_due", dispute_row.c.next_due)
Index("ix_dispute_awaited_clock_due", dispute_row.c.awaited, dispute_row.c.clock_due)
Index("ix_dispute_mediator_clock_due", dispute_row.c.mediator, dispute_row.c.clock_due)
Index("ix_dispute_challenge_due", dispute_row.c.challenge_due)

draw = Table(
    "draw",
    Base.metadata,
    Column("dispute_id", String(32), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("number", String(16), nullable=False),
    UniqueConstraint("number"),
)
"""The pools of a dispute by the number under which the public finds their draw: the first digits of the leaf hash of
the entry that fixed the pool, which say nothing about the dispute. Folded from entries."""

appointment = Table(
    "appointment",
    Base.metadata,
    Column("dispute_id", String(32), primary_key=True),
    Column("mediator", String(32), primary_key=True),
    Column("seller", String(32), nullable=False),
    Column("drawn_at", BigInteger, nullable=False),
    Column("accepted_at", BigInteger),
    Column("missed_at", BigInteger),
)
"""Who was drawn in which dispute, and whether they took it or let it lie: what conflicts and pauses are found by.
Folded from entries."""

Index("ix_appointment_mediator", appointment.c.mediator, appointment.c.missed_at)
Index("ix_appointment_seller", appointment.c.seller, appointment.c.accepted_at)

draft = Table(
    "draft",
    Base.metadata,
    Column("id", String(32), primary_key=True),
    Column("account_id", String(32), nullable=False, index=True),
    Column("wrapped_key", LargeBinary(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
)
"""Filings in the making, sealed: the first entry of a dispute is its filing."""


def row_of(dispute: Dispute) -> dict[str, Any]:
    """The row that belongs to this state; `odr rebuild --check` compares it with the stored one."""
    paid = dispute.paid
    return {
        "id": dispute.id,
        "number": dispute.number,
        "version": dispute.version,
        "phase": str(dispute.phase),
        "code": dispute.code,
        "category": dispute.category,
        "amount": paid.minor if paid else 0,
        "currency": paid.currency if paid else "",
        "buyer_country": dispute.buyer_country,
        "seller_country": dispute.seller_country,
        "filed_at": dispute.filed_at,
        "changed_at": dispute.at,
        "mediator": dispute.mediator or None,
        "awaited": dispute.awaited,
        "clock_due": dispute.clock.due if dispute.clock else None,
        "next_due": dispute.next_due,
        "challenge_due": dispute.challenge.clock.due if dispute.challenge and not dispute.suspension else None,
    }


_CHANGING = ("version", "phase", "code", "changed_at", "mediator", "awaited", "clock_due", "next_due", "challenge_due")
_INSERT = Prepared(insert(dispute_row), dispute_row.c.keys())
_UPDATE = Prepared(
    update(dispute_row)
    .where(dispute_row.c.id == bindparam("this_id"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING}),
    (),
)


def project(connection: Connection, before: Dispute, after: Dispute) -> None:
    """Bring the row of a dispute from one state to the next, in the act's transaction."""
    row = row_of(after)
    if before.version == 0:
        _INSERT.run(connection, [row])
        return
    _UPDATE.run(connection, [{"this_id": after.id, **{f"new_{name}": row[name] for name in _CHANGING}}])


def project_mandates(connection: Connection, before: Dispute, after: Dispute) -> None:
    """Bring the rows of representatives along: a mandate ends by an act, or with all that the dispute was about."""
    if (before.mandates, before.over_at) == (after.mandates, after.over_at):
        return
    for each in after.mandates:
        connection.execute(
            update(mandate)
            .where(mandate.c.dispute_id == after.id, mandate.c.actor_id == each.representative)
            .values(until=mandate_end(after, each), ended_at=each.ended_at)
        )


History = Iterable[tuple[Event, Header]]
Rows = list[dict[str, Any]]

_OF_DRAWS = (PoolCommitted, MediatorDrawn, MediatorAccepted, MediatorReleased)


def project_draws(connection: Connection, dispute: Dispute, history: History) -> None:
    """Bring the rows about draws and appointments along with these further facts, in the act's transaction."""
    news = [(event, header) for event, header in history if isinstance(event, _OF_DRAWS)]
    if not news:
        return
    known = connection.execute(select(appointment).where(appointment.c.dispute_id == dispute.id))
    rows = appointments_after([dict(row._mapping) for row in known], dispute, news)
    connection.execute(delete(appointment).where(appointment.c.dispute_id == dispute.id))
    for table, made in ((appointment, rows), (draw, draws_of(dispute, news))):
        if made:
            connection.execute(insert(table), made)


def draws_of(dispute: Dispute, history: History) -> Rows:
    """The pools that were fixed, under the numbers of their public records."""
    return [
        {"dispute_id": dispute.id, "version": header.version, "number": header.seal[:16]}
        for event, header in history
        if isinstance(event, PoolCommitted)
    ]


def appointments_after(rows: Rows, dispute: Dispute, history: History) -> Rows:
    """The appointments of a dispute after these further facts; nobody is drawn twice in one dispute."""
    held = {row["mediator"]: dict(row) for row in rows}
    for event, header in history:
        if isinstance(event, MediatorDrawn):
            held[event.mediator] = {
                "dispute_id": dispute.id,
                "mediator": event.mediator,
                "seller": dispute.seller,
                "drawn_at": header.at,
                "accepted_at": None,
                "missed_at": None,
            }
        elif isinstance(event, MediatorAccepted):
            held[header.actor]["accepted_at"] = header.at
        elif isinstance(event, MediatorReleased) and event.reason == "missed":
            held[event.mediator]["missed_at"] = header.at
    return list(held.values())
