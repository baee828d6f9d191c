"""The seller's answer: coming by the invitation, the five replies, the objection to the scope, and silence."""

from __future__ import annotations

import pytest

from odr.filing import rules as filing
from odr.kernel import Money
from odr.procedure import rules as procedure
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    AgreementReached,
    ClaimItem,
    Deadline,
    DisputeClosed,
    FilingRefused,
    LastCallMade,
    OfferMade,
    OrderProven,
    ReplyGiven,
    ScopeObjectionDismissed,
    SellerJoined,
    SellerSilent,
    Term,
)
from odr.procedure.rules import LONGEST_TEXT
from odr.response import rules as response
from tests.procedure.story import (
    BUYER,
    MONDAY,
    OTHER_REGISTRAR,
    REGISTRAR,
    SELLER,
    clock_of,
    due,
    refused,
    terms,
    told,
)

EVIDENCE_CLOCK = Deadline("evidence", "both", due(MONDAY, 10), "default-1:evidence:10:never,never")
SIGN_CLOCK = Deadline("sign", "both", due(MONDAY, 7), "default-1:sign:7:never,never")
REPLY_CLOCK = Deadline("reply", "seller", due(MONDAY, 2 + 14), "default-1:reply:14+2r:never")


def reply(story, choice, **given):
    return story.ask(response.give_reply, SELLER, choice=choice, **given)


def test_the_seller_joins_by_the_mailed_link():
    story = told().admitted()

    assert story.ask(response.join_seller, SELLER, proof="invitation_link") == [SellerJoined(proof="invitation_link")]


def test_joining_twice_changes_nothing():
    story = told().admitted().do(response.join_seller, SELLER, proof="invitation_link")

    assert story.ask(response.join_seller, SELLER, proof="invitation_link") == []


def test_the_seller_says_in_the_reply_that_the_order_is_theirs_and_says_so_once():
    story = told().admitted()
    ours, replied = reply(story, "contest", text="It was sent.", ours=True)

    assert ours == OrderProven(method="seller")
    assert reply(story, "contest", text="It was sent.") == [replied]
    assert reply(story, "accept_all", ours=True)[0] == ours

    story.do(response.give_reply, SELLER, choice="object", text="We sell to firms only.", ours=True)
    story.do(response.dismiss_objection, REGISTRAR, text="This buyer is none.")

    assert story.dispute.order_proven == ("seller",)
    assert [type(fact) for fact in reply(story, "contest", text="It was sent.", ours=True)] == [ReplyGiven]


def test_a_proof_of_identity_is_one_that_is_known():
    with refused("proof_unknown"):
        told().admitted().ask(response.join_seller, SELLER, proof="honest_face")


@pytest.mark.parametrize("story", [told(), told().asked_for_more(), told().refused(), told().withdrawn()])
def test_nobody_learns_of_a_dispute_against_them_before_it_is_admitted(story):
    with refused("not_in_this_phase"):
        story.ask(response.join_seller, SELLER, proof="invitation_link")


@pytest.mark.parametrize("story", [told().seller_silent(), told().left(), told().settled(), told().settled().signed()])
def test_a_seller_who_comes_late_may_still_come_and_read(story):
    assert story.ask(response.join_seller, SELLER, proof="invitation_link") == [SellerJoined(proof="invitation_link")]


def test_accepting_the_claim_in_full_agrees_to_every_item():
    items = (ClaimItem("refund", Money(72990, "JPY")), ClaimItem("costs", Money(1500, "KWD")), ClaimItem("apology"))
    story = told(items=items).admitted()

    facts = reply(story, "accept_all", text="Our fault.")

    agreed = terms(Money(72990, "JPY"), Money(1500, "KWD"), True)
    assert facts == [
        ReplyGiven(choice="accept_all", clock=None),
        AgreementReached(how="accepted_in_full", terms=agreed, perform_by=due(MONDAY, 14), clock=SIGN_CLOCK),
    ]
    assert facts[0].words == {"text": "Our fault."}
    story.fold(*facts, by=SELLER)
    assert story.dispute.phase is Phase.SETTLED
    assert story.agreement.totals == {"JPY": Money(72990, "JPY"), "KWD": Money(1500, "KWD")}


def test_contesting_goes_on_to_the_evidence():
    story = told().admitted()

    assert reply(story, "contest", text="We sent it.") == [ReplyGiven(choice="contest", clock=EVIDENCE_CLOCK)]


def test_an_offer_may_follow_later():
    story = told().admitted()

    assert reply(story, "offer") == [ReplyGiven(choice="offer", clock=EVIDENCE_CLOCK)]


def test_an_offer_may_come_with_the_reply():
    story = told().admitted()

    facts = reply(story, "offer", terms=terms(Money(2000, "EUR")))

    assert facts == [
        ReplyGiven(choice="offer", clock=EVIDENCE_CLOCK),
        OfferMade(
            side="seller",
            offer=0,
            terms=(Term(0, True, Money(2000, "EUR")),),
            perform_days=14,
            expires=MONDAY + 5 * 86_400_000,
            replaces=None,
        ),
    ]
    assert story.fold(*facts, by=SELLER).dispute.open_offer is not None


def test_declining_ends_the_procedure_and_says_so():
    story = told().admitted()

    assert reply(story, "decline") == [
        ReplyGiven(choice="decline", clock=None),
        DisputeClosed(code="declined", compliance="none", clock=None),
    ]


def test_a_reply_is_one_of_five():
    with refused("choice_unknown"):
        reply(told().admitted(), "shrug")


@pytest.mark.parametrize("choice", ["contest", "object"])
def test_who_contests_or_objects_says_why(choice):
    with refused("text_missing"):
        reply(told().admitted(), choice, text=" ")


@pytest.mark.parametrize("choice", ["accept_all", "offer", "decline", "contest"])
def test_no_reply_is_longer_than_people_write(choice):
    with refused("text_too_long"):
        reply(told().admitted(), choice, text="a" * (LONGEST_TEXT + 1))


def test_the_seller_replies_once():
    with refused("not_in_this_phase"):
        reply(told().contested(), "contest", text="We sent it twice.")


def test_the_buyer_does_not_reply_for_the_seller():
    with refused("not_your_role"):
        told().admitted().ask(response.give_reply, BUYER, choice="accept_all")


# -- silence ----------------------------------------------------------------------------------------------------


def test_a_last_call_goes_out_when_the_time_to_reply_is_over():
    story = told().admitted().at_due()

    clock = Deadline("last_call", "seller", due(story.at, 3), "default-1:last_call:3:never")
    assert story.fire() == [LastCallMade(clock=clock)]


def test_the_seller_can_still_reply_after_the_last_call():
    assert told().last_called().do(response.give_reply, SELLER, choice="decline").dispute.code == "declined"


def test_a_silent_seller_is_decided_on_the_papers_and_never_loses_by_itself():
    story = told().last_called().served().at_due()

    facts = story.fire()

    clock = clock_of("default", "buyer", 10, story.at)
    assert facts == [SellerSilent(clock=clock)]
    assert story.fold(*facts).dispute.phase is Phase.DEFAULT_TRACK
    assert (story.dispute.clock, story.dispute.code) == (clock, None)


# -- the objection to the scope ---------------------------------------------------------------------------------


def test_an_objection_waits_for_the_registrar():
    story = told().admitted()

    facts = reply(story, "object", text="We sell to firms only.")

    clock = Deadline("scope", "registrar", due(MONDAY, 5), "default-1:scope:5:never")
    assert facts == [ReplyGiven(choice="object", clock=clock)]
    story.fold(*facts, by=SELLER)
    with refused("scope_not_decided"):
        reply(story, "contest", text="And anyway.")


def test_nothing_is_decided_where_nobody_objected():
    with refused("no_scope_objection"):
        told().admitted().ask(response.dismiss_objection, REGISTRAR, text="No.")


def test_an_objection_that_is_dismissed_gives_the_seller_the_whole_time_again():
    story = told().objected()

    facts = story.ask(response.dismiss_objection, REGISTRAR, text="It was a consumer's purchase.")

    assert facts == [ScopeObjectionDismissed(clock=REPLY_CLOCK)]
    story.fold(*facts, by=REGISTRAR)
    assert (story.dispute.reply, story.dispute.replied_at) == (None, None)
    assert reply(story, "contest", text="We sent it.")


def test_a_dismissal_gives_reasons():
    with refused("reasons_missing"):
        told().objected().ask(response.dismiss_objection, REGISTRAR, text="")


def test_an_objection_that_the_registrar_lets_lie_falls():
    story = told().objected().at_due()

    clock = Deadline("reply", "seller", due(story.at, 2 + 14), "default-1:reply:14+2r:never")
    assert story.fire() == [ScopeObjectionDismissed(clock=clock)]


def test_nobody_objects_again_and_again():
    story = told().objected().do(response.dismiss_objection, REGISTRAR, text="It belongs here.")

    with refused("objection_only_once"):
        reply(story, "object", text="It does not.")


def test_an_objection_that_holds_refuses_the_filing_after_all():
    story = told().objected()

    facts = story.ask(filing.uphold_objection, REGISTRAR, ground="outside_scope", text="A firm bought it.")

    clock = Deadline("review", "buyer", due(MONDAY, 2 + 14), "default-1:review:14+2r:never")
    assert facts == [FilingRefused(ground="outside_scope", clock=clock)]
    story.fold(*facts, by=REGISTRAR)
    assert (story.dispute.phase, story.dispute.scope_objected) == (Phase.REFUSED, False)


def test_an_upheld_objection_can_be_reviewed_and_the_seller_then_replies_afresh():
    story = told().objected()
    story.do(filing.uphold_objection, REGISTRAR, ground="outside_scope", text="A firm bought it.")
    story.do(filing.ask_review, BUYER, text="I am no firm.")

    story.do(filing.admit_filing, OTHER_REGISTRAR)

    assert (story.dispute.reply, story.dispute.replied_at) == (None, None)
    with refused("objection_only_once"):
        reply(story, "object", text="Still.")
    assert reply(story, "contest", text="We sent it.")


def test_who_refused_before_does_not_decide_on_the_objection_after_the_review():
    story = told().in_review().do(filing.admit_filing, OTHER_REGISTRAR)
    story.do(response.give_reply, SELLER, choice="object", text="Not here.")

    with refused("review_needs_another_registrar"):
        story.ask(filing.uphold_objection, REGISTRAR, ground="frivolous", text="As I said.")
    facts = story.ask(filing.uphold_objection, OTHER_REGISTRAR, ground="late", text="It is late.")
    assert facts == [
        FilingRefused(ground="late", clock=None),
        DisputeClosed(code="refused:late", compliance="none", clock=None),
    ]


def test_an_objection_does_not_stop_the_buyer_from_withdrawing():
    story = told().objected().do(procedure.withdraw_dispute, BUYER)

    assert story.dispute.code == "withdrawn"
