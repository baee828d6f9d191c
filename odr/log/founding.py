"""Founding a log anew over the entries that are left of one that cannot go on (docs/log-format.md, section 18; ADR 18).

What is changed in the database is one transaction. Whoever dies before its end leaves the old house, stopped; whoever
dies after it, the new one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, literal, select, text

from odr.database import one_moment, write_unit
from odr.house import House
from odr.log import tables
from odr.log.halt import GIVEN_UP, Halt, contradiction, former_number, must_rest, published_file, read_published, stop
from odr.log.integrator import place_waiting, publish
from odr.log.journal import found_log, new_origin
from odr.log.keys import KEY_ID_SIZE, keys_at, make_signing_key, put_away, verifier
from odr.log.note import Checkpoint, Rejected, open_checkpoint, to_base64
from odr.log.proof import root
from odr.log.rotation import new_key, unused_key
from odr.log.signers import signers_of
from odr.log.tiles import complete_tiles
from odr.log.verify import verify_log

STOLEN = "stolen"

NOT_TO_BE_KEPT = frozenset(
    "entry_malformed entry_hash_differs entry_column_differs entry_of_another_log stream_gap stream_prev_differs"
    " stream_time_goes_back".split()
)
"""Findings over which nothing is founded: what is wrong lies in the entries themselves, and would be so for ever."""

LARGEST_KEPT = 32 * 1024
"""Bytes of the longest note that a founding keeps; sixteen signatures take three thousand."""

_entry, _leaf, _queue, _tile, _checkpoint = tables.entry, tables.leaf, tables.queue, tables.tile, tables.checkpoint


class NotToBeFounded(Exception):
    """No log is founded over this one now; the text tells the operator why."""


@dataclass(frozen=True, slots=True)
class Known:
    """The last checkpoint that is known of the log to be given up, as it was signed; `rows` are those of the table that
    its keys signed."""

    checkpoint: Checkpoint
    note: bytes
    rows: Sequence[Any]


def found_anew(house: House, *, stolen: bool = False) -> House:
    """Found a new log, with a name and a key of its own, over the entries that are left; answers the house of it.

    Only in a house that has stopped, or where a key was `stolen`: that stops it first, for every process. No process
    but this one may work on it. Raises NotToBeFounded, KeyTrouble.
    """
    with house.engine.connect() as connection:
        _require_own_words(connection, house)
    halt = _stop(house, stolen)
    with one_moment(house.engine) as connection, tables.any_text(connection):
        _require_sound_entries(connection, house)
        _known(connection, house, halt)
    origin = new_origin()
    key = _new_key(house, origin)
    new = replace(house, origin=origin, keys=keys_at(house.settings).only(key))
    # It would contradict the new log. From here on the row that says why the house has stopped keeps it stopped.
    _put_checkpoint_aside(house)
    write_unit(house.engine, lambda connection: _found(connection, house, new, halt))
    if not house.settings.signing_key:
        put_away(house.settings.signing_key_file, house.origin, keep=key)
    publish(new)
    return new


def _stop(house: House, stolen: bool) -> Halt:
    """Make sure that the house has stopped, and answer why. Raises NotToBeFounded in one that has no reason to."""

    def stopped(connection: Connection) -> Halt:
        _require_last(connection, house)
        row = connection.execute(select(tables.stop)).one_or_none()
        against = contradiction(connection, house.settings, house.origin, house.keys)
        if row is not None and (against or row.code in (STOLEN, "unsound", "witnessed")):
            return Halt(row.code, bytes(row.note))
        if against is None and not stolen:
            raise NotToBeFounded(
                "The log fits again all that was signed. Let it go on: odr log resume"
                if row is not None
                else "This house has not stopped, and its log goes on. Where a key was stolen: --because stolen"
            )
        halt = against or Halt(STOLEN, read_published(house.settings) or b"")
        connection.execute(delete(tables.stop))
        stop(connection, house, halt)
        return halt

    return write_unit(house.engine, stopped)


def _require_last(connection: Connection, house: House) -> None:
    if must_rest(connection, house) == GIVEN_UP:
        raise NotToBeFounded("Another log was founded over this one already.")


def _require_own_words(connection: Connection, house: House) -> None:
    """That a key of another house signs nothing here is often no reason for a new log: the wrong keys are in place. Of
    the master key the words tell, which no new log makes readable."""
    wrapped = tables.payload.c.wrapped_key
    ours = select(literal(1)).where(func.substr(wrapped, 1, KEY_ID_SIZE) == house.keys.key_id).limit(1)
    if connection.scalar(select(literal(1)).select_from(tables.payload).limit(1)) and not connection.scalar(ours):
        raise NotToBeFounded(
            "None of the words of this house were sealed under this master key, so other keys than its own are in "
            "place. Put its own back; then it may go on by itself."
        )


def _require_sound_entries(connection: Connection, house: House) -> None:
    broken = [found for found in verify_log(connection, house).findings if found.code in NOT_TO_BE_KEPT]
    if broken:
        raise NotToBeFounded(
            f"Entries themselves were changed or lie apart ({broken[0]}), and no log can be founded over them. Restore "
            "a copy in which they are whole; odr verify names all of them."
        )


def _known(connection: Connection, house: House, halt: Halt) -> Known:
    """The last checkpoint known, in the database or as what stopped the house. Raises NotToBeFounded without any."""
    # Where the tree is torn, nobody can say which key signed at which size; here any key of this log will do.
    held = [key.public_key for key in house.keys.signing]
    every = dict.fromkeys([*(term.public_key for term in signers_of(connection, house.origin).terms), *held])
    verifiers = [verifier(house.origin, public_key) for public_key in every]

    def told(note: bytes) -> Checkpoint | None:
        # An entry has to hold it; with lines of strangers a note may be longer than any entry.
        if len(note) > LARGEST_KEPT:
            return None
        try:
            return open_checkpoint(note, house.origin, verifiers)
        except Rejected:
            return None

    rows = [row for row in connection.execute(select(_checkpoint).order_by(_checkpoint.c.number)) if told(row.note)]
    notes = [bytes(row.note) for row in rows] + [halt.note]
    known = [(checkpoint, note) for note in notes if (checkpoint := told(note))]
    if not known:
        raise NotToBeFounded("This log signed no checkpoint that is still known: nothing binds it. Look at odr doctor.")
    last, note = max(known, key=lambda one: one[0].size)
    return Known(last, note, rows)


def _new_key(house: House, origin: str) -> bytes:
    """A key that nobody can have had before; one of the environment, where keys come from there."""
    if not house.settings.signing_key:
        return make_signing_key(house.settings.signing_key_file, origin)[1].public_key
    with house.engine.connect() as connection:
        return unused_key(connection, house) or new_key(house)


def _put_checkpoint_aside(house: House) -> None:
    path = published_file(house.settings)
    if path.exists():
        os.replace(path, path.with_name(f"{path.name}.{house.origin.removeprefix('evenhand/')[:8]}"))


def _found(connection: Connection, house: House, new: House, halt: Halt) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE entry, queue IN EXCLUSIVE MODE"))
    _require_last(connection, house)
    known = _known(connection, house, halt)
    with tables.unguarded(connection, _leaf, _tile, _checkpoint):
        kept = _arrange(connection)
        _give_up_checkpoints(connection, house, known)
    connection.execute(delete(tables.stop))
    continues = {
        "log": house.origin,
        "kept": len(kept),
        "root": root(kept).hex(),
        "size": known.checkpoint.size,
        "note": to_base64(known.note),
        "code": halt.code,
    }
    found_log(connection, new, continues)
    place_waiting(connection)


def _arrange(connection: Connection) -> list[bytes]:
    """Give every entry that is left a place without a gap: those that have one keep it as far as that can be, those
    that wait follow in their order, and after them whatever lost its place. Answers the leaf hashes."""
    of_leaf = and_(_leaf.c.stream == _entry.c.stream, _leaf.c.ver == _entry.c.ver)
    of_queue = and_(_queue.c.stream == _entry.c.stream, _queue.c.ver == _entry.c.ver)
    query = select(_entry.c.stream, _entry.c.ver, _entry.c.at, _entry.c.leaf_hash, _leaf.c.position, _queue.c.id)
    rows = connection.execute(query.select_from(_entry.outerjoin(_leaf, of_leaf).outerjoin(_queue, of_queue))).all()
    hashes = {(row.stream, row.ver): bytes(row.leaf_hash) for row in rows}
    seen: Counter[str] = Counter()
    order = []
    for stream in dict.fromkeys((row.stream, row.ver) for row in sorted(rows, key=_old_place)):
        # Wherever a stream has a place, its next entry takes it: a later one never stands before an earlier one.
        seen[stream[0]] += 1
        order.append((stream[0], seen[stream[0]]))
    leaves = [
        {"position": position, "stream": stream, "ver": version, "leaf_hash": hashes[stream, version]}
        for position, (stream, version) in enumerate(order)
    ]
    placed = [dict(row) for row in connection.execute(select(_leaf).order_by(_leaf.c.position)).mappings()]
    if placed != leaves[: len(placed)]:
        connection.execute(delete(_leaf))
        placed = []
    if len(leaves) > len(placed):
        connection.execute(insert(_leaf), leaves[len(placed) :])
    connection.execute(delete(_queue))
    connection.execute(delete(_tile))
    complete_tiles(connection, 0, len(leaves))
    return [hashes[one] for one in order]


def _old_place(row: Any) -> tuple[Any, ...]:
    if row.position is not None:
        return 0, row.position
    return (1, row.id) if row.id is not None else (2, row.at, row.stream, row.ver)


def _give_up_checkpoints(connection: Connection, house: House, known: Known) -> None:
    """Keep what the old log signed beside the tables of the new one, the one that was known from outside last."""
    former = [
        {"number": row.number, "size": row.size, "signed_at": row.signed_at, "note": bytes(row.note)}
        for row in known.rows
    ]
    if known.note not in [row["note"] for row in former]:
        number = max([former_number(connection), *(row["number"] for row in former)]) + 1
        noticed = connection.scalar(select(tables.stop.c.since)) or house.clock()
        former.append({"number": number, "size": known.checkpoint.size, "signed_at": noticed, "note": known.note})
    connection.execute(insert(tables.former_checkpoint), [{"origin": house.origin, **row} for row in former])
    connection.execute(delete(_checkpoint))
