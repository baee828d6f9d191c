"""Verifying the log: every entry, stream, act, sealed word, place, tile and checkpoint, without trusting a column.

What is found is named: each finding says what is wrong, where, what was expected and what stands there. Nothing is
repaired here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, select

from odr.database import Prepared
from odr.house import House
from odr.log import tables
from odr.log.chain import GENESIS, Malformed, act_digest, commitment, leaf_hash
from odr.log.consent import NAME as CONSENT
from odr.log.consent import Deed, faults
from odr.log.cosigning import false_lines
from odr.log.halt import former_number, read_published, signed_at_hand
from odr.log.keys import Unreadable
from odr.log.note import Rejected
from odr.log.payloads import reveal
from odr.log.proof import HASH_SIZE, LARGEST_SIZE, TILE_HEIGHT, TILE_WIDTH, fold, full_subtrees, nodes_above
from odr.log.records import fields_of
from odr.log.rules import Words, erased_in
from odr.log.signers import Lineage, founding_of, key_of_former, lineage_of, opened, opened_by_any, signers_of

BATCH = 50
"""Streams read at a time, so that memory does not grow with the log."""

SPAN = 4_096
"""Places read at a time."""

TILES = 64
"""Tiles read at a time, 16 KB each."""

LEAST_POSITION = -(2**62)
"""What somebody wrote below 0 must not stay unseen."""

_entry, _leaf, _tile = tables.entry, tables.leaf, tables.tile

Fields = dict[str, Any]
"""What an entry says, by the keys of the log format."""


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
    "founding_differs": "what the log says of the one it was founded over is not so",
    "cosignature_unknown": "a witness's line belongs to no checkpoint that is stored",
    "cosignature_malformed": "a witness's line cannot be read, or is kept under another witness",
    "cosignature_differs": "a witness did not sign this checkpoint",
    "signing_stopped": "the house has stopped, and nobody has let it go on",
    "contradiction": "the tree did not only grow from what was signed",
    "unsequenced": "the entry has waited for its place for longer than a few minutes",
    "payload_missing": "words that the entry commits to are gone",
    "payload_unknown": "words are stored that no entry commits to",
    "payload_differs": "the words are not those that the entry commits to",
    "payload_unreadable": "the words cannot be opened with the house's key",
    "payload_reappeared": "words are stored whose erasure was recorded",
    "consent_malformed": "what is kept of a consent is not as the format says",
    "consent_shown_differs": "a consent was given to something else than the entry says",
    "consent_signature_wrong": "the signature of a consent does not hold",
    "hold_malformed": "the entry lifts a hold that does not count",
    "erasure_malformed": "the entry orders words erased that no entry before it has",
    "erasure_without_right": "the entry orders words erased that somebody else wrote, and not by law",
    "erasure_under_hold": "the entry orders words erased that had to be kept",
    "erasure_without_order": "the entry says that words were erased, and nothing ordered it, or it was said before",
    "act_missing": "the act that made the entry is not stored",
    "act_differs": "the stored act is not the one that made the entries",
    "act_unknown": "an act is stored that made no such entries",
    "file_missing": "a file that an entry names is gone",
    "file_differs": "a file is not what its entry says",
    "file_reappeared": "a file is kept whose words are gone",
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
    lineage = lineage_of(connection, house.origin)
    findings: list[Finding] = []
    entries = 0
    for streams in _streams(connection):
        held = _quickly(_ENTRIES, connection, streams)
        beside = {
            "leaf": _quickly(_LEAVES, connection, streams),
            "queue": _rows_by_stream(connection, tables.queue, streams, "id"),
            "act": _rows_by_stream(connection, tables.idempotency, streams, "first"),
            "payload": _rows_by_stream(connection, tables.payload, streams, "ver", "name"),
        }
        for stream in streams:
            entries += len(held[stream])
            findings += _verify_stream(
                house, lineage, stream, held[stream], {name: rows.get(stream, []) for name, rows in beside.items()}
            )
    findings += _verify_orphans(connection)
    hashes, of_places = _read_places(connection)
    findings += of_places
    tree = Tree(hashes)
    findings += _verify_tiles(connection, tree)
    findings += _verify_checkpoints(connection, house, tree, outside)
    findings += _verify_former(connection, lineage, tree)
    findings += [Finding(code, found=found) for code, found in false_lines(connection, house.settings)]
    return Verified(tree.size, tree.root_at(tree.size), entries, findings)


def _streams(connection: Connection) -> Iterator[list[str]]:
    last = ""
    while True:
        column = _entry.c.stream
        query = select(column).where(column > last).distinct().order_by(column).limit(BATCH)
        streams = list(connection.scalars(query))
        if not streams:
            return
        yield streams
        last = streams[-1]


def _within(*columns: Any) -> Prepared:
    stream, version, *_ = columns
    within = stream.between(bindparam("first"), bindparam("last"))
    return Prepared(select(*columns).where(within).order_by(stream, version), ())


_ENTRIES = _within(*(_entry.c[name] for name in "stream ver type at reach leaf_hash raw".split()))
_LEAVES = _within(*(_leaf.c[name] for name in "stream ver position leaf_hash".split()))


def _quickly(query: Prepared, connection: Connection, streams: list[str]) -> dict[str, list[Any]]:
    rows = query.rows(connection, {"first": streams[0], "last": streams[-1]})
    return {stream: list(of_stream) for stream, of_stream in groupby(rows, itemgetter(0))}


def _rows_by_stream(connection: Connection, table: Any, streams: list[str], *order: str) -> dict[str, list[Any]]:
    columns = table.c
    query = (
        select(table)
        .where(columns.stream >= streams[0], columns.stream <= streams[-1])
        .order_by(columns.stream, *(columns[name] for name in order))
    )
    place = columns.keys().index("stream")
    return {stream: list(rows) for stream, rows in groupby(connection.execute(query).all(), itemgetter(place))}


# -- one stream -----------------------------------------------------------------------------------------------


def _verify_stream(
    house: House, lineage: Lineage, stream: str, rows: list[Any], beside: dict[str, list[Any]]
) -> Iterator[Finding]:
    entries: dict[int, Fields] = {}
    hashes: dict[int, bytes] = {}
    expected, prev, at = 1, GENESIS, 0
    for _, version, kind, dated, reach, stored, held in rows:
        raw = held if type(held) is bytes else tables.as_bytes(held)
        computed = leaf_hash(raw)
        if version != expected:
            yield Finding("stream_gap", stream, expected, expected=str(expected), found=str(version))
        try:
            entry = fields_of(raw)
        except Malformed as broken:
            yield Finding("entry_malformed", stream, version, found=broken.code)
            expected, prev = version + 1, computed.hex()
            continue
        entries[version], hashes[version] = entry, computed
        if computed != stored:
            yield Finding("entry_hash_differs", stream, version, expected=computed.hex(), found=_hex(stored))
        said = (entry["stream"], entry["ver"], entry["type"], entry["at"], entry["class"])
        columns = (stream, version, kind, dated, reach)
        if said != columns:
            yield Finding("entry_column_differs", stream, version, expected=str(said), found=str(columns))
        if entry["prev"] != prev and version == expected:
            yield Finding("stream_prev_differs", stream, version, expected=prev, found=entry["prev"])
        if entry["at"] < at:
            yield Finding("stream_time_goes_back", stream, version, expected=f"at least {at}", found=str(entry["at"]))
        expected, prev, at = version + 1, computed.hex(), max(at, entry["at"])
    yield from _verify_origins(lineage, stream, entries, beside["leaf"])
    yield from _verify_places(stream, hashes, beside["leaf"], beside["queue"])
    erased = erased_in(entries)
    for breach in erased.breaches:
        yield Finding(breach.code, stream, breach.version, expected=breach.expected, found=breach.found)
    yield from _verify_acts(house, stream, entries, beside["act"], erased.words)
    yield from _verify_payloads(house, stream, entries, beside["payload"], erased.words)


def _verify_origins(lineage: Lineage, stream: str, entries: dict[int, Fields], leaves: list[Any]) -> Iterator[Finding]:
    """Each entry bears the name of the log in whose time it was made."""
    places = {version: position for _, version, position, _ in leaves} if len(lineage.logs) > 1 else {}
    for version, entry in entries.items():
        origin = lineage.origin_at(places.get(version)) if places else lineage.logs[-1][0]
        if entry["log"] != origin:
            yield Finding("entry_of_another_log", stream, version, expected=origin, found=entry["log"])


def _verify_places(stream: str, hashes: dict[int, bytes], leaves: list[Any], queued: list[Any]) -> Iterator[Finding]:
    placed: dict[int, int] = {}
    for _, version, position, leaf in sorted(leaves, key=itemgetter(2)):
        if version not in hashes:
            yield Finding("place_unknown", stream, version, position)
        elif version in placed:
            yield Finding("place_twice", stream, version, position, found=str(placed[version]))
        elif leaf != hashes[version]:
            yield Finding("place_hash_differs", stream, version, position, hashes[version].hex(), _hex(leaf))
        placed.setdefault(version, position)
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


def _hex(stored: Any) -> str:
    return bytes(tables.as_bytes(stored)).hex()


def _verify_acts(
    house: House, stream: str, entries: dict[int, Fields], acts: list[Any], erased: Mapping[Words, int]
) -> Iterator[Finding]:
    made = {
        digest: list(versions)
        for digest, versions in groupby(sorted(entries), key=lambda version: entries[version]["act"])
        if digest
    }
    for row in acts:
        # Its entries say in the time of which log it was done.
        origin = entries[row.first]["log"] if row.first in entries else house.origin
        digest = act_digest(
            origin=origin, stream=row.stream, actor=row.actor, key=row.key, salt=row.salt, body_mac=row.body_mac
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
    # An act is forgotten with the words that it was made with, since its salted MAC could test a guess at them.
    forgotten = {version for version, _ in erased}
    for versions in made.values():
        if forgotten.isdisjoint(versions):
            yield Finding("act_missing", stream, versions[0])


def _verify_payloads(
    house: House, stream: str, entries: dict[int, Fields], payloads: list[Any], erased: Mapping[Words, int]
) -> Iterator[Finding]:
    stored = {(row.ver, row.name): row for row in payloads}
    for version, entry in entries.items():
        texts: dict[str, bytes | None] = dict.fromkeys(entry["commit"])
        for name, committed in entry["commit"].items():
            row = stored.pop((version, name), None)
            recorded = erased.get((version, name))
            if row is None:
                if recorded is None:
                    yield Finding("payload_missing", stream, version, found=name)
                continue
            if recorded is not None:
                gone = f"erased, by entry {recorded}"
                yield Finding("payload_reappeared", stream, version, expected=gone, found=name)
            texts[name] = yield from _verify_payload(house, entry["log"], row, committed)
        if consent := texts.get(CONSENT):
            said = {name: entry[name] for name in ("log", "stream", "type", "actor", "role", "data")}
            for code, why in faults(Deed(**said, words=texts), consent):
                yield Finding(code, stream, version, found=why)
    for version, name in stored:
        if version in entries:
            yield Finding("payload_unknown", stream, version, found=name)


def _verify_payload(house: House, origin: str, row: Any, committed: str) -> Generator[Finding, None, bytes | None]:
    """What is wrong with stored words; answers them where nothing is."""
    try:
        text = reveal(house.keys, row.stream, row.ver, row.name, row.wrapped_key, row.sealed)
    except Unreadable as broken:
        yield Finding("payload_unreadable", row.stream, row.ver, expected=row.name, found=broken.code)
        return None
    whole = len(row.salt) == 32
    if not whole or commitment(row.salt, origin, row.stream, row.ver, row.name, text) != committed:
        yield Finding("payload_differs", row.stream, row.ver, found=row.name)
        return None
    return text


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


class Tree:
    """All full subtrees over leaf hashes of 32 bytes each, computed once: the nodes of each height in one row."""

    def __init__(self, hashes: bytes) -> None:
        self.size = len(hashes) // HASH_SIZE
        self._rows = [hashes]
        while len(self._rows[-1]) >= 2 * HASH_SIZE:
            self._rows.append(nodes_above(self._rows[-1]))

    def nodes(self, height: int, first: int, end: int) -> bytes:
        """Nodes first..end-1 of a height, joined."""
        return self._rows[height][first * HASH_SIZE : end * HASH_SIZE]

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` leaves."""
        return fold([self.nodes(height, index, index + 1) for height, index in full_subtrees(0, size)])

    def full_tiles(self, level: int) -> int:
        """How many tiles of a level are full."""
        return self.size // TILE_WIDTH ** (level + 1) if level >= 0 else 0

    def tile(self, level: int, number: int) -> tuple[bytes, bytes, bytes]:
        """Root, hashes and inner nodes of a full tile."""
        below = TILE_HEIGHT * level
        spans = [
            self.nodes(below + height, number * TILE_WIDTH >> height, (number + 1) * TILE_WIDTH >> height)
            for height in range(TILE_HEIGHT + 1)
        ]
        return spans[-1], spans[0], b"".join(spans[1:])


def _read_places(connection: Connection) -> tuple[bytes, list[Finding]]:
    hashes = bytearray()
    findings: list[Finding] = []
    expected, since = 0, LEAST_POSITION
    # From place to place, so that a gap of a billion costs nothing.
    while (first := connection.scalar(_NEXT_PLACE, {"since": since})) is not None:
        for position, leaf in _PLACES.rows(connection, {"first": first, "last": min(first + SPAN, LARGEST_SIZE) - 1}):
            if position != expected:
                findings.append(Finding("place_gap", position=expected, expected=str(expected), found=str(position)))
            # Of another length it is named as one that differs by the walk over the streams.
            hashes += leaf if type(leaf) is bytes and len(leaf) == HASH_SIZE else bytes(HASH_SIZE)
            expected = since = position + 1
    return bytes(hashes), findings


_NEXT_PLACE = select(func.min(_leaf.c.position)).where(_leaf.c.position >= bindparam("since"))
_PLACES = Prepared(
    select(_leaf.c.position, _leaf.c.leaf_hash)
    .where(_leaf.c.position.between(bindparam("first"), bindparam("last")))
    .order_by(_leaf.c.position),
    (),
)


def root_of_entries(connection: Connection, size: int) -> bytes:
    """The root over the first `size` entries of the tree, from the bytes of the entries themselves."""
    hashes = bytearray()
    for first in range(0, size, SPAN):
        rows = _ENTRIES_IN_PLACE.rows(connection, {"first": first, "end": min(first + SPAN, size)})
        hashes += b"".join([leaf_hash(raw if type(raw) is bytes else tables.as_bytes(raw)) for (raw,) in rows])
    tree = Tree(bytes(hashes))
    return tree.root_at(tree.size)


_ENTRIES_IN_PLACE = Prepared(
    select(_entry.c.raw)
    .join(_leaf, and_(_leaf.c.stream == _entry.c.stream, _leaf.c.ver == _entry.c.ver))
    .where(_leaf.c.position >= bindparam("first"), _leaf.c.position < bindparam("end"))
    .order_by(_leaf.c.position),
    (),
)


def _verify_tiles(connection: Connection, tree: Tree) -> Iterator[Finding]:
    level = 0
    while full := tree.full_tiles(level):
        for number in range(full):
            if number % TILES == 0:
                asked = {"level": level, "first": number, "end": min(number + TILES, full)}
                stored = {held: tuple(row) for held, *row in connection.execute(_SOME_TILES, asked).all()}
            where, position = f"tile {level}/{number}", number * TILE_WIDTH ** (level + 1)
            if number not in stored:
                yield Finding("tile_missing", position=position, expected=where)
            elif stored[number] != tree.tile(level, number):
                yield Finding("tile_differs", position=position, found=where)
        level += 1
    for level, number in connection.execute(_ALL_TILES).all():
        if not 0 <= number < tree.full_tiles(level):
            yield Finding("tile_unknown", found=f"tile {level}/{number}")


_SOME_TILES = (
    select(_tile.c.number, _tile.c.root, _tile.c.hashes, _tile.c.nodes)
    .where(
        _tile.c.level == bindparam("level"),
        _tile.c.number >= bindparam("first"),
        _tile.c.number < bindparam("end"),
    )
    .order_by(_tile.c.number)
)
_ALL_TILES = select(_tile.c.level, _tile.c.number).order_by(_tile.c.level, _tile.c.number)


def _verify_checkpoints(connection: Connection, house: House, tree: Tree, outside: bytes | None) -> Iterator[Finding]:
    signers = signers_of(connection, house.origin)
    rows = connection.execute(select(tables.checkpoint).order_by(tables.checkpoint.c.number)).all()
    sound = []
    number, size = former_number(connection), 0
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
    if (
        sound
        and sound[-1][0] == rows[-1].number
        and not signed_at_hand(rows[-1].note, house.origin, house.keys, house.settings)
    ):
        yield Finding("checkpoint_malformed", expected=f"checkpoint {rows[-1].number}", found="no_known_signature")
    yield from _verify_roots(sound, tree)
    for code in connection.scalars(select(tables.stop.c.code)):
        yield Finding("signing_stopped", found=code)
    if outside is not None and not any(row.note == outside for row in rows):
        yield Finding("checkpoint_missing", found="the one kept outside the database")


def _verify_former(connection: Connection, lineage: Lineage, tree: Tree) -> Iterator[Finding]:
    """What is said and kept of logs that this one was founded over, and of none besides."""
    names = [name for name, _ in lineage.logs]
    for stranger in connection.scalars(_FORMER_LOGS.where(tables.former_checkpoint.c.origin.not_in(names[:-1]))):
        yield Finding("founding_differs", expected="no log but those", found=f"checkpoints of {stranger}")
    borrowed = key_of_former(connection, lineage)
    if borrowed is not None:
        yield Finding("founding_differs", f"log/{names[-1]}", 1, expected="a key of its own", found=borrowed.vkey)
    for (former, _), (origin, first) in pairwise(lineage.logs):
        told, position = founding_of(connection, origin)
        root = tree.root_at(min(first, tree.size)).hex()
        if told is None or (told.kept, told.root) != (position, root):
            yield Finding("founding_differs", f"log/{origin}", 1, position, root, told.root if told else None)
        signers = signers_of(connection, former)
        rows = connection.execute(_FORMER, {"origin": former, "kept": first}).all()
        # One that counts more than was kept is known from elsewhere, and so may be the key that signed it.
        for row in rows:
            try:
                held = opened_by_any(row.note, signers)
            except Rejected as broken:
                yield Finding("checkpoint_malformed", expected=f"checkpoint {row.number}", found=broken.code)
                continue
            if held.size != row.size:
                yield Finding("checkpoint_column_differs", expected=str(held.size), found=str(row.size))


_FORMER_LOGS = select(tables.former_checkpoint.c.origin).distinct().order_by(tables.former_checkpoint.c.origin)
_FORMER = (
    select(tables.former_checkpoint)
    .where(
        tables.former_checkpoint.c.origin == bindparam("origin"), tables.former_checkpoint.c.size <= bindparam("kept")
    )
    .order_by(tables.former_checkpoint.c.number)
)


def _verify_roots(sound: list[Any], tree: Tree) -> Iterator[Finding]:
    for number, held in sound:
        where = f"checkpoint {number}"
        if held.size > tree.size:
            yield Finding("checkpoint_beyond_log", position=tree.size, expected=str(held.size), found=where)
        elif (computed := tree.root_at(held.size)) != held.root:
            yield Finding("checkpoint_root_differs", position=held.size - 1, expected=computed.hex(), found=where)
