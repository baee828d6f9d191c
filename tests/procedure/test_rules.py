"""What all steps share: withdrawing, settling directly, signing, messages, more time, and what fires by itself."""

from __future__ import annotations

import pytest

from odr.compliance import rules as compliance
from odr.evidence.rules import complete_evidence
from odr.filing import rules as filing
from odr.procedure import rules as procedure
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    Deadline,
    DirectSettlementDenied,
    DirectSettlementStated,
    DisputeClosed,
    DisputeWithdrawn,
    ExtensionAsked,
    ExtensionGranted,
    LastCallMade,
    MessageSent,
    NegotiationEnded,
    SettlementSigned,
    WalledMessageSent,
)
from odr.procedure.rules import LONGEST_TEXT, MOST_MESSAGES
from odr.response import rules as response
from tests.procedure.story import (
    BUYER,
    MONDAY,
    OTHER_REGISTRAR,
    REGISTRAR,
    SELLER,
    STRANGER,
    clock_of,
    due,
    refused,
    told,
)

BEFORE_THE_END = {
    "screening": told,
    "needs_information": lambda: told().asked_for_more(),
    "refused": lambda: told().refused(),
    "review": lambda: told().in_review(),
    "awaiting_response": lambda: told().admitted(),
    "objection": lambda: told().objected(),
    "last_call": lambda: told().last_called(),
    "evidence": lambda: told().contested(),
    "negotiation": lambda: told().in_negotiation(),
    "open_offer": lambda: told().in_negotiation().offered(SELLER),
    "assignment": lambda: told().left(),
    "default_track": lambda: told().seller_silent(),
    "drawn": lambda: told().drawn(),
    "appointed": lambda: told().appointed(),
    "mediation": lambda: told().in_mediation(),
    "decision": lambda: told().in_decision(),
    "file_closed": lambda: told().file_closed(),
}


# -- withdrawing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", BEFORE_THE_END)
def test_the_buyer_may_withdraw_at_any_time_before_the_end(place):
    story = BEFORE_THE_END[place]()

    facts = story.ask(procedure.withdraw_dispute, BUYER, text="It came after all.")

    assert facts == [DisputeWithdrawn(), DisputeClosed(code="withdrawn", compliance="none", clock=None)]
    assert facts[0].words == {"text": "It came after all."}
    story.fold(*facts, by=BUYER)
    assert (story.dispute.phase, story.dispute.clock, story.dispute.open_offer) == (Phase.CLOSED, None, None)


@pytest.mark.parametrize("place", BEFORE_THE_END)
def test_nobody_withdraws_a_dispute_for_the_buyer(place):
    for actor, code in ((SELLER, "not_your_role"), (REGISTRAR, "not_your_role"), (STRANGER, "not_your_dispute")):
        with refused(code):
            BEFORE_THE_END[place]().ask(procedure.withdraw_dispute, actor)


@pytest.mark.parametrize("story", [told().settled(), told().decided()], ids=["settled", "decided"])
def test_what_was_agreed_or_decided_is_not_withdrawn(story):
    with refused("not_in_this_phase"):
        story.ask(procedure.withdraw_dispute, BUYER)
    with refused("not_in_this_phase"):
        story.ask(procedure.state_direct_settlement, BUYER, text="We settled.")


def test_a_closed_dispute_is_closed():
    with refused("dispute_closed", phase="closed"):
        told().withdrawn().ask(procedure.withdraw_dispute, BUYER)


def test_nobody_writes_a_novel_to_withdraw():
    with refused("text_too_long", most=LONGEST_TEXT):
        told().ask(procedure.withdraw_dispute, BUYER, text="a" * (LONGEST_TEXT + 1))


# -- settled directly -------------------------------------------------------------------------------------------

WITH_SELLER = [
    place for place in BEFORE_THE_END if place not in ("screening", "needs_information", "refused", "review")
]


@pytest.mark.parametrize("place", WITH_SELLER)
def test_the_buyers_word_that_both_settled_ends_the_dispute(place):
    story = BEFORE_THE_END[place]()

    facts = story.ask(procedure.state_direct_settlement, BUYER, text="They paid.")

    assert facts == [
        DirectSettlementStated(side="buyer"),
        DisputeClosed(code="settled_direct", compliance="none", clock=None),
    ]


@pytest.mark.parametrize("place", WITH_SELLER)
def test_the_sellers_word_waits_for_the_buyers(place):
    story = BEFORE_THE_END[place]()
    phase, clock = story.dispute.phase, story.dispute.clock

    facts = story.ask(procedure.state_direct_settlement, SELLER, text="We paid.")

    assert facts == [DirectSettlementStated(side="seller")]
    story.fold(*facts, by=SELLER)
    assert (story.dispute.phase, story.dispute.clock) == (phase, clock)
    with refused("direct_already_stated"):
        story.ask(procedure.state_direct_settlement, SELLER, text="We paid!")
    assert story.do(procedure.state_direct_settlement, BUYER, text="Yes.").dispute.code == "settled_direct"


def test_the_buyer_may_contradict_and_the_seller_may_say_so_again():
    story = told().contested().do(procedure.state_direct_settlement, SELLER, text="We paid.")

    facts = story.ask(procedure.deny_direct_settlement, BUYER)

    assert facts == [DirectSettlementDenied(side="buyer")]
    story.fold(*facts, by=BUYER)
    assert story.ask(procedure.state_direct_settlement, SELLER, text="Now we did.")


def test_there_must_be_something_to_contradict():
    with refused("direct_not_stated"):
        told().contested().ask(procedure.deny_direct_settlement, BUYER)


def test_a_direct_settlement_is_told_in_words():
    with refused("text_missing"):
        told().contested().ask(procedure.state_direct_settlement, BUYER, text="")


def test_before_admission_there_is_nobody_to_settle_with():
    with refused("not_in_this_phase"):
        told().ask(procedure.state_direct_settlement, BUYER, text="They paid.")


# -- signing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(BUYER, SELLER), (SELLER, BUYER)])
def test_the_second_signature_closes(first, second):
    story = told().settled()
    seal = story.agreement.seal

    one = story.ask(procedure.sign_settlement, first, seen=seal)
    two = story.fold(*one, by=first).ask(procedure.sign_settlement, second, seen=seal)
    performance = Deadline("performance", "seller", story.agreement.perform_by, "default-1:performance:agreed")

    assert one == [SettlementSigned(side=first.role, seen=seal)]
    assert two == [
        SettlementSigned(side=second.role, seen=seal),
        DisputeClosed(code="settled_negotiation", compliance="due", clock=performance),
    ]


def test_a_side_signs_once():
    story = told().settled().signed(BUYER)

    with refused("already_signed"):
        story.ask(procedure.sign_settlement, BUYER, seen=story.agreement.seal)


def test_a_signature_is_under_the_text_that_was_shown():
    with refused("agreement_changed"):
        told().settled().ask(procedure.sign_settlement, BUYER, seen="0" * 64)


@pytest.mark.parametrize("signers", [(), (BUYER,), (SELLER,)])
def test_an_agreement_that_nobody_signs_closes_all_the_same(signers):
    story = told().settled()
    if signers:
        story.signed(*signers)
    story.at_due()

    performance = Deadline("performance", "seller", story.agreement.perform_by, "default-1:performance:agreed")
    assert story.fire() == [DisputeClosed(code="settled_negotiation", compliance="due", clock=performance)]


def test_what_is_due_at_once_is_not_late_before_the_seller_can_say_that_it_was_done():
    story = told().in_negotiation().offered(SELLER, perform_days=0).accepted(BUYER).at_due()

    [closed] = story.fire()

    assert closed.clock.due == due(story.at, 0) > story.agreement.perform_by
    story.fold(closed).reported().do(compliance.confirm_performance, BUYER)
    assert story.dispute.compliance == "honoured"


def test_a_claim_accepted_in_full_closes_under_its_own_name():
    story = told().admitted().do(response.give_reply, SELLER, choice="accept_all").signed()

    assert (story.dispute.code, story.dispute.compliance) == ("accepted_in_full", "due")


# -- messages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["awaiting_response", "objection", "last_call", "evidence"])
def test_messages_before_the_negotiation_are_part_of_the_file(place):
    facts = BEFORE_THE_END[place]().ask(procedure.send_message, BUYER, text="Where is it?")

    assert facts == [MessageSent(side="buyer")]
    assert facts[0].words == {"text": "Where is it?"}
    assert facts[0].reach == "parties"


@pytest.mark.parametrize(
    "story", [told().in_negotiation(), told().left(), told().settled()], ids=["negotiation", "assignment", "settled"]
)
def test_messages_from_the_negotiation_on_are_out_of_reach_of_whoever_decides(story):
    facts = story.ask(procedure.send_message, SELLER, text="Two months ago.")

    assert facts == [WalledMessageSent(side="seller")]
    assert facts[0].reach == "wall"


def test_a_message_says_something():
    for unseen in ("", "\t", "\u200b\u2060", "\u00a0\u3000\u202e"):
        with refused("text_missing"):
            told().contested().ask(procedure.send_message, BUYER, text=unseen)
    with refused("text_too_long", most=LONGEST_TEXT):
        told().contested().ask(procedure.send_message, BUYER, text="a" * (LONGEST_TEXT + 1))


def test_machines_that_write_without_end_are_stopped_and_take_no_room_from_the_other_side():
    story = told().contested()
    for _ in range(MOST_MESSAGES - 1):
        story.do(procedure.send_message, BUYER, text="Hello?")
    for side in (BUYER, SELLER):
        story.do(complete_evidence, side)
    story.do(procedure.send_message, BUYER, text="Hello?")

    with refused("too_many_messages", most=MOST_MESSAGES):
        story.ask(procedure.send_message, BUYER, text="Hello?")
    assert story.ask(procedure.send_message, SELLER, text="Here I am.")


# -- more time --------------------------------------------------------------------------------------------------


def test_more_time_is_asked_of_the_other_side():
    story = told().admitted()

    facts = story.ask(procedure.ask_extension, SELLER, text="Our lawyer is away.")

    assert facts == [ExtensionAsked(side="seller", step="reply")]
    assert facts[0].words == {"text": "Our lawyer is away."}


def test_consent_gives_more_time_from_the_old_end_on():
    story = told().admitted().do(procedure.ask_extension, SELLER).later(days=3)
    before = story.clock.due

    facts = story.ask(procedure.agree_extension, BUYER)

    clock = Deadline("reply", "seller", due(before, 7) - 86_400_000, "default-1:reply:extended 7:never")
    assert facts == [ExtensionGranted(by="parties", clock=clock)]
    assert clock.due - before == 7 * 86_400_000
    story.fold(*facts, by=BUYER)
    assert (story.clock, story.dispute.extension_asked_by) == (clock, None)


def test_the_registrar_gives_more_time_with_a_reason():
    story = told().contested()

    facts = story.ask(procedure.grant_extension, REGISTRAR, text="A holiday in between.")

    clock = Deadline("evidence", "both", due(MONDAY, 20), "default-1:evidence:extended 10:never,never")
    assert facts == [ExtensionGranted(by="registrar", clock=clock)]
    assert facts[0].words == {"text": "A holiday in between."}
    with refused("text_missing"):
        story.ask(procedure.grant_extension, REGISTRAR, text="")


@pytest.mark.parametrize(
    ("story", "holder"),
    [
        (told().admitted(), SELLER),
        (told().contested(), BUYER),
        (told().in_negotiation(), SELLER),
    ],
    ids=["reply", "evidence", "negotiation"],
)
def test_a_step_is_extended_once(story, holder):
    story.do(procedure.grant_extension, REGISTRAR, text="A holiday.")

    with refused("extended_already"):
        story.ask(procedure.ask_extension, holder)
    with refused("extended_already"):
        story.ask(procedure.grant_extension, REGISTRAR, text="Another holiday.")


@pytest.mark.parametrize(
    "story",
    [told(), told().refused(), told().last_called(), told().left(), told().seller_silent(), told().in_decision()],
    ids=["screening", "refused", "last_call", "assignment", "default_track", "final_words"],
)
def test_not_every_step_can_be_extended(story):
    with refused("no_extension_here"):
        story.ask(procedure.grant_extension, REGISTRAR, text="A holiday.")
    with refused("no_extension_here"):
        story.ask(procedure.ask_extension, BUYER)


def test_only_whose_time_runs_asks_for_more():
    with refused("not_your_time"):
        told().admitted().ask(procedure.ask_extension, BUYER)


def test_more_time_is_asked_for_once():
    with refused("extension_already_asked"):
        told().contested().do(procedure.ask_extension, BUYER).ask(procedure.ask_extension, SELLER)


def test_nobody_agrees_with_themselves():
    story = told().contested().do(procedure.ask_extension, BUYER)

    with refused("no_extension_asked"):
        story.ask(procedure.agree_extension, BUYER)


def test_there_must_be_something_to_agree_to():
    with refused("no_extension_asked"):
        told().contested().ask(procedure.agree_extension, SELLER)


@pytest.mark.parametrize("place", ["reply to last call", "exchange to rebuttal", "reply to objection"])
def test_a_request_for_more_time_ends_with_its_step(place):
    if place == "reply to last call":
        story, other = told().admitted().do(procedure.ask_extension, SELLER).expired(), BUYER
    elif place == "exchange to rebuttal":
        story, other = told().contested().do(procedure.ask_extension, BUYER), SELLER
        story.at = story.clock.due - 1
        story.with_evidence(SELLER).expired()
    else:
        story, other = told().admitted().do(procedure.ask_extension, SELLER), BUYER
        story.do(response.give_reply, SELLER, choice="object", text="Not here.")

    with refused("no_extension_asked"):
        story.ask(procedure.agree_extension, other)


def test_before_admission_more_time_is_the_registrars_to_give():
    story = told().asked_for_more()

    with refused("no_extension_here"):
        story.ask(procedure.ask_extension, BUYER)
    with refused("not_in_this_phase"):
        story.ask(procedure.agree_extension, SELLER)
    assert story.ask(procedure.grant_extension, REGISTRAR, text="A holiday.")


# -- what fires by itself ---------------------------------------------------------------------------------------


def test_nothing_fires_before_its_instant():
    story = told().admitted().at_due()
    story.at -= 1

    assert story.fire() == []


def test_where_no_time_runs_nothing_fires():
    assert told().withdrawn().later(days=1000).fire() == []


def test_an_outage_shortens_nobodys_time():
    story = told().admitted().at_due().later(days=10)

    clock = Deadline("last_call", "seller", due(story.at, 3), "default-1:last_call:3:never")
    assert story.fire() == [LastCallMade(clock=clock)]


@pytest.mark.parametrize("place", BEFORE_THE_END)
def test_left_alone_every_dispute_comes_to_rest(place):
    """Only the house's own lateness goes on for ever, since its silence closes no buyer's dispute."""
    story = BEFORE_THE_END[place]()
    for _ in range(12):
        if story.dispute.clock is None:
            break
        story.served().expired()

    waits_for_the_house = story.dispute.clock and story.clock.holder == "registrar"
    assert story.dispute.clock is None or waits_for_the_house


@pytest.mark.parametrize("place", [place for place in BEFORE_THE_END if place != "screening"])
def test_where_the_house_does_its_part_every_dispute_ends_whatever_both_sides_leave_undone(place):
    """The registrar lets every review through, the mediator decides at the last moment, and nobody else moves."""
    story = BEFORE_THE_END[place]()
    for _ in range(30):
        if story.dispute.clock is None:
            break
        if story.dispute.phase is Phase.SCREENING:
            story.do(filing.admit_filing, OTHER_REGISTRAR)
        elif story.dispute.phase is Phase.ASSIGNMENT and not story.dispute.appointed:
            story.appointed()
        elif story.dispute.file_closed_at and story.dispute.phase is Phase.DECISION:
            story.decided()
        else:
            story.served().expired()

    assert story.dispute.phase is Phase.CLOSED
    assert story.dispute.compliance in ("none", "unknown")


def test_the_end_of_the_negotiation_says_that_time_ended_it():
    story = told().in_negotiation().at_due()

    assert story.fire() == [NegotiationEnded(by="clock", clock=clock_of("draw", "platform", 1, story.at))]


def test_an_undecided_review_goes_on_counting():
    story = told().in_review().expired()

    assert (story.dispute.phase, story.dispute.times_overdue) == (Phase.SCREENING, 1)
    with refused("review_needs_another_registrar"):
        story.ask(filing.admit_filing, REGISTRAR)
