"""Reading proofs of identity: one's own, those that others see, and those that are to be looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from odr.house import House
from odr.identity.rules import BEGUN_LASTS, LOOKED_AT_EVERY, ORGANISATION
from odr.kernel import Missing
from odr.log.payloads import disclose
from odr.people.tables import account, identity_proof


@dataclass(frozen=True, slots=True)
class Proof:
    """One proof as its owner sees it: `subject` is the domain, or the name of the provider. `token` is what a domain
    has to show. Instants are milliseconds UTC; `proven_at` is None until it was seen, `missed` how often in a row it
    was not found since."""

    id: str
    account_id: str
    level: str
    method: str
    subject: str
    subject_hash: str
    token: str | None
    begun_at: int
    proven_at: int | None
    checked_at: int | None
    missed: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One proof as others see it: what it names, and since when it has been good."""

    level: str
    subject: str
    at: int


@dataclass(frozen=True, slots=True)
class Known:
    """How the house knows somebody: when their address was confirmed, and the proofs that are good now."""

    mail_at: int | None = None
    proofs: tuple[Shown, ...] = ()


def place_of(proof_id: str) -> bytes:
    """What the sealed name of a proof is bound to."""
    return f"odr/identity/v1\n{proof_id}".encode()


def is_good(at: int) -> ColumnElement[bool]:
    """What makes a row a proof that counts at this instant."""
    row = identity_proof.c
    return row.proven_at.is_not(None) & row.ended_at.is_(None) & (row.until > at)


def proofs_of(connection: Connection, house: House, account_id: str) -> list[Proof]:
    """The proofs of an account that have not ended, the oldest first, begun ones among them."""
    row = identity_proof.c
    query = (
        select(identity_proof)
        .where(row.account_id == account_id, row.ended_at.is_(None))
        .order_by(row.begun_at, row.id)
    )
    return [_proof(house, found) for found in connection.execute(query)]


def proof_of(connection: Connection, house: House, account_id: str, proof_id: str) -> Proof:
    """One of them. Raises Missing for what is no open proof of this account."""
    found = next((one for one in proofs_of(connection, house, account_id) if one.id == proof_id), None)
    if found is None:
        raise Missing(proof_id)
    return found


def domains_of(connection: Connection, house: House, account_id: str, at: int) -> dict[str, str]:
    """The domains that an account has proven and that count now: the id of each proof by its domain."""
    row = identity_proof.c
    query = select(identity_proof).where(row.account_id == account_id, row.level == ORGANISATION, is_good(at))
    return {proof.subject: proof.id for proof in (_proof(house, found) for found in connection.execute(query))}


def others_of(connection: Connection, house: House, proof: Proof, at: int, limit: int) -> list[Proof]:
    """Proofs of other accounts that name the same and count now, what was not looked at for longest first."""
    row = identity_proof.c
    query = (
        select(identity_proof)
        .where(row.subject_hash == proof.subject_hash, row.account_id != proof.account_id, is_good(at))
        .order_by(row.checked_at, row.id)
        .limit(limit)
    )
    return [_proof(house, found) for found in connection.execute(query)]


def holders_of(connection: Connection, subject_hash: str, at: int) -> set[str]:
    """The accounts with a proof of this subject that counts now."""
    row = identity_proof.c
    return set(connection.scalars(select(row.account_id).where(row.subject_hash == subject_hash, is_good(at))))


def to_look_at(connection: Connection, house: House, at: int, limit: int) -> list[Proof]:
    """Domains whose proof was not looked at for a while, and proofs whose time is over, the longest ago first."""
    row = identity_proof.c
    stale = (row.level == ORGANISATION) & (row.checked_at <= at - LOOKED_AT_EVERY)
    query = (
        select(identity_proof)
        .where(row.proven_at.is_not(None), row.ended_at.is_(None), stale | (row.until <= at))
        .order_by(row.checked_at, row.id)
        .limit(limit)
    )
    return [_proof(house, found) for found in connection.execute(query)]


def never_shown(at: int) -> ColumnElement[bool]:
    """What makes a row a proof that was begun long ago and never shown."""
    return identity_proof.c.proven_at.is_(None) & (identity_proof.c.begun_at <= at - BEGUN_LASTS)


def known(at: int, owner: ColumnElement[str], *which: ColumnElement[bool]) -> Select[Any]:
    """Asks how the house knows the open accounts that meet these conditions; `owner` is what each is called in the
    answer. Whoever asks joins the table that `owner` is of."""
    good = (identity_proof.c.account_id == account.c.id) & is_good(at)
    return (
        select(owner.label("owner"), account.c.verified_at, identity_proof)
        .select_from(account)
        .outerjoin(identity_proof, good)
        .where(account.c.closed_at.is_(None), *which)
        .order_by(identity_proof.c.proven_at, identity_proof.c.id)
    )


def read_known(connection: Connection, house: House, query: Select[Any]) -> Mapping[str, Known]:
    """What `known` asked, by what each is called."""
    answer: dict[str, Known] = {}
    for row in connection.execute(query):
        before = answer.get(row.owner, Known(row.verified_at))
        answer[row.owner] = Known(before.mail_at, (*before.proofs, *_shown(house, row)))
    return answer


def known_of(connection: Connection, house: House, account_id: str) -> Known:
    """How the house knows this account; by nothing, where it is closed."""
    query = known(house.clock(), account.c.id, account.c.id == account_id)
    return read_known(connection, house, query).get(account_id, Known())


def _shown(house: House, row: Any) -> tuple[Shown, ...]:
    return (Shown(row.level, _name(house, row), row.proven_at),) if row.id else ()


def _proof(house: House, row: Any) -> Proof:
    return Proof(
        id=row.id,
        account_id=row.account_id,
        level=row.level,
        method=row.method,
        subject=_name(house, row),
        subject_hash=row.subject_hash,
        token=row.token,
        begun_at=row.begun_at,
        proven_at=row.proven_at,
        checked_at=row.checked_at,
        missed=row.missed,
        until=row.until,
    )


def _name(house: House, row: Any) -> str:
    return disclose(house.keys, place_of(row.id), row.wrapped_key, row.sealed).decode()
