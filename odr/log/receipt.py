"""The receipt: one entry, its place in the tree and a signed checkpoint, in one file that proves itself (C2SP
tlog-proof)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from odr.log.chain import LARGEST_ENTRY, Entry, leaf_hash
from odr.log.chain import check as check_entry
from odr.log.note import LARGEST_NOTE, Checkpoint, Verifier, from_base64, open_checkpoint, to_base64
from odr.log.proof import HASH_SIZE, LARGEST_SIZE, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63
"""Hashes of the longest proof: no tree of fewer than 2^63 leaves is higher."""

LARGEST_RECEIPT = 256 * 1024
"""Bytes of the longest receipt read: the longest entry in base64, the longest proof and the longest note fit in."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")


class Misshapen(ValueError):
    """Bytes that are no receipt of ours; `code` names the rule broken (docs/log-format.md)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt carries, nothing of it believed yet: the entry's bytes, its index from 0, the path to the root,
    and the checkpoint as it was signed."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """What a sound receipt shows: that `entry` stands at `index` of the log as `checkpoint` fixes it."""

    entry: Entry
    index: int
    checkpoint: Checkpoint


def file_name(number: str, version: int) -> str:
    """What the receipt of an entry of the dispute of this number is called as a file."""
    return f"evenhand-{number}-{version}.tlog-proof"


def write(receipt: Receipt) -> bytes:
    """The bytes of a receipt, for a file called `.tlog-proof`. Raises ValueError for what no receipt can carry."""
    path = map(to_base64, receipt.path)
    lines = [HEADER, f"extra {to_base64(receipt.entry)}", f"index {receipt.index}", *path, "", ""]
    raw = "\n".join(lines).encode() + receipt.checkpoint
    if read(raw) != receipt:
        raise ValueError("not a receipt")
    return raw


def read(raw: bytes) -> Receipt:
    """The parts of a receipt; the checkpoint is left to be opened by whoever trusts a key. Raises Misshapen."""
    _require(len(raw) <= LARGEST_RECEIPT, "too_long")
    head, separator, checkpoint = raw.partition(b"\n\n")
    # All of the head is ASCII; any other byte spoils the line it stands in.
    header, *lines = head.decode("ascii", "replace").split("\n")
    _require(header == HEADER, "bad_header")
    _require(bool(lines) and lines[0].startswith("extra "), "no_entry")
    entry = _unbase64(lines[0].removeprefix("extra "), "bad_extra")
    _require(0 < len(entry) <= LARGEST_ENTRY, "bad_extra")
    _require(len(lines) > 1 and lines[1].startswith("index "), "bad_index")
    index = lines[1].removeprefix("index ")
    _require(_INDEX.fullmatch(index) is not None and int(index) < LARGEST_SIZE, "bad_index")
    _require(len(lines) - 2 <= MOST_HASHES, "too_many_hashes")
    path = tuple(_unbase64(line, "bad_hash_line") for line in lines[2:])
    _require(all(len(found) == HASH_SIZE for found in path), "bad_hash_line")
    _require(bool(separator) and 0 < len(checkpoint) <= LARGEST_NOTE, "no_checkpoint")
    return Receipt(entry, int(index), path, checkpoint)


def check(raw: bytes, origin: str, verifiers: Sequence[Verifier]) -> Proven:
    """What a receipt of the log called `origin` shows to somebody who trusts these keys.

    Name and keys come from the reader, never from the receipt. Raises Misshapen, chain.Malformed, note.Rejected or
    proof.Unproven, whose codes say what is wrong.
    """
    receipt = read(raw)
    checkpoint = open_checkpoint(receipt.checkpoint, origin, verifiers)
    entry = check_entry(receipt.entry)
    _require(entry.origin == origin, "entry_of_another_log")
    verify_inclusion(leaf_hash(receipt.entry), receipt.index, checkpoint.size, receipt.path, checkpoint.root)
    return Proven(entry, receipt.index, checkpoint)


def _require(holds: bool, code: str) -> None:
    if not holds:
        raise Misshapen(code)


def _unbase64(text: str, code: str) -> bytes:
    plain = from_base64(text)
    if plain is None:
        raise Misshapen(code)
    return plain
