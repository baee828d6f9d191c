"""The decision in a browser: written without script on a telephone, kept while it is being typed, read and accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.builders import ADispute
from tests.disputes.readers import Reader

pytestmark = pytest.mark.browser

TELEPHONE = {"width": 360, "height": 800}


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a page of a browser of its own, signed in as a reader."""
    contexts: list[BrowserContext] = []

    def open_as(reader: Reader, path: str, *, script: bool = True) -> Page:
        context = chromium.new_context(base_url=address, viewport=TELEPHONE, locale="en-GB", java_script_enabled=script)
        contexts.append(context)
        cookie = reader.client.get_cookie("odr")
        context.add_cookies([{"name": "odr", "value": cookie.value, "url": address}])
        page = context.new_page()
        page.goto(path)
        return page

    yield open_as
    for context in contexts:
        context.close()


def at(dispute: ADispute, path: str = "") -> str:
    return f"/disputes/{dispute.number}/decision{path}"


def test_a_decision_is_written_without_script_and_accepted_by_both_sides(opened, to_decide, mediator, buyer, seller):
    page = opened(mediator, at(to_decide, "/new"), script=False)
    refund = page.get_by_role("group", name="Full refund")
    refund.get_by_label("Granted in part").check()
    refund.get_by_label("If in part: how much, in EUR").fill("574,50")
    page.get_by_role("group", name="Costs, such as return postage").get_by_label("Refused").check()
    page.get_by_role("group", name="Apology or correction").get_by_label("Granted").check()
    first = page.get_by_role("group", name="Finding 1")
    first.get_by_label("What you find").fill("The parcel was lost.\n\nNo scan says otherwise.")
    first.get_by_label("Evidence 1: tracking.txt").check()
    page.get_by_role("button", name="One more finding").click()
    expect(page.get_by_role("group", name="Finding 4")).to_be_visible()
    fourth = page.get_by_role("group", name="Finding 4")
    fourth.get_by_label("What you find").fill("The buyer paid in full.")
    fourth.get_by_label("What both sides say in the filing and the reply").check()
    page.get_by_label("Why you decide so").fill("Who sends bears the risk.\n\nThat was the seller.")
    page.get_by_role("button", name="Check the decision").last.click()

    expect(page.locator("#errors")).to_contain_text("Choose from the list on what the decision rests.")
    page.get_by_label("The law of the buyer’s country").check()
    page.get_by_role("button", name="Check the decision").last.click()
    expect(page.locator("article.document .findings > li")).to_have_count(2)
    page.get_by_role("button", name="Issue the decision").click()

    expect(page.get_by_text("The decision is issued. Both sides are told.")).to_be_visible()
    expect(page.locator("article.document .findings .words p")).to_have_count(3)
    for reader in (seller, buyer):
        page = opened(reader, at(to_decide), script=False)
        page.get_by_role("link", name="Read and accept").click()
        expect(page.get_by_text("You are free to accept it or not.")).to_be_visible()
        page.get_by_role("button", name="Accept the decision").click()
        expect(page.get_by_text("You accepted the decision.")).to_be_visible()
    expect(page.get_by_role("heading", name="Decided: the claim is granted in part.")).to_be_visible()


def test_what_is_being_typed_is_kept_before_anything_is_pressed(opened, to_decide, mediator):
    page = opened(mediator, at(to_decide, "/new"))
    page.get_by_role("group", name="Finding 1").get_by_label("What you find").fill("Half a sen")
    expect(page.get_by_text("Kept. You can go on later.")).to_be_visible(timeout=15_000)

    again = opened(mediator, at(to_decide, "/new"))

    expect(again.get_by_role("group", name="Finding 1").get_by_label("What you find")).to_have_value("Half a sen")


def test_a_decision_fits_a_telephone(opened, decided, buyer):
    for path in ("", "/acceptance", "/rejection"):
        page = opened(buyer, at(decided, path))
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path
