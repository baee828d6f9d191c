"""Whatever is done to the log behind the product's back, `odr verify` names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from odr.evidence import rules as evidence
from odr.house import House
from odr.log.halt import published_file
from odr.log.integrator import seal_all
from odr.log.tables import APPEND_ONLY, stored_file
from odr.verify import verify_house, verify_within
from tests.builders import ADispute, a_dispute

Deed = Callable[[Connection], None]


class Bytes:
    """Bytes as an upload's stream hands them out."""

    def __init__(self, held: bytes) -> None:
        self._held = held

    def read(self, size: int, /) -> bytes:
        given, self._held = self._held[:size], self._held[size:]
        return given


@pytest.fixture
def disputed(house: House) -> ADispute:
    """One dispute with a file, an offer and a signed agreement."""
    told = a_dispute(house).admitted()
    staged = house.files.stage(Bytes(b"a photograph" * 9_000), limit=1_000_000)
    house.files.keep(staged)

    def keep(connection: Connection, stored: list) -> None:
        connection.execute(
            stored_file.insert(),
            {
                "stream": stored[0].entry.stream,
                "ver": stored[0].entry.version,
                "object_id": staged.object_id,
                "wrapped_key": staged.wrapped_key,
            },
        )

    file = evidence.StoredFile(staged.sha256, staged.size, staged.object_id)
    told.act(
        evidence.add_evidence, told.buyer, alongside=keep,
        file=file, media="image/jpeg", name="photo.jpg", about="The parcel",
    )  # fmt: skip
    told.contested().in_negotiation().offer(told.seller, "24.45").accepted(told.buyer).signed()
    seal_all(house)
    return told


def fill_a_tile(house: House) -> None:
    """Enough entries for a full tile, and checkpoints on the way."""
    other = a_dispute(house).in_negotiation()
    for step in range(199):
        other.offer(other.seller if step % 2 else other.buyer, "10.00")
        if step == 100:
            seal_all(house)
    another = a_dispute(house).in_negotiation()
    for _ in range(50):
        another.offer(another.seller, "11.00")
    seal_all(house)


def sql(statement: str, **params: object) -> Callable[[ADispute], Deed]:
    """A deed in SQL on the told dispute, whose stream is `:stream`."""

    def on(told: ADispute) -> Deed:
        def deed(connection: Connection) -> None:
            done = connection.execute(text(statement), {"stream": f"dispute/{told.id}", **params})
            assert done.rowcount, "the deed must have hit something"

        return deed

    return on


def edit_entry(told: ADispute) -> Deed:
    def deed(connection: Connection) -> None:
        where = {"stream": f"dispute/{told.id}"}
        raw = bytes(connection.scalar(text("SELECT raw FROM entry WHERE stream = :stream AND ver = 8"), where))
        changed = raw.replace(b"2445", b"2446")
        assert changed != raw
        connection.execute(
            text("UPDATE entry SET raw = :raw WHERE stream = :stream AND ver = 8"), {**where, "raw": changed}
        )

    return deed


def turn_into_text(told: ADispute) -> Deed:
    def deed(connection: Connection) -> None:
        # SQLite's replace() leaves text where bytes were; PostgreSQL's types do not let that happen.
        changed = "replace(CAST(raw AS TEXT), 'seller', 'Seller')"
        if connection.dialect.name == "postgresql":
            changed = "overlay(raw placing 'X' from 40)"
        connection.execute(
            text(f"UPDATE entry SET raw = {changed} WHERE stream = :stream AND ver = 2"),
            {"stream": f"dispute/{told.id}"},
        )

    return deed


def as_text(statement: str) -> Callable[[ADispute], Deed]:
    """A deed that only SQLite lets happen; the like of it on PostgreSQL is one more byte."""

    def on(told: ADispute) -> Deed:
        def deed(connection: Connection) -> None:
            done = statement
            if connection.dialect.name == "postgresql":
                done = statement.replace("CAST(X'ff' AS TEXT)", "'\\xff'::bytea")
            connection.execute(text(done.replace("::", "\\:\\:")), {"stream": f"dispute/{told.id}"})

        return deed

    return on


def renumber_last(told: ADispute) -> Deed:
    def deed(connection: Connection) -> None:
        where = {"stream": f"dispute/{told.id}"}
        last = connection.scalar(text("SELECT max(ver) FROM entry WHERE stream = :stream"), where)
        connection.execute(text("DELETE FROM entry WHERE stream = :stream AND ver = :ver"), {**where, "ver": last - 1})
        connection.execute(
            text("UPDATE entry SET ver = :to WHERE stream = :stream AND ver = :ver"),
            {**where, "to": last - 1, "ver": last},
        )

    return deed


def edit_node(told: ADispute) -> Deed:
    def deed(connection: Connection) -> None:
        nodes = bytes(connection.scalar(text("SELECT nodes FROM tile WHERE level = 0 AND number = 0")))
        changed = nodes[:200] + bytes([nodes[200] ^ 1]) + nodes[201:]
        connection.execute(text("UPDATE tile SET nodes = :nodes WHERE level = 0 AND number = 0"), {"nodes": changed})

    return deed


def swap(table: str, columns: str, first: str, second: str) -> Callable[[ADispute], Deed]:
    """Exchange some columns of two rows."""

    def on(told: ADispute) -> Deed:
        def deed(connection: Connection) -> None:
            where = {"stream": f"dispute/{told.id}"}
            names = columns.split()
            rows = [
                connection.execute(text(f"SELECT {', '.join(names)} FROM {table} WHERE {one}"), where).one()
                for one in (first, second)
            ]
            sets = ", ".join(f"{name} = :{name}" for name in names)
            for one, row in zip((first, second), reversed(rows), strict=True):
                connection.execute(text(f"UPDATE {table} SET {sets} WHERE {one}"), {**where, **row._mapping})

        return deed

    return on


DEEDS: list[tuple[str, Callable[[ADispute], Deed], set[str]]] = [
    # Entries.
    ("an entry edited", edit_entry, {"entry_hash_differs", "place_hash_differs"}),
    ("an entry turned into text", turn_into_text, set()),
    ("an entry's hash edited", sql("UPDATE entry SET leaf_hash = salt FROM payload WHERE entry.stream = :stream AND entry.ver = 2 AND payload.stream = :stream AND payload.ver = 1 AND payload.name = 'narrative'"), {"entry_hash_differs"}),
    ("an entry's column edited", sql("UPDATE entry SET type = 'offer_made' WHERE stream = :stream AND ver = 2"), {"entry_column_differs"}),
    ("an entry's instant edited", sql("UPDATE entry SET at = at + 1 WHERE stream = :stream AND ver = 2"), {"entry_column_differs"}),
    ("an entry's readers edited", sql("UPDATE entry SET reach = 'public' WHERE stream = :stream AND ver = 8"), {"entry_column_differs"}),
    ("an entry deleted in the middle", sql("DELETE FROM entry WHERE stream = :stream AND ver = 5"), {"stream_gap"}),
    ("the last entry renumbered over a deleted one", renumber_last, {"entry_column_differs", "stream_prev_differs"}),
    ("the end of a stream cut off", sql("DELETE FROM entry WHERE stream = :stream AND ver > 10"), {"place_unknown"}),
    ("a whole dispute removed", sql("DELETE FROM entry WHERE stream = :stream"), {"place_unknown", "projection_unknown"}),
    ("an entry doubled", sql("INSERT INTO entry SELECT stream, ver + 100, type, at, reach, leaf_hash, raw FROM entry WHERE stream = :stream AND ver = 2"), {"stream_gap", "entry_column_differs"}),
    ("an entry doubled at the end", sql("INSERT INTO entry SELECT stream, (SELECT max(ver) + 1 FROM entry WHERE stream = :stream), type, at, reach, leaf_hash, raw FROM entry WHERE stream = :stream AND ver = 2"), {"entry_column_differs", "stream_prev_differs", "entry_without_place"}),
    ("two entries exchanged", swap("entry", "type at reach leaf_hash raw", "stream = :stream AND ver = 2", "stream = :stream AND ver = 3"), {"entry_column_differs", "stream_prev_differs"}),
    # Sealed words.
    ("words edited", sql("UPDATE payload SET sealed = wrapped_key WHERE stream = :stream AND ver = 1 AND name = 'narrative'"), {"payload_unreadable"}),
    ("a salt edited", sql("UPDATE payload SET salt = substr(wrapped_key, 1, 32) WHERE stream = :stream AND ver = 1 AND name = 'narrative'"), {"payload_differs"}),
    ("a salt cut short", sql("UPDATE payload SET salt = substr(salt, 1, 31) WHERE stream = :stream AND ver = 1 AND name = 'narrative'"), {"payload_differs"}),
    ("words deleted", sql("DELETE FROM payload WHERE stream = :stream AND ver = 1 AND name = 'narrative'"), {"payload_missing"}),
    ("all words of a dispute deleted", sql("DELETE FROM payload WHERE stream = :stream"), {"payload_missing"}),
    ("words doubled under another name", sql("INSERT INTO payload SELECT stream, ver, 'story', salt, wrapped_key, sealed FROM payload WHERE stream = :stream AND ver = 1 AND name = 'narrative'"), {"payload_unknown"}),
    ("two words exchanged", swap("payload", "salt wrapped_key sealed", "stream = :stream AND ver = 1 AND name = 'buyer'", "stream = :stream AND ver = 1 AND name = 'seller'"), {"payload_unreadable"}),
    # Places in the tree.
    ("a place's hash edited", sql("UPDATE leaf SET leaf_hash = (SELECT leaf_hash FROM entry WHERE stream = :stream AND ver = 1) WHERE stream = :stream AND ver = 3"), {"place_hash_differs", "checkpoint_root_differs", "tile_differs"}),
    ("a place deleted", sql("DELETE FROM leaf WHERE stream = :stream AND ver = 3"), {"place_gap", "entry_without_place"}),
    ("a place doubled", sql("INSERT INTO leaf SELECT 100000, stream, ver + 100, leaf_hash FROM leaf WHERE stream = :stream AND ver = 3"), {"place_gap", "place_unknown"}),
    ("two places exchanged", swap("leaf", "leaf_hash", "stream = :stream AND ver = 3", "stream = :stream AND ver = 4"), {"place_hash_differs", "checkpoint_root_differs"}),
    ("the end of the places cut off", sql("DELETE FROM leaf WHERE position >= (SELECT max(position) - 20 FROM leaf)"), {"checkpoint_beyond_log", "entry_without_place"}),
    # Tiles.
    ("a tile edited", sql("UPDATE tile SET hashes = root WHERE number = 0 AND level = 0"), {"tile_differs"}),
    ("a tile's root edited", sql("UPDATE tile SET root = substr(hashes, 1, 32) WHERE number = 0 AND level = 0"), {"tile_differs"}),
    ("a tile's inner node edited", edit_node, {"tile_differs"}),
    ("a tile's hashes turned into text that is none", as_text("UPDATE tile SET hashes = hashes || CAST(X'ff' AS TEXT) WHERE number = 0 AND level = 0"), {"tile_differs"}),
    ("a checkpoint's note turned into text that is none", as_text("UPDATE checkpoint SET note = substr(note, 1, 90) || CAST(X'ff' AS TEXT) WHERE number = 1"), {"checkpoint_malformed"}),
    ("an entry turned into text that is none", as_text("UPDATE entry SET raw = raw || CAST(X'ff' AS TEXT) WHERE stream = :stream AND ver = 2"), {"entry_malformed"}),
    ("a tile deleted", sql("DELETE FROM tile WHERE number = 0 AND level = 0"), {"tile_missing"}),
    ("a tile doubled", sql("INSERT INTO tile SELECT level, number + 7, root, hashes, nodes FROM tile WHERE number = 0 AND level = 0"), {"tile_unknown"}),
    # Checkpoints.
    ("a checkpoint's note edited", sql("UPDATE checkpoint SET note = substr(note, 1, 90) WHERE number = 1"), {"checkpoint_malformed"}),
    ("a checkpoint's size edited", sql("UPDATE checkpoint SET size = size + 1 WHERE number = 1"), {"checkpoint_column_differs"}),
    ("a checkpoint deleted", sql("DELETE FROM checkpoint WHERE number = 2"), {"checkpoint_order_differs"}),
    ("a checkpoint doubled", sql("INSERT INTO checkpoint SELECT number + 10, size + 1000, signed_at, note FROM checkpoint WHERE number = 1"), {"checkpoint_column_differs", "checkpoint_order_differs"}),
    ("two checkpoints exchanged", swap("checkpoint", "note", "number = 1", "number = 2"), {"checkpoint_column_differs", "checkpoint_order_differs"}),
    ("the end of the checkpoints cut off", sql("DELETE FROM checkpoint WHERE number > 1"), {"checkpoint_missing"}),
    # Acts.
    ("an act's actor edited", sql("UPDATE idempotency SET actor = 'ffffffffffffffffffffffffffffffff' WHERE stream = :stream AND first = 2"), {"act_differs"}),
    ("an act's body edited", sql("UPDATE idempotency SET body_mac = salt WHERE stream = :stream AND first = 2"), {"act_differs"}),
    ("an act's salt edited", sql("UPDATE idempotency SET salt = body_mac WHERE stream = :stream AND first = 2"), {"act_differs"}),
    ("an act's range edited", sql("UPDATE idempotency SET last = last + 1 WHERE stream = :stream AND first = 2"), {"act_differs"}),
    ("an act deleted", sql("DELETE FROM idempotency WHERE stream = :stream AND first = 2"), {"act_missing"}),
    ("all acts of a dispute deleted", sql("DELETE FROM idempotency WHERE stream = :stream"), {"act_missing"}),
    ("an act doubled", sql("INSERT INTO idempotency SELECT actor, 'another', salt, body_mac, stream, first, last FROM idempotency WHERE stream = :stream AND first = 2"), {"act_unknown"}),
    ("two acts exchanged", swap("idempotency", "first last", "stream = :stream AND first = 2", "stream = :stream AND first = 3"), {"act_differs"}),
    # Rows of the lists.
    ("a row edited", sql("UPDATE dispute SET phase = 'closed', code = 'withdrawn' WHERE number IN (SELECT number FROM dispute WHERE phase = 'negotiation')"), {"projection_differs"}),
    ("a row deleted", sql("DELETE FROM dispute WHERE phase = 'closed'"), {"projection_missing"}),
    ("all rows deleted", sql("DELETE FROM dispute"), {"projection_missing"}),
    ("a row doubled", sql("INSERT INTO dispute SELECT 'ffffffffffffffffffffffffffffffff', 'X', version, phase, code, category, amount, currency, buyer_country, seller_country, filed_at, changed_at, mediator, awaited, clock_due, next_due, challenge_due FROM dispute WHERE phase = 'closed'"), {"projection_unknown"}),
    ("two rows exchanged", swap("dispute", "version changed_at", "phase = 'closed'", "id = (SELECT min(id) FROM dispute WHERE phase = 'negotiation')"), {"projection_differs"}),
    # Files.
    ("a file's row deleted", sql("DELETE FROM stored_file WHERE stream = :stream"), {"file_missing"}),
    ("a file's row pointed elsewhere", sql("UPDATE stored_file SET object_id = 'ffffffffffffffffffffffffffffffff' WHERE stream = :stream"), {"file_differs"}),
    ("a file's key edited", sql("UPDATE stored_file SET wrapped_key = (SELECT wrapped_key FROM payload WHERE payload.stream = :stream AND ver = 1 AND name = 'buyer') WHERE stream = :stream"), {"file_differs"}),
]  # fmt: skip


def test_every_deed_in_the_database_is_named(house: House, disputed: ADispute) -> None:
    fill_a_tile(house)
    untouched = verify_house(house)
    unnamed = {}
    for name, deed, codes in DEEDS:
        with unguarded(house) as connection:
            deed(disputed)(connection)
            found = {finding.code for finding in verify_within(connection, house).findings}
            connection.rollback()
        if not found or not codes <= found:
            unnamed[name] = (codes, found)

    assert untouched.findings == []
    assert untouched.size == untouched.entries > 256
    assert unnamed == {}
    assert verify_house(house).findings == []


def test_an_entry_stolen_from_the_queue_is_named(house: House, disputed: ADispute) -> None:
    a_dispute(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM queue"))

    found = {finding.code for finding in verify_house(house).findings}

    assert found == {"entry_without_place"}


def test_an_edited_queue_is_named(house: House, disputed: ADispute) -> None:
    a_dispute(house)
    with unguarded(house) as connection:
        connection.execute(text("UPDATE queue SET leaf_hash = (SELECT min(leaf_hash) FROM leaf)"))
        connection.execute(
            text(
                "INSERT INTO queue (stream, ver, leaf_hash) SELECT stream, ver, leaf_hash FROM leaf WHERE position = 1"
            )
        )

    found = {finding.code for finding in verify_house(house).findings}

    assert found == {"queue_hash_differs", "queue_unknown"}


@pytest.mark.parametrize("deed", ["edited", "cut short", "lengthened", "removed", "exchanged"])
def test_a_deed_among_the_files_is_named(house: House, disputed: ADispute, deed: str) -> None:
    (object_id,) = house.files.objects()
    (path,) = house.settings.files.glob(f"objects/*/{object_id}")
    whole = path.read_bytes()
    if deed == "removed":
        path.unlink()
    else:
        staged = house.files.stage(Bytes(b"another file"), limit=1_000)
        altered = {
            "edited": whole[:-1] + bytes([whole[-1] ^ 1]),
            "cut short": whole[: len(whole) // 2],
            "lengthened": whole + b"\0",
            "exchanged": staged.path.read_bytes(),
        }
        path.write_bytes(altered[deed])

    found = {finding.code for finding in verify_house(house).findings}

    assert found == {"file_missing" if deed == "removed" else "file_differs"}


def test_a_checkpoint_of_another_key_is_named(house: House, disputed: ADispute) -> None:
    published_file(house.settings).write_bytes(
        published_file(house.settings).read_bytes().replace(b"\n\n", b"\n\n", 1)[:-6] + b"AAAA=\n"
    )

    found = {finding.code for finding in verify_house(house).findings}

    assert found == {"checkpoint_missing"}


@contextmanager
def unguarded(house: House) -> Iterator[Connection]:
    """A connection of somebody who opens the database with another program and can do everything to it."""
    engine = create_engine(house.settings.database_url, poolclass=NullPool)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            for table in APPEND_ONLY:
                for verb in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS {table.name}_no_{verb}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        yield connection
        connection.commit()
