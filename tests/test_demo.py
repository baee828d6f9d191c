"""The demonstration: disputes at every step, seen from every seat, made once and never in a real house."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from odr import demo
from odr.disputes.queries import PAGE, disputes_of, mediator_queue, open_page, registrar_queue, stand, take_seat
from odr.disputes.tables import dispute_row
from odr.house import House
from odr.people.queries import account_by_email, person_by_cookie
from odr.people.service import Caller, sign_in
from odr.procedure.dispute import Phase
from odr.replay.rules import read_script
from odr.statistics.queries import latest_edition
from odr.verify import verify_house
from tests.builders import a_dispute


@pytest.fixture
def house(app) -> House:
    return app.extensions["odr"]


def count(house):
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(dispute_row))


def open_state(connection, house, dispute_id):
    return stand(connection, house, dispute_id).dispute.compliance


def test_a_demonstration_shows_a_dispute_in_every_phase_and_is_made_once(house, clock):
    password = demo.furnish(house)

    with house.engine.connect() as connection:
        phases = set(connection.scalars(select(dispute_row.c.phase)))
        compliance = {open_state(connection, house, row) for row in connection.scalars(select(dispute_row.c.id))}
    assert phases == {str(phase) for phase in Phase} - {"unfiled"}
    assert {"due", "performed", "disputed", "checking", "honoured"} <= compliance
    verified = verify_house(house)
    assert verified.findings == []

    clock.advance(days=3)

    assert demo.furnish(house) == password
    assert verify_house(house).size == verified.size
    with house.engine.connect() as connection:
        assert latest_edition(connection).head.size == verified.size


@pytest.mark.one_database
def test_every_guest_signs_in_and_finds_what_they_came_for(house):
    password = demo.furnish(house)

    seen = {}
    for guest in demo.GUESTS:
        cookie = sign_in(house, Caller(), email=guest.email, password=password)
        with house.engine.connect() as connection:
            person = person_by_cookie(connection, cookie, house.clock())
            seats = (
                take_seat(connection, row.number, person.account_id, person.roles, person.mediator_id)
                for row in LISTS[guest.role](connection, person)
            )
            pages = [open_page(connection, house, seat) for seat in seats]
        seen[guest.email.split("@")[0]] = pages

    mediated = len(seen["mediator"]) + len(seen["second-mediator"])
    assert {name: len(pages) for name, pages in seen.items() if "mediator" not in name} == {
        "buyer": PAGE + 1, "seller": 23, "registrar": 5, "second-registrar": 5, "regulator": 0,
        "administrator": 0, "second-administrator": 0,
    }  # fmt: skip
    assert mediated == 8
    assert count(house) > PAGE
    assert any(page.dispute.open_offer and page.may("offer:accept") for page in seen["buyer"])
    assert any(len(page.dispute.evidence) == 3 for page in seen["seller"])
    acts = {name: {act for page in pages for act in page.acts} for name, pages in seen.items()}
    assert {"filing:admit", "challenge:decide", "proof:check"} <= acts["registrar"]
    assert {"appointment:accept", "proposal:make", "decision:issue"} <= acts["mediator"] | acts["second-mediator"]
    assert {"decision:accept", "performance:confirm", "objection:make", "procedure:rate"} <= acts["buyer"]


LISTS = {
    None: lambda connection, person: disputes_of(connection, person.account_id),
    "registrar": lambda connection, person: registrar_queue(connection),
    "regulator": lambda connection, person: [],
    "admin": lambda connection, person: [],
    "mediator": lambda connection, person: mediator_queue(connection, person.mediator_id),
}


@pytest.mark.one_database
def test_a_house_with_disputes_of_its_own_is_left_alone(house):
    a_dispute(house)

    with pytest.raises(demo.NotADemonstration):
        demo.furnish(house)

    with house.engine.connect() as connection:
        assert account_by_email(connection, demo.GUESTS[0].email) is None


def test_nothing_in_a_demonstration_is_yet_to_come():
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    for line in demo.disputes(now):
        instants = [datetime.fromisoformat(act["at"]) for act in line["acts"]]
        assert instants == sorted(instants)
        assert all(instant <= now for instant in instants)
        assert not line["acts"] or line["opened"] <= line["acts"][0]["at"]


def test_lines_of_a_demonstration_are_scripts():
    for line in demo.disputes(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)):
        read_script(json.dumps(line).encode())
