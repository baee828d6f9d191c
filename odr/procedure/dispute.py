"""The state of a dispute: folded from its facts and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from odr.kernel import Money, totals
from odr.procedure.draw import order_of
from odr.procedure.events import (
    AddressGiven,
    AdmissionOverdue,
    AgreementReached,
    BuyerRated,
    ChallengeDecided,
    ChallengeMade,
    ChallengeOverdue,
    ClaimItem,
    ComplianceEnded,
    ConfirmationAsked,
    Deadline,
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
    Finding,
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
    Target,
    Term,
    UploadRefused,
    WalledMessageSent,
    WordsErased,
)
from odr.procedure.ruleset import Ruleset, Rulesets

SIDES = ("buyer", "seller")


def other_side(side: str) -> str:
    return "seller" if side == "buyer" else "buyer"


class Phase(StrEnum):
    """Where a dispute stands (procedure 3.2). A draft is not yet a dispute and has no phase here."""

    UNFILED = "unfiled"
    SCREENING = "screening"
    NEEDS_INFORMATION = "needs_information"
    REFUSED = "refused"
    AWAITING_RESPONSE = "awaiting_response"
    EVIDENCE = "evidence"
    NEGOTIATION = "negotiation"
    ASSIGNMENT = "assignment"
    MEDIATION = "mediation"
    DEFAULT_TRACK = "default_track"
    DECISION = "decision"
    DECIDED = "decided"
    SETTLED = "settled"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Header:
    """What an entry says about a fact beside the fact: `seal` is the entry's leaf hash, 64 hex digits."""

    version: int
    at: int
    actor: str
    role: str
    seal: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer and what became of it: open, replaced, withdrawn, rejected, lapsed, accepted, or ended."""

    number: int
    side: str
    terms: tuple[Term, ...]
    perform_days: int
    expires: int
    state: str
    at: int
    version: int
    seal: str

    @property
    def totals(self) -> dict[str, Money]:
        return totals([term.amount for term in self.terms if term.granted and term.amount])


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    item: int
    side: str
    media: str
    size: int
    notes: tuple[str, ...]
    at: int
    version: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the parties agreed on; `how` becomes the closing code and `seal` is what both sign."""

    how: str
    terms: tuple[Term, ...]
    perform_by: int
    version: int
    seal: str
    at: int = 0

    @property
    def totals(self) -> dict[str, Money]:
        return totals([term.amount for term in self.terms if term.granted and term.amount])


@dataclass(frozen=True, slots=True)
class Draw:
    """A pool that was fixed, the `seal` of its entry, and once a checkpoint covers that the order that came of it."""

    pool: tuple[str, ...]
    version: int
    seal: str
    size: int = 0
    root: str = ""
    place: int = 0

    @property
    def order(self) -> tuple[str, ...]:
        """The whole order, first to last; nothing before the checkpoint is known."""
        return order_of(self.pool, self.seal, self.root) if self.root else ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge of the mediator that a registrar has not decided yet."""

    side: str
    ground: str
    clock: Deadline
    version: int


@dataclass(frozen=True, slots=True)
class Request:
    """Evidence that the mediator asked a side for, until the instant `due`."""

    side: str
    due: int
    at: int
    version: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """The mediator's proposal and who said yes to it; `state` is open, replaced, rejected, accepted or ended."""

    number: int
    terms: tuple[Term, ...]
    perform_days: int
    state: str
    accepted_by: frozenset[str]
    at: int
    version: int
    seal: str

    @property
    def totals(self) -> dict[str, Money]:
        return totals([term.amount for term in self.terms if term.granted and term.amount])


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision as issued: `mediator` decided, `seal` is what both sides answer to."""

    mediator: str
    outcome: str
    terms: tuple[Term, ...]
    costs: Money | None
    basis: str
    findings: tuple[Finding, ...]
    perform_by: int
    at: int
    version: int
    seal: str
    accepted_by: frozenset[str] = frozenset()
    rejected_by: frozenset[str] = frozenset()

    @property
    def awarded(self) -> dict[str, Money]:
        """What is granted on the claim, by currency, without the costs."""
        return totals([term.amount for term in self.terms if term.granted and term.amount])

    @property
    def answered_by(self) -> frozenset[str]:
        return self.accepted_by | self.rejected_by

    def answered(self, side: str, accepts: bool) -> Decision:
        """The decision after one side's answer to it."""
        if accepts:
            return replace(self, accepted_by=self.accepted_by | {side})
        return replace(self, rejected_by=self.rejected_by | {side})


@dataclass(frozen=True, slots=True)
class Suspension:
    """All time stands still: since when, at the latest until when, and the time that stands; for whose mail, where it
    came back. What is done meanwhile may begin the time of a next step; it stands too, from the instant `held_from`
    on."""

    ground: str
    by: str
    side: str | None
    since: int
    until: int
    clock: Deadline | None
    held_from: int


@dataclass(frozen=True, slots=True)
class Mandate:
    """Somebody who acts for a side: how far, until when at the latest, and what became of it. `version` is that of the
    entry that gave it."""

    representative: str
    side: str
    scope: str
    until: int
    at: int
    version: int
    taken_up_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Words must be kept: since when, and on which ground."""

    version: int
    ground: str
    at: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """Words that are to be destroyed, as the entry of this version ordered; `done` is the version of the entry that
    says that they were, and `done_at` when, both None until then."""

    version: int
    ground: str
    targets: tuple[Target, ...]
    done: int | None = None
    done_at: int | None = None

    @property
    def names(self) -> frozenset[tuple[int, str]]:
        """Version and name of each of the words."""
        return frozenset((target.ver, name) for target in self.targets for name in target.names)


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """One dispute. Built by `apply` only; rules and pages read it."""

    id: str
    version: int = 0
    at: int = 0
    phase: Phase = Phase.UNFILED
    ruleset: Ruleset | None = None
    number: str = ""
    buyer: str = ""
    seller: str = ""
    buyer_country: str = ""
    seller_country: str = ""
    buyer_language: str = ""
    seller_language: str = ""
    category: str = ""
    items: tuple[ClaimItem, ...] = ()
    paid: Money | None = None
    ordered_on: str = ""
    contacted_on: str = ""
    filed_at: int = 0
    clock: Deadline | None = None
    phase_at: int = 0
    extended: frozenset[str] = frozenset()
    extension_asked_by: str | None = None
    information_topics: tuple[str, ...] = ()
    refused_ground: str | None = None
    refused_by: str | None = None
    review_asked: bool = False
    times_overdue: int = 0
    admitted_at: int | None = None
    seller_joined: bool = False
    order_proven: tuple[str, ...] = ()
    reply: str | None = None
    replied_at: int | None = None
    scope_objected: bool = False
    objected_once: bool = False
    last_called: bool = False
    seller_silent: bool = False
    address_asked: bool = False
    served_at: int | None = None
    returned: frozenset[str] = frozenset()
    messages: tuple[str, ...] = ()
    evidence: tuple[EvidenceItem, ...] = ()
    turned_away: tuple[str, ...] = ()
    complete: frozenset[str] = frozenset()
    offers: tuple[Offer, ...] = ()
    agreement: Agreement | None = None
    signed: frozenset[str] = frozenset()
    settled_directly_by: str | None = None
    draw: Draw | None = None
    mediator: str = ""
    appointed: bool = False
    met: tuple[str, ...] = ()
    objected: frozenset[str] = frozenset()
    unopposed: frozenset[str] = frozenset()
    challenge: Challenge | None = None
    challenged: frozenset[str] = frozenset()
    mediated_by: str = ""
    mediation_ended_at: int | None = None
    fresh_decider: bool = False
    proposals: tuple[Proposal, ...] = ()
    requests: tuple[Request, ...] = ()
    admitted_late: frozenset[int] = frozenset()
    final_words: frozenset[str] = frozenset()
    file_closed_at: int | None = None
    decision: Decision | None = None
    suspension: Suspension | None = None
    suspension_asked_by: str | None = None
    times_suspended: int = 0
    held_for_mail: frozenset[tuple[str, str]] = frozenset()
    code: str | None = None
    compliance: str | None = None
    performance_due: int | None = None
    performed_at: int | None = None
    denied: bool = False
    rated: frozenset[str] = frozenset()
    closed_at: int | None = None
    over_at: int | None = None
    mandates: tuple[Mandate, ...] = ()
    holds: tuple[Hold, ...] = ()
    erasures: tuple[Erasure, ...] = ()

    @property
    def rules(self) -> Ruleset:
        """The ruleset this dispute is pinned to."""
        if self.ruleset is None:
            raise ValueError("an unfiled dispute has no ruleset")
        return self.ruleset

    @property
    def running_clock(self) -> Deadline:
        """The deadline of the present step, where there must be one."""
        if self.clock is None:
            raise ValueError(f"no time runs in {self.phase}")
        return self.clock

    @property
    def step_clock(self) -> Deadline | None:
        """The time of the present step, whether it runs or stands still with all time."""
        return self.suspension.clock if self.suspension else self.clock

    @property
    def step(self) -> str | None:
        """The present step, None where no time belongs to it."""
        return self.step_clock.step if self.step_clock else None

    @property
    def open_offer(self) -> Offer | None:
        """The one offer that can be answered now (procedure 3.7: one open offer per dispute)."""
        return self.offers[-1] if self.offers and self.offers[-1].state == "open" else None

    @property
    def claimed(self) -> dict[str, Money]:
        return totals([item.amount for item in self.items if item.amount])

    @property
    def open_proposal(self) -> Proposal | None:
        """The proposal of the mediator that can be answered now."""
        return self.proposals[-1] if self.proposals and self.proposals[-1].state == "open" else None

    @property
    def barred(self) -> frozenset[int]:
        """The items that came after the time the mediator gave for them, and were not let in."""
        return frozenset(item.item for item in self.evidence if "late" in item.notes) - self.admitted_late

    @property
    def in_default(self) -> bool:
        """Whether the dispute goes on without the seller, who never replied."""
        return self.seller_silent and self.reply is None

    @property
    def perform_by(self) -> int | None:
        """Until when what was promised or granted is to be done, None where there is nothing. The end of the dispute
        sets it for good."""
        source = self.agreement or self.decision
        return self.performance_due or (source.perform_by if source else None)

    @property
    def next_due(self) -> int | None:
        """The earliest instant at which something happens by itself."""
        instants = [self.clock.due] if self.clock else []
        if self.suspension:
            instants = [self.suspension.until]
        elif self.challenge:
            instants.append(self.challenge.clock.due)
        if self.open_offer:
            # Its end is the offeror's own word, which the standing still of the procedure does not lengthen.
            instants.append(self.open_offer.expires)
        return min(instants, default=None)

    @property
    def awaited(self) -> str | None:
        """Whose act is awaited: buyer, seller, mediator, registrar, platform or both. Of a time that both sides hold,
        the side that has not yet done its part, and so with an open proposal; None when no time runs."""
        if self.clock is not None and self.clock.step == "address" and self.seller_joined:
            # Whoever came by another way is asked to reply; no address is wanted any more.
            return "seller"
        proposed = self.clock is not None and self.clock.step == "mediation" and self.open_proposal is not None
        if self.clock is None or (self.clock.holder != "both" and not proposed):
            return self.clock.holder if self.clock else None
        if self.clock.step == "negotiation" and self.open_offer:
            return other_side(self.open_offer.side)
        left = [side for side in SIDES if side not in self._done_with(self.clock.step)]
        return left[0] if len(left) == 1 else "both"

    def _done_with(self, step: str) -> frozenset[str]:
        if step == "acceptance":
            return self.decision.answered_by if self.decision else frozenset()
        if step == "objection":
            return self.unopposed | self.objected
        if step == "mediation":
            return self.open_proposal.accepted_by if self.open_proposal else frozenset()
        if step in ("evidence", "rebuttal") and self.phase is Phase.EVIDENCE:
            return self.complete
        if step in ("final_words", "rebuttal"):
            return self.final_words
        return self.signed if step == "sign" else frozenset()

    def erasure_of(self, version: int, *names: str) -> Erasure | None:
        """What recorded that all of these words of an entry are gone, or, without names, any of them."""
        gone = [each for each in self.erasures if each.done and any(ver == version for ver, _ in each.names)]
        erased = {name for each in gone for ver, name in each.names if ver == version}
        return gone[-1] if gone and erased.issuperset(names) else None

    def side_of(self, actor_id: str) -> str | None:
        """Whether an actor is the buyer or the seller itself; whoever acts for one of them is neither."""
        return {self.buyer: "buyer", self.seller: "seller"}.get(actor_id) if actor_id else None

    def mandate_of(self, actor_id: str) -> Mandate | None:
        """The mandate of whoever entries name so, whatever became of it."""
        return next((each for each in self.mandates if each.representative == actor_id), None)


def fold(dispute_id: str, history: Iterable[tuple[Event, Header]], rulesets: Rulesets) -> Dispute:
    """The state after these facts, in their order."""
    return fold_on(Dispute(id=dispute_id), history, rulesets)


def fold_on(dispute: Dispute, history: Iterable[tuple[Event, Header]], rulesets: Rulesets) -> Dispute:
    """The state after these further facts."""
    for event, header in history:
        dispute = apply(dispute, event, header, rulesets)
    return dispute


def apply(dispute: Dispute, event: Event, header: Header, rulesets: Rulesets) -> Dispute:
    """The state after one more fact. Consequences only: whether it was allowed was the rule's question."""
    changes = _CONSEQUENCES[type(event)](dispute, event, header)
    if isinstance(event, DisputeFiled):
        changes["ruleset"] = rulesets.pinned(event.ruleset_digest)
    if "phase" in changes:
        changes["phase_at"] = header.at
        changes["suspension_asked_by"] = None
    if "clock" in changes:
        # What was asked for was more time in the step before.
        changes["extension_asked_by"] = None
        if dispute.suspension and "suspension" not in changes:
            # Who acts all the same takes no time from a side for which it stands: the next step's stands too.
            changes["suspension"] = replace(dispute.suspension, clock=changes["clock"], held_from=header.at)
            changes["clock"] = None
    return _changed(dispute, version=header.version, at=header.at, **changes)


def _changed(dispute: Dispute, **changes: Any) -> Dispute:
    # What `dataclasses.replace` does, without asking each of forty fields: folding is part of the cost of every act.
    after = object.__new__(Dispute)
    after.__dict__.update(dispute.__dict__, **changes)
    return after


Changes = dict[str, Any]


def _filed(dispute: Dispute, event: DisputeFiled, header: Header) -> Changes:
    same_names = (
        "number", "buyer", "seller", "buyer_country", "seller_country", "buyer_language", "seller_language",
        "category", "items", "paid", "ordered_on", "contacted_on", "clock",
    )  # fmt: skip
    return {"phase": Phase.SCREENING, "filed_at": header.at, **{name: getattr(event, name) for name in same_names}}


def _information_asked(dispute: Dispute, event: InformationAsked, header: Header) -> Changes:
    return {"phase": Phase.NEEDS_INFORMATION, "clock": event.clock, "information_topics": event.topics}


def _information_given(dispute: Dispute, event: InformationGiven, header: Header) -> Changes:
    return {"phase": Phase.SCREENING, "clock": event.clock}


def _admitted(dispute: Dispute, event: FilingAdmitted, header: Header) -> Changes:
    # After an objection that another registrar did not share the seller has not replied yet.
    return {
        "phase": Phase.AWAITING_RESPONSE,
        "clock": event.clock,
        "admitted_at": header.at,
        "reply": None,
        "replied_at": None,
        "last_called": False,
    }


def _refused(dispute: Dispute, event: FilingRefused, header: Header) -> Changes:
    return {
        "phase": Phase.REFUSED,
        "clock": event.clock,
        "refused_ground": event.ground,
        "refused_by": header.actor,
        "scope_objected": False,
    }


def _review_asked(dispute: Dispute, event: RefusalReviewAsked, header: Header) -> Changes:
    return {"phase": Phase.SCREENING, "clock": event.clock, "review_asked": True}


def _overdue(dispute: Dispute, event: AdmissionOverdue, header: Header) -> Changes:
    return {"clock": event.clock, "times_overdue": dispute.times_overdue + 1}


def _seller_joined(dispute: Dispute, event: SellerJoined, header: Header) -> Changes:
    # Whoever came was reached; the time that the buyer has to find another address ends by itself.
    return {"seller_joined": True, "address_asked": False, "returned": dispute.returned - {"seller"}}


def _order_proven(dispute: Dispute, event: OrderProven, header: Header) -> Changes:
    return {"order_proven": (*dispute.order_proven, event.method)}


def _reply_given(dispute: Dispute, event: ReplyGiven, header: Header) -> Changes:
    changes: Changes = {"reply": event.choice, "replied_at": header.at, "address_asked": False}
    if event.choice == "object":
        return changes | {"scope_objected": True, "objected_once": True, "clock": event.clock}
    if event.choice in ("offer", "contest"):
        return changes | {"phase": Phase.EVIDENCE, "clock": event.clock}
    return changes


def _scope_dismissed(dispute: Dispute, event: ScopeObjectionDismissed, header: Header) -> Changes:
    return {"clock": event.clock, "scope_objected": False, "reply": None, "replied_at": None, "last_called": False}


def _last_call_made(dispute: Dispute, event: LastCallMade, header: Header) -> Changes:
    # A call that is made anew, because the one before left late, need not leave once more: whoever takes mail only
    # after days would otherwise never be silent.
    served_at = dispute.served_at if dispute.last_called else None
    return {"clock": event.clock, "last_called": True, "served_at": served_at}


def _clock_only(
    dispute: Dispute,
    event: RebuttalOpened | DrawOverdue | DecisionOverdue | ConfirmationAsked,
    header: Header,
) -> Changes:
    return {"clock": event.clock}


def _seller_silent(dispute: Dispute, event: SellerSilent, header: Header) -> Changes:
    return {"phase": Phase.DEFAULT_TRACK, "clock": event.clock, "seller_silent": True}


def _to_assignment(dispute: Dispute, event: DefaultTrackEnded, header: Header) -> Changes:
    return {"phase": Phase.ASSIGNMENT, "clock": event.clock}


def _notice_sent(dispute: Dispute, event: NoticeSent, header: Header) -> Changes:
    # The first notice that left since the last call was made: the seller has its whole time from then on.
    return {"served_at": header.at} if event.side == "seller" and dispute.served_at is None else {}


def _notice_returned(dispute: Dispute, event: NoticeReturned, header: Header) -> Changes:
    changes: Changes = {"returned": dispute.returned | {event.side}}
    if event.side == "seller":
        changes["served_at"] = None
    return changes | ({"clock": event.clock, "address_asked": True} if event.clock else {})


def _address_given(dispute: Dispute, event: AddressGiven, header: Header) -> Changes:
    returned = dispute.returned - {"seller"}
    changes: Changes = {"clock": event.clock, "address_asked": False, "returned": returned}
    return changes | {"last_called": False, "served_at": None}


def _evidence_added(dispute: Dispute, event: EvidenceAdded, header: Header) -> Changes:
    item = EvidenceItem(event.item, event.side, event.media, event.size, event.notes, header.at, header.version)
    # What came in last can still be answered by who had finished before it came.
    changes: Changes = {
        "evidence": (*dispute.evidence, item),
        "complete": dispute.complete - {other_side(event.side)},
        "final_words": dispute.final_words - {other_side(event.side)},
    }
    return changes


def _upload_refused(dispute: Dispute, event: UploadRefused, header: Header) -> Changes:
    return {"turned_away": (*dispute.turned_away, event.side)}


def _message_sent(dispute: Dispute, event: MessageSent, header: Header) -> Changes:
    return {"messages": (*dispute.messages, event.side)}


def _nothing(dispute: Dispute, event: Event, header: Header) -> Changes:
    return {}


def _evidence_completed(dispute: Dispute, event: EvidenceCompleted, header: Header) -> Changes:
    return {"complete": dispute.complete | {event.side}}


def _negotiation_opened(dispute: Dispute, event: NegotiationOpened, header: Header) -> Changes:
    return {"phase": Phase.NEGOTIATION, "clock": event.clock}


def _offer_made(dispute: Dispute, event: OfferMade, header: Header) -> Changes:
    offer = Offer(
        number=event.offer,
        side=event.side,
        terms=event.terms,
        perform_days=event.perform_days,
        expires=event.expires,
        state="open",
        at=header.at,
        version=header.version,
        seal=header.seal,
    )
    return {"offers": (*_offers_with(dispute, "replaced"), offer)}


def _offers_with(dispute: Dispute, state: str) -> tuple[Offer, ...]:
    """All offers, the open one (always the last, if any) in its new state."""
    if not dispute.open_offer:
        return dispute.offers
    return (*dispute.offers[:-1], replace(dispute.offers[-1], state=state))


def _offer_withdrawn(dispute: Dispute, event: OfferWithdrawn, header: Header) -> Changes:
    return {"offers": _offers_with(dispute, "withdrawn")}


def _offer_rejected(dispute: Dispute, event: OfferRejected, header: Header) -> Changes:
    return {"offers": _offers_with(dispute, "rejected")}


def _offer_lapsed(dispute: Dispute, event: OfferLapsed, header: Header) -> Changes:
    return {"offers": _offers_with(dispute, "lapsed")}


def _offer_accepted(dispute: Dispute, event: OfferAccepted, header: Header) -> Changes:
    return {"offers": _offers_with(dispute, "accepted")}


def _negotiation_ended(dispute: Dispute, event: NegotiationEnded, header: Header) -> Changes:
    return {"phase": Phase.ASSIGNMENT, "clock": event.clock, "offers": _offers_with(dispute, "ended")}


def _pool_committed(dispute: Dispute, event: PoolCommitted, header: Header) -> Changes:
    return {"draw": Draw(event.pool, header.version, header.seal)}


def _mediator_drawn(dispute: Dispute, event: MediatorDrawn, header: Header) -> Changes:
    draw = dispute.draw and replace(dispute.draw, size=event.size, root=event.root, place=event.place)
    return {
        "draw": draw,
        "mediator": event.mediator,
        "appointed": False,
        "met": (*dispute.met, event.mediator),
        "unopposed": frozenset(),
        # A challenge is of one mediator; the next one has not been challenged yet.
        "challenged": frozenset(),
        "clock": event.clock,
    }


def _mediator_accepted(dispute: Dispute, event: MediatorAccepted, header: Header) -> Changes:
    return {"appointed": True, "clock": event.clock}


def _mediator_released(dispute: Dispute, event: MediatorReleased, header: Header) -> Changes:
    changes: Changes = {"phase": Phase.ASSIGNMENT, "mediator": "", "appointed": False, "challenge": None}
    if event.reason == "objection" and event.side:
        changes["objected"] = dispute.objected | {event.side}
    if event.reason == "fresh_decider":
        changes["fresh_decider"] = True
    # Whoever comes next hears both sides' final words.
    changes |= {"final_words": frozenset(), "file_closed_at": None, "proposals": _proposals_with(dispute, "ended")}
    return changes | ({"draw": None, "clock": event.clock} if event.clock else {})


def _objection_waived(dispute: Dispute, event: ObjectionWaived, header: Header) -> Changes:
    return {"unopposed": dispute.unopposed | {event.side}}


def _challenge_made(dispute: Dispute, event: ChallengeMade, header: Header) -> Changes:
    challenge = Challenge(event.side, event.ground, event.clock, header.version)
    return {"challenge": challenge, "challenged": dispute.challenged | {event.side}}


def _challenge_overdue(dispute: Dispute, event: ChallengeOverdue, header: Header) -> Changes:
    return {"challenge": dispute.challenge and replace(dispute.challenge, clock=event.clock)}


def _challenge_decided(dispute: Dispute, event: ChallengeDecided, header: Header) -> Changes:
    return {"challenge": None}


def _mediation_opened(dispute: Dispute, event: MediationOpened, header: Header) -> Changes:
    return {"phase": Phase.MEDIATION, "clock": event.clock, "mediated_by": dispute.mediator}


def _evidence_requested(dispute: Dispute, event: EvidenceRequested, header: Header) -> Changes:
    changes: Changes = {"requests": (*dispute.requests, Request(event.side, event.due, header.at, header.version))}
    return changes | ({"clock": event.clock} if event.clock else {})


def _late_admitted(dispute: Dispute, event: LateEvidenceAdmitted, header: Header) -> Changes:
    return {"admitted_late": dispute.admitted_late | {event.item}}


def _proposal_made(dispute: Dispute, event: ProposalMade, header: Header) -> Changes:
    proposal = Proposal(
        number=event.proposal,
        terms=event.terms,
        perform_days=event.perform_days,
        state="open",
        accepted_by=frozenset(),
        at=header.at,
        version=header.version,
        seal=header.seal,
    )
    return {"proposals": (*_proposals_with(dispute, "replaced"), proposal)}


def _proposals_with(dispute: Dispute, state: str) -> tuple[Proposal, ...]:
    """All proposals, the open one (always the last, if any) in its new state."""
    if not dispute.open_proposal:
        return dispute.proposals
    return (*dispute.proposals[:-1], replace(dispute.proposals[-1], state=state))


def _proposal_answered(dispute: Dispute, event: ProposalAnswered, header: Header) -> Changes:
    if not event.accepts:
        return {"proposals": _proposals_with(dispute, "rejected")}
    if not dispute.open_proposal:
        return {}
    agreed = dispute.open_proposal.accepted_by | {event.side}
    state = "accepted" if len(agreed) == len(SIDES) else "open"
    answered = replace(dispute.open_proposal, accepted_by=agreed, state=state)
    return {"proposals": (*dispute.proposals[:-1], answered)}


def _mediation_ended(dispute: Dispute, event: MediationEnded, header: Header) -> Changes:
    return {"mediation_ended_at": header.at, "proposals": _proposals_with(dispute, "ended")}


def _decision_opened(dispute: Dispute, event: DecisionOpened, header: Header) -> Changes:
    return {"phase": Phase.DECISION, "clock": event.clock, "final_words": frozenset()}


def _final_words_given(dispute: Dispute, event: FinalWordsGiven, header: Header) -> Changes:
    return {"final_words": dispute.final_words | {event.side}}


def _file_closed(dispute: Dispute, event: FileClosed, header: Header) -> Changes:
    return {"clock": event.clock, "file_closed_at": header.at}


def _decision_issued(dispute: Dispute, event: DecisionIssued, header: Header) -> Changes:
    decision = Decision(
        mediator=dispute.mediator,
        outcome=event.outcome,
        terms=event.terms,
        costs=event.costs,
        basis=event.basis,
        findings=event.findings,
        perform_by=event.perform_by,
        at=header.at,
        version=header.version,
        seal=header.seal,
    )
    return {"phase": Phase.DECIDED, "clock": event.clock, "decision": decision}


def _decision_answered(dispute: Dispute, event: DecisionAnswered, header: Header) -> Changes:
    return {"decision": dispute.decision and dispute.decision.answered(event.side, event.accepts)}


def _agreement_reached(dispute: Dispute, event: AgreementReached, header: Header) -> Changes:
    agreement = Agreement(event.how, event.terms, event.perform_by, header.version, header.seal, header.at)
    # Who agreed has nobody decide any more, so that it does not matter whether the mediator was free to.
    return {"phase": Phase.SETTLED, "clock": event.clock, "agreement": agreement, "challenge": None}


def _settlement_signed(dispute: Dispute, event: SettlementSigned, header: Header) -> Changes:
    return {"signed": dispute.signed | {event.side}}


def _direct_stated(dispute: Dispute, event: DirectSettlementStated, header: Header) -> Changes:
    return {"settled_directly_by": event.side}


def _direct_denied(dispute: Dispute, event: DirectSettlementDenied, header: Header) -> Changes:
    return {"settled_directly_by": None}


def _closed(dispute: Dispute, event: DisputeClosed, header: Header) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "clock": event.clock,
        "code": event.code,
        "compliance": event.compliance,
        "performance_due": event.clock.due if event.clock else None,
        "suspension": None,
        "closed_at": header.at,
        "over_at": header.at if event.compliance == "none" else None,
        "offers": _offers_with(dispute, "ended"),
        "proposals": _proposals_with(dispute, "ended"),
        "challenge": None,
    }


def _performance_reported(dispute: Dispute, event: PerformanceReported, header: Header) -> Changes:
    return {"compliance": "performed", "performed_at": header.at, "clock": event.clock}


def _compliance_ended(dispute: Dispute, event: PerformanceConfirmed | ComplianceEnded, header: Header) -> Changes:
    return {"compliance": event.result, "clock": None, "over_at": header.at}


def _performance_denied(dispute: Dispute, event: PerformanceDenied, header: Header) -> Changes:
    # Once made good, as the seller says, and denied again, it is for a registrar to look at the proof.
    return {"compliance": "checking" if dispute.denied else "disputed", "denied": True, "clock": event.clock}


def _rated(dispute: Dispute, event: BuyerRated | SellerRated, header: Header) -> Changes:
    return {"rated": dispute.rated | {event.reach}}


def _extension_asked(dispute: Dispute, event: ExtensionAsked, header: Header) -> Changes:
    return {"extension_asked_by": event.side}


def _extension_granted(dispute: Dispute, event: ExtensionGranted, header: Header) -> Changes:
    return {"clock": event.clock, "extended": dispute.extended | {event.clock.step}}


def _suspension_asked(dispute: Dispute, event: SuspensionAsked, header: Header) -> Changes:
    return {"suspension_asked_by": event.side}


def _suspended(dispute: Dispute, event: DisputeSuspended, header: Header) -> Changes:
    clock = dispute.clock
    return {
        "suspension": Suspension(event.ground, event.by, event.side, header.at, event.until, clock, header.at),
        "suspension_asked_by": None,
        # Mail that came back is nobody's request and is not counted as one.
        "times_suspended": dispute.times_suspended + (event.by != "system"),
        "held_for_mail": dispute.held_for_mail | ({(event.side, clock.step)} if clock and event.side else set()),
        "clock": None,
    }


def _resumed(dispute: Dispute, event: DisputeResumed, header: Header) -> Changes:
    asked = zip(dispute.requests, event.requests, strict=True)
    changes: Changes = {
        "suspension": None,
        "clock": event.clock,
        "returned": frozenset(),
        "requests": tuple(replace(request, due=due) for request, due in asked),
    }
    if dispute.challenge and event.challenge:
        changes["challenge"] = replace(dispute.challenge, clock=event.challenge)
    return changes


def _mandate_given(dispute: Dispute, event: MandateGiven, header: Header) -> Changes:
    given = Mandate(event.representative, event.side, event.scope, event.until, header.at, header.version)
    return {"mandates": (*dispute.mandates, given)}


def _mandate_taken_up(dispute: Dispute, event: MandateTakenUp, header: Header) -> Changes:
    return {"mandates": _mandates_with(dispute, event.representative, taken_up_at=header.at)}


def _mandate_ended(dispute: Dispute, event: MandateEnded, header: Header) -> Changes:
    return {"mandates": _mandates_with(dispute, event.representative, ended_at=header.at)}


def _mandates_with(dispute: Dispute, representative: str, **changes: Any) -> tuple[Mandate, ...]:
    """All mandates, that of this representative as it is now."""
    return tuple(
        replace(each, **changes) if each.representative == representative else each for each in dispute.mandates
    )


def _hold_placed(dispute: Dispute, event: HoldPlaced, header: Header) -> Changes:
    return {"holds": (*dispute.holds, Hold(header.version, event.ground, header.at))}


def _hold_lifted(dispute: Dispute, event: HoldLifted, header: Header) -> Changes:
    return {"holds": tuple(hold for hold in dispute.holds if hold.version != event.hold)}


def _erasure_ordered(dispute: Dispute, event: ErasureOrdered, header: Header) -> Changes:
    return {"erasures": (*dispute.erasures, Erasure(header.version, event.ground, event.targets))}


def _words_erased(dispute: Dispute, event: WordsErased, header: Header) -> Changes:
    return {
        "erasures": tuple(
            replace(each, done=header.version, done_at=header.at) if each.version == event.ordered else each
            for each in dispute.erasures
        )
    }


_CONSEQUENCES: dict[type[Event], Callable[[Dispute, Any, Header], Changes]] = {
    DisputeFiled: _filed,
    InformationAsked: _information_asked,
    InformationGiven: _information_given,
    FilingAdmitted: _admitted,
    FilingRefused: _refused,
    RefusalReviewAsked: _review_asked,
    AdmissionOverdue: _overdue,
    SellerJoined: _seller_joined,
    OrderProven: _order_proven,
    ReplyGiven: _reply_given,
    ScopeObjectionDismissed: _scope_dismissed,
    LastCallMade: _last_call_made,
    SellerSilent: _seller_silent,
    DefaultTrackEnded: _to_assignment,
    NoticeSent: _notice_sent,
    NoticeReturned: _notice_returned,
    AddressGiven: _address_given,
    EvidenceAdded: _evidence_added,
    UploadRefused: _upload_refused,
    EvidenceCompleted: _evidence_completed,
    RebuttalOpened: _clock_only,
    NegotiationOpened: _negotiation_opened,
    MessageSent: _message_sent,
    WalledMessageSent: _message_sent,
    OfferMade: _offer_made,
    OfferWithdrawn: _offer_withdrawn,
    OfferRejected: _offer_rejected,
    OfferLapsed: _offer_lapsed,
    OfferAccepted: _offer_accepted,
    NegotiationEnded: _negotiation_ended,
    PoolCommitted: _pool_committed,
    MediatorDrawn: _mediator_drawn,
    DrawOverdue: _clock_only,
    MediatorAccepted: _mediator_accepted,
    MediatorReleased: _mediator_released,
    ObjectionWaived: _objection_waived,
    ChallengeMade: _challenge_made,
    ChallengeOverdue: _challenge_overdue,
    ChallengeDecided: _challenge_decided,
    MediationOpened: _mediation_opened,
    MediationMessageSent: _message_sent,
    EvidenceRequested: _evidence_requested,
    LateEvidenceAdmitted: _late_admitted,
    ProposalMade: _proposal_made,
    ProposalAnswered: _proposal_answered,
    MediationEnded: _mediation_ended,
    DecisionOpened: _decision_opened,
    FinalWordsGiven: _final_words_given,
    FileClosed: _file_closed,
    DecisionOverdue: _clock_only,
    DecisionIssued: _decision_issued,
    DecisionAnswered: _decision_answered,
    AgreementReached: _agreement_reached,
    SettlementSigned: _settlement_signed,
    DirectSettlementStated: _direct_stated,
    DirectSettlementDenied: _direct_denied,
    DisputeWithdrawn: _nothing,
    DisputeClosed: _closed,
    DisputeHandedOver: _nothing,
    PerformanceReported: _performance_reported,
    ConfirmationAsked: _clock_only,
    PerformanceConfirmed: _compliance_ended,
    PerformanceDenied: _performance_denied,
    ComplianceEnded: _compliance_ended,
    BuyerRated: _rated,
    SellerRated: _rated,
    ExtensionAsked: _extension_asked,
    ExtensionGranted: _extension_granted,
    SuspensionAsked: _suspension_asked,
    DisputeSuspended: _suspended,
    DisputeResumed: _resumed,
    MandateGiven: _mandate_given,
    MandateTakenUp: _mandate_taken_up,
    MandateEnded: _mandate_ended,
    HoldPlaced: _hold_placed,
    HoldLifted: _hold_lifted,
    ErasureOrdered: _erasure_ordered,
    WordsErased: _words_erased,
}
