"""What the rule of each act is given: the few fields of a script, and of the dispute what its actor sees now."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from odr.compliance import rules as compliance
from odr.decision import rules as decision
from odr.disputes.service import Rule
from odr.evidence.rules import add_evidence, complete_evidence
from odr.filing import rules as filing
from odr.kernel import Money
from odr.mediation import rules as mediation
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.dispute import SIDES, Dispute, other_side
from odr.procedure.events import Finding, Term
from odr.replay.rules import NO_WORDS, Deed
from odr.response import rules as response

Given = Mapping[str, Any]
Asked = tuple[Rule, dict[str, Any]]
Asking = Callable[[Deed, Dispute], Asked]


def _join(deed: Deed, dispute: Dispute) -> Asked:
    return response.join_seller, {"proof": "invitation_link"}


def _reply(deed: Deed, dispute: Dispute) -> Asked:
    choice = deed.fields["choice"]
    given: dict[str, Any] = {"choice": choice, "text": deed.text(needed=choice in ("contest", "object"))}
    if choice == "offer" and {"amount", "items"} & deed.fields.keys():
        given["terms"] = _terms(deed, dispute)
    return response.give_reply, given


def _offer(deed: Deed, dispute: Dispute) -> Asked:
    return negotiation.make_offer, {
        "terms": _terms(deed, dispute),
        "text": deed.text(),
        **_told(deed, "perform_days", "open_days"),
    }


def _told(deed: Deed, *names: str) -> dict[str, Any]:
    """Those of these fields that the act has."""
    return {name: deed.fields[name] for name in names if name in deed.fields}


def _terms(deed: Deed, dispute: Dispute) -> tuple[Term, ...]:
    """One term for each claim item: as `items` say, or the amount for the first item that is about money."""
    if "items" in deed.fields:
        return tuple(_term(place, item, dispute) for place, item in enumerate(deed.fields["items"]))
    money = _first_money(dispute)
    amount = _money(deed.fields, dispute, money)
    places = range(max(len(dispute.items), 1))
    return tuple(_granted(place, amount) if place == money else Term(place, False) for place in places)


def _first_money(dispute: Dispute) -> int:
    """The place of the first item that is about money."""
    return next((place for place, item in enumerate(dispute.items) if item.amount), 0)


def _term(place: int, item: Any, dispute: Dispute) -> Term:
    return _granted(place, _money(item, dispute, place)) if isinstance(item, dict) else Term(place, bool(item))


def _granted(place: int, amount: Money) -> Term:
    # In an offer amounts are positive: one of 0.00 says that nothing is given on this item.
    return Term(place, True, amount) if amount.minor else Term(place, False)


def _money(told: Given, dispute: Dispute, place: int) -> Money:
    claimed = dispute.items[place].amount if place < len(dispute.items) else None
    paid = dispute.paid.currency if dispute.paid else ""
    return Money.parse(told["amount"], told.get("currency") or (claimed.currency if claimed else paid))


def _answered(deed: Deed, there: Sequence[Any]) -> int:
    """The offer or proposal that an act is about: the latest one, or the one that `of` names by its place."""
    place: int = deed.fields.get("of", max(len(there) - 1, 0))
    return place


def _seal_of(there: Sequence[Any], place: int) -> str:
    seal: str = there[place].seal if 0 <= place < len(there) else ""
    return seal


def _accept(deed: Deed, dispute: Dispute) -> Asked:
    place = _answered(deed, dispute.offers)
    return negotiation.accept_offer, {"offer": place, "seen": _seal_of(dispute.offers, place)}


def _sign(deed: Deed, dispute: Dispute) -> Asked:
    return procedure.sign_settlement, {"seen": dispute.agreement.seal if dispute.agreement else ""}


def _extend(deed: Deed, dispute: Dispute) -> Asked:
    """Ask for more time, or consent where the other side has asked; the registrar or the mediator grants it."""
    if deed.by not in SIDES:
        return procedure.grant_extension, {"text": deed.text(needed=True)}
    if dispute.extension_asked_by == other_side(deed.by):
        return procedure.agree_extension, {}
    return procedure.ask_extension, {"text": deed.text()}


def _suspend(deed: Deed, dispute: Dispute) -> Asked:
    """Ask that all time stands still, or consent where the other side has asked; the registrar orders it."""
    if deed.by not in SIDES:
        ground = deed.fields.get("ground", "")
        return procedure.order_suspension, {"ground": ground, "text": deed.text(needed=True)}
    if dispute.suspension_asked_by == other_side(deed.by):
        return procedure.agree_suspension, {}
    return procedure.ask_suspension, {"text": deed.text()}


def _ask(deed: Deed, dispute: Dispute) -> Asked:
    topics = tuple(deed.fields.get("topics", ("story",)))
    return filing.ask_information, {"topics": topics, "text": deed.text(needed=True)}


def _evidence(deed: Deed, dispute: Dispute) -> Asked:
    name = deed.fields.get("name") or Path(deed.fields["file"]).name
    return add_evidence, {"name": name, "about": deed.fields.get("about", "")}


def _address(deed: Deed, dispute: Dispute) -> Asked:
    contact = {"country": dispute.seller_country, **_told(deed, "name", "email")}
    return response.give_address, {"seller": json.dumps(contact, ensure_ascii=False)}


def _returned(deed: Deed, dispute: Dispute) -> Asked:
    return procedure.return_notice, {"side": deed.fields.get("side", "seller"), "template": INVITATION}


INVITATION = "invitation"
"""The notice that tells a seller of a dispute, which is the one that comes back most."""


def _accept_appointment(deed: Deed, dispute: Dispute) -> Asked:
    # Before the filing there are no rules, and the act is refused whatever it says.
    declared = dispute.ruleset.declarations if dispute.ruleset else ()
    return mediation.accept_appointment, {"declared": declared, "text": deed.text()}


def _request(deed: Deed, dispute: Dispute) -> Asked:
    side, days = deed.fields.get("side", "seller"), deed.fields.get("days", REQUEST_DAYS)
    return mediation.request_evidence, {"side": side, "days": days, "text": deed.text(needed=True)}


REQUEST_DAYS = 7


def _admit_late(deed: Deed, dispute: Dispute) -> Asked:
    item = deed.fields.get("item", max(dispute.barred, default=0))
    return mediation.admit_late_evidence, {"item": item, "text": deed.text(needed=True)}


def _propose(deed: Deed, dispute: Dispute) -> Asked:
    return mediation.make_proposal, {
        "terms": _terms(deed, dispute),
        "text": deed.text(),
        **_told(deed, "perform_days"),
    }


def _with_proposal(rule: Rule) -> Asking:
    def asked(deed: Deed, dispute: Dispute) -> Asked:
        place = _answered(deed, dispute.proposals)
        return rule, {"proposal": place, "seen": _seal_of(dispute.proposals, place)}

    return asked


def _decide(deed: Deed, dispute: Dispute) -> Asked:
    findings, texts = _findings(deed, dispute)
    return decision.issue_decision, {
        "terms": _award(deed, dispute),
        "basis": deed.fields.get("basis", "buyer_law"),
        "findings": findings,
        "texts": texts,
        "costs": _costs(deed, dispute),
        **_told(deed, "perform_days"),
    }


def _award(deed: Deed, dispute: Dispute) -> tuple[Term, ...]:
    """What is granted: as `items` say; else the whole claim, nothing of it, or the amount for the first item that is
    about money. What is said of the amount goes before the word for the outcome."""
    if "items" in deed.fields:
        return _terms(deed, dispute)
    if deed.fields["outcome"] == "for_buyer":
        award = [Term(place, True, item.amount) for place, item in enumerate(dispute.items)]
        if "amount" in deed.fields and award:
            money = _first_money(dispute)
            award[money] = _granted(money, _money(deed.fields, dispute, money))
        return tuple(award)
    if "amount" in deed.fields:
        return _terms(deed, dispute)
    return tuple(Term(place, granted=False) for place in range(len(dispute.items)))


def _costs(deed: Deed, dispute: Dispute) -> Money | None:
    told = {"amount": deed.fields.get("costs", ""), **_told(deed, "currency")}
    return _money(told, dispute, _first_money(dispute)) if told["amount"] else None


def _findings(deed: Deed, dispute: Dispute) -> tuple[tuple[Finding, ...], dict[str, str]]:
    """The findings with their words; where the script has none, one that rests on all that is in the file."""
    file = [item.item for item in dispute.evidence if item.item not in dispute.barred] or [decision.STATEMENTS]
    told = deed.fields.get("findings") or [{"text": NO_WORDS}]
    texts = {f"finding_{place}": finding["text"] for place, finding in enumerate(told, 1)}
    reasons = deed.fields.get("reasons", NO_WORDS)
    return tuple(Finding(tuple(one.get("cites") or file)) for one in told), {"reasons": reasons, **texts}


def _with_decision(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"seen": dispute.decision.seal if dispute.decision else ""})


def _on_challenge(upheld: bool) -> Asking:
    return lambda deed, dispute: (mediation.decide_challenge, {"upheld": upheld, "text": deed.text(needed=True)})


def _check_proof(deed: Deed, dispute: Dispute) -> Asked:
    return compliance.check_proof, {"shown": deed.fields["shown"], "text": deed.text(needed=True)}


def _hand_over(deed: Deed, dispute: Dispute) -> Asked:
    return procedure.hand_over, {"reason": deed.fields["reason"], "text": deed.text(needed=True)}


def _plain(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {})


def _with_text(rule: Rule, *, needed: bool = True) -> Asking:
    return lambda deed, dispute: (rule, {"text": deed.text(needed=needed)})


def _with_ground(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"ground": deed.fields["ground"], "text": deed.text(needed=True)})


def _with_offer(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"offer": _answered(deed, dispute.offers)})


def _with_score(rule: Rule) -> Asking:
    return lambda deed, dispute: (rule, {"score": deed.fields["score"]})


ASKED: Mapping[str, Asking] = {
    # The parties.
    "join": _join,
    "reply": _reply,
    "message": _with_text(procedure.send_message),
    "evidence": _evidence,
    "evidence_complete": _plain(complete_evidence),
    "offer": _offer,
    "withdraw_offer": _with_offer(negotiation.withdraw_offer),
    "accept": _accept,
    "reject": _with_offer(negotiation.reject_offer),
    "leave": _plain(negotiation.leave_negotiation),
    "sign": _sign,
    "settled_directly": _with_text(procedure.state_direct_settlement),
    "deny_direct": _plain(procedure.deny_direct_settlement),
    "extend": _extend,
    "suspend": _suspend,
    "resume": _plain(procedure.end_suspension),
    "complete": _with_text(filing.give_information),
    "review": _with_text(filing.ask_review),
    "address": _address,
    "withdraw": _with_text(procedure.withdraw_dispute, needed=False),
    "object": _plain(mediation.object_to_mediator),
    "waive": _plain(mediation.waive_objection),
    "challenge": _with_ground(mediation.challenge_mediator),
    "accept_proposal": _with_proposal(mediation.accept_proposal),
    "reject_proposal": _with_proposal(mediation.reject_proposal),
    "fresh_decider": _plain(decision.ask_fresh_decider),
    "final_words": _with_text(decision.give_final_words, needed=False),
    "accept_decision": _with_decision(decision.accept_decision),
    "reject_decision": _with_decision(decision.reject_decision),
    "performed": _with_text(compliance.report_performance),
    "confirm": _plain(compliance.confirm_performance),
    "not_honoured": _with_text(compliance.deny_performance),
    "rate": _with_score(compliance.rate_procedure),
    # The registrar.
    "admit": _plain(filing.admit_filing),
    "ask": _ask,
    "refuse": _with_ground(filing.refuse_filing),
    "dismiss": _with_text(response.dismiss_objection),
    "uphold": _with_ground(filing.uphold_objection),
    "dismiss_challenge": _on_challenge(upheld=False),
    "uphold_challenge": _on_challenge(upheld=True),
    "check_proof": _check_proof,
    "hand_over": _hand_over,
    # The mediator.
    "accept_appointment": _accept_appointment,
    "decline_appointment": _with_text(mediation.decline_appointment, needed=False),
    "resign": _with_text(mediation.resign),
    "request_evidence": _request,
    "admit_late": _admit_late,
    "propose": _propose,
    "close_mediation": _plain(mediation.close_mediation),
    "decide": _decide,
    # The mail.
    "notice_returned": _returned,
}
