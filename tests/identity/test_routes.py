"""The pages of identity: proving a domain step by step, and what the other side of a dispute reads of it."""

from __future__ import annotations

import re

import pytest

from tests.builders import a_dispute
from tests.disputes.conftest import buyer, house, nobody, seller, stranger
from tests.disputes.readers import text

__all__ = ["buyer", "house", "nobody", "seller", "stranger"]

pytestmark = pytest.mark.one_database


def begin(reader, domain: str, method: str = "dns") -> str:
    """Begin a proof; answers the address of its page."""
    answer = reader.send("/identity/organisation", {"domain": domain, "method": method})
    assert answer.status_code == 303
    return answer.location


def line_on(page: str) -> str:
    return re.search(r"evenhand=[\w-]{43}", page)[0]


def test_a_domain_is_proven_step_by_step_and_the_other_side_reads_it(house, buyer, seller, names):
    dispute = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id).admitted()
    assert "Address confirmed" in seller.read("/identity") and "shop.example" not in seller.read("/identity")

    here = begin(seller, "https://www.Shop.example/contact")
    page = seller.read(here)
    assert "_evenhand.shop.example" in page and "TXT" in page
    early = seller.send(f"{here}/check", form_at=here)
    assert early.location == here and "the line is not there yet" in seller.read(here)
    names.write("_evenhand.shop.example", "TXT", line_on(page))
    done = seller.send(f"{here}/check", form_at=here)

    assert done.location == "/identity" and "Your organisation is confirmed" in seller.read("/identity")
    assert "It is confirmed until" in seller.read(here)
    told = buyer.read(f"/disputes/{dispute.number}")
    assert "Organisation shop.example , confirmed on 2 March 2026" in told and "What this means" in told
    assert told.count("Address confirmed") == 2

    handle = here.rpartition("/")[2]
    assert seller.send(f"/identity/proofs/{handle}/removal", form_at="/identity").status_code == 303
    assert "shop.example" not in buyer.read(f"/disputes/{dispute.number}")
    seller.read(here, 404)


def test_a_site_that_shows_its_file_is_as_good(seller, names, site):
    here = begin(seller, "shop.example")
    line = line_on(seller.read(here))
    other = seller.post("/identity/organisation", seller.hidden(here, "/identity/organisation"))
    assert other.location == here
    page = seller.read(here)
    assert line_on(page) == line
    assert "https://shop.example/.well-known/evenhand.txt" in page
    names.write("shop.example", "A", "10.0.0.1")
    seller.send(f"{here}/check", form_at=here)
    assert "not over a public address" in seller.read(here)

    names.write("shop.example", "A", "127.0.0.1")
    site.says = site.file(line_on(page))
    seller.send(f"{here}/check", form_at=here)

    assert "Organisation shop.example , confirmed on" in seller.read("/identity")


@pytest.mark.parametrize(
    ("typed", "method", "said"),
    [
        ("", "dns", "Write the domain of your organisation"),
        ("127.0.0.1", "dns", "Write a domain as it stands in an address on the web"),
        ("co.uk", "dns", "Write the whole name of your own"),
        ("gmail.com", "web", "Many people who have nothing to do with each other"),
        ("shop.example", "oidc", "Choose one of the ways"),
        ("shop.example", "\x00", "Choose one of the ways"),
        ("<b>shop\x00", "dns", "Write a domain as it stands in an address on the web"),
        ("x" * 10_000, "dns", "Write a domain as it stands in an address on the web"),
    ],
)
def test_what_is_wrong_with_a_domain_is_said_beside_it_and_what_was_typed_stays(seller, typed, method, said):
    answer = seller.send("/identity/organisation", {"domain": typed, "method": method})

    assert answer.status_code in (409, 422) and said in text(answer)
    assert typed.replace("<", "&lt;").replace(">", "&gt;") in answer.get_data(as_text=True)


def test_another_account_finds_no_proof_of_mine_and_nobody_is_led_to_sign_in(seller, stranger, nobody):
    here = begin(seller, "shop.example")
    handle = here.rpartition("/")[2]
    hidden = stranger.hidden("/identity/organisation")

    stranger.read(here, 404)
    for path in (f"{here}/check", f"/identity/proofs/{handle}/removal"):
        assert stranger.post(path, hidden).status_code == 404
    assert nobody.client.get(here).status_code == nobody.client.get("/identity").status_code == 303
    assert "Nobody needs any of this" in nobody.read("/identity/levels")


def test_the_seller_says_that_the_order_is_theirs_and_the_buyer_and_the_mediator_read_it(house, buyer, seller):
    dispute = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id).admitted()
    here = f"/disputes/{dispute.number}"

    assert seller.send(f"{here}/reply/contest", {"text": "It was sent.", "ours": "y"}).status_code == 303

    told = buyer.read(here)
    assert "The seller confirmed that this is an order of theirs." in told
    assert told.index("Order confirmed by the seller") < told.index("The seller says")
