"""A hundred wrong passwords and codes: few are looked at, the owner gets in, and no answer tells who has an account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from odr.factors import service as factors
from odr.house import House
from odr.kernel import new_number
from odr.people import limits, queries, service
from odr.people.service import Caller
from tests.builders import a_dispute
from tests.conftest import FrozenClock
from tests.factors.authenticator import code_at
from tests.people.conftest import EMAIL, PASSWORD, an_account
from tests.people.test_routes import REGISTRATION, send, sign_in, token_of

pytestmark = pytest.mark.one_database

WRONG = "not the password"


@pytest.fixture
def house(app: Flask) -> House:
    return app.extensions["odr"]


@dataclass
class Work:
    """What an answer cost: the statements of the database, and how often a password was hashed."""

    statements: list[str] = field(default_factory=list)
    hashes: int = 0


@contextmanager
def work_of(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    done = Work()

    class Counted(PasswordHasher):
        def hash(self, *given: Any, **named: Any) -> str:
            done.hashes += 1
            return super().hash(*given, **named)

        def verify(self, *given: Any, **named: Any) -> bool:
            done.hashes += 1
            return super().verify(*given, **named)

    def executed(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        done.statements.append(statement)

    event.listen(house.engine, "before_cursor_execute", executed)
    with monkeypatch.context() as patch:
        own = service._HASHER
        patch.setattr(
            service,
            "_HASHER",
            Counted(time_cost=own.time_cost, memory_cost=own.memory_cost, parallelism=own.parallelism),
        )
        yield done
    event.remove(house.engine, "before_cursor_execute", executed)


# -- a hundred guesses ------------------------------------------------------------------------------------------


def test_of_a_hundred_passwords_in_an_hour_twenty_are_looked_at_and_the_owner_gets_in(
    app: Flask, house: House, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
):
    """Threat 28."""
    an_account(house)
    owner, thief = app.test_client(), app.test_client()
    sign_in(owner)
    owner.delete_cookie("odr")
    form = token_of(thief.get("/session/new"))
    answers = []

    with work_of(house, monkeypatch) as work:
        for _ in range(100):
            clock.advance(seconds=35)
            answers.append(thief.post("/session/new", data={"email": EMAIL, "password": WRONG, "csrf_token": form}))

    looked_at = [answer for answer in answers if answer.status_code == 422]
    put_off = [answer for answer in answers if answer.status_code == 429]
    assert len(looked_at) + len(put_off) == 100
    assert work.hashes == len(looked_at) <= 20
    assert all(0 < int(answer.headers["Retry-After"]) <= 3600 for answer in put_off)
    # Also with the right password, a browser that nobody knows waits; the owner's own does not.
    assert sign_in(thief).status_code == 429
    assert sign_in(owner).status_code == 303


def test_a_neighbourhood_that_tries_many_accounts_is_put_off(
    client: FlaskClient, house: House, monkeypatch: pytest.MonkeyPatch
):
    an_account(house)
    spent(house, "password", 200)

    with work_of(house, monkeypatch) as work:
        answer = sign_in(client, email="another@example.org", password=WRONG)

    assert (answer.status_code, answer.headers["Retry-After"], work.hashes) == (429, "600", 0)
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    form = token_of(client.get("/session/new"))
    data = {"email": EMAIL, "password": PASSWORD, "csrf_token": form}
    assert client.post("/session/new", data=data, environ_overrides=elsewhere).status_code == 303


def spent(house: House, action: str, count: int) -> None:
    """As many attempts as that have come from this machine's neighbourhood just now."""
    with house.engine.begin() as connection:
        here = limits.bucket(house.settings.secret_key, "address", limits.address_prefix("127.0.0.1"))
        for _ in range(count):
            limits.spend(connection, here, action, house.clock(), count, 10 * limits.MINUTE)


def sign_in_anew(client: FlaskClient, **how: str) -> TestResponse:
    client.delete_cookie("odr")
    return sign_in(client, **how)


def with_app(house: House, account_id: str) -> str:
    """Give an account a second factor as its owner would; answers the secret of the app."""
    with house.engine.begin() as connection:
        cookie = service.start_session(connection, account_id, "Test", house.clock())
    with house.engine.connect() as connection:
        person = queries.person_by_cookie(connection, cookie, house.clock())
    factors.begin_app(house, Caller(), person, password=PASSWORD)
    secret = factors.app_setup(house, person).secret
    factors.confirm_app(house, Caller(), person, code=code_at(secret, house.clock()), name="")
    return secret


def test_of_a_hundred_codes_in_a_day_thirty_are_looked_at_and_the_owner_gets_in(
    app: Flask, house: House, clock: FrozenClock
):
    """Whoever knows the password cannot use up the guesses for the browser in which the owner proved a factor."""
    secret = with_app(house, an_account(house))
    clock.advance(minutes=1)
    owner, thief, new = app.test_client(), app.test_client(), app.test_client()
    sign_in(owner)
    assert send(owner, "/session/factor", {"code": code_at(secret, clock.at)}).status_code == 303
    answers, form = [], ""

    for turn in range(100):
        clock.advance(minutes=14)
        if turn % 25 == 0:
            sign_in_anew(thief)
            form = token_of(thief.get("/session/factor"))
        answers.append(thief.post("/session/factor", data={"code": "000000", "csrf_token": form}))

    looked_at = [answer for answer in answers if answer.status_code == 422]
    put_off = [answer for answer in answers if answer.status_code == 429]
    assert len(looked_at) + len(put_off) == 100
    assert len(looked_at) == 30
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in put_off)
    for browser, status in ((thief, 429), (new, 429), (owner, 303)):
        sign_in_anew(browser)
        assert send(browser, "/session/factor", {"code": code_at(secret, clock.at)}).status_code == status


def test_a_browser_that_a_password_made_known_guesses_no_more_codes_than_any_other(app: Flask, house: House):
    with_app(house, an_account(house))
    thief = app.test_client()

    answers = []
    for _ in range(8):
        sign_in_anew(thief)
        thief.set_cookie("odr-proven", thief.get_cookie("odr-device").value)
        answers.append(send(thief, "/session/factor", {"code": "000000"}).status_code)

    assert answers == [422] * 5 + [429] * 3


def test_the_browser_of_one_who_proved_a_factor_of_theirs_is_not_known_to_another_account(app: Flask, house: House):
    own = with_app(house, an_account(house, "thief@example.org"))
    with_app(house, an_account(house))
    thief = app.test_client()
    house.clock.advance(minutes=1)
    sign_in(thief, email="thief@example.org")
    send(thief, "/session/factor", {"code": code_at(own, house.clock())})

    answers = []
    for _ in range(6):
        sign_in_anew(thief)
        answers.append(send(thief, "/session/factor", {"code": "000000"}).status_code)

    assert answers == [422] * 5 + [429]


# -- who has an account -----------------------------------------------------------------------------------------

DOORS = {
    "sign in": ("/session/new", {"password": WRONG}),
    "register": ("/account/new", REGISTRATION),
    "new password": ("/password/forgotten", {}),
    "sign-in link": ("/session/link", {}),
    "invitation": ("/invitation", {}),
}
# What two answers to one question always differ by.
OF_THE_MOMENT = {"Set-Cookie"}


def asked(client: FlaskClient, path: str, given: dict[str, str]) -> TestResponse:
    return send(client, path, given)


def bare(client: FlaskClient, answer: TestResponse, typed: str) -> list[Any]:
    """An answer, and the page it leads to, byte for byte but for tokens and what was typed."""
    pages = [answer, *([client.get(answer.location)] if answer.location else [])]
    return [
        (
            page.status_code,
            sorted((name, value) for name, value in page.headers if name not in OF_THE_MOMENT),
            sorted(re.sub("=[^;]*", "", cookie, count=1) for cookie in page.headers.getlist("Set-Cookie")),
            re.sub(r'value="[^"]{20,}"', "", page.get_data(as_text=True)).replace(typed, "…"),
        )
        for page in pages
    ]


@pytest.mark.parametrize("door", list(DOORS))
def test_an_answer_tells_by_no_byte_and_no_work_who_is_known(
    app: Flask, house: House, door: str, monkeypatch: pytest.MonkeyPatch
):
    """Threat 27: also when there were too many, and counted in statements and hashes instead of in time."""
    path, given = DOORS[door]
    buyer = an_account(house, "buyer@example.org")
    with_app(house, an_account(house, "prover@example.org"))
    an_account(house)
    an_account(house, "seller@example.org", password=None)
    dispute = a_dispute(house, buyer_account=buyer).admitted()
    if door == "invitation":
        typed = {"number": [dispute.number, new_number()]}
    else:
        # As long as each other, so that the length of an answer can be held against that of the next.
        typed = {"email": [EMAIL, "nobody@example.org", "prover@example.org", "seller@example.org"]}
    ((name, values),) = typed.items()

    seen, costs = [], []
    for value in values:
        client, answers = app.test_client(), []
        form = token_of(client.get(path))
        for turn in range(7):
            with work_of(house, monkeypatch) as work:
                data = {**given, name: value, "csrf_token": form, "key": "0" * 32}
                answer = client.post(path, data=data)
            answers.append(bare(client, answer, value))
            if turn in (0, 6):
                costs.append((turn, work.hashes, work.statements))
        seen.append(answers)

    assert all(one == seen[0] for one in seen)
    assert {answers[-1][0][0] for answers in seen} == {429}
    first, last = ([cost[1:] for cost in costs if cost[0] == turn] for turn in (0, 6))
    assert all(one[0] == first[0][0] for one in first) and all(one[0] == 0 for one in last)
    for spent_on in (first, last):
        assert len({len(one[1]) for one in spent_on}) == 1, [one[1] for one in spent_on]
