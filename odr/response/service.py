"""What a seller does before sitting at the table: come by the mailed link, or ask for a new one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from odr.database import write_unit
from odr.disputes.queries import Page, has_acted, open_page
from odr.disputes.service import perform
from odr.house import House
from odr.kernel import Missing, Refused, new_id
from odr.log.journal import Stored
from odr.notices.outbox import enqueue
from odr.notices.rules import standing
from odr.people import links
from odr.people.queries import account_by_email, account_by_id, roles_of
from odr.people.rules import email_key
from odr.people.service import HOUR, Caller, find_link, is_anothers, open_account, spend, start_session
from odr.response import queries
from odr.response.queries import Invited
from odr.response.rules import join_seller


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a mailed link opens: the dispute as its seller would read it, and whose address the link went to.
    `of_another`: somebody else is signed in here, who reads it and cannot join by it."""

    page: Page
    email: str
    known: bool
    signed_in_by_link: bool
    of_another: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """The dispute that was joined, and the cookie of the new session; None where the mailbox alone must not sign in."""

    number: str
    cookie: str | None


def read_invitation(house: House, caller: Caller, token: str) -> Invitation:
    """What the link of a notice opens, left unused. Raises as `people.service.find_link`, and Refused("link_used" |
    "link_expired")."""
    found = _open_link(house, caller, token)
    with house.engine.connect() as connection:
        invited = queries.invited_to(connection, found.dispute_id or "")
        page = open_page(connection, house, invited.seat)
        known = account_by_email(connection, email_key(found.email or ""))
        staff = bool(known and roles_of(connection, known.id))
    return Invitation(page, found.email or "", known is not None, not staff, is_anothers(house, caller, found))


def seat_behind(house: House, token: str, account_id: str) -> str | None:
    """The number of the dispute that a link led to, for the account that sits there as the seller; else None."""
    with house.engine.connect() as connection:
        found = links.find_link(connection, token, "invite")
        if found is None or found.dispute_id is None:
            return None
        invited = queries.invited_to(connection, found.dispute_id)
    return invited.seat.number if invited.account_id == account_id else None


def join(house: House, caller: Caller, token: str, *, key: str, name: str, language: str, zone: str) -> Joined:
    """Use the link up, open an account for its address unless there is one, and take the seller's seat: one act.

    Raises Refused("link_…"), also for who is signed in as somebody else, Refused("seat_taken") when another account
    sits there, Refused("buyer_cannot_join"), Refused("mediator_cannot_join") for whoever was drawn in this dispute, and
    what `join_seller` refuses.
    """
    at, found = house.clock(), _open_link(house, caller, token)
    if is_anothers(house, caller, found):
        raise Refused("link_of_another")
    with house.engine.connect() as connection:
        seat = queries.invited_to(connection, found.dispute_id or "").seat
    cookies: list[str] = []

    def take_seat(connection: Connection, stored: list[Stored]) -> None:
        cookies.clear()
        link = links.consume_link(connection, token, "invite", at)
        invited = queries.invited_to(connection, seat.dispute_id)
        known = account_by_email(connection, email_key(link.email or ""))
        account_id = (
            known.id
            if known
            else open_account(
                connection,
                house,
                email=link.email or "",
                name=name,
                country=invited.country,
                language=language,
                zone=zone,
                at=at,
            )
        )
        demand_free(connection, invited, account_id)
        queries.give_seat(connection, seat.dispute_id, account_id)
        # A mailbox alone must not open a desk (people.service.sign_in_by_link).
        if not roles_of(connection, account_id):
            cookies.append(start_session(connection, account_id, caller.device, at, began_by="invite"))

    perform(house, join_seller, seat.dispute_id, seat.actor, key=key, alongside=take_seat, proof="invitation_link")
    return Joined(seat.number, cookies[0] if cookies else None)


def demand_free(connection: Connection, invited: Invited, account_id: str) -> None:
    """Raise Refused unless the seller's seat of a dispute is free for this account."""
    if account_id == invited.buyer_account_id:
        raise Refused("buyer_cannot_join")
    # Nobody sits on both sides of the table, nor at it and above it.
    if queries.was_drawn(connection, invited.seat.dispute_id, account_id):
        raise Refused("mediator_cannot_join")
    if has_acted(connection, invited.seat.dispute_id, account_id, "buyer"):
        raise Refused("representative_cannot_join")
    # The seat of an account that was closed meanwhile is free again.
    if invited.account_id not in (None, account_id) and account_by_id(connection, invited.account_id or ""):
        raise Refused("seat_taken")


def _open_link(house: House, caller: Caller, token: str) -> links.Link:
    found = find_link(house, caller, token, "invite")
    if found.used_at is not None:
        raise Refused("link_used")
    if house.clock() >= found.expires_at:
        raise Refused("link_expired")
    return found


def renew(house: House, caller: Caller, number: str) -> None:
    """Mail a new link to the seller's address on file, if a dispute of this number goes on and the seller knows of it.

    `number` in its canonical form. From outside it looks the same when there is no such dispute. Raises
    Refused("too_many_attempts", minutes=…), counted for numbers that do not exist as for those that do.
    """
    at = house.clock()
    _spend(house, at, caller, number)
    mail_id = new_id()

    def unit(connection: Connection) -> None:
        known, latest = queries.dispute_id_of(connection, number), queries.latest_dispute(connection)
        # Written for another dispute and taken back where there is none of this number: the same work for both.
        attempt = connection.begin_nested()
        if dispute_id := known or latest:
            _mail_again(connection, house, dispute_id, at, mail_id)
        if known:
            attempt.commit()
        else:
            attempt.rollback()

    write_unit(house.engine, unit)


def renew_by_link(house: House, caller: Caller, token: str) -> None:
    """Mail a new link to where a used or expired one went. Raises Refused as `renew` and as `find_link`."""
    at, found = house.clock(), find_link(house, caller, token, "invite")
    with house.engine.connect() as connection:
        seat = queries.invited_to(connection, found.dispute_id or "").seat
    _spend(house, at, caller, seat.number)
    mail_id = new_id()
    write_unit(house.engine, lambda connection: _mail_again(connection, house, seat.dispute_id, at, mail_id))


def _spend(house: House, at: int, caller: Caller, number: str) -> None:
    address = ("address", caller.prefix, "invitation", 30, HOUR)
    spend(house, at, address, ("dispute", number, "invitation", 3, 6 * HOUR))


def _mail_again(connection: Connection, house: House, dispute_id: str, at: int, mail_id: str) -> None:
    try:
        page = open_page(connection, house, queries.invited_to(connection, dispute_id).seat)
    except Missing:
        # Not admitted: the seller is not told that there is anything.
        return
    notice = standing(page.dispute, "seller")
    if notice:
        enqueue(
            connection,
            notice.template,
            at=at,
            key=f"dispute/{dispute_id}/again/{mail_id}",
            params=notice.params,
            dispute_id=dispute_id,
            side="seller",
        )
