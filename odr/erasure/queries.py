"""What somebody has in this house: their disputes, which words are still there, what stands against erasing them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, union_all

from odr.disputes.queries import stand
from odr.disputes.records import stream_of
from odr.disputes.tables import dispute_row, mandate, party
from odr.erasure.rules import Written
from odr.house import House
from odr.kernel import Actor
from odr.log import tables as log
from odr.log.journal import read_stream
from odr.people import tables as people
from odr.people.queries import roles_of
from odr.procedure.access import erasable_from, mandate_stands, may
from odr.procedure.dispute import Dispute, Hold
from odr.procedure.events import TYPES, ErasureOrdered

ERASED, NOTHING, RIPE, WAITS, NEEDED, HELD = "erased", "nothing", "ripe", "waits", "needed", "held"


@dataclass(frozen=True, slots=True)
class Part:
    """A dispute in which an account is a side, or acted for one: its id and number, and the account as its entries name
    it."""

    dispute_id: str
    number: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of somebody's words in one dispute: `state` is erased, nothing (none were ever there), ripe, waits
    (until `since`), needed (the dispute still goes on) or held. `reads`: they can still open it."""

    dispute: Dispute
    actor: Actor
    state: str
    since: int | None
    reads: bool = True

    @property
    def blocks(self) -> bool:
        """Whether it keeps the account from being erased."""
        return self.state in (RIPE, WAITS, NEEDED, HELD)

    @property
    def is_known(self) -> bool:
        """Whether the side may know of the dispute: nobody learns of one against them before it is admitted."""
        return self.actor.role == "buyer" or self.dispute.admitted_at is not None

    @property
    def hold(self) -> Hold | None:
        """The oldest hold that still counts."""
        return self.dispute.holds[0] if self.dispute.holds else None


_SEATS = union_all(
    *(
        select(table.c.dispute_id, table.c.side, table.c.actor_id).where(table.c.account_id == bindparam("account_id"))
        for table in (party, mandate)
    )
).subquery()
_PARTS = (
    select(_SEATS, dispute_row.c.number)
    .join(dispute_row, dispute_row.c.id == _SEATS.c.dispute_id)
    # Ids are UUIDv7: the newest filing first.
    .order_by(_SEATS.c.dispute_id.desc(), _SEATS.c.actor_id)
)
_NAMES = (
    select(log.payload.c.ver, log.payload.c.name)
    .where(log.payload.c.stream == bindparam("stream"))
    .order_by(log.payload.c.ver, log.payload.c.name)
)


def parts_of(connection: Connection, account_id: str) -> list[Part]:
    """The disputes in which this account is a side, or acted for one."""
    rows = connection.execute(_PARTS, {"account_id": account_id})
    return [Part(row.dispute_id, row.number, Actor(row.actor_id, row.side)) for row in rows]


def written_in(connection: Connection, dispute_id: str) -> tuple[Written, ...]:
    """The entries of a dispute beside which there are still words."""
    stream, names = stream_of(dispute_id), dict[int, list[str]]()
    for version, name in connection.execute(_NAMES, {"stream": stream}):
        names.setdefault(version, []).append(name)
    entries = [one.entry for one in read_stream(connection, stream)] if names else []
    return tuple(
        Written(each.version, each.actor, tuple(names[each.version])) for each in entries if each.version in names
    )


def outlook_of(connection: Connection, house: House, part: Part) -> Outlook:
    """What becomes of a side's words in a dispute, as things stand now."""
    dispute = stand(connection, house, part.dispute_id).dispute
    left = any(each.actor == part.actor.id for each in written_in(connection, part.dispute_id))
    since, now = erasable_from(dispute), max(house.clock(), dispute.at)
    state = _state(dispute, part.actor, left, since, now)
    return Outlook(dispute, part.actor, state, since, may("dispute:read", dispute, part.actor, now))


def _state(dispute: Dispute, actor: Actor, left: bool, since: int | None, now: int) -> str:
    if dispute.admitted_at is None and actor.role == "seller":
        return NOTHING
    mandate = dispute.mandate_of(actor.id)
    if mandate and not left and not mandate_stands(dispute, mandate, now) and not dispute.erasures:
        # Whoever acts no more in a dispute writes nothing more in it.
        return NOTHING
    if not left:
        # The next act of a dispute that goes on may bring words.
        return NEEDED if since is None else ERASED if dispute.erasures else NOTHING
    if dispute.holds:
        return HELD
    if since is None:
        return NEEDED
    return WAITS if now < since else RIPE


def open_orders(connection: Connection) -> list[str]:
    """The ids of all disputes in which an erasure was ever ordered, to be looked at for what was left undone."""
    column = log.entry.c.stream
    query = select(column).where(log.entry.c.type == TYPES[ErasureOrdered]).distinct().order_by(column)
    return [stream.removeprefix(stream_of("")) for stream in connection.scalars(query)]


def objects_named(connection: Connection, objects: Iterable[str]) -> set[str]:
    """Those of these kept files that some entry names."""
    wanted = set(objects)
    return wanted & set(connection.scalars(select(log.stored_file.c.object_id))) if wanted else set()


# -- requests ---------------------------------------------------------------------------------------------------


def requested_at(connection: Connection, account_id: str) -> int | None:
    """When this account asked for everything of it to be erased; None when it did not, or no longer does."""
    query = select(people.erasure_request.c.asked_at).where(people.erasure_request.c.account_id == account_id)
    return connection.scalar(query)


def requests(connection: Connection) -> list[tuple[str, int]]:
    """Who asked for everything of theirs to be erased, and when, the longest ago first."""
    table = people.erasure_request
    query = select(table.c.account_id, table.c.asked_at).order_by(table.c.asked_at, table.c.account_id)
    return [(row.account_id, row.asked_at) for row in connection.execute(query)]


def works_here(connection: Connection, account_id: str, at: int) -> bool:
    """Whether an account holds a role or a running mandate: what is done in office is not erased on request."""
    table = people.mediator
    running = select(table.c.id).where(
        table.c.account_id == account_id, table.c.ended_at.is_(None), table.c.mandate_until > at
    )
    return bool(roles_of(connection, account_id)) or connection.scalar(running) is not None


# -- what is kept about an account ------------------------------------------------------------------------------


def rows_about(connection: Connection, account_id: str) -> dict[str, list[dict[str, Any]]]:
    """The ordinary rows about an account, for its owner: where it is signed in, its roles, its place on the roster."""
    columns = {
        "sessions": (people.session, ("device", "created_at", "seen_at", "ended_at")),
        "second_factors": (people.factor, ("kind", "name", "added_at", "used_at")),
        "roles": (people.role_grant, ("role", "granted_at")),
        "roster": (
            people.mediator,
            ("id", "languages", "fields", "country", "interest_domains", "training", "admitted_at", "mandate_until",
             "ended_at", "capacity"),
        ),
    }  # fmt: skip
    return {
        name: [
            dict(row._mapping)
            for row in connection.execute(
                select(*(table.c[column] for column in told)).where(table.c.account_id == account_id)
            )
        ]
        for name, (table, told) in columns.items()
    } | {"credentials": _credentials_of(connection, account_id)}


def _credentials_of(connection: Connection, account_id: str) -> list[dict[str, Any]]:
    """What a mediator showed of training and standing."""
    table = people.credential
    told = ("kind", "issuer", "document_sha256", "added_at", "expires_at", "ended_at")
    query = select(*(table.c[column] for column in told)).join(
        people.mediator, people.mediator.c.id == table.c.mediator_id
    )
    rows = connection.execute(query.where(people.mediator.c.account_id == account_id).order_by(table.c.id))
    return [{**row._mapping, "document_sha256": (row.document_sha256 or b"").hex()} for row in rows]
