"""What lies over any step: time that stands still, mail that came back, more time, and a court that has the dispute."""

from __future__ import annotations

import json

import pytest

from odr.disputes.queries import contact_of
from odr.kernel import SYSTEM, Actor
from odr.mediation import rules as mediation
from odr.people.tables import mediator as roster
from odr.procedure import rules as procedure
from odr.procedure.dispute import Phase
from odr.response import rules as response
from tests.builders import run_alone
from tests.disputes.readers import Reader, account, text

MEDIATOR = "a5" * 16


def at(dispute, path="") -> str:
    return f"/disputes/{dispute.number}{path}"


@pytest.fixture
def mediator(app, house, clock) -> Reader:
    """Somebody on the roster, with a browser."""
    account_id = account(app, "mediator@example.org", "A Mediator", "mediator")
    row = {
        "id": MEDIATOR, "account_id": account_id, "languages": ["en"], "fields": [], "interest_sellers": [],
        "interest_domains": [], "training": "", "admitted_at": 0, "mandate_until": 2 * clock(), "capacity": 5,
        "counted_from": 0,
    }  # fmt: skip
    run_alone(house, (roster, row))
    return Reader(app, account_id)


def came_back(dispute, side: str) -> None:
    dispute.act(procedure.return_notice, SYSTEM, side=side, template="invitation")


# -- time that stands still -------------------------------------------------------------------------------------


def test_time_stands_still_when_the_other_side_agrees_and_goes_on_by_a_press(dispute, buyer, seller):
    dispute.admitted().contested()

    asked = buyer.send(at(dispute, "/suspension"), {"text": "I am in hospital."})
    assert (asked.status_code, asked.location) == (303, at(dispute))
    assert "The other side asks to let time stand still I am in hospital." in seller.read(at(dispute))
    assert "asks to let time stand still" not in buyer.read(at(dispute)).split("Docket")[0]

    agreed = seller.send(at(dispute, "/suspension/agreement"), form_at=at(dispute))
    assert agreed.status_code == 303
    for reader in (buyer, seller):
        page = reader.read(at(dispute))
        assert "Nobody has to act" in page and "The clock stands still" in page
        assert "Both sides asked for it" in page and "After that time goes on" in page
        assert "The clock stands still" in reader.read("/disputes")

    ended = buyer.send(at(dispute, "/suspension/end"), form_at=at(dispute))
    assert ended.status_code == 303
    assert "It is the turn of both sides" in seller.read(at(dispute))


def test_nobody_agrees_to_their_own_request(dispute, buyer):
    dispute.admitted().contested().act(procedure.ask_suspension, dispute.buyer)

    assert "Agree to let time stand still" not in buyer.read(at(dispute))
    sent = buyer.post(at(dispute, "/suspension/agreement"), buyer.hidden(at(dispute), at(dispute, "/messages")))
    assert sent.status_code == 409 and "has not asked to let time stand still" in text(sent)


def test_a_registrar_lets_time_stand_still_on_a_ground_and_lets_it_go_on(dispute, buyer, registrar):
    dispute.admitted().contested().opened_to(registrar.account_id)
    place = at(dispute, "/suspension/order")

    assert registrar.send(place, {"suspend-text": "A chargeback runs."}).status_code == 422
    ordered = registrar.send(place, {"suspend-ground": "parallel_payment", "suspend-text": "A chargeback runs."})

    assert ordered.status_code == 303
    page = buyer.read(at(dispute))
    assert "A payment dispute runs beside it" in page and "A chargeback runs." in page
    assert "Let time go on" not in page  # what a registrar ordered, a registrar ends
    registrar.send(at(dispute, "/suspension/end"), form_at=at(dispute))
    assert "The clock stands still" not in buyer.read(at(dispute))


@pytest.mark.one_database
@pytest.mark.parametrize("ground", ["", "notice_returned", "holiday"])
def test_no_other_ground_lets_time_stand_still(dispute, registrar, ground):
    dispute.admitted().contested().opened_to(registrar.account_id)

    sent = registrar.send(at(dispute, "/suspension/order"), {"suspend-ground": ground, "suspend-text": "So."})

    assert sent.status_code == 422 and "Choose a ground from the closed list" in text(sent)


def test_mail_that_came_back_is_said_in_words_to_both(dispute, buyer, seller):
    dispute.admitted().contested()
    came_back(dispute, "buyer")

    assert "Mail to you came back" in buyer.read(at(dispute))
    for reader in (buyer, seller):
        page = reader.read(at(dispute))
        assert "The clock stands still" in page and "Mail to one side came back" in page
    assert "Mail to you came back" not in seller.read(at(dispute))


# -- another address of the seller --------------------------------------------------------------------------------


def test_the_buyer_names_another_address_and_the_notice_goes_there(house, dispute, buyer):
    dispute.admitted()
    came_back(dispute, "seller")
    page = buyer.read(at(dispute))
    assert "It is your turn" in page and "Name another address of the seller" in page

    given = buyer.send(at(dispute, "/seller-address"), {"email": "office@shop.example", "site": "shop.example"})

    assert given.status_code == 303
    with house.engine.connect() as connection:
        contact = contact_of(connection, house, dispute.id, "seller")
    assert (contact.email, contact.name) == ("office@shop.example", "The seller")
    assert "It is the seller’s turn" in buyer.read(at(dispute))
    assert "office@shop.example" not in buyer.read(at(dispute))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("", "Give an e-mail address of the seller."),
        ("office", "Write the whole address"),
        ("seller@example.org", "Mail to this address came back."),
        ("Buyer@example.org", "This is your own address."),
    ],
)
def test_an_address_that_helps_nobody_is_not_taken(dispute, buyer, email, sentence):
    dispute.admitted()
    came_back(dispute, "seller")

    sent = buyer.send(at(dispute, "/seller-address"), {"email": email})

    assert sent.status_code == 422 and sentence in text(sent)


def test_where_no_address_is_asked_for_the_page_leads_back(dispute, buyer, seller):
    dispute.admitted()

    assert buyer.client.get(at(dispute, "/seller-address")).location == at(dispute)
    assert "No other address of the seller is needed now." in buyer.read(at(dispute))
    assert seller.client.get(at(dispute, "/seller-address")).status_code in (303, 404)


def test_a_registrar_whom_the_buyer_names_later_has_no_desk_for_the_dispute(app, dispute):
    dispute.admitted()
    came_back(dispute, "seller")
    seller = json.dumps({"name": "Registrar", "email": "Registrar@example.org"})
    dispute.act(response.give_address, dispute.buyer, seller=seller)
    registrar = Reader(app, account(app, "registrar@example.org", "Registrar", "registrar"))

    assert registrar.client.get(at(dispute, "/handover")).status_code == 409


# -- another body, and more time ----------------------------------------------------------------------------------


def test_a_registrar_records_that_a_court_has_the_dispute(dispute, buyer, seller, registrar):
    dispute.admitted().contested().opened_to(registrar.account_id)
    place = at(dispute, "/handover")
    assert registrar.send(place, {"hand_over-text": "Seen."}).status_code == 422

    recorded = registrar.send(place, {"hand_over-reason": "moved_to_court", "hand_over-text": "A copy was shown."})

    assert recorded.status_code == 303
    for reader in (buyer, seller):
        page = reader.read(at(dispute))
        assert "Closed because a court has the dispute now" in page and "A copy was shown." in page


def test_the_mediator_gives_more_time_with_a_reason(dispute, buyer, mediator):
    dispute.in_mediation(MEDIATOR)
    place = at(dispute, "/added-time")
    assert mediator.send(place, {"text": " "}).status_code == 409

    given = mediator.send(place, {"text": "The expert answers next week."})

    assert (given.status_code, given.location) == (303, at(dispute))
    page = buyer.read(at(dispute))
    assert "The mediator gave more time." in page and "The expert answers next week." in page
    assert "The present step cannot" not in mediator.read(at(dispute))
    assert "Give more time" not in mediator.read(at(dispute)).split("Docket")[0]


def test_the_desk_of_the_registrars_is_not_the_mediators(dispute, mediator):
    dispute.in_mediation(MEDIATOR)

    for path in ("/extension/grant", "/suspension/order", "/handover", "/admission"):
        assert mediator.client.get(at(dispute, path)).status_code == 404, path


# -- the mediator on the page ---------------------------------------------------------------------------------------


def test_the_mediator_is_named_between_the_sides_with_the_way_to_the_draw(dispute, buyer, mediator):
    dispute.drawn(MEDIATOR)
    assert "Drawn, and asked to accept." in buyer.read(at(dispute))

    dispute.appointed()

    page = buyer.read(at(dispute))
    assert "Between both sides A Mediator Mediator since 2 March 2026" in page
    assert f'href="{at(dispute, "/draw")}"' in buyer.client.get(at(dispute)).get_data(as_text=True)
    assert "A Mediator (you)" in mediator.read(at(dispute))


def test_the_mediator_reads_the_file_and_nothing_behind_the_wall(dispute, mediator):
    dispute.in_negotiation().offer(dispute.seller, "31.07", text="A secret offer.")
    dispute.act(procedure.send_message, dispute.buyer, text="A walled word.")
    dispute.in_mediation(MEDIATOR)

    page = mediator.read(at(dispute))

    assert "Two bicycle lights never arrived." in page and "We sent it." in page
    for secret in ("31.07", "A secret offer.", "A walled word.", "made offer"):
        assert secret not in page
    assert mediator.client.get(at(dispute, "/offers")).status_code == 404
    assert mediator.client.get(at(dispute, "/settlement")).status_code == 404


def test_messages_of_the_mediation_are_read_by_all_three(dispute, buyer, seller, mediator):
    dispute.in_mediation(MEDIATOR)

    sent = mediator.send(at(dispute, "/messages"), {"text": "What would help you?"}, form_at=at(dispute))

    assert sent.status_code == 303
    for reader in (buyer, seller, mediator):
        assert "The mediator wrote What would help you?" in reader.read(at(dispute))


def test_the_money_is_told_to_its_end(dispute, buyer, seller, mediator):
    dispute.in_mediation(MEDIATOR).proposed("25.00")
    dispute.decided().closed_with().performed()

    for reader in (buyer, seller, mediator):
        page = reader.read(at(dispute))
        for words in ("Proposal 1", "25.00", "Decision", "Carried out, as the seller says"):
            assert words in page
    assert "Decided: the claim is granted in full. The decision is accepted" in page
    assert "Carrying it out: Carried out, as the seller says" in page


def test_a_challenge_is_said_to_both_with_its_ground_and_its_end(dispute, buyer, seller, registrar, mediator):
    dispute.in_mediation(MEDIATOR)
    dispute.act(mediation.challenge_mediator, dispute.seller, ground="tie", text="They are cousins.")

    for reader in (buyer, seller):
        page = reader.read(at(dispute))
        assert "The mediator has a tie to one side They are cousins. A registrar decides on it until" in page
    assert "It is your turn Decide on the challenge" in registrar.read(at(dispute))


def test_who_is_released_reads_nothing_more(dispute, mediator):
    dispute.in_mediation(MEDIATOR)
    assert mediator.client.get(at(dispute)).status_code == 200

    dispute.act(mediation.resign, Actor(MEDIATOR, "mediator"), text="I fell ill.")

    assert dispute.state.phase is Phase.ASSIGNMENT
    assert mediator.client.get(at(dispute)).status_code == 404
