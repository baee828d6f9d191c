"""Service: notices that left the house, a seller who cannot be reached, and the search for another address."""

from __future__ import annotations

from odr.kernel import SYSTEM
from odr.procedure import rules as procedure
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    AddressGiven,
    Deadline,
    DisputeClosed,
    LastCallMade,
    NoticeReturned,
    NoticeSent,
    SellerJoined,
)
from odr.response import rules as response
from tests.procedure.story import BUYER, MONDAY, REGISTRAR, SELLER, clock_of, due, refused, told

ADDRESS = '{"email": "shop@example.org"}'
REPLY = Deadline("reply", "seller", due(MONDAY, 2 + 14), "default-1:reply:14+2r:never")


def test_a_notice_that_left_is_kept_and_changes_nothing():
    story = told().admitted()

    facts = story.ask(procedure.record_notice, SYSTEM, side="seller", template="invitation")

    assert facts == [NoticeSent(side="seller", template="invitation")]
    before = story.dispute.clock, story.dispute.phase
    assert (story.fold(*facts).dispute.clock, story.dispute.phase) == before


def test_when_the_seller_cannot_be_reached_the_buyer_looks_for_another_address():
    story = told().admitted()

    facts = story.ask(procedure.return_notice, SYSTEM, side="seller", template="invitation")

    assert facts == [
        NoticeReturned(side="seller", template="invitation", clock=clock_of("address", "buyer", 14)),
    ]
    story.fold(*facts)
    assert (story.dispute.phase, story.dispute.awaited) == (Phase.AWAITING_RESPONSE, "buyer")


def test_a_last_call_that_comes_back_is_no_call():
    story = told().last_called()

    [returned] = story.ask(procedure.return_notice, SYSTEM, side="seller", template="deadline_near")

    assert returned.clock == clock_of("address", "buyer", 14, story.at)


def test_another_address_gives_the_seller_the_whole_time_to_reply():
    story = told().unserved()

    facts = story.ask(response.give_address, BUYER, seller=ADDRESS)

    assert facts == [AddressGiven(clock=REPLY)]
    assert facts[0].words == {"seller": ADDRESS}
    story.fold(*facts, by=BUYER)
    assert (story.dispute.address_asked, story.dispute.returned) == (False, frozenset())
    assert story.mail_came_back("seller").clock.step == "address"


def test_an_address_is_given_when_it_was_asked_for():
    with refused("no_address_asked"):
        told().admitted().ask(response.give_address, BUYER, seller=ADDRESS)
    with refused("text_missing"):
        told().unserved().ask(response.give_address, BUYER, seller="")
    with refused("not_your_role"):
        told().unserved().ask(response.give_address, SELLER, seller=ADDRESS)


def test_nothing_is_decided_against_somebody_who_was_never_reached():
    story = told().unserved().at_due()

    assert story.fire() == [DisputeClosed(code="not_served", compliance="none", clock=None)]


def test_no_seller_is_silent_who_was_not_asked():
    """The last call is made anew until it has left the house, or the seller has come."""
    story = told().admitted().served().expired().at_due()

    assert (story.dispute.step, story.dispute.served_at) == ("last_call", None)
    assert story.fire() == [LastCallMade(clock=clock_of("last_call", "seller", 3, story.at))]
    story.expired().do(response.join_seller, SELLER, proof="invitation_link")
    assert story.expired().dispute.phase is Phase.DEFAULT_TRACK


def test_a_seller_has_the_whole_time_of_a_last_call_from_when_it_left():
    late = told().last_called().later(days=1).served().at_due()
    assert late.fire() == [LastCallMade(clock=clock_of("last_call", "seller", 3, late.at))]
    assert late.expired().dispute.step == "last_call"
    # The one that left late is left; whoever takes no mail on its day is not asked for ever.
    assert late.expired().dispute.phase is Phase.DEFAULT_TRACK

    in_time = told().last_called().served().later(days=1).served()
    assert in_time.expired().dispute.phase is Phase.DEFAULT_TRACK


def test_a_last_call_that_left_and_came_back_serves_nobody():
    story = told().last_called().served().mail_came_back("seller").do(response.give_address, BUYER, seller=ADDRESS)

    assert (story.dispute.step, story.dispute.served_at) == ("reply", None)


def test_a_seller_who_came_by_another_way_was_reached_after_all():
    story = told().unserved()

    story.do(response.join_seller, SELLER, proof="invitation_link")

    assert story.events[-1] == SellerJoined(proof="invitation_link")
    assert (story.clock.step, story.dispute.awaited) == ("address", "seller")
    assert story.ask(response.give_reply, SELLER, choice="contest", text="We sent it.")
    with refused("no_address_asked"):
        story.ask(response.give_address, BUYER, seller=ADDRESS)


def test_a_seller_who_came_and_keeps_silent_does_not_end_the_dispute_as_not_served():
    story = told().unserved().do(response.join_seller, SELLER, proof="invitation_link").at_due()

    facts = story.fire()

    assert facts == [LastCallMade(clock=clock_of("last_call", "seller", 3, story.at))]
    assert story.fold(*facts).expired().dispute.phase is Phase.DEFAULT_TRACK


def test_a_seller_who_was_once_here_is_told_on_the_page_and_has_the_time_stopped():
    story = told().admitted().do(response.join_seller, SELLER, proof="invitation_link").mail_came_back("seller")

    assert (story.dispute.suspension.by, story.dispute.step) == ("system", "reply")
    assert story.ask(procedure.end_suspension, SELLER)


def test_a_seller_who_is_not_reached_while_time_stands_still_is_looked_for_when_it_goes_on():
    story = told().admitted().suspended(by="registrar").later(days=5).mail_came_back("seller")

    assert (story.dispute.clock, story.dispute.step, story.dispute.address_asked) == (None, "address", True)
    story.later(days=5).do(procedure.end_suspension, REGISTRAR)
    assert (story.clock.step, story.dispute.awaited) == ("address", "buyer")
    assert story.clock.due - story.at >= 14 * 86_400_000


def test_mail_to_a_closed_dispute_is_kept_as_well():
    story = told().withdrawn()

    assert story.ask(procedure.record_notice, SYSTEM, side="buyer", template="dispute_closed")
    assert story.ask(procedure.return_notice, SYSTEM, side="buyer", template="dispute_closed") == [
        NoticeReturned(side="buyer", template="dispute_closed", clock=None)
    ]
