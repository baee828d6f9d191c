"""A mediator comes to the desk and decides on a fresh proof, with the keyboard alone and an app's codes."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update

from odr.house import House
from odr.people.service import hash_password
from odr.people.tables import account
from odr.procedure.dispute import Phase
from tests.browser.test_passkeys import EMAIL, by_keyboard, sign_in, type_into
from tests.builders import ADispute
from tests.conftest import FrozenClock
from tests.decision.conftest import Mediator, buyer, dispute, heard, house, seller, shown, to_decide
from tests.decision.test_routes import at, state_of
from tests.factors.authenticator import code_at
from tests.people.conftest import PASSWORD

__all__ = ["buyer", "dispute", "heard", "house", "seller", "shown", "to_decide"]

pytestmark = pytest.mark.browser


@pytest.fixture
def mediator(app: Flask, house: House) -> Mediator:
    """A mediator on the roster who has a password, and no second factor yet."""
    mediator = Mediator(app, house, EMAIL)
    with house.engine.begin() as connection:
        chosen = update(account).where(account.c.id == mediator.account_id)
        connection.execute(chosen.values(password_hash=hash_password(PASSWORD)))
    return mediator


def walk_to(page: Page, wanted: Locator) -> None:
    for _ in range(120):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard never came to {wanted}")


def choose(page: Page, name: str, value: str) -> None:
    """Tab to the group, and from its first choice downwards with the arrow."""
    group = page.locator(f'main input[name="{name}"]')
    walk_to(page, group.first)
    page.keyboard.press("Space")
    for _ in range(group.count()):
        if page.evaluate("document.activeElement.value") == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"no {value} among {name}")


def tick(page: Page, name: str, value: str) -> None:
    walk_to(page, page.locator(f'main input[name="{name}"][value="{value}"]'))
    page.keyboard.press("Space")


def test_a_mediator_decides_with_the_keyboard_alone_and_not_on_an_old_proof(
    page: Page, address: str, to_decide: ADispute, mediator: Mediator, clock: FrozenClock
) -> None:
    """Threat 4: no desk without a second factor, no decision without a fresh one, and no word lost on the way."""
    writing = f"{address}{at(to_decide, '/new')}"
    sign_in(page, address)
    for path in ("/desk/mediator", at(to_decide, "/new"), f"/disputes/{to_decide.number}"):
        page.goto(address + path)
        expect(page.locator("h1")).to_have_text("Second step of signing in")
    by_keyboard(page, "Add an app", role="link")
    type_into(page, "password", PASSWORD)
    by_keyboard(page, "Go on")
    secret = page.locator("main code").first.inner_text()
    type_into(page, "code", code_at(secret, clock.at))
    by_keyboard(page, "Add this app")
    by_keyboard(page, "I have kept them: go on", role="link")
    assert page.url == f"{address}/desk/mediator"
    clock.advance(minutes=6)

    page.goto(writing)
    choose(page, "granted_0", "part")
    type_into(page, "amount_0", "574.50")
    choose(page, "granted_1", "none")
    choose(page, "granted_2", "full")
    type_into(page, "finding-0-text", "The parcel was lost on its way.")
    tick(page, "finding-0-cites", "1")
    type_into(page, "text", "Who sends bears the risk.")
    choose(page, "basis", "buyer_law")
    by_keyboard(page, "Check the decision")
    expect(page.locator("main")).to_contain_text("Not issued yet")
    by_keyboard(page, "Issue the decision")

    expect(page.locator("h1")).to_have_text("First show once more that it is you")
    typed = "The parcel was lost on its way.\n\nWho sends bears the risk."
    expect(page.locator("main textarea").first).to_have_value(typed)
    assert state_of(to_decide).decision is None
    by_keyboard(page, "Go on", role="link")
    type_into(page, "code", code_at(secret, clock.at))
    by_keyboard(page, "Go on")

    assert page.url == writing
    expect(page.locator('main [name="finding-0-text"]')).to_have_value("The parcel was lost on its way.")
    expect(page.locator('main [name="text"]')).to_have_value("Who sends bears the risk.")
    by_keyboard(page, "Check the decision")
    by_keyboard(page, "Issue the decision")
    expect(page.locator("main")).to_contain_text("The decision is issued. Both sides are told.")
    assert state_of(to_decide).phase is Phase.DECIDED
