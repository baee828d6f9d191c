"""The verifier for everybody: checks receipts and whole logs of Evenhand without trusting Evenhand.

One file of plain Python (3.9 or later), nothing to install, written from docs/log-format.md alone so that it repeats
no mistake of the product. Numbers in brackets, as in [9], are sections there. Read it before you run it:

    python3 evenhand-verify.py receipt FILE --key VKEY        one receipt (.tlog-proof)
    python3 evenhand-verify.py case FILE --key VKEY           a case file: all that one reader may have of a dispute
    python3 evenhand-verify.py log DIR|URL --key VKEY         a whole log: checkpoint, tiles and entries
    python3 evenhand-verify.py follow DIR|URL --key VKEY --state FILE
                                                              whether a log still holds what it held last time

VKEY is the public key of the log; get it by a way that does not lead through whoever gave you the file. A --policy says
which keys and witnesses you trust instead. The program ends with 0 when all is sound, 1 when something was tampered
with, 2 when it cannot tell, 3 when it was called wrongly. It writes nothing but the state FILE of `follow` and, beside
that, evidence of a fork. It runs nothing it reads, and unpacks nothing to disk.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import stat
import struct
import sys
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar, Union

SOUND, TAMPERED, CANNOT_TELL, USAGE = 0, 1, 2, 3

# An older Python would end with a fault of its own, and with 1, as if something had been tampered with.
if sys.version_info < (3, 9):  # noqa: UP036 - this file runs wherever it was taken to
    print("CANNOT TELL. This needs Python 3.9 or later; what ran it is an older one.")
    sys.exit(CANNOT_TELL)

LARGEST_ENTRY = 65_535
LARGEST_INTEGER = 2**53 - 1
LARGEST_SIZE = 2**63 - 1
LARGEST_NOTE = 131_072
LARGEST_RECEIPT = 262_144
LARGEST_MANIFEST = 2 * 1024 * 1024
LARGEST_POLICY = 256 * 1024
LARGEST_HISTORY = 16 * 1024 * 1024
LARGEST_OPENINGS = 64 * 1024 * 1024
DEEPEST = 16
MOST_SIGNATURES = 16
MOST_HASHES = 63
MOST_MEMBERS = 10_000
MOST_FINDINGS = 1_000
WIDTH = 256
PART = 256 * 1024
QUIET, LONGEST = 30, 300  # seconds that somebody may be silent who is asked, and that one answer may take in all
HASH = 32
HEADER = "c2sp.org/tlog-proof@v1"
GENESIS = "0" * 64


class Unsound(Exception):
    """Bytes that break a rule of the format; `code` is the word for it in [13], `where` the place if it has one."""

    def __init__(self, code: str, **where: Any) -> None:
        super().__init__(code)
        self.code, self.where = code, where


class CannotRead(Exception):
    """Something is not there or does not answer, which says nothing about whether the log is sound."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code, self.what = code, what


def require(holds: bool, code: str) -> None:
    if not holds:
        raise Unsound(code)


# -- what is said --------------------------------------------------------------------------------------------------

# Each code with what it ends with and the sentence a reader is told. {idx} counts from 0, {ver} from 1.
TABLE = """
receipt_unknown 2 This file is not a receipt: it does not begin as receipts do.
receipt_malformed 1 The receipt is damaged or was altered ({found}).
case_unknown 2 This file is not a case file: it does not begin as archives do.
archive_malformed 1 The case file is damaged, was altered, or is not made as case files are ({found}).
manifest_malformed 1 The list of what is in the case file is damaged or was altered ({found}).
members_differ 1 The case file and its signed list do not agree on {found}: it was added, taken out or moved.
member_differs 1 What the case file holds as {found} is not what was signed.
receipt_of_another_tree 1 The receipt of entry {ver} does not belong to the case file's checkpoint.
entry_misplaced 1 The receipt in the place of entry {ver} is that of another one, {found}.
hidden_malformed 1 Line {found} of the list of hidden entries is damaged or was altered.
withheld_malformed 1 Line {found} of the list of withheld words is damaged or was altered.
words_missing 1 The words {found} of entry {ver} are not there, and no entry says that they were erased.
file_differs 1 The file {found} is not the one that entry {ver} speaks of.
file_missing 1 The file that entry {ver} speaks of is not there.
checkpoint_missing 2 There is no checkpoint, so there is nothing signed to check against.
checkpoint_not_signed 2 None of the keys you trust signed the checkpoint ({found}).
checkpoint_malformed 1 The checkpoint is damaged, was altered, or is signed falsely ({found}).
checkpoint_of_another_log 1 The checkpoint speaks of another log, {found}.
entry_malformed 1 The entry at place {idx} is not one the log can have written ({found}).
entry_of_another_log 1 The entry at place {idx} belongs to another log, {found}.
founding_unknown 2 The entry at place {idx} was made for another log, {found}; the history says if yours continues it.
entry_not_proven 1 The signed checkpoint does not contain this entry at place {idx} ({found}).
entry_differs 1 The entry at place {idx} is not the one that was signed.
entries_missing 1 The entries from place {idx} on are not there, but the checkpoint counts them.
entries_not_given 2 No entries are given, only hashes; --hashes checks those.
bundle_malformed 1 The bundle of entries from place {idx} on is damaged or was altered.
tile_missing 1 The hashes in {found} are not there.
tile_differs 1 The hashes in {found} are not those of the log that was signed.
root_differs 1 The entries together are not the log that was signed.
stream_gap 1 {stream} should go on with entry {expected}, and entry {ver} follows: one was taken out.
stream_twice 1 {stream} has its entry {ver} a second time, so that there are two versions of it.
stream_prev_differs 1 Entry {ver} of {stream} does not follow the entry that stands before it.
stream_time_goes_back 1 Entry {ver} of {stream} is dated before the entry that it follows.
stream_order_differs 1 Entry {ver} of {stream} stands in the log before the entry that it follows.
hold_malformed 1 Entry {ver} of {stream} lifts a hold that was not in force.
erasure_malformed 1 Entry {ver} of {stream} orders words erased that were never entered ({found}).
erasure_without_right 1 Entry {ver} of {stream} orders words erased that somebody else had entered.
erasure_under_hold 1 Entry {ver} of {stream} orders words erased that had to be kept (entry {found}).
erasure_without_order 1 Entry {ver} of {stream} says that words were erased, and no order is left.
opening_differs 1 The words given as {found} are not those that entry {ver} of {stream} fixed.
opening_unknown 2 Words are given as {found} that no entry {ver} of {stream} here fixed.
openings_malformed 2 Line {found} of the file of words cannot be read.
consent_malformed 1 What is kept of the consent to entry {ver} of {stream} is damaged or was altered.
consent_shown_differs 1 The consent beside entry {ver} of {stream} was given to something else than the entry says.
consent_signature_wrong 1 The signature beside entry {ver} of {stream} does not hold ({found}).
log_shrank 1 The log was signed with {expected} entries, and {found} are shown: some were cut off.
log_forked 1 The log's key signed two histories that contradict each other at {found} entries.
founding_differs 1 The log was founded at place {idx} over other entries than stand before it.
history_malformed 1 The history of keys is damaged or was altered, {expected} ({found}).
history_forked 1 The log's keys signed two histories of keys that contradict each other (entry {ver}).
policy_malformed 2 Line {found} of the policy cannot be followed.
quorum_missing 2 Too few of the witnesses you ask for have signed the checkpoint ({found}).
stale 2 No witness you trust has signed the checkpoint in the last {expected} days ({found}).
state_malformed 2 The state file holds no checkpoint that your key signed ({found}).
unreadable 2 This cannot be read: {found}.
unreachable 2 This does not answer: {found}.
not_saved 2 This cannot be written: {found}.
too_many_findings 1 There is more, which is not listed.
verifier_failed 2 The verifier itself failed ({found}). Please report it.
"""
SENTENCES = {
    code: (int(weight), said) for code, weight, said in (line.split(" ", 2) for line in TABLE.strip().split("\n"))
}

# Refusals that have a finding of their own: the code that would be told of, the refusal, what is told instead.
RENAMED = {
    ("receipt_malformed", "bad_header"): "receipt_unknown",
    ("checkpoint_malformed", "no_known_signature"): "checkpoint_not_signed",
    ("checkpoint_malformed", "not_signed_by_log"): "checkpoint_not_signed",
    ("checkpoint_malformed", "wrong_origin"): "checkpoint_of_another_log",
}
Answer = TypeVar("Answer")


class Finding(NamedTuple):
    """One thing that is wrong or cannot be told, and where."""

    code: str
    idx: int | None = None
    stream: str | None = None
    ver: int | None = None
    expected: str | None = None
    found: str | None = None

    @property
    def sentence(self) -> str:
        return SENTENCES[self.code][1].format(**self._asdict())


class Report:
    """What was found wrong, and what was seen to be so."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.findings: list[Finding] = []
        self.seen: dict[str, Any] = {}

    def find(self, code: str, *, expected: object = None, found: object = None, **where: Any) -> None:
        if len(self.findings) < MOST_FINDINGS:
            told = [None if value is None else harmless(value) for value in (expected, found)]
            self.findings.append(Finding(code, **where, expected=told[0], found=told[1]))
        elif len(self.findings) == MOST_FINDINGS:
            self.findings.append(Finding("too_many_findings"))

    def attempt(self, code: str, read: Callable[..., Answer], *given: Any, **where: Any) -> Answer | None:
        """What `read` answers; where it refuses, None and this finding."""
        try:
            return read(*given)
        except Unsound as refusal:
            self.refused(code, refusal, **where)
            return None

    def refused(self, code: str, refusal: Unsound, **where: Any) -> None:
        """A refusal as a finding with this code, unless it has a code of its own."""
        own = refusal.code if refusal.where else RENAMED.get((code, refusal.code), code)
        self.find(own, **{"found": refusal.code} | where | refusal.where)

    @property
    def status(self) -> int:
        weights = {SENTENCES[finding.code][0] for finding in self.findings}
        return next((weight for weight in (TAMPERED, CANNOT_TELL) if weight in weights), SOUND)

    @property
    def verdict(self) -> str:
        return ("sound", "tampered", "cannot_tell")[self.status]

    def as_json(self) -> str:
        found = [{**finding._asdict(), "sentence": finding.sentence} for finding in self.findings]
        return json.dumps({"mode": self.mode, "verdict": self.verdict, "seen": self.seen, "findings": found}, indent=2)

    def as_text(self) -> str:
        lines = [f"{finding.code}: {finding.sentence}" for finding in self.findings]
        lines += [f"  {name}: {harmless(value, 2_000)}" for name, value in self.seen.items()]
        sound = "first" if self.seen.get("size_before", 0) is None else self.mode
        return "\n".join([*lines, CLOSING[sound if self.status == SOUND else self.verdict]])


CLOSING = {
    "receipt": "SOUND. The entry stands in the log at this place, as the log's key signed it. This does not show that\n"
    "what was entered is true, nor that nothing was entered later.",
    "case": "SOUND. Every entry shown stands in the log as its key signed it, none is missing between the first and\n"
    "the last, words and files are those that were fixed, and consents were given to what the entries say. This does\n"
    "not show that what was entered is true, whose the keys of consents are, what hidden entries say, nor that\n"
    "nothing was entered later.",
    "log": "SOUND. Every entry is the one that was signed, in its order, and none is missing before the last. This\n"
    "does not show that what was entered is true, nor that others are shown the same log: compare checkpoints.",
    "follow": "SOUND. The log still begins with everything it held when you looked last.",
    "first": "SOUND. The checkpoint is signed and its hashes fit. This was the first look: nothing was compared yet.",
    "tampered": "TAMPERED. What is listed above is not what was signed. Keep the files as they are: they are evidence.",
    "cannot_tell": "CANNOT TELL. Nothing was found to be tampered with, but what was asked could not be checked.",
}


def harmless(value: object, most: int = 200) -> str:
    """Text from elsewhere, cut short and without anything that could command a terminal."""
    text = str(value)[:most].encode("ascii", "backslashreplace").decode()
    return "".join(sign if " " <= sign <= "~" else f"\\x{ord(sign):02x}" for sign in text)


# -- Ed25519, verification only (RFC 8032 §5.1.7) ------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

# A point as X, Y, Z, T with x = X/Z, y = Y/Z, x·y = T/Z.
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def signature_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature of this key over this message. Stricter than RFC 8032 asks: points must be in
    their one spelling and of large order, S below the order, and the equation holds without the factor 8."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, commitment = point_in(public_key), point_in(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= ORDER or is_small(key) or is_small(commitment):
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    x, y, z, t = key
    wanted = sum_of_multiples(scalar, BASE, challenge, (P - x, y, z, P - t))
    return same(wanted, commitment)


def point_in(raw: bytes) -> Point | None:
    """The point in 32 bytes, None when they are no point or another spelling of one."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * D * one[3] * other[3] % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def sum_of_multiples(m: int, one: Point, n: int, other: Point) -> Point:
    """m·one + n·other, bit by bit. Nothing here is secret, so time may depend on the bits."""
    both = add(one, other)
    total = NEUTRAL
    for place in range(max(m.bit_length(), n.bit_length()) - 1, -1, -1):
        total = add(total, total)
        first, second = m >> place & 1, n >> place & 1
        if first or second:
            total = add(total, both if first and second else one if first else other)
    return total


def is_small(point: Point) -> bool:
    """Whether the point's order divides 8: such keys verify signatures that nobody made."""
    for _ in range(3):
        point = add(point, point)
    return same(point, NEUTRAL)


def same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


BASE: Point = point_in((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or NEUTRAL


# -- what passkeys sign with: P-256 and RSA, verification only (FIPS 186-5) ----------------------------------------

FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
POINTS = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CURVE_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
Place = Union[tuple[int, int], None]  # noqa: UP007 - as older versions of Python read it
"""A point of P-256 as x and y; None for the one at infinity."""
GENERATOR: Place = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def ecdsa_holds(x: bytes, y: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature (DER, in its one spelling) of this point of P-256 over this message."""
    key = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
    on_curve = (key[1] ** 2 - key[0] ** 3 + 3 * key[0] - CURVE_B) % FIELD == 0
    require(len(x) == len(y) == 32 and max(key) < FIELD and on_curve, "bad_key")
    r, s = two_numbers(signature)
    if not (0 < r < POINTS and 0 < s < POINTS):
        return False
    digest, inverse = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, POINTS)
    first, second = digest * inverse % POINTS, r * inverse % POINTS
    both, found = meet(GENERATOR, key), None
    for bit in range(255, -1, -1):
        found = meet(found, found)
        m, n = first >> bit & 1, second >> bit & 1
        found = meet(found, both if m and n else GENERATOR if m else key if n else None)
    return found is not None and found[0] % POINTS == r


def meet(one: Place, other: Place) -> Place:
    """The sum of two points of P-256."""
    if one is None or other is None:
        return one or other
    (x, y), (u, v) = one, other
    if x == u and (y + v) % FIELD == 0:
        return None
    slope = 3 * (x * x - 1) * pow(2 * y, -1, FIELD) if x == u else (v - y) * pow(u - x, -1, FIELD)
    far = (slope * slope - x - u) % FIELD
    return far, (slope * (x - far) - y) % FIELD


def two_numbers(raw: bytes) -> tuple[int, int]:
    """The two numbers of a signature in DER."""
    require(8 <= len(raw) <= 72, "bad_signature")
    length = raw[3]
    r, s = int.from_bytes(raw[4 : 4 + length], "big"), int.from_bytes(raw[6 + length :], "big")
    plain = [number.to_bytes(number.bit_length() // 8 + 1, "big") for number in (r, s)]
    again = b"".join(bytes([2, len(part)]) + part for part in plain)
    require(raw == bytes([0x30, len(again)]) + again, "bad_signature")
    return r, s


def rsa_holds(modulus: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is the signature (PKCS #1 v1.5, SHA-256) of this modulus, with the exponent 65537."""
    n, s = int.from_bytes(modulus, "big"), int.from_bytes(signature, "big")
    require(256 <= len(modulus) <= 512 and modulus[0] >= 0x80 and n & 1 == 1, "bad_key")
    if len(signature) != len(modulus) or s >= n:
        return False
    info = SHA256_INFO + hashlib.sha256(message).digest()
    padded = b"\0\1" + b"\xff" * (len(modulus) - len(info) - 3) + b"\0" + info
    return pow(s, 65_537, n) == int.from_bytes(padded, "big")


# -- canonical JSON [2] and entries [3] ----------------------------------------------------------------------------


def refusing(code: str) -> Callable[[str], NoReturn]:
    def refuse(_: str) -> NoReturn:
        raise Unsound(code)

    return refuse


def whole_number(digits: str) -> int:
    require(len(digits) <= 17, "integer_too_large")
    return int(digits)


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    require(len(found) == len(pairs), "duplicate_key")
    return found


DECODER = json.JSONDecoder(
    object_pairs_hook=without_doubles,
    parse_int=whole_number,
    parse_float=refusing("float"),
    parse_constant=refusing("not_a_number"),
)
ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


def object_in(raw: bytes) -> dict[str, Any]:
    """The object in bytes of JSON without floats or doubled keys, in whatever spelling."""
    require(not raw.startswith(b"\xef\xbb\xbf"), "bom")
    try:
        value = DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Unsound("not_utf8") from None
    except json.JSONDecodeError:
        raise Unsound("not_json") from None
    except RecursionError:
        raise Unsound("too_deep") from None
    if not isinstance(value, dict):
        raise Unsound("not_object")
    return value


def require_profile(value: object, levels: int) -> None:
    if isinstance(value, dict):
        require(levels > 0, "too_deep")
        for key, held in value.items():
            require(key.isascii(), "bad_key")
            require_profile(held, levels - 1)
    elif isinstance(value, list):
        require(levels > 0, "too_deep")
        for held in value:
            require_profile(held, levels - 1)
    elif isinstance(value, int):
        require(abs(value) <= LARGEST_INTEGER, "integer_too_large")


def matches(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def is_count(value: object) -> bool:
    return type(value) is int and value >= 0


hex32, hex64 = matches("[0-9a-f]{32}"), matches("[0-9a-f]{64}")
is_origin = matches("evenhand/[0-9a-f]{32}")
is_stream = matches("(dispute|account|mediator|round|access|auditor)/[0-9a-f]{32}")
is_type = matches("[a-z][a-z0-9_]{0,63}")
is_payload_name = matches("[a-z][a-z0-9_.]{0,63}")
is_text = matches("(?s)[^\ud800-\udfff]*")
is_salt = matches("([0-9a-f]{2})*")
is_clock = matches("real|simulated|bulk")
is_role = matches("buyer|seller|mediator|registrar|regulator|admin|auditor|person|system")
is_class = matches("parties|mediator|wall|buyer|seller|public|person|staff")

# In the order of the table in [3]; what a field must be may hang on fields above it.
FIELDS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "v": lambda e: type(e["v"]) is int and e["v"] == 1,
    "log": lambda e: is_origin(e["log"]),
    "stream": lambda e: is_stream(e["stream"]) or e["stream"] == "log/" + e["log"],
    "ver": lambda e: is_count(e["ver"]) and e["ver"] > 0,
    "type": lambda e: is_type(e["type"]),
    "at": lambda e: is_count(e["at"]),
    "clock": lambda e: is_clock(e["clock"]),
    "actor": lambda e: e["actor"] == "system" or hex32(e["actor"]),
    "role": lambda e: is_role(e["role"]),
    "class": lambda e: is_class(e["class"]),
    "prev": lambda e: hex64(e["prev"]) and (e["prev"] == GENESIS) == (e["ver"] == 1),
    "nonce": lambda e: hex32(e["nonce"]),
    "act": lambda e: e["act"] == "" or hex64(e["act"]),
    "data": lambda e: isinstance(e["data"], dict),
    "commit": lambda e: (
        isinstance(e["commit"], dict)
        and all(is_payload_name(name) and hex64(held) for name, held in e["commit"].items())
    ),
}


def canonical_in(raw: bytes) -> dict[str, Any]:
    """The object in these bytes, which must be its one spelling."""
    given = object_in(raw)
    require_profile(given, DEEPEST)
    try:
        again = ENCODER.encode(given).encode("utf-8")
    except UnicodeEncodeError:
        raise Unsound("surrogate") from None
    require(again == raw, "not_canonical")
    return given


def entry_in(raw: bytes) -> dict[str, Any]:
    require(len(raw) <= LARGEST_ENTRY, "too_long")
    entry = canonical_in(raw)
    require(entry.keys() <= FIELDS.keys(), "unknown_field")
    require(entry.keys() == FIELDS.keys(), "missing_field")
    for name, holds in FIELDS.items():
        require(holds(entry), f"bad_{name}")
    return entry


def commitment(entry: dict[str, Any], name: str, salt: bytes, payload: bytes) -> str:
    """What an entry says of a payload whose salt and bytes are known [5]."""
    place = (b"odr/commit/v1", entry["log"].encode(), entry["stream"].encode())
    message = b"".join(map(with_length, place)) + entry["ver"].to_bytes(8, "big")
    return hmac.digest(salt, message + with_length(name.encode()) + with_length(payload), "sha256").hex()


def with_length(part: bytes) -> bytes:
    return len(part).to_bytes(8, "big") + part


# -- consents [20] -------------------------------------------------------------------------------------------------

LARGEST_CONSENT, LARGEST_CLIENT = 16_384, 1_024
is_language, is_site = matches("[A-Za-z0-9-]{1,35}"), re.compile(r"https?://([a-z0-9.-]{1,253})(?::[0-9]{1,5})?")
# By the number of its algorithm: what is the same in every such key, what differs, and how its signatures are verified.
ALGORITHMS: dict[Any, tuple[dict[str, str], list[str], Callable[..., bool]]] = {
    -7: ({"crv": "P-256", "kty": "EC"}, ["x", "y"], ecdsa_holds),
    -8: ({"crv": "Ed25519", "kty": "OKP"}, ["x"], signature_holds),
    -257: ({"e": "AQAB", "kty": "RSA"}, ["n"], rsa_holds),
}
COMMON: dict[str, Callable[[Any], bool]] = {
    "v": lambda value: type(value) is int and value == 1,
    "kind": lambda value: value in ("passkey", "record"),
    "shown": hex64,
    "nonce": hex64,
    "language": is_language,
    "text": lambda value: isinstance(value, str) and value != "",
}
RECORDED = {
    "session": hex64,
    "began": matches("password|link|verify|invite"),
    "factor": matches("none|passkey|totp|recovery"),
    "factor_at": lambda value: value is None or is_count(value),
}


def is_base64url(value: Any) -> bool:
    return isinstance(value, str) and value != "" and bytes_in(value) is not None


def bytes_in(text: str) -> bytes | None:
    """The bytes of base64url without padding; None for any spelling but the one."""
    if not re.fullmatch("[A-Za-z0-9_-]*", text):
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if base64.urlsafe_b64encode(raw).decode().rstrip("=") == text else None


def digest_of(*parts: bytes | str) -> bytes:
    return hashlib.sha256(b"".join(with_length(as_bytes(part)) for part in parts)).digest()


def as_bytes(part: bytes | str) -> bytes:
    return part.encode("utf-8") if isinstance(part, str) else part


def is_key(told: dict[str, Any]) -> bool:
    """Whether a consent brings a key of a kind that everybody can verify with."""
    alg, key = told.get("alg"), told.get("key")
    if type(alg) is not int or alg not in ALGORITHMS or not isinstance(key, dict):
        return False
    fixed, own, _ = ALGORITHMS[alg]
    holds = key.keys() == {*fixed, *own} and all(key[name] == value for name, value in fixed.items())
    return holds and all(is_base64url(key[name]) for name in own)


def consent_in(raw: bytes) -> dict[str, Any]:
    """What is kept of a consent: a signature of its maker's own key, or a record of the session it was given in."""
    require(len(raw) <= LARGEST_CONSENT, "malformed")
    told = canonical_in(raw)
    fields = dict(COMMON)
    if told.get("kind") == "passkey":
        require(is_key(told), "malformed")
        fields |= {"alg": bool, "key": bool}
        fields |= dict.fromkeys(("authenticator", "client", "signature"), is_base64url)
    else:
        fields |= RECORDED
    require(told.keys() == fields.keys() and all(holds(told[name]) for name, holds in fields.items()), "malformed")
    require("factor" not in told or (told["factor"] == "none") == (told["factor_at"] is None), "malformed")
    return told


def verify_consent(entry: dict[str, Any], words: dict[str, bytes | None], find: Callable[..., None]) -> str | None:
    """Whether the consent beside an entry was given to what the entry says, and its signature holds. What was shown can
    be compared where all words of the entry are at hand. Answers what is to be told of a sound one."""
    try:
        told = consent_in(words["consent"] or b"")
    except Unsound:
        find("consent_malformed", found="malformed")
        return None
    place, others = (entry["log"], entry["stream"], entry["type"]), sorted(entry["commit"].keys() - {"consent"})
    whole = all(words.get(name) is not None for name in others)
    texts = {name: hashlib.sha256(words.get(name) or b"").hexdigest() for name in others}
    said = (*place, entry["actor"], entry["role"], ENCODER.encode(entry["data"]), ENCODER.encode(texts))
    shown = digest_of("odr/shown/v1", *said).hex()
    if whole and told["shown"] != shown:
        find("consent_shown_differs", expected=shown, found=told["shown"])
        whole = False
    compared = "" if whole else " (to what, was not compared: words are missing)"
    if told["kind"] == "record":
        at = "" if told["factor_at"] is None else f" at {date_of(told['factor_at'])}"
        began = f"in a session begun by {told['began']}, second factor: {told['factor']}{at}"
        return f"entry {entry['ver']}: recorded, {began}{compared}"
    given = (bytes.fromhex(told["shown"]), told["language"], told["text"], bytes.fromhex(told["nonce"]))
    try:
        site = verify_passkey(told, digest_of("odr/consent/v1", *place, *given), entry["role"])
    except Unsound as refusal:
        find("consent_signature_wrong", found=refusal.code)
        return None
    key = hashlib.sha256(ENCODER.encode(told["key"]).encode()).hexdigest()
    return f"entry {entry['ver']}: signed at {site} with the key {key}{compared}"


def verify_passkey(told: dict[str, Any], challenge: bytes, role: str) -> str:
    """Where the key signed this challenge. Refuses unless it did (WebAuthn, 7.2), with its owner at the device."""
    raw, data, signature = (bytes_in(told[name]) or b"" for name in ("client", "authenticator", "signature"))
    client = client_in(raw)
    require(client.get("type") == "webauthn.get" and client.get("crossOrigin", False) is False, "bad_client")
    require(client.get("challenge") == base64.urlsafe_b64encode(challenge).decode().rstrip("="), "bad_challenge")
    origin = client.get("origin")
    host = is_site.fullmatch(origin) if isinstance(origin, str) else None
    named = hashlib.sha256(host[1].encode()).digest() if host else b""
    require(len(data) >= 37 and data[:HASH] == named, "bad_host")
    require(data[HASH] & 1 == 1, "not_present")
    require(data[HASH] & 4 == 4 or role != "mediator", "not_verified")
    _, own, holds = ALGORITHMS[told["alg"]]
    key = [bytes_in(told["key"][name]) for name in own]
    require(holds(*key, data + hashlib.sha256(raw).digest(), signature), "bad_signature")
    return str(origin)


def client_in(raw: bytes) -> dict[str, Any]:
    """What a browser says it signed: JSON that is not ours, of which the last of doubled keys counts."""
    try:
        told = (
            json.loads(raw.decode("utf-8"), parse_constant=refusing("bad_client")) if len(raw) <= LARGEST_CLIENT else 0
        )
    except (ValueError, RecursionError):
        raise Unsound("bad_client") from None
    if not isinstance(told, dict):
        raise Unsound("bad_client")
    return told


# -- the tree [7] and its proofs [8] -------------------------------------------------------------------------------


def leaf_hash(raw: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + raw).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over these hashes, joining neighbours level by level."""
    level = list(hashes)
    while len(level) > 1:
        joined = [node(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
        level = joined + level[len(joined) * 2 :]
    return level[0] if level else hashlib.sha256(b"").digest()


def roots_at(hashes: Sequence[bytes], sizes: Iterable[int]) -> dict[int, bytes]:
    """The roots over the first so many hashes, all in one pass."""
    full: list[bytes] = []
    found, count = {}, 0
    for size in sorted(set(sizes)):
        while count < size:
            full.append(hashes[count])
            count += 1
            for _ in range((count & -count).bit_length() - 1):
                full[-2:] = [node(full[-2], full[-1])]
        tree = full[-1] if full else root([])
        for left in reversed(full[:-1]):
            tree = node(left, tree)
        found[size] = tree
    return found


def require_hashes(*hashes: bytes) -> None:
    require(all(len(found) == HASH for found in hashes), "bad_hash")


def turns(here: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Climb from a node of a level that ends with node `last`: each hash of the path, and whether it stands left."""
    for beside in path:
        require(last > 0, "proof_too_long")
        left = here & 1 == 1 or here == last
        yield beside, left
        while left and here and not here & 1:
            here, last = here >> 1, last >> 1
        here, last = here >> 1, last >> 1
    require(last == 0, "proof_too_short")


def prove_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], tree: bytes) -> bytes:
    """The root to which the path leads from the leaf at this index. Refuses unless it is that of the tree."""
    require(0 < size <= LARGEST_SIZE, "bad_size")
    require(0 <= index < size, "bad_index")
    require_hashes(leaf, tree, *path)
    climbed = leaf
    for beside, left in turns(index, size - 1, path):
        climbed = node(beside, climbed) if left else node(climbed, beside)
    require(climbed == tree, "wrong_root")
    return climbed


def prove_growth(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Refuse unless the tree of the new size begins with the tree of the old one."""
    require(0 < old_size <= new_size <= LARGEST_SIZE, "bad_size")
    require_hashes(old_root, new_root, *path)
    if old_size == new_size:
        require(not path, "proof_too_long")
        require(old_root == new_root, "wrong_root")
        return
    require(len(path) > 0, "proof_too_short")
    if old_size & (old_size - 1) == 0:
        path = [old_root, *path]
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for beside, left in turns(here, last, path[1:]):
        old = node(beside, old) if left else old
        new = node(beside, new) if left else node(new, beside)
    require(old == old_root, "wrong_old_root")
    require(new == new_root, "wrong_root")


# -- keys, notes and checkpoints [9], receipts [10] ----------------------------------------------------------------


LOG, WITNESS = 1, 4


class Key(NamedTuple):
    """A key the reader trusts: one of a log, or one of a witness [15]."""

    name: str
    id: bytes
    public: bytes
    type: int


class Checkpoint(NamedTuple):
    """What a log said of itself, the note in which it said so, and when which witnesses signed it, in seconds."""

    size: int
    root: bytes
    note: bytes
    cosigned: dict[Key, int]


def unbase64(text: str, code: str) -> bytes:
    try:
        plain = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unsound(code) from None
    require(base64.b64encode(plain).decode() == text, code)
    return plain


def is_key_name(name: str) -> bool:
    return name != "" and not any(sign in "+" or sign.isspace() or sign < " " for sign in name)


def key_in(line: str, type_: int = LOG) -> Key:
    """The key of a vkey line."""
    parts = line.split("+", 2)
    require(len(parts) == 3 and is_key_name(parts[0]), "bad_vkey")
    plain = unbase64(parts[2], "bad_vkey")
    require(len(plain) == 33 and plain[0] == type_, "bad_vkey")
    key_id = hashlib.sha256(parts[0].encode("utf-8", "replace") + b"\n" + plain).digest()[:4]
    require(parts[1] == key_id.hex(), "bad_vkey")
    return Key(parts[0], key_id, plain[1:], type_)


def text_in(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unsound("not_utf8") from None
    require(not any(sign < " " and sign != "\n" for sign in text), "control_character")
    return text


def note_in(raw: bytes, largest: int) -> tuple[str, list[tuple[str, bytes]]]:
    """The text of a note, and its signatures: the key's name, then its id and the signature."""
    require(len(raw) <= largest, "too_long")
    text, empty_line, below = text_in(raw).rpartition("\n\n")
    require(empty_line != "" and below != "", "no_signature")
    require(below.endswith("\n"), "bad_signature_line")
    lines = below[:-1].split("\n")
    require(len(lines) <= MOST_SIGNATURES, "too_many_signatures")
    return text + "\n", [signature_in(line) for line in lines]


def signature_in(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    require(len(parts) == 3 and parts[0] == "\u2014" and is_key_name(parts[1]), "bad_signature_line")
    plain = unbase64(parts[2], "bad_signature_line")
    require(len(plain) >= 5, "bad_signature_line")
    return parts[1], plain


def signers(text: str, signatures: list[tuple[str, bytes]], keys: Iterable[Key]) -> dict[Key, int]:
    """Which of these keys signed, none of them falsely, and when as witnesses say."""
    trusted = {(key.name, key.id): key for key in keys}
    signed: dict[Key, int] = {}
    for name, plain in signatures:
        key = trusted.get((name, plain[:4]))
        if key is not None:
            at, message, signature = 0, text, plain[4:]
            if key.type == WITNESS:
                at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
                message = f"cosignature/v1\ntime {at}\n{text}"
            holds = at <= LARGEST_SIZE and signature_holds(key.public, message.encode("utf-8"), signature)
            require(holds, "bad_signature")
            signed[key] = max(at, signed.get(key, 0))
    require(bool(signed), "no_known_signature")
    return signed


def counted(size: str) -> int:
    require(re.fullmatch("0|[1-9][0-9]{0,18}", size) is not None and int(size) <= LARGEST_SIZE, "bad_size")
    return int(size)


class Trust:
    """The keys that sign the log as far as a reader can know [14], and the witnesses they ask for [15]."""

    def __init__(self, keys: Sequence[Key], policy: Policy | None = None, not_older: int | None = None) -> None:
        self.origin, self.policy, self.not_older = keys[0].name, policy or Policy(), not_older
        self.terms = dict.fromkeys(keys, (-1, LARGEST_SIZE))  # signs at sizes above the first, not above the second
        self.told: dict[int, Proven] = {}
        self.opened: dict[bytes, Checkpoint] = {}
        self.kept: int | None = None  # unknown without the history

    def at(self, size: int) -> list[Key]:
        return [key for key, (above, until) in self.terms.items() if above < size <= until]

    def checkpoint_in(self, raw: bytes) -> Checkpoint:
        """The checkpoint in a note signed by the log. The same note is verified once, for all receipts under it."""
        if raw not in self.opened:
            text, signatures = note_in(raw, LARGEST_NOTE)
            lines = text.split("\n")
            size = lines[1] if len(lines) > 1 else ""
            keys = self.at(min(int(size), LARGEST_SIZE) if re.fullmatch("[0-9]{1,19}", size) else 0)
            signed = signers(text, signatures, [*keys, *self.policy.witnesses.values()])
            require(len(lines) >= 4 and lines[0] != "", "bad_checkpoint")
            require(len(lines) == 4, "extension_line")
            tree = (counted(lines[1]), unbase64(lines[2], "bad_root"))
            require(len(tree[1]) == HASH and (tree[0] > 0 or tree[1] == root([])), "bad_root")
            require(lines[0] == self.origin, "wrong_origin")
            require(any(key in signed for key in keys), "not_signed_by_log")
            self.opened[raw] = Checkpoint(*tree, raw, {key: at for key, at in signed.items() if key.type == WITNESS})
        return self.opened[raw]

    def learn(self, history: bytes | None, report: Report) -> None:
        """Let those keys that are trusted so far lead to others, through a history of receipts."""
        inner, streams = Report("history"), Streams({}, Report("history"))
        for number, raw in enumerate(re.split(b"(?m)^(?=%s$)" % re.escape(HEADER.encode()), history or b"")):
            inner.findings.clear()
            proven = prove_receipt(raw, self, inner) if number or raw else None
            if proven and proven.entry["stream"] != f"log/{self.origin}":
                inner.find("entry_misplaced")
            elif proven:
                first = self.told.setdefault(proven.entry["ver"], proven)
                if (first.idx, first.leaf) != (proven.idx, proven.leaf):
                    report.find("history_forked", idx=proven.idx, ver=proven.entry["ver"])
                else:
                    inner.attempt("history_malformed", self.note, proven.idx, proven.entry)
            # What no key signed that is trusted so far is passed over, whatever else is wrong with it.
            if inner.findings and "checkpoint_not_signed" not in [finding.code for finding in inner.findings]:
                report.find("history_malformed", expected=f"at receipt {number}", found=inner.findings[0].code)
        for ver, proven in sorted(self.told.items()):
            streams.follow(proven.idx, proven.leaf, proven.entry["stream"], ver, proven.entry)
        for told in streams.report.findings:
            where = {"idx": told.idx, "ver": told.ver, "expected": f"at entry {told.ver}"}
            report.find("history_malformed", **where, found=told.code)

    def note(self, idx: int, entry: dict[str, Any]) -> None:
        """Take over what an entry of the log about itself says of keys, and of a log before this one [18]."""
        told, data = entry["type"], entry["data"]
        if told in ("log_founded", "key_added", "key_retired"):
            key = key_in(str(data.get("key")))
            require(key.name == self.origin, "bad_vkey")
            self.note_key(key, idx, retired=told == "key_retired")
        if told == "log_founded":
            continues = "continues" in data
            require(not continues or (continued(data) is not None and data["continues"]["kept"] == idx), "bad_data")
            self.kept = idx if continues else 0

    def note_key(self, key: Key, idx: int, *, retired: bool) -> None:
        """From where a key signs, or until where. What is told of it once more changes neither, and a key whose lines
        could be taken for those of an earlier one is passed over."""
        above, until = known = self.terms.get(key, (LARGEST_SIZE, LARGEST_SIZE))
        if any(key[:2] == other[:2] and key != other for other in self.terms):
            return
        if retired:
            until = min(until, idx)
        else:
            above = idx if above < 0 else min(above, idx)
        self.terms[key] = (above, until)
        if known != (above, until):
            self.opened.clear()

    def ask_witnesses(self, checkpoint: Checkpoint, report: Report) -> None:
        """Whether enough of the witnesses that the reader asks for signed, and lately enough."""
        names = [name for name, key in self.policy.witnesses.items() if key in checkpoint.cosigned]
        newest = max(checkpoint.cosigned.values(), default=0)
        date = date_of(newest * 1000) if newest else "never"
        if self.policy.witnesses:
            report.seen |= {"cosigned": names, "newest": date}
        if not self.policy.satisfied(names):
            report.find("quorum_missing", expected=self.policy.quorum, found=", ".join(names) or "none")
        if self.not_older is not None and newest < time.time() - self.not_older * 86_400:
            report.find("stale", expected=self.not_older, found=date)


class Policy:
    """Whom a reader trusts and how many witnesses they ask for, by a file as C2SP tlog-policy has it [15]."""

    def __init__(self, raw: bytes = b"quorum none") -> None:
        self.keys: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        # Bytes beyond ASCII mean themselves; the last line, of no words, is the end of the file.
        lines = [*raw.decode("utf-8", "surrogateescape").split("\n"), None]
        for number, line in enumerate(lines, 1):
            try:
                require(re.search(r"[\0-\x08\x0b-\x1f\x7f]", line or "") is None, "control_character")
                require(len(raw) <= LARGEST_POLICY, "too_long")
                self.read([] if line is None else re.split("[ \t]+", line.strip(" \t")))
            except Unsound:
                raise CannotRead("policy_malformed", str(number)) from None

    def read(self, words: list[str]) -> None:
        """One line. Names are defined before they are used, once, and used in one group, so that none counts twice."""
        used = {member for _, members in self.groups.values() for member in members}
        defined = {"none", *self.witnesses, *self.groups}
        what, name = [*words, "", ""][:2]
        if not words:
            require(self.quorum != "", "missing_field")
        elif what == "" or what.startswith("#"):
            return
        elif what == "log" and len(words) in (2, 3):
            self.keys.append(key_in(name))
        elif what == "witness" and len(words) in (3, 4) and name not in defined:
            self.witnesses[name] = key_in(words[2], WITNESS)
        elif what == "group" and len(words) > 3 and name not in defined:
            _, _, least, *members = words
            require({*members} <= defined - used - {"none"}, "missing_field")
            least = {"all": str(len(members)), "any": "1"}.get(least, least)
            require(re.fullmatch("[1-9][0-9]{0,8}", least) is not None, "bad_size")
            require(int(least) <= len({*members}) == len(members), "bad_size")
            self.groups[name] = (int(least), members)
        else:
            require(what == "quorum" and len(words) == 2 and name in defined and not self.quorum, "missing_field")
            self.quorum = name
        witnesses = list(self.witnesses.values())
        for once in ([key[2:] for key in [*self.keys, *witnesses]], [key[:2] for key in [*self.keys, *witnesses]]):
            require(len({*once}) == len(once), "duplicate_key")

    def satisfied(self, cosigned: Iterable[str]) -> bool:
        met = {"none", *cosigned}
        for name, (least, members) in self.groups.items():  # members come before their group
            met |= {name} if len(met.intersection(members)) >= least else set()
        return self.quorum in met


def receipt_in(raw: bytes) -> tuple[bytes, int, list[bytes], bytes]:
    """The entry in a receipt, its index, the path and the note, none of them believed yet."""
    require(len(raw) <= LARGEST_RECEIPT, "too_long")
    head, empty_line, note = raw.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    require(lines[0] == HEADER, "bad_header")
    require(len(lines) > 1 and lines[1].startswith("extra "), "no_entry")
    entry = unbase64(lines[1][6:], "bad_extra")
    require(0 < len(entry) <= LARGEST_ENTRY, "bad_extra")
    found = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines[2]) if len(lines) > 2 else None
    if found is None or int(found[1]) >= LARGEST_SIZE:
        raise Unsound("bad_index")
    require(len(lines) - 3 <= MOST_HASHES, "too_many_hashes")
    path = [unbase64(line, "bad_hash_line") for line in lines[3:]]
    require(all(len(found) == HASH for found in path), "bad_hash_line")
    require(empty_line != b"" and 0 < len(note) <= LARGEST_NOTE, "no_checkpoint")
    return entry, int(found[1]), path, note


# -- where logs are read from [11] ---------------------------------------------------------------------------------


class Folder:
    """A log in a folder. Only plain files are read: no links, pipes or devices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, path: str, limit: int) -> bytes | None:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            handle = os.open(self.folder / path, flags)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise CannotRead("unreadable", f"{path} is no plain file")
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as trouble:
            raise CannotRead("unreadable", f"{path} ({trouble.strerror})") from None


class Web:
    """A log behind an address of http or https. Answers are taken as they are: no redirects, nothing unpacked. The
    token is for entries, and goes to this address only."""

    def __init__(self, address: str, token: str) -> None:
        import threading  # here, since these take longer to load than a case file to verify
        from http import client
        from urllib import request

        self.address, self.token, self.request = address.rstrip("/"), token, request
        self.thread = threading.Thread
        self.faults = (OSError, ValueError, client.HTTPException)
        self.opener = request.OpenerDirector()
        for handler in ("Proxy", "Unknown", "HTTP", "HTTPDefaultError", "HTTPS"):
            self.opener.add_handler(getattr(request, f"{handler}Handler")())
        self.opener.add_handler(request.HTTPErrorProcessor())

    def read(self, path: str, limit: int) -> bytes | None:
        """Asked aside, and given up after a while: whoever sends a byte now and then could keep somebody waiting until
        they look no more."""
        answers: list[bytes | CannotRead | None] = []
        asking = self.thread(target=lambda: answers.append(self.answer(path, limit)), daemon=True)
        asking.start()
        asking.join(LONGEST)
        answer = answers[0] if answers else CannotRead("unreachable", f"{path} (the answer does not end)")
        if isinstance(answer, CannotRead):
            raise answer
        return answer

    def answer(self, path: str, limit: int) -> bytes | CannotRead | None:
        address, headers = f"{self.address}/{path}", {"Accept-Encoding": "identity"}
        if self.token and path.startswith("tile/entries/"):
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            asked = self.request.Request(address, headers=headers)
            with self.opener.open(asked, timeout=QUIET) as answer:
                raw = bytes(answer.read(limit + 1))
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    return CannotRead("unreachable", f"{path} (answered in a compressed form)")
                if len(raw) <= limit and answer.length:
                    return CannotRead("unreachable", f"{path} (the answer broke off)")
                return raw
        except self.faults as trouble:
            status = getattr(trouble, "code", None)
            if status in (404, 410):
                return None
            said = trouble if status is None else f"status {status}"
            return CannotRead("unreachable", f"{path} ({said})")


class Member(NamedTuple):
    """A file in an archive: where its bytes begin, their CRC-32, how many they are as they lie and unpacked."""

    start: int
    deflated: bool
    crc: int
    packed: int
    size: int


# In the order of the table in [17].
PATHS = re.compile(
    r"(?a)(index\.html)|(evenhand-verify\.py)|(entries/\d{6}\.tlog-proof)|(hidden\.jsonl)|(openings\.jsonl)"
    r"|(withheld\.jsonl)|(files/\d{6}\.[a-z0-9]{1,16})|(copies/\d{6}\.[a-z0-9]{1,16})|(checkpoint)|(history)|(policy)"
    r"|(manifest)"
)


class Archive:
    """A case file as a zip [17]. There is one way to write it, so that nobody can read it otherwise. Raises Unsound."""

    def __init__(self, path: str) -> None:
        try:
            self.file = open(path, "rb")
            self.length = self.file.seek(0, os.SEEK_END)
        except (OSError, ValueError) as trouble:
            raise CannotRead("unreadable", f"{path} ({getattr(trouble, 'strerror', trouble)})") from None
        if self.bytes_at(0, 4) != b"PK\3\4":
            raise CannotRead("case_unknown", path)
        self.members = self.listed()

    def bytes_at(self, place: int, length: int) -> bytes:
        self.file.seek(max(place, 0))
        return self.file.read(length)

    def fields(self, form: str, place: int) -> list[Any]:
        try:
            return list(struct.unpack(form, self.bytes_at(place, struct.calcsize(form))))
        except struct.error:
            raise Unsound("bad_archive") from None

    def listed(self) -> dict[str, Member]:
        """What the archive says is in it, each by a header of its own and by the list behind all."""
        *end, count, length, place, comment = self.fields("<4s4H2LH", self.length - 22)
        require([*end, comment] == [b"PK\5\6", 0, 0, count, 0] and place + length + 22 == self.length, "bad_archive")
        require(count <= MOST_MEMBERS, "too_many_members")
        row, start, before, members = place, 0, (0, ""), dict[str, Member]()
        for _ in range(count):
            mark, _, *told, comment, disk, _, attributes, offset = self.fields("<4s6H3L5H2L", row)
            _, flags, method, _, _, crc, packed, size, named, extra = told
            require([mark, comment, disk, extra, offset] == [b"PK\1\2", 0, 0, 0, start], "bad_archive")
            require(flags & 1 == 0, "encrypted")
            # What is stored does not say where it ends: were its length not before it, it could look like two members.
            stored = method == 0 and packed == size and flags & 8 == 0
            require(flags & ~0x808 == 0 and (method == 8 or stored), "bad_member")
            is_folder = attributes & 0x10  # as MS-DOS says it
            require(stat.S_IFMT(attributes >> 16) in (0, stat.S_IFREG) and not is_folder, "bad_member")
            name = self.bytes_at(row + 46, named)
            path = name.decode("ascii", "replace")
            found = PATHS.fullmatch(path)
            here = (found.lastindex or 0 if found else 0, path)
            require(found is not None, "bad_path")
            require(here > before, "bad_order")
            if flags & 8:  # lengths that were not known beforehand follow the bytes
                told[5:8] = 0, 0, 0
                behind = self.fields("<4s3L", start + 30 + named + packed)
                require(behind == [b"PK\7\10", crc, packed, size], "bad_member")
            require(self.fields("<4s5H3L2H", start) == [b"PK\3\4", *told], "bad_member")
            require(self.bytes_at(start + 30, named) == name, "bad_member")
            members[path] = Member(start + 30 + named, method == 8, crc, packed, size)
            row, start, before = row + 46 + named, start + 30 + named + packed + 2 * (flags & 8), here
        require((start, row) == (place, place + length), "bad_archive")
        return members

    def parts(self, path: str) -> Iterator[bytes]:
        """The plain bytes of a member in parts, never more than it is said to have."""
        member, place, size, crc = self.members[path], 0, 0, 0
        inflate = zlib.decompressobj(-15)
        while not inflate.eof and size <= member.size:
            packed = inflate.unconsumed_tail
            if not packed:
                packed = self.bytes_at(member.start + place, min(PART, member.packed - place))
                place += len(packed)
            try:
                part = inflate.decompress(packed, PART) if member.deflated else packed
            except zlib.error:
                raise Unsound("bad_member") from None
            if not part and not packed:
                break
            size, crc = size + len(part), zlib.crc32(part, crc)
            yield part
        require((crc, place, size) == member[2:], "bad_member")
        require(inflate.eof == member.deflated and not inflate.unused_data, "bad_member")

    def read(self, path: str, limit: int) -> bytes | None:
        if path not in self.members:
            return None
        require(self.members[path].size <= limit, "too_long")
        return b"".join(self.parts(path))


Source = Union[Folder, Web, Archive]  # noqa: UP007 - as older versions of Python read it
"""All read the bytes at a path, at most one more than a limit, and answer None where there is nothing."""


def source_at(place: str, token: str = "") -> Source:
    if place.startswith(("http://", "https://")):
        return Web(place, token)
    if not Path(place).is_dir():
        raise CannotRead("unreadable", f"{place} is no folder")
    return Folder(Path(place))


def file_at(path: str, limit: int) -> bytes:
    """A file that the reader named, at most one byte more than the limit."""
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as trouble:
        raise CannotRead("unreadable", f"{path} ({getattr(trouble, 'strerror', trouble)})") from None


def tile_path(level: int | str, number: int, width: int) -> str:
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    folders = "".join(f"x{part}/" for part in parts[:-1])
    return f"tile/{level}/{folders}{parts[-1]}" + (f".p/{width}" if width < WIDTH else "")


class Tiles:
    """The hashes of a log of this size. Nothing read here is true until a root has been computed from it."""

    def __init__(self, source: Source, size: int) -> None:
        self.source, self.size = source, size
        self.kept: dict[tuple[int, int], list[bytes]] = {}

    def width(self, level: int, number: int) -> int:
        return min(WIDTH, (self.size >> 8 * level) - number * WIDTH)

    def path(self, level: int, number: int) -> str:
        return tile_path(level, number, self.width(level, number))

    def amiss(self, code: str, level: int, number: int) -> Unsound:
        return Unsound(code, idx=number * WIDTH ** (level + 1), found=self.path(level, number))

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of one tile, as many as the log has of it. Raises Unsound with the place."""
        if (level, number) not in self.kept:
            width = self.width(level, number)
            raw = read_partly(self.source, level, number, width, WIDTH * HASH)
            if raw is None:
                raise self.amiss("tile_missing", level, number)
            # A full tile may stand for the part of it that this log has.
            if len(raw) not in (width * HASH, WIDTH * HASH):
                raise self.amiss("tile_differs", level, number)
            self.kept[level, number] = [raw[place : place + HASH] for place in range(0, width * HASH, HASH)]
        return self.kept[level, number]

    def root(self, start: int, end: int) -> bytes:
        """The root over the leaves from start to end, which lie in the tree as one subtree."""
        count = end - start
        if count & (count - 1):
            middle = start + (1 << count.bit_length() - 1)
            return node(self.root(start, middle), self.root(middle, end))
        level, within = divmod(count.bit_length() - 1, 8)
        number, place = divmod(start >> 8 * level, WIDTH)
        return root(self.tile(level, number)[place : place + (1 << within)])

    def growth(self, old_size: int) -> list[bytes]:
        """The consistency proof from an older size (RFC 6962 §2.1.2)."""
        path: list[bytes] = []
        start, end = 0, self.size
        while old_size != end:
            middle = start + (1 << (end - start - 1).bit_length() - 1)
            if old_size <= middle:
                path.insert(0, self.root(middle, end))
                end = middle
            else:
                path.insert(0, self.root(start, middle))
                start = middle
        return [self.root(start, end), *path] if start else path


def read_partly(source: Source, level: int | str, number: int, width: int, limit: int) -> bytes | None:
    """A tile or bundle of this width; where the log has grown since, the full one may have taken its place."""
    raw = source.read(tile_path(level, number, width), limit)
    return source.read(tile_path(level, number, WIDTH), limit) if raw is None and width < WIDTH else raw


# -- one receipt ---------------------------------------------------------------------------------------------------

Openings = dict[tuple[str, int], list[tuple[str, bytes, bytes]]]
Reader = Callable[[bytes], dict[str, Any]]


class Proven(NamedTuple):
    """An entry that a sound receipt shows."""

    checkpoint: Checkpoint
    idx: int
    leaf: bytes
    entry: dict[str, Any]


def prove_receipt(raw: bytes, trust: Trust, report: Report, **where: Any) -> Proven | None:
    """What a receipt shows; None when anything about it is wrong."""
    receipt = report.attempt("receipt_malformed", receipt_in, raw, **where)
    if receipt is None:
        return None
    raw_entry, idx, path, note = receipt
    checkpoint = verify_checkpoint(note, trust, report)
    entry = report.attempt("entry_malformed", entry_in, raw_entry, idx=idx)
    if checkpoint is None or entry is None:
        return None
    # Entries from before the log was founded over another one bear the other one's origin [18].
    unknown = trust.kept is None and entry["log"] != trust.origin
    if not unknown and (entry["log"] == trust.origin) != (idx >= (trust.kept or 0)):
        report.find("entry_of_another_log", idx=idx, expected=trust.origin, found=entry["log"])
        return None
    leaf, tree = leaf_hash(raw_entry), (checkpoint.size, path, checkpoint.root)
    if report.attempt("entry_not_proven", prove_inclusion, leaf, idx, *tree, idx=idx) is None:
        return None
    if unknown:
        report.find("founding_unknown", idx=idx, expected=trust.origin, found=entry["log"])
        return None
    return Proven(checkpoint, idx, leaf, entry)


def verify_receipt(raw: bytes, trust: Trust, openings: Openings, report: Report) -> None:
    """Everything a receipt claims."""
    proven = prove_receipt(raw, trust, report)
    if proven is None:
        return
    checkpoint, idx, leaf, entry = proven
    streams = Streams(openings, report)
    streams.open_commitments(idx, entry)
    streams.end()
    names = ("log", "stream", "ver", "type", "at", "clock", "role", "class", "prev", "data")
    report.seen = {"idx": idx, "size": checkpoint.size, "root": checkpoint.root.hex(), "leaf": leaf.hex()}
    report.seen |= {name: entry[name] for name in names} | {"date": date_of(entry["at"]), "opened": streams.opened}
    report.seen |= {"consents": streams.consents} if streams.consents else {}
    trust.ask_witnesses(checkpoint, report)


def date_of(at: int) -> str:
    if at >= 253_402_300_800_000:
        return "after the year 9999"
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at // 1000))


def verify_checkpoint(raw: bytes, trust: Trust, report: Report) -> Checkpoint | None:
    return report.attempt("checkpoint_malformed", trust.checkpoint_in, raw, expected=trust.origin)


class Stream:
    """What has to be kept of a stream to check what comes next: its last entry, whose words are whose, what is held."""

    def __init__(self) -> None:
        self.ver, self.seal, self.at, self.idx = 0, GENESIS, 0, -1
        self.words: dict[int, tuple[str, tuple[str, ...]]] = {}
        self.hidden: set[int] = set()
        self.holds: set[int] = set()
        self.orders: dict[int, list[tuple[int, str]]] = {}
        self.erased: dict[tuple[int, str], int] = {}

    def watch(self, entry: dict[str, Any], find: Callable[..., None]) -> None:
        """Whether words are erased by the rules, as far as the entries that this hangs on are shown [16]."""
        data, ver = entry["data"], entry["ver"]
        before = data.get("hold" if entry["type"] == "hold_lifted" else "ordered")
        before = before if is_count(before) else 0
        if entry["type"] == "hold_placed":
            self.holds.add(ver)
        elif entry["type"] == "hold_lifted":
            if before not in self.holds | self.hidden:
                find("hold_malformed", found=before)
            self.holds.discard(before)
        elif entry["type"] == "erasure_ordered":
            targets = data.get("targets")
            self.orders[ver] = []
            for target in targets if isinstance(targets, list) and targets else [None]:
                self.watch_target(target if isinstance(target, dict) else {}, entry, find)
            if self.holds:
                find("erasure_under_hold", found=max(self.holds))
        elif entry["type"] == "words_erased":
            if before not in self.orders.keys() | self.hidden:
                find("erasure_without_order", found=before)
            self.erased |= dict.fromkeys(self.orders.pop(before, []), ver)

    def watch_target(self, target: dict[str, Any], entry: dict[str, Any], find: Callable[..., None]) -> None:
        ver: int = target["ver"] if is_count(target.get("ver")) else 0
        names = target.get("names")
        if ver in self.hidden:
            return
        actor, held = self.words.get(ver, ("", ()))
        if not isinstance(names, list) or not names or not all(type(name) is str and name in held for name in names):
            find("erasure_malformed", found=ver)
            return
        if entry["actor"] != actor and entry["role"] not in ("registrar", "system"):
            find("erasure_without_right", expected=actor, found=entry["actor"])
        self.orders[entry["ver"]] += [(ver, name) for name in names]


class Streams:
    """Follows the chain of each stream [4], opens commitments [5], and watches over what is erased [16]."""

    def __init__(self, openings: Openings, report: Report) -> None:
        self.openings, self.report = dict(openings), report
        self.heads: dict[str, Stream] = defaultdict(Stream)
        self.committed = self.opened = 0
        self.consents: list[str] = []

    def follow(self, idx: int, leaf: bytes, stream: str, ver: int, entry: dict[str, Any] | None) -> None:
        """Check an entry, or a hidden one of which the leaf is all that is shown, against those before it."""
        head, find = self.heads[stream], partial(self.report.find, idx=idx, stream=stream, ver=ver)
        if ver != head.ver + 1:
            find("stream_gap" if ver > head.ver else "stream_twice", expected=head.ver + 1, found=ver)
        elif entry and entry["prev"] != head.seal:
            find("stream_prev_differs", expected=head.seal, found=entry["prev"])
        if entry and entry["at"] < head.at:
            find("stream_time_goes_back", expected=f"at least {head.at}", found=entry["at"])
        if idx <= head.idx:
            find("stream_order_differs", expected=f"above {head.idx}", found=idx)
        if ver <= head.ver:
            return
        if entry:
            head.watch(entry, find)
            if entry["commit"]:
                head.words[ver] = (entry["actor"], tuple(entry["commit"]))
            head.at = max(head.at, entry["at"])
        else:
            head.hidden.add(ver)
        head.ver, head.seal, head.idx = ver, leaf.hex(), idx

    def open_commitments(self, idx: int, entry: dict[str, Any]) -> dict[str, bytes | None]:
        """Compare what the entry committed to with the words given for it [5]. Answers those, None for false ones."""
        find = partial(self.report.find, idx=idx, stream=entry["stream"], ver=entry["ver"])
        self.committed += len(entry["commit"])
        given: dict[str, bytes | None] = {}
        for name, salt, payload in self.openings.pop((entry["stream"], entry["ver"]), []):
            given[name] = None
            if name not in entry["commit"]:
                find("opening_unknown", found=name)
            elif len(salt) != 32 or commitment(entry, name, salt, payload) != entry["commit"][name]:
                find("opening_differs", expected=entry["commit"][name], found=name)
            else:
                self.opened += 1
                given[name] = payload
        if given.get("consent") is not None:
            told = verify_consent(entry, given, find)
            self.consents += [told] if told else []
        return given

    def end(self) -> None:
        """Name the words that belong to no entry read."""
        for (stream, ver), held in self.openings.items():
            for name, _, _ in held:
                self.report.find("opening_unknown", stream=stream, ver=ver, found=name)


def lines_in(raw: bytes, code: str, read: Reader, **fields: Callable[[Any], bool]) -> Iterator[tuple[int, Any]]:
    """Objects of JSON, one a line, with just these fields, and the number of each line. Raises CannotRead naming it."""
    if len(raw) > LARGEST_OPENINGS:
        raise CannotRead(code, "beyond the largest size")
    for number, line in enumerate(raw.removesuffix(b"\n").split(b"\n") if raw else [], 1):
        try:
            given = read(line)
            require(given.keys() == fields.keys(), "missing_field")
            require(all(holds(given[name]) for name, holds in fields.items()), "bad_data")
        except Unsound:
            raise CannotRead(code, str(number)) from None
        yield number, given


WORDS = {"stream": is_text, "ver": is_count, "name": is_payload_name, "salt": is_salt, "payload": is_text}


def openings_in(raw: bytes) -> Openings:
    """Words with their salts."""
    openings: Openings = defaultdict(list)
    for _, given in lines_in(raw, "openings_malformed", object_in, **WORDS):
        words = (given["name"], bytes.fromhex(given["salt"]), given["payload"].encode("utf-8"))
        openings[harmless(given["stream"]), given["ver"]].append(words)
    return openings


# -- a case file [17] ----------------------------------------------------------------------------------------------


class Manifest(NamedTuple):
    """What the house signed of a case file: the digest and length of each member."""

    stream: str
    reader: str
    made: int
    members: dict[str, tuple[str, int]]


Shown = tuple[int, int, bytes, Any]
"""An entry of the case file's stream: its version, index and leaf hash, and what it says unless it is hidden."""


def verify_case(archive: Archive, trust: Trust, report: Report) -> None:
    """All that one reader may have of one stream, from its signed list down to the last file."""
    trust.learn(archive.read("history", LARGEST_HISTORY), report)
    checkpoint = shown_checkpoint(archive, trust, report)
    manifest = checkpoint and report.attempt("manifest_malformed", manifest_in, archive, checkpoint, trust)
    if not checkpoint or not manifest:
        return
    digests = verify_members(archive, manifest, report)
    streams = Streams(openings_in(archive.read("openings.jsonl", LARGEST_OPENINGS) or b""), report)
    shown = list(shown_entries(archive, checkpoint, manifest.stream, trust, report))
    hidden = list(hidden_entries(archive, checkpoint, report))
    for ver, idx, leaf, entry in sorted(shown + hidden, key=lambda one: one[:2]):
        streams.follow(idx, leaf, manifest.stream, ver, entry)
    withheld = withheld_words(archive, shown)
    recorded, erased = streams.heads[manifest.stream].erased, []
    files: dict[int, bytes | None] = {}
    for ver, idx, _, entry in shown:
        given = streams.open_commitments(idx, entry)
        files |= {ver: given["file"]} if "file" in given else {}
        for name in sorted(entry["commit"].keys() - given.keys()):
            if (ver, name) in recorded:
                erased.append(f"{name} of entry {ver}: erased as recorded at entry {recorded[ver, name]}")
            elif (ver, name) not in withheld:
                report.find("words_missing", idx=idx, stream=manifest.stream, ver=ver, found=name)
    streams.end()
    verify_files(files, digests, manifest.stream, report)
    report.seen |= {"log": trust.origin, "stream": manifest.stream, "reader": manifest.reader}
    report.seen |= {"made": date_of(manifest.made), "size": checkpoint.size, "root": checkpoint.root.hex()}
    report.seen |= {"entries": [ver for ver, *_ in shown], "hidden": [ver for ver, *_ in hidden]}
    report.seen |= {"commitments": streams.committed, "opened": streams.opened, "withheld": len(withheld)}
    report.seen |= {"erased": erased, "files": len(files), "consents": streams.consents}
    trust.ask_witnesses(checkpoint, report)


def manifest_in(archive: Archive, checkpoint: Checkpoint, trust: Trust) -> Manifest:
    """The signed list of all members. What it says of the checkpoint must be so."""
    text, signatures = note_in(archive.read("manifest", LARGEST_MANIFEST) or b"", LARGEST_MANIFEST)
    signers(text, signatures, trust.at(checkpoint.size))
    header, *lines = text.split("\n")[:-1]
    require(header == "evenhand-case-file/v1" and len(lines) >= 5, "bad_manifest")
    (log, stream, size, reader, made), lines = lines[:5], lines[5:]
    require(log == trust.origin and is_stream(stream) and counted(size) == checkpoint.size, "bad_manifest")
    require(reader in ("buyer", "seller", "mediator", "decider"), "bad_manifest")
    told = [re.fullmatch(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,18}) ([!-~]+)", line) for line in lines]
    members = {line[3]: (line[1], int(line[2])) for line in told if line}
    require(len(members) == len(lines), "bad_manifest")
    return Manifest(stream, reader, counted(made), members)


def verify_members(archive: Archive, manifest: Manifest, report: Report) -> dict[str, tuple[str, int]]:
    """The digest and length of each member, which must be those that were signed. Nothing longer is unpacked."""
    digests, there = {}, [path for path in archive.members if path != "manifest"]
    amiss = sorted({*there} ^ {*manifest.members})
    for path in amiss or ["manifest"] * (there != list(manifest.members)):
        report.find("members_differ", found=path)
    for path in [path for path in there if path in manifest.members]:
        size = archive.members[path].size
        if size == manifest.members[path][1]:
            digest = hashlib.sha256()
            for part in archive.parts(path):
                digest.update(part)
            digests[path] = (digest.hexdigest(), size)
        if digests.get(path) != manifest.members[path]:
            report.find("member_differs", found=path)
    return digests


def shown_entries(
    archive: Archive, checkpoint: Checkpoint, stream: str, trust: Trust, report: Report
) -> Iterator[Shown]:
    for path in [path for path in archive.members if path.startswith("entries/")]:
        where: dict[str, Any] = {"stream": stream, "ver": int(path[8:14])}
        proven = prove_receipt(archive.read(path, LARGEST_RECEIPT) or b"", trust, report, **where)
        if proven and proven.checkpoint[:2] != checkpoint[:2]:
            report.find("receipt_of_another_tree", idx=proven.idx, **where)
        if proven and where != {name: proven.entry[name] for name in where}:
            report.find(
                "entry_misplaced", idx=proven.idx, **where, found=f"{proven.entry['stream']} {proven.entry['ver']}"
            )
        elif proven:
            yield proven.entry["ver"], *proven[1:]


def hidden_entries(archive: Archive, checkpoint: Checkpoint, report: Report) -> Iterator[Shown]:
    raw = archive.read("hidden.jsonl", LARGEST_OPENINGS) or b""
    shape = {"ver": is_count, "index": is_count, "leaf": hex64, "proof": lambda value: isinstance(value, list)}
    for _, given in lines_in(raw, "hidden_malformed", canonical_in, **shape):
        one = report.attempt("entry_not_proven", hidden_in, given, checkpoint, idx=given["index"], ver=given["ver"])
        if one:
            yield one


def hidden_in(given: dict[str, Any], checkpoint: Checkpoint) -> Shown:
    leaf, path = bytes.fromhex(given["leaf"]), [unbase64(str(held), "bad_hash") for held in given["proof"]]
    prove_inclusion(leaf, given["index"], checkpoint.size, path, checkpoint.root)
    return given["ver"], given["index"], leaf, None


def withheld_words(archive: Archive, shown: list[Shown]) -> set[tuple[int, str]]:
    """The words that are not for this reader: the version of the entry, and their name."""
    withheld = set()
    commitments = {(ver, name) for ver, _, _, entry in shown for name in entry["commit"]}
    raw = archive.read("withheld.jsonl", LARGEST_OPENINGS) or b""
    for number, given in lines_in(raw, "withheld_malformed", canonical_in, ver=is_count, name=is_payload_name):
        if (given["ver"], given["name"]) not in commitments:
            raise CannotRead("withheld_malformed", str(number))
        withheld.add((given["ver"], given["name"]))
    return withheld


def verify_files(
    words: dict[int, bytes | None], digests: dict[str, tuple[str, int]], stream: str, report: Report
) -> None:
    """Each file is the one that the words called `file` of its entry speak of, and each of those has its file, or a
    copy of which only the manifest says that it shows the same."""
    missing = {ver for ver, told in words.items() if told is not None}
    for path, held in digests.items():
        folder, _, name = path.partition("/")
        if folder in ("files", "copies"):
            ver = int(name[:6])
            told = Report("").attempt("file_differs", object_in, words.get(ver) or b"") or {}
            if ver not in missing or (folder == "files" and (told.get("sha256"), told.get("size")) != held):
                report.find("file_differs", stream=stream, ver=ver, found=path)
            missing.discard(ver)
    for ver in sorted(missing):
        report.find("file_missing", stream=stream, ver=ver)


# -- a whole log [12] ----------------------------------------------------------------------------------------------


def verify_log(
    source: Source, trust: Trust, kept: Sequence[Checkpoint], openings: Openings, hashes: bool, report: Report
) -> None:
    """The whole log behind its checkpoint, and whether it still holds what checkpoints kept elsewhere held."""
    checkpoint = shown_checkpoint(source, trust, report)
    if checkpoint is None:
        return
    size = checkpoint.size
    report.seen = {"log": trust.origin, "size": size, "root": checkpoint.root.hex()}
    tiles = Tiles(source, size)
    of_tiles = leaves_of_tiles(tiles, report)
    leaves = of_tiles
    if not hashes:
        streams, times = Streams(openings, report), Times()
        leaves = leaves_of_entries(source, size, streams, times, report)
        streams.end()
        times.verify(leaves, trust.origin, report)
        erased = sum(len(head.erased) for head in streams.heads.values())
        report.seen |= {"entries": len(leaves), "streams": len(streams.heads), "erased": erased}
        report.seen |= {"commitments": streams.committed, "opened": streams.opened}
        report.seen |= {"consents": len(streams.consents)} if streams.consents else {}
        if not report.findings:  # the log itself may say that a key no longer signs
            for idx, entry in times.own.get(trust.origin, []):
                where = {"idx": idx, "ver": entry["ver"], "expected": f"at entry {entry['ver']}"}
                report.attempt("history_malformed", trust.note, idx, entry, **where)
            verify_checkpoint(checkpoint.note, trust, report)
    compare_leaves(leaves, of_tiles, checkpoint, report)
    if len(leaves) == size:
        verify_upper_tiles(tiles, leaves, report)
        compare_kept(leaves, checkpoint, kept, report)
    trust.ask_witnesses(checkpoint, report)


def continued(data: dict[str, Any]) -> dict[str, Any] | None:
    """What a new log says of the one it was founded over [18]."""
    old = data.get("continues")
    sound = isinstance(old, dict) and is_origin(old.get("log")) and is_count(old.get("kept")) and hex64(old.get("root"))
    return old if sound else None


class Times:
    """Which origin entries bear from which place on, and what logs say of themselves [18]."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, str]] = []
        self.own: dict[str, list[tuple[int, dict[str, Any]]]] = {}

    def read(self, idx: int, entry: dict[str, Any]) -> None:
        if not self.begun or self.begun[-1][1] != entry["log"]:
            self.begun.append((idx, entry["log"]))
        if entry["stream"].startswith("log/"):
            self.own.setdefault(entry["log"], []).append((idx, entry))

    def verify(self, leaves: list[bytes], origin: str, report: Report) -> None:
        """Go back from the newest log to the one it was founded over, as long as there is one."""
        end = len(leaves)
        while end:
            first, founded = self.own.get(origin, [(0, None)])[0]
            old = continued(founded["data"]) if founded and founded["type"] == "log_founded" and first < end else None
            start = first if old else 0
            for place, (begun, bears) in enumerate(self.begun):
                after = self.begun[place + 1][0] if place + 1 < len(self.begun) else end
                if begun < end and after > start and bears != origin:
                    report.find("entry_of_another_log", idx=max(begun, start), expected=origin, found=bears)
            if old and (old["kept"] != start or roots_at(leaves, [start])[start].hex() != old["root"]):
                report.find("founding_differs", idx=start, expected=old["root"], found=old["kept"])
            before = [bears for begun, bears in self.begun if begun < start]
            # Where that log's own beginning is lost, too, what is left is of the log that it was founded over.
            origin, end = old["log"] if old and old["log"] in before else (before or [""])[-1], start


def shown_checkpoint(source: Source, trust: Trust, report: Report) -> Checkpoint | None:
    raw = source.read("checkpoint", LARGEST_NOTE)
    if raw is None:
        report.find("checkpoint_missing")
        return None
    return verify_checkpoint(raw, trust, report)


def entries_in(bundle: bytes, width: int) -> list[bytes]:
    """The entries of a bundle, each behind its length in two bytes; of a full bundle only the first may be asked."""
    entries: list[bytes] = []
    place = 0
    while place < len(bundle):
        require(len(entries) < WIDTH, "bad_bundle")
        start = place + 2
        place = start + int.from_bytes(bundle[place:start], "big")
        require(start <= len(bundle) and place <= len(bundle), "bad_bundle")
        entries.append(bundle[start:place])
    require(len(entries) in (width, WIDTH), "bad_bundle")
    return entries[:width]


def leaves_of_entries(source: Source, size: int, streams: Streams, times: Times, report: Report) -> list[bytes]:
    """The leaf hashes of all entries, each read and checked in its stream on the way."""
    leaves: list[bytes] = []
    for first in range(0, size, WIDTH):
        width = min(WIDTH, size - first)
        raw = read_partly(source, "entries", first // WIDTH, width, WIDTH * (LARGEST_ENTRY + 2))
        if raw is None:
            report.find("entries_missing" if first else "entries_not_given", idx=first)
            break
        entries = report.attempt("bundle_malformed", entries_in, raw, width, idx=first)
        if entries is None:
            break
        for raw_entry in entries:
            leaf, idx = leaf_hash(raw_entry), len(leaves)
            leaves.append(leaf)
            entry = report.attempt("entry_malformed", entry_in, raw_entry, idx=idx)
            if entry is not None:
                times.read(idx, entry)
                streams.follow(idx, leaf, entry["stream"], entry["ver"], entry)
                streams.open_commitments(idx, entry)
    return leaves


def leaves_of_tiles(tiles: Tiles, report: Report) -> list[bytes]:
    """The leaf hashes that the tiles of level 0 hold, up to the first tile that is missing or damaged."""
    leaves: list[bytes] = []
    for number in range(-(-tiles.size // WIDTH)):
        held = report.attempt("tile_differs", tiles.tile, 0, number)
        if held is None:
            break
        leaves += held
        tiles.kept.clear()
    return leaves


def compare_leaves(leaves: list[bytes], of_tiles: list[bytes], checkpoint: Checkpoint, report: Report) -> None:
    """Who is right, entries or tiles, the signed root decides; then each place that differs is named."""
    size = checkpoint.size
    right = len(leaves) == size and root(leaves) == checkpoint.root
    tiles_right = len(of_tiles) == size and root(of_tiles) == checkpoint.root
    for idx in range(min(len(leaves), len(of_tiles))):
        leaf, held = leaves[idx], of_tiles[idx]
        if leaf != held and not right:
            report.find("entry_differs", idx=idx, expected=held.hex(), found=leaf.hex())
        elif leaf != held:
            path = tile_path(0, idx // WIDTH, min(WIDTH, size - idx // WIDTH * WIDTH))
            report.find("tile_differs", idx=idx, expected=leaf.hex(), found=path)
    if len(leaves) == size and not right and not (tiles_right and leaves is not of_tiles):
        report.find("root_differs", expected=checkpoint.root.hex(), found=root(leaves).hex())


def verify_upper_tiles(tiles: Tiles, leaves: list[bytes], report: Report) -> None:
    """Every tile above level 0 holds the roots of the full tiles below it."""
    level, below = 0, leaves
    while len(below) >= WIDTH:
        level += 1
        below = [root(below[place : place + WIDTH]) for place in range(0, len(below) // WIDTH * WIDTH, WIDTH)]
        for number in range(-(-len(below) // WIDTH)):
            held = report.attempt("tile_differs", tiles.tile, level, number)
            if held not in (None, below[number * WIDTH : (number + 1) * WIDTH]):
                report.refused("tile_differs", tiles.amiss("tile_differs", level, number))


def compare_kept(leaves: list[bytes], shown: Checkpoint, kept: Sequence[Checkpoint], report: Report) -> None:
    """What was signed once must be the beginning of what is signed now."""
    roots = roots_at(leaves, [known.size for known in kept if known.size <= shown.size])
    for known in kept:
        if known.size > shown.size:
            report.find("log_shrank", expected=known.size, found=shown.size)
        elif roots[known.size] != known.root:
            report.find("log_forked", expected=known.root.hex(), found=known.size)


# -- following a log -----------------------------------------------------------------------------------------------


def follow(source: Source, trust: Trust, state: Path, report: Report) -> None:
    """Whether the log still begins with what it held last time. Believes a new checkpoint only then."""
    known = known_checkpoint(source, state, trust, report)
    shown = shown_checkpoint(source, trust, report) if known or not os.path.lexists(state) else None
    if shown is None:
        return
    report.seen = {"log": trust.origin, "size": shown.size, "root": shown.root.hex()}
    report.seen["size_before"] = known.size if known else None
    if known and known.size > shown.size:
        report.find("log_shrank", expected=known.size, found=shown.size)
    elif known and known.size == shown.size and known.root != shown.root:
        report.find("log_forked", expected=known.root.hex(), found=known.size)
    elif known is None or known.size < shown.size:
        verify_growth(Tiles(source, shown.size), known, shown, report)
    in_doubt = bool(report.findings)
    trust.ask_witnesses(shown, report)
    if not report.findings:
        believe(state, shown.note)
    elif known and in_doubt:
        report.seen["evidence"] = keep_evidence(state, known.note, shown.note)


def known_checkpoint(source: Source, state: Path, trust: Trust, report: Report) -> Checkpoint | None:
    """The checkpoint believed last time, None the first time. Opened before the log says which keys signed when, so
    that it cannot disown what it signed; after that only where it needs a key that the log leads to."""
    raw = file_at(str(state), LARGEST_NOTE) if os.path.lexists(state) else None
    known = raw and Report("").attempt("state_malformed", trust.checkpoint_in, raw)
    trust.learn(source.read("history", LARGEST_HISTORY), report)
    if raw is None or known:
        return known or None
    return report.attempt("state_malformed", trust.checkpoint_in, raw)


def verify_growth(tiles: Tiles, known: Checkpoint | None, shown: Checkpoint, report: Report) -> None:
    """Ask the tiles for a consistency proof; where it fails, find out from all leaves who is to blame."""
    try:
        if known and known.size:
            prove_growth(known.size, known.root, shown.size, shown.root, tiles.growth(known.size))
        else:  # nothing to compare with; the tiles must at least be those of the checkpoint
            require(shown.size == 0 or tiles.root(0, shown.size) == shown.root, "wrong_root")
    except Unsound as refusal:
        if refusal.where:
            report.refused("tile_differs", refusal)
            return
        leaves = leaves_of_tiles(Tiles(tiles.source, shown.size), report)
        if len(leaves) == shown.size and root(leaves) == shown.root:
            compare_kept(leaves, shown, [known] if known else [], report)
        if not report.findings:
            report.find("tile_differs", found="one of the tiles")


def believe(state: Path, note: bytes) -> None:
    """Keep the checkpoint for next time. Written aside and renamed, so that never half of one is kept."""
    aside = state.with_name(f".{state.name}.{os.urandom(8).hex()}")
    try:
        write_new(aside, note)
        os.replace(aside, state)
    except OSError as trouble:
        raise CannotRead("not_saved", f"{state} ({trouble.strerror})") from None


def keep_evidence(state: Path, known: bytes, shown: bytes) -> list[str]:
    """Both signed notes, under names of their own that are never written again. Together they prove a fork; where the
    log only failed to show that it grew, others may hold what is missing."""
    digest = hashlib.sha256(with_length(known) + shown).hexdigest()[:16]
    names = []
    for word, note in (("kept", known), ("shown", shown)):
        path = state.with_name(f"{state.name}.evidence-{digest}.{word}")
        try:
            write_new(path, note)
        except FileExistsError:
            if file_at(str(path), LARGEST_NOTE) != note:
                raise CannotRead("not_saved", f"{path} (something else is there)") from None
        except OSError as trouble:
            raise CannotRead("not_saved", f"{path} ({trouble.strerror})") from None
        names.append(harmless(path))
    return names


def write_new(path: Path, raw: bytes) -> None:
    with open(path, "xb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


# -- the command line ----------------------------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {harmless(message)}\n")


def vkey(line: str) -> Key:
    try:
        return key_in(line.strip())
    except Unsound:
        raise argparse.ArgumentTypeError("this is not a key as logs publish it (name+id+base64)") from None


def parser() -> Parser:
    usual = Parser(add_help=False)
    usual.add_argument("--key", type=vkey, action="append", default=[], help="the log's key; may be repeated")
    usual.add_argument("--policy", metavar="FILE", help="keys and witnesses that you trust, as C2SP tlog-policy has it")
    usual.add_argument("--history", metavar="FILE", help="receipts that lead from a key to the log's other ones")
    usual.add_argument("--not-older", metavar="DAYS", type=int, help="ask for a witness's signature of the last days")
    usual.add_argument("--json", action="store_true", help="write the result as JSON")
    top = Parser(description="Check receipts, case files and logs of Evenhand without trusting Evenhand.")
    modes = top.add_subparsers(dest="mode", required=True)
    receipt = modes.add_parser("receipt", parents=[usual], help="check one receipt")
    case = modes.add_parser("case", parents=[usual], help="check a case file")
    log = modes.add_parser("log", parents=[usual], help="check a whole log")
    followed = modes.add_parser("follow", parents=[usual], help="check that a log only grew since the last time")
    for mode, place in ((receipt, "FILE"), (case, "FILE"), (log, "DIR|URL"), (followed, "DIR|URL")):
        mode.add_argument("place", metavar=place)
    for mode in (receipt, log):
        mode.add_argument("--openings", metavar="FILE", help="words and salts to compare, one JSON object a line")
    kept = "a checkpoint or receipt kept earlier; may be repeated"
    log.add_argument("--checkpoint", metavar="FILE", action="append", default=[], help=kept)
    log.add_argument("--hashes", action="store_true", help="check hashes only, where entries are not given")
    log.add_argument("--token-file", metavar="FILE", help="what lets you read entries at the URL")
    followed.add_argument("--state", metavar="FILE", type=Path, required=True, help="where the last checkpoint is kept")
    return top


def kept_checkpoint(path: str, trust: Trust, report: Report) -> Checkpoint | None:
    raw = file_at(path, LARGEST_RECEIPT)
    if raw.startswith(HEADER.encode()):
        proven = prove_receipt(raw, trust, report)
        return proven.checkpoint if proven else None
    return verify_checkpoint(raw, trust, report)


def kept_checkpoints(source: Source, paths: list[str], trust: Trust, report: Report) -> list[Checkpoint]:
    """Those that the reader kept, opened before the log says which keys signed when, as in `known_checkpoint`."""
    early = {path: kept_checkpoint(path, trust, Report("")) for path in paths}
    trust.learn(source.read("history", LARGEST_HISTORY), report)
    kept = [early[path] or kept_checkpoint(path, trust, report) for path in paths]
    return [checkpoint for checkpoint in kept if checkpoint]


def trusted(given: argparse.Namespace, report: Report) -> Trust | str:
    """Whom the reader says they trust, or why that makes no sense."""
    policy = Policy(file_at(given.policy, LARGEST_POLICY)) if given.policy else Policy()
    asked = [*given.key, *policy.keys]
    names = {key.name for key in given.key or asked}
    if len(names) != 1:
        return "the keys belong to different logs" if names else "a --key is needed, or a --policy that names a log"
    trust = Trust([key for key in asked if key.name in names], policy, given.not_older)
    trust.learn(file_at(given.history, LARGEST_HISTORY) if given.history else None, report)
    return trust


def run(given: argparse.Namespace, trust: Trust, report: Report) -> None:
    asked = vars(given)
    openings = openings_in(file_at(given.openings, LARGEST_OPENINGS)) if asked.get("openings") else {}
    if given.mode == "receipt":
        verify_receipt(file_at(given.place, LARGEST_RECEIPT), trust, openings, report)
    elif given.mode == "case":
        report.attempt("archive_malformed", lambda: verify_case(Archive(given.place), trust, report))
    else:
        token = file_at(given.token_file, 1_000).decode("ascii", "replace").strip() if asked.get("token_file") else ""
        source = source_at(given.place, token)
        if given.mode == "follow":
            follow(source, trust, given.state, report)
        else:
            kept = kept_checkpoints(source, given.checkpoint, trust, report)
            verify_log(source, trust, kept, openings, given.hashes, report)


def main(arguments: Sequence[str]) -> int:
    top = parser()
    given = top.parse_args(arguments)
    if given.mode == "follow" and Path(os.path.realpath(given.state)).is_relative_to(os.path.realpath(given.place)):
        top.error("the state must lie outside the log that is checked")
    report = Report(given.mode)
    try:
        trust = trusted(given, report)
        if isinstance(trust, str):
            top.error(trust)
        run(given, trust, report)
    except CannotRead as trouble:
        report.find(trouble.code, found=trouble.what)
    except Exception as fault:  # the outermost edge: whatever was read, a reader gets a sentence and a code
        report.find("verifier_failed", found=f"{type(fault).__name__} {fault}")
    print(report.as_json() if given.json else report.as_text())
    return report.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
