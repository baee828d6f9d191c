"""Every mailed link, walked through as its owner, a mail scanner, a thief and a friend whom it was forwarded to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from flask import Flask
from sqlalchemy import select

from odr.house import House
from odr.people import service
from odr.people.service import MOST_UNKNOWN, Caller
from odr.people.tables import link
from tests.builders import ADispute, a_dispute
from tests.conftest import FrozenClock
from tests.disputes.conftest import buyer, dispute, house, nobody, seller, stranger
from tests.disputes.readers import Reader, account, invitation, text
from tests.people.conftest import EMAIL, PASSWORD, an_account, link_for
from tests.representation.mandates import LAWYER, invited

__all__ = ["buyer", "dispute", "house", "nobody", "seller", "stranger"]

pytestmark = pytest.mark.one_database

NEW_PASSWORD = "a river behind glass"


@dataclass(frozen=True)
class Way:
    """How one kind of link is made, at which address it is answered, and with what; `by` the address of whoever has to
    be signed in for it, empty where the link itself lets them in."""

    path: str
    made: Callable[[Reader, ADispute], str]
    given: dict[str, str] = field(default_factory=dict)
    by: str = ""

    def owner(self, app: Flask) -> Reader:
        """Whom the link was mailed to, at their browser."""
        return Reader(app, account(app, self.by, "A Lawyer") if self.by else None)


def verification(reader: Reader, dispute: ADispute) -> str:
    house: House = reader.app.extensions["odr"]
    wanted = {"name": "First Holder", "country": "SE", "language": "en", "zone": "UTC"}
    service.register(house, Caller(), email=EMAIL, password=PASSWORD, **wanted)
    return link_for(house, "verify", email=EMAIL)


def for_account(purpose: str) -> Callable[[Reader, ADispute], str]:
    def made(reader: Reader, dispute: ADispute) -> str:
        house: House = reader.app.extensions["odr"]
        return link_for(house, purpose, account_id=an_account(house))

    return made


def mandate(reader: Reader, dispute: ADispute) -> str:
    return invited(dispute.house, dispute)[1].removeprefix("/mandate/")


WAYS = {
    "verify": Way("/account/verification/", verification, {"password": PASSWORD}),
    "reset": Way("/password/reset/", for_account("reset"), {"password": NEW_PASSWORD}),
    "signin": Way("/session/link/", for_account("signin")),
    "invite": Way(
        "/invitation/",
        lambda reader, dispute: invitation(reader.app, dispute.id, "owner@example.org"),
        {"name": "Example Bikes Ltd"},
    ),
    "mandate": Way("/mandate/", mandate, {"key": "0" * 32}, by=LAWYER),
}
each_way = pytest.mark.parametrize("purpose", list(WAYS))


@pytest.fixture
def offered(house: House, buyer: Reader) -> ADispute:
    """An admitted dispute whose seller has not come yet."""
    return a_dispute(house, buyer_account=buyer.account_id).admitted()


def unused(house: House, token: str) -> bool:
    kept = select(link.c.used_at).where(link.c.token_hash == sha256(token.encode()).hexdigest())
    with house.engine.connect() as connection:
        return connection.execute(kept).scalar_one() is None


def form_of(reader: Reader, path: str) -> dict[str, str]:
    """The hidden fields of the page's own form; where it has none, a token of this browser."""
    try:
        return reader.hidden(path)
    except AssertionError:
        found = re.search(r'name="csrf_token" value="([^"]+)"', reader.client.get("/").get_data(as_text=True))
        return {"csrf_token": found[1], "key": "0" * 32}


def test_every_address_that_holds_a_secret_is_tried_here(app: Flask):
    addresses = {rule.rule.partition("<token>")[0] for rule in app.url_map.iter_rules() if "<token>" in rule.rule}

    assert addresses == {way.path for way in WAYS.values()}


@each_way
def test_a_mailed_link_is_worth_something_once_to_one_person(
    app: Flask, house: House, offered: ADispute, nobody: Reader, stranger: Reader, purpose: str, caplog
):
    """Threat 26, from the scanner of the mail server to the second use."""
    caplog.set_level(0)
    way = WAYS[purpose]
    token, owner = way.made(nobody, offered), way.owner(app)
    path = way.path + token

    # Whatever looks at links in mails, looking uses nothing up.
    for _ in range(20):
        assert nobody.client.get(path).status_code == 200
        assert nobody.client.head(path).status_code == 200
    page = nobody.client.get(path)
    assert page.headers["Cache-Control"] == "no-store"
    # The address, which is the secret, goes to no other site: no page of a link leads to one, nor loads from one.
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert re.findall(r'(?:href|src|action)="(?!/|#)[^"]*"', page.get_data(as_text=True)) == []
    # A form without its token, from another site, or at the address of another purpose.
    form = form_of(owner, path)
    assert owner.client.post(path, data=way.given).status_code == 400
    elsewhere = owner.client.post(path, data=form | way.given, headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403
    for other in WAYS.values():
        if other is not way:
            assert owner.client.get(other.path + token).status_code == 404
            sent = owner.post(other.path + token, form | other.given)
            # Where somebody has to be signed in, nobody else is told even that.
            assert sent.status_code == 404 or (other.by and not way.by and sent.location.startswith("/session/new"))
    # Forwarded to somebody who is signed in as somebody else: told so, and the link stays good.
    told = stranger.client.get(path)
    assert told.status_code == (200 if purpose == "invite" else 403)
    assert "sign out and open the link in the mail once more" in text(told)
    assert stranger.post(path, form_of(stranger, path) | way.given).status_code in (403, 409)
    assert unused(house, token)

    used = owner.post(path, form_of(owner, path) | way.given)
    assert used.status_code == 303

    # The second time, by anybody.
    thief = stranger if way.by else Reader(app)
    assert thief.client.get(path).status_code == 410
    assert thief.post(path, form_of(thief, path) | way.given).status_code == 410
    assert Reader(app).client.get("/account").status_code == 303
    with house.engine.connect() as connection:
        assert token not in "\n".join(connection.connection.driver_connection.iterdump())
    assert token not in caplog.text


@each_way
def test_a_link_that_has_run_out_or_was_never_mailed_opens_nothing(
    app: Flask, house: House, offered: ADispute, nobody: Reader, clock: FrozenClock, purpose: str
):
    way = WAYS[purpose]
    token, owner = way.made(nobody, offered), way.owner(app)
    form = form_of(owner, way.path + token)
    clock.advance(days=8)
    if owner.account_id:
        owner.sign_in()

    for method in ("GET", "HEAD", "POST"):
        answers = [
            owner.client.open(way.path + one, method=method, data=form | way.given if method == "POST" else None)
            for one in (token, token[:-1], token + "A", token.swapcase(), "n" * 43)
        ]
        assert [answer.status_code for answer in answers] == [410, 404, 404, 404, 404]
    assert unused(house, token)


def test_an_invitation_opens_the_dispute_it_names_and_no_other(
    app: Flask, house: House, offered: ADispute, buyer: Reader, nobody: Reader
):
    other = a_dispute(house, buyer_account=buyer.account_id).admitted()
    path = "/invitation/" + invitation(app, offered.id, EMAIL)

    came = nobody.send(path, {"name": "Example Bikes Ltd"}, form_at=path)

    assert came.location == f"/disputes/{offered.number}"
    assert nobody.client.get(came.location).status_code == 200
    assert nobody.client.get(f"/disputes/{other.number}").status_code == 404


def test_who_is_signed_in_as_the_one_it_was_mailed_to_is_not_turned_away(
    app: Flask, house: House, offered: ADispute, seller: Reader
):
    path = "/invitation/" + invitation(app, offered.id, "seller@example.org")

    assert seller.send(path, form_at=path).location == f"/disputes/{offered.number}"


def test_of_a_hundred_invented_links_sixty_are_looked_up(
    app: Flask, house: House, offered: ADispute, nobody: Reader, clock: FrozenClock, caplog
):
    good = WAYS["signin"].made(nobody, offered)
    paths = [list(WAYS.values())[number % len(WAYS)].path + f"{number:043d}" for number in range(100)]

    answers = [nobody.client.get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [404] * MOST_UNKNOWN + [429] * (100 - MOST_UNKNOWN)
    assert {answer.headers.get("Retry-After") for answer in answers[MOST_UNKNOWN:]} == {"600"}
    assert "Too many tries" in text(answers[-1])
    # Even a right guess is worth nothing from there now; the owner, who lives elsewhere, is not kept out.
    assert nobody.client.get("/session/link/" + good).status_code == 429
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    assert nobody.client.get("/session/link/" + good, environ_overrides=elsewhere).status_code == 200
    assert "too many tries at " in caplog.text and good not in caplog.text
    clock.advance(minutes=10)
    assert nobody.client.get("/session/link/" + good).status_code == 200
