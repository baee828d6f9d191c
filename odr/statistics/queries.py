"""Reading the statistics: editions, the records they are cut from, and what the regulator watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, union

from odr.house import House
from odr.log import tables as log
from odr.log.integrator import latest_checkpoint, read_published
from odr.log.note import Checkpoint, Rejected, Verifier, key_id, open_checkpoint
from odr.statistics.records import Edition
from odr.statistics.tables import edition, record

DISPUTES = "dispute/"
"""What the streams of disputes begin with."""

LISTED = 400
"""Editions on one list: more than a year of them."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An edition in a list."""

    number: int
    cut_at: int
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class LogState:
    """How the log stands: its last signed checkpoint as it was signed, and what waits for a place."""

    checkpoint: Checkpoint | None
    note: bytes
    signed_at: int
    waiting: int
    waits_since: int | None
    outside: bool
    sound: bool


def latest_edition(connection: Connection) -> Edition | None:
    """The newest edition, None before the first."""
    body = connection.scalar(select(edition.c.body).order_by(edition.c.number.desc()).limit(1))
    return None if body is None else Edition(bytes(body))


def edition_numbered(connection: Connection, number: int) -> Edition | None:
    body = connection.scalar(select(edition.c.body).where(edition.c.number == number))
    return None if body is None else Edition(bytes(body))


def editions(connection: Connection) -> list[Listed]:
    """The editions there are, the newest first."""
    columns = (edition.c.number, edition.c.cut_at, edition.c.size, edition.c.digest)
    query = select(*columns).order_by(edition.c.number.desc()).limit(LISTED)
    return [Listed(*row) for row in connection.execute(query)]


def stored_digest(connection: Connection, number: int) -> str | None:
    """The digest that was written down when the edition was cut."""
    return connection.scalar(select(edition.c.digest).where(edition.c.number == number))


def record_texts(connection: Connection, *, simulated: bool) -> Iterator[tuple[str, str]]:
    """What is counted about each dispute, as text; those on a simulated clock only where they are wanted."""
    query = select(record.c.dispute_id, record.c.body)
    if not simulated:
        query = query.where(record.c.simulated.is_(False))
    for row in connection.execute(query.execution_options(yield_per=5_000)):
        yield row.dispute_id, row.body


def moved_since(connection: Connection, size: int) -> Iterator[str]:
    """The disputes of which something lies beyond the first `size` entries of the tree."""
    placed = select(log.leaf.c.stream).where(log.leaf.c.position >= size, log.leaf.c.stream.like(f"{DISPUTES}%"))
    queued = select(log.queue.c.stream).where(log.queue.c.stream.like(f"{DISPUTES}%"))
    for stream in connection.scalars(union(placed, queued)).all():
        yield stream.removeprefix(DISPUTES)


def overdue_counts(connection: Connection) -> dict[str, int]:
    """How many disputes wait for the house beyond its time now, by what they wait for."""
    query = select(record.c.overdue, func.count()).where(record.c.overdue != "").group_by(record.c.overdue)
    return {what: number for what, number in connection.execute(query)}


def signed_head(connection: Connection, house: House) -> Checkpoint | None:
    """The log at its last checkpoint, None before the first. Raises Rejected when it is not signed by this house."""
    row = latest_checkpoint(connection)
    return _opened(house, row.note) if row else None


def log_state(connection: Connection, house: House) -> LogState:
    """How the log stands, from the last checkpoint and what waits for a place: a look, not the whole check."""
    row = latest_checkpoint(connection)
    waiting = connection.scalar(select(func.count()).select_from(log.queue)) or 0
    oldest = (
        select(func.min(log.entry.c.at))
        .join(log.queue, (log.queue.c.stream == log.entry.c.stream) & (log.queue.c.ver == log.entry.c.ver))
        .scalar_subquery()
    )
    since = connection.scalar(select(oldest)) if waiting else None
    if row is None:
        return LogState(None, b"", 0, waiting, since, read_published(house) is None, True)
    try:
        checkpoint: Checkpoint | None = _opened(house, bytes(row.note))
        sound = checkpoint is not None and checkpoint.size == row.size
    except Rejected:
        checkpoint, sound = None, False
    return LogState(checkpoint, bytes(row.note), row.signed_at, waiting, since, _kept_outside(house, row.size), sound)


def _kept_outside(house: House, size: int) -> bool:
    """Whether the copy of the checkpoint outside the database is no newer than the database itself."""
    note = read_published(house)
    if note is None:
        return False
    try:
        return _opened(house, note).size <= size
    except Rejected:
        return False


def _opened(house: House, note: bytes) -> Checkpoint:
    verifier = Verifier(house.origin, key_id(house.origin, house.keys.public_key), house.keys.verify)
    return open_checkpoint(bytes(note), house.origin, [verifier])
