"""Auditors: who may read the entries of every dispute, by a token, and what each of them has read (ADR 22, 29)."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from odr.database import write_unit
from odr.house import House
from odr.kernel import SYSTEM, Actor, Missing, Refused, new_pseudonym
from odr.log import tables
from odr.log.chain import LARGEST_ENTRY
from odr.log.halt import must_rest
from odr.log.journal import NewFact, append, head_of
from odr.log.proof import TILE_WIDTH
from odr.log.tiles import Torn

DAY = 86_400_000
TOKEN_SIZE = 32
LONGEST_NAME = 200

ADMITTED, READ, ENDED = "auditor_admitted", "auditor_read", "auditor_ended"
REACH = "staff"

# What `token_urlsafe` makes of 32 bytes.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

_auditor, _read = tables.auditor, tables.auditor_read
_entry, _leaf = tables.entry, tables.leaf


@dataclass(frozen=True, slots=True)
class Auditor:
    """Somebody who may read all entries until `until` or, where that was ended before, `ended_at` (ms UTC); how many
    files of entries were read so far, and when the last."""

    id: str
    name: str
    admitted_at: int
    until: int
    ended_at: int | None
    read: int = 0
    read_at: int | None = None

    def may_read(self, at: int) -> bool:
        """Whether the token opens anything at this instant."""
        return self.ended_at is None and at < self.until

    @property
    def ends_at(self) -> int:
        """When the right to read ended, or will."""
        return self.until if self.ended_at is None else self.ended_at


def admit_auditor(house: House, name: str, days: int) -> tuple[Auditor, str]:
    """Let somebody read all entries for so many days; answers who, and the token, which is kept nowhere and cannot be
    had again. Raises Refused("name_missing" | "days_wrong")."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise Refused("name_missing")
    if not 1 <= days <= 3660:
        raise Refused("days_wrong")
    at, token = house.clock(), secrets.token_urlsafe(TOKEN_SIZE)
    auditor = Auditor(new_pseudonym(), name, at, at + days * DAY, None)
    row = {
        "id": auditor.id,
        "name": name,
        "token_sha256": _hashed(token),
        "admitted_at": at,
        "until": auditor.until,
        "ended_at": None,
    }

    def unit(connection: Connection) -> None:
        connection.execute(insert(_auditor), row)
        _record(
            connection, house, auditor.id, SYSTEM, NewFact(ADMITTED, REACH, {"until": auditor.until}, {"name": name})
        )

    write_unit(house.engine, unit)
    return auditor, token


def end_auditor(house: House, named: str) -> Auditor:
    """End the reading of the auditor with this id, or with this name where only one reads under it. Raises Missing, and
    Refused("name_twice")."""

    def unit(connection: Connection) -> Auditor:
        at = house.clock()
        found = [
            each for each in auditors(connection) if each.may_read(at) and (each.id == named or each.name == named)
        ]
        if not found:
            raise Missing(named)
        if len(found) > 1:
            raise Refused("name_twice")
        connection.execute(update(_auditor).where(_auditor.c.id == found[0].id).values(ended_at=at))
        _record(connection, house, found[0].id, SYSTEM, NewFact(ENDED, REACH, {}))
        return found[0]

    return write_unit(house.engine, unit)


def auditors(connection: Connection) -> list[Auditor]:
    """Everybody who was ever admitted, with what they read, the newest first. One statement."""
    read = (
        select(_read.c.auditor_id, func.count().label("read"), func.max(_read.c.at).label("read_at"))
        .group_by(_read.c.auditor_id)
        .subquery()
    )
    rows = connection.execute(
        select(
            _auditor.c.id, _auditor.c.name, _auditor.c.admitted_at, _auditor.c.until, _auditor.c.ended_at,
            func.coalesce(read.c.read, 0), read.c.read_at,
        )
        .select_from(_auditor.outerjoin(read, read.c.auditor_id == _auditor.c.id))
        .order_by(_auditor.c.admitted_at.desc(), _auditor.c.id)
    )  # fmt: skip
    return [Auditor(*row) for row in rows]


def auditor_by(connection: Connection, authorization: str | None, at: int) -> Auditor | None:
    """The auditor whose token stands in this header (RFC 6750), None for anybody else and where the time is over."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        return None
    # Looked up by its hash: how long that takes says nothing of the token.
    row = connection.execute(select(_auditor).where(_auditor.c.token_sha256 == _hashed(token))).one_or_none()
    if row is None:
        return None
    auditor = Auditor(row.id, row.name, row.admitted_at, row.until, row.ended_at)
    return auditor if auditor.may_read(at) else None


def note_read(house: House, auditor: Auditor, path: str) -> None:
    """Write down that an auditor was given this file, before it is."""
    row: dict[str, Any] = {"id": new_pseudonym(), "auditor_id": auditor.id, "at": house.clock(), "path": path}

    def unit(connection: Connection) -> None:
        connection.execute(insert(_read), row)
        _record(connection, house, auditor.id, Actor(auditor.id, "auditor"), NewFact(READ, REACH, {"path": path}))

    write_unit(house.engine, unit)


def _record(connection: Connection, house: House, auditor_id: str, actor: Actor, fact: NewFact) -> None:
    """Append a fact to an auditor's stream. In a house that has stopped nothing can be appended, and there auditors are
    needed most: then the row alone tells of it."""
    if must_rest(connection, house) is None:
        stream = f"auditor/{auditor_id}"
        append(connection, house, stream, [fact], actor=actor, at=house.clock(), head=head_of(connection, stream))


def bundle_of(connection: Connection, number: int, width: int) -> bytes:
    """The first `width` entries under tile `number` of level 0, each behind its length (C2SP tlog-tiles). Raises Torn
    where they are not all there, or one is longer than any entry can be."""
    first = number * TILE_WIDTH
    held = and_(_entry.c.stream == _leaf.c.stream, _entry.c.ver == _leaf.c.ver)
    query = select(_entry.c.raw).join(_leaf, held).where(_leaf.c.position >= first, _leaf.c.position < first + width)
    entries = list(connection.scalars(query.order_by(_leaf.c.position)))
    if len(entries) != width or any(len(raw) > LARGEST_ENTRY for raw in entries):
        raise Torn(f"entries {number}")
    return b"".join(len(raw).to_bytes(2, "big") + raw for raw in entries)


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
