"""Reading about second factors: those of a person, and how many recovery codes are left."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from odr.factors.rules import RESET_WAITS
from odr.people.tables import factor, factor_reset, recovery_code


@dataclass(frozen=True, slots=True)
class Factor:
    """One second factor as its owner sees it: `kind` is "passkey" or "totp", `name` empty when they gave none.
    Instants are milliseconds UTC; `used_at` is None until it was used."""

    id: str
    kind: str
    name: str
    added_at: int
    used_at: int | None


@dataclass(frozen=True, slots=True)
class App:
    """An app that makes codes, with its sealed secret and the last step whose code was taken."""

    id: str
    wrapped_key: bytes
    sealed: bytes
    last_step: int | None


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey, with what checks its answers."""

    id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int


def factors_of(connection: Connection, account_id: str) -> list[Factor]:
    """The second factors of an account, the oldest first."""
    columns = (factor.c.id, factor.c.kind, factor.c.name, factor.c.added_at, factor.c.used_at)
    rows = connection.execute(
        select(*columns).where(factor.c.account_id == account_id).order_by(factor.c.added_at, factor.c.id)
    )
    return [Factor(*row) for row in rows]


def apps_of(connection: Connection, account_id: str) -> list[App]:
    columns = (factor.c.id, factor.c.wrapped_key, factor.c.sealed, factor.c.last_step)
    mine = (factor.c.account_id == account_id) & (factor.c.kind == "totp")
    return [App(*row) for row in connection.execute(select(*columns).where(mine).order_by(factor.c.id))]


def passkeys_of(connection: Connection, account_id: str) -> list[Passkey]:
    columns = (factor.c.id, factor.c.credential_id, factor.c.public_key, factor.c.sign_count)
    mine = (factor.c.account_id == account_id) & (factor.c.kind == "passkey")
    return [Passkey(*row) for row in connection.execute(select(*columns).where(mine).order_by(factor.c.id))]


def reset_until(connection: Connection, account_id: str, at: int) -> int | None:
    """Until when (ms) an administrator can agree that all factors of this account are taken away; None where nobody
    asks for it."""
    asked = select(func.max(factor_reset.c.asked_at)).where(
        factor_reset.c.account_id == account_id,
        factor_reset.c.outcome.is_(None),
        factor_reset.c.asked_at > at - RESET_WAITS,
    )
    asked_at = connection.scalar(asked)
    return None if asked_at is None else asked_at + RESET_WAITS


def codes_left(connection: Connection, account_id: str) -> int:
    """How many recovery codes of an account have not been used."""
    return connection.execute(
        select(func.count())
        .select_from(recovery_code)
        .where(recovery_code.c.account_id == account_id, recovery_code.c.used_at.is_(None))
    ).scalar_one()
