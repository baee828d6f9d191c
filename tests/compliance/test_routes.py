"""The pages of compliance: each way to its end, the registrar's narrow look at the proof, and the grades."""

from __future__ import annotations

import hashlib
import html
import io

import pytest
from werkzeug.test import TestResponse

from odr.disputes.queries import stand
from odr.disputes.service import fire_one
from odr.evidence.service import take_in
from odr.kernel import Money, new_pseudonym
from odr.negotiation import rules as negotiation
from odr.people import service
from odr.procedure.dispute import Dispute
from odr.procedure.events import Term
from tests.builders import ADispute
from tests.disputes.readers import Reader, text
from tests.doors import token_of
from tests.evidence.test_routes import PDF, a_photo

pytestmark = pytest.mark.one_database

PAGES = ("performance", "performance/confirmation", "performance/denial", "performance/proof", "rating")
NAUGHTY = [
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "%s%(x)s",
    "\u202e12",
    "\x00",
    "٣",
    "6",
    "-1",
    "1e9",
    "9" * 5_000,
]


def at(dispute: ADispute, path: str) -> str:
    return f"/disputes/{dispute.number}/{path}"


def state_of(dispute: ADispute) -> Dispute:
    with dispute.house.engine.connect() as connection:
        return stand(connection, dispute.house, dispute.id).dispute


def report(seller: Reader, dispute: ADispute, said: str = "Paid on 3 April.") -> TestResponse:
    return seller.send(at(dispute, "performance"), {"text": said})


def confirm(buyer: Reader, dispute: ADispute) -> TestResponse:
    return buyer.send(at(dispute, "performance/confirmation"))


def deny(buyer: Reader, dispute: ADispute, said: str = "Nothing came.") -> TestResponse:
    return buyer.send(at(dispute, "performance/denial"), {"text": said})


def add_file(dispute: ADispute, name: str, content: bytes = PDF) -> None:
    """The seller adds a file, now."""
    arriving = io.BytesIO(content)
    take_in(
        dispute.house, dispute.id, dispute.seller, key=new_pseudonym(), arriving=arriving, name=name, about=f"On {name}"
    )


def sleep_past(dispute: ADispute, *readers: Reader) -> None:
    """The time of the present step runs out, and everybody signs in again."""
    clock = dispute.house.clock
    clock.at = state_of(dispute).running_clock.due
    fire_one(dispute.house, dispute.id)
    for reader in readers:
        reader.sign_in()


@pytest.fixture
def checking(due: ADispute, buyer: Reader, seller: Reader, registrar: Reader, clock) -> ADispute:
    """Twice denied and twice reported, with a paper before the end and one after it: a registrar checks the proof."""
    report(seller, due)
    deny(buyer, due)
    clock.advance(days=1)
    for reader in (buyer, seller, registrar):
        reader.sign_in()
    add_file(due, "receipt.pdf")
    report(seller, due, "Paid again on 4 April, with a receipt.")
    deny(buyer, due, "Still nothing came.")
    return due


# -- the ways to the end ------------------------------------------------------------------------------------------


def test_reported_in_time_and_confirmed_is_honoured(due, buyer, seller):
    shown = seller.read(at(due, "performance"))
    reported = report(seller, due)
    asked = buyer.read(at(due, "performance/confirmation"))
    confirmed = confirm(buyer, due)

    assert "1,161.50 EUR" in shown and "Apology or correction" in shown and "Add a file" in shown
    assert (reported.status_code, confirmed.status_code) == (303, 303)
    assert "Paid on 3 April." in asked
    assert state_of(due).compliance == "honoured"


def test_confirmed_without_a_report_is_honoured_too(due, buyer):
    assert confirm(buyer, due).status_code == 303
    assert state_of(due).compliance == "honoured"


def test_denied_and_then_made_good_is_late(due, buyer, seller):
    report(seller, due)
    told = buyer.read(at(due, "performance/denial"))
    denied = deny(buyer, due)
    report(seller, due, "Paid now.")
    confirm(buyer, due)

    assert "The seller then has 14 days to make it good." in told
    assert denied.status_code == 303
    assert state_of(due).compliance == "late"


def test_reported_after_its_time_is_late(due, buyer, seller):
    sleep_past(due, buyer, seller)
    report(seller, due)
    confirm(buyer, due)

    assert state_of(due).compliance == "late"


def test_denied_and_never_made_good_is_not_honoured(due, buyer, seller):
    sleep_past(due, buyer, seller)
    assert deny(buyer, due).status_code == 303
    sleep_past(due)

    assert state_of(due).compliance == "not_honoured"


def test_reported_and_never_answered_is_unknown(due, buyer, seller):
    report(seller, due)
    sleep_past(due)

    assert state_of(due).compliance == "unknown"


@pytest.mark.parametrize(("answer", "result"), [("yes", "late"), ("no", "not_honoured")])
def test_the_registrar_says_what_the_papers_show(checking, buyer, seller, registrar, answer: str, result: str):
    page = registrar.read(at(checking, "performance/proof"))
    found = registrar.send(at(checking, "performance/proof"), {"shown": answer, "text": "See the receipt."})

    assert "Paid again on 4 April, with a receipt." in page and "Still nothing came." in page
    assert "receipt.pdf" in page and "On receipt.pdf" in page and hashlib.sha256(PDF).hexdigest() in page
    assert found.status_code == 303
    assert state_of(checking).compliance == result
    for reader in (buyer, seller):
        assert "See the receipt." in reader.read(f"/disputes/{checking.number}")


def test_proof_that_nobody_checks_in_time_is_unknown(checking):
    sleep_past(checking)

    assert state_of(checking).compliance == "unknown"


def test_an_agreement_is_carried_out_by_the_same_pages(house, dispute, buyer, seller):
    dispute.in_negotiation()
    terms = (Term(0, True, Money(50000, "EUR")), Term(1, False), Term(2, True))
    dispute.act(negotiation.make_offer, dispute.seller, terms=terms)
    dispute.accepted(dispute.buyer).signed()

    page = buyer.read(at(dispute, "performance/confirmation"))
    assert "500.00 EUR" in page and "Both sides agreed on it." in page
    assert confirm(buyer, dispute).status_code == 303
    assert state_of(dispute).compliance == "honoured"


# -- what is refused ----------------------------------------------------------------------------------------------


def test_before_its_time_nobody_can_say_that_it_was_not_done(due, buyer):
    page = buyer.client.get(at(due, "performance/denial"))
    forced = buyer.post(
        at(due, "performance/denial"), {"csrf_token": token_of(buyer), "key": "0" * 32, "text": "Nothing."}
    )

    assert page.status_code == 303
    assert forced.status_code == 409
    assert "The time to carry it out is still running." in text(forced)
    assert "Nothing." in forced.get_data(as_text=True)


def test_words_are_asked_for_and_come_back_when_they_are_too_many(due, buyer, seller):
    empty = report(seller, due, " ")
    long = report(seller, due, "x" * 20_001)

    assert (empty.status_code, long.status_code) == (409, 422)
    assert "Write a few words" in text(empty)
    assert "x" * 20_001 in long.get_data(as_text=True)
    assert state_of(due).compliance == "due"


def test_each_act_sent_twice_is_done_once(due, buyer, seller):
    for reader, path in ((seller, "performance"), (buyer, "performance/confirmation"), (buyer, "rating")):
        sent = {**reader.hidden(at(due, path)), "text": "Done.", "score": "4"}
        assert [reader.post(at(due, path), sent).status_code for _ in range(2)] == [303, 303]

    with due.house.engine.connect() as connection:
        assert stand(connection, due.house, due.id).dispute.rated == {"buyer"}


@pytest.mark.parametrize("name", ["buyer", "seller", "registrar", "mediator"])
@pytest.mark.parametrize("path", PAGES)
def test_the_pages_of_others_do_nothing(due, path: str, name: str, request: pytest.FixtureRequest):
    reader: Reader = request.getfixturevalue(name)
    if (name, path) in {("seller", "performance"), ("buyer", "performance/confirmation"), ("buyer", "rating"),
                        ("seller", "rating")}:  # fmt: skip
        return
    sent = {"csrf_token": token_of(reader), "key": "0" * 32, "text": "Words.", "shown": "yes", "score": "3"}
    before = state_of(due)

    assert reader.client.get(at(due, path)).status_code in (303, 404)
    assert reader.post(at(due, path), sent).status_code in (404, 409)
    assert state_of(due) == before


@pytest.mark.parametrize("path", PAGES)
def test_strangers_find_no_such_page(due, path: str, stranger, nobody):
    assert stranger.client.get(at(due, path)).status_code == 404
    assert nobody.client.get(at(due, path)).status_code in (303, 404)


@pytest.mark.parametrize("naughty", NAUGHTY)
def test_whatever_is_typed_is_text(checking, seller, registrar, naughty: str):
    asked = [
        (registrar, "performance/proof", {"shown": naughty, "text": naughty}),
        (registrar, "performance/proof", {"shown": "yes", "text": " "}),
        (seller, "rating", {"score": naughty}),
    ]
    for reader, path, typed in asked:
        answer = reader.send(at(checking, path), typed)
        assert answer.status_code in (409, 422), path
        assert "<script>alert(1)" not in answer.get_data(as_text=True)
    assert (state_of(checking).compliance, state_of(checking).rated) == ("checking", frozenset())


def test_hostile_words_of_a_report_are_words(due, buyer, seller):
    hostile = "<script>alert(1)</script> {{ 7 * 7 }} %(x)s"
    report(seller, due, hostile)

    page = buyer.client.get(at(due, "performance/confirmation")).get_data(as_text=True)
    assert "<script>alert(1)" not in page and html.escape(hostile) in page


# -- what the registrar sees --------------------------------------------------------------------------------------


def test_the_registrar_opens_the_papers_since_the_end_and_nothing_of_the_merits(checking, registrar):
    add_file(checking, "photo.jpg", a_photo())
    taken = registrar.client.get(at(checking, "evidence/3"))
    photo = registrar.client.get(at(checking, "evidence/4"))

    assert (taken.status_code, taken.data) == (200, PDF)
    assert registrar.client.get(at(checking, "evidence/4/preview")).status_code == 200
    # As for the other side: without the place where it was taken.
    assert b"Canal Street" not in photo.data
    for path in ("evidence/1", "evidence/2", "evidence/5", "evidence", "decision", "offers"):
        assert registrar.client.get(at(checking, path)).status_code == 404, path
    page = registrar.read(at(checking, "performance/proof")) + registrar.read(f"/disputes/{checking.number}")
    for merit in ("tracking.txt", "label.txt", "The parcel never came.", "The seller bears the risk of the way."):
        assert merit not in page, merit


def test_before_and_after_the_check_no_paper_is_open_to_the_registrar(due, checking, buyer, seller, registrar):
    registrar.send(at(checking, "performance/proof"), {"shown": "yes", "text": "Shown."})

    for item in (1, 2, 3):
        assert registrar.client.get(at(checking, f"evidence/{item}")).status_code == 404


def test_while_the_seller_still_has_time_the_registrar_sees_no_paper(due, buyer, seller, registrar, clock):
    clock.advance(hours=1)
    for reader in (buyer, seller, registrar):
        reader.sign_in()
    add_file(due.opened_to(registrar.account_id), "receipt.pdf")
    report(seller, due)

    assert registrar.client.get(at(due, "evidence/3")).status_code == 404
    assert registrar.client.get(at(due, "performance/proof")).status_code == 303


def test_a_registrar_who_is_a_side_checks_no_proof_of_their_own(checking, seller, house):
    service.grant_role(house, seller.account_id, "registrar")
    seller.sign_in()
    sent = {"csrf_token": token_of(seller), "key": "0" * 32, "shown": "yes", "text": "It is shown."}

    assert seller.client.get(at(checking, "performance/proof")).status_code == 303
    assert seller.post(at(checking, "performance/proof"), sent).status_code == 409
    assert state_of(checking).compliance == "checking"


# -- the grades ---------------------------------------------------------------------------------------------------


def test_each_side_gives_one_grade_that_the_other_never_reads(due, buyer, seller):
    page = buyer.read(at(due, "rating"))
    rated = buyer.send(at(due, "rating"), {"score": "2"})
    again = buyer.client.get(at(due, "rating"))
    seller.send(at(due, "rating"), {"score": "5"})

    assert "1, very poor" in page and "5, very good" in page
    assert (rated.status_code, again.status_code) == (303, 303)
    assert state_of(due).rated == {"buyer", "seller"}
    assert "The buyer rated" not in seller.read(f"/disputes/{due.number}")
    assert "The seller rated" not in buyer.read(f"/disputes/{due.number}")
