"""Reading about who works here and who comes in: roles, factors, suspensions, wishes for resets; never a dispute, of
which only the numbers are told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from odr.administration.rules import counts_as_second
from odr.disputes.tables import appointment, dispute_row, party
from odr.factors.rules import RESET_WAITS
from odr.kernel import Missing
from odr.log.journal import read_stream
from odr.people.tables import account, factor, factor_reset, mediator, role_grant, session

# The acts of administrators and of the operator, as they stand in the stream of the account they concern.
DEEDS = frozenset(
    {
        "role_granted",
        "role_taken",
        "account_suspended",
        "account_restored",
        "sessions_ended",
        "factor_reset_asked",
        "factor_reset_refused",
        "factors_reset",
        # What the house saw by itself: one electronic identity for two accounts.
        "identity_shared",
    }
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish that somebody's second factors be taken away, which waits for another administrator until `until` (ms).
    `asked_by` is None for the operator."""

    id: str
    account_id: str
    name: str
    asked_by: str | None
    asker: str
    asked_at: int
    ground: str

    @property
    def until(self) -> int:
        return self.asked_at + RESET_WAITS


@dataclass(frozen=True, slots=True)
class Admin:
    """Somebody who administers and is not suspended, and who made them one and when (ms)."""

    account_id: str
    given_by: str | None
    granted_at: int
    has_factor: bool

    def is_second(self, at: int) -> bool:
        return counts_as_second(self.given_by, self.granted_at, at)


@dataclass(frozen=True, slots=True)
class Holder:
    """An account as administrators see it. Instants are milliseconds; `used_at` is when a second factor was last used,
    `seen_at` when its holder was last here."""

    account_id: str
    name: str
    email: str
    created_at: int
    suspended_at: int | None
    roles: tuple[str, ...]
    passkeys: int
    apps: int
    used_at: int | None
    seen_at: int | None
    wish: Wish | None

    @property
    def has_factor(self) -> bool:
        return self.passkeys + self.apps > 0


@dataclass(frozen=True, slots=True)
class Deed:
    """What an administrator or the operator did about an account; `by` is empty for the operator."""

    at: int
    type: str
    data: Mapping[str, Any]
    by: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that an administrator sees of one account. `disputes` are the numbers of those in which its holder is a side
    and time runs; `sits_in` is in how many they sit as a mediator; `together` whether the reader has a dispute with
    them."""

    holder: Holder
    open_sessions: int
    disputes: tuple[str, ...]
    sits_in: int
    deeds: tuple[Deed, ...]
    together: bool


# -- who works here -----------------------------------------------------------------------------------------------


def colleagues(connection: Connection, at: int) -> list[Holder]:
    """Everybody who holds a role, by name."""
    ids = select(role_grant.c.account_id)
    return _holders(connection, account.c.id.in_(ids), at)


def holder_of(connection: Connection, account_id: str, at: int) -> Holder:
    """An open account. Raises Missing."""
    found = _holders(connection, account.c.id == account_id, at)
    if not found:
        raise Missing(account_id)
    return found[0]


def sheet_of(connection: Connection, account_id: str, at: int, *, reader: str) -> Sheet:
    """All that the administrator `reader` sees of an account. Raises Missing."""
    holder = holder_of(connection, account_id, at)
    still = session.c.ended_at.is_(None)
    return Sheet(
        holder=holder,
        open_sessions=_count(connection, session, (session.c.account_id == account_id) & still),
        disputes=tuple(disputes_of(connection, account_id)),
        sits_in=_sits_in(connection, account_id),
        deeds=tuple(deeds_about(connection, account_id)),
        together=in_dispute_together(connection, reader, account_id),
    )


def _holders(connection: Connection, which: ColumnElement[bool], at: int) -> list[Holder]:
    columns = (account.c.id, account.c.name, account.c.email, account.c.created_at, account.c.suspended_at)
    rows = connection.execute(
        select(*columns).where(which, account.c.closed_at.is_(None)).order_by(account.c.name, account.c.id)
    ).all()
    ids = [row.id for row in rows]
    roles, kinds, seen = _roles(connection, ids), _factors(connection, ids), _seen(connection, ids)
    wishes = {each.account_id: each for each in waiting_wishes(connection, at)}
    return [
        Holder(
            account_id=row.id,
            name=row.name,
            email=row.email or "",
            created_at=row.created_at,
            suspended_at=row.suspended_at,
            roles=roles.get(row.id, ()),
            passkeys=kinds.get((row.id, "passkey"), (0, None))[0],
            apps=kinds.get((row.id, "totp"), (0, None))[0],
            used_at=max((used for (owner, _), (_n, used) in kinds.items() if owner == row.id and used), default=None),
            seen_at=seen.get(row.id),
            wish=wishes.get(row.id),
        )
        for row in rows
    ]


def _roles(connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    held: dict[str, tuple[str, ...]] = {}
    query = select(role_grant.c.account_id, role_grant.c.role).where(role_grant.c.account_id.in_(ids))
    for owner, role in connection.execute(query.order_by(role_grant.c.role)):
        held[owner] = (*held.get(owner, ()), role)
    return held


def _factors(connection: Connection, ids: Collection[str]) -> dict[tuple[str, str], tuple[int, int | None]]:
    """How many of each kind an account has, and when one of them was last used."""
    query = (
        select(factor.c.account_id, factor.c.kind, func.count().label("many"), func.max(factor.c.used_at).label("used"))
        .where(factor.c.account_id.in_(ids))
        .group_by(factor.c.account_id, factor.c.kind)
    )
    return {(row.account_id, row.kind): (row.many, row.used) for row in connection.execute(query)}


def _seen(connection: Connection, ids: Collection[str]) -> dict[str, int]:
    query = select(session.c.account_id, func.max(session.c.seen_at)).where(session.c.account_id.in_(ids))
    return {owner: seen for owner, seen in connection.execute(query.group_by(session.c.account_id))}


def admins(connection: Connection, *, lock: bool = False) -> list[Admin]:
    """Who administers now: an open account that is not suspended. `lock`: nobody else changes that before this
    transaction ends, so that two who take each other's role at once cannot both succeed."""
    held = select(role_grant.c.account_id).where(role_grant.c.role == "admin").order_by(role_grant.c.account_id)
    if lock:
        connection.execute(held.with_for_update()).all()
    query = (
        select(
            account.c.id,
            role_grant.c.given_by,
            role_grant.c.granted_at,
            exists().where(factor.c.account_id == account.c.id).label("has_factor"),
        )
        .join(role_grant, role_grant.c.account_id == account.c.id)
        .where(role_grant.c.role == "admin", account.c.closed_at.is_(None), account.c.suspended_at.is_(None))
        .order_by(account.c.id)
    )
    return [Admin(row.id, row.given_by, row.granted_at, bool(row.has_factor)) for row in connection.execute(query)]


def registrars(connection: Connection) -> list[str]:
    """The accounts of the registrars who can act."""
    query = (
        select(account.c.id)
        .join(role_grant, role_grant.c.account_id == account.c.id)
        .where(role_grant.c.role == "registrar", account.c.closed_at.is_(None), account.c.suspended_at.is_(None))
    )
    return list(connection.scalars(query.order_by(account.c.id)))


# -- wishes for resets --------------------------------------------------------------------------------------------


def waiting_wishes(connection: Connection, at: int) -> list[Wish]:
    """The wishes that can be agreed with, the oldest first: not those of whom administers no more."""
    able = {each.account_id for each in admins(connection)}
    return [each for each in open_wishes(connection, at) if each.asked_by is None or each.asked_by in able]


def open_wishes(connection: Connection, at: int) -> list[Wish]:
    """The wishes that nobody has answered and whose time runs, the oldest first."""
    asker = account.alias("asker")
    query = (
        select(factor_reset, account.c.name, asker.c.name.label("asker"))
        .join(account, account.c.id == factor_reset.c.account_id)
        .outerjoin(asker, asker.c.id == factor_reset.c.asked_by)
        .where(
            factor_reset.c.outcome.is_(None),
            factor_reset.c.asked_at > at - RESET_WAITS,
            account.c.closed_at.is_(None),
        )
        .order_by(factor_reset.c.asked_at, factor_reset.c.id)
    )
    return [
        Wish(row.id, row.account_id, row.name, row.asked_by, row.asker or "", row.asked_at, row.ground)
        for row in connection.execute(query)
    ]


def wish_of(connection: Connection, wish_id: str, at: int) -> Wish:
    """A wish that can still be agreed with. Raises Missing."""
    found = [each for each in waiting_wishes(connection, at) if each.id == wish_id]
    if not found:
        raise Missing(wish_id)
    return found[0]


# -- what an account has to do with disputes ----------------------------------------------------------------------


def disputes_of(connection: Connection, account_id: str) -> list[str]:
    """The numbers of the disputes in which this account is a side and in which time runs."""
    runs = or_(dispute_row.c.phase != "closed", dispute_row.c.next_due.is_not(None))
    query = select(dispute_row.c.number).join(party, party.c.dispute_id == dispute_row.c.id)
    return list(connection.scalars(query.where(party.c.account_id == account_id, runs).order_by(dispute_row.c.number)))


def in_dispute_together(connection: Connection, one: str, other: str) -> bool:
    """Whether the one is a side of a dispute in which the other is a side as well, or was drawn, or the other way
    round: nobody who has a stake in somebody's being there decides on it."""
    mine, theirs = party.alias("mine"), party.alias("theirs")
    opposite = (
        select(mine.c.dispute_id)
        .join(theirs, and_(theirs.c.dispute_id == mine.c.dispute_id, theirs.c.account_id == other))
        .where(mine.c.account_id == one)
    )
    queries: Iterable[Any] = (opposite, _drawn_for(one, other), _drawn_for(other, one))
    return any(connection.execute(query.limit(1)).first() for query in queries)


def _drawn_for(side: str, drawn: str) -> Any:
    return (
        select(party.c.dispute_id)
        .join(appointment, appointment.c.dispute_id == party.c.dispute_id)
        .join(mediator, mediator.c.id == appointment.c.mediator)
        .where(party.c.account_id == side, mediator.c.account_id == drawn)
    )


def _sits_in(connection: Connection, account_id: str) -> int:
    sits = mediator.c.id == dispute_row.c.mediator
    query = select(func.count()).select_from(dispute_row).join(mediator, sits)
    return connection.scalar(query.where(mediator.c.account_id == account_id, dispute_row.c.phase != "closed")) or 0


def deeds_about(connection: Connection, account_id: str) -> list[Deed]:
    """What was done about an account from the desk or at the machine, the latest first."""
    found = [one.entry for one in read_stream(connection, f"account/{account_id}")]
    told = [each for each in found if each.type in DEEDS and (each.role != "person" or each.type.startswith("factor_"))]
    names = _names(connection, {each.actor for each in told})
    return [Deed(each.at, each.type, each.data, names.get(each.actor, "")) for each in reversed(told)]


def _names(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    query = select(account.c.id, account.c.name).where(account.c.id.in_(ids))
    return {owner: name for owner, name in connection.execute(query)}


def _count(connection: Connection, table: Any, which: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(which)) or 0
