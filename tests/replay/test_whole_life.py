"""The second half of the procedure as lines of a replay file, on both databases."""

from __future__ import annotations

import pytest

from odr.database import write_unit
from odr.log.halt import read_published
from odr.log.journal import read_stream
from odr.people.service import open_account
from odr.people.tables import mediator
from odr.procedure.draw import order_of
from odr.replay.service import MEDIATORS
from tests.builders import run_alone
from tests.replay.scripts import a_line, an_act, entries_of, only_stream, replay, sound, types_of

LEFT = an_act(3, "buyer", "leave")
DECIDED = an_act(20, "mediator", "decide", outcome="for_buyer", reasons="The parcel never came.")
AGAINST = an_act(20, "mediator", "decide", outcome="not_upheld")
BOTH_ACCEPT = (an_act(21, "seller", "accept_decision"), an_act(21, "buyer", "accept_decision", minute=1))
SILENT = {"name": "Seller", "country": "CN", "silent": True}
MAY = {"at": "2026-05-01T12:00:00Z", "by": "clock", "do": "advance"}
END = {"at": "2026-12-31T12:00:00Z", "by": "clock", "do": "advance"}


def test_a_dispute_that_is_left_is_drawn_decided_carried_out_and_graded(house):
    line = a_line(
        "one",
        LEFT,
        an_act(20, "mediator", "decide", outcome="partly", amount="30.00", costs="5.50", reasons="Half of it came."),
        *BOTH_ACCEPT,
        an_act(25, "seller", "performed", text="Paid by card."),
        an_act(26, "buyer", "confirm"),
        an_act(26, "buyer", "rate", minute=1, score=4),
        an_act(26, "seller", "rate", minute=2, score=3),
    )

    said = replay(house, line, twice=True).as_json()

    assert (said["performed"], said["refused_by"]) == (8, {})
    assert said["outcomes"] == {"decided_partly:accepted": 1}
    assert (said["settled"], said["awarded"], said["costs"]) == ({}, {"EUR": "30.00"}, {"EUR": "5.50"})
    assert said["compliance"] == {"honoured": 1}
    assert types_of(only_stream(house))[6:] == [
        "negotiation_ended", "pool_committed", "mediator_drawn", "mediator_accepted", "objection_waived",
        "objection_waived", "mediation_opened", "mediation_ended", "decision_opened", "final_words_given",
        "final_words_given", "file_closed", "decision_issued", "decision_answered", "decision_answered",
        "dispute_closed", "performance_reported", "performance_confirmed", "buyer_rated", "seller_rated",
    ]  # fmt: skip
    assert sound(house)


def test_the_draw_of_a_replay_can_be_recomputed_from_its_entries_and_the_checkpoint(house):
    replay(house, a_line("one", LEFT))

    entries = {entry.type: entry for entry in only_stream(house)}
    committed, drawn = entries["pool_committed"], entries["mediator_drawn"]
    seal = next(stored for stored in seals_of(house) if stored[0] == committed.version)[1]
    assert drawn.data["mediator"] == order_of(committed.data["pool"], seal, drawn.data["root"])[0]
    assert committed.at == drawn.at == entries["negotiation_ended"].at
    assert read_published(house.settings) is not None


def seals_of(house):
    stream = only_stream(house)[0].stream
    with house.engine.connect() as connection:
        return [(stored.entry.version, stored.seal) for stored in read_stream(connection, stream)]


@pytest.mark.one_database
def test_a_house_that_has_mediators_draws_from_them(house, clock):
    own = {
        "id": "ab" * 16,
        "languages": [],
        "fields": [],
        "interest_sellers": [],
        "interest_domains": [],
        "training": "",
        "admitted_at": 0,
        "mandate_until": 2**52,
        "capacity": 15,
        "counted_from": 0,
    }
    given = {"email": "m@example.org", "name": "A mediator", "at": clock()}
    own["account_id"] = write_unit(house.engine, lambda connection: open_account(connection, house, **given))
    run_alone(house, (mediator, own))

    replay(house, a_line("one", LEFT))

    assert [entry.data["pool"] for entry in only_stream(house) if entry.type == "pool_committed"] == [["ab" * 16]]


@pytest.mark.parametrize(
    ("acts", "outcome", "compliance"),
    [
        ([LEFT], "mediation", None),
        ([LEFT, MAY], "decision", None),
        ([LEFT, DECIDED], "decided", None),
        ([LEFT, DECIDED, END], "decided_for_buyer:not_accepted", "unknown"),
        ([LEFT, DECIDED, an_act(21, "buyer", "reject_decision")], "decided_for_buyer:not_accepted", "none"),
        ([LEFT, AGAINST, END], "decided_for_seller:not_accepted", "none"),
        (
            [LEFT, an_act(4, "mediator", "propose", amount="20.00"), an_act(5, "buyer", "accept_proposal"),
             an_act(6, "seller", "accept_proposal"), an_act(7, "buyer", "confirm")],
            "settled_mediation", "honoured",
        ),
        (
            [LEFT, an_act(4, "mediator", "propose", amount="20.00"), an_act(5, "buyer", "reject_proposal"), DECIDED,
             *BOTH_ACCEPT],
            "decided_for_buyer:accepted", "due",
        ),
        (
            [LEFT, DECIDED, *BOTH_ACCEPT, an_act(22, "seller", "performed"), an_act(23, "buyer", "not_honoured"), END],
            "decided_for_buyer:accepted", "not_honoured",
        ),
        (
            [LEFT, DECIDED, *BOTH_ACCEPT, an_act(22, "seller", "performed"), an_act(23, "buyer", "not_honoured"),
             an_act(24, "seller", "performed"), an_act(25, "buyer", "not_honoured"),
             an_act(26, "registrar", "check_proof", shown=True)],
            "decided_for_buyer:accepted", "late",
        ),
        (
            [LEFT, an_act(4, "buyer", "object"), an_act(4, "seller", "object", minute=1), DECIDED],
            "decided", None,
        ),
        (
            [LEFT, an_act(3, "mediator", "decline_appointment", minute=1), DECIDED],
            "decided", None,
        ),
        (
            [LEFT, an_act(5, "seller", "challenge", ground="tie"), an_act(6, "registrar", "uphold_challenge"), DECIDED],
            "decided", None,
        ),
        (
            [LEFT, an_act(5, "seller", "challenge", ground="tie"),
             an_act(6, "registrar", "dismiss_challenge"), an_act(7, "mediator", "resign"), DECIDED],
            "decided", None,
        ),
        (
            [LEFT, an_act(5, "mediator", "close_mediation"), an_act(6, "buyer", "fresh_decider"), DECIDED],
            "decided", None,
        ),
        (
            [LEFT, an_act(5, "buyer", "final_words", text="See my photos."), an_act(6, "seller", "final_words"),
             DECIDED],
            "decided", None,
        ),
        ([LEFT, an_act(5, "registrar", "hand_over", reason="moved_to_court")], "moved_to_court", "none"),
        (
            [an_act(3, "registrar", "suspend", ground="incapacity"), an_act(9, "registrar", "resume")],
            "negotiation", None,
        ),
        ([an_act(3, "buyer", "suspend"), an_act(4, "seller", "suspend"), MAY], "decision", None),
        ([LEFT, an_act(4, "mediator", "extend"), an_act(4, "mediator", "message", minute=1, text="Good day")],
         "mediation", None),
    ],
)  # fmt: skip
@pytest.mark.one_database
def test_lines_end_where_their_acts_lead(house, acts, outcome, compliance):
    result = replay(house, a_line("one", *acts))

    assert [str(refusal) for refusal in result.refusals] == []
    assert result.outcomes == {outcome: 1}
    assert result.compliance == ({compliance: 1} if compliance else {})
    assert sound(house)


def test_a_silent_seller_is_decided_on_by_default_and_does_nothing_by_itself(house):
    decided = {"at": "2026-04-20T12:00:00Z", "by": "mediator", "do": "decide", "outcome": "for_buyer"}

    result = replay(house, a_line("one", decided, END, seller=SILENT))

    assert result.refusals == []
    assert result.outcomes == {"decided_for_buyer:not_accepted": 1}
    entries = only_stream(house)
    assert {entry.role for entry in entries} == {"buyer", "registrar", "system", "mediator"}
    silent = next(entry for entry in entries if entry.type == "seller_silent")
    # Nothing waits that nobody has to wait for; the seller's days to object and for final words run all the same.
    assert {entry.at for entry in entries if entry.type in ("evidence_completed", "mediator_accepted")} == {silent.at}
    opened = next(entry for entry in entries if entry.type == "decision_opened")
    closed = next(entry for entry in entries if entry.type == "file_closed")
    assert closed.at == opened.data["clock"]["due"]


def test_a_decision_before_the_file_of_a_default_is_closed_is_refused_and_counted(house):
    early = an_act(28, "mediator", "decide", outcome="for_buyer")

    result = replay(house, a_line("one", early, seller=SILENT))

    assert result.as_json()["refused_by"] == {"file_open": 1}
    assert result.outcomes == {"decision": 1}


@pytest.mark.one_database
def test_where_no_mediator_is_left_the_dispute_waits_and_nothing_counts_as_refused(house):
    result = replay(house, a_line("one", LEFT, END))

    assert result.as_json()["refused_by"] == {}
    assert result.outcomes == {"assignment": 1}
    types = types_of(only_stream(house))
    assert types.count("pool_committed") == 1 and types.count("mediator_drawn") == MEDIATORS
    assert types[-1] == "draw_overdue"


@pytest.mark.one_database
def test_mail_that_comes_back_asks_for_another_address_or_ends_the_dispute(house):
    back = an_act(4, "clock", "notice_returned")
    found = an_act(6, "buyer", "address", email="office@seller.example")

    result = replay(
        house,
        a_line("lost", back, END, seller=SILENT),
        a_line("found", back, found, an_act(20, "clock", "advance"), seller=SILENT),
    )

    assert result.refusals == []
    assert result.outcomes == {"not_served": 1, "awaiting_response": 1}


def test_a_decision_rests_on_all_evidence_that_counts_and_on_the_statements_where_there_is_none(house, tmp_path):
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(name, "utf-8")
    file = [
        an_act(3, "buyer", "evidence", file="a.txt"),
        an_act(4, "seller", "leave"),
        an_act(4, "mediator", "request_evidence", minute=1, side="seller", days=2),
        an_act(10, "seller", "evidence", file="b.txt"),
        an_act(10, "seller", "evidence", minute=1, file="c.txt"),
        an_act(11, "mediator", "admit_late", item=3),
    ]
    said = {"findings": [{"text": "It came.", "cites": [3]}, {"text": "It broke."}], "basis": "contract"}

    result = replay(
        house,
        a_line("cited", *file, an_act(20, "mediator", "decide", outcome="for_seller")),
        a_line("told", *file, an_act(20, "mediator", "decide", outcome="for_seller", **said)),
        a_line("bare", LEFT, DECIDED),
        folder=tmp_path,
    )

    assert result.refusals == []
    cites = sorted(
        [finding["cites"] for finding in entry.data["findings"]]
        for entries in entries_of(house).values()
        for entry in entries
        if entry.type == "decision_issued"
    )
    assert cites == [[[0]], [[1, 3]], [[3], [1, 3]]]


@pytest.mark.one_database
def test_what_is_granted_goes_before_the_word_for_the_outcome(house):
    less = an_act(20, "mediator", "decide", outcome="for_buyer", amount="10.00")

    result = replay(house, a_line("one", LEFT, less, END))

    assert result.outcomes == {"decided_partly:not_accepted": 1}
    assert result.as_json()["awarded"] == {"EUR": "10.00"}


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("act", "code"),
    [
        (an_act(20, "mediator", "decide", outcome="for_buyer", amount="48.91"), "award_above_claim"),
        (an_act(20, "mediator", "decide", outcome="for_buyer", costs="0.00"), "amount_not_positive"),
        (an_act(20, "mediator", "decide", outcome="for_buyer", basis="taste"), "basis_unknown"),
        (an_act(20, "buyer", "decide", outcome="for_buyer"), "not_your_role"),
        (an_act(5, "buyer", "accept_proposal"), "no_open_proposal"),
        (an_act(5, "buyer", "confirm"), "not_in_this_phase"),
        (an_act(5, "buyer", "rate", score=4), "not_in_this_phase"),
        (an_act(5, "mediator", "request_evidence", side="both"), "side_unknown"),
        (an_act(5, "mediator", "admit_late"), "no_late_evidence"),
        (an_act(5, "registrar", "check_proof", shown=True), "not_in_this_phase"),
    ],
)
def test_what_the_rules_refuse_is_counted(house, act, code):
    assert replay(house, a_line("one", LEFT, act)).as_json()["refused_by"] == {code: 1}


LONG = (
    an_act(2, "registrar", "admit"),
    an_act(2, "seller", "reply", minute=1, choice="contest"),
    an_act(2, "buyer", "evidence_complete", minute=2),
    an_act(2, "seller", "evidence_complete", minute=3),
    LEFT,
    an_act(3, "mediator", "accept_appointment", minute=1),
    an_act(4, "buyer", "object"),
    an_act(4, "mediator", "accept_appointment", minute=1),
    an_act(4, "seller", "waive", minute=2),
    an_act(5, "mediator", "propose", amount="10.00"),
    an_act(6, "buyer", "reject_proposal"),
    an_act(6, "seller", "accept_proposal", minute=1),
    an_act(20, "mediator", "decide", outcome="partly", amount="30.00"),
    an_act(25, "mediator", "decide", outcome="partly", amount="30.00"),
    an_act(26, "seller", "accept_decision"),
    an_act(27, "buyer", "accept_decision"),
    an_act(28, "buyer", "confirm"),
    an_act(28, "buyer", "rate", minute=1, score=9),
)
"""A strict line with an objection, refusals, a mediation that runs out of time and a file that time closes."""


@pytest.mark.parametrize("cut", range(0, len(LONG), 3))
@pytest.mark.one_database
def test_a_life_that_was_broken_off_goes_on_where_it_was(house, cut):
    whole = replay(house, a_line("whole", *LONG, strict=True)).as_json()
    replay(house, a_line("broken", *LONG[:cut], strict=True))

    resumed = replay(house, a_line("broken", *LONG, strict=True)).as_json()

    same = ("acts", "performed", "refused_by", "outcomes", "awarded", "compliance")
    assert {name: resumed[name] for name in same} == {name: whole[name] for name in same}
    assert whole["refused_by"] == {"file_open": 1, "no_open_proposal": 1, "score_out_of_range": 1}
    assert whole["outcomes"] == {"decided_partly:accepted": 1}
    assert sound(house)
