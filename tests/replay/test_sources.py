"""Real complaints and decisions: what they come to in our procedure, counted beside the converters from their rows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from odr.replay.records import script_line
from odr.replay.rules import read_script
from tests.replay.clerk import count_complaints, count_decisions, days_out_of_order
from tests.replay.scripts import replay, sound

FREQUENT = {"explanation_only", "relief_non_monetary", "relief_monetary"}


@pytest.fixture
def nowhere(house):
    """The house in a country of which nothing is known but that weeks end."""
    return replace(house, settings=replace(house.settings, country="ZZ"))


def rows_of(shared, name):
    return [json.loads(line) for line in (shared / "data" / f"{name}.jsonl").read_bytes().splitlines()]


def slice_of_complaints(shared):
    """Every row with a rare outcome or a late answer, and each 100th of the others."""
    return [
        row
        for place, row in enumerate(rows_of(shared, "complaints"))
        if place % 100 == 0 or row["responded_in_time"] is False or row["outcome"] not in FREQUENT
    ]


def lines(rows):
    return [json.dumps(row).encode() for row in rows]


def refused(result):
    return Counter((refusal.deed.do, refusal.why.code) for refusal in result.refusals)


@pytest.mark.shared
def test_a_slice_of_real_complaints_comes_to_what_their_outcomes_say(house, shared):
    rows = slice_of_complaints(shared)
    expected = count_complaints(rows)

    result = replay(house, *lines(rows), source="complaints")

    assert len({row["outcome"] for row in rows}) == 9
    assert (result.disputes, result.malformed) == (len(rows), [])
    assert refused(result) == expected.refused
    assert (result.acts, result.performed) == (expected.acts, expected.acts - expected.refused.total())
    assert result.outcomes == expected.outcomes
    relieved = Counter(row["outcome"] for row in rows if row["responded_in_time"] is not False)
    assert result.as_json()["settled"] == {"USD": f"{relieved['relief_monetary'] * 100}.00"}
    assert result.compliance["unknown"] == relieved["relief_monetary"] + relieved["relief_non_monetary"]
    assert result.compliance["honoured"] == 0
    assert sound(house)


@pytest.mark.shared
def test_all_real_complaints_are_scripts(shared):
    rows = rows_of(shared, "complaints")

    scripts = [read_script(script_line("complaints", line)) for line in lines(rows)]

    assert len({script.id for script in scripts}) == len(rows) == 4003
    told = Counter(script.claim["narrative"].startswith("(The script") for script in scripts)
    assert told == {True: 1966, False: 2037}
    assert len({(script.seller.name, script.seller.country) for script in scripts}) == 351
    assert count_complaints(rows).outcomes == {
        "settled_negotiation": 1655, "mediation": 2303, "decision": 17, "awaiting_response": 20, "settled_direct": 4,
        "negotiation": 4,
    }  # fmt: skip


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.one_database
def test_all_real_decisions_come_to_what_our_time_limits_make_of_their_dates(nowhere, shared):
    check_decisions(nowhere, rows_of(shared, "decisions"))


@pytest.mark.shared
def test_some_real_decisions_come_to_the_same_on_both_databases(nowhere, shared):
    check_decisions(nowhere, rows_of(shared, "decisions")[:25])


def check_decisions(house, rows):
    expected = count_decisions(rows)

    result = replay(house, *lines(rows), source="decisions")

    assert (result.disputes, result.malformed) == (len(rows), [])
    assert refused(result) == expected.refused
    assert (result.acts, result.performed) == (expected.acts, expected.acts - expected.refused.total())
    assert result.outcomes == expected.outcomes
    assert sound(house)


@pytest.mark.shared
def test_dirty_dates_are_taken_as_they_are_and_refused_where_they_make_no_sense(shared):
    dirty = [row for row in rows_of(shared, "decisions") if days_out_of_order(row)]

    assert len(dirty) == 7
    # Four were decided before they were filed and one before its panel sat; one panel sat before the filing. One panel
    # sat sixteen years later, so that the time of the buyer ran out first, two days before the decision.
    assert count_decisions(dirty).refused == {
        ("decide", "not_your_dispute"): 5,
        ("leave", "not_your_dispute"): 1,
        ("decide", "not_in_this_phase"): 1,
        ("evidence_complete", "not_in_this_phase"): 1,
    }
