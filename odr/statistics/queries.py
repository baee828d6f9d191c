"""Reading the statistics: editions, the records they are cut from, and what the regulator watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, union

from odr.log import tables as log
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


def stored_editions(connection: Connection) -> Iterator[tuple[int, str, Edition]]:
    """Every edition with the number and the digest that stand beside it."""
    query = select(edition.c.number, edition.c.digest, edition.c.body).order_by(edition.c.number)
    for row in connection.execute(query.execution_options(yield_per=50)):
        yield row.number, row.digest, Edition(bytes(row.body))


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


def edition_before(connection: Connection, cut_at: int) -> Edition | None:
    """The newest edition that was cut by this instant."""
    query = select(edition.c.body).where(edition.c.cut_at <= cut_at).order_by(edition.c.number.desc()).limit(1)
    body = connection.scalar(query)
    return None if body is None else Edition(bytes(body))
