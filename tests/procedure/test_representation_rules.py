"""Who acts for a side: what a mandate covers, while it stands, and nothing beyond either."""

from __future__ import annotations

import pytest

from odr.erasure import rules as erasure
from odr.erasure.rules import Written
from odr.kernel import Actor
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.access import MANDATE_OUTLASTS, MOST_MANDATES, PERMISSIONS, acts_of, mandate_end, may, why_not
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import SIDES
from odr.procedure.events import (
    AgreementReached,
    ErasureOrdered,
    MandateEnded,
    MandateGiven,
    MandateTakenUp,
    OfferAccepted,
    Target,
)
from odr.representation import rules as representation
from odr.representation.rules import NewName
from tests.procedure.story import BUYER, OTHER_REGISTRAR, REGISTRAR, SELLER, a_mandate, refused, represented, told

LAWYER = represented(0, "buyer")
READING = ("dispute:read", "evidence:read", "offers:read", "receipt:read", "casefile:read")


def offered(story):
    return set(acts_of(story.dispute, LAWYER, story.at))


def reads(story, actor=LAWYER):
    return [permission for permission in READING if may(permission, story.dispute, actor, story.at)]


# -- giving, taking up, ending ------------------------------------------------------------------------------------


def test_a_side_lets_somebody_act_until_the_end_of_a_day():
    story = told()

    given = story.ask(
        representation.give_mandate,
        BUYER,
        representative=NewName(LAWYER.id),
        scope="speak",
        until="2026-03-27",
        name="Somebody",
    )

    # The day ends when it has ended everywhere: at noon UTC of the next.
    assert given == [MandateGiven(side="buyer", representative=LAWYER.id, scope="speak", until=1774699200000)]
    assert dict(given[0].words) == {"name": "Somebody"}


def test_a_mandate_counts_from_when_it_is_taken_up():
    story = told().mandated(BUYER, taken_up=False)

    assert reads(story) == []
    assert offered(story) == {"mandate:take_up"}
    assert story.ask(representation.take_up_mandate, LAWYER) == [MandateTakenUp(side="buyer", representative=LAWYER.id)]
    story.do(representation.take_up_mandate, LAWYER)
    assert reads(story) == list(READING)
    with refused("mandate_taken_up"):
        story.ask(representation.take_up_mandate, LAWYER)


def test_a_side_ends_a_mandate_at_once_and_a_representative_gives_it_back():
    story = told().mandated(BUYER)
    by_side = [MandateEnded(side="buyer", representative=LAWYER.id, by="side")]
    by_lawyer = [MandateEnded(side="buyer", representative=LAWYER.id, by="representative")]

    assert story.ask(representation.end_mandate, BUYER, representative=LAWYER.id) == by_side
    assert story.ask(representation.resign_mandate, LAWYER) == by_lawyer

    story.do(representation.end_mandate, BUYER, representative=LAWYER.id)
    assert reads(story) == []
    assert offered(story) == set()
    assert why_not("message:send", story.dispute, LAWYER, story.at) == "mandate_over"
    with refused("no_mandate"):
        story.ask(representation.end_mandate, BUYER, representative=LAWYER.id)
    with refused("mandate_over"):
        story.ask(representation.resign_mandate, LAWYER)


def test_what_was_not_taken_up_in_time_cannot_be_any_more():
    story = told().mandated(BUYER, days=0, taken_up=False).later(days=2)

    with refused("mandate_over"):
        story.ask(representation.take_up_mandate, LAWYER)


def test_a_side_ends_no_mandate_of_the_other_one_and_none_that_there_is_not():
    story = told().contested().mandated(BUYER).mandated(SELLER)

    with refused("no_mandate"):
        story.ask(representation.end_mandate, SELLER, representative=LAWYER.id)
    with refused("no_mandate"):
        story.ask(representation.end_mandate, BUYER, representative="0" * 32)
    with refused("no_mandate"):
        told().ask(representation.end_mandate, BUYER, representative=LAWYER.id)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("scope_unknown", {"scope": "everything"}),
        ("scope_unknown", {"scope": "own"}),
        ("scope_unknown", {"scope": ""}),
        ("mandate_days_out_of_range", {"until": "2026-03-01"}),
        ("mandate_days_out_of_range", {"until": "2027-03-04"}),
        ("day_malformed", {"until": "soon"}),
        ("representative_unnamed", {"name": "​ "}),
        ("text_too_long", {"relation": "a" * 20_001}),
    ],
)
def test_a_mandate_has_a_known_scope_a_day_within_a_year_and_a_name(code, changes):
    story = told()

    with refused(code):
        story.ask(representation.give_mandate, BUYER, **{**a_mandate(story.dispute), **changes})


def test_a_side_has_three_representatives_at_a_time_and_an_ended_one_makes_room():
    story = told().contested()
    for _ in range(MOST_MANDATES):
        story.mandated(BUYER)

    with refused("too_many_mandates"):
        story.mandated(BUYER)
    story.mandated(SELLER)
    story.do(representation.end_mandate, BUYER, representative=LAWYER.id).mandated(BUYER)


def test_a_side_names_a_dozen_people_over_a_dispute_and_no_more():
    story = told().contested()
    for place in range(representation.MOST_EVER):
        story.mandated(BUYER).do(representation.end_mandate, BUYER, representative=represented(place, "buyer").id)

    with refused("mandates_used_up", most=12):
        story.mandated(BUYER)
    story.mandated(SELLER)


# -- what a mandate covers ------------------------------------------------------------------------------------------


def test_a_mandate_to_read_reads_and_does_nothing():
    story = told().in_negotiation().offered(SELLER).mandated(BUYER, "read")

    assert reads(story) == list(READING)
    assert offered(story) == {"mandate:resign"}
    with refused("mandate_does_not_cover"):
        story.ask(procedure.send_message, LAWYER, text="We think about it.")


def test_a_mandate_to_speak_speaks_and_promises_nothing():
    story = told().in_negotiation().offered(SELLER).mandated(BUYER, "speak")

    assert offered(story) == {
        "message:send",
        "suspension:ask",
        "extension:ask",
        "mandate:resign",
    }
    [said] = story.ask(procedure.send_message, LAWYER, text="We think about it.")
    assert said.side == "buyer"
    with refused("mandate_does_not_cover"):
        story.ask(negotiation.accept_offer, LAWYER, offer=0, seen=story.offer.seal)


def test_a_mandate_to_bind_binds_the_side():
    story = told().in_negotiation().offered(SELLER).mandated(BUYER, "bind")

    accepted, agreed = story.ask(negotiation.accept_offer, LAWYER, offer=0, seen=story.offer.seal)

    assert isinstance(accepted, OfferAccepted) and accepted.side == "buyer"
    assert isinstance(agreed, AgreementReached)
    story.do(negotiation.accept_offer, LAWYER, offer=0, seen=story.offer.seal)
    story.do(procedure.sign_settlement, LAWYER, seen=story.agreement.seal)
    assert story.dispute.signed == {"buyer"}
    # Signed once for the side: the side itself signs no second time.
    with refused("already_signed"):
        story.ask(procedure.sign_settlement, BUYER, seen=story.agreement.seal)


def test_an_offer_of_a_representative_is_the_sides_own():
    story = told().in_negotiation().mandated(BUYER).offered(LAWYER)

    for actor in (BUYER, LAWYER):
        with refused("own_offer"):
            story.ask(negotiation.accept_offer, actor, offer=0, seen=story.offer.seal)
    assert story.do(negotiation.withdraw_offer, BUYER, offer=0).dispute.open_offer is None


@pytest.mark.parametrize("scope", ["read", "speak", "bind"])
def test_no_representative_names_another_one_or_ends_one_or_grades_in_the_sides_name(scope):
    story = told().closed_by_decision().mandated(BUYER, scope)

    for permission in ("mandate:give", "mandate:end", "procedure:rate"):
        assert why_not(permission, story.dispute, LAWYER, story.at) == "mandate_does_not_cover"
    with refused("mandate_does_not_cover"):
        story.ask(representation.give_mandate, LAWYER, **a_mandate(story.dispute))


def test_every_act_of_a_side_says_what_a_mandate_for_it_has_to_cover_or_is_for_the_side_alone():
    theirs = {name for name, row in PERMISSIONS.items() if row.act and row.who & set(SIDES) and not row.scope}

    assert theirs == {"seller:join", "procedure:rate", "mandate:give", "mandate:end"}


def test_nobody_acts_for_the_other_side_on_a_mandate():
    story = told().contested().mandated(BUYER)
    as_seller = Actor(LAWYER.id, "seller")

    assert acts_of(story.dispute, as_seller, story.at) == []
    assert reads(story, as_seller) == []
    assert why_not("message:send", story.dispute, as_seller, story.at) == "not_your_dispute"


def test_a_side_and_who_stands_above_it_can_take_up_or_give_back_nothing():
    story = told().contested().mandated(BUYER, taken_up=False)

    for rule in (representation.take_up_mandate, representation.resign_mandate):
        with refused("no_mandate"):
            story.ask(rule, BUYER)
        for actor in (REGISTRAR, OTHER_REGISTRAR):
            with refused("not_your_role"):
                story.ask(rule, actor)


def test_a_seller_who_learns_nothing_yet_has_nobody_who_does():
    """A mandate cannot open a dispute to a side that does not know of it."""
    story = told()

    with refused("not_in_this_phase"):
        story.ask(representation.give_mandate, SELLER, **a_mandate(story.dispute))


# -- when it is over ------------------------------------------------------------------------------------------------


def test_a_mandate_counts_until_the_very_end_of_its_last_day():
    story = told().contested().mandated(BUYER, days=3)
    [mandate] = story.dispute.mandates

    story.at = mandate.until - 1
    assert "message:send" in offered(story)
    story.at = mandate.until
    assert reads(story) == [] and offered(story) == set()


def test_a_mandate_outlasts_its_dispute_by_a_fortnight_for_reading():
    story = told().mandated(BUYER).withdrawn()
    [mandate] = story.dispute.mandates

    assert mandate_end(story.dispute, mandate) == story.at + MANDATE_OUTLASTS == story.at + 14 * DAY
    assert reads(story) == list(READING)
    with refused("dispute_closed"):
        story.ask(representation.give_mandate, BUYER, **a_mandate(story.dispute))
    story.later(days=14)
    assert reads(story) == []


def test_a_mandate_goes_on_while_what_was_promised_is_still_to_be_done():
    story = told().mandated(BUYER, days=300).closed_by_decision().reported().later(days=5)

    assert {"performance:confirm", "performance:deny"} <= offered(story)


def test_whoever_acted_has_their_own_words_erased_and_not_the_sides_nor_the_side_theirs():
    story = told().contested().mandated(BUYER).do(procedure.send_message, LAWYER, text="We will see.")
    said = story.dispute.version
    written = (Written(1, BUYER.id, ("narrative",)), Written(said, LAWYER.id, ("text",)))
    story.do(representation.end_mandate, BUYER, representative=LAWYER.id)
    with refused("words_needed"):
        story.ask(erasure.order_erasure, LAWYER, written=written)

    story.withdrawn().later(days=60)

    own = [ErasureOrdered(ground="asked", targets=(Target(said, ("text",)),))]
    sides = [ErasureOrdered(ground="asked", targets=(Target(1, ("narrative",)),))]
    assert story.ask(erasure.order_erasure, LAWYER, written=written) == own
    assert story.ask(erasure.order_erasure, BUYER, written=written) == sides
