"""Admission: the registrar's desk and decisions, the buyer's completion, and the review of a refusal."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import event, update

from odr.disputes.queries import open_page, take_seat
from odr.disputes.tables import party
from odr.procedure.dispute import Phase
from odr.response import rules as response
from tests.builders import a_dispute
from tests.filing.conftest import Browser


def state_of(house, browser, number):
    with house.engine.connect() as connection:
        return open_page(connection, house, take_seat(connection, number, browser.account_id, ())).dispute


@pytest.fixture
def number(buyer) -> str:
    """A dispute that the buyer has filed."""
    return buyer.file()


DECISIONS = {
    "admission": {},
    "admission/question": {"ask-topics": ["order", "evidence"], "ask-text": "Which lights were they?"},
    "admission/refusal": {"refuse-ground": "late", "refuse-text": "Two years have passed."},
}


# -- the desk -------------------------------------------------------------------------------------------------


def test_the_desk_shows_what_runs_out_first_on_top(house, registrar, clock):
    first = a_dispute(house).number
    clock.advance(days=1)
    second = a_dispute(house).number
    registrar.sign_in()

    page = registrar.text("/desk")

    assert page.index(first) < page.index(second)
    assert f"/disputes/{first}/admission" in page and "/desk/screening" in page
    assert first in registrar.text("/desk/screening")


def test_an_empty_desk_says_what_will_appear_there(registrar):
    assert "Nothing waits for you" in registrar.text("/desk")
    assert "None just now" in registrar.text("/desk/negotiation")


def test_a_desk_of_many_disputes_is_read_page_by_page(house, registrar):
    numbers = {a_dispute(house).number for _ in range(30)}
    for start in ("/desk", "/desk/screening"):
        page, seen, onward = registrar.text(start), set(), True
        while onward:
            seen |= {number for number in numbers if number in page}
            onward = re.search(r'href="([^"]*after=[^"]*)"', page)
            page = registrar.text(unescape(onward[1])) if onward else ""
        assert seen == numbers


def test_the_desk_asks_the_database_three_times_at_most(house, registrar):
    for _ in range(3):
        a_dispute(house)
    registrar.text("/desk")
    asked = []
    event.listen(house.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    registrar.text("/desk")

    of_disputes = [statement for statement in asked if "dispute" in statement]
    assert len(of_disputes) <= 3 and len(asked) <= 6, asked


def test_the_desk_is_for_registrars(app, buyer, number):
    for reader in (buyer, Browser(app)):
        for path in ("/desk", "/desk/screening", f"/disputes/{number}/admission"):
            assert reader.get(path).status_code == 404
    for path in DECISIONS:
        assert buyer.post(f"/disputes/{number}/{path}", **DECISIONS[path]).status_code == 404


def test_what_is_not_there_is_not_found(registrar, number):
    for path in ("/desk/nothing", "/disputes/0000-0000-0/admission", "/disputes/x/admission", "/desk/%00"):
        assert registrar.get(path).status_code == 404
    for after in ("x", "1.2", "9" * 40 + "." + "0" * 32, "%00"):
        assert registrar.get(f"/desk?after={after}").status_code == 200
        assert registrar.get(f"/desk/screening?after={after}").status_code == 200


# -- the decisions --------------------------------------------------------------------------------------------


def test_a_registrar_reads_the_filing_in_full_and_how_complete_it_is(registrar, number):
    page = unescape(registrar.text(f"/disputes/{number}/admission"))

    for words in ("Two bicycle lights", "A-10234", "seller@example.com", "nobody answers any more", "48.90"):
        assert words in page
    assert "No papers or pictures are in the file yet" in page
    assert "Buyer and seller are in different countries." in page


def test_an_admitted_filing_goes_to_the_seller(house, buyer, registrar, number):
    answered = registrar.post(f"/disputes/{number}/admission")

    assert (answered.status_code, answered.headers["Location"]) == (303, "/desk")
    assert state_of(house, buyer, number).phase is Phase.AWAITING_RESPONSE


def test_the_buyer_completes_what_the_registrar_asked_for(house, buyer, registrar, number):
    registrar.post(f"/disputes/{number}/admission/question", **DECISIONS["admission/question"])
    asked = unescape(buyer.text(f"/disputes/{number}/completion"))
    assert "Which lights were they?" in asked and "Papers or pictures that show it" in asked

    buyer.post(f"/disputes/{number}/completion", text="Model B2, both of them.")

    assert state_of(house, buyer, number).phase is Phase.SCREENING
    assert "Model B2, both of them." in registrar.text(f"/disputes/{number}/admission")


def test_a_refusal_is_reviewed_by_another_registrar(house, buyer, registrar, someone, number):
    registrar.post(f"/disputes/{number}/admission/refusal", **DECISIONS["admission/refusal"])
    assert "Two years have passed." in buyer.text(f"/disputes/{number}/review")

    buyer.post(f"/disputes/{number}/review", text="It was last month.")

    assert "It was last month." in registrar.text(f"/disputes/{number}/admission")
    again = registrar.post(f"/disputes/{number}/admission", key="1" * 32)
    assert again.status_code == 409 and "another registrar" in again.get_data(as_text=True)
    desk = registrar.text(f"/disputes/{number}/admission")
    assert "A refusal is reviewed by another registrar" in desk and "It is your turn" not in desk
    assert someone("colleague", "registrar").post(f"/disputes/{number}/admission").status_code == 303
    assert state_of(house, buyer, number).phase is Phase.AWAITING_RESPONSE


def test_a_decision_comes_too_late_and_says_so(registrar, someone, number):
    someone("colleague", "registrar").post(f"/disputes/{number}/admission")

    late = registrar.post(f"/disputes/{number}/admission/refusal", **DECISIONS["admission/refusal"])

    assert late.status_code == 409
    assert "not possible at the present stage" in late.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("admission/question", {"ask-topics": "order", "ask-text": "kept words"}, 409),
        ("admission/refusal", {"refuse-ground": "late", "refuse-text": "kept words"}, 409),
        ("admission/refusal", {"refuse-text": "kept words"}, 422),
        ("objection/dismissal", {"dismiss-text": "kept words"}, 409),
    ],
)
@pytest.mark.one_database
def test_what_was_written_for_a_decision_that_comes_too_late_is_given_back(
    registrar, someone, number, path, sent, status
):
    someone("colleague", "registrar").post(f"/disputes/{number}/admission")

    late = registrar.post(f"/disputes/{number}/{path}", **sent)

    assert late.status_code == status
    assert "kept words" in late.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "sent", "sentence"),
    [
        ("admission/question", {"ask-text": "kept words"}, "Choose at least one topic"),
        ("admission/question", {"ask-topics": "everything", "ask-text": "kept words"}, "Choose at least one topic"),
        ("admission/question", {"ask-topics": "order"}, "Write what the buyer should add"),
        ("admission/refusal", {"refuse-text": "kept words"}, "Choose a ground from the closed list"),
        ("admission/refusal", {"refuse-ground": "boring", "refuse-text": "kept words"}, "Choose a ground"),
        ("admission/refusal", {"refuse-ground": "late", "refuse-text": " \n"}, "Give your reasons"),
        ("admission/refusal", {"refuse-ground": "late", "refuse-text": "x" * 20_001}, "The text is too long"),
        ("extension/grant", {"extend-text": ""}, "Give your reasons"),
    ],
)
@pytest.mark.one_database
def test_a_decision_without_its_words_is_asked_for_them(registrar, number, path, sent, sentence):
    answered = registrar.post(f"/disputes/{number}/{path}", **sent)
    page = unescape(answered.get_data(as_text=True))

    assert answered.status_code == 422
    assert sentence in page
    assert "kept words" not in sent.values() or "kept words" in page


def test_the_same_decision_sent_twice_is_one(house, buyer, registrar, number):
    for _ in range(2):
        registrar.post(f"/disputes/{number}/admission/question", **DECISIONS["admission/question"])

    assert state_of(house, buyer, number).version == 2


def test_a_forged_key_is_turned_away_with_a_sentence(house, buyer, registrar, number):
    for key in ("", "x", "\x00", "0" * 500):
        answered = registrar.post(f"/disputes/{number}/admission", key=key)
        assert answered.status_code == 409 and "A hidden part of this form" in answered.get_data(as_text=True)
    assert state_of(house, buyer, number).version == 1


def test_hostile_words_are_told_as_they_were_written(buyer, registrar, number):
    words = "\x00<script>alert(1)</script> \u202e أمر {{ 7*7 }}"

    registrar.post(f"/disputes/{number}/admission/question", **{"ask-topics": "order", "ask-text": words})
    asked = buyer.text(f"/disputes/{number}/completion")
    buyer.post(f"/disputes/{number}/completion", text=words)

    for page in (asked, registrar.text(f"/disputes/{number}/admission")):
        assert "<script>alert" not in page and "&lt;script&gt;" in page and "{{ 7*7 }}" in page


# -- a registrar who is concerned ------------------------------------------------------------------------------


def test_a_registrar_does_not_act_on_a_dispute_of_their_own(house, someone):
    both = someone("buyer", "registrar")
    number = both.file()

    for path, sent in DECISIONS.items():
        answered = both.post(f"/disputes/{number}/{path}", **sent)
        assert answered.status_code == 409
        assert "Another registrar acts on it" in answered.get_data(as_text=True)
    assert both.get(f"/disputes/{number}/admission").status_code == 409
    assert state_of(house, both, number).version == 1


def test_a_registrar_named_as_the_seller_does_not_find_it_before_another_has_admitted_it(buyer, registrar, someone):
    number = buyer.file(seller={"email": "Registrar@example.org"})

    assert registrar.post(f"/disputes/{number}/admission").status_code == 404
    assert registrar.get(f"/disputes/{number}").status_code == 404

    someone("colleague", "registrar").post(f"/disputes/{number}/admission")

    assert registrar.post(f"/disputes/{number}/extension/grant").status_code == 409


# -- objections and more time ----------------------------------------------------------------------------------


def objected(house, account_id):
    dispute = a_dispute(house, buyer_account=account_id).admitted()
    dispute.act(response.give_reply, dispute.seller, choice="object", text="We never sold this.")
    return dispute


def test_an_objection_is_dismissed_with_reasons(house, buyer, registrar):
    number = objected(house, buyer.account_id).number
    assert "We never sold this." in registrar.text(f"/disputes/{number}/objection")
    assert registrar.post(f"/disputes/{number}/objection/dismissal").status_code == 422

    registrar.post(f"/disputes/{number}/objection/dismissal", **{"dismiss-text": "The invoice names you."})

    assert not state_of(house, buyer, number).scope_objected


def test_an_objection_is_upheld_on_a_ground(house, buyer, registrar):
    number = objected(house, buyer.account_id).number
    assert registrar.post(f"/disputes/{number}/objection/upholding", **{"uphold-text": "x"}).status_code == 422

    registrar.post(
        f"/disputes/{number}/objection/upholding", **{"uphold-ground": "outside_scope", "uphold-text": "A shop sale."}
    )

    dispute = state_of(house, buyer, number)
    assert (dispute.phase, dispute.refused_ground) == (Phase.REFUSED, "outside_scope")


def test_a_registrar_gives_more_time_once(house, buyer, registrar):
    dispute = a_dispute(house, buyer_account=buyer.account_id).admitted()
    assert "Give more time" in registrar.text(f"/disputes/{dispute.number}/extension/grant")

    first, second = (
        registrar.post(
            f"/disputes/{dispute.number}/extension/grant", key=key * 32, **{"extend-text": "A public holiday."}
        )
        for key in "12"
    )

    assert (first.status_code, second.status_code) == (303, 409)
    assert state_of(house, buyer, dispute.number).extended == {"reply"}


# -- whose page it is -----------------------------------------------------------------------------------------


def test_the_receipt_is_for_the_buyer_alone(app, house, buyer, someone, number):
    seller = someone("seller")
    run_seller(house, number, buyer, seller)

    assert buyer.get(f"/disputes/{number}/filing").status_code == 200
    assert seller.get(f"/disputes/{number}/filing").status_code == 404
    assert someone("stranger").get(f"/disputes/{number}/filing").status_code == 404
    assert "/session/new" in Browser(app).get(f"/disputes/{number}/filing").headers["Location"]


def run_seller(house, number, buyer, seller):
    """Let an account sit in the seller's seat."""
    dispute_id = state_of(house, buyer, number).id
    with house.engine.connect().execution_options(odr_writes=True) as connection, connection.begin():
        connection.execute(
            update(party)
            .where(party.c.dispute_id == dispute_id, party.c.side == "seller")
            .values(account_id=seller.account_id)
        )


def test_completing_and_reviewing_are_for_the_buyer_when_it_is_time(buyer, registrar, someone, number):
    stranger = someone("stranger")
    for page in ("completion", "review"):
        assert stranger.get(f"/disputes/{number}/{page}").status_code == 404
        assert stranger.post(f"/disputes/{number}/{page}", text="x").status_code == 404
        assert buyer.get(f"/disputes/{number}/{page}").status_code == 303
        answered = buyer.post(f"/disputes/{number}/{page}", text="kept words")
        assert answered.status_code == 409 and "kept words" in answered.get_data(as_text=True)
