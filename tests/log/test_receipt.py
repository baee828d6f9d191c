"""A receipt proves one entry by itself, and whatever is changed in it, it proves nothing."""

from __future__ import annotations

import base64
import os
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.log.chain import LARGEST_ENTRY, Malformed, check, leaf_hash
from odr.log.note import LARGEST_NOTE, MOST_SIGNATURES, Rejected, signature_line
from odr.log.proof import Unproven, inclusion_proof
from odr.log.receipt import HEADER, LARGEST_RECEIPT, MOST_HASHES, Misshapen, Receipt, read, write
from odr.log.receipt import check as check_receipt
from tests.log.books import ORIGIN, STREAMS, Book, a_book, key, signed, verifier

BOOK = a_book(300)
RAW = BOOK.receipt(77)
RECEIPT = read(RAW)
HEAD, _, NOTE = RAW.partition(b"\n\n")
LINES = HEAD.decode().split("\n")

MUTATIONS = 5_000 if os.environ.get("ODR_EXAMPLES") == "explore" else 300


def refusal(raw: bytes, *, seed: int = 1, origin: str = ORIGIN) -> str:
    """The code with which a receipt is refused."""
    with pytest.raises((Misshapen, Malformed, Rejected, Unproven)) as found:
        check_receipt(raw, origin, [verifier(seed, origin)])
    return found.value.code


def with_line(place: int, line: str) -> bytes:
    return "\n".join([*LINES[:place], line, *LINES[place + 1 :]]).encode() + b"\n\n" + NOTE


def test_a_receipt_is_the_lines_of_the_standard_and_the_checkpoint_as_signed() -> None:
    path = [base64.b64encode(found).decode() for found in inclusion_proof(BOOK.leaves, 77)]
    entry = base64.b64encode(BOOK.entries[77]).decode()

    assert LINES == ["c2sp.org/tlog-proof@v1", f"extra {entry}", "index 77", *path]
    assert NOTE == BOOK.note()


def test_a_receipt_proves_its_entry() -> None:
    proven = check_receipt(RAW, ORIGIN, [verifier()])

    assert proven.entry == check(BOOK.entries[77])
    assert (proven.index, proven.checkpoint.size, proven.checkpoint.root) == (77, 300, BOOK.root())


@given(st.data())
def test_every_receipt_is_read_as_it_was_written(data: st.DataObject) -> None:
    hash_ = st.binary(min_size=32, max_size=32)
    receipt = Receipt(
        data.draw(st.binary(min_size=1, max_size=400)),
        data.draw(st.integers(0, 2**63 - 2)),
        tuple(data.draw(st.lists(hash_, max_size=MOST_HASHES))),
        data.draw(st.binary(min_size=1, max_size=400)),
    )

    assert read(write(receipt)) == receipt


def test_the_longest_receipt_is_read() -> None:
    receipt = Receipt(bytes(LARGEST_ENTRY), 2**63 - 2, (bytes(32),) * MOST_HASHES, b"x" * LARGEST_NOTE)

    assert read(write(receipt)) == receipt
    assert len(write(receipt)) <= LARGEST_RECEIPT


@pytest.mark.parametrize(
    "receipt",
    [
        replace(RECEIPT, entry=b""),
        replace(RECEIPT, entry=bytes(LARGEST_ENTRY + 1)),
        replace(RECEIPT, index=-1),
        replace(RECEIPT, index=2**63 - 1),
        replace(RECEIPT, path=(b"short",)),
        replace(RECEIPT, path=(bytes(32),) * (MOST_HASHES + 1)),
        replace(RECEIPT, checkpoint=b""),
        replace(RECEIPT, checkpoint=b"x" * (LARGEST_NOTE + 1)),
    ],
    ids=str,
)
def test_what_no_receipt_can_carry_is_not_written(receipt: Receipt) -> None:
    with pytest.raises(ValueError):
        write(receipt)


LAST = LINES[-1]
MALFORMED = [
    (b"", "bad_header"),
    (b"\xff" + RAW, "bad_header"),
    (b"\xef\xbb\xbf" + RAW, "bad_header"),
    (RAW.replace(b"@v1", b"@v2"), "bad_header"),
    (RAW.replace(b"\n", b"\r\n"), "bad_header"),
    (HEADER.encode(), "no_entry"),
    (RAW.replace(b"extra ", b"extra\t"), "no_entry"),
    ("\n".join([LINES[0], *LINES[2:]]).encode() + b"\n\n" + NOTE, "no_entry"),
    (with_line(1, "extra "), "bad_extra"),
    (with_line(1, LINES[1] + " "), "bad_extra"),
    (with_line(1, LINES[1] + "\u00e9"), "bad_extra"),
    (with_line(1, "extra " + "AAAA" * (LARGEST_ENTRY // 3) + "AAAA"), "bad_extra"),
    (with_line(1, f"{LINES[1]}\n{LINES[1]}"), "bad_index"),
    (with_line(2, "index"), "bad_index"),
    (with_line(2, "index 077"), "bad_index"),
    (with_line(2, "index +77"), "bad_index"),
    (with_line(2, "index -1"), "bad_index"),
    (with_line(2, "index 77 "), "bad_index"),
    (with_line(2, "index 7_7"), "bad_index"),
    (with_line(2, "index ７７"), "bad_index"),
    (with_line(2, f"index {2**63 - 1}"), "bad_index"),
    (with_line(2, f"index {'9' * 5_000}"), "bad_index"),
    (with_line(len(LINES) - 1, LAST[:-1]), "bad_hash_line"),
    (with_line(len(LINES) - 1, LAST + " "), "bad_hash_line"),
    (with_line(len(LINES) - 1, base64.b64encode(bytes(31)).decode()), "bad_hash_line"),
    (with_line(len(LINES) - 1, base64.b64encode(bytes(33)).decode()), "bad_hash_line"),
    (with_line(len(LINES) - 1, "\n".join([LAST] * 64)), "too_many_hashes"),
    (HEAD, "no_checkpoint"),
    (HEAD + b"\n", "bad_hash_line"),
    (HEAD + b"\n\n", "no_checkpoint"),
    (HEAD + b"\n\n" + b"x" * (LARGEST_NOTE + 1), "no_checkpoint"),
    (RAW + b"x" * LARGEST_RECEIPT, "too_long"),
]


@pytest.mark.parametrize(("raw", "code"), MALFORMED)
def test_a_receipt_of_another_form_is_refused(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


def test_a_receipt_is_believed_only_by_the_readers_own_key_and_name() -> None:
    other = "evenhand/" + "f" * 32
    forged = write(replace(RECEIPT, checkpoint=BOOK.note(seed=2)))

    assert refusal(RAW, seed=2) == "no_known_signature"
    assert refusal(RAW, origin=other) == "no_known_signature"
    assert refusal(forged) == "no_known_signature"


def test_another_logs_entry_is_not_taken_for_one_of_this_log() -> None:
    strange = Book(origin="evenhand/" + "f" * 32)
    strange.write(STREAMS[0])
    # Signed by this log's own key under its own name, so that only the entry gives it away.
    note = signed(1, strange.root())

    assert refusal(write(Receipt(strange.entries[0], 0, (), note))) == "entry_of_another_log"


def test_an_entry_that_the_log_cannot_have_written_is_refused() -> None:
    assert refusal(write(replace(RECEIPT, entry=RECEIPT.entry + b" "))) == "not_canonical"


def test_a_receipt_proves_no_other_entry_and_no_other_place() -> None:
    assert refusal(write(replace(RECEIPT, entry=BOOK.entries[78]))) == "wrong_root"
    assert refusal(write(replace(RECEIPT, index=78))) == "wrong_root"
    assert refusal(write(replace(RECEIPT, index=300))) == "bad_index"
    assert refusal(write(replace(RECEIPT, path=RECEIPT.path[:-1]))) == "proof_too_short"
    assert refusal(write(replace(RECEIPT, path=(*RECEIPT.path, leaf_hash(b""))))) == "proof_too_long"
    assert refusal(write(replace(RECEIPT, checkpoint=BOOK.note(299)))) == "wrong_root"
    assert refusal(write(replace(RECEIPT, checkpoint=signed(0, BOOK.root(0))))) == "bad_size"


def test_signatures_of_others_on_the_checkpoint_change_nothing() -> None:
    text = NOTE.partition(b"\n\n")[0] + b"\n"
    line = signature_line(text, "witness.example/one", b"\x01\x02\x03\x04", key(3).sign)
    many = write(replace(RECEIPT, checkpoint=NOTE + line * (MOST_SIGNATURES - 1)))

    assert check_receipt(many, ORIGIN, [verifier()]) == check_receipt(RAW, ORIGIN, [verifier()])
    assert refusal(write(replace(RECEIPT, checkpoint=NOTE + line * MOST_SIGNATURES))) == "too_many_signatures"


def test_no_byte_of_a_receipt_can_be_changed() -> None:
    dice = random.Random(4)
    for _ in range(MUTATIONS):
        raw = bytearray(RAW)
        raw[dice.randrange(len(raw))] ^= dice.randrange(1, 256)

        refusal(bytes(raw))
