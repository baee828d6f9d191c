"""The acts that any step has, done through the pages: once, by the right side, on exactly what was shown."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import func, select

from odr.disputes.tables import dispute_row
from odr.kernel import new_pseudonym
from odr.log.tables import entry
from odr.procedure import rules as procedure
from odr.procedure.dispute import Phase
from odr.procedure.rules import LONGEST_TEXT
from odr.response import rules as response
from tests.disputes.readers import text


def at(dispute, path="") -> str:
    return f"/disputes/{dispute.number}{path}"


def phase(house, dispute) -> str:
    with house.engine.connect() as connection:
        return connection.scalar(select(dispute_row.c.phase).where(dispute_row.c.id == dispute.id))


def code(house, dispute) -> str | None:
    with house.engine.connect() as connection:
        return connection.scalar(select(dispute_row.c.code).where(dispute_row.c.id == dispute.id))


def entries(house, dispute) -> int:
    with house.engine.connect() as connection:
        return connection.scalar(
            select(func.count()).select_from(entry).where(entry.c.stream == f"dispute/{dispute.id}")
        )


# -- messages ---------------------------------------------------------------------------------------------------


def test_a_message_is_read_by_the_other_side(dispute, buyer, seller):
    dispute.admitted()

    sent = buyer.send(at(dispute, "/messages"), {"text": "Where is my parcel?"}, form_at=at(dispute))

    assert (sent.status_code, sent.location) == (303, at(dispute) + "#messages")
    assert "Where is my parcel?" in seller.read(at(dispute))


def test_an_empty_message_comes_back_with_a_sentence(dispute, buyer):
    dispute.admitted()

    answer = buyer.send(at(dispute, "/messages"), {"text": "  \n "}, form_at=at(dispute))

    assert answer.status_code == 409
    assert "Write a few words in the text field." in text(answer)


def test_a_message_too_long_is_kept_and_not_sent(house, dispute, buyer):
    dispute.admitted()
    before, long = entries(house, dispute), "x" * (LONGEST_TEXT + 1)

    answer = buyer.send(at(dispute, "/messages"), {"text": long}, form_at=at(dispute))

    assert answer.status_code == 422
    assert long in answer.get_data(as_text=True)
    assert entries(house, dispute) == before


def test_a_message_that_comes_too_late_is_kept_on_the_page(dispute, buyer):
    dispute.admitted()
    hidden = buyer.hidden(at(dispute), at(dispute, "/messages"))
    dispute.act(procedure.withdraw_dispute, dispute.buyer)

    answer = buyer.post(at(dispute, "/messages"), {**hidden, "text": "One more thing."})

    assert answer.status_code == 409
    assert "The dispute is closed." in text(answer)


# -- the agreement ----------------------------------------------------------------------------------------------


def settled(dispute):
    return dispute.in_negotiation().offer(dispute.seller, "20.00").accepted(dispute.buyer)


def test_both_sign_the_agreement_and_the_dispute_closes(house, dispute, buyer, seller):
    settled(dispute)

    for reader in (buyer, seller):
        assert "20.00" in reader.read(at(dispute, "/settlement"))
        signed = reader.send(at(dispute, "/settlement/signature"), form_at=at(dispute, "/settlement"))
        assert (signed.status_code, signed.location) == (303, at(dispute, "/settlement"))

    assert code(house, dispute) == "settled_negotiation"
    assert "The dispute is closed by this agreement" in buyer.read(at(dispute, "/settlement"))
    assert "Sign the agreement" not in seller.read(at(dispute, "/settlement"))


def test_who_has_signed_is_told_what_comes_next(dispute, buyer):
    settled(dispute)
    buyer.send(at(dispute, "/settlement/signature"), form_at=at(dispute, "/settlement"))

    assert "The dispute closes when the other side has signed too" in buyer.read(at(dispute, "/settlement"))


@pytest.mark.parametrize("seen", ["", "0" * 64, "f" * 63, "\x00", "é" * 64, "0" * 100_000])
def test_another_text_than_the_one_shown_is_not_signed(house, dispute, buyer, seen):
    settled(dispute)
    before = entries(house, dispute)

    answer = buyer.send(at(dispute, "/settlement/signature"), {"seen": seen}, form_at=at(dispute, "/settlement"))

    assert answer.status_code in (409, 422)
    assert "Read it again before you sign." in text(answer) or "Read the page again" in text(answer)
    assert entries(house, dispute) == before


def test_there_is_no_agreement_to_read_before_there_is_one(dispute, buyer, registrar, stranger):
    dispute.in_negotiation().opened_to(registrar.account_id)
    assert buyer.client.get(at(dispute, "/settlement")).status_code == 404

    dispute.offer(dispute.seller, "20.00").accepted(dispute.buyer)

    assert registrar.client.get(at(dispute, "/settlement")).status_code == 404
    assert stranger.client.get(at(dispute, "/settlement")).status_code == 404


# -- withdrawal and direct settlement ---------------------------------------------------------------------------


def test_the_buyer_withdraws_after_seeing_the_claim(house, dispute, buyer):
    dispute.admitted()

    asked = buyer.read(at(dispute, "/withdrawal"))
    done = buyer.send(at(dispute, "/withdrawal"), {"text": "It has come."})

    assert "48.90" in asked and "This cannot be taken back" in asked
    assert done.status_code == 303
    assert code(house, dispute) == "withdrawn"
    assert "It has come." in buyer.read(at(dispute))


def test_nobody_but_the_buyer_withdraws(house, dispute, seller, registrar):
    dispute.admitted()

    for reader in (seller, registrar):
        away = reader.client.get(at(dispute, "/withdrawal"))
        assert (away.status_code, away.location) == (303, at(dispute))
        hidden = reader.hidden(at(dispute), "/session/end")
        refused = reader.post(at(dispute, "/withdrawal"), {**hidden, "key": new_pseudonym()})
        assert refused.status_code == 409
        assert "This step belongs to another role." in text(refused)
    assert phase(house, dispute) == Phase.AWAITING_RESPONSE


def test_the_buyers_word_ends_the_dispute_and_the_sellers_waits_for_it(house, dispute, buyer, seller):
    dispute.admitted()

    seller.send(at(dispute, "/direct-settlement"), {"text": "We sent new lights."})
    asked = buyer.read(at(dispute))
    assert phase(house, dispute) == Phase.AWAITING_RESPONSE
    assert "The seller says that you settled directly" in asked and "We sent new lights." in asked

    buyer.send(at(dispute, "/direct-settlement"), {"text": "They have come."})
    assert code(house, dispute) == "settled_direct"


def test_the_buyer_contradicts_with_one_button(house, dispute, buyer, seller):
    dispute.admitted()
    seller.send(at(dispute, "/direct-settlement"), {"text": "We sent new lights."})

    denied = buyer.send(at(dispute, "/direct-settlement/denial"), form_at=at(dispute))

    assert denied.status_code == 303
    assert "The seller says that you settled directly" not in buyer.read(at(dispute))
    assert phase(house, dispute) == Phase.AWAITING_RESPONSE


def test_a_direct_settlement_without_a_word_about_it_comes_back(house, dispute, buyer):
    dispute.admitted()

    answer = buyer.send(at(dispute, "/direct-settlement"), {"text": ""})

    assert answer.status_code == 409
    assert "Write a few words in the text field." in text(answer)
    assert phase(house, dispute) == Phase.AWAITING_RESPONSE


# -- more time --------------------------------------------------------------------------------------------------


def test_more_time_is_asked_for_and_agreed_to(house, dispute, buyer, seller):
    dispute.admitted()
    due = dispute.state.clock.due

    seller.send(at(dispute, "/extension"), {"text": "We are moving house."})
    asked = buyer.read(at(dispute))
    agreed = buyer.send(at(dispute, "/extension/agreement"), form_at=at(dispute))

    assert "The other side asks for more time" in asked and "We are moving house." in asked
    assert agreed.status_code == 303
    with house.engine.connect() as connection:
        assert connection.scalar(select(dispute_row.c.clock_due).where(dispute_row.c.id == dispute.id)) > due


def test_nobody_extends_a_time_that_is_not_theirs(dispute, buyer):
    dispute.admitted()

    away = buyer.client.get(at(dispute, "/extension"))

    assert (away.status_code, away.location) == (303, at(dispute))
    assert "It is not your time that is running." in buyer.read(at(dispute))


# -- what holds for every act -----------------------------------------------------------------------------------


def test_sending_a_form_twice_is_one_act(house, dispute, buyer):
    dispute.admitted()
    hidden = buyer.hidden(at(dispute, "/withdrawal"))

    first = buyer.post(at(dispute, "/withdrawal"), {**hidden, "text": "It has come."})
    made = entries(house, dispute)
    second = buyer.post(at(dispute, "/withdrawal"), {**hidden, "text": "It has come."})

    assert (first.status_code, second.status_code) == (303, 303)
    assert entries(house, dispute) == made


def test_a_key_is_not_used_for_another_act(house, dispute, buyer):
    dispute.admitted()
    hidden = buyer.hidden(at(dispute), at(dispute, "/messages"))
    buyer.post(at(dispute, "/messages"), {**hidden, "text": "One."})

    answer = buyer.post(at(dispute, "/messages"), {**hidden, "text": "Two."})

    assert answer.status_code == 409
    assert "This form was already sent with other contents." in text(answer)
    assert "Two." in answer.get_data(as_text=True)


@pytest.mark.one_database
@pytest.mark.parametrize("key", ["", "x", "\x00" * 32, "0" * 33, "É" * 32, "0" * 50_000, "ＡＢ" * 16])
def test_a_forged_key_is_told_in_a_sentence(house, dispute, buyer, key):
    dispute.admitted()
    before = entries(house, dispute)

    for path in ("/withdrawal", "/direct-settlement"):
        answer = buyer.send(at(dispute, path), {"key": key, "text": "Words."})
        assert answer.status_code == 422
        assert "Read the page again and repeat your step." in text(answer)
    button = buyer.send(at(dispute, "/messages"), {"key": key, "text": "Words."}, form_at=at(dispute))

    assert button.status_code == 422
    assert entries(house, dispute) == before


@pytest.mark.one_database
def test_a_button_with_a_forged_key_does_nothing(house, dispute, buyer):
    dispute.admitted().act(procedure.state_direct_settlement, dispute.seller, text="We sent new lights.")
    before = entries(house, dispute)

    answer = buyer.send(at(dispute, "/direct-settlement/denial"), {"key": "x"}, form_at=at(dispute))

    assert answer.status_code == 409
    assert entries(house, dispute) == before


@pytest.mark.one_database
def test_a_form_without_its_token_does_nothing(house, dispute, buyer):
    dispute.admitted()
    before = entries(house, dispute)

    for path in ("/withdrawal", "/direct-settlement", "/messages", "/settlement/signature", "/extension"):
        assert buyer.post(at(dispute, path), {"key": new_pseudonym(), "text": "x"}).status_code == 400
    assert entries(house, dispute) == before


@pytest.mark.one_database
def test_reading_changes_nothing(house, dispute, buyer, seller, registrar):
    dispute.in_negotiation().offer(dispute.seller, "20.00").accepted(dispute.buyer)
    before = entries(house, dispute)

    for reader in (buyer, seller, registrar):
        for path in ("", "/settlement", "/withdrawal", "/direct-settlement", "/extension", "/reply"):
            assert reader.client.get(at(dispute, path)).status_code < 500
            assert reader.client.head(at(dispute, path)).status_code < 500
        for path in ("/messages", "/settlement/signature", "/direct-settlement/denial", "/extension/agreement"):
            assert reader.client.get(at(dispute, path)).status_code == 405
    assert entries(house, dispute) == before


@pytest.mark.one_database
def test_a_stranger_acts_on_nothing_and_learns_nothing(house, dispute, stranger, nobody):
    dispute.admitted()
    before = entries(house, dispute)
    hidden = {**stranger.hidden("/disputes", "/session/end"), "key": new_pseudonym(), "text": "x", "seen": "0" * 64}

    for path in ("/messages", "/settlement/signature", "/withdrawal", "/direct-settlement", "/extension",
                 "/direct-settlement/denial", "/extension/agreement", "/reply", "/reply/decline"):  # fmt: skip
        assert stranger.post(at(dispute, path), hidden).status_code == 404, path
        assert stranger.post(f"/disputes/0000-0000-0{path}", hidden).status_code == 404, path
    assert entries(house, dispute) == before
    assert nobody.client.get(at(dispute, "/withdrawal")).status_code == 303


class Handlers(HTMLParser):
    """What of a page could run: handlers, scripts that are not ours, addresses that are scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [
            f"{tag} {name}" for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")
        ]
        if tag in ("iframe", "object", "embed") or (tag == "script" and not dict(attrs).get("src", "").startswith("/")):
            self.found.append(tag)


HOSTILE = [
    "\x00",
    "\ud800",
    "‮txt.exe",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "%s%(x)s%n",
    "'; DROP TABLE entry; --",
    "\u2066\u202eevil\u2069",
    "﷽" * 50,
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳",
    "🏳️‍🌈👩‍👩‍👧‍👦",
    "\r\nSet-Cookie: x=1",
    "../../etc/passwd",
    "١٢٣٤٥",
    "￾﻿",
]


def hostile_bytes(words: str) -> bytes:
    return words.encode("utf-8", "surrogatepass")


@pytest.mark.one_database
@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: ascii(words)[:12])
def test_hostile_words_are_kept_as_words(dispute, buyer, seller, words):
    dispute.admitted()
    hidden = buyer.hidden(at(dispute), at(dispute, "/messages"))

    # Something that can be seen stands before them, or nothing would be said.
    sent = buyer.post(at(dispute, "/messages"), {**hidden, "text": hostile_bytes(f"It says {words}")})

    assert sent.status_code == 303
    page = seller.client.get(at(dispute))
    assert page.status_code == 200
    assert "<script>alert" not in page.get_data(as_text=True)
    assert "49" not in text(page).split("Messages")[1].split("Your message")[0].replace("2026", "")


@pytest.mark.one_database
@pytest.mark.shared
def test_the_big_list_of_naughty_strings_breaks_nothing(dispute, buyer, seller, shared: Path):
    dispute.admitted()
    strings = json.loads((shared / "data" / "naughty_strings.json").read_text("utf-8"))
    assert len(strings) > 500

    for start in range(0, len(strings), 20):
        # Each alone would cost a page; what one of them breaks breaks the page that holds twenty.
        words = "\n\n".join(strings[start : start + 20])
        hidden = buyer.hidden(at(dispute), at(dispute, "/messages"))
        assert buyer.post(at(dispute, "/messages"), {**hidden, "text": hostile_bytes(words)}).status_code == 303

    shown = Handlers()
    shown.feed(seller.client.get(at(dispute)).get_data(as_text=True))
    assert shown.found == []


@pytest.mark.one_database
@pytest.mark.parametrize("path", ["/withdrawal", "/direct-settlement", "/extension"])
def test_a_form_of_nothing_but_noise_is_answered_with_a_page(dispute, buyer, path):
    dispute.admitted()
    token = buyer.hidden(at(dispute, "/withdrawal"))["csrf_token"]

    for data in ({}, {"key": ["a", "b"]}, {"text": "x" * 300_000}, {"seen": "x"}, {"number": "1"}):
        assert buyer.post(at(dispute, path), {"csrf_token": token, **data}).status_code == 422


def test_the_reply_after_a_direct_word_goes_on(house, dispute, buyer, seller):
    dispute.admitted().act(procedure.state_direct_settlement, dispute.seller, text="We sent new lights.")
    dispute.act(response.give_reply, dispute.seller, choice="contest", text="We sent it.")

    assert phase(house, dispute) == Phase.EVIDENCE
    assert "The seller says that you settled directly" in buyer.read(at(dispute))


def test_a_session_that_ended_meanwhile_loses_nothing_that_was_typed(house, dispute, buyer, clock):
    dispute.admitted()
    before = entries(house, dispute)
    hidden = buyer.hidden(at(dispute), at(dispute, "/messages"))
    clock.advance(hours=2)

    answer = buyer.post(at(dispute, "/messages"), {**hidden, "text": "A long letter.</textarea><b>"})

    assert answer.status_code == 401
    assert "A long letter.&lt;/textarea&gt;&lt;b&gt;" in answer.get_data(as_text=True)
    assert f"/session/new?next=/disputes/{dispute.number}" in answer.get_data(as_text=True)
    assert entries(house, dispute) == before


@pytest.mark.one_database
def test_a_message_that_came_too_late_is_given_back(dispute, buyer):
    dispute.in_negotiation()
    form = buyer.hidden(at(dispute), at(dispute, "/messages"))
    dispute.offer(dispute.seller, "20.00").accepted(dispute.buyer).signed()

    answer = buyer.post(at(dispute, "/messages"), {**form, "text": "My last word on it."})

    assert answer.status_code == 409
    assert "My last word on it." in answer.get_data(as_text=True)
