"""The whole way of a mailed link: asked for on a page, sent by the worker, answered once."""

from __future__ import annotations

import re
from email import message_from_bytes, policy

import pytest

from odr.worker import run
from tests.people.conftest import EMAIL, PASSWORD, an_account
from tests.people.test_routes import REGISTRATION, send, sign_in, text

pytestmark = pytest.mark.one_database


@pytest.fixture
def house(app):
    return app.extensions["odr"]


@pytest.fixture
def latest_mail(app, settings, tmp_path):
    """Send what waits, and answer the latest message: to whom, and the path of its link."""

    def read():
        assert run(app, once=True)
        message = message_from_bytes(max((tmp_path / "mail" / "new").iterdir()).read_bytes(), policy=policy.default)
        body = message.get_body(("plain",)).get_content()
        return message["To"], re.search(re.escape(settings.public_url) + r"(/\S+)", body)[1]

    return read


def test_an_account_from_the_form_to_the_first_page(client, latest_mail):
    send(client, "/account/new", REGISTRATION)

    to, path = latest_mail()
    arrived = send(client, path)

    assert to == EMAIL
    assert arrived.status_code == 303
    assert "First Holder" in text(client.get("/account"))
    assert client.get(path).status_code == 410


def test_the_owner_of_a_known_address_is_led_to_sign_in(client, house, latest_mail):
    an_account(house)
    send(client, "/account/new", REGISTRATION)

    assert latest_mail() == (EMAIL, "/session/new")


def test_a_forgotten_password_is_replaced_and_the_owner_told(client, house, latest_mail):
    an_account(house)
    send(client, "/password/forgotten", {"email": EMAIL})

    to, path = latest_mail()
    assert send(client, path, {"password": "a river behind glass"}).status_code == 303

    assert to == EMAIL
    assert latest_mail() == (EMAIL, "/password/forgotten")
    assert sign_in(client).status_code == 422
    assert sign_in(client, password="a river behind glass").status_code == 303


def test_a_seller_without_a_password_gets_in_and_later_chooses_one(client, house, latest_mail):
    an_account(house, "seller@example.com", password=None)
    send(client, "/session/link", {"email": "seller@example.com"})
    assert send(client, latest_mail()[1]).status_code == 303

    send(client, "/password/forgotten", {"email": "seller@example.com"}, form_at="/password")
    assert send(client, latest_mail()[1], {"password": PASSWORD}).status_code == 303

    assert sign_in(client, email="seller@example.com").status_code == 303
