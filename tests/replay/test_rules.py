"""Scripts: what a line may say, what it may not, and what happens by itself between its acts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.replay.acts import ASKED
from odr.replay.passages import groups_of
from odr.replay.rules import DEEDS, Deed, Malformed, read_script
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
        ({"acts": [an_act(4, "clock", "accept")]}, "the clock advances and brings mail back"),
        ({"acts": [an_act(4, "buyer", "advance")]}, "the clock advances and brings mail back"),
        ({"acts": [{"by": "buyer", "do": "accept"}]}, "act 0: at is missing"),
        ({"acts": [an_act(4, "buyer", "accept", of="0")]}, "of is not of type int"),
        ({"acts": [an_act(4, "buyer", "accept", of=True)]}, "of is not of type int"),
        ({"acts": [an_act(4, "seller", "offer")]}, "names an amount or items"),
        ({"acts": [an_act(4, "seller", "offer", items=[7])]}, "neither null, true, false nor an object"),
        ({"acts": [an_act(4, "seller", "reply")]}, "choice is missing"),
        ({"acts": [an_act(4, "registrar", "refuse")]}, "ground is missing"),
        ({"acts": [an_act(4, "mediator", "propose")]}, "names an amount or items"),
        ({"acts": [an_act(4, "mediator", "decide")]}, "outcome is missing"),
        ({"acts": [an_act(4, "mediator", "decide", outcome="victory")]}, "no decision comes to victory"),
        ({"acts": [an_act(4, "mediator", "decide", outcome="partly")]}, "names an amount or items"),
        ({"acts": [an_act(4, "mediator", "decide", outcome="for_buyer", findings=[7])]}, "a finding is not an object"),
        (
            {"acts": [an_act(4, "mediator", "decide", outcome="upheld", findings=[{"text": "", "cites": ["a"]}])]},
            "cites something else",
        ),
        ({"acts": [an_act(4, "buyer", "rate")]}, "score is missing"),
        ({"acts": [an_act(4, "buyer", "rate", score="4")]}, "score is not of type int"),
        ({"acts": [an_act(4, "buyer", "notice_returned")]}, "brings mail back, and nobody else does"),
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


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("for_buyer", "for_buyer"),
        ("upheld", "for_buyer"),
        ("for_seller", "for_seller"),
        ("not_upheld", "for_seller"),
        ("partly", "partly"),
        ("partly_upheld", "partly"),
    ],
)
def test_a_decision_is_told_in_the_words_of_the_procedure_or_of_ombudsmen(word, outcome):
    [deed] = read_script(a_line("one", an_act(4, "mediator", "decide", outcome=word, amount="1.00"))).deeds

    assert deed.fields == {"outcome": outcome, "amount": "1.00"}


def test_every_act_of_the_format_can_be_done():
    assert set(DEEDS) - {"advance"} == set(ASKED)


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
