"""Every act on a dispute with arguments that fit, the places a dispute can stand in, and where each act leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from odr.compliance import rules as compliance
from odr.decision import rules as decision
from odr.erasure import rules as erasure
from odr.evidence import rules as evidence
from odr.filing import rules as filing
from odr.kernel import SYSTEM as HOUSE
from odr.kernel import Actor
from odr.mediation import rules as mediation
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.course import ORDER, ways_from
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import Event, Term
from odr.representation import rules as representation
from odr.response import rules as response
from tests.procedure.story import (
    A_FILE,
    BUYER,
    OTHER_REGISTRAR,
    POOL,
    REGISTRAR,
    ROOT,
    SELLER,
    Story,
    a_decision,
    a_mandate,
    represented,
    told,
)

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


def _pool(dispute: Dispute) -> Mapping[str, Any]:
    # Whoever was drawn once is drawn no more, so there is always somebody left.
    return {"pool": (*POOL, *(f"{number:032x}" for number in range(len(dispute.met))))}


def _declarations(dispute: Dispute) -> Mapping[str, Any]:
    return {"declared": dispute.rules.declarations}


def _challenge(dispute: Dispute) -> Mapping[str, Any]:
    return {"ground": "tie", "text": "They went to school together."}


def _late_item(dispute: Dispute) -> Mapping[str, Any]:
    late = [item.item for item in dispute.evidence if "late" in item.notes and item.item not in dispute.admitted_late]
    return {"item": late[0] if late else 0, "text": "It could not be had before."}


def _proposal_as_shown(dispute: Dispute) -> Mapping[str, Any]:
    seal = dispute.proposals[-1].seal if dispute.proposals else ""
    return {"proposal": len(dispute.proposals) - 1, "seen": seal}


def _decision_as_shown(dispute: Dispute) -> Mapping[str, Any]:
    return {"seen": dispute.decision.seal if dispute.decision else ""}


def _notice(dispute: Dispute) -> Mapping[str, Any]:
    return {"side": "seller", "template": "your_turn"}


def _written(dispute: Dispute) -> tuple[erasure.Written, ...]:
    # Both sides, and whoever acts for one, wrote something that is still there, whatever was erased before.
    fresh = f"text_{len(dispute.erasures)}"
    wrote = (dispute.buyer, dispute.seller, *(each.representative for each in dispute.mandates))
    return tuple(erasure.Written(version, actor, (fresh,)) for version, actor in enumerate(wrote, 1))


def _ordered(dispute: Dispute) -> Mapping[str, Any]:
    waiting = [each.version for each in dispute.erasures if not each.done]
    return {"ordered": waiting[-1] if waiting else 0}


def _last_mandate_of(side: str) -> Fitting:
    def fitting(dispute: Dispute) -> Mapping[str, Any]:
        given = [each.representative for each in dispute.mandates if each.side == side and each.ended_at is None]
        return {"representative": given[-1] if given else ""}

    return fitting


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
    "pool:commit": ((mediation.commit_pool, _pool),),
    "mediator:draw": ((mediation.draw_mediator, lambda dispute: {"size": 7, "root": ROOT}),),
    "appointment:accept": ((mediation.accept_appointment, _declarations),),
    "appointment:decline": ((mediation.decline_appointment, _nothing),),
    "objection:make": ((mediation.object_to_mediator, _nothing),),
    "objection:waive": ((mediation.waive_objection, _nothing),),
    "challenge:make": ((mediation.challenge_mediator, _challenge),),
    "challenge:decide": tuple(
        (mediation.decide_challenge, lambda dispute, upheld=upheld: {"upheld": upheld, "text": "Our reasons."})
        for upheld in (True, False)
    ),
    "mediator:resign": ((mediation.resign, _text),),
    "evidence:request": tuple(
        (mediation.request_evidence, lambda dispute, side=side: {"side": side, "days": 6, "text": "The tracking."})
        for side in ("buyer", "seller")
    ),
    "evidence:admit": ((mediation.admit_late_evidence, _late_item),),
    "proposal:make": ((mediation.make_proposal, _whole_claim),),
    "proposal:accept": ((mediation.accept_proposal, _proposal_as_shown),),
    "proposal:reject": ((mediation.reject_proposal, _proposal_as_shown),),
    "mediation:close": ((mediation.close_mediation, _nothing),),
    "decider:ask": ((decision.ask_fresh_decider, _nothing),),
    "final_words:give": ((decision.give_final_words, _nothing),),
    "decision:issue": (
        (decision.issue_decision, a_decision),
        (decision.issue_decision, lambda dispute: a_decision(dispute, *[False] * len(dispute.items))),
    ),
    "decision:accept": ((decision.accept_decision, _decision_as_shown),),
    "decision:reject": ((decision.reject_decision, _decision_as_shown),),
    "performance:report": ((compliance.report_performance, _text),),
    "performance:confirm": ((compliance.confirm_performance, _nothing),),
    "performance:deny": ((compliance.deny_performance, _text),),
    "proof:check": tuple(
        (compliance.check_proof, lambda dispute, shown=shown: {"shown": shown, "text": "The papers say so."})
        for shown in (True, False)
    ),
    "procedure:rate": ((compliance.rate_procedure, lambda dispute: {"score": 4}),),
    "notice:record": ((procedure.record_notice, _notice), (procedure.return_notice, _notice)),
    "address:give": ((response.give_address, lambda dispute: {"seller": '{"email": "shop@example.org"}'}),),
    "suspension:ask": ((procedure.ask_suspension, _nothing),),
    "suspension:agree": ((procedure.agree_suspension, _nothing),),
    "suspension:order": (
        (procedure.order_suspension, lambda dispute: {"ground": "incapacity", "text": "In hospital."}),
    ),
    "suspension:end": ((procedure.end_suspension, _nothing),),
    "dispute:hand_over": (
        (procedure.hand_over, lambda dispute: {"reason": "moved_to_court", "text": "Filed with a court."}),
    ),
    "extension:ask": ((procedure.ask_extension, _nothing),),
    "extension:agree": ((procedure.agree_extension, _nothing),),
    "extension:grant": ((procedure.grant_extension, _text),),
    "mandate:give": ((representation.give_mandate, a_mandate),),
    "mandate:take_up": ((representation.take_up_mandate, _nothing),),
    "mandate:end": tuple((representation.end_mandate, _last_mandate_of(side)) for side in ("buyer", "seller")),
    "mandate:resign": ((representation.resign_mandate, _nothing),),
    "hold:place": ((erasure.place_hold, lambda dispute: {"ground": "complaint"}),),
    "hold:lift": ((erasure.lift_hold, lambda dispute: {"hold": dispute.holds[-1].version if dispute.holds else 0}),),
    "words:erase": (
        (erasure.order_erasure, lambda dispute: {"written": _written(dispute)}),
        (
            erasure.order_erasure,
            lambda dispute: {"written": _written(dispute), "ground": "court_order", "versions": (1,)},
        ),
    ),
    "erasure:record": ((erasure.record_erasure, _ordered),),
}

ACTORS: dict[str, Actor] = {
    "buyer": BUYER,
    "seller": SELLER,
    "registrar": REGISTRAR,
    "another registrar": OTHER_REGISTRAR,
    "a stranger as buyer": Actor("e" * 32, "buyer"),
    "a stranger as seller": Actor("e" * 32, "seller"),
    "the seller as buyer": Actor(SELLER.id, "buyer"),
    **{f"mediator {place} of the pool": Actor(name, "mediator") for place, name in enumerate(POOL, 1)},
    "a mediator who was not drawn": Actor("3" * 32, "mediator"),
    "nobody as mediator": Actor("", "mediator"),
    "representative 0 of the buyer": represented(0, "buyer"),
    "representative 1 of the buyer": represented(1, "buyer"),
    "representative 0 of the seller": represented(0, "seller"),
    "representative 1 of the seller": represented(1, "seller"),
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


def _pool_exhausted() -> Story:
    story = told().drawn(POOL[:1])
    return story.do(mediation.decline_appointment, story.mediator)


def _evidence_late() -> Story:
    return told().in_mediation().evidence_requested(days=2).later(days=4).with_evidence(SELLER)


def _fresh_decider() -> Story:
    return told().in_decision().do(decision.ask_fresh_decider, SELLER)


def _rebuttal_of_the_decision() -> Story:
    story = told().in_decision()
    story.at = story.clock.due - 1
    return story.with_evidence(SELLER).expired()


def _final_words_nearly_over() -> Story:
    return told().in_decision().later(days=4)


def _ordered_erased(story: Story) -> Story:
    written = _written(story.dispute)
    return story.do(erasure.order_erasure, HOUSE, written=written, ground="unlawful", versions=(1,))


def _erased(story: Story) -> Story:
    return story.do(erasure.record_erasure, HOUSE, ordered=story.dispute.version)


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
    "awaiting response, address asked": lambda: told().unserved(),
    "awaiting response, address asked, the seller came": lambda: (
        told().unserved().do(response.join_seller, SELLER, proof="invitation_link")
    ),
    "evidence, suspension asked": lambda: told().contested().do(procedure.ask_suspension, BUYER),
    "evidence, suspended by both": lambda: told().contested().suspended(),
    "evidence, suspended by the registrar": lambda: told().contested().suspended(by="registrar"),
    "evidence, suspended since mail came back": lambda: told().contested().suspended(by="system"),
    "default track": lambda: told().seller_silent(),
    "default track, the seller came": lambda: (
        told().seller_silent().do(response.join_seller, SELLER, proof="invitation_link")
    ),
    "assignment, draw overdue": lambda: told().left().expired(),
    "assignment, pool fixed": lambda: told().pool_fixed(),
    "assignment, drawn": lambda: told().drawn(),
    "assignment, pool exhausted": _pool_exhausted,
    "assignment, accepted": lambda: told().appointed(),
    "assignment, accepted, suspended": lambda: told().appointed().suspended(by="registrar"),
    "assignment, one side waived": lambda: told().appointed().do(mediation.waive_objection, BUYER),
    "assignment, one objection used": lambda: told().appointed().objected_to(BUYER).appointed(),
    "assignment, both objections used": lambda: told().appointed().objected_to(BUYER).appointed().objected_to(SELLER),
    "assignment, challenged": lambda: told().appointed().challenged(),
    "assignment in default, accepted": lambda: told().seller_silent().expired().appointed(),
    "assignment of a fresh decider": _fresh_decider,
    "assignment of a fresh decider, accepted": lambda: _fresh_decider().appointed(),
    "mediation": lambda: told().in_mediation(),
    "mediation, proposal open": lambda: told().in_mediation().proposed(),
    "mediation, proposal accepted by the buyer": lambda: told().in_mediation().proposed().proposal_accepted(BUYER),
    "mediation, proposal rejected": lambda: (
        told().in_mediation().proposed().do(mediation.reject_proposal, SELLER, proposal=0, seen=f"{14:064x}")
    ),
    "mediation, evidence requested": lambda: told().in_mediation().evidence_requested(),
    "mediation, evidence late": _evidence_late,
    "mediation, challenged": lambda: told().in_mediation().challenged(SELLER),
    "mediation, challenge dismissed": lambda: (
        told().in_mediation().challenged().do(mediation.decide_challenge, REGISTRAR, upheld=False, text="No tie.")
    ),
    "mediation, suspended": lambda: told().in_mediation().suspended(),
    "decision": lambda: told().in_decision(),
    "decision, one side gave final words": lambda: told().in_decision().final_words(BUYER),
    "decision, too late for a fresh decider": _final_words_nearly_over,
    "decision, evidence late": lambda: _evidence_late().in_decision(),
    "decision, rebuttal": _rebuttal_of_the_decision,
    "decision, file closed": lambda: told().file_closed(),
    "decision, file closed, challenged": lambda: told().file_closed().challenged(),
    "decision, file closed, suspended": lambda: told().file_closed().suspended(by="registrar"),
    "decision, overdue": lambda: told().file_closed().expired(),
    "decision by a fresh decider": lambda: _fresh_decider().taken_up(),
    "decision by a fresh decider, file closed": lambda: _fresh_decider().taken_up().file_closed(),
    "decision in default": lambda: told().seller_silent().in_decision(),
    "decided": lambda: told().decided(),
    "decided against the buyer": lambda: told().decided(False),
    "decided, the buyer accepted": lambda: told().decided().answered(buyer=True),
    "decided, the seller rejected": lambda: told().decided().answered(seller=False),
    "decided, suspended since mail came back": lambda: told().decided().suspended(by="system"),
    "settled": lambda: told().settled(),
    "settled, one signature": lambda: told().settled().signed(BUYER),
    "settled in mediation": lambda: told().in_mediation().proposed().proposal_accepted(BUYER).proposal_accepted(SELLER),
    "closed": lambda: told().settled().signed(),
    "closed by a decision": lambda: told().closed_by_decision(),
    "closed by a decision the buyer rejected": lambda: told().decided().answered(buyer=False),
    "closed, confirmation asked": lambda: told().closed_by_decision().expired(),
    "closed, performance reported": lambda: told().closed_by_decision().reported(),
    "closed, performance denied": lambda: told().closed_by_decision().reported().denied(),
    "closed, made good": lambda: told().closed_by_decision().reported().denied().reported(),
    "closed, proof to be checked": lambda: told().closed_by_decision().reported().denied().reported().denied(),
    "closed, honoured": lambda: told().closed_by_decision().do(compliance.confirm_performance, BUYER),
    "closed, late": lambda: told().closed_by_decision().expired().do(compliance.confirm_performance, BUYER),
    "closed, not honoured": lambda: told().closed_by_decision().reported().denied().expired(),
    "closed, nobody knows": lambda: told().closed_by_decision().expired().expired(),
    "closed, rated by the buyer": lambda: told().closed_by_decision().do(compliance.rate_procedure, BUYER, score=5),
    "not served": lambda: told().unserved().expired(),
    "handed over": lambda: (
        told().contested().do(procedure.hand_over, REGISTRAR, reason="moved_to_court", text="Filed with a court.")
    ),
    "withdrawn before admission": lambda: told().withdrawn(),
    "screening, a representative named": lambda: told().mandated(BUYER, taken_up=False),
    "negotiation, a mandate to read": lambda: told().in_negotiation().offered(SELLER).mandated(BUYER, "read"),
    "negotiation, a mandate to speak": lambda: told().in_negotiation().offered(SELLER).mandated(BUYER, "speak"),
    "negotiation, a mandate to bind": lambda: told().in_negotiation().offered(BUYER).mandated(SELLER, "bind"),
    "settled, two mandates, one of them ended": lambda: (
        told()
        .settled()
        .mandated(BUYER, "bind")
        .do(representation.end_mandate, BUYER, representative=represented(0, "buyer").id)
        .mandated(BUYER, "bind")
    ),
    "withdrawn, a mandate to bind, words no longer needed": lambda: told().mandated(BUYER).withdrawn().later(days=60),
    "evidence, held": lambda: told().contested().do(erasure.place_hold, REGISTRAR, ground="complaint"),
    "evidence, words ordered erased": lambda: _ordered_erased(told().contested()),
    "withdrawn, words no longer needed": lambda: told().withdrawn().later(days=60),
    "withdrawn, words held": lambda: (
        told().withdrawn().later(days=60).do(erasure.place_hold, REGISTRAR, ground="authority")
    ),
    "withdrawn, words ordered erased": lambda: _ordered_erased(told().withdrawn()),
    "withdrawn, words erased": lambda: _erased(_ordered_erased(told().withdrawn())),
}

# Where each act leads from each phase, as people read it in docs/procedure.md and on the page of the procedure. Acts
# that are not named for a phase are not possible in it; "time:" is the end of the time of that step.
TRANSITIONS: dict[tuple[Phase, str], frozenset[Phase]] = {
    (phase, what): frozenset(into) for phase in ORDER for what, into in ways_from(phase).items()
}

# Acts that leave the phase as it is, wherever they are possible.
STAYING = frozenset(
    "seller:join evidence:add message:send offer:make offer:reject offer:withdraw direct:deny extension:ask"
    " extension:agree extension:grant time:offer pool:commit mediator:draw challenge:make time:challenge"
    " evidence:request evidence:admit proposal:make proposal:reject final_words:give performance:report"
    " performance:confirm performance:deny proof:check procedure:rate time:performance time:confirmation time:cure"
    " time:proof notice:record address:give suspension:ask suspension:agree suspension:order suspension:end"
    " time:suspension hold:place hold:lift words:erase erasure:record".split()
)


# Acts that leave everything as it is but who can act in the name of a side.
BESIDE = frozenset({"mandate:give", "mandate:take_up", "mandate:end", "mandate:resign"})


def leads_to(phase: Phase, what: str) -> frozenset[Phase]:
    """The phases in which an act of this phase can end; none when the act is not listed."""
    return frozenset({phase}) if what in STAYING | BESIDE else TRANSITIONS.get((phase, what), frozenset())


def time_that_ends(dispute: Dispute) -> str:
    """Whose end comes next, as the table names it: an offer's, a challenge's, a suspension's, or the step's."""
    due = dispute.next_due
    if dispute.open_offer and dispute.open_offer.expires == due:
        return "offer"
    if dispute.suspension:
        return "suspension"
    if dispute.challenge and dispute.challenge.clock.due == due:
        return "challenge"
    return dispute.running_clock.step
