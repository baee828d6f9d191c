"""The negotiation: offers and counter-offers, and what accepting one does."""

from __future__ import annotations

from odr.kernel import Actor, Refused
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats
from odr.procedure.dispute import Dispute, Offer
from odr.procedure.events import (
    Event,
    OfferAccepted,
    OfferRejected,
    OfferWithdrawn,
    Term,
)
from odr.procedure.passages import end_negotiation
from odr.procedure.rules import agreement, offer_of


def make_offer(
    dispute: Dispute,
    actor: Actor,
    *,
    at: int,
    seats: Seats,
    terms: tuple[Term, ...],
    perform_days: int | None = None,
    open_days: int | None = None,
    text: str = "",
    seen: str | None = None,
) -> list[Event]:
    """Offer terms, item by item. An open offer, of either side, is replaced by it, as in contract law.

    `seen`: the seal of the offer that was open when this one was written ("" for none); None where nobody looked.
    """
    demand("offer:make", dispute, actor, at)
    replaced = dispute.open_offer
    if seen is not None and replaced and replaced.side != actor.role and replaced.seal != seen:
        raise Refused("offer_came_meanwhile")
    return [offer_of(dispute, actor, at, terms, perform_days=perform_days, open_days=open_days, text=text)]


def withdraw_offer(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, offer: int) -> list[Event]:
    """Take back one's own open offer."""
    _demand_open(dispute, actor, offer, "offer:withdraw", at)
    return [OfferWithdrawn(side=actor.role, offer=offer)]


def reject_offer(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, offer: int) -> list[Event]:
    """Say no to the other side's open offer; the negotiation goes on."""
    _demand_open(dispute, actor, offer, "offer:reject", at)
    return [OfferRejected(side=actor.role, offer=offer)]


def accept_offer(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, offer: int, seen: str) -> list[Event]:
    """Say yes to the other side's open offer as it was shown (`seen`: the seal of its entry). This binds both."""
    accepted = _demand_open(dispute, actor, offer, "offer:accept", at)
    if seen != accepted.seal:
        raise Refused("offer_changed")
    return [
        OfferAccepted(side=actor.role, offer=offer, seen=seen),
        agreement(dispute, accepted.terms, "settled_negotiation", at, seats, accepted.perform_days),
    ]


def leave_negotiation(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """End the negotiation; a mediator is drawn next. The ruleset says from which day on."""
    demand("negotiation:leave", dispute, actor, at)
    return [end_negotiation(dispute, at, seats, actor.role)]


# What the person reads who answers an offer that can no longer be answered, by what became of it.
GONE = {
    "replaced": "offer_replaced",
    "withdrawn": "offer_withdrawn",
    "rejected": "offer_rejected",
    "lapsed": "offer_lapsed",
    "accepted": "offer_accepted",
    "ended": "offer_ended",
}


def _demand_open(dispute: Dispute, actor: Actor, number: int, permission: str, at: int) -> Offer:
    """The offer that is being answered. Refused with what became of it, if it is no longer open."""
    if not 0 <= number < len(dispute.offers):
        raise Refused("offer_unknown")
    offer = dispute.offers[number]
    if dispute.side_of(actor.id) and offer.state in GONE:
        raise Refused(GONE[offer.state])
    demand(permission, dispute, actor, at)
    return offer
