"""The passages from one step to the next, which acts and the end of time share."""

from __future__ import annotations

from datetime import timedelta

from odr.kernel import moment
from odr.procedure.deadlines import DAY, Seats, begin, end_of_day, until
from odr.procedure.dispute import SIDES, Decision, Dispute
from odr.procedure.draw import order_of
from odr.procedure.events import (
    DecisionOpened,
    DisputeClosed,
    Event,
    FileClosed,
    MediationEnded,
    MediationOpened,
    MediatorDrawn,
    MediatorReleased,
    NegotiationEnded,
    NegotiationOpened,
    RebuttalOpened,
    ScopeObjectionDismissed,
)
from odr.procedure.rules import closed, words


def dismiss_scope_objection(dispute: Dispute, at: int, seats: Seats, text: str = "") -> list[Event]:
    """The dispute stays, and the seller's time to reply begins anew."""
    from_now = begin(dispute.rules, "reply", at, seats)
    return [ScopeObjectionDismissed(clock=from_now, words=words(text=text))]


def open_negotiation(dispute: Dispute, at: int, seats: Seats) -> NegotiationOpened:
    return NegotiationOpened(clock=begin(dispute.rules, "negotiation", at, seats))


def came_late(dispute: Dispute) -> bool:
    """Whether something came in so late in the exchange that its time alone leaves no room to answer it. Counted back
    from the end of the exchange, not from now: an outage must not take the rebuttal away."""
    late_from = dispute.running_clock.due - dispute.rules.rebuttal_window_days * DAY
    return any(item.at > late_from for item in dispute.evidence if item.at >= dispute.phase_at)


def open_rebuttal(dispute: Dispute, at: int, seats: Seats) -> RebuttalOpened:
    return RebuttalOpened(clock=begin(dispute.rules, "rebuttal", at, seats))


def end_negotiation(dispute: Dispute, at: int, seats: Seats, by: str) -> NegotiationEnded:
    """Without an agreement: somebody is drawn who belongs to neither side."""
    return NegotiationEnded(by=by, clock=begin(dispute.rules, "draw", at, seats))


def next_drawn(dispute: Dispute, place: int, size: int, root: str, at: int, seats: Seats) -> MediatorDrawn | None:
    """Who stands at this place of the order that the pool and this checkpoint give; None after the last."""
    draw = dispute.draw
    if draw is None:
        return None
    order = order_of(draw.pool, draw.seal, root)
    if place >= len(order):
        return None
    clock = begin(dispute.rules, "appointment", at, seats)
    return MediatorDrawn(mediator=order[place], place=place, size=size, root=root, clock=clock)


def release(
    dispute: Dispute, at: int, seats: Seats, reason: str, *, side: str | None = None, text: str = ""
) -> list[Event]:
    """The mediator leaves; the next of the same order is drawn, or a new pool when none is left."""
    draw = dispute.draw
    following = next_drawn(dispute, draw.place + 1, draw.size, draw.root, at, seats) if draw else None
    anew = None if following else begin(dispute.rules, "draw", at, seats)
    released = MediatorReleased(mediator=dispute.mediator, reason=reason, side=side, clock=anew, words=words(text=text))
    return [released, following] if following else [released]


def take_up(dispute: Dispute, at: int, seats: Seats) -> Event:
    """The mediator is in place: to mediate, or, where there is nobody to mediate with or it was tried, to decide."""
    if dispute.in_default or dispute.mediation_ended_at is not None:
        return DecisionOpened(clock=begin(dispute.rules, "final_words", at, seats))
    return MediationOpened(clock=begin(dispute.rules, "mediation", at, seats))


def end_mediation(dispute: Dispute, at: int, seats: Seats, by: str) -> list[Event]:
    return [MediationEnded(by=by), DecisionOpened(clock=begin(dispute.rules, "final_words", at, seats))]


def close_file(dispute: Dispute, at: int, seats: Seats) -> FileClosed:
    return FileClosed(clock=begin(dispute.rules, "decision", at, seats))


def is_accepted(dispute: Dispute, decision: Decision) -> bool:
    """Whether whoever has to accept the decision did: the seller only where it grants something and does not bind."""
    needed = set(SIDES) if _grants(decision) and not dispute.rules.seller_bound else {"buyer"}
    return needed <= decision.accepted_by


def _grants(decision: Decision) -> bool:
    return decision.costs is not None or any(term.granted for term in decision.terms)


def end_of_decision(dispute: Dispute, decision: Decision, at: int) -> DisputeClosed:
    """The end of a decided dispute, by what both sides said of the decision.

    It is accepted when the buyer accepted it and the seller either did or is bound without (Directive 2013/11/EU,
    Art. 10); silence is never consent. What it grants is due unless the buyer rejected it, bound or not: as many days
    from the end as the decision gave, so that the time to answer it takes nothing from the time to carry it out.
    """
    code = f"decided_{decision.outcome}:{'accepted' if is_accepted(dispute, decision) else 'not_accepted'}"
    if not _grants(decision) or "buyer" in decision.rejected_by:
        return closed(code)
    days = moment(decision.perform_by).date() - moment(decision.at).date()
    due = max(decision.perform_by, end_of_day(moment(at).date() + days - timedelta(1)))
    return closed(code, "due", until(dispute.rules, "performance", due, "decided"))
