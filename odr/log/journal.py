"""Appending to the log and reading it back: entries, the words sealed beside them, and what each act made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, insert, select

from odr.database import Prepared
from odr.house import House
from odr.kernel import SYSTEM, Actor, Refused
from odr.log import tables
from odr.log.chain import GENESIS, SALT_SIZE, Entry, act_digest, body_mac, encode, entry_of, leaf_hash
from odr.log.halt import require_open
from odr.log.note import vkey
from odr.log.payloads import seal
from odr.log.signers import FOUNDED, continuation


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact to be written: its type, the class of its readers, its closed data, and its personal words."""

    type: str
    reach: str
    data: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An entry as it lies in the log, with its leaf hash (32 bytes). The same bytes may be the same object."""

    entry: Entry
    leaf_hash: bytes

    @property
    def seal(self) -> str:
        return self.leaf_hash.hex()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: the version, instant and leaf hash (hex) of its last entry."""

    version: int = 0
    at: int = 0
    seal: str = GENESIS


@dataclass(frozen=True, slots=True)
class Act:
    """One request of one actor: the same `key` and body again is the same act. `digest` goes into its entries."""

    actor: str
    key: str
    stream: str
    salt: bytes
    body_mac: bytes
    digest: str


EMPTY = Head()

_INSERT_ENTRY = Prepared(insert(tables.entry), tables.entry.c.keys())
_INSERT_PAYLOAD = Prepared(insert(tables.payload), tables.payload.c.keys())
_INSERT_QUEUE = Prepared(insert(tables.queue).inline(), ("stream", "ver", "leaf_hash"))
_INSERT_ACT = Prepared(insert(tables.idempotency), tables.idempotency.c.keys())
_SELECT_STREAM = (
    select(tables.entry.c.raw, tables.entry.c.leaf_hash)
    .where(tables.entry.c.stream == bindparam("stream"), tables.entry.c.ver >= bindparam("since"))
    .order_by(tables.entry.c.ver)
)
_SELECT_HEAD = (
    select(tables.entry.c.ver, tables.entry.c.at, tables.entry.c.leaf_hash)
    .where(tables.entry.c.stream == bindparam("stream"))
    .order_by(tables.entry.c.ver.desc())
    .limit(1)
)
_SELECT_ACT = select(tables.idempotency).where(
    tables.idempotency.c.actor == bindparam("actor"), tables.idempotency.c.key == bindparam("key")
)


def read_stream(connection: Connection, stream: str, *, since: int = 1) -> list[Stored]:
    """The entries of a stream in their order, all of them or those from version `since` on."""
    rows = connection.execute(_SELECT_STREAM, {"stream": stream, "since": since})
    return [_stored(raw, leaf) for raw, leaf in rows]


@lru_cache(maxsize=8_192)
def _stored(raw: bytes, leaf: bytes) -> Stored:
    # The quick reader, for bytes that we wrote and hashed ourselves; verifying reads them with `chain.check`. What
    # bytes say never changes, and a dispute is read again and again while it moves.
    return Stored(entry_of(orjson.loads(raw)), leaf)


def head_of(connection: Connection, stream: str) -> Head:
    """The end of a stream, `EMPTY` when nothing stands in it."""
    row = connection.execute(_SELECT_HEAD, {"stream": stream}).one_or_none()
    return Head(row.ver, row.at, row.leaf_hash.hex()) if row else EMPTY


def append(
    connection: Connection,
    house: House,
    stream: str,
    facts: Iterable[NewFact],
    *,
    actor: Actor,
    at: int,
    head: Head,
    act: Act | None = None,
) -> list[Stored]:
    """Write facts after `head` within the caller's transaction: entries, sealed words, places in the queue.

    Instants never decrease within a stream, whatever the clock did. Raises Rolled when another writer appended to
    the stream since `head` was read, Refused("log_stopped") in a house that must not sign it.
    """
    require_open(connection, house)
    return _write(connection, house, stream, facts, actor=actor, at=at, head=head, act=act)


def _write(
    connection: Connection,
    house: House,
    stream: str,
    facts: Iterable[NewFact],
    *,
    actor: Actor,
    at: int,
    head: Head,
    act: Act | None = None,
) -> list[Stored]:
    at = max(at, head.at)
    entries, payloads, stored = [], [], []
    version, prev = head.version, head.seal
    # One read of the kernel's randomness for all nonces of the act.
    facts = list(facts)
    nonces = os.urandom(16 * len(facts)).hex()
    for place, fact in enumerate(facts):
        version += 1
        sealed = [
            seal(house.keys, house.origin, stream, version, name, text.encode()) for name, text in fact.words.items()
        ]
        new = Entry(
            origin=house.origin,
            stream=stream,
            version=version,
            type=fact.type,
            at=at,
            clock=house.clock_kind,
            actor=actor.id,
            role=actor.role,
            reach=fact.reach,
            prev=prev,
            nonce=nonces[32 * place : 32 * place + 32],
            act=act.digest if act else "",
            data=dict(fact.data),
            commit={words.name: words.commitment_hex for words in sealed},
        )
        raw = encode(new)
        leaf = leaf_hash(raw)
        prev = leaf.hex()
        stored.append(Stored(new, leaf))
        entries.append(
            {"stream": stream, "ver": version, "type": fact.type, "at": at, "reach": fact.reach, "leaf_hash": leaf,
             "raw": raw}
        )  # fmt: skip
        payloads += [
            {"stream": stream, "ver": version, "name": words.name, "salt": words.salt,
             "wrapped_key": words.wrapped_key, "sealed": words.sealed}
            for words in sealed
        ]  # fmt: skip
    _INSERT_ENTRY.run(connection, entries)
    _INSERT_PAYLOAD.run(connection, payloads)
    _INSERT_QUEUE.run(connection, entries)
    return stored


def act_of(house: House, actor: Actor, key: str, stream: str, body: object) -> Act:
    """A new act: what `actor` asks of `stream` with this idempotency `key`, under a fresh salt."""
    salt = os.urandom(SALT_SIZE)
    mac = body_mac(salt, body)
    digest = act_digest(origin=house.origin, stream=stream, actor=actor.id, key=key, salt=salt, body_mac=mac).hex()
    return Act(actor.id, key, stream, salt, mac, digest)


def recall(connection: Connection, actor: Actor, key: str, body: object) -> tuple[int, int] | None:
    """The versions (first, last) that this act made when it was done before, None when it is new.

    Raises Refused("key_used_otherwise") when the key was used with another body.
    """
    row = connection.execute(_SELECT_ACT, {"actor": actor.id, "key": key}).one_or_none()
    if row is None:
        return None
    if body_mac(row.salt, body) != row.body_mac:
        raise Refused("key_used_otherwise")
    return row.first, row.last


def remember(connection: Connection, act: Act, first: int, last: int) -> None:
    """Keep what an act made, in the act's own transaction."""
    row = {
        "actor": act.actor,
        "key": act.key,
        "salt": act.salt,
        "body_mac": act.body_mac,
        "stream": act.stream,
        "first": first,
        "last": last,
    }
    _INSERT_ACT.run(connection, [row])


def origin_of(connection: Connection) -> str | None:
    """The name this log was given when it was founded, None before that. Of logs that were founded over one another
    the last counts: the one that no other continues."""
    founding = select(tables.entry.c.stream, tables.entry.c.raw).where(
        tables.entry.c.type == FOUNDED, tables.entry.c.ver == 1
    )
    logs = {row.stream.removeprefix("log/"): row.raw for row in connection.execute(founding)}
    if len(logs) > 1:
        gone = [_continued(raw) for raw in logs.values()]
        logs = {origin: raw for origin, raw in logs.items() if origin not in gone} or logs
    return min(logs, default=None)


def _continued(raw: bytes) -> str | None:
    continues = continuation(raw)
    return continues.origin if continues else None


def found_log(connection: Connection, house: House, continues: Mapping[str, Any] | None = None) -> None:
    """Write the first entry of the log's own stream: who signs it from the first checkpoint on, and which log it
    `continues`, if any."""
    data: dict[str, Any] = {"key": vkey(house.origin, house.keys.public_key)}
    if continues is not None:
        data["continues"] = dict(continues)
    # Founded also beside the checkpoint of a log that is gone: the house opens, to say so, and takes no act.
    _write(
        connection, house, f"log/{house.origin}", [NewFact(FOUNDED, "public", data)], actor=SYSTEM, at=house.clock(),
        head=EMPTY,
    )  # fmt: skip


def new_origin() -> str:
    """A name for a new log: random, so that no host name or year is ever in it."""
    return f"evenhand/{os.urandom(16).hex()}"
