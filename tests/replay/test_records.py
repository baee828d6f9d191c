"""Records of other sources: a negotiation of the corpus becomes a script, to the cent."""

from __future__ import annotations

import json

import pytest

from odr.replay.records import script_line
from odr.replay.rules import Malformed, read_script


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


@pytest.mark.parametrize("line", [b"", b"7", b"{}", a_negotiation({"party": "A", "type": "shout"})])
def test_what_is_no_negotiation_is_malformed(line):
    with pytest.raises(Malformed, match="no line of negotiations"):
        script_line("negotiations", line)
