"""Which event tells whom, by which notice: a table, and nothing of it in the rooms that make the events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from odr.kernel import Money
from odr.procedure.dispute import SIDES, Dispute, other_side
from odr.procedure.events import (
    TYPES,
    AdmissionOverdue,
    AgreementReached,
    DirectSettlementDenied,
    DirectSettlementStated,
    DisputeClosed,
    DisputeFiled,
    DisputeWithdrawn,
    Event,
    EvidenceAdded,
    EvidenceCompleted,
    ExtensionAsked,
    ExtensionGranted,
    FilingAdmitted,
    FilingRefused,
    InformationAsked,
    InformationGiven,
    LastCallMade,
    MessageSent,
    NegotiationEnded,
    NegotiationOpened,
    OfferAccepted,
    OfferLapsed,
    OfferMade,
    OfferRejected,
    OfferWithdrawn,
    RebuttalOpened,
    RefusalReviewAsked,
    ReplyGiven,
    ScopeObjectionDismissed,
    SellerJoined,
    SellerSilent,
    SettlementSigned,
    UploadRefused,
    WalledMessageSent,
)

Params = Mapping[str, Any]

BUYER, SELLER = "buyer", "seller"
BOTH = "both"
# The side that did not act: every event told to it names the acting `side`.
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to one side. `gathered`: what happens often within half an hour is told once, at its end."""

    template: str
    side: str
    params: Params
    gathered: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: the template, who gets it, and the name of the condition under which."""

    template: str
    to: str
    when: str = "always"
    gathered: bool = False


RULES: dict[type[Event], tuple[Line, ...]] = {
    DisputeFiled: (Line("filing_received", BUYER),),
    InformationAsked: (Line("information_asked", BUYER),),
    # The buyer did this and saw it done; the seller is not told of a dispute before it is admitted.
    InformationGiven: (),
    FilingAdmitted: (Line("filing_admitted", BUYER), Line("invitation", SELLER)),
    FilingRefused: (Line("filing_refused", BUYER), Line("news", SELLER)),
    RefusalReviewAsked: (Line("news", SELLER),),
    AdmissionOverdue: (Line("news", BUYER, "time_goes_on"),),
    SellerJoined: (Line("news", BUYER),),
    ReplyGiven: (Line("reply_received", BUYER),),
    ScopeObjectionDismissed: (Line("your_turn", SELLER), Line("news", BUYER)),
    LastCallMade: (Line("deadline_near", SELLER), Line("news", BUYER)),
    SellerSilent: (Line("dispute_moved", BOTH),),
    EvidenceAdded: (Line("news", OTHER, gathered=True),),
    # The side whose file was turned away is told on the page, at once.
    UploadRefused: (),
    EvidenceCompleted: (Line("news", OTHER),),
    RebuttalOpened: (Line("your_turn", BOTH),),
    NegotiationOpened: (Line("your_turn", BOTH),),
    MessageSent: (Line("news", OTHER),),
    WalledMessageSent: (Line("news", OTHER),),
    OfferMade: (Line("offer_received", OTHER),),
    OfferWithdrawn: (Line("news", OTHER),),
    OfferRejected: (Line("news", OTHER),),
    OfferLapsed: (Line("news", BOTH),),
    OfferAccepted: (Line("offer_accepted", OTHER),),
    NegotiationEnded: (Line("dispute_moved", BOTH),),
    AgreementReached: (Line("settlement_to_sign", BOTH),),
    # The second signature and the buyer's own word end the dispute, and the end is told.
    SettlementSigned: (Line("news", OTHER, "one_has_signed"),),
    DirectSettlementStated: (Line("news", OTHER, "waits_for_buyers_word"),),
    DirectSettlementDenied: (Line("news", OTHER),),
    # The end that follows in the same act tells both.
    DisputeWithdrawn: (),
    DisputeClosed: (Line("dispute_closed", BOTH),),
    ExtensionAsked: (Line("news", OTHER),),
    ExtensionGranted: (Line("news", BOTH),),
}

Condition = Callable[[Dispute], bool]

CONDITIONS: dict[str, Condition] = {
    "always": lambda dispute: True,
    "time_goes_on": lambda dispute: dispute.clock is not None,
    "one_has_signed": lambda dispute: len(dispute.signed) == 1,
    "waits_for_buyers_word": lambda dispute: dispute.settled_directly_by == SELLER,
}


def notices_for(event: Event, dispute: Dispute) -> list[Notice]:
    """The notices that one event causes; `dispute` is its state after that event.

    The seller is told nothing before the filing is admitted: until then there is no dispute with the seller.
    """
    return [
        Notice(line.template, side, _PARAMS[line.template](event, dispute), line.gathered)
        for line in RULES[type(event)]
        if CONDITIONS[line.when](dispute)
        for side in _sides(line.to, event)
        if side == BUYER or dispute.admitted_at is not None
    ]


def standing(dispute: Dispute, side: str) -> Notice | None:
    """What a side that lost its mail is told again: the invitation while the seller's reply is awaited, else whose
    turn it is. None when nothing is expected of this side any more."""
    clock = dispute.clock
    if clock is None:
        return Notice("dispute_moved", side, _time(dispute)) if dispute.closed_at is None else None
    if side == SELLER and clock.step in ("reply", "last_call"):
        return Notice("invitation", side, _PARAMS["invitation"](None, dispute))
    return Notice("your_turn", side, _time(dispute)) if clock.holder in (side, BOTH) else None


def _sides(to: str, event: Event) -> tuple[str, ...]:
    if to == OTHER:
        return (other_side(event.side),)  # type: ignore[attr-defined]  # promised by a test over the whole table
    return SIDES if to == BOTH else (to,)


# -- what each notice says: codes, amounts and instants; the words are found when it is sent ----------------------


def _time(dispute: Dispute) -> Params:
    """Whose turn it is and until when: `due` is the first millisecond that is too late."""
    clock = dispute.clock
    return {
        "number": dispute.number,
        "phase": str(dispute.phase),
        "due": clock.due if clock else None,
        "holder": clock.holder if clock else None,
        "step": clock.step if clock else None,
    }


def _amounts(sums: Mapping[str, Money]) -> list[dict[str, Any]]:
    return [{"minor": money.minor, "currency": money.currency} for money in sums.values()]


def _filing_received(event: DisputeFiled, dispute: Dispute) -> Params:
    return {**_time(dispute), "amounts": _amounts(dispute.claimed)}


def _information_asked(event: InformationAsked, dispute: Dispute) -> Params:
    return {**_time(dispute), "topics": list(event.topics)}


def _filing_refused(event: FilingRefused, dispute: Dispute) -> Params:
    return {**_time(dispute), "ground": event.ground}


def _invitation(event: FilingAdmitted, dispute: Dispute) -> Params:
    return {
        **_time(dispute),
        "category": dispute.category,
        "remedies": list(dict.fromkeys(item.remedy for item in dispute.items)),
        "amounts": _amounts(dispute.claimed),
        "buyer_country": dispute.buyer_country,
        "ordered_on": dispute.ordered_on,
        "last_call_days": dispute.rules.steps["last_call"].days,
    }


def _reply_received(event: ReplyGiven, dispute: Dispute) -> Params:
    # An answer that ends the matter has no clock of its own, and the old one no longer means anything.
    time = {} if event.clock else {"due": None, "holder": None, "step": None}
    return {**_time(dispute), **time, "choice": event.choice}


def _offer_received(event: OfferMade, dispute: Dispute) -> Params:
    offer = dispute.offers[-1]
    return {"number": dispute.number, "from": event.side, "amounts": _amounts(offer.totals), "expires": event.expires}


def _offer_accepted(event: OfferAccepted, dispute: Dispute) -> Params:
    return {"number": dispute.number, "by": event.side, "amounts": _amounts(dispute.offers[-1].totals)}


def _settlement(event: AgreementReached, dispute: Dispute) -> Params:
    sums = dispute.agreement.totals if dispute.agreement else {}
    return {**_time(dispute), "amounts": _amounts(sums), "perform_by": event.perform_by}


def _dispute_closed(event: DisputeClosed, dispute: Dispute) -> Params:
    agreement = dispute.agreement
    return {
        "number": dispute.number,
        "code": event.code,
        "compliance": event.compliance,
        "amounts": _amounts(agreement.totals) if agreement else [],
        "perform_by": agreement.perform_by if agreement and event.compliance == "due" else None,
    }


# The closed fields that the sentence of a fact speaks of (web/sentences.py); none of them holds anybody's words.
_TOLD = ("side", "item", "offer", "choice", "by")


def _news(event: Event, dispute: Dispute) -> Params:
    name = TYPES[type(event)]
    told = {field: value for field in _TOLD if isinstance(value := getattr(event, field, None), str | int)}
    return {**_time(dispute), "about": name, "facts": told}


def _moved(event: Event, dispute: Dispute) -> Params:
    return _time(dispute)


_PARAMS: dict[str, Callable[[Any, Dispute], Params]] = {
    "filing_received": _filing_received,
    "information_asked": _information_asked,
    "filing_refused": _filing_refused,
    "filing_admitted": _moved,
    "invitation": _invitation,
    "reply_received": _reply_received,
    "your_turn": _moved,
    "deadline_near": _moved,
    "dispute_moved": _moved,
    "offer_received": _offer_received,
    "offer_accepted": _offer_accepted,
    "settlement_to_sign": _settlement,
    "dispute_closed": _dispute_closed,
    "news": _news,
}
