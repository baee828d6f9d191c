"""The store of sealed files: one folder, one key per file, written once, read in authenticated chunks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from odr.kernel import Refused, new_pseudonym
from odr.log.keys import KEY_SIZE, Keys, Unreadable

# The format is told byte by byte in docs/evidence-files.md; changing one of these needs a new version byte.
MAGIC = b"odrfile\x01"
PREFIX_SIZE = 7
HEADER_SIZE = len(MAGIC) + 16 + PREFIX_SIZE
CHUNK = 64 * 1024
TAG = 16
HEAD = 8 * 1024
"""How much of the beginning is kept at hand for judging what a file is."""


class Damaged(Exception):
    """A stored file is not what was stored.

    `code` is "file_missing", "file_header_damaged", "file_key_unreadable", "file_chunk_damaged" (edited, cut short,
    lengthened or reordered), "file_size_differs" or "file_digest_differs".
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Readable(Protocol):
    """Anything that hands out bytes: an upload's stream, an open file. Empty bytes mean the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that has arrived but is no evidence yet.

    `sha256` is 64 hex digits over the plain text, `size` its bytes, `head` its first 8 KiB; `wrapped_key` must be
    kept with the entry that names the file, since without it nothing opens `path`.
    """

    object_id: str
    sha256: str
    size: int
    head: bytes
    wrapped_key: bytes
    path: Path


class Store:
    """A folder of sealed files: `staging/` for arrivals, `objects/ab/abcd…` for what an entry names."""

    def __init__(self, folder: Path, keys: Keys) -> None:
        self._keys = keys
        self._objects = folder / "objects"
        self._staging = folder / "staging"
        for place in (folder, self._objects, self._staging):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)

    def stage(self, arriving: Readable, *, limit: int) -> Staged:
        """Encrypt what arrives while it arrives, holding one chunk of it at a time.

        Raises Refused("file_too_large", limit=bytes) as soon as more than `limit` bytes came, Refused("file_empty").
        Whatever goes wrong, a full disk and a broken connection included, nothing stays behind.
        """
        object_id, data_key = new_pseudonym(), AESGCM.generate_key(KEY_SIZE * 8)
        path = self._staging / object_id
        try:
            with _private_file(path) as file:
                sha256, size, head = _encrypt(arriving, file, data_key, object_id, limit)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        wrapped_key = self._keys.wrap(data_key, _context(object_id))
        return Staged(object_id, sha256, size, head, wrapped_key, path)

    def keep(self, staged: Staged) -> None:
        """Put a staged file in its lasting place, durably, before any entry names it. Raises FileExistsError when
        that place is taken: a kept file is never written again."""
        place = self._place(staged.object_id)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        # Every time, not only by whoever made the folder: its name may not have reached the disk yet.
        _sync(self._objects)
        _sync(staged.path)
        # The empty file claims the place for us alone, so that the rename replaces nothing but our own claim.
        _private_file(place).close()
        os.replace(staged.path, place)
        _sync(place.parent)

    def discard(self, staged: Staged) -> None:
        """Drop a staged file that no act took over."""
        staged.path.unlink(missing_ok=True)

    def read_staged(self, staged: Staged) -> Iterator[bytes]:
        """The plain text of a staged file in chunks of at most 64 KiB, for judging it. Raises Damaged."""
        return self._open(staged.path, staged.object_id, staged.wrapped_key)

    def read(self, object_id: str, wrapped_key: bytes) -> Iterator[bytes]:
        """The plain text of a kept file in chunks of at most 64 KiB.

        A missing file, a foreign key and a damaged first chunk raise Damaged at once; later damage raises it where
        it is met, after the sound chunks before it. No byte is ever handed out unauthenticated.
        """
        return self._open(self._place(object_id), object_id, wrapped_key)

    def verify_object(self, object_id: str, wrapped_key: bytes, sha256: str, size: int) -> None:
        """Read a kept file to its end and compare it with what its entry says. Raises Damaged."""
        digest, length = hashlib.sha256(), 0
        for chunk in self.read(object_id, wrapped_key):
            digest.update(chunk)
            length += len(chunk)
        if length != size:
            raise Damaged("file_size_differs")
        if digest.hexdigest() != sha256:
            raise Damaged("file_digest_differs")

    def objects(self) -> Iterator[str]:
        """The ids of all kept files."""
        for place in sorted(self._objects.glob("??/*")):
            if _is_object_id(place.name):
                yield place.name

    def written_at(self, object_id: str) -> int:
        """When a kept file was written, ms UTC by the machine's own clock. Raises Damaged("file_missing")."""
        try:
            return self._place(object_id).stat().st_mtime_ns // 1_000_000
        except FileNotFoundError as gone:
            raise Damaged("file_missing") from gone

    def remove(self, object_id: str) -> None:
        """Take a kept file away for good; a second time does nothing, so that an erasure can be resumed."""
        place = self._place(object_id)
        with contextlib.suppress(FileNotFoundError):
            place.unlink()
            _sync(place.parent)

    def sweep_staging(self, older_than_ms: int, now: int) -> int:
        """Drop what has lain in staging longer than `older_than_ms`; answers how many files.

        `now` is ms UTC of the machine's own clock, which also dates the files; never a simulated one.
        """
        dropped = 0
        for path in self._staging.iterdir():
            # Another worker may sweep, keep or discard the same file at this moment.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime_ns // 1_000_000 < now - older_than_ms:
                    path.unlink()
                    dropped += 1
        return dropped

    def _place(self, object_id: str) -> Path:
        if not _is_object_id(object_id):
            raise ValueError("an object id is 32 hex digits")
        return self._objects / object_id[:2] / object_id

    def _open(self, path: Path, object_id: str, wrapped_key: bytes) -> Iterator[bytes]:
        try:
            data_key = self._keys.unwrap(wrapped_key, _context(object_id))
        except Unreadable as unreadable:
            raise Damaged("file_key_unreadable") from unreadable
        chunks = _decrypt(path, data_key, object_id)
        return _resume(next(chunks), chunks)


def _encrypt(arriving: Readable, file: BinaryIO, data_key: bytes, object_id: str, limit: int) -> tuple[str, int, bytes]:
    """Write header and chunks; answers SHA-256 (hex), size and head of the plain text."""
    prefix = os.urandom(PREFIX_SIZE)
    header = _header(object_id, prefix)
    sealer, digest, size, head = AESGCM(data_key), hashlib.sha256(), 0, b""
    file.write(header)
    chunk, counter = _fill(arriving), 0
    while chunk:
        size += len(chunk)
        if size > limit:
            raise Refused("file_too_large", limit=limit)
        digest.update(chunk)
        head = head or chunk[:HEAD]
        # Only by looking one chunk ahead is it known which one is the last.
        following = _fill(arriving) if len(chunk) == CHUNK else b""
        file.write(sealer.encrypt(_nonce(prefix, counter, last=not following), chunk, header))
        chunk, counter = following, counter + 1
    if not size:
        raise Refused("file_empty")
    return digest.hexdigest(), size, head


def _decrypt(path: Path, data_key: bytes, object_id: str) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except FileNotFoundError as gone:
        raise Damaged("file_missing") from gone
    with file:
        header = file.read(HEADER_SIZE)
        prefix = header[HEADER_SIZE - PREFIX_SIZE :]
        if len(header) != HEADER_SIZE or header != _header(object_id, prefix):
            raise Damaged("file_header_damaged")
        opener, counter = AESGCM(data_key), 0
        block = file.read(CHUNK + TAG)
        while True:
            following = file.read(CHUNK + TAG)
            if len(block) <= TAG:
                raise Damaged("file_chunk_damaged")
            try:
                chunk = opener.decrypt(_nonce(prefix, counter, last=not following), block, header)
            except InvalidTag as broken:
                raise Damaged("file_chunk_damaged") from broken
            yield chunk
            if not following:
                return
            block, counter = following, counter + 1


def _resume(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _header(object_id: str, prefix: bytes) -> bytes:
    return MAGIC + bytes.fromhex(object_id) + prefix


def _nonce(prefix: bytes, counter: int, *, last: bool) -> bytes:
    # The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): position and end are part of the nonce,
    # so chunks cannot change places and a shortened file does not end properly.
    return prefix + counter.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


def _context(object_id: str) -> bytes:
    return b"odr/file/v1\n" + object_id.encode("ascii")


def _fill(arriving: Readable) -> bytes:
    """A whole chunk, or less at the end only: a network stream answers with whatever has come so far."""
    parts, wanted = [], CHUNK
    while wanted and (part := arriving.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def _private_file(path: Path) -> BinaryIO:
    """A new file that only this user may open. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_object_id(name: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", name) is not None
