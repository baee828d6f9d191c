"""The pages of the figures, the log and the house: what stands on them, who may read them, and what they cost."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import event

from odr.app import create_app
from odr.database import writing
from odr.disputes.rebuild import counted_as_of
from odr.house import House, Settings
from odr.log.halt import published_file
from odr.log.integrator import seal_all
from odr.log.note import Checkpoint, Verifier, key_id, open_checkpoint, read_vkey
from odr.log.queries import log_state
from odr.statistics import tables
from odr.statistics.filters import alarms
from odr.statistics.records import Edition, Head, edition_of
from odr.statistics.service import cut
from tests.builders import a_dispute
from tests.conftest import FrozenClock
from tests.disputes.readers import Reader, account
from tests.statistics.disputes import PLAIN, decided, settled
from tests.statistics.test_records import HEAD, crowd

pytestmark = pytest.mark.one_database


@pytest.fixture
def nobody(app: Flask) -> Reader:
    return Reader(app)


@pytest.fixture
def regulator(app: Flask) -> Reader:
    return Reader(app, account(app, "regulator@example.org", "Regulator", "regulator"))


def published(house: House, records: list, number: int = 1, **changes: object) -> Edition:
    """An edition of these records, written as if it had been cut."""
    head: Head = replace(HEAD, number=number, origin=house.origin, **changes)
    edition = edition_of(head, records, None)
    row = {"number": number, "cut_at": head.cut_at, "size": head.size, "root": head.root}
    with writing(house.engine) as connection:
        connection.execute(tables.edition.insert().values(**row, digest=edition.digest, body=edition.body))
    return edition


def counting(house: House) -> list[str]:
    """Every statement that is sent to the database from now on."""
    statements: list[str] = []

    @event.listens_for(house.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    return statements


# -- the figures


def test_before_the_first_edition_the_page_says_what_will_appear(nobody: Reader):
    page = nobody.read("/figures")

    assert "No figures yet" in page
    assert "%" not in page


def test_a_figure_stands_with_its_counts_its_definition_its_date_and_its_log(house: House, nobody: Reader):
    edition = published(house, crowd())

    page = nobody.read("/figures")

    assert "66.7 %" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "Remedy delivered (36 of 54)" in page
    assert "among all that were admitted" in page
    assert "As of" in page
    assert "from the first 900 entries of the log" in page
    assert edition.head.root in page
    assert edition.digest in page


def test_the_chart_has_its_finding_as_a_title_and_its_table_beneath(house: House, nobody: Reader):
    published(house, crowd())

    html = nobody.client.get("/figures").get_data(as_text=True)

    chart = html[html.index('<figure class="figure">') : html.index("</figure>")]
    assert "Of 54 admitted disputes, 22 were settled and 22 decided" in chart
    assert chart.index("<figcaption>") < chart.index("<svg") < chart.index("<table")
    assert 'style="' not in chart


def test_what_is_held_back_is_said_to_be_and_why(house: House, nobody: Reader):
    published(house, crowd())

    page = nobody.read("/figures")

    assert "Not shown" in page
    assert "held back" in page
    assert "a count in it is below ten, or would give one away" in page


def test_the_two_figures_about_silent_sellers_stand_apart(house: House, nobody: Reader):
    published(house, [*[decided(unheard=True)] * 12, *[decided()] * 12, *[settled()] * 12])

    page = nobody.read("/figures")

    assert "Sellers who never replied (12 of 36)" in page
    assert "Decided without the seller" in page


def test_old_months_stand_first_and_recent_ones_apart(house: House, nobody: Reader):
    old = [replace(PLAIN, filed=PLAIN.filed - 400)] * 20

    published(house, [*old, *crowd()])

    page = nobody.read("/figures")
    assert page.index("Disputes filed in months that are 180 days old") < page.index("Disputes filed since then")


def test_a_demonstration_says_so_beside_its_figures(house: House, nobody: Reader):
    published(house, crowd(), demonstration=True)

    assert "These figures are about invented disputes" in nobody.read("/figures")


def test_an_edition_keeps_its_address_when_a_newer_one_comes(house: House, nobody: Reader):
    first = published(house, crowd())
    published(house, crowd() * 2, number=2, size=2_000)

    assert first.digest in nobody.read("/figures/1")
    assert "Edition 2" in nobody.read("/figures")
    listed = nobody.read("/figures/editions")
    assert listed.index("Edition 2") < listed.index("Edition 1")
    nobody.read("/figures/3", status=404)


def test_the_files_of_an_edition_are_its_bytes_and_are_kept_for_ever(house: House, nobody: Reader):
    edition = published(house, crowd())

    answer = nobody.client.get("/figures/1.json")

    assert answer.data == edition.body
    assert hashlib.sha256(answer.data).hexdigest() == edition.digest
    assert json.loads(answer.data)["number"] == 1
    assert "immutable" in answer.headers["Cache-Control"]
    again = nobody.client.get("/figures/1.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_table_file_opens_as_a_table(house: House, nobody: Reader):
    published(house, crowd())

    answer = nobody.client.get("/figures/1.csv")

    lines = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert answer.mimetype == "text/csv"
    assert next(line["value"] for line in lines if line["item"] == "H1") == "66.7"
    nobody.read("/figures/2.csv", status=404)


@pytest.mark.parametrize("path", ["/figures", "/figures/1", "/figures/1.json", "/figures/1.csv", "/figures/editions"])
def test_a_page_of_figures_costs_one_query_however_many_disputes_there_are(house: House, nobody: Reader, path: str):
    published(house, crowd() * 3)
    statements = counting(house)

    assert nobody.client.get(path).status_code == 200

    reads = [statement for statement in statements if statement.lstrip().startswith("SELECT")]
    assert len(reads) == 1
    assert "statistics_record" not in reads[0]


def test_a_page_shows_the_edition_and_not_what_happened_since(house: House, nobody: Reader):
    for _ in range(12):
        a_dispute(house).admitted()
    seal_all(house)
    cut(house, counted_as_of)
    before = nobody.read("/figures")

    a_dispute(house).admitted().contested()

    assert nobody.read("/figures") == before


# -- the regulator's desk


def test_the_desk_is_there_for_regulators_only(nobody: Reader, regulator: Reader, app: Flask):
    registrar = Reader(app, account(app, "registrar@example.org", "Registrar", "registrar"))

    assert "Regulator’s desk" in regulator.read("/desk/regulator")
    nobody.read("/desk/regulator", status=404)
    registrar.read("/desk/regulator", status=404)


def test_the_desk_leads_to_every_edition_and_its_files(house: House, regulator: Reader):
    published(house, crowd())

    html = regulator.client.get("/desk/regulator").get_data(as_text=True)

    assert all(f'href="/figures/1{end}"' in html for end in ("", ".csv", ".json"))
    main = html[html.index("<main") : html.index("</main>")]
    assert "<form" not in main and "/disputes/" not in main


def test_a_late_registrar_raises_an_alarm(house: House, regulator: Reader, clock: FrozenClock):
    dispute = a_dispute(house)
    clock.at = dispute.state.running_clock.due
    dispute.act(_nothing, dispute.registrar)
    regulator.sign_in()

    page = regulator.read("/desk/regulator")

    assert "Filings whose registrar is late 1 Look into it" in page


def _nothing(dispute, actor, *, at, seats):
    return []


def test_more_silent_sellers_than_four_weeks_ago_raise_an_alarm(app: Flask, house: House):
    calm = published(house, [*[decided()] * 40, *[decided(unheard=True)] * 10])
    silent = published(house, [*[decided()] * 30, *[decided(unheard=True)] * 30], number=2)
    with house.engine.connect() as connection:
        state = log_state(connection, house)

    with app.test_request_context():
        raised = {alarm.words: alarm.raised for alarm in alarms({}, state, silent, calm, house.clock())}
        quiet = {alarm.words: alarm.raised for alarm in alarms({}, state, calm, calm, house.clock())}

    assert [words for words, is_raised in raised.items() if is_raised] == [
        "Sellers who never replied, compared with four weeks before"
    ]
    assert not any(quiet.values())


def test_entries_that_wait_too_long_raise_an_alarm(house: House, regulator: Reader, clock: FrozenClock):
    seal_all(house)
    a_dispute(house)
    assert "Entries that wait for a checkpoint 1 Nothing to do" in regulator.read("/desk/regulator")

    clock.advance(hours=2)
    regulator.sign_in()

    assert "Entries that wait for a checkpoint 1 Look into it" in regulator.read("/desk/regulator")


def test_a_database_older_than_its_published_checkpoint_raises_an_alarm(house: House, regulator: Reader):
    seal_all(house)
    note = published_file(house.settings).read_bytes()
    a_dispute(house)
    seal_all(house)
    assert "As they should be Nothing to do" in regulator.read("/desk/regulator")

    published_file(house.settings).write_bytes(re.sub(rb"\n\d+\n", b"\n999\n", note))

    assert "Do not fit Look into it" in regulator.read("/desk/regulator")


# -- the log


def test_the_log_says_its_size_its_root_and_its_key(house: House, nobody: Reader):
    assert "No checkpoint yet" in nobody.read("/log")
    nobody.read("/log/checkpoint", status=404)
    a_dispute(house)
    seal_all(house)

    page = nobody.read("/log")

    assert "What it does not prove" in page
    assert house.origin in page


def test_a_stranger_checks_the_checkpoint_with_the_key_and_nothing_else(house: House, nobody: Reader):
    a_dispute(house)
    seal_all(house)

    note = nobody.client.get("/log/checkpoint")
    name, public_key = read_vkey(nobody.client.get("/log/key").get_data(as_text=True).strip())

    assert note.mimetype == "text/plain"
    trusted = Verifier(name, key_id(name, public_key), house.keys.verify)
    opened = open_checkpoint(note.data, name, [trusted])
    assert isinstance(opened, Checkpoint)
    assert opened.size == 2


# -- what the house says of itself


def test_what_the_operator_has_not_stated_is_said_not_to_be(nobody: Reader):
    page = nobody.read("/about")

    assert page.count("Not stated by the operator.") == 3
    assert "Not known yet: too few disputes have ended" in page


def test_what_the_operator_stated_stands_on_the_page(settings: Settings, clock: FrozenClock):
    told = create_app(
        replace(
            settings,
            operator_contact="1 Square, Town",
            operator_funding="The chamber of commerce pays.",
            operator_listing="The ministry lists it.",
        ),
        clock,
    )

    page = Reader(told).read("/about")

    assert all(words in page for words in ("1 Square, Town", "The chamber of commerce pays.", "The ministry lists it."))
    assert "Not stated" not in page
    told.extensions["odr"].engine.dispose()


def test_the_mean_length_comes_from_the_edition(house: House, nobody: Reader):
    published(house, [settled(day=10)] * 20)

    assert "On average 10 days from filing" in nobody.read("/about")


def test_every_point_of_the_directives_list_has_its_place(nobody: Reader):
    html = nobody.client.get("/about").get_data(as_text=True)

    points = (
        "operator",
        "funding",
        "people",
        "competence",
        "rules",
        "languages",
        "costs",
        "length",
        "effect",
        "before",
    )
    assert [point for point in points if f'id="{point}"' not in html] == []


def test_the_rules_page_shows_every_step_of_every_ruleset(house: House, nobody: Reader):
    page = nobody.read("/rules")

    for name in house.rulesets.names():
        assert name in page
        assert house.rulesets.named(name).digest in page
    assert page.index("default-1") < page.index("apec-like")


@pytest.mark.parametrize("path", ["/figures", "/log", "/about", "/rules", "/neutrality", "/how-it-works"])
def test_the_foot_of_every_page_leads_there(nobody: Reader, path: str):
    assert f'href="{path}"' in nobody.client.get("/").get_data(as_text=True)
