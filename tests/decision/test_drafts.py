"""Decisions in the making: sealed, one for each mediator of a dispute, and gone when they are issued or forgotten."""

from __future__ import annotations

from sqlalchemy import func, select

from odr.database import write_unit
from odr.decision import service
from odr.decision.drafts import forget_drafts, open_draft
from odr.decision.tables import decision_draft
from odr.house import House

DISPUTE, MEDIATOR, OTHER = "d" * 32, "a" * 32, "b" * 32
TYPED = {"text": ["Who sends bears the risk. 收据"], "finding-0-cites": ["1", "2"]}


def test_a_draft_comes_back_as_it_was_typed_and_only_to_its_mediator(house: House):
    service.keep_draft(house, DISPUTE, MEDIATOR, TYPED)
    service.keep_draft(house, DISPUTE, MEDIATOR, {**TYPED, "basis": ["contract"]})

    assert service.read_draft(house, DISPUTE, MEDIATOR).typed == {**TYPED, "basis": ["contract"]}
    assert service.read_draft(house, DISPUTE, OTHER).typed == {}


def test_a_draft_is_sealed(house: House):
    service.keep_draft(house, DISPUTE, MEDIATOR, TYPED)

    with house.engine.connect() as connection:
        sealed = bytes(connection.execute(select(decision_draft.c.sealed)).scalar_one())
    assert b"risk" not in sealed


def test_a_copy_never_takes_the_place_of_what_was_sent_later(house: House, clock):
    opened = clock.at
    assert service.copy_draft(house, DISPUTE, MEDIATOR, {"text": ["Half"]}, seen=opened)
    clock.advance(seconds=1)
    service.keep_draft(house, DISPUTE, MEDIATOR, TYPED)

    assert not service.copy_draft(house, DISPUTE, MEDIATOR, {"text": ["Half a"]}, seen=opened)
    assert not service.copy_draft(house, DISPUTE, MEDIATOR, {"text": ["Of tomorrow"]}, seen=clock.at + 1)
    assert service.read_draft(house, DISPUTE, MEDIATOR).typed == TYPED


def test_what_nobody_touches_is_forgotten(house: House, clock):
    service.keep_draft(house, DISPUTE, MEDIATOR, TYPED)
    clock.advance(days=90)
    service.keep_draft(house, DISPUTE, OTHER, TYPED)

    assert write_unit(house.engine, lambda connection: forget_drafts(connection, clock.at - 1)) == 1
    with house.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(decision_draft)).scalar_one() == 1
        assert open_draft(connection, house, DISPUTE, OTHER).typed == TYPED
