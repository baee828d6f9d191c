"""What happens between the acts of a line: what it mentions never does by itself, and nobody acts who is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from odr.procedure.dispute import Dispute, Draw, Phase
from odr.replay.passages import Outlook, what_follows
from odr.replay.rules import read_script
from tests.replay.scripts import a_line, an_act

NOTHING_MORE = Outlook()
DISPUTE = Dispute(id="0" * 32, phase=Phase.SCREENING)
DRAWN = replace(DISPUTE, phase=Phase.ASSIGNMENT, mediator="a" * 32, draw=Draw(("a" * 32,), 9, "5" * 64))
APPOINTED = replace(DRAWN, appointed=True)
DECIDING = replace(APPOINTED, phase=Phase.DECISION)
SILENT = {"seller_silent": True}


def follows(state, *acts, ahead=(), now=(), **changes):
    script = read_script(a_line("one", *acts, **changes))
    deed = what_follows(script, state, Outlook(ahead, now), 7)
    return deed and (deed.by, deed.do, deed.at)


@pytest.mark.parametrize(
    ("state", "deed"),
    [
        ({}, ("registrar", "admit", 7)),
        ({"phase": Phase.AWAITING_RESPONSE}, ("seller", "reply", 7)),
        ({"phase": Phase.EVIDENCE}, ("buyer", "evidence_complete", 7)),
        ({"phase": Phase.EVIDENCE, "complete": frozenset({"buyer"})}, ("seller", "evidence_complete", 7)),
        ({"phase": Phase.DEFAULT_TRACK}, ("buyer", "evidence_complete", 7)),
        ({"phase": Phase.SETTLED}, ("buyer", "sign", 7)),
        ({"phase": Phase.SETTLED, "signed": frozenset({"buyer"})}, ("seller", "sign", 7)),
        ({"phase": Phase.ASSIGNMENT}, ("house", "commit_pool", 7)),
        ({"phase": Phase.ASSIGNMENT, "draw": DRAWN.draw}, ("house", "draw_mediator", 7)),
    ],
)
def test_what_a_line_does_not_mention_happens_by_itself(state, deed):
    assert follows(replace(DISPUTE, **state)) == deed


def test_a_drawn_mediator_accepts_and_nobody_objects():
    waived = replace(APPOINTED, unopposed=frozenset({"buyer"}))
    objected = replace(APPOINTED, objected=frozenset({"buyer", "seller"}))

    assert follows(DRAWN) == ("mediator", "accept_appointment", 7)
    assert follows(APPOINTED) == ("buyer", "waive", 7)
    assert follows(waived) == ("seller", "waive", 7)
    assert follows(objected) is None


def test_both_give_their_final_words_and_nobody_does_it_for_a_silent_seller():
    given = {"final_words": frozenset({"buyer"})}

    assert follows(DECIDING) == ("buyer", "final_words", 7)
    assert follows(replace(DECIDING, **given)) == ("seller", "final_words", 7)
    assert follows(replace(DECIDING, **given, **SILENT)) is None
    assert follows(replace(DECIDING, file_closed_at=5)) is None
    assert follows(replace(APPOINTED, unopposed=frozenset({"buyer"}), **SILENT)) is None


@pytest.mark.parametrize("do", ["decide", "final_words", "fresh_decider"])
def test_a_mediation_closes_when_the_line_goes_on_with_what_lies_behind_it(do):
    mediating = replace(APPOINTED, phase=Phase.MEDIATION)
    fields = {"outcome": "for_buyer"} if do == "decide" else {}

    assert follows(mediating, ahead=["propose", do]) is None
    assert follows(mediating, ahead=[do], now=[do]) == ("mediator", "close_mediation", 7)
    assert follows(mediating, an_act(4, "mediator", do, **fields), ahead=[do], now=[do]) is not None
    assert follows(mediating, an_act(4, "mediator", "close_mediation"), ahead=[do], now=[do]) is None


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (DISPUTE, {"strict": True}),
        (DISPUTE, {"acts": [an_act(4, "registrar", "refuse", ground="late")]}),
        (replace(DISPUTE, phase=Phase.AWAITING_RESPONSE), {"seller": {"name": "S", "country": "CN", "silent": True}}),
        (replace(DISPUTE, phase=Phase.AWAITING_RESPONSE), {"acts": [an_act(4, "seller", "reply", choice="decline")]}),
        (replace(DISPUTE, phase=Phase.EVIDENCE), {"acts": [an_act(4, "seller", "evidence_complete")]}),
        (replace(DISPUTE, phase=Phase.DEFAULT_TRACK), {"acts": [an_act(4, "buyer", "evidence_complete")]}),
        (replace(DISPUTE, phase=Phase.SETTLED), {"acts": [an_act(4, "seller", "sign")]}),
        (DECIDING, {"acts": [an_act(4, "buyer", "final_words")]}),
        (DRAWN, {"strict": True}),
        (replace(DISPUTE, phase=Phase.NEGOTIATION), {}),
        (replace(DISPUTE, phase=Phase.DECIDED), {}),
    ],
)
def test_what_a_line_mentions_does_not_happen_by_itself(state, changes):
    assert follows(state, **changes) is None


@pytest.mark.parametrize(
    ("state", "ahead"),
    [
        (DISPUTE, ["ask"]),
        (replace(DISPUTE, phase=Phase.EVIDENCE), ["offer", "evidence"]),
        (replace(DISPUTE, phase=Phase.DEFAULT_TRACK), ["evidence", "decide"]),
        (DRAWN, ["decline_appointment"]),
        (APPOINTED, ["object"]),
        (APPOINTED, ["waive"]),
        (DECIDING, ["evidence", "decide"]),
        (DECIDING, ["request_evidence", "decide"]),
        (DECIDING, ["fresh_decider", "decide"]),
    ],
)
def test_a_stage_waits_while_the_line_still_has_something_for_it(state, ahead):
    assert follows(state, ahead=ahead) is None
    assert follows(state) is not None


@pytest.mark.parametrize(
    ("phase", "ahead"),
    [
        (Phase.EVIDENCE, ["leave", "request_evidence", "evidence"]),
        (Phase.EVIDENCE, ["decide", "evidence"]),
        (Phase.DECISION, ["decide", "evidence"]),
    ],
)
def test_evidence_that_belongs_to_a_later_stage_holds_nobody_up(phase, ahead):
    assert follows(replace(APPOINTED, phase=phase), ahead=ahead) == follows(replace(APPOINTED, phase=phase))


def test_the_house_draws_in_a_strict_line_too_as_deadlines_fire_in_it():
    assert follows(replace(DISPUTE, phase=Phase.ASSIGNMENT), strict=True) == ("house", "commit_pool", 7)
