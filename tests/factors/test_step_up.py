"""Before a step of weight the second factor is asked for once more, and nothing that was typed is lost by it."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from odr.database import write_unit
from odr.decision.tables import decision_draft
from odr.factors import service
from odr.house import House, Settings
from odr.log.integrator import seal_all
from odr.log.tables import entry
from odr.people.queries import Person, account_of, person_by_cookie
from odr.people.service import start_session
from odr.procedure.access import PARTIES, PERMISSIONS
from odr.procedure.dispute import Phase
from tests.builders import ADispute, a_dispute
from tests.conftest import FrozenClock
from tests.decision.conftest import Mediator, decided, dispute, heard, mediator, shown, to_decide
from tests.decision.test_routes import at, press, send, state_of, written
from tests.disputes.conftest import buyer, house, registrar, seller
from tests.disputes.readers import Reader, text
from tests.doors import doors_of, token_of
from tests.factors.authenticator import code_at
from tests.factors.conftest import CALLER

__all__ = ["buyer", "decided", "dispute", "heard", "house", "mediator", "registrar", "seller", "shown", "to_decide"]

pytestmark = pytest.mark.one_database


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """As in other rooms, on plain loopback: these tests are about apps."""
    return replace(settings, public_url="http://127.0.0.1:8000")


def person(reader: Reader, house: House) -> Person:
    with house.engine.connect() as connection:
        found = person_by_cookie(connection, reader.client.get_cookie("odr").value, house.clock())
    assert found is not None
    return found


def give_app(reader: Reader, house: House) -> str:
    """Add an app in a new session of this reader, which has then just proven it; answers its secret."""
    reader.sign_in()
    with house.engine.connect() as connection:
        email = account_of(connection, reader.account_id).email
    service.begin_app(house, CALLER, person(reader, house), email=email)
    secret = service.app_setup(house, person(reader, house)).secret
    added = service.confirm_app(
        house, CALLER, person(reader, house), code=code_at(secret, house.clock()), name="My telephone"
    )
    reader.client.set_cookie("odr", added.cookie)
    return secret


def entries(house: House) -> int:
    with house.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(entry)).scalar_one()


def test_these_steps_ask_for_it_and_no_others():
    assert {name for name, row in PERMISSIONS.items() if row.step_up} == {
        "account:suspend",
        "casefile:read",
        "data:take",
        "factor:add",
        "factor:change",
        "factor:reset",
        "role:give",
        "role:take",
        "sessions:end",
        "challenge:decide",
        "decision:accept",
        "decision:issue",
        "decision:reject",
        "dispute:hand_over",
        "identity:change",
        "mandate:give",
        "dispute:open",
        "settlement:sign",
    }


@pytest.mark.parametrize("name", ["buyer", "mediator", "registrar"])
def test_every_form_of_such_a_step_leads_to_the_proof_first(
    app: Flask, house: House, to_decide: ADispute, clock: FrozenClock, name: str, request: pytest.FixtureRequest
):
    reader: Reader = request.getfixturevalue(name)
    give_app(reader, house)
    token = token_of(reader)
    before = entries(house)
    clock.advance(minutes=5)

    tried = 0
    for door in doors_of(app):
        row = PERMISSIONS[door.permission]
        roles = {"buyer": PARTIES, "mediator": {"mediator"}, "registrar": {"registrar"}}[name] | {"signed_in"}
        if door.method == "POST" and row.step_up and row.who & roles:
            data = {"csrf_token": token, "act": "issue", "key": "0" * 32}
            sent = reader.client.post(door.path(number=to_decide.number), data=data)
            assert (sent.status_code, sent.location.split("?")[0]) == (303, "/session/factor"), door
            words = reader.client.post(door.path(number=to_decide.number), data=data | {"text": "Long-winded words."})
            assert words.status_code == 403 and "Long-winded words." in text(words), door
            tried += 1
    assert tried >= 5 and entries(house) == before


@pytest.mark.parametrize("name", ["buyer", "mediator"])
def test_what_leaves_the_house_at_once_asks_for_a_fresh_proof(
    house: House, to_decide: ADispute, clock: FrozenClock, name: str, request: pytest.FixtureRequest
):
    reader: Reader = request.getfixturevalue(name)
    seal_all(house)
    taken = {
        f"/disputes/{to_decide.number}/case-file": f"/disputes/{to_decide.number}",
        "/account/data/copy": "/account/data",
    }
    give_app(reader, house)
    assert {reader.client.get(path).status_code for path in taken} == {200}
    clock.advance(minutes=5)

    for path, back in taken.items():
        asked = reader.client.get(path)
        assert (asked.status_code, asked.location) == (303, f"/session/factor?next={back}")
        assert "Then ask for the file once more." in text(reader.client.get(asked.location))


def test_a_mediator_does_not_decide_on_an_old_proof(house, to_decide, mediator: Mediator, clock):
    """Threat 4: the draft is kept, the proof asked for, and then the same decision is issued."""
    secret = give_app(mediator, house)
    clock.advance(minutes=6)
    checked = send(mediator, to_decide, written())
    assert checked.status_code == 200 and "Not issued yet" in text(checked)

    stopped = press(mediator, to_decide, checked, "issue")

    assert stopped.status_code == 403 and "The parcel was lost on its way." in text(stopped)
    assert state_of(to_decide).decision is None
    prove = re.search(r'href="(/session/factor[^"]*)"', stopped.get_data(as_text=True))[1]
    proven = mediator.send("/session/factor", {"code": code_at(secret, clock.at)}, form_at=prove)
    assert proven.location == at(to_decide, "/new")
    assert "The parcel was lost on its way." in text(mediator.client.get(proven.location))
    issued = press(mediator, to_decide, send(mediator, to_decide, written()), "issue")
    assert issued.status_code == 303 and state_of(to_decide).phase is Phase.DECIDED


def test_a_mediator_decides_within_five_minutes_of_the_proof(house, to_decide, mediator: Mediator, clock):
    give_app(mediator, house)
    clock.advance(minutes=4, seconds=59)

    press(mediator, to_decide, send(mediator, to_decide, written()), "issue")

    assert state_of(to_decide).phase is Phase.DECIDED


def test_a_draft_is_kept_without_a_proof(house, to_decide, mediator: Mediator, clock):
    give_app(mediator, house)
    clock.advance(minutes=6)

    kept = send(mediator, to_decide, written(), "later")
    copied = mediator.post(
        at(to_decide, "/new/copy"),
        mediator.hidden(at(to_decide, "/new")) | {"text": "More words."},
    )

    assert kept.status_code == 303 and not kept.location.startswith("/session")
    assert copied.status_code == 204
    with house.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(decision_draft)).scalar_one() == 1


def test_a_mediator_with_a_password_alone_reaches_no_desk(app, house, to_decide, mediator: Mediator):
    thief = Reader(app)
    at_now = house.clock()
    cookie = write_unit(
        house.engine, lambda connection: start_session(connection, mediator.account_id, "Thief", at_now)
    )
    thief.client.set_cookie("odr", cookie)
    before = entries(house)

    for path in ("/desk/mediator", f"/disputes/{to_decide.number}", at(to_decide, "/new"), at(to_decide)):
        assert thief.client.get(path).location.startswith("/session/factor"), path
    token = re.search(r'name="csrf_token" value="([^"]+)"', thief.client.get("/account/factors").get_data(as_text=True))
    for door in doors_of(app):
        if door.method == "POST" and "number" in door.blanks:
            data = {"csrf_token": token[1], "act": "issue", "text": "A thief's words.", "key": "0" * 32}
            if door.endpoint == "evidence.add":
                data["file"] = (io.BytesIO(b"words"), "words.txt")
            sent = thief.client.post(door.path(number=to_decide.number), data=data)
            assert sent.status_code in (303, 401), door
            assert sent.status_code == 401 or sent.location.startswith("/session/factor"), door
    assert entries(house) == before


def test_a_party_signs_after_a_proof_where_there_is_a_factor(house, buyer, seller, clock):
    dispute = a_dispute(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
    dispute.in_negotiation().offer(dispute.seller, "31.07").accepted(dispute.buyer)
    secret = give_app(buyer, house)
    clock.advance(minutes=6)
    page = f"/disputes/{dispute.number}/settlement"

    stopped = buyer.send(f"{page}/signature", form_at=page)
    assert stopped.location == f"/session/factor?next={page}"
    buyer.send("/session/factor", {"code": code_at(secret, clock.at)}, form_at=stopped.location)
    signed = buyer.send(f"{page}/signature", form_at=page)
    seller.sign_in()
    other = seller.send(f"{page}/signature", form_at=page)

    assert (signed.status_code, other.status_code) == (303, 303)
    assert state_of(dispute).phase is Phase.CLOSED


def test_a_party_answers_a_decision_after_a_proof(house, decided, buyer, clock):
    secret = give_app(buyer, house)
    clock.advance(minutes=6)

    stopped = buyer.send(at(decided, "/acceptance"))
    assert stopped.location == f"/session/factor?next={at(decided, '/acceptance')}"
    buyer.send("/session/factor", {"code": code_at(secret, clock.at)}, form_at=stopped.location)
    buyer.send(at(decided, "/acceptance"))

    assert state_of(decided).decision.accepted_by == {"buyer"}
