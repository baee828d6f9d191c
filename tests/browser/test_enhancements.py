"""What script adds, and that every page does without it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = pytest.mark.browser

DRAFT = """<!doctype html><form data-autosave="/kept" data-saved="Kept."><textarea name="text"></textarea></form>
<script type="module">
  import { guardForms } from "/static/js/autosave.js";
  guardForms(document);
</script>"""
ASKED_BEFORE_LEAVING = """() => {
  const leaving = new Event("beforeunload", { cancelable: true });
  dispatchEvent(leaving);
  return leaving.defaultPrevented;
}"""


def test_the_zone_of_the_device_is_remembered_for_the_next_page(chromium: Browser, address: str):
    context = chromium.new_context(base_url=address, timezone_id="Asia/Shanghai")

    context.new_page().goto("/")

    assert {"zone": "Asia/Shanghai"}.items() <= {each["name"]: each["value"] for each in context.cookies()}.items()
    context.close()


def test_the_language_can_be_chosen_without_script(chromium: Browser, address: str):
    context = chromium.new_context(base_url=address, java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto("/how-it-works")

    page.get_by_role("button", name="简体中文").click()

    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page).to_have_url(f"{address}/how-it-works")
    context.close()


def test_the_keyboard_can_pass_over_the_navigation(page: Page, address: str):
    page.goto(address)

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_every_focus_can_be_seen(page: Page, address: str):
    page.goto(address)

    for _step in range(6):
        page.keyboard.press("Tab")
        drawn = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert drawn >= 3


def test_what_can_be_pressed_is_large_enough_for_a_thumb(page: Page, address: str):
    page.goto(address)

    small = page.evaluate(
        """[...document.querySelectorAll("a.button, button, header a, footer a")]
             .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 43.5)
             .map((each) => each.textContent.trim())"""
    )

    assert small == []


def test_nothing_moves_for_who_asks_for_stillness(chromium: Browser, address: str):
    context = chromium.new_context(base_url=address, reduced_motion="reduce")
    page = context.new_page()
    page.goto("/")

    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter((each) => {
             const style = getComputedStyle(each);
             return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
           }).length"""
    )

    assert moving == 0
    context.close()


def test_what_is_typed_while_a_copy_travels_is_not_left_by_accident(page: Page, address: str):
    page.clock.install()
    page.route("**/draft", lambda route: route.fulfill(content_type="text/html", body=DRAFT))
    held: list[Route] = []
    page.route("**/kept", lambda route: route.fulfill(status=204) if held else held.append(route))
    page.goto(f"{address}/draft")

    page.locator("textarea").press_sequentially("One")
    page.clock.run_for(1500)
    page.locator("textarea").press_sequentially(" two")
    with page.expect_response("**/kept"):
        held[0].fulfill(status=204)
    assert page.evaluate(ASKED_BEFORE_LEAVING)

    with page.expect_response("**/kept"):
        page.clock.run_for(1500)
    expect(page.get_by_role("status")).to_have_text("Kept.")
    assert not page.evaluate(ASKED_BEFORE_LEAVING)
