"""What one act of the finished service costs on SQLite: as a share of the disk's own pace, and beside bare inserts.

Four things take turns in every round: the disk alone (4 KiB written and synced), whole disputes through the doorway
(deadlines, rule, entries, sealed words, row, notices, key, and at the end the tree and a checkpoint), bare Core inserts
of the very rows that those acts wrote, act by act, one transaction each, and the same rows once more by the sqlite3
module alone, with nothing of ours and nothing of SQLAlchemy's between: no act can be cheaper than that. The medians
over rounds are compared.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from bench.houses import HERE, a_house, make_tables
from odr.database import open_engine, writing
from odr.disputes.tables import dispute_row
from odr.house import House
from odr.log import tables as log
from odr.log.integrator import seal_all
from odr.notices.tables import outbox
from tests.builders import a_dispute

GOALS = {"share_of_disk": 0.35, "share_of_disk_goal": 0.55, "cpu_against_bare": 2.0}
OFFERS = 6

Rows = dict[str, list[dict[str, Any]]]


def run(*, short: bool) -> dict[str, Any]:
    rounds, disputes = (2, 3) if short else (7, 12)
    disk, growing, acts, act_cpu, bare_cpu, bare, alone = [], [], [], [], [], [], []
    with a_house() as (_, house):
        bare_engine, alone_engine = _empty(house, "bare"), _empty(house, "alone")
        _acts(house, 1)
        seen = _last_rowid(house)
        for _ in range(rounds):
            disk.append(_disk(HERE / "sync.probe", 0.2 if short else 1.0, blocks=256))
            growing.append(_disk(HERE / "sync.probe", 0.2 if short else 1.0))
            count, wall, cpu = _timed(lambda: _acts(house, disputes))
            acts.append(count / wall)
            act_cpu.append(cpu / count)
            written = _written(house, seen)
            seen = _last_rowid(house)
            count, wall, cpu = _timed(lambda written=written: _bare(bare_engine, written))
            bare.append(count / wall)
            bare_cpu.append(cpu / count)
            count, wall, _ = _timed(lambda written=written: _alone(alone_engine, written))
            alone.append(count / wall)
        bare_engine.dispose()
        alone_engine.dispose()
    return {
        **_ratio("share_of_disk", acts, disk),
        **_ratio("share_of_disk_of_sqlite_alone", alone, disk),
        **_ratio("share_of_sqlite", acts, alone),
        **_ratio("cpu_against_bare", act_cpu, bare_cpu),
        "goals": GOALS,
        "for_orientation": {
            "disk_syncs_per_second": round(statistics.median(disk)),
            "disk_syncs_per_second_of_a_growing_file": round(statistics.median(growing)),
            "acts_per_second": round(statistics.median(acts)),
            "acts_per_second_of_sqlite_alone": round(statistics.median(alone)),
            "cpu_ms_per_act": round(statistics.median(act_cpu) * 1000, 2),
            "cpu_ms_per_bare_act": round(statistics.median(bare_cpu) * 1000, 2),
        },
    }


def _acts(house: House, disputes: int) -> int:
    """Whole disputes from filing to settlement; answers how many acts that were."""
    for _ in range(disputes):
        told = a_dispute(house).in_negotiation()
        for step in range(OFFERS):
            told.offer(told.seller if step % 2 else told.buyer, f"{20 + step}.00", text="As discussed, for both items.")
        told.accepted(told.buyer).signed()
    seal_all(house)
    # Filed, admitted, contested, complete twice, offers, accepted, signed twice.
    return disputes * (5 + OFFERS + 3)


def _timed(work: Any) -> tuple[int, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    count = work()
    return count, time.perf_counter() - wall, time.process_time() - cpu


def _disk(path: Path, seconds: float, blocks: int | None = None) -> float:
    """How many times a second this disk takes 4 KiB and says that they are safe: over and over into `blocks` places,
    as a database's write-ahead log does once it has its size, or at the end of a growing file."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        block, end, count = b"\0" * 4096, time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            os.pwrite(handle, block, (count % blocks if blocks else count) * 4096)
            os.fdatasync(handle)
            count += 1
        return count / seconds
    finally:
        os.close(handle)
        path.unlink()


# -- the same rows, barely ------------------------------------------------------------------------------------

_INSERTS = {table.name: insert(table) for table in (log.entry, log.payload, log.queue, log.idempotency, outbox)}
_ROW = insert(dispute_row)
_CHANGE = (
    update(dispute_row)
    .where(dispute_row.c.id == bindparam("this_id"))
    .values(version=bindparam("new_version"), changed_at=bindparam("new_changed_at"))
)


def _last_rowid(house: House) -> set[str]:
    with house.engine.connect() as connection:
        return set(connection.scalars(select(log.entry.c.stream).distinct()))


def _written(house: House, seen: set[str]) -> list[tuple[Rows, dict[str, Any], bool]]:
    """What each act of the round wrote, in its order: rows by table, the dispute's row, and whether it was new."""
    with house.engine.connect() as connection:
        acts = [row for row in connection.execute(select(log.idempotency)).all() if row.stream not in seen]
        return [_act_rows(connection, row) for row in sorted(acts, key=lambda row: (row.stream, row.first))]


def _act_rows(connection: Connection, act: Any) -> tuple[Rows, dict[str, Any], bool]:
    def within(table: Any) -> list[dict[str, Any]]:
        query = select(table).where(table.c.stream == act.stream, table.c.ver.between(act.first, act.last))
        return [dict(row._mapping) for row in connection.execute(query)]

    dispute_id = act.stream.removeprefix("dispute/")
    entries = within(log.entry)
    told = [
        {name: value for name, value in row._mapping.items() if name != "id"}
        for row in connection.execute(select(outbox).where(outbox.c.dispute_id == dispute_id))
        if row.key.split("/")[2] in {str(version) for version in range(act.first, act.last + 1)}
    ]
    rows: Rows = {
        "entry": entries,
        "payload": within(log.payload),
        "queue": [{name: entry[name] for name in ("stream", "ver", "leaf_hash")} for entry in entries],
        "outbox": told,
        "idempotency": [dict(act._mapping)],
    }
    row = connection.execute(select(dispute_row).where(dispute_row.c.id == dispute_id)).one()
    return rows, dict(row._mapping), act.first == 1


def _bare(engine: Engine, written: list[tuple[Rows, dict[str, Any], bool]]) -> int:
    for rows, row, new in written:
        with writing(engine) as connection:
            for name, held in rows.items():
                if held:
                    connection.execute(_INSERTS[name], held)
            if new:
                connection.execute(_ROW, row)
            else:
                change = {"this_id": row["id"], "new_version": row["version"], "new_changed_at": row["changed_at"]}
                connection.execute(_CHANGE, change)
    return len(written)


def _alone(engine: Engine, written: list[tuple[Rows, dict[str, Any], bool]]) -> int:
    """The same rows by the driver alone, on a connection with the house's own settings."""
    connection = engine.raw_connection()
    cursor = connection.cursor()
    for rows, row, new in written:
        cursor.execute("BEGIN IMMEDIATE")
        for name, held in rows.items():
            for values in held:
                cursor.execute(*_insertion(name, values))
        if new:
            cursor.execute(*_insertion(dispute_row.name, row))
        else:
            change = (row["version"], row["changed_at"], row["id"])
            cursor.execute("UPDATE dispute SET version = ?, changed_at = ? WHERE id = ?", change)
        cursor.execute("COMMIT")
    connection.close()
    return len(written)


def _insertion(name: str, values: dict[str, Any]) -> tuple[str, list[Any]]:
    places = ", ".join("?" * len(values))
    plain = [json.dumps(value) if isinstance(value, dict) else value for value in values.values()]
    names = ", ".join(f'"{each}"' for each in values)
    return f'INSERT INTO "{name}" ({names}) VALUES ({places})', plain


def _empty(house: House, name: str) -> Engine:
    url = f"sqlite:///{house.settings.instance / name}.sqlite"
    make_tables(url)
    return open_engine(url)


def _ratio(name: str, mine: list[float], theirs: list[float]) -> dict[str, Any]:
    """The median over rounds and its spread."""
    ratios = [one / other for one, other in zip(mine, theirs, strict=True)]
    return {name: round(statistics.median(ratios), 2), f"{name}_spread": f"{min(ratios):.2f} to {max(ratios):.2f}"}
