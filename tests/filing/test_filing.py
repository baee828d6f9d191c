"""A buyer files: step by step, without script, in a draft that nobody else reads, into exactly one dispute."""

from __future__ import annotations

import json
import re
import threading
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from odr.database import write_unit
from odr.disputes.queries import open_page, take_seat
from odr.disputes.tables import dispute_row, draft, party, seller
from odr.filing import drafts, forms, service
from odr.filing.drafts import sweep_drafts
from odr.kernel import Money
from odr.people import queries as people
from odr.procedure.dispute import Phase
from tests.filing.conftest import ANSWERS, Browser


def page_of(house, browser, number):
    with house.engine.connect() as connection:
        return open_page(connection, house, take_seat(connection, number, browser.account_id, ()))


def rows_of(house, table):
    with house.engine.connect() as connection:
        return connection.execute(select(table)).all()


def test_a_buyer_files_in_short_steps_without_script(house, buyer):
    draft_page = buyer.begin()
    visited = [draft_page.replace("/drafts/", "")]
    path = f"{draft_page}/category"
    for step in ANSWERS:
        assert path.endswith(f"/{step}")
        assert buyer.get(path).status_code == 200
        path = buyer.post(path, **ANSWERS[step]).headers["Location"]
    assert path == f"{draft_page}/answers"
    checked = buyer.text(path)
    assert "Two bicycle lights" in checked and "6 January 2026" in checked and "48.90" in checked

    filed = buyer.post(path, declared="y")

    number = filed.headers["Location"].split("/")[2]
    receipt = buyer.text(filed.headers["Location"])
    page = page_of(house, buyer, number)
    assert page.dispute.phase is Phase.SCREENING
    assert page.dispute.id == visited[0]
    assert page.dispute.paid == Money(4890, "EUR")
    assert page.filing["narrative"] == ANSWERS["story"]["narrative"]
    assert page.filing["order"] == {
        "bought": "Two bicycle lights",
        "reference": "A-10234",
        "channel": "email",
        "answer": "They said it was on its way.",
    }
    assert page.filing["buyer"] == {"name": "Buyer", "email": "buyer@example.org", "country": "DE"}
    assert page.filing["seller"]["email"] == "seller@example.com"
    assert page.dispute.seller_language == "zh_Hans"
    assert number in receipt and page.docket[0].seal in receipt and "Your dispute is filed" in receipt
    assert rows_of(house, draft) == []
    seats = {(row.side, row.actor_id, row.account_id) for row in rows_of(house, party)}
    assert seats == {("buyer", page.dispute.buyer, buyer.account_id), ("seller", page.dispute.seller, None)}


def test_entries_name_the_buyer_by_a_pseudonym_of_that_dispute(house, buyer):
    first, second = (page_of(house, buyer, buyer.file()).dispute for _ in range(2))

    assert len({first.buyer, second.buyer, buyer.account_id}) == 3
    assert first.seller == second.seller


def test_a_seller_is_one_seller_however_the_address_is_typed(house, buyer):
    for email in ("seller@example.com", " Seller@Example.COM "):
        buyer.file(seller={"email": email})
    buyer.file(seller={"email": "other@example.com"})

    assert len(rows_of(house, seller)) == 2


def test_two_shops_of_one_marketplace_are_two_sellers(house, buyer):
    for site in ("market.example/shop/ab", "https://www.market.example/shop/ab/", "market.example/shop/cd"):
        buyer.file(seller={"email": "", "site": site})

    assert len(rows_of(house, seller)) == 2


def test_who_has_several_things_to_ask_for_adds_rows_and_takes_them_away(house, buyer):
    path = buyer.begin() + "/claim"
    row = {"items-0-remedy": "refund", "items-0-amount": "40", "items-0-currency": "EUR"}

    added = buyer.post(path, **row, act="add")

    assert added.headers["Location"].endswith("#items-1-remedy")
    page = buyer.text(path)
    assert 'name="items-1-remedy"' in page and 'value="40"' in page and "There is something to correct" not in page

    second = {"items-1-remedy": "costs", "items-1-amount": "8.90", "items-1-currency": "EUR"}
    buyer.post(path, **row, **second, act="remove-0")

    page = buyer.text(path)
    assert 'name="items-1-remedy"' not in page and 'value="8.90"' in page


def test_a_row_left_blank_is_no_fault(house, buyer):
    number = buyer.file(claim={"items-1-remedy": "", "items-1-amount": " ", "items-1-currency": "EUR"})

    assert len(page_of(house, buyer, number).dispute.items) == 1


@pytest.mark.one_database
def test_amounts_are_understood_as_people_type_them(house, buyer):
    number = buyer.file(
        order={"paid": "1.149,00"},
        claim={"items-0-amount": "€ 48,90", "items-1-remedy": "apology", "items-1-amount": ""},
    )

    filed = page_of(house, buyer, number).dispute
    assert filed.paid == Money(114900, "EUR")
    assert [(item.remedy, item.amount) for item in filed.items] == [
        ("refund", Money(4890, "EUR")),
        ("apology", None),
    ]


def test_who_has_not_told_the_seller_gets_a_letter_and_cannot_file_yet(buyer):
    path = buyer.answer(contact={"contacted": "no"})

    asked = buyer.post(f"{path}/contact", contacted="no")

    assert asked.headers["Location"] == f"{path}/letter"
    letter = buyer.text(f"{path}/letter")
    assert "Two bicycle lights" in letter and "A-10234" in letter and "seven days" in letter
    assert buyer.post(f"{path}/answers", declared="y").status_code == 422
    assert "Tell the seller about the problem first" in unescape(buyer.text(f"{path}/answers"))


def test_nothing_is_filed_without_the_declaration(house, buyer):
    answered = buyer.post(f"{buyer.answer()}/answers")

    assert answered.status_code == 422
    assert "Tick the box" in answered.get_data(as_text=True)
    assert rows_of(house, dispute_row) == []


@pytest.mark.parametrize("address", ["buyer@example.org", " Buyer@Example.org"])
def test_nobody_files_against_themselves(house, buyer, address):
    path = buyer.begin() + "/seller"

    answered = buyer.post(path, **{**ANSWERS["seller"], "email": address})

    assert answered.status_code == 422
    assert "This is your own address" in answered.get_data(as_text=True)
    told = service.Told(
        category="late", bought="", reference="", ordered_on="2026-01-06", paid=Money(1, "EUR"), country="DE",
        seller_name="x", seller_email=address, seller_site="", seller_country="CN", seller_language="en",
        contacted_on="2026-01-07", channel="email", answer="", items=(), narrative="x",
    )  # fmt: skip
    with house.engine.connect() as connection:
        owner = people.account_by_id(connection, buyer.account_id)
        kept = drafts.open_draft(connection, house, buyer.account_id, path.split("/")[2])
    with pytest.raises(service.Refused, match="seller_is_buyer"):
        service.file_draft(house, owner, kept, told)


# -- once and only once ---------------------------------------------------------------------------------------


def test_the_same_filing_sent_twice_is_one_dispute(house, buyer):
    path = f"{buyer.answer()}/answers"

    first, second = (buyer.post(path, declared="y") for _ in range(2))

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(rows_of(house, dispute_row)) == 1
    assert buyer.get(path).headers["Location"] == first.headers["Location"]


def test_two_windows_that_file_at_the_same_moment_end_in_one_dispute(app, house, buyer):
    path = f"{buyer.answer()}/answers"
    windows = [Browser(app, buyer.account_id) for _ in range(4)]
    tokens = [re.search(r'name="csrf_token" value="([^"]+)"', window.text(path))[1] for window in windows]
    gate, found = threading.Barrier(len(windows)), []

    def send(window, token):
        gate.wait(10)
        found.append(window.client.post(path, data={"csrf_token": token, "key": "0" * 32, "declared": "y"}))

    threads = [threading.Thread(target=send, args=pair) for pair in zip(windows, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert {answer.status_code for answer in found} == {303}
    assert len({answer.headers["Location"] for answer in found}) == 1
    assert len(rows_of(house, dispute_row)) == 1


# -- drafts ---------------------------------------------------------------------------------------------------


def test_a_draft_survives_signing_out(app, buyer):
    path = buyer.begin()
    buyer.post(f"{path}/order", **ANSWERS["order"], act="later")
    buyer.post("/session/end")
    assert buyer.get(path).status_code in {302, 303} and "/session/new" in buyer.get(path).headers["Location"]

    buyer.sign_in()

    assert "Two bicycle lights" in buyer.text("/drafts")
    assert 'value="A-10234"' in buyer.text(f"{path}/order")


def test_what_is_wrong_is_kept_and_said_when_one_comes_back(buyer):
    path = buyer.begin() + "/order"

    answered = buyer.post(path, **{**ANSWERS["order"], "ordered_on": "yesterday", "paid": "a lot"})

    for page in (answered.get_data(as_text=True), buyer.text(path)):
        assert 'value="yesterday"' in page and 'value="a lot"' in page
        assert page.count('class="field wrong"') == 2
    assert answered.status_code == 422


def test_a_step_that_was_never_sent_shows_no_faults(buyer):
    assert "There is something to correct" not in buyer.text(buyer.begin() + "/order")


def test_what_is_being_typed_is_kept_by_the_page(buyer):
    path = buyer.begin() + "/story"
    seen = re.search(r'name="seen" value="(\d+)"', buyer.text(path))[1]

    kept = buyer.post(f"{path}/copy", narrative="half a sen", seen=seen)

    assert kept.status_code == 204
    assert "half a sen" in buyer.text(path) and "There is something to correct" not in buyer.text(path)


def test_a_late_copy_does_not_undo_what_was_sent(buyer, clock):
    path = buyer.begin() + "/story"
    seen = re.search(r'name="seen" value="(\d+)"', buyer.text(path))[1]
    clock.advance(seconds=1)
    buyer.post(path, narrative="The whole sentence.")

    late = buyer.post(f"{path}/copy", narrative="The whole sen", seen=seen)

    assert late.status_code == 409
    assert "The whole sentence." in buyer.text(path)


def test_the_draft_of_another_is_nowhere(buyer, someone):
    path = buyer.answer()
    stranger, nobody = someone("stranger"), "0" * 32

    for address in ("", "/category", "/order", "/claim", "/letter", "/answers", "/removal"):
        assert stranger.get(path + address).status_code == 404
        assert stranger.get(f"/drafts/{nobody}{address}").status_code == 404
    for address in ("/category", "/story", "/story/copy", "/answers", "/removal"):
        assert stranger.post(path + address, seen="1", declared="y", category="late").status_code == 404
    assert "Two bicycle lights" not in stranger.text("/drafts")
    assert "Two bicycle lights" in buyer.text("/drafts")


def test_a_draft_is_deleted_for_good_after_a_question(house, buyer):
    path = buyer.answer()
    assert "Delete this draft?" in buyer.text(f"{path}/removal")

    buyer.post(f"{path}/removal")

    assert buyer.get(path).status_code == 404
    assert rows_of(house, draft) == []


def test_a_draft_at_rest_holds_no_plain_text(app, house, buyer, tmp_path):
    buyer.answer(story={"narrative": "canary-in-the-mine"})

    for row in rows_of(house, draft):
        assert b"canary" not in bytes(row.sealed) and b"canary" not in bytes(row.wrapped_key)
    for file in tmp_path.glob("odr.sqlite*"):
        held = file.read_bytes()
        assert all(word not in held for word in (b"canary", b"bicycle", b"seller@example.com"))


def test_drafts_that_nobody_touches_are_forgotten(house, buyer, clock):
    old = buyer.answer()
    clock.advance(days=89)
    buyer.sign_in()
    young = buyer.answer()
    clock.advance(days=2)

    swept = write_unit(house.engine, lambda connection: sweep_drafts(connection, house.clock() - drafts.DRAFT_LASTS))

    buyer.sign_in()
    assert swept == 1
    assert buyer.get(old).status_code == 404 and buyer.get(young).status_code == 303


def test_an_account_has_only_so_many_drafts(house, buyer):
    for _ in range(drafts.MOST_DRAFTS):
        buyer.begin()

    refused = buyer.post("/drafts")

    assert refused.status_code == 409
    assert "unfinished filings" in refused.get_data(as_text=True)
    with house.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(draft)) == drafts.MOST_DRAFTS


def test_drafts_are_for_those_who_are_signed_in(app):
    stranger = Browser(app)

    assert stranger.get("/filing").status_code == 200
    assert "/session/new" in stranger.get("/drafts").headers["Location"]
    assert "/session/new" in stranger.post("/drafts").headers["Location"]


# -- whatever is typed ----------------------------------------------------------------------------------------

HOSTILE = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800 alone",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% include 'x' %} %(number)s %s",
    "'; DROP TABLE draft;--",
    "\u202eevil\u2066",
    "أمر بيع ١٢٣",
    "𝕳𝖊𝖑𝖑𝖔 👩‍👩‍👧‍👦 Z̮̞̠͙͔ͅ",
    "-1",
    "9" * 400,
    "1e309",
    "NaN",
    "2026-02-30",
    "٢٠٢٦-٠١-٠٦",
    "0000-00-00",
    "//[::1",
    "http://",
    "a@b",
    "\r\nBcc: everybody@example.org",
    "x" * 30_000,
    "\n" * 3_000,
]


def test_every_field_takes_whatever_is_typed_and_says_what_to_correct(buyer):
    path = buyer.begin()
    for step, typed in ANSWERS.items():
        for name in typed:
            for value in HOSTILE:
                answered = buyer.post(f"{path}/{step}", **{**typed, name: value.encode("utf-8", "surrogatepass")})

                assert answered.status_code in {303, 422}, (step, name, value[:40])
                again = buyer.get(f"{path}/{step}")
                assert again.status_code == 200
                if answered.status_code == 422:
                    assert "There is something to correct" in again.get_data(as_text=True)
                assert b"<script>alert" not in again.data and b"<img src=x" not in again.data
        assert buyer.get(f"{path}/answers").status_code == 200
        assert buyer.get(f"{path}/letter").status_code == 200
    assert buyer.get("/drafts").status_code == 200


def test_hostile_words_are_filed_and_shown_as_they_were_typed(house, buyer, registrar):
    for value in HOSTILE:
        if not value.strip(" \n\x00") or len(value) > forms.LINE or "alone" in value or "Bcc" in value:
            continue
        number = buyer.file(
            order={"bought": value, "reference": value}, seller={"name": value}, story={"narrative": value}
        )

        filed = page_of(house, buyer, number).filing
        assert filed["narrative"] == value.replace("\x00", "")
        assert filed["order"]["bought"] == value.replace("\x00", "")
        for reader, page in ((buyer, "filing"), (registrar, "admission")):
            shown = reader.get(f"/disputes/{number}/{page}")
            assert shown.status_code == 200
            assert b"<script>alert" not in shown.data and b"<img src=x" not in shown.data


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.one_database
def test_the_big_list_of_naughty_strings_breaks_no_step(shared, buyer):
    path = buyer.begin()
    strings = json.loads((shared / "data" / "naughty_strings.json").read_text("utf-8"))
    for value in strings:
        for step, typed in ANSWERS.items():
            sent = {name: value.encode("utf-8", "surrogatepass") for name in typed}
            assert buyer.post(f"{path}/{step}", **sent).status_code in {303, 422}, (step, value)
        assert buyer.get(f"{path}/letter").status_code == 200


@pytest.mark.parametrize(
    ("step", "name", "value", "sentence"),
    [
        ("category", "category", "treason", "Choose what went wrong"),
        ("order", "ordered_on", "2031-01-01", "This day has not come yet"),
        ("order", "currency", "XXX", "Choose the currency you paid in"),
        ("order", "country", "ZZ", "Choose your country"),
        ("order", "paid", "0", "The amount must be more than zero"),
        ("order", "paid", "1.234567", "at most 2 decimal places"),
        ("seller", "email", "nobody", "Write the whole address"),
        ("seller", "site", "not a site", "as the browser shows it"),
        ("seller", "language", "tlh", "Choose a language"),
        ("contact", "contacted", "perhaps", "Say whether you have told"),
        ("contact", "contacted_on", "2025-12-31", "before you ordered"),
        ("contact", "channel", "pigeon", "Choose how you told"),
        ("claim", "items-0-remedy", "revenge", "Choose what you ask for"),
        ("claim", "items-0-amount", "", "Write how much you ask for"),
        ("claim", "items-0-currency", "ABC", "Choose a currency"),
        ("story", "narrative", "  \n ", "Tell what happened"),
        ("story", "narrative", "x" * 20_001, "The text is too long"),
    ],
)
@pytest.mark.one_database
def test_each_fault_has_its_sentence(buyer, step, name, value, sentence):
    path = buyer.answer()

    answered = buyer.post(f"{path}/{step}", **{**ANSWERS[step], name: value})

    assert answered.status_code == 422
    assert sentence in unescape(answered.get_data(as_text=True))
    assert buyer.post(f"{path}/answers", declared="y").status_code == 422


@pytest.mark.one_database
def test_a_step_without_any_field_is_answered_with_its_faults(buyer):
    path = buyer.begin()
    for step in ANSWERS:
        answered = buyer.post(f"{path}/{step}")
        assert answered.status_code == 422 and "There is something to correct" in answered.get_data(as_text=True)


def test_forged_addresses_and_buttons_are_turned_away(buyer):
    path = buyer.begin()
    for address in ("/drafts/%00", "/drafts/x/order", f"/drafts/{'g' * 32}", f"{path}/nothing", f"{path}/%00"):
        assert buyer.get(address).status_code == 404
    for act in ("remove-9", "remove-99", "remove-x", "add" * 50, "\x00"):
        assert buyer.post(f"{path}/claim", **ANSWERS["claim"], act=act).status_code == 303
    many = {f"items-{place}-remedy": "apology" for place in range(300)}
    assert buyer.post(f"{path}/claim", **many).status_code == 303
    assert buyer.text(f"{path}/claim").count('-remedy" name="') <= 10
    assert buyer.post(f"{path}/story/copy", narrative="x", seen="9" * 30).status_code == 409


@pytest.mark.one_database
def test_a_form_of_another_site_starts_nothing(house, buyer):
    assert buyer.client.post("/drafts", data={}).status_code == 400
    assert rows_of(house, draft) == []


@pytest.mark.one_database
def test_of_a_text_far_too_long_as_much_is_kept_as_anybody_could_shorten(buyer):
    path = buyer.begin() + "/story"

    answered = buyer.post(path, narrative="x" * 3_000_000)

    assert answered.status_code == 422
    assert "The text is too long" in answered.get_data(as_text=True)
    assert buyer.text(path).count("x" * 100) == forms.KEPT_TEXT // 100


@given(st.text())
def test_tidied_words_can_always_be_sealed(text):
    tidied = forms.tidy(text, forms.KEPT_TEXT)

    assert forms.tidy(tidied, forms.KEPT_TEXT) == tidied
    assert "\r" not in tidied and "\x00" not in tidied
    assert tidied.encode().decode() == tidied


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_any_address_of_a_site_is_read_or_refused(text):
    try:
        key = service.site_key(text)
    except service.Refused as refused:
        assert refused.code == "site_malformed"
    else:
        assert service.site_key(f"https://WWW.{key}/") == key
