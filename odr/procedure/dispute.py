"""The state of a dispute: folded from its facts and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from odr.kernel import Money, totals
from odr.procedure.events import (
    AdmissionOverdue,
    AgreementReached,
    ClaimItem,
    Deadline,
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
    Term,
    UploadRefused,
    WalledMessageSent,
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
    DEFAULT_TRACK = "default_track"
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

    @property
    def totals(self) -> dict[str, Money]:
        return totals([term.amount for term in self.terms if term.granted and term.amount])


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
    reply: str | None = None
    replied_at: int | None = None
    scope_objected: bool = False
    objected_once: bool = False
    evidence: tuple[EvidenceItem, ...] = ()
    complete: frozenset[str] = frozenset()
    offers: tuple[Offer, ...] = ()
    agreement: Agreement | None = None
    signed: frozenset[str] = frozenset()
    settled_directly_by: str | None = None
    code: str | None = None
    compliance: str | None = None
    closed_at: int | None = None

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
    def open_offer(self) -> Offer | None:
        """The one offer that can be answered now (procedure 3.7: one open offer per dispute)."""
        return self.offers[-1] if self.offers and self.offers[-1].state == "open" else None

    @property
    def claimed(self) -> dict[str, Money]:
        return totals([item.amount for item in self.items if item.amount])

    @property
    def next_due(self) -> int | None:
        """The earliest instant at which something happens by itself."""
        instants = [self.clock.due] if self.clock else []
        if self.open_offer:
            instants.append(self.open_offer.expires)
        return min(instants, default=None)

    @property
    def awaited(self) -> str | None:
        """Whose act is awaited: buyer, seller, registrar or both. Of a time that both sides hold, the side that has
        not yet done its part; None when no time runs."""
        if self.clock is None or self.clock.holder != "both":
            return self.clock.holder if self.clock else None
        if self.clock.step == "negotiation" and self.open_offer:
            return other_side(self.open_offer.side)
        done = {"evidence": self.complete, "sign": self.signed}.get(self.clock.step, frozenset())
        left = [side for side in SIDES if side not in done]
        return left[0] if len(left) == 1 else "both"

    def side_of(self, actor_id: str) -> str | None:
        return {self.buyer: "buyer", self.seller: "seller"}.get(actor_id) if actor_id else None


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
    if "clock" in changes:
        # What was asked for was more time in the step before.
        changes["extension_asked_by"] = None
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
    return {"seller_joined": True}


def _reply_given(dispute: Dispute, event: ReplyGiven, header: Header) -> Changes:
    changes: Changes = {"reply": event.choice, "replied_at": header.at}
    if event.choice == "object":
        return changes | {"scope_objected": True, "objected_once": True, "clock": event.clock}
    if event.choice in ("offer", "contest"):
        return changes | {"phase": Phase.EVIDENCE, "clock": event.clock}
    return changes


def _scope_dismissed(dispute: Dispute, event: ScopeObjectionDismissed, header: Header) -> Changes:
    return {"clock": event.clock, "scope_objected": False, "reply": None, "replied_at": None}


def _clock_only(dispute: Dispute, event: LastCallMade | RebuttalOpened, header: Header) -> Changes:
    return {"clock": event.clock}


def _seller_silent(dispute: Dispute, event: SellerSilent, header: Header) -> Changes:
    return {"phase": Phase.DEFAULT_TRACK, "clock": None}


def _evidence_added(dispute: Dispute, event: EvidenceAdded, header: Header) -> Changes:
    item = EvidenceItem(event.item, event.side, event.media, event.size, event.notes, header.at, header.version)
    return {"evidence": (*dispute.evidence, item)}


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
    return {"phase": Phase.ASSIGNMENT, "clock": None, "offers": _offers_with(dispute, "ended")}


def _agreement_reached(dispute: Dispute, event: AgreementReached, header: Header) -> Changes:
    agreement = Agreement(event.how, event.terms, event.perform_by, header.version, header.seal)
    return {"phase": Phase.SETTLED, "clock": event.clock, "agreement": agreement}


def _settlement_signed(dispute: Dispute, event: SettlementSigned, header: Header) -> Changes:
    return {"signed": dispute.signed | {event.side}}


def _direct_stated(dispute: Dispute, event: DirectSettlementStated, header: Header) -> Changes:
    return {"settled_directly_by": event.side}


def _direct_denied(dispute: Dispute, event: DirectSettlementDenied, header: Header) -> Changes:
    return {"settled_directly_by": None}


def _closed(dispute: Dispute, event: DisputeClosed, header: Header) -> Changes:
    return {
        "phase": Phase.CLOSED,
        "clock": None,
        "code": event.code,
        "compliance": event.compliance,
        "closed_at": header.at,
        "offers": _offers_with(dispute, "ended"),
    }


def _extension_asked(dispute: Dispute, event: ExtensionAsked, header: Header) -> Changes:
    return {"extension_asked_by": event.side}


def _extension_granted(dispute: Dispute, event: ExtensionGranted, header: Header) -> Changes:
    return {"clock": event.clock, "extended": dispute.extended | {event.clock.step}}


_CONSEQUENCES: dict[type[Event], Callable[[Dispute, Any, Header], Changes]] = {
    DisputeFiled: _filed,
    InformationAsked: _information_asked,
    InformationGiven: _information_given,
    FilingAdmitted: _admitted,
    FilingRefused: _refused,
    RefusalReviewAsked: _review_asked,
    AdmissionOverdue: _overdue,
    SellerJoined: _seller_joined,
    ReplyGiven: _reply_given,
    ScopeObjectionDismissed: _scope_dismissed,
    LastCallMade: _clock_only,
    SellerSilent: _seller_silent,
    EvidenceAdded: _evidence_added,
    UploadRefused: _nothing,
    EvidenceCompleted: _evidence_completed,
    RebuttalOpened: _clock_only,
    NegotiationOpened: _negotiation_opened,
    MessageSent: _nothing,
    WalledMessageSent: _nothing,
    OfferMade: _offer_made,
    OfferWithdrawn: _offer_withdrawn,
    OfferRejected: _offer_rejected,
    OfferLapsed: _offer_lapsed,
    OfferAccepted: _offer_accepted,
    NegotiationEnded: _negotiation_ended,
    AgreementReached: _agreement_reached,
    SettlementSigned: _settlement_signed,
    DirectSettlementStated: _direct_stated,
    DirectSettlementDenied: _direct_denied,
    DisputeWithdrawn: _nothing,
    DisputeClosed: _closed,
    ExtensionAsked: _extension_asked,
    ExtensionGranted: _extension_granted,
}
