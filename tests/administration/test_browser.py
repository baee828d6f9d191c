"""Two administrators, a mediator who has lost their second step, and the way back to the desk, on a small telephone."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from odr.house import House
from tests.administration.conftest import Somebody
from tests.browser.visitors import visitor
from tests.conftest import FrozenClock
from tests.factors.authenticator import code_at
from tests.mediation.roster import a_mediator
from tests.people.conftest import PASSWORD

pytestmark = pytest.mark.browser


def test_two_administrators_let_a_mediator_begin_anew(
    chromium: Browser, app: Flask, address: str, house: House, clock: FrozenClock, first: Somebody, second: Somebody
) -> None:
    mediator = Somebody(house, "Mediator", password=True).with_factor()
    a_mediator(house, "Mediator", email=mediator.email)

    with (
        visitor(chromium, address, script=False, app=app, account=first.id) as one,
        visitor(chromium, address, script=False, app=app, account=second.id) as other,
        visitor(chromium, address, script=True) as owner,
    ):
        one.go("/administration").fits().type(email=mediator.email).press("Find").fits()
        one.press("Ask for a reset").fits().press("Ask for it").sees("Choose one of the list.")
        one.type(ground="lost").press("Ask for it").sees("Another administrator has to agree").fits()
        assert mediator.mails() == ["factor_reset asked"]
        owner.go("/session/new").type(email=mediator.email, password=PASSWORD).press("Sign in")
        owner.sees("Show that it is you")

        other.go("/administration").fits().press("Look into it").fits().press("I agree: take them away")
        other.sees("Make sure first.").type(made_sure="y").press("I agree: take them away")
        other.sees("All second steps are taken away.").fits()

        owner.go("/session/new")
        owner.type(email=mediator.email, password=PASSWORD).press("Sign in")
        owner.sees("Before you begin, add a second step").press("Add an app")
        owner.type(password=PASSWORD).press("Go on")
        secret = owner.page.locator("code.wraps").inner_text()
        owner.type(code=code_at(secret, clock.at)).press("Add this app").press("I have kept them: go on")
        expect(owner.page.locator("h1")).to_have_text("The mediator’s desk")
