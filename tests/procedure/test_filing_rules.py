"""Filing and admission: what may be filed, and what the registrar and the buyer may do until it is admitted."""

from __future__ import annotations

import pytest

from odr.filing import rules as filing
from odr.kernel import LARGEST_MINOR, Money
from odr.procedure.dispute import Dispute, Phase
from odr.procedure.events import (
    AdmissionOverdue,
    ClaimItem,
    Deadline,
    DisputeClosed,
    DisputeFiled,
    FilingAdmitted,
    FilingRefused,
    InformationAsked,
    InformationGiven,
    RefusalReviewAsked,
)
from odr.procedure.rules import LONGEST_TEXT
from tests.procedure.story import (
    BUYER,
    MONDAY,
    OTHER_REGISTRAR,
    REFUND,
    REGISTRAR,
    SEATS,
    SELLER,
    a_filing,
    default_ruleset,
    due,
    refused,
    told,
)


def file(actor=BUYER, **changes):
    given = {"filing": a_filing(**changes), "ruleset": default_ruleset()}
    return filing.file_dispute(Dispute(id="0" * 32), actor, at=MONDAY, seats=SEATS, **given)


def test_a_filing_holds_the_claim_and_starts_the_registrars_time():
    facts = file()

    assert facts == [
        DisputeFiled(
            number="7K3M-Q9TZ-5",
            ruleset="default-1",
            ruleset_digest=default_ruleset().digest,
            buyer=BUYER.id,
            seller=SELLER.id,
            buyer_country="DE",
            seller_country="CN",
            buyer_language="de",
            seller_language="zh_Hans",
            category="not_delivered",
            items=REFUND,
            paid=Money(4890, "EUR"),
            ordered_on="2026-01-06",
            contacted_on="2026-02-10",
            clock=Deadline("screening", "registrar", due(MONDAY, 5), "default-1:screening:5w:never"),
        )
    ]
    assert facts[0].words == {"narrative": "Two bicycle lights never came."}


def test_a_dispute_is_filed_once():
    story = told()

    with refused("filed_already"):
        story.ask(filing.file_dispute, BUYER, filing=story.filing, ruleset=story.ruleset)


@pytest.mark.parametrize("actor", [SELLER, REGISTRAR])
def test_only_a_buyer_files(actor):
    with refused("not_your_role"):
        file(actor)


def test_nobody_files_against_themselves():
    with refused("seller_is_buyer"):
        file(seller=BUYER.id)


def test_a_category_comes_from_the_list():
    with refused("category_unknown"):
        file(category="bad_mood")


def test_something_must_be_claimed():
    with refused("nothing_claimed"):
        file(items=())


def test_ten_things_can_be_claimed_and_no_more():
    assert len(file(items=REFUND * 10)) == 1
    with refused("too_many_items", most=10):
        file(items=REFUND * 11)


def test_a_remedy_comes_from_the_list():
    with refused("remedy_unknown"):
        file(items=(ClaimItem("revenge"),))


@pytest.mark.parametrize("item", [ClaimItem("refund"), ClaimItem("repair", Money(1, "EUR"))])
def test_money_has_an_amount_and_nothing_else_has(item):
    with refused("remedy_needs_amount"):
        file(items=(item,))


@pytest.mark.parametrize("minor", [0, -1])
def test_an_amount_is_more_than_nothing(minor):
    with refused("amount_not_positive"):
        file(items=(ClaimItem("refund", Money(minor, "EUR")),))
    with refused("amount_not_positive"):
        file(paid=Money(minor, "EUR"))


def test_a_currency_is_a_listed_one():
    with refused("currency_unknown"):
        file(paid=Money(1, "XXX"))
    with refused("currency_unknown"):
        file(items=(ClaimItem("costs", Money(1, "eur")),))


def test_an_amount_survives_every_reader_of_the_log():
    assert len(file(paid=Money(LARGEST_MINOR, "JPY"))) == 1
    with refused("amount_too_large"):
        file(paid=Money(LARGEST_MINOR + 1, "JPY"))


def test_several_currencies_stand_side_by_side_in_one_claim():
    items = (
        ClaimItem("refund", Money(72990, "JPY")),
        ClaimItem("costs", Money(12345, "KWD")),
        ClaimItem("costs", Money(55, "KWD")),
        ClaimItem("apology"),
    )

    story = told(items=items, paid=Money(72990, "JPY"))

    assert story.dispute.claimed == {"JPY": Money(72990, "JPY"), "KWD": Money(12400, "KWD")}


@pytest.mark.parametrize("day", ["", "yesterday", "2026-02-30", "20260106", "2026-W02-2", "2026-1-6", " 2026-01-06"])
def test_a_day_is_written_as_year_month_and_day(day):
    with refused("day_malformed"):
        file(ordered_on=day)
    with refused("day_malformed"):
        file(contacted_on=day)


def test_nothing_was_ordered_tomorrow():
    # It is nine in the morning in UTC, so nowhere on Earth has the 4th begun.
    with refused("day_in_future"):
        file(contacted_on="2026-03-04")


def test_a_day_that_has_begun_anywhere_on_earth_may_be_named():
    late_monday = MONDAY + 2 * 3_600_000
    given = {"filing": a_filing(contacted_on="2026-03-03"), "ruleset": default_ruleset()}

    assert len(filing.file_dispute(Dispute(id="0" * 32), BUYER, at=late_monday, seats=SEATS, **given)) == 1


def test_the_seller_is_contacted_after_the_order():
    with refused("contacted_before_order"):
        file(contacted_on="2026-01-05")


@pytest.mark.parametrize("narrative", ["", " \n"])
def test_a_filing_tells_what_happened(narrative):
    with refused("narrative_missing"):
        file(texts={"narrative": narrative})


def test_a_narrative_is_as_long_as_people_write():
    assert len(file(texts={"narrative": "a" * LONGEST_TEXT})) == 1
    with refused("text_too_long", most=LONGEST_TEXT):
        file(texts={"narrative": "a" * (LONGEST_TEXT + 1)})


# -- the admission check ----------------------------------------------------------------------------------------


def test_the_registrar_admits_and_the_sellers_time_begins_with_the_receipt_of_the_notice():
    story = told().later(days=1)

    facts = story.ask(filing.admit_filing, REGISTRAR)

    assert facts == [
        FilingAdmitted(clock=Deadline("reply", "seller", due(story.at, 2 + 14), "default-1:reply:14+2r:never"))
    ]
    assert story.fold(*facts, by=REGISTRAR).dispute.phase is Phase.AWAITING_RESPONSE


def test_what_was_admitted_is_not_admitted_again():
    with refused("not_in_this_phase"):
        told().admitted().ask(filing.admit_filing, REGISTRAR)


@pytest.mark.parametrize("actor", [BUYER, SELLER])
def test_no_party_admits(actor):
    with refused("not_your_role"):
        told().ask(filing.admit_filing, actor)


def test_the_registrar_asks_for_what_is_missing_each_topic_once():
    story = told()

    facts = story.ask(filing.ask_information, REGISTRAR, topics=("order", "story", "order"), text="Which order?")

    clock = Deadline("information", "buyer", due(MONDAY, 2 + 14), "default-1:information:14+2r:never")
    assert facts == [InformationAsked(topics=("order", "story"), clock=clock)]
    assert facts[0].words == {"text": "Which order?"}


@pytest.mark.parametrize("topics", [(), ("order", "weather")])
def test_topics_come_from_the_list(topics):
    with refused("topic_missing"):
        told().ask(filing.ask_information, REGISTRAR, topics=topics, text="Which order?")


def test_a_question_says_what_is_asked():
    with refused("text_missing"):
        told().ask(filing.ask_information, REGISTRAR, topics=("order",), text=" ")


def test_the_registrars_time_begins_anew_with_the_complete_file():
    story = told().asked_for_more().later(days=3)

    facts = story.ask(filing.give_information, BUYER, text="Order A-1.")

    clock = Deadline("screening", "registrar", due(story.at, 5), "default-1:screening:5w:never")
    assert facts == [InformationGiven(clock=clock)]
    assert story.fold(*facts, by=BUYER).dispute.phase is Phase.SCREENING


def test_the_buyer_answers_with_words():
    with refused("text_missing"):
        told().asked_for_more().ask(filing.give_information, BUYER, text="")


def test_a_filing_that_stays_incomplete_is_closed():
    story = told().asked_for_more().at_due()

    assert story.fire() == [DisputeClosed(code="incomplete", compliance="none", clock=None)]


def test_the_registrars_lateness_is_counted_and_closes_nothing():
    story = told().at_due()

    first = story.fire()
    story.fold(*first).at_due()
    second = story.fire()
    story.fold(*second)

    # The outer limit counts from the complete file: three weeks (Directive 2013/11/EU, Art. 5(4)).
    rule = "default-1:screening_last:21:never"
    assert first == [AdmissionOverdue(clock=Deadline("screening_last", "registrar", due(MONDAY, 21), rule))]
    assert second == [AdmissionOverdue(clock=Deadline("screening_last", "registrar", due(story.at, 21), rule))]
    assert (story.dispute.phase, story.dispute.times_overdue) == (Phase.SCREENING, 2)


# -- refusal and review -----------------------------------------------------------------------------------------


def test_a_refusal_names_a_ground_and_can_be_reviewed():
    story = told()

    facts = story.ask(filing.refuse_filing, REGISTRAR, ground="late", text="It is two years old.")

    clock = Deadline("review", "buyer", due(MONDAY, 2 + 14), "default-1:review:14+2r:never")
    assert facts == [FilingRefused(ground="late", clock=clock)]
    assert story.fold(*facts, by=REGISTRAR).dispute.phase is Phase.REFUSED


def test_a_ground_comes_from_the_closed_list():
    with refused("ground_unknown"):
        told().ask(filing.refuse_filing, REGISTRAR, ground="boring", text="Really.")


def test_a_refusal_gives_reasons():
    with refused("reasons_missing"):
        told().ask(filing.refuse_filing, REGISTRAR, ground="late", text="")


def test_a_refusal_that_nobody_questions_stands():
    story = told().refused().at_due()

    assert story.fire() == [DisputeClosed(code="refused:frivolous", compliance="none", clock=None)]


def test_the_buyer_asks_for_a_review():
    story = told().refused()

    facts = story.ask(filing.ask_review, BUYER, text="It is not a joke.")

    clock = Deadline("screening", "registrar", due(MONDAY, 5), "default-1:screening:5w:never")
    assert facts == [RefusalReviewAsked(clock=clock)]


def test_whoever_asks_for_a_review_says_why():
    with refused("text_missing"):
        told().refused().ask(filing.ask_review, BUYER, text="")


def test_a_review_is_asked_for_once():
    # The final refusal closes in the same act; between its two facts the rule still holds.
    story = told().in_review().fold(FilingRefused(ground="late", clock=None), by=OTHER_REGISTRAR)

    with refused("review_only_once"):
        story.ask(filing.ask_review, BUYER, text="Again.")


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        (filing.admit_filing, {}),
        (filing.refuse_filing, {"ground": "late", "text": "Still."}),
        (filing.ask_information, {"topics": ("order",), "text": "Which?"}),
    ],
)
def test_a_review_is_another_registrars(rule, given):
    story = told().in_review()

    with refused("review_needs_another_registrar"):
        story.ask(rule, REGISTRAR, **given)
    assert story.ask(rule, OTHER_REGISTRAR, **given)


def test_a_review_may_admit():
    story = told().in_review().do(filing.admit_filing, OTHER_REGISTRAR)

    assert story.dispute.phase is Phase.AWAITING_RESPONSE


def test_a_refusal_that_was_reviewed_is_the_last_word():
    story = told().in_review()

    facts = story.ask(filing.refuse_filing, OTHER_REGISTRAR, ground="late", text="Two years.")

    assert facts == [
        FilingRefused(ground="late", clock=None),
        DisputeClosed(code="refused:late", compliance="none", clock=None),
    ]
