"""What happens when time runs out."""

from __future__ import annotations

from collections.abc import Callable

from odr.procedure.deadlines import Seats, begin
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import (
    AdmissionOverdue,
    ChallengeOverdue,
    ComplianceEnded,
    ConfirmationAsked,
    DecisionOverdue,
    DefaultTrackEnded,
    DrawOverdue,
    Event,
    LastCallMade,
    OfferLapsed,
    SellerSilent,
)
from odr.procedure.passages import (
    came_late,
    close_file,
    dismiss_scope_objection,
    end_mediation,
    end_negotiation,
    end_of_decision,
    open_negotiation,
    open_rebuttal,
    release,
    take_up,
)
from odr.procedure.rules import closed, closed_with_agreement, resumed


def fire(dispute: Dispute, *, at: int, seats: Seats) -> list[Event]:
    """What follows by itself at instant `at`: of all that is due, the consequence of the earliest; [] when nothing is.

    New deadlines count from `at`, not from the instant that was missed, so that an outage shortens nobody's time.
    """
    due = dispute.next_due
    if due is None or at < due:
        return []
    if dispute.open_offer and dispute.open_offer.expires == due:
        return [OfferLapsed(offer=dispute.open_offer.number)]
    if dispute.suspension:
        return [resumed(dispute, at, "clock")]
    if dispute.challenge and dispute.challenge.clock.due == due:
        return [ChallengeOverdue(clock=begin(dispute.rules, "challenge", at, seats))]
    return _EXPIRY[dispute.running_clock.step](dispute, at, seats)


def _admission_overdue(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [AdmissionOverdue(clock=begin(dispute.rules, "screening_last", dispute.phase_at, seats))]


def _admission_long_overdue(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # Counted again and again until somebody acts: silence of the house never closes a buyer's dispute.
    return [AdmissionOverdue(clock=begin(dispute.rules, "screening_last", at, seats))]


def _incomplete(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [closed("incomplete")]


def _refusal_stands(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [closed(f"refused:{dispute.refused_ground}")]


def _last_call(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [LastCallMade(clock=begin(dispute.rules, "last_call", at, seats))]


def _seller_silent(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    if not (dispute.seller_joined or _served_in_time(dispute, seats)):
        # Whatever kept the notice here, nobody is silent who was not asked: the call is made anew until one has left
        # and the whole time of a call has followed it.
        return _last_call(dispute, at, seats)
    return [SellerSilent(clock=begin(dispute.rules, "default", at, seats))]


def _served_in_time(dispute: Dispute, seats: Seats) -> bool:
    """Whether a notice left so early that the seller had the whole time of the last call from then on."""
    left = dispute.served_at
    return left is not None and begin(dispute.rules, "last_call", left, seats).due <= dispute.running_clock.due


def _not_served(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    if dispute.seller_joined:
        # Who came by another way was reached after all, and does not end the dispute by keeping silent.
        return _last_call(dispute, at, seats)
    # No decision is made against somebody who was never reached; the buyer can file again at no cost.
    return [closed("not_served")]


def _default_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [DefaultTrackEnded(clock=begin(dispute.rules, "draw", at, seats))]


def _evidence_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [open_rebuttal(dispute, at, seats) if came_late(dispute) else open_negotiation(dispute, at, seats)]


def _rebuttal_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    if dispute.phase is Phase.DECISION:
        return [close_file(dispute, at, seats)]
    return [open_negotiation(dispute, at, seats)]


def _negotiation_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [end_negotiation(dispute, at, seats, "clock")]


def _signing_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # The acceptance already bound both; the signatures give it form, their absence takes nothing away.
    return [closed_with_agreement(dispute, at)]


def _scope_undecided(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # The registrar let the objection lie: it falls, and nobody loses time by it.
    return dismiss_scope_objection(dispute, at, seats)


def _nobody_drawn(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [DrawOverdue(clock=begin(dispute.rules, "draw_late", at, seats))]


def _appointment_missed(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return release(dispute, at, seats, "missed")


def _objections_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [take_up(dispute, at, seats)]


def _mediation_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return end_mediation(dispute, at, seats, "clock")


def _final_words_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # Nobody is decided against on what they had no time to answer.
    return [open_rebuttal(dispute, at, seats) if came_late(dispute) else close_file(dispute, at, seats)]


def _decision_late(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [DecisionOverdue(clock=begin(dispute.rules, "decision_late", at, seats))]


def _decision_missed(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    if dispute.challenge:
        # The decision waits for the registrar's answer to the challenge; the mediator is not late by that.
        return _decision_late(dispute, at, seats)
    return release(dispute, at, seats, "late")


def _acceptance_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [end_of_decision(dispute, dispute.decision, at)] if dispute.decision else []


def _performance_over(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [ConfirmationAsked(clock=begin(dispute.rules, "confirmation", at, seats))]


def _unconfirmed(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    # Nobody knows is never counted as done.
    return [ComplianceEnded(result="unknown", by="clock")]


def _not_made_good(dispute: Dispute, at: int, seats: Seats) -> list[Event]:
    return [ComplianceEnded(result="not_honoured", by="clock")]


_EXPIRY: dict[str, Callable[[Dispute, int, Seats], list[Event]]] = {
    "screening": _admission_overdue,
    "screening_last": _admission_long_overdue,
    "information": _incomplete,
    "review": _refusal_stands,
    "reply": _last_call,
    "scope": _scope_undecided,
    "last_call": _seller_silent,
    "address": _not_served,
    "default": _default_over,
    "evidence": _evidence_over,
    "rebuttal": _rebuttal_over,
    "negotiation": _negotiation_over,
    "sign": _signing_over,
    "draw": _nobody_drawn,
    "draw_late": _nobody_drawn,
    "appointment": _appointment_missed,
    "objection": _objections_over,
    "mediation": _mediation_over,
    "final_words": _final_words_over,
    "decision": _decision_late,
    "decision_late": _decision_missed,
    "acceptance": _acceptance_over,
    "performance": _performance_over,
    "confirmation": _unconfirmed,
    "cure": _not_made_good,
    "proof": _unconfirmed,
}
