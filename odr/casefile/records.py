"""The members of a case file as bytes, and the list that is signed over them (docs/log-format.md, section 17)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from odr.casefile.archive import Listed
from odr.log.chain import canonical
from odr.log.note import to_base64

INDEX = "index.html"
VERIFIER = "evenhand-verify.py"
HIDDEN, OPENINGS, WITHHELD = "hidden.jsonl", "openings.jsonl", "withheld.jsonl"
CHECKPOINT, HISTORY, POLICY = "checkpoint", "history", "policy"

_HEADER = "evenhand-case-file/v1"


@dataclass(frozen=True, slots=True)
class Hidden:
    """An entry that the reader may not have: where it stands, and that it stands there."""

    version: int
    index: int
    leaf: bytes
    path: list[bytes]


@dataclass(frozen=True, slots=True)
class Opening:
    """Words beside an entry, with the salt that opens their commitment."""

    version: int
    name: str
    salt: bytes
    text: str


def file_name(number: str, reader: str) -> str:
    """What the case file of this reader is called as a file."""
    return f"evenhand-{number}-{reader}.zip"


def verifier() -> bytes:
    """The verifier, as everybody gets it."""
    return (files("odr.log") / "offline.py").read_bytes()


def entry_path(version: int) -> str:
    return f"entries/{version:06}.tlog-proof"


def file_path(version: int, suffix: str) -> str:
    """Where the file of an entry lies; `suffix` with its point."""
    return f"files/{version:06}{suffix}"


def copy_path(version: int, suffix: str) -> str:
    """Where the copy for others of the file of an entry lies."""
    return f"copies/{version:06}{suffix}"


def hidden_lines(hidden: Iterable[Hidden]) -> bytes:
    return _lines(
        {
            "ver": one.version,
            "index": one.index,
            "leaf": one.leaf.hex(),
            "proof": [to_base64(held) for held in one.path],
        }
        for one in hidden
    )


def opening_lines(stream: str, openings: Iterable[Opening]) -> bytes:
    return _lines(
        {"stream": stream, "ver": one.version, "name": one.name, "salt": one.salt.hex(), "payload": one.text}
        for one in openings
    )


def withheld_lines(withheld: Iterable[tuple[int, str]]) -> bytes:
    return _lines({"ver": version, "name": name} for version, name in withheld)


def manifest_text(origin: str, stream: str, size: int, reader: str, made_at: int, listed: Iterable[Listed]) -> bytes:
    """What is signed: whose case file this is, as of which checkpoint, and everything in it."""
    lines = [_HEADER, origin, stream, str(size), reader, str(made_at)]
    lines += [f"{one.sha256} {one.size} {one.path}" for one in listed]
    return "".join(f"{line}\n" for line in lines).encode()


def _lines(objects: Iterable[dict[str, object]]) -> bytes:
    return b"".join(canonical(one) + b"\n" for one in objects)
