"""The reply: five choices, each with its page, its consequence and its confirmation."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from odr.disputes.tables import dispute_row
from odr.kernel import Money, new_pseudonym
from odr.log.tables import entry
from odr.procedure.dispute import Phase
from odr.procedure.events import ClaimItem, Term
from odr.response import rules as response
from tests.builders import a_dispute
from tests.disputes.readers import text

ITEMS = (ClaimItem("refund", Money(4890, "EUR")), ClaimItem("costs", Money(1000, "EUR")), ClaimItem("apology"))


@pytest.fixture
def dispute(house, buyer, seller):
    """An admitted dispute about a refund, costs and an apology."""
    return a_dispute(house, items=ITEMS, buyer_account=buyer.account_id, seller_account=seller.account_id).admitted()


def at(dispute, path="") -> str:
    return f"/disputes/{dispute.number}{path}"


def row(house, dispute):
    with house.engine.connect() as connection:
        return connection.execute(select(dispute_row).where(dispute_row.c.id == dispute.id)).one()


def entries(house, dispute) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(
            select(func.count()).select_from(entry).where(entry.c.stream == f"dispute/{dispute.id}")
        )


def offers(house, dispute) -> tuple:
    return tuple(
        offer.terms
        for offer in dispute.act(response.join_seller, dispute.seller, proof="invitation_link").dispute.offers
    )


# -- choosing ---------------------------------------------------------------------------------------------------


def test_choosing_says_nothing_yet_and_leads_to_the_page_of_the_choice(house, dispute, seller):
    before = entries(house, dispute)

    page = seller.read(at(dispute, "/reply"))
    chosen = seller.send(at(dispute, "/reply"), {"choice": "contest"})

    for words in ("I accept the claim in full", "I make an offer", "I contest the claim", "This dispute does not",
                  "I decline to take part", "This binds you", "48.90"):  # fmt: skip
        assert words in page
    assert (chosen.status_code, chosen.location) == (303, at(dispute, "/reply/contest"))
    assert entries(house, dispute) == before


@pytest.mark.one_database
@pytest.mark.parametrize("choice", ["", "win", "\x00", "accept_all "])
def test_a_choice_that_is_none_comes_back(dispute, seller, choice):
    answer = seller.send(at(dispute, "/reply"), {"choice": choice})

    assert answer.status_code == 422
    assert "Choose one of the possible replies." in text(answer)
    assert seller.client.get(at(dispute, f"/reply/{choice or 'none'}".replace("\x00", "%00"))).status_code == 404


def test_only_the_seller_replies(house, dispute, buyer, registrar):
    before = entries(house, dispute)

    for reader in (buyer, registrar):
        away = reader.client.get(at(dispute, "/reply"))
        assert (away.status_code, away.location) == (303, at(dispute))
        hidden = reader.hidden(at(dispute), "/session/end")
        forced = reader.post(at(dispute, "/reply/decline"), {**hidden, "key": new_pseudonym()})
        assert forced.status_code == 409
    assert entries(house, dispute) == before


# -- the five replies -------------------------------------------------------------------------------------------


def test_accepting_in_full_shows_the_amounts_binds_and_leads_to_the_signature(house, dispute, seller, buyer):
    page = seller.read(at(dispute, "/reply/accept_all"))
    sent = seller.send(at(dispute, "/reply/accept_all"))

    assert "This binds you" in page and "58.90" in page and "14 days from today" in page
    assert (sent.status_code, sent.location) == (303, at(dispute, "/settlement"))
    assert row(house, dispute).phase == Phase.SETTLED
    assert "58.90" in buyer.read(at(dispute, "/settlement"))


def test_contesting_needs_a_word_and_opens_the_exchange_of_evidence(house, dispute, seller, buyer):
    empty = seller.send(at(dispute, "/reply/contest"), {"text": " "})
    sent = seller.send(at(dispute, "/reply/contest"), {"text": "The lights were delivered on 9 January."})

    assert empty.status_code == 422
    assert "Say in a few words why you contest the claim." in text(empty)
    assert sent.status_code == 303
    assert row(house, dispute).phase == Phase.EVIDENCE
    assert "The lights were delivered on 9 January." in buyer.read(at(dispute))


def test_objecting_goes_to_the_registrar_once(house, dispute, seller):
    seller.send(at(dispute, "/reply/object"), {"text": "It is before a court."})
    assert row(house, dispute).awaited == "registrar"
    assert seller.client.get(at(dispute, "/reply")).status_code == 303

    dispute.act(response.dismiss_objection, dispute.registrar, text="It is not.")

    assert "This dispute does not belong here" not in seller.read(at(dispute, "/reply"))
    again = seller.send(at(dispute, "/reply/object"), {"text": "It is, though."})
    assert again.status_code == 409


def test_declining_is_confirmed_with_the_amount_and_ends_the_dispute(house, dispute, seller, buyer):
    page = seller.read(at(dispute, "/reply/decline"))
    seller.send(at(dispute, "/reply/decline"), {"text": "We do not take part."})

    assert "This cannot be taken back" in page and "58.90" in page
    assert row(house, dispute).code == "declined"
    assert "The seller declined the procedure" in buyer.read(at(dispute))


def test_an_offer_is_filled_in_with_the_claim_and_answers_each_item(house, dispute, seller, buyer):
    page = seller.client.get(at(dispute, "/reply/offer")).get_data(as_text=True)
    sent = seller.send(at(dispute, "/reply/offer"), {"item_0": "40", "item_1": "", "item_2": "y", "text": "Half."})

    assert 'value="48.90"' in page and 'value="10.00"' in page
    assert sent.status_code == 303
    assert offers(house, dispute) == ((Term(0, True, Money(4000, "EUR")), Term(1, False), Term(2, True)),)
    assert "40.00" in buyer.read(at(dispute))


def test_an_offer_may_come_later(house, dispute, seller):
    seller.send(at(dispute, "/reply/offer"), {"item_0": "absurd", "later": "1"})

    assert row(house, dispute).phase == Phase.EVIDENCE
    assert offers(house, dispute) == ()


@pytest.mark.one_database
@pytest.mark.parametrize(
    "typed",
    ["x", "-1", "1e9", "0.001", "9" * 40, "\x00", "1.2.3", "٤٠,x", "NaN", "Infinity", "0x10", "<b>", "1" * 100_000],
    ids=lambda typed: typed[:8].encode("unicode_escape").decode(),
)
def test_an_absurd_amount_is_told_beside_its_field_and_all_is_kept(house, dispute, seller, typed):
    before = entries(house, dispute)

    answer = seller.send(at(dispute, "/reply/offer"), {"item_0": typed, "item_1": "7.77", "text": "Kept."})

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    assert "7.77" in answer.get_data(as_text=True) and "Kept." in answer.get_data(as_text=True)
    assert entries(house, dispute) == before


def test_an_offer_of_nothing_is_refused_with_a_sentence(dispute, seller):
    answer = seller.send(at(dispute, "/reply/offer"), {"item_0": "0", "item_1": "0.00"})

    assert answer.status_code == 409
    assert "An offer must give at least one thing." in text(answer)


def test_the_seller_may_give_more_than_was_claimed(house, dispute, seller):
    seller.send(at(dispute, "/reply/offer"), {"item_0": "100.00", "item_1": ""})

    assert offers(house, dispute)[0][0] == Term(0, True, Money(10000, "EUR"))


def test_a_reply_that_comes_too_late_keeps_what_was_typed(house, dispute, seller, clock):
    hidden = seller.hidden(at(dispute, "/reply/contest"))
    dispute.act(response.give_reply, dispute.seller, choice="contest", text="First.")

    answer = seller.post(at(dispute, "/reply/contest"), {**hidden, "text": "Second, and long."})

    assert answer.status_code == 409
    assert "Second, and long." in answer.get_data(as_text=True)
    assert "This is not possible at the present stage." in text(answer)


def test_a_reply_sent_twice_is_one_reply(house, dispute, seller):
    hidden = seller.hidden(at(dispute, "/reply/decline"))

    codes = [seller.post(at(dispute, "/reply/decline"), {**hidden, "text": "No."}).status_code for _ in range(2)]

    assert codes == [303, 303]
    with house.engine.connect() as connection:
        types = connection.scalars(select(entry.c.type).where(entry.c.stream == f"dispute/{dispute.id}")).all()
    assert types.count("reply_given") == 1


@pytest.mark.one_database
def test_reading_the_pages_of_a_reply_says_nothing(house, dispute, seller):
    before = entries(house, dispute)

    for choice in ("", "/accept_all", "/offer", "/contest", "/object", "/decline"):
        assert seller.client.get(at(dispute, f"/reply{choice}")).status_code == 200
        assert seller.client.head(at(dispute, f"/reply{choice}")).status_code == 200
    assert entries(house, dispute) == before
