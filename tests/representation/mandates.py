"""Mandates for tests: given through the page, taken up by the link as a mail would carry it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from odr.database import write_unit
from odr.disputes.tables import mandate
from odr.house import House
from odr.kernel import Actor, moment, new_pseudonym
from odr.log.journal import read_stream
from odr.people.links import issue_link
from odr.representation import rules, service
from tests.builders import ADispute
from tests.disputes.readers import Reader

LAWYER = "lawyer@example.org"


def day(house: House, days: int = 100) -> str:
    return (moment(house.clock()).date() + timedelta(days)).isoformat()


def give(house: House, side: Reader, dispute: ADispute, **changes: Any) -> Any:
    """The answer of the page on which a side names somebody: the lawyer, who can bind it, unless told otherwise."""
    path = f"/disputes/{dispute.number}/representatives/new"
    fields = {"name": "Ms Lawyer", "relation": "My lawyer", "email": LAWYER, "scope": "bind", "until": day(house)}
    return side.send(path, {**fields, **changes})


def rows(house: House, dispute: ADispute) -> list[Any]:
    with house.engine.connect() as connection:
        query = (
            select(mandate).where(mandate.c.dispute_id == dispute.id).order_by(mandate.c.given_at, mandate.c.actor_id)
        )
        return list(connection.execute(query))


def link_for(house: House, dispute: ADispute, email: str = LAWYER, side: str | None = None) -> str:
    """The path of a link to the latest mandate for this address, as its mail would carry it."""
    named = [row for row in rows(house, dispute) if row.email == email and side in (None, row.side)][-1]
    token = write_unit(
        house.engine,
        lambda connection: issue_link(
            connection,
            purpose="mandate",
            email=email,
            dispute_id=dispute.id,
            actor_id=named.actor_id,
            at=house.clock(),
        ),
    )
    return f"/mandate/{token}"


def mandated(
    house: House, dispute: ADispute, account_id: str, *, side: str = "buyer", scope: str = "bind", days: int = 100
) -> Actor:
    """Whoever acts for a side from now on, as entries name them: given and taken up without a page."""
    giver = getattr(dispute, side)
    seat = service.Seat(dispute.id, dispute.number, giver)
    named, email = service.draw_name(), f"{account_id}@example.org"
    invite = service.invite(house, seat, "", named, email, "en")
    given = {"scope": scope, "until": day(house, days), "name": "Ms Lawyer"}
    dispute.act(rules.give_mandate, giver, representative=named, alongside=invite, **given)
    path = link_for(house, dispute, email)
    done = service.take_up(house, service.Caller(), account_id, path.removeprefix("/mandate/"), key=new_pseudonym())
    dispute.state = done.dispute
    return Actor(named.id, side)


def invited(
    house: House, dispute: ADispute, email: str = LAWYER, *, side: str = "buyer", days: int = 100, by: str = ""
) -> tuple[rules.NewName, str]:
    """The name of whoever a side asked to act, and the path of the link to the mandate that waits for them."""
    giver = getattr(dispute, side)
    named = service.draw_name()
    seat = service.Seat(dispute.id, dispute.number, giver)
    given = {"scope": "bind", "until": day(house, days), "name": "Ms Lawyer"}
    alongside = service.invite(house, seat, by, named, email, "en")
    dispute.act(rules.give_mandate, giver, representative=named, alongside=alongside, **given)
    return named, link_for(house, dispute, email)


def facts(house: House, dispute: ADispute) -> list[str]:
    with house.engine.connect() as connection:
        return [stored.entry.type for stored in read_stream(connection, f"dispute/{dispute.id}")]
