"""A small log made by the product's own code, laid out in a folder for whoever verifies it from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from odr.log import note, proof, receipt
from odr.log.chain import GENESIS, Entry, commitment, encode, leaf_hash

ORIGIN = "evenhand/0123456789abcdef0123456789abcdef"
SALT = bytes(range(32))
STREAMS = [f"dispute/{number:032x}" for number in range(1, 4)]


def key(seed: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def vkey(seed: int = 1, origin: str = ORIGIN) -> str:
    return note.vkey(origin, key(seed).public_key().public_bytes_raw())


def verifier(seed: int = 1, origin: str = ORIGIN) -> note.Verifier:
    public = key(seed).public_key()

    def verify(message: bytes, signature: bytes) -> bool:
        try:
            public.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return note.Verifier(origin, note.key_id(origin, public.public_bytes_raw()), verify)


def signed(size: int, root: bytes, *, seed: int = 1, origin: str = ORIGIN) -> bytes:
    """A checkpoint's note."""
    public = key(seed).public_key().public_bytes_raw()
    text = note.checkpoint_text(note.Checkpoint(origin, size, root))
    return note.sign(text, origin, note.key_id(origin, public), key(seed).sign)


@dataclass
class Book:
    """Entries in the order of the tree, and how they are laid out, proven and signed."""

    entries: list[bytes] = field(default_factory=list)
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    origin: str = ORIGIN

    def write(self, stream: str, *, payload: bytes | None = None, at: int | None = None) -> Entry:
        version, prev = self.heads.get(stream, (0, GENESIS))
        version += 1
        held = {"message": commitment(SALT, self.origin, stream, version, "message", payload)} if payload else {}
        entry = Entry(
            origin=self.origin,
            stream=stream,
            version=version,
            type="offer_made",
            at=1_772_442_000_000 + len(self.entries) if at is None else at,
            clock="real",
            actor="5e58806c0ca1d8a3526c64ae2e12df71",
            role="buyer",
            reach="parties",
            prev=prev,
            nonce=f"{len(self.entries):032x}",
            act="",
            data={"amount": {"currency": "EUR", "minor": 100 + len(self.entries)}},
            commit=held,
        )
        raw = encode(entry)
        self.entries.append(raw)
        self.heads[stream] = (version, leaf_hash(raw).hex())
        return entry

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(raw) for raw in self.entries]

    def root(self, size: int | None = None) -> bytes:
        return proof.root(self.leaves[:size])

    def note(self, size: int | None = None, *, seed: int = 1) -> bytes:
        return signed(len(self.entries) if size is None else size, self.root(size), seed=seed, origin=self.origin)

    def receipt(self, index: int, size: int | None = None) -> bytes:
        path = proof.inclusion_proof(self.leaves[:size], index)
        return receipt.write(receipt.Receipt(self.entries[index], index, tuple(path), self.note(size)))

    def lay_out(self, folder: Path, *, note: bytes | None = None) -> Path:
        """The whole log as a folder in the layout of C2SP tlog-tiles, written here once more from the specification."""
        put(folder / "checkpoint", self.note() if note is None else note)
        for number, held in enumerate(in_tiles(self.entries)):
            bundle = b"".join(len(raw).to_bytes(2, "big") + raw for raw in held)
            put(folder / named("entries", number, len(held)), bundle)
        level, hashes = 0, self.leaves
        while hashes:
            for number, tile in enumerate(in_tiles(hashes)):
                put(folder / named(level, number, len(tile)), b"".join(tile))
            hashes = [proof.root(tile) for tile in in_tiles(hashes) if len(tile) == 256]
            level += 1
        return folder


def a_book(entries: int = 600) -> Book:
    """Three disputes that take turns, each entry with words."""
    book = Book()
    for number in range(entries):
        book.write(STREAMS[number % 3], payload=f"word {number}".encode())
    return book


def in_tiles(held: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [held[place : place + 256] for place in range(0, len(held), 256)]


def named(level: int | str, number: int, width: int) -> str:
    assert number < 1_000
    return f"tile/{level}/{number:03d}" + (f".p/{width}" if width < 256 else "")


def put(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
