"""The doorway on both databases: one act is one transaction, done once, and whoever comes second reads why."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select

from odr.database import open_engine
from odr.disputes import queries
from odr.disputes.records import stream_of, to_history
from odr.disputes.service import Done, due_disputes, fire_one, perform
from odr.disputes.tables import dispute_row, draft
from odr.evidence import rules as evidence
from odr.filing import rules as filing
from odr.house import House
from odr.kernel import Actor, Missing, Money, Refused, new_id
from odr.log import tables as log
from odr.log.journal import EMPTY, Stored, read_stream
from odr.negotiation import rules as negotiation
from odr.notices.tables import outbox
from odr.procedure import rules as procedure
from odr.procedure.deadlines import DAY
from odr.procedure.dispute import Dispute, Phase, fold
from odr.procedure.events import Term
from odr.response import rules as response
from tests.builders import ADispute, a_dispute

TERMS = (Term(0, True, Money(2445, "EUR")),)
Deed = Callable[[House], Done]


def types(house: House, dispute: ADispute) -> list[str]:
    """What happened on a dispute, as its entries say."""
    with house.engine.connect() as connection:
        return [one.entry.type for one in read_stream(connection, stream_of(dispute.id))]


def counts(house: House) -> dict[str, int]:
    """How many rows each table holds that an act writes to."""
    tables = (log.entry, log.payload, log.queue, log.idempotency, outbox, dispute_row, draft)
    with house.engine.connect() as connection:
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def with_offer(house: House) -> ADispute:
    dispute = a_dispute(house).admitted()
    dispute.act(response.give_reply, dispute.seller, choice="offer", text="Half of it.", terms=TERMS)
    return dispute


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """All of these at the same moment, each in a thread of its own; what each answered, or why it was refused."""
    answers: list[Any] = [None] * len(deeds)
    start = threading.Barrier(len(deeds))

    def run(place: int, deed: Callable[[], Any]) -> None:
        start.wait()
        try:
            answers[place] = deed()
        except Refused as no:
            answers[place] = no.code
        except Exception as fault:
            answers[place] = fault

    threads = [threading.Thread(target=run, args=(place, deed)) for place, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# -- states that are kept between acts --------------------------------------------------------------------------


def test_a_kept_state_is_the_state_of_the_entries_whoever_wrote_them(house: House, monkeypatch: Any) -> None:
    dispute = with_offer(house)
    elsewhere = dict(queries._kept)
    dispute.offer(dispute.buyer, "30.00").offer(dispute.seller, "28.00")
    # Another process has seen less of the dispute than stands in its stream now.
    monkeypatch.setattr(queries, "_kept", elsewhere)

    with house.engine.connect() as connection:
        stored = read_stream(connection, stream_of(dispute.id))
        folded = fold(dispute.id, to_history(stored), house.rulesets)
        assert queries.stand(connection, house, dispute.id).dispute == folded == dispute.state


def test_a_state_whose_act_was_never_committed_is_not_believed(house: House) -> None:
    dispute = with_offer(house)
    before = dispute.state

    def fail(connection: Connection, stored: list[Stored]) -> None:
        raise Broken

    with pytest.raises(Broken):
        dispute.act(negotiation.accept_offer, dispute.buyer, offer=0, seen=before.offers[0].seal, alongside=fail)

    with house.engine.connect() as connection:
        assert queries.stand(connection, house, dispute.id).dispute == before
    # The same place in the stream is taken by something else now, and that is what stands.
    dispute.act(negotiation.reject_offer, dispute.buyer, offer=0)
    with house.engine.connect() as connection:
        assert queries.stand(connection, house, dispute.id).dispute.offers[0].state == "rejected"


def test_only_so_many_states_are_kept(house: House, monkeypatch: Any) -> None:
    monkeypatch.setattr(queries, "MOST_KEPT", 3)

    told = [a_dispute(house) for _ in range(5)]

    assert set(queries._kept) == {each.id for each in told[2:]}
    assert told[0].admitted().state.phase is Phase.AWAITING_RESPONSE


def test_states_are_kept_by_many_threads_at_once(monkeypatch: Any) -> None:
    monkeypatch.setattr(queries, "_kept", {})
    monkeypatch.setattr(queries, "MOST_KEPT", 50)
    patience = sys.getswitchinterval()

    def keep(name: str) -> None:
        for number in range(20_000):
            queries.keep(queries.Standing(Dispute(id=f"{name}{number % 200}"), EMPTY))

    # Threads take turns as often as they can.
    sys.setswitchinterval(1e-6)
    try:
        answers = at_once(*(lambda name=name: keep(name) for name in "abcd"))
    finally:
        sys.setswitchinterval(patience)

    assert answers == [None] * 4
    assert len(queries._kept) == 50


# -- the same act twice -----------------------------------------------------------------------------------------


def test_the_same_request_again_gets_the_first_answer(house: House) -> None:
    dispute = a_dispute(house).admitted()
    before = counts(house)
    given = {"choice": "contest", "text": "We sent it."}

    first = perform(house, response.give_reply, dispute.id, dispute.seller, key="k", **given)
    written = counts(house)
    again = perform(house, response.give_reply, dispute.id, dispute.seller, key="k", **given)

    assert (again.first, again.last) == (first.first, first.last)
    assert again.dispute == first.dispute
    assert counts(house) == written != before


def test_the_answer_to_a_repeated_request_shows_the_dispute_as_it_is_now(house: House) -> None:
    dispute = a_dispute(house)
    first = perform(house, filing.admit_filing, dispute.id, dispute.registrar, key="k")
    dispute.contested()

    again = perform(house, filing.admit_filing, dispute.id, dispute.registrar, key="k")

    assert (again.first, again.last) == (first.first, first.last)
    assert again.dispute.phase is Phase.EVIDENCE


def test_one_key_is_one_act(house: House) -> None:
    dispute = a_dispute(house).admitted().contested()
    perform(house, procedure.send_message, dispute.id, dispute.buyer, key="k", text="Where is it?")
    written = counts(house)

    for rule, text in ((procedure.send_message, "Where is it now?"), (procedure.withdraw_dispute, "Where is it?")):
        with pytest.raises(Refused, match="key_used_otherwise"):
            perform(house, rule, dispute.id, dispute.buyer, key="k", text=text)
    assert counts(house) == written


def test_one_key_does_not_reach_into_another_dispute(house: House) -> None:
    one, other = a_dispute(house), a_dispute(house)
    perform(house, filing.admit_filing, one.id, one.registrar, key="k")

    with pytest.raises(Refused, match="key_used_otherwise"):
        perform(house, filing.admit_filing, other.id, one.registrar, key="k")


def test_two_people_may_choose_the_same_key(house: House) -> None:
    dispute = a_dispute(house).admitted().contested()

    for actor in (dispute.buyer, dispute.seller):
        perform(house, procedure.send_message, dispute.id, actor, key="k", text="Hello.")

    assert types(house, dispute)[-2:] == ["message_sent", "message_sent"]


def test_a_refused_request_uses_no_key_up(house: House) -> None:
    dispute = a_dispute(house)
    with pytest.raises(Refused, match="not_in_this_phase"):
        perform(house, procedure.send_message, dispute.id, dispute.buyer, key="k", text="Hello.")
    dispute.admitted()

    perform(house, procedure.send_message, dispute.id, dispute.buyer, key="k", text="Hello.")

    assert types(house, dispute)[-1] == "message_sent"


def test_two_sendings_of_one_upload_are_one_act_wherever_each_was_stored(house: House) -> None:
    dispute = a_dispute(house)
    first, second = (evidence.StoredFile("d" * 64, 1234, new_id()) for _ in range(2))

    for file in (first, second):
        perform(house, evidence.add_evidence, dispute.id, dispute.buyer, key="k", file=file, media="application/pdf")

    assert types(house, dispute) == ["dispute_filed", "evidence_added"]
    other = evidence.StoredFile("e" * 64, 1234, first.object_id)
    with pytest.raises(Refused, match="key_used_otherwise"):
        perform(house, evidence.add_evidence, dispute.id, dispute.buyer, key="k", file=other, media="application/pdf")


def test_an_act_that_changes_nothing_writes_nothing(house: House) -> None:
    dispute = a_dispute(house).admitted()
    dispute.act(response.join_seller, dispute.seller, proof="invitation_link")
    written = counts(house)

    dispute.act(response.join_seller, dispute.seller, proof="invitation_link")

    assert counts(house) == written


def test_ten_sendings_of_one_request_at_once_are_one_act(house: House) -> None:
    for _ in range(3):
        dispute = with_offer(house)
        offer = dispute.state.offers[-1]

        def accept(dispute: ADispute = dispute, number: int = offer.number, seen: str = offer.seal) -> Done:
            return perform(house, negotiation.accept_offer, dispute.id, dispute.buyer, key="k", offer=number, seen=seen)

        answers = at_once(*[accept] * 10)

        assert {(answer.first, answer.last) for answer in answers} == {(5, 6)}
        assert types(house, dispute)[4:] == ["offer_accepted", "agreement_reached"]


# -- two acts at the same moment --------------------------------------------------------------------------------

ROUNDS = 20


@pytest.mark.parametrize("race", ["accept and accept", "accept and withdraw", "accept and counter"])
def test_of_two_acts_at_once_exactly_one_wins_and_the_other_reads_why(house: House, race: str) -> None:
    for _ in range(ROUNDS):
        dispute = with_offer(house)
        offer = dispute.state.offers[-1]

        answers = at_once(*(lambda deed=deed: deed(house) for deed in contenders(race, dispute, offer.seal)))

        assert_one_result(race, answers, types(house, dispute)[4:])


def contenders(race: str, dispute: ADispute, seen: str) -> list[Deed]:
    """The two acts of a race, to be done in any house that shares the database."""

    def accept(house: House) -> Done:
        return perform(house, negotiation.accept_offer, dispute.id, dispute.buyer, key=new_id(), offer=0, seen=seen)

    def withdraw(house: House) -> Done:
        return perform(house, negotiation.withdraw_offer, dispute.id, dispute.seller, key=new_id(), offer=0)

    def counter(house: House) -> Done:
        return perform(house, negotiation.make_offer, dispute.id, dispute.seller, key=new_id(), terms=TERMS)

    return [accept, {"accept": accept, "withdraw": withdraw, "counter": counter}[race.split()[-1]]]


def assert_one_result(race: str, answers: list[Any], happened: list[str]) -> None:
    accepted = ["offer_accepted", "agreement_reached"]
    # What happened, and what the loser was told.
    outcomes = {
        "accept and accept": [(accepted, "offer_accepted")],
        "accept and withdraw": [(accepted, "offer_accepted"), (["offer_withdrawn"], "offer_withdrawn")],
        "accept and counter": [(accepted, "not_in_this_phase"), (["offer_made"], "offer_replaced")],
    }
    losers = [answer for answer in answers if not isinstance(answer, Done | tuple)]
    assert (happened, *losers) in outcomes[race]


def test_acts_of_several_processes_end_in_one_result_as_well(house: House) -> None:
    """Workers of a server share nothing but the database."""
    context = multiprocessing.get_context("fork")
    races = ["accept and accept", "accept and withdraw", "accept and counter"] * 3
    disputes = [with_offer(house) for _ in races]
    seals = [dispute.state.offers[-1].seal for dispute in disputes]
    start, answers = context.Barrier(2), context.Queue()

    def contend(place: int) -> None:
        # A connection must not be shared with the process this one was forked from.
        alone = replace(house, engine=open_engine(house.settings.database_url))
        for number, (race, dispute, seal) in enumerate(zip(races, disputes, seals, strict=True)):
            start.wait(60)
            try:
                done = contenders(race, dispute, seal)[place](alone)
                answers.put((number, (done.first, done.last)))
            except Refused as no:
                answers.put((number, no.code))
        answers.close()
        answers.join_thread()
        os._exit(0)

    processes = [context.Process(target=contend, args=(place,)) for place in range(2)]
    for process in processes:
        process.start()
    told = [answers.get(timeout=120) for _ in range(2 * len(races))]
    for process in processes:
        process.join()

    for number, (race, dispute) in enumerate(zip(races, disputes, strict=True)):
        both = [answer for place, answer in told if place == number]
        assert_one_result(race, both, types(house, dispute)[4:])


def test_acts_on_different_disputes_do_not_hinder_one_another(house: House) -> None:
    disputes = [a_dispute(house) for _ in range(6)]

    answers = at_once(
        *(
            lambda each=each: perform(house, filing.admit_filing, each.id, each.registrar, key=new_id())
            for each in disputes
        )
    )

    assert [answer.dispute.phase for answer in answers] == [Phase.AWAITING_RESPONSE] * 6


def test_many_at_once_on_one_dispute_all_come_through(house: House) -> None:
    dispute = a_dispute(house).admitted().contested()

    answers = at_once(
        *(
            lambda text=f"Message {n}.": perform(
                house, procedure.send_message, dispute.id, dispute.buyer, key=new_id(), text=text
            )
            for n in range(8)
        )
    )

    assert [fault for fault in answers if not isinstance(fault, Done)] == []
    assert types(house, dispute)[3:] == ["message_sent"] * 8


# -- what is due fires first ------------------------------------------------------------------------------------


def test_what_is_due_fires_before_the_act_and_the_rule_sees_it(house: House, clock: Any) -> None:
    dispute = with_offer(house)
    clock.at = dispute.state.offers[-1].expires

    with pytest.raises(Refused, match="offer_lapsed"):
        dispute.accepted(dispute.buyer)

    assert types(house, dispute)[-1] == "offer_lapsed"


def test_a_refusal_keeps_what_fired(house: House, clock: Any) -> None:
    dispute = a_dispute(house).admitted()
    clock.at = dispute.state.running_clock.due

    with pytest.raises(Refused):
        dispute.act(procedure.send_message, dispute.buyer, text="")

    assert types(house, dispute)[-1] == "last_call_made"
    with house.engine.connect() as connection:
        row = connection.execute(select(dispute_row).where(dispute_row.c.id == dispute.id)).one()
    assert row.version == 3
    assert row.clock_due > clock.at


def test_the_next_time_counts_from_the_moment_of_firing_after_an_outage(house: House, clock: Any) -> None:
    dispute = a_dispute(house).admitted()
    missed = dispute.state.running_clock.due
    clock.at = missed + 30 * DAY

    state = fire_one(house, dispute.id)

    assert state.running_clock.step == "last_call"
    assert state.running_clock.due > clock.at + 3 * DAY
    with house.engine.connect() as connection:
        last = read_stream(connection, stream_of(dispute.id))[-1].entry
    # The entry carries the moment it was made; the instant that was missed stands in the entry before it.
    assert (last.at, last.actor, last.role, last.act) == (clock.at, "system", "system", "")
    assert state.phase_at < missed < last.at


def test_fired_entries_and_the_act_stand_in_one_transaction_in_their_order(house: House, clock: Any) -> None:
    dispute = a_dispute(house).admitted().contested()
    clock.at = dispute.state.running_clock.due

    done = dispute.act(negotiation.make_offer, dispute.buyer, terms=TERMS)

    assert types(house, dispute)[-2:] == ["negotiation_opened", "offer_made"]
    # What fired is not part of what the act made.
    assert (done.first, done.last) == (5, 5)


def test_only_what_is_due_is_found_and_it_fires_once(house: House, clock: Any) -> None:
    early, late = a_dispute(house).admitted(), a_dispute(house)
    late.admitted().contested().in_negotiation()
    clock.at = late.state.running_clock.due

    assert due_disputes(house) == [late.id]
    assert fire_one(house, late.id).phase is Phase.ASSIGNMENT
    written = counts(house)
    assert fire_one(house, late.id).phase is Phase.ASSIGNMENT
    assert due_disputes(house) == []
    assert counts(house) == written
    assert early.state.running_clock.due > clock.at


def test_nothing_fires_on_what_is_not_there(house: House) -> None:
    with pytest.raises(Missing):
        fire_one(house, new_id())


def test_several_who_fire_at_once_fire_once(house: House, clock: Any) -> None:
    dispute = a_dispute(house).admitted()
    clock.at = dispute.state.running_clock.due

    at_once(*[lambda: fire_one(house, dispute.id)] * 4)

    assert types(house, dispute) == ["dispute_filed", "filing_admitted", "last_call_made"]


def test_instants_never_go_back_within_a_dispute(house: House, clock: Any) -> None:
    dispute = a_dispute(house)
    filed = dispute.state.at
    clock.advance(days=-3)

    dispute.admitted()

    with house.engine.connect() as connection:
        instants = [one.entry.at for one in read_stream(connection, stream_of(dispute.id))]
    assert instants == [filed, filed]


# -- all or nothing ---------------------------------------------------------------------------------------------


class Broken(Exception):
    """Something outside the procedure went wrong."""


def test_rows_alongside_are_written_with_the_act(house: House) -> None:
    dispute = a_dispute(house)
    seen: list[str] = []

    def note(connection: Connection, stored: list[Stored]) -> None:
        seen.extend(one.entry.type for one in stored)
        connection.execute(insert(draft).values(a_draft(new_id())))

    before = counts(house)["draft"]
    dispute.act(filing.admit_filing, dispute.registrar, alongside=note)

    assert seen == ["filing_admitted"]
    assert counts(house)["draft"] == before + 1


def test_when_what_stands_alongside_fails_nothing_has_happened(house: House, clock: Any) -> None:
    dispute = a_dispute(house).admitted().contested()
    clock.at = dispute.state.running_clock.due
    before = counts(house)

    def fail(connection: Connection, stored: list[Stored]) -> None:
        connection.execute(insert(draft).values(a_draft(new_id())))
        raise Broken

    with pytest.raises(Broken):
        dispute.act(negotiation.make_offer, dispute.buyer, terms=TERMS, alongside=fail)

    # Not even what was due: it fires with the next act.
    assert counts(house) == before
    dispute.act(negotiation.make_offer, dispute.buyer, terms=TERMS)
    assert types(house, dispute)[-2:] == ["negotiation_opened", "offer_made"]


def test_a_process_that_dies_within_the_act_leaves_nothing(house: House) -> None:
    dispute = a_dispute(house)
    before = counts(house)
    house.engine.dispose()

    def die(connection: Connection, stored: list[Stored]) -> None:
        os._exit(9)

    def act() -> None:
        alone = replace(house, engine=open_engine(house.settings.database_url))
        perform(alone, filing.admit_filing, dispute.id, dispute.registrar, key="k", alongside=die)

    process = multiprocessing.get_context("fork").Process(target=act)
    process.start()
    process.join()

    assert process.exitcode == 9
    assert counts(house) == before
    perform(house, filing.admit_filing, dispute.id, dispute.registrar, key="k")
    assert types(house, dispute) == ["dispute_filed", "filing_admitted"]


def test_a_rule_that_breaks_leaves_nothing(house: House) -> None:
    dispute = a_dispute(house)
    before = counts(house)

    def broken(*_: Any, **__: Any) -> list[Any]:
        raise Broken

    with pytest.raises(Broken):
        perform(house, broken, dispute.id, dispute.buyer, key="k")
    assert counts(house) == before


def test_notices_are_written_with_the_act_and_once(house: House) -> None:
    dispute = a_dispute(house)

    perform(house, filing.admit_filing, dispute.id, dispute.registrar, key="k")
    perform(house, filing.admit_filing, dispute.id, dispute.registrar, key="k")
    with pytest.raises(Refused):
        perform(house, filing.admit_filing, dispute.id, dispute.registrar, key="another")

    with house.engine.connect() as connection:
        told = connection.execute(select(outbox.c.template, outbox.c.side).order_by(outbox.c.id)).all()
    assert [tuple(row) for row in told] == [
        ("filing_received", "buyer"),
        ("filing_admitted", "buyer"),
        ("invitation", "seller"),
        ("reminder", "seller"),
        ("reminder", "seller"),
        ("reminder", "seller"),
    ]


def test_every_entry_of_an_act_names_the_actor_and_the_act(house: House) -> None:
    dispute = with_offer(house)

    done = dispute.act(negotiation.accept_offer, dispute.buyer, offer=0, seen=dispute.state.offers[0].seal, key="k")

    with house.engine.connect() as connection:
        made = read_stream(connection, stream_of(dispute.id))[done.first - 1 : done.last]
        act = connection.execute(select(log.idempotency).where(log.idempotency.c.key == "k")).one()
    assert [(one.entry.actor, one.entry.role) for one in made] == [(dispute.buyer.id, "buyer")] * 2
    assert len({one.entry.act for one in made}) == 1 and made[0].entry.act
    assert (act.first, act.last, act.stream) == (done.first, done.last, stream_of(dispute.id))


def test_a_stranger_is_refused_and_leaves_no_trace(house: House) -> None:
    dispute = with_offer(house)
    before = counts(house)

    with pytest.raises(Refused, match="not_your_dispute"):
        dispute.accepted(Actor(new_id(), "buyer"))

    assert counts(house) == before


def a_draft(draft_id: str) -> dict[str, Any]:
    return {"id": draft_id, "account_id": new_id(), "wrapped_key": b"k", "sealed": b"s", "saved_at": 0}
