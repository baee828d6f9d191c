"""Records of other sources: what a negotiation, a complaint or a decision says becomes a script, and nothing more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from odr.kernel import moment
from odr.replay.records import SOURCES, script_line
from odr.replay.rules import DEEDS, NO_WORDS, OUTCOMES, Malformed, read_script


def a_negotiation(*events):
    return json.dumps({"id": 7, "events": [{"seq": place, **event} for place, event in enumerate(events, 1)]}).encode()


def test_a_negotiation_becomes_acts_a_minute_apart():
    line = a_negotiation(
        {"party": "A", "type": "message", "text": "Hello 🙂"},
        {"party": "B", "type": "offer", "share_A_pct": 55.6},
        {"party": "A", "type": "reject", "of_seq": 2},
        {"party": "B", "type": "walk_away"},
    )

    script = read_script(script_line("negotiations", line))

    assert [(deed.by, deed.do) for deed in script.deeds] == [
        ("buyer", "message"),
        ("seller", "offer"),
        ("buyer", "reject"),
        ("seller", "leave"),
    ]
    assert [deed.at - script.opened for deed in script.deeds] == [60_000, 120_000, 180_000, 240_000]
    assert script.deeds[0].fields == {"text": "Hello 🙂"}
    assert script.deeds[1].fields == {"amount": "500.40"}


COMPLAINT = {
    "source": "cfpb",
    "source_id": "7",
    "received_date": "2023-06-02",
    "forwarded_date": "2023-06-05",
    "sector": "Credit card",
    "subsector": None,
    "problem": "Problem with a purchase shown on your statement",
    "sub_problem": None,
    "narrative": None,
    "narrative_lang": None,
    "country": "US",
    "company": "A bank",
    "outcome": "relief_monetary",
    "responded_in_time": True,
    "satisfaction": None,
}
DECISION = {
    "id": 7,
    "provider": "WIPO",
    "filed": "2020-03-02",
    "commenced": "2020-03-05",
    "panel_appointed": "2020-04-02",
    "decided": "2020-04-16",
    "respondent_defaulted": True,
    "outcome_guess": "transferred",
}


def told(source, record, **changes):
    script = read_script(script_line(source, json.dumps({**record, **changes}).encode()))
    days = [(moment(deed.at).date() - moment(script.opened).date()).days for deed in script.deeds]
    return script, [(day, deed.by, deed.do) for day, deed in zip(days, script.deeds, strict=True)]


def test_a_complaint_with_relief_is_offered_taken_and_done():
    script, acts = told("complaints", COMPLAINT)

    assert moment(script.opened).isoformat() == "2023-06-02T09:00:00+00:00"
    assert (script.claim["amount"], script.claim["currency"], script.claim["category"]) == (
        "100.00",
        "USD",
        "charged_wrongly",
    )
    assert (script.seller.name, script.seller.country, script.claim["narrative"]) == ("A bank", "US", NO_WORDS)
    assert acts == [
        (3, "registrar", "admit"),
        (13, "seller", "reply"),
        (14, "buyer", "accept"),
        (14, "seller", "performed"),
        (53, "clock", "advance"),
    ]
    assert script.deeds[1].fields == {"choice": "offer", "items": [{"amount": "100.00"}, False]}


@pytest.mark.parametrize(
    ("changes", "acts", "silent"),
    [
        ({"outcome": "explanation_only"}, [(13, "seller", "reply"), (14, "seller", "leave")], False),
        (
            {"outcome": "explanation_only", "responded_in_time": False},
            [(43, "seller", "reply"), (44, "seller", "leave")],
            False,
        ),
        ({"outcome": "in_progress"}, [(13, "seller", "extend")], True),
        ({"outcome": "no_timely_response", "responded_in_time": False}, [(43, "clock", "advance")], True),
        (
            {"outcome": "assessed_not_resolved", "responded_in_time": None, "satisfaction": 1},
            [(13, "seller", "reply"), (14, "buyer", "leave"), (14, "buyer", "rate")],
            False,
        ),
        ({"outcome": "not_answered_or_open", "responded_in_time": None}, [], True),
    ],
)
def test_an_outcome_becomes_what_both_sides_did(changes, acts, silent):
    script, done = told("complaints", COMPLAINT, **changes)

    assert done == [(3, "registrar", "admit"), *acts]
    assert script.silent is silent


def test_a_decision_is_told_by_its_dates():
    script, acts = told("decisions", DECISION)

    assert acts == [(3, "registrar", "admit"), (31, "buyer", "evidence_complete"), (45, "mediator", "decide")]
    assert script.silent and script.claim["items"] == [{"remedy": "other"}]
    assert script.deeds[-1].fields == {"outcome": "for_buyer", "basis": "contract"}


def test_what_a_decision_leaves_open_stays_open():
    answered = told("decisions", DECISION, respondent_defaulted=False, panel_appointed=None, outcome_guess=None)[1]
    bare = told("decisions", DECISION, commenced=None, panel_appointed=None, decided=None)[1]

    assert answered == [(3, "registrar", "admit"), (23, "seller", "reply")]
    assert bare == []


@pytest.mark.parametrize("line", [b"", b"7", b"{}", a_negotiation({"party": "A", "type": "shout"})])
def test_what_is_no_negotiation_is_malformed(line):
    with pytest.raises(Malformed, match="no line of negotiations"):
        script_line("negotiations", line)


@pytest.mark.parametrize("source", ["complaints", "decisions"])
@pytest.mark.parametrize("line", [b"", b"7", b"{}", b'{"id": 7, "outcome": "shrug", "filed": 7, "problem": null}'])
def test_what_is_no_record_is_malformed(source, line):
    with pytest.raises(Malformed, match=f"no line of {source}"):
        script_line(source, line)


def test_every_act_and_field_of_the_format_is_documented():
    docs = (Path(__file__).parents[2] / "docs" / "replay.md").read_text("utf-8")

    words = {*DEEDS, *OUTCOMES, *(name for fields in DEEDS.values() for name in fields)}
    assert {word for word in words if not re.search(rf"\b{word}\b", docs)} == set()
    assert all(f"### {source}" in docs for source in SOURCES)
