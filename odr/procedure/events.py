"""The facts of a dispute: every event that can stand in its stream, each with the class of readers it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import ClassVar

from odr.kernel import Money

NO_WORDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant computed once and logged with the rule that gave it.

    `step` names the step of the ruleset, `holder` whose time it is, `due` the first millisecond (UTC) that is too
    late, `rule` the ruleset, length and calendar it was computed with, in machine words.
    """

    step: str
    holder: str
    due: int
    rule: str


@dataclass(frozen=True, slots=True)
class ClaimItem:
    """One thing the buyer asks for: a remedy of the ruleset's list and, where it is about money, how much."""

    remedy: str
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """What an offer gives on one claim item (by its place, 0 = first): yes or no, and how much."""

    item: int
    granted: bool
    amount: Money | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """A fact. `words` are the personal texts said with it: they go to the sealed payloads, never into the entry,
    and what a dispute becomes never depends on them (they can be erased)."""

    reach: ClassVar[str] = "parties"

    words: Mapping[str, str] = field(default_factory=lambda: NO_WORDS, compare=False)


# -- filing and admission (procedure 3.2: screening, needs_information, refused) ------------------------------


@dataclass(frozen=True, kw_only=True)
class DisputeFiled(Event):
    """The buyer filed. Words: narrative, order, buyer, seller (the last three as JSON objects)."""

    number: str
    ruleset: str
    ruleset_digest: str
    buyer: str
    seller: str
    buyer_country: str
    seller_country: str
    buyer_language: str
    seller_language: str
    category: str
    items: tuple[ClaimItem, ...]
    paid: Money
    ordered_on: str
    contacted_on: str
    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class InformationAsked(Event):
    """The registrar asks the buyer to complete the filing. Words: text."""

    topics: tuple[str, ...]
    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class InformationGiven(Event):
    """The buyer completed the filing. Words: text."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class FilingAdmitted(Event):
    """The registrar admits the filing; the notice goes to the seller and the seller's time begins."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class FilingRefused(Event):
    """The registrar refuses on a ground of the closed list (Directive 2013/11/EU, Art. 5(4)). Words: text."""

    ground: str
    clock: Deadline | None


@dataclass(frozen=True, kw_only=True)
class RefusalReviewAsked(Event):
    """The buyer asks another registrar to look at the refusal. Words: text."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class AdmissionOverdue(Event):
    """The registrar's time ran out: the lateness is counted and a last date is set."""

    clock: Deadline


# -- the seller's answer (procedure 3.2: awaiting_response) ---------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class SellerJoined(Event):
    """Somebody came by the invitation and said to act for the seller. `proof` is the level of identity."""

    proof: str


@dataclass(frozen=True, kw_only=True)
class ReplyGiven(Event):
    """The seller's answer to the claim. Words: text."""

    choice: str
    clock: Deadline | None


@dataclass(frozen=True, kw_only=True)
class ScopeObjectionDismissed(Event):
    """The registrar keeps the dispute; the seller's time begins anew. Words: text."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class LastCallMade(Event):
    """The seller's time ran out; a last call goes out before the default track begins."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class SellerSilent(Event):
    """The seller never answered: the dispute takes the default track, decided on the papers, never won by itself."""


# -- evidence -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class EvidenceAdded(Event):
    """A file came into the dispute; `notes` are codes of what its readers should know, such as "locked" (a password
    is needed). Words: name, about, file (object id, digest and length as JSON)."""

    side: str
    item: int
    media: str
    size: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UploadRefused(Event):
    """A file was turned away; the attempt is kept, the file is not."""

    side: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EvidenceCompleted(Event):
    """One side says that its file is complete."""

    side: str


@dataclass(frozen=True, kw_only=True)
class RebuttalOpened(Event):
    """Something new came in late: a short time more, to answer it."""

    clock: Deadline


# -- negotiation ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class NegotiationOpened(Event):
    """The exchange of evidence is over; from here on messages are walled off from whoever decides."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class MessageSent(Event):
    """A message between the parties before the negotiation: part of the file. Words: text."""

    side: str


@dataclass(frozen=True, kw_only=True)
class WalledMessageSent(MessageSent):
    """A message within the negotiation: out of reach of whoever decides. Words: text."""

    reach: ClassVar[str] = "wall"


@dataclass(frozen=True, kw_only=True)
class OfferMade(Event):
    """An offer, item by item. It replaces an open one (`replaces`), as in contract law. Words: text."""

    reach: ClassVar[str] = "wall"
    side: str
    offer: int
    terms: tuple[Term, ...]
    perform_days: int
    expires: int
    replaces: int | None


@dataclass(frozen=True, kw_only=True)
class OfferWithdrawn(Event):
    """The side that made the open offer took it back."""

    reach: ClassVar[str] = "wall"
    side: str
    offer: int


@dataclass(frozen=True, kw_only=True)
class OfferRejected(Event):
    """The other side said no to the open offer."""

    reach: ClassVar[str] = "wall"
    side: str
    offer: int


@dataclass(frozen=True, kw_only=True)
class OfferLapsed(Event):
    """The open offer reached its own end without an answer."""

    reach: ClassVar[str] = "wall"
    offer: int


@dataclass(frozen=True, kw_only=True)
class OfferAccepted(Event):
    """The other side said yes to exactly what it saw: `seen` is the leaf hash of the offer's entry."""

    reach: ClassVar[str] = "wall"
    side: str
    offer: int
    seen: str


@dataclass(frozen=True, kw_only=True)
class NegotiationEnded(Event):
    """The negotiation is over without agreement, because a side left it ("buyer", "seller") or its time ("clock")."""

    by: str


# -- agreement and end ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AgreementReached(Event):
    """The parties agree on these terms; both are now asked to sign this very entry. `how` becomes the closing code."""

    how: str
    terms: tuple[Term, ...]
    perform_by: int
    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class SettlementSigned(Event):
    """A side signed the agreement; `seen` is the leaf hash of the agreement's entry."""

    side: str
    seen: str


@dataclass(frozen=True, kw_only=True)
class DirectSettlementStated(Event):
    """A side says that both settled outside. The buyer's word ends the dispute; the seller's waits for the buyer's.
    Words: text (what was delivered)."""

    side: str


@dataclass(frozen=True, kw_only=True)
class DirectSettlementDenied(Event):
    """The buyer says that nothing was settled outside."""

    side: str


@dataclass(frozen=True, kw_only=True)
class DisputeWithdrawn(Event):
    """The buyer withdrew the dispute. Words: text."""


@dataclass(frozen=True, kw_only=True)
class DisputeClosed(Event):
    """The end, with its closing code; `compliance` is the separate word on what was promised: none or due."""

    code: str
    compliance: str


# -- time -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ExtensionAsked(Event):
    """A side asks the other for more time in the present step. Words: text."""

    side: str
    step: str


@dataclass(frozen=True, kw_only=True)
class ExtensionGranted(Event):
    """More time in this step, once, by consent of both sides ("parties") or by the "registrar". Words: text."""

    by: str
    clock: Deadline


EVENTS: dict[str, type[Event]] = {
    "dispute_filed": DisputeFiled,
    "information_asked": InformationAsked,
    "information_given": InformationGiven,
    "filing_admitted": FilingAdmitted,
    "filing_refused": FilingRefused,
    "refusal_review_asked": RefusalReviewAsked,
    "admission_overdue": AdmissionOverdue,
    "seller_joined": SellerJoined,
    "reply_given": ReplyGiven,
    "scope_objection_dismissed": ScopeObjectionDismissed,
    "last_call_made": LastCallMade,
    "seller_silent": SellerSilent,
    "evidence_added": EvidenceAdded,
    "upload_refused": UploadRefused,
    "evidence_completed": EvidenceCompleted,
    "rebuttal_opened": RebuttalOpened,
    "negotiation_opened": NegotiationOpened,
    "message_sent": MessageSent,
    "walled_message_sent": WalledMessageSent,
    "offer_made": OfferMade,
    "offer_withdrawn": OfferWithdrawn,
    "offer_rejected": OfferRejected,
    "offer_lapsed": OfferLapsed,
    "offer_accepted": OfferAccepted,
    "negotiation_ended": NegotiationEnded,
    "agreement_reached": AgreementReached,
    "settlement_signed": SettlementSigned,
    "direct_settlement_stated": DirectSettlementStated,
    "direct_settlement_denied": DirectSettlementDenied,
    "dispute_withdrawn": DisputeWithdrawn,
    "dispute_closed": DisputeClosed,
    "extension_asked": ExtensionAsked,
    "extension_granted": ExtensionGranted,
}

TYPES: dict[type[Event], str] = {kind: name for name, kind in EVENTS.items()}

# Which fields of each event go into the entry: all but the words.
FACT_FIELDS: dict[type[Event], tuple[str, ...]] = {
    kind: tuple(part.name for part in fields(kind) if part.name != "words") for kind in EVENTS.values()
}
