"""Verifying the log: every entry, stream, act, sealed word, place, tile and checkpoint, without trusting a column.

What is found is named: each finding says what is wrong, where, what was expected and what stands there. Nothing is
repaired here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import Connection, and_, exists, select

from odr.house import House
from odr.log import tables
from odr.log.chain import GENESIS, Entry, Malformed, act_digest, check, commitment, leaf_hash
from odr.log.halt import read_published, signed_at_hand
from odr.log.keys import Unreadable
from odr.log.note import Rejected
from odr.log.payloads import reveal
from odr.log.proof import TILE_WIDTH, inner_nodes, root, roots_at
from odr.log.signers import opened, signers_of

BATCH = 200
"""Streams read at a time, so that memory does not grow with the log."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `code` is one of CODES; positions count from 0, versions from 1."""

    code: str
    stream: str | None = None
    version: int | None = None
    position: int | None = None
    expected: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        where = [
            f"{name} {value}"
            for name, value in (("stream", self.stream), ("version", self.version), ("position", self.position))
            if value is not None
        ]
        seen = f": expected {self.expected}, found {self.found}" if self.expected or self.found else ""
        return f"{self.code} ({CODES[self.code]}) at {', '.join(where) or 'the log'}{seen}"


CODES = {
    "entry_malformed": "the bytes are no entry of this format",
    "entry_hash_differs": "the stored leaf hash is not that of the bytes",
    "entry_column_differs": "a column says something else than the entry",
    "entry_of_another_log": "the entry names another log",
    "stream_gap": "versions do not run 1, 2, 3 without a gap",
    "stream_prev_differs": "the entry does not follow the one before it",
    "stream_time_goes_back": "the entry is older than the one before it",
    "entry_without_place": "the entry is in the tree nowhere, and does not wait for a place",
    "queue_unknown": "something waits for a place that is no entry of this log, or has its place already",
    "queue_hash_differs": "what waits for a place has another hash than its entry",
    "place_gap": "positions do not run 0, 1, 2 without a gap",
    "place_unknown": "the place belongs to no entry",
    "place_hash_differs": "the place holds another hash than its entry",
    "place_order_differs": "a later entry of a stream has an earlier place",
    "place_twice": "an entry has two places",
    "tile_missing": "a full tile is not stored",
    "tile_unknown": "a tile is stored that cannot be full yet",
    "tile_differs": "a tile is not what the leaves make it",
    "checkpoint_malformed": "the note is no checkpoint signed by this log",
    "checkpoint_column_differs": "a column says something else than the note",
    "checkpoint_root_differs": "the signed root is not that of the tree",
    "checkpoint_order_differs": "numbers or sizes of checkpoints do not grow step by step",
    "checkpoint_beyond_log": "more entries were signed than there are",
    "checkpoint_missing": "a checkpoint was published that is no longer stored",
    "signing_stopped": "the house has stopped, and nobody has let it go on",
    "payload_missing": "words that the entry commits to are gone",
    "payload_unknown": "words are stored that no entry commits to",
    "payload_differs": "the words are not those that the entry commits to",
    "payload_unreadable": "the words cannot be opened with the house's key",
    "act_missing": "the act that made the entry is not stored",
    "act_differs": "the stored act is not the one that made the entries",
    "act_unknown": "an act is stored that made no such entries",
    "file_missing": "a file that an entry names is gone",
    "file_differs": "a file is not what its entry says",
    "file_unknown": "a file is named by no entry",
    "projection_missing": "the dispute has no row in the lists",
    "projection_unknown": "a row in the lists belongs to no dispute",
    "projection_differs": "a row in the lists is not what the entries make it",
    "edition_missing": "the edition before is not stored, and what it hid stays hidden in this one",
    "edition_changed": "an edition of the figures is not what its number and digest say",
    "edition_root_differs": "the edition names another log than the one that is stored",
    "edition_differs": "the edition does not say what the entries make it say",
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read: the size and root of the tree, how many entries, and all findings."""

    size: int
    root: bytes
    entries: int
    findings: list[Finding]


def verify_log(connection: Connection, house: House) -> Verified:
    """Check the whole log against itself and the house's keys. Reads only."""
    # Read first: a checkpoint signed while we read the database must not seem to be missing from it.
    outside = read_published(house.settings)
    findings: list[Finding] = []
    entries = 0
    for streams in _streams(connection):
        held = _rows_by_stream(connection, tables.entry, streams, "ver")
        beside = {
            name: _rows_by_stream(connection, table, streams, *order)
            for name, table, order in (
                ("payload", tables.payload, ("ver", "name")),
                ("act", tables.idempotency, ("first",)),
                ("leaf", tables.leaf, ("position",)),
                ("queue", tables.queue, ("id",)),
            )
        }
        for stream in streams:
            entries += len(held[stream])
            findings += _verify_stream(
                house, stream, held[stream], {name: rows[stream] for name, rows in beside.items()}
            )
    findings += _verify_orphans(connection)
    hashes, of_places = _read_places(connection)
    findings += of_places
    findings += _verify_tiles(connection, hashes)
    findings += _verify_checkpoints(connection, house, hashes, outside)
    return Verified(len(hashes), root(hashes), entries, findings)


def _streams(connection: Connection) -> Iterator[list[str]]:
    last = ""
    while True:
        column = tables.entry.c.stream
        query = select(column).where(column > last).distinct().order_by(column).limit(BATCH)
        streams = list(connection.scalars(query))
        if not streams:
            return
        yield streams
        last = streams[-1]


def _rows_by_stream(connection: Connection, table: Any, streams: Sequence[str], *order: str) -> dict[str, list[Any]]:
    query = (
        select(table).where(table.c.stream.in_(streams)).order_by(table.c.stream, *(table.c[name] for name in order))
    )
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        rows[row.stream].append(row)
    return rows


# -- one stream -----------------------------------------------------------------------------------------------


def _verify_stream(house: House, stream: str, rows: list[Any], beside: dict[str, list[Any]]) -> Iterator[Finding]:
    entries: dict[int, Entry] = {}
    hashes: dict[int, bytes] = {}
    expected, prev, at = 1, GENESIS, 0
    for row in rows:
        if row.ver != expected:
            yield Finding("stream_gap", stream, expected, expected=str(expected), found=str(row.ver))
        try:
            entry = check(row.raw)
        except Malformed as broken:
            yield Finding("entry_malformed", stream, row.ver, found=broken.code)
            expected, prev = row.ver + 1, leaf_hash(row.raw).hex()
            continue
        entries[row.ver], hashes[row.ver] = entry, leaf_hash(row.raw)
        yield from _verify_entry(house, row, entry, hashes[row.ver])
        if entry.prev != prev and row.ver == expected:
            yield Finding("stream_prev_differs", stream, row.ver, expected=prev, found=entry.prev)
        if entry.at < at:
            yield Finding("stream_time_goes_back", stream, row.ver, expected=f"at least {at}", found=str(entry.at))
        expected, prev, at = row.ver + 1, hashes[row.ver].hex(), max(at, entry.at)
    yield from _verify_places(stream, hashes, beside["leaf"], beside["queue"])
    yield from _verify_acts(house, stream, entries, beside["act"])
    yield from _verify_payloads(house, stream, entries, beside["payload"])


def _verify_entry(house: House, row: Any, entry: Entry, computed: bytes) -> Iterator[Finding]:
    if computed != row.leaf_hash:
        yield Finding("entry_hash_differs", row.stream, row.ver, expected=computed.hex(), found=row.leaf_hash.hex())
    if entry.origin != house.origin:
        yield Finding("entry_of_another_log", row.stream, row.ver, expected=house.origin, found=entry.origin)
    said = (entry.stream, entry.version, entry.type, entry.at, entry.reach)
    columns = (row.stream, row.ver, row.type, row.at, row.reach)
    if said != columns:
        yield Finding("entry_column_differs", row.stream, row.ver, expected=str(said), found=str(columns))


def _verify_places(stream: str, hashes: dict[int, bytes], leaves: list[Any], queued: list[Any]) -> Iterator[Finding]:
    placed: dict[int, int] = {}
    for leaf in leaves:
        if leaf.ver not in hashes:
            yield Finding("place_unknown", stream, leaf.ver, leaf.position)
        elif leaf.ver in placed:
            yield Finding("place_twice", stream, leaf.ver, leaf.position, found=str(placed[leaf.ver]))
        elif leaf.leaf_hash != hashes[leaf.ver]:
            yield Finding(
                "place_hash_differs", stream, leaf.ver, leaf.position, hashes[leaf.ver].hex(), leaf.leaf_hash.hex()
            )
        placed.setdefault(leaf.ver, leaf.position)
    for (version, position), (later, next_position) in pairwise(sorted(placed.items())):
        if next_position < position:
            yield Finding("place_order_differs", stream, later, next_position, f"after {position} of version {version}")
    waiting: set[int] = set()
    for row in queued:
        if row.ver not in hashes or row.ver in placed or row.ver in waiting:
            yield Finding("queue_unknown", stream, row.ver)
        elif row.leaf_hash != hashes[row.ver]:
            yield Finding("queue_hash_differs", stream, row.ver, None, hashes[row.ver].hex(), row.leaf_hash.hex())
        waiting.add(row.ver)
    for version in sorted(hashes.keys() - placed.keys() - waiting):
        yield Finding("entry_without_place", stream, version)


def _verify_acts(house: House, stream: str, entries: dict[int, Entry], acts: list[Any]) -> Iterator[Finding]:
    made = {
        digest: [entry.version for entry in group]
        for digest, group in groupby((entries[version] for version in sorted(entries)), key=lambda entry: entry.act)
        if digest
    }
    for row in acts:
        digest = act_digest(
            origin=house.origin, stream=row.stream, actor=row.actor, key=row.key, salt=row.salt, body_mac=row.body_mac
        ).hex()
        versions = made.pop(digest, None)
        if versions is None:
            overlaps = any(row.first <= version <= row.last for versions in made.values() for version in versions)
            yield Finding("act_differs" if overlaps else "act_unknown", stream, row.first)
            made = {other: held for other, held in made.items() if not row.first <= held[0] <= row.last}
        elif (versions[0], versions[-1]) != (row.first, row.last):
            yield Finding(
                "act_differs", stream, versions[0], None, f"{versions[0]}-{versions[-1]}", f"{row.first}-{row.last}"
            )
    for versions in made.values():
        yield Finding("act_missing", stream, versions[0])


def _verify_payloads(house: House, stream: str, entries: dict[int, Entry], payloads: list[Any]) -> Iterator[Finding]:
    stored = {(row.ver, row.name): row for row in payloads}
    for version, entry in entries.items():
        for name, committed in entry.commit.items():
            row = stored.pop((version, name), None)
            if row is None:
                yield Finding("payload_missing", stream, version, found=name)
                continue
            yield from _verify_payload(house, row, committed)
    for version, name in stored:
        if version in entries:
            yield Finding("payload_unknown", stream, version, found=name)


def _verify_payload(house: House, row: Any, committed: str) -> Iterator[Finding]:
    try:
        text = reveal(house.keys, row.stream, row.ver, row.name, row.wrapped_key, row.sealed)
    except Unreadable as broken:
        yield Finding("payload_unreadable", row.stream, row.ver, expected=row.name, found=broken.code)
        return
    whole = len(row.salt) == 32
    if not whole or commitment(row.salt, house.origin, row.stream, row.ver, row.name, text) != committed:
        yield Finding("payload_differs", row.stream, row.ver, found=row.name)


def _verify_orphans(connection: Connection) -> Iterator[Finding]:
    """Rows that name entries which do not exist, in streams that the walk over entries never met."""
    for code, table, version in (
        ("payload_unknown", tables.payload, tables.payload.c.ver),
        ("place_unknown", tables.leaf, tables.leaf.c.ver),
        ("queue_unknown", tables.queue, tables.queue.c.ver),
        ("act_unknown", tables.idempotency, tables.idempotency.c.first),
        ("file_unknown", tables.stored_file, tables.stored_file.c.ver),
    ):
        known = exists().where(and_(tables.entry.c.stream == table.c.stream, tables.entry.c.ver == version))
        whole_stream = exists().where(tables.entry.c.stream == table.c.stream)
        # Where the stream exists, the walk over it has named the fault already; payloads and files it has not.
        missing = ~known if code in ("payload_unknown", "file_unknown") else ~whole_stream
        for row in connection.execute(select(table.c.stream, version.label("version")).where(missing)):
            yield Finding(code, row.stream, row.version)


# -- the tree -------------------------------------------------------------------------------------------------


def _read_places(connection: Connection) -> tuple[list[bytes], list[Finding]]:
    hashes: list[bytes] = []
    findings: list[Finding] = []
    expected = 0
    query = select(tables.leaf.c.position, tables.leaf.c.leaf_hash).order_by(tables.leaf.c.position)
    for row in connection.execute(query.execution_options(yield_per=2_000)):
        if row.position != expected:
            findings.append(Finding("place_gap", position=expected, expected=str(expected), found=str(row.position)))
        hashes.append(bytes(row.leaf_hash))
        expected = row.position + 1
    if any(len(held) != 32 for held in hashes):
        # Named as a hash that differs by the walk over the streams; the tree needs 32 bytes to be computed at all.
        hashes = [held if len(held) == 32 else bytes(32) for held in hashes]
    return hashes, findings


def hashes_of_entries(connection: Connection, size: int) -> list[bytes]:
    """The leaf hashes of the first `size` entries of the tree, from the bytes of the entries themselves."""
    query = (
        select(tables.entry.c.raw)
        .join(tables.leaf, and_(tables.leaf.c.stream == tables.entry.c.stream, tables.leaf.c.ver == tables.entry.c.ver))
        .where(tables.leaf.c.position < size)
        .order_by(tables.leaf.c.position)
    )
    return [leaf_hash(raw) for raw in connection.scalars(query.execution_options(yield_per=2_000))]


def _verify_tiles(connection: Connection, hashes: list[bytes]) -> Iterator[Finding]:
    stored = {(row.level, row.number): row for row in connection.execute(select(tables.tile))}
    level, below = 0, hashes
    while below:
        roots = []
        for number in range(len(below) // TILE_WIDTH):
            held = below[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            inner = inner_nodes(held)
            roots.append(inner[-1])
            row = stored.pop((level, number), None)
            where = f"tile {level}/{number}"
            if row is None:
                yield Finding("tile_missing", position=number * TILE_WIDTH ** (level + 1), expected=where)
            elif (row.root, row.hashes, row.nodes) != (roots[-1], b"".join(held), b"".join(inner)):
                yield Finding("tile_differs", position=number * TILE_WIDTH ** (level + 1), found=where)
        level, below = level + 1, roots
    for level, number in stored:
        yield Finding("tile_unknown", position=number * TILE_WIDTH ** (level + 1), found=f"tile {level}/{number}")


def _verify_checkpoints(
    connection: Connection, house: House, hashes: list[bytes], outside: bytes | None
) -> Iterator[Finding]:
    signers = signers_of(connection, house.origin)
    rows = connection.execute(select(tables.checkpoint).order_by(tables.checkpoint.c.number)).all()
    sound = []
    number = size = 0
    for row in rows:
        where = f"checkpoint {row.number}"
        try:
            held = opened(row.note, signers)
        except Rejected as broken:
            yield Finding("checkpoint_malformed", expected=where, found=broken.code)
            number, size = row.number, max(size, row.size)
            continue
        if held.size != row.size:
            yield Finding("checkpoint_column_differs", expected=str(held.size), found=str(row.size))
        if row.number != number + 1 or held.size <= size:
            yield Finding("checkpoint_order_differs", expected=f"checkpoint {number + 1} above {size}", found=where)
        number, size = row.number, held.size
        sound.append((row.number, held))
    # The keys are told by entries; that those are ours, a key outside the database shows, which signed over them.
    if sound and sound[-1][0] == rows[-1].number and not signed_at_hand(rows[-1].note, house.origin, house.keys):
        yield Finding("checkpoint_malformed", expected=f"checkpoint {rows[-1].number}", found="no_known_signature")
    yield from _verify_roots(sound, hashes)
    for code in connection.scalars(select(tables.stop.c.code)):
        yield Finding("signing_stopped", found=code)
    if outside is not None and not any(row.note == outside for row in rows):
        yield Finding("checkpoint_missing", found="the one kept outside the database")


def _verify_roots(sound: list[Any], hashes: list[bytes]) -> Iterator[Finding]:
    within = sorted((held.size, number, held.root) for number, held in sound if held.size <= len(hashes))
    for (size, number, signed), computed in zip(within, roots_at(hashes, [size for size, _, _ in within]), strict=True):
        if signed != computed:
            yield Finding(
                "checkpoint_root_differs", position=size - 1, expected=computed.hex(), found=f"checkpoint {number}"
            )
    for number, held in sound:
        if held.size > len(hashes):
            yield Finding(
                "checkpoint_beyond_log", position=len(hashes), expected=str(held.size), found=f"checkpoint {number}"
            )
