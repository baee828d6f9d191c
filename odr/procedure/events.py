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


@dataclass(frozen=True, slots=True)
class Finding:
    """What a decision finds on one point, by what it rests on: numbers of evidence items, 0 for what both sides say in
    the filing and the reply. Its words are `finding_1`, `finding_2` … of the decision."""

    cites: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Words that are to be destroyed: the version of their entry and the names it commits to them by."""

    ver: int
    names: tuple[str, ...]


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
class OrderProven(Event):
    """It is known that there was this order, by the `method`: the word of the "seller"."""

    method: str


@dataclass(frozen=True, kw_only=True)
class ReplyGiven(Event):
    """The seller's answer to the claim. Words: text, consent."""

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
    """The seller never answered: the dispute takes the default track, decided on the papers, never won by itself. The
    buyer has time to prove the claim; the seller may still join."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class DefaultTrackEnded(Event):
    """The buyer's time to prove the claim is over; somebody is drawn to decide."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class NoticeSent(Event):
    """A notice that begins or carries a time limit of this side left the house by mail: service that can be proved."""

    side: str
    template: str


@dataclass(frozen=True, kw_only=True)
class NoticeReturned(Event):
    """Mail to this side was refused or came back. With a `clock` the buyer is asked for another address of the seller;
    the seller's time stands still, since it never runs against somebody who was not reached."""

    side: str
    template: str
    clock: Deadline | None


@dataclass(frozen=True, kw_only=True)
class AddressGiven(Event):
    """The buyer named another address of the seller; the notice goes out again and the time to reply begins anew.
    Words: seller (as in the filing, a JSON object)."""

    clock: Deadline


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
    """The other side said yes to exactly what it saw: `seen` is the leaf hash of the offer's entry. Words: consent."""

    reach: ClassVar[str] = "wall"
    side: str
    offer: int
    seen: str


@dataclass(frozen=True, kw_only=True)
class NegotiationEnded(Event):
    """The negotiation is over without agreement, because a side left it ("buyer", "seller") or its time ("clock")."""

    by: str
    clock: Deadline


# -- appointment of a mediator --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PoolCommitted(Event):
    """From these mediators, named by their stable ids in the order of the ids, one will be drawn by `rule`. The first
    checkpoint signed over this entry seeds the draw, so nobody knows its result when the pool is fixed."""

    reach: ClassVar[str] = "public"
    pool: tuple[str, ...]
    rule: str


@dataclass(frozen=True, kw_only=True)
class MediatorDrawn(Event):
    """Who came out of the draw: the one at `place` of the order that the pool and the checkpoint of `size` and `root`
    give. Later places follow when an earlier one is released."""

    reach: ClassVar[str] = "public"
    mediator: str
    place: int
    size: int
    root: str
    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class DrawOverdue(Event):
    """Nobody could be drawn in time: counted, and a registrar is asked to see to the roster."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class MediatorAccepted(Event):
    """The drawn mediator accepts and declares to be free of each of these ties; the time for objections begins, where
    somebody still has one. Words: text."""

    declared: tuple[str, ...]
    clock: Deadline | None


@dataclass(frozen=True, kw_only=True)
class MediatorReleased(Event):
    """The mediator leaves the dispute, for a `reason` of the closed list: declined, missed, objection, challenge,
    resigned, late, fresh_decider. `side` asked for it, if one did. With a `clock` nobody is left in the pool and a new
    draw begins. Words: text."""

    mediator: str
    reason: str
    side: str | None
    clock: Deadline | None


@dataclass(frozen=True, kw_only=True)
class ObjectionWaived(Event):
    """A side has no objection to the drawn mediator."""

    side: str


@dataclass(frozen=True, kw_only=True)
class ChallengeMade(Event):
    """A side challenges the mediator on a ground of the closed list; a registrar decides, the dispute goes on.
    Words: text."""

    side: str
    ground: str
    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class ChallengeOverdue(Event):
    """The challenge was not decided in time: counted, with a new last date."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class ChallengeDecided(Event):
    """The registrar decided on the challenge. Words: text."""

    upheld: bool


# -- mediation ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MediationOpened(Event):
    """The mediator begins to mediate."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class MediationMessageSent(MessageSent):
    """A message within the mediation, by a side or the mediator: out of reach of a fresh decider. Words: text."""

    reach: ClassVar[str] = "mediator"


@dataclass(frozen=True, kw_only=True)
class EvidenceRequested(Event):
    """The mediator asks a side for evidence by an instant; what does not come may count against it. With a `clock` the
    file stays open so much longer. Words: text."""

    side: str
    due: int
    clock: Deadline | None


@dataclass(frozen=True, kw_only=True)
class LateEvidenceAdmitted(Event):
    """The mediator admits an item that came after its time. Words: text (the reason)."""

    item: int


@dataclass(frozen=True, kw_only=True)
class ProposalMade(Event):
    """The mediator proposes a settlement, item by item; it replaces an earlier proposal. Words: text."""

    reach: ClassVar[str] = "mediator"
    proposal: int
    terms: tuple[Term, ...]
    perform_days: int


@dataclass(frozen=True, kw_only=True)
class ProposalAnswered(Event):
    """A side's answer to the proposal it saw: `seen` is the leaf hash of the proposal's entry. Words: consent."""

    reach: ClassVar[str] = "mediator"
    side: str
    proposal: int
    accepts: bool
    seen: str


@dataclass(frozen=True, kw_only=True)
class MediationEnded(Event):
    """The mediation is over without agreement, by the mediator's word ("mediator") or its time ("clock")."""

    by: str


# -- decision -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DecisionOpened(Event):
    """Both sides may give their final words; then the file is closed."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class FinalWordsGiven(Event):
    """A side's final words; without words the side has nothing to add. Words: text."""

    side: str


@dataclass(frozen=True, kw_only=True)
class FileClosed(Event):
    """Nothing more can be added to the file; the mediator's time to decide begins."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class DecisionOverdue(Event):
    """The decision is late: counted; the mediator is replaced when the added time is over too."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class DecisionIssued(Event):
    """The decision: each claimed item granted or refused, the costs beside them, on which basis, what each finding
    rests on, and until when it is to be carried out. Words: reasons, finding_1 (and one for each further finding),
    consent."""

    outcome: str
    terms: tuple[Term, ...]
    costs: Money | None
    basis: str
    findings: tuple[Finding, ...]
    perform_by: int
    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class DecisionAnswered(Event):
    """A side accepts or rejects the decision it saw: `seen` is the leaf hash of its entry. Words: consent."""

    side: str
    accepts: bool
    seen: str


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
    """A side signed the agreement; `seen` is the leaf hash of the agreement's entry. Words: consent."""

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
    """The end, with its closing code; `compliance` is the separate word on what was promised or granted: none, or due
    within the time of `clock`."""

    code: str
    compliance: str
    clock: Deadline | None


@dataclass(frozen=True, kw_only=True)
class DisputeHandedOver(Event):
    """A court or another body has the dispute now, as a registrar records with a `reason` of the closed list.
    Words: text."""

    reason: str


# -- what was promised or granted -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PerformanceReported(Event):
    """The seller says that it is done. Words: text."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class ConfirmationAsked(Event):
    """The time to perform is over and the seller said nothing; the buyer is asked whether it was done."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class PerformanceConfirmed(Event):
    """The buyer confirms that it was done: `result` is honoured, or late."""

    result: str


@dataclass(frozen=True, kw_only=True)
class PerformanceDenied(Event):
    """The buyer says that it was not done. The seller has time to make good; where the seller has already said to have
    done so, a registrar looks at the proof. Words: text."""

    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class ComplianceEnded(Event):
    """The last word on what was promised: honoured, late, not_honoured or unknown, by the "registrar" or by the
    "clock". Words: text."""

    result: str
    by: str


@dataclass(frozen=True, kw_only=True)
class BuyerRated(Event):
    """The buyer's grade for the procedure, 1 to 5. The other side never reads it; it is counted only with others."""

    reach: ClassVar[str] = "buyer"
    score: int


@dataclass(frozen=True, kw_only=True)
class SellerRated(Event):
    """The seller's grade for the procedure, 1 to 5."""

    reach: ClassVar[str] = "seller"
    score: int


# -- time -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ExtensionAsked(Event):
    """A side asks the other for more time in the present step. Words: text."""

    side: str
    step: str


@dataclass(frozen=True, kw_only=True)
class ExtensionGranted(Event):
    """More time in this step, once, by consent of both sides ("parties"), by the "registrar" or by the "mediator".
    Words: text."""

    by: str
    clock: Deadline


@dataclass(frozen=True, kw_only=True)
class SuspensionAsked(Event):
    """A side asks the other to let all time stand still for a while. Words: text."""

    side: str


@dataclass(frozen=True, kw_only=True)
class DisputeSuspended(Event):
    """All time stands still until it is ended, at the latest at `until`: by consent ("parties"), by the "registrar", or
    because mail to a `side` came back ("system"). Words: text."""

    ground: str
    by: str
    side: str | None
    until: int


@dataclass(frozen=True, kw_only=True)
class DisputeResumed(Event):
    """Time goes on, with as many days left as there were: for the step, for a challenge and, request by request, for
    the evidence that was asked for."""

    by: str
    clock: Deadline | None
    challenge: Deadline | None
    requests: tuple[int, ...]


# -- who acts for a side (ADR 32) ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class MandateGiven(Event):
    """A side lets somebody act for it here: `representative` is the name that entries give them, `scope` how far it
    goes, until the instant `until` at the latest. Words: name, relation."""

    side: str
    representative: str
    scope: str
    until: int


@dataclass(frozen=True, kw_only=True)
class MandateTakenUp(Event):
    """Whoever was named says to act for the side from now on."""

    side: str
    representative: str


@dataclass(frozen=True, kw_only=True)
class MandateEnded(Event):
    """The mandate ends before its day, because the "side" ended it or the "representative" gave it back."""

    side: str
    representative: str
    by: str


# -- what becomes of the words (docs/log-format.md, section 16) ------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class HoldPlaced(Event):
    """A registrar has the words of this dispute kept, on a ground of the closed list."""

    ground: str


@dataclass(frozen=True, kw_only=True)
class HoldLifted(Event):
    """The hold of this version no longer counts."""

    hold: int


@dataclass(frozen=True, kw_only=True)
class ErasureOrdered(Event):
    """These words are to be destroyed: whoever wrote them asked for it, or the law demands it."""

    ground: str
    targets: tuple[Target, ...]


@dataclass(frozen=True, kw_only=True)
class WordsErased(Event):
    """What was ordered in the entry of this version is done: the words, their keys and their files are gone."""

    ordered: int


EVENTS: dict[str, type[Event]] = {
    "dispute_filed": DisputeFiled,
    "information_asked": InformationAsked,
    "information_given": InformationGiven,
    "filing_admitted": FilingAdmitted,
    "filing_refused": FilingRefused,
    "refusal_review_asked": RefusalReviewAsked,
    "admission_overdue": AdmissionOverdue,
    "seller_joined": SellerJoined,
    "order_proven": OrderProven,
    "reply_given": ReplyGiven,
    "scope_objection_dismissed": ScopeObjectionDismissed,
    "last_call_made": LastCallMade,
    "seller_silent": SellerSilent,
    "default_track_ended": DefaultTrackEnded,
    "notice_sent": NoticeSent,
    "notice_returned": NoticeReturned,
    "address_given": AddressGiven,
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
    "pool_committed": PoolCommitted,
    "mediator_drawn": MediatorDrawn,
    "draw_overdue": DrawOverdue,
    "mediator_accepted": MediatorAccepted,
    "mediator_released": MediatorReleased,
    "objection_waived": ObjectionWaived,
    "challenge_made": ChallengeMade,
    "challenge_overdue": ChallengeOverdue,
    "challenge_decided": ChallengeDecided,
    "mediation_opened": MediationOpened,
    "mediation_message_sent": MediationMessageSent,
    "evidence_requested": EvidenceRequested,
    "late_evidence_admitted": LateEvidenceAdmitted,
    "proposal_made": ProposalMade,
    "proposal_answered": ProposalAnswered,
    "mediation_ended": MediationEnded,
    "decision_opened": DecisionOpened,
    "final_words_given": FinalWordsGiven,
    "file_closed": FileClosed,
    "decision_overdue": DecisionOverdue,
    "decision_issued": DecisionIssued,
    "decision_answered": DecisionAnswered,
    "agreement_reached": AgreementReached,
    "settlement_signed": SettlementSigned,
    "direct_settlement_stated": DirectSettlementStated,
    "direct_settlement_denied": DirectSettlementDenied,
    "dispute_withdrawn": DisputeWithdrawn,
    "dispute_closed": DisputeClosed,
    "dispute_handed_over": DisputeHandedOver,
    "performance_reported": PerformanceReported,
    "confirmation_asked": ConfirmationAsked,
    "performance_confirmed": PerformanceConfirmed,
    "performance_denied": PerformanceDenied,
    "compliance_ended": ComplianceEnded,
    "buyer_rated": BuyerRated,
    "seller_rated": SellerRated,
    "extension_asked": ExtensionAsked,
    "extension_granted": ExtensionGranted,
    "suspension_asked": SuspensionAsked,
    "dispute_suspended": DisputeSuspended,
    "dispute_resumed": DisputeResumed,
    "mandate_given": MandateGiven,
    "mandate_taken_up": MandateTakenUp,
    "mandate_ended": MandateEnded,
    "hold_placed": HoldPlaced,
    "hold_lifted": HoldLifted,
    "erasure_ordered": ErasureOrdered,
    "words_erased": WordsErased,
}

TYPES: dict[type[Event], str] = {kind: name for name, kind in EVENTS.items()}

# Which fields of each event go into the entry: all but the words.
FACT_FIELDS: dict[type[Event], tuple[str, ...]] = {
    kind: tuple(part.name for part in fields(kind) if part.name != "words") for kind in EVENTS.values()
}
