"""Every kind of page is open to everybody: no finding of axe, no sideways scrolling, no fault in the console."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page

from odr.people.security import cookie_name
from tests.browser.readers import Kind, Reader, all_kinds, furnish

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
NARROWEST = {"width": 320, "height": 800}
WIDE = {"width": 1280, "height": 800}


def test_no_kind_of_page_shuts_anybody_out(app: Flask, chromium: Browser, address: str):
    faults: list[str] = []

    for kind, page in visited(app, chromium, address, faults):
        page.evaluate(Axe().axe_script)
        faults += [f"{kind} {kind.path}: {beyond_the_edge(page)} px wider than the screen"] * (
            beyond_the_edge(page) > 0
        )
        faults += findings(kind, page)
        page.set_viewport_size(WIDE)
        page.emulate_media(color_scheme="dark")
        faults += findings(kind, page)

    assert faults == []


def test_a_planted_fault_is_found(page: Page, address: str):
    page.goto(address)
    page.evaluate(Axe().axe_script)
    page.evaluate("document.querySelector('h1').outerHTML = '<h4><img src=x></h4><p class=wide>x</p>'")

    assert any("image-alt" in finding for finding in findings(Kind(Reader("stranger"), "planted", "/"), page))


def visited(app: Flask, chromium: Browser, address: str, faults: list[str]):
    """Each kind of page of a furnished house, open in its reader's browser; what the console says joins the faults."""
    kinds = all_kinds(app, furnish(app))
    for reader in dict.fromkeys(kind.reader for kind in kinds):
        context = chromium.new_context(base_url=address, locale="en")
        if reader.cookie:
            with app.test_request_context():
                context.add_cookies([{"name": cookie_name("odr"), "value": reader.cookie, "url": address}])
        page = context.new_page()
        page.on("console", lambda said: faults.append(f"{said.text} {said.page.url}") if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        for kind in (each for each in kinds if each.reader == reader):
            page.set_viewport_size(NARROWEST)
            page.emulate_media(color_scheme="light")
            page.goto(kind.path)
            yield kind, page
        context.close()


def findings(kind: Kind, page: Page) -> list[str]:
    """What axe, which is in the page already, finds on it as it stands, one line for each rule."""
    # The style sheets are at hand already; fetching them once more would find nothing.
    options = {"runOnly": RULES, "resultTypes": ["violations"], "preload": False}
    # Only what it finds leaves the page: what it also looked at would take longer to hand over than to look at.
    found = page.evaluate("options => axe.run(document, options).then(({ violations }) => violations)", options)
    return [f"{kind} {kind.path}: {each['id']}: {[node['target'] for node in each['nodes']][:3]}" for each in found]


def beyond_the_edge(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
