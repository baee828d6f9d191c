"""Cosignatures: the bytes of C2SP tlog-cosignature, what a house asks its witnesses, and what it makes of answers."""

from __future__ import annotations

import base64
import hashlib

import pytest

from odr.log import note
from tests.log.books import ORIGIN, a_book, key, verifier
from tests.log.test_policy import AT, line_of, public, verify_with

# -- the bytes ------------------------------------------------------------------------------------------------------

EXAMPLE = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
EXAMPLE_LINE = (
    "\N{EM DASH} witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()


def test_the_line_of_the_standards_example_is_read() -> None:
    read = note.read_cosignature(EXAMPLE_LINE)

    assert (read.name, read.key_id.hex(), read.at) == ("witness.example.com/w1", "8d66cf3f", 1679315147)


def test_a_witness_signs_the_bytes_that_the_standard_spells_out() -> None:
    said = note.cosigned_message(EXAMPLE, 1679315147)

    assert said == (
        b"cosignature/v1\n"
        b"time 1679315147\n"
        b"example.com/behind-the-sofa\n"
        b"20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )


def test_a_line_is_made_byte_for_byte_as_the_standard_has_it() -> None:
    name, time = "witness.example.com/w1", 1679315147
    line = note.cosignature_line(EXAMPLE, name, note.key_id(name, public(7), note.COSIGNATURE), time, key(7).sign)

    key_id = hashlib.sha256(b"witness.example.com/w1\n\x04" + public(7)).digest()[:4]
    signature = key(7).sign(b"cosignature/v1\ntime 1679315147\n" + EXAMPLE)
    stamped = base64.b64encode(key_id + time.to_bytes(8, "big") + signature).decode()
    assert line == f"\N{EM DASH} {name} {stamped}\n".encode()
    assert note.vkey(name, public(7), note.COSIGNATURE) == (
        f"{name}+{key_id.hex()}+{base64.b64encode(bytes([4]) + public(7)).decode()}"
    )


def witness(seed: int = 11) -> note.Verifier:
    return note.cosigner(f"witness.example/{seed}", public(seed), verify_with(public(seed)))


def test_the_last_line_of_a_witness_is_found_among_those_of_others() -> None:
    raw = a_book(5).note()
    answer = line_of(raw, 12) + line_of(raw, 11, at=AT) + line_of(raw, 11, at=AT + 5)

    found = note.find_cosignature(note.text_of(raw), answer, witness())

    assert (found.at, found.line) == (AT + 5, line_of(raw, 11, at=AT + 5))


RAW = a_book(5).note()
PLAIN = note.signature_line(
    note.text_of(RAW),
    "witness.example/11",
    note.key_id("witness.example/11", public(11), note.COSIGNATURE),
    key(11).sign,
)

FALSE = [
    ("nothing", b"", "no_signature"),
    ("somebody else's", line_of(RAW, 12), "no_known_signature"),
    ("of another checkpoint", line_of(a_book(4).note(), 11), "bad_signature"),
    ("§4 case 43: a plain signature offered as a cosignature", PLAIN, "bad_signature"),
    ("one good and one of another checkpoint", line_of(RAW, 11) + line_of(a_book(4).note(), 11), "bad_signature"),
    ("no line feed", line_of(RAW, 11)[:-1], "bad_signature_line"),
    ("a page", b"<html>\n", "bad_signature_line"),
    ("a second text", b"evil\n\n" + line_of(RAW, 11), "bad_signature"),
    ("too many", line_of(RAW, 12) * 16 + line_of(RAW, 11), "too_many_signatures"),
]


@pytest.mark.parametrize(("said", "answer", "code"), FALSE, ids=[said for said, _, _ in FALSE])
def test_an_answer_that_is_no_cosignature_is_refused(said: str, answer: bytes, code: str) -> None:
    with pytest.raises(note.Rejected) as refused:
        note.find_cosignature(note.text_of(RAW), answer, witness())

    assert refused.value.code == code


def test_a_cosignature_offered_as_the_logs_own_signature_is_none() -> None:
    """§4 case 43: one key used for both, and the id of the other kind put before its signature."""
    text = note.text_of(RAW)
    name = "witness.example/11"
    plain_id = note.key_id(name, public(11))
    stamped = base64.b64decode(line_of(RAW, 11).split(b" ")[2])[4:]
    offered = f"\N{EM DASH} {name} {base64.b64encode(plain_id + stamped).decode()}\n".encode()

    with pytest.raises(note.Rejected, match="bad_signature"):
        note.open_note(text + b"\n" + offered, [note.Verifier(name, plain_id, verify_with(public(11)))])


def test_a_time_that_no_checkpoint_can_have_is_refused() -> None:
    """The standard ends times below 2^63, and makes no other."""
    name, text = "witness.example/11", note.text_of(RAW)
    key_id = note.key_id(name, public(11), note.COSIGNATURE)
    stamp = (1 << 63).to_bytes(8, "big") + key(11).sign(b"cosignature/v1\ntime %d\n" % (1 << 63) + text)
    late = f"\N{EM DASH} {name} {base64.b64encode(key_id + stamp).decode()}\n".encode()

    with pytest.raises(note.Rejected, match="bad_signature"):
        note.find_cosignature(text, late, witness())
    with pytest.raises(ValueError, match="not a time"):
        note.cosignature_line(text, name, key_id, 1 << 63, key(11).sign)


def test_whoever_knows_no_witness_reads_a_cosigned_note_as_before() -> None:
    """Cosignatures are lines of unknown keys to the log's own reader."""
    opened = note.open_checkpoint(RAW + line_of(RAW, 11) + line_of(RAW, 12), ORIGIN, [verifier()])

    assert opened == note.open_checkpoint(RAW, ORIGIN, [verifier()])
