"""The record of readings: a page for the sides, chained and sealed like all else, and no page without its line."""

from __future__ import annotations

import re
import sqlite3
from threading import Thread

import pytest
from sqlalchemy import delete, event, update

from odr.disputes.queries import Seat
from odr.erasure import service as erasure
from odr.kernel import Actor, new_pseudonym
from odr.log import tables as log
from odr.log.auditors import admit_auditor
from odr.log.halt import Halt, stop
from odr.log.integrator import seal_all
from odr.procedure import rules as procedure
from odr.readings.queries import times_read
from odr.readings.records import READ, stream_beside
from odr.readings.service import note, open_with_reason
from odr.verify import verify_house
from tests.builders import ADispute, a_dispute
from tests.disputes.test_receipts import verified_at_home
from tests.erasure.conftest import settled
from tests.log.test_tamper import unguarded
from tests.readings.conftest import REASON, read_of, record


def at(dispute: ADispute, path: str = "") -> str:
    return f"/disputes/{dispute.number}{path}"


def seat(dispute: ADispute, actor: Actor) -> Seat:
    return Seat(dispute.id, dispute.number, actor)


# -- what both databases keep -----------------------------------------------------------------------------------


def test_readings_of_one_moment_follow_one_another_in_one_chain(house):
    dispute = a_dispute(house).in_mediation()
    before = dispute.state.version
    reader = seat(dispute, dispute.mediator)
    racers = [Thread(target=note, args=(house, reader, "evidence:read", "preview", item)) for item in range(1, 5)]

    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    note(house, seat(dispute, dispute.registrar), "desk:dispute", "page")
    seal_all(house)

    entries = record(house, dispute)
    assert [each.version for each in entries] == [1, 2, 3, 4, 5]
    assert {each.data["item"] for each in entries[:4]} == {1, 2, 3, 4}
    assert read_of(entries[4]) == (dispute.registrar.id, "registrar", "page", None)
    assert {(each.type, each.reach) for each in entries} == {(READ, "parties")}
    # The dispute itself did not move, and whoever acts in it next meets no conflict.
    dispute.act(procedure.send_message, dispute.buyer, text="Hello.")
    assert dispute.state.version == before + 1
    assert verify_house(house).findings == []
    with house.engine.connect() as connection:
        assert times_read(connection, dispute.id) == 5


@pytest.mark.parametrize("deed", ["removed", "the last removed", "another reader", "another hour"])
def test_a_reading_that_is_taken_out_or_changed_is_found(house, deed):
    dispute = a_dispute(house).in_mediation()
    for what in ("page", "casefile", "page"):
        note(house, seat(dispute, dispute.mediator), "dispute:read", what)
    seal_all(house)
    assert verify_house(house).findings == []
    of_entry = (log.entry.c.stream == stream_beside(dispute.id), log.entry.c.ver == (3 if "last" in deed else 2))
    of_leaf = (log.leaf.c.stream == stream_beside(dispute.id), log.leaf.c.ver == (3 if "last" in deed else 2))

    with unguarded(house) as connection:
        if "removed" in deed:
            connection.execute(delete(log.entry).where(*of_entry))
            connection.execute(delete(log.leaf).where(*of_leaf))
        else:
            raw = bytes(connection.scalar(log.entry.select().with_only_columns(log.entry.c.raw).where(*of_entry)))
            other = {
                "another reader": raw.replace(dispute.mediator.id.encode(), b"0" * 32),
                "another hour": re.sub(rb'"at":\d', b'"at":9', raw),
            }[deed]
            assert other != raw
            connection.execute(update(log.entry).where(*of_entry).values(raw=other))

    assert verify_house(house).findings != []


def test_the_reasons_go_when_words_of_the_dispute_are_erased(house, clock):
    over = settled(house)
    open_with_reason(house, seat(over, over.registrar), "complaint", REASON)
    clock.advance(days=60)
    erasure.order(house, over.id, over.buyer, key=new_pseudonym())

    erasure.carry_out(house, over.id)
    seal_all(house)

    assert [each.type for each in record(house, over)] == ["access_opened", "erasure_ordered", "words_erased"]
    with house.engine.connect() as connection:
        left = connection.execute(log.payload.select().where(log.payload.c.stream == stream_beside(over.id))).all()
    assert left == []
    assert verify_house(house).findings == []


# -- the page ---------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_the_sides_read_who_read_their_dispute(house, dispute, buyer, seller, registrar, mediators, clock):
    assert "0 readings on record" in buyer.read(at(dispute))
    assert "Nobody but the sides" in buyer.read(at(dispute, "/readings"))
    registrar.read(at(dispute, "/admission"))
    dispute.admitted().contested().in_mediation(*mediators.readers)
    mediator = mediators.of(dispute)
    for _ in range(3):
        mediator.read(at(dispute))
        clock.advance(minutes=1)
    seal_all(house)
    mediator.read(at(dispute, "/evidence"))

    for side in (buyer, seller):
        page = side.read(at(dispute, "/readings"))
        name = re.search(r"Mediator · ⁨?(\w+ mediator)", page)
        assert name, page
        assert f"Registrar {registrar.account_id[:8]}" in page
        assert page.index("Mediator ·") < page.index("Registrar ")
        assert "Read pages of the dispute. 4 times since" in page
        assert "4 entries with their receipts" in page and "Recorded, not yet sealed." in page
        assert "5 readings on record" in side.read(at(dispute))
    for reader in (mediator, registrar.__class__(buyer.app, registrar.account_id)):
        assert reader.client.get(at(dispute, "/readings")).status_code in (303, 404)
    dispute.opened_to(registrar.account_id)
    assert registrar.client.get(at(dispute, "/readings")).status_code == 404
    assert registrar.client.get(at(dispute, "/readings/1/receipt")).status_code == 404


@pytest.mark.one_database
def test_the_receipt_of_a_reading_is_believed_by_a_program_that_is_not_ours(house, dispute, buyer, registrar, tmp_path):
    registrar.read(at(dispute))
    waiting = buyer.client.get(at(dispute, "/readings/1/receipt"))
    assert waiting.status_code == 202
    seal_all(house)

    receipt = buyer.client.get(at(dispute, "/readings/1/receipt"))

    assert receipt.headers["Content-Disposition"].endswith(f'"evenhand-{dispute.number}-reading-1.tlog-proof"')
    code, said = verified_at_home(house, tmp_path / "home", receipt.data)
    assert (code, said["seen"]["stream"], said["seen"]["type"]) == (0, stream_beside(dispute.id), READ)
    for path in ("/readings/2/receipt", "/readings/0/receipt"):
        assert buyer.client.get(at(dispute, path)).status_code == 404


@pytest.mark.one_database
def test_auditors_who_were_given_entries_of_a_dispute_are_named_to_its_sides(house, app, dispute, buyer, client, clock):
    seal_all(house)
    size = int(client.get("/log/checkpoint").data.splitlines()[1])
    _, first = admit_auditor(house, "The Authority", 9)
    _, second = admit_auditor(house, "Looked at one", 9)
    path = "/log/tile/entries/000.p"

    assert client.get(f"{path}/{size}", headers={"Authorization": f"Bearer {first}"}).status_code == 200
    clock.advance(minutes=1)
    assert client.get(f"{path}/{size}", headers={"Authorization": f"Bearer {first}"}).status_code == 200
    # The first entry of a log is its own.
    assert client.get(f"{path}/1", headers={"Authorization": f"Bearer {second}"}).status_code == 200

    page = buyer.read(at(dispute, "/readings"))
    assert re.search(r"The auditor ⁨?The Authority⁩? read entries of this dispute 2 times", page)
    assert "Looked at one" not in page


# -- where nothing can be written down --------------------------------------------------------------------------


@pytest.mark.one_database
def test_in_a_house_that_has_stopped_the_sides_read_on_and_nobody_else(house, dispute, buyer, registrar):
    with house.engine.begin() as connection:
        stop(connection, house, Halt("forked", b"note"))

    held = registrar.client.get(at(dispute))

    assert held.status_code == 503 and "Retry-After" in held.headers
    assert "This cannot be read just now" in held.text and "bicycle lights" not in held.text
    assert "Two bicycle lights never arrived." in buyer.read(at(dispute))
    assert record(house, dispute) == []


@pytest.mark.one_database
def test_where_the_database_takes_nothing_the_sides_read_on_and_nobody_else(house, dispute, buyer, registrar):
    def read_only(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    event.listen(house.engine, "checkout", read_only)
    house.engine.dispose()

    held = registrar.client.get(at(dispute))

    assert held.status_code == 503 and "bicycle lights" not in held.text
    assert "Two bicycle lights never arrived." in buyer.read(at(dispute))
    assert record(house, dispute) == []
