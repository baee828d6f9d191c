"""Which event tells whom: the whole table, and what it must never tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from flask import Flask

from odr.house import House
from odr.kernel import Money
from odr.notices.mail import Press, Recipient
from odr.notices.outbox import Letter
from odr.notices.rules import OTHER, RULES, Notice, notices_for, standing
from odr.procedure.dispute import Agreement, Dispute, Offer, Phase
from odr.procedure.events import (
    EVENTS,
    AdmissionOverdue,
    AgreementReached,
    ClaimItem,
    Deadline,
    DisputeClosed,
    DisputeFiled,
    Event,
    EvidenceAdded,
    FilingAdmitted,
    FilingRefused,
    OfferAccepted,
    OfferMade,
    ReplyGiven,
    SettlementSigned,
    Term,
)
from odr.procedure.ruleset import shipped_rulesets

MAY = 1_778_846_400_000  # 15 May 2026, 12:00 UTC
EUR = Money(114900, "EUR")
CLOCK = Deadline("evidence", "both", MAY, "default-1:evidence:10:")
TERMS = (Term(0, True, EUR),)
SECRET = "only the parties may read this"

# One value for each field that an event can have.
VALUES: dict[str, Any] = {
    "number": "7K3M-Q9TZ-5", "ruleset": "default-1", "ruleset_digest": "0" * 64, "buyer": "b" * 32, "seller": "5" * 32,
    "buyer_country": "DE", "seller_country": "CN", "buyer_language": "en", "seller_language": "zh_Hans",
    "category": "not_delivered", "items": (ClaimItem("refund", EUR),), "paid": EUR, "ordered_on": "2026-03-27",
    "contacted_on": "2026-04-02", "clock": CLOCK, "topics": ("order",), "ground": "late", "proof": "invitation_link",
    "choice": "contest", "side": "buyer", "item": 1, "media": "image/png", "size": 4, "notes": (),
    "reason": "file_empty",
    "offer": 0, "terms": TERMS, "perform_days": 14, "expires": MAY, "replaces": None, "seen": "0" * 64,
    "by": "registrar", "how": "settled_negotiation", "perform_by": MAY, "code": "settled_negotiation",
    "compliance": "due", "step": "evidence",
}  # fmt: skip


def event_of(kind: type[Event], **changes: Any) -> Event:
    given = {part.name: VALUES[part.name] for part in fields(kind) if part.name != "words"}
    return kind(**given | changes, words={"text": SECRET})


def a_dispute(**changes: Any) -> Dispute:
    """A dispute late in its life, in which every notice finds what it speaks of."""
    known = {name: VALUES[name] for name in ("number", "category", "items", "buyer_country", "ordered_on", "clock")}
    dispute = Dispute(
        id="d" * 32,
        phase=Phase.EVIDENCE,
        ruleset=shipped_rulesets().named("default-1"),
        admitted_at=MAY,
        offers=(Offer(0, "buyer", TERMS, 14, MAY, "open", MAY, 9, "0" * 64),),
        agreement=Agreement("settled_negotiation", TERMS, MAY, 12, "0" * 64),
        signed=frozenset({"buyer"}),
        settled_directly_by="seller",
        **known,
    )
    return replace(dispute, **changes)


def told(event: Event, dispute: Dispute) -> list[tuple[str, str]]:
    return [(notice.template, notice.side) for notice in notices_for(event, dispute)]


def test_every_event_has_its_line() -> None:
    assert set(RULES) == set(EVENTS.values())


def test_whoever_tells_the_other_side_says_which_side_acted() -> None:
    for kind, lines in RULES.items():
        if any(line.to == OTHER for line in lines):
            assert "side" in {part.name for part in fields(kind)}, kind


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_a_side_is_told_of_an_event_once_at_most(kind: type[Event]) -> None:
    sides = [side for _, side in told(event_of(kind), a_dispute())]

    assert len(sides) == len(set(sides))


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_no_notice_carries_anybodys_words(kind: type[Event]) -> None:
    for notice in notices_for(event_of(kind), a_dispute()):
        assert SECRET not in json.dumps(notice.params)


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_the_seller_is_told_nothing_before_the_filing_is_admitted(kind: type[Event]) -> None:
    assert "seller" not in [side for _, side in told(event_of(kind), a_dispute(admitted_at=None))]


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_nobody_gets_mail_about_their_own_offer_message_or_evidence(kind: type[Event]) -> None:
    if all(line.to == OTHER for line in RULES[kind]):
        assert "seller" not in [side for _, side in told(event_of(kind, **_by_seller(kind)), a_dispute())]


def _by_seller(kind: type[Event]) -> dict[str, str]:
    return {"side": "seller"} if "side" in {part.name for part in fields(kind)} else {}


def test_the_filing_is_confirmed_to_the_buyer_and_the_admission_told_to_both() -> None:
    assert told(event_of(DisputeFiled), a_dispute(admitted_at=None)) == [("filing_received", "buyer")]
    assert told(event_of(FilingAdmitted), a_dispute()) == [("filing_admitted", "buyer"), ("invitation", "seller")]


def test_a_refused_filing_stays_between_buyer_and_registrar() -> None:
    assert told(event_of(FilingRefused), a_dispute(admitted_at=None)) == [("filing_refused", "buyer")]


def test_an_offer_goes_to_the_side_that_can_answer_it() -> None:
    assert told(event_of(OfferMade, side="seller"), a_dispute()) == [("offer_received", "buyer")]
    assert told(event_of(OfferAccepted, side="seller"), a_dispute()) == [("offer_accepted", "buyer")]


def test_both_are_asked_to_sign_and_both_learn_the_end() -> None:
    assert told(event_of(AgreementReached), a_dispute()) == [
        ("settlement_to_sign", "buyer"),
        ("settlement_to_sign", "seller"),
    ]
    assert told(event_of(DisputeClosed), a_dispute()) == [("dispute_closed", "buyer"), ("dispute_closed", "seller")]


def test_the_second_signature_is_told_by_the_end_alone() -> None:
    assert told(event_of(SettlementSigned), a_dispute()) == [("news", "seller")]
    assert told(event_of(SettlementSigned), a_dispute(signed=frozenset({"buyer", "seller"}))) == []


def test_an_overdue_admission_without_a_new_date_says_nothing_new() -> None:
    assert told(event_of(AdmissionOverdue), a_dispute(clock=None)) == []


def test_an_answer_that_ends_the_matter_names_no_time_limit() -> None:
    (notice,) = notices_for(event_of(ReplyGiven, choice="decline", clock=None), a_dispute())

    assert (notice.params["due"], notice.params["choice"]) == (None, "decline")


def test_evidence_is_told_gathered_and_everything_else_at_once() -> None:
    gathered = {kind for kind, lines in RULES.items() if any(line.gathered for line in lines)}

    assert gathered == {EvidenceAdded}


@pytest.fixture
def press(app: Flask) -> Iterator[Press]:
    house: House = app.extensions["odr"]
    with app.app_context():
        yield Press(app.jinja_env, house.settings)


@pytest.mark.one_database
def test_what_the_rules_say_is_all_that_the_mails_need(press: Press) -> None:
    clocks = [replace(CLOCK, step=step) for step in shipped_rulesets().named("default-1").steps]
    stages = [a_dispute(phase=phase, clock=clock) for phase in Phase for clock in clocks]
    choices = [{"choice": choice} for choice in shipped_rulesets().named("default-1").reply_choices]

    for kind in EVENTS.values():
        for dispute in _met(kind, stages):
            for changes in choices if kind is ReplyGiven else [{}]:
                for notice in notices_for(event_of(kind, **changes), dispute):
                    assert press.render(_letter(notice), Recipient("lin@example.org", "en", "UTC"), "https://x/", MAY)


@pytest.mark.one_database
@pytest.mark.parametrize("side", ["buyer", "seller"])
def test_a_side_that_lost_its_mail_is_told_again_what_is_expected(press: Press, side: str) -> None:
    for step in shipped_rulesets().named("default-1").steps.values():
        clock = replace(CLOCK, step=step.name, holder=step.holder)
        notice = standing(a_dispute(clock=clock), side)

        if step.holder not in (side, "both"):
            assert notice is None
        elif side == "seller" and step.name in ("reply", "last_call"):
            assert notice is not None and notice.template == "invitation"
        else:
            assert notice is not None and notice.template == "your_turn"
        if notice:
            assert press.render(_letter(notice), Recipient("lin@example.org", "en", "UTC"), "https://x/", MAY)


def test_a_side_is_told_nothing_again_of_a_closed_dispute() -> None:
    assert standing(a_dispute(phase=Phase.CLOSED, clock=None, closed_at=MAY), "seller") is None


# Where the words depend on the phase or the step, only some of them can come with that event.
_PHASES_MET = {
    "seller_silent": {Phase.DEFAULT_TRACK},
    "negotiation_ended": {Phase.ASSIGNMENT},
}


def _met(kind: type[Event], stages: list[Dispute]) -> list[Dispute]:
    name = {kind: name for name, kind in EVENTS.items()}[kind]
    met = _PHASES_MET.get(name)
    return [stage for stage in stages if stage.phase in met] if met else stages[:: len(stages) // 12]


def _letter(notice: Notice) -> Letter:
    return Letter(
        id=1,
        key="k",
        template=notice.template,
        account_id=None,
        email_sealed=None,
        dispute_id="d" * 32,
        side=notice.side,
        params=json.loads(json.dumps(notice.params)),
        created_at=MAY,
        due_at=MAY,
        attempts=1,
        leased_until=MAY,
        lease_owner="w",
    )
