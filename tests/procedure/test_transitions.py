"""The whole procedure walked: every phase, every way out of it, and no way that is not listed."""

from __future__ import annotations

from collections import deque
from copy import copy

from odr.kernel import SYSTEM, Refused
from odr.procedure.access import PERMISSIONS
from odr.procedure.dispute import Phase
from odr.procedure.expiry import _EXPIRY
from odr.procedure.passages import came_late
from odr.procedure.ruleset import shipped_rulesets
from tests.procedure.acts import ACTS, BESIDE, PLACES, STAYING, TRANSITIONS, leads_to, time_that_ends
from tests.procedure.story import BUYER, OTHER_REGISTRAR, REGISTRAR, SELLER, told

ACTORS = (BUYER, SELLER, REGISTRAR, OTHER_REGISTRAR, SYSTEM)


def test_no_way_leads_where_the_table_does_not_and_every_way_is_walked():
    """Every state that differs in anything a rule looks at is visited, and every act tried in it, early and late."""
    walked = {}
    start = told()
    waiting, seen = deque([start]), {_looks(start)}
    while waiting:
        story = waiting.popleft()
        for what, after in _ways_on(story):
            walked.setdefault((story.dispute.phase, what), set()).add(after.dispute.phase)
            if _looks(after) not in seen:
                seen.add(_looks(after))
                waiting.append(after)

    assert {way: into - leads_to(*way) for way, into in walked.items() if into - leads_to(*way)} == {}
    assert {way: into for way, into in TRANSITIONS.items() if walked.get(way) != into} == {}
    assert {what for _, what in walked} >= STAYING
    assert {phase for into in walked.values() for phase in into} == set(Phase) - {Phase.UNFILED}


def test_every_step_of_the_ruleset_has_an_end_and_every_end_a_step():
    for name in shipped_rulesets().names():
        assert set(_EXPIRY) | {"challenge"} == set(shipped_rulesets().named(name).steps)


def test_every_way_is_an_act_of_the_table_or_the_end_of_a_time():
    ends = {f"time:{step}" for step in _EXPIRY} | {"time:offer", "time:challenge", "time:suspension"}
    acts = {name for name, row in PERMISSIONS.items() if row.act}

    assert {what for _, what in TRANSITIONS} | STAYING | BESIDE == acts | ends
    assert {what for _, what in TRANSITIONS} & (STAYING | BESIDE) == set()


def test_the_table_and_the_permissions_name_the_same_phases():
    for name, row in PERMISSIONS.items():
        if row.act and name not in STAYING | BESIDE:
            assert {phase for phase, what in TRANSITIONS if what == name} == row.phases


def test_every_phase_is_a_place_that_tests_start_from():
    assert {PLACES[place]().dispute.phase for place in PLACES} == set(Phase) - {Phase.UNFILED}


def _ways_on(story):
    due = story.dispute.next_due
    moments = {story.at, due - 1} if due is not None and due - 1 > story.at else {story.at}
    for at in moments:
        now = copy(story)
        now.facts, now.at = list(story.facts), at
        for what, rules in ((what, rules) for what, rules in ACTS.items() if what not in BESIDE):
            for rule, fitting in rules:
                for actor in (*ACTORS, story.mediator):
                    after = _after(now, rule, actor, fitting)
                    if after:
                        yield what, after
    if due is not None:
        late = copy(story)
        late.facts, late.at = list(story.facts), max(due, story.at)
        yield f"time:{time_that_ends(story.dispute)}", late.fold(*late.fire())


def _after(story, rule, actor, fitting):
    try:
        events = story.ask(rule, actor, **fitting(story.dispute))
    except Refused:
        return None
    after = copy(story)
    after.facts = list(story.facts)
    return after.fold(*events, by=actor)


def _looks(story):
    """What a rule can see of a state, as far as it decides where an act leads."""
    dispute = story.dispute
    words = bool(dispute.holds), any(not each.done for each in dispute.erasures)
    if any(words):
        # What becomes of the words changes nothing of the ways either.
        return dispute.phase, words
    for overlay in (dispute.suspension and dispute.suspension.by, dispute.suspension_asked_by):
        if overlay:
            # What lies over a phase changes nothing of the ways within it: one look at each is enough.
            return dispute.phase, overlay, bool(dispute.suspension)
    return dispute.phase, dispute.step, *_LOOKS.get(dispute.phase, _of_the_first_half)(dispute)


def _of_the_first_half(dispute):
    clock, offer = dispute.clock, dispute.open_offer
    return (
        offer and offer.side,
        dispute.complete,
        dispute.review_asked,
        dispute.refused_by,
        dispute.scope_objected,
        dispute.objected_once,
        dispute.settled_directly_by,
        dispute.extension_asked_by,
        clock and came_late(dispute),
        dispute.seller_joined and dispute.step == "address",
        dispute.served_at and dispute.step == "last_call",
    )


def _of_an_appointment(dispute):
    draw = dispute.draw
    return (
        draw and bool(draw.root),
        draw and draw.place + 1 < len(draw.pool),
        dispute.appointed,
        dispute.objected,
        dispute.unopposed,
        dispute.challenge is not None,
        dispute.in_default or dispute.mediation_ended_at is not None,
    )


def _of_a_mediation(dispute):
    proposal = dispute.open_proposal
    return proposal and proposal.accepted_by, dispute.challenge is not None, bool(dispute.requests), _late(dispute)


def _of_the_way_to_a_decision(dispute):
    return (
        dispute.final_words,
        dispute.file_closed_at is not None,
        dispute.challenge and bool(dispute.clock and dispute.challenge.clock.due < dispute.clock.due),
        came_late(dispute),
        dispute.fresh_decider or dispute.mediation_ended_at is None,
        _late(dispute),
    )


def _late(dispute):
    return any("late" in item.notes for item in dispute.evidence)


def _of_a_decision(dispute):
    decision = dispute.decision
    return decision.outcome, decision.accepted_by, decision.rejected_by


def _of_an_agreement(dispute):
    return (dispute.signed,)


def _of_an_end(dispute):
    return dispute.compliance, dispute.denied, dispute.rated, dispute.admitted_at is None, dispute.seller_joined


_LOOKS = {
    Phase.ASSIGNMENT: _of_an_appointment,
    Phase.MEDIATION: _of_a_mediation,
    Phase.DECISION: _of_the_way_to_a_decision,
    Phase.DECIDED: _of_a_decision,
    Phase.SETTLED: _of_an_agreement,
    Phase.CLOSED: _of_an_end,
}
