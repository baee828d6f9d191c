"""Evidence: what each side may add and until when, completeness, and the time to answer what came late."""

from __future__ import annotations

import json

import pytest

from odr.evidence import rules as evidence
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    Deadline,
    EvidenceAdded,
    EvidenceCompleted,
    NegotiationOpened,
    RebuttalOpened,
    UploadRefused,
)
from odr.procedure.rules import LONGEST_TEXT
from odr.response import rules as response
from tests.procedure.story import A_FILE, BUYER, MONDAY, REGISTRAR, SELLER, due, refused, rulesets_with, told

# An exchange as short as its window for what is late: everything in it is late.
SHORT_EXCHANGE = rulesets_with(
    "short",
    (
        'holder = "both"\ndays = 10\nextension_days = 10\n\n[steps.rebuttal]',
        ('holder = "both"\ndays = 1\n\n[steps.rebuttal]'),
    ),
)
PDF = {"file": A_FILE, "media": "application/pdf"}


def negotiation_clock(at):
    return Deadline("negotiation", "both", due(at, 10), "default-1:negotiation:10:never,never")


def test_an_item_says_who_brought_what_and_its_words_say_which_file():
    story = told().contested()

    facts = story.ask(
        evidence.add_evidence, BUYER, **PDF, notes=("locked",), name="order.pdf", about="The order, with the day."
    )

    assert facts == [EvidenceAdded(side="buyer", item=1, media="application/pdf", size=1234, notes=("locked",))]
    words = dict(facts[0].words)
    assert json.loads(words.pop("file")) == {"object": "f" * 32, "sha256": "d" * 64, "size": 1234}
    assert words == {"name": "order.pdf", "about": "The order, with the day."}


def test_no_entry_holds_a_size_beyond_measure():
    story = told().contested()
    vast = evidence.StoredFile(A_FILE.sha256, evidence.LARGEST_FILE + 1, A_FILE.object_id)

    with refused("file_too_large"):
        story.ask(evidence.add_evidence, BUYER, file=vast, media="application/pdf")


def test_items_are_counted_across_both_sides():
    story = told().contested().with_evidence(BUYER).with_evidence(SELLER)

    facts = story.ask(evidence.add_evidence, BUYER, **PDF)

    assert [event.item for event in facts] == [3]
    assert [(item.item, item.side) for item in story.dispute.evidence] == [(1, "buyer"), (2, "seller")]


def test_the_same_file_sent_twice_is_the_same_file_wherever_it_lies():
    assert A_FILE == evidence.StoredFile(A_FILE.sha256, A_FILE.size, "another place")


@pytest.mark.parametrize("story", [told(), told().asked_for_more(), told().admitted(), told().contested()])
def test_the_buyer_adds_evidence_from_the_filing_on(story):
    assert story.ask(evidence.add_evidence, BUYER, **PDF)


@pytest.mark.parametrize("story", [told(), told().asked_for_more()])
def test_the_seller_adds_none_to_a_filing_that_was_not_admitted(story):
    with refused("not_in_this_phase"):
        story.ask(evidence.add_evidence, SELLER, **PDF)


@pytest.mark.parametrize("story", [told().refused(), told().in_negotiation(), told().settled(), told().left()])
def test_nothing_is_added_once_the_exchange_is_over(story):
    with refused("not_in_this_phase"):
        story.ask(evidence.add_evidence, BUYER, **PDF)


def test_the_registrar_brings_no_evidence():
    with refused("not_your_role"):
        told().contested().ask(evidence.add_evidence, REGISTRAR, **PDF)


def test_a_dispute_holds_fifty_items_of_each_side_and_neither_fills_it_for_both():
    story = told().contested()
    for _ in range(evidence.MOST_ITEMS):
        story.with_evidence(BUYER)

    with refused("too_much_evidence", most=50):
        story.ask(evidence.add_evidence, BUYER, **PDF)
    assert story.ask(evidence.add_evidence, SELLER, **PDF)


def test_what_is_said_about_an_item_is_as_long_as_people_write():
    with refused("text_too_long", most=LONGEST_TEXT):
        told().contested().ask(evidence.add_evidence, BUYER, **PDF, about="a" * (LONGEST_TEXT + 1))


def test_a_file_that_was_turned_away_leaves_the_attempt_on_the_record():
    story = told().contested()

    facts = story.ask(evidence.refuse_upload, BUYER, reason="file_web_page_refused")

    assert facts == [UploadRefused(side="buyer", reason="file_web_page_refused")]
    assert story.fold(*facts, by=BUYER).dispute.evidence == ()


def test_nobody_fills_the_record_with_files_that_are_turned_away():
    story = told().contested()
    for _ in range(evidence.MOST_TURNED_AWAY):
        story.fold(*story.ask(evidence.refuse_upload, BUYER, reason="file_empty"), by=BUYER)

    assert story.ask(evidence.refuse_upload, BUYER, reason="file_empty") == []
    assert story.ask(evidence.refuse_upload, SELLER, reason="file_empty") == [
        UploadRefused(side="seller", reason="file_empty")
    ]
    assert story.ask(evidence.add_evidence, BUYER, **PDF)


def test_an_upload_is_turned_away_only_where_one_could_be_made():
    with refused("not_in_this_phase"):
        told().in_negotiation().ask(evidence.refuse_upload, BUYER, reason="file_empty")


# -- completeness -----------------------------------------------------------------------------------------------


def test_one_side_alone_ends_nothing():
    story = told().contested()

    facts = story.ask(evidence.complete_evidence, SELLER)

    assert facts == [EvidenceCompleted(side="seller")]
    assert story.fold(*facts, by=SELLER).dispute.phase is Phase.EVIDENCE


def test_the_negotiation_opens_when_both_files_are_complete():
    story = told().contested().do(evidence.complete_evidence, SELLER)

    facts = story.ask(evidence.complete_evidence, BUYER)

    assert facts == [EvidenceCompleted(side="buyer"), NegotiationOpened(clock=negotiation_clock(MONDAY))]


def test_a_file_is_complete_once():
    with refused("evidence_already_complete"):
        told().contested().do(evidence.complete_evidence, SELLER).ask(evidence.complete_evidence, SELLER)


def test_nothing_is_complete_before_the_seller_replied():
    with refused("not_in_this_phase"):
        told().admitted().ask(evidence.complete_evidence, BUYER)


# -- when the time is over --------------------------------------------------------------------------------------


def test_the_exchange_ends_with_what_there_is():
    story = told().contested().at_due()

    assert story.fire() == [NegotiationOpened(clock=negotiation_clock(story.at))]


def test_what_came_late_can_be_answered():
    story = told().contested()
    story.at = story.clock.due - 1
    story.with_evidence(SELLER).at_due()

    facts = story.fire()

    clock = Deadline("rebuttal", "both", due(story.at, 5), "default-1:rebuttal:5:never,never")
    assert facts == [RebuttalOpened(clock=clock)]
    assert story.fold(*facts).dispute.phase is Phase.EVIDENCE
    assert story.ask(evidence.add_evidence, BUYER, **PDF)


def test_what_came_early_was_answered_in_time():
    story = told().contested().with_evidence(SELLER).at_due()

    assert story.fire() == [NegotiationOpened(clock=negotiation_clock(story.at))]


def test_what_came_before_the_reply_opens_no_rebuttal():
    story = told(rulesets=SHORT_EXCHANGE, ruleset="short").admitted().with_evidence(BUYER).later(hours=1)
    story.do(response.give_reply, SELLER, choice="contest", text="We sent it.").at_due()

    assert [type(event) for event in story.fire()] == [NegotiationOpened]


def test_an_outage_takes_no_rebuttal_away():
    story = told().contested()
    story.at = story.clock.due - 1
    story.with_evidence(SELLER).at_due().later(days=30)

    clock = Deadline("rebuttal", "both", due(story.at, 5), "default-1:rebuttal:5:never,never")
    assert story.fire() == [RebuttalOpened(clock=clock)]


def test_there_is_one_rebuttal():
    story = told().contested()
    story.at = story.clock.due - 1
    story.with_evidence(SELLER).at_due()
    story.fold(*story.fire()).with_evidence(BUYER).at_due()

    assert story.fire() == [NegotiationOpened(clock=negotiation_clock(story.at))]
