"""What the tests of administration are given: a house whose operator has made two administrators, and people in it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from odr.database import write_unit
from odr.house import House
from odr.kernel import Actor, new_id
from odr.log.journal import read_stream
from odr.notices.tables import outbox
from odr.people.queries import Person, person_by_cookie
from odr.people.service import grant_role, start_session
from odr.people.tables import factor
from tests.people.conftest import PASSWORD, an_account


class Somebody:
    """Somebody with an account, and what the house keeps and tells about it."""

    def __init__(self, house: House, name: str, role: str = "", *, password: bool = False) -> None:
        self.house, self.name = house, name
        self.email = f"{name.lower()}@example.org"
        self.id = an_account(house, self.email, PASSWORD if password else None, name)
        if role:
            grant_role(house, self.id, role)
        self.actor = Actor(self.id, "admin")

    def with_factor(self) -> Somebody:
        """An app, as far as what counts them is concerned; nobody proves it."""
        at = self.house.clock()
        row = {"id": new_id(), "account_id": self.id, "kind": "totp", "name": "", "added_at": at, "used_at": at}
        sealed = {"wrapped_key": b"k", "sealed": b"s"}
        write_unit(self.house.engine, lambda connection: connection.execute(factor.insert().values(**row, **sealed)))
        return self

    def session(self) -> str:
        at = self.house.clock()
        return write_unit(
            self.house.engine, lambda connection: start_session(connection, self.id, "Test", at, factor_at=at)
        )

    def behind(self, cookie: str) -> Person | None:
        with self.house.engine.connect() as connection:
            return person_by_cookie(connection, cookie, self.house.clock())

    def last_entry(self) -> dict[str, Any]:
        """The last thing that the log says about this account."""
        with self.house.engine.connect() as connection:
            last = read_stream(connection, f"account/{self.id}")[-1].entry
        said = {"type": last.type, "by": last.actor, "role": last.role, "class": last.reach}
        return said | {"data": dict(last.data)}

    def mails(self) -> list[str]:
        """What was mailed to this account, in order: the template, and what it says."""
        with self.house.engine.connect() as connection:
            rows = connection.execute(
                select(outbox.c.template, outbox.c.params).where(outbox.c.account_id == self.id).order_by(outbox.c.id)
            )
            return [f"{row.template} {row.params.get('what', '')}".strip() for row in rows]


@pytest.fixture
def first(house: House) -> Somebody:
    """An administrator whom the operator made one."""
    return Somebody(house, "First", "admin").with_factor()


@pytest.fixture
def second(house: House) -> Somebody:
    return Somebody(house, "Second", "admin").with_factor()
