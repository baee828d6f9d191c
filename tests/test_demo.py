"""The demonstration: disputes at every step, seen from every seat, made once and never in a real house."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from odr import demo
from odr.disputes.queries import disputes_of, open_page, registrar_queue, take_seat
from odr.disputes.tables import dispute_row
from odr.house import House
from odr.people.queries import account_by_email, person_by_cookie
from odr.people.service import Caller, sign_in
from odr.procedure.dispute import Phase
from odr.replay.rules import read_script
from odr.verify import verify_house
from tests.builders import a_dispute


@pytest.fixture
def house(app) -> House:
    return app.extensions["odr"]


def count(house):
    with house.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(dispute_row))


def test_a_demonstration_shows_a_dispute_in_every_phase_and_is_made_once(house, clock):
    password = demo.furnish(house)

    with house.engine.connect() as connection:
        phases = set(connection.scalars(select(dispute_row.c.phase)))
    assert phases == {str(phase) for phase in Phase} - {"unfiled"}
    verified = verify_house(house)
    assert verified.findings == []

    clock.advance(days=3)

    assert demo.furnish(house) == password
    assert verify_house(house).size == verified.size


@pytest.mark.one_database
def test_every_guest_signs_in_and_finds_what_they_came_for(house):
    password = demo.furnish(house)

    seen = {}
    for guest in demo.GUESTS:
        cookie = sign_in(house, Caller(), email=guest.email, password=password)
        with house.engine.connect() as connection:
            person = person_by_cookie(connection, cookie, house.clock())
            rows = registrar_queue(connection) if person.roles else disputes_of(connection, person.account_id)
            pages = [
                open_page(connection, house, take_seat(connection, row.number, person.account_id, person.roles))
                for row in rows
            ]
        seen[guest.email.split("@")[0]] = pages

    assert {name: len(pages) for name, pages in seen.items()} == {
        "buyer": count(house), "seller": 10, "registrar": 3, "second-registrar": 3,
    }  # fmt: skip
    assert any(page.dispute.open_offer and page.may("offer:accept") for page in seen["buyer"])
    assert any(len(page.dispute.evidence) == 3 for page in seen["seller"])
    assert any(page.may("filing:admit") for page in seen["registrar"])


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
