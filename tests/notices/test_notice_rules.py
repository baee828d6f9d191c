"""Which event tells whom: the whole table, and what it must never tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from flask import Flask

from odr.house import House
from odr.kernel import Actor, Money
from odr.notices.mail import Press, Recipient
from odr.notices.outbox import Letter
from odr.notices.rules import (
    NAMED,
    OTHER,
    RULES,
    Notice,
    as_it_stands,
    notices_for,
    overtaken,
    proves_service,
    standing,
)
from odr.procedure.access import why_not
from odr.procedure.dispute import Agreement, Decision, Dispute, Offer, Phase, Proposal, Suspension
from odr.procedure.events import (
    EVENTS,
    AddressGiven,
    AdmissionOverdue,
    AgreementReached,
    ChallengeMade,
    ClaimItem,
    ConfirmationAsked,
    Deadline,
    DecisionAnswered,
    DecisionIssued,
    DecisionOpened,
    DisputeClosed,
    DisputeFiled,
    DisputeHandedOver,
    DisputeResumed,
    DisputeSuspended,
    ErasureOrdered,
    Event,
    EvidenceAdded,
    ExtensionGranted,
    FilingAdmitted,
    FilingRefused,
    HoldPlaced,
    InformationAsked,
    LastCallMade,
    MandateEnded,
    MediationEnded,
    MediationMessageSent,
    MediatorAccepted,
    MediatorDrawn,
    MediatorReleased,
    MessageSent,
    NegotiationOpened,
    NoticeReturned,
    OfferAccepted,
    OfferMade,
    PerformanceDenied,
    RebuttalOpened,
    ReplyGiven,
    ScopeObjectionDismissed,
    SellerJoined,
    SellerSilent,
    SettlementSigned,
    Target,
    Term,
    WalledMessageSent,
)
from odr.procedure.ruleset import shipped_rulesets
from odr.web.sentences import RELEASES, WAITING

MAY = 1_778_846_400_000  # 15 May 2026, 12:00 UTC
EUR = Money(114900, "EUR")
CLOCK = Deadline("evidence", "both", MAY, "default-1:evidence:10:")
TERMS = (Term(0, True, EUR),)
DECISION = Decision("1" * 32, "partly", TERMS, None, "contract", (), MAY, MAY, 16, "0" * 64)
STOOD = Suspension("notice_returned", "system", None, MAY, MAY, CLOCK, MAY)
DAY = 86_400_000
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
    "compliance": "due", "step": "evidence", "template": "your_turn", "pool": ("1" * 32,), "rule": "draw-1",
    "mediator": "1" * 32, "place": 0, "root": "0" * 64, "declared": ("no_tie",), "upheld": False, "due": MAY,
    "proposal": 0, "accepts": True, "outcome": "partly", "costs": EUR, "basis": "contract", "findings": (),
    "result": "honoured", "score": 5, "until": MAY, "challenge": None, "requests": (), "hold": 9,
    "ordered": 9, "targets": (Target(1, ("narrative",)),), "representative": "9" * 32, "scope": "speak",
    "method": "seller",
}  # fmt: skip
# What only some events can say in a field that several have.
SAID: dict[type[Event], dict[str, Any]] = {
    MediatorReleased: {"reason": "objection"},
    ChallengeMade: {"ground": "tie"},
    DisputeHandedOver: {"reason": "moved_to_court"},
    DisputeSuspended: {"ground": "notice_returned"},
    MediationEnded: {"by": "mediator"},
    HoldPlaced: {"ground": "authority"},
    MandateEnded: {"by": "side"},
    ErasureOrdered: {"ground": "court_order"},
}


def event_of(kind: type[Event], **changes: Any) -> Event:
    given = {part.name: VALUES[part.name] for part in fields(kind) if part.name != "words"}
    return kind(**given | SAID.get(kind, {}) | changes, words={"text": SECRET})


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
        mediator="1" * 32,
        appointed=True,
        mediation_ended_at=MAY,
        proposals=(Proposal(0, TERMS, 14, "open", frozenset(), MAY, 14, "0" * 64),),
        decision=DECISION,
        **known,
    )
    return replace(dispute, **changes)


def told(event: Event, dispute: Dispute) -> list[tuple[str, str]]:
    """What is told at once; reminders come later."""
    return [(notice.template, notice.side) for notice in notices_for(event, dispute) if notice.due is None]


def test_every_event_has_its_line() -> None:
    assert set(RULES) == set(EVENTS.values())


def test_whoever_tells_the_other_or_the_named_side_says_which_side_it_is() -> None:
    for kind, lines in RULES.items():
        if any(line.to in (OTHER, NAMED) for line in lines):
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
    if any(line.to == OTHER for line in RULES[kind]):
        assert "seller" not in [side for _, side in told(event_of(kind, **_by_seller(kind)), a_dispute())]


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_whoever_decides_is_told_nothing_of_what_lies_behind_the_wall(kind: type[Event]) -> None:
    told_to_mediator = [each for each in notices_for(event_of(kind), a_dispute()) if each.side == "mediator"]

    if kind.reach == "wall":
        assert told_to_mediator == []
    # No sums either: what was agreed or offered between the sides can be read out of them.
    assert not [each for each in told_to_mediator if "amounts" in each.params]


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_a_notice_to_a_mediator_names_which_one(kind: type[Event]) -> None:
    for notice in notices_for(event_of(kind), a_dispute()):
        assert (notice.side == "mediator") == ("mediator" in notice.params)


def test_a_dispute_without_a_mediator_tells_none() -> None:
    for kind in EVENTS.values():
        if kind is not MediatorReleased:
            assert "mediator" not in [side for _, side in told(event_of(kind), a_dispute(mediator="", appointed=False))]


def test_whoever_is_released_unasked_is_told_and_the_next_one_is_asked() -> None:
    after = a_dispute(mediator="", appointed=False)

    assert told(event_of(MediatorReleased), after) == [
        ("news", "buyer"),
        ("news", "seller"),
        ("mediator_released", "mediator"),
    ]
    assert ("mediator_released", "mediator") not in told(event_of(MediatorReleased, reason="resigned"), after)
    assert told(event_of(MediatorDrawn), a_dispute()) == [("appointment", "mediator")]


def test_a_message_of_the_mediator_goes_to_both_sides_and_a_sides_to_the_other_and_the_mediator() -> None:
    assert told(event_of(MediationMessageSent, side="mediator"), a_dispute()) == [("news", "buyer"), ("news", "seller")]
    assert told(event_of(MediationMessageSent, side="buyer"), a_dispute()) == [("news", "seller"), ("news", "mediator")]


def test_mail_that_came_back_asks_the_buyer_for_another_address_where_one_is_asked_for() -> None:
    assert told(event_of(NoticeReturned, side="seller"), a_dispute()) == [("address_wanted", "buyer")]
    assert told(event_of(NoticeReturned, side="seller", clock=None), a_dispute()) == []
    assert told(event_of(AddressGiven), a_dispute()) == [("invitation", "seller")]


def test_who_has_used_the_objection_is_not_told_to_have_one() -> None:
    buyer, _seller = notices_for(event_of(MediatorAccepted), a_dispute(objected=frozenset({"buyer"}), clock=None))

    assert buyer.params["may_object"] == ["seller"]


def test_the_answer_that_ends_a_decision_is_told_by_the_end() -> None:
    rejected = replace(DECISION, rejected_by=frozenset({"buyer"}))

    assert told(event_of(DecisionAnswered), a_dispute()) == [("news", "seller")]
    assert told(event_of(DecisionAnswered, accepts=False), a_dispute(decision=rejected)) == []


# -- reminders and service -------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_what_happens_while_time_stands_still_is_told_without_a_time(press: Press, kind: type[Event]) -> None:
    for phase in set(Phase) - {Phase.UNFILED, Phase.CLOSED}:
        for notice in notices_for(event_of(kind), a_dispute(phase=phase, clock=None, suspension=STOOD)):
            assert notice.due is None
            if kind is not DisputeClosed:
                assert notice.params.get("step") is None or notice.params["due"] is None
            if notice.template != "dispute_moved" or phase in WAITING:
                assert press.render(_letter(notice), Recipient("reader@example.org", "en", "UTC"), "https://x/", MAY)


def test_a_seller_who_never_came_is_invited_when_time_goes_on() -> None:
    reply = in_reply()

    assert told(event_of(AddressGiven), in_reply(clock=None, suspension=STOOD)) == []
    assert told(event_of(DisputeResumed, clock=reply.clock), reply) == [
        ("dispute_resumed", "buyer"),
        ("invitation", "seller"),
    ]


def in_reply(**changes: Any) -> Dispute:
    clock = Deadline("reply", "seller", MAY + 17 * DAY, "default-1:reply:14+2r:")
    return a_dispute(**{"phase": Phase.AWAITING_RESPONSE, "clock": clock, "at": MAY, "mediator": ""} | changes)


def later(event: Event, dispute: Dispute) -> list[tuple[str, str, int]]:
    """The reminders: template, side, and the day after this event."""
    notices = notices_for(event, dispute)
    return [(each.template, each.side, (each.due - dispute.at) // DAY) for each in notices if each.due is not None]


@pytest.mark.parametrize("kind", [FilingAdmitted, ScopeObjectionDismissed, AddressGiven])
def test_a_seller_who_does_not_answer_is_reminded_on_days_three_seven_and_twelve(kind: type[Event]) -> None:
    dispute = in_reply()

    assert later(event_of(kind, clock=dispute.clock), dispute) == [
        ("reminder", "seller", 3),
        ("reminder", "seller", 7),
        ("reminder", "seller", 12),
    ]


def test_an_extended_time_to_reply_is_reminded_of_a_day_before_its_end() -> None:
    dispute = in_reply()

    assert later(event_of(ExtensionGranted, clock=dispute.clock), dispute) == [("deadline_near", "seller", 16)]


def test_other_steps_remind_whoever_holds_them_a_day_before_the_end() -> None:
    for step in shipped_rulesets().named("default-1").steps.values():
        clock = Deadline(step.name, step.holder, MAY + 10 * DAY, "rule")
        dispute = a_dispute(at=MAY, clock=clock)
        reminded = later(event_of(ExtensionGranted, clock=clock), dispute)

        holders = {"both": ["buyer", "seller"], "registrar": [], "platform": []}.get(step.holder, [step.holder])
        expected = [] if step.name == "last_call" else [("deadline_near", side, 9) for side in holders]
        assert reminded == expected


def test_a_step_of_less_than_two_days_reminds_nobody() -> None:
    clock = Deadline("appointment", "mediator", MAY + 2 * DAY - 1, "rule")

    assert later(event_of(MediatorDrawn, clock=clock), a_dispute(at=MAY, clock=clock)) == []


def test_an_event_that_begins_no_time_reminds_nobody() -> None:
    assert later(event_of(SellerJoined), in_reply()) == []


def reminder_of(dispute: Dispute) -> Notice:
    return next(each for each in notices_for(event_of(FilingAdmitted, clock=dispute.clock), dispute) if each.due)


def still_to_say(dispute: Dispute, notice: Notice) -> bool:
    return not overtaken(dispute, notice.template, notice.side, notice.params)


def test_a_reminder_is_dropped_when_its_step_is_over_or_its_time_moved_or_stands() -> None:
    dispute = in_reply()
    notice = reminder_of(dispute)

    assert still_to_say(dispute, notice)
    assert not still_to_say(in_reply(clock=None, suspension=STOOD), notice)
    assert not still_to_say(in_reply(clock=replace(dispute.running_clock, due=MAY + 24 * DAY)), notice)
    assert not still_to_say(in_reply(clock=replace(dispute.running_clock, step="last_call")), notice)


def test_what_calls_a_seller_is_dropped_when_no_answer_is_awaited_any_more_or_time_stands() -> None:
    _buyers, invitation, *_later = notices_for(event_of(FilingAdmitted, clock=in_reply().clock), in_reply())

    assert still_to_say(in_reply(), invitation)
    assert not still_to_say(in_reply(clock=None, suspension=STOOD), invitation)
    assert not still_to_say(a_dispute(), invitation)


def test_an_invitation_that_had_to_wait_names_the_time_that_runs_and_of_two_last_calls_the_second_is_told() -> None:
    first, second = (
        in_reply(clock=Deadline("last_call", "seller", MAY + day * DAY, "rule"), last_called=True) for day in (20, 24)
    )
    _buyers, invitation, *_later = notices_for(event_of(FilingAdmitted, clock=in_reply().clock), in_reply())
    calls = [notices_for(event_of(LastCallMade, clock=each.clock), each) for each in (first, second)]

    assert still_to_say(second, invitation)
    said = as_it_stands(second, "invitation", invitation.params)
    assert (said["step"], said["due"]) == ("last_call", MAY + 24 * DAY)
    assert [[still_to_say(second, notice) for notice in call] for call in calls] == [[False, False], [True, True]]
    assert [as_it_stands(second, each.template, each.params) for each in calls[1]] == [each.params for each in calls[1]]


def test_a_side_that_did_its_part_is_not_reminded() -> None:
    begun = a_dispute(at=MAY, clock=replace(CLOCK, due=MAY + 10 * DAY))
    buyer, seller = (each for each in notices_for(event_of(RebuttalOpened, clock=begun.clock), begun) if each.due)
    done = replace(begun, complete=frozenset({"buyer"}))

    assert [still_to_say(done, buyer), still_to_say(done, seller)] == [False, True]


def test_a_buyer_is_not_reminded_of_an_address_once_the_seller_has_come() -> None:
    wanted = a_dispute(clock=Deadline("address", "buyer", MAY + 14 * DAY, "rule"), address_asked=True)
    (notice,) = (each for each in notices_for(event_of(ExtensionGranted, clock=wanted.clock), wanted) if each.due)

    assert (notice.side, still_to_say(wanted, notice)) == ("buyer", True)
    assert not still_to_say(replace(wanted, seller_joined=True, address_asked=False), notice)


def test_whoever_left_a_dispute_learns_nothing_more_of_it() -> None:
    (letter,) = [each for each in notices_for(event_of(MediatorDrawn), a_dispute()) if each.due is None]
    (farewell,) = [
        each for each in notices_for(event_of(MediatorReleased), a_dispute(mediator="")) if each.params.get("mediator")
    ]

    assert still_to_say(a_dispute(), letter)
    assert not still_to_say(a_dispute(mediator="2" * 32), letter)
    assert still_to_say(a_dispute(mediator="2" * 32), farewell)


def test_service_is_proved_of_notices_with_a_time_of_their_reader_who_is_a_party() -> None:
    theirs = {"holder": "seller"}

    assert proves_service("invitation", "seller", theirs)
    assert proves_service("your_turn", "seller", {"holder": "both"})
    assert not proves_service("filing_admitted", "buyer", theirs)
    assert not proves_service("your_turn", "buyer", theirs)
    assert not proves_service("news", "seller", theirs)
    assert not proves_service("your_turn", "mediator", {"holder": "mediator"})
    assert not proves_service("verify_email", None, {})
    assert proves_service("evidence_requested", "buyer", {"due": MAY})


@pytest.mark.parametrize("step", shipped_rulesets().named("default-1").steps)
def test_whoever_gets_a_time_by_an_event_gets_a_notice_that_proves_it(step: str) -> None:
    """Or time would run against somebody of whom nobody can show that they were told."""
    begins = {
        "information": InformationAsked, "review": FilingRefused, "reply": FilingAdmitted, "last_call": LastCallMade,
        "evidence": ReplyGiven, "rebuttal": RebuttalOpened, "negotiation": NegotiationOpened,
        "sign": AgreementReached, "address": NoticeReturned, "default": SellerSilent, "objection": MediatorAccepted,
        "final_words": DecisionOpened, "acceptance": DecisionIssued, "performance": DisputeClosed,
        "confirmation": ConfirmationAsked, "cure": PerformanceDenied,
    }  # fmt: skip
    if step not in begins:
        assert shipped_rulesets().named("default-1").steps[step].holder in ("registrar", "platform", "mediator")
        return
    holder = shipped_rulesets().named("default-1").steps[step].holder
    clock = Deadline(step, holder, MAY + 9 * DAY, "rule")
    notices = notices_for(event_of(begins[step], clock=clock), a_dispute(clock=clock, at=MAY))
    proved = {
        each.side for each in notices if each.due is None and proves_service(each.template, each.side, each.params)
    }

    # Whoever acts sees the time begin; the reply is the seller's own act.
    assert proved == {
        "buyer" if step == "evidence" else side for side in (("buyer", "seller") if holder == "both" else (holder,))
    }


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


def test_an_offer_is_open_no_longer_than_the_negotiation() -> None:
    def until(clock: Deadline | None) -> int:
        (notice,) = notices_for(event_of(OfferMade, side="seller", expires=MAY + 5 * DAY), a_dispute(clock=clock))
        return int(notice.params["expires"])

    assert until(Deadline("negotiation", "both", MAY + 2 * DAY, "rule")) == MAY + 2 * DAY
    assert until(Deadline("negotiation", "both", MAY + 9 * DAY, "rule")) == MAY + 5 * DAY
    assert until(Deadline("evidence", "both", MAY + 2 * DAY, "rule")) == MAY + 5 * DAY
    assert until(None) == MAY + 5 * DAY


def test_the_time_to_ask_for_another_decider_is_told_where_there_is_one_and_is_the_one_that_counts() -> None:
    clock = Deadline("final_words", "both", MAY + 5 * DAY, "rule")
    decided = a_dispute(phase=Phase.DECISION, clock=clock, decision=None, mediated_by="1" * 32, buyer="b" * 32)

    def until(dispute: Dispute) -> Any:
        notices = notices_for(event_of(DecisionOpened, clock=clock), dispute)
        return next(each.params["fresh_until"] for each in notices if each.template == "decision_opened")

    end = until(decided)
    ways = [why_not("decider:ask", decided, Actor("b" * 32, "buyer"), at) for at in (end - 1, end)]
    assert (end, ways) == (MAY + 3 * DAY, [None, "fresh_decider_over"])
    assert until(replace(decided, fresh_decider=True)) is None
    assert until(replace(decided, mediator="2" * 32)) is None
    assert until(replace(decided, mediation_ended_at=None)) is None


def test_both_are_asked_to_sign_and_both_learn_the_end() -> None:
    assert told(event_of(AgreementReached), a_dispute(mediator="")) == [
        ("settlement_to_sign", "buyer"),
        ("settlement_to_sign", "seller"),
    ]
    assert told(event_of(DisputeClosed, compliance="none"), a_dispute(mediator="")) == [
        ("dispute_closed", "buyer"),
        ("dispute_closed", "seller"),
    ]
    assert told(event_of(DisputeClosed), a_dispute(mediator="")) == [
        ("dispute_closed", "buyer"),
        ("performance_due", "seller"),
    ]


def test_the_second_signature_is_told_by_the_end_alone() -> None:
    assert told(event_of(SettlementSigned), a_dispute()) == [("news", "seller")]
    assert told(event_of(SettlementSigned), a_dispute(signed=frozenset({"buyer", "seller"}))) == []


def test_an_overdue_admission_without_a_new_date_says_nothing_new() -> None:
    assert told(event_of(AdmissionOverdue), a_dispute(clock=None)) == []


def test_an_answer_that_ends_the_matter_names_no_time_limit() -> None:
    (notice,) = notices_for(event_of(ReplyGiven, choice="decline", clock=None), a_dispute())

    assert (notice.params["due"], notice.params["choice"]) == (None, "decline")


def test_evidence_and_messages_are_told_gathered_and_everything_else_at_once() -> None:
    gathered = {kind for kind, lines in RULES.items() if any(line.gathered for line in lines)}

    assert gathered == {EvidenceAdded, MessageSent, WalledMessageSent, MediationMessageSent}
    assert all(line.gathered for kind in gathered for line in RULES[kind])


@pytest.fixture
def press(app: Flask) -> Iterator[Press]:
    house: House = app.extensions["odr"]
    with app.app_context():
        yield Press(app.jinja_env, house.settings)


@pytest.mark.one_database
def test_what_the_rules_say_is_all_that_the_mails_need(press: Press) -> None:
    clocks = [replace(CLOCK, step=step) for step in shipped_rulesets().named("default-1").steps]
    stages = [a_dispute(phase=phase, clock=clock) for phase in Phase for clock in clocks]
    released = [{"reason": reason} for reason in RELEASES]
    choices = [{"choice": choice} for choice in shipped_rulesets().named("default-1").reply_choices]

    for kind in EVENTS.values():
        for dispute in _met(kind, stages):
            for changes in choices if kind is ReplyGiven else released if kind is MediatorReleased else [{}]:
                for notice in notices_for(event_of(kind, **changes), dispute):
                    assert press.render(
                        _letter(notice), Recipient("reader@example.org", "en", "UTC"), "https://x/", MAY
                    )


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
            assert press.render(_letter(notice), Recipient("reader@example.org", "en", "UTC"), "https://x/", MAY)


def test_a_side_that_lost_its_mail_while_time_stands_still_is_told_that_it_does() -> None:
    notice = standing(a_dispute(clock=None, suspension=STOOD), "buyer")

    assert notice is not None and (notice.template, notice.params["until"]) == ("dispute_suspended", MAY)


def test_a_side_is_told_nothing_again_of_a_closed_dispute() -> None:
    assert standing(a_dispute(phase=Phase.CLOSED, clock=None, closed_at=MAY), "seller") is None


# Where the words depend on the phase or the step, only some of them can come with that event.
_PHASES_MET = {
    "seller_silent": {Phase.DEFAULT_TRACK},
    "negotiation_ended": {Phase.ASSIGNMENT},
    "default_track_ended": {Phase.ASSIGNMENT},
    "mediation_opened": {Phase.MEDIATION},
    "file_closed": {Phase.DECISION},
}


def _met(kind: type[Event], stages: list[Dispute]) -> list[Dispute]:
    name = {kind: name for name, kind in EVENTS.items()}[kind]
    met = _PHASES_MET.get(name)
    return [stage for stage in stages if stage.phase in met] if met else stages[:: len(stages) // 12]


def _letter(notice: Notice) -> Letter:
    return Letter(
        id=1,
        key="k",
        mark="0" * 32,
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
