"""Keys that come and go: whoever trusts one of them is led to the others, and nobody else's key ever counts."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import random
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from odr.app import create_app
from odr.config import ConfigError, as_environment, load
from odr.database import one_moment, write_unit
from odr.doctor import examine
from odr.house import House, Settings
from odr.kernel import SYSTEM
from odr.log import offline
from odr.log.chain import Entry
from odr.log.founding import found_anew
from odr.log.halt import SigningStopped, latest_checkpoint, published_file, read_published
from odr.log.integrator import integrate, publish, seal_all
from odr.log.journal import NewFact, append, head_of
from odr.log.keys import KeyTrouble, SigningKey, keys_from, load_keys
from odr.log.note import Rejected, key_id, signature_line, vkey
from odr.log.publication import history_of, publish_files, receipt_of
from odr.log.queries import log_state
from odr.log.rotation import add_key, retire_key
from odr.log.signers import (
    KEY_ADDED,
    KEY_RETIRED,
    NotAtHand,
    Signers,
    fold,
    missing,
    opened,
    signed,
    signers_of,
)
from odr.log.verify import verify_log
from odr.verify import verify_house
from odr.worker import run as work
from tests.builders import a_dispute
from tests.log.books import ORIGIN
from tests.log.test_halt import call_migrated, odr, why
from tests.log.test_tamper import unguarded


def signers(house: House) -> Signers:
    with house.engine.connect() as connection:
        return signers_of(connection, house.origin)


def last(house: House) -> Any:
    with house.engine.connect() as connection:
        return latest_checkpoint(connection)


def signed_by(house: House) -> list[str]:
    """Which keys signed the last checkpoint, in the order of their lines."""
    lines = bytes(last(house).note).decode().partition("\n\n")[2].splitlines()
    return [base64.b64decode(line.split(" ")[2])[:4].hex() for line in lines]


def ids(house: House) -> list[str]:
    return [term.key_id.hex() for term in signers(house).terms]


def codes(house: House) -> set[str]:
    with house.engine.connect() as connection:
        return {finding.code for finding in verify_log(connection, house).findings}


def grow(house: House) -> None:
    a_dispute(house)
    seal_all(house)


def reopened(house: House) -> House:
    house.engine.dispose()
    opened_again: House = create_app(house.settings, house.clock).extensions["odr"]
    return opened_again


def write(house: House, what: str, line: str) -> None:
    """An entry about keys that no command of ours would write."""
    stream = f"log/{house.origin}"

    def unit(connection: Any) -> None:
        fact = NewFact(what, "public", {"key": line})
        append(connection, house, stream, [fact], actor=SYSTEM, at=house.clock(), head=head_of(connection, stream))

    write_unit(house.engine, unit)


# -- a key comes in -------------------------------------------------------------------------------------------------


def test_a_further_key_signs_beside_the_first_from_the_checkpoint_on_that_counts_its_entry(house: House) -> None:
    grow(house)
    before = last(house).number

    line = add_key(house)
    seal_all(house)

    assert len(ids(house)) == 2
    assert signed_by(house) == ids(house)
    assert line == signers(house).terms[1].vkey
    with house.engine.connect() as connection:
        old = connection.execute(text("SELECT note FROM checkpoint WHERE number = :number"), {"number": before}).one()
    assert bytes(old.note).count("—".encode()) == 1
    assert verify_house(house).findings == []


def test_its_file_lies_beside_the_first_for_its_owner_only_and_names_the_key(house: House) -> None:
    first = house.settings.signing_key_file.read_bytes()

    add_key(house)

    (file,) = house.settings.signing_key_file.parent.glob("signing-*.key")
    assert file.name == f"signing-{ids(house)[1]}.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert house.settings.signing_key_file.read_bytes() == first


def test_a_command_that_broke_off_between_file_and_entry_is_taken_up_again(house: House) -> None:
    add_key(house)
    (file,) = house.settings.signing_key_file.parent.glob("signing-*.key")
    other = file.with_name("signing-00000000.key")
    other.write_text(f"odr-signing-key-v1 {base64.b64encode(secrets.token_bytes(32)).decode()}\n")
    other.chmod(0o600)

    add_key(house)

    assert sorted(house.settings.signing_key_file.parent.glob("signing-*.key")) == sorted([file, other])
    assert len(ids(house)) == 3
    seal_all(house)
    assert len(signed_by(house)) == 3


@pytest.mark.one_database
def test_all_keys_that_sign_now_are_told_the_newest_first(house: House, client) -> None:
    first = client.get("/log/key").get_data(as_text=True).splitlines()
    grow(house)
    new = add_key(house)
    assert client.get("/log/key").get_data(as_text=True).splitlines() == first

    seal_all(house)

    assert client.get("/log/key").get_data(as_text=True).splitlines() == [new, *first]
    assert client.get("/log").status_code == client.get("/log/checking").status_code == 200


# -- a key goes -----------------------------------------------------------------------------------------------------


def handed_over(house: House) -> tuple[str, str]:
    """From the first key to a second one, whose checkpoint is signed; answers both."""
    grow(house)
    new = add_key(house)
    seal_all(house)
    old = retire_key(house, signers(house).terms[0].vkey)
    grow(house)
    return old, new


def test_a_retired_key_signs_nothing_that_counts_its_retirement(house: House) -> None:
    handed_over(house)

    assert signed_by(house) == [ids(house)[1]]
    first, second = signers(house).terms
    assert first.until is not None
    assert [term for term in signers(house).at(first.until)] == [first, second]
    assert [term for term in signers(house).at(first.until + 1)] == [second]
    assert verify_house(house).findings == []


def test_a_house_goes_on_when_the_file_of_a_retired_key_was_put_away(house: House) -> None:
    handed_over(house)
    house.settings.signing_key_file.rename(house.settings.instance / "retired")

    again = reopened(house)
    grow(again)

    assert signed_by(again) == [ids(again)[1]]
    assert why(again) is None
    assert verify_house(again).findings == []


@pytest.mark.parametrize("named", ["00000000", "", "evenhand/nobody+00000000+AAAA"])
def test_only_a_key_that_signs_is_retired(house: House, named: str) -> None:
    grow(house)

    with pytest.raises(KeyTrouble, match="No key"):
        retire_key(house, named)


def test_the_only_key_is_not_retired(house: House) -> None:
    grow(house)

    with pytest.raises(KeyTrouble, match="only key"):
        retire_key(house, ids(house)[0])


def test_nobody_goes_before_another_key_has_signed_beside_them(house: House) -> None:
    grow(house)
    add_key(house)
    old, new = ids(house)

    with pytest.raises(KeyTrouble, match="No other key has signed"):
        retire_key(house, old)
    with pytest.raises(KeyTrouble, match="signed no checkpoint yet"):
        retire_key(house, new)

    seal_all(house)
    retire_key(house, old)
    with pytest.raises(KeyTrouble, match="No key"):
        retire_key(house, old)
    with pytest.raises(KeyTrouble, match="only key"):
        retire_key(house, new)


# -- a key that is not at hand --------------------------------------------------------------------------------------


def test_without_a_key_that_has_to_sign_acts_go_on_and_wait_for_their_checkpoint(app, house: House, caplog) -> None:
    grow(house)
    add_key(house)
    seal_all(house)
    (file,) = house.settings.signing_key_file.parent.glob("signing-*.key")
    file.rename(house.settings.instance / "lost")
    house = reopened(house)
    before = last(house).number

    told = a_dispute(house).in_negotiation()
    integrate(house)
    with pytest.raises(NotAtHand, match=ids(house)[1]):
        publish(house)

    assert why(house) is None
    assert last(house).number == before
    told.offer(told.buyer, "10.00")
    with house.engine.connect() as connection:
        state = log_state(connection, house)
    assert state.halt is None
    assert state.waiting > 1
    assert state.waits_since is not None
    call_migrated(house)
    grave = [found.sentence for found in examine(house.settings) if found.grave and not found.ok]
    assert any(ids(house)[1] in sentence for sentence in grave)
    assert not work(app, once=True)
    assert any(record.message == "a key is not at hand" for record in caplog.records)
    assert verify_house(house).findings == []

    # Found again, without starting anything anew.
    (house.settings.instance / "lost").rename(file)
    seal_all(house)
    assert signed_by(house) == ids(house)


def test_a_key_that_was_lost_for_good_is_retired_and_the_other_goes_on(house: House) -> None:
    grow(house)
    add_key(house)
    seal_all(house)
    lost = ids(house)[0]
    house.settings.signing_key_file.unlink()
    house = reopened(house)
    a_dispute(house)
    integrate(house)
    with pytest.raises(NotAtHand):
        publish(house)

    retire_key(house, lost)
    seal_all(house)

    assert signed_by(house) == [ids(house)[1]]
    assert verify_house(house).findings == []


def test_a_key_lost_before_it_ever_signed_is_retired(house: House) -> None:
    grow(house)
    add_key(house)
    (file,) = house.settings.signing_key_file.parent.glob("signing-*.key")
    file.unlink()
    integrate(house)
    with pytest.raises(NotAtHand):
        publish(house)

    retire_key(house, ids(house)[1])
    seal_all(house)

    assert signed_by(house) == [ids(house)[0]]
    assert verify_house(house).findings == []


# -- whoever dies in between ----------------------------------------------------------------------------------------


def test_two_keys_and_a_death_between_signing_and_copying(house: House) -> None:
    """§4 case 57 with two keys: what lies outside was signed by one key only, and is still the log's."""
    grow(house)
    outside = published_file(house.settings).read_bytes()
    add_key(house)
    seal_all(house)
    retire_key(house, ids(house)[0])
    seal_all(house)
    house.settings.signing_key_file.unlink()
    published_file(house.settings).write_bytes(outside)

    house = reopened(house)
    a_dispute(house)
    seal_all(house)

    assert why(house) is None
    assert verify_house(house).findings == []
    assert read_published(house.settings) == bytes(last(house).note)


# -- keys that are not the log's ------------------------------------------------------------------------------------


def stranger() -> SigningKey:
    """Somebody with a key of their own."""
    return keys_from(os.urandom(32), os.urandom(32)).signing[0]


def signed_alone(house: House, key: SigningKey) -> bytes:
    """The last checkpoint, signed by this key only, under the name of the log."""
    content = bytes(last(house).note).partition(b"\n\n")[0] + b"\n"
    return content + b"\n" + signature_line(content, house.origin, key_id(house.origin, key.public_key), key.sign)


def test_a_thief_who_signs_with_a_key_of_their_own_is_not_believed(house: House) -> None:
    """§4 case 33: the same name and another key."""
    grow(house)
    forged = signed_alone(house, stranger())

    with pytest.raises(Rejected, match="no_known_signature"):
        opened(forged, signers(house))
    with unguarded(house) as connection:
        connection.execute(text("UPDATE checkpoint SET note = :note"), {"note": forged})
    assert "checkpoint_malformed" in codes(house)
    with pytest.raises(SigningStopped):
        seal_all(house)


def test_a_thief_who_rewrites_the_whole_log_with_a_key_of_their_own_is_found(house: House, tmp_path: Path) -> None:
    """§4 case 33: everything in the database is the thief's, the founding and each signature, and only the key that
    lies outside it tells."""
    grow(house)
    theirs = tmp_path / "theirs"
    thieves = house.settings.signing_key_file
    thieves.rename(tmp_path / "ours")
    thieves.write_text(f"odr-signing-key-v1 {base64.b64encode(os.urandom(32)).decode()}\n")
    thieves.chmod(0o600)
    published_file(house.settings).rename(theirs)

    house = reopened(house)

    assert "checkpoint_malformed" in codes(house)
    with pytest.raises(SigningStopped) as stopped:
        seal_all(house)
    assert stopped.value.code == "foreign"


def test_a_line_with_the_id_of_our_key_and_another_signature_spoils_the_note(house: House) -> None:
    """§4 case 34."""
    grow(house)
    add_key(house)
    seal_all(house)
    thief = stranger()
    content = bytes(last(house).note).partition(b"\n\n")[0] + b"\n"
    ours = signers(house).terms[1].key_id

    with pytest.raises(Rejected, match="bad_signature"):
        opened(bytes(last(house).note) + signature_line(content, house.origin, ours, thief.sign), signers(house))


def test_a_key_with_the_id_of_an_earlier_one_never_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """§4 case 34: nobody could tell whose signature a line is."""
    first, second = (keys_from(os.urandom(32), os.urandom(32)).public_key for _ in range(2))
    monkeypatch.setattr("odr.log.signers.key_id", lambda name, public_key: b"same")

    known = fold(ORIGIN, [(about("log_founded", 1, first), 0), (about(KEY_ADDED, 2, second), 3)])

    assert [term.public_key for term in known.terms] == [first]


def test_a_key_brought_in_without_the_old_ones_signature_never_signs(house: House) -> None:
    """§4 case 36: whoever writes to the database can bring in a key; ours does not sign over it, since all keys have
    to, and theirs is not at hand."""
    grow(house)
    write(house, KEY_ADDED, vkey(house.origin, stranger().public_key))
    write(house, KEY_RETIRED, signers(house).terms[0].vkey)
    integrate(house)

    with pytest.raises(NotAtHand):
        publish(house)
    assert len(signed_by(house)) == 1


def test_where_no_key_is_left_the_operator_is_told_and_the_log_founded_anew(house: House) -> None:
    """§4 case 36: retired by somebody who writes to the database."""
    grow(house)
    write(house, KEY_RETIRED, signers(house).terms[0].vkey)
    integrate(house)

    with pytest.raises(NotAtHand, match="found-anew"):
        publish(house)

    call_migrated(house)
    assert any("found-anew" in found.sentence for found in examine(house.settings) if found.grave and not found.ok)
    new = found_anew(house, stolen=True)
    grow(new)
    assert verify_house(new).findings == []


def test_a_new_key_alone_is_not_believed_by_whoever_trusts_the_old_one(house: House, tmp_path: Path) -> None:
    """§4 case 36: no checkpoint that both signed, so no history leads from one to the other."""
    grow(house)
    trusted = signers(house).terms[0].vkey
    receipt = history(house).split(b"\n\n")[0] + b"\n\n" + signed_alone(house, stranger())
    (tmp_path / "forged").write_bytes(receipt)
    (tmp_path / "history").write_bytes(history(house) + receipt)

    told = verified("receipt", tmp_path / "forged", "--history", tmp_path / "history", "--key", trusted)

    assert told["verdict"] == "cannot_tell"


def test_a_retired_key_that_signs_a_later_size_is_not_believed(house: House, tmp_path: Path) -> None:
    """§4 case 37, by the house and by whoever trusts the old key and has the history."""
    old_key = load_keys(
        master_key_file=house.settings.master_key_file, signing_key_file=house.settings.signing_key_file
    ).signing[0]
    old, _ = handed_over(house)
    content = bytes(last(house).note).partition(b"\n\n")[0] + b"\n"
    forged = (
        content + b"\n" + signature_line(content, house.origin, key_id(house.origin, old_key.public_key), old_key.sign)
    )

    with pytest.raises(Rejected, match="no_known_signature"):
        opened(forged, signers(house))
    (tmp_path / "history").write_bytes(history(house))
    (tmp_path / "forged").write_bytes(newest_receipt(house).partition(b"\n\n")[0] + b"\n\n" + forged)
    told = verified("receipt", tmp_path / "forged", "--history", tmp_path / "history", "--key", old)
    assert told["verdict"] != "sound"
    with unguarded(house) as connection:
        connection.execute(
            text("UPDATE checkpoint SET note = :note WHERE number = :number"),
            {"note": forged, "number": last(house).number},
        )
    assert "checkpoint_malformed" in codes(house)
    with pytest.raises(SigningStopped):
        seal_all(house)


@pytest.mark.parametrize("way", ["moved to an earlier place", "dated back"])
def test_a_rotation_that_was_put_earlier_is_found(house: House, way: str) -> None:
    """§4 case 38: from which size a key signs is a place in the signed tree, and no date."""
    grow(house)
    grow(house)
    add_key(house)
    seal_all(house)
    place = signers(house).terms[1].since
    with unguarded(house) as connection:
        if way == "dated back":
            connection.execute(text("UPDATE entry SET at = at - 1000 WHERE type = 'key_added'"))
        else:
            for statement in (
                "UPDATE leaf SET position = 100000 WHERE position = 2",
                f"UPDATE leaf SET position = 2 WHERE position = {place}",
                f"UPDATE leaf SET position = {place} WHERE position = 100000",
            ):
                connection.execute(text(statement))

    found = codes(house)

    assert found & {"checkpoint_root_differs", "entry_column_differs"}
    assert (way == "dated back") == (found == {"entry_column_differs"})


def test_what_a_stolen_key_signs_over_another_history_is_proof_against_it(house: House, tmp_path: Path) -> None:
    """§4 case 35: the key is the right one, and only a checkpoint kept elsewhere tells; the kept one and the new one
    are both saved as evidence."""
    grow(house)
    folder, state = tmp_path / "log", tmp_path / "state"
    with one_moment(house.engine) as connection:
        publish_files(connection, house, folder)
    key = signers(house).terms[0].vkey
    assert verified("follow", folder, "--state", state, "--key", key)["verdict"] == "sound"
    size = last(house).size
    rewritten = f"{house.origin}\n{size}\n{base64.b64encode(bytes(32)).decode()}\n".encode()
    forged = signed(rewritten, size, signers(house), house.keys)
    (folder / "checkpoint").write_bytes(forged)

    told = verified("follow", folder, "--state", state, "--key", key)

    assert told["verdict"] == "tampered"
    published_file(house.settings).write_bytes(forged)
    with pytest.raises(SigningStopped):
        publish(house)


# -- the history ----------------------------------------------------------------------------------------------------


def history(house: House) -> bytes:
    with house.engine.connect() as connection:
        return history_of(connection, house)


def newest_receipt(house: House) -> bytes:
    with house.engine.connect() as connection:
        row = connection.execute(text("SELECT stream, ver FROM leaf ORDER BY position DESC LIMIT 1")).one()
        found = receipt_of(connection, row.stream, row.ver)
    assert found is not None
    return found


def verified(*words: object) -> dict[str, Any]:
    """What the verifier says that everybody is given."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        offline.main([*map(str, words), "--json"])
    told: dict[str, Any] = json.loads(said.getvalue())
    return told


def test_whoever_trusts_any_key_is_led_to_the_others_by_the_history(house: House, tmp_path: Path) -> None:
    old, new = handed_over(house)
    (tmp_path / "history").write_bytes(history(house))
    (tmp_path / "receipt").write_bytes(newest_receipt(house))

    assert verified("receipt", tmp_path / "receipt", "--key", new)["verdict"] == "sound"
    assert verified("receipt", tmp_path / "receipt", "--key", old)["verdict"] == "cannot_tell"
    for key in (old, new):
        told = verified("receipt", tmp_path / "receipt", "--key", key, "--history", tmp_path / "history")
        assert (told["verdict"], told["findings"]) == ("sound", [])


@pytest.mark.one_database
def test_the_history_is_public_and_lies_in_every_log_that_is_handed_out(house: House, client, tmp_path: Path) -> None:
    assert client.get("/log/history").status_code == 404
    old, _ = handed_over(house)
    with one_moment(house.engine) as connection:
        publish_files(connection, house, tmp_path / "log")

    answer = client.get("/log/history")

    assert answer.data == (tmp_path / "log" / "history").read_bytes()
    assert "public" in answer.headers["Cache-Control"]
    told = verified("log", tmp_path / "log", "--key", old)
    assert (told["verdict"], told["findings"]) == ("sound", [])


# -- the fold -------------------------------------------------------------------------------------------------------


def about(what: str, version: int, public_key: bytes) -> Any:
    stream = f"log/{ORIGIN}"
    return Entry(
        origin=ORIGIN, stream=stream, version=version, type=what, at=0, clock="real", actor="system", role="system",
        reach="public", prev="0" * 64, nonce="0" * 32, act="", data={"key": vkey(ORIGIN, public_key)}, commit={},
    )  # fmt: skip


POOL = [keys_from(os.urandom(32), bytes([seed]) * 20 + bytes(range(12))).public_key for seed in range(1, 5)]


@given(
    st.lists(st.tuples(st.sampled_from([KEY_ADDED, KEY_RETIRED]), st.integers(0, 3), st.integers(1, 4)), max_size=12)
)
def test_a_key_signs_once_above_the_place_that_brought_it_in_and_not_above_the_one_that_retired_it(changes) -> None:
    told, position = [(about("log_founded", 1, POOL[0]), 0)], 0
    for version, (what, which, gap) in enumerate(changes, 2):
        position += gap
        told.append((about(what, version, POOL[which]), position))

    known = fold(ORIGIN, told)

    for size in range(position + 3):
        # Said again in another way: walk over the entries that this size counts.
        serving, seen = [], set()
        for entry, place in told:
            key = POOL[[vkey(ORIGIN, one) for one in POOL].index(entry.data["key"])]
            if place < size and entry.type == KEY_RETIRED and key in serving:
                serving.remove(key)
            elif place < size and entry.type != KEY_RETIRED and key not in seen:
                serving.append(key)
                seen.add(key)
        assert [term.public_key for term in known.at(size)] == serving


def test_what_says_nothing_sound_of_a_key_is_passed_over() -> None:
    founded = about("log_founded", 1, POOL[0])
    others = [
        about("log_founded", 2, POOL[1]),
        about(KEY_ADDED, 1, POOL[1]),
        about("log_resumed", 3, POOL[1]),
        replace(about(KEY_ADDED, 3, POOL[1]), data={"key": "evenhand/nobody"}),
        replace(about(KEY_ADDED, 3, POOL[1]), data={"key": 5}),
        replace(about(KEY_ADDED, 3, POOL[1]), data={"key": vkey("evenhand/" + "f" * 32, POOL[1])}),
        replace(about(KEY_ADDED, 3, POOL[1]), stream="dispute/" + "0" * 32),
    ]

    known = fold(ORIGIN, [(founded, 0), *((other, place) for place, other in enumerate(others, 1))])

    assert [term.public_key for term in known.terms] == [POOL[0]]
    assert missing(known, 9, keys_from(os.urandom(32), os.urandom(32))) == list(known.terms)


# -- secrets of the environment -------------------------------------------------------------------------------------


def test_keys_may_come_from_the_environment_and_are_written_nowhere(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    master, *signing = (base64.b64encode(os.urandom(32)).decode() for _ in range(3))
    given = {"ODR_INSTANCE": str(tmp_path), "ODR_MASTER_KEY": master, "ODR_SIGNING_KEY": " ".join(signing)}

    read = load(given)

    assert (read.master_key, read.signing_key) == (master, " ".join(signing))
    for secret in (master, *signing):
        assert secret not in repr(read)
        assert secret not in str(as_environment(read))
    (tmp_path / "settings.toml").write_text(f'signing_key = "{signing[0]}"')
    with pytest.raises(ConfigError, match="signing_key"):
        load({"ODR_SETTINGS": str(tmp_path / "settings.toml")})


def test_a_key_of_the_environment_comes_in_and_goes(settings: Settings, clock) -> None:
    master, *signing = (base64.b64encode(os.urandom(32)).decode() for _ in range(3))
    house: House = create_app(replace(settings, master_key=master, signing_key=signing[0]), clock).extensions["odr"]
    grow(house)
    with pytest.raises(KeyTrouble, match="ODR_SIGNING_KEY"):
        add_key(house)
    house.engine.dispose()

    house = create_app(replace(settings, master_key=master, signing_key=" ".join(signing)), clock).extensions["odr"]
    add_key(house)
    seal_all(house)
    assert signed_by(house) == ids(house)
    retire_key(house, ids(house)[0])
    house.engine.dispose()
    house = create_app(replace(settings, master_key=master, signing_key=signing[1]), clock).extensions["odr"]
    grow(house)

    assert signed_by(house) == [ids(house)[1]]
    assert not settings.signing_key_file.parent.exists()
    assert verify_house(house).findings == []
    house.engine.dispose()


# -- the command ----------------------------------------------------------------------------------------------------


def test_the_operator_brings_in_lists_and_retires_keys(house: House) -> None:
    grow(house)

    added = odr(house, "key", "add")
    assert added.exit_code == 0, added.output
    first, second = ids(house)
    assert signers(house).terms[1].vkey in added.output
    assert "signs from the next checkpoint on" in odr(house, "key", "list").output.splitlines()[1]
    refused = odr(house, "key", "retire", first)
    assert refused.exit_code == 1
    assert "No other key has signed" in refused.output
    seal_all(house)

    assert odr(house, "key", "retire", first).exit_code == 0
    assert "signs no more from the next checkpoint on" in odr(house, "key", "list").output.splitlines()[0]
    seal_all(house)

    listed = odr(house, "key", "list").output.splitlines()
    assert "signed from 1 to" in listed[0]
    assert listed[1].startswith(second)


def test_a_key_that_was_lost_before_it_signed_is_listed_as_one_that_never_did(house: House) -> None:
    grow(house)
    add_key(house)
    (file,) = house.settings.signing_key_file.parent.glob("signing-*.key")
    file.unlink()
    second = ids(house)[1]
    retired = odr(house, "key", "retire", second)
    assert retired.exit_code == 0, retired.output
    seal_all(house)

    first, listed = odr(house, "key", "list").output.splitlines()

    assert listed.startswith(f"{second}  never signed")
    assert "signs from 1 entries on" in first


# -- honest houses --------------------------------------------------------------------------------------------------

STEPS = ("act", "publish", "add", "retire the oldest", "restart", "crash before the copy")


@pytest.mark.one_database
def test_honest_changes_of_keys_never_raise_an_alarm(house: House) -> None:
    """Whatever comes and goes in between."""
    drawn = random.Random(7)
    told = a_dispute(house).in_negotiation()
    file = published_file(house.settings)
    for _ in range(120):
        step = drawn.choice(STEPS)
        if step == "act":
            told.offer(told.buyer if len(told.state.offers) % 2 else told.seller, "10.00")
        elif step == "publish":
            seal_all(house)
        elif step == "add" and len(signers(house).at(10**9)) < 5:
            add_key(house)
        elif step == "retire the oldest":
            oldest = next(term for term in signers(house).terms if not term.retired)
            try:
                retire_key(house, oldest.key_id.hex())
            except KeyTrouble:
                continue
        elif step == "restart":
            house = reopened(house)
            told.house = house
        elif step == "crash before the copy" and file.exists():
            held = file.read_bytes()
            seal_all(house)
            file.write_bytes(held)
        assert why(house) is None
    seal_all(house)
    assert verify_house(house).findings == []
    assert len(ids(house)) > 5
