"""Who may do what, and when: the one table that routes, rules, templates, docs and tests read.

A permission belongs to roles. One about a dispute also says how whoever holds it has to stand to that dispute; one that
acts on it also names the phases in which it exists and, where that is not enough, a condition that answers with the
code of its refusal. Whatever is not in the table is denied. docs/permissions.md agrees to it cell by cell (ADR 28).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from odr.kernel import SYSTEM, Actor, Refused
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import SIDES, Dispute, EvidenceItem, Mandate, Phase, other_side

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
STAFF = frozenset({"registrar", "mediator", "regulator", "admin"})
HOLDERS = PARTIES | STAFF | HOUSE | {ANYONE, SIGNED_IN, AUDITOR}
"""Everybody whom a permission can name."""
# Who is no party: what they read of a dispute, its parties can see.
WATCHED = REGISTRAR | MEDIATOR
IN_DISPUTES = frozenset({"parties", "wall", "mediator", "buyer", "seller", "public"})
CLASSES = IN_DISPUTES | {"person", "staff"}
"""The classes of entries: those of disputes, and those about accounts and the house."""
SCOPES = ("read", "speak", "bind")
"""What a mandate can cover, each with all before it: reading, saying something, and what binds or ends."""
IN_OWN_NAME = "own"
"""The scope of what representatives do about themselves, such as giving a mandate back; what it covers says the
condition, and not whether it still stands."""

OWN = "own"
"""A side, in the dispute that names it as that side."""
SEATED = "seated"
"""The mediator who was drawn or appointed, and has not left."""
DESK = "desk"
"""A registrar, in a dispute in which they are no side and were not drawn."""
ITSELF = "itself"
"""The house, in every dispute and through no page."""
RELATIONS: dict[str, str] = {
    "buyer": OWN,
    "seller": OWN,
    "mediator": SEATED,
    "registrar": DESK,
    "system": ITSELF,
}
"""How each role has to stand to a dispute; a role that is not here has nothing to do with disputes."""


def _relations(who: frozenset[str]) -> frozenset[str]:
    return frozenset(RELATIONS[role] for role in who & frozenset(RELATIONS))


@dataclass(frozen=True, slots=True)
class Row:
    """One permission: who holds it; for an act on a dispute the phases it exists in and its further condition.

    `relation`: how they have to stand to the dispute; empty where it is about none. `step_up`: whoever has a second
    factor must have proven it within the last minutes (ADR 25). `scope`: what the mandate of a representative has to
    cover for them to do it in a side's name (ADR 32); empty where only the side itself can. `audited`: the roles whose
    reading is written into the dispute's record of readings (ADR 29). `classes`: of which classes the entries are that
    it shows or makes; of those that a reading shows, each reader has only what READERS gives them.
    """

    name: str
    who: frozenset[str]
    phases: frozenset[Phase] = frozenset()
    unless: Condition | None = None
    act: bool = False
    step_up: bool = False
    scope: str = ""
    audited: frozenset[str] = frozenset()
    relation: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()


def _own_seat(dispute: Dispute, actor: Actor, scope: str, at: int) -> str | None:
    if actor.role in SIDES and dispute.side_of(actor.id) != actor.role:
        return _not_covered(dispute, actor, scope, at)
    if actor.role == "mediator" and (not actor.id or dispute.mediator != actor.id):
        return "not_your_dispute"
    # Behind the seats that queries give: nobody whom the dispute itself names is its registrar, or the house.
    if actor.role == "registrar" and actor.id in (dispute.buyer, dispute.seller, *dispute.met):
        return "not_your_dispute"
    if actor.role == "system" and actor.id != SYSTEM.id:
        return "not_your_dispute"
    return None


def _not_covered(dispute: Dispute, actor: Actor, scope: str, at: int) -> str | None:
    """Why somebody who is not the side itself cannot do in its name what needs a mandate of this scope."""
    mandate = dispute.mandate_of(actor.id) if actor.id else None
    if mandate is None or mandate.side != actor.role:
        return "not_your_dispute"
    if scope == IN_OWN_NAME:
        return None
    if not mandate_stands(dispute, mandate, at):
        return "mandate_over"
    return None if scope in _covered_by(mandate.scope) else "mandate_does_not_cover"


def _covered_by(scope: str) -> tuple[str, ...]:
    return SCOPES[: SCOPES.index(scope) + 1] if scope in SCOPES else ()


# How long a mandate can outlast its dispute: whoever acted in it takes the receipts and the case file along.
MANDATE_OUTLASTS = 14 * DAY
# Of each side: a bound against crowds at the table, far beyond what a purchase needs.
MOST_MANDATES = 3


def mandate_end(dispute: Dispute, mandate: Mandate) -> int:
    """The first instant at which a mandate counts no more, as far as that is known."""
    over = dispute.over_at + MANDATE_OUTLASTS if dispute.over_at is not None else mandate.until
    return min(mandate.until, over, mandate.until if mandate.ended_at is None else mandate.ended_at)


def mandate_is_open(dispute: Dispute, mandate: Mandate, at: int) -> bool:
    """Whether a mandate was given and not ended yet, be it taken up or not."""
    return at < mandate_end(dispute, mandate)


def mandate_stands(dispute: Dispute, mandate: Mandate, at: int) -> bool:
    """Whether its representative can act on a mandate."""
    return mandate.taken_up_at is not None and mandate_is_open(dispute, mandate, at)


def open_mandates(dispute: Dispute, side: str, at: int) -> list[Mandate]:
    """The mandates of a side that count, the first given first."""
    return [each for each in dispute.mandates if each.side == side and mandate_is_open(dispute, each, at)]


def _may_give_mandate(dispute: Dispute, actor: Actor, at: int) -> str | None:
    if dispute.over_at is not None:
        return "dispute_closed"
    return "too_many_mandates" if len(open_mandates(dispute, actor.role, at)) >= MOST_MANDATES else None


def _mandate_open(dispute: Dispute, actor: Actor, at: int) -> str | None:
    return None if open_mandates(dispute, actor.role, at) else "no_mandate"


def _may_take_up(dispute: Dispute, actor: Actor, at: int) -> str | None:
    mandate = dispute.mandate_of(actor.id)
    if mandate is None:
        return "no_mandate"
    if mandate.taken_up_at is not None:
        return "mandate_taken_up"
    return None if mandate_is_open(dispute, mandate, at) else "mandate_over"


def _may_resign_mandate(dispute: Dispute, actor: Actor, at: int) -> str | None:
    mandate = dispute.mandate_of(actor.id)
    if mandate is None:
        return "no_mandate"
    return None if mandate_stands(dispute, mandate, at) else "mandate_over"


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


_OF_BOTH = frozenset({"parties"})
_WALL = frozenset({"wall"})
_MEDIATED = frozenset({"mediator"})
_DRAWING = frozenset({"parties", "public"})
"""An act that moves the order of a draw on, which is public, or may do so."""
READERS = {
    "buyer": frozenset({"parties", "wall", "mediator", "buyer", "public"}),
    "seller": frozenset({"parties", "wall", "mediator", "seller", "public"}),
    "registrar": frozenset({"parties", "public"}),
    "mediator": frozenset({"parties", "mediator", "public"}),
    # Who decides without having mediated learns nothing of the mediation either.
    "decider": frozenset({"parties", "public"}),
}
"""Which classes of entries each reader may know (decisions.md: queries filter by the class). Whoever decides is on the
other side of the wall; the registrar admits and unblocks, and never reads the merits."""


def _page(name: str, *who: str, step_up: bool = False, audited: frozenset[str] = frozenset()) -> Row:
    return Row(name, frozenset(who), step_up=step_up, audited=audited)


def _act(
    name: str,
    who: frozenset[str],
    *phases: Phase | frozenset[Phase],
    unless: Condition | None = None,
    step_up: bool = False,
    scope: str = "",
    makes: frozenset[str] = _OF_BOTH,
) -> Row:
    union = frozenset[Phase]().union(*(phase if isinstance(phase, frozenset) else {phase} for phase in phases))
    return Row(
        name,
        who,
        union,
        unless,
        act=True,
        step_up=step_up,
        scope=scope,
        audited=who & WATCHED,
        relation=_relations(who),
        classes=makes,
    )


def _reading(
    name: str, who: frozenset[str], *shows: str, unless: Condition | None = None, step_up: bool = False
) -> Row:
    # What the mandate of a representative covers at least is reading.
    return Row(
        name,
        who,
        unless=unless,
        step_up=step_up,
        scope="read" if who & PARTIES else "",
        audited=who & WATCHED,
        relation=_relations(who),
        classes=frozenset(shows),
    )


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
    _page("data:take", SIGNED_IN, step_up=True),
    # The second factor: proving it, for who has given the password; and adding one, also for staff who have none yet.
    _page("factor:prove", SIGNED_IN),
    _page("factor:add", SIGNED_IN, step_up=True),
    _page("factor:change", SIGNED_IN, step_up=True),
    # Who one is beyond an address: seeing what others see of it, and adding or ending a proof of it.
    _page("identity:own", SIGNED_IN),
    _page("identity:change", SIGNED_IN, step_up=True),
    _page("filing:draft", SIGNED_IN),
    _page("dispute:list", SIGNED_IN),
    _page("desk:registrar", "registrar"),
    _page("desk:mediator", "mediator"),
    _page("desk:regulator", "regulator"),
    # Who has a desk, and who comes in at all; administrators see no dispute (ADR 33).
    _page("desk:admin", "admin"),
    _page("role:give", "admin", step_up=True),
    _page("role:take", "admin", step_up=True),
    _page("factor:reset", "admin", step_up=True),
    _page("account:suspend", "admin", step_up=True),
    _page("sessions:end", "admin", step_up=True),
    # The bytes of every entry of every dispute, never its words; each reading is written down.
    Row("entries:audit", frozenset({AUDITOR}), audited=frozenset({AUDITOR}), classes=CLASSES),
    # Reading a dispute: its parties, and the registrar who admits it. Files and words are for the parties;
    # the registrar reads the filing it has to admit (house rule: never the merits).
    # The mediator reads all but what lies behind the wall.
    _reading("dispute:read", PARTIES | REGISTRAR | MEDIATOR, *IN_DISPUTES),
    _reading("evidence:read", PARTIES | MEDIATOR, "parties"),
    _reading("offers:read", PARTIES, "wall"),
    _reading("settlement:read", PARTIES, "parties"),
    _reading("proposal:read", PARTIES | MEDIATOR, "mediator"),
    _reading("filing:read", BUYER, "parties"),
    # The bytes of an entry, with its proof: of which entries, says `may_have_receipt`.
    _reading("receipt:read", PARTIES | REGISTRAR | MEDIATOR, *IN_DISPUTES),
    # All that a reader may have of a dispute, in one archive. The registrar, who never reads the merits, has none.
    _reading("casefile:read", PARTIES | MEDIATOR, *IN_DISPUTES, step_up=True),
    # Who read it, beside the parties; and the pages of the desk on which a registrar reads it.
    _reading("readings:read", PARTIES, "parties"),
    _reading("desk:dispute", REGISTRAR, "parties", "public"),
    # A dispute in which nothing waits for a registrar is opened with a reason first: see `has_work`.
    Row("dispute:open", REGISTRAR, step_up=True, audited=REGISTRAR, relation=_relations(REGISTRAR)),
    # While the proof is checked, and of the files only what came after the end: see `may_read_file`.
    _reading("proof:read", REGISTRAR, "parties", unless=_proof_waits),
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
        makes=frozenset({"parties", "wall", "mediator"}),
    ),
    _act("offer:make", PARTIES, _FROM_REPLY, scope="bind", makes=_WALL),
    _act("offer:accept", PARTIES, _FROM_REPLY, unless=_others_offer_open, scope="bind", makes=_WALL | _OF_BOTH),
    _act("offer:reject", PARTIES, _FROM_REPLY, unless=_others_offer_open, scope="bind", makes=_WALL),
    _act("offer:withdraw", PARTIES, _FROM_REPLY, unless=_own_offer_open, scope="bind", makes=_WALL),
    _act("negotiation:leave", PARTIES, _P.NEGOTIATION, unless=_may_leave, scope="bind"),
    _act("settlement:sign", PARTIES, _P.SETTLED, unless=_not_signed, step_up=True, scope="bind"),
    _act("direct:state", PARTIES, _WITH_SELLER, unless=_direct_not_stated, scope="bind"),
    _act("direct:deny", BUYER, _WITH_SELLER, unless=_direct_stated_by_seller, scope="bind"),
    # The appointment of a mediator. The house fixes the pool and draws; nobody else can.
    _act("pool:commit", HOUSE, _P.ASSIGNMENT, unless=_pool_missing, makes=frozenset({"public"})),
    _act("mediator:draw", HOUSE, _P.ASSIGNMENT, unless=_pool_waits, makes=frozenset({"public"})),
    _act("appointment:accept", MEDIATOR, _P.ASSIGNMENT, unless=_appointment_waits),
    _act("appointment:decline", MEDIATOR, _P.ASSIGNMENT, unless=_appointment_waits, makes=_DRAWING),
    _act("objection:make", PARTIES, _P.ASSIGNMENT, unless=_may_object, scope="speak", makes=_DRAWING),
    _act("objection:waive", PARTIES, _P.ASSIGNMENT, unless=_may_object, scope="speak"),
    _act("challenge:make", PARTIES, _WITH_MEDIATOR, unless=_may_challenge, scope="speak"),
    _act("challenge:decide", REGISTRAR, _WITH_MEDIATOR, unless=_challenge_waits, step_up=True, makes=_DRAWING),
    _act("mediator:resign", MEDIATOR, _WITH_MEDIATOR, unless=_is_appointed, makes=_DRAWING),
    # Mediation.
    _act("evidence:request", MEDIATOR, _P.MEDIATION, _P.DECISION, unless=_file_open),
    _act("evidence:admit", MEDIATOR, _P.MEDIATION, _P.DECISION, unless=_late_item_waits),
    _act("proposal:make", MEDIATOR, _P.MEDIATION, makes=_MEDIATED),
    _act("proposal:accept", PARTIES, _P.MEDIATION, unless=_proposal_open, scope="bind", makes=_MEDIATED | _OF_BOTH),
    _act("proposal:reject", PARTIES, _P.MEDIATION, unless=_proposal_open, scope="bind", makes=_MEDIATED),
    _act("mediation:close", MEDIATOR, _P.MEDIATION),
    # Decision.
    _act("decider:ask", PARTIES, _P.DECISION, unless=_fresh_decider_open, scope="speak", makes=_DRAWING),
    _act("final_words:give", PARTIES, _P.DECISION, unless=_final_words_open, scope="speak"),
    _act("decision:issue", MEDIATOR, _P.DECISION, unless=_may_decide, step_up=True),
    _act("decision:accept", PARTIES, _P.DECIDED, unless=_not_answered, step_up=True, scope="bind"),
    _act("decision:reject", PARTIES, _P.DECIDED, unless=_not_answered, step_up=True, scope="bind"),
    # What was promised or granted.
    _act("performance:report", SELLER, _P.CLOSED, unless=_may_report, scope="speak"),
    _act("performance:confirm", BUYER, _P.CLOSED, unless=_may_confirm, scope="bind"),
    _act("performance:deny", BUYER, _P.CLOSED, unless=_may_deny, scope="speak"),
    _act("proof:check", REGISTRAR, _P.CLOSED, unless=_proof_waits),
    _act("procedure:rate", PARTIES, _P.CLOSED, unless=_not_rated, makes=PARTIES),
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
    # Who acts for a side. Only the side itself lets somebody, and ends it; a representative cannot name another one.
    _act("mandate:give", PARTIES, frozenset(_P) - {_P.UNFILED}, unless=_may_give_mandate, step_up=True),
    _act("mandate:end", PARTIES, frozenset(_P) - {_P.UNFILED}, unless=_mandate_open),
    _act("mandate:take_up", PARTIES, frozenset(_P) - {_P.UNFILED}, unless=_may_take_up, scope=IN_OWN_NAME),
    _act("mandate:resign", PARTIES, frozenset(_P) - {_P.UNFILED}, unless=_may_resign_mandate, scope=IN_OWN_NAME),
    # What becomes of the words.
    _act("hold:place", REGISTRAR, frozenset(_P) - {_P.UNFILED}),
    _act("hold:lift", REGISTRAR, frozenset(_P) - {_P.UNFILED}, unless=_is_held),
    # Representatives have what they wrote erased themselves, however long ago their mandate ended.
    _act("words:erase", PARTIES | HOUSE, frozenset(_P) - {_P.UNFILED}, unless=_may_erase, scope=IN_OWN_NAME),
    _act("erasure:record", HOUSE, frozenset(_P) - {_P.UNFILED}, unless=_erasure_waits),
)


def faults_of(row: Row) -> list[str]:
    """What makes no sense in a row, one sentence each. A table with a fault opens no house."""
    by_page = row.who & (PARTIES | WATCHED | STAFF)
    named = frozenset(RELATIONS) & row.who
    known = frozenset[str]().union(*(READERS[reader] for reader in named & frozenset(READERS)))
    wrong = {
        "somebody holds it whom this house does not know": row.who - HOLDERS,
        "nobody holds it": not row.who,
        "it is for anyone, for programs or for who is signed in, and for others as well": (
            row.who & {ANYONE, AUDITOR, SIGNED_IN} and len(row.who) > 1
        ),
        "it asks of a role to stand to a dispute otherwise than it does": (
            row.relation and (row.relation != _relations(row.who) or not row.who <= frozenset(RELATIONS))
        ),
        "it is for a side and about no dispute": not row.relation and named & (PARTIES | HOUSE),
        "an act is in no phase, or what is no act in one": row.act != bool(row.phases),
        "an act is about no dispute, or makes no entry": row.act and not (row.relation and row.classes),
        "a dispute that is not filed has an act": Phase.UNFILED in row.phases,
        "a condition is about no dispute": row.unless and not row.relation,
        "a proof is asked of who cannot give one": row.step_up and not (by_page or SIGNED_IN in row.who),
        "a mandate covers what no side can do": row.scope and not row.who & PARTIES,
        "a mandate covers what there is not": row.scope and row.scope not in (*SCOPES, IN_OWN_NAME),
        "a mandate for reading covers an act": row.scope == "read" and row.act,
        "who does not hold it is written down as its reader": row.audited - row.who,
        "the reading of a side is written down": row.audited - WATCHED - {AUDITOR},
        "it shows a class that none of its readers may know": (
            row.classes - (CLASSES if AUDITOR in row.who else known if row.relation and not row.act else CLASSES)
        ),
        "an act makes an entry that is none of a dispute": row.act and row.classes - IN_DISPUTES,
        "it is about no dispute, and shows entries": not row.relation and row.classes and AUDITOR not in row.who,
        "an auditor reads less than all": AUDITOR in row.who and row.classes != CLASSES,
    }
    return [f"{row.name}: {fault}." for fault, found in wrong.items() if found]


# What the door of a page answers.
ENTER = "enter"
SIGN_IN = "sign in"
PROVE = "prove"
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who stands before the door of a page, as far as it can be known before the page is read.

    `roles` are those of whoever is `signed_in`; `half_way` those of whoever gave a password and has still to prove a
    second factor, who is nobody yet. `token`: an auditor's stands in the request. `proof_is_fresh`: nothing is to be
    proven again. `wrote`: somebody nobody knows sends words that they could not easily write again.
    """

    signed_in: bool = False
    roles: frozenset[str] = frozenset()
    half_way: frozenset[str] = frozenset()
    token: bool = False
    proof_is_fresh: bool = True
    wrote: bool = False


def door(row: Row, visitor: Visitor, acts: bool) -> str:
    """What the door of a page with this permission answers; `acts` says whether the act itself is sent.

    A permission that the parties hold says nothing yet: whether the visitor is a party is known only once the dispute
    is read, and the room that reads it says that there is none.
    """
    if ANYONE in row.who:
        return ENTER
    if AUDITOR in row.who:
        return ENTER if visitor.token else MISSING
    answer = ENTER if row.who & PARTIES else _desk_door(row.who, visitor)
    # Whoever is not signed in is turned away by the room, and learns nothing here.
    if answer == ENTER and row.step_up and acts and visitor.signed_in and not visitor.proof_is_fresh:
        return PROVE
    return answer


def _desk_door(who: frozenset[str], visitor: Visitor) -> str:
    if SIGNED_IN in who:
        return ENTER if visitor.signed_in else SIGN_IN
    if visitor.signed_in:
        # Not 403: whether there is a desk behind this address is not for everybody to learn.
        return ENTER if who & visitor.roles else MISSING
    return SIGN_IN if visitor.wrote or who & visitor.half_way else MISSING


def why_not(permission: str, dispute: Dispute, actor: Actor, at: int) -> str | None:
    """The code of the sentence that says why this actor may not do this now, or None when it may."""
    row = PERMISSIONS[permission]
    if actor.role not in row.who:
        return "not_your_role"
    elsewhere = _own_seat(dispute, actor, row.scope, at) if RELATIONS.get(actor.role) in row.relation else None
    if elsewhere:
        return elsewhere
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


# How long a registrar who acted in a dispute, or opened it with a reason, can look at it without a further one.
AT_HAND = 60 * 60_000


def has_work(dispute: Dispute, actor: Actor, at: int, acted_at: int | None = None) -> bool:
    """Whether this actor reads a dispute for its own sake: its sides and its mediator always, a registrar where
    something in it waits for a registrar, or where their own last act in it, at `acted_at`, was made just now.

    Everywhere else a registrar opens it with a reason first (ADR 29).
    """
    if actor.role != "registrar":
        return True
    decides = dispute.awaited == "registrar" or dispute.challenge is not None
    # What the registrar ordered, or the house for want of an address, a registrar sees to.
    stands_still = dispute.suspension is not None and dispute.suspension.by != "parties"
    # As long as the seller has not come, the notice may have to go by post.
    serves = dispute.step in ("reply", "last_call", "address") and not dispute.seller_joined
    return decides or stands_still or serves or (acted_at is not None and at < acted_at + AT_HAND)


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
        "mandate_given",
    }
)


def reader_of(dispute: Dispute, actor: Actor) -> str:
    """As whom this actor reads the dispute: its role, or "decider" for a mediator after another one's mediation."""
    if actor.role == "mediator" and dispute.mediated_by not in ("", actor.id):
        return "decider"
    return actor.role


def may_know(reader: str, reach: str) -> bool:
    """Whether this reader (see `reader_of`) may know of an entry of this class at all."""
    return reach in shown("dispute:read", reader)


def shown(permission: str, reader: str) -> frozenset[str]:
    """The classes of entries that this permission shows this reader."""
    return PERMISSIONS[permission].classes & READERS.get(reader, frozenset())


def may_have_receipt(reader: str, reach: str, role: str) -> bool:
    """Whether this reader may have the bytes of an entry of this class, made in this role: all its closed data stand
    in them. Agreed and granted amounts do, too, so the registrar, who never reads the merits, has only those of a
    registrar's acts."""
    return reach in shown("receipt:read", reader) and (reader != "registrar" or role == "registrar")


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
