"""A house and its witnesses: what it asks, what it shows, and that it stops rather than tell two histories."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from odr.app import create_app
from odr.database import writing
from odr.house import House
from odr.kernel import Refused
from odr.log import cosigning, offline, tables
from odr.log.cosigning import (
    FRESH,
    GRACE,
    MET,
    MISSING,
    NO_QUORUM,
    REST,
    STALE,
    UNREADABLE,
    WAITING,
    Asking,
    PolicyTrouble,
    Unanswered,
    address_of,
    cosigned,
    policy_of,
    require_known,
    verify_with,
    watch_of,
)
from odr.log.halt import SigningStopped, latest_checkpoint, must_rest, read_published
from odr.log.integrator import resume, seal_all
from odr.log.note import open_note
from odr.log.policy import Judged, judge
from odr.log.publication import publish_files, receipt_of
from odr.log.receipt import read
from odr.log.rotation import add_key, retire_key
from odr.verify import verify_house
from odr.witness.service import SIZE, Answer
from odr.worker import run as work
from tests.builders import a_dispute
from tests.log.test_halt import checkpoints, copy_database, odr, reopened, why
from tests.witness.logs import serving
from tests.witness.peers import Honest, Peer, a_witness, answering, log_line, with_policy


def ask(house: House, *, everybody: bool = False) -> tuple[int, list[tuple[str, str]]]:
    """One round of a worker that has just started: how many signed, and who did not and why."""
    told: list[tuple[str, str]] = []
    return Asking(house, lambda name, code: told.append((name, code))).round(everybody=everybody), told


def watch(house: House) -> cosigning.Watch:
    with house.engine.connect() as connection:
        return watch_of(connection, house)


def judged(house: House) -> Judged:
    """What the last checkpoint says to whoever holds the policy of the house."""
    with house.engine.connect() as connection:
        noted = cosigned(connection, latest_checkpoint(connection))
    return judge(noted, policy_of(house.settings), verify_with)


@pytest.fixture
def pair(house: House, tmp_path: Path) -> Iterator[tuple[Honest, Honest]]:
    """Two witnesses of the house, answering."""
    one, two = a_witness(house, tmp_path / "one", "one"), a_witness(house, tmp_path / "two", "two")
    with answering(one.peer), answering(two.peer):
        yield one, two


@pytest.fixture
def watched(house: House, pair: tuple[Honest, Honest]) -> House:
    """The house with a policy of both of them."""
    one, two = pair
    return with_policy(house, log_line(house) + one.line("A") + two.line("B") + "group both all A B\nquorum both\n")


# -- asking ---------------------------------------------------------------------------------------------------------


def test_every_checkpoint_is_cosigned_by_all_witnesses_of_the_policy(watched: House, pair) -> None:
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    assert not judged(watched).met

    assert ask(watched) == (2, [])
    first = judged(watched)
    told.offer(told.buyer, "10.00")
    seal_all(watched)
    assert not judged(watched).met
    assert ask(watched) == (2, [])

    assert (first.cosigned, first.met) == ({"A", "B"}, True)
    assert judged(watched).checkpoint.size > first.checkpoint.size and judged(watched).met
    assert pair[0].store.last(watched.origin)[0] == judged(watched).checkpoint
    assert ask(watched) == (0, []) and len(pair[0].peer.asked) == 2
    assert verify_house(watched).findings == []


def test_whoever_is_handed_something_is_handed_the_cosignatures_and_the_copy_outside_has_none(
    app: Flask, watched: House, tmp_path: Path
) -> None:
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    ask(watched)

    with watched.engine.connect() as connection:
        own = bytes(latest_checkpoint(connection).note)
        receipt = receipt_of(connection, f"dispute/{told.id}", 1)
        publish_files(connection, watched, tmp_path / "published")
    answer = app.test_client().get("/log/checkpoint")

    noted = answer.data
    assert noted.startswith(own) and noted.count(b"\xe2\x80\x94 ") == 3
    assert "no-cache" in answer.headers["Cache-Control"]
    assert read(receipt).checkpoint == noted
    assert (tmp_path / "published" / "checkpoint").read_bytes() == noted
    assert read_published(watched.settings) == own
    told.offer(told.buyer, "10.00")
    seal_all(watched)


def test_a_house_that_does_not_know_what_a_witness_signed_last_learns_it(watched: House) -> None:
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    ask(watched)
    told.offer(told.buyer, "10.00")
    seal_all(watched)
    with writing(watched.engine) as connection:
        connection.execute(tables.cosignature.delete())

    assert ask(watched) == (2, []) and judged(watched).met


def test_one_witness_that_is_away_holds_up_neither_the_other_nor_the_house(watched: House, pair) -> None:
    one, two = pair
    with_policy(watched, log_line(watched) + one.line("A", "http://127.0.0.1:1") + two.line("B") + "quorum B\n")
    a_dispute(watched)
    seal_all(watched)

    assert ask(watched) == (1, [("one.example/w", "unreachable")])
    assert watch(watched).standing == MET
    assert why(watched) is None


@pytest.mark.one_database
def test_a_witness_that_is_away_is_left_alone_for_longer_each_time(watched: House, pair, clock) -> None:
    one = pair[0]
    with_policy(watched, one.line("A") + "quorum A\n")
    a_dispute(watched)
    seal_all(watched)
    honest, one.peer.answer = one.peer.answer, lambda body: Answer(503, b"later")
    told: list[tuple[str, str]] = []
    asking = Asking(watched, lambda name, code: told.append((name, code)))

    counts = []
    for rest in (REST, 2 * REST, 4 * REST):
        assert asking.round() == asking.round() == 0
        counts.append(len(one.peer.asked))
        clock.advance(seconds=rest // 1000)
    one.peer.answer = honest

    assert counts == [1, 2, 3]
    assert told == [("one.example/w", "status_503")] * 3
    assert asking.round() == 1 and asking.round() == 0


@pytest.mark.one_database
def test_a_quiet_house_asks_again_so_that_the_time_of_the_signature_stays_fresh(watched: House, pair, clock) -> None:
    """§4 case 45: whoever demands a signature not older than so much gets one."""
    one = pair[0]
    with_policy(watched, log_line(watched) + one.line("A") + "quorum A\n")
    a_dispute(watched)
    seal_all(watched)
    asking = Asking(watched, lambda *_told: None)
    asking.round()
    before = watch(watched)

    clock.advance(seconds=FRESH // 1000 - 1)
    assert asking.round() == 0
    clock.advance(seconds=1)
    assert asking.round() == 1

    assert watch(watched).since == before.since + FRESH == watched.clock()
    assert judged(watched).met


def test_no_network_while_the_database_is_held(watched: House, pair) -> None:
    """A witness may take its time: whoever writes meanwhile is not kept waiting."""
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    one = pair[0]
    honest = one.peer.answer

    def slow(body: bytes) -> Answer:
        told.offer(told.buyer if len(told.state.offers) % 2 == 0 else told.seller, "10.00")
        seal_all(watched)
        return honest(body)

    one.peer.answer = slow
    with_policy(watched, one.line("A") + "quorum A\n")

    # Each answer is for a checkpoint that is not the last any more, and kept all the same.
    assert ask(watched) == (1, []) and ask(watched) == (1, [])
    with watched.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.cosignature)) == 2


@pytest.mark.one_database
def test_a_log_that_changes_its_keys_stays_watched(watched: House, pair) -> None:
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    ask(watched)
    new = add_key(watched)
    seal_all(watched)
    assert ask(watched)[0] == 2
    retire_key(watched, log_line(watched).split()[1])
    seal_all(watched)

    assert {code for _name, code in ask(watched)[1]} == {"status_403"}
    for one in pair:
        one.store.follow(new)
    told.offer(told.buyer, "10.00")
    seal_all(watched)

    assert ask(watched) == (2, [])


# -- answers of others ----------------------------------------------------------------------------------------------

HOSTILE = [
    (Answer(200, b""), "answer_no_signature"),
    (Answer(200, b"<html>"), "answer_bad_signature_line"),
    (Answer(200, "\u2014 one.example/w AAAAAAAAAAAA\n".encode()), "answer_no_known_signature"),
    (Answer(200, b"x" * 70_000), "answer_too_long"),
    (Answer(302, b""), "status_302"),
    (Answer(400, b"no\n"), "status_400"),
    (Answer(403, b"no\n"), "status_403"),
    (Answer(404, b"no\n"), "status_404"),
    (Answer(500, b""), "status_500"),
    (Answer(409, b"99\n"), "answer_malformed"),
    (Answer(409, b"99", SIZE), "answer_malformed"),
    (Answer(409, b"099\n", SIZE), "answer_malformed"),
    (Answer(409, b"-1\n", SIZE), "answer_malformed"),
    (Answer(409, b"9999999999999999999\n", SIZE), "answer_malformed"),
    (Answer(409, b"0\n", SIZE), "answer_malformed"),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("answer", "code"), HOSTILE, ids=lambda value: value if isinstance(value, str) else "")
def test_an_answer_that_is_none_changes_nothing(watched: House, pair, answer: Answer, code: str) -> None:
    a_dispute(watched)
    seal_all(watched)
    stranger = Peer(lambda body: answer, {"Location": pair[1].peer.url})
    with answering(stranger):
        with_policy(watched, pair[0].line("A", stranger.url) + "quorum A\n")

        assert ask(watched) == (0, [("one.example/w", code)])
    assert pair[1].peer.asked == []
    assert watch(watched).signed == frozenset() and why(watched) is None


@pytest.mark.one_database
def test_a_signature_of_another_witness_or_another_checkpoint_is_not_taken(watched: House, pair) -> None:
    one, two = pair
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    ask(watched)
    with watched.engine.connect() as connection:
        lines = dict(connection.execute(select(tables.cosignature.c.witness, tables.cosignature.c.line)).all())
    told.offer(told.buyer, "10.00")
    seal_all(watched)

    earlier = next(bytes(line) for tag, line in lines.items() if tag.startswith("one."))
    one.peer.answer = lambda body: Answer(200, earlier)
    two.peer.answer = one.peer.answer

    assert set(ask(watched)[1]) == {
        ("one.example/w", "answer_bad_signature"),
        ("two.example/w", "answer_no_known_signature"),
    }


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("url", "fit", "also_http"),
    [
        ("https://witness.example/w", True, True),
        ("http://127.0.0.1:8100", True, True),
        ("http://[::1]:8100/", True, True),
        ("http://localhost/w", True, True),
        ("http://witness.example", False, True),
        ("http://10.0.0.1", False, True),
        ("http://127.0.0.1.example", False, True),
        ("file:///etc/passwd", False, False),
        ("ftp://127.0.0.1", False, False),
        ("//127.0.0.1", False, False),
        ("https://user:secret@witness.example", False, False),
        ("https://witness.example/?a=b", False, False),
        ("https://witness.example:port", False, False),
        ("https://", False, False),
    ],
)
def test_only_https_or_this_machine_is_asked_unless_told_otherwise(
    settings, url: str, fit: bool, also_http: bool
) -> None:
    for allowed, expected in ((False, fit), (True, also_http)):
        try:
            address_of(url, replace(settings, witness_http=allowed))
            told = True
        except Unanswered as refused:
            assert refused.code == "address"
            told = False
        assert told == expected


# -- what is shown --------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_a_house_without_a_policy_says_that_nobody_watches(app: Flask, house: House) -> None:
    a_dispute(house)
    seal_all(house)

    page, policy = app.test_client().get("/log").text, app.test_client().get("/log/policy")

    assert watch(house).standing == NO_QUORUM
    assert "No independent witness watches this log" in page
    assert policy.text == log_line(house) + "quorum none\n" and policy.mimetype == "text/plain"
    assert ask(house) == (0, [])


def page_of(house: House) -> str:
    app = create_app(house.settings, house.clock)
    try:
        return app.test_client().get("/log").text
    finally:
        app.extensions["odr"].engine.dispose()


@pytest.mark.one_database
def test_the_page_tells_when_the_quorum_is_there_waits_is_missing_and_comes_back(watched: House, pair, clock) -> None:
    two = pair[1]
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    ask(watched)
    assert watch(watched).standing == MET
    assert "bears the signatures of 2 of 2 witnesses, and has to bear those of at least 2." in page_of(watched)

    honest, two.peer.answer = two.peer.answer, lambda body: Answer(503, b"")
    clock.advance(minutes=5)
    told.offer(told.buyer, "10.00")
    seal_all(watched)
    sealed = watched.clock()
    assert ask(watched)[0] == 1
    assert (watch(watched).standing, watch(watched).signed) == (WAITING, {"A"})

    clock.advance(seconds=GRACE // 1000)
    for _again in range(3):
        clock.advance(minutes=1)
        told.offer(told.seller if len(told.state.offers) % 2 else told.buyer, "11.00")
        seal_all(watched)
        ask(watched)
    missing = watch(watched)
    assert (missing.standing, missing.since, missing.signed_counted) == (MISSING, sealed, 1)
    page = page_of(watched)
    assert "Too few witnesses have signed" in page and "The quorum is missing since" in page
    assert "bears the signatures of 1 of 2 witnesses" in page

    two.peer.answer = honest
    assert ask(watched)[0] == 1
    assert watch(watched).standing == MET
    assert "Too few witnesses" not in page_of(watched)


@pytest.mark.one_database
def test_a_quorum_of_groups_is_looked_for_group_by_group(watched: House, pair, clock, tmp_path: Path) -> None:
    one, two = pair
    three = a_witness(watched, tmp_path / "three", "three")
    lines = log_line(watched) + one.line("A") + two.line("B") + three.line("C", "http://127.0.0.1:1")
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    with answering(three.peer):
        policy = lines.replace("http://127.0.0.1:1", three.peer.url)
        with_policy(watched, f"{policy}group AB any A B\ngroup all all AB C\nquorum all\n")
        assert ask(watched)[0] == 3 and watch(watched).standing == MET
    clock.advance(minutes=1)
    told.offer(told.buyer, "10.00")
    seal_all(watched)
    sealed = watched.clock()
    # Two of three, as many as could suffice, and not the right ones.
    assert ask(watched)[0] == 2
    clock.advance(minutes=1)

    found = watch(watched)
    assert (found.standing, found.since, found.signed) == (MISSING, sealed, {"A", "B"})
    assert "Which of them, the policy says." in page_of(watched)


@pytest.mark.one_database
def test_a_quorum_of_whom_nothing_was_heard_for_a_day_is_missing(watched: House, pair, clock) -> None:
    """§4 case 45."""
    a_dispute(watched)
    seal_all(watched)
    ask(watched)
    since = watched.clock()

    clock.advance(seconds=STALE // 1000)
    assert watch(watched).standing == MET
    clock.advance(seconds=1)

    assert (watch(watched).standing, watch(watched).since) == (MISSING, since)


@pytest.mark.one_database
def test_a_quorum_that_was_never_there_is_missing_since_the_first_checkpoint(watched: House, pair, clock) -> None:
    with_policy(watched, pair[0].line("A", "") + "quorum A\n")
    first = watched.clock()
    a_dispute(watched)
    assert watch(watched).standing == WAITING
    seal_all(watched)
    clock.advance(minutes=2)
    a_dispute(watched)
    seal_all(watched)

    assert ask(watched) == (0, [])
    assert (watch(watched).standing, watch(watched).since) == (MISSING, first)


@pytest.mark.one_database
def test_a_line_that_somebody_put_into_the_database_counts_for_nobody(app: Flask, watched: House) -> None:
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    ask(watched)
    told.offer(told.buyer, "10.00")
    seal_all(watched)
    last = checkpoints(watched)
    with writing(watched.engine) as connection:
        rows = connection.execute(select(tables.cosignature).where(tables.cosignature.c.number < last)).all()
        for row in rows:
            connection.execute(tables.cosignature.insert().values({**row._mapping, "number": last}))
        connection.execute(tables.cosignature.insert().values(number=last, witness="x", line=b"rubbish\n", at=1))
        connection.execute(tables.cosignature.insert().values(number=last + 7, witness="x", line=b"", at=1))

    assert watch(watched).signed == frozenset()
    assert b"rubbish" not in app.test_client().get("/log/checkpoint").data
    assert {finding.code for finding in verify_house(watched).findings} == {
        "cosignature_differs",
        "cosignature_malformed",
        "cosignature_unknown",
    }


@pytest.mark.one_database
@pytest.mark.parametrize("text", ["quorum A\n", None])
def test_a_policy_that_cannot_be_read_is_said_and_nobody_is_asked(watched: House, text: str | None) -> None:
    a_dispute(watched)
    seal_all(watched)
    if text is None:
        watched.settings.policy.unlink()
    else:
        with_policy(watched, text)

    assert watch(watched).standing == UNREADABLE
    with pytest.raises(PolicyTrouble):
        ask(watched)
    app = create_app(watched.settings, watched.clock)
    try:
        assert "Who watches this log cannot be said" in app.test_client().get("/log").text
        assert app.test_client().get("/log/policy").status_code == 503
        assert not work(app, once=True)
    finally:
        app.extensions["odr"].engine.dispose()
    assert why(watched) is None


@pytest.mark.one_database
def test_a_note_holds_no_more_lines_than_every_reader_takes(watched: House) -> None:
    a_dispute(watched)
    seal_all(watched)
    ask(watched)
    with writing(watched.engine) as connection:
        row = connection.execute(select(tables.cosignature)).first()
        for number in range(30):
            connection.execute(tables.cosignature.insert().values({**row._mapping, "witness": f"w{number}"}))
    with watched.engine.connect() as connection:
        noted = cosigned(connection, latest_checkpoint(connection))

    assert noted.count(b"\xe2\x80\x94 ") == 16
    assert open_note(noted, watched.keys.verifiers(watched.origin)).signers


@pytest.mark.one_database
def test_the_verifier_for_everybody_believes_a_receipt_by_a_policy_of_its_readers_own(watched: House, pair) -> None:
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    receipt, policy = watched.settings.instance / "r.tlog-proof", watched.settings.instance / "own"
    own = log_line(watched) + pair[0].line("A", "") + pair[1].line("B", "") + "group G {} A B\nquorum G\n"
    honest, away = pair[1].peer.answer, lambda body: Answer(503, b"")
    ended = []
    for signed in (0, 1, 2):
        if signed:
            pair[1].peer.answer = away if signed == 1 else honest
            ask(watched)
        with watched.engine.connect() as connection:
            receipt.write_bytes(receipt_of(connection, f"dispute/{told.id}", 1))
        for least in ("any", "all"):
            policy.write_text(own.format(least))
            words = [sys.executable, "-I", offline.__file__, "receipt", str(receipt), "--policy", str(policy), "--json"]
            said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
            found = [finding["code"] for finding in json.loads(said.stdout)["findings"]]
            ended.append((signed, least, said.returncode == 0, found))

    missing = ["quorum_missing"]
    assert ended == [
        (0, "any", False, missing),
        (0, "all", False, missing),
        (1, "any", True, []),
        (1, "all", False, missing),
        (2, "any", True, []),
        (2, "all", True, []),
    ]


# -- an older copy --------------------------------------------------------------------------------------------------


def an_older_copy(watched: House, tmp_path: Path):
    """A house whose database and checkpoint were both put back to this morning's; only the witnesses know better."""
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    ask(watched)
    copy_database(watched.settings, tmp_path / "older.sqlite")
    outside = (watched.settings.instance / "checkpoint").read_bytes()
    told.offer(told.buyer, "10.00")
    seal_all(watched)
    ask(watched)
    copy_database(watched.settings, tmp_path / "newer.sqlite")
    newer = (watched.settings.instance / "checkpoint").read_bytes()
    restored = reopened(watched, tmp_path / "older.sqlite")
    (watched.settings.instance / "checkpoint").write_bytes(outside)
    told.house = restored
    assert why(restored) is None
    return told, restored, newer


@pytest.mark.one_database
def test_an_older_copy_that_only_a_witness_can_tell_signs_nothing(watched: House, tmp_path: Path, caplog) -> None:
    """§4 case 55: the worker asks before it signs anything."""
    told, restored, newer = an_older_copy(watched, tmp_path)
    told.offer(told.buyer, "19.00")
    before = checkpoints(restored)

    with caplog.at_level(logging.INFO, logger="odr.worker"):
        assert not works(restored)

    assert why(restored) == "witnessed" and checkpoints(restored) == before
    assert any(record.message == "signing stopped" for record in caplog.records)
    with pytest.raises(Refused, match="log_stopped"):
        told.offer(told.seller, "12.00")
    with pytest.raises(SigningStopped):
        seal_all(restored)
    assert "signing_stopped" in {finding.code for finding in verify_house(restored).findings}

    # The newest database put back makes it whole, and nothing has to be said to the house.
    right = reopened(restored, tmp_path / "newer.sqlite")
    (right.settings.instance / "checkpoint").write_bytes(newer)
    assert works(right) and why(right) is None
    assert judged(right).met


def works(house: House) -> bool:
    """What a worker that has just started says at its end."""
    app = create_app(house.settings, house.clock)
    try:
        return work(app, once=True)
    finally:
        app.extensions["odr"].engine.dispose()


@pytest.mark.one_database
def test_going_on_needs_the_word_of_the_witnesses_that_the_policy_names(watched: House, pair, tmp_path: Path) -> None:
    _told, restored, _newer = an_older_copy(watched, tmp_path)
    with pytest.raises(SigningStopped):
        ask(restored, everybody=True)

    policy = {"ODR_POLICY": str(restored.settings.policy)}
    refused = odr(restored, "log", "resume", **policy)
    with_policy(restored, pair[0].line("A", "http://127.0.0.1:1") + "quorum A\n")
    silent = odr(restored, "log", "resume", **policy)
    assert why(restored) == "witnessed"
    with_policy(restored, "quorum none\n")
    gone_on = odr(restored, "log", "resume", **policy)

    assert refused.exit_code == silent.exit_code == 2
    assert "witness" in refused.output and "one.example/w" in silent.output
    assert gone_on.exit_code == 0, gone_on.output
    assert why(restored) is None


@pytest.mark.one_database
def test_a_copy_that_grew_past_what_a_witness_saw_is_found_out(watched: House, pair, tmp_path: Path) -> None:
    """§4 case 8, 44, 55: it was away when the house started on the older copy, and another history was signed."""
    told, restored, _newer = an_older_copy(watched, tmp_path)
    for amount in ("1.00", "2.00", "3.00"):
        told.offer(told.buyer if len(told.state.offers) % 2 == 0 else told.seller, amount)
        seal_all(restored)
    grown = checkpoints(restored)

    with pytest.raises(SigningStopped, match="witness has cosigned"):
        ask(restored)

    assert why(restored) == "witnessed" and checkpoints(restored) == grown


@pytest.mark.one_database
def test_another_history_of_the_same_size_is_found_out_and_kept_by_the_witness(watched: House, pair, tmp_path) -> None:
    """§4 case 44."""
    told, restored, _newer = an_older_copy(watched, tmp_path)
    told.offer(told.buyer, "17.00")
    seal_all(restored)

    with pytest.raises(SigningStopped):
        ask(restored)

    assert pair[0].store.evidence()["fork"] == 1


@pytest.mark.one_database
def test_a_worker_beside_us_that_was_faster_stops_nothing(watched: House) -> None:
    told = a_dispute(watched).in_negotiation()
    seal_all(watched)
    with watched.engine.connect() as connection:
        sent = latest_checkpoint(connection)
    told.offer(told.buyer, "10.00")
    seal_all(watched)
    with watched.engine.connect() as connection:
        faster = latest_checkpoint(connection)

    require_known(watched, faster.size, bytes(sent.note))
    assert why(watched) is None

    with pytest.raises(SigningStopped):
        require_known(watched, faster.size + 1, bytes(sent.note))
    with pytest.raises(SigningStopped):
        require_known(watched, faster.size, bytes(sent.note))
    assert why(watched) == "witnessed"


STEPS = ("act", "seal", "ask", "a new worker", "away", "back", "forgotten", "another machine")


@pytest.mark.one_database
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=16))
def test_no_honest_history_is_stopped_by_a_witness(watched: House, pair, steps: list[str]) -> None:
    """The histories run on one another, as in one long life."""
    told = a_dispute(watched).in_negotiation()
    honest = {one.key.name: one.peer.answer for one in pair}
    workers = [Asking(watched, lambda *_told: None) for _ in range(2)]
    for step in steps:
        if step == "act":
            told.offer(told.buyer if len(told.state.offers) % 2 == 0 else told.seller, "10.00")
        elif step == "seal":
            seal_all(watched)
        elif step == "ask":
            workers[0].round()
        elif step == "another machine":
            workers[1].round()
        elif step == "a new worker":
            Asking(watched, lambda *_told: None).round(everybody=True)
        elif step == "away":
            pair[1].peer.answer = lambda body: Answer(503, b"")
        elif step == "back":
            pair[1].peer.answer = honest[pair[1].key.name]
        else:
            with writing(watched.engine) as connection:
                connection.execute(tables.cosignature.delete())
        assert why(watched) is None
    pair[1].peer.answer = honest[pair[1].key.name]
    seal_all(watched)
    ask(watched, everybody=True)
    assert judged(watched).met and [one.store.evidence() for one in pair] == [{}, {}]


# -- real processes -------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_two_witness_processes_one_killed_and_back(house: House, tmp_path: Path, clock) -> None:
    """A house, and two witnesses that share nothing with it, each a process of its own."""
    one, two = a_witness(house, tmp_path / "one", "one"), a_witness(house, tmp_path / "two", "two")
    with ExitStack() as lives, serving(tmp_path / "one") as (first, _):
        second, process = lives.enter_context(serving(tmp_path / "two"))
        lines = log_line(house) + one.line("A", first) + two.line("B", second) + "group both 2 A B\nquorum both\n"
        watched = with_policy(house, lines)
        app = create_app(watched.settings, clock)
        told = a_dispute(app.extensions["odr"]).in_negotiation()

        assert work(app, once=True)
        assert "signatures of 2 of 2 witnesses" in app.test_client().get("/log").text
        assert judged(watched).met

        process.kill()
        process.wait(30)
        told.offer(told.buyer, "10.00")
        assert work(app, once=True)
        clock.advance(minutes=2)
        page = app.test_client().get("/log").text
        assert "The quorum is missing since" in page and "signatures of 1 of 2 witnesses" in page
        assert not judged(watched).met
        told.offer(told.seller, "20.00")

        lives.enter_context(serving(tmp_path / "two", port=int(second.rpartition(":")[2])))
        assert work(app, once=True)
        assert "signatures of 2 of 2 witnesses" in app.test_client().get("/log").text
        assert judged(watched).met
        assert halted_code(watched) is None
        app.extensions["odr"].engine.dispose()


def halted_code(house: House) -> str | None:
    with house.engine.connect() as connection:
        return must_rest(connection, house)


def test_what_is_kept_of_witnesses_is_one_row_each_and_checkpoint(watched: House) -> None:
    a_dispute(watched)
    seal_all(watched)
    for _again in range(3):
        assert ask(watched, everybody=True)[0] == 2
    assert resume(watched) is False

    with watched.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cosignature")) == 2
