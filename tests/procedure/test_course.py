"""The course of a dispute as data: whole, and without a dead end. That the rules take every way of it and no other is
walked in test_transitions.py."""

from __future__ import annotations

from odr.procedure.course import ORDER, leads_to, steps_in
from odr.procedure.dispute import Phase
from odr.procedure.ruleset import shipped_rulesets


def test_every_phase_stands_in_the_order_once():
    assert set(ORDER) == set(Phase) - {Phase.UNFILED}
    assert len(ORDER) == len(set(ORDER))


def test_every_step_of_every_ruleset_runs_in_a_phase_or_beside_it():
    told = {step for phase in ORDER for step in steps_in(phase)}

    for ruleset in shipped_rulesets().all():
        assert told | {"challenge"} == set(ruleset.steps)


def test_no_phase_but_the_last_is_a_dead_end():
    assert [phase for phase in ORDER if not leads_to(phase)] == [Phase.CLOSED]


def test_every_phase_is_reached_from_the_first():
    reached, waiting = {Phase.SCREENING}, [Phase.SCREENING]
    while waiting:
        for following in leads_to(waiting.pop()):
            if following not in reached:
                reached.add(following)
                waiting.append(following)

    assert reached == set(ORDER)
