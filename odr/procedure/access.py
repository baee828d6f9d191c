"""Who may do what, and when: the one table that routes, rules, templates, docs and tests read.

A permission belongs to roles. One that acts on a dispute also names the phases in which it exists and, where that
is not enough, a condition that answers with the code of its refusal. Whatever is not in the table is denied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from odr.kernel import Actor, Refused
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import SIDES, Dispute, EvidenceItem, Phase, other_side

Condition = Callable[[Dispute, Actor, int], str | None]

ANYONE = "anyone"
SIGNED_IN = "signed_in"
AUDITOR = "auditor"
"""Who comes with an auditor's token: a program, which no account and no session makes."""
PARTIES = frozenset(SIDES)
REGISTRAR = frozenset({"registrar"})
MEDIATOR = frozenset({"mediator"})
HOUSE = frozenset({"system"})
BUYER = frozenset({"buyer"})
SELLER = frozenset({"seller"})
# Who is no party: what they read of a dispute, its parties can see.
WATCHED = REGISTRAR | MEDIATOR
SCOPES = ("read", "speak", "bind")
"""What a mandate can cover, each with all before it: reading, saying something, and what binds or ends."""


@dataclass(frozen=True, slots=True)
class Row:
    """One permission: who holds it; for an act on a dispute the phases it exists in and its further condition.

    `step_up`: whoever has a second factor must have proven it within the last minutes (ADR 25). `scope`: what the
    mandate of a representative has to cover for them to do it in a side's name (ADR 32); empty where only the side
    itself can. `audited`: the roles whose reading is written into the dispute's record of readings (ADR 29).
    """

    name: str
    who: frozenset[str]
    phases: frozenset[Phase] = frozenset()
    unless: Condition | None = None
    act: bool = False
    step_up: bool = False
    scope: str = ""
    audited: frozenset[str] = frozenset()


def _own_seat(dispute: Dispute, actor: Actor) -> str | None:
    if actor.role in SIDES and dispute.side_of(actor.id) != actor.role:
        return "not_your_dispute"
    if actor.role == "mediator" and (not actor.id or dispute.mediator != actor.id):
        return "not_your_dispute"
    return None


def _review_is_anothers(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.review_asked and dispute.refused_by == actor.id:
        return "review_needs_another_registrar"
    return None


def _review_once(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "review_only_once" if dispute.review_asked else None


def _reply_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "scope_not_decided" if dispute.scope_objected else None


def _scope_pending(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return _review_is_anothers(dispute, actor, at) if dispute.scope_objected else "no_scope_objection"


def _not_complete(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "evidence_already_complete" if actor.role in dispute.complete else None


def _others_offer_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.open_offer is None or at >= dispute.open_offer.expires:
        return "no_open_offer"
    return "own_offer" if dispute.open_offer.side == actor.role else None


def _own_offer_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.open_offer is None or at >= dispute.open_offer.expires:
        return "no_open_offer"
    return None if dispute.open_offer.side == actor.role else "not_your_offer"


def _may_leave(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if at < dispute.phase_at + dispute.rules.leave_from_day * DAY:
        return "too_early_to_leave"
    return None


def _not_signed(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "already_signed" if actor.role in dispute.signed else None


def _direct_not_stated(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "direct_already_stated" if dispute.settled_directly_by == actor.role else None


def _direct_stated_by_seller(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.settled_directly_by == "seller" else "direct_not_stated"


def _pool_missing(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "draw_begun" if dispute.draw else None


def _pool_waits(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.draw and not dispute.draw.root else "no_pool"


def _appointment_waits(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "appointed_already" if dispute.appointed else None


def _is_appointed(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.appointed else "not_appointed"


def _may_object(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if not dispute.appointed:
        return "not_appointed"
    if actor.role in dispute.objected:
        return "objected_already"
    return "no_objection_said" if actor.role in dispute.unopposed else None


def _may_challenge(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if not dispute.appointed:
        return "not_appointed"
    if dispute.challenge:
        return "challenge_pending"
    # Of each mediator each side once: a challenge after each decision on one would keep the other side waiting.
    return "challenged_already" if actor.role in dispute.challenged else None


def _challenge_waits(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.challenge else "no_challenge"


def _may_write(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "not_in_this_phase" if actor.role == "mediator" and dispute.phase is not Phase.MEDIATION else None


def _file_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "file_closed" if dispute.file_closed_at is not None else None


def _may_add_evidence(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.phase is Phase.CLOSED:
        return None if dispute.compliance in _COMPLIANCE_OPEN else "dispute_closed"
    if dispute.phase is Phase.MEDIATION and not any(request.side == actor.role for request in dispute.requests):
        return "evidence_not_requested"
    if dispute.phase is Phase.DECISION and dispute.step == "rebuttal":
        # Nothing new can come at the last minute: what came late is answered in words, then the file is closed.
        return "file_closed"
    return _file_open(dispute, actor, at)


def _may_complete(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.phase is Phase.DEFAULT_TRACK and actor.role == "seller":
        return "not_your_time"
    return _not_complete(dispute, actor, at)


def _late_item_waits(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return _file_open(dispute, actor, at) if dispute.barred else "no_late_evidence"


def _proposal_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.open_proposal is None:
        return "no_open_proposal"
    return "proposal_answered" if actor.role in dispute.open_proposal.accepted_by else None


def _fresh_decider_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if not _mediator_decides(dispute):
        return "no_fresh_decider"
    until = fresh_decider_until(dispute)
    over = dispute.file_closed_at or dispute.step != "final_words" or (until is not None and at >= until)
    return "fresh_decider_over" if over or actor.role in dispute.final_words else None


def _mediator_decides(dispute: Dispute) -> bool:
    # Whoever did not mediate is as fresh as can be.
    mediated = dispute.mediation_ended_at is not None and dispute.mediator == dispute.mediated_by
    return mediated and not dispute.fresh_decider


def fresh_decider_until(dispute: Dispute) -> int | None:
    """The first instant too late to ask for somebody else to decide than the mediator; None where nobody can ask, or
    no time runs."""
    if dispute.clock is None or not _mediator_decides(dispute):
        return None
    # Counted back from the end of the final words, which moves when time stood still in between.
    days_after = dispute.rules.steps["final_words"].days - dispute.rules.fresh_decider_days
    return dispute.clock.due - days_after * DAY


def _final_words_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if actor.role in dispute.final_words:
        return "final_words_given"
    return _file_open(dispute, actor, at)


def _may_decide(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.file_closed_at is None:
        return "file_open"
    # Or whoever is challenged could decide before the registrar does.
    return "challenge_pending" if dispute.challenge else None


def _not_answered(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "decision_answered" if dispute.decision and actor.role in dispute.decision.answered_by else None


# What a dispute's compliance can be while there is something left to be said about it.
_COMPLIANCE_OPEN = frozenset({"due", "performed", "disputed", "checking"})


def _may_report(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.compliance in ("due", "disputed") else "nothing_to_perform"


def _may_confirm(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.compliance in _COMPLIANCE_OPEN else "nothing_to_perform"


def _may_deny(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.compliance not in ("due", "performed"):
        return "nothing_to_perform"
    if dispute.compliance == "due" and dispute.clock and dispute.clock.step == "performance":
        return "performance_not_due"
    return None


def _proof_waits(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.compliance == "checking" else "no_proof_to_check"


def _not_rated(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.admitted_at is None:
        return "not_in_this_phase"
    return "rated_already" if actor.role in dispute.rated else None


def _address_wanted(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.address_asked else "no_address_asked"


def _may_suspend(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.suspension:
        return "suspended_already"
    if dispute.admitted_at is None or dispute.clock is None:
        return "no_time_runs"
    return "suspended_often" if dispute.times_suspended >= dispute.rules.suspensions_most else None


def _may_ask_suspension(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return "suspension_already_asked" if dispute.suspension_asked_by else _may_suspend(dispute, actor, at)


def _suspension_asked_by_other(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.suspension_asked_by != other_side(actor.role):
        return "no_suspension_asked"
    return _may_suspend(dispute, actor, at)


def _may_end_suspension(dispute: Dispute, actor: Actor, at: int) -> str | None:
    stands = dispute.suspension
    if stands is None:
        return "not_suspended"
    if actor.role == "registrar" or stands.by == "parties":
        return None
    # What protects one side is not ended by the other one: an order by the registrar alone, and a halt for mail that
    # came back by the side it was for.
    return None if stands.side == actor.role else "suspension_not_yours"


def _may_ask_extension(dispute: Dispute, actor: Actor, at: int) -> str | None:
    clock = dispute.clock
    if dispute.admitted_at is None:
        # The other side knows nothing of the dispute yet and cannot consent; the registrar can give more time.
        return "no_extension_here"
    if clock is None or not dispute.rules.steps[clock.step].extension_days:
        return "no_extension_here"
    if clock.step in dispute.extended:
        return "extended_already"
    if clock.holder not in (actor.role, "both"):
        return "not_your_time"
    return "extension_already_asked" if dispute.extension_asked_by else None


def _extension_asked_by_other(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.extension_asked_by == other_side(actor.role) else "no_extension_asked"


def _extension_possible(dispute: Dispute, actor: Actor, at: int) -> str | None:
    clock = dispute.clock
    if clock is None or not dispute.rules.steps[clock.step].extension_days:
        return "no_extension_here"
    if actor.role == "mediator" and not dispute.appointed:
        return "not_appointed"
    return "extended_already" if clock.step in dispute.extended else None


# How long the words of a dispute stay after all is over (ADR 21): a court can be asked, a decision corrected, mail come
# late. A figure of the house, not of a ruleset: whoever filed before it was set is not kept out of it.
WORDS_KEPT = 60 * DAY
ASKED = "asked"
"""The ground of an erasure that whoever wrote the words asked for."""


def erasable_from(dispute: Dispute) -> int | None:
    """The first instant at which a side can have its words erased; None while that cannot be told, because the dispute
    or what was promised in it still goes on."""
    return None if dispute.over_at is None else dispute.over_at + WORDS_KEPT


def _may_erase(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.holds:
        return "words_held"
    if actor.role not in SIDES:
        # The law does not wait for the end of a dispute. Nobody at a desk destroys words: the operator does, by a
        # command.
        return None
    since = erasable_from(dispute)
    if since is None:
        return "words_needed"
    return "words_kept_still" if at < since else None


def _erasure_waits(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if any(not each.done for each in dispute.erasures) else "no_erasure_ordered"


def _is_held(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if dispute.holds else "no_hold"


_P = Phase
_BEFORE_END = frozenset(_P) - {_P.UNFILED, _P.DECIDED, _P.SETTLED, _P.CLOSED}
_BEFORE_REPLY = frozenset({_P.SCREENING, _P.NEEDS_INFORMATION})
_FROM_REPLY = frozenset({_P.EVIDENCE, _P.NEGOTIATION})
_WITH_SELLER = _BEFORE_END - _BEFORE_REPLY - {_P.REFUSED}
_WITH_MEDIATOR = frozenset({_P.ASSIGNMENT, _P.MEDIATION, _P.DECISION})


def _table(*rows: Row) -> dict[str, Row]:
    return {row.name: row for row in rows}


def _page(name: str, *who: str, step_up: bool = False, audited: frozenset[str] = frozenset()) -> Row:
    return Row(name, frozenset(who), step_up=step_up, audited=audited)


def _act(
    name: str,
    who: frozenset[str],
    *phases: Phase | frozenset[Phase],
    unless: Condition | None = None,
    step_up: bool = False,
    scope: str = "",
) -> Row:
    union = frozenset[Phase]().union(*(phase if isinstance(phase, frozenset) else {phase} for phase in phases))
    return Row(name, who, union, unless, act=True, step_up=step_up, scope=scope, audited=who & WATCHED)


PERMISSIONS: dict[str, Row] = _table(
    # Pages and acts outside a dispute.
    _page("site:read", ANYONE),
    _page("invitation:read", ANYONE),
    _page("account:open", ANYONE),
    _page("session:start", ANYONE),
    # For anyone: whose session has run out meanwhile must not be asked to sign in before signing out.
    _page("session:end", ANYONE),
    _page("password:recover", ANYONE),
    _page("account:own", SIGNED_IN),
    # The second factor: proving it, for who has given the password; and adding one, also for staff who have none yet.
    _page("factor:prove", SIGNED_IN),
    _page("factor:add", SIGNED_IN, step_up=True),
    _page("factor:change", SIGNED_IN, step_up=True),
    _page("filing:draft", SIGNED_IN),
    _page("dispute:list", SIGNED_IN),
    _page("desk:registrar", "registrar"),
    _page("desk:mediator", "mediator"),
    _page("desk:regulator", "regulator"),
    # The bytes of every entry of every dispute; each reading is written down.
    _page("entries:audit", AUDITOR, audited=frozenset({AUDITOR})),
    # Reading a dispute: its parties, and the registrar who admits it. Files and words are for the parties;
    # the registrar reads the filing it has to admit (house rule: never the merits).
    # The mediator reads all but what lies behind the wall.
    Row("dispute:read", PARTIES | REGISTRAR | MEDIATOR, scope="read", audited=WATCHED),
    Row("evidence:read", PARTIES | MEDIATOR, scope="read", audited=MEDIATOR),
    Row("offers:read", PARTIES, scope="read"),
    # The bytes of an entry, with its proof: of which entries, says `may_have_receipt`.
    Row("receipt:read", PARTIES | REGISTRAR | MEDIATOR, scope="read", audited=WATCHED),
    # All that a reader may have of a dispute, in one archive. The registrar, who never reads the merits, has none.
    Row("casefile:read", PARTIES | MEDIATOR, scope="read", audited=MEDIATOR),
    # While the proof is checked, and of the files only what came after the end: see `may_read_file`.
    Row("proof:read", REGISTRAR, unless=_proof_waits, audited=REGISTRAR),
    # Filing and admission.
    _act("information:ask", REGISTRAR, _P.SCREENING, unless=_review_is_anothers),
    _act("information:give", BUYER, _P.NEEDS_INFORMATION, scope="speak"),
    _act("filing:admit", REGISTRAR, _P.SCREENING, unless=_review_is_anothers),
    _act("filing:refuse", REGISTRAR, _P.SCREENING, unless=_review_is_anothers),
    _act("refusal:review", BUYER, _P.REFUSED, unless=_review_once, scope="speak"),
    _act("dispute:withdraw", BUYER, _BEFORE_END, scope="bind"),
    # The seller's answer.
    _act("seller:join", SELLER, _WITH_SELLER | {_P.DECIDED, _P.SETTLED, _P.CLOSED}),
    _act("reply:give", SELLER, _P.AWAITING_RESPONSE, unless=_reply_open, scope="bind"),
    _act("scope:decide", REGISTRAR, _P.AWAITING_RESPONSE, unless=_scope_pending),
    # Evidence.
    _act(
        "evidence:add",
        PARTIES,
        _BEFORE_REPLY,
        _P.AWAITING_RESPONSE,
        _P.EVIDENCE,
        _P.DEFAULT_TRACK,
        _P.MEDIATION,
        _P.DECISION,
        _P.CLOSED,
        unless=_may_add_evidence,
        scope="speak",
    ),
    _act("evidence:complete", PARTIES, _P.EVIDENCE, _P.DEFAULT_TRACK, unless=_may_complete, scope="speak"),
    # Negotiation and settlement.
    _act(
        "message:send",
        PARTIES | MEDIATOR,
        _P.AWAITING_RESPONSE,
        _FROM_REPLY,
        _P.ASSIGNMENT,
        _P.MEDIATION,
        _P.SETTLED,
        unless=_may_write,
        scope="speak",
    ),
    _act("offer:make", PARTIES, _FROM_REPLY, scope="bind"),
    _act("offer:accept", PARTIES, _FROM_REPLY, unless=_others_offer_open, scope="bind"),
    _act("offer:reject", PARTIES, _FROM_REPLY, unless=_others_offer_open, scope="bind"),
    _act("offer:withdraw", PARTIES, _FROM_REPLY, unless=_own_offer_open, scope="bind"),
    _act("negotiation:leave", PARTIES, _P.NEGOTIATION, unless=_may_leave, scope="bind"),
    _act("settlement:sign", PARTIES, _P.SETTLED, unless=_not_signed, step_up=True, scope="bind"),
    _act("direct:state", PARTIES, _WITH_SELLER, unless=_direct_not_stated, scope="bind"),
    _act("direct:deny", BUYER, _WITH_SELLER, unless=_direct_stated_by_seller, scope="bind"),
    # The appointment of a mediator. The house fixes the pool and draws; nobody else can.
    _act("pool:commit", HOUSE, _P.ASSIGNMENT, unless=_pool_missing),
    _act("mediator:draw", HOUSE, _P.ASSIGNMENT, unless=_pool_waits),
    _act("appointment:accept", MEDIATOR, _P.ASSIGNMENT, unless=_appointment_waits),
    _act("appointment:decline", MEDIATOR, _P.ASSIGNMENT, unless=_appointment_waits),
    _act("objection:make", PARTIES, _P.ASSIGNMENT, unless=_may_object, scope="speak"),
    _act("objection:waive", PARTIES, _P.ASSIGNMENT, unless=_may_object, scope="speak"),
    _act("challenge:make", PARTIES, _WITH_MEDIATOR, unless=_may_challenge, scope="speak"),
    _act("challenge:decide", REGISTRAR, _WITH_MEDIATOR, unless=_challenge_waits, step_up=True),
    _act("mediator:resign", MEDIATOR, _WITH_MEDIATOR, unless=_is_appointed),
    # Mediation.
    _act("evidence:request", MEDIATOR, _P.MEDIATION, _P.DECISION, unless=_file_open),
    _act("evidence:admit", MEDIATOR, _P.MEDIATION, _P.DECISION, unless=_late_item_waits),
    _act("proposal:make", MEDIATOR, _P.MEDIATION),
    _act("proposal:accept", PARTIES, _P.MEDIATION, unless=_proposal_open, scope="bind"),
    _act("proposal:reject", PARTIES, _P.MEDIATION, unless=_proposal_open, scope="bind"),
    _act("mediation:close", MEDIATOR, _P.MEDIATION),
    # Decision.
    _act("decider:ask", PARTIES, _P.DECISION, unless=_fresh_decider_open, scope="speak"),
    _act("final_words:give", PARTIES, _P.DECISION, unless=_final_words_open, scope="speak"),
    _act("decision:issue", MEDIATOR, _P.DECISION, unless=_may_decide, step_up=True),
    _act("decision:accept", PARTIES, _P.DECIDED, unless=_not_answered, step_up=True, scope="bind"),
    _act("decision:reject", PARTIES, _P.DECIDED, unless=_not_answered, step_up=True, scope="bind"),
    # What was promised or granted.
    _act("performance:report", SELLER, _P.CLOSED, unless=_may_report, scope="speak"),
    _act("performance:confirm", BUYER, _P.CLOSED, unless=_may_confirm, scope="bind"),
    _act("performance:deny", BUYER, _P.CLOSED, unless=_may_deny, scope="speak"),
    _act("proof:check", REGISTRAR, _P.CLOSED, unless=_proof_waits),
    _act("procedure:rate", PARTIES, _P.CLOSED, unless=_not_rated),
    # Service of notices, and what the house learns of it.
    _act("notice:record", HOUSE, frozenset(_P) - {_P.UNFILED}),
    _act("address:give", BUYER, _P.AWAITING_RESPONSE, unless=_address_wanted, scope="speak"),
    # Time.
    _act("suspension:ask", PARTIES, _BEFORE_END, unless=_may_ask_suspension, scope="speak"),
    _act("suspension:agree", PARTIES, _BEFORE_END, unless=_suspension_asked_by_other, scope="speak"),
    _act("suspension:order", REGISTRAR, _BEFORE_END, unless=_may_suspend),
    _act(
        "suspension:end",
        PARTIES | REGISTRAR,
        frozenset(_P) - {_P.UNFILED, _P.CLOSED},
        unless=_may_end_suspension,
        scope="speak",
    ),
    _act("dispute:hand_over", REGISTRAR, frozenset(_P) - {_P.UNFILED, _P.SETTLED, _P.CLOSED}, step_up=True),
    _act("extension:ask", PARTIES, _BEFORE_END, unless=_may_ask_extension, scope="speak"),
    _act("extension:agree", PARTIES, _BEFORE_END, unless=_extension_asked_by_other, scope="speak"),
    _act("extension:grant", REGISTRAR | MEDIATOR, _BEFORE_END, unless=_extension_possible),
    # What becomes of the words.
    _act("hold:place", REGISTRAR, frozenset(_P) - {_P.UNFILED}),
    _act("hold:lift", REGISTRAR, frozenset(_P) - {_P.UNFILED}, unless=_is_held),
    _act("words:erase", PARTIES | HOUSE, frozenset(_P) - {_P.UNFILED}, unless=_may_erase),
    _act("erasure:record", HOUSE, frozenset(_P) - {_P.UNFILED}, unless=_erasure_waits),
)


def why_not(permission: str, dispute: Dispute, actor: Actor, at: int) -> str | None:
    """The code of the sentence that says why this actor may not do this now, or None when it may."""
    row = PERMISSIONS[permission]
    if actor.role not in row.who:
        return "not_your_role"
    if _own_seat(dispute, actor):
        return "not_your_dispute"
    if actor.role == "seller" and dispute.admitted_at is None:
        # Nobody learns of a dispute against them before it is admitted, nor of one that never was.
        return "not_in_this_phase"
    if row.act and dispute.phase not in row.phases:
        return "dispute_closed" if dispute.phase is Phase.CLOSED else "not_in_this_phase"
    return row.unless(dispute, actor, at) if row.unless else None


def demand(permission: str, dispute: Dispute, actor: Actor, at: int) -> None:
    """Raise Refused with the code of `why_not`. The first line of every rule."""
    code = why_not(permission, dispute, actor, at)
    if code:
        raise Refused(code, phase=str(dispute.phase))


def may(permission: str, dispute: Dispute, actor: Actor, at: int) -> bool:
    return why_not(permission, dispute, actor, at) is None


def may_read_file(dispute: Dispute, actor: Actor, at: int, item: EvidenceItem) -> bool:
    """Whether this actor may open this file: any, for who reads the evidence; for who checks the proof that it was
    carried out, those that came after the end and nothing of the merits."""
    if may("evidence:read", dispute, actor, at):
        return True
    came_after = dispute.closed_at is not None and item.at > dispute.closed_at
    return came_after and may("proof:read", dispute, actor, at)


def acts_of(dispute: Dispute, actor: Actor, at: int) -> list[str]:
    """Everything this actor may do on this dispute now, in the order of the table."""
    return [name for name, row in PERMISSIONS.items() if row.act and may(name, dispute, actor, at)]


# Which classes of entries each role may read (decisions.md: queries filter by the class). Whoever decides is on
# the other side of the wall; the registrar admits and unblocks, and never reads the merits.
_CLASSES = {
    "buyer": frozenset({"parties", "wall", "mediator", "buyer", "public"}),
    "seller": frozenset({"parties", "wall", "mediator", "seller", "public"}),
    "registrar": frozenset({"parties", "public"}),
    "mediator": frozenset({"parties", "mediator", "public"}),
    # Who decides without having mediated learns nothing of the mediation either.
    "decider": frozenset({"parties", "public"}),
}
_REGISTRAR_WORDS = frozenset(
    {
        "dispute_filed",
        "information_asked",
        "information_given",
        "filing_refused",
        "refusal_review_asked",
        "reply_given",
        "scope_objection_dismissed",
        "extension_asked",
        "extension_granted",
        "suspension_asked",
        "dispute_suspended",
        "dispute_handed_over",
        "address_given",
        "challenge_made",
        "challenge_decided",
        "mediator_accepted",
        "mediator_released",
        "performance_reported",
        "performance_denied",
        "compliance_ended",
    }
)


def reader_of(dispute: Dispute, actor: Actor) -> str:
    """As whom this actor reads the dispute: its role, or "decider" for a mediator after another one's mediation."""
    if actor.role == "mediator" and dispute.mediated_by not in ("", actor.id):
        return "decider"
    return actor.role


def may_know(reader: str, reach: str) -> bool:
    """Whether this reader (see `reader_of`) may know of an entry of this class at all."""
    return reach in _CLASSES.get(reader, frozenset())


def may_have_receipt(reader: str, reach: str, role: str) -> bool:
    """Whether this reader may have the bytes of an entry of this class, made in this role: all its closed data stand
    in them. Agreed and granted amounts do, too, so the registrar, who never reads the merits, has only those of a
    registrar's acts."""
    return may_know(reader, reach) and (reader != "registrar" or role == "registrar")


def may_read_words(reader: str, type_name: str, reach: str, data: Mapping[str, Any]) -> bool:
    """Whether this reader may read the personal words beside an entry of this type, class and closed data."""
    if reader in ("mediator", "decider") and type_name == "reply_given" and data["choice"] == "offer":
        # What a seller says with an offer is as much behind the wall as the offer.
        return False
    if reader != "registrar":
        return may_know(reader, reach)
    # Of the seller's replies the registrar decides on one, the objection to the scope; the others are the merits.
    merits = type_name == "reply_given" and data["choice"] != "object"
    return may_know(reader, reach) and type_name in _REGISTRAR_WORDS and not merits
