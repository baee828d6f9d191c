"""A log that contradicts what was signed signs nothing more, takes no act, and says what to do; an honest one never
stops."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from pathlib import Path
from threading import Event, Thread

import pytest
from alembic import command
from click.testing import CliRunner, Result
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url, text

from odr.app import create_app
from odr.cli import main
from odr.database import writing
from odr.doctor import Finding, examine
from odr.house import House, Settings
from odr.kernel import Refused
from odr.log.halt import WHY, SigningStopped, latest_checkpoint, must_rest, published_file
from odr.log.integrator import integrate, publish, resume, seal_all
from odr.log.rotation import add_key
from odr.log.verify import verify_log
from odr.migrations.service import _config
from odr.verify import verify_house
from odr.worker import run as work
from tests.builders import ADispute, a_dispute
from tests.log.test_tamper import fill_a_tile, unguarded


def checkpoints(house: House) -> int:
    with house.engine.connect() as connection:
        last = latest_checkpoint(connection)
    return last.number if last else 0


def doctors_look(house: House) -> list[Finding]:
    call_migrated(house)
    return list(examine(house.settings))


def call_migrated(house: House) -> None:
    """The tables of the tests are made without migrating."""
    with writing(house.engine) as connection:
        command.stamp(_config(connection), "head")


def why(house: House) -> str | None:
    with house.engine.connect() as connection:
        return must_rest(connection, house)


def assert_stopped(house: House, told: ADispute, code: str) -> None:
    """Nothing is signed, nobody acts, no entry is lost or made, and whoever asks is told."""
    before = checkpoints(house)
    with house.engine.connect() as connection:
        entries = connection.scalar(text("SELECT count(*) FROM entry"))
    for _ in range(2):
        with pytest.raises(SigningStopped) as stopped:
            seal_all(house)
        assert stopped.value.code == code
        with pytest.raises(Refused) as refused:
            told.offer(told.seller, "12.00")
        assert refused.value.code == "log_stopped"
    assert why(house) == code
    assert checkpoints(house) == before
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM entry")) == entries
    assert "signing_stopped" in {finding.code for finding in verify_house(house).findings}
    said = [found.sentence for found in doctors_look(house) if found.grave and not found.ok]
    assert any(WHY[code] in sentence for sentence in said), said
    with pytest.raises(SigningStopped):
        resume(house)


def copy_database(settings: Settings, to: Path) -> None:
    """A copy as a careful operator takes it."""
    with sqlite3.connect(to) as copy, sqlite3.connect(make_url(settings.database_url).database or "") as held:
        held.backup(copy)
    copy.close()
    held.close()


def reopened(house: House, copy: Path) -> House:
    """The house stopped, its database replaced by `copy`, and opened again."""
    house.engine.dispose()
    path = Path(make_url(house.settings.database_url).database or "")
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    shutil.copyfile(copy, path)
    opened: House = create_app(house.settings, house.clock).extensions["odr"]
    return opened


def odr(house: House, *words: str, **environment: str) -> Result:
    call_migrated(house)
    address = {"ODR_DATABASE_URL": house.settings.database_url, **environment}
    return CliRunner().invoke(main, ["--instance", str(house.settings.instance), *words], env=address)


# -- restored, cut, forked ------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_a_database_restored_from_an_older_copy_stops_the_house(house: House, tmp_path: Path) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    copy_database(house.settings, tmp_path / "older.sqlite")
    told.offer(told.buyer, "10.00")
    seal_all(house)
    copy_database(house.settings, tmp_path / "newer.sqlite")

    restored = reopened(house, tmp_path / "older.sqlite")

    found = {finding.code for finding in verify_house(restored).findings}
    assert found == {"checkpoint_missing"}
    told.house = restored
    with pytest.raises(Refused, match="log_stopped"):
        told.offer(told.seller, "11.00")
    assert_stopped(restored, told, "older")

    # The newest database put back makes it whole, and nothing has to be said to the house.
    right = reopened(restored, tmp_path / "newer.sqlite")
    assert why(right) is None
    told.house = right
    told.offer(told.seller, "11.00")
    seal_all(right)
    assert verify_house(right).findings == []


@pytest.mark.one_database
def test_a_new_database_beside_an_old_checkpoint_opens_and_takes_no_act(house: House, sqlite_template: Path) -> None:
    a_dispute(house)
    seal_all(house)

    new = reopened(house, sqlite_template)

    with pytest.raises(SigningStopped) as stopped:
        seal_all(new)
    assert stopped.value.code == "foreign"
    with pytest.raises(Refused):
        a_dispute(new)


DEEDS: list[tuple[str, str, str]] = [
    ("the end of the tree cut off", "DELETE FROM leaf WHERE position > 5", "shrunken"),
    (
        "a sealed entry's hash changed at the edge",
        "UPDATE leaf SET leaf_hash = (SELECT leaf_hash FROM leaf WHERE position = 0) WHERE position = 3",
        "forked",
    ),
    ("an entry taken out of the edge", "DELETE FROM leaf WHERE position = 3", "forked"),
    ("the last checkpoint taken out", "DELETE FROM checkpoint WHERE number = 2", "older"),
    (
        "another checkpoint's note put in its place",
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE number = 1) WHERE number = 2",
        "older",
    ),
]


@pytest.mark.parametrize(("deed", "statement", "code"), DEEDS, ids=[deed for deed, _, _ in DEEDS])
def test_a_log_cut_or_forked_stops_the_house(house: House, deed: str, statement: str, code: str) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    told.offer(told.buyer, "10.00")
    seal_all(house)
    with unguarded(house) as connection:
        assert connection.execute(text(statement)).rowcount

    assert_seen_before_the_next_act_or_signature(house, told, code)


def assert_seen_before_the_next_act_or_signature(house: House, told: ADispute, code: str) -> None:
    assert verify_house(house).findings != []
    with pytest.raises(SigningStopped):
        publish(house)
    assert_stopped(house, told, code)


def test_a_fork_that_grew_past_what_was_signed_stops_the_house(house: House) -> None:
    """Cut off and grown again otherwise: larger than what was signed, and not the same."""
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("UPDATE leaf SET position = position + 1000 WHERE position = 2"))
        connection.execute(text("UPDATE leaf SET position = 2 WHERE position = 3"))
        connection.execute(text("UPDATE leaf SET position = 3 WHERE position = 1002"))
    told_size = verify_house(house).size
    with unguarded(house) as connection:
        connection.execute(
            text("INSERT INTO leaf SELECT position + :size, stream, ver + 1000, leaf_hash FROM leaf"),
            {"size": told_size},
        )

    assert_seen_before_the_next_act_or_signature(house, told, "forked")


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE tile SET root = (SELECT leaf_hash FROM leaf WHERE position = 1) WHERE level = 0", "forked"),
        ("DELETE FROM tile WHERE level = 0", "forked"),
    ],
)
def test_a_changed_or_missing_tile_stops_the_house(house: House, statement: str, code: str) -> None:
    told = a_dispute(house).in_negotiation()
    fill_a_tile(house)
    with unguarded(house) as connection:
        assert connection.execute(text(statement)).rowcount

    assert_seen_before_the_next_act_or_signature(house, told, code)


def test_a_checkpoint_outside_that_nobody_signed_stops_the_house(house: House) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    file = published_file(house.settings)
    file.write_bytes(file.read_bytes()[:-6] + b"AAAA=\n")

    assert_stopped_by_the_next_round(house, told, "foreign")


def assert_stopped_by_the_next_round(house: House, told: ADispute, code: str) -> None:
    with pytest.raises(SigningStopped) as stopped:
        publish(house)
    assert stopped.value.code == code
    with pytest.raises(Refused):
        told.offer(told.seller, "12.00")


# -- going on -------------------------------------------------------------------------------------------------------


def test_a_house_made_whole_by_hand_goes_on_by_a_command_that_the_log_keeps(house: House) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    with unguarded(house) as connection:
        row = connection.execute(text("SELECT stream, ver, leaf_hash FROM leaf WHERE position = 3")).one()
        connection.execute(text("DELETE FROM leaf WHERE position = 3"))
    with pytest.raises(SigningStopped):
        seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("INSERT INTO leaf VALUES (3, :stream, :ver, :leaf_hash)"), dict(row._mapping))

    with pytest.raises(SigningStopped):
        seal_all(house)
    assert {finding.code for finding in verify_house(house).findings} == {"signing_stopped"}
    told_by = odr(house, "log", "resume")

    assert told_by.exit_code == 0, told_by.output
    assert why(house) is None
    told.offer(told.seller, "12.00")
    seal_all(house)
    assert verify_house(house).findings == []
    with house.engine.connect() as connection:
        raw = connection.scalar(text("SELECT raw FROM entry WHERE type = 'log_resumed'"))
    assert json.loads(raw)["data"]["code"] == "forked"
    assert resume(house) is False


def test_the_command_changes_nothing_while_anything_contradicts(house: House) -> None:
    a_dispute(house)
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM leaf WHERE position = 0"))

    told = odr(house, "log", "resume")

    assert told.exit_code == 2
    assert "docs/operating.md" in told.output


def test_the_command_names_an_older_copy_and_not_what_is_unsound_because_of_it(house: House) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    told.offer(told.buyer, "10.00")
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM checkpoint WHERE number = 2"))

    answer = odr(house, "log", "resume")

    assert answer.exit_code == 2
    assert WHY["older"] in " ".join(answer.output.split())


# -- the worker, the pages ------------------------------------------------------------------------------------------


def test_the_worker_of_a_stopped_house_says_so_and_does_nothing(app: Flask, house: House, clock, caplog) -> None:
    a_dispute(house).in_negotiation()
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM leaf WHERE position = 0"))
    clock.advance(days=40)
    before = verify_log_entries(house)

    with caplog.at_level(logging.INFO, logger="odr.worker"):
        assert not work(app, once=True)

    assert any(record.message == "signing stopped" for record in caplog.records)
    assert verify_log_entries(house) == before
    assert not list((house.settings.instance / "mail").glob("*"))


def verify_log_entries(house: House) -> int:
    with house.engine.connect() as connection:
        return verify_log(connection, house).entries


def test_two_who_integrate_and_sign_at_once_give_each_entry_one_place(house: House) -> None:
    """§4 case 56: as two machines do that share a database, while people act and a key comes in."""
    machines = [create_app(house.settings, house.clock).extensions["odr"] for _ in range(2)]
    done = Event()
    failures: list[BaseException] = []

    def work_on(machine: House) -> None:
        try:
            while not done.is_set():
                seal_all(machine)
        except BaseException as failure:  # shown by the test, which is the outermost edge
            failures.append(failure)

    threads = [Thread(target=work_on, args=(machine,)) for machine in machines]
    for thread in threads:
        thread.start()
    told = a_dispute(house).in_negotiation()
    for step in range(12):
        told.offer(told.seller if step % 2 else told.buyer, "10.00")
        if step == 6:
            add_key(house)
    done.set()
    for thread in threads:
        thread.join()

    assert failures == []
    seal_all(house)
    assert why(house) is None
    assert verify_house(house).findings == []
    for machine in machines:
        machine.engine.dispose()


@pytest.mark.one_database
def test_the_public_page_says_that_the_house_has_stopped(client, house: House) -> None:
    a_dispute(house)
    seal_all(house)
    assert b"This house has stopped" not in client.get("/log").data
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM leaf WHERE position = 0"))
    with pytest.raises(SigningStopped):
        publish(house)

    page = client.get("/log")

    assert page.status_code == 200
    assert b"This house has stopped" in page.data


# -- honest houses --------------------------------------------------------------------------------------------------

STEPS = ("act", "integrate", "publish", "restart", "crash before the copy", "another machine")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), min_size=3, max_size=14))
def test_an_honest_history_never_stops_the_house(house: House, steps: list[str]) -> None:
    """Whatever stops, starts, or dies in between. The histories run on one another, as in one long life."""
    told = a_dispute(house).in_negotiation()
    file = published_file(house.settings)
    for step in steps:
        if step == "act":
            told.offer(told.buyer if len(told.state.offers) % 2 else told.seller, "10.00")
        elif step == "integrate":
            integrate(house)
        elif step == "publish":
            publish(house)
        elif step == "restart":
            house = create_app(house.settings, house.clock).extensions["odr"]
            told.house = house
        elif step == "crash before the copy":
            held = file.read_bytes() if file.exists() else None
            seal_all(house)
            if held is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(held)
        else:
            # A machine that shares the database and never signed has no copy.
            file.unlink(missing_ok=True)
        assert why(house) is None
    seal_all(house)
    assert verify_house(house).findings == []


# -- deeds that are about stopping itself ---------------------------------------------------------------------------


def test_a_reason_that_nobody_knows_stops_the_house_and_is_said_in_a_sentence(house: House) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("INSERT INTO stop (number, since, code, note) VALUES (1, 5, 'gone', '')"))

    with pytest.raises(SigningStopped, match="does not know"):
        seal_all(house)
    with pytest.raises(Refused, match="log_stopped"):
        told.offer(told.seller, "12.00")
    assert any("does not know" in found.sentence for found in doctors_look(house))


@pytest.mark.one_database
def test_a_stop_dated_ahead_ends_once_a_check_finds_the_house_whole(house: House, clock) -> None:
    a_dispute(house)
    seal_all(house)
    with unguarded(house) as connection:
        ahead = {"since": clock() + 365 * 24 * 3_600_000}
        connection.execute(
            text("INSERT INTO stop (number, since, code, note) VALUES (1, :since, 'unsound', '')"), ahead
        )

    with pytest.raises(SigningStopped):
        resume(house)
    said = odr(house, "log", "resume")

    assert (said.exit_code, why(house)) == (0, None), said.output
