"""What surrounds a mandate: the mail to whoever is named, the account behind the name, and who is free to take it."""

from __future__ import annotations

from sqlalchemy import Connection, insert, update

from odr.database import write_unit
from odr.disputes.queries import Seat, stand
from odr.disputes.service import Alongside, Done, perform
from odr.disputes.tables import mandate
from odr.house import House
from odr.kernel import Refused, new_pseudonym
from odr.log.journal import Stored
from odr.notices.outbox import enqueue
from odr.people import limits, links
from odr.people.queries import account_by_email, account_by_id
from odr.people.rules import email_key
from odr.people.service import Caller, mail, open_link
from odr.procedure.access import mandate_stands
from odr.representation.queries import Offered, account_behind, may_act_for, offered_by
from odr.representation.rules import NewName, take_up_mandate

# Of one account in a day, whatever the dispute: an office that sells to many is not kept out, a flood of mails is.
MOST_MAILS = 60


def draw_name() -> NewName:
    """The name that the entries of one dispute will give to somebody who acts in it."""
    return NewName(new_pseudonym())


def invite(house: House, seat: Seat, account_id: str, named: NewName, email: str, language: str) -> Alongside:
    """What is written beside a mandate that is given: whom the link goes to, and the mail that carries it.

    Raises Refused("email_malformed"), and within the act Refused("own_mandate") where somebody names themselves and
    Refused("too_many_attempts", minutes=…) where they named too many in a day.
    """
    key, at = email_key(email), house.clock()
    mails = limits.bucket(house.settings.secret_key, "account", account_id)

    def rows(connection: Connection, stored: list[Stored]) -> None:
        giver = account_by_id(connection, account_id)
        if giver is not None and giver.email == key:
            raise Refused("own_mandate")
        # In the act's own transaction: what is refused mails nobody, and is not counted.
        limits.spend(connection, mails, "mandate", at, MOST_MAILS, links.DAY)
        given = stored[0].entry.data
        connection.execute(
            insert(mandate).values(
                dispute_id=seat.dispute_id,
                actor_id=named.id,
                side=seat.actor.role,
                email=key,
                given_at=at,
                until=given["until"],
            )
        )
        known = account_by_email(connection, key)
        enqueue(
            connection,
            "mandate",
            at=at,
            key=f"mandate/{named.id}",
            email=key,
            keys=house.keys,
            params={
                "number": seat.number,
                "dispute": seat.dispute_id,
                "representative": named.id,
                "for_side": seat.actor.role,
                "scope": given["scope"],
                "until": given["until"],
                "language": known.language if known else language,
                "zone": known.zone if known else "UTC",
            },
        )

    return rows


def release(house: House, seat: Seat, representative: str) -> Alongside:
    """What is written beside the end of a mandate: the link is worth nothing any more, an address that was only kept
    for it is forgotten, and whoever acted on it is told."""
    at = house.clock()

    def rows(connection: Connection, stored: list[Stored]) -> None:
        mine = (mandate.c.dispute_id == seat.dispute_id) & (mandate.c.actor_id == representative)
        connection.execute(update(mandate).where(mine).values(email=None))
        links.void_links_for(connection, representative, "mandate", at)
        acted = account_behind(connection, seat.dispute_id, representative)
        if acted and seat.actor.id != representative:
            params = {"number": seat.number, "for_side": seat.actor.role}
            mail(connection, house, "mandate_ended", at, representative, account_id=acted, params=params)

    return rows


# -- taking it up -------------------------------------------------------------------------------------------------


def read_mandate(house: House, caller: Caller, token: str) -> Offered:
    """What the link in the mail offers, left unused.

    Raises Refused("link_unknown" | "link_used" | "link_expired" | "mandate_over"), Refused("link_of_another") for who
    is signed in with another address, and Refused("too_many_attempts", minutes=…).
    """
    link = open_link(house, caller, token, "mandate")
    with house.engine.connect() as connection:
        return offered_by(connection, house, link)


def take_up(house: House, caller: Caller, account_id: str, token: str, *, key: str) -> Done:
    """Use the link up and let this account act for the side: one act.

    Raises as `read_mandate`, Refused("mandate_not_possible") for whoever cannot act for that side, and what the rule
    refuses.
    """
    link = open_link(house, caller, token, "mandate")
    at = house.clock()
    with house.engine.connect() as connection:
        offered = offered_by(connection, house, link)

    def take_seat(connection: Connection, stored: list[Stored]) -> None:
        links.consume_link(connection, token, "mandate", at)
        dispute = stand(connection, house, offered.dispute_id).dispute
        if not may_act_for(connection, dispute, offered.mandate.side, account_id, at):
            raise Refused("mandate_not_possible")
        taken = (mandate.c.dispute_id == offered.dispute_id) & (mandate.c.actor_id == offered.mandate.representative)
        connection.execute(update(mandate).where(taken).values(account_id=account_id, email=None))

    return perform(house, take_up_mandate, offered.dispute_id, offered.actor, key=key, alongside=take_seat)


def taken_up_by(house: House, token: str, account_id: str) -> str | None:
    """The number of the dispute that a link led to, for the account that took the mandate up; else None."""
    with house.engine.connect() as connection:
        found = links.find_link(connection, token, "mandate")
        if found is None or found.dispute_id is None or found.actor_id is None:
            return None
        if account_behind(connection, found.dispute_id, found.actor_id) != account_id:
            return None
        dispute = stand(connection, house, found.dispute_id).dispute
    given = dispute.mandate_of(found.actor_id)
    stands = given is not None and mandate_stands(dispute, given, max(house.clock(), dispute.at))
    return dispute.number if stands else None


def forget_addresses(house: House) -> None:
    """Forget the addresses of whoever never took a mandate up that is over."""
    waiting = (mandate.c.account_id.is_(None), mandate.c.email.is_not(None), mandate.c.until <= house.clock())
    write_unit(house.engine, lambda connection: connection.execute(update(mandate).where(*waiting).values(email=None)))
