"""A seller claims the addresses under its domain, hears of what is filed against them, and comes without a link."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import pytest
from sqlalchemy import insert, select, update

from odr.database import write_unit
from odr.disputes.tables import party
from odr.disputes.tables import seller as seller_table
from odr.erasure.service import _erase_account
from odr.filing.service import address_key
from odr.identity import service as identity
from odr.identity.rules import line_of
from odr.kernel import SYSTEM, Missing, Refused
from odr.log.journal import read_stream
from odr.notices.tables import outbox
from odr.people import queries as people
from odr.people.service import Caller, grant_role
from odr.people.tables import account, identity_proof
from odr.procedure import rules as procedure
from odr.profile import service
from odr.response import rules as response
from tests.builders import a_dispute
from tests.disputes.readers import text
from tests.filing.conftest import Browser

ADDRESS = "desk@shop.example"
CALLER = Caller()


def person_of(reader) -> people.Person:
    house = reader.app.extensions["odr"]
    cookie = reader.client.get_cookie("odr").value
    with house.engine.connect() as connection:
        found = people.person_by_cookie(connection, cookie, house.clock())
    assert found is not None
    return found


def prove(reader, names, domain: str = "shop.example") -> str:
    house, person = reader.app.extensions["odr"], person_of(reader)
    proof_id = identity.begin(house, CALLER, person, domain=domain, method="dns")
    with house.engine.connect() as connection:
        tokens = connection.scalars(select(identity_proof.c.token).where(identity_proof.c.ended_at.is_(None))).all()
    names.write(f"_evenhand.{domain}", "TXT", *map(line_of, tokens))
    identity.check(house, CALLER, person, proof_id)
    return proof_id


def filed(house, buyer, email: str = ADDRESS, site: str = ""):
    """A dispute against the seller of this address, in which nobody has come for the seller. It is filed before the
    address is claimed: the builder draws the seller's stable name."""
    dispute = a_dispute(house, buyer_account=buyer.account_id)
    key = address_key(house.settings.secret_key, email, site)
    write_unit(
        house.engine,
        lambda connection: connection.execute(insert(seller_table).values(id=dispute.seller.id, address_key=key)),
    )
    return dispute


def letters(house, reader) -> list[str]:
    with house.engine.connect() as connection:
        rows = connection.execute(
            select(outbox.c.params).where(
                outbox.c.template == "profile_named", outbox.c.account_id == reader.account_id
            )
        )
        return [row.params["number"] for row in rows]


def sits(house, dispute) -> str | None:
    with house.engine.connect() as connection:
        return connection.scalar(
            select(party.c.account_id).where(party.c.dispute_id == dispute.id, party.c.side == "seller")
        )


# -- claiming ---------------------------------------------------------------------------------------------------


def test_an_address_under_a_proven_domain_is_claimed_and_no_other(house, seller, names):
    person = person_of(seller)
    with pytest.raises(Refused, match="address_not_yours"):
        service.claim(house, person, address=ADDRESS)
    prove(seller, names)

    for address in (ADDRESS, " Sales@Mail.SHOP.example ", "shop.example", "https://www.shop.example/"):
        service.claim(house, person, address=address)
    for address, code in (
        ("desk@myshop.example", "address_not_yours"),
        ("desk@example", "email_malformed"),
        ("other.example", "address_not_yours"),
        # A market place is none of its sellers.
        ("shop.example/sellers/12", "site_malformed"),
        ("", "site_malformed"),
    ):
        with pytest.raises(Refused, match=code):
            service.claim(house, person, address=address)

    copy = seller.client.get("/account/data/copy")
    with zipfile.ZipFile(BytesIO(copy.data)) as archive:
        own = next(json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json"))
    assert [each["named"] for each in own["identities"]] == ["shop.example"]
    assert ADDRESS in {each["address"] for each in own["claimed_addresses"]}
    page = seller.read("/profile")
    assert all(each in page for each in (ADDRESS, "sales@mail.shop.example", "shop.example", "Nothing waits"))
    with house.engine.connect() as connection:
        rows = connection.execute(select(seller_table)).all()
        last = read_stream(connection, f"account/{seller.account_id}")[-1].entry
    assert len(rows) == 3 and "shop.example" not in repr(rows)
    assert (last.type, dict(last.data)) == ("profile_claimed", {})


def test_staff_claim_nothing_and_a_claim_does_not_outlast_a_role(house, seller, registrar, buyer, names):
    with pytest.raises(Refused, match="staff_claims_nothing"):
        service.claim(house, person_of(registrar), address=ADDRESS)
    dispute = filed(house, buyer)
    prove(seller, names)
    service.claim(house, person_of(seller), address=ADDRESS)
    grant_role(house, seller.account_id, "registrar")

    dispute.admitted()

    assert letters(house, seller) == []
    with pytest.raises(Missing):
        service.read_notice(house, people.Person(seller.account_id, frozenset(), "", "", "", "", 0), dispute.number)


def test_of_two_accounts_of_one_organisation_the_first_has_an_address_until_it_gives_it_up(
    house, seller, stranger, names
):
    for reader in (seller, stranger):
        prove(reader, names)
    service.claim(house, person_of(seller), address=ADDRESS)
    with pytest.raises(Refused, match="profile_of_another"):
        service.claim(house, person_of(stranger), address=ADDRESS)
    with house.engine.connect() as connection:
        [held] = connection.scalars(select(seller_table.c.id))
    with pytest.raises(Missing):
        service.release(house, person_of(stranger), held)

    service.release(house, person_of(seller), held)
    service.claim(house, person_of(stranger), address=ADDRESS)

    assert ADDRESS not in seller.read("/profile") and ADDRESS in stranger.read("/profile")


# -- what is filed against it -----------------------------------------------------------------------------------


def test_the_claimant_hears_of_a_dispute_once_it_is_admitted_and_comes_without_a_link(
    house, seller, buyer, stranger, names
):
    dispute = filed(house, buyer)
    prove(seller, names)
    service.claim(house, person_of(seller), address=ADDRESS)
    here = f"/profile/disputes/{dispute.number}"
    assert letters(house, seller) == [] and dispute.number not in seller.read("/profile")
    seller.read(here, 404)

    dispute.admitted()

    assert letters(house, seller) == [dispute.number]
    assert dispute.number in seller.read("/profile")
    assert "What the buyer claims" in seller.read(here)
    seller.read(f"/disputes/{dispute.number}", 404)
    for other in (stranger, buyer):
        assert dispute.number not in other.read("/profile")
        other.read(here, 404)
        assert other.post(here, {**other.hidden("/profile", "/session/end"), "key": "0" * 32}).status_code == 404
    assert sits(house, dispute) is None

    joined = seller.send(here)

    assert (joined.status_code, joined.location) == (303, f"/disputes/{dispute.number}")
    page = seller.read(f"/disputes/{dispute.number}")
    assert "Organisation" in page and "shop.example" in page
    assert "who has shown to run the domain of its address" in buyer.read(f"/disputes/{dispute.number}")
    assert dispute.number not in seller.read("/profile")
    seller.read(here, 404)


def test_a_seat_that_somebody_took_by_the_link_is_never_the_claimants(house, seller, stranger, buyer, names):
    dispute = filed(house, buyer)
    prove(seller, names)
    service.claim(house, person_of(seller), address=ADDRESS)
    dispute.admitted()
    write_unit(
        house.engine,
        lambda connection: connection.execute(
            update(party)
            .where(party.c.dispute_id == dispute.id, party.c.side == "seller")
            .values(account_id=stranger.account_id)
        ),
    )

    assert dispute.number not in seller.read("/profile")
    seller.read(f"/profile/disputes/{dispute.number}", 404)
    with pytest.raises(Missing):
        service.take_seat(house, person_of(seller), dispute.number, key="0" * 32)


def test_an_address_that_the_buyer_named_later_need_not_be_the_claimants(house, seller, buyer, names):
    dispute = filed(house, buyer)
    prove(seller, names)
    service.claim(house, person_of(seller), address=ADDRESS)
    dispute.admitted()
    dispute.act(procedure.return_notice, SYSTEM, side="seller", template="invitation")
    dispute.act(response.give_address, dispute.buyer, seller='{"email": "other@elsewhere.example"}')

    assert dispute.number not in seller.read("/profile")
    seller.read(f"/profile/disputes/{dispute.number}", 404)


def test_nobody_takes_both_seats(house, buyer, names):
    dispute = filed(house, buyer)
    prove(buyer, names)
    service.claim(house, person_of(buyer), address=ADDRESS)
    dispute.admitted()

    with pytest.raises(Refused, match="buyer_cannot_join"):
        service.take_seat(house, person_of(buyer), dispute.number, key="0" * 32)
    refused = buyer.send(f"/profile/disputes/{dispute.number}")

    assert refused.status_code == 409 and sits(house, dispute) is None


@pytest.mark.parametrize("end", ["proof", "account", "suspension"])
def test_a_claim_ends_with_what_it_rests_on(house, seller, buyer, names, end):
    dispute = filed(house, buyer)
    proof_id = prove(seller, names)
    person = person_of(seller)
    service.claim(house, person, address=ADDRESS)

    def undo(connection) -> None:
        if end == "account":
            _erase_account(connection, house, seller.account_id)
        elif end == "suspension":
            values = {"suspended_at": house.clock()}
            connection.execute(update(account).where(account.c.id == seller.account_id).values(values))

    if end == "proof":
        identity.end(house, person, proof_id)
        assert "no longer confirmed" in seller.read("/profile")
    write_unit(house.engine, undo)
    dispute.admitted()

    assert letters(house, seller) == []
    assert service.confirmed_domain(house, ADDRESS, "") is None
    with pytest.raises(Missing):
        service.take_seat(house, person, dispute.number, key="0" * 32)
    if end == "account":
        with house.engine.connect() as connection:
            [row] = connection.execute(select(seller_table))
        assert (row.claimed_by, row.claimed_proof, row.sealed, row.wrapped_key, row.claimed_at) == (None,) * 5


def test_whoever_files_reads_that_the_organisation_is_confirmed(house, seller, buyer, names):
    assert service.confirmed_domain(house, ADDRESS, "") is None
    prove(seller, names)
    service.claim(house, person_of(seller), address=ADDRESS)
    service.claim(house, person_of(seller), address="shop.example")

    assert service.confirmed_domain(house, "DESK@shop.example", "") == "shop.example"
    assert service.confirmed_domain(house, "", "https://www.shop.example") == "shop.example"
    assert service.confirmed_domain(house, "other@shop.example", "") is None
    assert service.confirmed_domain(house, "", "shop.example/sellers/12") is None

    filer = Browser(buyer.app, buyer.account_id)
    for email, told in ((ADDRESS, True), ("other@shop.example", False)):
        draft = filer.answer(seller={"email": email})
        assert ("has confirmed the organisation" in filer.text(f"{draft}/answers")) is told


# -- the pages --------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_the_page_keeps_what_was_typed_and_says_what_is_wrong_with_it(house, seller, names):
    assert "First confirm your organisation" in seller.read("/profile")
    prove(seller, names)

    wrong = seller.send("/profile/addresses", {"address": "me@elsewhere.example"}, form_at="/profile")
    empty = seller.send("/profile/addresses", {"address": " "}, form_at="/profile")
    right = seller.send("/profile/addresses", {"address": ADDRESS}, form_at="/profile")

    assert (wrong.status_code, empty.status_code, right.status_code) == (422, 422, 303)
    assert "under no domain that you have confirmed" in text(wrong)
    assert 'value="me@elsewhere.example"' in wrong.get_data(as_text=True)
    with house.engine.connect() as connection:
        seller_id = connection.scalar(select(seller_table.c.id))
    assert seller.send(f"/profile/addresses/{seller_id}/release", form_at="/profile").status_code == 303
    assert ADDRESS not in seller.read("/profile")
