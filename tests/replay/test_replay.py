"""Replays: whole lines through the doorway on both databases, and what they come to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from odr.cli import main
from odr.kernel import instant
from odr.procedure import ruleset
from odr.verify import verify_house
from tests.replay.scripts import LIFE, a_line, an_act, entries_of, only_stream, replay, sound, types_of

OFFER = an_act(4, "seller", "offer", amount="24.45")
BETTER = an_act(6, "seller", "offer", amount="48.90")


# -- what a line comes to -----------------------------------------------------------------------------------------


def test_a_parcel_that_never_came_is_settled_on_the_second_offer(house):
    line = a_line(
        "one", an_act(3, "seller", "reply", choice="contest", text="It was sent."), OFFER, an_act(5, "buyer", "reject"),
        BETTER, an_act(7, "buyer", "accept"),
    )  # fmt: skip

    result = replay(house, line)

    said = result.as_json()
    assert {name: said[name] for name in ("disputes", "acts", "performed", "refused", "refused_by")} == {
        "disputes": 1, "acts": 5, "performed": 5, "refused": 0, "refused_by": {},
    }  # fmt: skip
    assert said["outcomes"] == {"settled_negotiation": 1}
    assert (said["settled"], said["awarded"], said["malformed"]) == ({"EUR": "48.90"}, {}, [])
    entries = only_stream(house)
    assert types_of(entries) == [
        "dispute_filed", "filing_admitted", "reply_given", "evidence_completed", "evidence_completed",
        "negotiation_opened", "offer_made", "offer_rejected", "offer_made", "offer_accepted", "agreement_reached",
        "settlement_signed", "settlement_signed", "dispute_closed",
    ]  # fmt: skip
    assert said["log"]["size"] == 1 + len(entries)
    assert sound(house)


def test_entries_of_a_replay_carry_the_instants_of_the_script_and_say_so(house):
    replay(house, a_line("one", OFFER))

    entries = only_stream(house)
    assert {entry.clock for entry in entries} == {"simulated"}
    assert {entry.at for entry in entries[:-1]} == {instant(datetime(2026, 3, 2, 10, tzinfo=UTC))}
    assert entries[-1].at == instant(datetime(2026, 3, 4, 12, tzinfo=UTC))


def test_in_a_strict_line_nothing_happens_by_itself(house):
    result = replay(house, a_line("one", OFFER, an_act(30, "clock", "advance"), strict=True))

    # Nobody admits it, so that nothing else can be done; that the registrar is late is counted.
    assert result.as_json()["refused_by"] == {"not_in_this_phase": 1}
    assert result.outcomes == {"screening": 1}
    assert types_of(only_stream(house)) == ["dispute_filed", "admission_overdue", "admission_overdue"]


def test_a_strict_line_can_spell_out_everything(house):
    acts = [
        an_act(2, "registrar", "ask", minute=1, topics=["order"]),
        an_act(3, "buyer", "complete"),
        an_act(3, "registrar", "refuse", minute=1, ground="late"),
        an_act(3, "buyer", "review", minute=2),
        an_act(3, "registrar", "admit", minute=3),
        an_act(3, "seller", "reply", minute=4, choice="object"),
        an_act(3, "registrar", "dismiss", minute=5),
        an_act(3, "seller", "reply", minute=6, choice="offer", amount="10.00"),
        an_act(3, "buyer", "extend", minute=7),
        an_act(3, "seller", "extend", minute=8),
        an_act(3, "buyer", "evidence_complete", minute=9),
        an_act(3, "seller", "evidence_complete", minute=10),
        an_act(3, "seller", "withdraw_offer", minute=11),
        an_act(3, "seller", "settled_directly", minute=12),
        an_act(3, "buyer", "deny_direct", minute=13),
        an_act(3, "buyer", "message", minute=14, text="你好 🙂"),
        an_act(3, "buyer", "offer", minute=15, amount="48.90", perform_days=5, open_days=2),
        an_act(3, "seller", "accept", minute=16),
        an_act(3, "buyer", "sign", minute=17),
        an_act(3, "seller", "sign", minute=18),
    ]

    result = replay(house, a_line("one", *acts, strict=True))

    assert result.refusals == []
    assert result.performed == len(acts)
    assert result.outcomes == {"settled_negotiation": 1}


@pytest.mark.parametrize(
    ("acts", "outcome"),
    [
        ([an_act(4, "buyer", "withdraw")], "withdrawn"),
        ([an_act(4, "registrar", "refuse", ground="frivolous"), an_act(30, "clock", "advance")], "refused:frivolous"),
        ([an_act(3, "registrar", "ask"), an_act(30, "clock", "advance")], "incomplete"),
        ([an_act(4, "seller", "reply", choice="accept_all")], "accepted_in_full"),
        ([an_act(4, "seller", "reply", choice="decline")], "declined"),
        ([an_act(4, "buyer", "settled_directly")], "settled_direct"),
        ([an_act(4, "buyer", "leave")], "mediation"),
        ([OFFER, an_act(5, "buyer", "accept"), an_act(5, "seller", "sign", minute=1)], "settled"),
    ],
)
@pytest.mark.one_database
def test_lines_end_where_their_acts_lead(house, acts, outcome):
    result = replay(house, a_line("one", *acts))

    assert result.refusals == []
    assert result.outcomes == {outcome: 1}


def test_several_items_and_currencies_stay_apart(house):
    claim = {
        "category": "defective", "amount": "100.00", "currency": "EUR", "narrative": "Broken.",
        "items": [
            {"remedy": "refund", "amount": "80.00"},
            {"remedy": "apology"},
            {"remedy": "costs", "amount": "3000", "currency": "JPY"},
        ],
    }  # fmt: skip
    offer = an_act(4, "seller", "offer", items=[{"amount": "40.00"}, True, {"amount": "1500"}])

    result = replay(house, a_line("one", offer, an_act(5, "buyer", "accept"), claim=claim))

    assert result.as_json()["settled"] == {"EUR": "40.00", "JPY": "1500"}


# -- time ---------------------------------------------------------------------------------------------------------


def test_deadlines_fire_at_their_own_instants_and_not_beyond_the_last_advance(house):
    silent = {"name": "Seller", "country": "CN", "silent": True}
    lines = [
        a_line("waits", seller=silent),
        a_line("hears", an_act(20, "clock", "advance"), seller=silent),
        a_line("ends", an_act(31, "clock", "advance"), seller=silent),
    ]

    result = replay(house, *lines)

    assert result.outcomes == {"awaiting_response": 2, "decision": 1}
    ends = max(entries_of(house).values(), key=len)
    assert types_of(ends)[1:5] == ["filing_admitted", "last_call_made", "notice_sent", "seller_silent"]
    assert ends[2].at == ends[1].data["clock"]["due"]
    assert ends[4].at == ends[2].data["clock"]["due"]
    assert {entry.act for entry in (ends[2], ends[4])} == {""}


def test_an_offer_lapses_before_the_act_that_comes_too_late(house):
    result = replay(house, a_line("one", OFFER, an_act(9, "buyer", "accept", minute=1)))

    assert [str(refusal) for refusal in result.refusals] == [
        "line 1 (one), act 1, accept by buyer: offer_lapsed: The time of this offer has run out."
    ]
    assert types_of(only_stream(house))[-1] == "offer_lapsed"


def test_no_line_changes_what_another_comes_to(house):
    acts = [
        OFFER,
        an_act(5, "buyer", "reject"),
        an_act(9, "buyer", "message", text="And?"),
        an_act(25, "clock", "advance"),
    ]
    others = [a_line(f"other {n}", an_act(3 + n, "buyer", "offer", amount="1.00"), BETTER) for n in range(3)]
    replay(house, a_line("alone", *acts))
    alone = only_stream(house)

    replay(house, others[0], a_line("among", *acts), *others[1:])

    streams = entries_of(house)
    del streams[alone[0].stream]
    told = [[(entry.type, entry.at, entry.role) for entry in entries] for entries in [alone, *streams.values()]]
    assert told[0] in told[1:]


# -- people -------------------------------------------------------------------------------------------------------


def test_the_same_name_and_country_is_the_same_seller_and_a_buyer_has_a_name_in_each_dispute(house):
    buyer = {"name": "Buyer", "country": "DE"}
    elsewhere = {"name": "Seller", "country": "HK"}

    replay(house, a_line("a", buyer=buyer), a_line("b", buyer=buyer), a_line("c", buyer=buyer, seller=elsewhere))

    filings = [entries[0].data for entries in entries_of(house).values()]
    assert sorted(
        [filing["seller_country"], len({one["buyer"] for one in filings}), len({one["seller"] for one in filings})]
        for filing in filings
    ) == [["CN", 3, 2], ["CN", 3, 2], ["HK", 3, 2]]


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acts", "refused_by"),
    [
        ([an_act(4, "buyer", "accept")], {"offer_unknown": 1}),
        ([OFFER, an_act(5, "seller", "accept")], {"own_offer": 1}),
        ([OFFER, BETTER, an_act(7, "buyer", "accept", of=0)], {"offer_replaced": 1}),
        ([OFFER, an_act(7, "buyer", "accept", of=7)], {"offer_unknown": 1}),
        ([OFFER, an_act(7, "buyer", "reject"), an_act(8, "buyer", "accept")], {"offer_rejected": 1}),
        ([an_act(4, "seller", "offer", amount="a lot")], {"amount_malformed": 1}),
        ([an_act(4, "seller", "offer", amount="-1.00")], {"amount_malformed": 1}),
        ([an_act(4, "buyer", "offer", amount="0.00")], {"offer_of_nothing": 1}),
        ([an_act(4, "seller", "offer", amount="1.005")], {"amount_too_precise": 1}),
        ([an_act(4, "buyer", "offer", amount="48.91")], {"above_claim": 1}),
        ([an_act(4, "buyer", "offer", items=[False])], {"offer_of_nothing": 1}),
        ([an_act(4, "seller", "offer", items=[True, True])], {"terms_do_not_match": 1}),
        ([an_act(4, "mediator", "decide", outcome="for_buyer")], {"not_your_dispute": 1}),
        ([an_act(4, "mediator", "message", text="Good day")], {"not_your_dispute": 1}),
        ([an_act(4, "buyer", "evidence", file="../nothing/here.pdf")], {"file_missing": 1}),
        ([an_act(1, "buyer", "withdraw"), an_act(1, "clock", "advance")], {"not_your_dispute": 1}),
    ],
)
@pytest.mark.one_database
def test_what_the_rules_refuse_is_counted_and_the_line_goes_on(house, acts, refused_by):
    result = replay(house, a_line("one", *acts, an_act(9, "buyer", "message", text="Hello")))

    said = result.as_json()
    assert said["refused_by"] == refused_by
    assert said["performed"] == said["acts"] - said["refused"] == len(acts)


@pytest.mark.one_database
@pytest.mark.parametrize(("amount", "code"), [("much", "amount_malformed"), ("0.00", "amount_not_positive")])
def test_a_filing_that_is_refused_leaves_nothing(house, amount, code):
    claim = {"category": "late", "amount": amount, "currency": "EUR"}

    result = replay(house, a_line("one", an_act(4, "buyer", "message", text="Hello"), claim=claim))

    assert result.as_json()["refused_by"] == {code: 1, "not_your_dispute": 1}
    assert result.outcomes == {"unfiled": 1}
    assert entries_of(house) == {}


@pytest.mark.one_database
def test_a_seller_may_offer_that_nothing_is_given(house):
    nothing = an_act(4, "seller", "offer", amount="0.00")

    result = replay(house, a_line("one", nothing, an_act(5, "buyer", "reject")))

    assert result.as_json()["refused"] == 0


def test_evidence_is_taken_in_or_turned_away_as_an_upload_is(house, tmp_path):
    (tmp_path / "note.txt").write_text("Left with the neighbour.", "utf-8")
    (tmp_path / "police_report.pdf").write_text("<html><script>1</script></html>", "utf-8")
    acts = [
        an_act(4, "buyer", "evidence", file="note.txt", about="The carrier's note"),
        an_act(4, "buyer", "evidence", minute=1, file="police_report.pdf"),
        an_act(5, "seller", "offer", amount="5.00"),
    ]

    result = replay(house, a_line("one", *acts), folder=tmp_path, twice=True)

    assert result.as_json()["refused_by"] == {"file_web_page_refused": 1}
    assert types_of(only_stream(house))[-6:] == [
        "evidence_added", "upload_refused", "evidence_completed", "evidence_completed", "negotiation_opened",
        "offer_made",
    ]  # fmt: skip
    assert sound(house)


def test_a_malformed_line_is_noted_and_everything_else_is_done(house):
    lines = [
        b"",
        a_line("one"),
        b"{",
        a_line("two", an_act(4, "buyer", "dance")),
        a_line("one", OFFER),
        a_line("three"),
    ]

    result = replay(house, *lines)

    assert [number for number, _ in result.malformed] == [3, 4, 5]
    assert result.malformed[2][1] == "its id is that of line 2"
    assert result.outcomes == {"negotiation": 2}


# -- again, at once, by several ------------------------------------------------------------------------------------

LONG = (
    an_act(2, "seller", "offer", amount="5.00"),
    an_act(2, "registrar", "admit", minute=1),
    an_act(3, "buyer", "accept"),
    an_act(22, "seller", "reply", choice="contest"),
    an_act(23, "seller", "offer", amount="24.45"),
    an_act(23, "buyer", "accept", minute=1, of=3),
    an_act(29, "buyer", "reject"),
    an_act(30, "seller", "offer", amount="0.01"),
    an_act(31, "buyer", "accept"),
    an_act(31, "seller", "offer", amount="9.00", minute=1),
    an_act(31, "buyer", "sign", minute=2),
)
"""A strict line with refusals between its acts and deadlines that fire: the last call, and an offer that lapses."""


def test_sending_every_act_twice_changes_nothing(house):
    once = replay(house, a_line("once", *LONG, strict=True)).as_json()
    size = once["log"]["size"]

    twice = replay(house, a_line("twice", *LONG, strict=True), twice=True).as_json()

    assert once["refused"] == 5
    for said in (once, twice):
        del said["seconds"], said["log"]
    assert twice == once
    assert verify_house(house).size == 2 * size - 1
    assert sound(house)


def test_a_replay_done_again_is_the_same_replay(house):
    lines = [a_line("long", *LONG, strict=True), a_line("short", OFFER, an_act(5, "buyer", "accept"))]
    first = replay(house, *lines).as_json()

    second = replay(house, *lines).as_json()

    del first["seconds"], second["seconds"]
    assert second == first


@pytest.mark.parametrize("cut", range(len(LONG)))
@pytest.mark.one_database
def test_a_replay_that_was_broken_off_goes_on_where_it_was(house, cut):
    whole = replay(house, a_line("whole", *LONG, strict=True)).as_json()
    replay(house, a_line("broken", *LONG[:cut], strict=True))

    resumed = replay(house, a_line("broken", *LONG, strict=True)).as_json()

    assert resumed["refused_by"] == whole["refused_by"]
    assert (resumed["performed"], resumed["outcomes"]) == (whole["performed"], whole["outcomes"])
    told = [[(entry.type, entry.at) for entry in entries] for entries in entries_of(house).values()]
    assert told[0] == told[1]


def test_the_same_act_with_other_words_is_another_one_and_refused(house):
    replay(house, a_line("one", an_act(4, "buyer", "message", text="Hello")))

    result = replay(house, a_line("one", an_act(4, "buyer", "message", text="Good day")))

    assert result.as_json()["refused_by"] == {"key_used_otherwise": 1}


RACES = {
    "two acceptances": ([OFFER], [an_act(5, "buyer", "accept"), an_act(5, "buyer", "accept")]),
    "acceptance and withdrawal": ([OFFER], [an_act(5, "buyer", "accept"), an_act(5, "seller", "withdraw_offer")]),
    "acceptance and counter-offer": (
        [OFFER],
        [an_act(5, "buyer", "accept"), an_act(5, "buyer", "offer", amount="30.00")],
    ),
    "two replies": (
        [],
        [an_act(5, "seller", "reply", choice="decline"), an_act(5, "seller", "reply", choice="accept_all")],
    ),
    "two who leave": ([], [an_act(5, "buyer", "leave"), an_act(5, "seller", "leave")]),
}


@pytest.mark.slow
def test_several_processes_come_to_what_one_does_and_of_two_at_one_instant_one_wins(house):
    def in_turn(name):
        happy = (OFFER, an_act(5, "buyer", "reject"), BETTER, an_act(7, "buyer", "accept"))
        life = [a_line(f"{name} life {number}", *LIFE) for number in range(4)]
        return [a_line(f"{name} long", *LONG, strict=True), a_line(f"{name} happy", *happy), *life]

    at_once = [a_line(f"{name} {n}", *before, *racing) for name, (before, racing) in RACES.items() for n in range(4)]
    alone = replay(house, *in_turn("alone"))

    together = replay(house, *in_turn("together"), *at_once, workers=4, twice=True)

    lost = [refusal.id for refusal in together.refusals if not refusal.id.startswith("together")]
    assert sorted(lost) == sorted(f"{name} {n}" for name in RACES for n in range(4))
    assert together.performed == alone.performed + 4 * sum(len(before) + 1 for before, _ in RACES.values())
    assert len(together.refusals) == len(lost) + len(alone.refusals)
    assert sound(house)


# -- from the command line -----------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_the_command_tells_all_and_ends_with_one_when_a_line_was_malformed(tmp_path):
    file = tmp_path / "script.jsonl"
    file.write_bytes(b"\n".join([a_line("one", OFFER, an_act(5, "seller", "accept")), b"?"]))
    acks = tmp_path / "acks"
    words = ["--instance", str(tmp_path / "house"), "replay", str(file), "--json", "--acks", str(acks)]

    done = CliRunner().invoke(main, words)

    assert done.exit_code == 1
    said = json.loads(done.stdout)
    assert set(said) == {
        "disputes", "acts", "performed", "refused", "refused_by", "outcomes", "settled", "awarded", "costs",
        "compliance", "malformed", "log", "seconds",
    }  # fmt: skip
    assert (said["performed"], said["refused_by"]) == (1, {"own_offer": 1})
    assert "line 2 is malformed" in done.stderr and "own_offer" in done.stderr
    assert [json.loads(line)["position"] for line in acks.read_text("utf-8").splitlines()] == [0]

    file.write_bytes(a_line("two"))

    assert CliRunner().invoke(main, words).exit_code == 0


def test_disputes_stay_readable_under_a_ruleset_of_their_own(house):
    shipped = Path(ruleset.__file__).parent / "rulesets" / "default-1.toml"
    hasty = shipped.read_bytes().replace(b'name = "default-1"', b'name = "hasty"').replace(b"days = 3", b"days = 1")
    line = a_line("one", an_act(31, "clock", "advance"), seller={"name": "S", "country": "CN", "silent": True})

    result = replay(house, line, ruleset=hasty)

    assert result.outcomes == {"decision": 1}
    assert only_stream(house)[0].data["ruleset"] == "hasty"
    assert [path.read_bytes() for path in house.settings.rulesets.iterdir()] == [hasty]


# -- real negotiations ---------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_sixty_real_negotiations_come_to_what_their_people_agreed_on(house, shared):
    lines = (shared / "data" / "negotiations.jsonl").read_bytes().splitlines()[:60]

    result = replay(house, *lines, source="negotiations").as_json()

    assert (result["acts"], result["performed"], result["refused"]) == (809, 809, 0)
    assert result["outcomes"] == {"settled_negotiation": 59, "mediation": 1}
    assert result["settled"] == {"EUR": "25696.80"}
    assert sound(house)


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.one_database  # sixty of them come to the same on both databases, above
def test_all_real_negotiations_come_to_what_their_people_agreed_on(house, shared):
    lines = (shared / "data" / "negotiations.jsonl").read_bytes().splitlines()

    result = replay(house, *lines, source="negotiations", workers=2).as_json()

    assert (result["disputes"], result["performed"], result["refused"]) == (450, 6289, 0)
    # Whoever walked away meets a mediator, and the source tells nothing of what came then.
    assert result["outcomes"] == {"settled_negotiation": 441, "mediation": 9}
    assert result["settled"] == {"EUR": "196999.20"}
    types = [entry.type for entries in entries_of(house).values() for entry in entries]
    counted = {name: types.count(name) for name in ("offer_made", "agreement_reached", "offer_rejected")}
    assert counted == {"offer_made": 516, "agreement_reached": 441, "offer_rejected": 72}
    assert (types.count("walled_message_sent"), types.count("negotiation_ended")) == (5251, 9)
    assert sound(house)
