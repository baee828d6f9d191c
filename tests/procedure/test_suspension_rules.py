"""Time that stands still: who lets it stand and who lets it go on, and that nobody loses any of it in between."""

from __future__ import annotations

import pytest

from odr.decision import rules as decision
from odr.evidence import rules as evidence
from odr.kernel import SYSTEM
from odr.mediation import rules as mediation
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    DisputeResumed,
    DisputeSuspended,
    NoticeReturned,
    OfferLapsed,
    SuspensionAsked,
)
from odr.response import rules as response
from tests.procedure.story import A_FILE, BUYER, MONDAY, REGISTRAR, SELLER, refused, told

PDF = {"file": A_FILE, "media": "application/pdf"}
# Every step in which somebody has time, from admission to the decision.
STEPS = {
    "reply": lambda: told().admitted(),
    "scope": lambda: told().objected(),
    "last_call": lambda: told().last_called(),
    "address": lambda: told().unserved(),
    "evidence": lambda: told().contested(),
    "negotiation": lambda: told().in_negotiation(),
    "default": lambda: told().seller_silent(),
    "draw": lambda: told().left(),
    "appointment": lambda: told().drawn(),
    "objection": lambda: told().appointed(),
    "mediation": lambda: told().in_mediation(),
    "final_words": lambda: told().in_decision(),
    "decision": lambda: told().file_closed(),
}


def end(story, actor):
    return story.ask(procedure.end_suspension, actor)


# -- letting time stand still -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [(BUYER, SELLER), (SELLER, BUYER)])
def test_both_together_let_time_stand_still(first, second):
    story = told().contested()

    asked = story.ask(procedure.ask_suspension, first, text="We are talking by telephone.")
    agreed = story.fold(*asked, by=first).ask(procedure.agree_suspension, second)

    assert asked == [SuspensionAsked(side=first.role)]
    assert asked[0].words == {"text": "We are talking by telephone."}
    assert agreed == [DisputeSuspended(ground="joint_request", by="parties", side=None, until=MONDAY + 30 * DAY)]


@pytest.mark.parametrize("ground", ["parallel_payment", "missing_document", "incapacity"])
def test_the_registrar_lets_time_stand_still_on_a_ground_of_the_list(ground):
    story = told().in_mediation()

    facts = story.ask(procedure.order_suspension, REGISTRAR, ground=ground, text="The bank says so.")

    assert facts == [DisputeSuspended(ground=ground, by="registrar", side=None, until=MONDAY + 30 * DAY)]
    assert facts[0].words == {"text": "The bank says so."}


def test_an_order_names_a_ground_of_the_list_and_its_reasons():
    story = told().in_mediation()

    with refused("ground_unknown"):
        story.ask(procedure.order_suspension, REGISTRAR, ground="summer", text="It is hot.")
    with refused("reasons_missing"):
        story.ask(procedure.order_suspension, REGISTRAR, ground="incapacity", text="")
    with refused("not_your_role"):
        story.ask(procedure.order_suspension, story.mediator, ground="incapacity", text="I am ill.")


def test_one_side_alone_does_not_stop_time():
    story = told().contested()

    with refused("no_suspension_asked"):
        story.ask(procedure.agree_suspension, SELLER)
    story.do(procedure.ask_suspension, SELLER)
    with refused("no_suspension_asked"):
        story.ask(procedure.agree_suspension, SELLER)
    for actor in (BUYER, SELLER):
        with refused("suspension_already_asked"):
            story.ask(procedure.ask_suspension, actor)
    assert story.clock.due > story.at


def test_a_request_to_stop_time_ends_with_its_phase():
    story = told().in_negotiation().do(procedure.ask_suspension, SELLER).do(negotiation.leave_negotiation, BUYER)

    with refused("no_suspension_asked"):
        story.ask(procedure.agree_suspension, BUYER)


def test_time_stands_still_once_at_a_time_and_twice_in_a_dispute():
    story = told().contested().suspended()
    with refused("suspended_already"):
        story.ask(procedure.ask_suspension, BUYER)
    with refused("suspended_already"):
        story.ask(procedure.order_suspension, REGISTRAR, ground="incapacity", text="In hospital.")

    story.do(procedure.end_suspension, BUYER).suspended(by="registrar").do(procedure.end_suspension, REGISTRAR)

    with refused("suspended_often"):
        story.ask(procedure.ask_suspension, BUYER)
    with refused("suspended_often"):
        story.ask(procedure.order_suspension, REGISTRAR, ground="incapacity", text="Again.")


def test_before_admission_nobody_stops_the_registrars_time():
    with refused("no_time_runs"):
        told().ask(procedure.order_suspension, REGISTRAR, ground="incapacity", text="In hospital.")
    with refused("no_time_runs"):
        told().ask(procedure.ask_suspension, BUYER)


# -- letting time go on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("stood", [0, 1, 10, 30])
def test_whatever_step_it_was_everybody_has_as_many_days_as_before(step, stood):
    story = STEPS[step]()
    clock, begun = story.clock, story.at
    story.suspended(by="registrar").later(days=stood)

    assert (story.dispute.clock, story.dispute.awaited, story.dispute.step) == (None, None, step)
    story.fold(*(story.fire() or end(story, REGISTRAR)))

    assert story.clock.due - story.at == clock.due - begun
    assert (story.clock.step, story.clock.holder) == (clock.step, clock.holder)
    assert story.clock.rule == f"{clock.rule}:stood {stood}"


def test_a_begun_day_counts_whole():
    story = told().contested()
    due = story.clock.due

    story.suspended().later(hours=1)

    [resumed] = end(story, SELLER)
    assert resumed.clock.due == due + DAY


def test_it_goes_on_by_itself_after_thirty_days():
    story = told().contested()
    due = story.clock.due
    story.suspended().later(days=30)

    [resumed] = story.fire()

    assert (resumed.by, resumed.clock.due) == ("clock", due + 30 * DAY)
    assert story.fold(resumed).fire() == []


def test_nothing_else_fires_while_time_stands_still():
    story = told().contested().suspended().later(days=29)

    assert story.fire() == []


def test_a_challenge_and_the_evidence_that_was_asked_for_stand_still_too():
    story = told().in_mediation().evidence_requested(days=2).later(days=4).evidence_requested(days=9)
    over, running = (request.due for request in story.dispute.requests)
    story.challenged()
    challenge = story.dispute.challenge.clock.due
    story.suspended(by="registrar").later(days=20)

    [resumed] = end(story, REGISTRAR)

    assert resumed.challenge.due == challenge + 20 * DAY
    # What was over before stays over.
    assert resumed.requests == (over, running + 20 * DAY)
    story.fold(resumed, by=REGISTRAR)
    assert story.dispute.challenge.clock == resumed.challenge
    [added] = story.ask(evidence.add_evidence, SELLER, **PDF)
    assert added.notes == ()


def test_where_time_does_not_stand_still_nobody_lets_it_go_on():
    for actor in (BUYER, SELLER, REGISTRAR):
        with refused("not_suspended"):
            end(told().contested(), actor)


@pytest.mark.parametrize("actor", [BUYER, SELLER, REGISTRAR])
def test_what_both_agreed_on_either_ends(actor):
    assert end(told().contested().suspended(), actor)[0].by == actor.role


@pytest.mark.parametrize("actor", [BUYER, SELLER])
def test_what_the_registrar_ordered_no_side_ends(actor):
    """Or whoever is in hospital would be protected only as long as the other side likes."""
    with refused("suspension_not_yours"):
        end(told().contested().suspended(by="registrar"), actor)


def test_what_stands_still_for_mail_that_came_back_is_ended_by_the_side_it_was_for():
    story = told().contested().suspended(by="system")

    with refused("suspension_not_yours"):
        end(story, SELLER)
    assert end(story, BUYER)[0].by == "buyer"
    assert end(story, REGISTRAR)[0].by == "registrar"


# -- acts meanwhile ---------------------------------------------------------------------------------------------


def test_who_goes_on_meanwhile_takes_no_time_from_the_side_that_cannot_act():
    """The seller leaves the negotiation while the buyer is in hospital; nothing runs before the buyer is back."""
    story = told().in_negotiation().suspended(by="registrar").later(days=3)

    story.do(negotiation.leave_negotiation, SELLER)
    assert (story.dispute.phase, story.dispute.clock, story.dispute.step) == (Phase.ASSIGNMENT, None, "draw")
    story.drawn().appointed()
    story.do(mediation.waive_objection, SELLER).later(days=10)

    assert (story.fire(), story.dispute.step) == ([], "objection")
    story.do(procedure.end_suspension, REGISTRAR)
    # Three days for an objection, as if the mediator had accepted only now.
    assert 3 * DAY <= story.clock.due - story.at < 5 * DAY
    assert story.ask(mediation.object_to_mediator, BUYER)


def test_a_decision_may_come_meanwhile_and_the_time_to_answer_it_stands():
    story = told().file_closed().suspended(by="registrar").later(days=5).decided().later(days=20)

    assert (story.dispute.phase, story.dispute.clock) == (Phase.DECIDED, None)
    story.do(procedure.end_suspension, REGISTRAR)
    assert 30 * DAY <= story.clock.due - story.at < 32 * DAY
    assert story.ask(decision.accept_decision, BUYER, seen=story.decision.seal)


def test_what_ends_the_dispute_ends_the_standing_still():
    story = told().contested().suspended(by="registrar").withdrawn()

    assert (story.dispute.suspension, story.dispute.next_due) == (None, None)
    with refused("dispute_closed"):
        end(story, REGISTRAR)


def test_what_is_promised_meanwhile_is_due_on_its_day():
    story = told().in_negotiation().offered(SELLER).suspended(by="registrar").accepted(BUYER)
    assert story.dispute.clock is None

    story.signed()

    assert (story.clock.step, story.clock.due) == ("performance", story.agreement.perform_by)


def test_an_offer_ends_on_the_day_it_names_also_while_time_stands_still():
    """It is the offeror's own word; nobody is bound longer than said."""
    story = told().in_negotiation().offered(SELLER, open_days=2).suspended().later(days=2)

    assert story.fire() == [OfferLapsed(offer=0)]
    story.fold(*story.fire())
    assert (story.dispute.suspension is not None, story.fire()) == (True, [])


def test_evidence_may_be_asked_for_meanwhile():
    story = told().in_decision().suspended(by="registrar")
    held = story.dispute.step_clock.due

    story.evidence_requested("buyer", days=10).later(days=12)

    assert story.dispute.clock is None and story.dispute.step_clock.due > held
    story.do(procedure.end_suspension, REGISTRAR)
    assert story.dispute.requests[0].due == story.clock.due > story.at + 9 * DAY


# -- mail that came back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "story"), [("buyer", told().contested()), ("seller", told().in_decision())])
def test_time_stands_still_for_a_side_whose_mail_came_back(side, story):
    facts = story.ask(procedure.return_notice, SYSTEM, side=side, template="your_turn")

    assert facts == [
        NoticeReturned(side=side, template="your_turn", clock=None),
        DisputeSuspended(ground="notice_returned", by="system", side=side, until=story.at + 30 * DAY),
    ]
    story.fold(*facts)
    assert story.dispute.returned == {side}
    assert story.dispute.times_suspended == 0


@pytest.mark.parametrize(
    ("side", "story"),
    [
        ("buyer", told()),
        ("buyer", told().in_mediation()),
        ("seller", told().decided().answered(buyer=False)),
        ("buyer", told().closed_by_decision().expired()),
        ("buyer", told().contested().suspended()),
    ],
    ids=["the registrar's time", "the mediator's time", "no time", "after the end", "time stands already"],
)
def test_where_no_time_of_that_side_runs_it_is_only_kept(side, story):
    facts = story.ask(procedure.return_notice, SYSTEM, side=side, template="news")

    assert facts == [NoticeReturned(side=side, template="news", clock=None)]


def test_mail_that_keeps_coming_back_stops_each_step_once():
    """Or a mailbox that is kept shut would keep the other side waiting for ever."""
    story = told().contested().suspended(by="system").do(procedure.end_suspension, BUYER)

    again = story.ask(procedure.return_notice, SYSTEM, side="buyer", template="reminder")
    assert again == [NoticeReturned(side="buyer", template="reminder", clock=None)]
    story.expired()
    assert len(story.ask(procedure.return_notice, SYSTEM, side="buyer", template="your_turn")) == 2


def test_one_sides_mail_uses_up_nothing_of_the_other_sides():
    story = told().contested().suspended(by="system").do(procedure.end_suspension, BUYER)

    halted = story.mail_came_back("seller")

    assert halted.dispute.suspension.side == "seller"
    with refused("suspension_not_yours"):
        end(halted, BUYER)


def test_a_seller_who_was_invited_and_never_came_halts_the_dispute_once():
    """Whoever leaves an address behind cannot keep the buyer waiting a month in every step."""
    story = told().seller_silent().expired().appointed().mail_came_back("seller")
    assert story.dispute.suspension.by == "system"
    story.do(procedure.end_suspension, REGISTRAR).expired()

    assert story.dispute.step == "final_words"
    again = story.ask(procedure.return_notice, SYSTEM, side="seller", template="your_turn")
    assert again == [NoticeReturned(side="seller", template="your_turn", clock=None)]


def test_only_the_house_knows_of_mail():
    for rule in (procedure.record_notice, procedure.return_notice):
        with refused("not_your_role"):
            told().admitted().ask(rule, SELLER, side="seller", template="invitation")
        with refused("side_unknown"):
            told().admitted().ask(rule, SYSTEM, side="mediator", template="invitation")


def test_a_resumption_says_all_that_has_a_new_instant():
    story = told().in_mediation().suspended().later(days=2)

    [resumed] = end(story, BUYER)

    assert resumed == DisputeResumed(by="buyer", clock=resumed.clock, challenge=None, requests=())
    assert resumed.clock.rule == "default-1:mediation:10:never:stood 2"


def test_the_seller_replies_while_time_stands_still_and_both_have_their_whole_time_afterwards():
    story = told().admitted().suspended(by="registrar").later(days=4)

    story.do(response.give_reply, SELLER, choice="contest", text="We sent it.").later(days=6)

    assert (story.dispute.phase, story.dispute.clock) == (Phase.EVIDENCE, None)
    story.do(procedure.end_suspension, REGISTRAR)
    assert 10 * DAY <= story.clock.due - story.at < 12 * DAY
