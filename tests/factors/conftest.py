"""What the tests of second factors are given: a house that browsers make passkeys for, and people signed in to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from odr.database import write_unit
from odr.factors import service
from odr.house import House, Settings
from odr.people import queries
from odr.people.service import Caller, grant_role, start_session
from tests.factors.authenticator import Authenticator, code_at
from tests.people.conftest import PASSWORD, an_account, house

__all__ = ["house"]

HOST = "disputes.example.org"
ORIGIN = f"https://{HOST}"
CALLER = Caller(prefix="192.0.2.0/24", device="Firefox · Linux")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, public_url=ORIGIN)


class Holder:
    """Somebody with an account, at one browser. `cookie` is of the session they act in."""

    def __init__(
        self, house: House, email: str = "holder@example.org", role: str = "", password: str | None = PASSWORD
    ):
        self.house, self.email = house, email
        self.account_id = an_account(house, email, password)
        if role:
            grant_role(house, self.account_id, role)
        self.cookie = self.another_session()

    def another_session(self) -> str:
        at = self.house.clock()
        return write_unit(self.house.engine, lambda connection: start_session(connection, self.account_id, "Test", at))

    @property
    def person(self) -> queries.Person:
        found = self.person_with(self.cookie)
        assert found is not None
        return found

    def person_with(self, cookie: str) -> queries.Person | None:
        with self.house.engine.connect() as connection:
            return queries.person_by_cookie(connection, cookie, self.house.clock())

    def add_app(self) -> tuple[str, list[str]]:
        """Add an app; answers its secret and the recovery codes."""
        service.begin_app(self.house, CALLER, self.person, password=PASSWORD)
        secret = service.app_setup(self.house, self.person).secret
        code = code_at(secret, self.house.clock())
        added = service.confirm_app(self.house, CALLER, self.person, code=code, name="My telephone")
        self.cookie = added.cookie
        return secret, added.codes

    def add_passkey(self, **how: bool) -> Authenticator:
        key = Authenticator(ORIGIN, HOST, **how)
        service.begin_passkey(self.house, CALLER, self.person, password=PASSWORD)
        answer = key.make(service.passkey_to_make(self.house, self.person))
        self.cookie = service.add_passkey(self.house, self.person, answer=answer, name="").cookie
        return key

    def sign_in_anew(self) -> None:
        self.cookie = self.another_session()

    def prove(self, code: str) -> None:
        self.cookie = service.prove_code(self.house, CALLER, self.person, code=code)
