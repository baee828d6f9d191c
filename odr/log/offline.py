"""The verifier for everybody: checks receipts and whole logs of Evenhand without trusting Evenhand.

One file of plain Python (3.11 or later), nothing to install, written from docs/log-format.md alone so that it repeats
no mistake of the product. Numbers in brackets, as in [9], are sections there. Read it before you run it:

    python3 evenhand-verify.py receipt FILE --key VKEY        one receipt (.tlog-proof)
    python3 evenhand-verify.py log DIR|URL --key VKEY         a whole log: checkpoint, tiles and entries
    python3 evenhand-verify.py follow DIR|URL --key VKEY --state FILE
                                                              whether a log still holds what it held last time

VKEY is the public key of the log; get it by a way that does not lead through whoever gave you the file. The program
ends with 0 when all is sound, 1 when something was tampered with, 2 when it cannot tell, 3 when it was called wrongly.
It writes nothing but the state FILE of `follow` and, beside that, evidence of a fork. It runs nothing it reads.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import http.client
import json
import os
import re
import stat
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

SOUND, TAMPERED, CANNOT_TELL, USAGE = 0, 1, 2, 3

LARGEST_ENTRY = 65_535
LARGEST_INTEGER = 2**53 - 1
LARGEST_SIZE = 2**63 - 1
LARGEST_NOTE = 131_072
LARGEST_RECEIPT = 262_144
LARGEST_OPENINGS = 64 * 1024 * 1024
DEEPEST = 16
MOST_SIGNATURES = 16
MOST_HASHES = 63
MOST_FINDINGS = 1_000
WIDTH = 256
HASH = 32
HEADER = "c2sp.org/tlog-proof@v1"
GENESIS = "0" * 64


class Unsound(Exception):
    """Bytes that break a rule of the format; `code` is the word for the rule in [13]."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class CannotRead(Exception):
    """Something is not there or does not answer, which says nothing about whether the log is sound."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code, self.what = code, what


def require(holds: bool, code: str) -> None:
    if not holds:
        raise Unsound(code)


# -- what is said --------------------------------------------------------------------------------------------------

# Each code with its weight and the sentence a reader is told. {idx} counts from 0, {ver} from 1.
SENTENCES: dict[str, tuple[int, str]] = {
    "receipt_unknown": (CANNOT_TELL, "This file is not a receipt: it does not begin as receipts do."),
    "receipt_malformed": (TAMPERED, "The receipt is damaged or was altered ({found})."),
    "checkpoint_missing": (CANNOT_TELL, "There is no checkpoint, so there is nothing signed to check against."),
    "checkpoint_not_signed": (CANNOT_TELL, "None of the keys you trust signed the checkpoint ({found})."),
    "checkpoint_malformed": (TAMPERED, "The checkpoint is damaged, was altered, or is signed falsely ({found})."),
    "checkpoint_of_another_log": (TAMPERED, "The checkpoint speaks of another log, {found}."),
    "entry_malformed": (TAMPERED, "The entry at place {idx} is not one the log can have written ({found})."),
    "entry_of_another_log": (TAMPERED, "The entry at place {idx} belongs to another log, {found}."),
    "entry_not_proven": (TAMPERED, "The signed checkpoint does not contain this entry at place {idx} ({found})."),
    "entry_differs": (TAMPERED, "The entry at place {idx} is not the one that was signed."),
    "entries_missing": (TAMPERED, "The entries from place {idx} on are not there, but the checkpoint counts them."),
    "entries_not_given": (CANNOT_TELL, "No entries are given, only hashes; --hashes checks those."),
    "bundle_malformed": (TAMPERED, "The bundle of entries from place {idx} on is damaged or was altered."),
    "tile_missing": (TAMPERED, "The hashes in {found} are not there."),
    "tile_differs": (TAMPERED, "The hashes in {found} are not those of the log that was signed."),
    "root_differs": (TAMPERED, "The entries together are not the log that was signed."),
    "stream_gap": (
        TAMPERED,
        "{stream} should go on with entry {expected}, and entry {ver} follows: one was taken out.",
    ),
    "stream_twice": (TAMPERED, "{stream} has its entry {ver} a second time, so that there are two versions of it."),
    "stream_prev_differs": (TAMPERED, "Entry {ver} of {stream} does not follow the entry that stands before it."),
    "stream_time_goes_back": (TAMPERED, "Entry {ver} of {stream} is dated before the entry that it follows."),
    "opening_differs": (TAMPERED, "The words given as {found} are not those that entry {ver} of {stream} fixed."),
    "opening_unknown": (CANNOT_TELL, "Words are given as {found} that no entry {ver} of {stream} here fixed."),
    "openings_malformed": (CANNOT_TELL, "Line {found} of the file of words cannot be read."),
    "log_shrank": (TAMPERED, "The log was signed with {expected} entries, and {found} are shown: some were cut off."),
    "log_forked": (TAMPERED, "The log's key signed two histories that contradict each other at {found} entries."),
    "state_malformed": (CANNOT_TELL, "The state file holds no checkpoint that your key signed ({found})."),
    "unreadable": (CANNOT_TELL, "This cannot be read: {found}."),
    "unreachable": (CANNOT_TELL, "This does not answer: {found}."),
    "not_saved": (CANNOT_TELL, "This cannot be written: {found}."),
    "too_many_findings": (TAMPERED, "There is more, which is not listed."),
    "verifier_failed": (CANNOT_TELL, "The verifier itself failed ({found}). Please report it."),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or cannot be told, and where."""

    code: str
    idx: int | None = None
    stream: str | None = None
    ver: int | None = None
    expected: str | None = None
    found: str | None = None

    @property
    def sentence(self) -> str:
        return SENTENCES[self.code][1].format(**asdict(self))


@dataclass
class Report:
    """What was found wrong, and what was seen to be so."""

    mode: str
    findings: list[Finding] = field(default_factory=list)
    seen: dict[str, Any] = field(default_factory=dict)

    def find(self, code: str, *, expected: object = None, found: object = None, **where: Any) -> None:
        if len(self.findings) < MOST_FINDINGS:
            told = [None if value is None else harmless(value) for value in (expected, found)]
            self.findings.append(Finding(code, **where, expected=told[0], found=told[1]))
        elif len(self.findings) == MOST_FINDINGS:
            self.findings.append(Finding("too_many_findings"))

    @property
    def status(self) -> int:
        weights = {SENTENCES[finding.code][0] for finding in self.findings}
        return next((weight for weight in (TAMPERED, CANNOT_TELL) if weight in weights), SOUND)

    @property
    def verdict(self) -> str:
        return {SOUND: "sound", TAMPERED: "tampered", CANNOT_TELL: "cannot_tell"}[self.status]

    def as_json(self) -> str:
        found = [{**asdict(finding), "sentence": finding.sentence} for finding in self.findings]
        return json.dumps({"mode": self.mode, "verdict": self.verdict, "seen": self.seen, "findings": found}, indent=2)

    def as_text(self) -> str:
        lines = [f"{finding.code}: {finding.sentence}" for finding in self.findings]
        lines += [f"  {name}: {harmless(value, 2_000)}" for name, value in self.seen.items()]
        sound = "first" if self.seen.get("size_before", 0) is None else self.mode
        return "\n".join([*lines, CLOSING[sound if self.status == SOUND else self.verdict]])


CLOSING = {
    "receipt": "SOUND. The entry stands in the log at this place, as the log's key signed it. This does not show that\n"
    "what was entered is true, nor that nothing was entered later.",
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
is_stream = matches("(dispute|account|mediator|round)/[0-9a-f]{32}")
is_type = matches("[a-z][a-z0-9_]{0,63}")
is_payload_name = matches("[a-z][a-z0-9_.]{0,63}")
is_clock = matches("real|simulated|bulk")
is_role = matches("buyer|seller|mediator|registrar|regulator|admin|person|system")
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


def entry_in(raw: bytes) -> dict[str, Any]:
    """The entry in these bytes, which must be its one spelling."""
    require(len(raw) <= LARGEST_ENTRY, "too_long")
    entry = object_in(raw)
    require_profile(entry, DEEPEST)
    try:
        again = ENCODER.encode(entry).encode("utf-8")
    except UnicodeEncodeError:
        raise Unsound("surrogate") from None
    require(again == raw, "not_canonical")
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


def prove_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], tree: bytes) -> None:
    """Refuse unless the leaf stands at this index of the tree of this size and root."""
    require(0 < size <= LARGEST_SIZE, "bad_size")
    require(0 <= index < size, "bad_index")
    require_hashes(leaf, tree, *path)
    climbed = leaf
    for beside, left in turns(index, size - 1, path):
        climbed = node(beside, climbed) if left else node(climbed, beside)
    require(climbed == tree, "wrong_root")


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


@dataclass(frozen=True)
class Key:
    """A key the reader trusts."""

    name: str
    id: bytes
    public: bytes


@dataclass(frozen=True)
class Checkpoint:
    """What a log said of itself, and the note in which it said so."""

    size: int
    root: bytes
    note: bytes


def unbase64(text: str, code: str) -> bytes:
    try:
        plain = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unsound(code) from None
    require(base64.b64encode(plain).decode() == text, code)
    return plain


def is_key_name(name: str) -> bool:
    return name != "" and not any(sign in "+" or sign.isspace() or sign < " " for sign in name)


def key_in(line: str) -> Key:
    """The key of a vkey line."""
    parts = line.split("+", 2)
    require(len(parts) == 3 and is_key_name(parts[0]), "bad_vkey")
    plain = unbase64(parts[2], "bad_vkey")
    require(len(plain) == 33 and plain[0] == 1, "bad_vkey")
    key_id = hashlib.sha256(parts[0].encode("utf-8", "replace") + b"\n" + plain).digest()[:4]
    require(parts[1] == key_id.hex(), "bad_vkey")
    return Key(parts[0], key_id, plain[1:])


def text_in(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unsound("not_utf8") from None
    require(not any(sign < " " and sign != "\n" for sign in text), "control_character")
    return text


def signed_text(raw: bytes, keys: Sequence[Key]) -> str:
    """The text of a note that at least one of these keys signed, and none of them falsely."""
    require(len(raw) <= LARGEST_NOTE, "too_long")
    text, empty_line, below = text_in(raw).rpartition("\n\n")
    require(empty_line != "" and below != "", "no_signature")
    require(below.endswith("\n"), "bad_signature_line")
    text += "\n"
    lines = below[:-1].split("\n")
    require(len(lines) <= MOST_SIGNATURES, "too_many_signatures")
    trusted = {(key.name, key.id): key for key in keys}
    good = 0
    for name, plain in [signature_in(line) for line in lines]:
        key = trusted.get((name, plain[:4]))
        if key is not None:
            require(signature_holds(key.public, text.encode("utf-8"), plain[4:]), "bad_signature")
            good += 1
    require(good > 0, "no_known_signature")
    return text


def signature_in(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    require(len(parts) == 3 and parts[0] == "\u2014" and is_key_name(parts[1]), "bad_signature_line")
    plain = unbase64(parts[2], "bad_signature_line")
    require(len(plain) >= 5, "bad_signature_line")
    return parts[1], plain


def checkpoint_in(raw: bytes, keys: Sequence[Key]) -> Checkpoint:
    """The checkpoint in a note signed by the log whose name the keys bear."""
    lines = signed_text(raw, keys).split("\n")
    require(len(lines) >= 4 and lines[0] != "", "bad_checkpoint")
    require(len(lines) == 4, "extension_line")
    require(re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) is not None and int(lines[1]) <= LARGEST_SIZE, "bad_size")
    tree = unbase64(lines[2], "bad_root")
    require(len(tree) == HASH and (lines[1] != "0" or tree == root([])), "bad_root")
    require(lines[0] == keys[0].name, "wrong_origin")
    return Checkpoint(int(lines[1]), tree, raw)


@dataclass(frozen=True)
class Receipt:
    entry: bytes
    index: int
    path: list[bytes]
    note: bytes


def receipt_in(raw: bytes) -> Receipt:
    """The parts of a receipt, none of them believed yet."""
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
    return Receipt(entry, int(found[1]), path, note)


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


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Web:
    """A log behind an address of http or https. Answers are taken as they are: no redirects, nothing unpacked."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.opener = urllib.request.build_opener(NoRedirects)

    def read(self, path: str, limit: int) -> bytes | None:
        address, headers = f"{self.address}/{path}", {"Accept-Encoding": "identity"}
        try:
            asked = urllib.request.Request(address, headers=headers)  # noqa: S310 - the reader named http or https
            with self.opener.open(asked, timeout=30) as answer:
                raw = bytes(answer.read(limit + 1))
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise CannotRead("unreachable", f"{path} (answered in a compressed form)")
                if len(raw) <= limit and answer.length:
                    raise CannotRead("unreachable", f"{path} (the answer broke off)")
                return raw
        except urllib.error.HTTPError as refusal:
            if refusal.code in (404, 410):
                return None
            raise CannotRead("unreachable", f"{path} (status {refusal.code})") from None
        except (OSError, http.client.HTTPException, ValueError) as trouble:
            raise CannotRead("unreachable", f"{path} ({trouble})") from None


Source = Folder | Web
"""Both read the bytes at a path, at most one more than a limit, and answer None where there is nothing."""


def source_at(place: str) -> Source:
    if place.startswith(("http://", "https://")):
        return Web(place)
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


class Untrue(Exception):
    """A tile is missing or not what it should be: the code of a finding, the first leaf under it, its path."""

    def __init__(self, code: str, idx: int, path: str) -> None:
        super().__init__(code)
        self.code, self.idx, self.path = code, idx, path


class Tiles:
    """The hashes of a log of this size. Nothing read here is true until a root has been computed from it."""

    def __init__(self, source: Source, size: int) -> None:
        self.source, self.size = source, size
        self.kept: dict[tuple[int, int], list[bytes]] = {}

    def width(self, level: int, number: int) -> int:
        return min(WIDTH, (self.size >> 8 * level) - number * WIDTH)

    def path(self, level: int, number: int) -> str:
        return tile_path(level, number, self.width(level, number))

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of one tile, as many as the log has of it. Raises Untrue."""
        if (level, number) not in self.kept:
            width = self.width(level, number)
            raw = read_partly(self.source, level, number, width, WIDTH * HASH)
            if raw is None:
                raise Untrue("tile_missing", number * WIDTH ** (level + 1), self.path(level, number))
            # A full tile may stand for the part of it that this log has.
            if len(raw) not in (width * HASH, WIDTH * HASH):
                raise Untrue("tile_differs", number * WIDTH ** (level + 1), self.path(level, number))
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


def verify_receipt(raw: bytes, keys: Sequence[Key], openings: Openings, report: Report) -> Checkpoint | None:
    """Everything a receipt claims; answers its checkpoint when that is sound."""
    try:
        receipt = receipt_in(raw)
    except Unsound as refusal:
        report.find("receipt_unknown" if refusal.code == "bad_header" else "receipt_malformed", found=refusal.code)
        return None
    checkpoint = verify_checkpoint(receipt.note, keys, report)
    streams = Streams(keys[0].name, openings, report)
    entry = streams.read(receipt.index, receipt.entry)
    if checkpoint is None or entry is None:
        return checkpoint
    leaf = leaf_hash(receipt.entry)
    try:
        prove_inclusion(leaf, receipt.index, checkpoint.size, receipt.path, checkpoint.root)
    except Unsound as refusal:
        report.find("entry_not_proven", idx=receipt.index, found=refusal.code)
        return checkpoint
    streams.open_commitments(receipt.index, entry)
    streams.end()
    names = ("log", "stream", "ver", "type", "at", "clock", "role", "class", "prev", "data")
    report.seen = {"idx": receipt.index, "size": checkpoint.size, "root": checkpoint.root.hex(), "leaf": leaf.hex()}
    report.seen |= {name: entry[name] for name in names} | {"date": date_of(entry["at"]), "opened": streams.opened}
    return checkpoint


def date_of(at: int) -> str:
    if at >= 253_402_300_800_000:
        return "after the year 9999"
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def verify_checkpoint(raw: bytes, keys: Sequence[Key], report: Report) -> Checkpoint | None:
    try:
        return checkpoint_in(raw, keys)
    except Unsound as refusal:
        codes = {"no_known_signature": "checkpoint_not_signed", "wrong_origin": "checkpoint_of_another_log"}
        report.find(codes.get(refusal.code, "checkpoint_malformed"), found=refusal.code, expected=keys[0].name)
        return None


class Streams:
    """Reads entries in the order of the tree and follows the chain of each stream [4]."""

    def __init__(self, origin: str, openings: Openings, report: Report) -> None:
        self.origin, self.report = origin, report
        self.openings = dict(openings)
        self.heads: dict[str, tuple[int, str, int]] = {}
        self.committed = self.opened = 0

    def read(self, idx: int, raw: bytes) -> dict[str, Any] | None:
        """The entry in these bytes when it is one of this log."""
        try:
            entry = entry_in(raw)
        except Unsound as refusal:
            self.report.find("entry_malformed", idx=idx, found=refusal.code)
            return None
        if entry["log"] != self.origin:
            self.report.find("entry_of_another_log", idx=idx, expected=self.origin, found=entry["log"])
            return None
        return entry

    def follow(self, idx: int, entry: dict[str, Any], leaf: bytes) -> None:
        """Check an entry against the one before it in its stream."""
        stream, ver = entry["stream"], entry["ver"]
        last, seal, at = self.heads.get(stream, (0, GENESIS, 0))
        where = {"idx": idx, "stream": stream, "ver": ver}
        if ver > last + 1:
            self.report.find("stream_gap", **where, expected=last + 1, found=ver)
        elif ver <= last:
            self.report.find("stream_twice", **where, expected=last + 1, found=ver)
        elif entry["prev"] != seal:
            self.report.find("stream_prev_differs", **where, expected=seal, found=entry["prev"])
        if entry["at"] < at:
            self.report.find("stream_time_goes_back", **where, expected=f"at least {at}", found=entry["at"])
        if ver > last:
            self.heads[stream] = (ver, leaf.hex(), max(at, entry["at"]))

    def open_commitments(self, idx: int, entry: dict[str, Any]) -> None:
        """Compare what the entry committed to with the words given for it [5]."""
        where = {"idx": idx, "stream": entry["stream"], "ver": entry["ver"]}
        self.committed += len(entry["commit"])
        for name, salt, payload in self.openings.pop((entry["stream"], entry["ver"]), []):
            if name not in entry["commit"]:
                self.report.find("opening_unknown", **where, found=name)
            elif len(salt) != 32 or commitment(entry, name, salt, payload) != entry["commit"][name]:
                self.report.find("opening_differs", **where, expected=entry["commit"][name], found=name)
            else:
                self.opened += 1

    def end(self) -> None:
        """Name the words that belong to no entry read."""
        for (stream, ver), held in self.openings.items():
            for name, _, _ in held:
                self.report.find("opening_unknown", stream=stream, ver=ver, found=name)


def openings_in(raw: bytes) -> Openings:
    """Words with their salts, one object of JSON a line. Raises CannotRead naming the line."""
    openings: Openings = {}
    if len(raw) > LARGEST_OPENINGS:
        raise CannotRead("openings_malformed", "beyond the largest size")
    for number, line in enumerate(raw.splitlines(), 1):
        try:
            given = object_in(line)
            require(given.keys() == {"stream", "ver", "name", "salt", "payload"}, "missing_field")
            require(isinstance(given["stream"], str) and is_count(given["ver"]), "bad_stream")
            require(is_payload_name(given["name"]) and isinstance(given["payload"], str), "bad_name")
            require(matches("([0-9a-f]{2})*")(given["salt"]), "bad_salt")
            words = (given["name"], bytes.fromhex(given["salt"]), given["payload"].encode("utf-8"))
        except (Unsound, UnicodeEncodeError):
            raise CannotRead("openings_malformed", str(number)) from None
        openings.setdefault((harmless(given["stream"]), given["ver"]), []).append(words)
    return openings


# -- a whole log [12] ----------------------------------------------------------------------------------------------


def verify_log(
    source: Source, keys: Sequence[Key], kept: Sequence[Checkpoint], openings: Openings, hashes: bool, report: Report
) -> None:
    """The whole log behind its checkpoint, and whether it still holds what checkpoints kept elsewhere held."""
    checkpoint = shown_checkpoint(source, keys, report)
    if checkpoint is None:
        return
    size = checkpoint.size
    report.seen = {"log": keys[0].name, "size": size, "root": checkpoint.root.hex()}
    tiles = Tiles(source, size)
    of_tiles = leaves_of_tiles(tiles, report)
    leaves = of_tiles
    if not hashes:
        streams = Streams(keys[0].name, openings, report)
        leaves = leaves_of_entries(source, size, streams, report)
        streams.end()
        report.seen |= {"entries": len(leaves), "streams": len(streams.heads)}
        report.seen |= {"commitments": streams.committed, "opened": streams.opened}
    compare_leaves(leaves, of_tiles, checkpoint, report)
    if len(leaves) == size:
        verify_upper_tiles(tiles, leaves, report)
        compare_kept(leaves, checkpoint, kept, report)


def shown_checkpoint(source: Source, keys: Sequence[Key], report: Report) -> Checkpoint | None:
    raw = source.read("checkpoint", LARGEST_NOTE)
    if raw is None:
        report.find("checkpoint_missing")
        return None
    return verify_checkpoint(raw, keys, report)


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


def leaves_of_entries(source: Source, size: int, streams: Streams, report: Report) -> list[bytes]:
    """The leaf hashes of all entries, each read and checked in its stream on the way."""
    leaves: list[bytes] = []
    for first in range(0, size, WIDTH):
        width = min(WIDTH, size - first)
        raw = read_partly(source, "entries", first // WIDTH, width, WIDTH * (LARGEST_ENTRY + 2))
        if raw is None:
            report.find("entries_missing" if first else "entries_not_given", idx=first)
            break
        try:
            entries = entries_in(raw, width)
        except Unsound:
            report.find("bundle_malformed", idx=first)
            break
        for raw_entry in entries:
            leaf, idx = leaf_hash(raw_entry), len(leaves)
            leaves.append(leaf)
            entry = streams.read(idx, raw_entry)
            if entry is not None:
                streams.follow(idx, entry, leaf)
                streams.open_commitments(idx, entry)
    return leaves


def leaves_of_tiles(tiles: Tiles, report: Report) -> list[bytes]:
    """The leaf hashes that the tiles of level 0 hold, up to the first tile that is missing or damaged."""
    leaves: list[bytes] = []
    try:
        for number in range(-(-tiles.size // WIDTH)):
            leaves += tiles.tile(0, number)
            tiles.kept.clear()
    except Untrue as untrue:
        report.find(untrue.code, idx=untrue.idx, found=untrue.path)
    return leaves


def compare_leaves(leaves: list[bytes], of_tiles: list[bytes], checkpoint: Checkpoint, report: Report) -> None:
    """Who is right, entries or tiles, the signed root decides; then each place that differs is named."""
    size = checkpoint.size
    right = len(leaves) == size and root(leaves) == checkpoint.root
    tiles_right = len(of_tiles) == size and root(of_tiles) == checkpoint.root
    for idx, (leaf, held) in enumerate(zip(leaves, of_tiles, strict=False)):
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
            try:
                if tiles.tile(level, number) != below[number * WIDTH : (number + 1) * WIDTH]:
                    raise Untrue("tile_differs", number * WIDTH ** (level + 1), tiles.path(level, number))
            except Untrue as untrue:
                report.find(untrue.code, idx=untrue.idx, found=untrue.path)


def compare_kept(leaves: list[bytes], shown: Checkpoint, kept: Sequence[Checkpoint], report: Report) -> None:
    """What was signed once must be the beginning of what is signed now."""
    roots = roots_at(leaves, [known.size for known in kept if known.size <= shown.size])
    for known in kept:
        if known.size > shown.size:
            report.find("log_shrank", expected=known.size, found=shown.size)
        elif roots[known.size] != known.root:
            report.find("log_forked", expected=known.root.hex(), found=known.size)


# -- following a log -----------------------------------------------------------------------------------------------


def follow(source: Source, keys: Sequence[Key], state: Path, report: Report) -> None:
    """Whether the log still begins with what it held last time. Believes a new checkpoint only then."""
    known = known_checkpoint(state, keys, report)
    if report.findings:
        return
    shown = shown_checkpoint(source, keys, report)
    if shown is None:
        return
    report.seen = {"log": keys[0].name, "size": shown.size, "root": shown.root.hex()}
    report.seen["size_before"] = known.size if known else None
    if known and known.size > shown.size:
        report.find("log_shrank", expected=known.size, found=shown.size)
    elif known and known.size == shown.size and known.root != shown.root:
        report.find("log_forked", expected=known.root.hex(), found=known.size)
    elif known is None or known.size < shown.size:
        verify_growth(Tiles(source, shown.size), known, shown, report)
    if not report.findings:
        believe(state, shown.note)
    elif known:
        report.seen["evidence"] = keep_evidence(state, known.note, shown.note)


def known_checkpoint(state: Path, keys: Sequence[Key], report: Report) -> Checkpoint | None:
    """The checkpoint believed last time, None the first time."""
    if not os.path.lexists(state):
        return None
    try:
        return checkpoint_in(file_at(str(state), LARGEST_NOTE), keys)
    except Unsound as refusal:
        report.find("state_malformed", found=refusal.code)
        return None


def verify_growth(tiles: Tiles, known: Checkpoint | None, shown: Checkpoint, report: Report) -> None:
    """Ask the tiles for a consistency proof; where it fails, find out from all leaves who is to blame."""
    try:
        if known and known.size:
            prove_growth(known.size, known.root, shown.size, shown.root, tiles.growth(known.size))
        else:  # nothing to compare with; the tiles must at least be those of the checkpoint
            require(shown.size == 0 or tiles.root(0, shown.size) == shown.root, "wrong_root")
    except Untrue as untrue:
        report.find(untrue.code, idx=untrue.idx, found=untrue.path)
    except Unsound:
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
    usual.add_argument("--key", type=vkey, action="append", required=True, help="the log's key; may be repeated")
    usual.add_argument("--json", action="store_true", help="write the result as JSON")
    words = Parser(add_help=False)
    words.add_argument("--openings", metavar="FILE", help="words and salts to compare, one JSON object a line")
    top = Parser(description="Check receipts and logs of Evenhand without trusting Evenhand.")
    modes = top.add_subparsers(dest="mode", required=True)
    receipt = modes.add_parser("receipt", parents=[usual, words], help="check one receipt")
    receipt.add_argument("file", metavar="FILE")
    log = modes.add_parser("log", parents=[usual, words], help="check a whole log")
    log.add_argument("place", metavar="DIR|URL")
    log.add_argument("--checkpoint", metavar="FILE", action="append", default=[],
                     help="a checkpoint or receipt kept earlier; may be repeated")  # fmt: skip
    log.add_argument("--hashes", action="store_true", help="check hashes only, where entries are not given")
    followed = modes.add_parser("follow", parents=[usual], help="check that a log only grew since the last time")
    followed.add_argument("place", metavar="DIR|URL")
    followed.add_argument("--state", metavar="FILE", type=Path, required=True, help="where the last checkpoint is kept")
    return top


def kept_checkpoint(path: str, keys: Sequence[Key], report: Report) -> Checkpoint | None:
    raw = file_at(path, LARGEST_RECEIPT)
    if raw.startswith(HEADER.encode()):
        return verify_receipt(raw, keys, {}, report)
    return verify_checkpoint(raw, keys, report)


def run(given: argparse.Namespace, report: Report) -> None:
    keys: list[Key] = given.key
    openings: Openings = {}
    if given.mode != "follow" and given.openings:
        openings = openings_in(file_at(given.openings, LARGEST_OPENINGS))
    if given.mode == "receipt":
        verify_receipt(file_at(given.file, LARGEST_RECEIPT), keys, openings, report)
    elif given.mode == "log":
        kept = [kept_checkpoint(path, keys, report) for path in given.checkpoint]
        known = [checkpoint for checkpoint in kept if checkpoint]
        verify_log(source_at(given.place), keys, known, openings, given.hashes, report)
    else:
        follow(source_at(given.place), keys, given.state, report)


def main(arguments: Sequence[str]) -> int:
    top = parser()
    given = top.parse_args(arguments)
    if len({key.name for key in given.key}) > 1:
        top.error("the keys belong to different logs")
    if given.mode == "follow" and Path(os.path.realpath(given.state)).is_relative_to(os.path.realpath(given.place)):
        top.error("the state must lie outside the log that is checked")
    report = Report(given.mode)
    try:
        run(given, report)
    except CannotRead as trouble:
        report.find(trouble.code, found=trouble.what)
    except Exception as fault:  # the outermost edge: whatever was read, a reader gets a sentence and a code
        report.find("verifier_failed", found=f"{type(fault).__name__} {fault}")
    print(report.as_json() if given.json else report.as_text())
    return report.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
