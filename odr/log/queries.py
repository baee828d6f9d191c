"""Looking at the log from outside: its last signed checkpoint, and what waits for a place under the next one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from odr.house import House
from odr.log import tables as log
from odr.log.integrator import latest_checkpoint, read_published
from odr.log.note import Checkpoint, Rejected, Verifier, key_id, open_checkpoint


@dataclass(frozen=True, slots=True)
class LogState:
    """How the log stands. `checkpoint` is None before the first, and where its signature does not hold; `waits_since`
    is the instant of the oldest entry without a place; `outside` says that the copy of the checkpoint beside the
    database is not newer than the database."""

    checkpoint: Checkpoint | None
    number: int
    note: bytes
    signed_at: int
    waiting: int
    waits_since: int | None
    outside: bool

    @property
    def sound(self) -> bool:
        """Whether a look finds nothing wrong; the whole check is `odr verify`."""
        return self.outside and (self.checkpoint is not None or not self.note)


def log_state(connection: Connection, house: House) -> LogState:
    """How the log stands now."""
    row = latest_checkpoint(connection)
    waiting = select(func.count(), func.min(log.entry.c.at)).select_from(
        log.queue.join(log.entry, (log.queue.c.stream == log.entry.c.stream) & (log.queue.c.ver == log.entry.c.ver))
    )
    number, since = connection.execute(waiting).one()
    if row is None:
        return LogState(None, 0, b"", 0, number, since, read_published(house) is None)
    try:
        checkpoint: Checkpoint | None = opened(house, bytes(row.note))
    except Rejected:
        checkpoint = None
    return LogState(checkpoint, row.number, bytes(row.note), row.signed_at, number, since, _outside(house, row.size))


def signed_head(connection: Connection, house: House) -> Checkpoint | None:
    """The log at its last checkpoint, None before the first. Raises Rejected when this house did not sign it."""
    row = latest_checkpoint(connection)
    return opened(house, bytes(row.note)) if row else None


def opened(house: House, note: bytes) -> Checkpoint:
    """The checkpoint in a note that this house signed. Raises Rejected."""
    verifier = Verifier(house.origin, key_id(house.origin, house.keys.public_key), house.keys.verify)
    return open_checkpoint(note, house.origin, [verifier])


def _outside(house: House, size: int) -> bool:
    note = read_published(house)
    if note is None:
        return False
    try:
        return opened(house, note).size <= size
    except Rejected:
        return False
