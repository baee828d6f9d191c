"""What the tests of the people room are given: a house without pages, and a person who has an account."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from odr.database import write_unit
from odr.house import House, Settings
from odr.log.keys import keys_from
from odr.people import links, service
from odr.people.service import Caller

EMAIL = "holder@example.org"
PASSWORD = "tides of amber 91"


@pytest.fixture
def house(engine: Engine, settings: Settings, clock) -> House:
    return House(
        engine=engine,
        settings=settings,
        clock=clock,
        keys=keys_from(bytes(range(32)), bytes(range(32, 64))),
        files=None,
        rulesets=None,
        origin="evenhand/" + "5" * 32,
    )


@pytest.fixture
def caller() -> Caller:
    return Caller(prefix="192.0.2.0/24", device="Firefox · Linux")


def link_for(house: House, purpose: str, **bound: str) -> str:
    """A link as the mail would carry it."""
    return write_unit(
        house.engine,
        lambda connection: links.issue_link(connection, purpose=purpose, at=house.clock(), **bound),
    )


def an_account(house: House, email: str = EMAIL, password: str | None = PASSWORD, name: str = "First Holder") -> str:
    """An open account; without a password as an invited seller has it."""
    hashed = service.hash_password(password) if password else None
    return write_unit(
        house.engine,
        lambda connection: service.open_account(
            connection, house, email=email, name=name, country="SE", password_hash=hashed, at=house.clock()
        ),
    )
