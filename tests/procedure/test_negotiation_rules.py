"""The negotiation: one open offer, who answers it and until when, what acceptance does, and leaving."""

from __future__ import annotations

import pytest

from odr.kernel import LARGEST_MINOR, Money
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    AgreementReached,
    ClaimItem,
    Deadline,
    NegotiationEnded,
    OfferAccepted,
    OfferLapsed,
    OfferMade,
    OfferRejected,
    OfferWithdrawn,
    Term,
)
from odr.procedure.rules import LONGEST_TEXT, MOST_OFFERS
from tests.procedure.story import (
    BUYER,
    MONDAY,
    REFUND,
    REGISTRAR,
    SELLER,
    STRANGER,
    clock_of,
    due,
    refused,
    rulesets_with,
    terms,
    told,
)

THREE_ITEMS = (
    ClaimItem("refund", Money(72990, "JPY")),
    ClaimItem("costs", Money(1500, "KWD")),
    ClaimItem("apology"),
)


def offer(story, actor, *amounts, **given):
    return story.ask(negotiation.make_offer, actor, terms=terms(*amounts), **given)


def accept(story, actor, **given):
    there = story.offer
    return story.ask(negotiation.accept_offer, actor, **{"offer": there.number, "seen": there.seal, **given})


def reject(story, actor, number=0):
    return story.ask(negotiation.reject_offer, actor, offer=number)


def withdraw(story, actor, number=0):
    return story.ask(negotiation.withdraw_offer, actor, offer=number)


# -- making an offer --------------------------------------------------------------------------------------------


def test_an_offer_stands_with_its_terms_and_its_end():
    story = told().in_negotiation()

    facts = offer(story, SELLER, Money(2445, "EUR"), text="Half of it.")

    assert facts == [
        OfferMade(
            side="seller",
            offer=0,
            terms=(Term(0, True, Money(2445, "EUR")),),
            perform_days=14,
            expires=MONDAY + 5 * DAY,
            replaces=None,
        )
    ]
    assert facts[0].words == {"text": "Half of it."}


def test_a_counter_offer_replaces_the_open_one():
    story = told().in_negotiation().offered(SELLER, 2445)

    facts = offer(story, BUYER, Money(4000, "EUR"), perform_days=0, open_days=30)

    assert facts == [
        OfferMade(
            side="buyer",
            offer=1,
            terms=(Term(0, True, Money(4000, "EUR")),),
            perform_days=0,
            expires=MONDAY + 30 * DAY,
            replaces=0,
        )
    ]
    story.fold(*facts, by=BUYER)
    assert [made.state for made in story.dispute.offers] == ["replaced", "open"]


def test_an_own_offer_is_bettered_in_the_same_way():
    story = told().in_negotiation().offered(SELLER, 2445).offered(SELLER, 3000)

    assert [made.state for made in story.dispute.offers] == ["replaced", "open"]


def test_offers_are_made_from_the_sellers_reply_on():
    assert offer(told().contested(), BUYER, Money(4890, "EUR"))
    with refused("not_in_this_phase"):
        offer(told().admitted(), BUYER, Money(4890, "EUR"))
    with refused("not_in_this_phase"):
        offer(told().left(), BUYER, Money(4890, "EUR"))


def test_whoever_writes_an_offer_reads_the_one_that_came_meanwhile_first():
    story = told().in_negotiation().offered(SELLER)

    with refused("offer_came_meanwhile"):
        offer(story, BUYER, Money(4000, "EUR"), seen="")
    assert offer(story, BUYER, Money(4000, "EUR"), seen=story.offer.seal)
    assert offer(story, SELLER, Money(4000, "EUR"), seen="")


@pytest.mark.parametrize("places", [(), (1,), (0, 0), (0, 1)])
def test_terms_answer_each_item_in_its_place(places):
    with refused("terms_do_not_match"):
        told().in_negotiation().ask(
            negotiation.make_offer, SELLER, terms=tuple(Term(place, True, Money(1, "EUR")) for place in places)
        )


def test_what_is_not_given_has_no_amount():
    with refused("terms_do_not_match"):
        told().in_negotiation().ask(negotiation.make_offer, SELLER, terms=(Term(0, False, Money(1, "EUR")),))


def test_money_is_offered_in_amounts_and_nothing_else_is():
    story = told(items=THREE_ITEMS).in_negotiation()

    with refused("remedy_needs_amount"):
        offer(story, SELLER, True, False, True)
    with refused("remedy_needs_amount"):
        offer(story, SELLER, Money(1, "JPY"), False, Money(1, "JPY"))
    assert offer(story, SELLER, Money(1, "JPY"), False, True)


@pytest.mark.parametrize("minor", [0, -4890])
def test_an_offered_amount_is_more_than_nothing(minor):
    with refused("amount_not_positive"):
        offer(told().in_negotiation(), SELLER, Money(minor, "EUR"))


def test_an_offered_amount_survives_every_reader_of_the_log():
    with refused("amount_too_large"):
        offer(told().in_negotiation(), SELLER, Money(LARGEST_MINOR + 1, "EUR"))


def test_an_offer_is_in_a_listed_currency():
    with refused("currency_unknown"):
        offer(told().in_negotiation(), SELLER, Money(1, "XXX"))


def test_a_buyer_who_asks_for_nothing_should_withdraw():
    with refused("offer_of_nothing"):
        offer(told().in_negotiation(), BUYER, False)


def test_a_seller_may_offer_to_let_the_matter_rest():
    assert offer(told().in_negotiation(), SELLER, False)[0].terms == (Term(0, False, None),)


def test_the_seller_may_give_more_than_was_claimed_and_in_another_currency():
    story = told().in_negotiation()

    assert offer(story, SELLER, Money(5000, "EUR"))
    assert offer(story, SELLER, Money(26499, "USD"))


def test_the_buyer_asks_for_no_more_than_the_claim():
    story = told().in_negotiation()

    assert offer(story, BUYER, Money(4890, "EUR"))
    with refused("above_claim", claimed=Money(4890, "EUR")):
        offer(story, BUYER, Money(4891, "EUR"))


def test_the_claim_is_a_bound_for_each_currency_by_itself():
    items = (*THREE_ITEMS, ClaimItem("part_refund", Money(10, "JPY")))
    story = told(items=items).in_negotiation()

    assert offer(story, BUYER, Money(73000, "JPY"), Money(1500, "KWD"), False, False)
    with refused("above_claim", claimed=Money(73000, "JPY")):
        offer(story, BUYER, Money(72990, "JPY"), False, False, Money(11, "JPY"))
    with refused("above_claim", claimed=Money(1500, "KWD")):
        offer(story, BUYER, False, Money(1501, "KWD"), False, False)


def test_the_buyer_asks_in_currencies_of_the_claim():
    with refused("currency_not_claimed", currency="USD"):
        offer(told().in_negotiation(), BUYER, Money(1, "USD"))


@pytest.mark.parametrize("days", [-1, 91])
def test_performance_is_due_within_the_rulesets_limit(days):
    with refused("perform_days_out_of_range", most=90):
        offer(told().in_negotiation(), SELLER, Money(1, "EUR"), perform_days=days)


@pytest.mark.parametrize("days", [0, 31])
def test_an_offer_is_open_for_a_day_at_least_and_the_rulesets_limit_at_most(days):
    with refused("offer_days_out_of_range", most=30):
        offer(told().in_negotiation(), SELLER, Money(1, "EUR"), open_days=days)


def test_what_is_said_with_an_offer_is_as_long_as_people_write():
    with refused("text_too_long"):
        offer(told().in_negotiation(), SELLER, Money(1, "EUR"), text="a" * (LONGEST_TEXT + 1))


def test_machines_that_bargain_without_end_are_stopped():
    story = told().in_negotiation()
    for _ in range(MOST_OFFERS):
        story.offered(SELLER)

    with refused("too_many_offers", most=MOST_OFFERS):
        offer(story, BUYER, Money(1, "EUR"))


# -- answering an offer -----------------------------------------------------------------------------------------


def test_acceptance_binds_both_to_exactly_what_was_seen():
    story = told(items=THREE_ITEMS).in_negotiation()
    story.do(negotiation.make_offer, SELLER, terms=terms(Money(70000, "JPY"), False, True), perform_days=3)
    story.later(days=1)

    facts = accept(story, BUYER)

    assert facts == [
        OfferAccepted(side="buyer", offer=0, seen=story.offer.seal),
        AgreementReached(
            how="settled_negotiation",
            terms=(Term(0, True, Money(70000, "JPY")), Term(1, False), Term(2, True)),
            perform_by=due(story.at, 3),
            clock=Deadline("sign", "both", due(story.at, 7), "default-1:sign:7:never,never"),
        ),
    ]
    story.fold(*facts, by=BUYER)
    assert (story.dispute.phase, story.offer.state) == (Phase.SETTLED, "accepted")
    assert story.agreement.totals == {"JPY": Money(70000, "JPY")}


def test_the_seller_accepts_the_buyers_offer_too():
    story = told().contested().offered(BUYER, 4000).accepted(SELLER)

    assert story.agreement.totals == {"EUR": Money(4000, "EUR")}


def test_nobody_accepts_their_own_offer():
    story = told().in_negotiation().offered(SELLER)

    with refused("own_offer"):
        accept(story, SELLER)
    with refused("own_offer"):
        reject(story, SELLER)


def test_nobody_takes_back_the_other_sides_offer():
    with refused("not_your_offer"):
        withdraw(told().in_negotiation().offered(SELLER), BUYER)


def test_acceptance_of_another_text_than_was_shown_is_no_acceptance():
    with refused("offer_changed"):
        accept(told().in_negotiation().offered(SELLER), BUYER, seen="0" * 64)


@pytest.mark.parametrize("number", [-1, 1, 10**20])
def test_only_an_offer_that_was_made_is_answered(number):
    story = told().in_negotiation().offered(SELLER)

    with refused("offer_unknown"):
        accept(story, BUYER, offer=number)
    with refused("offer_unknown"):
        reject(story, BUYER, number)
    with refused("offer_unknown"):
        withdraw(story, SELLER, number)


@pytest.mark.parametrize(
    ("story", "code"),
    [
        (told().in_negotiation().offered(SELLER, 2445).offered(SELLER), "offer_replaced"),
        (told().in_negotiation().offered(SELLER).do(negotiation.withdraw_offer, SELLER, offer=0), "offer_withdrawn"),
        (told().in_negotiation().offered(SELLER).do(negotiation.reject_offer, BUYER, offer=0), "offer_rejected"),
        (told().in_negotiation().offered(SELLER).fold(OfferLapsed(offer=0)), "offer_lapsed"),
        (told().in_negotiation().offered(SELLER).accepted(BUYER), "offer_accepted"),
        (told().in_negotiation().offered(SELLER).do(negotiation.leave_negotiation, SELLER), "offer_ended"),
        (told().contested().offered(SELLER).do(procedure.withdraw_dispute, BUYER), "offer_ended"),
    ],
)
def test_an_offer_that_is_gone_is_not_answered_and_the_reader_learns_what_became_of_it(story, code):
    seen = story.dispute.offers[0].seal

    with refused(code):
        story.ask(negotiation.accept_offer, BUYER, offer=0, seen=seen)
    with refused(code):
        reject(story, BUYER)
    with refused(code):
        withdraw(story, SELLER)


def test_an_offer_whose_time_is_over_is_gone_before_anything_fired():
    story = told().in_negotiation().offered(SELLER)
    story.at = story.offer.expires

    with refused("no_open_offer"):
        accept(story, BUYER)
    with refused("no_open_offer"):
        withdraw(story, SELLER)
    assert story.fire() == [OfferLapsed(offer=0)]


def test_an_offer_can_be_accepted_in_its_last_millisecond():
    story = told().in_negotiation().offered(SELLER)
    story.at = story.offer.expires - 1

    assert accept(story, BUYER)


def test_a_new_offer_follows_one_that_lapsed_and_replaces_nothing():
    story = told().in_negotiation().offered(SELLER)
    story.at = story.offer.expires
    story.fold(*story.fire())

    assert [event.replaces for event in offer(story, BUYER, Money(1, "EUR"))] == [None]


def test_a_rejection_goes_on_with_the_negotiation():
    story = told().in_negotiation().offered(SELLER)

    facts = reject(story, BUYER)

    assert facts == [OfferRejected(side="buyer", offer=0)]
    story.fold(*facts, by=BUYER)
    assert (story.dispute.phase, story.dispute.open_offer) == (Phase.NEGOTIATION, None)


def test_an_offer_is_taken_back_by_who_made_it():
    story = told().in_negotiation().offered(SELLER)

    facts = withdraw(story, SELLER)

    assert facts == [OfferWithdrawn(side="seller", offer=0)]
    assert story.fold(*facts, by=SELLER).dispute.open_offer is None


def test_neither_a_registrar_nor_a_stranger_answers_an_offer():
    story = told().in_negotiation().offered(SELLER)

    with refused("not_your_role"):
        accept(story, REGISTRAR)
    with refused("not_your_dispute"):
        accept(story, STRANGER)


# -- the end of the negotiation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [BUYER, SELLER])
def test_either_side_may_leave_at_any_time(actor):
    story = told().in_negotiation().offered(SELLER)

    facts = story.ask(negotiation.leave_negotiation, actor)

    clock = clock_of("draw", "platform", 1)
    assert facts == [NegotiationEnded(by=actor.role, clock=clock)]
    story.fold(*facts, by=actor)
    assert (story.dispute.phase, story.dispute.clock, story.offer.state) == (Phase.ASSIGNMENT, clock, "ended")


def test_a_ruleset_may_say_from_which_day_on_a_side_may_leave():
    patient = rulesets_with("patient", ("leave_from_day = 0", "leave_from_day = 5"))
    story = told(rulesets=patient, ruleset="patient").in_negotiation()

    story.later(days=5, hours=-1)
    with refused("too_early_to_leave"):
        story.ask(negotiation.leave_negotiation, BUYER)
    assert story.later(hours=1).ask(negotiation.leave_negotiation, BUYER)


def test_a_negotiation_whose_time_is_over_ends_by_itself_with_its_open_offer():
    story = told().in_negotiation()
    story.offered(SELLER, open_days=30).at_due()

    facts = story.fire()

    assert facts == [NegotiationEnded(by="clock", clock=clock_of("draw", "platform", 1, story.at))]
    assert story.fold(*facts).offer.state == "ended"


def test_an_offer_that_lapses_leaves_the_negotiation_open():
    story = told().in_negotiation().offered(SELLER, open_days=1).later(days=1)

    story.fold(*story.fire())

    assert (story.dispute.phase, story.offer.state) == (Phase.NEGOTIATION, "lapsed")
    assert story.fire() == []


def test_of_two_ends_at_one_instant_the_offers_comes_first():
    story = told(items=REFUND).in_negotiation()
    story.at = story.clock.due - DAY
    story.offered(SELLER, open_days=1).at_due()

    first = story.fire()
    second = story.fold(*first).fire()

    assert first == [OfferLapsed(offer=0)]
    assert second == [NegotiationEnded(by="clock", clock=clock_of("draw", "platform", 1, story.at))]
