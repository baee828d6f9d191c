"""The other rulesets walked to their ends: the same procedure by other numbers, with not a line of code for it."""

from __future__ import annotations

from datetime import date

import pytest

from odr.compliance import rules as compliance
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.deadlines import DAY, Calendar, Seats
from odr.procedure.dispute import Phase
from odr.procedure.ruleset import shipped_rulesets
from odr.response import rules as response
from tests.procedure.story import BUYER, REGISTRAR, SELLER, day_of_week, due, instant_of, refused, told

NAMES = shipped_rulesets().names()
WEEKENDS = Calendar("weekends", day_of_week(5) | day_of_week(6))
WORKING = Seats(WEEKENDS, WEEKENDS, WEEKENDS)


def test_three_rulesets_are_shipped():
    assert NAMES == ["apec-like", "default-1", "eu-2025"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seats", [None, WORKING], ids=["nobody rests", "weekends"])
def test_a_mediated_dispute_is_decided_and_honoured(name, seats):
    story = told(ruleset=name, **({"seats": seats} if seats else {})).in_negotiation()
    story.later(days=story.ruleset.leave_from_day).do(negotiation.leave_negotiation, SELLER)

    story.in_mediation().proposed().in_decision().decided().answered(buyer=True, seller=True)
    story.reported().do(compliance.confirm_performance, BUYER)

    assert (story.dispute.code, story.dispute.compliance) == ("decided_for_buyer:accepted", "honoured")
    clocks = [event.clock for event in story.events if getattr(event, "clock", None)]
    assert {clock.rule.partition(":")[0] for clock in clocks} == {name}


@pytest.mark.parametrize("name", NAMES)
def test_a_silent_seller_is_decided_about_by_time_alone(name):
    """The mediator accepts and decides; every other passage is the end of a time."""
    story = told(ruleset=name, seats=WORKING).seller_silent().expired().appointed()

    story.expired().expired()
    assert (story.dispute.phase, story.clock.step) == (Phase.DECISION, "decision")
    story.decided().expired()

    assert story.dispute.code == "decided_for_buyer:not_accepted"
    story.expired().expired()
    assert (story.dispute.compliance, story.dispute.next_due) == ("unknown", None)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_of_a_ruleset_has_a_holder_a_length_and_known_words(name):
    ruleset = shipped_rulesets().named(name)
    default = shipped_rulesets().named("default-1")

    for step in ruleset.steps.values():
        assert step.holder in ("buyer", "seller", "both", "registrar", "mediator", "platform")
        assert step.days > 0
        assert step.extension_days <= max(step.days, default.steps[step.name].days)
    for words in ("categories", "remedies", "grounds", "declarations", "challenge_grounds", "bases", "handovers"):
        assert set(getattr(ruleset, words)) <= set(getattr(default, words))


def test_in_europe_a_seller_has_twenty_working_days():
    story = told(ruleset="eu-2025", seats=WORKING).admitted()

    # From Monday 2 March 2026 on: four weeks of five days end on Monday 30 March.
    assert story.clock.due == instant_of("2026-03-31T12:00")
    assert date(2026, 3, 30).weekday() == 0
    assert story.clock.rule == "eu-2025:reply:20w:weekends"


def test_in_europe_the_outcome_comes_within_ninety_days_of_the_complete_file():
    """Directive 2013/11/EU, Art. 8(e): with every extension, all weekends, and each act at the last minute."""
    story = told(ruleset="eu-2025", seats=WORKING).in_negotiation()
    complete = story.at

    while story.dispute.phase is not Phase.DECIDED:
        step = story.clock.step
        if story.ruleset.steps[step].extension_days and step not in story.dispute.extended:
            story.do(procedure.grant_extension, REGISTRAR, text="It is complicated.")
        story.at = story.clock.due - 1
        if step == "draw":
            story.drawn()
        elif step == "appointment":
            story.appointed()
        elif step == "decision":
            story.decided()
        else:
            story.expired()

    assert story.dispute.extended == {"negotiation", "mediation", "decision"}
    assert story.at - complete < 90 * DAY


def test_after_the_model_of_apec_the_negotiation_is_left_from_its_fifth_day_on():
    story = told(ruleset="apec-like").in_negotiation()

    story.later(days=5, hours=-1)
    with refused("too_early_to_leave"):
        story.ask(negotiation.leave_negotiation, BUYER)
    assert story.later(hours=1).ask(negotiation.leave_negotiation, BUYER)


def test_after_the_model_of_apec_every_step_is_short_and_equal():
    story = told(ruleset="apec-like").admitted()
    assert story.clock.due == due(story.at, 7 + 2)

    story.do(response.give_reply, SELLER, choice="contest", text="We sent it.")
    steps = story.ruleset.steps

    assert {steps[name].days for name in ("negotiation", "mediation", "final_words", "decision")} == {10}
