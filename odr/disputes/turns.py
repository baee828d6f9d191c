"""Whose turn it is in a dispute: the act that is expected, until when, and what follows otherwise."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from odr.disputes.queries import ListRow, Page
from odr.procedure import access
from odr.procedure.dispute import SIDES, Challenge, Dispute, Mandate, Offer, Phase
from odr.web import sentences
from odr.web.filters import amount, link_to, time_left

Row = dict[str, Any]

# What the reader does whose time runs; whoever waits reads the sentence about the other side.
YOURS = {
    "screening": _("Check whether the dispute can be admitted."),
    "screening_last": _("Check whether the dispute can be admitted; the time for it has already run out once."),
    "information": _("Complete your filing with what the registrar asks for."),
    "review": _("You can ask another registrar to review the refusal."),
    "reply": _("Reply to the claim."),
    "scope": _("Decide whether the dispute belongs here."),
    "last_call": _("Reply to the claim now. This is the last call."),
    "address": _("Mail to the seller came back. Name another address of the seller."),
    "evidence": _("Add your evidence, and say when your file is complete."),
    "rebuttal": _("You can answer the evidence that came in late."),
    "default": _("Show what happened: add your evidence, and say when your file is complete."),
    "negotiation": _("Make an offer, or write to the other side."),
    "sign": _("Read the agreement and sign it."),
    "draw_late": _("See to the roster, so that a mediator can be drawn."),
    "appointment": _("Accept the appointment with your declaration, or decline it."),
    "objection": _("You may object to the mediator once, without a reason, or say that you have no objection."),
    "challenge": _("Decide on the challenge of the mediator."),
    "mediation": _("Help both sides to agree. You may propose a settlement."),
    "final_words": _("Say your final words, or that you have nothing to add."),
    "decision": _("Decide on the file, in writing and with reasons."),
    "decision_late": _("Issue the decision now. It is late, and this is counted and published."),
    "acceptance": _("Read the decision, and accept or reject it."),
    "performance": _("Carry out what was agreed or decided, and say when it is done."),
    "confirmation": _("Say whether it was carried out."),
    "cure": _("The buyer says that it was not carried out. Make it good, and say when it is done."),
    "proof": _("Check whether the seller’s papers show that it was carried out."),
}
ANSWER_OFFER = _("Answer the open offer: accept it, reject it, or make another one.")
ANSWER_AMOUNT = _("Answer the open offer of %(amount)s: accept it, reject it, or make another one.")
AWAITED_AMOUNT = {
    "buyer": _("The buyer answers the open offer of %(amount)s."),
    "seller": _("The seller answers the open offer of %(amount)s."),
}
ANSWER_PROPOSAL = _("Answer the mediator’s proposal: accept it or reject it.")
AWAITED_PROPOSAL = {
    "both": _("Both sides answer the mediator’s proposal."),
    "buyer": _("The seller has accepted the mediator’s proposal. The buyer answers it next."),
    "seller": _("The buyer has accepted the mediator’s proposal. The seller answers it next."),
}
# Of a time that both sides hold, the side that has not yet done its part.
AWAITED = {
    "evidence": {
        "buyer": _("The seller’s file is complete. The buyer may still add evidence."),
        "seller": _("The buyer’s file is complete. The seller may still add evidence."),
    },
    "rebuttal": {
        "buyer": _("The buyer can still answer the evidence that came in late."),
        "seller": _("The seller can still answer the evidence that came in late."),
    },
    "negotiation": {
        "buyer": _("The buyer answers the open offer."),
        "seller": _("The seller answers the open offer."),
    },
    "sign": {
        "buyer": _("The seller has signed the agreement. The buyer signs it next."),
        "seller": _("The buyer has signed the agreement. The seller signs it next."),
    },
    "objection": {
        "buyer": _("The buyer may still object to the mediator, or say that there is no objection."),
        "seller": _("The seller may still object to the mediator, or say that there is no objection."),
    },
    "final_words": {
        "buyer": _("The seller has given the final words. The buyer gives them next."),
        "seller": _("The buyer has given the final words. The seller gives them next."),
    },
    "acceptance": {
        "buyer": _("The seller has answered the decision. The buyer answers it next."),
        "seller": _("The buyer has answered the decision. The seller answers it next."),
    },
}
ANSWER_LATE = _("Answer in your final words the evidence that came in late, or say that you have nothing to add.")
OFFER_ENDS = _("After that the offer ends without an answer, and either side can make another one.")
GOES_ON = _("After that time goes on, with as many days left as there were. Nobody loses any.")

_CHALLENGED_DECIDER = _("The registrar decides on the challenge of the mediator. The decision waits until then.")
_NEW_LAST_DAY = _("After that the delay is counted and a new last day is set. The decision still waits.")

# Steps in which one registrar can act and another cannot.
_ONE_REGISTRARS = {
    "screening": "filing:admit",
    "screening_last": "filing:admit",
    "scope": "scope:decide",
    "proof": "proof:check",
}


# What a mandate has to cover for the act that is expected of a side in a step; elsewhere it is to speak.
_BINDING = ("reply", "last_call", "negotiation", "sign", "mediation", "acceptance", "confirmation")
_MANDATED = dict.fromkeys(_BINDING, "bind")


def turn_of(page: Page) -> Row | None:
    """The banner: holder, act, due, what happens otherwise, and why time stands still where it does; None when a
    dispute is over and nothing runs any more."""
    dispute = page.dispute
    if dispute.suspension:
        why = sentences.SUSPENSION_GROUNDS[dispute.suspension.ground]
        return _banner("nobody", sentences.WAITING["suspended"], dispute.suspension.until, GOES_ON, why)
    if dispute.challenge and (page.may("challenge:decide") or waits_for_registrar(dispute)):
        return _challenged(page, dispute.challenge)
    if dispute.clock is None:
        waiting = sentences.WAITING.get(str(dispute.phase), "")
        return None if dispute.phase is Phase.CLOSED else _banner("nobody", waiting, None, "")
    step, awaited, due = _step_told(dispute), dispute.awaited or "nobody", dispute.clock.due
    offer = open_offer(page) if step == "negotiation" else None
    first = offer is not None and offer.expires < due
    return _banner(
        "you" if is_mine(page) else awaited,
        _expected(page, step, awaited, offer),
        min(due, offer.expires) if offer else due,
        OFFER_ENDS if first else sentences.ON_EXPIRY["final_words" if _last_answers(dispute) else step],
    )


def waits_for_registrar(dispute: Dispute) -> bool:
    """Whether nothing can go on before the registrar has decided on the challenge: who is challenged cannot decide
    first. Elsewhere the dispute goes on with whoever is awaited there."""
    return dispute.challenge is not None and dispute.step in ("decision", "decision_late")


def _challenged(page: Page, challenge: Challenge) -> Row:
    mine = page.may("challenge:decide")
    waits = _CHALLENGED_DECIDER if waits_for_registrar(page.dispute) else sentences.EXPECTED["challenge"]
    return _banner(
        "you" if mine else "registrar",
        YOURS["challenge"] if mine else waits,
        challenge.clock.due,
        after_challenge(page.dispute),
    )


def after_challenge(dispute: Dispute) -> Any:
    """What follows when the registrar does not decide on the challenge in time."""
    return _NEW_LAST_DAY if waits_for_registrar(dispute) else sentences.ON_EXPIRY["challenge"]


def is_mine(page: Page) -> bool:
    """Whether it is this reader alone whose act is awaited. Of registrars it can be any but the one whose refusal is
    reviewed."""
    dispute, role = page.dispute, page.seat.actor.role
    if dispute.clock is None or dispute.awaited != role:
        return False
    if mandate_of(page):
        return _is_covered(page)
    needed = _ONE_REGISTRARS.get(dispute.clock.step)
    return needed is None or role != "registrar" or page.may(needed)


def is_side(page: Page) -> bool:
    """Whether the reader sits on one of the two sides, and can do something for it in the present step."""
    return page.seat.actor.role in SIDES and (mandate_of(page) is None or _is_covered(page))


def mandate_of(page: Page) -> Mandate | None:
    """The mandate on which the reader reads this dispute; None for everybody who sits there themselves."""
    return page.dispute.mandate_of(page.seat.actor.id)


def _is_covered(page: Page) -> bool:
    """Whether the mandate of the reader covers what is expected of the side in the present step."""
    clock, mandate = page.dispute.clock, mandate_of(page)
    needed = _MANDATED.get(clock.step, "speak") if clock else "read"
    return mandate is not None and access.SCOPES.index(needed) <= access.SCOPES.index(mandate.scope)


def open_offer(page: Page) -> Offer | None:
    """The offer that can be answered now, for those who may read offers."""
    offer = page.dispute.open_offer
    reads = access.may("offers:read", page.dispute, page.seat.actor, page.at)
    return offer if offer and reads and page.at < offer.expires else None


def _step_told(dispute: Dispute) -> str:
    """The step as it is told: a seller who came while another address was looked for is asked to reply."""
    step = dispute.step or ""
    return "reply" if step == "address" and dispute.seller_joined else step


def _last_answers(dispute: Dispute) -> bool:
    """Whether what came in late is answered in final words, because the file closes next."""
    return dispute.step == "rebuttal" and dispute.phase is Phase.DECISION


def _banner(holder: str, act: Any, due: int | None, otherwise: Any, stopped: Any = "") -> Row:
    return {"holder": holder, "act": act, "due": due, "otherwise": otherwise, "stopped": stopped}


def _expected(page: Page, step: str, awaited: str, offer: Offer | None) -> Any:
    mine, party = is_mine(page), is_side(page)
    if _last_answers(page.dispute) and (mine or (party and awaited == "both")):
        return ANSWER_LATE
    if step == "mediation" and awaited != "mediator":
        return ANSWER_PROPOSAL if mine or (party and awaited == "both") else AWAITED_PROPOSAL[awaited]
    if mine:
        return _with_amount(ANSWER_AMOUNT, ANSWER_OFFER, offer) if offer else YOURS[step]
    if offer:
        return _with_amount(AWAITED_AMOUNT[awaited], AWAITED[step][awaited], offer)
    if awaited == "both":
        return YOURS[step] if party else sentences.EXPECTED[step]
    return AWAITED.get(step, {}).get(awaited, sentences.EXPECTED[step])


def _with_amount(with_amount: Any, without: Any, offer: Offer) -> Any:
    """The sentence that names the amount, where there is one amount to name."""
    amounts = list(offer.totals.values())
    return str(with_amount) % {"amount": amount(amounts[0])} if len(amounts) == 1 else without


# -- the procedure line -----------------------------------------------------------------------------------------

_STEPS = ("filed", "reply", "evidence", "negotiation", "mediation", "decision", "done")
# A settled dispute stands at the step where it was settled; one for which somebody is drawn at the step it is for.
_STEP_OF = {
    Phase.SCREENING: "filed",
    Phase.NEEDS_INFORMATION: "filed",
    Phase.REFUSED: "filed",
    Phase.AWAITING_RESPONSE: "reply",
    Phase.EVIDENCE: "evidence",
    Phase.NEGOTIATION: "negotiation",
    Phase.MEDIATION: "mediation",
    Phase.DEFAULT_TRACK: "decision",
    Phase.DECISION: "decision",
    Phase.DECIDED: "decision",
    Phase.CLOSED: "done",
}
_ROADS = {
    Phase.NEEDS_INFORMATION: _("The filing is being completed; the dispute is not yet admitted."),
    Phase.REFUSED: _("The dispute was not admitted; another registrar can be asked to review that."),
    Phase.SETTLED: _("Both sides agreed. Only the signatures are missing."),
    Phase.DECIDED: _("The decision is made. What is missing is what both sides say to it."),
}
_SUSPENDED = _("All time stands still for a while.")
_CHALLENGED = _("The mediator is challenged; a registrar decides on that.")
_SILENT = _("The seller did not reply; the dispute is decided on the papers.")
_APPOINTING = _("A mediator is being appointed.")
_CARRYING_OUT = _("The dispute is closed. What remains is to carry out what was agreed or decided, and to say so.")


def line_of(page: Page) -> Row:
    """The procedure line: the present step, the side road in words, and the steps passed over."""
    dispute, reached = page.dispute, _reached(page)
    present = _STEP_OF.get(dispute.phase) or [step for step in _STEPS if step in reached][-1]
    skipped = [step for step in _STEPS[: _STEPS.index(present)] if step not in reached]
    return {"present": present, "road": _road(dispute), "skipped": skipped}


def _road(dispute: Dispute) -> Any:
    if dispute.suspension:
        return _SUSPENDED
    if dispute.challenge:
        return _CHALLENGED
    if dispute.phase is Phase.CLOSED:
        return _CARRYING_OUT if dispute.clock else ""
    if dispute.in_default and dispute.phase in (Phase.DEFAULT_TRACK, Phase.ASSIGNMENT, Phase.DECISION):
        return _SILENT
    return _APPOINTING if dispute.phase is Phase.ASSIGNMENT else _ROADS.get(dispute.phase, "")


def _reached(page: Page) -> set[str]:
    dispute = page.dispute
    appointing = dispute.phase is Phase.ASSIGNMENT
    to_decide = dispute.in_default or dispute.mediation_ended_at is not None
    deciding = dispute.phase in (Phase.DEFAULT_TRACK, Phase.DECISION, Phase.DECIDED) or dispute.decision is not None
    return {
        step
        for step, was in (
            ("filed", True),
            ("reply", dispute.admitted_at is not None),
            ("evidence", dispute.reply in ("offer", "contest")),
            ("negotiation", any(line.type == "negotiation_opened" for line in page.docket)),
            ("mediation", bool(dispute.mediated_by) or (appointing and not to_decide)),
            ("decision", deciding or (appointing and to_decide)),
        )
        if was
    }


# -- the lists --------------------------------------------------------------------------------------------------

MY_ROLE = {
    "buyer": _("You are the buyer"),
    "seller": _("You are the seller"),
    "mediator": _("You are the mediator"),
    "registrar": _("You are the registrar"),
}
ACTING_FOR = {
    "buyer": _("You act for the buyer"),
    "seller": _("You act for the seller"),
}
TURNS = {
    "you": _("Your turn"),
    "both": _("The turn of both sides"),
    "buyer": _("The buyer’s turn"),
    "seller": _("The seller’s turn"),
    "mediator": _("The mediator’s turn"),
    "registrar": _("The registrar’s turn"),
    "platform": _("Evenhand’s turn"),
}
_STANDS_STILL = _("The clock stands still")


def list_row(row: ListRow) -> Row:
    """A dispute as a row of a list: number, what it is about, where it stands, whose turn it is and until when."""
    holder = "you" if row.awaited == row.role else row.awaited
    return {
        "href": link_to("disputes.page", number=row.number),
        "cells": [
            row.number,
            sentences.CATEGORIES[row.category],
            (ACTING_FOR if row.represents else MY_ROLE)[row.role],
            sentences.CLOSINGS[row.code] if row.code else sentences.PHASES[row.phase],
            TURNS[holder] if holder else "" if row.code else _STANDS_STILL,
            time_left(row.due) if row.due and holder else "",
        ],
        "due": 5 if holder == "you" or (holder == "both" and row.role in SIDES) else None,
    }
