"""A small log made by the product's own code, laid out in a folder for whoever verifies it from outside."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from odr.log import note, proof, receipt
from odr.log.chain import GENESIS, Entry, canonical, commitment, encode, leaf_hash

ORIGIN = "evenhand/0123456789abcdef0123456789abcdef"
SALT = bytes(range(32))
STREAMS = [f"dispute/{number:032x}" for number in range(1, 4)]
BUYER = "5e58806c0ca1d8a3526c64ae2e12df71"
SELLER = "77777777777777777777777777777777"


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
    return signed_by([seed], note.checkpoint_text(note.Checkpoint(origin, size, root)), origin)


def signed_by(seeds: Sequence[int], text: bytes, origin: str = ORIGIN) -> bytes:
    """The note of any text, with a line of each of these keys."""
    return text + b"\n" + b"".join(line_of(seed, text, origin) for seed in seeds)


def line_of(seed: int, text: bytes, origin: str = ORIGIN) -> bytes:
    key_id = note.key_id(origin, key(seed).public_key().public_bytes_raw())
    return note.signature_line(text, origin, key_id, key(seed).sign)


def witness(seed: int, name: str = "witness.example") -> str:
    """The vkey of a witness, written here once more from the specification (C2SP tlog-cosignature)."""
    public = b"\x04" + key(seed).public_key().public_bytes_raw()
    return f"{name}+{_witness_id(name, public).hex()}+{note.to_base64(public)}"


def cosigned(signed_note: bytes, seed: int, at: int, name: str = "witness.example", text: bytes | None = None) -> bytes:
    """A note with one more line, of a witness that saw it at this second. `text`: what it really signed."""
    said = signed_note.rpartition(b"\n\n")[0] + b"\n" if text is None else text
    key_id = _witness_id(name, b"\x04" + key(seed).public_key().public_bytes_raw())
    signature = key(seed).sign(f"cosignature/v1\ntime {at}\n".encode() + said)
    return signed_note + f"\u2014 {name} {note.to_base64(key_id + at.to_bytes(8, 'big') + signature)}\n".encode()


def _witness_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + public).digest()[:4]


@dataclass
class Book:
    """Entries in the order of the tree, and how they are laid out, proven and signed."""

    entries: list[bytes] = field(default_factory=list)
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    origin: str = ORIGIN
    words: dict[tuple[str, int], dict[str, bytes]] = field(default_factory=dict)

    def write(
        self,
        stream: str,
        *,
        payload: bytes | None = None,
        at: int | None = None,
        words: Mapping[str, bytes] | None = None,
        **others: Any,
    ) -> Entry:
        """One more entry, with words under the name `message` or under several; `others` are fields said otherwise."""
        version, prev = self.heads.get(stream, (0, GENESIS))
        version += 1
        told = {**({"message": payload} if payload else {}), **(words or {})}
        self.words[stream, version] = told
        held = {name: commitment(SALT, self.origin, stream, version, name, text) for name, text in told.items()}
        entry = Entry(
            origin=self.origin,
            stream=stream,
            version=version,
            type="offer_made",
            at=1_772_442_000_000 + len(self.entries) if at is None else at,
            clock="real",
            actor=BUYER,
            role="buyer",
            reach="parties",
            prev=prev,
            nonce=f"{len(self.entries):032x}",
            act="",
            data={"amount": {"currency": "EUR", "minor": 100 + len(self.entries)}},
            commit=held,
        )
        entry = replace(entry, **others)
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

    def receipt(self, index: int, size: int | None = None, *, note: bytes | None = None) -> bytes:
        path = proof.inclusion_proof(self.leaves[:size], index)
        return receipt.write(receipt.Receipt(self.entries[index], index, tuple(path), note or self.note(size)))

    def places(self, stream: str) -> list[int]:
        """Where the entries of a stream stand in the tree, by their version less one."""
        return [index for index, raw in enumerate(self.entries) if json.loads(raw)["stream"] == stream]

    def case(
        self,
        stream: str = STREAMS[0],
        *,
        hidden: Collection[int] = (),
        withheld: Collection[tuple[int, str]] = (),
        erased: Collection[tuple[int, str]] = (),
        files: Mapping[str, bytes] | None = None,
        history: bytes = b"",
        note: bytes | None = None,
    ) -> dict[str, bytes]:
        """The members of a case file, all but its manifest; written from docs/log-format.md, section 17."""
        checkpoint, leaves = note or self.note(), self.leaves
        paths = {index: proof.inclusion_proof(leaves, index) for index in self.places(stream)}
        members, lines = dict[str, bytes](), dict[str, list[dict[str, object]]]()
        for version, (index, path) in enumerate(paths.items(), 1):
            if version in hidden:
                told = [note_.decode() for note_ in map(_base64, path)]
                row = {"ver": version, "index": index, "leaf": leaves[index].hex(), "proof": told}
                lines.setdefault("hidden.jsonl", []).append(row)
                continue
            members[f"entries/{version:06}.tlog-proof"] = self.receipt(index, note=checkpoint)
            for name, text in sorted(self.words.get((stream, version), {}).items()):
                if (version, name) in withheld:
                    lines.setdefault("withheld.jsonl", []).append({"ver": version, "name": name})
                elif (version, name) not in erased:
                    lines.setdefault("openings.jsonl", []).append(spoken(stream, version, name, text))
        told_lines = {path: b"".join(canonical(row) + b"\n" for row in rows) for path, rows in lines.items()}
        last = {"checkpoint": checkpoint, "history": history, "policy": b"quorum none\n"}
        whole = {"index.html": b"<!doctype html>\n", "evenhand-verify.py": b"raise SystemExit('never run')\n"}
        whole |= members | told_lines | (files or {}) | last
        return {path: whole[path] for path in sorted(whole, key=_in_order) if whole[path]}

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


_ORDER = ["index.html", "evenhand-verify.py", "entries/", "hidden.jsonl", "openings.jsonl", "withheld.jsonl", "files/",
          "copies/", "checkpoint", "history", "policy", "manifest"]  # fmt: skip


def _in_order(path: str) -> tuple[int, str]:
    return next((place for place, begun in enumerate(_ORDER) if path.startswith(begun)), 99), path


def _base64(plain: bytes) -> bytes:
    return note.to_base64(plain).encode()


def spoken(stream: str, version: int, name: str, text: bytes, salt: bytes = SALT) -> dict[str, object]:
    """Words as they are handed on."""
    return {"stream": stream, "ver": version, "name": name, "salt": salt.hex(), "payload": text.decode()}


def with_manifest(
    members: Mapping[str, bytes],
    *,
    seeds: Sequence[int] = (1,),
    size: int | None = None,
    stream: str = STREAMS[0],
    origin: str = ORIGIN,
    reader: str = "buyer",
) -> dict[str, bytes]:
    """The members with a list of them, signed by these keys."""
    counted = int(members["checkpoint"].split(b"\n")[1]) if size is None else size
    lines = ["evenhand-case-file/v1", origin, stream, str(counted), reader, "1772442000000"]
    lines += [f"{hashlib.sha256(raw).hexdigest()} {len(raw)} {path}" for path, raw in members.items()]
    return {**members, "manifest": signed_by(seeds, "".join(f"{line}\n" for line in lines).encode(), origin)}


class Stream(io.RawIOBase):
    """A place to write to that cannot be gone back in, as when an archive travels while it is made."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.written += part
        return len(part)


def zipped(
    members: Mapping[str, bytes],
    *,
    travelling: bool = True,
    method: int = zipfile.ZIP_DEFLATED,
    change: Callable[[zipfile.ZipInfo], None] = lambda info: None,
) -> bytes:
    """The archive of these members, by the hand of the standard library."""
    place = Stream() if travelling else io.BytesIO()
    with zipfile.ZipFile(place, "w") as archive:
        for path, raw in members.items():
            info = zipfile.ZipInfo(path, (2026, 3, 2, 9, 0, 0))
            info.compress_type, info.external_attr = method, 0o100644 << 16
            change(info)
            archive.writestr(info, raw)
    return bytes(place.written) if isinstance(place, Stream) else place.getvalue()


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
