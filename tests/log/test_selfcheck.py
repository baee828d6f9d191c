"""The house checks itself: what the quick look sees, that the nightly check sees everything, and what follows."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import event, insert, text

from odr.database import one_moment, writing
from odr.house import House
from odr.kernel import Refused
from odr.log.chain import canonical, leaf_hash
from odr.log.halt import SigningStopped, published_file
from odr.log.integrator import integrate, publish, resume, seal_all
from odr.log.selfcheck import (
    DAY,
    HOUR,
    NOT_GRAVE,
    check_fully,
    check_quickly,
    full_is_due,
    health,
    hour_of_check,
    is_grave,
    last_checks,
    look,
)
from odr.log.tables import any_text, former_checkpoint
from odr.log.verify import Finding
from odr.procedure.rules import send_message
from odr.verify import verify_house, verify_within
from odr.worker import run as work
from tests.builders import ADispute, a_dispute
from tests.log.test_halt import doctors_look, odr, why
from tests.log.test_tamper import DEEDS, Deed, disputed, fill_a_tile, sql, swap, unguarded

__all__ = ["disputed"]


def quick_codes(house: House) -> set[str]:
    return {finding.code for finding in check_quickly(house).findings}


def test_an_honest_house_is_sound_and_says_when_it_looked(house: House, disputed: ADispute, clock) -> None:
    fill_a_tile(house)
    told = a_dispute(house)

    quick, full = check_quickly(house), check_fully(house, verify_house)

    assert (quick.findings, full.findings) == ([], [])
    assert quick.size == full.size > 256
    with house.engine.connect() as connection:
        checks = last_checks(connection)
    assert {kind: (last.at, last.size, last.sound) for kind, last in checks.items()} == {
        kind: (clock(), quick.size, True) for kind in ("quick", "full")
    }
    assert why(house) is None
    told.admitted()


def test_a_house_at_work_raises_no_alarm(house: House, clock) -> None:
    """Acts, places, checkpoints and their copies come and go while the checks read."""
    told = a_dispute(house).in_negotiation()
    seal_all(house)

    def act() -> None:
        for step in range(40):
            told.offer(told.seller if step % 2 else told.buyer, "10.00")
            integrate(house)
            publish(house)

    with ThreadPoolExecutor(1) as other:
        busy = other.submit(act)
        found = []
        while not busy.done():
            found += check_quickly(house).findings
            found += check_fully(house, verify_house).findings
        busy.result()

    assert found == []
    assert why(house) is None


# -- what the quick look sees ---------------------------------------------------------------------------------------


def newest(told: ADispute, house: House) -> None:
    """Let the dispute have the newest entries of the log, in the last full tile and after it."""
    fill_a_tile(house)
    for _ in range(4):
        told.offer(told.seller, "10.00").offer(told.buyer, "11.00")
    seal_all(house)


def last(told: ADispute) -> int:
    return told.state.version


def edit_newest(told: ADispute) -> Deed:
    def deed(connection) -> None:
        where = {"stream": f"dispute/{told.id}", "ver": last(told)}
        raw = bytes(connection.scalar(text("SELECT raw FROM entry WHERE stream = :stream AND ver = :ver"), where))
        changed = raw.replace(b"1100", b"1101")
        assert changed != raw
        connection.execute(text("UPDATE entry SET raw = :raw WHERE stream = :stream AND ver = :ver"),
                           {**where, "raw": changed})  # fmt: skip

    return deed


def rewrite_newest(told: ADispute) -> Deed:
    """The newest entry written anew by somebody who knows the format: entry, hash and place all fit one another."""

    def deed(connection) -> None:
        stream, ver = f"dispute/{told.id}", last(told)
        where = {"stream": stream, "ver": ver}
        raw = bytes(connection.scalar(text("SELECT raw FROM entry WHERE stream = :stream AND ver = :ver"), where))
        changed = raw.replace(b"1100", b"1101")
        where |= {"raw": changed, "leaf": leaf_hash(changed)}
        connection.execute(
            text("UPDATE entry SET raw = :raw, leaf_hash = :leaf WHERE stream = :stream AND ver = :ver"), where
        )
        connection.execute(text("UPDATE leaf SET leaf_hash = :leaf WHERE stream = :stream AND ver = :ver"), where)

    return deed


def branch_off(told: ADispute) -> Deed:
    """A second branch: the newest entry names one before its predecessor, consistently down to the place."""

    def deed(connection) -> None:
        stream, ver = f"dispute/{told.id}", last(told)
        where = {"stream": stream, "ver": ver}
        fields = json.loads(bytes(connection.scalar(
            text("SELECT raw FROM entry WHERE stream = :stream AND ver = :ver"), where)))  # fmt: skip
        fields["prev"] = bytes(connection.scalar(
            text("SELECT leaf_hash FROM entry WHERE stream = :stream AND ver = :ver - 2"), where)).hex()  # fmt: skip
        changed = canonical(fields)
        where |= {"raw": changed, "leaf": leaf_hash(changed)}
        connection.execute(
            text("UPDATE entry SET raw = :raw, leaf_hash = :leaf WHERE stream = :stream AND ver = :ver"), where
        )
        connection.execute(text("UPDATE leaf SET leaf_hash = :leaf WHERE stream = :stream AND ver = :ver"), where)

    return deed


def respelt(spelling) -> object:
    """A deed that spells the newest entry in another way."""

    def on(told: ADispute) -> Deed:
        def deed(connection) -> None:
            where = {"stream": f"dispute/{told.id}", "ver": last(told)}
            raw = bytes(connection.scalar(text("SELECT raw FROM entry WHERE stream = :stream AND ver = :ver"), where))
            where["raw"] = spelling(raw)
            connection.execute(text("UPDATE entry SET raw = :raw WHERE stream = :stream AND ver = :ver"), where)

        return deed

    return on


def exchange_places(told: ADispute) -> Deed:
    """The newest two entries of a stream, each at the other's place."""

    def deed(connection) -> None:
        where = {"stream": f"dispute/{told.id}", "ver": last(told)}
        place = "SELECT position FROM leaf WHERE stream = :stream AND ver = :ver"
        later = connection.scalar(text(place), where)
        earlier = connection.scalar(text(f"{place} - 1"), where)
        for old, new in ((later, -1), (earlier, later), (-1, earlier)):
            connection.execute(text("UPDATE leaf SET position = :new WHERE position = :old"), {"old": old, "new": new})

    return deed


LAST = "(SELECT max(ver) FROM entry WHERE stream = :stream)"

# Number of the attack (event-log.md §4), what is done, how, and the codes that the quick look must name among others.
SEEN = [
    (1, "an entry edited", edit_newest, {"entry_hash_differs", "place_hash_differs"}),
    (2, "an entry and its hash edited", sql(f"UPDATE entry SET leaf_hash = (SELECT min(leaf_hash) FROM leaf) WHERE stream = :stream AND ver = {LAST}"), {"entry_hash_differs"}),
    (3, "an entry, its hash and its place made anew", rewrite_newest, {"contradiction"}),
    (4, "an entry deleted in the middle", sql("DELETE FROM entry WHERE stream = :stream AND ver = (SELECT max(ver) - 1 FROM entry WHERE stream = :stream)"), {"place_unknown", "stream_gap"}),
    (5, "a place deleted and the later ones moved up", sql("DELETE FROM leaf WHERE position = (SELECT max(position) FROM leaf)"), {"contradiction", "entry_without_place"}),
    (6, "two places exchanged", swap("leaf", "leaf_hash", f"stream = :stream AND ver = {LAST}", f"stream = :stream AND ver = {LAST} - 1"), {"place_hash_differs", "contradiction"}),
    (7, "the end cut off below a signed size", sql("DELETE FROM leaf WHERE position >= (SELECT max(position) - 2 FROM leaf)"), {"contradiction", "entry_without_place"}),
    (9, "an entry put in in the past", sql("INSERT INTO leaf SELECT 1000000, stream, ver + 500, leaf_hash FROM leaf WHERE stream = :stream AND ver = 2"), {"place_gap", "place_unknown", "contradiction"}),
    (10, "a whole dispute removed", sql("DELETE FROM entry WHERE stream = :stream"), {"place_unknown"}),
    (11, "a second branch of a stream", branch_off, {"stream_prev_differs", "contradiction"}),
    (12, "an entry that follows another stream", sql(f"UPDATE entry SET stream = (SELECT min(stream) FROM entry WHERE stream LIKE 'dispute/%' AND stream != :stream), ver = 900 WHERE stream = :stream AND ver = {LAST}"), {"place_unknown", "entry_without_place"}),
    (13, "two entries in the wrong order", exchange_places, {"place_order_differs", "contradiction"}),
    (14, "a column edited", sql(f"UPDATE entry SET type = 'offer_lapsed' WHERE stream = :stream AND ver = {LAST}"), {"entry_column_differs"}),
    (14, "an instant edited", sql(f"UPDATE entry SET at = at - 1 WHERE stream = :stream AND ver = {LAST}"), {"entry_column_differs"}),
    (15, "an entry spelt with a space", respelt(lambda raw: raw.replace(b",", b", ", 1)), {"entry_malformed"}),
    (15, "an entry with a key twice", respelt(lambda raw: raw.replace(b'"v":1', b'"v":1,"v":1')), {"entry_malformed"}),
    (15, "an entry with a float", respelt(lambda raw: raw.replace(b'"v":1,', b'"v":1.0,')), {"entry_malformed"}),
    (15, "an entry behind a mark of its order", respelt(lambda raw: b"\xef\xbb\xbf" + raw), {"entry_malformed"}),
    (16, "an entry too long", respelt(lambda raw: raw[:-1] + b" " * 65_536 + b"}"), {"entry_malformed"}),
    (17, "the bottom of a tile edited", sql("UPDATE tile SET hashes = root || substr(hashes, 33) WHERE level = 0 AND number = (SELECT max(number) FROM tile WHERE level = 0)"), {"tile_differs"}),
    (17, "an inner node edited", sql("UPDATE tile SET nodes = root || substr(nodes, 33) WHERE level = 0 AND number = (SELECT max(number) FROM tile WHERE level = 0)"), {"tile_differs"}),
    (18, "the edge of the tree edited", sql("UPDATE tile SET root = substr(hashes, 1, 32) WHERE level = 0 AND number = 0"), {"contradiction"}),
    (18, "the size under the last checkpoint edited", sql("UPDATE checkpoint SET size = size + 1 WHERE number = (SELECT max(number) FROM checkpoint)"), {"checkpoint_column_differs"}),
]  # fmt: skip


def test_the_quick_look_names_what_is_done_to_the_newest_entries(house: House, disputed: ADispute) -> None:
    """§4 cases 1-7, 9-18, each by somebody who can write to the whole database and has no key."""
    told = a_dispute(house).in_negotiation()
    newest(told, house)
    unnamed = {}
    for number, name, deed, codes in SEEN:
        with unguarded(house) as connection:
            deed(told)(connection)
            found = looked_at(connection, house)
            connection.rollback()
        if not codes <= found:
            unnamed[number, name] = (codes, found)

    assert unnamed == {}
    assert quick_codes(house) == set()


def looked_at(connection, house: House) -> set[str]:
    with any_text(connection):
        _, _, findings = look(connection, house.settings, house.origin, house.keys, house.clock())
    assert any(is_grave(finding) for finding in findings) or not findings
    return {finding.code for finding in findings}


def test_an_end_that_was_grown_anew_is_seen(house: House) -> None:
    """§4 case 8: the end is rolled back, and other acts are done on it."""
    told = a_dispute(house).in_negotiation()
    told.offer(told.buyer, "10.00")
    seal_all(house)
    kept = published_file(house.settings).read_bytes()
    with unguarded(house) as connection:
        for table in ("leaf", "tile", "checkpoint"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text("DELETE FROM entry WHERE type = 'offer_made'"))
        connection.execute(text("INSERT INTO queue (stream, ver, leaf_hash) SELECT stream, ver, leaf_hash FROM entry"))
    published_file(house.settings).unlink()
    seal_all(house)
    published_file(house.settings).write_bytes(kept)

    assert "contradiction" in quick_codes(house)
    assert why(house) == "older"


def test_an_entry_that_waits_too_long_is_told_and_stops_nothing(house: House, clock) -> None:
    """§4 case 19: nobody gives places any more."""
    told = a_dispute(house)
    clock.advance(minutes=4)
    assert quick_codes(house) == set()
    clock.advance(minutes=2)

    outcome = check_quickly(house)

    assert {finding.code for finding in outcome.findings} == {"unsequenced"}
    assert not outcome.stopped and why(house) is None
    told.admitted()


def test_an_entry_stolen_from_the_queue_stops_the_house(house: House) -> None:
    """§4 case 19: its place was taken away before it had one."""
    told = a_dispute(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM queue"))

    assert "entry_without_place" in quick_codes(house)
    assert_stopped_as(house, told, "unsound")


def test_what_a_script_did_long_ago_by_its_own_clock_is_not_missed(house: House, clock) -> None:
    simulated = replace(house, clock=lambda: clock() - HOUR, clock_kind="simulated")
    integrate(house)
    a_dispute(simulated)

    assert quick_codes(house) == set()


def test_a_process_of_a_log_that_was_given_up_stops_nothing(house: House) -> None:
    """The house was founded anew while this process, forgotten, went on with the old name."""
    a_dispute(house)
    seal_all(house)
    with writing(house.engine) as connection:
        connection.execute(
            insert(former_checkpoint).values(origin=house.origin, number=1, size=1, signed_at=0, note=b"")
        )

    for check in (lambda: check_quickly(house), lambda: check_fully(house, verify_house)):
        with pytest.raises(SigningStopped) as stopped:
            check()
        assert stopped.value.code == "given_up"
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM stop")) == 0


# -- the nightly check stops the house for everything else ----------------------------------------------------------


ONLY_LISTS = {"a row edited", "a row deleted", "all rows deleted", "a row doubled", "two rows exchanged"}


def test_every_deed_stops_the_house_at_night_unless_only_a_list_differs(house: House, disputed: ADispute) -> None:
    """§4 cases 1-25 and 30-31 as `odr verify` names them, and 20 and 21, which are told and stop nothing."""
    fill_a_tile(house)
    wrong = {}
    for name, deed, _codes in DEEDS:
        with unguarded(house) as connection:
            deed(disputed)(connection)
            found = [finding for finding in verify_within(connection, house).findings if is_grave(finding)]
            connection.rollback()
        only_lists = name in (
            "a row edited",
            "a row deleted",
            "all rows deleted",
            "a row doubled",
            "two rows exchanged",
        )
        if bool(found) == only_lists:
            wrong[name] = found

    assert wrong == {}


def test_words_that_differ_stop_the_house(house: House, disputed: ADispute) -> None:
    """§4 case 23, all the way: the quick look sees nothing, the nightly check stops the house."""
    salt = "UPDATE payload SET salt = substr(wrapped_key, 1, 32) WHERE name = 'narrative'"
    with unguarded(house) as connection:
        connection.execute(text(salt))
    assert quick_codes(house) == set()

    outcome = check_fully(house, verify_house)

    assert outcome.stopped and outcome.code == "payload_differs"
    assert_stopped_as(house, disputed, "unsound")
    with house.engine.connect() as connection:
        assert last_checks(connection)["full"].grave


def test_a_list_that_differs_is_told_and_stops_nothing(house: House, disputed: ADispute) -> None:
    """§4 case 20: the log is the truth, and `odr rebuild` mends the list."""
    with unguarded(house) as connection:
        connection.execute(text("UPDATE dispute SET phase = 'evidence'"))

    outcome = check_fully(house, verify_house)

    assert outcome.code == "projection_differs" and not outcome.stopped
    assert why(house) is None
    said = [finding for finding in doctors_look(house) if "projection_differs" in finding.sentence]
    assert [(finding.ok, finding.grave) for finding in said] == [(False, False)]


def test_what_is_gone_at_the_second_look_was_only_being_moved(house: House, disputed: ADispute) -> None:
    """A file is erased between the reading of the database and that of the files."""
    sound = verify_house(house)
    looks = iter([replace(sound, findings=[Finding("file_missing", "dispute/x", 3)]), sound])

    outcome = check_fully(house, lambda _: next(looks))

    assert outcome.findings == [] and not outcome.stopped


def test_words_under_another_key_stop_nothing() -> None:
    assert not is_grave(Finding("payload_unreadable", found="key_of_another_house"))
    assert is_grave(Finding("payload_unreadable", found="damaged"))
    assert is_grave(Finding("a_code_of_tomorrow"))
    assert {"projection_differs", "edition_changed", "unsequenced"} <= NOT_GRAVE


def assert_stopped_as(house: House, told: ADispute, code: str) -> None:
    assert why(house) == code
    with pytest.raises(SigningStopped):
        publish(house)
    with pytest.raises(Refused):
        told.act(send_message, told.buyer, text="Hello?")


# -- going on -------------------------------------------------------------------------------------------------------


def test_a_house_stopped_over_its_words_goes_on_only_after_a_check_that_finds_them_whole(
    house: House, disputed: ADispute, clock
) -> None:
    with unguarded(house) as connection:
        kept = connection.execute(text("SELECT * FROM payload WHERE name = 'narrative'")).one()
        connection.execute(text("DELETE FROM payload WHERE name = 'narrative'"))
    assert check_fully(house, verify_house).stopped
    clock.advance(hours=1)

    with pytest.raises(SigningStopped):
        resume(house)
    still = odr(house, "log", "resume")
    with unguarded(house) as connection:
        names = ", ".join(kept._mapping)
        places = ", ".join(f":{name}" for name in kept._mapping)
        connection.execute(text(f"INSERT INTO payload ({names}) VALUES ({places})"), dict(kept._mapping))
    with pytest.raises(SigningStopped):
        resume(house)
    goes_on = odr(house, "log", "resume")

    assert still.exit_code == 2 and "payload_missing" in still.output
    assert goes_on.exit_code == 0, goes_on.output
    assert why(house) is None
    seal_all(house)
    assert verify_house(house).findings == []


def test_a_house_goes_on_without_words_that_are_lost_for_good_and_says_so_for_everybody(
    house: House, disputed: ADispute
) -> None:
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM payload WHERE name = 'narrative'"))
    assert check_fully(house, verify_house).stopped

    goes_on = odr(house, "log", "resume", "--despite-losses")

    assert goes_on.exit_code == 0, goes_on.output
    with house.engine.connect() as connection:
        raw = connection.scalar(text("SELECT raw FROM entry WHERE type = 'log_resumed'"))
    assert json.loads(raw)["data"]["lost"] == [
        {"code": "payload_missing", "stream": f"dispute/{disputed.id}", "ver": 1, "name": "narrative"}
    ]
    seal_all(house)
    again = check_fully(house, verify_house)
    assert (again.findings, again.stopped) == ([], False)
    assert {finding.code for finding in verify_house(house).findings} == {"payload_missing"}
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM payload WHERE name = 'seller'"))
    assert check_fully(house, verify_house).stopped


def test_no_house_goes_on_with_a_log_that_is_not_whole(house: House, disputed: ADispute) -> None:
    with unguarded(house) as connection:
        connection.execute(text("UPDATE entry SET at = at + 1 WHERE ver = 3"))
        connection.execute(text("DELETE FROM payload WHERE name = 'narrative'"))
    assert check_fully(house, verify_house).stopped

    stays = odr(house, "log", "resume", "--despite-losses")

    assert stays.exit_code == 2
    assert why(house) == "unsound"


# -- when -----------------------------------------------------------------------------------------------------------


def test_the_nightly_check_has_its_own_minute_of_the_night(house: House, clock) -> None:
    hour = hour_of_check(house.origin)
    midnight = clock() // DAY * DAY
    due = []
    with one_moment(house.engine) as connection:
        assert full_is_due(connection, house.origin, clock())
    check_fully(house, verify_house)
    for at in (clock() + 1, midnight + DAY + hour - 1, midnight + DAY + hour, midnight + 3 * DAY):
        with one_moment(house.engine) as connection:
            due.append(full_is_due(connection, house.origin, at))

    assert 0 <= hour < 5 * 60 * 60_000
    assert due == [False, False, True, True]
    assert len({hour_of_check(f"evenhand/{number:032x}") for number in range(40)}) > 30


def test_the_worker_checks_the_house_and_tells_its_operator_once(app: Flask, house: House, clock, caplog) -> None:
    app.extensions["odr"] = house = replace(
        house, settings=replace(house.settings, operator_contact="Evenhand, Harbour 1, odr@operator.example, NL")
    )
    told = a_dispute(house).admitted()
    assert work(app, once=True)
    with house.engine.connect() as connection:
        assert {kind: check.sound for kind, check in last_checks(connection).items()} == {"quick": True, "full": True}
    with unguarded(house) as connection:
        connection.execute(text("UPDATE payload SET salt = substr(wrapped_key, 1, 32) WHERE name = 'narrative'"))
    clock.advance(days=1)

    with caplog.at_level(logging.INFO, logger="odr.worker"):
        work(app, once=True)

    assert_stopped_as(house, told, "unsound")
    (line,) = [record.facts for record in caplog.records if record.message == "house checked" and record.facts["code"]]
    assert (line["kind"], line["code"]) == ("full", "payload_differs")
    (mail,) = [
        file.read_text() for file in (house.settings.instance / "mail" / "new").iterdir()
        if "To: odr@operator.example" in file.read_text()
    ]  # fmt: skip
    assert "the house has stopped (unsound)" in mail and "When the log has stopped" in mail


def test_the_commands_say_what_was_found(house: House, disputed: ADispute) -> None:
    sound, full = odr(house, "log", "check"), odr(house, "log", "check", "--full")
    doctor = odr(house, "doctor", "--full")
    with unguarded(house) as connection:
        connection.execute(text("UPDATE payload SET salt = substr(wrapped_key, 1, 32) WHERE name = 'narrative'"))
    bad = odr(house, "doctor", "--full")
    assert why(house) is None
    found = odr(house, "log", "check", "--full")

    assert (sound.exit_code, full.exit_code) == (0, 0)
    assert "All is sound" in sound.output and "The whole house is sound" in doctor.output
    assert "was last made on" in doctor.output
    assert bad.exit_code == 1 and "BAD   payload_differs" in bad.output
    assert found.exit_code == 1 and "The house has stopped" in found.output
    assert why(house) == "unsound"


# -- the pages ------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_every_page_of_a_stopped_house_says_so(app: Flask, house: House, disputed: ADispute) -> None:
    with unguarded(house) as connection:
        connection.execute(text("UPDATE payload SET salt = substr(wrapped_key, 1, 32) WHERE name = 'narrative'"))
    assert check_fully(house, verify_house).stopped
    client = app.test_client()

    pages = {path: client.get(path) for path in ("/", "/how-it-works", "/log", "/session/new", "/nowhere", "/figures")}

    for path, page in pages.items():
        assert "This house has stopped. Everything can be read" in page.text, path
    assert client.get("/log/status").json["stopped"] == "unsound"


@pytest.mark.one_database
def test_pages_ask_whether_the_house_has_stopped_only_now_and_then(app: Flask, house: House) -> None:
    client = app.test_client()
    asked: list[str] = []
    client.get("/how-it-works")
    event.listen(house.engine, "begin", lambda connection: asked.append("transaction"))

    for _ in range(5):
        assert client.get("/how-it-works").status_code == 200

    # A machine so slow that two seconds pass in between asks once more.
    assert len(asked) <= 2


@pytest.mark.one_database
def test_a_check_dated_ahead_neither_counts_nor_keeps_the_next_from_being_made(house: House, clock, client) -> None:
    """A clock was set back, or somebody wrote the row so that nobody looks any more."""
    a_dispute(house)
    for ahead in (30 * DAY, 2**62):
        with writing(house.engine) as connection:
            connection.execute(text("DELETE FROM self_check"))
            rows = [{"kind": kind, "at": clock() + ahead} for kind in ("quick", "full")]
            connection.execute(text("INSERT INTO self_check VALUES (:kind, :at, 9, 0, '')"), rows)
            assert full_is_due(connection, house.origin, clock())
            checks = health(connection, clock())
        assert (checks.quick_late, checks.full_late) == (True, True)
        assert client.get("/log").status_code == client.get("/log/status").status_code == 200
        assert any("overdue" in found.sentence for found in doctors_look(house))

    check_fully(house, verify_house)

    with house.engine.connect() as connection:
        assert not full_is_due(connection, house.origin, clock())
