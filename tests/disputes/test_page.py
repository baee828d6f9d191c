"""The page of a dispute: each reader sees whose turn it is and what they may do, and nobody sees more."""

from __future__ import annotations

import html
import re
from contextlib import contextmanager
from io import BytesIO

import pytest
from sqlalchemy import event, update

from odr.disputes.acts import ACTS
from odr.disputes.service import fire_one
from odr.evidence import rules as evidence
from odr.evidence.service import take_in
from odr.filing import rules as filing
from odr.kernel import Money, new_id, new_number
from odr.log import tables
from odr.log.integrator import seal_all
from odr.negotiation import rules as negotiation
from odr.procedure import rules as procedure
from odr.procedure.access import HOUSE, PERMISSIONS
from odr.procedure.events import ClaimItem, Term
from odr.response import rules as response
from tests.builders import a_dispute
from tests.disputes.readers import Reader


def at(dispute, path="") -> str:
    return f"/disputes/{dispute.number}{path}"


@contextmanager
def statements(house):
    """The statements that reach the database meanwhile, without what a transaction begins and ends with."""
    seen = []

    def note(connection, cursor, statement, *_):
        if not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE")):
            seen.append(statement)

    event.listen(house.engine, "before_cursor_execute", note)
    yield seen
    event.remove(house.engine, "before_cursor_execute", note)


def of_session(statement: str) -> bool:
    return "session" in statement.split("WHERE")[0]


# -- how much it costs ------------------------------------------------------------------------------------------


def test_a_page_costs_six_queries_however_much_has_happened(house, dispute, buyer):
    dispute.in_negotiation()
    for number in range(12):
        dispute.offer(dispute.seller, f"{number + 1}.00")
    seal_all(house)

    with statements(house) as seen:
        buyer.read(at(dispute))

    assert len([statement for statement in seen if not of_session(statement)]) == 6, seen


def test_the_list_costs_one_query(house, buyer, seller):
    for _ in range(30):
        a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)

    with statements(house) as seen:
        buyer.read("/disputes")

    assert len([statement for statement in seen if not of_session(statement)]) == 1, seen


# -- who sees it ------------------------------------------------------------------------------------------------


def test_a_stranger_finds_the_same_as_where_there_is_no_dispute(dispute, stranger):
    dispute.in_negotiation()

    pages = {number: stranger.client.get(f"/disputes/{number}") for number in (dispute.number, new_number())}
    there, not_there = (
        re.sub(r'value="[^"]{40,}"', "", page.get_data(as_text=True).replace(number, ""))
        for number, page in pages.items()
    )

    assert [page.status_code for page in pages.values()] == [404, 404]
    assert there == not_there


def test_somebody_who_is_not_signed_in_is_sent_to_sign_in_whatever_the_number(dispute, nobody):
    for number in (dispute.number, new_number(), "x"):
        page = nobody.client.get(f"/disputes/{number}")
        assert (page.status_code, page.location) == (303, f"/session/new?next=/disputes/{number}")


def test_the_seller_learns_nothing_before_the_dispute_is_admitted(dispute, seller):
    seller.read(at(dispute), 404)
    assert dispute.number not in seller.read("/disputes")

    dispute.admitted()

    assert "It is your turn" in seller.read(at(dispute))
    assert dispute.number in seller.read("/disputes")


def test_a_number_is_read_as_people_type_it(dispute, buyer):
    assert "A Buyer" not in buyer.read(f"/disputes/{dispute.number.lower()}", 200)
    assert dispute.number in buyer.read(f"/disputes/{dispute.number.replace('-', '')}")


@pytest.mark.one_database
@pytest.mark.parametrize("number", ["%00", "%ED%A0%80", "…", "0" * 4000, "7K3M-Q9TZ-5'--", "%2e%2e", "{{7*7}}"])
def test_no_number_breaks_the_page(buyer, number):
    assert buyer.client.get(f"/disputes/{number}").status_code in (404, 405)


def test_the_registrar_reads_the_filing_and_nothing_of_the_merits(dispute, registrar):
    dispute.in_negotiation().opened_to(registrar.account_id)
    dispute.act(procedure.send_message, dispute.seller, text="A secret message.")
    dispute.offer(dispute.seller, "31.07", text="A secret offer.")

    page = registrar.read(at(dispute))

    assert "Two bicycle lights never arrived." in page
    assert "We sent it." not in page
    for secret in ("31.07", "A secret message.", "A secret offer.", "made offer", "wrote a message"):
        assert secret not in page


def test_buyer_and_seller_read_the_same_file(dispute, buyer, seller):
    dispute.in_negotiation().offer(dispute.seller, "20.00", text="Half of it.")
    dispute.act(procedure.send_message, dispute.buyer, text="Where is it?")

    for reader in (buyer, seller):
        page = reader.read(at(dispute))
        for said in ("Two bicycle lights never arrived.", "We sent it.", "20.00", "Half of it.", "Where is it?"):
            assert said in page
    assert page.index("The buyer says") < page.index("The seller says")


def test_no_mail_address_of_a_side_stands_on_the_page(dispute, buyer, seller):
    dispute.in_negotiation()

    assert "@example.org" not in buyer.read(at(dispute))
    assert "@example.org" not in seller.read(at(dispute))


# -- whose turn -------------------------------------------------------------------------------------------------


def test_the_banner_says_whose_turn_it_is_until_when_and_what_follows(dispute, buyer, seller):
    dispute.admitted()

    mine, theirs = seller.read(at(dispute)), buyer.read(at(dispute))

    for words in ("It is your turn", "Reply to the claim.", "days left", "UTC", "After that a last call goes out"):
        assert words in mine
    for words in ("It is the seller’s turn", "The seller replies to the claim.", "days left", "After that a last call"):
        assert words in theirs
    assert "It is your turn" not in theirs


def test_an_open_offer_is_the_others_turn_with_its_amount_and_its_own_end(dispute, buyer, seller, clock):
    dispute.in_negotiation().offer(dispute.seller, "20.00", open_days=2)

    page = buyer.read(at(dispute))
    assert "It is your turn" in page
    assert "Answer the open offer of 20.00 EUR" in page
    assert "2 days left" in page
    assert "the offer ends without an answer" in page
    assert "It is the buyer’s turn" in seller.read(at(dispute))

    clock.advance(days=2)

    for reader in (buyer, seller):
        reader.sign_in()
        assert "Answer the open offer" not in reader.read(at(dispute))


def test_who_has_said_that_the_file_is_complete_waits_for_the_other(dispute, buyer, seller):
    dispute.admitted().contested()
    dispute.act(evidence.complete_evidence, dispute.buyer)

    assert "It is the seller’s turn" in buyer.read(at(dispute))
    assert "It is your turn" in seller.read(at(dispute))


def test_a_time_that_has_run_out_moves_the_page_with_the_next_act_only(house, dispute, buyer, clock):
    dispute.admitted()
    clock.advance(days=40)
    buyer.sign_in()

    before = dispute.state.version
    page = buyer.read(at(dispute))

    assert "The time has run out" in page
    assert len(dispute.act(procedure.withdraw_dispute, dispute.buyer).dispute.evidence) == 0
    assert dispute.state.version > before


def test_the_registrar_is_told_that_it_is_the_registrars_turn(dispute, registrar, buyer):
    assert "It is your turn" in registrar.read(at(dispute))
    assert "It is the registrar’s turn" in buyer.read(at(dispute))


# -- what stands out --------------------------------------------------------------------------------------------


def test_the_buyer_sees_what_the_registrar_asks_for(dispute, buyer):
    dispute.act(filing.ask_information, dispute.registrar, topics=("order", "story"), text="Send the order number.")

    page = buyer.read(at(dispute))

    assert "The registrar asks for" in page
    assert "The order: number, date or price" in page
    assert "Send the order number." in page


def test_the_buyer_sees_why_the_dispute_was_not_admitted(dispute, buyer):
    dispute.act(filing.refuse_filing, dispute.registrar, ground="late", text="The complaint is of 2019.")

    page = buyer.read(at(dispute))

    assert "More than a year has passed" in page
    assert "The complaint is of 2019." in page


def test_the_money_is_one_table_of_claim_offers_and_agreement(house, buyer, seller):
    items = (ClaimItem("refund", Money(4890, "EUR")), ClaimItem("costs", Money(1000, "USD")), ClaimItem("apology"))
    dispute = a_dispute(house, items=items, buyer_account=buyer.account_id, seller_account=seller.account_id)
    dispute.admitted().contested()
    terms = (Term(0, True, Money(4000, "EUR")), Term(1, False), Term(2, True))
    dispute.act(negotiation.make_offer, dispute.seller, terms=terms)
    dispute.accepted(dispute.buyer)

    page = buyer.read(at(dispute))

    for words in (
        "Claim",
        "Offer 1",
        "Accepted",
        "Agreement",
        "48.90",
        "10.00",
        "40.00",
        "Asked for",
        "Offered",
        "Agreed",
    ):
        assert words in page
    assert "Together in EUR" in page and "Together in USD" in page
    assert "58.90" not in page  # amounts of two currencies are never added


def test_evidence_is_listed_with_its_digest(dispute, buyer):
    file = evidence.StoredFile("ab" * 32, 1234, new_id())
    dispute.act(
        evidence.add_evidence, dispute.buyer, media="image/jpeg", file=file, name="parcel.jpg", about="The empty box."
    )

    page = buyer.read(at(dispute))

    assert "parcel.jpg" in page and "The empty box." in page and "ab" * 32 in page


def test_the_docket_tells_every_entry_with_its_seal(house, dispute, buyer):
    dispute.in_negotiation()
    seal_all(house)
    dispute.offer(dispute.seller, "20.00")

    page = buyer.read(at(dispute))

    assert "The buyer filed the dispute." in page
    assert "sealed in checkpoint 1" in page
    assert "not yet sealed" in page


def test_the_docket_shows_one_kind_when_asked(dispute, buyer):
    dispute.in_negotiation().offer(dispute.seller, "20.00")

    page = buyer.read(at(dispute, "?show=offers"))

    assert "The seller made offer 1." in page
    assert "The registrar admitted the dispute" not in page
    assert "The registrar admitted the dispute" in buyer.read(at(dispute, "?show=%00"))


def test_the_end_says_what_it_means_and_asks_nobody_for_anything(dispute, buyer, seller):
    dispute.in_negotiation()
    dispute.act(procedure.withdraw_dispute, dispute.buyer)

    for reader in (buyer, seller):
        page = reader.read(at(dispute))
        assert "Withdrawn by the buyer" in page
        assert "Nobody decided on it" in page
        assert "turn" not in page.split("What is claimed")[0]
        assert re.findall(r"What you can do now (.*?) A grade", page) == ["Rate the procedure"]


def silent(dispute, clock) -> None:
    for _ in range(2):
        clock.advance(days=40)
        procedure_moves(dispute)


def lapsed(dispute, clock) -> None:
    dispute.in_negotiation().offer(dispute.seller, "20.00")
    clock.advance(days=6)
    procedure_moves(dispute)


# How a dispute comes to each stage. Those before the line happen before it is admitted.
BEFORE = {
    "filed": lambda it: None,
    "asked": lambda it: it.act(filing.ask_information, it.registrar, topics=("story",), text="More, if you can."),
    "refused": lambda it: it.act(filing.refuse_filing, it.registrar, ground="frivolous", text="No claim."),
}
STAGES = {
    "admitted": lambda it: None,
    "objected": lambda it: it.act(response.give_reply, it.seller, choice="object", text="Before a court."),
    "declined": lambda it: it.act(response.give_reply, it.seller, choice="decline"),
    "extension": lambda it: it.act(procedure.ask_extension, it.seller, text="We are moving house."),
    "direct": lambda it: it.act(procedure.state_direct_settlement, it.seller, text="We sent a new one."),
    "replied": lambda it: it.contested(),
    "negotiated": lambda it: it.in_negotiation().offer(it.seller, "20.00"),
    "assigned": lambda it: it.in_negotiation().act(negotiation.leave_negotiation, it.buyer),
    "settled": lambda it: it.in_negotiation().offer(it.seller, "20.00").accepted(it.buyer),
    "signed": lambda it: it.in_negotiation().offer(it.seller, "20.00").accepted(it.buyer).signed(),
}
WITH_TIME = {"silent": silent, "lapsed": lapsed}


@pytest.mark.one_database
@pytest.mark.parametrize("stage", [*BEFORE, *STAGES, *WITH_TIME])
def test_every_stage_has_its_page_for_every_reader(dispute, buyer, seller, registrar, clock, stage):
    dispute.opened_to(registrar.account_id)
    if stage in BEFORE:
        BEFORE[stage](dispute)
    elif stage in STAGES:
        STAGES[stage](dispute.admitted())
    else:
        WITH_TIME[stage](dispute.admitted(), clock)

    for reader in (buyer, seller, registrar):
        reader.sign_in()
        page = reader.client.get(at(dispute))
        assert page.status_code == (404 if reader is seller and stage in BEFORE else 200)
        assert "%(" not in page.get_data(as_text=True)


def procedure_moves(dispute) -> None:
    """What is due fires, as the worker does it."""
    dispute.state = fire_one(dispute.house, dispute.id)


# -- what may be done -------------------------------------------------------------------------------------------


def test_every_act_of_a_person_on_a_dispute_stands_in_the_panel_or_on_the_page():
    on_the_page = {"message:send", "seller:join", "information:ask", "filing:refuse"}
    # Most people have no representative: a line beside the side leads to the page of its own.
    on_the_page |= {"mandate:give", "mandate:end", "mandate:take_up", "mandate:resign"}

    acts = {name for name, row in PERMISSIONS.items() if row.act and row.who != HOUSE}
    assert acts == {name for name, _ in ACTS} | on_the_page


def test_the_panel_offers_only_what_this_reader_may_do_now(dispute, buyer, seller):
    dispute.admitted()

    assert "Reply to the claim" in seller.read(at(dispute))
    assert "You choose among five replies." not in buyer.read(at(dispute))
    assert "Withdraw the dispute" in buyer.read(at(dispute))
    assert "Withdraw the dispute" not in seller.read(at(dispute))


# -- the list ---------------------------------------------------------------------------------------------------


def test_the_list_names_the_end_of_an_open_offer_to_the_sides_only(dispute, buyer, registrar):
    dispute.in_negotiation()
    before = time_left(registrar.read("/desk/negotiation"))

    dispute.offer(dispute.seller, "20.00", open_days=2)

    assert time_left(buyer.read("/disputes")) == time_left(buyer.read(f"/disputes/{dispute.number}")) == "2 days left"
    assert time_left(registrar.read("/desk/negotiation")) == before != "2 days left"


def time_left(page: str) -> str:
    found = re.search(r"\d+ (?:days|hours) left", page)
    assert found, page
    return found[0]


def test_an_empty_list_says_what_will_appear_and_how(buyer):
    assert "No disputes yet" in buyer.read("/disputes")


def test_the_list_is_turned_page_by_page_and_loses_none(house, buyer, seller):
    numbers = [
        a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id).number for _ in range(30)
    ]

    first = buyer.client.get("/disputes").get_data(as_text=True)
    link = first.split("Earlier disputes")[0].rsplit('href="', 1)[1].split('"')[0]
    second = buyer.client.get(link).get_data(as_text=True)

    assert [number for number in numbers if number in first] == numbers[5:]
    assert [number for number in numbers if number in second] == numbers[:5]
    assert "Earlier disputes" not in second


@pytest.mark.one_database
@pytest.mark.parametrize("after", ["", "x", "%00", "'; --", "f" * 32, "0" * 5000])
def test_no_place_in_the_list_breaks_it(buyer, dispute, after):
    assert buyer.client.get(f"/disputes?after={after}").status_code == 200


def test_the_list_shows_only_the_readers_own_disputes(dispute, stranger, nobody):
    assert dispute.number not in stranger.read("/disputes")
    assert nobody.client.get("/disputes").status_code == 303


def test_the_list_says_whose_turn_it_is(dispute, buyer, seller):
    dispute.admitted()

    assert "Your turn" in seller.read("/disputes")
    assert "The seller’s turn" in buyer.read("/disputes")


def test_a_session_that_ended_is_no_reader(app, dispute, buyer):
    buyer.client.set_cookie("odr", "x" * 43)

    assert isinstance(buyer, Reader)
    assert buyer.client.get(at(dispute)).status_code == 303


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["buyer", "seller", "registrar"])
def test_every_link_on_the_page_opens_for_who_reads_it(dispute, name, request):
    reader = request.getfixturevalue(name)
    dispute.in_negotiation().offer(dispute.seller, "20.00").accepted(dispute.buyer).signed()

    page = reader.client.get(at(dispute)).get_data(as_text=True)

    links = set(re.findall(r'<a [^>]*href="(/[^"#]*)', page))
    assert [link for link in links if reader.client.get(html.unescape(link)).status_code >= 400] == []


# -- words that cannot be opened ----------------------------------------------------------------------------------


def test_words_that_are_damaged_leave_all_else_to_be_read(house, dispute, buyer, seller):
    """A fault in one row of the database must not shut both sides out of their dispute."""
    dispute.admitted()
    given = {"key": "file", "arriving": BytesIO(b"Nothing in it."), "name": "parcel.txt", "about": "The empty parcel"}
    take_in(house, dispute.id, dispute.buyer, **given)
    dispute.contested().in_negotiation().offer(dispute.seller, "20.00", text="With our excuses.")
    dispute.act(procedure.send_message, dispute.buyer, text="Thank you.")
    dispute.decided().closed_with()
    pages = [at(dispute), at(dispute, "/decision")]
    before = [buyer.read(page) for page in pages]

    with house.engine.begin() as connection:
        connection.execute(update(tables.payload).values(sealed=b"damaged"))

    after = [reader.read(page) for page in pages for reader in (buyer, seller)]
    assert "Thank you." in before[0] and "the risk of the way" in before[1]
    assert not any("Thank you." in page or "the risk of the way" in page for page in after)
    assert "The words of this message are gone." in after[0]
