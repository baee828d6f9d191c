"""Editions are cut from the rows and counted again from the entries: the same bytes, on both databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from odr.cli import main
from odr.database import writing
from odr.disputes.rebuild import compare, counted_as_of, rebuild
from odr.house import House
from odr.kernel import Missing
from odr.log.integrator import integrate, seal_all
from odr.procedure.rules import send_message
from odr.statistics import tables
from odr.statistics.disclosure import THRESHOLD
from odr.statistics.queries import edition_numbered, editions, latest_edition
from odr.statistics.records import Edition, to_record
from odr.statistics.service import CUT_AT, cut, cut_daily, is_due
from odr.verify import verify_edition, verify_house
from odr.worker import cut_figures
from tests.builders import ADispute, a_dispute
from tests.conftest import FrozenClock


def sealed(house: House) -> House:
    seal_all(house)
    return house


def cut_now(house: House) -> Edition:
    edition = cut(sealed(house), counted_as_of)
    assert edition is not None
    return edition


def some(house: House, number: int = 12) -> list[ADispute]:
    return [a_dispute(house).admitted() for _ in range(number)]


def counts(edition: Edition) -> dict[str, int | None]:
    return edition.said["groups"]["all"]["counts"]


def row_of(house: House, dispute: ADispute):
    with house.engine.connect() as connection:
        return connection.execute(select(tables.record).where(tables.record.c.dispute_id == dispute.id)).one()


def test_each_act_that_changes_what_is_counted_changes_the_row_of_its_dispute(house: House):
    dispute = a_dispute(house)
    assert to_record(row_of(house, dispute).body).standing == "pending"

    dispute.admitted().contested()

    assert to_record(row_of(house, dispute).body).answer == "in_time"


def test_an_act_that_changes_nothing_of_it_leaves_the_row_alone(house: House):
    dispute = a_dispute(house).admitted()
    before = row_of(house, dispute)

    dispute.act(send_message, dispute.buyer, text="Is anybody there?")

    assert row_of(house, dispute) == before


def test_an_edition_is_cut_over_the_last_checkpoint(house: House):
    some(house)

    edition = cut_now(house)

    assert counts(edition)["admitted"] == 12
    assert (edition.head.number, edition.head.origin) == (1, house.origin)
    with house.engine.connect() as connection:
        assert latest_edition(connection) == edition
        assert [each.number for each in editions(connection)] == [1]


def test_nothing_is_cut_before_the_first_checkpoint(house: House):
    a_dispute(house)

    assert cut(house, counted_as_of) is None


def test_what_is_not_under_the_checkpoint_yet_is_not_counted(house: House):
    """Neither acts that wait for a place, nor those that have one and no signature over it."""
    disputes = some(house)
    sealed(house)
    disputes[0].contested()
    integrate(house)
    a_dispute(house).admitted()

    edition = cut(house, counted_as_of)

    assert edition is not None
    assert counts(edition)["admitted"] == 12
    assert counts(edition)["answered"] == 0
    assert verify_edition(house, 1) == []


def test_an_edition_counted_again_from_the_entries_is_the_same(house: House):
    disputes = some(house)
    cut_now(house)
    for dispute in disputes:
        dispute.contested()
    cut_now(house)
    a_dispute(house)
    sealed(house)

    assert verify_edition(house, 1) == verify_edition(house, 2) == []


def test_a_row_changed_behind_our_back_is_found_in_the_next_edition(house: House):
    disputes = some(house)
    with writing(house.engine) as connection:
        lied = replace(to_record(row_of(house, disputes[0]).body), standing="in_time", way="settled_negotiation")
        body = tables.to_text(lied)
        connection.execute(update(tables.record).where(tables.record.c.dispute_id == disputes[0].id).values(body=body))

    cut_now(house)

    assert [finding.code for finding in verify_edition(house, 1)] == ["edition_differs"]


def test_an_edition_changed_behind_our_back_is_found(house: House):
    some(house)
    edition = cut_now(house)
    changed = edition.body.replace(b'"admitted":12', b'"admitted":13')
    assert changed != edition.body
    with writing(house.engine) as connection:
        for statement in _without_guards(house, "statistics_edition"):
            connection.execute(text(statement))
        connection.execute(update(tables.edition).values(body=changed))

    codes = {finding.code for finding in verify_edition(house, 1)}

    assert codes == {"edition_changed", "edition_differs"}
    assert [finding.code for finding in verify_house(house).findings] == ["edition_changed"]


def test_an_edition_over_another_log_is_found(house: House):
    some(house)
    edition = cut_now(house)
    other = Edition(edition.body.replace(edition.head.root.encode(), b"0" * 64))
    with writing(house.engine) as connection:
        connection.execute(
            insert(tables.edition).values(
                number=2, cut_at=1, size=edition.head.size, root="0" * 64, digest=other.digest, body=other.body
            )
        )

    assert "edition_root_differs" in {finding.code for finding in verify_edition(house, 2)}


def test_there_is_nothing_to_check_in_an_edition_that_was_never_cut(house: House):
    with pytest.raises(Missing):
        verify_edition(house, 1)


def test_the_database_refuses_to_change_or_drop_an_edition(house: House):
    some(house)
    cut_now(house)

    for statement in (update(tables.edition).values(size=1), delete(tables.edition)):
        with pytest.raises(DBAPIError, match="append-only"), writing(house.engine) as connection:
            connection.execute(statement)


def test_the_daily_edition_is_cut_once_after_its_hour(house: House, clock: FrozenClock):
    some(house)
    sealed(house)
    # The clock of tests stands at nine: the hour of the first edition is over.
    first = cut_daily(house, counted_as_of)

    assert first is not None
    assert cut_daily(house, counted_as_of) is None
    assert not is_due(first, clock.at)
    clock.advance(hours=16)
    assert not is_due(first, clock.at)
    clock.advance(hours=1)
    assert is_due(first, clock.at)
    assert clock.at % 86_400_000 == CUT_AT


def test_no_edition_follows_before_enough_disputes_have_moved(house: House, clock: FrozenClock):
    disputes = some(house)
    sealed(house)
    cut_daily(house, counted_as_of)
    for dispute in disputes[: THRESHOLD - 1]:
        dispute.contested()
    # A message moves nothing that is counted.
    disputes[-1].act(send_message, disputes[-1].buyer, text="Is anybody there?")
    clock.advance(days=1)
    sealed(house)
    assert cut_daily(house, counted_as_of) is None

    disputes[-2].contested()
    sealed(house)

    second = cut_daily(house, counted_as_of)
    assert second is not None
    assert second.head.number == 2


def test_two_workers_cut_one_edition(house: House):
    some(house)
    sealed(house)
    raced: list[Edition | None] = []

    def meanwhile(connection, of_house, dispute_id, size):
        if not raced:
            raced.append(None)
            raced.append(cut(of_house, counted_as_of))
        return counted_as_of(connection, of_house, dispute_id, size)

    a_dispute(house)
    loser = cut(house, meanwhile)

    assert loser is None
    assert raced[1] is not None
    with house.engine.connect() as connection:
        assert [each.number for each in editions(connection)] == [1]


def test_disputes_on_a_simulated_clock_count_in_demonstrations_only(house: House):
    some(house)
    some(replace(house, clock_kind="simulated"))
    real = cut_now(house)

    demonstration = replace(house, settings=replace(house.settings, demonstration=True))
    shown = cut_now(demonstration)

    assert (counts(real)["admitted"], counts(shown)["admitted"]) == (12, 24)
    assert (real.said["demonstration"], shown.said["demonstration"]) == (False, True)
    assert verify_edition(house, 1) == verify_edition(house, 2) == []


def test_rows_are_rebuilt_from_the_entries(house: House):
    disputes = [*some(house, 3), *some(replace(house, clock_kind="simulated"), 2)]
    disputes[0].in_negotiation().offer(disputes[0].seller, "48.90").accepted(disputes[0].buyer).signed()
    before = [row_of(house, dispute) for dispute in disputes]
    with writing(house.engine) as connection:
        assert list(compare(connection, house)) == []
        connection.execute(delete(tables.record).where(tables.record.c.dispute_id == disputes[1].id))
        connection.execute(update(tables.record).values(overdue="draw"))
        assert {finding.code for finding in compare(connection, house)} == {"projection_differs"}

        rebuild(connection, house)

        assert list(compare(connection, house)) == []
    assert [row_of(house, dispute) for dispute in disputes] == before


def test_a_house_with_editions_verifies(house: House):
    some(house)
    cut_now(house)

    assert verify_house(house).findings == []
    with house.engine.connect() as connection:
        assert edition_numbered(connection, 2) is None


def _without_guards(house: House, name: str) -> list[str]:
    if house.engine.dialect.name == "sqlite":
        return [f"DROP TRIGGER {name}_no_update", f"DROP TRIGGER {name}_no_delete"]
    return [f"DROP TRIGGER {name}_append_only ON {name}"]


def test_no_edition_is_cut_before_there_are_ten_disputes(house: House):
    some(house, THRESHOLD - 1)
    sealed(house)

    assert cut_daily(house, counted_as_of) is None


def test_the_worker_asks_once_a_day(house: House, clock: FrozenClock):
    considered: set[int] = set()
    some(house, 9)
    sealed(house)
    assert cut_figures(house, considered) == 0

    some(house, 9)
    sealed(house)
    assert cut_figures(house, considered) == 0
    clock.advance(days=1)

    assert cut_figures(house, considered) == 1
    assert cut_figures(house, considered) == 0


def test_the_commands_cut_list_and_check(tmp_path: Path):
    def odr(*words: str) -> Result:
        return CliRunner().invoke(main, ["--instance", str(tmp_path), *words], catch_exceptions=False)

    assert odr("statistics", "cut").exit_code == 2
    assert odr("worker", "--once").exit_code == 0

    assert odr("statistics", "check", "1").exit_code == 2
    assert odr("statistics", "cut").output.startswith("Edition 1 was cut over 1 entries")
    assert odr("statistics", "list").output.startswith("1  20")
    assert odr("statistics", "check", "1").output == "Edition 1 says what the entries make it say.\n"
    assert odr("statistics", "check", "none").exit_code == 3
