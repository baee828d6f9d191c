"""A checkpoint is believed when a known key signed exactly what it says, and never otherwise."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from odr.log.note import (
    LARGEST_NOTE,
    MOST_SIGNATURES,
    Checkpoint,
    Rejected,
    Verifier,
    checkpoint_text,
    key_id,
    open_checkpoint,
    open_note,
    read_checkpoint,
    read_vkey,
    sign,
    signature_line,
    vkey,
)
from odr.log.proof import EMPTY_ROOT

ORIGIN = "evenhand/0123456789abcdef0123456789abcdef"
CHECKPOINT = Checkpoint(ORIGIN, 20_852_163, hashlib.sha256(b"a root").digest())
TEXT = checkpoint_text(CHECKPOINT)


class Signer:
    """A key pair under a name."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.public_key = self.private.public_key().public_bytes_raw()
        self.key_id = key_id(name, self.public_key)

    def sign(self, text: bytes) -> bytes:
        return sign(text, self.name, self.key_id, self.private.sign)

    def line(self, text: bytes) -> bytes:
        return signature_line(text, self.name, self.key_id, self.private.sign)

    @property
    def verifier(self) -> Verifier:
        return verifier(self.name, self.public_key)


def verifier(name: str, public_key: bytes) -> Verifier:
    key = Ed25519PublicKey.from_public_bytes(public_key)

    def verify(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return Verifier(name, key_id(name, public_key), verify)


LOG = Signer(ORIGIN, 1)
THIEF = Signer(ORIGIN, 2)
WITNESS = Signer("witness.example/one", 3)
NOTE = LOG.sign(TEXT)


def rejection(read: Callable[..., Any], *given_: Any) -> str:
    """The code with which a note is rejected."""
    with pytest.raises(Rejected) as found:
        read(*given_)
    return found.value.code


def opened(raw: bytes) -> Checkpoint:
    return open_checkpoint(raw, ORIGIN, [LOG.verifier])


# -- what is written ---------------------------------------------------------------------------------------------


def test_a_checkpoint_is_three_lines_and_a_signature() -> None:
    signature = base64.b64encode(LOG.key_id + LOG.private.sign(TEXT)).decode()
    root = base64.b64encode(CHECKPOINT.root).decode()

    assert NOTE.decode() == f"{ORIGIN}\n20852163\n{root}\n\n— {ORIGIN} {signature}\n"
    assert opened(NOTE) == CHECKPOINT


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_is_read_as_it_was_written(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root if size else EMPTY_ROOT)

    assert read_checkpoint(checkpoint_text(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("two words", 1, bytes(32)),
        Checkpoint("a+b", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint(ORIGIN, -1, bytes(32)),
        Checkpoint(ORIGIN, 2**63, bytes(32)),
        Checkpoint(ORIGIN, 1, bytes(31)),
    ],
)
def test_what_is_no_checkpoint_is_not_written(checkpoint: Checkpoint) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        checkpoint_text(checkpoint)


@pytest.mark.parametrize("text", [b"", b"no line feed", b"\r\n", b"\x00\n", b"\xff\n"])
def test_a_text_no_note_can_carry_is_not_signed(text: bytes) -> None:
    with pytest.raises(ValueError, match="not to be signed"):
        LOG.sign(text)


def test_a_name_or_an_id_no_note_can_carry_is_not_signed() -> None:
    for name, found_id in [("", LOG.key_id), ("a b", LOG.key_id), ("a+b", LOG.key_id), (ORIGIN, b"abc")]:
        with pytest.raises(ValueError, match="not to be signed"):
            sign(TEXT, name, found_id, LOG.private.sign)


# -- keys --------------------------------------------------------------------------------------------------------


def test_a_key_is_published_as_one_line() -> None:
    line = vkey(ORIGIN, LOG.public_key)

    assert line == f"{ORIGIN}+{LOG.key_id.hex()}+{base64.b64encode(bytes([1]) + LOG.public_key).decode()}"
    assert LOG.key_id == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + LOG.public_key).digest()[:4]
    assert read_vkey(line) == (ORIGIN, LOG.public_key)


def test_a_key_line_has_one_spelling() -> None:
    line = vkey(ORIGIN, LOG.public_key)
    name, found_id, key = line.split("+", 2)
    cosigning = base64.b64encode(b"\x04" + LOG.public_key).decode()
    short = base64.b64encode(b"\x01" + LOG.public_key[:31]).decode()

    for other in [
        "",
        name,
        f"{name}+{found_id}",
        f"{name}+{found_id.upper()}+{key}",
        f"{name}+00000000+{key}",
        f"{name}+{found_id}+{cosigning}",
        f"{name}+{found_id}+{short}",
        f"{name}+{found_id}+{key}=",
        f" {line}",
        f"{line}\n",
        f"other{line}",
    ]:
        assert rejection(read_vkey, other) == "bad_vkey"
    with pytest.raises(ValueError, match="published"):
        vkey("a b", LOG.public_key)
    with pytest.raises(ValueError, match="published"):
        vkey(ORIGIN, LOG.public_key[:31])


# -- whose signature counts --------------------------------------------------------------------------------------


def test_signatures_of_unknown_keys_are_ignored() -> None:
    raw = NOTE + WITNESS.line(TEXT) + THIEF.line(TEXT)

    assert opened(raw) == CHECKPOINT


def test_a_thief_who_signs_under_our_name_with_a_key_of_their_own_is_unknown() -> None:
    assert rejection(opened, THIEF.sign(TEXT)) == "no_known_signature"


def test_a_thief_whose_key_shares_our_id_fails_to_sign() -> None:
    forged = sign(TEXT, ORIGIN, LOG.key_id, THIEF.private.sign)

    assert rejection(opened, forged) == "bad_signature"


def test_a_bad_signature_of_a_known_key_rejects_the_note_beside_a_good_one() -> None:
    bad = signature_line(TEXT, ORIGIN, LOG.key_id, lambda text: LOG.private.sign(text + b"\n"))

    assert rejection(opened, NOTE + bad) == "bad_signature"
    assert rejection(opened, TEXT + b"\n" + bad + LOG.line(TEXT)) == "bad_signature"
    assert rejection(open_note, NOTE + bad, [LOG.verifier, WITNESS.verifier]) == "bad_signature"


@pytest.mark.parametrize("size", [1, 63, 65, 72])
def test_a_signature_of_another_size_is_bad(size: int) -> None:
    other = signature_line(TEXT, ORIGIN, LOG.key_id, lambda text: (LOG.private.sign(text) * 2)[:size])

    assert rejection(opened, NOTE + other) == "bad_signature"


def test_a_signature_of_another_type_is_by_an_unknown_key() -> None:
    other_id = hashlib.sha256(ORIGIN.encode() + b"\n\x04" + LOG.public_key).digest()[:4]
    other = sign(TEXT, ORIGIN, other_id, LOG.private.sign)

    assert rejection(opened, other) == "no_known_signature"


def test_a_witness_alone_does_not_speak_for_the_log() -> None:
    verifiers = [LOG.verifier, WITNESS.verifier]

    assert rejection(open_checkpoint, WITNESS.sign(TEXT), ORIGIN, verifiers) == "not_signed_by_log"
    assert open_checkpoint(NOTE + WITNESS.line(TEXT), ORIGIN, verifiers) == CHECKPOINT


def test_each_key_counts_once() -> None:
    raw = NOTE + WITNESS.line(TEXT) + WITNESS.line(TEXT)

    assert [key.name for key in open_note(raw, [LOG.verifier, WITNESS.verifier]).signers] == [ORIGIN, WITNESS.name]


def test_two_keys_under_one_name_and_id_are_the_readers_mistake() -> None:
    with pytest.raises(ValueError, match="told apart"):
        open_note(NOTE, [LOG.verifier, LOG.verifier])


def test_another_logs_checkpoint_is_not_taken_for_this_ones() -> None:
    other = Signer("evenhand/" + "f" * 32, 4)
    raw = other.sign(checkpoint_text(Checkpoint(other.name, 5, bytes(32))))

    assert rejection(opened, raw) == "no_known_signature"
    assert rejection(open_checkpoint, raw, ORIGIN, [LOG.verifier, other.verifier]) == "wrong_origin"
    assert rejection(opened, LOG.sign(checkpoint_text(Checkpoint(other.name, 5, bytes(32))))) == "wrong_origin"


# -- the form of a note ------------------------------------------------------------------------------------------


def test_sixteen_signatures_are_read_and_seventeen_are_not() -> None:
    raw = TEXT + b"\n" + WITNESS.line(TEXT) * (MOST_SIGNATURES - 1) + LOG.line(TEXT)

    assert opened(raw) == CHECKPOINT
    assert rejection(opened, raw + WITNESS.line(TEXT)) == "too_many_signatures"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "no_signature"),
        (TEXT, "no_signature"),
        (TEXT + b"\n", "no_signature"),
        (NOTE + b"\n", "no_signature"),
        (NOTE.replace(b"\n\n", b"\n"), "no_signature"),
        (NOTE[:-1], "bad_signature_line"),
        (NOTE.replace(b"\n", b"\r\n"), "control_character"),
        (NOTE.replace(b"\n\n", b"\n\r\n"), "control_character"),
        (b"\t" + NOTE, "control_character"),
        (NOTE[:-1] + b"\x00\n", "control_character"),
        (NOTE[:-1] + b"\xff\n", "not_utf8"),
        (NOTE.replace("— ".encode(), b"-- "), "bad_signature_line"),
        (NOTE.replace("— ".encode(), "—".encode()), "bad_signature_line"),
        (NOTE.replace("— ".encode(), "—  ".encode()), "bad_signature_line"),
        (NOTE[:-1] + b" \n", "bad_signature_line"),
        (NOTE[:-1] + b"=\n", "bad_signature_line"),
        (NOTE.replace("— ".encode(), "— a+".encode()), "bad_signature_line"),
        (NOTE.replace("— ".encode(), "— a\u00a0".encode()), "bad_signature_line"),
        (NOTE + "— name AAAAAA==\n".encode(), "bad_signature_line"),
        (NOTE + "— name AAAA-_AAAA==\n".encode(), "bad_signature_line"),
        (NOTE + "— name \n".encode(), "bad_signature_line"),
        (NOTE + b"more text\n", "bad_signature_line"),
        (NOTE + "— name ".encode() + b"A" * LARGEST_NOTE + b"\n", "too_long"),
    ],
)
def test_a_note_of_another_form_is_rejected(raw: bytes, code: str) -> None:
    assert rejection(opened, raw) == code


def test_base64_has_one_spelling() -> None:
    line = LOG.line(TEXT).decode()
    # Sixty-eight bytes leave four bits of the last sign unused.
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = line[-3]
    other = line[:-3] + signs[signs.index(last) + 1] + line[-2:]

    assert base64.b64decode(other.split()[-1]) == base64.b64decode(line.split()[-1])
    assert rejection(opened, TEXT + b"\n" + other.encode()) == "bad_signature_line"


ROOT = base64.b64encode(CHECKPOINT.root).decode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{ORIGIN}\n007\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n-1\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n+1\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n 1\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n1_0\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n１\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n{2**63}\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n{'9' * 5000}\n{ROOT}\n", "bad_size"),
        (f"{ORIGIN}\n0\n{ROOT}\n", "bad_root"),
        (f"{ORIGIN}\n1\n{ROOT[:-1]}\n", "bad_root"),
        (f"{ORIGIN}\n1\n{ROOT} \n", "bad_root"),
        (f"{ORIGIN}\n1\n{base64.b64encode(bytes(31)).decode()}\n", "bad_root"),
        (f"{ORIGIN}\n1\n{base64.b64encode(bytes(33)).decode()}\n", "bad_root"),
        (f"{ORIGIN}\n1\n{CHECKPOINT.root.hex()}\n", "bad_root"),
        (f"{ORIGIN}\n1\n{ROOT}\nan extension\n", "extension_line"),
        (f"{ORIGIN}\n1\n{ROOT}\n\n", "extension_line"),
        (f"{ORIGIN}\n1\n", "bad_checkpoint"),
        (f"\n1\n{ROOT}\n", "bad_checkpoint"),
        ("anything\n", "bad_checkpoint"),
    ],
)
def test_a_text_that_is_no_checkpoint_is_rejected_however_well_signed(text: str, code: str) -> None:
    assert rejection(opened, LOG.sign(text.encode())) == code


def test_a_checkpoint_of_nothing_has_the_root_of_nothing() -> None:
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)

    assert opened(LOG.sign(checkpoint_text(empty))) == empty


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_byte_of_a_note_can_be_changed(place: int, change: int) -> None:
    raw = bytearray(NOTE)
    raw[place] ^= change

    with pytest.raises(Rejected):
        opened(bytes(raw))
