"""The course of a dispute: which act, and which end of a time, leads from each phase to which others.

Told as data for the page that explains the procedure. What the rules really do is compared with it, act by act, in
`tests/procedure/test_transitions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from odr.procedure.dispute import Phase

_P = Phase

# The phases in the order in which most disputes come to them.
ORDER = (
    _P.SCREENING, _P.NEEDS_INFORMATION, _P.REFUSED, _P.AWAITING_RESPONSE, _P.EVIDENCE, _P.NEGOTIATION,
    _P.DEFAULT_TRACK, _P.ASSIGNMENT, _P.MEDIATION, _P.DECISION, _P.DECIDED, _P.SETTLED, _P.CLOSED,
)  # fmt: skip

# From each phase: an act by its permission, or "time:" and the step whose time ends, and the phases it can lead to.
_WAYS: dict[Phase, dict[str, tuple[Phase, ...]]] = {
    _P.SCREENING: {
        "filing:admit": (_P.AWAITING_RESPONSE,),
        "information:ask": (_P.NEEDS_INFORMATION,),
        "filing:refuse": (_P.REFUSED, _P.CLOSED),
        "time:screening": (_P.SCREENING,),
        "time:screening_last": (_P.SCREENING,),
    },
    _P.NEEDS_INFORMATION: {
        "information:give": (_P.SCREENING,),
        "time:information": (_P.CLOSED,),
    },
    _P.REFUSED: {
        "refusal:review": (_P.SCREENING,),
        "time:review": (_P.CLOSED,),
    },
    _P.AWAITING_RESPONSE: {
        "reply:give": (_P.AWAITING_RESPONSE, _P.EVIDENCE, _P.SETTLED, _P.CLOSED),
        "scope:decide": (_P.REFUSED, _P.AWAITING_RESPONSE, _P.CLOSED),
        "time:reply": (_P.AWAITING_RESPONSE,),
        "time:scope": (_P.AWAITING_RESPONSE,),
        "time:last_call": (_P.AWAITING_RESPONSE, _P.DEFAULT_TRACK),
        "time:address": (_P.AWAITING_RESPONSE, _P.CLOSED),
    },
    _P.DEFAULT_TRACK: {
        "evidence:complete": (_P.ASSIGNMENT,),
        "time:default": (_P.ASSIGNMENT,),
    },
    _P.EVIDENCE: {
        "evidence:complete": (_P.EVIDENCE, _P.NEGOTIATION),
        "time:evidence": (_P.EVIDENCE, _P.NEGOTIATION),
        "time:rebuttal": (_P.NEGOTIATION,),
        "offer:accept": (_P.SETTLED,),
    },
    _P.NEGOTIATION: {
        "offer:accept": (_P.SETTLED,),
        "negotiation:leave": (_P.ASSIGNMENT,),
        "time:negotiation": (_P.ASSIGNMENT,),
    },
    _P.ASSIGNMENT: {
        "appointment:accept": (_P.ASSIGNMENT, _P.MEDIATION, _P.DECISION),
        "appointment:decline": (_P.ASSIGNMENT,),
        "objection:make": (_P.ASSIGNMENT,),
        "objection:waive": (_P.ASSIGNMENT, _P.MEDIATION, _P.DECISION),
        "challenge:decide": (_P.ASSIGNMENT,),
        "mediator:resign": (_P.ASSIGNMENT,),
        "time:draw": (_P.ASSIGNMENT,),
        "time:draw_late": (_P.ASSIGNMENT,),
        "time:appointment": (_P.ASSIGNMENT,),
        "time:objection": (_P.MEDIATION, _P.DECISION),
    },
    _P.MEDIATION: {
        "proposal:accept": (_P.MEDIATION, _P.SETTLED),
        "mediation:close": (_P.DECISION,),
        "challenge:decide": (_P.ASSIGNMENT, _P.MEDIATION),
        "mediator:resign": (_P.ASSIGNMENT,),
        "time:mediation": (_P.DECISION,),
    },
    _P.DECISION: {
        "decider:ask": (_P.ASSIGNMENT,),
        "decision:issue": (_P.DECIDED,),
        "challenge:decide": (_P.ASSIGNMENT, _P.DECISION),
        "mediator:resign": (_P.ASSIGNMENT,),
        "time:final_words": (_P.DECISION,),
        "time:rebuttal": (_P.DECISION,),
        "time:decision": (_P.DECISION,),
        "time:decision_late": (_P.ASSIGNMENT, _P.DECISION),
    },
    _P.DECIDED: {
        "decision:accept": (_P.DECIDED, _P.CLOSED),
        "decision:reject": (_P.DECIDED, _P.CLOSED),
        "time:acceptance": (_P.CLOSED,),
    },
    _P.SETTLED: {
        "settlement:sign": (_P.SETTLED, _P.CLOSED),
        "time:sign": (_P.CLOSED,),
    },
}
# What means the same in many phases.
_BEFORE_END = frozenset(ORDER) - {_P.DECIDED, _P.SETTLED, _P.CLOSED}
_WITH_SELLER = _BEFORE_END - {_P.SCREENING, _P.NEEDS_INFORMATION, _P.REFUSED}


def ways_from(phase: Phase) -> Mapping[str, tuple[Phase, ...]]:
    """The acts and the ends of time that can change the phase, with the phases in which they can end."""
    ways = dict(_WAYS.get(phase, {}))
    if phase in _WITH_SELLER:
        # The buyer's word that both settled outside ends the dispute, the seller's waits for it.
        ways["direct:state"] = (phase, _P.CLOSED)
    if phase in _BEFORE_END:
        ways["dispute:withdraw"] = (_P.CLOSED,)
    if phase in _BEFORE_END | {_P.DECIDED}:
        ways["dispute:hand_over"] = (_P.CLOSED,)
    return ways


# The times that run after the end, while something is still to be carried out.
_AFTER_END = ("performance", "confirmation", "cure", "proof")


def steps_in(phase: Phase) -> tuple[str, ...]:
    """The steps of the ruleset whose time runs in this phase, in their order."""
    timed = tuple(way.removeprefix("time:") for way in ways_from(phase) if way.startswith("time:"))
    return timed + (_AFTER_END if phase is _P.CLOSED else ())


def leads_to(phase: Phase) -> tuple[Phase, ...]:
    """The other phases that can follow this one, in the order of the course."""
    reached = {into for ways in ways_from(phase).values() for into in ways}
    return tuple(each for each in ORDER if each in reached and each is not phase)
