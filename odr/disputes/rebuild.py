"""Rebuilding the lists: every row about a dispute folded anew from its entries, and compared or replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, func, insert, select

from odr.disputes.records import stream_of, to_history
from odr.disputes.tables import appointment, appointments_after, dispute_row, draw, draws_of, project_draws, row_of
from odr.house import House
from odr.log import tables as log
from odr.log.journal import Stored, read_stream
from odr.log.verify import Finding
from odr.procedure.dispute import Dispute, Header, fold
from odr.procedure.events import Event
from odr.statistics.figures import Record, record_of
from odr.statistics.tables import record, record_row

BATCH = 200


def compare(connection: Connection, house: House) -> Iterator[Finding]:
    """Every difference between the stored rows and those that the entries make."""
    for ids in _dispute_ids(connection):
        stored = {
            row.id: dict(row._mapping)
            for row in connection.execute(select(dispute_row).where(dispute_row.c.id.in_(ids)))
        }
        kept = {table: _rows_by_dispute(connection, table, ids) for table in (draw, appointment, record)}
        for dispute_id in ids:
            dispute, history, simulated = _folded(connection, house, dispute_id)
            yield from _compare_one(dispute_id, row_of(dispute), stored.get(dispute_id))
            made = {
                draw: draws_of(dispute, history),
                appointment: appointments_after([], dispute, history),
                record: [record_row(dispute, simulated)],
            }
            for table, rows in made.items():
                yield from _compare_rows(dispute, table, rows, kept[table].get(dispute_id, []))
    for column in (dispute_row.c.id, record.c.dispute_id):
        for dispute_id in _rows_without_stream(connection, column):
            yield Finding("projection_unknown", stream_of(dispute_id))


def rebuild(connection: Connection, house: House) -> int:
    """Throw all rows away and fold them anew, in the caller's transaction; answers how many there are now."""
    for table in (dispute_row, draw, appointment, record):
        connection.execute(delete(table))
    count = 0
    for ids in _dispute_ids(connection):
        folded = [_folded(connection, house, dispute_id) for dispute_id in ids]
        connection.execute(insert(dispute_row), [row_of(dispute) for dispute, _, _ in folded])
        connection.execute(insert(record), [record_row(dispute, simulated) for dispute, _, simulated in folded])
        for dispute, history, _ in folded:
            project_draws(connection, dispute, history)
        count += len(folded)
    return count


def folded_row(connection: Connection, house: House, dispute_id: str) -> dict[str, Any]:
    """The row that a dispute's entries make."""
    return row_of(_folded(connection, house, dispute_id)[0])


def counted_as_of(connection: Connection, house: House, dispute_id: str, size: int) -> tuple[Record, bool] | None:
    """What is counted about a dispute from its entries among the first `size` of the tree, and whether it runs on a
    simulated clock; None when it was filed later."""
    stream = stream_of(dispute_id)
    last = select(func.max(log.leaf.c.ver)).where(log.leaf.c.stream == stream, log.leaf.c.position < size)
    # Places follow versions, so that what lies before a place is the beginning of the stream.
    stored = read_stream(connection, stream)[: connection.scalar(last) or 0]
    if not stored:
        return None
    return record_of(fold(dispute_id, to_history(stored), house.rulesets)), _is_simulated(stored)


def all_counted_as_of(connection: Connection, house: House, size: int) -> Iterator[tuple[Record, bool]]:
    """The same of every dispute, from entries alone."""
    for ids in _dispute_ids(connection):
        for dispute_id in ids:
            counted = counted_as_of(connection, house, dispute_id, size)
            if counted:
                yield counted


def _folded(connection: Connection, house: House, dispute_id: str) -> tuple[Dispute, list[tuple[Event, Header]], bool]:
    """A dispute as its entries make it, the facts that they say, and whether it runs on a simulated clock."""
    stored = read_stream(connection, stream_of(dispute_id))
    history = to_history(stored)
    return fold(dispute_id, history, house.rulesets), history, _is_simulated(stored)


def _is_simulated(stored: list[Stored]) -> bool:
    return stored[0].entry.clock != "real"


def _rows_by_dispute(connection: Connection, table: Table, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(select(table).where(table.c.dispute_id.in_(ids))):
        found.setdefault(row.dispute_id, []).append(dict(row._mapping))
    return found


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


def _compare_rows(
    dispute: Dispute, table: Table, folded: list[dict[str, Any]], stored: list[dict[str, Any]]
) -> Iterator[Finding]:
    made, kept = ({str(sorted(row.items(), key=str)) for row in rows} for rows in (folded, stored))
    if made != kept:
        yield Finding(
            "projection_differs",
            stream_of(dispute.id),
            dispute.version,
            expected=f"{table.name} {'; '.join(sorted(made - kept)) or 'nothing more'}",
            found=f"{table.name} {'; '.join(sorted(kept - made)) or 'nothing'}",
        )


def _rows_without_stream(connection: Connection, column: Column[str]) -> list[str]:
    streams = select(log.entry.c.stream).where(log.entry.c.ver == 1)
    known = {stream.removeprefix(stream_of("")) for stream in connection.scalars(streams)}
    return [row for row in connection.scalars(select(column)) if row not in known]
