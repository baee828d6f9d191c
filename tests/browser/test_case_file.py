"""The case file, taken home on a phone and read there without the house, in a browser that runs no script."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser

from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_pseudonym
from odr.log.integrator import seal_all
from odr.log.offline import main as verify_from_outside
from odr.log.signers import signers_of
from tests.browser.test_accessibility import NARROWEST, RULES, WIDE
from tests.browser.visitors import somebody, visitor
from tests.builders import ADispute, a_dispute
from tests.casefile.archives import made
from tests.casefile.test_case_file import HOSTILE, a_photo

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def told(house: House, account: str) -> ADispute:
    """A dispute with files, words of every script and hostile ones, and a decision."""
    dispute = a_dispute(house, buyer_account=account).admitted().contested()
    for content, name in ((a_photo("somewhere"), "photo.jpg"), ("已放行\n".encode(), "报关单.txt")):
        given = {"key": new_pseudonym(), "arriving": BytesIO(content), "name": name, "about": HOSTILE}
        take_in(house, dispute.id, dispute.buyer, **given)
    return dispute.in_negotiation().offer(dispute.seller, "20.00", text=HOSTILE).decided()


def test_a_case_file_is_taken_home_and_read_on_a_phone_without_script(
    app: Flask, chromium: Browser, address: str, tmp_path: Path
) -> None:
    house: House = app.extensions["odr"]
    account = somebody(house, "buyer")
    dispute = told(house, account)
    seal_all(house)
    with visitor(chromium, address, script=False, app=app, account=account) as buyer:
        buyer.go(f"/disputes/{dispute.number}").fits()
        with buyer.page.expect_download() as download:
            buyer.page.get_by_role("link", name="Download the case file").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)

        assert file.name == f"evenhand-{dispute.number}-buyer.zip"
        with house.engine.connect() as connection:
            [key] = signers_of(connection, house.origin).newest_first(0)
        assert verify_from_outside(["case", str(file), "--key", key]) == 0
        zipfile.ZipFile(file).extractall(tmp_path / "case")
        page = buyer.page
        page.goto((tmp_path / "case" / "index.html").as_uri())
        buyer.fits().sees("The case file of the buyer").sees("The parcel never came.").sees("[U+202E]")
        page.locator("#evidence-2").get_by_role("link", name="报关单.txt").click()
        buyer.sees("已放行")
        page.go_back()
        drawn = page.locator("#evidence-1 img")
        assert drawn.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 40
        page.locator("#entry-1").get_by_role("link", name="Receipt").wait_for()


def test_the_page_in_it_shuts_nobody_out_and_reaches_nothing(app: Flask, chromium: Browser, tmp_path: Path) -> None:
    house: House = app.extensions["odr"]
    dispute = told(house, somebody(house, "buyer"))
    seal_all(house)
    (tmp_path / "case.zip").write_bytes(made(app, house, dispute, "buyer"))
    zipfile.ZipFile(tmp_path / "case.zip").extractall(tmp_path / "case")
    context = chromium.new_context(bypass_csp=False, locale="en")
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))

    for size, scheme in ((NARROWEST, "light"), (WIDE, "dark")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.goto((tmp_path / "case" / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate(Axe().axe_script)
        found = page.evaluate("rules => axe.run({runOnly: rules}).then(({violations}) => violations)", RULES)
        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []
    context.close()

    assert said == []
    assert {url.split(":")[0] for url in asked} == {"file"}
