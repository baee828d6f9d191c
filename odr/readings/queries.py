"""The record of who read a dispute, and which files stand open to which registrar."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from odr.disputes.queries import places_of
from odr.disputes.records import stream_of
from odr.disputes.tables import opening
from odr.house import House
from odr.log import tables as log
from odr.log.journal import read_stream
from odr.log.payloads import Unreadable, reveal
from odr.log.proof import TILE_WIDTH
from odr.log.publication import tile_path
from odr.people import tables as people
from odr.readings.records import OPENED, READ, stream_beside

journal = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the record: a reading, or an opening with its reason; and how far its proof has come. `position` and
    `checkpoint` are None while it waits for them, `text` where there are no words or they are gone."""

    version: int
    at: int
    type: str
    actor: str
    role: str
    data: Mapping[str, Any]
    text: str | None
    position: int | None
    checkpoint: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """An auditor who was given entries of a dispute: called what, how often, and when first and last."""

    name: str
    times: int
    first_at: int
    last_at: int


def open_until(connection: Connection, dispute_id: str, account_id: str, at: int) -> int | None:
    """Until when a dispute stands open to whoever opened it with a reason; None where it does not."""
    until: int | None = connection.scalar(
        select(func.max(opening.c.until)).where(
            opening.c.dispute_id == dispute_id, opening.c.account_id == account_id, opening.c.until > at
        )
    )
    return until


def record_of(connection: Connection, house: House, dispute_id: str) -> list[Record]:
    """Who read a dispute, the first reading first."""
    stream = stream_beside(dispute_id)
    words, places = _reasons(connection, house, stream), places_of(connection, stream)
    return [
        Record(
            version=entry.version,
            at=entry.at,
            type=entry.type,
            actor=entry.actor,
            role=entry.role,
            data=entry.data,
            text=words.get(entry.version),
            position=places[entry.version].position if entry.version in places else None,
            checkpoint=places[entry.version].checkpoint if entry.version in places else None,
        )
        for entry in (one.entry for one in read_stream(connection, stream))
        if entry.type in (READ, OPENED)
    ]


def _reasons(connection: Connection, house: House, stream: str) -> dict[int, str]:
    sealed = select(log.payload.c.ver, log.payload.c.name, log.payload.c.wrapped_key, log.payload.c.sealed)
    found = {}
    for row in connection.execute(sealed.where(log.payload.c.stream == stream)):
        try:
            found[row.ver] = reveal(house.keys, stream, row.ver, row.name, row.wrapped_key, row.sealed).decode()
        except (Unreadable, UnicodeDecodeError) as damaged:
            # As with the words of the dispute itself: the page shows all else, `odr verify` names them.
            journal.error("words damaged", extra={"facts": {"stream": stream, "ver": row.ver, "why": str(damaged)}})
    return found


def has_record(connection: Connection, dispute_id: str, version: int) -> bool:
    """Whether the record of a dispute has a reading or an opening of this version."""
    query = select(log.entry.c.type).where(log.entry.c.stream == stream_beside(dispute_id), log.entry.c.ver == version)
    return connection.scalar(query) in (READ, OPENED)


def times_read(connection: Connection, dispute_id: str) -> int:
    """How many readings of a dispute are on record."""
    query = select(func.count()).select_from(log.entry)
    of_dispute = log.entry.c.stream == stream_beside(dispute_id)
    return connection.scalar(query.where(of_dispute, log.entry.c.type == READ)) or 0


def names_of(connection: Connection, mediators: set[str]) -> dict[str, str]:
    """What mediators are called, by the ids that entries name them with; not those of whom nobody knows any more."""
    query = (
        select(people.mediator.c.id, people.account.c.name)
        .join(people.account, people.account.c.id == people.mediator.c.account_id)
        .where(people.mediator.c.id.in_(mediators), people.account.c.name != "")
    )
    return {row.id: row.name for row in connection.execute(query)} if mediators else {}


def audits_of(connection: Connection, dispute_id: str) -> list[Audit]:
    """The auditors who were given entries of a dispute, who read last first."""
    leaf, read, auditor = log.leaf, log.auditor_read, log.auditor
    places = list(connection.scalars(select(leaf.c.position).where(leaf.c.stream == stream_of(dispute_id))))
    if not places:
        return []
    tiles = {tile_path("entries", number, TILE_WIDTH): number for number in {place // TILE_WIDTH for place in places}}
    rows = connection.execute(
        select(auditor.c.id, auditor.c.name, read.c.at, read.c.path)
        .join(read, read.c.auditor_id == auditor.c.id)
        .where(or_(read.c.path.in_(tiles), *(read.c.path.like(f"{path}{_PART}%") for path in tiles)))
        .order_by(read.c.at)
    )
    found: dict[str, Audit] = {}
    for row in rows:
        tile, _, width = row.path.partition(_PART)
        first = tiles[tile] * TILE_WIDTH
        if any(first <= place < first + int(width or TILE_WIDTH) for place in places):
            before = found.get(row.id, Audit(row.name, 0, row.at, row.at))
            found[row.id] = Audit(row.name, before.times + 1, before.first_at, row.at)
    return sorted(found.values(), key=lambda audit: -audit.last_at)


# Before the number of entries of a file of them that is not full yet (section 11).
_PART = ".p/"
