"""Every kind of page is open to everybody: no finding of axe, no sideways scrolling, no fault in the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext

from odr.people.security import cookie_name
from tests.browser.readers import Kind, Reader, all_kinds, furnish

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def kinds(app) -> list[Kind]:
    """Every kind of page of a furnished house, for each reader."""
    return all_kinds(app, furnish(app))


@pytest.fixture
def contexts(chromium: Browser, app, address: str) -> Iterator[object]:
    """Answers a browser context for a reader at a width in a theme; axe is injected, which the policy forbids."""
    opened: list[BrowserContext] = []

    def context(reader: Reader, width: int, theme: str) -> BrowserContext:
        made = chromium.new_context(
            base_url=address, viewport={"width": width, "height": 800}, color_scheme=theme, bypass_csp=True, locale="en"
        )
        if reader.cookie:
            with app.test_request_context():
                made.add_cookies([{"name": cookie_name("odr"), "value": reader.cookie, "url": address}])
        opened.append(made)
        return made

    yield context
    for each in opened:
        each.close()


@pytest.mark.parametrize(("width", "theme"), [(360, "light"), (1280, "dark")])
def test_no_kind_of_page_shuts_anybody_out(contexts, kinds, width, theme):
    pages = {kind.reader.name: contexts(kind.reader, width, theme).new_page() for kind in kinds}

    findings = []
    for kind in kinds:
        page = pages[kind.reader.name]
        page.goto(kind.path)
        found = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
        findings += [
            f"{kind} {kind.path}: {each['id']}: {[node['target'] for node in each['nodes']][:3]}" for each in found
        ]

    assert findings == []


def test_no_kind_of_page_scrolls_sideways_on_a_small_telephone(contexts, kinds):
    pages = {kind.reader.name: contexts(kind.reader, 320, "light").new_page() for kind in kinds}

    wide = []
    for kind in kinds:
        pages[kind.reader.name].goto(kind.path)
        beyond = pages[kind.reader.name].evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        wide += [f"{kind} {kind.path}: {beyond} px"] if beyond > 0 else []

    assert wide == []


def test_no_kind_of_page_breaks_the_content_policy(chromium, app, address, kinds):
    context = chromium.new_context(base_url=address)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))

    for kind in kinds:
        if kind.reader.cookie is None:
            page.goto(kind.path)
    context.close()

    assert said == []
