"""The mediation: fix the pool, draw, accept or decline, object, challenge, ask for evidence, propose, close."""

from __future__ import annotations

import re
from datetime import timedelta

from odr.kernel import Actor, Refused, moment
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats, begin, end_of_day, until
from odr.procedure.dispute import SIDES, Dispute, Proposal
from odr.procedure.draw import RULE
from odr.procedure.events import (
    ChallengeDecided,
    ChallengeMade,
    Event,
    EvidenceRequested,
    LateEvidenceAdmitted,
    MediatorAccepted,
    ObjectionWaived,
    PoolCommitted,
    ProposalAnswered,
    ProposalMade,
    Term,
)
from odr.procedure.passages import end_mediation, next_drawn, release, take_up
from odr.procedure.rules import agreement, check_terms, days_to_perform, require_text, words

_ID = re.compile(r"[0-9a-f]{32}")
_ROOT = re.compile(r"[0-9a-f]{64}")

# What a mediator has to have shown, and not to have lapsed, to be drawn (Directive 2013/11/EU, Art. 6; ADR 34).
REQUIRED_CREDENTIALS = ("mediation", "consumer_law")

MOST_PROPOSALS = 20
# Each may keep the file open for longer, so that without an end to them no decision need ever be made.
MOST_REQUESTS = 20
# Names in one pool: an entry of 64 KiB holds more, a roster hardly ever does.
MOST_IN_POOL = 1_000


# -- the draw ---------------------------------------------------------------------------------------------------


def commit_pool(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, pool: tuple[str, ...]) -> list[Event]:
    """Fix from whom one will be drawn, before anybody can know the seed. Who was already drawn in this dispute is
    left out. Refused("pool_empty") when nobody is left."""
    demand("pool:commit", dispute, actor, at)
    names = sorted({name for name in pool if _ID.fullmatch(name) and name not in dispute.met})
    if not names:
        raise Refused("pool_empty")
    return [PoolCommitted(pool=tuple(names[:MOST_IN_POOL]), rule=RULE)]


def draw_mediator(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, size: int, root: str) -> list[Event]:
    """Draw by the first checkpoint that was signed over the pool: its tree `size` and `root` (64 hex digits)."""
    demand("mediator:draw", dispute, actor, at)
    if size <= 0 or size >= 2**53 or not _ROOT.fullmatch(root):
        raise Refused("no_checkpoint")
    drawn = next_drawn(dispute, 0, size, root, at, seats)
    return [drawn] if drawn else []


# -- the appointment --------------------------------------------------------------------------------------------


def accept_appointment(
    dispute: Dispute, actor: Actor, *, at: int, seats: Seats, declared: tuple[str, ...], text: str = ""
) -> list[Event]:
    """The drawn mediator accepts and declares to be free of every tie of the list (Directive 2013/11/EU, Art. 6)."""
    demand("appointment:accept", dispute, actor, at)
    if set(declared) != set(dispute.rules.declarations):
        raise Refused("declaration_incomplete")
    may_object = set(SIDES) - dispute.objected
    clock = begin(dispute.rules, "objection", at, seats) if may_object else None
    accepted = MediatorAccepted(declared=dispute.rules.declarations, clock=clock, words=words(text=text))
    return [accepted] if clock else [accepted, take_up(dispute, at, seats)]


def decline_appointment(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str = "") -> list[Event]:
    """The drawn mediator cannot or must not take this dispute."""
    demand("appointment:decline", dispute, actor, at)
    return release(dispute, at, seats, "declined", text=text)


def resign(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str) -> list[Event]:
    """The mediator gives the dispute back, with a reason; what was done stays in the file."""
    demand("mediator:resign", dispute, actor, at)
    require_text(text, "reasons_missing")
    return release(dispute, at, seats, "resigned", text=text)


def object_to_mediator(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Each side's one free objection: no reason is asked, and the next of the same order is drawn."""
    demand("objection:make", dispute, actor, at)
    return release(dispute, at, seats, "objection", side=actor.role)


def waive_objection(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """No objection. When nobody is left who may object, the mediator begins at once."""
    demand("objection:waive", dispute, actor, at)
    waived: list[Event] = [ObjectionWaived(side=actor.role)]
    if dispute.unopposed | dispute.objected | {actor.role} >= set(SIDES):
        waived.append(take_up(dispute, at, seats))
    return waived


def challenge_mediator(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, ground: str, text: str) -> list[Event]:
    """A reasoned challenge, at any time (procedure 3.4): a registrar decides, the dispute goes on meanwhile."""
    demand("challenge:make", dispute, actor, at)
    if ground not in dispute.rules.challenge_grounds:
        raise Refused("ground_unknown")
    require_text(text, "reasons_missing")
    clock = begin(dispute.rules, "challenge", at, seats)
    return [ChallengeMade(side=actor.role, ground=ground, clock=clock, words=words(text=text))]


def decide_challenge(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, upheld: bool, text: str) -> list[Event]:
    """The registrar decides on the challenge, with reasons; upheld, the next of the same order is drawn."""
    demand("challenge:decide", dispute, actor, at)
    require_text(text, "reasons_missing")
    side = dispute.challenge.side if dispute.challenge else None
    decided: list[Event] = [ChallengeDecided(upheld=upheld, words=words(text=text))]
    return decided + release(dispute, at, seats, "challenge", side=side) if upheld else decided


# -- mediating --------------------------------------------------------------------------------------------------


def request_evidence(
    dispute: Dispute, actor: Actor, *, at: int, seats: Seats, side: str, days: int, text: str
) -> list[Event]:
    """Ask a side for evidence within `days`; the last day ends when it has ended everywhere. Before the decision the
    file stays open until then."""
    demand("evidence:request", dispute, actor, at)
    if side not in SIDES:
        raise Refused("side_unknown")
    if len(dispute.requests) >= MOST_REQUESTS:
        raise Refused("too_many_requests", most=MOST_REQUESTS)
    most = dispute.rules.evidence_request_days_most
    if not 1 <= days <= most:
        raise Refused("request_days_out_of_range", most=most)
    require_text(text)
    due = end_of_day(moment(at).date() + timedelta(days))
    closes = dispute.step_clock if dispute.step == "final_words" else None
    clock = until(dispute.rules, "final_words", due, "requested") if closes and due > closes.due else None
    return [EvidenceRequested(side=side, due=due, clock=clock, words=words(text=text))]


def admit_late_evidence(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, item: int, text: str) -> list[Event]:
    """Let an item count that came after its time, with a reason that both sides read."""
    demand("evidence:admit", dispute, actor, at)
    if item not in dispute.barred:
        raise Refused("no_late_evidence")
    require_text(text, "reasons_missing")
    return [LateEvidenceAdmitted(item=item, words=words(text=text))]


def make_proposal(
    dispute: Dispute,
    actor: Actor,
    *,
    at: int,
    seats: Seats,
    terms: tuple[Term, ...],
    perform_days: int | None = None,
    text: str = "",
) -> list[Event]:
    """Propose a settlement, item by item. It binds nobody; both sides may take it or leave it."""
    demand("proposal:make", dispute, actor, at)
    if len(dispute.proposals) >= MOST_PROPOSALS:
        raise Refused("too_many_proposals", most=MOST_PROPOSALS)
    days = days_to_perform(dispute, perform_days)
    check_terms(dispute, actor, terms)
    number = len(dispute.proposals)
    return [ProposalMade(proposal=number, terms=terms, perform_days=days, words=words(text=text))]


def accept_proposal(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, proposal: int, seen: str) -> list[Event]:
    """Say yes to the proposal as it was shown; when both sides did, it is their agreement."""
    answered = _demand_proposal(dispute, actor, proposal, seen, "proposal:accept", at)
    yes = ProposalAnswered(side=actor.role, proposal=proposal, accepts=True, seen=seen)
    if not answered.accepted_by:
        return [yes]
    return [yes, agreement(dispute, answered.terms, "settled_mediation", at, seats, answered.perform_days)]


def reject_proposal(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, proposal: int, seen: str) -> list[Event]:
    """Say no to the proposal; the mediator may make another one, or close the mediation."""
    _demand_proposal(dispute, actor, proposal, seen, "proposal:reject", at)
    return [ProposalAnswered(side=actor.role, proposal=proposal, accepts=False, seen=seen)]


def close_mediation(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """End the mediation without an agreement; both sides give their final words next."""
    demand("mediation:close", dispute, actor, at)
    return end_mediation(dispute, at, seats, actor.role)


def _demand_proposal(dispute: Dispute, actor: Actor, number: int, seen: str, permission: str, at: int) -> Proposal:
    """The proposal that is being answered, as it was shown."""
    demand(permission, dispute, actor, at)
    proposal = dispute.open_proposal
    if proposal is None or proposal.number != number or proposal.seal != seen:
        raise Refused("proposal_changed")
    return proposal
