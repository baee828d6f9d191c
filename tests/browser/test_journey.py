"""One dispute from filing to settlement in real browsers: a buyer on a phone, a registrar, a seller by the mail."""

from __future__ import annotations

import io
import re

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser

from odr.house import House
from odr.verify import verify_house
from odr.worker import run as work
from tests.browser.visitors import PASSWORD, Visitor, a_registrar, letters, link_in, somebody, visitor
from tests.builders import a_dispute

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def a_photo() -> bytes:
    taken = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    Image.new("RGB", (320, 240), (120, 90, 60)).save(taken, "JPEG", exif=exif)
    return taken.getvalue()


@pytest.mark.parametrize("script", [False, True], ids=["without script", "with script"])
def test_a_dispute_is_filed_answered_negotiated_and_settled(
    app: Flask, chromium: Browser, address: str, script: bool
) -> None:
    house: House = app.extensions["odr"]
    photo = a_photo()
    with (
        visitor(chromium, address, script=script) as buyer,
        visitor(chromium, address, script=script) as seller,
        visitor(chromium, address, script=script, app=app, account=a_registrar(house)) as registrar,
    ):
        register(app, buyer)
        number = file_a_dispute(buyer)
        dispute = f"/disputes/{number}"

        registrar.go("/desk").fits().sees(number).press(number)
        registrar.press("Admit")

        invitation = link_in(letters(app, "seller@example.com")[-1], "/invitation")
        for _ in range(3):
            # Mail scanners look at links too: looking uses nothing up.
            seller.go(invitation).fits().sees("Two bicycle lights")
        seller.type(name="The seller").press("I act for the seller: open the dispute")
        seller.go(f"{dispute}/reply").fits().type(choice="contest").press("Continue")
        seller.type(text="We sent it on the day of the order.").press("Send the reply")

        add_evidence(buyer, dispute, "photo.jpg", photo, "The empty letter box")
        add_evidence(seller, dispute, "报关单.txt", b"customs paper", "The customs paper")
        for side in (buyer, seller):
            side.go(f"{dispute}/evidence/completion").fits().press("My file is complete")

        offer(seller, dispute, "20.00")
        offer(buyer, dispute, "48.90")
        offer(seller, dispute, "40.50")
        buyer.go(f"{dispute}/offers").fits().sees("40.50")
        buyer.go(f"{dispute}/offers/2/acceptance").fits().sees("40.50").press("Accept the offer")
        for side in (buyer, seller):
            side.go(f"{dispute}/settlement").fits().sees("40.50").press("Sign the agreement")
        for side in (buyer, seller):
            side.go(dispute).fits().sees("Settled in negotiation")

        own, others = download(buyer, f"{dispute}/evidence/1"), download(seller, f"{dispute}/evidence/1")
        assert own == photo
        assert Image.open(io.BytesIO(others)).size == (320, 240)
        assert not Image.open(io.BytesIO(others)).getexif()
        assert download(buyer, f"{dispute}/evidence/2") == b"customs paper"
        assert registrar.page.goto(f"{address}{dispute}/evidence/1").status == 404
    assert work(app, once=True)
    assert verify_house(house).findings == []


def test_a_message_that_was_typed_and_not_sent_is_not_left_without_a_question(
    app: Flask, chromium: Browser, address: str
) -> None:
    house: House = app.extensions["odr"]
    account = somebody(house, "buyer")
    dispute = a_dispute(house, buyer_account=account).admitted()
    with visitor(chromium, address, script=True, app=app, account=account) as buyer:
        asked: list[str] = []
        buyer.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        for typed, button in (("Is anybody there?", "简体中文"), ("在吗？", "发送留言"), ("", "English")):
            buyer.go(f"/disputes/{dispute.number}").type(text=typed)
            with buyer.page.expect_navigation():
                buyer.page.get_by_role("button", name=button, exact=True).click()

        assert asked == ["beforeunload"]


def register(app: Flask, buyer: Visitor) -> None:
    buyer.go("/account/new").fits()
    buyer.type(name="The buyer", email="buyer@example.org", country="DE", password=PASSWORD).press("Open the account")
    confirmation = link_in(letters(app, "buyer@example.org")[-1], "/account/verification")
    buyer.go(confirmation).fits().press("Confirm and open the account")


def file_a_dispute(buyer: Visitor) -> str:
    buyer.go("/filing").fits().press("Start now")
    buyer.fits().type(category="not_delivered").press("Continue")
    buyer.fits().type(
        bought="Two bicycle lights",
        reference="A-10234",
        ordered_on="2026-01-06",
        paid="48.90",
        currency="EUR",
        country="DE",
    ).press("Continue")
    buyer.fits().type(name="The seller", email="seller@example.com", country="CN").press("Continue")
    buyer.fits().type(contacted="yes", contacted_on="2026-02-10", channel="email").press("Continue")
    buyer.fits().type(**{"items-0-remedy": "refund", "items-0-amount": "48.90", "items-0-currency": "EUR"})
    buyer.press("Continue")
    buyer.fits().type(narrative="Two bicycle lights never came.").press("Continue")
    buyer.fits().sees("48.90").type(declared="y").press("File the dispute")
    buyer.fits().sees("Your dispute is filed")
    found = re.search(r"/disputes/([0-9A-Z-]+)/", buyer.page.url)
    assert found, buyer.page.url
    return found[1]


def add_evidence(side: Visitor, dispute: str, name: str, content: bytes, about: str) -> None:
    side.go(f"{dispute}/evidence").fits().type(about=about)
    side.page.locator('input[name="file"]').set_input_files({"name": name, "mimeType": "", "buffer": content})
    side.press("Add the file").sees(about)


def offer(side: Visitor, dispute: str, amount: str) -> None:
    side.go(f"{dispute}/offers/new").fits()
    side.page.locator('main input[inputmode="decimal"]').first.fill(amount)
    side.press("Make this offer").sees(amount)


def download(side: Visitor, path: str) -> bytes:
    answer = side.page.request.get(side.address + path)
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    return answer.body()
