"""What was promised or granted: said to be done, confirmed, denied, made good, checked, and rated."""

from __future__ import annotations

import pytest

from odr.compliance import rules as compliance
from odr.evidence import rules as evidence
from odr.procedure.dispute import Phase
from odr.procedure.events import (
    BuyerRated,
    ComplianceEnded,
    ConfirmationAsked,
    EvidenceAdded,
    PerformanceConfirmed,
    PerformanceDenied,
    PerformanceReported,
    SellerRated,
)
from tests.procedure.story import A_FILE, BUYER, REGISTRAR, SELLER, clock_of, refused, told

PDF = {"file": A_FILE, "media": "application/pdf"}


def confirm(story):
    return story.ask(compliance.confirm_performance, BUYER)


def deny(story):
    return story.ask(compliance.deny_performance, BUYER, text="Nothing came.")


def report(story):
    return story.ask(compliance.report_performance, SELLER, text="Paid today.")


def check(story, *, shown):
    return story.ask(compliance.check_proof, REGISTRAR, shown=shown, text="The bank says so.")


ENDS = {
    "agreement": lambda: told().settled().signed(),
    "mediation": lambda: told().in_mediation().proposed().proposal_accepted(BUYER).proposal_accepted(SELLER).signed(),
    "decision": lambda: told().closed_by_decision(),
    "decision the seller rejected": lambda: told().decided().answered(seller=False, buyer=True),
}


# -- said and confirmed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ENDS)
def test_what_was_promised_or_granted_is_reported_and_confirmed(end):
    story = ENDS[end]()
    assert (story.dispute.phase, story.dispute.compliance, story.clock.step) == (Phase.CLOSED, "due", "performance")
    code = story.dispute.code

    reported = report(story)
    assert type(reported[0]) is PerformanceReported and reported[0].words == {"text": "Paid today."}
    story.fold(*reported, by=SELLER)
    confirmed = confirm(story)

    assert confirmed == [PerformanceConfirmed(result="honoured")]
    story.fold(*confirmed, by=BUYER)
    assert (story.dispute.compliance, story.dispute.clock, story.dispute.code) == ("honoured", None, code)


def test_a_report_before_its_day_does_not_shorten_the_buyers_time():
    """Or a seller could say so at once, and a buyer who still waits for the parcel would be counted as silent."""
    story = told().closed_by_decision()
    early, late = report(story), report(story.expired())

    performed_until = story.dispute.perform_by
    assert early == [PerformanceReported(clock=clock_of("confirmation", "buyer", 10, performed_until))]
    assert late == [PerformanceReported(clock=clock_of("confirmation", "buyer", 10, story.at))]


def test_the_buyer_may_confirm_without_waiting_for_the_seller():
    assert confirm(told().closed_by_decision()) == [PerformanceConfirmed(result="honoured")]


def test_what_was_done_after_its_day_is_late_though_it_was_done():
    story = told().closed_by_decision().expired()

    assert confirm(story) == [PerformanceConfirmed(result="late")]
    story.reported()
    assert confirm(story) == [PerformanceConfirmed(result="late")]


def test_what_was_said_to_be_done_in_time_is_in_time_whenever_it_is_confirmed():
    story = told().closed_by_decision().reported()
    story.at = story.clock.due - 1

    assert confirm(story) == [PerformanceConfirmed(result="honoured")]


def test_when_its_day_is_over_the_buyer_is_asked():
    story = told().closed_by_decision().at_due()

    assert story.fire() == [ConfirmationAsked(clock=clock_of("confirmation", "buyer", 10, story.at))]


@pytest.mark.parametrize("reported", [True, False])
def test_what_nobody_confirms_is_unknown_and_never_counted_as_done(reported):
    story = told().closed_by_decision()
    story = story.reported() if reported else story.expired()

    facts = story.at_due().fire()

    assert facts == [ComplianceEnded(result="unknown", by="clock")]
    assert story.fold(*facts).dispute.clock is None


# -- denied and made good ---------------------------------------------------------------------------------------


def test_the_seller_has_time_to_make_good_what_the_buyer_denies():
    story = told().closed_by_decision().reported()

    facts = deny(story)

    assert facts == [PerformanceDenied(clock=clock_of("cure", "seller", 14))]
    assert facts[0].words == {"text": "Nothing came."}
    story.fold(*facts, by=BUYER)
    assert (story.dispute.compliance, story.dispute.awaited) == ("disputed", "seller")


def test_what_is_not_made_good_is_not_honoured():
    story = told().closed_by_decision().reported().denied().at_due()

    assert story.fire() == [ComplianceEnded(result="not_honoured", by="clock")]


def test_what_is_made_good_is_late_and_confirmed():
    story = told().closed_by_decision().reported().denied().reported()

    assert confirm(story) == [PerformanceConfirmed(result="late")]


def test_what_is_denied_twice_is_for_a_registrar_to_look_at():
    story = told().closed_by_decision().reported().denied().reported()

    facts = deny(story)

    assert facts == [PerformanceDenied(clock=clock_of("proof", "registrar", 14))]
    story.fold(*facts, by=BUYER)
    assert (story.dispute.compliance, story.dispute.awaited) == ("checking", "registrar")
    assert check(story, shown=True) == [ComplianceEnded(result="late", by="registrar")]
    assert check(story, shown=False) == [ComplianceEnded(result="not_honoured", by="registrar")]
    assert story.at_due().fire() == [ComplianceEnded(result="unknown", by="clock")]


def test_the_buyer_may_still_confirm_while_it_is_disputed_or_checked():
    disputed = told().closed_by_decision().reported().denied()

    assert confirm(disputed) == [PerformanceConfirmed(result="late")]
    assert confirm(disputed.reported().denied()) == [PerformanceConfirmed(result="late")]


def test_both_bring_proof_until_the_last_word():
    story = told().closed_by_decision()

    for actor in (BUYER, SELLER):
        [added] = story.ask(evidence.add_evidence, actor, **PDF)
        assert added == EvidenceAdded(side=actor.role, item=1, media="application/pdf", size=1234, notes=())
    story.do(compliance.confirm_performance, BUYER)
    with refused("dispute_closed"):
        story.ask(evidence.add_evidence, SELLER, **PDF)


# -- what is refused --------------------------------------------------------------------------------------------


def test_what_is_not_due_yet_is_not_denied():
    with refused("performance_not_due"):
        deny(told().closed_by_decision())


@pytest.mark.parametrize(
    "story",
    [
        told().withdrawn(),
        told().decided().answered(buyer=False),
        told().closed_by_decision().do(compliance.confirm_performance, BUYER),
        told().closed_by_decision().expired().expired(),
    ],
    ids=["withdrawn", "rejected", "honoured", "unknown"],
)
def test_where_nothing_is_to_be_performed_nothing_is_said_about_it(story):
    with refused("nothing_to_perform"):
        confirm(story)
    with refused("nothing_to_perform"):
        deny(story)
    if story.dispute.admitted_at is not None:
        with refused("nothing_to_perform"):
            report(story)


def test_what_was_said_to_be_done_is_not_said_again_before_the_buyer_answers():
    with refused("nothing_to_perform"):
        report(told().closed_by_decision().reported())


def test_what_is_denied_is_not_denied_again_before_the_seller_answers():
    with refused("nothing_to_perform"):
        deny(told().closed_by_decision().reported().denied())


def test_words_belong_to_a_report_a_denial_and_a_check():
    story = told().closed_by_decision()

    with refused("text_missing"):
        story.ask(compliance.report_performance, SELLER, text="")
    with refused("text_missing"):
        story.reported().ask(compliance.deny_performance, BUYER, text=" ")
    with refused("reasons_missing"):
        story.denied().reported().denied().ask(compliance.check_proof, REGISTRAR, shown=True, text="")


def test_a_registrar_checks_only_what_was_denied_twice():
    for story in (told().closed_by_decision(), told().closed_by_decision().reported().denied()):
        with refused("no_proof_to_check"):
            check(story, shown=True)


def test_each_says_only_what_is_its_own_to_say():
    story = told().closed_by_decision().reported()

    with refused("not_your_role"):
        story.ask(compliance.confirm_performance, SELLER)
    with refused("not_your_role"):
        story.ask(compliance.report_performance, BUYER, text="They did.")
    with refused("not_your_role"):
        story.ask(compliance.check_proof, story.mediator, shown=True, text="I decided it.")


# -- the grade --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("actor", "kind"), [(BUYER, BuyerRated), (SELLER, SellerRated)])
def test_each_side_rates_the_procedure_once_and_out_of_the_others_sight(actor, kind):
    story = told().closed_by_decision()

    facts = story.ask(compliance.rate_procedure, actor, score=2)

    assert facts == [kind(score=2)]
    assert kind.reach == actor.role
    story.fold(*facts, by=actor)
    with refused("rated_already"):
        story.ask(compliance.rate_procedure, actor, score=5)


@pytest.mark.parametrize("score", [0, 6, -1, 10**20])
def test_a_grade_is_one_to_five(score):
    with refused("score_out_of_range", most=5):
        told().closed_by_decision().ask(compliance.rate_procedure, BUYER, score=score)


def test_nobody_rates_what_has_not_ended_or_never_began():
    with refused("not_in_this_phase"):
        told().decided().ask(compliance.rate_procedure, BUYER, score=5)
    with refused("not_in_this_phase"):
        told().withdrawn().ask(compliance.rate_procedure, BUYER, score=5)
