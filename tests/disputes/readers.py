"""People who read a dispute and act in it through the pages, as a browser does: hidden fields and all."""

from __future__ import annotations

import html
import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from odr.database import write_unit
from odr.house import House
from odr.people import links, service

HIDDEN = re.compile(r'<input(?=[^>]*type="hidden")(?=[^>]*name="([^"]+)")(?=[^>]*value="([^"]*)")[^>]*>')


class Reader:
    """One person with a browser of their own. `account_id` is None for somebody who is not signed in."""

    def __init__(self, app: Flask, account_id: str | None = None) -> None:
        self.app = app
        self.account_id = account_id
        self.client: FlaskClient = app.test_client()
        if account_id is not None:
            self.sign_in()

    def sign_in(self) -> None:
        house = house_of(self.app)
        at = house.clock()
        cookie = write_unit(
            house.engine,
            lambda connection: service.start_session(connection, self.account_id, "Test", at, factor_at=at),
        )
        self.client.set_cookie("odr", cookie)

    def read(self, path: str, status: int = 200) -> str:
        """The words of a page, after checking its status."""
        page = self.client.get(path)
        assert page.status_code == status, (path, page.status_code)
        return text(page)

    def hidden(self, path: str, action: str | None = None) -> dict[str, str]:
        """The hidden fields of the form on a page that is sent to `action` (the page itself unless given)."""
        return hidden_in(self.client.get(path).get_data(as_text=True), action or path)

    def send(self, path: str, data: dict[str, Any] | None = None, *, form_at: str | None = None) -> TestResponse:
        """Open the page with the form, fill it in and send it."""
        return self.post(path, {**self.hidden(form_at or path, path), **(data or {})})

    def post(self, path: str, data: dict[str, Any]) -> TestResponse:
        return self.client.post(path, data=data, headers={"Origin": "http://localhost"})


def hidden_in(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form of a page that is sent to `action`, or that says no address of its own."""
    forms = re.findall(r'<form method="post"[^>]*>.*?</form>', page, re.S)
    wanted = [form for form in forms if f'action="{action}"' in form] or [
        form for form in forms if "action=" not in form
    ]
    assert wanted, f"no form for {action}"
    return {name: html.unescape(value) for name, value in HIDDEN.findall(wanted[0])}


def text(page: TestResponse) -> str:
    """The words of a page as people see them, in one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page.get_data(as_text=True), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def house_of(app: Flask) -> House:
    house: House = app.extensions["odr"]
    return house


def account(app: Flask, email: str, name: str, role: str | None = None, **more: Any) -> str:
    """An open account without a password."""
    house = house_of(app)
    account_id = write_unit(
        house.engine,
        lambda connection: service.open_account(connection, house, email=email, name=name, at=house.clock(), **more),
    )
    if role:
        service.grant_role(house, account_id, role)
    return account_id


def invitation(app: Flask, dispute_id: str, email: str, **more: Any) -> str:
    """The token of a link as a notice would carry it."""
    house = house_of(app)
    return write_unit(
        house.engine,
        lambda connection: links.issue_link(
            connection, purpose="invite", email=email, dispute_id=dispute_id, at=house.clock(), **more
        ),
    )
