"""Whatever happened, the rows that lists are made of are what the entries say, on both databases."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from odr.database import writing
from odr.disputes.rebuild import compare, folded_row, rebuild
from odr.disputes.records import stream_of, to_history
from odr.disputes.service import due_disputes, fire_one, perform
from odr.disputes.tables import dispute_row, row_of
from odr.house import House
from odr.kernel import SYSTEM, Actor, Refused, new_id
from odr.log.journal import read_stream
from odr.procedure.access import acts_of
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import fold
from tests.builders import ADispute, a_dispute
from tests.procedure.acts import ACTS

# How far each of the disputes has come when its random life begins.
BEGUN: list[Callable[[ADispute], ADispute]] = [
    lambda dispute: dispute,
    lambda dispute: dispute.in_negotiation(),
    lambda dispute: dispute.drawn(),
    lambda dispute: dispute.in_mediation().proposed("20.00"),
    lambda dispute: dispute.file_closed(),
    lambda dispute: dispute.closed_with(),
]
ACTS_EACH = 14
# Ends that are possible everywhere would cut every life short.
ENDS = {"dispute:withdraw", "direct:state", "negotiation:leave", "dispute:hand_over", "mediator:resign"}


def live(house: House, clock: Any, dice: random.Random) -> list[ADispute]:
    """Disputes with random lives: acts that are offered, acts that are not, and time that passes."""
    disputes = [begun(a_dispute(house)) for begun in BEGUN]
    registrars = {dispute.id: Actor(new_id(), "registrar") for dispute in disputes}
    for _ in range(len(disputes) * ACTS_EACH):
        dispute = dice.choice(disputes)
        sides = [dispute.buyer, dispute.seller, dispute.mediator]
        actor = dice.choice([*sides, dispute.registrar, registrars[dispute.id], SYSTEM])
        offered = [act for act in acts_of(dispute.state, actor, house.clock()) if act not in ENDS]
        rule, fitting = dice.choice(ACTS[dice.choice(offered if offered and dice.random() < 0.85 else sorted(ACTS))])
        try:
            dispute.act(rule, actor, **fitting(dispute.state))
        except Refused:
            dispute.state = fire_one(house, dispute.id)
        clock.at += dice.choice([0, 0, DAY // 3, DAY, 6 * DAY])
    return disputes


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_row_is_what_the_entries_fold_to(house: House, clock: Any, seed: int) -> None:
    disputes = live(house, clock, random.Random(seed))
    for dispute_id in due_disputes(house):
        fire_one(house, dispute_id)

    with house.engine.connect() as connection:
        for dispute in disputes:
            stored = connection.execute(select(dispute_row).where(dispute_row.c.id == dispute.id)).one()
            entries = read_stream(connection, stream_of(dispute.id))
            state = fold(dispute.id, to_history(entries), house.rulesets)
            assert dict(stored._mapping) == row_of(state) == folded_row(connection, house, dispute.id)
            assert [one.entry.version for one in entries] == list(range(1, state.version + 1))
        assert list(compare(connection, house)) == []


def test_what_an_act_answers_is_what_the_entries_fold_to(house: House, clock: Any) -> None:
    """Nothing lives in a state that is not in its entries."""
    disputes = live(house, clock, random.Random(4))

    with house.engine.connect() as connection:
        for dispute in disputes:
            history = to_history(read_stream(connection, stream_of(dispute.id)))
            assert fold(dispute.id, history, house.rulesets) == dispute.state


def test_rows_that_are_thrown_away_come_back_the_same(house: House, clock: Any) -> None:
    live(house, clock, random.Random(5))
    with house.engine.connect() as connection:
        before = {row.id: row for row in connection.execute(select(dispute_row))}

    with writing(house.engine) as connection:
        count = rebuild(connection, house)

    with house.engine.connect() as connection:
        assert {row.id: row for row in connection.execute(select(dispute_row))} == before
    assert count == len(BEGUN)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phase", "closed"),
        ("version", 99),
        ("next_due", None),
        ("code", "withdrawn"),
        ("amount", 1),
        ("mediator", "a" * 32),
        ("awaited", "mediator"),
    ],
)
def test_a_row_that_was_changed_by_hand_is_found(house: House, name: str, value: Any) -> None:
    dispute = a_dispute(house).admitted()
    a_dispute(house)

    with writing(house.engine) as connection:
        connection.execute(update(dispute_row).where(dispute_row.c.id == dispute.id).values({name: value}))

    with house.engine.connect() as connection:
        [finding] = compare(connection, house)
    assert (finding.code, finding.stream) == ("projection_differs", stream_of(dispute.id))


def test_rows_and_streams_belong_together(house: House) -> None:
    kept, lost = a_dispute(house), a_dispute(house)

    with writing(house.engine) as connection:
        connection.execute(update(dispute_row).where(dispute_row.c.id == lost.id).values(id=new_id()))

    with house.engine.connect() as connection:
        found = {(finding.code, finding.stream) for finding in compare(connection, house)}
        [stranger] = set(connection.scalars(select(dispute_row.c.id))) - {kept.id}
    assert found == {
        ("projection_missing", stream_of(lost.id)),
        ("projection_unknown", stream_of(stranger)),
    }


def test_the_state_outlives_the_words(house: House, clock: Any) -> None:
    """Sealed words are never looked at by a fold, so that they can be erased."""
    dispute = a_dispute(house).admitted().contested()
    perform(house, *_a_message(dispute), key="k", text="Something personal.")

    with house.engine.connect() as connection:
        history = to_history(read_stream(connection, stream_of(dispute.id)))

    assert all(not event.words for event, _ in history)
    assert fold(dispute.id, history, house.rulesets).version == 4


def _a_message(dispute: ADispute) -> tuple[Any, str, Actor]:
    [(rule, _)] = ACTS["message:send"]
    return rule, dispute.id, dispute.buyer
