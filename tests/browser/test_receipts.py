"""The receipt of an act, taken home on a phone whose browser runs no script."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser

from odr.house import House
from odr.log.integrator import seal_all
from odr.log.note import Verifier, key_id
from odr.log.receipt import check
from tests.browser.visitors import somebody, visitor
from tests.builders import a_dispute

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_receipt_is_taken_home_on_a_phone_without_script(
    app: Flask, chromium: Browser, address: str, tmp_path: Path
) -> None:
    house: House = app.extensions["odr"]
    account = somebody(house, "buyer")
    dispute = a_dispute(house, buyer_account=account).admitted()
    with visitor(chromium, address, script=False, app=app, account=account) as buyer:
        buyer.go(f"/disputes/{dispute.number}").type(text="Is anybody there?").press("Send the message")
        buyer.fits().press("Take the receipt of this step with you")
        buyer.fits().sees("waits for its seal")
        seal_all(house)
        with buyer.page.expect_download() as taken:
            buyer.page.get_by_role("link", name="Try again").click()
        taken.value.save_as(tmp_path / taken.value.suggested_filename)

        buyer.go(f"/disputes/{dispute.number}").fits()
        with buyer.page.expect_download() as filed:
            buyer.page.locator("#entry-1").get_by_role("link", name="Receipt", exact=True).click()
        filed.value.save_as(tmp_path / filed.value.suggested_filename)
        buyer.press("How to check a receipt at home").fits()
        with buyer.page.expect_download() as verifier:
            buyer.page.get_by_role("link", name="The verifier, evenhand-verify.py").click()
        assert verifier.value.suggested_filename == "evenhand-verify.py"

    key = Verifier(house.origin, key_id(house.origin, house.keys.public_key), house.keys.verify)
    proven = [check(file.read_bytes(), house.origin, [key]) for file in sorted(tmp_path.glob("*.tlog-proof"))]
    assert [(one.entry.type, one.entry.version) for one in proven] == [("dispute_filed", 1), ("message_sent", 3)]
