"""Every act on a dispute with arguments that fit, the places a dispute can stand in, and where each act leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from odr.evidence import rules as evidence
from odr.filing import rules as filing
from odr.kernel import Actor
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import Event, Term
from odr.response import rules as response
from tests.procedure.story import A_FILE, BUYER, OTHER_REGISTRAR, REGISTRAR, SELLER, Story, told

Rule = Callable[..., list[Event]]
Fitting = Callable[[Dispute], Mapping[str, Any]]


def _nothing(dispute: Dispute) -> Mapping[str, Any]:
    return {}


def _text(dispute: Dispute) -> Mapping[str, Any]:
    return {"text": "Some words."}


def _ground(dispute: Dispute) -> Mapping[str, Any]:
    return {"ground": "late", "text": "It is two years old."}


def _last_offer(dispute: Dispute) -> Mapping[str, Any]:
    return {"offer": len(dispute.offers) - 1}


def _last_offer_as_shown(dispute: Dispute) -> Mapping[str, Any]:
    return {**_last_offer(dispute), "seen": dispute.offers[-1].seal if dispute.offers else ""}


def _whole_claim(dispute: Dispute) -> Mapping[str, Any]:
    return {"terms": tuple(Term(place, True, item.amount) for place, item in enumerate(dispute.items))}


def _agreement_as_shown(dispute: Dispute) -> Mapping[str, Any]:
    return {"seen": dispute.agreement.seal if dispute.agreement else ""}


# A permission, the rules it opens, and for each of them arguments that are never the reason of a refusal.
ACTS: dict[str, tuple[tuple[Rule, Fitting], ...]] = {
    "information:ask": ((filing.ask_information, lambda dispute: {"topics": ("order",), "text": "Which?"}),),
    "information:give": ((filing.give_information, _text),),
    "filing:admit": ((filing.admit_filing, _nothing),),
    "filing:refuse": ((filing.refuse_filing, _ground),),
    "refusal:review": ((filing.ask_review, _text),),
    "dispute:withdraw": ((procedure.withdraw_dispute, _nothing),),
    "seller:join": ((response.join_seller, lambda dispute: {"proof": "invitation_link"}),),
    "reply:give": tuple(
        (response.give_reply, lambda dispute, choice=choice: {"choice": choice, "text": "Our answer."})
        for choice in ("accept_all", "offer", "contest", "decline", "object")
    ),
    "scope:decide": ((response.dismiss_objection, _text), (filing.uphold_objection, _ground)),
    "evidence:add": (
        (evidence.add_evidence, lambda dispute: {"file": A_FILE, "media": "application/pdf"}),
        (evidence.refuse_upload, lambda dispute: {"reason": "file_empty"}),
    ),
    "evidence:complete": ((evidence.complete_evidence, _nothing),),
    "message:send": ((procedure.send_message, _text),),
    "offer:make": ((negotiation.make_offer, _whole_claim),),
    "offer:accept": ((negotiation.accept_offer, _last_offer_as_shown),),
    "offer:reject": ((negotiation.reject_offer, _last_offer),),
    "offer:withdraw": ((negotiation.withdraw_offer, _last_offer),),
    "negotiation:leave": ((negotiation.leave_negotiation, _nothing),),
    "settlement:sign": ((procedure.sign_settlement, _agreement_as_shown),),
    "direct:state": ((procedure.state_direct_settlement, _text),),
    "direct:deny": ((procedure.deny_direct_settlement, _nothing),),
    "extension:ask": ((procedure.ask_extension, _nothing),),
    "extension:agree": ((procedure.agree_extension, _nothing),),
    "extension:grant": ((procedure.grant_extension, _text),),
}

ACTORS: dict[str, Actor] = {
    "buyer": BUYER,
    "seller": SELLER,
    "registrar": REGISTRAR,
    "another registrar": OTHER_REGISTRAR,
    "a stranger as buyer": Actor("e" * 32, "buyer"),
    "a stranger as seller": Actor("e" * 32, "seller"),
    "the seller as buyer": Actor(SELLER.id, "buyer"),
    "mediator": Actor("3" * 32, "mediator"),
    "regulator": Actor("4" * 32, "regulator"),
    "admin": Actor("6" * 32, "admin"),
    "system": Actor("system", "system"),
}


def _upheld() -> Story:
    return told().objected().do(filing.uphold_objection, REGISTRAR, ground="late", text="It is.")


def _rebuttal() -> Story:
    story = told().contested()
    story.at = story.clock.due - 1
    return story.with_evidence(SELLER).expired()


def _lapsed_unfired() -> Story:
    story = told().in_negotiation().offered(SELLER)
    story.at = story.offer.expires
    return story


# Every phase, and every difference within one that a rule can see.
PLACES: dict[str, Callable[[], Story]] = {
    "screening": told,
    "screening, overdue": lambda: told().expired(),
    "needs information": lambda: told().asked_for_more(),
    "refused": lambda: told().refused(),
    "refused after an objection": _upheld,
    "in review": lambda: told().in_review(),
    "awaiting response": lambda: told().admitted(),
    "awaiting response, more time asked": lambda: told().admitted().do(procedure.ask_extension, SELLER),
    "scope objected": lambda: told().objected(),
    "objection dismissed": lambda: told().objected().do(response.dismiss_objection, REGISTRAR, text="No."),
    "last call": lambda: told().last_called(),
    "evidence": lambda: told().contested(),
    "evidence, one side complete": lambda: told().contested().do(evidence.complete_evidence, BUYER),
    "evidence, extended": lambda: told().contested().do(procedure.grant_extension, REGISTRAR, text="Holidays."),
    "rebuttal": _rebuttal,
    "negotiation": lambda: told().in_negotiation(),
    "negotiation, the seller's offer open": lambda: told().in_negotiation().offered(SELLER),
    "negotiation, the buyer's offer open": lambda: told().in_negotiation().offered(BUYER),
    "negotiation, an offer over and not fired": _lapsed_unfired,
    "negotiation, the seller says it is settled": lambda: (
        told().in_negotiation().do(procedure.state_direct_settlement, SELLER, text="We paid.")
    ),
    "assignment": lambda: told().left(),
    "default track": lambda: told().seller_silent(),
    "settled": lambda: told().settled(),
    "settled, one signature": lambda: told().settled().signed(BUYER),
    "closed": lambda: told().settled().signed(),
    "withdrawn before admission": lambda: told().withdrawn(),
}

_P = Phase

# Where each act leads from each phase, as people read it in docs/procedure.md. Acts that are not named for a phase
# are not possible in it; "time:" is the end of the time of that step.
TRANSITIONS: dict[tuple[Phase, str], frozenset[Phase]] = {
    (phase, what): frozenset(into)
    for phase, acts in {
        _P.SCREENING: {
            "filing:admit": {_P.AWAITING_RESPONSE},
            "information:ask": {_P.NEEDS_INFORMATION},
            # A refusal that was reviewed is the last word.
            "filing:refuse": {_P.REFUSED, _P.CLOSED},
            "time:screening": {_P.SCREENING},
            "time:screening_last": {_P.SCREENING},
        },
        _P.NEEDS_INFORMATION: {
            "information:give": {_P.SCREENING},
            "time:information": {_P.CLOSED},
        },
        _P.REFUSED: {
            "refusal:review": {_P.SCREENING},
            "time:review": {_P.CLOSED},
        },
        _P.AWAITING_RESPONSE: {
            "reply:give": {_P.SETTLED, _P.EVIDENCE, _P.AWAITING_RESPONSE, _P.CLOSED},
            "scope:decide": {_P.AWAITING_RESPONSE, _P.REFUSED, _P.CLOSED},
            "time:reply": {_P.AWAITING_RESPONSE},
            "time:scope": {_P.AWAITING_RESPONSE},
            "time:last_call": {_P.DEFAULT_TRACK},
        },
        _P.EVIDENCE: {
            "evidence:complete": {_P.EVIDENCE, _P.NEGOTIATION},
            "time:evidence": {_P.EVIDENCE, _P.NEGOTIATION},
            "time:rebuttal": {_P.NEGOTIATION},
            "offer:accept": {_P.SETTLED},
        },
        _P.NEGOTIATION: {
            "offer:accept": {_P.SETTLED},
            "negotiation:leave": {_P.ASSIGNMENT},
            "time:negotiation": {_P.ASSIGNMENT},
        },
        _P.SETTLED: {
            "settlement:sign": {_P.SETTLED, _P.CLOSED},
            "time:sign": {_P.CLOSED},
        },
    }.items()
    for what, into in acts.items()
} | {
    # What means the same in many phases.
    **{
        (phase, "dispute:withdraw"): frozenset({_P.CLOSED})
        for phase in Phase
        if phase not in (_P.UNFILED, _P.SETTLED, _P.CLOSED)
    },
    **{
        # The buyer's word ends the dispute, the seller's waits for it.
        (phase, "direct:state"): frozenset({phase, _P.CLOSED})
        for phase in (_P.AWAITING_RESPONSE, _P.EVIDENCE, _P.NEGOTIATION, _P.ASSIGNMENT, _P.DEFAULT_TRACK)
    },
}

# Acts that leave the phase as it is, wherever they are possible.
STAYING = frozenset(
    "seller:join evidence:add message:send offer:make offer:reject offer:withdraw direct:deny extension:ask"
    " extension:agree extension:grant time:offer".split()
)


def leads_to(phase: Phase, what: str) -> frozenset[Phase]:
    """The phases in which an act of this phase can end; none when the act is not listed."""
    return frozenset({phase}) if what in STAYING else TRANSITIONS.get((phase, what), frozenset())
