"""The pages of erasure: one's own data, the copy, asking and taking back, holds, and every page where words were."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from odr.database import write_unit
from odr.disputes.queries import stand
from odr.erasure import rules, service
from odr.evidence.service import take_in
from odr.kernel import new_pseudonym
from odr.log.integrator import seal_all
from odr.people import tables as people
from odr.people.service import hash_password
from odr.procedure import rules as procedure
from odr.procedure.access import PERMISSIONS
from tests.builders import a_dispute
from tests.disputes.readers import Reader, account, text
from tests.doors import doors_of
from tests.erasure.conftest import paper, settled

pytestmark = pytest.mark.one_database

ASK, MINE, COPY = "/account/data/erasure", "/account/data", "/account/data/copy"


def erase(house, dispute, *sides) -> None:
    for side in sides:
        service.order(house, dispute.id, getattr(dispute, side), key=new_pseudonym())
    service.carry_out(house, dispute.id)
    seal_all(house)


def archive_of(reader) -> zipfile.ZipFile:
    answer = reader.client.get(COPY)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    return zipfile.ZipFile(io.BytesIO(answer.data))


# -- one's own data ---------------------------------------------------------------------------------------------


def test_a_person_sees_what_can_be_erased_and_what_has_to_wait(house, clock, over, buyer):
    going_on = a_dispute(house, buyer_account=buyer.account_id).admitted()
    held = settled(house, buyer.account_id)
    held.act(rules.place_hold, held.registrar, ground="authority")
    waits = a_dispute(house, buyer_account=buyer.account_id)
    waits.act(procedure.withdraw_dispute, waits.buyer)
    erased = settled(house, buyer.account_id)
    clock.advance(days=59)
    buyer.sign_in()

    page = buyer.read(ASK)

    assert f"Dispute {over.number} Can be erased now." in page
    assert f"Dispute {going_on.number} Still goes on" in page
    assert f"Dispute {held.number} Must be kept for now. An authority demands that they be kept." in page
    assert f"Dispute {waits.number} Can be erased from 30 June 2026" in page
    clock.advance(days=1)
    erase(house, erased, "buyer")
    buyer.sign_in()
    assert f"Dispute {erased.number} Your words are erased." in buyer.read(ASK)


def test_the_page_says_what_goes_and_what_stays_before_anything_is_done(buyer):
    page = buyer.read(ASK)

    for word in ("cannot be brought back", "What is erased", "What stays", "Confirm it"):
        assert word in page


def test_a_copy_holds_ones_own_words_and_files_and_nobody_elses(house, over, buyer, seller):
    paper(a := a_dispute(house, buyer_account=buyer.account_id).admitted(), a.buyer, b"the bytes of my file")
    archive = archive_of(buyer)

    page, told = archive.read("index.html").decode(), json.loads(archive.read("data.json"))
    assert "The canary of the buyer." in page and "The canary of the seller." not in page
    assert "Two bicycle lights never arrived." in page
    assert told["account"]["email"] == "buyer@example.org" and "password_hash" not in told["account"]
    assert {each["number"] for each in told["disputes"]} == {over.number, a.number}
    assert told["made_at"].startswith("2026-05-01T")
    assert "The canary of the seller." not in archive.read("data.json").decode()
    files = [name for name in archive.namelist() if name.startswith("files/")]
    assert archive.read(f"files/{a.number}/0001.txt") == b"the bytes of my file" and len(files) == 2
    assert archive.testzip() is None
    assert "The canary of the buyer." not in archive_of(seller).read("data.json").decode()


def test_a_copy_after_an_erasure_says_what_is_gone(house, over, buyer):
    erase(house, over, "buyer")
    archive = archive_of(buyer)

    assert "The canary of the buyer." not in archive.read("index.html").decode()
    assert "Erased on" in archive.read("index.html").decode()
    assert [name for name in archive.namelist() if name.startswith("files/")] == []


def test_a_copy_of_an_account_without_anything_is_whole(stranger, registrar):
    for reader in (stranger, registrar):
        archive = archive_of(reader)
        assert "You have no part in any dispute here." in archive.read("index.html").decode()


def test_what_somebody_wrote_does_nothing_on_the_page_of_their_copy(house, buyer):
    dispute = a_dispute(house, buyer_account=buyer.account_id).admitted()
    dispute.act(procedure.send_message, dispute.buyer, text="<script>alert(1)</script>")
    take_in(house, dispute.id, dispute.buyer, key=new_pseudonym(), arriving=io.BytesIO(b"words\n"),
            name="../../etc/passwd.txt", about="")  # fmt: skip

    archive = archive_of(buyer)

    assert "<script>" not in archive.read("index.html").decode()
    assert f"files/{dispute.number}/0001.txt" in archive.namelist()
    assert not any(".." in name for name in archive.namelist())


# -- asking for it ----------------------------------------------------------------------------------------------


def test_who_has_no_password_confirms_with_the_address(house, over, buyer):
    wrong = buyer.send(ASK, {"email": "seller@example.org"})
    assert wrong.status_code == 422 and "This is not the address of the account" in text(wrong)

    asked = buyer.send(ASK, {"email": " Buyer@Example.org "})

    assert asked.status_code == 303
    page = buyer.read(MINE)
    assert "You asked for it on" in page
    service.work_off(house, {})
    assert buyer.client.get(MINE).location.startswith("/session/new")


def test_who_has_a_password_confirms_with_it(house, over, buyer):
    hashed = hash_password("a few words of the buyer")
    write_unit(
        house.engine,
        lambda connection: connection.execute(
            people.account.update().where(people.account.c.id == buyer.account_id).values(password_hash=hashed)
        ),
    )

    wrong = buyer.send(ASK, {"password": "other words", "email": "buyer@example.org"})
    assert wrong.status_code == 422 and "This is not the password of the account" in text(wrong)
    assert buyer.send(ASK, {"password": "a few words of the buyer"}).status_code == 303


def test_a_request_is_taken_back_on_the_same_page(house, buyer):
    a_dispute(house, buyer_account=buyer.account_id)
    buyer.send(ASK, {"email": "buyer@example.org"})
    assert "You have already asked for it" in buyer.read(ASK)

    assert buyer.send("/account/data/erasure/withdrawal", form_at=MINE).status_code == 303

    assert "You asked for it on" not in buyer.read(MINE)


def test_staff_are_told_why_not(registrar):
    assert "You work in this house" in registrar.read(ASK)
    assert 'name="email"' not in registrar.client.get(ASK).get_data(as_text=True)


def test_nobody_but_the_signed_in_has_data_here(nobody):
    for path in (MINE, COPY, ASK):
        assert nobody.client.get(path).location.startswith("/session/new")


# -- holds ------------------------------------------------------------------------------------------------------


def test_a_registrar_places_and_lifts_a_hold_that_both_sides_see(over, registrar, buyer, seller):
    place = f"/disputes/{over.number}/holds"
    over.opened_to(registrar.account_id)
    registrar.sign_in(), buyer.sign_in(), seller.sign_in()
    nothing = registrar.send(place)
    assert nothing.status_code == 409 and "Choose a ground of the list." in text(nothing)

    assert registrar.send(place, {"hold_ground": "court_proceedings"}).status_code == 303

    assert "Holds that count" in registrar.read(place)
    for side in (buyer, seller):
        assert "has all words of this dispute kept, because a court needs them" in side.read(f"/disputes/{over.number}")
    version = held_by(over)
    lifted = registrar.send(f"{place}/{version}/end", form_at=place)
    assert lifted.status_code == 303
    assert "Holds that count" not in registrar.read(place)
    assert registrar.post(f"{place}/{version}/end", registrar.hidden(place)).status_code == 409


def held_by(dispute) -> int:
    with dispute.house.engine.connect() as connection:
        return stand(connection, dispute.house, dispute.id).dispute.holds[-1].version


def test_nobody_but_a_registrar_holds_anything(over, buyer, stranger):
    buyer.sign_in(), stranger.sign_in()
    place = f"/disputes/{over.number}/holds"
    assert buyer.client.get(place).status_code == 404
    assert stranger.client.get(place).status_code == 404


# -- where words were -------------------------------------------------------------------------------------------


def test_every_page_of_a_dispute_opens_when_all_its_words_are_gone(app, house, clock, over, buyer, seller, registrar):
    erase(house, over.opened_to(registrar.account_id), "buyer", "seller")
    for reader in (buyer, seller, registrar):
        reader.sign_in()
        for door in doors_of(app):
            if door.method == "GET" and "number" in door.blanks and "hold" not in door.blanks:
                answer = reader.client.get(door.path(number=over.number))
                assert answer.status_code in (200, 202, 303, 404), (door, answer.status_code)
                assert b"canary" not in answer.data and b"bicycle lights" not in answer.data, door
    page = buyer.read(f"/disputes/{over.number}")
    assert page.count("Erased on 1 May 2026 , as recorded in entry") >= 6
    assert PERMISSIONS["words:erase"].act and "Have your words erased" not in page


def test_the_letter_to_a_seller_who_is_named_nowhere_any_more_opens(house, registrar):
    dispute = a_dispute(house).admitted()
    registrar.sign_in()
    letter = f"/disputes/{dispute.number}/post"
    assert "The seller China" in registrar.read(letter)

    service.erase_by_law(house, dispute.id, "unlawful", (1,))

    assert "The seller China" not in registrar.read(letter)


def test_the_file_of_erased_evidence_is_not_offered_and_not_handed_out(house, over, buyer):
    buyer.sign_in()
    place = f"/disputes/{over.number}/evidence/1"
    assert buyer.client.get(place).data == b"a canary of a file\n"

    erase(house, over, "buyer")

    assert buyer.client.get(place).status_code == 404
    assert place not in buyer.client.get(f"/disputes/{over.number}").get_data(as_text=True)


def test_one_sides_words_stay_readable_when_the_others_are_gone(house, over, buyer, seller):
    erase(house, over, "seller")
    for reader in (buyer, seller):
        reader.sign_in()
        page = reader.read(f"/disputes/{over.number}")
        assert "The canary of the buyer." in page and "The canary of the seller." not in page


def test_an_erased_words_receipt_is_still_handed_out(house, over, buyer):
    buyer.sign_in()
    before = buyer.client.get(f"/disputes/{over.number}/entries/1/receipt")
    erase(house, over, "buyer")
    after = buyer.client.get(f"/disputes/{over.number}/entries/1/receipt")

    assert before.status_code == after.status_code == 200
    assert before.data.split(b"\n")[1] == after.data.split(b"\n")[1]


def test_the_case_file_after_an_erasure_says_so_and_is_sound(house, over, buyer):
    erase(house, over, "buyer")
    buyer.sign_in()
    archive = zipfile.ZipFile(io.BytesIO(buyer.client.get(f"/disputes/{over.number}/case-file").data))

    page = archive.read("index.html").decode()
    assert "Erased on" in page and "canary of the buyer" not in page
    assert not [name for name in archive.namelist() if name.startswith("files/")]


def test_who_can_have_words_erased_is_led_there_from_the_dispute(over, buyer, clock):
    buyer.sign_in()
    assert "Have your words erased" in buyer.read(f"/disputes/{over.number}")


def test_an_account_that_is_gone_signs_in_no_more_and_starts_anew(app, house, over, buyer):
    buyer.send(ASK, {"email": "buyer@example.org"})
    service.work_off(house, {})

    assert buyer.client.get(f"/disputes/{over.number}").location.startswith("/session/new")
    again = Reader(app, account(app, "buyer@example.org", "Somebody"))
    assert again.client.get(f"/disputes/{over.number}").status_code == 404
