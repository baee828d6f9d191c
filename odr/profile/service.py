"""Claiming an address as one's own, giving it up, and taking the seller's seat in a dispute filed against it."""

from __future__ import annotations

from sqlalchemy import Connection, update

from odr.database import write_unit
from odr.disputes.queries import Page, claimant_of, is_claimed, open_page
from odr.disputes.service import perform
from odr.disputes.tables import seller
from odr.filing.service import address_key, seller_at, site_key
from odr.house import House
from odr.identity.domains import belongs_to, host_of
from odr.identity.queries import domains_of
from odr.kernel import Missing, Refused, read_number
from odr.log.journal import Stored
from odr.log.payloads import conceal
from odr.people.queries import Person
from odr.people.rules import email_key
from odr.people.service import HOUR, record, spend
from odr.profile import queries
from odr.response.queries import Invited, dispute_id_of, give_seat, invited_to
from odr.response.rules import join_seller
from odr.response.service import demand_free

MOST_CLAIMS = 20
MOST_AN_HOUR = 60

_NOBODYS = {"claimed_by": None, "claimed_at": None, "claimed_proof": None, "wrapped_key": None, "sealed": None}


def claim(house: House, person: Person, *, address: str) -> None:
    """Claim an address, of mail or of a whole site, that stands under a domain which one has proven.

    Whether anything was ever filed against it makes no difference. Raises Refused("email_malformed" | "site_malformed"
    | "address_not_yours" | "profile_of_another" | "staff_claims_nothing" | "too_many_claims"), and
    Refused("too_many_attempts", minutes=…).
    """
    if person.is_staff:
        raise Refused("staff_claims_nothing")
    at, (key, named, host) = house.clock(), _read(house, address)
    spend(house, at, ("account", person.account_id, "profile", MOST_AN_HOUR, HOUR))

    def unit(connection: Connection) -> None:
        proven = domains_of(connection, house, person.account_id, at)
        proof = next((proof for domain, proof in proven.items() if belongs_to(host, domain)), None)
        if proof is None:
            raise Refused("address_not_yours")
        if len(queries.claims_of(connection, house, person.account_id)) >= MOST_CLAIMS:
            raise Refused("too_many_claims", most=MOST_CLAIMS)
        seller_id = seller_at(connection, key)
        wrapped_key, sealed = conceal(house.keys, queries.place_of(seller_id), named.encode())
        values = {"claimed_by": person.account_id, "claimed_at": at, "claimed_proof": proof}
        # Asked in the row: of two that claim it at once, one is the second.
        free = ~(is_claimed(at) & (seller.c.claimed_by != person.account_id))
        claiming = update(seller).where(seller.c.id == seller_id, free)
        if not connection.execute(claiming.values(**values, wrapped_key=wrapped_key, sealed=sealed)).rowcount:
            raise Refused("profile_of_another")
        # Without the address and without the seller's stable name, which would tie both for ever.
        record(connection, house, person.account_id, "profile_claimed", {}, at=at)

    write_unit(house.engine, unit)


def _read(house: House, address: str) -> tuple[bytes, str, str]:
    """The keyed digest of an address, its one form, and the host that it is at."""
    secret = house.settings.secret_key
    if "@" in address:
        named = email_key(address)
        return address_key(secret, named, ""), named, host_of(named.rpartition("@")[2]) or ""
    named = site_key(address)
    if "/" in named:
        # Under one domain many sellers have their pages; whoever runs it is none of them.
        raise Refused("site_malformed")
    return address_key(secret, "", named), named, host_of(named) or ""


def confirmed_domain(house: House, email: str, site: str) -> str | None:
    """The domain by which whoever has claimed this address has shown to be the seller; None where nobody has."""
    with house.engine.connect() as connection:
        return queries.confirmed_at(connection, house, address_key(house.settings.secret_key, email, site))


def release(house: House, person: Person, seller_id: str) -> None:
    """Give a claimed address up. Raises Missing."""
    at = house.clock()

    def unit(connection: Connection) -> None:
        mine = (seller.c.id == seller_id) & (seller.c.claimed_by == person.account_id)
        if not connection.execute(update(seller).where(mine).values(_NOBODYS)).rowcount:
            raise Missing(seller_id)
        record(connection, house, person.account_id, "profile_released", {}, at=at)

    write_unit(house.engine, unit)


def read_notice(house: House, person: Person, number: str) -> Page:
    """A dispute against a claimed address as its seller would read it. Raises Missing for everybody but the claimant,
    and once somebody has come."""
    with house.engine.connect() as connection:
        return open_page(connection, house, _seat_for(connection, house, person, number).seat)


def take_seat(house: House, person: Person, number: str, *, key: str) -> None:
    """Take the seller's seat in such a dispute. Raises Missing, and what `demand_free` and `join_seller` refuse."""
    with house.engine.connect() as connection:
        seat = _seat_for(connection, house, person, number).seat

    def sit(connection: Connection, _stored: list[Stored]) -> None:
        invited = _seat_for(connection, house, person, number)
        demand_free(connection, invited, person.account_id)
        give_seat(connection, seat.dispute_id, person.account_id)

    perform(house, join_seller, seat.dispute_id, seat.actor, key=key, alongside=sit, proof="claimed_profile")


def _seat_for(connection: Connection, house: House, person: Person, number: str) -> Invited:
    dispute_id = dispute_id_of(connection, read_number(number) or "")
    if dispute_id is None or claimant_of(connection, dispute_id, house.clock()) != person.account_id:
        raise Missing(number)
    return invited_to(connection, dispute_id)
