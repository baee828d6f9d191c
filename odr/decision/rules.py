"""The decision: final words, a fresh decider, the reasoned decision, and accepting or rejecting it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from odr.kernel import Actor, Money, Refused, moment
from odr.procedure.access import demand
from odr.procedure.deadlines import Seats, begin, end_of_day
from odr.procedure.dispute import SIDES, Dispute
from odr.procedure.events import ClaimItem, DecisionAnswered, DecisionIssued, Event, FinalWordsGiven, Finding, Term
from odr.procedure.passages import close_file, end_of_decision, is_accepted, release
from odr.procedure.rules import check_terms, days_to_perform, require_amount, require_text, words

MOST_FINDINGS = 30
# What a finding cites that rests on the filing and the reply themselves.
STATEMENTS = 0


def ask_fresh_decider(dispute: Dispute, actor: Actor, *, at: int, seats: Seats) -> list[Event]:
    """Ask that somebody else decides than who mediated (procedure 3.7): the next of the same order, who learns nothing
    of the mediation."""
    demand("decider:ask", dispute, actor, at)
    return release(dispute, at, seats, "fresh_decider", side=actor.role)


def give_final_words(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, text: str = "") -> list[Event]:
    """A side's last word, or that it has nothing to add; when both gave theirs the file is closed."""
    demand("final_words:give", dispute, actor, at)
    given: list[Event] = [FinalWordsGiven(side=actor.role, words=words(text=text))]
    if dispute.final_words | {actor.role} == set(SIDES):
        given.append(close_file(dispute, at, seats))
    return given


def issue_decision(
    dispute: Dispute,
    actor: Actor,
    *,
    at: int,
    seats: Seats,
    terms: tuple[Term, ...],
    basis: str,
    findings: tuple[Finding, ...],
    texts: Mapping[str, str],
    costs: Money | None = None,
    perform_days: int | None = None,
) -> list[Event]:
    """Decide, with reasons (Directive 2013/11/EU, Art. 9): each item of the claim granted or refused, costs beside
    them, and for each finding what it rests on.

    `texts` holds `reasons` and `finding_1` … one for each finding. Refused when a finding rests on nothing, on an item
    that is not in the file, or on one that came too late and was not admitted.
    """
    demand("decision:issue", dispute, actor, at)
    if basis not in dispute.rules.bases:
        raise Refused("basis_unknown")
    days = days_to_perform(dispute, perform_days)
    check_terms(dispute, actor, terms)
    _check_award(dispute, terms, costs)
    _check_findings(dispute, findings, texts)
    kept = {"reasons": texts["reasons"], **{name: texts[name] for name in _names(findings)}}
    return [
        DecisionIssued(
            outcome=_outcome(dispute, terms),
            terms=terms,
            costs=costs,
            basis=basis,
            findings=findings,
            perform_by=end_of_day(moment(at).date() + timedelta(days)),
            clock=begin(dispute.rules, "acceptance", at, seats),
            words=words(**kept),
        )
    ]


def accept_decision(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, seen: str) -> list[Event]:
    """Say yes to the decision as it was shown."""
    return _answer(dispute, actor, at, "decision:accept", seen, accepts=True)


def reject_decision(dispute: Dispute, actor: Actor, *, at: int, seats: Seats, seen: str) -> list[Event]:
    """Say no to the decision; both sides keep every other way, a court among them."""
    return _answer(dispute, actor, at, "decision:reject", seen, accepts=False)


def _answer(dispute: Dispute, actor: Actor, at: int, permission: str, seen: str, *, accepts: bool) -> list[Event]:
    demand(permission, dispute, actor, at)
    decision = dispute.decision
    if decision is None or seen != decision.seal:
        raise Refused("decision_changed")
    answered = DecisionAnswered(side=actor.role, accepts=accepts, seen=seen)
    after = decision.answered(actor.role, accepts)
    # What the seller says to a claim that is not granted changes nothing, and nobody waits for it.
    over = after.answered_by == set(SIDES) or "buyer" in after.rejected_by or is_accepted(dispute, after)
    return [answered, end_of_decision(dispute, after, at)] if over else [answered]


def _outcome(dispute: Dispute, terms: tuple[Term, ...]) -> str:
    full = [_in_full(item, term) for item, term in zip(dispute.items, terms, strict=True)]
    if all(full):
        return "for_buyer"
    return "partly" if any(term.granted for term in terms) else "for_seller"


def _in_full(item: ClaimItem, term: Term) -> bool:
    return term.granted and (item.amount is None or term.amount == item.amount)


def _check_award(dispute: Dispute, terms: tuple[Term, ...], costs: Money | None) -> None:
    """No more than was claimed on each item, in its currency; costs are an amount of their own."""
    for item, term in zip(dispute.items, terms, strict=True):
        if term.amount is None or item.amount is None:
            continue
        if term.amount.currency != item.amount.currency:
            raise Refused("currency_not_claimed", currency=term.amount.currency)
        if term.amount.minor > item.amount.minor:
            raise Refused("award_above_claim", claimed=item.amount)
    if costs is not None:
        require_amount(costs)


def _check_findings(dispute: Dispute, findings: tuple[Finding, ...], texts: Mapping[str, str]) -> None:
    require_text(texts.get("reasons", ""), "reasons_missing")
    if not findings:
        raise Refused("finding_missing")
    if len(findings) > MOST_FINDINGS:
        raise Refused("too_many_findings", most=MOST_FINDINGS)
    there = {STATEMENTS, *(item.item for item in dispute.evidence)}
    for name, finding in zip(_names(findings), findings, strict=True):
        require_text(texts.get(name, ""), "finding_missing")
        if not finding.cites:
            raise Refused("finding_rests_on_nothing")
        if len(finding.cites) > len(there) or not there.issuperset(finding.cites):
            raise Refused("evidence_unknown")
        if dispute.barred.intersection(finding.cites):
            raise Refused("evidence_not_admitted")


def _names(findings: tuple[Finding, ...]) -> list[str]:
    return [f"finding_{place}" for place, _ in enumerate(findings, 1)]
