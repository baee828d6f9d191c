"""Draws outlive the log they were made in: what they were drawn by stays known, and nobody draws for another lot."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from odr.app import create_app
from odr.house import House
from odr.log.founding import found_anew
from odr.log.integrator import seal_all
from odr.log.note import Rejected
from odr.mediation import queries
from odr.mediation.service import advance_draw
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute
from tests.mediation.roster import a_mediator
from tests.mediation.test_draw import now


@pytest.fixture
def waiting(house: House) -> ADispute:
    for name in ("First", "Second", "Third"):
        a_mediator(house, name)
    told = a_dispute(house).left()
    assert advance_draw(house, told.id)
    seal_all(house)
    return told


def anew(told: ADispute) -> House:
    founded = found_anew(told.house, stolen=True)
    told.house = create_app(founded.settings, founded.clock).extensions["odr"]
    return told.house


def record(told: ADispute) -> queries.DrawRecord:
    with told.house.engine.connect() as connection:
        return queries.draw_record(connection, told.house, now(told.house, told).draw.seal[:16])


def test_the_public_record_of_a_draw_says_the_same_in_the_new_log(waiting: ADispute) -> None:
    assert advance_draw(waiting.house, waiting.id)
    before = record(waiting)
    assert before.seed is not None

    anew(waiting)

    assert record(waiting) == before


def test_a_pool_that_was_signed_over_before_is_drawn_by_that_checkpoint(waiting: ADispute) -> None:
    before = record(waiting)

    house = anew(waiting)
    assert advance_draw(house, waiting.id)

    drawn = now(house, waiting)
    assert (drawn.draw.size, drawn.draw.root) == (before.seed.size, before.seed.root)
    assert drawn.mediator == before.places[0].mediator
    seal_all(house)
    assert verify_house(house).findings == []


def test_a_pool_that_was_not_signed_over_is_drawn_by_the_new_log(house: House) -> None:
    for name in ("First", "Second", "Third"):
        a_mediator(house, name)
    told = a_dispute(house).left()
    seal_all(house)
    assert advance_draw(house, told.id)

    new = anew(told)

    assert advance_draw(new, told.id)
    seal_all(new)
    assert now(new, told).mediator
    assert verify_house(new).findings == []


def test_nobody_is_drawn_by_a_checkpoint_that_was_put_among_those_of_the_old_log(waiting: ADispute) -> None:
    house = anew(waiting)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE former_checkpoint SET note = (SELECT min(note) FROM checkpoint)"))

    with pytest.raises(Rejected):
        advance_draw(house, waiting.id)

    assert "checkpoint_malformed" in {finding.code for finding in verify_house(house).findings}
