"""Erasing words: ordered in the dispute first, then destroyed and recorded in one transaction, files after it, and the
free space of the database scrubbed at last. Whatever breaks off in between is taken up again from what is recorded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, or_, select, update

from odr.database import Base, write_unit
from odr.disputes.queries import stand
from odr.disputes.records import stream_of
from odr.disputes.service import Done, perform
from odr.disputes.tables import dispute_row, party, seller
from odr.erasure import queries, rules
from odr.erasure.queries import Part
from odr.evidence.store import Damaged
from odr.evidence.verify import GRACE
from odr.house import House
from odr.kernel import SYSTEM, Actor, Missing, Refused, new_pseudonym, read_number, real_clock
from odr.log import tables as log
from odr.log.journal import Stored, read_stream
from odr.people import tables as people
from odr.people.queries import account_by_id
from odr.people.service import Caller, close_within, confirm_owner
from odr.procedure.access import ASKED
from odr.procedure.dispute import Dispute, Erasure
from odr.readings.service import forget_reasons

DAY = 24 * 3_600_000

# Scrubbing writes the whole file of a SQLite database anew and keeps writers waiting; beyond this size, once a day.
LARGEST_AT_ONCE = 500_000_000
_SCRUBBED, _ORDERS = "scrubbed", "orders"


@dataclass(frozen=True, slots=True)
class Found:
    """Words beside one entry, as an operator is shown them: never the words themselves."""

    version: int
    type: str
    role: str
    names: tuple[str, ...]


# -- in one dispute ---------------------------------------------------------------------------------------------


def order(
    house: House, dispute_id: str, actor: Actor, *, key: str, ground: str = ASKED, versions: tuple[int, ...] = ()
) -> Done:
    """Order words of a dispute erased, as `rules.order_erasure` says. Nothing is destroyed yet."""
    return perform(
        house, rules.order_erasure, dispute_id, actor, key=key, gather=_written, ground=ground, versions=versions
    )


def _written(connection: Connection, dispute: Dispute) -> dict[str, tuple[rules.Written, ...]]:
    return {"written": queries.written_in(connection, dispute.id)}


def carry_out(house: House, dispute_id: str) -> int:
    """Destroy what was ordered in a dispute and is still there; answers how many orders were carried out.

    Raises Refused("words_held") when a hold came in between.
    """
    with house.engine.connect() as connection:
        erasures = stand(connection, house, dispute_id).dispute.erasures
    waiting = [each for each in erasures if not each.done]
    for erasure in waiting:
        _destroy(house, dispute_id, erasure)
    return len(waiting)


def _destroy(house: House, dispute_id: str, erasure: Erasure) -> None:
    doomed: list[str] = []

    def rows(connection: Connection, _stored: list[Stored]) -> None:
        # Asked again when another writer was first, so what the first try found does not count.
        doomed[:] = _delete_rows(connection, dispute_id, erasure)
        forget_reasons(connection, house, dispute_id, erasure.ground)

    _remember_to_scrub(house)
    key = f"erasure/{dispute_id}/{erasure.version}"
    perform(house, rules.record_erasure, dispute_id, SYSTEM, key=key, alongside=rows, ordered=erasure.version)
    # A crash here leaves files that no entry names; `sweep_files` finds them.
    for object_id in doomed:
        house.files.remove(object_id)
    _remember_to_scrub(house)


def _delete_rows(connection: Connection, dispute_id: str, erasure: Erasure) -> list[str]:
    """Delete words with salt and key, and what a guess at them could be tested by; answers which files to remove."""
    stream, objects = stream_of(dispute_id), list[str]()
    versions = {target.ver for target in erasure.targets}
    for target in erasure.targets:
        of_entry = (log.payload.c.stream == stream, log.payload.c.ver == target.ver)
        connection.execute(delete(log.payload).where(*of_entry, log.payload.c.name.in_(target.names)))
        if "file" in target.names:
            kept = (log.stored_file.c.stream == stream, log.stored_file.c.ver == target.ver)
            objects += connection.scalars(delete(log.stored_file).where(*kept).returning(log.stored_file.c.object_id))
    # What remembers an act holds a MAC of all that was sent, and its salt: a short text could be guessed by it.
    actors = {one.entry.actor for one in read_stream(connection, stream) if one.entry.version in versions}
    acts = log.idempotency
    made: ColumnElement[bool] = or_(*(acts.c.first.between(1, ver) & (acts.c.last >= ver) for ver in sorted(versions)))
    connection.execute(delete(acts).where(acts.c.actor.in_(actors), acts.c.stream == stream, made))
    if any("seller" in target.names for target in erasure.targets):
        # Links that went out for this dispute name the address they went to. With other words they stay: a seller whose
        # link opened nothing would lose the case to somebody else's erasure.
        connection.execute(delete(people.link).where(people.link.c.dispute_id == dispute_id))
    return objects


def found_by_law(
    house: House, number: str, *, side: str = "", versions: tuple[int, ...] = ()
) -> tuple[str, list[Found]]:
    """The id of the dispute of that number, and the words in it that are still there: all of a side, or those of the
    entries of these versions. Raises Missing."""
    with house.engine.connect() as connection:
        dispute_id = connection.scalar(
            select(dispute_row.c.id).where(dispute_row.c.number == (read_number(number) or ""))
        )
        if dispute_id is None:
            raise Missing(number)
        entries = {one.entry.version: one.entry for one in read_stream(connection, stream_of(dispute_id))}
        written = queries.written_in(connection, dispute_id)
    return dispute_id, [
        Found(each.version, entries[each.version].type, entries[each.version].role, each.names)
        for each in written
        if each.version in versions or (side and entries[each.version].role == side)
    ]


def erase_by_law(house: House, dispute_id: str, ground: str, versions: tuple[int, ...]) -> Done:
    """Erase words because a court or the law demands it, at once. Raises Refused("words_held" | …)."""
    done = order(house, dispute_id, SYSTEM, key=new_pseudonym(), ground=ground, versions=versions)
    carry_out(house, dispute_id)
    return done


# -- a person's request -----------------------------------------------------------------------------------------


def ask(house: House, caller: Caller, account_id: str, *, password: str = "", email: str = "") -> None:
    """Take down that somebody wants everything of theirs erased; the worker begins at once.

    Raises Refused("staff_keeps_account" | "erasure_under_way") and what `confirm_owner` does.
    """
    confirm_owner(house, caller, account_id, password=password, email=email)
    at = house.clock()

    def unit(connection: Connection) -> None:
        if queries.works_here(connection, account_id, at):
            raise Refused("staff_keeps_account")
        if queries.requested_at(connection, account_id) is not None:
            raise Refused("erasure_under_way")
        connection.execute(insert(people.erasure_request).values(account_id=account_id, asked_at=at))

    write_unit(house.engine, unit)


def withdraw(house: House, account_id: str) -> None:
    """Take a request back. What was erased by then stays erased."""
    request = people.erasure_request
    write_unit(
        house.engine, lambda connection: connection.execute(delete(request).where(request.c.account_id == account_id))
    )


def fulfil(house: House, account_id: str) -> bool:
    """Erase all words of an account that can be erased now, and the account with the last of them; answers whether
    that was the end of it."""
    with house.engine.connect() as connection:
        asked_at = queries.requested_at(connection, account_id)
        parts = queries.parts_of(connection, account_id)
        if asked_at is None or queries.works_here(connection, account_id, house.clock()):
            return False
        outlooks = {part: queries.outlook_of(connection, house, part) for part in parts}
    for part, outlook in outlooks.items():
        if outlook.state == queries.RIPE:
            _erase_part(house, part)
    return _forget(house, account_id)


def _erase_part(house: House, part: Part) -> None:
    try:
        # In the person's own name: it is the person who asked. Under a random key, since one made of the account or of
        # the request would tie the person's pseudonyms together for ever; the rule sees to it that it is done once.
        order(house, part.dispute_id, part.actor, key=new_pseudonym())
    except Refused as refused:
        if refused.code not in ("words_erased_already", "words_held"):
            raise
    with _unless_held():
        carry_out(house, part.dispute_id)


def _forget(house: House, account_id: str) -> bool:
    """Erase an account of whose words nothing is left; answers whether it was."""

    def unit(connection: Connection) -> bool:
        asked = people.erasure_request
        query = select(asked.c.account_id).where(asked.c.account_id == account_id).with_for_update()
        if connection.scalar(query) is None:
            # Taken back meanwhile.
            return False
        parts = queries.parts_of(connection, account_id)
        if any(queries.outlook_of(connection, house, part).blocks for part in parts):
            return False
        _erase_account(connection, house, account_id)
        return True

    _remember_to_scrub(house)
    forgotten = write_unit(house.engine, unit)
    _remember_to_scrub(house)
    return forgotten


# What an account leaves: the seat in a dispute without its name, and the stable name of a mediator without the person.
STAYS_UNTIED = frozenset({party.name, people.mediator.name})


def rows_of_an_account() -> list[Table]:
    """Every table of rows that belong to an account, in the order in which they can be deleted; whoever adds a table
    need not think of it here."""
    tables = reversed(Base.metadata.sorted_tables)
    return [table for table in tables if "account_id" in table.c and table.name not in STAYS_UNTIED]


def _erase_account(connection: Connection, house: House, account_id: str) -> None:
    owner = account_by_id(connection, account_id)
    if owner is not None:
        typed = people.registration
        connection.execute(delete(typed).where(typed.c.email == owner.email))
        connection.execute(delete(people.link).where(people.link.c.email == owner.email))
        close_within(connection, house, account_id)
    # From here on nobody can tell whose the pseudonyms in the log were.
    connection.execute(update(party).where(party.c.account_id == account_id).values(account_id=None))
    for table in rows_of_an_account():
        connection.execute(delete(table).where(table.c.account_id == account_id))
    claimed = {"claimed_by": None, "claimed_at": None, "claimed_proof": None, "wrapped_key": None, "sealed": None}
    connection.execute(update(seller).where(seller.c.claimed_by == account_id).values(claimed))
    neutral = {"language": house.settings.languages[0], "zone": "UTC"}
    connection.execute(update(people.account).where(people.account.c.id == account_id).values(neutral))
    # The stable name of a mediator stays with the draws and decisions; what describes the person does not.
    bare: dict[str, Any] = {"country": None, "training": ""}
    lists = ("languages", "fields", "interest_sellers", "interest_domains")
    bare |= {name: list[str]() for name in lists}
    connection.execute(update(people.mediator).where(people.mediator.c.account_id == account_id).values(bare))


# -- the worker's part ------------------------------------------------------------------------------------------


def work_off(house: House, looked: dict[str, int]) -> int:
    """Do what was asked for and can be done now; answers how much. `looked` keeps, over the life of a worker, when each
    thing is to be looked at again: a new request at once, all else every day. One that fails does not stop the others.
    """
    done, failures, now = 0, [], house.clock()
    with house.engine.connect() as connection:
        waiting = {f"{account_id}/{asked_at}": account_id for account_id, asked_at in queries.requests(connection)}
    tasks: dict[str, Callable[[], object]] = {
        _ORDERS: lambda: finish(house),
        **{name: _fulfilling(house, account_id) for name, account_id in waiting.items()},
    }
    for name, task in tasks.items():
        if now < looked.get(name, 0):
            continue
        looked[name] = now + DAY
        try:
            done += bool(task())
        except Exception as bug:  # the outermost edge: nobody above could go on with the next request
            failures.append(bug)
            del looked[name]
    for gone in looked.keys() - tasks.keys() - {_SCRUBBED}:
        del looked[gone]
    _scrub_if_due(house, looked)
    if failures:
        raise ExceptionGroup("erasures that could not be done", failures)
    return done


def _fulfilling(house: House, account_id: str) -> Callable[[], bool]:
    return lambda: fulfil(house, account_id)


def finish(house: House) -> int:
    """Carry out orders that a crash left undone, and remove files that no entry names; answers how many of both."""
    with house.engine.connect() as connection:
        ordered = queries.open_orders(connection)
    done = 0
    for dispute_id in ordered:
        with _unless_held():
            done += carry_out(house, dispute_id)
    return done + sweep_files(house)


def sweep_files(house: House) -> int:
    """Remove kept files that no entry names: what a crash left between file and entry, or between the record of an
    erasure and its file. Younger ones may belong to an act that is still under way."""
    old = []
    for object_id in house.files.objects():
        with contextlib.suppress(Damaged):
            if real_clock() - house.files.written_at(object_id) > GRACE:
                old.append(object_id)
    with house.engine.connect() as connection:
        # Asked after they were listed, so that none was named in between.
        named = queries.objects_named(connection, old)
    unnamed = [object_id for object_id in old if object_id not in named]
    for object_id in unnamed:
        house.files.remove(object_id)
    return len(unnamed)


@contextlib.contextmanager
def _unless_held() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        if refused.code != "words_held":
            raise


# -- free space -------------------------------------------------------------------------------------------------


def scrub(house: House) -> bool:
    """Clear what was deleted out of the free space of the database; False when somebody still reads an older state of
    it, so that it must be done again.

    `secure_delete` blanks deleted rows where they lie, but pages that were split before keep copies of rows that moved
    to another page; only writing the file anew drops those. PostgreSQL's server frees the space and fills it again.
    """
    with closing(house.engine.raw_connection()) as raw:
        driver: Any = raw.driver_connection
        if house.engine.dialect.name != "sqlite":
            driver.autocommit = True
            try:
                words = (log.payload, log.stored_file, log.idempotency)
                rows = (people.account, people.registration, people.mediator, party, seller, *rows_of_an_account())
                for table in (*words, *rows):
                    driver.execute(f"VACUUM {table.name}")
            finally:
                driver.autocommit = False
            return True
        try:
            driver.execute("VACUUM")
        except house.engine.dialect.loaded_dbapi.OperationalError as busy:
            if "locked" not in str(busy):
                raise
            return False
        (blocked, _, _) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not blocked


def scrub_now(house: House) -> bool:
    """Scrub when something was erased since the last time; answers whether nothing is left to be scrubbed."""
    mark = _read_mark(house)
    if mark is None:
        return True
    if not scrub(house):
        return False
    if _read_mark(house) == mark:
        _mark(house).unlink(missing_ok=True)
    return True


def _scrub_if_due(house: House, looked: dict[str, int]) -> None:
    now = house.clock()
    if _read_mark(house) is None or now < looked.get(_SCRUBBED, 0):
        return
    large = house.engine.dialect.name == "sqlite" and _size(house) > LARGEST_AT_ONCE
    if scrub_now(house) and large:
        looked[_SCRUBBED] = now + DAY


def _size(house: House) -> int:
    database = house.engine.url.database
    return Path(database).stat().st_size if database and Path(database).exists() else 0


def _remember_to_scrub(house: House) -> None:
    """Leave a mark that outlives a crash. Written before and after, so that a scrubbing which began in between does not
    take the mark for its own."""
    path = _mark(house)
    fresh = path.with_name(f"{path.name}.{new_pseudonym()}")
    with fresh.open("w") as file:
        file.write(new_pseudonym())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _read_mark(house: House) -> str | None:
    try:
        return _mark(house).read_text()
    except FileNotFoundError:
        return None


def _mark(house: House) -> Path:
    return house.settings.instance / "to-scrub"
