"""People at browsers of their own, and what reaches them by mail."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, Page, expect

from odr.database import write_unit
from odr.house import House
from odr.people.security import cookie_name
from odr.people.service import grant_role, open_account, start_session
from odr.worker import run as work

PHONE = {"width": 360, "height": 740}
PASSWORD = "seven quiet lamps beside the river"


class Visitor:
    """Somebody at a browser of their own. `script` is whether their browser runs any."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def go(self, path: str) -> Visitor:
        # Links in mails name the public address of the house; the test serves it elsewhere.
        self.page.goto(self.address + re.sub(r"^https?://[^/]+", "", path))
        return self

    def type(self, **typed: str) -> Visitor:
        for name, value in typed.items():
            field = self.page.locator(f'[name="{name}"]:not([type="hidden"])').first
            kind = field.evaluate("field => field.type || field.tagName")
            if kind in ("radio", "checkbox"):
                self.page.locator(f'[name="{name}"][value="{value}"]').check()
            elif kind == "select-one":
                field.select_option(value)
            else:
                field.fill(value)
        return self

    def press(self, label: str) -> Visitor:
        """Press the button, or follow the link, of that name in the page itself."""
        within = self.page.locator("main")
        button = within.get_by_role("button", name=label, exact=True)
        target = button if button.count() else within.get_by_role("link", name=label, exact=True)
        # The browser answers a click before the next page is there; whoever looks at once would see the old page, or
        # none, and whoever goes elsewhere would take the act back.
        with self.page.expect_navigation():
            target.first.click()
        return self

    def sees(self, words: str) -> Visitor:
        expect(self.page.locator("body")).to_contain_text(words)
        return self

    def fits(self) -> Visitor:
        """Nothing runs over the edge of the screen."""
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), self.page.url
        return self


@contextmanager
def visitor(
    chromium: Browser, address: str, *, script: bool, app: Flask | None = None, account: str | None = None
) -> Iterator[Visitor]:
    context = chromium.new_context(viewport=PHONE, locale="en-GB", java_script_enabled=script, accept_downloads=True)
    if app and account:
        house: House = app.extensions["odr"]
        at = house.clock()
        cookie = write_unit(house.engine, lambda connection: start_session(connection, account, "", at, factor_at=at))
        with app.test_request_context():
            context.add_cookies([{"name": cookie_name("odr"), "value": cookie, "url": address}])
    yield Visitor(context.new_page(), address)
    context.close()


def somebody(house: House, name: str, *, role: str = "") -> str:
    """An account named by what its owner is here, with a role where that is one; answers its id."""
    account = write_unit(
        house.engine,
        lambda connection: open_account(
            connection, house, email=f"{name}@example.org", name=f"The {name}", at=house.clock()
        ),
    )
    if role:
        grant_role(house, account, role)
    return account


def a_registrar(house: House) -> str:
    return somebody(house, "registrar", role="registrar")


def letters(app: Flask, to: str) -> list[str]:
    """The texts of all mails to this address so far, after the worker did all that is due."""
    house: House = app.extensions["odr"]
    assert work(app, once=True)
    folder = Path(house.settings.mail_url.removeprefix("folder://"))
    found = []
    for file in sorted(folder.rglob("*.eml"), key=lambda file: file.stat().st_mtime_ns):
        letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if to in letter["To"]:
            body = letter.get_body(("plain",))
            assert body is not None
            found.append(body.get_content())
    return found


def link_in(letter: str, path: str) -> str:
    found = re.search(rf"https?://\S+({path}/\S+)", letter)
    assert found, letter
    return found[1]
