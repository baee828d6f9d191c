"""The whole procedure walked: every phase, every way out of it, and no way that is not listed."""

from __future__ import annotations

from collections import deque
from copy import copy

from odr.kernel import Refused
from odr.procedure.access import PERMISSIONS
from odr.procedure.dispute import Phase
from odr.procedure.expiry import _EXPIRY
from tests.procedure.acts import ACTS, PLACES, STAYING, TRANSITIONS, leads_to
from tests.procedure.story import BUYER, OTHER_REGISTRAR, REGISTRAR, SELLER, default_ruleset, told

ACTORS = (BUYER, SELLER, REGISTRAR, OTHER_REGISTRAR)


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
    assert set(_EXPIRY) == set(default_ruleset().steps)


def test_every_way_is_an_act_of_the_table_or_the_end_of_a_time():
    ends = {f"time:{step}" for step in _EXPIRY} | {"time:offer"}
    acts = {name for name, row in PERMISSIONS.items() if row.act}

    assert {what for _, what in TRANSITIONS} | STAYING == acts | ends
    assert {what for _, what in TRANSITIONS} & STAYING == set()


def test_the_table_and_the_permissions_name_the_same_phases():
    for name, row in PERMISSIONS.items():
        if row.act and name not in STAYING:
            assert {phase for phase, what in TRANSITIONS if what == name} == row.phases


def test_every_phase_is_a_place_that_tests_start_from():
    assert {PLACES[place]().dispute.phase for place in PLACES} == set(Phase) - {Phase.UNFILED}


def _ways_on(story):
    due = story.dispute.next_due
    moments = {story.at, due - 1} if due is not None and due - 1 > story.at else {story.at}
    for at in moments:
        now = copy(story)
        now.facts, now.at = list(story.facts), at
        for what, rules in ACTS.items():
            for rule, fitting in rules:
                for actor in ACTORS:
                    after = _after(now, rule, actor, fitting)
                    if after:
                        yield what, after
    if due is not None:
        late = copy(story)
        late.facts, late.at = list(story.facts), max(due, story.at)
        offers = story.dispute.open_offer and story.dispute.open_offer.expires == due
        what = "time:offer" if offers else f"time:{story.clock.step}"
        yield what, late.fold(*late.fire())


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
    dispute, clock, offer = story.dispute, story.dispute.clock, story.dispute.open_offer
    late = clock and any(item.at > clock.due - 5 * 86_400_000 for item in dispute.evidence)
    return (
        dispute.phase,
        clock and clock.step,
        offer and offer.side,
        dispute.complete,
        dispute.signed,
        dispute.review_asked,
        dispute.refused_by,
        dispute.scope_objected,
        dispute.objected_once,
        dispute.settled_directly_by,
        dispute.extension_asked_by,
        bool(late),
    )
