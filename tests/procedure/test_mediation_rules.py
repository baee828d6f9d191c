"""The appointment and the mediation: accept, object, challenge, ask for evidence, propose, agree or close."""

from __future__ import annotations

import pytest

from odr.evidence import rules as evidence
from odr.kernel import Actor, Money
from odr.mediation import rules as mediation
from odr.procedure import rules as procedure
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    AgreementReached,
    ChallengeDecided,
    ChallengeMade,
    ChallengeOverdue,
    Deadline,
    DecisionOpened,
    EvidenceAdded,
    EvidenceRequested,
    ExtensionGranted,
    LateEvidenceAdmitted,
    MediationEnded,
    MediationMessageSent,
    MediationOpened,
    MediatorAccepted,
    MediatorDrawn,
    MediatorReleased,
    ObjectionWaived,
    ProposalAnswered,
    ProposalMade,
)
from tests.procedure.story import (
    A_FILE,
    BUYER,
    MONDAY,
    POOL,
    REGISTRAR,
    SELLER,
    STRANGER,
    clock_of,
    due,
    refused,
    terms,
    told,
)

PDF = {"file": A_FILE, "media": "application/pdf"}
DECLARED = ("no_tie", "no_money", "no_contact", "no_prejudgment")
OBJECTION = clock_of("objection", "both", 3)
MEDIATION = clock_of("mediation", "mediator", 10)


def released(story, reason, side=None):
    """The facts of the release of whoever sits now, and of the next one's draw."""
    draw = story.dispute.draw
    following = draw.order[draw.place + 1]
    clock = clock_of("appointment", "mediator", 2, story.at)
    return [
        MediatorReleased(mediator=story.dispute.mediator, reason=reason, side=side, clock=None),
        MediatorDrawn(mediator=following, place=draw.place + 1, size=draw.size, root=draw.root, clock=clock),
    ]


# -- the appointment --------------------------------------------------------------------------------------------


def test_the_drawn_mediator_accepts_and_both_may_object():
    story = told().drawn()

    facts = story.ask(mediation.accept_appointment, story.mediator, declared=DECLARED[::-1], text="Ten years.")

    assert facts == [MediatorAccepted(declared=DECLARED, clock=OBJECTION)]
    assert facts[0].words == {"text": "Ten years."}
    story.fold(*facts, by=story.mediator)
    assert (story.dispute.appointed, story.dispute.phase, story.dispute.awaited) == (True, Phase.ASSIGNMENT, "both")


@pytest.mark.parametrize("declared", [(), DECLARED[1:], (*DECLARED, "no_grudge")])
def test_an_acceptance_declares_everything_that_the_ruleset_lists(declared):
    story = told().drawn()

    with refused("declaration_incomplete"):
        story.ask(mediation.accept_appointment, story.mediator, declared=declared)


def test_nobody_else_accepts_or_declines():
    story = told().drawn()
    other = next(name for name in POOL if name != story.mediator.id)

    for actor, code in ((Actor(other, "mediator"), "not_your_dispute"), (BUYER, "not_your_role")):
        with refused(code):
            story.ask(mediation.accept_appointment, actor, declared=DECLARED)
        with refused(code):
            story.ask(mediation.decline_appointment, actor)


def test_an_appointment_is_accepted_once_and_then_resigned_from():
    story = told().appointed()

    with refused("appointed_already"):
        story.ask(mediation.accept_appointment, story.mediator, declared=DECLARED)
    with refused("appointed_already"):
        story.ask(mediation.decline_appointment, story.mediator)
    assert story.ask(mediation.resign, story.mediator, text="I am ill.") == released(story, "resigned")


def test_whoever_has_not_accepted_declines_and_does_not_resign():
    story = told().drawn()

    with refused("not_appointed"):
        story.ask(mediation.resign, story.mediator, text="I am ill.")
    assert story.ask(mediation.decline_appointment, story.mediator) == released(story, "declined")


def test_who_resigns_says_why():
    story = told().in_mediation()

    with refused("reasons_missing"):
        story.ask(mediation.resign, story.mediator, text=" ")


def test_whoever_does_not_answer_is_followed_by_the_next():
    story = told().drawn().at_due()

    assert story.fire() == released(story, "missed")


def test_who_was_released_has_no_seat_any_more():
    story = told().drawn()
    first = story.mediator
    story.expired()

    with refused("not_your_dispute"):
        story.ask(mediation.accept_appointment, first, declared=DECLARED)


# -- the free objection -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [BUYER, SELLER])
def test_each_side_has_one_objection_without_a_reason(actor):
    story = told().appointed()

    facts = story.ask(mediation.object_to_mediator, actor)

    assert facts == released(story, "objection", actor.role)
    story.fold(*facts, by=actor).appointed()
    with refused("objected_already"):
        story.ask(mediation.object_to_mediator, actor)
    with refused("objected_already"):
        story.ask(mediation.waive_objection, actor)


def test_nobody_objects_to_somebody_who_has_not_accepted():
    with refused("not_appointed"):
        told().drawn().ask(mediation.object_to_mediator, BUYER)


def test_of_two_objections_at_once_the_second_does_not_release_the_next_one():
    story = told().appointed().objected_to(BUYER)

    with refused("not_appointed"):
        story.ask(mediation.object_to_mediator, SELLER)
    assert story.dispute.objected == {"buyer"}


def test_when_both_have_no_objection_the_mediation_begins_at_once():
    story = told().appointed()

    one = story.ask(mediation.waive_objection, SELLER)
    two = story.fold(*one, by=SELLER).ask(mediation.waive_objection, BUYER)

    assert one == [ObjectionWaived(side="seller")]
    assert two == [ObjectionWaived(side="buyer"), MediationOpened(clock=MEDIATION)]


def test_who_has_no_objection_cannot_object_to_the_same_mediator_any_more():
    story = told().appointed().do(mediation.waive_objection, BUYER)

    with refused("no_objection_said"):
        story.ask(mediation.object_to_mediator, BUYER)
    with refused("no_objection_said"):
        story.ask(mediation.waive_objection, BUYER)


def test_an_objection_that_was_waived_is_there_again_for_the_next_mediator():
    story = told().appointed().do(mediation.waive_objection, BUYER).objected_to(SELLER).appointed()

    assert story.dispute.awaited == "buyer"
    assert story.ask(mediation.object_to_mediator, BUYER) == released(story, "objection", "buyer")


def test_only_who_still_has_an_objection_is_waited_for():
    story = told().appointed().objected_to(BUYER).appointed()

    assert story.ask(mediation.waive_objection, SELLER)[1:] == [MediationOpened(clock=MEDIATION)]


def test_when_both_objections_are_used_the_mediation_begins_with_the_acceptance():
    story = told().appointed().objected_to(BUYER).appointed().objected_to(SELLER)

    facts = story.ask(mediation.accept_appointment, story.mediator, declared=DECLARED)

    assert facts == [MediatorAccepted(declared=DECLARED, clock=None), MediationOpened(clock=MEDIATION)]


def test_the_mediation_begins_when_the_time_to_object_is_over():
    story = told().appointed().at_due()

    assert story.fire() == [MediationOpened(clock=clock_of("mediation", "mediator", 10, story.at))]


def test_in_default_the_mediator_decides_at_once():
    story = told().seller_silent().expired().appointed().at_due()

    assert story.fire() == [DecisionOpened(clock=clock_of("final_words", "both", 5, story.at))]


# -- the challenge ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "story",
    [told().appointed(), told().in_mediation(), told().in_decision(), told().file_closed()],
    ids=["appointed", "mediation", "decision", "file_closed"],
)
def test_a_challenge_is_made_at_any_time_before_the_decision_and_stops_nothing(story):
    clock = story.clock

    facts = story.ask(mediation.challenge_mediator, SELLER, ground="tie", text="They are cousins.")

    assert facts == [ChallengeMade(side="seller", ground="tie", clock=clock_of("challenge", "registrar", 5))]
    assert facts[0].words == {"text": "They are cousins."}
    assert story.fold(*facts, by=SELLER).clock == clock


def test_a_challenge_names_a_ground_of_the_list_and_its_reasons():
    story = told().in_mediation()

    with refused("ground_unknown"):
        story.ask(mediation.challenge_mediator, BUYER, ground="dislike", text="I do not like them.")
    with refused("reasons_missing"):
        story.ask(mediation.challenge_mediator, BUYER, ground="tie", text="")


def test_only_who_was_appointed_is_challenged():
    with refused("not_appointed"):
        told().drawn().ask(mediation.challenge_mediator, BUYER, ground="tie", text="They are cousins.")


def test_one_challenge_is_decided_at_a_time_and_each_side_has_one_for_each_mediator():
    story = told().in_mediation().challenged(BUYER)

    with refused("challenge_pending"):
        story.ask(mediation.challenge_mediator, SELLER, ground="tie", text="They are cousins.")
    story.do(mediation.decide_challenge, REGISTRAR, upheld=False, text="No tie.")
    with refused("challenged_already"):
        story.ask(mediation.challenge_mediator, BUYER, ground="money", text="And money.")
    assert story.challenged(SELLER).dispute.challenge.side == "seller"


def test_the_next_mediator_can_be_challenged_too():
    """Whoever was released cannot take a side's only challenge along."""
    story = told().in_mediation().challenged(BUYER).released().in_mediation()

    assert story.dispute.challenge is None
    assert story.challenged(BUYER).dispute.challenge.side == "buyer"


def test_a_challenge_that_is_upheld_releases_the_mediator():
    story = told().in_mediation().challenged(BUYER)

    facts = story.ask(mediation.decide_challenge, REGISTRAR, upheld=True, text="They are cousins indeed.")

    assert facts == [ChallengeDecided(upheld=True), *released(story, "challenge", "buyer")]
    assert story.fold(*facts, by=REGISTRAR).dispute.phase is Phase.ASSIGNMENT


def test_a_challenge_that_is_dismissed_changes_nothing():
    story = told().in_mediation().challenged(BUYER)
    clock = story.clock

    facts = story.ask(mediation.decide_challenge, REGISTRAR, upheld=False, text="They are not.")

    assert facts == [ChallengeDecided(upheld=False)]
    story.fold(*facts, by=REGISTRAR)
    assert (story.clock, story.dispute.challenge, story.dispute.phase) == (clock, None, Phase.MEDIATION)


def test_a_registrar_decides_on_a_challenge_with_reasons():
    story = told().in_mediation().challenged(BUYER)

    with refused("reasons_missing"):
        story.ask(mediation.decide_challenge, REGISTRAR, upheld=True, text="")
    with refused("not_your_role"):
        story.ask(mediation.decide_challenge, SELLER, upheld=True, text="Right so.")
    with refused("no_challenge"):
        told().in_mediation().ask(mediation.decide_challenge, REGISTRAR, upheld=True, text="Right so.")


def test_a_challenge_that_is_left_lying_is_counted_and_stays():
    story = told().in_mediation().challenged(BUYER)
    story.at = story.dispute.challenge.clock.due

    facts = story.fire()

    assert facts == [ChallengeOverdue(clock=clock_of("challenge", "registrar", 5, story.at))]
    story.fold(*facts)
    assert story.dispute.challenge.side == "buyer"
    assert story.dispute.challenge.clock.due > story.at


def test_who_agrees_needs_no_answer_to_a_challenge_any_more():
    story = told().in_mediation().challenged(SELLER).proposed().proposal_accepted(BUYER).proposal_accepted(SELLER)

    assert (story.dispute.phase, story.dispute.challenge) == (Phase.SETTLED, None)


# -- messages and evidence --------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["buyer", "seller", "mediator"])
def test_all_three_write_in_the_mediation_and_nobody_else_reads_it(role):
    story = told().in_mediation()
    actor = story.mediator if role == "mediator" else {"buyer": BUYER, "seller": SELLER}[role]

    facts = story.ask(procedure.send_message, actor, text="What would help you?")

    assert facts == [MediationMessageSent(side=role)]
    assert facts[0].reach == "mediator"


def test_the_mediator_writes_to_nobody_outside_the_mediation():
    for story in (told().appointed(), told().in_decision()):
        with refused("not_in_this_phase"):
            story.ask(procedure.send_message, story.mediator, text="Between us.")


def test_evidence_comes_in_on_request_and_the_time_for_it_is_whole_days():
    story = told().in_mediation()

    facts = story.ask(mediation.request_evidence, story.mediator, side="seller", days=5, text="The tracking, please.")

    assert facts == [EvidenceRequested(side="seller", due=due(MONDAY, 5), clock=None)]
    assert facts[0].words == {"text": "The tracking, please."}
    with refused("evidence_not_requested"):
        story.ask(evidence.add_evidence, SELLER, **PDF)
    story.fold(*facts, by=story.mediator)
    [added] = story.ask(evidence.add_evidence, SELLER, **PDF)
    assert added.notes == ()
    with refused("evidence_not_requested"):
        story.ask(evidence.add_evidence, BUYER, **PDF)


def test_a_request_names_a_side_a_number_of_days_and_what_is_wanted():
    story = told().in_mediation()

    with refused("side_unknown"):
        story.ask(mediation.request_evidence, story.mediator, side="both", days=5, text="Everything.")
    for days in (0, -1, 21):
        with refused("request_days_out_of_range", most=20):
            story.ask(mediation.request_evidence, story.mediator, side="buyer", days=days, text="Everything.")
    with refused("text_missing"):
        story.ask(mediation.request_evidence, story.mediator, side="buyer", days=5, text="")


def test_there_is_a_bound_on_requests_for_evidence():
    story = told().in_mediation()
    for _ in range(mediation.MOST_REQUESTS):
        story.evidence_requested(days=2)

    with refused("too_many_requests", most=mediation.MOST_REQUESTS):
        story.ask(mediation.request_evidence, story.mediator, side="seller", days=2, text="One more.")


def test_what_comes_after_its_time_is_marked_and_admitted_with_a_reason():
    story = told().in_mediation().evidence_requested(days=2)
    story.at = story.dispute.requests[0].due

    added = story.ask(evidence.add_evidence, SELLER, **PDF)

    assert added == [EvidenceAdded(side="seller", item=1, media="application/pdf", size=1234, notes=("late",))]
    story.fold(*added, by=SELLER)
    with refused("reasons_missing"):
        story.ask(mediation.admit_late_evidence, story.mediator, item=1, text="")
    with refused("no_late_evidence"):
        story.ask(mediation.admit_late_evidence, story.mediator, item=2, text="It matters.")
    admitted = story.ask(mediation.admit_late_evidence, story.mediator, item=1, text="It matters.")
    assert admitted == [LateEvidenceAdmitted(item=1)]
    story.fold(*admitted, by=story.mediator)
    with refused("no_late_evidence"):
        story.ask(mediation.admit_late_evidence, story.mediator, item=1, text="It matters.")


def test_a_second_request_gives_new_time():
    story = told().in_mediation().evidence_requested(days=2).later(days=4).evidence_requested(days=2)

    [added] = story.ask(evidence.add_evidence, SELLER, **PDF)

    assert added.notes == ()


def test_a_request_before_the_decision_keeps_the_file_open_until_it_is_over():
    """Or whoever is asked for evidence within ten days would find the file closed after five."""
    story = told().in_decision()

    [short] = story.ask(mediation.request_evidence, story.mediator, side="buyer", days=3, text="The tracking.")
    [long] = story.ask(mediation.request_evidence, story.mediator, side="buyer", days=10, text="The tracking.")

    assert short.clock is None
    assert long.clock == Deadline("final_words", "both", long.due, "default-1:final_words:requested")
    story.fold(long, by=story.mediator)
    assert story.clock.due == long.due


# -- proposals --------------------------------------------------------------------------------------------------


def test_a_proposal_answers_each_item_and_may_give_what_nobody_asked_for():
    story = told().in_mediation()

    facts = story.ask(
        mediation.make_proposal, story.mediator, terms=terms(Money(9999, "USD")), perform_days=7, text="Half and half."
    )

    assert facts == [ProposalMade(proposal=0, terms=terms(Money(9999, "USD")), perform_days=7)]
    assert (facts[0].words, facts[0].reach) == ({"text": "Half and half."}, "mediator")


def test_a_proposal_fits_the_claim():
    story = told().in_mediation()

    with refused("terms_do_not_match"):
        story.ask(mediation.make_proposal, story.mediator, terms=())
    with refused("remedy_needs_amount"):
        story.ask(mediation.make_proposal, story.mediator, terms=terms(True))
    with refused("perform_days_out_of_range", most=90):
        story.ask(mediation.make_proposal, story.mediator, terms=terms(Money(1, "EUR")), perform_days=91)
    with refused("not_your_role"):
        story.ask(mediation.make_proposal, BUYER, terms=terms(Money(1, "EUR")))


@pytest.mark.parametrize(("first", "second"), [(BUYER, SELLER), (SELLER, BUYER)])
def test_a_proposal_that_both_accept_is_their_agreement(first, second):
    story = told().in_mediation().proposed()
    seal = story.proposal.seal

    one = story.ask(mediation.accept_proposal, first, proposal=0, seen=seal)
    two = story.fold(*one, by=first).ask(mediation.accept_proposal, second, proposal=0, seen=seal)

    assert one == [ProposalAnswered(side=first.role, proposal=0, accepts=True, seen=seal)]
    agreed = AgreementReached(
        how="settled_mediation",
        terms=terms(Money(2500, "EUR")),
        perform_by=due(MONDAY, 14),
        clock=clock_of("sign", "both", 7),
    )
    assert two == [ProposalAnswered(side=second.role, proposal=0, accepts=True, seen=seal), agreed]
    story.fold(*two, by=second).signed()
    assert (story.dispute.code, story.dispute.compliance) == ("settled_mediation", "due")


def test_a_side_accepts_once_and_cannot_take_it_back():
    story = told().in_mediation().proposed().proposal_accepted(BUYER)

    for rule in (mediation.accept_proposal, mediation.reject_proposal):
        with refused("proposal_answered"):
            story.ask(rule, BUYER, proposal=0, seen=story.proposal.seal)


def test_one_no_ends_a_proposal_and_the_mediator_may_make_another():
    story = told().in_mediation().proposed().proposal_accepted(BUYER)

    facts = story.ask(mediation.reject_proposal, SELLER, proposal=0, seen=story.proposal.seal)

    assert facts == [ProposalAnswered(side="seller", proposal=0, accepts=False, seen=story.proposal.seal)]
    story.fold(*facts, by=SELLER)
    assert (story.proposal.state, story.dispute.open_proposal) == ("rejected", None)
    with refused("no_open_proposal"):
        story.ask(mediation.accept_proposal, SELLER, proposal=0, seen=story.proposal.seal)
    assert story.proposed(3000).proposal.number == 1


def test_a_new_proposal_takes_the_place_of_the_open_one_with_its_yes():
    story = told().in_mediation().proposed().proposal_accepted(BUYER)
    old = story.proposal
    story.proposed(1)

    assert [proposal.state for proposal in story.dispute.proposals] == ["replaced", "open"]
    assert story.proposal.accepted_by == frozenset()
    with refused("proposal_changed"):
        story.ask(mediation.accept_proposal, SELLER, proposal=0, seen=old.seal)


def test_a_yes_is_to_the_proposal_that_was_shown():
    story = told().in_mediation().proposed()

    with refused("proposal_changed"):
        story.ask(mediation.accept_proposal, SELLER, proposal=0, seen="0" * 64)
    with refused("not_your_dispute"):
        story.ask(mediation.accept_proposal, STRANGER, proposal=0, seen=story.proposal.seal)


def test_there_is_a_bound_on_proposals():
    story = told().in_mediation()
    for number in range(mediation.MOST_PROPOSALS):
        story.proposed(number + 1)

    with refused("too_many_proposals", most=mediation.MOST_PROPOSALS):
        story.ask(mediation.make_proposal, story.mediator, terms=terms(Money(1, "EUR")))


# -- the end of the mediation -----------------------------------------------------------------------------------


def test_the_mediator_closes_the_mediation_and_both_have_their_final_words():
    story = told().in_mediation().proposed()

    facts = story.ask(mediation.close_mediation, story.mediator)

    assert facts == [MediationEnded(by="mediator"), DecisionOpened(clock=clock_of("final_words", "both", 5))]
    story.fold(*facts, by=story.mediator)
    assert (story.proposal.state, story.dispute.phase) == ("ended", Phase.DECISION)


def test_the_mediation_ends_with_its_time():
    story = told().in_mediation().at_due()

    assert story.fire() == [
        MediationEnded(by="clock"),
        DecisionOpened(clock=clock_of("final_words", "both", 5, story.at)),
    ]


def test_the_mediator_gives_more_time_once_with_a_reason():
    story = told().in_mediation()

    facts = story.ask(procedure.grant_extension, story.mediator, text="Both are close.")

    clock = Deadline("mediation", "mediator", due(MONDAY, 20), "default-1:mediation:extended 10:never")
    assert facts == [ExtensionGranted(by="mediator", clock=clock)]
    story.fold(*facts, by=story.mediator)
    with refused("extended_already"):
        story.ask(procedure.grant_extension, story.mediator, text="Closer still.")


def test_whoever_is_only_drawn_gives_no_time():
    with refused("no_extension_here"):
        told().drawn().ask(procedure.grant_extension, REGISTRAR, text="A holiday.")


def test_who_mediates_after_another_one_begins_anew_and_the_partial_work_stays():
    story = told().in_mediation().proposed().released()

    assert [proposal.state for proposal in story.dispute.proposals] == ["ended"]
    story.in_mediation()
    assert story.clock == MEDIATION
    assert story.dispute.mediated_by == story.mediator.id
