"""Erasing words of a dispute and of a person, on both databases, with whatever comes in between."""

from __future__ import annotations

import os
import threading
from io import BytesIO

import pytest
from sqlalchemy import Connection, func, select

from odr.database import Base, write_unit
from odr.disputes.rebuild import counted_as_of, rebuild
from odr.disputes.records import stream_of, to_history
from odr.disputes.tables import draft, party
from odr.erasure import queries, rules, service
from odr.house import House
from odr.kernel import SYSTEM, Refused, new_id, new_pseudonym, real_clock
from odr.log import tables as log
from odr.log.integrator import seal_all
from odr.log.journal import read_stream
from odr.log.publication import receipt_of
from odr.people import tables as people
from odr.people.queries import account_by_id
from odr.people.service import Caller, grant_role, open_account, sign_in, take_role
from odr.procedure.events import ErasureOrdered, WordsErased
from odr.procedure.rules import withdraw_dispute
from odr.statistics.service import cut
from odr.verify import verify_edition, verify_house
from odr.worker import run
from tests.builders import ADispute, a_dispute, run_alone
from tests.disputes.readers import invitation
from tests.erasure.conftest import paper, settled


@pytest.fixture
def house(app) -> House:
    return app.extensions["odr"]


@pytest.fixture
def people_of(house):
    """The accounts of a buyer and a seller, without passwords."""

    def opened(connection: Connection, name: str) -> str:
        return open_account(connection, house, email=f"{name}@example.org", name=f"The {name}", at=house.clock())

    return [write_unit(house.engine, lambda connection, name=name: opened(connection, name)) for name in SIDES]


SIDES = ("buyer", "seller")


@pytest.fixture
def over(house, clock, people_of) -> ADispute:
    dispute = settled(house, *people_of)
    clock.advance(days=60)
    return dispute


def words_of(house, dispute) -> dict[str, int]:
    """How many words of each side are still there."""
    with house.engine.connect() as connection:
        written = queries.written_in(connection, dispute.id)
    return {side: sum(len(each.names) for each in written if each.actor == getattr(dispute, side).id) for side in SIDES}


def count(house, table, **where) -> int:
    query = select(func.count()).select_from(table)
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    with house.engine.connect() as connection:
        return connection.scalar(query)


def ask(house, account_id, email="buyer@example.org"):
    service.ask(house, Caller(), account_id, email=email)


def codes(house) -> list[str]:
    return [finding.code for finding in verify_house(house).findings]


# -- in one dispute ---------------------------------------------------------------------------------------------


def test_a_side_has_its_words_and_files_destroyed_and_the_others_stay(house, over):
    before = words_of(house, over)
    assert before["buyer"] and before["seller"] and len(list(house.files.objects())) == 1

    service.order(house, over.id, over.buyer, key=new_pseudonym())
    assert words_of(house, over) == before
    service.carry_out(house, over.id)

    assert words_of(house, over) == {"buyer": 0, "seller": before["seller"]}
    assert list(house.files.objects()) == []
    assert count(house, log.stored_file) == 0
    assert codes(house) == []


def test_what_could_test_a_guess_at_the_words_goes_with_them(house, over):
    """The row of an act holds a MAC of all that was sent, and its salt."""
    acts = count(house, log.idempotency, actor=over.buyer.id)

    service.order(house, over.id, over.buyer, key=new_pseudonym())
    service.carry_out(house, over.id)

    with house.engine.connect() as connection:
        erased = {ver for each in state(house, over).erasures for ver, _ in each.names}
        left = connection.execute(
            select(log.idempotency.c.first, log.idempotency.c.last).where(log.idempotency.c.actor == over.buyer.id)
        ).all()
    assert 0 < len(left) < acts
    assert not any(first <= version <= last for first, last in left for version in erased)


def state(house, dispute):
    with house.engine.connect() as connection:
        return queries.stand(connection, house, dispute.id).dispute


def test_the_record_says_what_was_ordered_and_that_it_was_done(house, over):
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    service.carry_out(house, over.id)

    with house.engine.connect() as connection:
        stored = read_stream(connection, stream_of(over.id))
    (order, ordered), (record, recorded) = to_history(stored)[-2:]
    assert isinstance(order, ErasureOrdered) and (ordered.actor, ordered.role) == (over.buyer.id, "buyer")
    assert record == WordsErased(ordered=ordered.version) and (recorded.actor, recorded.role) == ("system", "system")


def test_receipts_proofs_figures_and_lists_are_what_they_were(house, over):
    with house.engine.connect() as connection:
        receipts = {version: receipt_of(connection, stream_of(over.id), version) for version in range(1, 6)}
    edition = cut(house, counted_as_of)
    number = edition.head.number

    service.order(house, over.id, over.buyer, key=new_pseudonym())
    service.order(house, over.id, over.seller, key=new_pseudonym())
    service.carry_out(house, over.id)

    with house.engine.connect() as connection:
        again = {version: receipt_of(connection, stream_of(over.id), version) for version in range(1, 6)}
    assert all(receipts.values()) and again == receipts
    assert verify_edition(house, number) == []
    assert codes(house) == []
    write_unit(house.engine, lambda connection: rebuild(connection, house))
    seal_all(house)
    assert codes(house) == []


def test_words_are_not_erased_twice(house, over):
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    with pytest.raises(Refused, match="words_erased_already"):
        service.order(house, over.id, over.buyer, key=new_pseudonym())
    assert service.carry_out(house, over.id) == 1
    assert service.carry_out(house, over.id) == 0
    with pytest.raises(Refused, match="words_erased_already"):
        service.order(house, over.id, over.buyer, key=new_pseudonym())


def test_the_law_erases_single_entries_of_a_dispute_that_goes_on(house):
    dispute = a_dispute(house).admitted()
    version = paper(dispute, dispute.buyer)
    before = words_of(house, dispute)

    service.order(house, dispute.id, SYSTEM, key=new_pseudonym(), ground="unlawful", versions=(version,))
    service.carry_out(house, dispute.id)

    assert words_of(house, dispute)["buyer"] == before["buyer"] - 3
    dispute.contested().in_negotiation()
    assert codes(house) == []


def test_the_sellers_link_goes_with_the_address_it_went_to_and_with_nothing_else(app, house):
    dispute = a_dispute(house).admitted()
    item = paper(dispute, dispute.buyer)
    invitation(app, dispute.id, "seller@example.org")

    service.erase_by_law(house, dispute.id, "unlawful", (item,))
    assert count(house, people.link, dispute_id=dispute.id) == 1

    service.erase_by_law(house, dispute.id, "unlawful", (1,))
    assert count(house, people.link, dispute_id=dispute.id) == 0


def test_a_hold_stops_an_order_and_what_an_order_before_it_left_undone(house, over):
    """§4 case 29: under a hold nothing goes."""
    over.act(rules.place_hold, over.registrar, ground="court_proceedings")
    with pytest.raises(Refused, match="words_held"):
        service.order(house, over.id, over.buyer, key=new_pseudonym())
    over.act(rules.lift_hold, over.registrar, hold=over.state.holds[0].version)
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    over.act(rules.place_hold, over.registrar, ground="authority")
    before = words_of(house, over)

    with pytest.raises(Refused, match="words_held"):
        service.carry_out(house, over.id)

    assert words_of(house, over) == before and codes(house) == []
    assert service.finish(house) == 0
    over.act(rules.lift_hold, over.registrar, hold=over.state.holds[0].version)
    assert service.finish(house) == 1
    assert words_of(house, over)["buyer"] == 0


@pytest.mark.parametrize("round_", range(3))
def test_of_an_order_and_a_hold_at_the_same_time_one_comes_first(house, over, round_):
    """Whichever wins, the log never orders under a hold."""
    begin, refusals = threading.Barrier(2), []

    def together(act) -> None:
        begin.wait()
        try:
            act()
        except Refused as refused:
            refusals.append(refused.code)

    acts = (
        lambda: service.order(house, over.id, over.buyer, key=new_pseudonym()),
        lambda: over.act(rules.place_hold, over.registrar, ground="authority"),
    )
    threads = [threading.Thread(target=together, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    dispute = state(house, over)
    assert refusals in ([], ["words_held"])
    assert len(dispute.holds) == 1 and len(dispute.erasures) == 1 - len(refusals)
    seal_all(house)
    assert codes(house) == []


def test_two_workers_that_erase_at_once_record_it_once(house, over):
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    begin = threading.Barrier(2)

    def both() -> None:
        begin.wait()
        service.carry_out(house, over.id)

    threads = [threading.Thread(target=both) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.done is not None for each in state(house, over).erasures] == [True]
    seal_all(house)
    assert codes(house) == []


def test_words_erased_by_law_while_the_other_side_answers_take_nothing_from_the_answer(house):
    dispute = a_dispute(house).in_negotiation()
    dispute.offer(dispute.seller, "24.45")
    begin, answers = threading.Barrier(2), []

    def together(act) -> None:
        begin.wait()
        answers.append(act())

    acts = (
        lambda: service.erase_by_law(house, dispute.id, "court_order", (1,)),
        lambda: dispute.accepted(dispute.buyer),
    )
    threads = [threading.Thread(target=together, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 2
    now = state(house, dispute)
    assert now.agreement is not None and now.erasure_of(1, "narrative") is not None
    seal_all(house)
    assert codes(house) == []


# -- what broke off ---------------------------------------------------------------------------------------------


def test_an_order_that_a_crash_left_undone_is_carried_out_by_the_next_worker(house, over):
    service.order(house, over.id, over.buyer, key=new_pseudonym())

    assert service.work_off(house, {}) == 1

    assert words_of(house, over)["buyer"] == 0 and codes(house) == []


def test_a_file_that_a_crash_left_after_its_record_is_removed_by_the_next_worker(house, over, monkeypatch):
    monkeypatch.setattr(type(house.files), "remove", _crash)
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    with pytest.raises(KeyboardInterrupt):
        service.carry_out(house, over.id)
    monkeypatch.undo()
    [left] = house.files.objects()
    aged(house, left)

    assert service.work_off(house, {}) == 1

    assert list(house.files.objects()) == [] and codes(house) == []


def _crash(*_):
    raise KeyboardInterrupt


def aged(house, object_id):
    old = real_clock() / 1000 - 25 * 3_600
    os.utime(house.files._place(object_id), (old, old))


def test_a_young_file_that_no_entry_names_yet_is_left_alone(house, over):
    staged = house.files.stage(BytesIO(b"still under way"), limit=100)
    house.files.keep(staged)

    assert service.sweep_files(house) == 0
    aged(house, staged.object_id)
    assert service.sweep_files(house) == 1
    assert len(list(house.files.objects())) == 1


def test_free_space_is_scrubbed_after_an_erasure_and_also_after_a_crash_before_it(house, over):
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    service.carry_out(house, over.id)
    mark = house.settings.instance / "to-scrub"
    assert mark.exists()

    service.work_off(house, {})

    assert not mark.exists()
    assert service.scrub_now(house)


@pytest.mark.one_database
def test_scrubbing_that_a_reader_hinders_is_done_again(house, over):
    """On SQLite; PostgreSQL's readers hinder nobody."""
    service.order(house, over.id, over.buyer, key=new_pseudonym())
    service.carry_out(house, over.id)
    with house.engine.connect() as reader:
        reader.execute(select(log.entry.c.ver).limit(1)).all()
        reader.connection.driver_connection.execute("PRAGMA busy_timeout=1")
        # The scrubbing connection waits no longer than this for the reader.
        with house.engine.connect() as other:
            other.connection.driver_connection.execute("PRAGMA busy_timeout=1")
        assert not service.scrub_now(house)
    assert (house.settings.instance / "to-scrub").exists()
    assert service.scrub_now(house)


# -- a person ---------------------------------------------------------------------------------------------------


def test_who_asks_has_everything_erased_and_the_account_with_it(house, over, people_of):
    buyer, seller = people_of
    run_alone(
        house,
        (draft, {"id": new_id(), "account_id": buyer, "wrapped_key": b"", "sealed": b"", "saved_at": 1}),
        (people.session, {"id_hash": "a" * 64, "account_id": buyer, "device": "A", "created_at": 1, "seen_at": 1}),
    )
    ask(house, buyer)

    service.work_off(house, {})

    with house.engine.connect() as connection:
        assert account_by_id(connection, buyer) is None
        row = connection.execute(select(people.account).where(people.account.c.id == buyer)).one()
        assert (row.email, row.name, row.country, row.password_hash) == (None, "", None, None)
        assert queries.parts_of(connection, buyer) == []
        assert len(queries.parts_of(connection, seller)) == 1
    assert [count(house, table, account_id=buyer) for table in (draft, people.session, people.link)] == [0, 0, 0]
    assert count(house, people.erasure_request) == 0
    assert words_of(house, over)["buyer"] == 0 < words_of(house, over)["seller"]
    seal_all(house)
    assert codes(house) == []
    with pytest.raises(Refused, match="sign_in_failed"):
        sign_in(house, Caller(), email="buyer@example.org", password="whatever it was")


def test_every_table_that_names_an_account_is_emptied_or_untied(all_tables):
    """A table that somebody adds later is emptied by itself; what an account leaves is told in one place."""
    emptied = {table.name for table in service.rows_of_an_account()}
    assert emptied >= {"session", "link", "draft", "outbox", "role_grant", "erasure_request"}
    naming = {table.name for table in Base.metadata.sorted_tables if "account_id" in table.c}
    assert naming - emptied == {"party", "mediator"} == service.STAYS_UNTIED
    # What is tied to rows of an account, and not to the account itself, goes before them or not at all.
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            assert key.column.table.name not in emptied or table.name in emptied, table.name


def test_the_worker_does_it_by_itself(app, house, over, people_of):
    ask(house, people_of[0])

    assert run(app, once=True)

    assert words_of(house, over)["buyer"] == 0 and count(house, people.erasure_request) == 0
    assert not (house.settings.instance / "to-scrub").exists()


def test_the_address_of_an_erased_account_can_open_a_new_one_that_knows_nothing(house, over, people_of):
    ask(house, people_of[0])
    service.work_off(house, {})

    again = write_unit(
        house.engine,
        lambda connection: open_account(connection, house, email="buyer@example.org", name="Again", at=house.clock()),
    )

    with house.engine.connect() as connection:
        assert again != people_of[0] and queries.parts_of(connection, again) == []


def test_what_is_not_over_waits_and_keeps_the_account(house, over, people_of, clock):
    going_on = a_dispute(house, buyer_account=people_of[0]).admitted()
    ask(house, people_of[0])
    looked: dict[str, int] = {}

    service.work_off(house, looked)

    assert words_of(house, over)["buyer"] == 0 < words_of(house, going_on)["buyer"]
    with house.engine.connect() as connection:
        assert account_by_id(connection, people_of[0]) and queries.requested_at(connection, people_of[0])
    going_on.act(withdraw_dispute, going_on.buyer)
    clock.advance(days=59)
    service.work_off(house, looked)
    assert words_of(house, going_on)["buyer"]
    clock.advance(days=1)
    service.work_off(house, looked)
    assert words_of(house, going_on)["buyer"] == 0
    with house.engine.connect() as connection:
        assert account_by_id(connection, people_of[0]) is None


def test_a_request_can_be_taken_back_until_it_is_done(house, over, people_of):
    a_dispute(house, buyer_account=people_of[0]).admitted()
    ask(house, people_of[0])
    with pytest.raises(Refused, match="erasure_under_way"):
        ask(house, people_of[0])

    service.withdraw(house, people_of[0])
    service.work_off(house, {})

    assert words_of(house, over)["buyer"]
    with house.engine.connect() as connection:
        assert account_by_id(connection, people_of[0])


def test_a_hold_keeps_the_account_whose_words_it_keeps(house, over, people_of):
    over.act(rules.place_hold, over.registrar, ground="authority")
    ask(house, people_of[0])

    service.work_off(house, {})

    assert words_of(house, over)["buyer"]
    with house.engine.connect() as connection:
        assert account_by_id(connection, people_of[0])


def test_who_works_here_is_refused_and_who_begins_to_after_asking_keeps_the_account(house, over, people_of):
    grant_role(house, people_of[0], "registrar")
    with pytest.raises(Refused, match="staff_keeps_account"):
        ask(house, people_of[0])
    write_unit(
        house.engine, lambda connection: take_role(connection, house, people_of[0], "registrar", at=house.clock())
    )
    ask(house, people_of[0])
    grant_role(house, people_of[0], "registrar")

    service.work_off(house, {})

    assert words_of(house, over)["buyer"]


def test_nobody_confirms_an_erasure_with_anothers_address(house, over, people_of):
    with pytest.raises(Refused, match="address_differs"):
        ask(house, people_of[0], email="seller@example.org")
    assert count(house, people.erasure_request) == 0


def test_nothing_ties_an_erased_person_to_their_pseudonyms(house, over, people_of):
    ask(house, people_of[0])
    service.work_off(house, {})

    with house.engine.connect() as connection:
        for table in (party, log.idempotency, log.entry):
            held = connection.execute(select(table)).all()
            of_disputes = [row for row in held if not str(getattr(row, "stream", "")).startswith("account/")]
            assert not any(people_of[0] in str(row) for row in of_disputes)
