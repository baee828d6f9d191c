"""What the tests of the filing room are given: people at their browsers, and the answers of an ordinary filing."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from odr.database import write_unit
from odr.house import House
from odr.people import service
from odr.people.security import cookie_name

ANSWERS = {
    "category": {"category": "not_delivered"},
    "order": {
        "bought": "Two bicycle lights",
        "reference": "A-10234",
        "ordered_on": "2026-01-06",
        "paid": "48.90",
        "currency": "EUR",
        "country": "DE",
    },
    "seller": {
        "name": "Example Lights",
        "email": "seller@example.com",
        "site": "lights.example",
        "country": "CN",
        "language": "unknown",
    },
    "contact": {
        "contacted": "yes",
        "contacted_on": "2026-02-10",
        "channel": "email",
        "answer": "They said it was on its way.",
    },
    "claim": {"items-0-remedy": "refund", "items-0-amount": "48.90", "items-0-currency": "EUR"},
    "story": {"narrative": "I ordered two lights.\n\nThey never came, and nobody answers any more."},
}


class Browser:
    """Somebody at a browser without script: sends forms with the token of the page, follows nothing by itself."""

    def __init__(self, app: Flask, account_id: str | None = None) -> None:
        self.app = app
        self.account_id = account_id
        self.client: FlaskClient = app.test_client()
        self.token: str | None = None
        if account_id:
            self.sign_in()

    def sign_in(self) -> None:
        self.token = None
        house: House = self.app.extensions["odr"]
        session = write_unit(
            house.engine,
            lambda connection: service.start_session(
                connection, self.account_id, "", house.clock(), factor_at=house.clock()
            ),
        )
        with self.app.app_context():
            name = cookie_name("odr")
        self.client.set_cookie(name, session)

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def text(self, path: str) -> str:
        return self.get(path).get_data(as_text=True)

    def post(self, path: str, **sent: object) -> TestResponse:
        if self.token is None:
            self.token = re.search(r'name="csrf_token" value="([^"]+)"', self.text("/filing"))[1]
        return self.client.post(path, data={"csrf_token": self.token, "key": "0" * 32, **sent})

    def begin(self) -> str:
        """Open a draft; answers its address."""
        return self.post("/drafts").headers["Location"].rsplit("/", 1)[0]

    def answer(self, **changes: dict[str, str]) -> str:
        """A draft with all questions answered, some of them otherwise; answers its address."""
        draft = self.begin()
        for step, typed in ANSWERS.items():
            self.post(f"{draft}/{step}", **{**typed, **changes.get(step, {})})
        return draft

    def file(self, **changes: dict[str, str]) -> str:
        """File an ordinary dispute; answers its number."""
        answered = self.post(f"{self.answer(**changes)}/answers", declared="y")
        assert answered.status_code == 303, answered.get_data(as_text=True)
        return answered.headers["Location"].split("/")[2]


@pytest.fixture
def house(app: Flask) -> House:
    return app.extensions["odr"]


@pytest.fixture
def someone(app: Flask, house: House):
    """Opens an account and sits down at a browser: `someone("buyer")`, `someone("registrar", "registrar")`."""

    def sit_down(name: str, *roles: str) -> Browser:
        account_id = write_unit(
            house.engine,
            lambda connection: service.open_account(
                connection, house, email=f"{name}@example.org", name=name.title(), country="DE", at=house.clock()
            ),
        )
        for role in roles:
            service.grant_role(house, account_id, role)
        return Browser(app, account_id)

    return sit_down


@pytest.fixture
def buyer(someone) -> Browser:
    """A buyer."""
    return someone("buyer")


@pytest.fixture
def registrar(someone) -> Browser:
    """A registrar."""
    return someone("registrar", "registrar")
