"""The entry: its canonical bytes, the hash that chains it, and the commitments to words kept elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

SCHEMA = 1
LARGEST_ENTRY = 65_535
"""Bytes of the longest entry: tiles of entries give lengths in two bytes (C2SP tlog-tiles)."""

LARGEST_INTEGER = 2**53 - 1
DEEPEST = 16
SALT_SIZE = 32
GENESIS = "0" * 64
"""What the first entry of a stream names as its predecessor."""

CLOCKS = frozenset({"real", "simulated", "bulk"})
ROLES = frozenset({"buyer", "seller", "mediator", "registrar", "regulator", "admin", "auditor", "person", "system"})
CLASSES = frozenset({"parties", "mediator", "wall", "buyer", "seller", "public", "person", "staff"})

_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"evenhand/[0-9a-f]{32}")
_STREAM = re.compile(r"(?:dispute|account|mediator|round|access|auditor)/[0-9a-f]{32}")
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_BOM = b"\xef\xbb\xbf"

_KEYS = frozenset("v log stream ver type at clock actor role class prev nonce act data commit".split())


class Malformed(ValueError):
    """Bytes or fields that the log format does not allow; `code` names the rule broken (docs/log-format.md)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact of one stream, as the log holds it: no personal text, only codes, amounts and commitments.

    `version` counts 1, 2, 3… within the stream; `at` is in milliseconds since 1970 UTC; `reach` is written
    `class`; `prev`, `act` and the values of `commit` are 64 hex digits, `nonce` is 32.
    """

    origin: str
    stream: str
    version: int
    type: str
    at: int
    clock: str
    actor: str
    role: str
    reach: str
    prev: str
    nonce: str
    act: str
    data: dict[str, Any]
    commit: dict[str, str]


def encode(entry: Entry) -> bytes:
    """The canonical bytes of an entry, to be stored and hashed as they are. Raises Malformed."""
    _require_fields(entry)
    _require_profile(entry.data, DEEPEST - 1)
    raw = _write(
        {
            "v": SCHEMA,
            "log": entry.origin,
            "stream": entry.stream,
            "ver": entry.version,
            "type": entry.type,
            "at": entry.at,
            "clock": entry.clock,
            "actor": entry.actor,
            "role": entry.role,
            "class": entry.reach,
            "prev": entry.prev,
            "nonce": entry.nonce,
            "act": entry.act,
            "data": entry.data,
            "commit": entry.commit,
        }
    )
    _require(len(raw) <= LARGEST_ENTRY, "too_long")
    return raw


def entry_of(fields: dict[str, Any]) -> Entry:
    """The entry that a JSON object says, for objects this log wrote itself. For anybody else's bytes use `check`."""
    return Entry(
        origin=fields["log"],
        stream=fields["stream"],
        version=fields["ver"],
        type=fields["type"],
        at=fields["at"],
        clock=fields["clock"],
        actor=fields["actor"],
        role=fields["role"],
        reach=fields["class"],
        prev=fields["prev"],
        nonce=fields["nonce"],
        act=fields["act"],
        data=fields["data"],
        commit=fields["commit"],
    )


def check(raw: bytes) -> Entry:
    """The entry in bytes of unknown make. Raises Malformed unless `encode` could have written exactly these."""
    fields = parse(raw)
    _require(not fields.keys() - _KEYS, "unknown_field")
    _require(not _KEYS - fields.keys(), "missing_field")
    _require(type(fields["v"]) is int and fields["v"] == SCHEMA, "bad_v")
    entry = entry_of(fields)
    _require_fields(entry)
    return entry


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of a JSON value within our profile: ASCII keys, integers below 2^53, no floats, well-formed
    text, at most 16 levels. Raises Malformed."""
    _require_profile(value, DEEPEST)
    return _write(value)


def parse(raw: bytes) -> dict[str, Any]:
    """The object in canonical bytes. Raises Malformed when they are too long, are not JSON of our profile, or are
    not the one canonical spelling of what they say."""
    _require(len(raw) <= LARGEST_ENTRY, "too_long")
    _require(not raw.startswith(_BOM), "bom")
    value = _read(raw)
    if not isinstance(value, dict):
        raise Malformed("not_object")
    _require(canonical(value) == raw, "not_canonical")
    return value


def leaf_hash(raw: bytes) -> bytes:
    """The hash of an entry as a leaf of the tree (RFC 6962 §2.1), 32 bytes; in hex it is the next entry's `prev`."""
    return hashlib.sha256(b"\x00" + raw).digest()


def commitment(salt: bytes, origin: str, stream: str, version: int, name: str, payload: bytes) -> str:
    """What an entry says, in 64 hex digits, about words it does not hold. Raises ValueError unless `salt` has 32 bytes.

    Hiding while the salt is secret, binding for ever; its place is part of it, so it fits no other entry.
    """
    # A key longer than a block is hashed and a shorter one padded, so salts of other sizes could open alike.
    if len(salt) != SALT_SIZE:
        raise ValueError("a salt has 32 bytes")
    message = b"".join(
        (_lp(b"odr/commit/v1"), _lp(origin), _lp(stream), version.to_bytes(8, "big"), _lp(name), _lp(payload))
    )
    return hmac.digest(salt, message, "sha256").hex()


def opens(entry: Entry, name: str, salt: bytes, payload: bytes) -> bool:
    """Whether `payload` under `salt` is what the entry committed to as `name`."""
    if name not in entry.commit or len(salt) != SALT_SIZE:
        return False
    opened = commitment(salt, entry.origin, entry.stream, entry.version, name, payload)
    return hmac.compare_digest(opened, entry.commit[name])


def body_mac(salt: bytes, body: object) -> bytes:
    """The keyed digest, 32 bytes, of what an act was given: equal for the same request sent twice. Raises Malformed
    unless `body` is JSON of our profile, ValueError unless `salt` has 32 bytes."""
    if len(salt) != SALT_SIZE:
        raise ValueError("a salt has 32 bytes")
    return hmac.digest(salt, _lp(b"odr/body/v1") + _lp(canonical(body)), "sha256")


def act_digest(*, origin: str, stream: str, actor: str, key: str, salt: bytes, body_mac: bytes) -> bytes:
    """The digest, 32 bytes, of an act; in hex it is the `act` of every entry the act made."""
    parts = (b"odr/act/v1", origin, stream, actor, key, salt, body_mac)
    return hashlib.sha256(b"".join(_lp(part) for part in parts)).digest()


def _lp(part: str | bytes) -> bytes:
    # Every part carries its length, so that no two lists of parts give the same bytes.
    plain = part.encode() if isinstance(part, str) else part
    return len(plain).to_bytes(8, "big") + plain


def _require(holds: bool, code: str) -> None:
    if not holds:
        raise Malformed(code)


def _require_fields(entry: Entry) -> None:
    _require(_fits(_ORIGIN, entry.origin), "bad_log")
    _require(_fits(_STREAM, entry.stream) or entry.stream == f"log/{entry.origin}", "bad_stream")
    _require(_is_count(entry.version) and entry.version > 0, "bad_ver")
    _require(_fits(_TYPE, entry.type), "bad_type")
    _require(_is_count(entry.at), "bad_at")
    _require(_is_one_of(CLOCKS, entry.clock), "bad_clock")
    _require(entry.actor == "system" or _fits(_HEX32, entry.actor), "bad_actor")
    _require(_is_one_of(ROLES, entry.role), "bad_role")
    _require(_is_one_of(CLASSES, entry.reach), "bad_class")
    _require(_fits(_HEX64, entry.prev) and (entry.prev == GENESIS) == (entry.version == 1), "bad_prev")
    _require(_fits(_HEX32, entry.nonce), "bad_nonce")
    _require(entry.act == "" or _fits(_HEX64, entry.act), "bad_act")
    _require(isinstance(entry.data, dict), "bad_data")
    _require(isinstance(entry.commit, dict) and all(map(_is_commitment, entry.commit.items())), "bad_commit")


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_INTEGER


def _is_one_of(words: frozenset[str], value: object) -> bool:
    return isinstance(value, str) and value in words


def _is_commitment(item: tuple[object, object]) -> bool:
    name, value = item
    return _fits(_NAME, name) and _fits(_HEX64, value)


def _require_profile(value: object, levels: int) -> None:
    """Refuse what RFC 8785 and every JSON reader would not agree about; `levels` of nesting are left."""
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        _require(-LARGEST_INTEGER <= value <= LARGEST_INTEGER, "integer_too_large")
        return
    _require(not isinstance(value, float), "float")
    _require(isinstance(value, dict | list | tuple), "not_json")
    _require(levels > 0, "too_deep")
    if isinstance(value, dict):
        for key, held in value.items():
            _require(isinstance(key, str) and key.isascii(), "bad_key")
            _require_profile(held, levels - 1)
    elif isinstance(value, list | tuple):
        for held in value:
            _require_profile(held, levels - 1)


_encoder = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)


def _write(value: object) -> bytes:
    # With ASCII keys and no floats, sorted compact JSON is RFC 8785 byte for byte (tests/log/test_chain.py).
    try:
        return _encoder.encode(value).encode()
    except UnicodeEncodeError as broken:
        raise Malformed("surrogate") from broken


def _read(raw: bytes) -> object:
    try:
        text = raw.decode()
    except UnicodeDecodeError as broken:
        raise Malformed("not_utf8") from broken
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as broken:
        raise Malformed("not_json") from broken
    except RecursionError as broken:
        raise Malformed("too_deep") from broken


def _refuse(code: str) -> Callable[[str], NoReturn]:
    def refuse(_: str) -> NoReturn:
        raise Malformed(code)

    return refuse


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    _require(len(found) == len(pairs), "duplicate_key")
    return found


def _integer(digits: str) -> int:
    # Longer than any integer we allow, and int() itself refuses to read a few thousand digits.
    _require(len(digits) <= len(f"-{LARGEST_INTEGER}"), "integer_too_large")
    return int(digits)


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_refuse("float"),
    parse_constant=_refuse("not_a_number"),
)
