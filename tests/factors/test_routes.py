"""The pages of second factors, walked through as their owners and as thieves walk through them."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
import segno
from flask import Flask
from flask.testing import FlaskClient

from odr.app import create_app
from odr.house import House, Settings
from odr.people import service as people
from odr.people.tables import factor
from tests.conftest import FrozenClock
from tests.disputes.readers import hidden_in, text
from tests.factors.authenticator import Authenticator, code_at
from tests.people.conftest import EMAIL, PASSWORD, an_account

pytestmark = pytest.mark.one_database

ORIGIN, HOST = "http://localhost", "localhost"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, public_url=ORIGIN)


@pytest.fixture
def house(app: Flask) -> House:
    return app.extensions["odr"]


class Browser:
    """Somebody at a browser without script; `key` is the passkey that their device holds."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.house: House = app.extensions["odr"]
        self.key = Authenticator(ORIGIN, HOST)

    def get(self, path: str):
        return self.client.get(path)

    def send(self, path: str, form_at: str | None = None, **data: str):
        page = self.client.get(form_at or path).get_data(as_text=True)
        hidden = hidden_in(page, path)
        return self.client.post(path, data={**hidden, **data}, headers={"Origin": ORIGIN})

    def sign_in(self, email: str = EMAIL, **more: str):
        return self.send("/session/new", email=email, password=PASSWORD, **more)

    def add_app(self) -> tuple[str, list[str]]:
        """Through the pages; answers the secret and the recovery codes."""
        assert self.send("/account/factors/app", password=PASSWORD).status_code == 303
        secret = html.unescape(
            re.search(r'<code class="wraps"[^>]*>([^<]+)', self.body("/account/factors/app/code"))[1]
        )
        done = self.send("/account/factors/app/code", code=code_at(secret, self.house.clock()), name="My telephone")
        return secret, re.findall(r'<code dir="ltr">([^<]+)', done.get_data(as_text=True))

    def add_passkey(self):
        self.send("/account/factors/passkey", password=PASSWORD)
        wanted = html.unescape(re.search(r'data-wanted="([^"]+)"', self.body("/account/factors/passkey/key"))[1])
        return self.send("/account/factors/passkey/key", answer=self.key.make(wanted))

    def prove_passkey(self, **more: str):
        hidden = hidden_in(self.body("/session/factor"), "/session/factor/passkey") | more
        asked = self.client.post("/session/factor/challenge", data=hidden, headers={"Origin": ORIGIN})
        assert asked.mimetype == "application/json"
        hidden["answer"] = self.key.prove(asked.get_data(as_text=True))
        return self.client.post("/session/factor/passkey", data=hidden, headers={"Origin": ORIGIN})

    def body(self, path: str) -> str:
        page = self.client.get(path)
        assert page.status_code == 200, (path, page.location)
        return page.get_data(as_text=True)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def party(house: House, browser: Browser) -> Browser:
    """A party who has signed in."""
    an_account(house)
    browser.sign_in()
    return browser


@pytest.fixture
def mediator(house: House, browser: Browser) -> Browser:
    """Somebody with a role who has given the password."""
    people.grant_role(house, an_account(house), "registrar")
    browser.sign_in()
    return browser


def test_a_party_adds_an_app_and_is_asked_for_it(app, party, clock: FrozenClock):
    secret, codes = party.add_app()
    clock.advance(minutes=1)
    elsewhere = Browser(app)

    arrived = elsewhere.sign_in(next="/sessions")
    assert arrived.location == "/session/factor?next=/sessions"
    assert elsewhere.get("/sessions").location.startswith("/session/factor")
    page = text(elsewhere.get(arrived.location))
    proven = elsewhere.send("/session/factor", form_at=arrived.location, code=code_at(secret, clock.at))

    assert len(codes) == 10
    assert "Show that it is you" in page and "My account" not in page
    assert (proven.status_code, proven.location) == (303, "/sessions")
    assert elsewhere.get("/sessions").status_code == 200


def test_a_party_without_a_factor_is_asked_for_nothing(party):
    assert party.get("/account").status_code == 200
    assert party.get("/session/factor").location == "/account/factors"


def test_the_picture_for_the_camera_says_what_the_line_says(party, house):
    party.send("/account/factors/app", password=PASSWORD)
    body = party.body("/account/factors/app/code")
    secret = re.search(r'<code class="wraps"[^>]*>([^<]+)', body)[1].replace(" ", "")
    address = f"otpauth://totp/Evenhand:holder%40example.org?secret={secret}&issuer=Evenhand"

    drawn = segno.make(address, error="m", micro=False).svg_inline(scale=4, border=4, dark="#000", light="#fff")
    assert drawn in body
    assert "style=" not in body and party.get("/account/factors/app/code").headers["Cache-Control"] == "no-store"


def test_a_wrong_code_is_told_beside_the_field(party, app, clock):
    party.add_app()
    elsewhere = Browser(app)
    elsewhere.sign_in()

    wrong = elsewhere.send("/session/factor", code="000000")

    assert wrong.status_code == 422 and 'aria-invalid="true"' in wrong.get_data(as_text=True)
    for _ in range(12):
        wrong = elsewhere.send("/session/factor", code="000000")
    assert wrong.status_code == 429 and int(wrong.headers["Retry-After"]) > 0


def test_whoever_has_only_the_password_reaches_nothing_at_all(app, party, house, clock):
    """Every page, and nothing of what the account holds."""
    party.add_app()
    thief = Browser(app)
    thief.sign_in()

    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments:
            page = thief.get(rule.rule)
            if page.status_code == 200 and rule.rule != "/session/factor":
                assert "First Holder" not in page.get_data(as_text=True), rule
                assert 'action="/session/end"' not in page.get_data(as_text=True), rule
    for path in ("/account", "/sessions", "/account/data", "/account/data/copy", "/account/factors", "/disputes"):
        assert thief.get(path).location.startswith("/session/factor"), path
    for path in ("/account/factors/app", "/account/factors/passkey", "/account/factors/codes", "/password"):
        hidden = hidden_in(thief.body("/session/factor"), "/session/factor")
        sent = thief.client.post(path, data={**hidden, "password": PASSWORD}, headers={"Origin": ORIGIN})
        assert sent.location.startswith("/session/factor"), path


def test_whoever_is_half_way_can_always_sign_out(app, party):
    party.add_app()
    thief = Browser(app)
    thief.sign_in()

    left = thief.send("/session/end", form_at="/session/factor")

    assert left.location == "/session/new"
    assert thief.get("/session/factor").location.startswith("/session/new")


def test_who_is_not_signed_in_learns_nothing_of_anybodys_factors(app, party):
    party.add_app()
    stranger = Browser(app)

    assert stranger.get("/session/factor").location == "/session/new?next=/session/factor"
    an_account(party.house, "plain@example.org")
    wrong = [
        stranger.send("/session/new", email=email, password="a guess of somebody's")
        for email in (EMAIL, "plain@example.org", "nobody@example.org")
    ]
    assert {answer.status_code for answer in wrong} == {422}
    bodies = {re.sub(r'value="[^"]*"', "", answer.get_data(as_text=True)) for answer in wrong}
    assert len(bodies) == 1


def test_staff_are_led_to_add_a_factor_first(mediator, clock):
    arrived = mediator.get("/session/factor")
    assert arrived.location == "/account/factors"
    assert "Before you begin, add a second step" in text(mediator.get(arrived.location))
    assert mediator.get("/desk").location == "/session/factor?next=/desk"
    assert mediator.get("/account").location.startswith("/session/factor")

    mediator.add_app()

    assert mediator.get("/desk").status_code == 200


def test_a_desk_of_others_does_not_exist_for_who_is_half_way(mediator):
    assert mediator.get("/desk/regulator").status_code == 404


def test_on_a_demonstration_staff_are_asked_for_nothing_and_are_told_so(settings, clock):
    app = create_app(replace(settings, demonstration=True), clock)
    app.testing = True
    house: House = app.extensions["odr"]
    people.grant_role(house, an_account(house), "registrar")
    browser = Browser(app)

    assert browser.sign_in().location == "/desk"
    assert browser.get("/desk").status_code == 200
    assert "staff are not made to have a second step here" in text(browser.get("/account/factors"))
    house.engine.dispose()


def test_a_passkey_is_added_and_used(app, party):
    done = party.add_passkey()
    assert done.status_code == 200 and "Recovery codes" in text(done)
    party.send("/session/end", form_at="/account")

    party.sign_in(next="/sessions")
    proven = party.prove_passkey(next="/sessions")

    assert (proven.status_code, proven.location) == (303, "/sessions")
    assert party.get("/sessions").status_code == 200


def test_only_pages_with_passkeys_may_reach_for_them(party):
    party.add_passkey()
    for path, may in (("/session/factor", True), ("/account/factors", False), ("/account", False), ("/", False)):
        policy = party.get(path).headers["Permissions-Policy"]
        assert ("publickey-credentials-get=(self)" in policy) == may, path
        assert ("publickey-credentials-get=()" in policy) == (not may), path


def test_the_page_says_without_script_what_to_do(party):
    party.send("/account/factors/passkey", password=PASSWORD)

    assert "A passkey needs script" in party.body("/account/factors/passkey/key")


def test_recovery_codes_are_shown_once(party):
    _, codes = party.add_app()

    assert "10 codes are left" in text(party.get("/account/factors"))
    assert not any(code in party.body("/account/factors") for code in codes)


def test_a_recovery_code_leads_in_and_says_how_many_are_left(app, party):
    _, codes = party.add_app()
    elsewhere = Browser(app)
    elsewhere.sign_in()

    proven = elsewhere.send("/session/factor", code=codes[0])

    assert "9 are left" in text(elsewhere.get(proven.location))


def test_removing_a_factor_needs_a_fresh_proof(party, clock):
    secret, _ = party.add_app()
    with party.house.engine.connect() as connection:
        (one,) = connection.execute(factor.select()).all()
    path = f"/account/factors/{one.id}/removal"
    clock.advance(minutes=6)

    sent = party.send(path, form_at="/account/factors")
    assert sent.location == "/session/factor?next=/account/factors"
    again = party.send("/session/factor", form_at=sent.location, code=code_at(secret, clock.at))
    assert "Now repeat your step" in text(party.get(again.location))
    done = party.send(path, form_at="/account/factors")

    assert done.status_code == 303
    assert "It is removed" in text(party.get(done.location))


def test_a_setup_that_took_too_long_leads_back(party, clock):
    party.send("/account/factors/app", password=PASSWORD)
    clock.advance(minutes=16)

    assert party.get("/account/factors/app/code").location == "/account/factors"
    assert party.get("/account/factors/passkey/key").location == "/account/factors"


def test_no_address_of_another_site_is_gone_to(app, party, clock):
    secret, _ = party.add_app()
    elsewhere = Browser(app)
    elsewhere.sign_in()
    clock.advance(minutes=1)

    proven = elsewhere.send(
        "/session/factor",
        form_at="/session/factor?next=//evil.example/",
        code=code_at(secret, clock.at),
        next="//e.example",
    )

    assert proven.location == "/disputes"


def test_a_copied_cookie_is_worthless_after_a_factor_was_added(app, party):
    copied = Browser(app)
    copied.client.set_cookie("odr", party.client.get_cookie("odr").value)
    assert copied.get("/account").status_code == 200

    party.add_app()

    assert copied.get("/account").location.startswith("/session/new")
    assert party.get("/account").status_code == 200


def test_a_changed_password_takes_nothing_of_the_proof_and_gives_none(app, party, clock):
    party.add_app()
    clock.advance(minutes=6)

    changed = party.send("/password", present=PASSWORD, password="nine slow herons over the delta")

    assert changed.status_code == 303
    assert party.get("/account").status_code == 200
    stopped = party.send("/account/factors/codes", form_at="/account/factors")
    assert stopped.location == "/session/factor?next=/account/factors"
