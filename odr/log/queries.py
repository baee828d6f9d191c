"""Looking at the log from outside: its last signed checkpoint, and what waits for a place under the next one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from odr.house import House
from odr.log import tables as log
from odr.log.halt import latest_checkpoint, must_rest, read_published
from odr.log.note import Checkpoint, Rejected
from odr.log.signers import Continuation, founding_of, opened, signers_of

WAITS_LONG = 5 * 60_000
"""How long (ms) an entry may wait for its checkpoint before a reader is told that something is amiss."""


@dataclass(frozen=True, slots=True)
class LogState:
    """How the log stands. `checkpoint` is None before the first, and where its signature does not hold; `waits_since`
    is the instant of the oldest entry that no checkpoint counts yet; `outside` says that there is a copy of one beside
    the database as soon as there is one in it; `halt` says why the house has stopped, None in an open one;
    `overdue`, that an entry waits for longer than it should; `continues` is the log that this one was founded over."""

    checkpoint: Checkpoint | None
    number: int
    note: bytes
    signed_at: int
    waiting: int
    waits_since: int | None
    outside: bool
    halt: str | None
    overdue: bool
    continues: Continuation | None

    @property
    def sound(self) -> bool:
        """Whether a look finds nothing wrong; the whole check is `odr verify`."""
        return self.halt is None and self.outside and (self.checkpoint is not None or not self.note)


def log_state(connection: Connection, house: House) -> LogState:
    """How the log stands now."""
    row = latest_checkpoint(connection)
    number, since = _waiting(connection, row.size if row else 0)
    outside, why = read_published(house.settings) is not None, must_rest(connection, house)
    overdue = since is not None and since < house.clock() - WAITS_LONG
    continues, _ = founding_of(connection, house.origin)
    if row is None:
        return LogState(None, 0, b"", 0, number, since, not outside, why, overdue, continues)
    try:
        checkpoint: Checkpoint | None = opened(bytes(row.note), signers_of(connection, house.origin))
    except Rejected:
        checkpoint = None
    note = bytes(row.note)
    return LogState(checkpoint, row.number, note, row.signed_at, number, since, outside, why, overdue, continues)


def _waiting(connection: Connection, size: int) -> tuple[int, int | None]:
    """How many entries wait for a checkpoint, and since when: those without a place, and those behind the last one."""
    queued, placed = (
        select(func.count(), func.min(log.entry.c.at)).select_from(
            table.join(log.entry, (table.c.stream == log.entry.c.stream) & (table.c.ver == log.entry.c.ver))
        )
        for table in (log.queue, log.leaf)
    )
    counted = connection.execute(queued).one(), connection.execute(placed.where(log.leaf.c.position >= size)).one()
    return sum(number for number, _ in counted), min((at for _, at in counted if at is not None), default=None)


def signed_head(connection: Connection, house: House) -> Checkpoint | None:
    """The log at its last checkpoint, None before the first. Raises Rejected when this house did not sign it."""
    row = latest_checkpoint(connection)
    return opened(bytes(row.note), signers_of(connection, house.origin)) if row else None
