"""Reading claimed profiles: one's own, and the disputes in which nobody has come for them yet."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from odr.disputes.queries import awaits_claimant, is_claimed, stand
from odr.disputes.tables import dispute_row, party, seller
from odr.house import House
from odr.identity.queries import domains_of
from odr.log.payloads import disclose
from odr.procedure.dispute import Phase

MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that an account has claimed; `stands` while the proof it rests on is good."""

    seller_id: str
    address: str
    claimed_at: int
    stands: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A dispute against a claimed address in which nobody has come for the seller yet."""

    number: str
    category: str
    filed_at: int
    due: int | None


def place_of(seller_id: str) -> bytes:
    """What the sealed address of a claimed profile is bound to."""
    return f"odr/profile/v1\n{seller_id}".encode()


def claims_of(connection: Connection, house: House, account_id: str) -> list[Claim]:
    """The addresses that an account has claimed, the first one first."""
    query = (
        select(seller, is_claimed(house.clock()).label("stands"))
        .where(seller.c.claimed_by == account_id)
        .order_by(seller.c.claimed_at, seller.c.id)
    )
    return [
        Claim(
            row.id,
            disclose(house.keys, place_of(row.id), row.wrapped_key, row.sealed).decode(),
            row.claimed_at,
            bool(row.stands),
        )
        for row in connection.execute(query)
    ]


def waiting_for(connection: Connection, house: House, account_id: str) -> list[Waiting]:
    """The disputes against what an account has claimed in which nobody sits as the seller, the newest filing first."""
    query = (
        select(dispute_row)
        .join(party, party.c.dispute_id == dispute_row.c.id)
        .join(seller, seller.c.id == party.c.actor_id)
        .where(seller.c.claimed_by == account_id, is_claimed(house.clock()), awaits_claimant())
        .where(dispute_row.c.phase != str(Phase.CLOSED))
        .order_by(dispute_row.c.id.desc())
        .limit(MOST_WAITING)
    )
    return [
        Waiting(row.number, row.category, row.filed_at, row.clock_due)
        for row in connection.execute(query)
        # Nobody learns of a filing against them before it is admitted.
        if stand(connection, house, row.id).dispute.admitted_at is not None
    ]


def confirmed_at(connection: Connection, house: House, key: bytes) -> str | None:
    """The domain by which whoever has claimed the address of this keyed digest has shown to be the seller; None where
    nobody has."""
    query = select(seller.c.claimed_proof, seller.c.claimed_by).where(seller.c.address_key == key)
    row = connection.execute(query.where(is_claimed(house.clock()))).one_or_none()
    if row is None:
        return None
    proven = domains_of(connection, house, row.claimed_by, house.clock())
    return next((domain for domain, proof in proven.items() if proof == row.claimed_proof), None)
