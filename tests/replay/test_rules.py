"""Scripts: what a line may say, what it may not, and what happens by itself between its acts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.procedure.dispute import Dispute, Phase
from odr.replay.rules import DEEDS, LATER, Deed, Malformed, groups_of, read_script, what_follows
from tests.replay.scripts import OPENED, a_line, an_act


def test_a_line_becomes_a_script():
    script = read_script(a_line("one", an_act(4, "seller", "offer", amount="24.45")))

    assert (script.id, script.buyer.country, script.seller.name) == ("one", "DE", "Seller")
    assert not script.strict and not script.silent
    assert script.deeds == (Deed(0, script.opened + 180_000 * 1000, "seller", "offer", {"amount": "24.45"}),)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": " "}, "id is empty"),
        ({"id": 7}, "id is not of type str"),
        ({"opened": "yesterday"}, "is no instant"),
        ({"opened": "2026-03-02T10:00:00"}, "names no zone"),
        ({"opened": "1026-03-02T10:00:00Z"}, "is not between 2000 and 2100"),
        ({"buyer": {"name": "B", "country": "Germany"}}, "two capital letters"),
        ({"buyer": {"name": "B", "country": "DE", "language": "<b>"}}, "language tag"),
        ({"seller": {"country": "CN"}}, "name is missing"),
        ({"seller": {"name": "S", "country": "CN", "silent": 1}}, "silent is not of type bool"),
        ({"strict": "yes"}, "strict is not of type bool"),
        ({"claim": {"category": "late", "currency": "EUR"}}, "amount is missing"),
        ({"claim": {"category": "late", "amount": 48.9, "currency": "EUR"}}, "amount is not of type str"),
        ({"claim": {"category": "late", "amount": "1", "currency": "EUR", "items": ["refund"]}}, "not an object"),
        ({"acts": {}}, "acts is not of type list"),
        ({"acts": ["accept"]}, "act 0 is not an object"),
        ({"acts": [an_act(4, "seller", "dance")]}, "act 0: nobody can do dance"),
        ({"acts": [an_act(4, "nobody", "accept")]}, "nobody is called nobody"),
        ({"acts": [an_act(4, "clock", "accept")]}, "the clock advances and does nothing else"),
        ({"acts": [an_act(4, "buyer", "advance")]}, "the clock advances and does nothing else"),
        ({"acts": [{"by": "buyer", "do": "accept"}]}, "act 0: at is missing"),
        ({"acts": [an_act(4, "buyer", "accept", of="0")]}, "of is not of type int"),
        ({"acts": [an_act(4, "buyer", "accept", of=True)]}, "of is not of type int"),
        ({"acts": [an_act(4, "seller", "offer")]}, "an offer needs an amount or items"),
        ({"acts": [an_act(4, "seller", "offer", items=[7])]}, "neither null, true, false nor an object"),
        ({"acts": [an_act(4, "seller", "reply")]}, "choice is missing"),
        ({"acts": [an_act(4, "registrar", "refuse")]}, "ground is missing"),
        ({"acts": [an_act(4, "buyer", "evidence", file="a\0b")]}, "no name of a file"),
    ],
)
def test_a_malformed_line_is_told_why(changes, reason):
    with pytest.raises(Malformed, match=reason.replace("<", "")):
        read_script(a_line("one", **changes))


@pytest.mark.parametrize("line", [b"{", b"[]", b"7", b"\xff", b'{"id": "\\ud800"}', b'{"a": NaN}', b"[" * 100_000])
def test_a_line_that_is_no_object_is_malformed(line):
    with pytest.raises(Malformed):
        read_script(line)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(json.loads(a_line("x")))), inner)
        ),
        max_leaves=12,
    )
)
def test_no_line_does_more_harm_than_being_malformed(told):
    try:
        read_script(json.dumps(told).encode())
    except Malformed as malformed:
        assert str(malformed)


@pytest.mark.parametrize("do", sorted(LATER))
def test_acts_of_later_steps_are_well_formed(do):
    [deed] = read_script(a_line("one", an_act(4, "mediator", do, amount="1.00", stars=5))).deeds

    assert deed.do == do and do not in DEEDS


def test_acts_are_done_in_the_order_of_their_instants_whatever_their_place():
    script = read_script(a_line("one", an_act(9, "buyer", "leave"), an_act(4, "buyer", "message", text="Hello")))

    assert [[deed.do for deed in group] for group in groups_of(script, racing=False)] == [
        ["file"],
        ["message"],
        ["leave"],
    ]
    assert [deed.position for deed in script.deeds] == [1, 0]


def test_acts_of_one_instant_race_only_when_told_so_and_never_with_the_filing():
    at_once = [{**an_act(4, side, "leave"), "at": OPENED} for side in ("buyer", "seller")]
    script = read_script(a_line("one", *at_once))

    assert [len(group) for group in groups_of(script, racing=False)] == [1, 1, 1]
    assert [[deed.do for deed in group] for group in groups_of(script, racing=True)] == [["file"], ["leave", "leave"]]


def test_what_a_line_does_not_mention_happens_by_itself():
    script = read_script(a_line("one"))
    dispute = Dispute(id="0" * 32, phase=Phase.SCREENING)

    def follows(**state):
        deed = what_follows(script, replace(dispute, **state), set(), 7)
        return deed and (deed.by, deed.do, deed.at)

    assert follows() == ("registrar", "admit", 7)
    assert follows(phase=Phase.AWAITING_RESPONSE) == ("seller", "reply", 7)
    assert follows(phase=Phase.EVIDENCE) == ("buyer", "evidence_complete", 7)
    assert follows(phase=Phase.EVIDENCE, complete=frozenset({"buyer"})) == ("seller", "evidence_complete", 7)
    assert follows(phase=Phase.SETTLED) == ("buyer", "sign", 7)
    assert follows(phase=Phase.SETTLED, signed=frozenset({"buyer"})) == ("seller", "sign", 7)
    assert follows(phase=Phase.NEGOTIATION) is None


@pytest.mark.parametrize(
    ("phase", "changes"),
    [
        (Phase.SCREENING, {"strict": True}),
        (Phase.SCREENING, {"acts": [an_act(4, "registrar", "refuse", ground="late")]}),
        (Phase.AWAITING_RESPONSE, {"seller": {"name": "S", "country": "CN", "silent": True}}),
        (Phase.AWAITING_RESPONSE, {"acts": [an_act(4, "seller", "reply", choice="decline")]}),
        (Phase.EVIDENCE, {"acts": [an_act(4, "seller", "evidence_complete")]}),
        (Phase.SETTLED, {"acts": [an_act(4, "seller", "sign")]}),
    ],
)
def test_what_a_line_mentions_does_not_happen_by_itself(phase, changes):
    script = read_script(a_line("one", **changes))

    assert what_follows(script, Dispute(id="0" * 32, phase=phase), set(), 7) is None


def test_the_evidence_is_not_complete_while_the_line_still_adds_some():
    script = read_script(a_line("one", an_act(4, "seller", "evidence", file="a.txt")))
    dispute = Dispute(id="0" * 32, phase=Phase.EVIDENCE)

    assert what_follows(script, dispute, {"evidence"}, 7) is None
    assert what_follows(script, dispute, set(), 7) is not None
