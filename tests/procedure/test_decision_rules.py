"""The decision: final words, a fresh decider, the file that closes, the reasoned decision, and what both say to it."""

from __future__ import annotations

import pytest

from odr.decision import rules as decision
from odr.decision.rules import MOST_FINDINGS
from odr.evidence import rules as evidence
from odr.kernel import LARGEST_MINOR, Money
from odr.mediation import rules as mediation
from odr.procedure import rules as procedure
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    ClaimItem,
    Deadline,
    DecisionAnswered,
    DecisionIssued,
    DecisionOverdue,
    DefaultTrackEnded,
    DisputeClosed,
    DisputeHandedOver,
    EvidenceCompleted,
    ExtensionGranted,
    FileClosed,
    FinalWordsGiven,
    Finding,
    MediatorDrawn,
    MediatorReleased,
    RebuttalOpened,
    Term,
)
from odr.response import rules as response
from tests.procedure.story import (
    A_FILE,
    BUYER,
    EUR,
    MONDAY,
    REGISTRAR,
    SELLER,
    a_decision,
    clock_of,
    due,
    refused,
    rulesets_with,
    terms,
    told,
)

PDF = {"file": A_FILE, "media": "application/pdf"}
THREE_ITEMS = (
    ClaimItem("refund", Money(72990, "JPY")),
    ClaimItem("costs", Money(1500, "KWD")),
    ClaimItem("apology"),
)
DECISION = clock_of("decision", "mediator", 14)


def issue(story, *amounts, **changes):
    return story.ask(decision.issue_decision, story.mediator, **a_decision(story.dispute, *amounts, **changes))


def answer(story, actor, *, accepts):
    rule = decision.accept_decision if accepts else decision.reject_decision
    return story.ask(rule, actor, seen=story.decision.seal)


def performance(story, days=14):
    """The time to carry the decision out when the dispute ends now."""
    return Deadline("performance", "seller", due(story.at, days), "default-1:performance:decided")


# -- the default track ------------------------------------------------------------------------------------------


def test_in_default_the_buyer_proves_and_says_when_that_is_done():
    story = told().seller_silent().with_evidence()

    facts = story.ask(evidence.complete_evidence, BUYER)

    draw = clock_of("draw", "platform", 1, story.at)
    assert facts == [EvidenceCompleted(side="buyer"), DefaultTrackEnded(clock=draw)]
    with refused("not_your_time"):
        story.ask(evidence.complete_evidence, SELLER)


def test_the_default_track_ends_with_its_time():
    story = told().seller_silent().at_due()

    assert story.fire() == [DefaultTrackEnded(clock=clock_of("draw", "platform", 1, story.at))]


def test_a_seller_who_comes_late_is_heard_until_the_file_is_closed():
    story = told().seller_silent().do(response.join_seller, SELLER, proof="invitation_link")

    assert story.ask(evidence.add_evidence, SELLER, **PDF)
    story.in_decision()
    assert story.ask(evidence.add_evidence, SELLER, **PDF)
    assert story.ask(decision.give_final_words, SELLER, text="We were on holiday.")
    with refused("not_in_this_phase"):
        story.ask(response.give_reply, SELLER, choice="contest", text="We sent it.")


def test_nobody_wins_by_default_alone():
    """Decided on the papers means that the mediator may find against the buyer who proved nothing."""
    story = told().seller_silent().in_decision().expired().decided(False)

    assert (story.decision.outcome, story.dispute.in_default) == ("for_seller", True)


# -- final words ------------------------------------------------------------------------------------------------


def test_the_second_final_words_close_the_file():
    story = told().in_decision()

    one = story.ask(decision.give_final_words, SELLER, text="That is all.")
    two = story.fold(*one, by=SELLER).ask(decision.give_final_words, BUYER)

    assert one == [FinalWordsGiven(side="seller")]
    assert one[0].words == {"text": "That is all."}
    assert two == [FinalWordsGiven(side="buyer"), FileClosed(clock=DECISION)]
    assert two[0].words == {}


def test_final_words_are_given_once():
    with refused("final_words_given"):
        told().in_decision().final_words(BUYER).ask(decision.give_final_words, BUYER, text="One more thing.")


def test_the_file_closes_when_the_time_for_final_words_is_over():
    story = told().in_decision().final_words(BUYER).at_due()

    assert story.fire() == [FileClosed(clock=clock_of("decision", "mediator", 14, story.at))]


def test_nothing_is_added_to_a_closed_file():
    story = told().file_closed()

    for actor in (BUYER, SELLER):
        with refused("file_closed"):
            story.ask(evidence.add_evidence, actor, **PDF)
    with refused("file_closed"):
        story.ask(mediation.request_evidence, story.mediator, side="buyer", days=3, text="The tracking.")


def test_late_evidence_is_admitted_only_while_the_other_side_can_answer_it():
    story = told().in_mediation().evidence_requested(days=2).later(days=4).with_evidence(SELLER).file_closed()

    with refused("file_closed"):
        story.ask(mediation.admit_late_evidence, story.mediator, item=1, text="It matters.")


def test_whoever_gave_final_words_may_speak_again_when_something_new_came_in():
    story = told().in_decision().final_words(BUYER).with_evidence(SELLER)

    assert story.ask(decision.give_final_words, SELLER) == [FinalWordsGiven(side="seller")]
    story.final_words(SELLER)
    assert story.ask(decision.give_final_words, BUYER, text="It is forged.")[-1] == FileClosed(clock=DECISION)


def test_what_comes_in_at_the_last_minute_can_be_answered_and_nothing_comes_after_it():
    story = told().in_decision()
    story.at = story.clock.due - 1
    story.with_evidence(SELLER).at_due()

    facts = story.fire()

    assert facts == [RebuttalOpened(clock=clock_of("rebuttal", "both", 5, story.at))]
    story.fold(*facts)
    with refused("file_closed"):
        story.ask(evidence.add_evidence, SELLER, **PDF)
    assert story.ask(decision.give_final_words, BUYER, text="It is forged.") == [FinalWordsGiven(side="buyer")]
    assert (story.dispute.awaited, story.final_words(BUYER).dispute.awaited) == ("both", "seller")
    story.at_due()
    assert story.fire() == [FileClosed(clock=clock_of("decision", "mediator", 14, story.at))]


# -- a fresh decider --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [BUYER, SELLER])
def test_either_side_may_ask_for_somebody_else_to_decide_after_a_mediation(actor):
    story = told().in_decision()
    order = story.dispute.draw.order

    facts = story.ask(decision.ask_fresh_decider, actor)

    assert facts == [
        MediatorReleased(mediator=order[0], reason="fresh_decider", side=actor.role, clock=None),
        MediatorDrawn(mediator=order[1], place=1, size=7, root="7" * 64, clock=clock_of("appointment", "mediator", 2)),
    ]
    story.fold(*facts, by=actor).taken_up()
    assert (story.dispute.phase, story.clock.step, story.dispute.final_words) == (
        Phase.DECISION,
        "final_words",
        frozenset(),
    )


def test_a_fresh_decider_is_asked_for_once_and_only_after_a_mediation():
    fresh = told().in_decision().do(decision.ask_fresh_decider, BUYER).taken_up()

    with refused("no_fresh_decider"):
        fresh.ask(decision.ask_fresh_decider, SELLER)
    with refused("no_fresh_decider"):
        told().seller_silent().in_decision().ask(decision.ask_fresh_decider, BUYER)


def test_whoever_did_not_mediate_is_fresh_already():
    """Or it would be one more objection without a reason."""
    story = told().in_decision().released().taken_up()

    with refused("no_fresh_decider"):
        story.ask(decision.ask_fresh_decider, BUYER)


def test_a_fresh_decider_is_asked_for_within_three_days_and_before_ones_final_words():
    story = told().in_decision()
    closes = story.clock.due - 2 * DAY

    story.at = closes - 1
    assert story.ask(decision.ask_fresh_decider, BUYER)
    story.final_words(BUYER)
    with refused("fresh_decider_over"):
        story.ask(decision.ask_fresh_decider, BUYER)
    assert story.ask(decision.ask_fresh_decider, SELLER)
    story.at = closes
    with refused("fresh_decider_over"):
        story.ask(decision.ask_fresh_decider, SELLER)


def test_the_time_to_ask_for_a_fresh_decider_stands_still_with_all_time():
    story = told().in_decision().suspended(by="registrar").later(days=20)

    assert story.ask(decision.ask_fresh_decider, BUYER)
    story.do(procedure.end_suspension, REGISTRAR)
    assert story.ask(decision.ask_fresh_decider, BUYER)
    story.later(days=4, hours=4)
    with refused("fresh_decider_over"):
        story.ask(decision.ask_fresh_decider, BUYER)


# -- the decision -----------------------------------------------------------------------------------------------


def test_a_decision_answers_each_item_with_reasons_and_says_what_each_finding_rests_on():
    story = told(items=THREE_ITEMS).in_decision().with_evidence(BUYER).final_words(SELLER).final_words(BUYER)

    facts = issue(
        story,
        Money(70000, "JPY"),
        False,
        True,
        findings=(Finding((0, 1)), Finding((1,))),
        texts={"reasons": "So it is.", "finding_1": "It never came.", "finding_2": "It was paid.", "other": "?"},
        costs=Money(900, "JPY"),
        perform_days=10,
    )

    assert facts == [
        DecisionIssued(
            outcome="partly",
            terms=terms(Money(70000, "JPY"), False, True),
            costs=Money(900, "JPY"),
            basis="buyer_law",
            findings=(Finding((0, 1)), Finding((1,))),
            perform_by=due(MONDAY, 10),
            clock=clock_of("acceptance", "both", 30),
        )
    ]
    assert facts[0].words == {"reasons": "So it is.", "finding_1": "It never came.", "finding_2": "It was paid."}
    story.fold(*facts, by=story.mediator)
    assert story.decision.awarded == {"JPY": Money(70000, "JPY")}
    assert (story.decision.mediator, story.dispute.awaited) == (story.mediator.id, "both")


@pytest.mark.parametrize(
    ("amounts", "outcome"),
    [
        ((Money(72990, "JPY"), Money(1500, "KWD"), True), "for_buyer"),
        ((Money(72990, "JPY"), Money(1499, "KWD"), True), "partly"),
        ((False, False, True), "partly"),
        ((False, False, False), "for_seller"),
    ],
)
def test_the_outcome_is_read_from_what_is_granted(amounts, outcome):
    [issued] = issue(told(items=THREE_ITEMS).file_closed(), *amounts)

    assert issued.outcome == outcome


def test_nothing_is_decided_before_the_file_is_closed():
    with refused("file_open"):
        issue(told().in_decision().final_words(BUYER))


def test_whoever_is_challenged_does_not_decide_before_the_registrar_does():
    story = told().file_closed().challenged(BUYER)

    with refused("challenge_pending"):
        issue(story)
    story.do(mediation.decide_challenge, REGISTRAR, upheld=False, text="No tie.")
    assert issue(story)


def test_only_the_mediator_who_sits_decides():
    story = told().file_closed()

    for actor, code in ((BUYER, "not_your_role"), (REGISTRAR, "not_your_role")):
        with refused(code):
            story.ask(decision.issue_decision, actor, **a_decision(story.dispute))


def test_no_more_is_granted_than_was_claimed_on_each_item():
    story = told(items=THREE_ITEMS).file_closed()

    with refused("award_above_claim", claimed=Money(72990, "JPY")):
        issue(story, Money(72991, "JPY"), False, False)
    with refused("currency_not_claimed", currency="EUR"):
        issue(story, Money(1, "EUR"), False, False)
    with refused("remedy_needs_amount"):
        issue(story, True, False, False)
    with refused("terms_do_not_match"):
        issue(story, Money(1, "JPY"))
    with refused("terms_do_not_match"):
        issue(story, terms=(Term(0, False, Money(1, "JPY")), Term(1, False), Term(2, False)))
    with refused("amount_not_positive"):
        issue(story, Money(0, "JPY"), False, False)


def test_costs_are_an_amount():
    story = told().file_closed()

    for costs, code in (
        (Money(0, "EUR"), "amount_not_positive"),
        (Money(1, "XXX"), "currency_unknown"),
        (Money(LARGEST_MINOR + 1, "EUR"), "amount_too_large"),
    ):
        with refused(code):
            issue(story, costs=costs)


def test_a_decision_has_a_basis_reasons_and_findings_that_rest_on_something():
    story = told().file_closed()
    reasons = {"reasons": "So it is.", "finding_1": "It never came."}

    with refused("basis_unknown"):
        issue(story, basis="mood")
    with refused("reasons_missing"):
        issue(story, texts={**reasons, "reasons": " "})
    with refused("finding_missing"):
        issue(story, findings=())
    with refused("finding_missing"):
        issue(story, texts={"reasons": "So it is."})
    with refused("too_many_findings", most=MOST_FINDINGS):
        issue(story, findings=(Finding((0,)),) * (MOST_FINDINGS + 1))
    with refused("finding_rests_on_nothing"):
        issue(story, findings=(Finding(()),))
    for cites in ((1,), (-1,), (0, 0, 0)):
        with refused("evidence_unknown"):
            issue(story, findings=(Finding(cites),))
    with refused("perform_days_out_of_range", most=90):
        issue(story, perform_days=91)


def test_nothing_rests_on_what_came_too_late_and_was_not_admitted():
    late = told().in_mediation().evidence_requested(days=2).later(days=4).with_evidence(SELLER)

    with refused("evidence_not_admitted"):
        issue(late.file_closed(), findings=(Finding((1,)),))
    admitted = told().in_mediation().evidence_requested(days=2).later(days=4).with_evidence(SELLER)
    admitted.do(mediation.admit_late_evidence, admitted.mediator, item=1, text="It matters.")
    assert issue(admitted.file_closed(), findings=(Finding((1,)),))


def test_the_mediator_may_take_a_week_more_once():
    story = told().file_closed()

    facts = story.ask(procedure.grant_extension, story.mediator, text="A translation is missing.")

    clock = Deadline("decision", "mediator", due(MONDAY, 21), "default-1:decision:extended 7:never")
    assert facts == [ExtensionGranted(by="mediator", clock=clock)]


def test_a_late_decision_is_counted_and_then_taken_away():
    story = told().file_closed().at_due()
    first = story.mediator

    late = story.fire()
    assert late == [DecisionOverdue(clock=clock_of("decision_late", "mediator", 7, story.at))]
    story.fold(*late).at_due()
    released, drawn = story.fire()

    assert released == MediatorReleased(mediator=first.id, reason="late", side=None, clock=None)
    story.fold(released, drawn).taken_up()
    # Whoever comes next hears both sides.
    assert (story.clock.step, story.dispute.file_closed_at, story.dispute.awaited) == ("final_words", None, "both")


def test_a_mediator_whose_challenge_the_registrar_lets_lie_is_not_late():
    story = told().file_closed().expired()
    story.later(days=6).challenged(BUYER).at_due()

    facts = story.fire()

    assert facts == [DecisionOverdue(clock=clock_of("decision_late", "mediator", 7, story.at))]


# -- the answer to the decision ---------------------------------------------------------------------------------


def test_a_decision_that_both_accept_is_accepted_and_due():
    story = told().decided()

    one = answer(story, SELLER, accepts=True)
    two = answer(story.fold(*one, by=SELLER), BUYER, accepts=True)

    seal = story.decision.seal
    assert one == [DecisionAnswered(side="seller", accepts=True, seen=seal)]
    closed = DisputeClosed(code="decided_for_buyer:accepted", compliance="due", clock=performance(story))
    assert two == [DecisionAnswered(side="buyer", accepts=True, seen=seal), closed]


def test_the_buyers_no_ends_it_whatever_the_seller_says():
    story = told().decided()

    facts = answer(story, BUYER, accepts=False)

    assert facts[1:] == [DisputeClosed(code="decided_for_buyer:not_accepted", compliance="none", clock=None)]
    assert answer(story.answered(seller=True), BUYER, accepts=False)[1:] == facts[1:]


def test_what_the_buyer_accepts_is_due_though_the_seller_is_not_bound():
    """So that it is known whether it was done: outcome and compliance are two words."""
    story = told().decided().answered(seller=False)

    facts = answer(story, BUYER, accepts=True)

    closed = DisputeClosed(code="decided_for_buyer:not_accepted", compliance="due", clock=performance(story))
    assert facts[1:] == [closed]


@pytest.mark.parametrize(
    ("said", "compliance"),
    [({}, "due"), ({"buyer": True}, "due"), ({"seller": True}, "due"), ({"seller": False}, "due")],
    ids=["nobody", "the buyer's yes", "the seller's yes", "the seller's no"],
)
def test_silence_is_never_consent(said, compliance):
    story = told().decided().answered(**said).at_due()

    facts = story.fire()

    clock = performance(story)
    assert facts == [DisputeClosed(code="decided_for_buyer:not_accepted", compliance=compliance, clock=clock)]


def test_a_claim_that_is_not_granted_is_accepted_by_the_buyer_alone():
    story = told().decided(False)

    facts = answer(story, BUYER, accepts=True)

    assert facts[1:] == [DisputeClosed(code="decided_for_seller:accepted", compliance="none", clock=None)]


def test_costs_alone_are_due_as_well():
    story = told().decided(False, costs=Money(500, "EUR")).answered(buyer=True, seller=True)

    assert (story.dispute.code, story.dispute.compliance) == ("decided_for_seller:accepted", "due")


@pytest.mark.parametrize("seller", [None, False, True])
def test_a_seller_who_is_bound_by_the_ruleset_need_not_say_yes(seller):
    rulesets = rulesets_with("bound", ("seller_bound = false", "seller_bound = true"))
    story = told(rulesets=rulesets, ruleset="bound").decided().answered(seller=seller)

    assert answer(story, BUYER, accepts=True)[-1].code == "decided_for_buyer:accepted"


def test_the_time_to_answer_takes_nothing_from_the_time_to_carry_it_out():
    """A decision to be carried out within 14 days, accepted on the 29th: the seller has 14 days from then."""
    story = told().decided().answered(seller=True).later(days=29)

    closed = answer(story, BUYER, accepts=True)[-1]

    assert closed.clock.due == due(story.at, 14)
    assert story.fold(closed).dispute.perform_by == closed.clock.due


def test_an_answer_is_to_the_decision_that_was_shown_and_given_once():
    story = told().decided()

    for rule in (decision.accept_decision, decision.reject_decision):
        with refused("decision_changed"):
            story.ask(rule, BUYER, seen="0" * 64)
    story.answered(seller=False)
    for accepts in (True, False):
        with refused("decision_answered"):
            answer(story, SELLER, accepts=accepts)


def test_nothing_is_answered_before_it_is_decided_nor_decided_twice():
    with refused("not_in_this_phase"):
        told().file_closed().ask(decision.accept_decision, BUYER, seen="")
    with refused("not_in_this_phase"):
        issue(told().decided())


# -- handed over ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["moved_to_court", "out_of_hands"])
@pytest.mark.parametrize(
    "place",
    [
        told().admitted(),
        told().contested(),
        told().drawn(),
        told().in_mediation(),
        told().file_closed(),
        told().decided(),
    ],
    ids=["awaiting_response", "evidence", "assignment", "mediation", "decision", "decided"],
)
def test_a_dispute_that_a_court_or_another_body_has_is_closed_by_the_registrar(place, reason):
    facts = place.ask(procedure.hand_over, REGISTRAR, reason=reason, text="Filed with a court on Monday.")

    assert facts == [DisputeHandedOver(reason=reason), DisputeClosed(code=reason, compliance="none", clock=None)]
    assert facts[0].words == {"text": "Filed with a court on Monday."}


def test_a_handover_has_a_reason_of_the_list_and_words():
    story = told().in_mediation()

    with refused("ground_unknown"):
        story.ask(procedure.hand_over, REGISTRAR, reason="boring", text="It is.")
    with refused("reasons_missing"):
        story.ask(procedure.hand_over, REGISTRAR, reason="moved_to_court", text="")
    with refused("not_your_role"):
        story.ask(procedure.hand_over, story.mediator, reason="moved_to_court", text="Filed.")
    with refused("not_in_this_phase"):
        told().settled().ask(procedure.hand_over, REGISTRAR, reason="moved_to_court", text="Filed.")


def test_an_unpaid_claim_of_the_whole_price_is_granted_whole():
    story = told().decided()

    assert story.decision.awarded == {"EUR": Money(EUR, "EUR")}
