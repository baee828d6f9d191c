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
from odr.procedure.dispute import SIDES, Dispute, Phase, other_side

Condition = Callable[[Dispute, Actor, int], str | None]

ANYONE = "anyone"
SIGNED_IN = "signed_in"
PARTIES = frozenset(SIDES)
REGISTRAR = frozenset({"registrar"})
BUYER = frozenset({"buyer"})
SELLER = frozenset({"seller"})


@dataclass(frozen=True, slots=True)
class Row:
    """One permission: who holds it; for an act on a dispute the phases it exists in and its further condition."""

    name: str
    who: frozenset[str]
    phases: frozenset[Phase] = frozenset()
    unless: Condition | None = None
    act: bool = False


def _own_seat(dispute: Dispute, actor: Actor) -> str | None:
    if actor.role in SIDES and dispute.side_of(actor.id) != actor.role:
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
    return "extended_already" if clock.step in dispute.extended else None


_P = Phase
_BEFORE_END = frozenset(_P) - {_P.UNFILED, _P.SETTLED, _P.CLOSED}
_BEFORE_REPLY = frozenset({_P.SCREENING, _P.NEEDS_INFORMATION})
_FROM_REPLY = frozenset({_P.EVIDENCE, _P.NEGOTIATION})
_WITH_SELLER = frozenset({_P.AWAITING_RESPONSE, _P.EVIDENCE, _P.NEGOTIATION, _P.ASSIGNMENT, _P.DEFAULT_TRACK})


def _table(*rows: Row) -> dict[str, Row]:
    return {row.name: row for row in rows}


def _page(name: str, *who: str) -> Row:
    return Row(name, frozenset(who))


def _act(name: str, who: frozenset[str], *phases: Phase | frozenset[Phase], unless: Condition | None = None) -> Row:
    union = frozenset[Phase]().union(*(phase if isinstance(phase, frozenset) else {phase} for phase in phases))
    return Row(name, who, union, unless, act=True)


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
    _page("filing:draft", SIGNED_IN),
    _page("dispute:list", SIGNED_IN),
    _page("desk:registrar", "registrar"),
    # Reading a dispute: its parties, and the registrar who admits it. Files and words are for the parties;
    # the registrar reads the filing it has to admit (house rule: never the merits).
    Row("dispute:read", PARTIES | REGISTRAR),
    Row("evidence:read", PARTIES),
    # Filing and admission.
    _act("information:ask", REGISTRAR, _P.SCREENING, unless=_review_is_anothers),
    _act("information:give", BUYER, _P.NEEDS_INFORMATION),
    _act("filing:admit", REGISTRAR, _P.SCREENING, unless=_review_is_anothers),
    _act("filing:refuse", REGISTRAR, _P.SCREENING, unless=_review_is_anothers),
    _act("refusal:review", BUYER, _P.REFUSED, unless=_review_once),
    _act("dispute:withdraw", BUYER, _BEFORE_END),
    # The seller's answer.
    _act("seller:join", SELLER, _WITH_SELLER | {_P.SETTLED, _P.CLOSED}),
    _act("reply:give", SELLER, _P.AWAITING_RESPONSE, unless=_reply_open),
    _act("scope:decide", REGISTRAR, _P.AWAITING_RESPONSE, unless=_scope_pending),
    # Evidence.
    _act("evidence:add", PARTIES, _BEFORE_REPLY, _P.AWAITING_RESPONSE, _P.EVIDENCE),
    _act("evidence:complete", PARTIES, _P.EVIDENCE, unless=_not_complete),
    # Negotiation and settlement.
    _act("message:send", PARTIES, _WITH_SELLER - {_P.DEFAULT_TRACK}, _P.SETTLED),
    _act("offer:make", PARTIES, _FROM_REPLY),
    _act("offer:accept", PARTIES, _FROM_REPLY, unless=_others_offer_open),
    _act("offer:reject", PARTIES, _FROM_REPLY, unless=_others_offer_open),
    _act("offer:withdraw", PARTIES, _FROM_REPLY, unless=_own_offer_open),
    _act("negotiation:leave", PARTIES, _P.NEGOTIATION, unless=_may_leave),
    _act("settlement:sign", PARTIES, _P.SETTLED, unless=_not_signed),
    _act("direct:state", PARTIES, _WITH_SELLER, unless=_direct_not_stated),
    _act("direct:deny", BUYER, _WITH_SELLER, unless=_direct_stated_by_seller),
    # Time.
    _act("extension:ask", PARTIES, _BEFORE_END, unless=_may_ask_extension),
    _act("extension:agree", PARTIES, _BEFORE_END, unless=_extension_asked_by_other),
    _act("extension:grant", REGISTRAR, _BEFORE_END, unless=_extension_possible),
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


def acts_of(dispute: Dispute, actor: Actor, at: int) -> list[str]:
    """Everything this actor may do on this dispute now, in the order of the table."""
    return [name for name, row in PERMISSIONS.items() if row.act and may(name, dispute, actor, at)]


# Which classes of entries each role may read (decisions.md: queries filter by the class). Whoever decides is on
# the other side of the wall; the registrar admits and unblocks, and never reads the merits.
_CLASSES = {
    "buyer": frozenset({"parties", "wall", "buyer", "public"}),
    "seller": frozenset({"parties", "wall", "seller", "public"}),
    "registrar": frozenset({"parties", "public"}),
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
    }
)


def may_know(role: str, reach: str) -> bool:
    """Whether this role may know of an entry of this class at all."""
    return reach in _CLASSES.get(role, frozenset())


def may_read_words(role: str, type_name: str, reach: str, data: Mapping[str, Any]) -> bool:
    """Whether this role may read the personal words beside an entry of this type, class and closed data."""
    if role != "registrar":
        return may_know(role, reach)
    # Of the seller's replies the registrar decides on one, the objection to the scope; the others are the merits.
    merits = type_name == "reply_given" and data["choice"] != "object"
    return may_know(role, reach) and type_name in _REGISTRAR_WORDS and not merits
