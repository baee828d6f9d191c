"""The house's keys: made once, refused when unsafe, and opening nothing that was moved or altered."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.log.keys import (
    WRAPPED_SIZE,
    Keys,
    KeyTrouble,
    Unreadable,
    further_files,
    keys_from,
    load_keys,
    make_keys,
    make_signing_key,
    put_away,
)
from odr.log.note import key_id
from tests.log.books import ORIGIN


def loaded(folder: Path) -> Keys:
    master, signing = make_keys(folder)
    return load_keys(master_key_file=master, signing_key_file=signing)


def some_keys() -> Keys:
    return keys_from(os.urandom(32), os.urandom(32))


KEYS = some_keys()


def test_made_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    master, signing = make_keys(tmp_path / "instance" / "keys")

    assert (tmp_path / "instance" / "keys").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in (master, signing)] == [0o600, 0o600]
    assert sorted(path.name for path in master.parent.iterdir()) == ["master.key", "signing.key"]


def test_keys_are_made_once(tmp_path: Path) -> None:
    first = loaded(tmp_path / "keys")
    wrapped = first.wrap(b"k" * 32, b"place")

    second = loaded(tmp_path / "keys")

    assert second.public_key == first.public_key
    assert second.unwrap(wrapped, b"place") == b"k" * 32


@pytest.mark.parametrize("lost", ["master.key", "signing.key"])
def test_a_lost_key_is_not_silently_replaced(tmp_path: Path, lost: str) -> None:
    make_keys(tmp_path / "keys")
    (tmp_path / "keys" / lost).unlink()

    with pytest.raises(KeyTrouble, match=f"Restore {lost}"):
        make_keys(tmp_path / "keys")
    assert not (tmp_path / "keys" / lost).exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_key_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    master, signing = make_keys(tmp_path / "keys")
    master.chmod(mode)

    with pytest.raises(KeyTrouble, match="other users"):
        load_keys(master_key_file=master, signing_key_file=signing)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "odr-master-key-v1",
        "odr-master-key-v1 ???",
        "odr-master-key-v1 " + base64.b64encode(bytes(range(31))).decode(),
        "odr-signing-key-v1 " + base64.b64encode(bytes(range(32))).decode(),
        "odr-master-key-v1 " + base64.b64encode(bytes(32)).decode(),
        "\xff\xfe",
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, line: str) -> None:
    master, signing = make_keys(tmp_path / "keys")
    master.write_bytes(line.encode("latin-1"))

    with pytest.raises(KeyTrouble):
        load_keys(master_key_file=master, signing_key_file=signing)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyTrouble, match=r"nowhere\.key cannot be read"):
        load_keys(master_key_file=tmp_path / "nowhere.key", signing_key_file=tmp_path / "nowhere.key")


def test_keys_given_in_the_environment_need_no_file(tmp_path: Path) -> None:
    master, signing = os.urandom(32), os.urandom(32)

    keys = load_keys(
        master_key_file=tmp_path / "absent",
        signing_key_file=tmp_path / "absent",
        master_key=base64.b64encode(master).decode() + "\n",
        signing_key=base64.b64encode(signing).decode(),
    )

    assert keys.public_key == keys_from(master, signing).public_key


def test_further_keys_lie_beside_the_first_and_are_never_overwritten(tmp_path: Path) -> None:
    master, signing = make_keys(tmp_path / "keys")

    path, key = make_signing_key(signing, ORIGIN)

    assert path.name == f"signing-{key_id(ORIGIN, key.public_key).hex()}.key"
    assert path.stat().st_mode & 0o777 == 0o600
    keys = load_keys(master_key_file=master, signing_key_file=signing)
    assert [held.public_key for held in keys.signing] == [keys.public_key, key.public_key]
    assert [held.public_key for held in keys.only(key.public_key).signing] == [key.public_key]
    another, _ = make_signing_key(signing, ORIGIN)
    assert another != path
    assert len(further_files(signing)) == 2


def test_the_first_key_may_be_put_away_when_another_is_there(tmp_path: Path) -> None:
    master, signing = make_keys(tmp_path / "keys")
    _, key = make_signing_key(signing, ORIGIN)
    signing.rename(tmp_path / "retired")

    assert make_keys(tmp_path / "keys") == (master, signing)
    assert not signing.exists()
    assert load_keys(master_key_file=master, signing_key_file=signing).public_key == key.public_key


def test_keys_of_a_log_that_is_over_are_kept_under_names_that_nobody_loads(tmp_path: Path) -> None:
    master, signing = make_keys(tmp_path / "keys")
    old = load_keys(master_key_file=master, signing_key_file=signing).public_key
    _, key = make_signing_key(signing, ORIGIN)

    (away,) = put_away(signing, ORIGIN, keep=key.public_key)

    assert away.name == f"former-{key_id(ORIGIN, old).hex()}.key"
    assert away.stat().st_mode & 0o777 == 0o600
    (left,) = load_keys(master_key_file=master, signing_key_file=signing).signing
    assert left.public_key == key.public_key


def test_a_further_key_that_others_may_open_is_refused(tmp_path: Path) -> None:
    master, signing = make_keys(tmp_path / "keys")
    path, _ = make_signing_key(signing, ORIGIN)
    path.chmod(0o640)

    with pytest.raises(KeyTrouble, match="other users"):
        load_keys(master_key_file=master, signing_key_file=signing)


def test_a_key_that_lies_in_two_files_is_one_key(tmp_path: Path) -> None:
    master, signing = make_keys(tmp_path / "keys")
    copy = signing.with_name("signing-00000000.key")
    copy.write_bytes(signing.read_bytes())
    copy.chmod(0o600)

    assert len(load_keys(master_key_file=master, signing_key_file=signing).signing) == 1


def test_where_no_key_can_be_written_the_operator_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyTrouble, match="cannot be written"):
        make_signing_key(tmp_path / "nowhere" / "signing.key", ORIGIN)


@pytest.mark.parametrize("given", ["AAAA", "???", "a b"])
def test_a_key_of_the_environment_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    master, signing = make_keys(tmp_path / "keys")

    with pytest.raises(KeyTrouble):
        load_keys(master_key_file=master, signing_key_file=signing, signing_key=given)


def test_one_secret_is_not_used_twice() -> None:
    secret = os.urandom(32)

    with pytest.raises(KeyTrouble, match="same bytes"):
        keys_from(secret, secret)


@given(data_key=st.binary(min_size=32, max_size=32), context=st.binary(max_size=80))
def test_a_wrapped_key_opens_again(data_key: bytes, context: bytes) -> None:
    wrapped = KEYS.wrap(data_key, context)

    assert len(wrapped) == WRAPPED_SIZE
    assert KEYS.unwrap(wrapped, context) == data_key


@given(context=st.binary(max_size=20), other=st.binary(max_size=20))
def test_a_wrapped_key_opens_in_its_own_place_only(context: bytes, other: bytes) -> None:
    wrapped = KEYS.wrap(b"k" * 32, context)

    if other != context:
        with pytest.raises(Unreadable):
            KEYS.unwrap(wrapped, other)


def test_no_altered_wrapped_key_opens() -> None:
    wrapped = KEYS.wrap(b"k" * 32, b"place")

    for position in range(len(wrapped)):
        altered = bytearray(wrapped)
        altered[position] ^= 1
        with pytest.raises(Unreadable):
            KEYS.unwrap(bytes(altered), b"place")
    for length in range(len(wrapped)):
        with pytest.raises(Unreadable):
            KEYS.unwrap(wrapped[:length], b"place")


def test_a_key_wrapped_by_another_house_is_told_apart_from_a_damaged_one() -> None:
    wrapped = some_keys().wrap(b"k" * 32, b"place")

    with pytest.raises(Unreadable) as refusal:
        KEYS.unwrap(wrapped, b"place")

    assert refusal.value.code == "key_of_another_house"


def test_the_log_recognises_its_own_signature_only() -> None:
    signature = KEYS.sign(b"a checkpoint")

    assert len(signature) == 64
    assert KEYS.verify(b"a checkpoint", signature)
    assert not KEYS.verify(b"another checkpoint", signature)
    assert not KEYS.verify(b"a checkpoint", bytes(64))
    assert not some_keys().verify(b"a checkpoint", signature)


def test_printing_the_keys_shows_no_secret() -> None:
    master, signing = os.urandom(32), os.urandom(32)

    shown = repr(keys_from(master, signing))

    assert repr(master) not in shown
    assert repr(signing) not in shown
    assert "_master" not in shown
