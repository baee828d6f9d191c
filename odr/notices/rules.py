"""Which event tells whom, by which notice: a table, and nothing of it in the rooms that make the events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from odr.kernel import Money
from odr.procedure.access import ASKED, fresh_decider_until
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import SIDES, Dispute
from odr.procedure.events import (
    TYPES,
    AddressGiven,
    AdmissionOverdue,
    AgreementReached,
    BuyerRated,
    ChallengeDecided,
    ChallengeMade,
    ChallengeOverdue,
    ComplianceEnded,
    ConfirmationAsked,
    DecisionAnswered,
    DecisionIssued,
    DecisionOpened,
    DecisionOverdue,
    DefaultTrackEnded,
    DirectSettlementDenied,
    DirectSettlementStated,
    DisputeClosed,
    DisputeFiled,
    DisputeHandedOver,
    DisputeResumed,
    DisputeSuspended,
    DisputeWithdrawn,
    DrawOverdue,
    ErasureOrdered,
    Event,
    EvidenceAdded,
    EvidenceCompleted,
    EvidenceRequested,
    ExtensionAsked,
    ExtensionGranted,
    FileClosed,
    FilingAdmitted,
    FilingRefused,
    FinalWordsGiven,
    HoldLifted,
    HoldPlaced,
    InformationAsked,
    InformationGiven,
    LastCallMade,
    LateEvidenceAdmitted,
    MandateEnded,
    MandateGiven,
    MandateTakenUp,
    MediationEnded,
    MediationMessageSent,
    MediationOpened,
    MediatorAccepted,
    MediatorDrawn,
    MediatorReleased,
    MessageSent,
    NegotiationEnded,
    NegotiationOpened,
    NoticeReturned,
    NoticeSent,
    ObjectionWaived,
    OfferAccepted,
    OfferLapsed,
    OfferMade,
    OfferRejected,
    OfferWithdrawn,
    OrderProven,
    PerformanceConfirmed,
    PerformanceDenied,
    PerformanceReported,
    PoolCommitted,
    ProposalAnswered,
    ProposalMade,
    RebuttalOpened,
    RefusalReviewAsked,
    ReplyGiven,
    ScopeObjectionDismissed,
    SellerJoined,
    SellerRated,
    SellerSilent,
    SettlementSigned,
    SuspensionAsked,
    UploadRefused,
    WalledMessageSent,
    WordsErased,
)

Params = Mapping[str, Any]

BUYER, SELLER, MEDIATOR = "buyer", "seller", "mediator"
BOTH = "both"
# The side that did not act, or both where neither did: the event names the acting `side`.
OTHER = "other"
# The side that the event names as the one something is asked of.
NAMED = "named"
# The mediator who left, whom the dispute no longer names.
RELEASED = "released"

# Days after its beginning on which a seller who has not answered is reminded (features 12: the ladder 0, 3, 7, 12;
# day 0 is the invitation, and the last call follows the end).
LADDER = (3, 7, 12)
REMINDERS = frozenset({"reminder", "deadline_near"})
# What calls the seller to reply. However late it leaves, the time that it names is the one that runs.
CALLS = frozenset({"invitation", "last_call"})

# Notices that begin or carry a time limit. Whether they left or came back is recorded in the dispute (decisions: no
# notice could be served), where the time is the reader's own.
SERVICE = frozenset(
    {
        "information_asked",
        "filing_refused",
        "invitation",
        "reminder",
        "last_call",
        "address_wanted",
        "reply_received",
        "your_turn",
        "dispute_moved",
        "deadline_near",
        "mediator_appointed",
        "decision_opened",
        "decision_issued",
        "settlement_to_sign",
        "dispute_resumed",
        "performance_due",
        "confirmation_asked",
        "evidence_requested",
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to one side, or to the mediator whom its `params` name. `gathered`: what one actor does often within
    half an hour is told once, at its end. `due`: when it is to leave, at once where None."""

    template: str
    side: str
    params: Params
    gathered: bool = False
    due: int | None = None

    @property
    def gist(self) -> str:
        """What a notice has in common with those that it is gathered with: what was done, and by whom."""
        return f"{self.params['about']}/{self.params['facts'].get('side', '')}"


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
    # Told with the reply that it was said in.
    OrderProven: (),
    ReplyGiven: (Line("reply_received", BUYER),),
    ScopeObjectionDismissed: (Line("your_turn", SELLER), Line("news", BUYER)),
    LastCallMade: (Line("last_call", SELLER), Line("news", BUYER)),
    SellerSilent: (Line("your_turn", BUYER), Line("dispute_moved", SELLER)),
    DefaultTrackEnded: (Line("dispute_moved", BOTH),),
    # A notice about a notice would have no end.
    NoticeSent: (),
    # Where no address is asked for, all time stands still, which is told; or it stops nobody's time.
    NoticeReturned: (Line("address_wanted", BUYER, "address_asked"),),
    AddressGiven: (Line("invitation", SELLER),),
    EvidenceAdded: (Line("news", OTHER, gathered=True), Line("news", MEDIATOR, "file_open", gathered=True)),
    # The side whose file was turned away is told on the page, at once.
    UploadRefused: (),
    EvidenceCompleted: (Line("news", OTHER),),
    RebuttalOpened: (Line("your_turn", BOTH),),
    NegotiationOpened: (Line("your_turn", BOTH),),
    MessageSent: (Line("news", OTHER, gathered=True),),
    WalledMessageSent: (Line("news", OTHER, gathered=True),),
    OfferMade: (Line("offer_received", OTHER),),
    OfferWithdrawn: (Line("news", OTHER),),
    OfferRejected: (Line("news", OTHER),),
    OfferLapsed: (Line("news", BOTH),),
    OfferAccepted: (Line("offer_accepted", OTHER),),
    NegotiationEnded: (Line("dispute_moved", BOTH),),
    # The public record of the draw tells it; the parties are told of whoever accepted.
    PoolCommitted: (),
    MediatorDrawn: (Line("appointment", MEDIATOR),),
    # The registrar finds it in the queue; the parties would read the same again every three days.
    DrawOverdue: (),
    # Where nobody can object any more the next step begins at once, which is told.
    MediatorAccepted: (Line("mediator_appointed", BOTH, "objection_open"),),
    MediatorReleased: (Line("news", BOTH), Line("mediator_released", RELEASED, "left_unasked")),
    ObjectionWaived: (),
    ChallengeMade: (Line("news", OTHER), Line("news", MEDIATOR)),
    # As with a draw that is late.
    ChallengeOverdue: (),
    ChallengeDecided: (Line("news", BOTH), Line("news", MEDIATOR, "challenge_dismissed")),
    MediationOpened: (Line("dispute_moved", BOTH), Line("your_turn", MEDIATOR)),
    MediationMessageSent: (
        Line("news", OTHER, gathered=True),
        Line("news", MEDIATOR, "sides_word", gathered=True),
    ),
    EvidenceRequested: (Line("evidence_requested", NAMED),),
    LateEvidenceAdmitted: (Line("news", BOTH),),
    ProposalMade: (Line("proposal_received", BOTH),),
    # The second yes makes the agreement, which is told.
    ProposalAnswered: (Line("news", OTHER, "not_yet_agreed"), Line("news", MEDIATOR, "not_yet_agreed")),
    # The step that follows in the same act tells it.
    MediationEnded: (),
    DecisionOpened: (Line("decision_opened", BOTH),),
    FinalWordsGiven: (Line("news", OTHER),),
    FileClosed: (Line("dispute_moved", BOTH), Line("your_turn", MEDIATOR)),
    DecisionOverdue: (Line("news", BOTH), Line("your_turn", MEDIATOR)),
    DecisionIssued: (Line("decision_issued", BOTH),),
    # The answer that ends it is told by the end.
    DecisionAnswered: (Line("news", OTHER, "answer_awaited"),),
    AgreementReached: (Line("settlement_to_sign", BOTH), Line("news", MEDIATOR)),
    # The second signature and the buyer's own word end the dispute, and the end is told.
    SettlementSigned: (Line("news", OTHER, "one_has_signed"),),
    DirectSettlementStated: (Line("news", OTHER, "waits_for_buyers_word"),),
    DirectSettlementDenied: (Line("news", OTHER),),
    # The end that follows in the same act tells both.
    DisputeWithdrawn: (),
    DisputeHandedOver: (),
    DisputeClosed: (
        Line("dispute_closed", BUYER),
        Line("dispute_closed", SELLER, "nothing_is_due"),
        Line("performance_due", SELLER, "something_is_due"),
        Line("news", MEDIATOR),
    ),
    PerformanceReported: (Line("confirmation_asked", BUYER),),
    ConfirmationAsked: (Line("confirmation_asked", BUYER), Line("news", SELLER)),
    PerformanceConfirmed: (Line("news", SELLER),),
    PerformanceDenied: (Line("your_turn", SELLER, "sellers_time"), Line("news", SELLER, "not_sellers_time")),
    ComplianceEnded: (Line("news", BOTH),),
    # A grade is for the figures alone.
    BuyerRated: (),
    SellerRated: (),
    ExtensionAsked: (Line("news", OTHER),),
    ExtensionGranted: (Line("news", BOTH), Line("news", MEDIATOR, "not_by_mediator")),
    SuspensionAsked: (Line("news", OTHER),),
    DisputeSuspended: (Line("dispute_suspended", BOTH), Line("dispute_suspended", MEDIATOR)),
    # A seller who never came learns what it is about, however long time stood still.
    DisputeResumed: (
        Line("dispute_resumed", BUYER),
        Line("dispute_resumed", SELLER, "reply_not_awaited"),
        Line("invitation", SELLER, "reply_awaited"),
        Line("dispute_resumed", MEDIATOR),
    ),
    # The side itself, whose session may have been somebody else's; the other side is told of whoever takes it up.
    MandateGiven: (Line("news", NAMED),),
    MandateTakenUp: (Line("news", BOTH), Line("news", MEDIATOR, "file_open")),
    MandateEnded: (Line("news", BOTH), Line("news", MEDIATOR, "file_open")),
    HoldPlaced: (Line("news", BOTH),),
    HoldLifted: (Line("news", BOTH),),
    # Whoever asked for it was told when they asked; of an order by law both are told when it is done.
    ErasureOrdered: (),
    WordsErased: (Line("news", BOTH, "by_law"),),
}

Condition = Callable[[Any, Dispute], bool]

CONDITIONS: dict[str, Condition] = {
    "always": lambda event, dispute: True,
    "time_goes_on": lambda event, dispute: dispute.clock is not None,
    "one_has_signed": lambda event, dispute: len(dispute.signed) == 1,
    "waits_for_buyers_word": lambda event, dispute: dispute.settled_directly_by == SELLER,
    "address_asked": lambda event, dispute: event.clock is not None,
    "file_open": lambda event, dispute: dispute.appointed and dispute.closed_at is None,
    "objection_open": lambda event, dispute: event.clock is not None,
    # Who declines or resigns knows it.
    "left_unasked": lambda event, dispute: event.reason not in ("declined", "resigned"),
    "challenge_dismissed": lambda event, dispute: not event.upheld,
    "sides_word": lambda event, dispute: event.side in SIDES,
    "not_yet_agreed": lambda event, dispute: not dispute.proposals or dispute.proposals[-1].state != "accepted",
    "answer_awaited": lambda event, dispute: _answer_awaited(dispute),
    "nothing_is_due": lambda event, dispute: event.compliance != "due",
    "something_is_due": lambda event, dispute: event.compliance == "due",
    "sellers_time": lambda event, dispute: event.clock.holder == SELLER,
    "not_sellers_time": lambda event, dispute: event.clock.holder != SELLER,
    "reply_awaited": lambda event, dispute: _reply_awaited(dispute),
    "reply_not_awaited": lambda event, dispute: not _reply_awaited(dispute),
    "by_law": lambda event, dispute: any(
        each.version == event.ordered and each.ground != ASKED for each in dispute.erasures
    ),
    "not_by_mediator": lambda event, dispute: event.by != MEDIATOR,
}


def _answer_awaited(dispute: Dispute) -> bool:
    decision = dispute.decision
    return decision is not None and decision.answered_by != set(SIDES) and BUYER not in decision.rejected_by


def _reply_awaited(dispute: Dispute) -> bool:
    return dispute.step in ("reply", "last_call")


# What cannot be said without a time that runs.
_TIMED = frozenset(
    {
        "information_asked",
        "invitation",
        "last_call",
        "address_wanted",
        "your_turn",
        "appointment",
        "mediator_appointed",
        "decision_opened",
        "decision_issued",
        "settlement_to_sign",
        "confirmation_asked",
    }
)


def notices_for(event: Event, dispute: Dispute) -> list[Notice]:
    """The notices that one event causes, reminders of the time it begins among them; `dispute` is its state after that
    event.

    The seller is told nothing before the filing is admitted: until then there is no dispute with the seller.
    """
    told = [
        _notice(line, side, event, dispute)
        for line in RULES[type(event)]
        if CONDITIONS[line.when](event, dispute)
        for side in _sides(line.to, event, dispute)
        if not (dispute.suspension and line.template in _TIMED and (side == MEDIATOR or line.template == "invitation"))
    ]
    return [
        each for each in (*told, *_reminders(event, dispute)) if each.side != SELLER or dispute.admitted_at is not None
    ]


def _notice(line: Line, side: str, event: Event, dispute: Dispute) -> Notice:
    # While all time stands still, the time of a step that begins is told when it runs; until then, that it began.
    template = "dispute_moved" if dispute.suspension and line.template in _TIMED else line.template
    return Notice(template, side, _PARAMS[template](event, dispute) | _bound(line.to, event, dispute), line.gathered)


def overtaken(dispute: Dispute, template: str, side: str, params: Params) -> bool:
    """Whether a notice that was written earlier has nothing left to say to its reader now."""
    if side == MEDIATOR and template != "mediator_released" and dispute.mediator != params["mediator"]:
        # Whoever left a dispute learns nothing more of it.
        return True
    if template == "invitation":
        return dispute.clock is None or not _reply_awaited(dispute)
    # Where the call was made anew, each is told once: by the one whose time runs.
    if template not in REMINDERS | CALLS and params.get("about") != "last_call_made":
        return False
    clock = dispute.clock
    if clock is None or (clock.step, clock.due) != (params["step"], params["due"]):
        return True
    if template not in REMINDERS:
        return False
    # Whoever holds a time may have nothing left to do in it; the mediator's own goes on whoever answers meanwhile.
    return (clock.holder if clock.holder == MEDIATOR else dispute.awaited) not in (side, BOTH)


def copy_of(notice: Notice) -> Notice:
    """What whoever acts for a side is told beside it: the same, but never with the link by which the seat itself is
    taken."""
    return replace(notice, template="your_turn") if notice.template == "invitation" else notice


def as_it_stands(dispute: Dispute, template: str, params: Params) -> Params:
    """What a notice says that had to wait: an invitation names the time that runs now."""
    return _invitation(None, dispute) if template == "invitation" else params


def proves_service(template: str, side: str | None, params: Params) -> bool:
    """Whether it is recorded in the dispute that this notice left or came back: it carries a time limit of its reader,
    who is a party. A mediator who misses a time is replaced; nothing stands still for that."""
    if template not in SERVICE or side not in SIDES:
        return False
    return template == "evidence_requested" or params.get("holder") in (side, BOTH)


def standing(dispute: Dispute, side: str) -> Notice | None:
    """What a side that lost its mail is told again: the invitation while the seller's reply is awaited, else whose
    turn it is. None when nothing is expected of this side any more."""
    clock = dispute.clock
    if dispute.suspension:
        return Notice("dispute_suspended", side, _suspended(None, dispute))
    if clock is None:
        return Notice("dispute_moved", side, _time(dispute)) if dispute.closed_at is None else None
    if side == SELLER and _reply_awaited(dispute):
        return Notice("invitation", side, _PARAMS["invitation"](None, dispute))
    return Notice("your_turn", side, _time(dispute)) if clock.holder in (side, BOTH) else None


def letter_to_seller(dispute: Dispute) -> Notice | None:
    """What a letter by post says to a seller whose answer is awaited, or whom mail does not reach; else None."""
    if dispute.admitted_at is None or dispute.step not in ("reply", "last_call", "address"):
        return None
    return Notice("by_post", SELLER, _PARAMS["by_post"](None, dispute))


def _sides(to: str, event: Event, dispute: Dispute) -> tuple[str, ...]:
    acting = getattr(event, "side", None)
    match to:
        case "other":
            return tuple(side for side in SIDES if side != acting)
        case "named":
            return (str(acting),)
        case "both":
            return SIDES
        case "mediator":
            return (MEDIATOR,) if dispute.mediator else ()
        case "released":
            return (MEDIATOR,)
    return (to,)


def _bound(to: str, event: Any, dispute: Dispute) -> dict[str, Any]:
    """The mediator's name in entries, so that a notice that leaves late still goes to whom it was written for."""
    return {"mediator": event.mediator if to == RELEASED else dispute.mediator} if to in (MEDIATOR, RELEASED) else {}


def _reminders(event: Event, dispute: Dispute) -> list[Notice]:
    """What whoever is awaited is told before the time ends that this event has begun. Each of them is asked again when
    it is to leave whether it still has something to say."""
    clock = dispute.clock
    if clock is None or getattr(event, "clock", None) != clock or clock.step == "last_call":
        return []
    if clock.step == "reply" and not isinstance(event, ExtensionGranted):
        days = [dispute.at + day * DAY for day in LADDER]
        claim = _invitation(None, dispute)
        return [Notice("reminder", SELLER, claim, due=day) for day in days if day < clock.due - DAY]
    due = clock.due - DAY
    if due < dispute.at + DAY:
        # The notice that began so short a time is still fresh.
        return []
    holders = SIDES if clock.holder == BOTH else (clock.holder,)
    return [
        Notice("deadline_near", side, {**_time(dispute), **_bound(side, event, dispute)}, due=due)
        for side in holders
        if side in SIDES or (side == MEDIATOR and dispute.mediator)
    ]


# -- what each notice says: codes, amounts and instants; the words are found when it is sent ----------------------


def _time(dispute: Dispute) -> dict[str, Any]:
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


def _filing_received(event: DisputeFiled, dispute: Dispute) -> dict[str, Any]:
    return {**_time(dispute), "amounts": _amounts(dispute.claimed)}


def _information_asked(event: InformationAsked, dispute: Dispute) -> dict[str, Any]:
    return {**_time(dispute), "topics": list(event.topics)}


def _filing_refused(event: FilingRefused, dispute: Dispute) -> dict[str, Any]:
    return {**_time(dispute), "ground": event.ground}


def _invitation(event: object, dispute: Dispute) -> dict[str, Any]:
    return {
        **_time(dispute),
        "category": dispute.category,
        "remedies": list(dict.fromkeys(item.remedy for item in dispute.items)),
        "amounts": _amounts(dispute.claimed),
        "buyer_country": dispute.buyer_country,
        "ordered_on": dispute.ordered_on,
        "last_call_days": dispute.rules.steps["last_call"].days,
    }


def _reply_received(event: ReplyGiven, dispute: Dispute) -> dict[str, Any]:
    # An answer that ends the matter has no clock of its own, and the old one no longer means anything.
    time = {} if event.clock else {"due": None, "holder": None, "step": None}
    return {**_time(dispute), **time, "choice": event.choice}


def _offer_received(event: OfferMade, dispute: Dispute) -> dict[str, Any]:
    # It can be answered until its own end, or that of the negotiation where this comes first.
    end = dispute.clock.due if dispute.clock and dispute.clock.step == "negotiation" else event.expires
    return {
        "number": dispute.number,
        "from": event.side,
        "amounts": _amounts(dispute.offers[-1].totals),
        "expires": min(end, event.expires),
    }


def _offer_accepted(event: OfferAccepted, dispute: Dispute) -> dict[str, Any]:
    return {"number": dispute.number, "by": event.side, "amounts": _amounts(dispute.offers[-1].totals)}


def _settlement(event: AgreementReached, dispute: Dispute) -> dict[str, Any]:
    sums = dispute.agreement.totals if dispute.agreement else {}
    return {**_time(dispute), "amounts": _amounts(sums), "perform_by": event.perform_by}


def _dispute_closed(event: DisputeClosed, dispute: Dispute) -> dict[str, Any]:
    source = dispute.agreement or dispute.decision
    sums = dispute.agreement.totals if dispute.agreement else dispute.decision.awarded if dispute.decision else {}
    costs = dispute.decision.costs if dispute.decision and not dispute.agreement else None
    due = source is not None and event.compliance == "due"
    return {
        **_time(dispute),
        "code": event.code,
        "compliance": event.compliance,
        "decided": source is not None and source is dispute.decision,
        "amounts": _amounts(sums),
        "costs": _amounts({"": costs}) if costs else [],
        "perform_by": dispute.perform_by if due else None,
    }


def _mediator_appointed(event: MediatorAccepted, dispute: Dispute) -> dict[str, Any]:
    return {**_time(dispute), "may_object": [side for side in SIDES if side not in dispute.objected]}


def _mediator_released(event: MediatorReleased, dispute: Dispute) -> dict[str, Any]:
    return {"number": dispute.number, "reason": event.reason}


def _evidence_requested(event: EvidenceRequested, dispute: Dispute) -> dict[str, Any]:
    return {"number": dispute.number, "due": event.due}


def _proposal_received(event: ProposalMade, dispute: Dispute) -> dict[str, Any]:
    return {**_time(dispute), "amounts": _amounts(dispute.proposals[-1].totals) if dispute.proposals else []}


def _decision_opened(event: DecisionOpened, dispute: Dispute) -> dict[str, Any]:
    return {**_time(dispute), "fresh_until": fresh_decider_until(dispute)}


def _decision_issued(event: DecisionIssued, dispute: Dispute) -> dict[str, Any]:
    sums = dispute.decision.awarded if dispute.decision else {}
    return {
        **_time(dispute),
        "outcome": event.outcome,
        "amounts": _amounts(sums),
        "costs": _amounts({"": event.costs}) if event.costs else [],
        "seller_bound": dispute.rules.seller_bound,
    }


def _confirmation_asked(event: Event, dispute: Dispute) -> dict[str, Any]:
    return {**_time(dispute), "reported": isinstance(event, PerformanceReported)}


def _suspended(event: DisputeSuspended | None, dispute: Dispute) -> dict[str, Any]:
    said: Any = event or dispute.suspension
    return {
        "number": dispute.number,
        "ground": said.ground,
        "until": said.until,
        "returned": sorted(dispute.returned),
    }


# The closed fields that the sentence of a fact speaks of (web/sentences.py); none of them holds anybody's words.
_TOLD = (
    "side", "item", "offer", "proposal", "choice", "by", "reason", "ground", "upheld", "accepts", "outcome", "result",
    "scope", "proof",
)  # fmt: skip


def _news(event: Event, dispute: Dispute) -> dict[str, Any]:
    name = TYPES[type(event)]
    told = {field: value for field in _TOLD if isinstance(value := getattr(event, field, None), str | int)}
    return {**_time(dispute), "about": name, "facts": told}


def _moved(event: Event, dispute: Dispute) -> dict[str, Any]:
    return _time(dispute)


_PARAMS: dict[str, Callable[[Any, Dispute], dict[str, Any]]] = {
    "filing_received": _filing_received,
    "information_asked": _information_asked,
    "filing_refused": _filing_refused,
    "filing_admitted": _moved,
    "invitation": _invitation,
    "by_post": _invitation,
    "reply_received": _reply_received,
    "your_turn": _moved,
    "deadline_near": _moved,
    "last_call": _moved,
    "address_wanted": _moved,
    "dispute_moved": _moved,
    "dispute_resumed": _moved,
    "appointment": _moved,
    "offer_received": _offer_received,
    "offer_accepted": _offer_accepted,
    "settlement_to_sign": _settlement,
    "dispute_closed": _dispute_closed,
    "performance_due": _dispute_closed,
    "confirmation_asked": _confirmation_asked,
    "mediator_appointed": _mediator_appointed,
    "mediator_released": _mediator_released,
    "evidence_requested": _evidence_requested,
    "proposal_received": _proposal_received,
    "decision_opened": _decision_opened,
    "decision_issued": _decision_issued,
    "dispute_suspended": _suspended,
    "news": _news,
}
