"""Reading for the invitation: the seller's seat in a dispute, and who sits in it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from odr.disputes.queries import Seat
from odr.disputes.tables import appointment, dispute_row, party
from odr.kernel import Actor, Missing
from odr.people.tables import mediator


@dataclass(frozen=True, slots=True)
class Invited:
    """The seller's seat of a dispute, the account that took it (None while nobody did), and the buyer's account."""

    seat: Seat
    country: str
    account_id: str | None
    buyer_account_id: str | None


_SEATS = (
    select(
        dispute_row.c.id,
        dispute_row.c.number,
        dispute_row.c.seller_country,
        party.c.side,
        party.c.actor_id,
        party.c.account_id,
    )
    .join(party, party.c.dispute_id == dispute_row.c.id)
    .where(dispute_row.c.id == bindparam("dispute_id"))
)
_DRAWN = (
    select(appointment.c.mediator)
    .join(mediator, mediator.c.id == appointment.c.mediator)
    .where(appointment.c.dispute_id == bindparam("dispute_id"), mediator.c.account_id == bindparam("account_id"))
)
_LATEST = select(dispute_row.c.id).order_by(dispute_row.c.id.desc()).limit(1)
_BY_NUMBER = select(dispute_row.c.id).where(dispute_row.c.number == bindparam("number"))


def invited_to(connection: Connection, dispute_id: str) -> Invited:
    """The seller's seat in this dispute. Raises Missing when there is none."""
    rows = {row.side: row for row in connection.execute(_SEATS, {"dispute_id": dispute_id})}
    if "seller" not in rows:
        raise Missing(dispute_id)
    row = rows["seller"]
    return Invited(
        Seat(row.id, row.number, Actor(row.actor_id, "seller")),
        row.seller_country,
        row.account_id,
        rows["buyer"].account_id if "buyer" in rows else None,
    )


def was_drawn(connection: Connection, dispute_id: str, account_id: str) -> bool:
    """Whether this account's mediator was ever drawn in this dispute, whatever became of it."""
    return connection.execute(_DRAWN, {"dispute_id": dispute_id, "account_id": account_id}).first() is not None


def dispute_id_of(connection: Connection, number: str) -> str | None:
    """The dispute of a public number in its canonical form, None when there is none."""
    found: str | None = connection.scalar(_BY_NUMBER, {"number": number})
    return found


def latest_dispute(connection: Connection) -> str | None:
    """Any dispute of the house, None when there is none."""
    found: str | None = connection.scalar(_LATEST)
    return found


def give_seat(connection: Connection, dispute_id: str, account_id: str) -> None:
    """Let this account sit as the seller of a dispute from now on."""
    connection.execute(
        update(party).where(party.c.dispute_id == dispute_id, party.c.side == "seller").values(account_id=account_id)
    )
