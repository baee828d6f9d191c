"""The integrator: gives committed entries their gapless places in the tree, and signs checkpoints over it.

Acts only queue their entries; nothing global is locked when one is appended. Whoever runs `integrate` first takes
the queue in order, so a place is given to committed rows only and never changes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from tempfile import NamedTemporaryFile
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from odr.database import write_unit
from odr.house import House
from odr.kernel import SYSTEM
from odr.log import tables
from odr.log.halt import (
    GIVEN_UP,
    SigningStopped,
    contradiction,
    former_number,
    latest_checkpoint,
    must_rest,
    published_file,
    read_published,
    stop,
)
from odr.log.journal import NewFact, append, head_of
from odr.log.keys import keys_at
from odr.log.note import Checkpoint
from odr.log.selfcheck import MOST_LOSSES, RESUMED, UNSOUND, Loss, found_sound
from odr.log.signers import missing, signed_checkpoint, signers_of
from odr.log.tiles import complete_tiles, tree_head, tree_size

MOST_AT_ONCE = 5_000

# Any fixed number that no other user of the database takes for its own lock.
_LOCK = 0x6F6472

_leaf, _queue, _checkpoint = tables.leaf, tables.queue, tables.checkpoint


def integrate(house: House) -> int:
    """Give places to all that is queued; answers how many entries got one."""

    def once(connection: Connection) -> int:
        return _integrate_once(connection, house)

    moved = total = write_unit(house.engine, once)
    while moved == MOST_AT_ONCE:
        moved = write_unit(house.engine, once)
        total += moved
    return total


def _integrate_once(connection: Connection, house: House) -> int:
    # On a tree that contradicts what was signed nothing is built; it is evidence.
    if not _alone(connection) or must_rest(connection, house):
        return 0
    return place_waiting(connection)


def place_waiting(connection: Connection) -> int:
    """Give places to as much of the queue as is taken at once, within the caller's transaction; answers to how many."""
    rows = connection.execute(
        select(_queue.c.id, _queue.c.stream, _queue.c.ver, _queue.c.leaf_hash).order_by(_queue.c.id).limit(MOST_AT_ONCE)
    ).all()
    if not rows:
        return 0
    size = tree_size(connection)
    connection.execute(
        insert(_leaf),
        [
            {"position": size + place, "stream": row.stream, "ver": row.ver, "leaf_hash": row.leaf_hash}
            for place, row in enumerate(rows)
        ],
    )
    connection.execute(delete(_queue).where(_queue.c.id.in_([row.id for row in rows])))
    complete_tiles(connection, size, size + len(rows))
    return len(rows)


def _alone(connection: Connection) -> bool:
    # SQLite's writer is alone by itself. On PostgreSQL the loser of the try-lock leaves the work to the winner;
    # correctness does not hang on it, since the position is the primary key.
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}))


def publish(house: House) -> int | None:
    """Sign a checkpoint when the tree grew since the last one; answers its number, None when there is nothing new.

    Raises SigningStopped when the tree contradicts what was signed before; then the house has stopped. Raises NotAtHand
    when a key is missing that has to sign; then the house goes on, and its entries wait for their checkpoint.
    """
    outcome = write_unit(house.engine, lambda connection: _publish(connection, house))
    if isinstance(outcome, str):
        raise SigningStopped(outcome)
    number, note = outcome
    # Asked also when nothing is new: whoever signed it may have died before it was copied.
    if note != read_published(house.settings):
        _keep_outside(house)
    return number


def _publish(connection: Connection, house: House) -> tuple[int | None, bytes | None] | str:
    """The number of the checkpoint signed now and the last note; or why there must be none."""
    code = connection.scalar(select(tables.stop.c.code))
    if code is not None:
        return str(code)
    if must_rest(connection, house) == GIVEN_UP:
        return GIVEN_UP
    against = contradiction(connection, house.settings, house.origin, house.keys)
    if against is not None:
        stop(connection, house, against)
        return against.code
    last = latest_checkpoint(connection)
    size, tree_root = tree_head(connection)
    if size == (last.size if last else 0):
        return None, bytes(last.note) if last else None
    number = 1 + (last.number if last else former_number(connection))
    note = _signed(connection, house, Checkpoint(house.origin, size, tree_root))
    connection.execute(insert(_checkpoint), {"number": number, "size": size, "signed_at": house.clock(), "note": note})
    return number, note


def _signed(connection: Connection, house: House, checkpoint: Checkpoint) -> bytes:
    signers, keys = signers_of(connection, house.origin), house.keys
    if missing(signers, checkpoint.size, keys):
        # Added since this process was started: its file lies where the others do.
        keys = keys_at(house.settings)
    return signed_checkpoint(checkpoint, signers, keys)


def _keep_outside(house: House) -> None:
    # Written aside and renamed: a crash leaves the old note or the new one, never half of one. Two publishers may
    # meet here; each writes the latest note there is, so the last to rename is right.
    with house.engine.connect() as connection:
        last = latest_checkpoint(connection)
    path = published_file(house.settings)
    with NamedTemporaryFile(dir=path.parent, prefix=".checkpoint.", delete=False) as file:
        file.write(last.note)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def seal_all(house: House) -> None:
    """Integrate and publish until nothing is left to do; for commands that end with a log at rest."""
    integrate(house)
    publish(house)


def resume(house: House, lost: Sequence[Loss] = ()) -> bool:
    """Let a house that has stopped go on, once its tree is a later state of all that was signed; the log keeps that it
    had stopped, and what is `lost` beside it for good. Answers whether it had. Raises SigningStopped while anything
    still contradicts.
    """
    outcome = write_unit(house.engine, lambda connection: _resume(connection, house, lost))
    if isinstance(outcome, str):
        raise SigningStopped(outcome)
    return outcome


def _resume(connection: Connection, house: House, lost: Sequence[Loss]) -> bool | str:
    against = contradiction(connection, house.settings, house.origin, house.keys)
    if against is not None:
        return against.code
    stopped = connection.execute(select(tables.stop)).one_or_none()
    if stopped is None:
        return False
    told = 0 < len(lost) <= MOST_LOSSES
    if stopped.code == UNSOUND and not told and not found_sound(connection, stopped.since, house.clock()):
        return UNSOUND
    connection.execute(delete(tables.stop))
    stream = f"log/{house.origin}"
    data: dict[str, Any] = {"code": stopped.code, "since": stopped.since}
    if told:
        data["lost"] = [loss.as_data() for loss in lost]
    fact = NewFact(RESUMED, "public", data)
    append(connection, house, stream, [fact], actor=SYSTEM, at=house.clock(), head=head_of(connection, stream))
    return True
