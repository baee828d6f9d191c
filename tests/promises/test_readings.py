"""Nobody who is no party reads anything of a dispute without an entry of it: every door, each reader, told by the
entries themselves."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from odr.compliance import rules as compliance
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_pseudonym
from odr.log.integrator import seal_all
from odr.log.tables import entry
from odr.mediation import rules as mediation
from odr.procedure.access import PARTIES, PERMISSIONS
from odr.readings.records import READ, THINGS, stream_beside
from tests.builders import ADispute
from tests.disputes.readers import Reader
from tests.doors import Door, doors_of, token_of
from tests.evidence.test_media import plain_picture
from tests.mediation.conftest import Mediators
from tests.readings.conftest import PDF, buyer, house, mediators, record, registrar, seller

__all__ = ["buyer", "house", "mediators", "registrar", "seller"]

pytestmark = pytest.mark.one_database

OPENED = "opened with a reason"
# What a registrar is asked before a dispute is opened to them.
SHOWS_NUMBER_ONLY = {"readings.opening"}


def with_papers(dispute: ADispute) -> ADispute:
    """A paper and a picture are in the file; a small picture can be asked for."""
    for name, raw in (("paper.pdf", PDF), ("picture.png", plain_picture("PNG"))):
        given = {"key": new_pseudonym(), "arriving": io.BytesIO(raw), "name": name, "about": "It"}
        take_in(dispute.house, dispute.id, dispute.buyer, **given)
    return dispute


def challenged(dispute: ADispute) -> ADispute:
    dispute.in_mediation().proposed("20.00")
    dispute.act(mediation.challenge_mediator, dispute.buyer, ground="tie", text="They are cousins.")
    return dispute


def with_proof(dispute: ADispute) -> ADispute:
    dispute.closed_with().performed().act(compliance.deny_performance, dispute.buyer, text="Nothing came.")
    # Of the files, whoever checks the proof reads those that came after the end.
    dispute.house.clock.advance(minutes=1)
    given = {"key": new_pseudonym(), "arriving": io.BytesIO(PDF), "name": "proof.pdf", "about": "Sent"}
    take_in(dispute.house, dispute.id, dispute.seller, **given)
    dispute.performed().act(compliance.deny_performance, dispute.buyer, text="Still nothing.")
    return dispute


PLACES: dict[str, Callable[[ADispute], ADispute]] = {
    "screening": with_papers,
    "challenged": lambda dispute: challenged(with_papers(dispute).admitted().contested()),
    "decided": lambda dispute: dispute.decided(),
    "proof to be checked": with_proof,
    OPENED: lambda dispute: dispute.in_negotiation().offer(dispute.seller, "31.07"),
}


@pytest.fixture
def furnished(
    house: House, buyer: Reader, seller: Reader, registrar: Reader, mediators: Mediators
) -> dict[str, ADispute]:
    """A dispute at each place, between the same two, with a mediator where there is one."""
    pool = list(mediators.readers)
    made = {}
    for name, prepare in PLACES.items():
        dispute = WithPool(house, buyer_account=buyer.account_id, seller_account=seller.account_id)
        dispute.pool = pool
        made[name] = prepare(dispute)
    made[OPENED].opened_to(registrar.account_id)
    seal_all(house)
    return made


class WithPool(ADispute):
    """A dispute for which the mediators of this house are drawn."""

    pool: list[str]

    def drawn(self, *pool: str) -> ADispute:
        return super().drawn(*(pool or self.pool))


def of_a_dispute(app: Flask) -> list[Door]:
    return [door for door in doors_of(app) if "number" in door.blanks]


def ways(app: Flask, dispute: ADispute) -> list[tuple[Door, str]]:
    """Every page of a dispute by its address; of files and receipts the first three."""
    return [
        (door, door.path(number=dispute.number, item=which, version=which, proposal="0", offer="0"))
        for door in of_a_dispute(app)
        if door.method == "GET"
        for which in (("1", "2", "3") if {"item", "version"} & set(door.blanks) else ("1",))
    ]


def readings(house: House, dispute: ADispute) -> int:
    query = select(func.count()).select_from(entry)
    with house.engine.connect() as connection:
        return connection.scalar(query.where(entry.c.stream == stream_beside(dispute.id), entry.c.type == READ)) or 0


def shows_nothing(answer: TestResponse) -> bool:
    return answer.status_code == 404 or 300 <= answer.status_code < 400


@pytest.mark.slow
def test_every_reading_by_somebody_who_is_no_party_leaves_one_entry_and_none_of_a_party_any(
    app: Flask, house: House, furnished: dict[str, ADispute], buyer: Reader, seller: Reader, registrar: Reader,
    mediators: Mediators,
):  # fmt: skip
    seen: dict[str, set[str]] = {"mediator": set(), "registrar": set(), "side": set()}

    for place, dispute in furnished.items():
        readers = [("registrar", registrar)]
        if dispute.state.mediator:
            readers.append(("mediator", mediators.of(dispute)))
        if place == "decided":
            readers += [("side", buyer), ("side", seller)]
        for role, reader in readers:
            for door, path in ways(app, dispute):
                before = readings(house, dispute)
                answer = reader.client.get(path)
                answer.get_data()
                shown = not shows_nothing(answer) and door.endpoint not in SHOWS_NUMBER_ONLY
                assert readings(house, dispute) - before == (shown and role != "side"), (role, door, answer.status_code)
                seen[role].update({door.endpoint} if shown else set())

    told = {each.data["what"] for dispute in furnished.values() for each in record(house, dispute)}
    assert told == set(THINGS) - {"form"}
    assert {each.data["permission"] for each in record(house, furnished["challenged"])} <= set(PERMISSIONS)
    # What the walk must have met, or it would have shown nothing.
    assert {"disputes.page", "disputes.receipt", "filing.admission", "evidence.item"} <= seen["registrar"]
    assert {"disputes.page", "evidence.item", "evidence.preview", "casefile.case_file"} <= seen["mediator"]
    assert {"readings.index", "readings.receipt", "casefile.case_file"} <= seen["side"]


def test_asking_for_the_head_of_a_page_is_a_reading_of_it(house, furnished, registrar):
    dispute = furnished["screening"]

    assert registrar.client.head(f"/disputes/{dispute.number}").status_code == 200
    assert [each.data["what"] for each in record(house, dispute)] == ["page"]


def test_a_form_that_is_turned_down_and_shown_again_is_a_reading_too(app, house, furnished, registrar):
    """Or whoever wants to read unseen would send nonsense."""
    token, dispute = token_of(registrar), furnished["challenged"]
    shown = 0

    for door in of_a_dispute(app):
        if door.method == "POST":
            before = readings(house, dispute)
            answer = registrar.post(door.path(number=dispute.number), {"csrf_token": token})
            left = readings(house, dispute) - before
            assert left == (0 if shows_nothing(answer) else 1), (door, answer.status_code)
            shown += left

    assert shown > 0
    assert {each.data["what"] for each in record(house, dispute)} == {"form"}


def test_the_page_of_the_record_is_for_no_one_who_is_written_down_in_it():
    assert PERMISSIONS["readings:read"].who == PARTIES
