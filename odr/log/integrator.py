"""The integrator: gives committed entries their gapless places in the tree, and signs checkpoints over it.

Acts only queue their entries; nothing global is locked when one is appended. Whoever runs `integrate` first takes
the queue in order, so a place is given to committed rows only and never changes.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from odr.database import write_unit
from odr.house import House
from odr.log import tables
from odr.log.note import Checkpoint, checkpoint_text, key_id, sign
from odr.log.tiles import complete_tiles, tree_head, tree_size

MOST_AT_ONCE = 5_000

# Any fixed number that no other user of the database takes for its own lock.
_LOCK = 0x6F6472

_leaf, _queue, _checkpoint = tables.leaf, tables.queue, tables.checkpoint


def integrate(house: House) -> int:
    """Give places to all that is queued; answers how many entries got one."""
    moved = total = write_unit(house.engine, _integrate_once)
    while moved == MOST_AT_ONCE:
        moved = write_unit(house.engine, _integrate_once)
        total += moved
    return total


def _integrate_once(connection: Connection) -> int:
    if not _alone(connection):
        return 0
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
    """Sign a checkpoint when the tree grew since the last one; answers its number, None when there is nothing new."""
    number = write_unit(house.engine, lambda connection: _publish(connection, house))
    if number is not None:
        _keep_outside(house)
    return number


def published_file(house: House) -> Path:
    """Where the last signed checkpoint lies outside the database, so that a database cut short is noticed."""
    return house.settings.instance / "checkpoint"


def read_published(house: House) -> bytes | None:
    """The note kept outside the database, None before the first."""
    try:
        return published_file(house).read_bytes()
    except FileNotFoundError:
        return None


def _keep_outside(house: House) -> None:
    # Written aside and renamed: a crash leaves the old note or the new one, never half of one. Two publishers may
    # meet here; each writes the latest note there is, so the last to rename is right.
    with house.engine.connect() as connection:
        last = latest_checkpoint(connection)
    path = published_file(house)
    with NamedTemporaryFile(dir=path.parent, prefix=".checkpoint.", delete=False) as file:
        file.write(last.note)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def _publish(connection: Connection, house: House) -> int | None:
    last = latest_checkpoint(connection)
    size, tree_root = tree_head(connection)
    if size == (last.size if last else 0):
        return None
    number = last.number + 1 if last else 1
    note = sign(
        checkpoint_text(Checkpoint(house.origin, size, tree_root)),
        house.origin,
        key_id(house.origin, house.keys.public_key),
        house.keys.sign,
    )
    row = {"number": number, "size": size, "signed_at": house.clock(), "note": note}
    connection.execute(insert(_checkpoint), row)
    return number


def latest_checkpoint(connection: Connection) -> Any:
    """The row of the last checkpoint (number, size, signed_at, note), None before the first."""
    return connection.execute(select(_checkpoint).order_by(_checkpoint.c.number.desc()).limit(1)).one_or_none()


def seal_all(house: House) -> None:
    """Integrate and publish until nothing is left to do; for commands that end with a log at rest."""
    integrate(house)
    publish(house)
