"""How the record reads: what somebody did again and again within an hour is one line."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from odr.readings.filters import HOUR, THINGS, rows_of
from odr.readings.queries import Record
from odr.readings.records import OPENED, READ
from odr.readings.records import THINGS as KINDS

MEDIATOR, REGISTRAR = "a1" * 16, "b2" * 16


def read(version: int, at: int, what: str = "page", item: int | None = None, actor: str = MEDIATOR) -> Record:
    data: dict[str, Any] = {"permission": "dispute:read", "what": what} | ({} if item is None else {"item": item})
    role = "mediator" if actor == MEDIATOR else "registrar"
    return Record(version, at, READ, actor, role, data, None, version + 100, 7 if version < 9 else None)


def opened(version: int, at: int) -> Record:
    data = {"ground": "hold", "until": at + HOUR}
    return Record(version, at, OPENED, REGISTRAR, "registrar", data, "A court wrote.", version + 100, 7)


@pytest.fixture
def rows(app: Flask) -> Any:
    def told(*records: Record, names: dict[str, str] | None = None) -> list[dict[str, Any]]:
        with app.test_request_context():
            return [
                {**row, "sentence": str(row["sentence"]), "who": tuple(map(str, row["who"]))}
                for row in rows_of(list(records), names or {}, "7K3M-Q9TZ-5")
            ]

    return told


def test_one_line_tells_what_one_reader_read_again_within_an_hour(rows):
    told = rows(read(1, 0), read(2, 5), read(3, 9, actor=REGISTRAR), read(4, HOUR), read(5, HOUR + 1, "file", 2))

    assert [(row["version"], row["times"], row["first_at"], row["at"]) for row in told] == [
        (5, 1, HOUR + 1, HOUR + 1),
        (4, 1, HOUR, HOUR),
        (3, 1, 9, 9),
        (2, 2, 0, 5),
    ]
    assert [seal["number"] for seal in told[-1]["seals"]] == [102, 101]
    assert told[0]["sentence"] == "Opened the file of evidence 2."


def test_each_file_has_its_line_and_small_pictures_have_one_together(rows):
    files = [read(number, 0, "file", number) for number in (1, 2)]
    pictures = [read(number, 0, "preview", number) for number in (3, 4, 5)]

    assert [(row["times"], row["sentence"]) for row in rows(*files, *pictures)] == [
        (3, "Saw the small pictures of the evidence."),
        (1, "Opened the file of evidence 2."),
        (1, "Opened the file of evidence 1."),
    ]


def test_what_was_read_after_an_opening_stands_above_it(rows):
    told = rows(read(1, 0, actor=REGISTRAR), opened(2, 1), read(3, 2, actor=REGISTRAR), read(4, 3, actor=REGISTRAR))

    assert [(row["version"], row["times"]) for row in told] == [(4, 2), (2, 1), (1, 1)]
    assert told[1]["sentence"] == "Opened the dispute. The ground: Words of the dispute may have to be kept."
    assert (told[1]["until"], told[1]["reason"], told[1]["reason_gone"]) == (1 + HOUR, "A court wrote.", False)


def test_a_mediator_has_a_name_as_elsewhere_and_a_registrar_a_code(rows):
    records = read(1, 0), read(2, 0, actor=REGISTRAR)

    assert [row["who"] for row in rows(*records)] == [("Registrar b2b2b2b2", ""), ("Mediator a1a1a1a1", "")]
    assert rows(*records, names={MEDIATOR: "A Mediator"})[1]["who"] == ("Mediator", "A Mediator")


def test_a_receipt_is_offered_once_there_is_one(rows):
    (late,), (sealed,) = (rows(record)[0]["seals"] for record in (read(9, 0), read(1, 0)))

    assert late["href"] is None
    assert sealed["href"] == "/disputes/7K3M-Q9TZ-5/readings/1/receipt"


def test_everything_that_can_be_read_has_its_sentence():
    assert set(THINGS) == set(KINDS)
