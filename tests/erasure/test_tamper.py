"""What is done to words, holds and erasures behind the product's back is named by `odr verify` (event-log.md §4)."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import delete, insert, select

from odr.database import write_unit
from odr.disputes.records import stream_of, to_fact
from odr.erasure import service
from odr.house import House
from odr.kernel import SYSTEM, Actor, new_pseudonym
from odr.log import tables as log
from odr.log.integrator import seal_all
from odr.log.journal import append, head_of
from odr.log.payloads import seal
from odr.procedure.events import ErasureOrdered, HoldLifted, HoldPlaced, Target, WordsErased
from odr.verify import verify_house
from tests.builders import ADispute
from tests.erasure.conftest import settled


@pytest.fixture
def house(app) -> House:
    return app.extensions["odr"]


@pytest.fixture
def over(house, clock) -> ADispute:
    dispute = settled(house)
    clock.advance(days=60)
    return dispute


def erased(house, over) -> None:
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    service.carry_out(house, over.id)
    seal_all(house)


def codes(house) -> set[str]:
    # What is entered past the rules is entered past the lists as well.
    return {finding.code for finding in verify_house(house).findings} - {"projection_differs"}


def entered(house, over, actor: Actor, *events) -> int:
    """Entries written past the rules, as somebody with the house's keys could; answers the version of the last."""

    def unit(connection):
        stream = stream_of(over.id)
        head = head_of(connection, stream)
        facts = [to_fact(event) for event in events]
        return append(connection, house, stream, facts, actor=actor, at=house.clock(), head=head)[-1].entry.version

    version = write_unit(house.engine, unit)
    seal_all(house)
    return version


def payload_of(house, over, version: int, name: str):
    query = select(log.payload).where(
        log.payload.c.stream == stream_of(over.id), log.payload.c.ver == version, log.payload.c.name == name
    )
    with house.engine.connect() as connection:
        return dict(connection.execute(query).one()._mapping)


def change(house, *statements) -> None:
    write_unit(house.engine, lambda connection: [connection.execute(statement) for statement in statements])


def order(version: int, *names: str, ground: str = "asked") -> ErasureOrdered:
    return ErasureOrdered(ground=ground, targets=(Target(version, names),))


# `settled` writes: the filing (1) and a file (3) of the buyer, the reply (4) of the seller.
FILING, FILE, REPLY = 1, 3, 4


def test_words_that_are_gone_without_a_record_are_missing(house, over):
    """§4 case 26."""
    change(house, delete(log.payload).where(log.payload.c.ver == FILING, log.payload.c.name == "narrative"))
    assert codes(house) == {"payload_missing"}


def test_an_order_that_was_not_carried_out_excuses_nothing(house, over):
    """§4 case 26."""
    entered(house, over, over.buyer, order(FILING, "narrative"))
    assert "payload_missing" not in codes(house)
    change(house, delete(log.payload).where(log.payload.c.ver == FILING, log.payload.c.name == "narrative"))
    assert "payload_missing" in codes(house)


def test_an_act_is_forgotten_with_its_words_and_with_nothing_else(house, over):
    erased(house, over)
    assert codes(house) == set()
    change(house, delete(log.idempotency).where(log.idempotency.c.actor == over.seller.id))
    assert codes(house) == {"act_missing"}


def test_erased_words_that_come_back_are_named_even_when_they_are_the_right_ones(house, over):
    """§4 cases 27 and 32."""
    row = payload_of(house, over, FILING, "narrative")
    erased(house, over)

    change(house, insert(log.payload).values(row))

    assert codes(house) == {"payload_reappeared"}


def test_erased_words_that_come_back_with_other_contents_do_not_open_the_commitment(house, over):
    """§4 case 27."""
    erased(house, over)
    stream = stream_of(over.id)
    false = seal(house.keys, house.origin, stream, FILING, "narrative", b"I never paid.")

    change(
        house,
        insert(log.payload).values(
            stream=stream, ver=FILING, name="narrative", salt=false.salt, wrapped_key=false.wrapped_key,
            sealed=false.sealed,
        ),
    )  # fmt: skip

    assert codes(house) == {"payload_reappeared", "payload_differs"}


@pytest.mark.parametrize("role", ["seller", "mediator", "regulator"])
def test_a_forged_order_of_somebody_without_the_right_excuses_nothing(house, over, role):
    """§4 case 28."""
    forger = over.seller if role == "seller" else Actor(new_pseudonym(), role)
    ordered = entered(house, over, forger, order(FILING, "narrative"))
    entered(house, over, SYSTEM, WordsErased(ordered=ordered))
    change(house, delete(log.payload).where(log.payload.c.ver == FILING, log.payload.c.name == "narrative"))

    assert codes(house) >= {"erasure_without_right", "payload_missing"}


@pytest.mark.parametrize("role", ["registrar", "system"])
def test_an_order_by_law_has_the_right_to_others_words(house, over, role):
    actor = SYSTEM if role == "system" else Actor(new_pseudonym(), role)
    entered(house, over, actor, order(FILING, "narrative", ground="court_order"))
    assert codes(house) == set()


def test_an_order_under_a_hold_is_named(house, over):
    """§4 case 29."""
    hold = entered(house, over, Actor(new_pseudonym(), "registrar"), HoldPlaced(ground="authority"))
    entered(house, over, over.buyer, order(FILING, "narrative"))
    assert "erasure_under_hold" in codes(house)

    entered(house, over, Actor(new_pseudonym(), "registrar"), HoldLifted(hold=hold))
    with_later = [finding for finding in verify_house(house).findings if finding.code == "erasure_under_hold"]
    entered(house, over, over.buyer, order(FILING, "order"))
    again = [finding for finding in verify_house(house).findings if finding.code == "erasure_under_hold"]
    assert len(with_later) == len(again) == 1


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((order(FILING, "nonsense"),), "erasure_malformed"),
        ((order(FILING),), "erasure_malformed"),
        ((ErasureOrdered(ground="asked", targets=()),), "erasure_malformed"),
        ((order(900, "text"),), "erasure_malformed"),
        ((HoldLifted(hold=1),), "hold_malformed"),
        ((WordsErased(ordered=1),), "erasure_without_order"),
    ],
)
def test_entries_about_words_that_make_no_sense_are_named(house, over, events, code):
    entered(house, over, SYSTEM, *events)
    assert code in codes(house)


def test_a_record_that_is_made_twice_is_named(house, over):
    erased(house, over)
    with house.engine.connect() as connection:
        ordered = head_of(connection, stream_of(over.id)).version - 1
    entered(house, over, SYSTEM, WordsErased(ordered=ordered))
    assert codes(house) == {"erasure_without_order"}


def test_a_file_that_stays_or_comes_back_after_its_words_are_gone_is_named(house, over):
    """§4 cases 30 and 32."""
    query = select(log.stored_file).where(log.stored_file.c.ver == FILE)
    with house.engine.connect() as connection:
        row = dict(connection.execute(query).one()._mapping)
    place = house.files._place(row["object_id"])
    kept = place.read_bytes()
    erased(house, over)
    assert codes(house) == set()

    place.write_bytes(kept)
    old = house.clock() / 1000 - 25 * 3_600
    os.utime(place, (old, old))
    assert codes(house) == {"file_unknown"}
    change(house, insert(log.stored_file).values(row))
    assert codes(house) == {"file_reappeared"}


def test_a_file_that_is_gone_without_a_record_is_missing(house, over):
    """§4 case 30."""
    [object_id] = house.files.objects()
    house.files.remove(object_id)
    assert codes(house) == {"file_missing"}
