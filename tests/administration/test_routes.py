"""The administrators' pages, walked through as they are used, and as somebody tries them who has no business there."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from odr.house import House
from odr.people.routes import room_of
from odr.procedure.access import PERMISSIONS
from tests.administration.conftest import Somebody
from tests.builders import a_dispute
from tests.conftest import FrozenClock
from tests.disputes.readers import Reader, text
from tests.doors import doors_of, token_of
from tests.people.conftest import PASSWORD

pytestmark = pytest.mark.one_database

DESK = "/administration"


@pytest.fixture
def admin(app: Flask, first: Somebody) -> Reader:
    return Reader(app, first.id)


@pytest.fixture
def other_admin(app: Flask, second: Somebody) -> Reader:
    return Reader(app, second.id)


def of(somebody: Somebody, more: str = "") -> str:
    return f"{DESK}/accounts/{somebody.id}{more}"


def test_the_desk_tells_who_works_here_and_nothing_of_disputes(app, house, admin, second):
    party = Somebody(house, "Party")
    dispute = a_dispute(house, buyer_account=party.id).admitted()
    clerk = Somebody(house, "Clerk", "registrar")

    page = admin.read(DESK)

    assert "Clerk Registrar None Never Never" in page and "First Administrator 1 app with codes" in page
    assert "Party" not in page and dispute.number not in page
    assert dispute.number in admin.read(of(party))
    for path in (
        f"/disputes/{dispute.number}",
        f"/desk/{dispute.number}",
        "/desk",
        "/desk/mediator",
        "/desk/regulator",
    ):
        assert admin.client.get(path).status_code == 404, path
    for stranger in (Reader(app, clerk.id), Reader(app, party.id)):
        assert {stranger.client.get(path).status_code for path in (DESK, of(party), f"{DESK}/desks")} == {404}
    assert admin.client.get(f"{DESK}/accounts/{'0' * 32}").status_code == 404
    assert admin.client.get(f"{DESK}/accounts/%00%27--").status_code == 404


def test_where_a_second_administrator_is_missing_the_desk_says_so(house, admin):
    assert "Two administrators are needed" in admin.read(DESK)

    Somebody(house, "Second", "admin").with_factor()

    assert "Two administrators are needed" not in admin.read(DESK)


def test_an_account_is_found_by_its_address_which_stands_in_no_address_of_ours(house, admin):
    party = Somebody(house, "Party")

    found = admin.send(DESK, {"email": " PARTY@example.org "})
    unknown = admin.send(DESK, {"email": "nobody@example.org"})
    malformed = admin.send(DESK, {"email": "nobody"})

    assert (found.status_code, found.location) == (303, of(party))
    assert unknown.status_code == malformed.status_code == 422
    assert "Nobody has an account with this address." in text(unknown)
    assert 'value="nobody@example.org"' in unknown.get_data(as_text=True)


def test_a_desk_is_given_and_taken_through_the_pages(house, admin, second):
    at = f"{DESK}/desks"

    wrong = admin.send(at, {"role": "mediator", "email": "new@example.org"})
    assert wrong.status_code == 422 and "Choose one of the list." in text(wrong)
    nameless = admin.send(at, {"role": "registrar", "email": "new@example.org"})
    assert nameless.status_code == 422 and "Write what the person is called." in text(nameless)
    given = admin.send(at, {"role": "registrar", "email": "new@example.org", "name": "New One"})
    page = admin.read(given.location)
    assert "New One" in page and "The desk of a registrar was given." in page and "First" in page

    taken = admin.send(f"{given.location}/desks/registrar/end", form_at=given.location)
    assert "The desk of a registrar was taken away." in admin.read(taken.location)
    own = admin.send(at, {"role": "registrar", "email": "first@example.org"})
    assert own.status_code == 422 and "This concerns your own account." in text(own)


def test_an_account_is_suspended_with_its_consequences_told_first_and_restored(app, house, admin):
    party = Somebody(house, "Party", password=True)
    clerk = Somebody(house, "Clerk", "registrar")
    dispute = a_dispute(house, buyer_account=party.id).admitted()
    reader, old = Reader(app, party.id), Reader(app)
    assert reader.client.get(f"/disputes/{dispute.number}").status_code == 200
    at = of(party, "/suspension")
    assert "Time runs in 1 dispute of theirs." in admin.read(at)
    assert admin.send(at, {"ground": "dislike"}).status_code == 422

    done = admin.send(at, {"ground": "insecure"})

    page = admin.read(done.location)
    assert "This account is suspended" in page and "it seemed to be in wrong hands" in page
    assert reader.client.get(f"/disputes/{dispute.number}").location.startswith("/session/new")
    assert clerk.mails() == ["party_suspended"]
    right = old.send("/session/new", {"email": party.email, "password": PASSWORD})
    wrong = old.send("/session/new", {"email": party.email, "password": "a guess of somebody's"})
    nobody = old.send("/session/new", {"email": "nobody@example.org", "password": "a guess of somebody's"})
    assert "This account is suspended" in text(right) and right.status_code == 422
    told = {re.sub(r'value="[^"]*"', "", page.get_data(as_text=True)) for page in (wrong, nobody)}
    assert len(told) == 1 and "suspended" not in told.pop()

    restored = admin.send(of(party, "/restoration"), form_at=of(party))
    assert "The account was restored." in admin.read(restored.location)
    assert reader.client.get("/account").location.startswith("/session/new")
    assert old.send("/session/new", {"email": party.email, "password": PASSWORD}).status_code == 303


def test_two_administrators_take_lost_second_steps_away(app, house, admin, other_admin):
    lost = Somebody(house, "Loser", "registrar").with_factor()
    owner = Reader(app, lost.id)
    asked = admin.send(of(lost, "/reset"), {"ground": "stolen"})
    assert "A reset waits" in admin.read(asked.location)
    page = other_admin.client.get(DESK).get_data(as_text=True)
    wish = re.search(r'href="(/administration/resets/[0-9a-f]{32})"', page)[1]
    assert "said to be stolen" in other_admin.read(wish) and "First asked for it" in other_admin.read(wish)

    assert "Another administrator has to agree." in admin.read(wish)
    assert "I agree" not in admin.read(wish)
    forced = admin.post(wish, {**admin.hidden(wish, f"{wish}/refusal"), "made_sure": "y"})
    assert forced.status_code == 422 and "You asked for this yourself." in text(forced)
    unsure = other_admin.send(wish)
    assert unsure.status_code == 422 and "Make sure first." in text(unsure)
    assert "Somebody says that you have lost these" in owner.read("/account/factors")
    done = other_admin.send(wish, {"made_sure": "y"})

    assert "All second steps were taken away." in other_admin.read(done.location)
    assert owner.client.get("/account/factors").location.startswith("/session/new")
    assert other_admin.client.get(wish).status_code == 404
    assert other_admin.client.post(f"{wish}/refusal", data={"csrf_token": token_of(other_admin)}).status_code == 404


def test_its_owner_refuses_a_reset_from_the_account(app, house, admin, other_admin):
    somebody = Somebody(house, "Owner", "registrar").with_factor()
    owner = Reader(app, somebody.id)
    admin.send(of(somebody, "/reset"), {"ground": "lost"})

    refused = owner.send("/account/factors/reset/refusal", form_at="/account/factors")

    assert "You refused it." in owner.read(refused.location)
    assert "Somebody says that you have lost these" not in owner.read("/account/factors")
    assert "The reset was refused." in admin.read(of(somebody))


def test_every_step_of_weight_asks_for_a_fresh_proof(app, house, admin, clock: FrozenClock):
    somebody = Somebody(house, "Owner", "registrar").with_factor()
    token = token_of(admin)
    clock.advance(minutes=6)

    tried = set()
    for door in doors_of(app):
        row = PERMISSIONS[door.permission]
        if door.method == "POST" and row.step_up and row.who == {"admin"}:
            sent = admin.client.post(door.path(handle=somebody.id), data={"csrf_token": token})
            assert (sent.status_code, sent.location.split("?")[0]) == (303, "/session/factor"), door
            tried.add(door.endpoint)
    assert len(tried) == 8 and somebody.last_entry()["type"] == "role_granted"


def test_whoever_administers_is_led_to_their_desk_by_way_of_a_second_step(app, house: House):
    somebody = Somebody(house, "Newly", "admin", password=True)
    browser = Reader(app)

    assert browser.send("/session/new", {"email": somebody.email, "password": PASSWORD}).location == "/session/factor"
    assert browser.client.get(DESK).location == "/session/factor?next=/administration"
    with app.test_request_context():
        assert room_of(somebody.behind(somebody.session())) == "/administration"
