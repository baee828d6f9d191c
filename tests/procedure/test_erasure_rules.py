"""What becomes of the words: holds, orders to erase, and what is done by them."""

from __future__ import annotations

import pytest

from odr.compliance.rules import confirm_performance
from odr.erasure import rules as erasure
from odr.erasure.rules import Written
from odr.kernel import SYSTEM
from odr.procedure import rules as procedure
from odr.procedure.access import erasable_from
from odr.procedure.deadlines import DAY
from odr.procedure.events import ErasureOrdered, HoldLifted, HoldPlaced, Target, WordsErased
from tests.procedure.story import BUYER, REGISTRAR, SELLER, STRANGER, refused, told

WRITTEN = (
    Written(1, BUYER.id, ("buyer", "narrative", "order", "seller")),
    Written(3, SELLER.id, ("text",)),
    Written(5, BUYER.id, ("file", "name")),
)
OWN = (Target(1, ("buyer", "narrative", "order", "seller")), Target(5, ("file", "name")))


def over():
    """Withdrawn, and its time to be kept is over."""
    return told().withdrawn().later(days=60)


def order(story, actor=BUYER, **given):
    return story.ask(erasure.order_erasure, actor, written=WRITTEN, **given)


def ordered(story):
    return story.do(erasure.order_erasure, BUYER, written=WRITTEN)


def test_a_side_has_all_its_own_words_erased_and_nobody_elses():
    assert order(over()) == [ErasureOrdered(ground="asked", targets=OWN)]


def test_words_are_kept_for_sixty_days_after_all_is_over():
    story = told().withdrawn()

    assert erasable_from(story.dispute) == story.at + 60 * DAY
    story.at += 60 * DAY - 1
    with refused("words_kept_still"):
        order(story)
    story.at += 1
    assert order(story)


def test_words_are_needed_until_what_was_promised_is_done_or_known_not_to_be():
    due = told().closed_by_decision()

    with refused("words_needed"):
        order(due.later(days=1))
    with refused("words_needed"):
        order(told().contested().later(days=1))
    confirmed = told().closed_by_decision().reported()
    confirmed.do(confirm_performance, BUYER)
    assert erasable_from(confirmed.dispute) == confirmed.at + 60 * DAY


def test_others_words_are_not_erased_by_asking():
    with refused("words_of_others"):
        order(over(), versions=(1, 3))
    with refused("words_of_others"):
        order(over(), versions=(2,))
    with refused("not_your_dispute"):
        order(over(), STRANGER)
    with refused("not_your_role"):
        story = told().in_mediation().do(procedure.withdraw_dispute, BUYER).later(days=60)
        order(story, story.mediator)


def test_the_seller_of_a_dispute_that_was_never_admitted_has_no_words_in_it():
    with refused("not_in_this_phase"):
        order(over(), SELLER)


def test_no_registrar_destroys_words():
    with refused("not_your_role"):
        order(over(), REGISTRAR, ground="court_order", versions=(1,))


def test_nothing_is_erased_twice():
    story = ordered(over())

    with refused("words_erased_already"):
        order(story)
    with refused("words_erased_already"):
        order(story, SYSTEM, ground="court_order", versions=(1,))


def test_the_law_does_not_wait_for_the_end_and_names_what_goes():
    story = told().contested()

    assert order(story, SYSTEM, ground="court_order", versions=(3,)) == [
        ErasureOrdered(ground="court_order", targets=(Target(3, ("text",)),))
    ]
    assert order(story, SYSTEM, ground="unlawful", versions=(5,)) == [
        ErasureOrdered(ground="unlawful", targets=(Target(5, ("file", "name")),))
    ]
    with refused("words_erased_already"):
        order(story, SYSTEM, ground="court_order", versions=(2,))


@pytest.mark.parametrize(("actor", "ground"), [(BUYER, "court_order"), (SYSTEM, "asked"), (SYSTEM, "boring")])
def test_a_ground_is_of_the_list_that_its_actor_has(actor, ground):
    with refused("ground_unknown"):
        order(over(), actor, ground=ground, versions=(1,))


def test_a_hold_keeps_words_whoever_wants_them_gone():
    """§4 case 29, where the house itself would do it."""
    story = over()
    assert story.ask(erasure.place_hold, REGISTRAR, ground="authority") == [HoldPlaced(ground="authority")]
    story.do(erasure.place_hold, REGISTRAR, ground="authority")

    with refused("words_held"):
        order(story)
    with refused("words_held"):
        order(story, SYSTEM, ground="court_order", versions=(1,))


def test_words_can_be_erased_when_the_last_hold_is_lifted():
    story = over().do(erasure.place_hold, REGISTRAR, ground="authority")
    first = story.dispute.version
    story.do(erasure.place_hold, REGISTRAR, ground="complaint")

    assert story.ask(erasure.lift_hold, REGISTRAR, hold=first) == [HoldLifted(hold=first)]
    story.do(erasure.lift_hold, REGISTRAR, hold=first)
    with refused("words_held"):
        order(story)
    with refused("no_hold"):
        story.ask(erasure.lift_hold, REGISTRAR, hold=first)
    story.do(erasure.lift_hold, REGISTRAR, hold=story.dispute.holds[0].version)

    assert order(story)
    with refused("no_hold"):
        story.ask(erasure.lift_hold, REGISTRAR, hold=first)


def test_a_hold_is_a_registrars_and_has_a_ground_of_the_list():
    with refused("ground_unknown"):
        over().ask(erasure.place_hold, REGISTRAR, ground="boring")
    with refused("not_your_role"):
        over().ask(erasure.place_hold, BUYER, ground="complaint")


def test_the_house_records_once_what_was_done_by_an_order():
    story = ordered(over())
    version = story.dispute.version

    assert story.ask(erasure.record_erasure, SYSTEM, ordered=version) == [WordsErased(ordered=version)]
    assert story.dispute.erasure_of(1) is None
    with refused("no_erasure_ordered"):
        story.ask(erasure.record_erasure, SYSTEM, ordered=version + 1)
    with refused("not_your_role"):
        story.ask(erasure.record_erasure, BUYER, ordered=version)
    story.do(erasure.record_erasure, SYSTEM, ordered=version)

    assert story.dispute.erasure_of(1).done == version + 1
    assert story.dispute.erasure_of(5, "file").done_at == story.at
    assert story.dispute.erasure_of(5, "file", "about") is None
    assert story.dispute.erasure_of(3) is None
    with refused("no_erasure_ordered"):
        story.ask(erasure.record_erasure, SYSTEM, ordered=version)


def test_a_hold_that_comes_after_the_order_still_keeps_what_is_not_gone():
    story = ordered(over())
    version = story.dispute.version
    story.do(erasure.place_hold, REGISTRAR, ground="court_proceedings")

    with refused("words_held"):
        story.ask(erasure.record_erasure, SYSTEM, ordered=version)


def test_what_becomes_of_the_words_changes_nothing_of_the_dispute():
    story = told().contested()
    before = story.dispute
    story.do(erasure.place_hold, REGISTRAR, ground="complaint")
    after = story.dispute

    assert (after.phase, after.clock, after.awaited, after.next_due) == (
        before.phase, before.clock, before.awaited, before.next_due,
    )  # fmt: skip
