"""A log founded over what is left of another: disputes go on, nothing is hidden, and whoever dies in between leaves one
house or the other."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import DatabaseError

from odr.app import create_app
from odr.database import one_moment
from odr.house import House
from odr.kernel import Refused
from odr.log.founding import NotToBeFounded, found_anew
from odr.log.halt import SigningStopped, latest_checkpoint, published_file, read_published
from odr.log.integrator import integrate, publish, resume, seal_all
from odr.log.journal import found_log, new_origin, origin_of, read_stream
from odr.log.keys import KeysGone, make_keys
from odr.log.publication import history_of, publish_files, receipt_of
from odr.log.rotation import add_key
from odr.log.selfcheck import check_fully
from odr.log.signers import lineage_of, signers_of
from odr.log.tiles import tree_head
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute
from tests.log.test_halt import doctors_look, odr, why
from tests.log.test_rotation import verified
from tests.log.test_tamper import fill_a_tile, unguarded


class Copies:
    """Copies of a whole database, as an operator takes and restores them."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house, self._folder, self._made = house, folder, []
        self._url = make_url(house.settings.database_url)

    def take(self, name: str) -> None:
        self._house.engine.dispose()
        if self._url.get_backend_name() == "sqlite":
            # Nobody works on it, and closing the last connection has written everything into the file.
            shutil.copyfile(self._url.database or "", self._folder / name)
        else:
            self._copy(self._url.database or "", f"{self._url.database}_{name}")
            self._made.append(f"{self._url.database}_{name}")

    def restore(self, name: str) -> None:
        self._house.engine.dispose()
        if self._url.get_backend_name() == "sqlite":
            path = Path(self._url.database or "")
            for held in path.parent.glob(f"{path.name}*"):
                held.unlink()
            shutil.copyfile(self._folder / name, path)
        else:
            self._copy(f"{self._url.database}_{name}", self._url.database or "")

    def _copy(self, source: str, to: str) -> None:
        self._do(f'DROP DATABASE IF EXISTS "{to}" WITH (FORCE)', f'CREATE DATABASE "{to}" TEMPLATE "{source}"')

    def _do(self, *statements: str) -> None:
        server = create_engine(self._url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        server.dispose()

    def forget(self) -> None:
        for name in self._made:
            self._do(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def copies(house: House, tmp_path: Path) -> Iterator[Copies]:
    (tmp_path / "copies").mkdir()
    copies = Copies(house, tmp_path / "copies")
    yield copies
    copies.forget()


def opened(house: House) -> House:
    """The house as the next process opens it."""
    house.engine.dispose()
    again: House = create_app(house.settings, house.clock).extensions["odr"]
    return again


def findings(house: House) -> list[str]:
    return [str(finding) for finding in verify_house(house).findings]


def founding(house: House) -> dict[str, Any]:
    """What the first entry of the present log says."""
    with house.engine.connect() as connection:
        entry = read_stream(connection, f"log/{house.origin}")[0].entry
    return dict(entry.data)


def key_of(house: House) -> str:
    with house.engine.connect() as connection:
        return signers_of(connection, house.origin).terms[-1].vkey


def laid_out(house: House, folder: Path) -> Path:
    with one_moment(house.engine) as connection:
        publish_files(connection, house, folder)
    return folder


@pytest.fixture
def restored(house: House, copies: Copies) -> ADispute:
    """A dispute in negotiation in a house whose database is the copy of this morning: what was offered and signed since
    is lost for good, and the house has stopped."""
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    copies.take("morning")
    told.offer(told.buyer, "10.00")
    seal_all(house)
    copies.restore("morning")
    told.house = opened(house)
    return told


def offered_to_the_end(told: ADispute) -> ADispute:
    return told.offer(told.seller, "24.45").accepted(told.buyer).signed()


# -- the story ------------------------------------------------------------------------------------------------------


def test_a_dispute_goes_on_to_its_end_in_a_log_founded_over_what_is_left(restored: ADispute, tmp_path: Path) -> None:
    """§4 case 55: nothing is signed over a database restored from an older copy, and the way on leaves a trace."""
    old, lost = restored.house, read_published(restored.house.settings)
    old_key = key_of(old)
    with pytest.raises(SigningStopped):
        seal_all(old)
    with old.engine.connect() as connection:
        kept, root = tree_head(connection)
        last = latest_checkpoint(connection).number

    new = found_anew(old)

    assert founding(new)["continues"] == {
        "log": old.origin,
        "kept": kept,
        "root": root.hex(),
        "size": int(lost.splitlines()[1]),
        "note": base64.b64encode(lost).decode(),
        "code": "older",
    }
    house = restored.house = opened(new)
    assert house.origin == new.origin != old.origin
    assert why(house) is None
    offered_to_the_end(restored)
    seal_all(house)
    assert findings(house) == []
    with house.engine.connect() as connection:
        assert latest_checkpoint(connection).number > last
        streams = {held.entry.origin for held in read_stream(connection, f"dispute/{restored.id}")}
        history = history_of(connection, house)
        receipts = [receipt_of(connection, f"dispute/{restored.id}", version) for version in (1, 9)]
    assert streams == {old.origin, new.origin}

    folder = laid_out(house, tmp_path / "log")
    told = verified("log", folder, "--key", key_of(house))
    assert (told["verdict"], told["findings"]) == ("sound", [])
    assert verified("log", folder, "--key", old_key)["verdict"] != "sound"
    (tmp_path / "history").write_bytes(history)
    for receipt in receipts:
        (tmp_path / "receipt").write_bytes(receipt)
        mine = verified("receipt", tmp_path / "receipt", "--key", key_of(house), "--history", tmp_path / "history")
        assert (mine["verdict"], mine["findings"]) == ("sound", [])
    told = verified("receipt", tmp_path / "receipt", "--key", old_key, "--history", tmp_path / "history")
    assert told["verdict"] == "cannot_tell"
    (tmp_path / "receipt").write_bytes(receipts[0])
    told = verified("receipt", tmp_path / "receipt", "--key", key_of(house))
    assert [found["code"] for found in told["findings"]] == ["founding_unknown"]
    taken = odr(house, "export", restored.number, "--for", "buyer", "--output", str(tmp_path / "case.zip"))
    assert taken.exit_code == 0, taken.output
    told = verified("case", tmp_path / "case.zip", "--key", key_of(house))
    assert (told["verdict"], told["findings"]) == ("sound", [])


def test_a_key_that_was_stolen_ends_its_log(house: House, tmp_path: Path) -> None:
    """§4 case 35, what the operator does: the thief's key is not believed from then on, not even by the house."""
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    add_key(house)
    told.offer(told.buyer, "10.00")
    stolen = house.keys

    new = found_anew(house, stolen=True)

    assert founding(new)["continues"]["code"] == "stolen"
    keys = house.settings.signing_key_file.parent
    assert not house.settings.signing_key_file.exists()
    assert len(list(keys.glob("former-*.key"))) == 2
    assert len(list(keys.glob("signing-*.key"))) == 1
    told.house = opened(new)
    assert stolen.public_key not in {key.public_key for key in told.house.keys.signing}
    offered_to_the_end(told)
    seal_all(told.house)
    assert findings(told.house) == []
    assert verified("log", laid_out(told.house, tmp_path / "log"), "--key", key_of(told.house))["verdict"] == "sound"


def test_a_log_whose_only_key_was_lost_goes_on_under_another_name(house: House) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    file = house.settings.signing_key_file
    file.write_text(f"odr-signing-key-v1 {base64.b64encode(os.urandom(32)).decode()}\n")
    stopped = opened(house)
    with pytest.raises(SigningStopped):
        seal_all(stopped)

    new = told.house = opened(found_anew(stopped))

    assert founding(new)["continues"]["code"] == "foreign"
    offered_to_the_end(told)
    seal_all(new)
    assert findings(new) == []


def test_what_waited_for_a_place_gets_it_before_the_new_log_begins(house: House) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    told.offer(told.buyer, "10.00")
    with house.engine.connect() as connection:
        waiting = connection.scalar(text("SELECT count(*) FROM queue"))

    new = found_anew(house, stolen=True)

    with new.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM queue")) == 0
        lineage = lineage_of(connection, new.origin)
        place = connection.scalar(
            text("SELECT position FROM leaf WHERE stream = :stream"), {"stream": f"log/{new.origin}"}
        )
    assert waiting > 0
    assert lineage.logs == ((house.origin, 0), (new.origin, place))
    assert founding(new)["continues"]["kept"] == place
    assert findings(opened(new)) == []


def test_a_log_is_founded_over_one_that_was_founded_over_another(house: House, tmp_path: Path) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    second = told.house = opened(found_anew(house, stolen=True))
    told.offer(told.buyer, "10.00")
    seal_all(second)
    third = told.house = opened(found_anew(second, stolen=True))
    offered_to_the_end(told)
    seal_all(third)

    assert findings(third) == []
    with third.engine.connect() as connection:
        origins = [held.entry.origin for held in read_stream(connection, f"dispute/{told.id}")]
        assert [origin for origin, _ in lineage_of(connection, third.origin).logs] == list(dict.fromkeys(origins))
        assert origin_of(connection) == third.origin
        numbers = list(
            connection.scalars(text("SELECT number FROM former_checkpoint UNION ALL SELECT number FROM checkpoint"))
        )
    assert len(set(numbers)) == len(numbers) >= 4
    assert verified("log", laid_out(third, tmp_path / "log"), "--key", key_of(third))["verdict"] == "sound"


# -- trees that are torn --------------------------------------------------------------------------------------------

WOUNDS = [
    ("DELETE FROM leaf WHERE position > 5", "shrunken"),
    ("DELETE FROM leaf WHERE position = 3", "unsound"),
    ("DELETE FROM leaf WHERE position = 0", "foreign"),
    ("UPDATE leaf SET leaf_hash = (SELECT leaf_hash FROM leaf WHERE position = 0) WHERE position = 3", "unsound"),
    ("DELETE FROM tile WHERE level = 0", "forked"),
    ("UPDATE tile SET root = (SELECT leaf_hash FROM leaf WHERE position = 1) WHERE level = 0", "forked"),
    ("DELETE FROM checkpoint WHERE number = 2", "unsound"),
    ("UPDATE leaf SET ver = ver + 1000 WHERE position = 4", "unsound"),
]


@pytest.mark.parametrize(("wound", "code"), WOUNDS, ids=[wound for wound, _ in WOUNDS])
def test_a_torn_tree_is_built_anew_from_the_entries_that_are_left(
    house: House, wound: str, code: str, tmp_path: Path
) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    fill_a_tile(house)
    with unguarded(house) as connection:
        entries = connection.scalar(text("SELECT count(*) FROM entry"))
        assert connection.execute(text(wound)).rowcount
    # Some wounds lie deep under full tiles, where only the check of the whole house looks.
    with contextlib.suppress(SigningStopped):
        publish(house)
    check_fully(house, verify_house)
    assert why(house) is not None

    new = told.house = opened(found_anew(house))

    continues = founding(new)["continues"]
    assert continues["kept"] == entries
    assert continues["code"] == code
    offered_to_the_end(told)
    seal_all(new)
    assert findings(new) == []
    assert verified("log", laid_out(new, tmp_path / "log"), "--key", key_of(new))["verdict"] == "sound"


def test_the_tables_are_guarded_again(restored: ADispute) -> None:
    new = found_anew(restored.house)

    for statement in ("DELETE FROM leaf", "UPDATE checkpoint SET size = 0", "DELETE FROM tile", "DELETE FROM entry"):
        if "tile" in statement:
            fill_a_tile(opened(new))
        with pytest.raises(DatabaseError, match="append-only"), new.engine.begin() as connection:
            connection.execute(text(statement))


# -- where nothing is founded ---------------------------------------------------------------------------------------


def test_no_log_is_founded_over_one_that_goes_on(house: House) -> None:
    a_dispute(house)
    seal_all(house)

    with pytest.raises(NotToBeFounded, match="has not stopped"):
        found_anew(house)

    assert why(house) is None
    with house.engine.connect() as connection:
        assert origin_of(connection) == house.origin


def test_a_log_that_was_made_whole_is_resumed_and_not_founded_anew(house: House) -> None:
    a_dispute(house).in_negotiation()
    seal_all(house)
    with unguarded(house) as connection:
        row = dict(connection.execute(text("SELECT * FROM leaf WHERE position = 3")).one()._mapping)
        connection.execute(text("DELETE FROM leaf WHERE position = 3"))
    with pytest.raises(SigningStopped):
        seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("INSERT INTO leaf VALUES (:position, :stream, :ver, :leaf_hash)"), row)

    with pytest.raises(NotToBeFounded, match="odr log resume"):
        found_anew(house)
    assert resume(house)


@pytest.mark.parametrize(
    "deed",
    [
        "DELETE FROM entry WHERE stream = :stream AND ver = 3",
        "UPDATE entry SET raw = (SELECT raw FROM entry WHERE stream = :stream AND ver = 2) "
        "WHERE stream = :stream AND ver = 3",
    ],
)
def test_no_log_is_founded_over_entries_that_were_changed_or_lie_apart(house: House, deed: str) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    with unguarded(house) as connection:
        stream = {"stream": f"dispute/{told.id}"}
        connection.execute(text("DELETE FROM payload WHERE stream = :stream AND ver = 3"), stream)
        connection.execute(text(deed), stream)

    with pytest.raises(NotToBeFounded, match="Entries themselves"):
        found_anew(house, stolen=True)

    with house.engine.connect() as connection:
        assert origin_of(connection) == house.origin


def test_a_stop_whose_reason_was_taken_away_is_no_reason_to_go_on(restored: ADispute) -> None:
    """The checkpoint outside is gone; what it said stands in the row that says why the house stopped."""
    with pytest.raises(SigningStopped):
        seal_all(restored.house)
    published_file(restored.house.settings).unlink()

    with pytest.raises(SigningStopped):
        resume(restored.house)
    assert why(restored.house) == "older"


# -- whoever works on in the old log --------------------------------------------------------------------------------


def test_a_process_of_the_log_that_was_given_up_writes_and_signs_nothing(house: House) -> None:
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    new = found_anew(house, stolen=True)
    with new.engine.connect() as connection:
        before = connection.scalar(text("SELECT count(*) FROM entry"))

    with pytest.raises(Refused, match="log_stopped"):
        told.offer(told.buyer, "10.00")
    with pytest.raises(SigningStopped, match="given up"):
        publish(house)
    assert integrate(house) == 0
    with pytest.raises(SigningStopped):
        add_key(house)
    with pytest.raises(NotToBeFounded, match="already"):
        found_anew(house, stolen=True)

    with new.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM entry")) == before
    assert why(new) is None
    assert findings(new) == []


# -- whoever dies ---------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here, as by a signal."""


class Reaper:
    """Ends the process at one of its steps: before a file is named or flushed, and before a commit."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps, self.at = 0, -1
        for name in ("link", "replace", "rename", "fsync"):
            monkeypatch.setattr(os, name, self._stepping(getattr(os, name)))
        event.listen(house.engine, "commit", lambda connection: self.step())

    def _stepping(self, function: Any) -> Any:
        def stepping(*given: Any, **named: Any) -> Any:
            self.step()
            return function(*given, **named)

        return stepping

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed


def test_whoever_dies_leaves_the_old_house_stopped_or_the_new_one_whole(
    restored: ADispute, copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = restored.house
    with pytest.raises(SigningStopped):
        seal_all(old)
    old.engine.dispose()
    copies.take("stopped")
    keep(old, tmp_path)
    seen: list[str] = []
    for at in range(1, 200):
        copies.restore("stopped")
        put_back(old, tmp_path)
        house = opened(old)
        with monkeypatch.context() as patch:
            reaper = Reaper(house, patch)
            reaper.at = at
            try:
                found_anew(house)
            except Killed:
                pass
            else:
                break
        house = opened(house)
        seen.append("old" if house.origin == old.origin else "new")
        if seen[-1] == "old":
            assert why(house) == "older"
            with pytest.raises(SigningStopped):
                resume(house)
            house = opened(found_anew(house))
        assert why(house) is None
        a_dispute(house)
        seal_all(house)
        assert findings(house) == []

    # Each once, in this order, and both of them.
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {"old", "new"}
    assert len(seen) > 8


def keep(house: House, folder: Path) -> None:
    shutil.copytree(house.settings.signing_key_file.parent, folder / "copies" / "keys")
    shutil.copyfile(published_file(house.settings), folder / "copies" / "checkpoint")


def put_back(house: House, folder: Path) -> None:
    shutil.rmtree(house.settings.signing_key_file.parent)
    shutil.copytree(folder / "copies" / "keys", house.settings.signing_key_file.parent)
    shutil.copyfile(folder / "copies" / "checkpoint", published_file(house.settings))


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_operator_is_asked_and_told(restored: ADispute) -> None:
    house = restored.house

    assert odr(house, "log", "found-anew").exit_code == 1
    assert why(house) == "older"
    told = odr(house, "log", "found-anew", "--yes")

    assert told.exit_code == 0, told.output
    new = opened(house)
    assert key_of(new) in told.output
    assert new.origin in told.output
    again = odr(new, "log", "found-anew", "--yes")
    assert again.exit_code == 1
    assert "has not stopped" in again.output
    assert json.loads(odr(new, "verify", "--json").stdout)["findings"] == []


# -- what readers are told ------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(("stolen", "words"), [(True, "had been stolen"), (False, "no longer fitted")])
def test_the_public_page_says_that_the_log_continues_another(house: House, stolen: bool, words: str) -> None:
    a_dispute(house)
    seal_all(house)
    if not stolen:
        with unguarded(house) as connection:
            connection.execute(text("DELETE FROM leaf WHERE position = 1"))
        with pytest.raises(SigningStopped):
            publish(house)
    new = found_anew(house, stolen=stolen)
    app = create_app(new.settings, new.clock)

    page = app.test_client().get("/log").get_data(as_text=True)

    assert words in page
    assert house.origin in page
    assert key_of(new) in page
    app.extensions["odr"].engine.dispose()


@pytest.mark.one_database
def test_the_public_page_says_that_a_checkpoint_is_overdue(house: House, client, clock) -> None:
    a_dispute(house)
    seal_all(house)
    a_dispute(house)
    assert "A checkpoint is overdue" not in client.get("/log").get_data(as_text=True)

    clock.advance(minutes=6)

    assert "A checkpoint is overdue" in client.get("/log").get_data(as_text=True)


# -- a founding that never was --------------------------------------------------------------------------------------


def test_a_log_that_only_seems_given_up_is_said_to_have_stopped(house: House, client) -> None:
    """Whoever can write to the database can keep the house from every act, but not in silence."""
    told = a_dispute(house).in_negotiation()
    seal_all(house)
    with unguarded(house) as connection:
        rows = "SELECT :origin, number, size, signed_at, note FROM checkpoint"
        connection.execute(text(f"INSERT INTO former_checkpoint {rows}"), {"origin": house.origin})
    house = opened(house)

    with pytest.raises(Refused, match="log_stopped"):
        told.offer(told.buyer, "10.00")
    status = client.get("/log/status").json
    assert (status["stopped"], status["sound"]) == ("given_up", False)
    assert any("odr verify" in found.sentence for found in doctors_look(house) if found.grave and not found.ok)
    assert any(f"checkpoints of {house.origin}" in found for found in findings(house))


def test_a_log_founded_with_the_key_of_the_one_before_signs_nothing(house: House) -> None:
    """Whoever can write to the database and the files but has no key would have the house sign a false history."""
    a_dispute(house).in_negotiation()
    seal_all(house)
    false = replace(house, origin=new_origin())
    with unguarded(house) as connection:
        size, root = tree_head(connection)
        note = base64.b64encode(latest_checkpoint(connection).note).decode()
        rows = "SELECT :origin, number, size, signed_at, note FROM checkpoint"
        connection.execute(text(f"INSERT INTO former_checkpoint {rows}"), {"origin": house.origin})
        connection.execute(text("DELETE FROM checkpoint"))
        continues = {"log": house.origin, "kept": size, "root": root.hex(), "size": size, "note": note, "code": "older"}
        found_log(connection, false, continues)
    published_file(house.settings).unlink()
    house = opened(house)
    assert house.origin == false.origin

    with pytest.raises(SigningStopped, match="key of the one before"):
        seal_all(house)

    with house.engine.connect() as connection:
        assert latest_checkpoint(connection) is None
    assert any(found.startswith("founding_differs") and "a key of its own" in found for found in findings(house))


def test_nothing_is_founded_with_the_keys_of_another_house(house: House, tmp_path: Path) -> None:
    """A confused operator has other keys in place, so the house stops with `foreign`."""
    a_dispute(house)
    seal_all(house)
    folder = house.settings.master_key_file.parent
    folder.rename(tmp_path / "own")
    make_keys(folder)
    strangers = opened(house)
    with pytest.raises(SigningStopped, match="not signed with this house's key"):
        seal_all(strangers)

    with pytest.raises(NotToBeFounded, match="master key"):
        found_anew(strangers)

    folder.rename(tmp_path / "others")
    (tmp_path / "own").rename(folder)
    right = opened(house)
    assert resume(right)
    assert findings(right) == []


@pytest.mark.one_database
def test_a_house_whose_key_folder_is_gone_makes_no_new_keys(house: House, tmp_path: Path) -> None:
    a_dispute(house)
    seal_all(house)
    folder = house.settings.master_key_file.parent
    folder.rename(tmp_path / "elsewhere")

    with pytest.raises(KeysGone, match="holds none of its keys"):
        opened(house)
    assert not folder.exists()
    assert any("holds none of its keys" in found.sentence for found in doctors_look(house) if found.grave)

    (tmp_path / "elsewhere").rename(folder)
    assert findings(opened(house)) == []
