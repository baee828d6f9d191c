"""Signing an act that binds: with a passkey of one's own, or by a button that leaves a record; what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from odr.database import write_unit
from odr.disputes.queries import read_words
from odr.erasure.service import erase_by_law
from odr.factors import keys, queries, service
from odr.house import House, Settings
from odr.kernel import Refused
from odr.log import consent
from odr.log.integrator import seal_all
from odr.log.journal import read_stream
from odr.people.queries import account_of
from odr.people.tables import session
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute
from tests.casefile.archives import checked, made
from tests.conftest import FrozenClock
from tests.decision.conftest import Mediator, decided, dispute, heard, mediator, shown, to_decide
from tests.decision.test_routes import at, send, state_of, written
from tests.disputes.conftest import buyer, house, registrar, seller
from tests.disputes.readers import Reader, hidden_in, text
from tests.factors.authenticator import PRESENT, Authenticator
from tests.factors.conftest import CALLER
from tests.factors.test_step_up import give_app, person

__all__ = ["buyer", "decided", "dispute", "heard", "house", "mediator", "registrar", "seller", "shown", "to_decide"]

pytestmark = pytest.mark.one_database

SITE, HOST = "http://localhost", "localhost"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Browsers make passkeys on localhost."""
    return replace(settings, public_url=SITE)


@pytest.fixture
def agreed(house: House, buyer: Reader, seller: Reader) -> ADispute:
    """Both sides agreed, and nobody signed yet."""
    dispute = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
    return dispute.in_negotiation().offer(dispute.seller, "31.07").accepted(dispute.buyer)


def give_passkey(reader: Reader, house: House, **how: bool) -> Authenticator:
    """Add a passkey in a new session of this reader, which has then just proven it."""
    reader.sign_in()
    key = Authenticator(SITE, HOST, **how)
    with house.engine.connect() as connection:
        email = account_of(connection, reader.account_id).email
    service.begin_passkey(house, CALLER, person(reader, house), email=email)
    answer = key.make(service.passkey_to_make(house, person(reader, house)))
    reader.client.set_cookie("odr", service.add_passkey(house, person(reader, house), answer=answer, name="").cookie)
    return key


def page_of(dispute: ADispute) -> str:
    return f"/disputes/{dispute.number}/settlement"


def asked(reader: Reader, where: str, fields: dict[str, Any]) -> TestResponse:
    """What the page's script asks for before the passkey signs."""
    return reader.post(f"{where}/challenge", fields)


def taken(reader: Reader, fields: dict[str, Any], answer: str) -> TestResponse:
    """What it does with what the passkey signed."""
    return reader.post("/session/factor/signature", {"csrf_token": fields["csrf_token"], "answer": answer})


def signed(reader: Reader, key: Authenticator, where: str, fields: dict[str, Any]) -> TestResponse:
    """The whole of it, as the script does it."""
    wanted = asked(reader, where, fields)
    assert (wanted.status_code, wanted.mimetype) == (200, "application/json")
    assert taken(reader, fields, key.prove(wanted.get_data(as_text=True))).status_code == 204
    return reader.post(where, {**fields, "signed": "1"})


def consent_in(house: House, dispute: ADispute, type_name: str, side: str = "") -> dict[str, Any] | None:
    """The consent beside the last entry of this type, of this side where it is one of a side; None without."""
    with house.engine.connect() as connection:
        entries = [one.entry for one in read_stream(connection, f"dispute/{dispute.id}")]
        found = [one for one in entries if one.type == type_name and one.data.get("side", "") in (side, "", None)]
        payload = read_words(connection, house, dispute.id, found[-1].version).get(consent.NAME)
    return json.loads(payload) if payload else None


def sound(house: House) -> bool:
    return verify_house(house).findings == []


# -- with one's own key -------------------------------------------------------------------------------------------


def test_both_sides_sign_their_agreement_and_whoever_holds_the_case_file_checks_it(
    app: Flask, house: House, agreed: ADispute, buyer: Reader, seller: Reader, tmp_path, clock: FrozenClock
):
    key = give_passkey(buyer, house)
    # The signature is the fresh proof that is asked for before this step.
    clock.advance(minutes=6)
    page, where = page_of(agreed), f"{page_of(agreed)}/signature"
    opened = buyer.client.get(page)
    fields = hidden_in(opened.get_data(as_text=True), where)

    first = signed(buyer, key, where, fields)
    seller.sign_in()
    second = seller.send(where, form_at=page)

    assert (first.status_code, first.location, second.status_code) == (303, page, 303)
    told = consent_in(house, agreed, "settlement_signed", "buyer")
    assert (told["kind"], told["alg"], told["language"]) == ("passkey", -7, "en")
    assert told["text"] in text(opened)
    with house.engine.connect() as connection:
        (own,) = queries.passkeys_of(connection, buyer.account_id)
    assert told["key"] == keys.public_key(own.public_key).key
    record = consent_in(house, agreed, "settlement_signed", "seller")
    assert (record["kind"], record["began"], record["factor"]) == ("record", "password", "none")
    assert sound(house)
    both = text(buyer.client.get(page))
    assert "Signed with the buyer’s own passkey." in both
    assert "Confirmed by the seller with a button, without a passkey. Signed in with a password alone." in both
    seal_all(house)
    status, said = checked(house, tmp_path, made(app, house, agreed, "seller"))
    assert (status, said["findings"]) == (0, [])
    assert [line.partition(": ")[2][:30] for line in said["seen"]["consents"]] == [
        "signed at http://localhost wit", "recorded, in a session begun b",
    ]  # fmt: skip


def test_a_mediator_signs_the_decision_with_all_its_words(
    house: House, to_decide: ADispute, mediator: Mediator, buyer: Reader, clock: FrozenClock
):
    key = give_passkey(mediator, house)
    clock.advance(minutes=6)
    checked_page = send(mediator, to_decide, written()).get_data(as_text=True)
    where = at(to_decide, "/new")
    fields = hidden_in(checked_page, where)

    issued = signed_decision(mediator, key, where, fields)

    assert issued.status_code == 303 and state_of(to_decide).decision is not None
    assert consent_in(house, to_decide, "decision_issued")["kind"] == "passkey"
    assert sound(house)
    assert "Signed with the mediator’s own passkey." in text(buyer.client.get(at(to_decide)))


def signed_decision(reader: Reader, key: Authenticator, where: str, fields: dict[str, Any]) -> TestResponse:
    wanted = asked(reader, where, fields)
    assert wanted.status_code == 200, text(wanted)
    assert taken(reader, fields, key.prove(wanted.get_data(as_text=True))).status_code == 204
    return reader.post(where, {**fields, "act": "issue", "signed": "1"})


def test_every_other_act_that_binds_is_signed_too(
    house: House, decided: ADispute, buyer: Reader, seller: Reader, clock: FrozenClock
):
    key = give_passkey(buyer, house)
    where = at(decided, "/rejection")

    signed(buyer, key, where, buyer.hidden(where))

    assert state_of(decided).decision.rejected_by == {"buyer"}
    assert consent_in(house, decided, "decision_answered", "buyer")["kind"] == "passkey"
    other = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
    other.in_negotiation().offer(other.seller, "31.07")
    where = f"/disputes/{other.number}/offers/0/acceptance"
    clock.advance(minutes=1)

    signed(buyer, key, where, buyer.hidden(where))

    assert consent_in(house, other, "offer_accepted", "buyer")["kind"] == "passkey"
    assert sound(house)


def test_a_signature_sent_twice_is_one_signature(house: House, agreed: ADispute, buyer: Reader):
    key = give_passkey(buyer, house)
    page, where = page_of(agreed), f"{page_of(agreed)}/signature"
    fields = buyer.hidden(page, where)

    first = signed(buyer, key, where, fields)
    again = buyer.post(where, {**fields, "signed": "1"})

    assert (first.status_code, again.status_code) == (303, 303)
    assert state_of(agreed).signed == {"buyer"}


# -- by a button ----------------------------------------------------------------------------------------------------


def test_a_record_says_how_the_session_began_and_what_was_proven_in_it(
    house: House, agreed: ADispute, buyer: Reader, clock: FrozenClock
):
    give_app(buyer, house)
    proven_at = clock.at
    mine = person(buyer, house).session_hash
    write_unit(
        house.engine,
        lambda connection: connection.execute(update(session).where(session.c.id_hash == mine).values(began_by="link")),
    )
    clock.advance(minutes=4)
    buyer.client.set_cookie("lang", "zh_Hans")

    buyer.send(f"{page_of(agreed)}/signature", form_at=page_of(agreed))

    told = consent_in(house, agreed, "settlement_signed", "buyer")
    assert (told["kind"], told["began"], told["factor"], told["factor_at"]) == ("record", "link", "totp", proven_at)
    assert told["language"] == "zh-Hans"
    # Who holds the session's row can show which one it was, and nobody else can tell.
    expected = consent._digest("odr/session/v1", bytes.fromhex(told["nonce"]), mine).hex()
    assert told["session"] == expected and mine not in json.dumps(told)
    assert sound(house)


def test_whoever_has_a_passkey_may_use_the_button_all_the_same(house: House, agreed: ADispute, buyer: Reader):
    give_passkey(buyer, house)

    page = buyer.client.get(page_of(agreed))
    buyer.send(f"{page_of(agreed)}/signature", form_at=page_of(agreed))

    assert "publickey-credentials-get=(self)" in page.headers["Permissions-Policy"]
    assert "Sign without a passkey" in text(page)
    told = consent_in(house, agreed, "settlement_signed", "buyer")
    assert (told["kind"], told["factor"]) == ("record", "passkey")


def test_a_page_without_a_passkey_offers_none_and_reaches_for_none(house: House, agreed: ADispute, buyer: Reader):
    page = buyer.client.get(page_of(agreed))
    where = f"{page_of(agreed)}/signature"

    assert "data-sign" not in page.get_data(as_text=True)
    assert "publickey-credentials-get=()" in page.headers["Permissions-Policy"]
    assert asked(buyer, where, buyer.hidden(page_of(agreed), where)).status_code == 404


def test_consent_goes_with_the_words_of_whoever_gave_it(house: House, agreed: ADispute, buyer: Reader):
    """What is erased are the words; that the buyer signed stays, and so does the chain."""
    buyer.send(f"{page_of(agreed)}/signature", form_at=page_of(agreed))
    with house.engine.connect() as connection:
        entries = [one.entry for one in read_stream(connection, f"dispute/{agreed.id}")]
    signed_at = next(one.version for one in entries if one.type == "settlement_signed")

    erase_by_law(house, agreed.id, "unlawful", (signed_at,))

    assert consent_in(house, agreed, "settlement_signed", "buyer") is None
    assert state_of(agreed).signed == {"buyer"}
    assert sound(house)


# -- what is refused ------------------------------------------------------------------------------------------------


def test_a_signature_is_good_for_what_it_was_made_for_and_for_nothing_else(
    house: House, agreed: ADispute, buyer: Reader, seller: Reader
):
    key = give_passkey(buyer, house)
    other = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
    other.in_negotiation().offer(other.seller, "31.07").accepted(other.buyer)
    where, elsewhere = f"{page_of(agreed)}/signature", f"{page_of(other)}/signature"
    fields, others = buyer.hidden(page_of(agreed), where), buyer.hidden(page_of(other), elsewhere)

    wanted = asked(buyer, where, fields)
    taken(buyer, fields, key.prove(wanted.get_data(as_text=True)))
    refused = buyer.post(elsewhere, {**others, "signed": "1"})

    assert refused.status_code == 409
    assert "What you signed with your passkey is not what would be put on record now." in text(refused)
    assert state_of(other).signed == frozenset()
    # It was used up by that, and does not come back for the dispute that it was made for.
    late = buyer.post(where, {**fields, "signed": "1"})
    assert late.status_code == 409 and "took too long, or was used already" in text(late)
    assert state_of(agreed).signed == frozenset()


def test_a_decision_is_not_issued_with_a_signature_for_other_words(
    house: House, to_decide: ADispute, mediator: Mediator
):
    key = give_passkey(mediator, house)
    where = at(to_decide, "/new")
    fields = hidden_in(send(mediator, to_decide, written()).get_data(as_text=True), where)

    wanted = asked(mediator, where, fields)
    taken(mediator, fields, key.prove(wanted.get_data(as_text=True)))
    refused = mediator.post(where, {**fields, "text": "Other reasons.", "act": "issue", "signed": "1"})

    assert refused.status_code == 409 and "is not what would be put on record now" in text(refused)
    assert state_of(to_decide).decision is None


def test_a_signature_made_before_midnight_does_not_issue_a_decision_after_it(
    house: House, to_decide: ADispute, mediator: Mediator, clock: FrozenClock
):
    """The last day to carry it out would be another one than was read."""
    clock.advance(days=1)
    clock.at = clock.at // 86_400_000 * 86_400_000 + 86_400_000 - 60_000
    key = give_passkey(mediator, house)
    where = at(to_decide, "/new")
    fields = hidden_in(send(mediator, to_decide, written()).get_data(as_text=True), where)
    wanted = asked(mediator, where, fields)
    taken(mediator, fields, key.prove(wanted.get_data(as_text=True)))
    clock.advance(minutes=2)

    refused = mediator.post(where, {**fields, "act": "issue", "signed": "1"})

    assert refused.status_code == 409 and state_of(to_decide).decision is None


def test_an_answer_is_taken_once_within_five_minutes_and_by_its_own_session(
    house: House, agreed: ADispute, buyer: Reader, clock: FrozenClock
):
    key = give_passkey(buyer, house)
    where = f"{page_of(agreed)}/signature"
    fields = buyer.hidden(page_of(agreed), where)
    unasked = taken(buyer, fields, key.prove(json.dumps({"challenge": "AAAA"})))

    answer = key.prove(asked(buyer, where, fields).get_data(as_text=True))
    once, twice = taken(buyer, fields, answer), taken(buyer, fields, answer)
    slow = key.prove(asked(buyer, where, fields).get_data(as_text=True))
    clock.advance(minutes=5)
    late = taken(buyer, fields, slow)

    assert [answer.status_code for answer in (unasked, once, twice, late)] == [409, 204, 409, 409]
    assert "took too long" in text(late)
    waiting = buyer.post(where, {**fields, "signed": "1"})
    # The proof that the door asks for is over by now as well.
    assert waiting.status_code == 303 and waiting.location.startswith("/session/factor")
    assert state_of(agreed).signed == frozenset()


def test_a_signature_that_waits_is_over_after_five_minutes(
    house: House, agreed: ADispute, buyer: Reader, clock: FrozenClock
):
    key = give_passkey(buyer, house)
    where = f"{page_of(agreed)}/signature"
    fields = buyer.hidden(page_of(agreed), where)
    taken(buyer, fields, key.prove(asked(buyer, where, fields).get_data(as_text=True)))
    clock.advance(minutes=5)
    proof = key.prove(service.begin_proof(house, person(buyer, house)))
    buyer.client.set_cookie("odr", service.prove_passkey(house, person(buyer, house), answer=proof))

    refused = buyer.post(where, {**fields, "signed": "1"})

    assert refused.status_code == 409 and "took too long, or was used already" in text(refused)
    assert state_of(agreed).signed == frozenset()


def test_the_key_of_another_account_signs_nothing(house: House, agreed: ADispute, buyer: Reader, seller: Reader):
    give_passkey(buyer, house)
    stranger = give_passkey(seller, house)
    where = f"{page_of(agreed)}/signature"
    fields = buyer.hidden(page_of(agreed), where)

    refused = taken(buyer, fields, stranger.prove(asked(buyer, where, fields).get_data(as_text=True)))

    assert refused.status_code == 409 and "The passkey was not accepted." in text(refused)
    assert state_of(agreed).signed == frozenset()


def test_a_device_that_does_not_know_the_mediator_signs_no_decision(
    house: House, to_decide: ADispute, mediator: Mediator
):
    key = give_passkey(mediator, house)
    where = at(to_decide, "/new")
    fields = hidden_in(send(mediator, to_decide, written()).get_data(as_text=True), where)
    key.flags = PRESENT

    refused = taken(mediator, fields, key.prove(asked(mediator, where, fields).get_data(as_text=True)))

    assert refused.status_code == 409 and "The passkey was not accepted." in text(refused)
    assert state_of(to_decide).decision is None


def test_what_another_browser_would_show_for_another_house_is_no_signature(
    house: House, agreed: ADispute, buyer: Reader
):
    key = give_passkey(buyer, house)
    where = f"{page_of(agreed)}/signature"
    fields = buyer.hidden(page_of(agreed), where)
    key.origin = "https://disputes.example.net"

    refused = taken(buyer, fields, key.prove(asked(buyer, where, fields).get_data(as_text=True)))

    assert refused.status_code == 409 and state_of(agreed).signed == frozenset()


def test_what_could_not_be_done_is_not_asked_for(house: House, agreed: ADispute, buyer: Reader, seller: Reader):
    give_passkey(buyer, house)
    where = f"{page_of(agreed)}/signature"
    fields = buyer.hidden(page_of(agreed), where)

    changed = asked(buyer, where, {**fields, "seen": "0" * 64})
    broken = asked(buyer, where, {**fields, "seen": "no seal"})
    foreign = asked(buyer, "/disputes/0000-0000-0/settlement/signature", fields)

    assert [changed.status_code, broken.status_code, foreign.status_code] == [409, 409, 404]
    assert "The agreement is not the one you saw." in text(changed)


def test_a_signature_that_others_could_not_verify_is_refused(house: House, agreed: ADispute, buyer: Reader):
    """The house keeps none that the verifier for everybody would call false."""
    key = give_passkey(buyer, house)
    mine = person(buyer, house)
    deed = consent.Deed(house.origin, f"dispute/{agreed.id}", "settlement_signed", "a" * 32, "buyer", {}, {})
    wanted = service.begin_signature(house, mine, deed, text="I sign.", language="en")
    key.extra = {"crossOrigin": True}
    buyer.client.set_cookie("odr", service.take_signature(house, mine, answer=key.prove(wanted)))
    told = service.consent_of(house, person(buyer, house), text="I sign.", language="en", signs=True)

    with pytest.raises(Refused) as refused, house.engine.begin() as connection:
        told(connection, deed)

    assert refused.value.code == "passkey_wrong"


# -- whose key it is --------------------------------------------------------------------------------------------------


def test_the_account_commits_to_the_key_and_does_not_name_it(house: House, buyer: Reader):
    give_passkey(buyer, house)
    stream = f"account/{buyer.account_id}"
    with house.engine.connect() as connection:
        (own,) = queries.passkeys_of(connection, buyer.account_id)
        added = [one.entry for one in read_stream(connection, stream) if one.entry.type == "factor_added"]

    key = keys.public_key(own.public_key).key
    assert added[-1].data["key"] == consent.key_commitment(house.origin, stream, own.credential_id, key)
    assert consent.thumbprint(key) not in json.dumps(added[-1].data)
