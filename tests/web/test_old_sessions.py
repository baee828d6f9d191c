"""A cookie is worth nothing once its session has ended, on whatever page it is shown and by whatever it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection

from odr.administration.service import suspend
from odr.database import write_unit
from odr.factors import service as factors
from odr.house import House
from odr.kernel import SYSTEM, Actor
from odr.people import service
from odr.people.queries import Person, person_by_cookie
from odr.people.service import Caller
from tests.builders import a_dispute
from tests.conftest import FrozenClock
from tests.disputes.readers import Reader
from tests.doors import doors_of, token_of
from tests.factors.authenticator import code_at
from tests.people.conftest import PASSWORD, an_account, link_for
from tests.web.test_hostile import plain

pytestmark = pytest.mark.one_database

NEW_PASSWORD = "a river behind glass"


@dataclass
class Holder:
    """Somebody whose browser holds a cookie, and what was found out about it."""

    house: House
    account_id: str
    cookie: str = ""
    secret: str = ""

    def another_cookie(self) -> str:
        at = self.house.clock()
        return self.write(lambda connection: service.start_session(connection, self.account_id, "", at, factor_at=at))

    @property
    def person(self) -> Person:
        with self.house.engine.connect() as connection:
            found = person_by_cookie(connection, self.cookie, self.house.clock())
        assert found is not None
        return found

    def write(self, act: Callable[[Connection], Any]) -> Any:
        return write_unit(self.house.engine, act)

    def from_elsewhere(self) -> Holder:
        """The same person at another browser."""
        return Holder(self.house, self.account_id, self.another_cookie(), self.secret)

    def add_app(self) -> None:
        factors.begin_app(self.house, Caller(), self.person, password=PASSWORD)
        self.secret = factors.app_setup(self.house, self.person).secret
        code = code_at(self.secret, self.house.clock())
        self.cookie = factors.confirm_app(self.house, Caller(), self.person, code=code, name="").cookie


def ends_one(holder: Holder) -> None:
    with holder.house.engine.connect() as connection:
        opened = service.queries.open_sessions(connection, holder.person, holder.house.clock())
    service.end_session(holder.house, holder.account_id, next(one.handle for one in opened if one.here))


def changes_password(holder: Holder) -> None:
    caller = Caller(cookie=holder.another_cookie())
    service.change_password(holder.house, caller, holder.account_id, present=PASSWORD, password=NEW_PASSWORD)


def resets_password(holder: Holder) -> None:
    token = link_for(holder.house, "reset", account_id=holder.account_id)
    service.reset_password(holder.house, Caller(), token, password=NEW_PASSWORD)


def adds_a_factor(holder: Holder) -> None:
    holder.from_elsewhere().add_app()


def removes_a_factor(holder: Holder) -> None:
    other = holder.from_elsewhere()
    with holder.house.engine.connect() as connection:
        (app,) = factors.queries.factors_of(connection, holder.account_id)
    factors.remove(holder.house, other.person, app.id)


def renews_it_by_a_proof(holder: Holder) -> None:
    holder.house.clock.advance(minutes=1)
    code = code_at(holder.secret, holder.house.clock())
    factors.prove_code(holder.house, Caller(), holder.person, code=code)


def loses_the_factors(holder: Holder) -> None:
    at, agreed = holder.house.clock(), {"asked": "operator", "agreed": ""}
    holder.write(
        lambda connection: factors.reset_within(
            connection, holder.house, holder.account_id, at, actor=SYSTEM, agreed=agreed
        )
    )


def loses_the_role(holder: Holder) -> None:
    at = holder.house.clock()
    holder.write(lambda connection: service.take_role(connection, holder.house, holder.account_id, "registrar", at=at))


def is_suspended(holder: Holder) -> None:
    administrator = an_account(holder.house, "administrator@example.org", password=None)
    service.grant_role(holder.house, administrator, "admin")
    suspend(holder.house, Actor(administrator, "admin"), holder.account_id, "misuse")


def stays_idle(holder: Holder) -> None:
    holder.house.clock.advance(minutes=30)


def stays_idle_on_the_staff(holder: Holder) -> None:
    holder.house.clock.advance(minutes=15)


def stays_for_half_a_day(holder: Holder) -> None:
    for _ in range(36):
        holder.house.clock.advance(minutes=20)
        with holder.house.engine.connect() as connection:
            person = person_by_cookie(connection, holder.cookie, holder.house.clock())
        if person:
            service.note_seen(holder.house, person)


ENDINGS: dict[str, Callable[[Holder], Any]] = {
    "signs out": lambda holder: service.sign_out(holder.house, holder.cookie),
    "signs in anew": lambda holder: service.sign_in(
        holder.house, Caller(cookie=holder.cookie), email=holder.person.name, password=PASSWORD
    ),
    "signs out on all devices": lambda holder: service.sign_out_everywhere(holder.house, holder.account_id),
    "ends it from the list": ends_one,
    "changes the password": changes_password,
    "resets the password": resets_password,
    "adds a factor elsewhere": adds_a_factor,
    "removes a factor elsewhere": removes_a_factor,
    "proves a factor": renews_it_by_a_proof,
    "has the factors reset": loses_the_factors,
    "is given a role": lambda holder: service.grant_role(holder.house, holder.account_id, "admin"),
    "loses the role": loses_the_role,
    "is suspended": is_suspended,
    "closes the account": lambda holder: service.close_account(holder.house, holder.account_id),
    "stays idle": stays_idle,
    "stays idle on the staff": stays_idle_on_the_staff,
    "stays for half a day": stays_for_half_a_day,
}
ON_THE_STAFF = {"loses the role", "stays idle on the staff"}
WITH_A_FACTOR = {"removes a factor elsewhere", "proves a factor", "has the factors reset"}


# Pages of each kind of reader; every page asks the same loader who is reading, which the walk over all of them shows.
PRIVATE = ("/account", "/account/factors", "/sessions", "/disputes", "/desk", "/desk/mediator")


def test_a_cookie_of_a_session_that_was_signed_out_is_nobodys_on_every_page(app: Flask):
    """Threat 29."""
    house: House = app.extensions["odr"]
    holder = a_holder(house, "signs out", 0)
    dispute = a_dispute(house, buyer_account=holder.account_id).admitted().contested()
    nobody, browser = Reader(app), Reader(app)
    tokens = {reader: token_of(reader) for reader in (nobody, browser)}
    browser.client.set_cookie("odr", holder.cookie)
    assert browser.client.get(f"/disputes/{dispute.number}").status_code == 200

    service.sign_out(house, holder.cookie)

    for door in doors_of(app):
        path = door.path(number=dispute.number)
        answers = []
        for reader, token in tokens.items():
            sent = {"csrf_token": token} if door.method == "POST" else None
            if reader is browser:
                browser.client.set_cookie("odr", holder.cookie)
            answers.append(plain(reader.client.open(path, method=door.method, data=sent), path))
        assert answers[0] == answers[1], door


def test_a_session_ends_for_its_cookie_by_whatever_ends_it(app: Flask, clock: FrozenClock):
    house: House = app.extensions["odr"]
    nobody = [plain(Reader(app).client.get(path), path) for path in PRIVATE]

    for number, (name, ending) in enumerate(ENDINGS.items()):
        holder, browser = a_holder(house, name, number), Reader(app)
        browser.client.set_cookie("odr", holder.cookie)
        assert browser.client.get("/account").status_code == 200, name

        ending(holder)

        seen = []
        for path in PRIVATE:
            browser.client.set_cookie("odr", holder.cookie)
            seen.append(plain(browser.client.get(path), path))
        assert seen == nobody, name


def a_holder(house: House, name: str, number: int) -> Holder:
    email = f"holder-{number}@example.org"
    holder = Holder(house, an_account(house, email, name=email))
    if name in ON_THE_STAFF:
        service.grant_role(house, holder.account_id, "registrar")
    holder.cookie = holder.another_cookie()
    if name in WITH_A_FACTOR:
        holder.add_app()
    return holder
