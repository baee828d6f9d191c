"""The invitation: readable by anybody who holds the link, used up once, and never a way into anything else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select

from odr.disputes.queries import contact_of
from odr.disputes.tables import party
from odr.kernel import new_number, new_pseudonym
from odr.log.journal import read_stream
from odr.notices.tables import outbox
from odr.people.tables import account as account_table
from odr.procedure import rules as procedure
from tests.builders import a_dispute
from tests.disputes.readers import Reader, account, hidden_in, invitation, text

EMAIL = "seller@example.org"


@pytest.fixture
def dispute(house, buyer):
    """An admitted dispute whose seller has not come yet."""
    return a_dispute(house, buyer_account=buyer.account_id).admitted()


@pytest.fixture
def token(app, dispute):
    return invitation(app, dispute.id, EMAIL)


def path(token: str) -> str:
    return f"/invitation/{token}"


def seat(house, dispute) -> str | None:
    with house.engine.connect() as connection:
        return connection.scalar(
            select(party.c.account_id).where(party.c.dispute_id == dispute.id, party.c.side == "seller")
        )


def facts(house, dispute) -> list[str]:
    with house.engine.connect() as connection:
        return [stored.entry.type for stored in read_stream(connection, f"dispute/{dispute.id}")]


def letters(house, template: str = "invitation") -> list:
    with house.engine.connect() as connection:
        return connection.execute(
            select(outbox.c.dispute_id, outbox.c.side, outbox.c.params).where(outbox.c.template == template)
        ).all()


# -- the notice -------------------------------------------------------------------------------------------------


def test_the_notice_is_readable_without_an_account(dispute, token, nobody):
    page = nobody.read(path(token))

    for words in (
        dispute.number,
        "belongs to no marketplace and to neither side",
        "It never arrived",
        "48.90",
        "Two bicycle lights never arrived.",
        "A-1",
        "What happens if you do not reply",
        "3 more days",
        "How to make sure that this is genuine",
        "I accept the claim in full",
        "I decline to take part",
        "Nobody has judged who is right",
    ):
        assert words in page


def test_looking_uses_nothing_up_and_tells_nobody(house, dispute, token, nobody):
    for _ in range(20):
        assert nobody.client.get(path(token)).status_code == 200
        assert nobody.client.head(path(token)).status_code == 200

    assert facts(house, dispute) == ["dispute_filed", "filing_admitted"]
    assert seat(house, dispute) is None


def test_the_notice_is_kept_by_no_cache_and_shown_in_no_frame(token, nobody):
    page = nobody.client.get(path(token))

    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["X-Frame-Options"] == "DENY"


def test_the_notice_hides_the_buyers_address_and_files(dispute, token, nobody):
    assert "buyer@example.org" not in nobody.read(path(token))


# -- joining ----------------------------------------------------------------------------------------------------


def test_the_seller_comes_by_the_link_and_sits_at_the_table(house, dispute, token, nobody):
    came = nobody.send(path(token), {"name": "Example Bikes Ltd"}, form_at=path(token))

    assert (came.status_code, came.location) == (303, f"/disputes/{dispute.number}")
    assert "Reply to the claim" in nobody.read(f"/disputes/{dispute.number}")
    assert facts(house, dispute)[-1] == "seller_joined"
    with house.engine.connect() as connection:
        row = connection.execute(select(account_table).where(account_table.c.email == EMAIL)).one()
        assert contact_of(connection, house, dispute.id, "seller").account_id == row.id
    assert (row.name, row.country, row.password_hash) == ("Example Bikes Ltd", "CN", None)
    assert row.verified_at is not None


def test_an_account_of_that_address_is_taken_and_asked_for_no_name(app, house, dispute, token, nobody):
    known = account(app, EMAIL, "Example Bikes Ltd")

    page = nobody.client.get(path(token)).get_data(as_text=True)
    nobody.send(path(token), form_at=path(token))

    assert 'name="name"' not in page
    assert seat(house, dispute) == known


def test_a_link_works_once(app, house, dispute, token, nobody):
    nobody.send(path(token), {"name": "Example Bikes Ltd"}, form_at=path(token))
    thief = Reader(app)

    again = thief.client.get(path(token))
    hidden = hidden_in(thief.client.get("/invitation").get_data(as_text=True), "/invitation")
    forced = thief.post(path(token), {**hidden, "key": new_pseudonym(), "name": "Thief"})

    assert again.status_code == forced.status_code == 410
    assert "This link has already been used" in text(again)
    assert thief.client.get(f"/disputes/{dispute.number}").status_code == 303
    assert facts(house, dispute).count("seller_joined") == 1


def test_who_came_by_a_link_is_led_on_by_it(dispute, token, nobody):
    nobody.send(path(token), {"name": "Example Bikes Ltd"}, form_at=path(token))

    again = nobody.client.get(path(token))

    assert (again.status_code, again.location) == (303, f"/disputes/{dispute.number}")


def test_of_two_who_come_at_the_same_moment_one_sits_down(app, house, dispute, token):
    browsers = [Reader(app), Reader(app)]
    forms = [browser.hidden(path(token), path(token)) for browser in browsers]
    start = Barrier(2)

    def come(browser: Reader, hidden: dict[str, str]) -> int:
        start.wait(10)
        return browser.post(path(token), {**hidden, "name": "Example Bikes Ltd"}).status_code

    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(come, browsers, forms))

    assert codes == [303, 410]
    assert facts(house, dispute).count("seller_joined") == 1


def test_a_second_link_of_another_address_takes_no_seat(app, house, dispute, token, nobody):
    nobody.send(path(token), {"name": "Example Bikes Ltd"}, form_at=path(token))
    other = path(invitation(app, dispute.id, "other@example.org"))
    stranger = Reader(app)

    refused = stranger.send(other, {"name": "Other"}, form_at=other)

    assert refused.status_code == 409
    assert "Somebody else already acts for the seller" in text(refused)
    with house.engine.connect() as connection:
        assert not connection.execute(
            select(account_table).where(account_table.c.email == "other@example.org")
        ).all(), "a refused act opens no account"


def test_the_buyer_does_not_sit_on_both_sides(app, house, dispute, buyer):
    own = path(invitation(app, dispute.id, "buyer@example.org"))

    refused = buyer.send(own, form_at=own)

    assert refused.status_code == 409
    assert seat(house, dispute) is None


def test_a_mailbox_alone_opens_no_desk(app, house, dispute, token, nobody):
    staff = account(app, EMAIL, "Registrar", "registrar")

    came = nobody.send(path(token), form_at=path(token))

    assert came.status_code == 303
    assert seat(house, dispute) == staff
    assert nobody.client.get("/account").status_code == 303


def test_whoever_was_signed_in_as_that_address_has_a_new_session(app, dispute, token, nobody):
    owner = Reader(app, account(app, EMAIL, "Example Bikes Ltd"))
    old = owner.client.get_cookie("odr").value
    owner.send(path(token), form_at=path(token))
    other = Reader(app)
    other.client.set_cookie("odr", old)

    assert "Example Bikes Ltd" in owner.client.get("/account").get_data(as_text=True)
    assert other.client.get("/account").status_code == 303


@pytest.mark.one_database
@pytest.mark.parametrize(
    "name", ["", "   ", "\x00", "\u202e", "x" * 100_000, "<b>", "\ud800"], ids=lambda words: ascii(words)[:12]
)
def test_no_name_breaks_the_page(house, dispute, token, nobody, name):
    answer = nobody.send(path(token), {"name": name.encode("utf-8", "surrogatepass")}, form_at=path(token))

    assert answer.status_code in (303, 422)
    if answer.status_code == 422:
        assert seat(house, dispute) is None
        assert "Write your name as it should appear to the other side." in text(answer)


@pytest.mark.one_database
@pytest.mark.parametrize("forged", ["abc", "%00", "%ED%A0%80", "x" * 5000, "sent2", "..%2f..", "🏴"])
def test_a_forged_link_opens_nothing(nobody, forged):
    page = nobody.client.get(path(forged))

    assert page.status_code == 404
    assert nobody.client.get(path(forged) + "/renewal").status_code in (404, 405)


def test_the_link_of_another_purpose_opens_nothing(app, dispute, nobody, house):
    from_reset = invitation(app, dispute.id, EMAIL, lasts_ms=0)

    assert nobody.client.get(path(from_reset)).status_code == 410


def test_the_notice_of_a_dispute_that_is_over_says_so(app, dispute, token, nobody):
    dispute.act(procedure.withdraw_dispute, dispute.buyer)

    page = nobody.read(path(token))

    assert "Withdrawn by the buyer" in page
    assert "What you can reply" not in page


# -- a new link -------------------------------------------------------------------------------------------------


def test_an_expired_link_leads_to_a_new_one_to_the_same_address(app, house, dispute, token, nobody, clock):
    before = len(letters(house))
    clock.advance(days=8)

    over = nobody.client.get(path(token))
    asked = nobody.send(path(token) + "/renewal", form_at=path(token))

    assert over.status_code == 410
    assert "The time of this link has run out" in text(over)
    assert (asked.status_code, asked.location) == (303, "/invitation/sent")
    mails = letters(house)
    assert len(mails) == before + 1
    assert (mails[-1].dispute_id, mails[-1].side) == (dispute.id, "seller")
    assert mails[-1].params["number"] == dispute.number


def test_a_number_mails_a_link_and_the_page_tells_nothing(house, dispute, nobody):
    before = len(letters(house))

    known = nobody.send("/invitation", {"number": dispute.number.lower()})
    unknown = Reader(nobody.app).send("/invitation", {"number": new_number()})

    assert {(answer.status_code, answer.location) for answer in (known, unknown)} == {(303, "/invitation/sent")}
    assert len(letters(house)) == before + 1


def test_the_seller_of_a_dispute_not_admitted_is_told_nothing(house, buyer, nobody):
    dispute = a_dispute(house, buyer_account=buyer.account_id)

    assert nobody.send("/invitation", {"number": dispute.number}).status_code == 303
    assert letters(house) == []


def test_nobody_floods_a_mailbox_with_links(house, dispute, nobody):
    before = len(letters(house))

    codes = [nobody.send("/invitation", {"number": dispute.number}).status_code for _ in range(5)]

    assert codes == [303, 303, 303, 429, 429]
    assert len(letters(house)) == before + 3


@pytest.mark.one_database
def test_numbers_cannot_be_tried_out(nobody):
    codes = [nobody.send("/invitation", {"number": new_number()}).status_code for _ in range(35)]

    assert codes[:30] == [303] * 30
    assert set(codes[30:]) == {429}


@pytest.mark.one_database
@pytest.mark.parametrize(
    "number",
    ["", " ", "\x00", "\ud800", "x" * 100_000, "7K3M-Q9TZ-5'--", "7K3M-Q9TZ-6"],
    ids=lambda words: ascii(words)[:12],
)
def test_no_number_breaks_the_page(nobody, number):
    answer = nobody.send("/invitation", {"number": number.encode("utf-8", "surrogatepass")})

    assert answer.status_code == 422
    assert "This number is not complete or has a slip." in text(answer)
