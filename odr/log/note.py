"""The checkpoint: how large the log is and what its root is, signed as a note (C2SP tlog-checkpoint, signed-note)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from odr.log.proof import EMPTY_ROOT, HASH_SIZE, LARGEST_SIZE

ED25519 = b"\x01"
"""The signature type of plain Ed25519 over a note's text (C2SP signed-note)."""

COSIGNATURE = b"\x04"
"""The signature type of a witness's Ed25519 signature over a time and a checkpoint (C2SP tlog-cosignature)."""

KEY_ID_SIZE = 4
PUBLIC_KEY_SIZE = 32
SIGNATURE_SIZE = 64
TIME_SIZE = 8
MOST_SIGNATURES = 16
"""Signature lines read from one note, the least a reader must accept and, here, also the most."""

LARGEST_NOTE = 128 * 1024
"""Bytes of the longest note read: room for sixteen signatures of the largest assigned type."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH}"

Sign = Callable[[bytes], bytes]
"""Answers the signature over a message."""

Verify = Callable[[bytes, bytes], bool]
"""Answers whether, given (message, signature), the signature is good."""


class Rejected(Exception):
    """A note that is not to be believed; `code` says why (docs/log-format.md)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log of `origin` at `size` entries, whose tree has this `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key the reader trusts: its name, its four-byte id, and how to verify its signatures."""

    name: str
    key_id: bytes
    verify: Verify


@dataclass(frozen=True, slots=True)
class Opened:
    """The text of a note, and those of the trusted keys that signed it, each once."""

    text: bytes
    signers: tuple[Verifier, ...]


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's line in a note: by which key, when it says that it signed (seconds since 1970), and the line."""

    name: str
    key_id: bytes
    at: int
    line: bytes


def checkpoint_text(checkpoint: Checkpoint) -> bytes:
    """The text to sign: origin, size and root on three lines. Raises ValueError for what cannot be written so."""
    if not _is_name(checkpoint.origin) or not 0 <= checkpoint.size <= LARGEST_SIZE or len(checkpoint.root) != HASH_SIZE:
        raise ValueError("not a checkpoint")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{to_base64(checkpoint.root)}\n".encode()


def read_checkpoint(text: bytes) -> Checkpoint:
    """The checkpoint in a note's text. Raises Rejected("not_utf8" | "control_character" | "bad_checkpoint" |
    "extension_line" | "bad_size" | "bad_root")."""
    lines = _decode(text).split("\n")
    if len(lines) < 4 or not lines[0] or lines[-1]:
        raise Rejected("bad_checkpoint")
    # Nobody can audit what an extension line says, so ours has none and none is accepted.
    _require(len(lines) == 4, "extension_line")
    origin, size, root, _ = lines
    _require(_SIZE.fullmatch(size) is not None and int(size) <= LARGEST_SIZE, "bad_size")
    checkpoint = Checkpoint(origin, int(size), _unbase64(root, "bad_root"))
    _require(len(checkpoint.root) == HASH_SIZE, "bad_root")
    _require(checkpoint.size > 0 or checkpoint.root == EMPTY_ROOT, "bad_root")
    return checkpoint


def key_id(name: str, public_key: bytes, kind: bytes = ED25519) -> bytes:
    """The four bytes that, with the name, tell which Ed25519 key signed, and what: a note or, as COSIGNATURE, that it
    was seen."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public_key).digest()[:KEY_ID_SIZE]


def vkey(name: str, public_key: bytes, kind: bytes = ED25519) -> str:
    """The line by which others come to trust an Ed25519 key of 32 bytes: name, id and key. Raises ValueError."""
    if not _is_name(name) or len(public_key) != PUBLIC_KEY_SIZE:
        raise ValueError("not a key to be published")
    return f"{name}+{key_id(name, public_key, kind).hex()}+{to_base64(kind + public_key)}"


def read_vkey(line: str, kind: bytes = ED25519) -> tuple[str, bytes]:
    """The name and the 32-byte public key of a `vkey` line. Raises Rejected("bad_vkey")."""
    name, _, rest = line.partition("+")
    public_key = _unbase64(rest.partition("+")[2], "bad_vkey")[1:]
    # Writing it again leaves no room for a second spelling, another type of key or an id that does not belong.
    _require(_is_name(name) and len(public_key) == PUBLIC_KEY_SIZE and vkey(name, public_key, kind) == line, "bad_vkey")
    return name, public_key


def sign(text: bytes, name: str, key_id: bytes, signature: Sign) -> bytes:
    """The note of this text with one signature. Raises ValueError for a text, a name or an id no note can carry."""
    return text + b"\n" + signature_line(text, name, key_id, signature)


def signature_line(text: bytes, name: str, key_id: bytes, signature: Sign) -> bytes:
    """One more line for a note of this text, as when two keys overlap. Raises ValueError."""
    if not _is_text(text) or not _is_name(name) or len(key_id) != KEY_ID_SIZE:
        raise ValueError("not to be signed as a note")
    return f"{_DASH} {name} {to_base64(key_id + signature(text))}\n".encode()


def open_note(raw: bytes, verifiers: Sequence[Verifier]) -> Opened:
    """The text of a note signed by at least one of these keys. Signatures of other keys are ignored; a bad signature
    of one of these rejects the note.

    Raises Rejected("too_long" | "not_utf8" | "control_character" | "no_signature" | "bad_signature_line" |
    "too_many_signatures" | "bad_signature" | "no_known_signature"), ValueError when two verifiers share name and id.
    """
    trusted = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(trusted) != len(verifiers):
        raise ValueError("two keys under one name and id cannot be told apart")
    text, lines = _split(raw)
    signers: dict[tuple[str, bytes], Verifier] = {}
    # All lines are read before any signature is verified: a line of another shape spoils the note whatever it says.
    for name, found_id, signature in [_read_signature_line(line) for line in lines]:
        verifier = trusted.get((name, found_id))
        if verifier is not None:
            _require(verifier.verify(text, signature), "bad_signature")
            signers[name, found_id] = verifier
    _require(bool(signers), "no_known_signature")
    return Opened(text, tuple(signers.values()))


def open_checkpoint(raw: bytes, origin: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint of the log called `origin`, signed under that name by one of these keys.

    The origin comes from the reader, never from the note, so that another log's checkpoint is not taken for this
    one's. Raises Rejected as `open_note` and `read_checkpoint` do, or "wrong_origin", "not_signed_by_log".
    """
    opened = open_note(raw, verifiers)
    checkpoint = read_checkpoint(opened.text)
    _require(checkpoint.origin == origin, "wrong_origin")
    _require(any(signer.name == origin for signer in opened.signers), "not_signed_by_log")
    return checkpoint


def text_of(raw: bytes) -> bytes:
    """The text of a note, whoever signed it. Raises Rejected as `open_note` does for what is no note."""
    return _split(raw)[0]


def cosigned_message(text: bytes, at: int) -> bytes:
    """What a witness signs: that at `at` (seconds since 1970) this checkpoint was the latest that it had seen."""
    return b"cosignature/v1\ntime %d\n" % at + text


def cosignature_line(text: bytes, name: str, key_id: bytes, at: int, signature: Sign) -> bytes:
    """The line that a witness adds to the note of a checkpoint. Raises ValueError."""
    if not 0 <= at <= LARGEST_SIZE:
        raise ValueError("not a time that a cosignature can name")

    def timed(text: bytes) -> bytes:
        return at.to_bytes(TIME_SIZE, "big") + signature(cosigned_message(text, at))

    return signature_line(text, name, key_id, timed)


def cosigner(name: str, public_key: bytes, verify: Verify) -> Verifier:
    """A witness the reader trusts; `verify` is that of its Ed25519 key."""

    def timed(text: bytes, signature: bytes) -> bool:
        at = int.from_bytes(signature[:TIME_SIZE], "big")
        if len(signature) != TIME_SIZE + SIGNATURE_SIZE or at > LARGEST_SIZE:
            return False
        return verify(cosigned_message(text, at), signature[TIME_SIZE:])

    return Verifier(name, key_id(name, public_key, COSIGNATURE), timed)


def read_cosignature(line: bytes) -> Cosignature:
    """The parts of a witness's line, nothing of it verified. Raises Rejected("bad_signature_line" | …)."""
    _require(line.endswith(b"\n") and line.count(b"\n") == 1, "bad_signature_line")
    name, found_id, signature = _read_signature_line(_decode(line[:-1]))
    _require(len(signature) == TIME_SIZE + SIGNATURE_SIZE, "bad_signature_line")
    return Cosignature(name, found_id, int.from_bytes(signature[:TIME_SIZE], "big"), line)


def find_cosignature(text: bytes, lines: bytes, witness: Verifier) -> Cosignature:
    """The last of these signature lines by which this witness cosigned the text; others' lines are passed over.

    Raises Rejected as `open_note` does: also when one line of this witness is good and another is not.
    """
    # What an answer says must not become a part of the text.
    _require(open_note(text + b"\n" + lines, [witness]).text == text, "bad_signature_line")
    parted = lines.splitlines(keepends=True)
    own = [line for line in parted if _read_signature_line(line.decode()[:-1])[:2] == (witness.name, witness.key_id)]
    return max(map(read_cosignature, own), key=lambda found: found.at)


def _require(holds: bool, code: str) -> None:
    if not holds:
        raise Rejected(code)


def _split(raw: bytes) -> tuple[bytes, list[str]]:
    """The text, with its final line feed, and the signature lines after the last empty line."""
    _require(len(raw) <= LARGEST_NOTE, "too_long")
    _decode(raw)
    text, separator, signatures = raw.rpartition(b"\n\n")
    _require(bool(separator) and bool(signatures), "no_signature")
    _require(signatures.endswith(b"\n"), "bad_signature_line")
    lines = signatures.decode().split("\n")[:-1]
    _require(len(lines) <= MOST_SIGNATURES, "too_many_signatures")
    return text + b"\n", lines


def _read_signature_line(line: str) -> tuple[str, bytes, bytes]:
    """The key's name, its id and the signature. A line of any other shape spoils the whole note."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH or not _is_name(parts[1]):
        raise Rejected("bad_signature_line")
    plain = _unbase64(parts[2], "bad_signature_line")
    _require(len(plain) > KEY_ID_SIZE, "bad_signature_line")
    return parts[1], plain[:KEY_ID_SIZE], plain[KEY_ID_SIZE:]


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as broken:
        raise Rejected("not_utf8") from broken
    _require(_CONTROL.search(text) is None, "control_character")
    return text


def _is_text(text: bytes) -> bool:
    try:
        return text.endswith(b"\n") and _decode(text) != ""
    except Rejected:
        return False


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(sign.isspace() or sign < " " for sign in name)


def to_base64(plain: bytes) -> str:
    """Base64 with padding, RFC 4648 section 4."""
    return base64.b64encode(plain).decode()


def _unbase64(text: str, code: str) -> bytes:
    plain = from_base64(text)
    if plain is None:
        raise Rejected(code)
    return plain


def from_base64(text: str) -> bytes | None:
    """The bytes that this base64 stands for, None unless it is spelled as an encoder would write it."""
    try:
        plain = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # The last sign may carry bits that mean nothing; only the spelling without them is taken.
    return plain if to_base64(plain) == text else None
