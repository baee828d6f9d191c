"""Reading for mandates: the one that a link was mailed for, and who cannot take one up."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from odr.disputes.queries import stand
from odr.disputes.tables import mandate, party
from odr.house import House
from odr.kernel import Actor, Refused
from odr.people.links import Link
from odr.people.queries import roles_of
from odr.procedure.access import mandate_is_open
from odr.procedure.dispute import Dispute, Mandate
from odr.response.queries import was_drawn


@dataclass(frozen=True, slots=True)
class Offered:
    """A mandate that waits to be taken up. Of its dispute no more than the number is told to whoever has the link."""

    dispute_id: str
    number: str
    mandate: Mandate

    @property
    def actor(self) -> Actor:
        """Whoever takes it up, as entries name them."""
        return Actor(self.mandate.representative, self.mandate.side)


def offered_by(connection: Connection, house: House, link: Link) -> Offered:
    """The mandate that a link was mailed for. Raises Refused("link_unknown") where the dispute knows of none, and
    Refused("mandate_over") once it ended."""
    dispute = stand(connection, house, link.dispute_id or "").dispute
    given = dispute.mandate_of(link.actor_id or "")
    if given is None:
        raise Refused("link_unknown")
    if not mandate_is_open(dispute, given, max(house.clock(), dispute.at)):
        raise Refused("mandate_over")
    return Offered(dispute.id, dispute.number, given)


def account_behind(connection: Connection, dispute_id: str, representative: str) -> str | None:
    """The account of whoever acts under this name; None while nobody took the mandate up."""
    found: str | None = connection.scalar(
        select(mandate.c.account_id).where(mandate.c.dispute_id == dispute_id, mandate.c.actor_id == representative)
    )
    return found


def may_act_for(connection: Connection, dispute: Dispute, side: str, account_id: str, at: int) -> bool:
    """Whether an account is free to act for this side: it works nowhere in this house, is no side of the dispute, was
    never drawn in it, never acted for the other side, and does not act in it already."""
    sides = select(party.c.account_id).where(party.c.dispute_id == dispute.id, party.c.account_id == account_id)
    held = connection.execute(
        select(mandate.c.side, mandate.c.actor_id).where(
            mandate.c.dispute_id == dispute.id, mandate.c.account_id == account_id
        )
    ).all()
    acts = [each for row in held if (each := dispute.mandate_of(row.actor_id)) and mandate_is_open(dispute, each, at)]
    return not (
        roles_of(connection, account_id)
        or connection.execute(sides).first()
        or was_drawn(connection, dispute.id, account_id)
        or any(row.side != side for row in held)
        or acts
    )
