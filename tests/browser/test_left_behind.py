"""What stays in a browser after its reader has left: nothing private, at the Back button or at a typed address."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from odr.database import write_unit
from odr.house import House
from odr.kernel import new_number
from odr.people.service import start_session, take_role
from tests.browser.visitors import Visitor, somebody
from tests.builders import ADispute, a_dispute
from tests.people.conftest import PASSWORD, an_account

pytestmark = pytest.mark.browser

TELEPHONE = {"width": 360, "height": 800}


@pytest.fixture
def house(app: Flask) -> House:
    return app.extensions["odr"]


@pytest.fixture
def people(house: House) -> dict[str, str]:
    return {name: an_account(house, f"{name}@example.org", name=f"The {name}") for name in ("buyer", "seller", "other")}


@pytest.fixture
def agreed(house: House, people: dict[str, str]) -> ADispute:
    """Agreed on, so that its pages hold amounts of both sides, and not yet signed."""
    made = a_dispute(house, buyer_account=people["buyer"], seller_account=people["seller"]).in_negotiation()
    return made.offer(made.seller, "31.07").accepted(made.buyer)


@pytest.fixture(scope="module")
def keeping(chromium: Browser) -> Iterator[Browser]:
    """A Chromium as people have it, which keeps pages that were left; other tests have told theirs not to."""
    browser = chromium.browser_type.launch(
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
        args=["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-dev-shm-usage"],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield browser
    browser.close()


@pytest.fixture
def opened(keeping: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser of its own."""
    contexts: list[BrowserContext] = []

    def open_one(*, script: bool = True) -> Page:
        contexts.append(keeping.new_context(viewport=TELEPHONE, locale="en-GB", java_script_enabled=script))
        return contexts[-1].new_page()

    yield open_one
    for context in contexts:
        context.close()


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/session/new")
    Visitor(page, address).type(email=f"{name}@example.org", password=PASSWORD).press("Sign in")


def go_back(page: Page) -> None:
    # A kept page comes back without loading anything, so there is no load to wait for.
    page.go_back(wait_until="commit")


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
def test_nothing_private_is_shown_at_the_back_button_after_signing_out(
    opened: Callable[..., Page], address: str, agreed: ADispute, script: bool
) -> None:
    """Threat 29, on a machine that others use."""
    page = opened(script=script)
    sign_in(page, address, "buyer")
    paths = ("/disputes", f"/disputes/{agreed.number}", f"/disputes/{agreed.number}/settlement", "/account")
    for path in paths:
        page.goto(address + path)
        expect(page.locator("h1")).to_be_visible()

    page.locator("header").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed out.")

    for _ in paths:
        go_back(page)
        expect(page.locator("h1")).to_have_text("Sign in")
        # The address that was asked for, the reader knows; nothing of what stands there is left.
        shown = page.content()
        assert not any(words in shown for words in ("31.07", "bicycle", "buyer@example.org")), page.url
    for path in paths:
        page.goto(address + path)
        expect(page.locator("h1")).to_have_text("Sign in")


def test_a_page_that_was_left_is_not_shown_again_once_the_session_was_ended_elsewhere(
    opened: Callable[..., Page], address: str, agreed: ADispute, house: House, people: dict[str, str]
) -> None:
    left, other = opened(), opened()
    for page in (left, other):
        sign_in(page, address, "buyer")
    dispute = f"{address}/disputes/{agreed.number}"
    left.goto(dispute)
    left.locator("textarea").first.fill("Words that nobody has sent.")
    left.goto(f"{dispute}/settlement")

    # While the session goes on, the page comes back with what was typed.
    go_back(left)
    expect(left.locator("textarea").first).to_have_value("Words that nobody has sent.")
    expect(left.locator("h1")).to_be_visible()
    left.goto(f"{address}/how-it-works")
    other.goto(f"{address}/sessions")
    other.get_by_role("button", name="Sign out on all devices").click()
    expect(other.get_by_role("status")).to_contain_text("signed out on 2 devices")

    go_back(left)

    expect(left.locator("h1")).to_have_text("Sign in")
    assert agreed.number not in left.locator("main").inner_text()


def test_a_desk_is_gone_from_the_browser_of_one_who_lost_the_role(
    opened: Callable[..., Page], app: Flask, address: str, agreed: ADispute, house: House
) -> None:
    registrar = somebody(house, "registrar", role="registrar")
    page = opened()
    page.context.add_cookies([{"name": "odr", "value": session_of(house, registrar), "url": address}])
    page.goto(f"{address}/desk")
    expect(page.locator("h1")).to_have_text("The registrar’s desk")
    page.goto(f"{address}/neutrality")
    take_role_from(house, registrar)

    go_back(page)

    expect(page.locator("h1")).to_have_text("This page is not here")


def test_typed_addresses_tell_a_member_of_another_dispute_and_a_stranger_nothing(
    opened: Callable[..., Page], address: str, agreed: ADispute, house: House, people: dict[str, str]
) -> None:
    a_dispute(house, buyer_account=people["other"], seller_account=people["seller"]).admitted()
    ends = ("", "/settlement", "/evidence/1", "/offers/1/acceptance", "/case-file")
    member, stranger = opened(), opened()
    sign_in(member, address, "other")

    for page in (member, stranger):
        for end in ends:
            seen = []
            for number in (agreed.number, new_number()):
                answer = page.goto(f"{address}/disputes/{number}{end}")
                told = re.sub(r'value="[^"]{20,}"', "", page.content()).replace(number, "N")
                seen.append((answer.status, page.url.replace(number, "N"), told))
            assert seen[0] == seen[1], end
        heading = "This page is not here" if page is member else "Sign in"
        page.goto(f"{address}/disputes/{agreed.number}")
        expect(page.locator("h1")).to_have_text(heading)


def session_of(house: House, account_id: str) -> str:
    at = house.clock()
    return write_unit(house.engine, lambda connection: start_session(connection, account_id, "", at, factor_at=at))


def take_role_from(house: House, account_id: str) -> None:
    at = house.clock()
    write_unit(house.engine, lambda connection: take_role(connection, house, account_id, "registrar", at=at))
