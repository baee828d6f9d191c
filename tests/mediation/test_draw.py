"""The draw as the worker does it: a pool fixed, a checkpoint over it, one drawn, once, whoever comes or dies."""

from __future__ import annotations

import hashlib
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from odr.database import writing
from odr.disputes.rebuild import compare, rebuild
from odr.disputes.tables import appointment, draw
from odr.house import House
from odr.kernel import Missing, Refused
from odr.log.integrator import integrate, publish, seal_all
from odr.log.tables import entry
from odr.mediation import queries
from odr.mediation.rules import decline_appointment
from odr.mediation.service import advance_draw
from odr.procedure.dispute import Phase
from odr.procedure.rules import agree_suspension, ask_suspension
from odr.worker import NOBODY_FITS, draw_mediators, run
from tests.builders import ADispute, a_dispute
from tests.mediation.roster import a_mediator


def now(house: House, dispute: ADispute):
    with house.engine.connect() as connection:
        return queries.state_of(connection, house, dispute.id)


def entries_of(house: House, dispute: ADispute, type_name: str) -> int:
    query = select(func.count()).where(entry.c.stream == f"dispute/{dispute.id}", entry.c.type == type_name)
    with house.engine.connect() as connection:
        return connection.scalar(query)


@pytest.fixture
def mediators(house: House) -> set[str]:
    return {a_mediator(house, name) for name in ("First", "Second", "Third")}


@pytest.fixture
def waiting(house: House) -> ADispute:
    return a_dispute(house).left()


def test_the_pool_is_fixed_before_the_checkpoint_that_seeds_the_draw(house, mediators, waiting):
    assert advance_draw(house, waiting.id)
    fixed = now(house, waiting)
    assert set(fixed.draw.pool) == mediators
    assert fixed.mediator == ""

    assert not advance_draw(house, waiting.id), "nothing is drawn before a checkpoint covers the pool"
    integrate(house)
    assert not advance_draw(house, waiting.id), "a place in the tree is not yet a checkpoint"
    publish(house)
    assert advance_draw(house, waiting.id)

    drawn = now(house, waiting)
    assert drawn.mediator == drawn.draw.order[0]
    assert drawn.clock.step == "appointment"
    assert not advance_draw(house, waiting.id)


def test_it_is_the_first_checkpoint_over_the_pool_that_counts(house, mediators, waiting):
    seal_all(house)
    advance_draw(house, waiting.id)
    seal_all(house)
    with house.engine.connect() as connection:
        first = queries.seed_of(connection, house, waiting.id, now(house, waiting).draw.version)
    a_dispute(house)
    seal_all(house)

    advance_draw(house, waiting.id)

    drawn = now(house, waiting).draw
    assert (drawn.size, drawn.root) == (first.size, first.root)


def test_anybody_can_recompute_the_order_from_the_public_record(house, mediators, waiting):
    advance_draw(house, waiting.id)
    seal_all(house)
    advance_draw(house, waiting.id)
    number = now(house, waiting).draw.seal[:16]
    with house.engine.connect() as connection:
        record = queries.draw_record(connection, house, number)

    seed = b"odr/draw-1" + bytes([0]) + bytes.fromhex(record.commitment) + bytes.fromhex(record.seed.root)
    tickets = {one: hashlib.sha256(seed + bytes.fromhex(one)).hexdigest() for one in record.pool}

    assert [place.mediator for place in record.places] == sorted(record.pool, key=tickets.get)
    assert [place.drawn_at is not None for place in record.places] == [True, False, False]
    assert waiting.id not in repr(record)
    assert waiting.number not in repr(record)


def test_who_is_released_is_followed_in_the_same_record(house, mediators, waiting, clock):
    advance_draw(house, waiting.id)
    seal_all(house)
    advance_draw(house, waiting.id)
    waiting.state = now(house, waiting)
    clock.advance(hours=3)
    waiting.act(decline_appointment, waiting.mediator)

    with house.engine.connect() as connection:
        record = queries.draw_record(connection, house, waiting.state.draw.seal[:16])

    assert waiting.state.mediator == record.places[1].mediator
    assert [place.drawn_at for place in record.places] == [clock.at - 3 * 3_600_000, clock.at, None]


def test_when_nobody_is_left_a_new_pool_is_fixed_from_those_not_met(house, waiting):
    alone = a_mediator(house)
    advance_draw(house, waiting.id)
    seal_all(house)
    advance_draw(house, waiting.id)
    waiting.state = now(house, waiting)
    waiting.act(decline_appointment, waiting.mediator)
    assert waiting.state.draw is None

    with pytest.raises(Refused, match="pool_empty"):
        advance_draw(house, waiting.id)
    later = a_mediator(house, "Later")
    assert advance_draw(house, waiting.id)

    assert now(house, waiting).draw.pool == (later,)
    assert alone not in now(house, waiting).draw.pool


def test_an_empty_pool_waits_until_its_time_brings_it_to_the_registrar(house, waiting, clock):
    left: dict[str, int] = {}
    assert draw_mediators(house, left) == 0
    assert left == {waiting.id: clock.at + NOBODY_FITS}
    a_mediator(house)
    assert draw_mediators(house, left) == 0, "it is left alone for a while"

    clock.at += NOBODY_FITS
    assert draw_mediators(house, left) == 1

    empty = a_dispute(house, category="defective").left()
    empty.expired()
    assert (empty.state.clock.step, empty.state.awaited) == ("draw_late", "registrar")


def test_nothing_is_drawn_while_all_time_stands_still(house, mediators, waiting):
    waiting.act(ask_suspension, waiting.buyer)
    waiting.act(agree_suspension, waiting.seller)

    assert not advance_draw(house, waiting.id)
    assert now(house, waiting).suspension


def test_workers_that_come_at_once_do_it_once(house, mediators):
    disputes = [a_dispute(house).left() for _ in range(3)]
    start, failures = Barrier(4), []

    def work() -> None:
        try:
            start.wait()
            for _ in range(30):
                draw_mediators(house, {})
                seal_all(house)
        except Exception as failure:
            failures.append(failure)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    for dispute in disputes:
        assert entries_of(house, dispute, "pool_committed") == 1
        assert entries_of(house, dispute, "mediator_drawn") == 1
        assert now(house, dispute).mediator in mediators


def test_a_worker_that_died_in_between_is_followed_by_the_next(house, mediators, waiting):
    """Between any two steps nothing is lost and nothing is done twice: each step is found again from the log."""
    advance_draw(house, waiting.id)
    integrate(house)
    # It died before it signed; the next one signs, and draws by that.
    draw_mediators(house, {})
    publish(house)
    # It died before it drew.
    assert draw_mediators(house, {}) == 1
    assert draw_mediators(house, {}) == 0

    assert entries_of(house, waiting, "pool_committed") == entries_of(house, waiting, "mediator_drawn") == 1


def test_one_dispute_for_which_nobody_fits_does_not_keep_the_others_waiting(house, waiting):
    a_mediator(house, fields=("not_delivered",))
    in_vain = a_dispute(house, category="defective").left()
    left: dict[str, int] = {}

    assert draw_mediators(house, left) == 1

    assert list(left) == [in_vain.id]
    assert now(house, waiting).draw


def test_one_run_of_the_worker_draws_for_whoever_waits(app, house, mediators, waiting):
    assert run(app, once=True)

    assert now(house, waiting).mediator in mediators


def test_rows_about_draws_are_folded_anew_and_compared(house, mediators, waiting, clock):
    advance_draw(house, waiting.id)
    seal_all(house)
    advance_draw(house, waiting.id)
    waiting.state = now(house, waiting)
    waiting.expired()
    waiting.appointed()
    with writing(house.engine) as connection:
        assert list(compare(connection, house)) == []
        kept = [list(connection.execute(select(table))) for table in (draw, appointment)]
        connection.execute(appointment.update().values(missed_at=None))
        connection.execute(draw.delete())
        assert {finding.code for finding in compare(connection, house)} == {"projection_differs"}

        rebuild(connection, house)

        assert list(compare(connection, house)) == []
        assert [sorted(connection.execute(select(table))) for table in (draw, appointment)] == [
            sorted(rows) for rows in kept
        ]
    assert waiting.state.phase is Phase.ASSIGNMENT


def test_a_record_that_does_not_exist_is_missing(house):
    with house.engine.connect() as connection, pytest.raises(Missing):
        queries.draw_record(connection, house, "0" * 16)
