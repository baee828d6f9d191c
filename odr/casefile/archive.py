"""The archive: a zip that is made while it travels, and that closes with a signed list of all that is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

MANIFEST = "manifest"

LARGEST = 2**32 - 1
"""Bytes that no archive reaches: beyond, a zip is written in another way, on which its readers do not agree."""

# What a zip says of a member before it, behind it and in its list, and what it ends with (APPNOTE 4.3.7 to 4.3.16).
_BESIDE_MEMBER, _BEHIND_ALL = 30 + 16 + 46, 22
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Member:
    """A file that goes into the archive, as its bytes come. `packed`: whether packing makes it any smaller."""

    path: str
    chunks: Iterable[bytes]
    packed: bool = True


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that is in the archive: SHA-256 in hex and length of its bytes."""

    path: str
    sha256: str
    size: int


def room(path: str, size: int) -> int:
    """How many bytes of an archive a member takes that is not packed."""
    return _BESIDE_MEMBER + 2 * len(path) + size


def length(members: Iterable[tuple[str, int]]) -> int:
    """How long the archive of these members, paths and sizes, will be when none is packed and the manifest is one."""
    return sum(room(path, size) for path, size in members) + _BEHIND_ALL


class _Sink:
    """What the archive is written to: holds what was written until it is taken away. It cannot go back, so lengths come
    behind the bytes they speak of, and nothing has to be known beforehand."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing lies anywhere else."""

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def archive(members: Iterable[Member], made: datetime, sign: Callable[[list[Listed]], bytes]) -> Iterator[bytes]:
    """The bytes of the archive: the members in their order, then the manifest that `sign` makes of them.

    Holds one chunk at a time. Whatever a member raises, the archive breaks off there: without its directory, which
    comes last of all, no program takes it for a whole one.
    """
    sink, listed = _Sink(), list[Listed]()
    with ZipFile(sink, "w") as file:  # type: ignore[call-overload]
        for member in members:
            digest, size = hashlib.sha256(), 0
            with file.open(_info(member, made), "w") as place:
                for chunk in member.chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    place.write(chunk)
                    yield sink.take()
            listed.append(Listed(member.path, digest.hexdigest(), size))
            yield sink.take()
        file.writestr(_info(Member(MANIFEST, (), packed=False), made), sign(listed))
    yield sink.take()


def _info(member: Member, made: datetime) -> ZipInfo:
    info = ZipInfo(member.path, made.timetuple()[:6])
    info.compress_type = ZIP_DEFLATED if member.packed else ZIP_STORED
    info.create_system, info.external_attr = _UNIX, _PLAIN_FILE
    return info
