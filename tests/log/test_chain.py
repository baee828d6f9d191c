"""Entries have one spelling, are chained by their hashes, and commit to words they do not hold."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from odr.log.chain import (
    DEEPEST,
    GENESIS,
    LARGEST_ENTRY,
    LARGEST_INTEGER,
    Entry,
    Malformed,
    act_digest,
    body_mac,
    canonical,
    check,
    commitment,
    encode,
    entry_of,
    leaf_hash,
    opens,
    parse,
)

SAMPLES = Path(__file__).parent.parent / "samples"
SALT = bytes(range(32))
ORIGIN = "evenhand/0123456789abcdef0123456789abcdef"

ENTRY = Entry(
    origin=ORIGIN,
    stream="dispute/" + "5" * 32,
    version=2,
    type="offer_made",
    at=1_772_442_000_000,
    clock="real",
    actor="6" * 32,
    role="buyer",
    reach="parties",
    prev="7" * 64,
    nonce="8" * 32,
    act="9" * 64,
    data={"offer": 1, "terms": [{"item": 0, "granted": True, "amount": {"currency": "EUR", "minor": 4890}}]},
    commit={"message": "a" * 64},
)

ascii_keys = st.text(st.characters(max_codepoint=0x7F), max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
integers = st.integers(min_value=-LARGEST_INTEGER, max_value=LARGEST_INTEGER)
values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_keys, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(ascii_keys, values, max_size=5)


def refusal(raw: bytes, reader: Any = parse) -> str:
    """The code with which a reader refuses these bytes."""
    with pytest.raises(Malformed) as refused:
        reader(raw)
    return refused.value.code


def nested(levels: int) -> Any:
    """An empty list inside so many others that there are `levels` of them."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


# -- one spelling ------------------------------------------------------------------------------------------------


@given(values)
def test_canonical_bytes_are_those_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(objects)
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert parse(canonical(value)) == value


@given(objects)
def test_any_other_spelling_of_an_object_is_refused(value: dict[str, Any]) -> None:
    padded = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"

    assert refusal(padded) == "not_canonical"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'{"a":{"b":1,"b":2}}', "duplicate_key"),
        (b'{"a":1,"\\u0061":1}', "duplicate_key"),
        (b'{"a":1.0}', "float"),
        (b'{"a":1e2}', "float"),
        (b'{"a":NaN}', "not_a_number"),
        (b'{"a":-Infinity}', "not_a_number"),
        (b'\xef\xbb\xbf{"a":1}', "bom"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\\udfff\\ud800"}', "surrogate"),
        (b'{"a":"\xed\xa0\x80"}', "not_utf8"),
        (b'{"a":"\xff"}', "not_utf8"),
        (b'{"a":9007199254740992}', "integer_too_large"),
        (b'{"a":-9007199254740992}', "integer_too_large"),
        (b'{"a":' + b"9" * 5000 + b"}", "integer_too_large"),
        ('{"ä":1}'.encode(), "bad_key"),
        (b'{"\\u00e4":1}', "bad_key"),
        (b'{"b":1,"a":1}', "not_canonical"),
        (b'{"a": 1}', "not_canonical"),
        (b'{"a":1}\n', "not_canonical"),
        (b'{"a":-0}', "not_canonical"),
        (b'{"a":"\\u0041"}', "not_canonical"),
        (b'{"a":"\\/"}', "not_canonical"),
        (b'{"a":"\\u001F"}', "not_canonical"),
        (b'{"a":01}', "not_json"),
        (b'{"a":"\x1f"}', "not_json"),
        (b'{"a":1}{}', "not_json"),
        (b'{"a":1', "not_json"),
        (b"", "not_json"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "too_deep"),
        (canonical(nested(DEEPEST)).join((b'{"a":', b"}")), "too_deep"),
        (b'{"a":"' + b"x" * (LARGEST_ENTRY - 7) + b'"}', "too_long"),
    ],
)
def test_bytes_outside_the_profile_are_refused(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


def test_the_limits_themselves_are_allowed() -> None:
    longest = b'{"a":"' + b"x" * (LARGEST_ENTRY - 8) + b'"}'

    assert len(longest) == LARGEST_ENTRY
    assert canonical(parse(longest)) == longest
    assert parse(b'{"a":9007199254740991}') == {"a": LARGEST_INTEGER}
    assert parse(canonical({"a": nested(DEEPEST - 1)}))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1.0, "float"),
        (float("nan"), "float"),
        (2**53, "integer_too_large"),
        ({"ä": 1}, "bad_key"),
        ({1: 1}, "bad_key"),
        ("\ud800", "surrogate"),
        (b"bytes", "not_json"),
        ({1, 2}, "not_json"),
        (nested(DEEPEST + 1), "too_deep"),
    ],
)
def test_values_outside_the_profile_are_not_written(value: Any, code: str) -> None:
    assert refusal(value, canonical) == code


# -- entries -----------------------------------------------------------------------------------------------------


def test_an_entry_survives_its_bytes() -> None:
    raw = encode(ENTRY)

    assert entry_of(json.loads(raw)) == ENTRY
    assert check(raw) == ENTRY
    assert raw == rfc8785.dumps(json.loads(raw))


@given(st.dictionaries(ascii_keys, values, max_size=4))
def test_whatever_encode_writes_check_accepts(data: dict[str, Any]) -> None:
    entry = replace(ENTRY, data=data)

    assert check(encode(entry)) == entry


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("origin", "evenhand/0123", "bad_log"),
        ("origin", "example.com/log", "bad_log"),
        ("stream", "dispute/" + "A" * 32, "bad_stream"),
        ("stream", "house/" + "a" * 32, "bad_stream"),
        ("stream", "dispute/" + "a" * 32 + "\n", "bad_stream"),
        ("stream", "log/evenhand/" + "f" * 32, "bad_stream"),
        ("version", 0, "bad_ver"),
        ("version", True, "bad_ver"),
        ("version", 2**53, "bad_ver"),
        ("type", "OfferMade", "bad_type"),
        ("type", "", "bad_type"),
        ("at", -1, "bad_at"),
        ("at", "1772442000000", "bad_at"),
        ("clock", "bent", "bad_clock"),
        ("actor", "buyer", "bad_actor"),
        ("actor", None, "bad_actor"),
        ("role", "judge", "bad_role"),
        ("role", ["buyer"], "bad_role"),
        ("reach", "everybody", "bad_class"),
        ("prev", "7" * 63, "bad_prev"),
        ("prev", GENESIS, "bad_prev"),
        ("nonce", "8" * 64, "bad_nonce"),
        ("act", "9" * 32, "bad_act"),
        ("act", None, "bad_act"),
        ("data", [], "bad_data"),
        ("commit", [], "bad_commit"),
        ("commit", {"message": "A" * 64}, "bad_commit"),
        ("commit", {"Message": "a" * 64}, "bad_commit"),
        ("commit", {"message": {"hash": "a" * 64}}, "bad_commit"),
    ],
)
def test_a_field_outside_the_format_is_neither_written_nor_read(field: str, value: Any, code: str) -> None:
    written = {"origin": "log", "version": "ver", "reach": "class"}.get(field, field)
    stored = json.loads(encode(ENTRY)) | {written: value}

    with pytest.raises(Malformed) as refused:
        encode(replace(ENTRY, **{field: value}))

    assert refused.value.code == code
    # An integer beyond every reader's reach is refused before anybody asks what it stands for.
    raw = json.dumps(stored, sort_keys=True, separators=(",", ":")).encode()
    assert refusal(raw, check) == ("integer_too_large" if value == 2**53 else code)


@pytest.mark.parametrize("field", sorted({field.name for field in fields(Entry)} - {"act", "actor", "commit"}))
def test_no_field_may_be_empty(field: str) -> None:
    with pytest.raises(Malformed):
        encode(replace(ENTRY, **{field: ""}))


@pytest.mark.parametrize("key", sorted(json.loads(encode(ENTRY))))
def test_an_entry_has_all_its_fields_and_no_others(key: str) -> None:
    stored = json.loads(encode(ENTRY))
    lacking = {name: value for name, value in stored.items() if name != key}

    assert refusal(canonical(lacking), check) == "missing_field"
    assert refusal(canonical(stored | {key + "x": 1}), check) == "unknown_field"


@pytest.mark.parametrize("v", [2, 0, True, "1", None])
def test_an_entry_of_another_schema_is_refused(v: Any) -> None:
    stored = json.loads(encode(ENTRY)) | {"v": v}

    assert refusal(canonical(stored), check) == "bad_v"


def test_only_the_first_entry_of_a_stream_has_no_predecessor() -> None:
    first = replace(ENTRY, version=1, prev=GENESIS)

    assert check(encode(first)) == first
    with pytest.raises(Malformed, match="bad_prev"):
        encode(replace(first, prev="7" * 64))


def test_the_log_has_a_stream_of_its_own_and_the_clock_acts_without_an_act() -> None:
    entry = replace(ENTRY, stream=f"log/{ORIGIN}", actor="system", role="system", reach="public", act="", commit={})

    assert check(encode(entry)) == entry


def test_an_entry_is_no_longer_than_a_tile_of_entries_can_hold() -> None:
    room = LARGEST_ENTRY - len(encode(replace(ENTRY, data={"text": ""})))

    longest = encode(replace(ENTRY, data={"text": "x" * room}))

    assert len(longest) == LARGEST_ENTRY
    assert check(longest)
    with pytest.raises(Malformed, match="too_long"):
        encode(replace(ENTRY, data={"text": "x" * (room + 1)}))


@given(st.data())
def test_a_changed_byte_changes_the_leaf_hash_or_the_entry_is_refused(data: st.DataObject) -> None:
    raw = bytearray(encode(ENTRY))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))

    changed = bytes(raw)

    assert leaf_hash(changed) != leaf_hash(encode(ENTRY))
    try:
        assert encode(check(changed)) == changed
    except Malformed as refused:
        assert refused.code


# -- commitments and acts ----------------------------------------------------------------------------------------


def committed(payload: bytes) -> Entry:
    hash_ = commitment(SALT, ENTRY.origin, ENTRY.stream, ENTRY.version, "message", payload)
    return replace(ENTRY, commit={"message": hash_})


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_a_commitment_opens_to_one_payload_only(payload: bytes, other: bytes) -> None:
    entry = committed(payload)

    assert opens(entry, "message", SALT, payload)
    assert opens(entry, "message", SALT, other) == (other == payload)


def test_a_commitment_opens_nowhere_else() -> None:
    entry = committed(b"words")

    assert not opens(replace(entry, version=3), "message", SALT, b"words")
    assert not opens(replace(entry, stream="dispute/" + "4" * 32), "message", SALT, b"words")
    assert not opens(replace(entry, origin="evenhand/" + "4" * 32), "message", SALT, b"words")
    assert not opens(replace(entry, commit={"reason": entry.commit["message"]}), "reason", SALT, b"words")
    assert not opens(entry, "reason", SALT, b"words")
    assert not opens(entry, "message", bytes(32), b"words")


@pytest.mark.parametrize("salt", [b"", SALT[:31], SALT + b"\x00", bytes(64), SALT * 4])
def test_a_salt_of_another_size_opens_nothing(salt: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(salt, ENTRY.origin, ENTRY.stream, 2, "message", b"words")
    with pytest.raises(ValueError, match="32 bytes"):
        body_mac(salt, {})
    assert not opens(committed(b"words"), "message", salt, b"words")


def test_what_an_act_was_given_decides_its_digest() -> None:
    given_ = {"offer": 1, "words": "très bien"}
    mac = body_mac(SALT, given_)

    act = act_digest(origin=ORIGIN, stream=ENTRY.stream, actor=ENTRY.actor, key="a-key", salt=SALT, body_mac=mac)

    assert len(act) == len(mac) == 32
    assert mac == body_mac(SALT, dict(reversed(given_.items())))
    assert mac != body_mac(SALT, given_ | {"offer": 2})
    assert act != act_digest(
        origin=ORIGIN, stream=ENTRY.stream, actor=ENTRY.actor + "a", key="-key", salt=SALT, body_mac=mac
    )


# -- frozen and published bytes ----------------------------------------------------------------------------------


def test_the_frozen_entry_still_reads_hashes_and_opens() -> None:
    sample = json.loads((SAMPLES / "entry-v1.json").read_text())

    raw = sample["raw"].encode()
    entry = check(raw)

    assert encode(entry) == raw
    assert leaf_hash(raw).hex() == sample["leaf_hash"]
    assert opens(entry, sample["name"], bytes.fromhex(sample["salt"]), sample["payload"].encode())
    act_salt = bytes.fromhex(sample["act_salt"])
    mac = body_mac(act_salt, sample["body"])
    assert mac.hex() == sample["body_mac"]
    assert (
        entry.act
        == act_digest(
            origin=entry.origin, stream=entry.stream, actor=entry.actor, key=sample["key"], salt=act_salt, body_mac=mac
        ).hex()
    )


# RFC 8785 allows what our profile does not: floats, keys beyond ASCII, and a list at the top.
OUTSIDE = {"values": "float", "structures": "float", "weird": "bad_key", "french": "bad_key", "arrays": "not_object"}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_published_canonical_json_reads_the_same_or_is_refused(vectors: Path, name: str) -> None:
    given_ = (vectors / "canonical-json" / "input" / f"{name}.json").read_bytes()
    wanted = (vectors / "canonical-json" / "output" / f"{name}.json").read_bytes()

    try:
        assert canonical(json.loads(given_)) == wanted
        assert OUTSIDE.get(name) in (None, "not_object")
    except Malformed as refused:
        assert refused.code == OUTSIDE[name]
    if name in OUTSIDE:
        assert refusal(given_) == OUTSIDE[name]
    else:
        assert canonical(parse(wanted)) == wanted


@pytest.mark.shared
def test_published_hmac_vectors_hold_for_keys_of_a_salts_size(vectors: Path) -> None:
    groups = json.loads((vectors / "hmac_sha256_wycheproof.json").read_text())["testGroups"]
    cases = [case for group in groups if group["keySize"] == 256 and group["tagSize"] == 256 for case in group["tests"]]

    assert cases
    for case in cases:
        tag = hmac.digest(bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]), "sha256")
        assert (tag.hex() == case["tag"]) == (case["result"] == "valid"), case["tcId"]


def test_a_leaf_hash_is_the_one_of_rfc_6962() -> None:
    assert leaf_hash(b"") == hashlib.sha256(b"\x00").digest()
    assert base64.b64encode(leaf_hash(b"")) == b"bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="
