"""Naming somebody who acts, through the pages: what they see, what they cannot, and every way it could go wrong."""

from __future__ import annotations

import re

import pytest

from odr.decision.rules import accept_decision
from odr.kernel import new_pseudonym
from odr.people.links import LASTS
from odr.people.queries import account_by_email
from odr.people.service import grant_role
from tests.builders import a_dispute
from tests.disputes.readers import Reader, hidden_in, invitation, text
from tests.mediation.roster import a_mediator
from tests.representation.mandates import LAWYER, day, facts, give, link_for, mandated, rows

pytestmark = pytest.mark.one_database

IMPOSSIBLE = "This mandate cannot be taken up with this account"


def taken_up(reader: Reader, path: str):
    return reader.send(path, form_at=path)


def test_a_side_names_a_lawyer_who_takes_it_up_and_speaks_for_it(house, buyer, seller, contested, lawyer, nobody):
    page = f"/disputes/{contested.number}"

    assert give(house, buyer, contested).location == f"{page}/representatives"
    assert "Was asked, and has not taken it up yet" in buyer.read(f"{page}/representatives")
    lawyer.read(page, 404)
    path = link_for(house, contested)

    # Whoever holds the link learns the number and the side, and no name, no word and no amount of the dispute.
    offered = nobody.read(path)
    assert contested.number in offered and "The buyer asks you to act" in offered
    assert "You need an account of the address that our mail went to" in offered
    assert not [word for word in ("bicycle", "48.90", "The buyer’s name", "Ms Lawyer", LAWYER) if word in offered]
    # Mail programs look at links; looking uses nothing up.
    assert {nobody.client.head(path).status_code, *(lawyer.client.get(path).status_code for _ in range(5))} == {200}
    assert facts(house, contested)[-1] == "mandate_given"

    assert taken_up(lawyer, path).location == page
    assert facts(house, contested)[-1] == "mandate_taken_up"
    assert [(row.email, row.account_id) for row in rows(house, contested)] == [(None, lawyer.account_id)]
    read = lawyer.read(page)
    assert "You act for the buyer" in read and "You can do all that the buyer can do but name representatives" in read
    assert "You act for the buyer" in lawyer.read("/disputes")

    lawyer.send(f"{page}/messages", {"text": "We wait for the tracking."}, form_at=page)
    for reader in (buyer, seller, lawyer):
        told = reader.read(page)
        assert "Buyer, by a representative" in told and "The buyer wrote, by a representative" in told
        assert "Represented by" in told and "Read, speak and bind" in told
    assert "(you)" in buyer.read(page) and "(you)" not in lawyer.read(page).split("What was filed")[0].split("says")[1]

    # Opened once more by whoever took it up, the link leads on; to all others it is used.
    assert lawyer.client.get(path).location == page
    assert nobody.client.get(path).status_code == 410


def test_a_forwarded_link_is_worth_nothing_and_stays_good(house, buyer, contested, lawyer, stranger):
    give(house, buyer, contested)
    path = link_for(house, contested)

    got, sent = stranger.client.get(path), stranger.post(path, {**stranger.hidden("/account"), "key": new_pseudonym()})

    for answer in (got, sent):
        assert answer.status_code == 403
        assert "This link was mailed to somebody else" in text(answer) and LAWYER not in text(answer)
    assert facts(house, contested)[-1] == "mandate_given"
    assert taken_up(lawyer, path).status_code == 303


def test_signed_out_nobody_takes_anything_up_and_is_led_back(house, buyer, contested, nobody):
    give(house, buyer, contested)
    path = link_for(house, contested)
    token = hidden_in(nobody.client.get("/session/new").get_data(as_text=True), "/session/new")["csrf_token"]

    answer = nobody.post(path, {"csrf_token": token, "key": new_pseudonym()})

    assert answer.status_code == 303 and answer.location.startswith("/session/new?next=/mandate/")
    assert facts(house, contested)[-1] == "mandate_given"


def test_a_link_is_good_for_seven_days_once_and_as_long_as_the_mandate_counts(house, clock, buyer, contested, lawyer):
    give(house, buyer, contested)
    old = link_for(house, contested)
    clock.at += LASTS["mandate"]
    lawyer.sign_in(), buyer.sign_in()
    assert lawyer.client.get(old).status_code == 410
    assert lawyer.client.get("/mandate/" + "a" * 43).status_code == 404

    fresh = link_for(house, contested)
    version = contested.state.version + 1
    room = f"/disputes/{contested.number}/representatives"
    buyer.send(f"{room}/{version}/end", form_at=room)
    over = lawyer.client.get(fresh)
    assert over.status_code == 410 and "This link opens nothing" in text(over)
    assert facts(house, contested)[-1] == "mandate_ended"
    assert [(row.email, row.ended_at) for row in rows(house, contested)] == [(None, clock.at)]


@pytest.mark.parametrize(("scope", "writes"), [("read", False), ("speak", True)])
def test_the_page_offers_what_the_mandate_covers_and_the_act_says_the_same(
    house, buyer, contested, lawyer, scope, writes
):
    contested.in_negotiation().offer(contested.seller, "31.07")
    mandated(house, contested, lawyer.account_id, scope=scope)
    page = f"/disputes/{contested.number}"
    before = facts(house, contested)

    read = lawyer.client.get(page).get_data(as_text=True)
    refused = lawyer.post(f"{page}/offers/0/acceptance", {**sound(lawyer), "seen": contested.state.offers[0].seal})

    assert (f'action="{page}/messages"' in read) is writes
    assert "Read and accept" not in read and "31.07" in read
    # Whose turn it is says so for the side, and not for whoever can do nothing about it.
    assert "It is the buyer’s turn" in read and "It is your turn" not in read
    assert refused.status_code == 409 and "Your mandate does not cover this step" in text(refused)
    assert facts(house, contested) == before


def sound(reader: Reader) -> dict[str, str]:
    """The hidden fields of a form that this reader was never shown."""
    page = reader.client.get("/account").get_data(as_text=True)
    return {"csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0], "key": new_pseudonym()}


def test_a_representative_names_nobody_and_ends_nobody(house, contested, lawyer):
    mandated(house, contested, lawyer.account_id)
    given_at = contested.state.mandates[0].version
    room, before = f"/disputes/{contested.number}/representatives", facts(house, contested)

    assert lawyer.client.get(f"{room}/new").location == f"/disputes/{contested.number}"
    fields = {"name": "X", "email": "friend@example.org", "scope": "bind", "until": day(house)}
    assert lawyer.post(f"{room}/new", {**sound(lawyer), **fields}).status_code == 409
    assert lawyer.post(f"{room}/{given_at}/end", sound(lawyer)).status_code == 409
    assert "Name a representative" not in lawyer.read(room) and "End this mandate" not in lawyer.read(room)
    assert facts(house, contested) == before and len(rows(house, contested)) == 1


def test_ended_in_the_middle_an_open_page_is_worth_nothing(house, buyer, seller, contested, lawyer):
    mandated(house, contested, lawyer.account_id)
    page, given_at = f"/disputes/{contested.number}", contested.state.mandates[0].version
    open_form = lawyer.hidden(page, f"{page}/messages")
    room = f"{page}/representatives"

    # The other side sees who acts, and can end nothing.
    assert "End this mandate" not in seller.read(room) and "Ms Lawyer" in seller.read(room)
    assert seller.post(f"{room}/{given_at}/end", sound(seller)).status_code == 404
    ended = buyer.send(f"{room}/{given_at}/end", form_at=room)

    assert ended.location == room
    before = facts(house, contested)
    assert lawyer.post(f"{page}/messages", {**open_form, "text": "One last word."}).status_code == 404
    for path in (page, room, f"{page}/settlement", f"{page}/case-file", f"{page}/entries/1/receipt"):
        assert lawyer.client.get(path).status_code == 404, path
    assert contested.number not in lawyer.read("/disputes")
    assert facts(house, contested) == before
    assert "Mandates that are over" in buyer.read(room)
    assert buyer.post(f"{room}/{given_at}/end", sound(buyer)).status_code == 409
    assert buyer.post(f"{room}/1/end", sound(buyer)).status_code == 404


def test_a_representative_gives_the_mandate_back(house, contested, lawyer, buyer):
    mandated(house, contested, lawyer.account_id)
    room = f"/disputes/{contested.number}/representatives"

    answer = lawyer.send(f"/disputes/{contested.number}/representation/end", form_at=room)

    assert answer.location == "/disputes"
    assert "A representative of the buyer gave the mandate back" in buyer.read(f"/disputes/{contested.number}")
    lawyer.read(room, 404)
    assert buyer.post(f"/disputes/{contested.number}/representation/end", sound(buyer)).status_code == 409


def test_whoever_stands_elsewhere_in_a_dispute_or_in_the_house_cannot_act_for_a_side(
    app, house, buyer, seller, contested, lawyer, registrar
):
    """The other side, its representative, whoever acts already, and all who work here read the same sentence."""
    assert "This is your own address" in text(give(house, buyer, contested, email="Buyer@example.org"))
    a_mediator(house, "Third")
    mandated(house, contested, lawyer.account_id, side="seller")
    emails = {
        "seller@example.org": seller,
        LAWYER: lawyer,
        "registrar@example.org": registrar,
        "third@mediators.example": Reader(app, account_of(house, "third@mediators.example")),
    }

    room = f"/disputes/{contested.number}/representatives"

    for email, reader in emails.items():
        assert give(house, buyer, contested, email=email).status_code == 303
        path = link_for(house, contested, email)
        answer = taken_up(reader, path)
        assert answer.status_code == 409 and IMPOSSIBLE in text(answer), email
        ended = re.search(rf"{room}/(\d+)/end", buyer.client.get(room).get_data(as_text=True))
        assert buyer.send(ended[0], form_at=room).status_code == 303, email
    assert facts(house, contested).count("mandate_taken_up") == 1


def account_of(house, email: str) -> str:
    with house.engine.connect() as connection:
        return account_by_email(connection, email).id


def test_one_person_acts_for_one_side_once_at_a_time(house, buyer, seller, contested, lawyer):
    give(house, buyer, contested)
    give(house, buyer, contested, scope="read")
    give(house, seller, contested)
    assert [(row.side, row.email) for row in rows(house, contested)].count(("buyer", LAWYER)) == 2
    second, theirs = link_for(house, contested, side="buyer"), link_for(house, contested, side="seller")
    room = f"/disputes/{contested.number}/representatives"

    assert taken_up(lawyer, second).status_code == 303
    assert IMPOSSIBLE in text(taken_up(lawyer, theirs))
    first = link_for(house, contested, side="buyer")
    assert IMPOSSIBLE in text(taken_up(lawyer, first))
    lawyer.send(f"/disputes/{contested.number}/representation/end", form_at=room)

    # Having acted for the buyer, they never act for the seller; for the buyer they can once more.
    assert IMPOSSIBLE in text(taken_up(lawyer, theirs))
    assert taken_up(lawyer, first).status_code == 303
    assert "You act for the buyer" in lawyer.read(f"/disputes/{contested.number}")


def test_whoever_acted_in_a_dispute_gets_no_other_seat_in_it(app, house, buyer, lawyer):
    dispute = a_dispute(house, buyer_account=buyer.account_id).admitted()
    mandated(house, dispute, lawyer.account_id)
    path = f"/invitation/{invitation(app, dispute.id, LAWYER)}"

    joined = lawyer.send(path, form_at=path)
    assert joined.status_code == 409 and "somebody who acts for the buyer" in text(joined)

    room = f"/disputes/{dispute.number}/representatives"
    lawyer.send(f"/disputes/{dispute.number}/representation/end", form_at=room)
    assert lawyer.send(path, form_at=path).status_code == 409
    grant_role(house, lawyer.account_id, "registrar")
    lawyer.sign_in()
    lawyer.read(f"/disputes/{dispute.number}", 404)


def test_what_was_typed_stays_when_something_is_to_be_corrected(house, buyer, contested):
    before = facts(house, contested)
    wrong = (
        ({"email": "nobody"}, 422, "Write the whole address"),
        ({"scope": "all"}, 422, "Choose from the list how far the mandate goes"),
        ({"until": "soon"}, 422, "Give the day as year, month and day"),
        ({"until": "2020-01-01"}, 409, "Choose a day from today on, at most 366 days ahead"),
        ({"name": " "}, 422, "Write the name of whoever is to act for you"),
    )

    for changes, status, told in wrong:
        answer = give(house, buyer, contested, **changes)
        assert answer.status_code == status and told in text(answer), changes
        assert 'value="My lawyer"' in answer.get_data(as_text=True)
    for _ in range(3):
        give(house, buyer, contested)
    assert facts(house, contested) == [*before, *["mandate_given"] * 3]
    page = f"/disputes/{contested.number}"
    assert buyer.client.get(f"{page}/representatives/new").location == page
    assert "as many representatives as a side can have" in buyer.read(page)


def test_a_signature_by_a_representative_says_so(house, buyer, seller, contested, lawyer):
    actor = mandated(house, contested, lawyer.account_id)
    contested.in_negotiation().offer(contested.seller, "31.07").accepted(actor)
    page = f"/disputes/{contested.number}/settlement"
    assert lawyer.send(f"{page}/signature", form_at=page).location == page

    for reader in (buyer, seller, lawyer):
        told = reader.read(page)
        assert "Signed by a representative on" in told and "Not signed yet" in told
    assert "Your side has signed" in buyer.read(page) and "You have signed" not in buyer.read(page)


def test_an_answer_to_the_decision_by_a_representative_says_so(house, buyer, contested, lawyer):
    actor = mandated(house, contested, lawyer.account_id)
    contested.decided().act(accept_decision, actor, seen=contested.state.decision.seal)

    assert "Given by a representative" in buyer.read(f"/disputes/{contested.number}/decision")


def test_the_registrar_and_the_mediator_see_who_acts(app, house, buyer, seller, registrar, lawyer):
    dispute = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
    mandated(house, dispute, lawyer.account_id, scope="speak")
    room = f"/disputes/{dispute.number}/representatives"

    assert "Ms Lawyer" in registrar.read(room) and "Read and speak" in registrar.read(room)
    mediator = a_mediator(house, "Third")
    dispute.admitted().contested().in_mediation(mediator)
    reader = Reader(app, account_of(house, "third@mediators.example"))
    assert "Ms Lawyer" in reader.read(room)
    assert "Name a representative" not in reader.read(room)
