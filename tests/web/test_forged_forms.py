"""Forms that another site sends, that carry another token, or that are sent again: none of them does anything."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from odr.house import House
from odr.kernel import new_pseudonym
from odr.log.tables import entry
from odr.people.tables import rate
from tests.builders import ADispute
from tests.disputes.conftest import buyer, dispute, house, nobody, registrar, seller, stranger
from tests.disputes.readers import Reader
from tests.doors import doors_of, token_of

__all__ = ["buyer", "dispute", "house", "nobody", "registrar", "seller", "stranger"]

pytestmark = pytest.mark.one_database

FORGERIES: dict[str, tuple[dict[str, str], int]] = {
    "another origin": ({"Origin": "https://elsewhere.example"}, 403),
    "another site": ({"Sec-Fetch-Site": "cross-site"}, 403),
    "no token": ({}, 400),
    "the token of another browser": ({}, 400),
}


@pytest.fixture
def contested(dispute: ADispute) -> ADispute:
    return dispute.admitted().contested()


def state_of(house: House) -> str:
    """Everything that stands in the database, in one line; attempts may be counted."""
    with house.engine.connect() as connection:
        lines = connection.connection.driver_connection.iterdump()
        kept = "\n".join(line for line in lines if f'INSERT INTO "{rate.name}"' not in line)
    return hashlib.sha256(kept.encode("utf-8", "surrogatepass")).hexdigest()


def test_no_door_takes_a_form_that_is_not_its_own(
    app: Flask, house: House, contested: ADispute, nobody: Reader, buyer: Reader
):
    """Threat 30, at every address that takes a form, by somebody whose own forms most of them would take."""
    own, anothers = token_of(buyer), token_of(nobody)
    before, doors = state_of(house), [door for door in doors_of(app) if door.method != "GET"]
    assert len(doors) > 60

    for door in doors:
        path = door.path(number=contested.number)
        for forgery, (headers, status) in FORGERIES.items():
            given: dict[str, Any] = {"key": "0" * 32, "text": "Words that nobody wrote."}
            if status == 403:
                given["csrf_token"] = own
            elif forgery != "no token":
                given["csrf_token"] = anothers
            if door.endpoint == "evidence.add":
                given["file"] = (io.BytesIO(b"forged"), "forged.txt")
            answer = buyer.client.open(path, method=door.method, data=given, headers=headers)
            assert answer.status_code == status, (door, forgery)

    assert state_of(house) == before


def test_an_act_that_is_sent_ten_times_is_done_once(house: House, contested: ADispute, buyer: Reader, seller: Reader):
    """Threat 33: the browser's second click, a proxy's retry, a form of yesterday that is sent again."""
    at = f"/disputes/{contested.number}"
    acts: list[tuple[Reader, str, dict[str, str]]] = [
        (buyer, "/messages", {"text": "Where is the parcel?"}),
        (seller, "/evidence/completion", {}),
        (buyer, "/evidence/completion", {}),
        (buyer, "/offers/new", {"amount_0": "30.00"}),
        (buyer, "/withdrawal", {"text": "It has come."}),
    ]

    for reader, path, given in acts:
        form_at = at if path == "/messages" else at + path
        sent = {**reader.hidden(form_at, at + path), **given, "key": new_pseudonym()}
        before = entries(house)
        first = reader.post(at + path, sent)
        assert first.status_code == 303 and entries(house) > before, (path, first.status_code)
        after = state_of(house)
        for _ in range(9):
            again = reader.post(at + path, sent)
            assert (again.status_code, again.location) == (first.status_code, first.location), path
        assert state_of(house) == after, path


def entries(house: House) -> int:
    with house.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(entry)).scalar_one()
