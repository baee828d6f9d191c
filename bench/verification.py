"""Verifying a log of a hundred thousand entries on SQLite, against the hashes of its entries alone.

The floor is what nobody who hashes in Python can go below: the leaf hashes of the same entries, already in memory.
Beside it, in turns: the root over the entries as they are read from their rows, and `verify_log`. Once of a log whose
entries are alone, and once of the same entries with the acts that made them and the sealed words they commit to, which
have to be opened.

The entries are those of one dispute that went through the doorway from its filing to a decision that was accepted and
performed, appended again and again under new names by the journal: what verifies them finds nothing wrong.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from bench.houses import a_house
from odr.database import one_moment, write_unit
from odr.house import House
from odr.kernel import Actor, new_id, new_pseudonym
from odr.log import tables as log
from odr.log.chain import leaf_hash
from odr.log.integrator import integrate, seal_all
from odr.log.journal import EMPTY, Head, NewFact, act_of, append, read_stream, remember
from odr.log.payloads import reveal
from odr.log.tables import any_text
from odr.log.verify import root_of_entries, verify_log
from tests.builders import a_dispute

GOALS = {"tree": 0.4, "complete": 0.15}
AT_ONCE = 100
"""Disputes written in one transaction; a checkpoint is signed after each."""


@dataclass(frozen=True)
class Act:
    """What one act of the dispute that is copied wrote."""

    actor: Actor
    by_request: bool
    facts: list[NewFact]


def run(*, short: bool) -> dict[str, Any]:
    entries, rounds = (2_000, 2) if short else (100_000, 7)
    result: dict[str, Any] = {}
    for beside in (False, True):
        with a_house() as (_, house):
            fill(house, entries, beside=beside)
            result |= _measured(house, rounds, "complete_with_acts_and_words" if beside else "complete", not beside)
    return {**result, "goals": GOALS}


def _measured(house: House, rounds: int, name: str, with_tree: bool) -> dict[str, Any]:
    floors, trees, wholes = [], [], []
    with one_moment(house.engine) as connection, any_text(connection):
        raws = list(connection.scalars(select(log.entry.c.raw)))
        for _ in range(rounds):
            floors.append(_seconds(lambda: [leaf_hash(raw) for raw in raws]))
            trees.append(_seconds(lambda: root_of_entries(connection, len(raws))))
            wholes.append(_seconds(lambda: _sound(connection, house, len(raws))))
    told = _ratio(name, floors, wholes) | ({} if not with_tree else _ratio("tree", floors, trees))
    microseconds = {"floor": floors, "tree": trees, "complete": wholes}
    return told | {
        f"for_orientation_{name}": {
            "entries": len(raws),
            "bytes_an_entry": round(sum(map(len, raws)) / len(raws)),
            **{f"{each}_microseconds_an_entry": _each(taken, raws) for each, taken in microseconds.items()},
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    }


def _sound(connection: Connection, house: House, size: int) -> None:
    verified = verify_log(connection, house)
    if verified.findings or verified.size != size:
        raise RuntimeError(f"an honest log was not found sound: {verified.findings[:3]}")


def _seconds(work: Callable[[], object]) -> float:
    """Processor seconds: all of this is computing, and others on the machine must not be counted."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _each(seconds: list[float], raws: list[bytes]) -> float:
    return round(statistics.median(seconds) / len(raws) * 1e6, 2)


def _ratio(name: str, floors: list[float], taken: list[float]) -> dict[str, Any]:
    ratios = [floor / other for floor, other in zip(floors, taken, strict=True)]
    return {name: round(statistics.median(ratios), 3), f"{name}_spread": f"{min(ratios):.3f} to {max(ratios):.3f}"}


# -- the log -----------------------------------------------------------------------------------------------------


def fill(house: House, entries: int, *, beside: bool) -> None:
    life = list(_a_life(house))
    if not beside:
        life = [replace(act, by_request=False, facts=[replace(fact, words={}) for fact in act.facts]) for act in life]
    length = sum(len(act.facts) for act in life)
    for _ in range(entries // length // AT_ONCE + 1):

        def unit(connection: Connection) -> None:
            for _ in range(AT_ONCE):
                _live_again(connection, house, life)

        write_unit(house.engine, unit)
        seal_all(house)
    integrate(house)


def _a_life(house: House) -> Iterator[Act]:
    """All acts of one dispute, from filing to the end."""
    told = a_dispute(house).in_negotiation()
    for step in range(4):
        told.offer(told.seller if step % 2 else told.buyer, f"{20 + step}.00", text="As discussed, for both items.")
    told.decided().closed_with().performed().confirmed()
    stream = f"dispute/{told.id}"
    with house.engine.connect() as connection:
        stored = [each.entry for each in read_stream(connection, stream)]
        words: dict[int, dict[str, str]] = {entry.version: {} for entry in stored}
        for row in connection.execute(select(log.payload).where(log.payload.c.stream == stream)):
            text = reveal(house.keys, stream, row.ver, row.name, row.wrapped_key, row.sealed)
            words[row.ver][row.name] = text.decode()
    for (digest, actor, role), group in groupby(stored, key=lambda entry: (entry.act, entry.actor, entry.role)):
        facts = [NewFact(entry.type, entry.reach, entry.data, words[entry.version]) for entry in group]
        yield Act(Actor(actor, role), digest != "", facts)


def _live_again(connection: Connection, house: House, life: list[Act]) -> None:
    stream, head, at = f"dispute/{new_id()}", EMPTY, house.clock()
    people: dict[str, str] = {"system": "system"}
    for place, act in enumerate(life):
        actor = Actor(people.setdefault(act.actor.id, new_pseudonym()), act.actor.role)
        asked = act_of(house, actor, f"{stream}/{place}", stream, place) if act.by_request else None
        stored = append(connection, house, stream, act.facts, actor=actor, at=at, head=head, act=asked)
        if asked is not None:
            remember(connection, asked, stored[0].entry.version, stored[-1].entry.version)
        head = Head(stored[-1].entry.version, stored[-1].entry.at, stored[-1].seal)
