"""Reading about people: who is behind a session, an account by its address, and a person's open sessions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exists, select

from odr.kernel import Missing
from odr.people.tables import account, factor, mediator, registration, role_grant, session

MINUTE = 60_000
IDLE_PARTY = 30 * MINUTE
IDLE_STAFF = 15 * MINUTE
LIFE = 12 * 60 * MINUTE
SEEN_EVERY = MINUTE
FRESH = 5 * MINUTE
"""How long (ms) the proof of a second factor is good for acts that ask for it once more."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, in the shape Flask-Login expects. `session_hash` and `seen_at` (ms) are of this session;
    `mediator_id` is the name that entries give to this person as a mediator, None for all others. `must_prove`: a
    password alone opens nothing; `factor_at` (ms) was the last proof of a second factor in this session, `factor_kind`
    by what (`tables.PROVEN_BY`), and `began_by` how the session began (`tables.BEGINNINGS`)."""

    account_id: str
    roles: frozenset[str]
    name: str
    language: str
    zone: str
    session_hash: str
    seen_at: int
    mediator_id: str | None = None
    has_factor: bool = False
    must_prove: bool = False
    factor_at: int | None = None
    factor_kind: str | None = None
    began_by: str = "password"

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        return self.account_id

    @property
    def is_staff(self) -> bool:
        return bool(self.roles)

    @property
    def is_half_way(self) -> bool:
        """Whether this session has still to prove a second factor before it is worth anything."""
        return self.must_prove and self.factor_at is None

    def proof_is_fresh(self, at: int) -> bool:
        """Whether a second factor was proven just now; of who has none, nothing is asked."""
        return not self.has_factor or (self.factor_at is not None and at < self.factor_at + FRESH)


@dataclass(frozen=True, slots=True)
class Account:
    """An open account as its owner sees it. Instants are milliseconds UTC; `password_hash` is None without one."""

    id: str
    email: str
    name: str
    country: str | None
    language: str
    zone: str
    verified_at: int | None
    created_at: int
    password_hash: str | None
    suspended_at: int | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One device that is signed in. `handle` names it among the sessions of its account, `here` marks this one."""

    handle: str
    device: str
    created_at: int
    seen_at: int
    here: bool


_ACCOUNT = (
    account.c.id,
    account.c.email,
    account.c.name,
    account.c.country,
    account.c.language,
    account.c.zone,
    account.c.verified_at,
    account.c.created_at,
    account.c.password_hash,
    account.c.suspended_at,
)


def account_of(connection: Connection, account_id: str) -> Account:
    """The open account with this id. Raises Missing."""
    found = account_by_id(connection, account_id)
    if found is None:
        raise Missing(account_id)
    return found


def cookie_hash(cookie: str) -> str:
    """What the session table keeps of a cookie: plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()


def person_by_cookie(connection: Connection, cookie: str, at: int, *, staff_prove: bool = True) -> Person | None:
    """The person whose open session this cookie belongs to, in one query; None when it is unknown, ended, idle for
    too long or too old, or the account is suspended. `staff_prove`: whoever holds a role has to prove a second factor,
    also before having one."""
    rows = connection.execute(
        select(
            account.c.id,
            account.c.name,
            account.c.language,
            account.c.zone,
            session.c.id_hash,
            session.c.created_at,
            session.c.seen_at,
            session.c.factor_at,
            session.c.factor_kind,
            session.c.began_by,
            exists().where(factor.c.account_id == account.c.id).label("has_factor"),
            role_grant.c.role,
            mediator.c.id.label("mediator_id"),
        )
        .join(account, account.c.id == session.c.account_id)
        .outerjoin(role_grant, role_grant.c.account_id == account.c.id)
        .outerjoin(mediator, mediator.c.account_id == account.c.id)
        .where(
            session.c.id_hash == cookie_hash(cookie),
            session.c.ended_at.is_(None),
            account.c.closed_at.is_(None),
            account.c.suspended_at.is_(None),
        )
    ).all()
    if not rows:
        return None
    first, roles = rows[0], frozenset(row.role for row in rows if row.role)
    if _over(first.created_at, first.seen_at, staff=bool(roles), at=at):
        return None
    # Whose role was taken away has no seat left, whatever the roster still says.
    seat = first.mediator_id if "mediator" in roles else None
    return Person(
        first.id,
        roles,
        first.name,
        first.language,
        first.zone,
        first.id_hash,
        first.seen_at,
        seat,
        has_factor=bool(first.has_factor),
        must_prove=bool(first.has_factor) or (staff_prove and bool(roles)),
        factor_at=first.factor_at,
        factor_kind=first.factor_kind,
        began_by=first.began_by,
    )


def _over(created_at: int, seen_at: int, *, staff: bool, at: int) -> bool:
    return at >= created_at + LIFE or at >= seen_at + (IDLE_STAFF if staff else IDLE_PARTY)


def account_by_id(connection: Connection, account_id: str) -> Account | None:
    """An open account by its id."""
    return _account(
        connection.execute(
            select(*_ACCOUNT).where(account.c.id == account_id, account.c.closed_at.is_(None))
        ).one_or_none()
    )


def account_by_email(connection: Connection, email: str) -> Account | None:
    """An open account by its address in the form of `rules.email_key`."""
    return _account(
        connection.execute(
            select(*_ACCOUNT).where(account.c.email == email, account.c.closed_at.is_(None))
        ).one_or_none()
    )


def _account(row: Row[*tuple[Any, ...]] | None) -> Account | None:
    return Account(*row) if row else None


def roles_of(connection: Connection, account_id: str) -> frozenset[str]:
    """The roles an account was granted."""
    return frozenset(
        connection.execute(select(role_grant.c.role).where(role_grant.c.account_id == account_id)).scalars()
    )


def open_sessions(connection: Connection, person: Person, at: int) -> list[OpenSession]:
    """Where this person is signed in, the latest seen first."""
    rows = connection.execute(
        select(session.c.id_hash, session.c.device, session.c.created_at, session.c.seen_at)
        .where(session.c.account_id == person.account_id, session.c.ended_at.is_(None))
        .order_by(session.c.seen_at.desc(), session.c.created_at.desc())
    )
    return [
        OpenSession(handle_of(row.id_hash), row.device, row.created_at, row.seen_at, row.id_hash == person.session_hash)
        for row in rows
        if not _over(row.created_at, row.seen_at, staff=person.is_staff, at=at)
    ]


def handle_of(session_hash: str) -> str:
    """A short name of a session within its account, for the address of the button that ends it."""
    return session_hash[:16]


def registrations_of(connection: Connection, email: str, made_after: int) -> list[Row[*tuple[Any, ...]]]:
    """What was typed for this address after an instant, newest first; more than a few are somebody's game."""
    return list(
        connection.execute(
            select(registration)
            .where(registration.c.email == email, registration.c.made_at > made_after)
            .order_by(registration.c.made_at.desc(), registration.c.id.desc())
            .limit(5)
        )
    )
