"""Doing what a line says: each act goes through the doorway, on a clock that the script sets."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from odr.database import write_unit
from odr.disputes.calendars import seats_of
from odr.disputes.records import stream_of, to_history
from odr.disputes.service import Gather, Rule, fire_one, perform
from odr.disputes.tables import dispute_row, party, seller
from odr.evidence.rules import StoredFile
from odr.evidence.service import take_in
from odr.filing.service import address_key
from odr.house import House
from odr.kernel import Actor, Refused, instant, new_number, new_pseudonym, real_clock
from odr.log.integrator import seal_all
from odr.log.journal import Stored, read_stream
from odr.log.tables import idempotency
from odr.mediation.queries import Seed, seed_of
from odr.people.service import open_account
from odr.people.tables import mediator
from odr.procedure.dispute import Dispute, fold
from odr.replay.queries import count_mediators
from odr.replay.rules import FIRST_YEAR, LAST_YEAR, Deed, Person, Script

Given = Mapping[str, Any]


class SimulatedClock:
    """A clock that shows what the script says."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self) -> int:
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to be done at instant `at`: an act, or without a `rule` firing what is due.

    `version` is how far the line has come in the entries of its dispute; `ahead` says that there are more of them
    already, left by a run of the same line that was broken off. `sealing` is the version of an entry that a checkpoint
    must cover first. `refused` was found out before asking any rule.
    """

    dispute_id: str
    at: int
    version: int
    ahead: bool
    turn: int
    rule: Rule | None = None
    actor: Actor | None = None
    key: str = ""
    given: Given = field(default_factory=dict)
    gather: Gather | None = None
    sealing: int | None = None
    parties: tuple[Given, ...] = ()
    file: Path | None = None
    twice: bool = False
    deed: Deed | None = None
    refused: Refused | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task came to: the state after it, None when that is as before, and the refusal if there was one."""

    dispute: Dispute | None = None
    ahead: bool = False
    refused: Refused | None = None


def do(house: House, clock: SimulatedClock, task: Task) -> Outcome:
    """Do one task; `clock` is the one that the house runs on."""
    clock.at = task.at
    if task.refused:
        return Outcome(None, task.ahead, task.refused)
    if task.rule is None or task.actor is None:
        return _let_fire(house, task)
    try:
        return _act(house, task, task.rule, task.actor)
    except Refused as refused:
        return Outcome(None, task.ahead, refused)


def _let_fire(house: House, task: Task) -> Outcome:
    if task.version == 0:
        return Outcome()
    if task.ahead:
        stored = _stored(house, task.dispute_id)
        version = task.version
        while version < len(stored) and not stored[version].entry.act and stored[version].entry.at <= task.at:
            version += 1
        if version < len(stored):
            return Outcome(_state(house, task.dispute_id, stored[:version]), ahead=True)
    return Outcome(fire_one(house, task.dispute_id))


def _act(house: House, task: Task, rule: Rule, actor: Actor) -> Outcome:
    if task.sealing is not None:
        seed = _seal(house, task.dispute_id, task.sealing)
        task = replace(task, given={"size": seed.size, "root": seed.root})
    if task.ahead and _recorded(house, actor, task.key) is None:
        _refuse_again(house, task, rule, actor)
    if task.file:
        return _hand_in(house, task, actor, task.file)
    return _send(house, task, rule, actor)


def _send(house: House, task: Task, rule: Rule, actor: Actor) -> Outcome:
    alongside = _seat_parties(task)
    given = {"key": task.key, "alongside": alongside, "gather": task.gather, **task.given}
    done = perform(house, rule, task.dispute_id, actor, **given)
    if task.twice:
        again = perform(house, rule, task.dispute_id, actor, **given)
        if (again.first, again.last) != (done.first, done.last):
            raise RuntimeError(f"one act was done twice: {task.key}")
    # The answer to an act that was done before shows the dispute as it is today, not as the act left it.
    return Outcome(done.dispute) if done.dispute.version == done.last else _state_at(house, task.dispute_id, done.last)


# Whoever else seals at this moment is done within milliseconds; this is a minute and a half.
_MOST_LOOKS, _PAUSE = 20_000, 0.005


def _seal(house: House, dispute_id: str, version: int) -> Seed:
    """Let a checkpoint cover this entry, and answer the first that does. It is really signed now, whatever day the
    script has.

    Of several processes one integrates at a time and the others find nothing to do, so each looks until its own entry
    is covered.
    """
    house = replace(house, clock=real_clock)
    for look in range(_MOST_LOOKS):
        with house.engine.connect() as connection:
            seed = seed_of(connection, house, dispute_id, version)
        if seed:
            return seed
        if look:
            time.sleep(_PAUSE)
        seal_all(house)
    raise RuntimeError(f"no checkpoint covers entry {version} of dispute {dispute_id}")


def _recorded(house: House, actor: Actor, key: str) -> int | None:
    """The last version that this act made, None when it has not been done."""
    query = select(idempotency.c.last).where(idempotency.c.actor == actor.id, idempotency.c.key == key)
    with house.engine.connect() as connection:
        return connection.scalar(query)


def _refuse_again(house: House, task: Task, rule: Rule, actor: Actor) -> None:
    """Raise the refusal that this act met in the run that was broken off.

    Refusals leave no entry and the dispute has moved on, so the rule is asked about the state before the act, and
    about the one after all that came at its instant.
    """
    stored = _stored(house, task.dispute_id)
    given = {**task.given, **_UNREAD} if task.file else task.given
    for seen in (stored[: task.version], [one for one in stored if one.entry.at <= task.at]):
        dispute = _state(house, task.dispute_id, seen)
        at = max(task.at, dispute.at)
        seats = seats_of(dispute.buyer_country, dispute.seller_country, house.settings.country, at)
        with house.engine.connect() as connection:
            gathered = task.gather(connection, dispute) if task.gather else {}
        rule(dispute, actor, at=at, seats=seats, **given, **gathered)


_UNREAD = {"media": "", "file": StoredFile("", 0, "")}


def _seat_parties(task: Task) -> Callable[[Connection, list[Stored]], None] | None:
    def alongside(connection: Connection, stored: list[Stored]) -> None:
        connection.execute(insert(party), [dict(row) for row in task.parties])

    return alongside if task.parties else None


def _hand_in(house: House, task: Task, actor: Actor, path: Path) -> Outcome:
    """Take in the file of an evidence act as an upload is; one that is turned away stays on the record as such."""
    done = None
    try:
        for _ in range(1 + task.twice):
            with path.open("rb") as file:
                done = take_in(house, task.dispute_id, actor, key=task.key, arriving=file, **task.given)
    except OSError as missing:
        raise Refused("file_missing") from missing
    except Refused as turned_away:
        last = _recorded(house, actor, task.key)
        kept = _state_at(house, task.dispute_id, last) if last else Outcome(None, task.ahead)
        return Outcome(kept.dispute, kept.ahead, turned_away)
    return _state_at(house, task.dispute_id, done.last) if done else Outcome()


def _stored(house: House, dispute_id: str) -> list[Stored]:
    with house.engine.connect() as connection:
        return read_stream(connection, stream_of(dispute_id))


def _state(house: House, dispute_id: str, stored: list[Stored]) -> Dispute:
    return fold(dispute_id, to_history(stored), house.rulesets)


def _state_at(house: House, dispute_id: str, version: int) -> Outcome:
    stored = _stored(house, dispute_id)
    return Outcome(_state(house, dispute_id, stored[:version]), ahead=len(stored) > version)


# -- people and names -------------------------------------------------------------------------------------------


def dispute_id_of(house: House, script: Script) -> str:
    """The id of the dispute that a line becomes: the same line in the same house is the same dispute. A UUIDv7 of the
    instant it was filed at, so that ids sort by filing as those of live disputes do."""
    drawn = _drawn(house, "dispute", house.origin, script.digest.hex())
    bits = (script.opened << 80) | (0x7 << 76) | (0x2 << 62) | (int.from_bytes(drawn[:8], "big") >> 2)
    bits |= (int.from_bytes(drawn[8:10], "big") & 0xFFF) << 64
    return uuid.UUID(int=bits).hex


def seller_id_of(house: House, person: Person) -> str:
    """The stable id that entries name this seller with, given to it now if it is met for the first time."""
    if person.email:
        key = address_key(house.settings.secret_key, person.email, "")
    else:
        key = _drawn(house, "seller", person.name, person.country)

    def unit(connection: Connection) -> str:
        known: str | None = connection.scalar(select(seller.c.id).where(seller.c.address_key == key))
        if known:
            return known
        fresh = new_pseudonym()
        connection.execute(insert(seller).values(id=fresh, address_key=key))
        return fresh

    return write_unit(house.engine, unit)


MEDIATORS = 7
_CAPACITY = 1_000_000


def seat_mediators(house: House) -> None:
    """A few mediators of the replay, always the same ones, where the house has none; nobody can sign in as one."""
    with house.engine.connect() as connection:
        if count_mediators(connection):
            return

    def unit(connection: Connection) -> None:
        if count_mediators(connection):
            return
        for number in range(1, MEDIATORS + 1):
            account_id = open_account(
                connection,
                house,
                email=f"mediator-{number}@replay.invalid",
                name=f"Mediator {number}",
                country=house.settings.country,
                at=house.clock(),
                verified=False,
            )
            connection.execute(
                insert(mediator).values(
                    id=name_in(house, "mediator", str(number)),
                    account_id=account_id,
                    languages=[],
                    fields=[],
                    country=house.settings.country,
                    interest_sellers=[],
                    interest_domains=[],
                    training="",
                    # In office for every day that a script can have.
                    admitted_at=instant(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)),
                    mandate_until=instant(datetime(LAST_YEAR, 1, 1, tzinfo=UTC)),
                    capacity=_CAPACITY,
                    counted_from=0,
                )
            )

    write_unit(house.engine, unit)


def registrar_names(house: House) -> tuple[str, str]:
    """The two registrars of replays that have no accounts for them."""
    return name_in(house, "registrar", "1"), name_in(house, "registrar", "2")


def name_in(house: House, *parts: str) -> str:
    return _drawn(house, *parts).hex()[:32]


def _drawn(house: House, *parts: str) -> bytes:
    """32 bytes that look random and are the same for the same parts in the same house."""
    key = hashlib.sha256(b"odr/replay/v1\n" + house.settings.secret_key.encode()).digest()
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).digest()


def number_of(house: House, dispute_id: str) -> str:
    with house.engine.connect() as connection:
        known = connection.scalar(select(dispute_row.c.number).where(dispute_row.c.id == dispute_id))
    return known or new_number()
