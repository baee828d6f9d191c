"""Rebuilding the lists: every row about a dispute folded anew from its entries, and compared or replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from odr.disputes.records import stream_of, to_history
from odr.disputes.tables import dispute_row, row_of
from odr.house import House
from odr.log import tables as log
from odr.log.journal import read_stream
from odr.log.verify import Finding
from odr.procedure.dispute import fold

BATCH = 200


def compare(connection: Connection, house: House) -> Iterator[Finding]:
    """Every difference between the stored rows and those that the entries make."""
    for ids in _dispute_ids(connection):
        stored = {
            row.id: dict(row._mapping)
            for row in connection.execute(select(dispute_row).where(dispute_row.c.id.in_(ids)))
        }
        for dispute_id in ids:
            yield from _compare_one(dispute_id, folded_row(connection, house, dispute_id), stored.get(dispute_id))
    for dispute_id in _rows_without_stream(connection):
        yield Finding("projection_unknown", stream_of(dispute_id))


def rebuild(connection: Connection, house: House) -> int:
    """Throw all rows away and fold them anew, in the caller's transaction; answers how many there are now."""
    connection.execute(delete(dispute_row))
    count = 0
    for ids in _dispute_ids(connection):
        rows = [folded_row(connection, house, dispute_id) for dispute_id in ids]
        connection.execute(insert(dispute_row), rows)
        count += len(rows)
    return count


def folded_row(connection: Connection, house: House, dispute_id: str) -> dict[str, Any]:
    """The row that a dispute's entries make."""
    history = to_history(read_stream(connection, stream_of(dispute_id)))
    return row_of(fold(dispute_id, history, house.rulesets))


def _dispute_ids(connection: Connection) -> Iterator[list[str]]:
    prefix = stream_of("")
    last = prefix
    while True:
        column = log.entry.c.stream
        query = select(column).where(column > last, column.like(f"{prefix}%"), log.entry.c.ver == 1)
        streams = list(connection.scalars(query.order_by(column).limit(BATCH)))
        if not streams:
            return
        yield [stream.removeprefix(prefix) for stream in streams]
        last = streams[-1]


def _compare_one(dispute_id: str, folded: dict[str, Any], stored: dict[str, Any] | None) -> Iterator[Finding]:
    if stored is None:
        yield Finding("projection_missing", stream_of(dispute_id), folded["version"])
        return
    for name, value in folded.items():
        if stored[name] != value:
            yield Finding(
                "projection_differs",
                stream_of(dispute_id),
                folded["version"],
                expected=f"{name} {value}",
                found=f"{name} {stored[name]}",
            )


def _rows_without_stream(connection: Connection) -> list[str]:
    streams = select(log.entry.c.stream).where(log.entry.c.ver == 1)
    known = {stream.removeprefix(stream_of("")) for stream in connection.scalars(streams)}
    return [row for row in connection.scalars(select(dispute_row.c.id)) if row not in known]
