"""Passkeys in a browser: made and used with the keyboard alone, by Chromium's own virtual authenticator."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from odr.house import House, Settings
from odr.mediation.service import Admission, admit_mediator
from odr.people import service
from odr.people.tables import factor, mediator
from tests.builders import ADispute, a_dispute
from tests.people.conftest import PASSWORD, an_account

pytestmark = pytest.mark.browser

EMAIL = "mediator@example.org"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    """Browsers make no passkey for a bare number."""
    return replace(settings, public_url=f"http://localhost:{port}")


@pytest.fixture
def address(app: Flask, port: int) -> Iterator[str]:
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join(10)


@pytest.fixture
def house(app: Flask) -> House:
    return app.extensions["odr"]


@pytest.fixture
def account_id(house: House) -> str:
    """A mediator on the roster, with a password."""
    account_id = an_account(house, EMAIL)
    admit_mediator(house, EMAIL, "A Mediator", Admission(languages=("en",)), account_id=account_id)
    return account_id


def plug_in(page: Page, *, verifies: bool = True) -> Any:
    """Put an authenticator into the browser of this page; answers the line to it, which knows its name."""
    line = page.context.new_cdp_session(page)
    line.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    added = line.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    line.authenticator = added["authenticatorId"]
    return line


def by_keyboard(page: Page, name: str, *, role: str = "button") -> None:
    """Walk to what has this name with the Tab key alone, and press Enter."""
    wanted = page.locator("main").get_by_role(role, name=name, exact=True)
    expect(wanted).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"the keyboard never came to {name}")


def type_into(page: Page, name: str, value: str) -> None:
    """Walk to the field with the Tab key alone, and type."""
    field = page.locator(f'main [name="{name}"]:not([type="hidden"])')
    for _ in range(60):
        page.keyboard.press("Tab")
        if field.evaluate("one => one === document.activeElement"):
            page.keyboard.type(value)
            return
    raise AssertionError(f"the keyboard never came to {name}")


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/session/new")
    type_into(page, "email", EMAIL)
    type_into(page, "password", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def add_passkey(page: Page) -> None:
    by_keyboard(page, "Add a passkey", role="link")
    type_into(page, "password", PASSWORD)
    by_keyboard(page, "Go on")
    type_into(page, "name", "This computer")
    by_keyboard(page, "Make the passkey")


def test_a_mediator_makes_and_uses_a_passkey_with_the_keyboard_alone(page: Page, address: str, account_id: str) -> None:
    """Threat 4: without it there is no desk."""
    plug_in(page)
    sign_in(page, address)
    expect(page.locator("h1")).to_have_text("Second step of signing in")
    page.goto(f"{address}/desk/mediator")
    expect(page.locator("h1")).to_have_text("Second step of signing in")

    add_passkey(page)
    expect(page.locator("h1")).to_have_text("Recovery codes")
    by_keyboard(page, "I have kept them: go on", role="link")
    assert page.url == f"{address}/desk/mediator"

    page.context.clear_cookies()
    sign_in(page, address)
    expect(page.locator("h1")).to_have_text("Show that it is you")
    by_keyboard(page, "Use my passkey")
    assert page.url == f"{address}/desk/mediator"


def test_a_device_that_does_not_know_its_owner_is_told_and_opens_nothing(
    page: Page, address: str, account_id: str, house: House
) -> None:
    line = plug_in(page, verifies=False)
    sign_in(page, address)
    by_keyboard(page, "Add a passkey", role="link")
    type_into(page, "password", PASSWORD)
    by_keyboard(page, "Go on")

    page.get_by_role("button", name="Make the passkey").press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("Nothing was done")
    with house.engine.connect() as connection:
        assert connection.execute(factor.select()).all() == []
    line.detach()


def test_without_script_the_page_says_so_and_a_code_still_leads_in(
    chromium: Browser, page: Page, address: str, account_id: str
) -> None:
    plug_in(page)
    sign_in(page, address)
    add_passkey(page)
    code = page.locator("main li code").first.inner_text()
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    plain = context.new_page()

    sign_in(plain, address)

    expect(plain.locator("main")).to_contain_text("A passkey needs script")
    expect(plain.get_by_role("button", name="Use my passkey")).to_be_hidden()
    type_into(plain, "code", code)
    by_keyboard(plain, "Go on")
    assert plain.url == f"{address}/desk/mediator"
    context.close()


def test_before_a_step_of_weight_the_passkey_is_asked_for_again(
    page: Page, address: str, account_id: str, clock
) -> None:
    plug_in(page)
    sign_in(page, address)
    add_passkey(page)
    clock.advance(minutes=6)
    page.goto(f"{address}/account/factors")

    by_keyboard(page, "Make new codes")
    expect(page.locator("main")).to_contain_text("For what you are about to do, we ask once more")
    by_keyboard(page, "Use my passkey")
    expect(page.locator("main")).to_contain_text("Now repeat your step")
    by_keyboard(page, "Make new codes")

    expect(page.locator("h1")).to_have_text("Recovery codes")


# -- signing ------------------------------------------------------------------------------------------------------


@pytest.fixture
def agreed(house: House) -> ADispute:
    """Both sides agreed; the buyer has a password, and nobody signed yet."""
    dispute = a_dispute(house, buyer_account=an_account(house, EMAIL))
    return dispute.in_negotiation().offer(dispute.seller, "31.07").accepted(dispute.buyer)


def test_a_buyer_signs_the_agreement_with_a_passkey_and_the_keyboard_alone(
    page: Page, address: str, agreed: ADispute, clock
) -> None:
    line = plug_in(page)
    sign_in(page, address)
    page.goto(f"{address}/account/factors")
    add_passkey(page)
    clock.advance(minutes=6)
    page.goto(f"{address}/disputes/{agreed.number}/settlement")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # Stopped at the device, nothing is done, and the page says so.
    known = line.send("WebAuthn.getCredentials", {"authenticatorId": line.authenticator})["credentials"]
    line.send("WebAuthn.clearCredentials", {"authenticatorId": line.authenticator})
    press_by_keyboard(page, "Sign with my passkey")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was signed")
    line.send("WebAuthn.addCredential", {"authenticatorId": line.authenticator, "credential": known[0]})
    by_keyboard(page, "Sign with my passkey")

    expect(page.locator("main")).to_contain_text("Signed with the buyer’s own passkey.")
    expect(page.get_by_role("heading", name="You have signed")).to_be_visible()


def test_a_mediator_signs_and_issues_a_decision_with_the_keyboard_alone(
    page: Page, address: str, house: House, account_id: str, clock
) -> None:
    """Threat 4: the signature is the fresh proof that a decision asks for."""
    with house.engine.connect() as connection:
        mediator_id = connection.scalar(select(mediator.c.id).where(mediator.c.account_id == account_id))
    dispute = a_dispute(house).admitted().contested().in_decision(mediator_id).file_closed()
    plug_in(page)
    sign_in(page, address)
    add_passkey(page)
    page.goto(f"{address}/disputes/{dispute.number}/decision/new")
    page.get_by_label("Granted in full").first.check()
    page.locator('[name="text"]').fill("The parcel was lost on its way.")
    page.locator('[name="finding-0-text"]').fill("It never arrived.")
    page.locator('[name="finding-0-cites"]').first.check()
    page.get_by_label("The law of the buyer’s country").check()
    by_keyboard(page, "Check the decision")
    clock.advance(minutes=6)

    by_keyboard(page, "Sign with my passkey and issue")

    expect(page.locator("main")).to_contain_text("Signed with the mediator’s own passkey.")


def test_without_script_an_agreement_is_signed_by_the_button(
    chromium: Browser, page: Page, address: str, agreed: ADispute
) -> None:
    plug_in(page)
    sign_in(page, address)
    page.goto(f"{address}/account/factors")
    add_passkey(page)
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    context.add_cookies(page.context.cookies())
    plain = context.new_page()
    plain.goto(f"{address}/disputes/{agreed.number}/settlement")

    expect(plain.locator("main")).to_contain_text("Signing with your passkey needs script")
    expect(plain.get_by_role("button", name="Sign with my passkey")).to_be_hidden()
    by_keyboard(plain, "Sign without a passkey")

    expect(plain.locator("main")).to_contain_text("Signed in with a password and a passkey.")
    context.close()


def press_by_keyboard(page: Page, name: str) -> None:
    """As `by_keyboard`, for a button that may lead nowhere."""
    wanted = page.locator("main").get_by_role("button", name=name, exact=True)
    expect(wanted).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return page.keyboard.press("Enter")
    raise AssertionError(f"the keyboard never came to {name}")


def test_the_pages_fit_a_telephone(page: Page, address: str, house: House) -> None:
    plug_in(page)
    service.change_account(house, an_account(house, EMAIL), name="A Party", language="en", zone="UTC")
    page.set_viewport_size({"width": 360, "height": 740})
    sign_in(page, address)
    for path in ("/account/factors", "/account/factors/app", "/account/factors/passkey"):
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(f"{address}/account/factors/app")
    type_into(page, "password", PASSWORD)
    by_keyboard(page, "Go on")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
