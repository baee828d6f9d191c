"""The archive: a zip that is made while it travels, and that closes with a signed list of all that is in it."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

MANIFEST = "manifest"

LARGEST = 2**32 - 1
"""Bytes that no archive reaches: beyond, a zip is written in another way, on which its readers do not agree."""

# What a zip says of a member before it and in its list, and what it ends with (APPNOTE 4.3.7 to 4.3.16).
_BESIDE_MEMBER, _BEHIND_ALL = 30 + 46, 22
_PLAIN_FILE = 0o100644 << 16
_UNIX, _VERSION = 3 << 8, 20
_STORED, _DEFLATED, _LENGTHS_FOLLOW = 0, 8, 8


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that is in the archive: SHA-256 in hex, length and CRC-32 of its bytes."""

    path: str
    sha256: str
    size: int
    crc: int


@dataclass(frozen=True, slots=True)
class Member:
    """A file that goes into the archive, as its bytes come. One that is `known` is stored with its length before it;
    any other is packed, so that its own bytes tell where they end. Where they did not, a file of evidence could hold
    what looks like the next member to programs that read an archive from its beginning."""

    path: str
    chunks: Iterable[bytes]
    known: Listed | None = None


def listed(path: str, chunks: Iterable[bytes]) -> Listed:
    """What these bytes will be listed as."""
    counted = _Counted(path)
    for chunk in chunks:
        counted.add(chunk)
    return counted.listed


def room(path: str, size: int) -> int:
    """How many bytes of an archive a member takes that is not packed."""
    return _BESIDE_MEMBER + 2 * len(path) + size


def length(members: Iterable[tuple[str, int]]) -> int:
    """How long the archive of these members, paths and sizes, will be when none is packed and the manifest is one."""
    return sum(room(path, size) for path, size in members) + _BEHIND_ALL


def archive(members: Iterable[Member], made: datetime, sign: Callable[[list[Listed]], bytes]) -> Iterator[bytes]:
    """The bytes of the archive: the members in their order, then the manifest that `sign` makes of them.

    Holds one chunk at a time. Whatever a member raises, the archive breaks off there: without its directory, which
    comes last of all, no program takes it for a whole one.
    """
    told, rows, place = list[Listed](), list[bytes](), 0
    for member in _with_manifest(members, told, sign):
        written = _Written(member, made)
        start = place
        for part in written.parts():
            place += len(part)
            yield part
        told.append(written.listed)
        rows.append(written.row(start))
    directory = b"".join(rows)
    yield directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(rows), len(rows), len(directory), place, 0)


def _with_manifest(
    members: Iterable[Member], told: list[Listed], sign: Callable[[list[Listed]], bytes]
) -> Iterator[Member]:
    yield from members
    manifest = [sign(told)]
    yield Member(MANIFEST, manifest, listed(MANIFEST, manifest))


class _Counted:
    """What bytes are listed as, as far as they have come."""

    def __init__(self, path: str) -> None:
        self._path, self._digest, self._size, self._crc = path, hashlib.sha256(), 0, 0

    def add(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self._size += len(chunk)
        self._crc = zlib.crc32(chunk, self._crc)

    @property
    def listed(self) -> Listed:
        return Listed(self._path, self._digest.hexdigest(), self._size, self._crc)


class _Written:
    """A member while it is written: its bytes, and then its row in the archive's own list."""

    def __init__(self, member: Member, made: datetime) -> None:
        self._member, self._name, self._packed = member, member.path.encode("ascii"), 0
        self._flags, self._method = (0, _STORED) if member.known else (_LENGTHS_FOLLOW, _DEFLATED)
        time = made.hour << 11 | made.minute << 5 | made.second // 2
        self._made = time, (made.year - 1980) << 9 | made.month << 5 | made.day

    def parts(self) -> Iterator[bytes]:
        known, counted = self._member.known, _Counted(self._member.path)
        lengths = (known.crc, known.size, known.size) if known else (0, 0, 0)
        yield struct.pack("<4s", b"PK\3\4") + self._told(*lengths) + self._name
        pack = zlib.compressobj(wbits=-15)
        for chunk in self._member.chunks:
            counted.add(chunk)
            part = chunk if known else pack.compress(chunk)
            self._packed += len(part)
            yield part
        self.listed = counted.listed
        if not known:
            rest = pack.flush()
            self._packed += len(rest)
            yield rest + struct.pack("<4s3L", b"PK\7\10", *self._lengths)

    def row(self, place: int) -> bytes:
        beside = struct.pack("<3H2L", 0, 0, 0, _PLAIN_FILE, place)
        return struct.pack("<4sH", b"PK\1\2", _UNIX | _VERSION) + self._told(*self._lengths) + beside + self._name

    def _told(self, crc: int, packed: int, size: int) -> bytes:
        """What stands both before the member and in the list."""
        return struct.pack(
            "<5H3L2H", _VERSION, self._flags, self._method, *self._made, crc, packed, size, len(self._name), 0
        )

    @property
    def _lengths(self) -> tuple[int, int, int]:
        return self.listed.crc, self._packed, self.listed.size
