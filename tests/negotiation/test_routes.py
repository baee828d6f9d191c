"""The pages of the negotiation: what is offered, seen and answered is the same thing, whoever comes first."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from odr.kernel import Money, new_pseudonym
from odr.log.halt import published_file
from odr.log.integrator import seal_all
from odr.negotiation import rules
from odr.procedure.events import ClaimItem
from tests.builders import ADispute, a_dispute
from tests.disputes.readers import Reader, text

ROUNDS = 20
SEVERAL = (
    ClaimItem("refund", Money(114900, "EUR")),
    ClaimItem("costs", Money(1250, "EUR")),
    ClaimItem("apology", None),
)
NAUGHTY = [
    "",
    " ",
    "\x00",
    "\ud800".encode("utf-8", "replace").decode(),
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "{{ 7 * 7 }}",
    "%s%n%(x)s",
    "٣",
    "1e9",
    "-1",
    "NaN",
    "9" * 5_000,
    "\u202e12",
    "𝟙𝟚",
    "x" * 30_000,
]


def offers(dispute: ADispute, path: str = "") -> str:
    return f"/disputes/{dispute.number}/offers{path}"


def make(reader: Reader, dispute: ADispute, **typed: str) -> TestResponse:
    days = {"perform_days": "14", "open_days": "5", "text": ""}
    return reader.send(offers(dispute, "/new"), {**days, **typed})


@pytest.fixture
def several(house, buyer, seller) -> ADispute:
    """A dispute in its negotiation about two amounts and an apology."""
    return a_dispute(
        house, items=SEVERAL, paid=Money(114900, "EUR"),
        buyer_account=buyer.account_id, seller_account=seller.account_id,
    ).in_negotiation()  # fmt: skip


def state_of(reader: Reader, dispute: ADispute) -> str:
    return reader.read(f"/disputes/{dispute.number}")


@pytest.mark.one_database
def test_in_a_house_that_has_stopped_an_act_is_refused_and_nothing_typed_is_lost(house, negotiating, buyer, seller):
    make(buyer, negotiating, amount_0="30,00", currency_0="EUR")
    seal_all(house)
    published_file(house.settings).write_bytes(b"a checkpoint that this database does not hold")

    made = make(seller, negotiating, amount_0="24,45", currency_0="EUR", text="Half of it, today.")

    assert made.status_code == 503
    assert "Nothing can be done in this house just now" in made.text
    assert "24,45" in made.text and "Half of it, today." in made.text
    assert "30.00 EUR" in buyer.read(offers(negotiating))


# -- the story ----------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_an_offer_is_made_read_and_accepted(negotiating, buyer, seller):
    made = make(seller, negotiating, amount_0="24,45", currency_0="EUR", text="Half of it, today.")
    room = buyer.read(offers(negotiating))
    asked = buyer.read(offers(negotiating, "/0/acceptance"))
    accepted = buyer.send(offers(negotiating, "/0/acceptance"))

    assert (made.status_code, made.location) == (303, offers(negotiating))
    assert "It is your turn" in room and "24.45 EUR" in room and "Half of it, today." in room
    assert "The seller pays you 24.45 EUR ." in asked
    assert "this becomes binding for both sides" in asked
    assert (accepted.status_code, accepted.location) == (303, f"/disputes/{negotiating.number}/settlement")
    assert "Accepted" in seller.read(offers(negotiating))


@pytest.mark.one_database
def test_the_whole_story_of_the_money_stands_in_one_table(several, buyer, seller):
    make(seller, several, granted_0="yes", amount_0="300", currency_0="EUR", granted_1="no", granted_2="yes")
    make(buyer, several, granted_0="yes", amount_0="1.000,00", granted_1="yes", amount_1="12,50", granted_2="no")

    for reader in (buyer, seller):
        page = reader.read(offers(several))
        assert re.search(r"Claim Buyer .* Offer 1 Seller .* Replaced Offer 2 Buyer .* Open", page)
        assert "1,149.00 EUR 300.00 EUR 1,000.00 EUR" in page
        assert "Together 1,161.50 EUR 300.00 EUR 1,012.50 EUR" in page


@pytest.mark.one_database
def test_a_counter_offer_says_that_it_replaces_the_open_one(negotiating, buyer, seller):
    make(seller, negotiating, amount_0="10", currency_0="EUR")

    said = buyer.read(offers(negotiating, "/new"))
    made = make(buyer, negotiating, amount_0="40")

    assert "Offer 1 from the other side can then no longer be accepted." in said
    assert made.status_code == 303
    assert "Replaced" in seller.read(offers(negotiating))


@pytest.mark.one_database
def test_the_seller_may_offer_another_currency_and_the_buyer_keeps_to_the_claim(negotiating, buyer, seller):
    choices = seller.client.get(offers(negotiating, "/new")).get_data(as_text=True)
    made = make(seller, negotiating, amount_0="350", currency_0="CNY")
    forced = make(buyer, negotiating, amount_0="40", currency_0="USD")

    assert choices.index('value="EUR"') < choices.index('value="AED"')
    assert made.status_code == forced.status_code == 303
    assert "350.00 CNY" in buyer.read(offers(negotiating))
    assert "40.00 EUR" in buyer.read(offers(negotiating))


@pytest.mark.one_database
def test_an_offer_is_rejected_and_the_negotiation_goes_on(negotiating, buyer, seller):
    make(seller, negotiating, amount_0="10", currency_0="EUR")

    answer = buyer.send(offers(negotiating, "/0/rejection"))

    assert (answer.status_code, answer.location) == (303, offers(negotiating))
    assert "Either side can make an offer." in seller.read(offers(negotiating))


@pytest.mark.one_database
def test_an_offer_is_taken_back(negotiating, buyer, seller):
    make(seller, negotiating, amount_0="10", currency_0="EUR")

    answer = seller.send(offers(negotiating, "/0/withdrawal"))

    assert answer.status_code == 303
    assert "Withdrawn" in buyer.read(offers(negotiating))


@pytest.mark.one_database
def test_leaving_ends_the_negotiation_for_both(negotiating, buyer, seller):
    leaving = f"/disputes/{negotiating.number}/negotiation/leaving"
    make(seller, negotiating, amount_0="10", currency_0="EUR")

    asked = buyer.read(leaving)
    left = buyer.send(leaving)

    assert "An offer is still open" in asked and "This cannot be taken back" in asked
    assert left.status_code == 303
    assert "No offers can be made at the present stage." in seller.read(offers(negotiating))
    assert "A mediator is drawn by lot from the roster." in state_of(seller, negotiating)


@pytest.mark.one_database
def test_offers_can_be_made_while_evidence_is_exchanged(dispute, buyer, seller):
    dispute.admitted().contested()

    assert make(seller, dispute, amount_0="10", currency_0="EUR").status_code == 303
    assert buyer.send(offers(dispute, "/0/acceptance")).status_code == 303


# -- what is typed ------------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "Write the amount in digits"),
        ("forty", "Write the amount in digits"),
        (
            "1.149",
            "This amount can be read in two ways. Write it with no sign between the thousands, for example 1149.",
        ),
        ("48.9055", "EUR has at most 2 decimal places."),
        ("0", "The amount must be more than zero."),
        ("-5", "Write the amount in digits"),
        ("9" * 15, "The amount is too large."),
        ("9" * 100, "Write the amount in digits"),
    ],
)
def test_an_amount_that_cannot_be_read_is_asked_for_again_with_everything_typed_kept(negotiating, seller, typed, told):
    answer = make(seller, negotiating, amount_0=typed, currency_0="EUR", text="My words", perform_days="21")
    page = answer.get_data(as_text=True)

    assert answer.status_code == 422
    assert told in text(answer)
    assert '<a href="#amount_0">' in page
    assert f'value="{typed}"' in page and 'value="21"' in page and "My words" in page


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"amount_0": "49"}, "You cannot ask for more than your claim, 48.90 EUR."),
        ({"amount_0": "4", "perform_days": "91"}, "Choose at most 90 days"),
        ({"amount_0": "4", "open_days": "0"}, "open for at least 1 and at most 30 days"),
    ],
)
def test_an_offer_that_the_rules_refuse_says_why_beside_the_field(negotiating, buyer, typed, told):
    answer = make(buyer, negotiating, **typed)

    assert answer.status_code == 409
    assert told in text(answer)
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)


@pytest.mark.one_database
def test_each_item_wants_an_answer_and_the_buyer_asks_for_something(several, buyer, seller):
    unanswered = make(seller, several, granted_0="yes", amount_0="5", currency_0="EUR")
    nothing = make(buyer, several, granted_0="no", granted_1="no", granted_2="no")

    assert unanswered.status_code == 422
    assert "Say whether “Apology or correction” is part of your offer." in text(unanswered)
    assert nothing.status_code == 409
    assert "An offer must give at least one thing." in text(nothing)


@pytest.mark.one_database
def test_a_seller_who_offers_to_let_the_matter_rest_is_shown_to_do_so(several, buyer, seller):
    made = make(seller, several, granted_0="no", granted_1="no", granted_2="no")

    assert made.status_code == 303
    for path in ("", "/0/acceptance"):
        assert "Nothing is given: both sides let the matter rest." in buyer.read(offers(several, path))


@pytest.mark.one_database
def test_an_amount_beside_a_no_counts_for_nothing(several, buyer, seller):
    made = make(seller, several, granted_0="no", amount_0="junk", granted_1="no", amount_1="5", granted_2="yes")

    assert made.status_code == 303
    assert "Apology or correction" in buyer.read(offers(several, "/0/acceptance"))


@pytest.mark.one_database
@pytest.mark.parametrize("field", ["amount_0", "currency_0", "perform_days", "open_days", "text", "seen", "key"])
def test_hostile_values_are_answered_with_a_page(negotiating, seller, field):
    for value in NAUGHTY:
        answer = make(seller, negotiating, **{"amount_0": "5", "currency_0": "EUR", field: value})

        assert answer.status_code in (303, 409, 422), (field, value[:40], answer.status_code)
        assert "<script>alert(1)" not in answer.get_data(as_text=True)
    assert "<script>alert(1)" not in seller.client.get(offers(negotiating)).get_data(as_text=True)


@pytest.mark.one_database
@pytest.mark.shared
@pytest.mark.slow
def test_naughty_words_beside_an_offer_stay_words(shared, negotiating, buyer, seller):
    for naughty in json.loads((shared / "data" / "naughty_strings.json").read_text())[::9]:
        words = naughty.encode("utf-8", "replace").decode()
        answer = make(seller, negotiating, amount_0="5", currency_0="EUR", text=words)
        assert answer.status_code == 303, repr(naughty)

    assert "<script>alert" not in buyer.client.get(offers(negotiating)).get_data(as_text=True)


# -- an offer that is no longer what it was -----------------------------------------------------------------------


ENDINGS: dict[str, tuple[Callable[[ADispute], object], str]] = {
    "replaced": (lambda told: told.offer(told.seller, "11.00"), "This offer was replaced by a later one"),
    "withdrawn": (lambda told: told.act(rules.withdraw_offer, told.seller, offer=0), "This offer was withdrawn"),
    "rejected": (lambda told: told.act(rules.reject_offer, told.buyer, offer=0), "This offer was already rejected."),
    "accepted": (lambda told: told.accepted(told.buyer), "This offer was already accepted."),
    "left": (lambda told: told.act(rules.leave_negotiation, told.seller), "The negotiation is over"),
    "lapsed": (lambda told: told.house.clock.advance(days=6), "The time of this offer has run out."),
}


@pytest.mark.one_database
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("answer", ["acceptance", "rejection"])
def test_an_offer_that_is_over_is_answered_with_what_became_of_it(negotiating, buyer, ending, answer):
    happens, told = ENDINGS[ending]
    negotiating.offer(negotiating.seller, "10.00")
    hidden = buyer.hidden(offers(negotiating, f"/0/{answer}"))
    happens(negotiating)
    buyer.sign_in()

    refused = buyer.post(offers(negotiating, f"/0/{answer}"), hidden)
    page = buyer.client.get(offers(negotiating, f"/0/{answer}"), follow_redirects=True)

    assert refused.status_code == 409
    assert told in text(refused) and "The claim and the offers, item by item" in text(refused)
    assert page.request.path == offers(negotiating) and told in text(page)


@pytest.mark.one_database
def test_an_acceptance_of_something_else_than_was_shown_is_refused(negotiating, buyer):
    negotiating.offer(negotiating.seller, "10.00")

    answer = buyer.send(offers(negotiating, "/0/acceptance"), {"seen": "0" * 64})

    assert answer.status_code == 409
    assert "The offer is not the one you saw." in text(answer)


@pytest.mark.one_database
def test_an_offer_that_came_while_one_was_written_is_read_first(negotiating, buyer, seller):
    hidden = buyer.hidden(offers(negotiating, "/new"))
    make(seller, negotiating, amount_0="48.90", currency_0="EUR")
    typed = {"amount_0": "30", "perform_days": "14", "open_days": "5", "text": "Mine"}

    first = buyer.post(offers(negotiating, "/new"), {**hidden, **typed})
    second = make(buyer, negotiating, **typed)

    assert first.status_code == 409
    assert "the other side made an offer. Read it first" in text(first)
    assert "48.90 EUR" in text(first) and 'value="30"' in first.get_data(as_text=True)
    assert second.status_code == 303


@pytest.mark.one_database
def test_what_was_written_beside_an_offer_that_came_too_late_is_given_back(negotiating, buyer):
    hidden = buyer.hidden(offers(negotiating, "/new"))
    negotiating.act(rules.leave_negotiation, negotiating.seller)

    late = buyer.post(
        offers(negotiating, "/new"),
        {**hidden, "amount_0": "30", "perform_days": "14", "open_days": "5", "text": "Shall we meet half-way?"},
    )

    assert late.status_code == 409
    assert "Shall we meet half-way?" in text(late)


@pytest.mark.one_database
def test_an_offer_can_be_accepted_no_longer_than_the_negotiation_lasts(negotiating, buyer, seller):
    make(seller, negotiating, amount_0="10", currency_0="EUR", open_days="30")

    asked = buyer.read(offers(negotiating, "/0/acceptance"))

    end = re.search(r"until (\d+ \w+ 2026)", buyer.read(offers(negotiating)))
    assert end and f"can be accepted until {end[1]}" in asked


@pytest.mark.one_database
def test_nobody_answers_their_own_offer(negotiating, buyer, seller):
    make(seller, negotiating, amount_0="10", currency_0="EUR")

    page = seller.client.get(offers(negotiating, "/0/acceptance"), follow_redirects=True)
    forced = seller.post(
        offers(negotiating, "/0/acceptance"),
        {**seller.hidden(offers(negotiating, "/0/withdrawal")), "seen": "0" * 64},
    )

    assert "This is your own offer; the other side answers it." in text(page)
    assert forced.status_code == 409


@pytest.mark.one_database
def test_the_same_form_sent_again_is_the_same_act(negotiating, buyer, seller):
    hidden = seller.hidden(offers(negotiating, "/new")) | {"amount_0": "10", "currency_0": "EUR"}
    form = {**hidden, "perform_days": "14", "open_days": "5", "text": ""}

    made = [seller.post(offers(negotiating, "/new"), form).status_code for _ in range(3)]
    hidden = buyer.hidden(offers(negotiating, "/0/acceptance"))
    accepted = [buyer.post(offers(negotiating, "/0/acceptance"), hidden).status_code for _ in range(3)]

    assert made == accepted == [303, 303, 303]
    assert "Offer 2" not in buyer.read(offers(negotiating))


# -- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.one_database
@pytest.mark.parametrize("who", ["stranger", "registrar", "nobody"])
def test_whoever_is_no_party_finds_no_negotiation(request, negotiating, buyer, who):
    negotiating.offer(negotiating.seller, "10.00")
    reader = request.getfixturevalue(who)
    token = re.search('name="csrf_token" value="([^"]+)"', reader.client.get("/").get_data(as_text=True))[1]
    forged = {"csrf_token": token, "key": new_pseudonym(), "seen": negotiating.state.offers[0].seal}
    leaving = f"/disputes/{negotiating.number}/negotiation/leaving"
    expected = 303 if who == "nobody" else 404
    # Nor does a registrar who has opened the dispute with a reason.
    negotiating.opened_to(getattr(reader, "account_id", "") or "nobody")

    for path in (offers(negotiating), *(offers(negotiating, end) for end in ANSWERS), leaving):
        assert reader.client.get(path).status_code == expected, path
        if path != offers(negotiating):
            assert reader.post(path, forged).status_code == expected, path
    assert "Open" in buyer.read(offers(negotiating))


ANSWERS = ("/new", "/0/acceptance", "/0/rejection", "/0/withdrawal")


@pytest.mark.one_database
@pytest.mark.parametrize("number", ["1", "9999", "10000", "99999999999999999999", "-1", "x"])
def test_an_offer_that_is_not_there_is_not_found(negotiating, buyer, number):
    negotiating.offer(negotiating.seller, "10.00")
    hidden = buyer.hidden(offers(negotiating, "/0/acceptance"))

    assert buyer.client.get(offers(negotiating, f"/{number}/acceptance")).status_code == 404
    assert buyer.post(offers(negotiating, f"/{number}/acceptance"), hidden).status_code == 404


# -- at the same moment -----------------------------------------------------------------------------------------------


def two_acceptances(told: ADispute, buyer: Reader, seller: Reader) -> list[tuple[Reader, str, dict[str, str]]]:
    path, elsewhere = offers(told, "/0/acceptance"), Reader(buyer.app, buyer.account_id)
    return [(reader, path, reader.hidden(path)) for reader in (buyer, elsewhere)]


def acceptance_and_withdrawal(
    told: ADispute, buyer: Reader, seller: Reader
) -> list[tuple[Reader, str, dict[str, str]]]:
    accept, withdraw = offers(told, "/0/acceptance"), offers(told, "/0/withdrawal")
    return [(buyer, accept, buyer.hidden(accept)), (seller, withdraw, seller.hidden(withdraw))]


def acceptance_and_counter_offer(
    told: ADispute, buyer: Reader, seller: Reader
) -> list[tuple[Reader, str, dict[str, str]]]:
    accept, new = offers(told, "/0/acceptance"), offers(told, "/new")
    typed = {"amount_0": "9", "currency_0": "EUR", "perform_days": "14", "open_days": "5", "text": ""}
    return [(buyer, accept, buyer.hidden(accept)), (seller, new, {**seller.hidden(new), **typed})]


@pytest.mark.slow
@pytest.mark.parametrize("pair", [two_acceptances, acceptance_and_withdrawal, acceptance_and_counter_offer])
def test_of_two_at_the_same_moment_one_wins_and_the_other_reads_why(house, buyer, seller, pair):
    accounts = {"buyer_account": buyer.account_id, "seller_account": seller.account_id}
    for number in range(ROUNDS):
        told = a_dispute(house, **accounts).in_negotiation()
        told.offer(told.seller, "10.00")

        answers = at_once(pair(told, buyer, seller), reverse=bool(number % 2))

        assert sorted(answer.status_code for answer in answers) == [303, 409], [text(answer) for answer in answers]
        lost = next(answer for answer in answers if answer.status_code == 409)
        assert "This was not done" in text(lost)


def at_once(sendings: list[tuple[Reader, str, dict[str, str]]], *, reverse: bool) -> list[TestResponse]:
    """Send all of these forms at the same moment."""
    barrier = threading.Barrier(len(sendings))
    answers: list[TestResponse] = []

    def send(reader: Reader, path: str, form: dict[str, str]) -> None:
        barrier.wait()
        answers.append(reader.post(path, form))

    threads = [threading.Thread(target=send, args=sending) for sending in (reversed(sendings) if reverse else sendings)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
