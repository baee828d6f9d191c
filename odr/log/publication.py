"""Handing the log out: a receipt for one entry, and the whole log as files for whoever may read all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select

from odr.house import House
from odr.log import tables
from odr.log.chain import LARGEST_ENTRY, leaf_hash
from odr.log.cosigning import cosigned
from odr.log.halt import latest_checkpoint
from odr.log.note import Checkpoint, Rejected
from odr.log.proof import TILE_WIDTH, join, root
from odr.log.receipt import Receipt, write
from odr.log.signers import opened, signers_of
from odr.log.tiles import inclusion

ASIDE = ".part"
"""How a file ends that is being written; one that a crash left behind is in nobody's way."""

HISTORY = "history"
"""What the history of the keys is called among files."""

_leaf, _entry = tables.leaf, tables.entry


class Unpublished(Exception):
    """The log is not to be handed out as it is; `code` is "no_checkpoint", "entries_missing", "checkpoint_differs" or
    "another_log"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def receipt_of(connection: Connection, stream: str, version: int) -> bytes | None:
    """The receipt for an entry under the last checkpoint; None while no checkpoint is signed over it."""
    last = latest_checkpoint(connection)
    query = select(_leaf.c.position, _entry.c.raw).join(_entry, _entry_of_leaf())
    row = connection.execute(query.where(_leaf.c.stream == stream, _leaf.c.ver == version)).one_or_none()
    if last is None or row is None or row.position >= last.size:
        return None
    path = inclusion(connection, row.position, last.size)
    return write(Receipt(bytes(row.raw), row.position, tuple(path), cosigned(connection, last)))


def history_of(connection: Connection, house: House) -> bytes:
    """How the keys of the log changed, for readers who hold one of them: receipts of the log's own entries, each under
    the first checkpoint that counts it, then all once more under the last (docs/log-format.md, section 14). Nothing
    before the first checkpoint. Raises Torn."""
    last = latest_checkpoint(connection)
    if last is None:
        return b""
    query = select(_leaf.c.position, _entry.c.raw).join(_entry, _entry_of_leaf()).order_by(_leaf.c.ver)
    counted = query.where(_leaf.c.stream == f"log/{house.origin}", _leaf.c.position < last.size)
    rows = connection.execute(counted).all()
    firsts = [connection.execute(_FIRST_OVER, {"position": row.position}).one() for row in rows]
    return b"".join(
        write(
            Receipt(
                bytes(row.raw), row.position, tuple(inclusion(connection, row.position, over.size)), bytes(over.note)
            )
        )
        for row, over in [*zip(rows, firsts, strict=True), *((row, last) for row in rows)]
    )


_FIRST_OVER = (
    select(tables.checkpoint)
    .where(tables.checkpoint.c.size > bindparam("position"))
    .order_by(tables.checkpoint.c.size)
    .limit(1)
)


def publish_files(connection: Connection, house: House, folder: Path) -> Checkpoint:
    """Write the log up to its last checkpoint into a folder, in the layout of C2SP tlog-tiles, entries included; or
    bring up to date what was written there before. Answers the checkpoint.

    For auditors only: entries of all disputes and all classes are in it. Everything is computed from the bytes of the
    entries, so that nothing goes out that the signed root does not cover. Raises Unpublished.
    """
    checkpoint, note = _checkpoint_for(connection, house, folder)
    levels = _Levels(folder)
    for bundle in _bundles(connection, checkpoint.size):
        levels.add(bundle)
    if levels.close() != (checkpoint.size, checkpoint.root):
        raise Unpublished("entries_missing" if levels.size < checkpoint.size else "checkpoint_differs")
    _put(folder / HISTORY, history_of(connection, house), anew=True)
    # Last of all: whoever finds this checkpoint in the folder finds the tiles under it.
    _put(folder / "checkpoint", note, anew=True)
    return checkpoint


def _checkpoint_for(connection: Connection, house: House, folder: Path) -> tuple[Checkpoint, bytes]:
    last = latest_checkpoint(connection)
    if last is None:
        raise Unpublished("no_checkpoint")
    note, signers = bytes(last.note), signers_of(connection, house.origin)
    try:
        checkpoint = opened(note, signers)
    except Rejected as broken:
        raise Unpublished("checkpoint_differs") from broken
    there = folder / "checkpoint"
    try:
        if there.exists() and opened(there.read_bytes(), signers).size > checkpoint.size:
            raise Unpublished("another_log")
    except Rejected as broken:
        raise Unpublished("another_log") from broken
    # What every side did behind the wall is nothing for other users of the machine.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(path.name not in ("checkpoint", "tile", HISTORY) and path.suffix != ASIDE for path in folder.iterdir()):
        raise Unpublished("another_log")
    return checkpoint, cosigned(connection, last)


def _bundles(connection: Connection, size: int) -> Iterator[list[bytes]]:
    """The entries of the first `size` places, as many at a time as a bundle holds; fewer at the first that is gone."""
    query = select(_leaf.c.position, _entry.c.raw).join(_entry, _entry_of_leaf()).order_by(_leaf.c.position)
    for first in range(0, size, TILE_WIDTH):
        end = min(first + TILE_WIDTH, size)
        rows = connection.execute(query.where(_leaf.c.position >= first, _leaf.c.position < end)).all()
        if any(len(row.raw) > LARGEST_ENTRY for row in rows):
            # No bundle can say such a length, and no entry of this log ever had it.
            raise Unpublished("checkpoint_differs")
        yield [bytes(row.raw) for row in rows]
        if len(rows) < end - first:
            return


class _Levels:
    """Writes bundles and tiles as leaves come in, level upon level."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.size = folder, 0
        self._open: list[list[bytes]] = []
        self._done: list[int] = []

    def add(self, entries: list[bytes]) -> None:
        if entries:
            path = tile_path("entries", self.size // TILE_WIDTH, len(entries))
            _put(self.folder / path, b"".join(len(raw).to_bytes(2, "big") + raw for raw in entries))
        for raw in entries:
            self.size += 1
            self._grow(0, leaf_hash(raw))

    def close(self) -> tuple[int, bytes]:
        """Write the tiles at the right edge; answers size and root."""
        for level, hashes in enumerate(self._open):
            if hashes:
                _put(self.folder / tile_path(level, self._done[level], len(hashes)), b"".join(hashes))
        return self.size, join(self._open)

    def _grow(self, level: int, found: bytes) -> None:
        if level == len(self._open):
            self._open.append([])
            self._done.append(0)
        hashes = self._open[level]
        hashes.append(found)
        if len(hashes) == TILE_WIDTH:
            _put(self.folder / tile_path(level, self._done[level], TILE_WIDTH), b"".join(hashes))
            self._open[level], self._done[level] = [], self._done[level] + 1
            self._grow(level + 1, root(hashes))


def tile_path(level: int | str, number: int, width: int) -> str:
    """Where a tile of hashes, or a bundle when `level` is "entries", lies in a log laid out as files."""
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.insert(0, f"x{number % 1000:03d}")
    edge = f".p/{width}" if width < TILE_WIDTH else ""
    return f"tile/{level}/{'/'.join(parts)}{edge}"


def _put(path: Path, raw: bytes, *, anew: bool = False) -> None:
    # What lies there already never changes, but for the checkpoint. Written aside and renamed: never half of a file.
    if path.exists() and not anew:
        if path.read_bytes() != raw:
            raise Unpublished("another_log")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}{ASIDE}")
    aside.write_bytes(raw)
    os.replace(aside, path)


def _entry_of_leaf() -> ColumnElement[bool]:
    return and_(_entry.c.stream == _leaf.c.stream, _entry.c.ver == _leaf.c.ver)
