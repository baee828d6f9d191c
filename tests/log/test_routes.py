"""The public log: whoever holds a checkpoint can rebuild the tree from tiles, and gets no byte that is not signed."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, text

from odr.house import House
from odr.log import offline
from odr.log.integrator import integrate, seal_all
from odr.log.proof import TILE_WIDTH, root, verify_consistency, verify_inclusion
from odr.log.selfcheck import check_fully, check_quickly
from odr.log.signers import Signers, opened, signers_of
from odr.verify import verify_house
from tests.builders import a_dispute
from tests.log.test_tamper import fill_a_tile, unguarded

FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture
def size(house: House, client: FlaskClient) -> int:
    """A log of more than a tile, all of it signed."""
    a_dispute(house).in_negotiation()
    fill_a_tile(house)
    return opened(client.get("/log/checkpoint").data, signers(house)).size


def signers(house: House) -> Signers:
    with house.engine.connect() as connection:
        return signers_of(connection, house.origin)


def hashes(data: bytes) -> list[bytes]:
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def path_of(answer) -> list[bytes]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.mimetype == "text/plain"
    return [base64.b64decode(line, validate=True) for line in answer.data.decode().splitlines()]


def leaves(client: FlaskClient, size: int) -> list[bytes]:
    assert TILE_WIDTH < size < 2 * TILE_WIDTH
    full, part = client.get("/log/tile/0/000"), client.get(f"/log/tile/0/001.p/{size - TILE_WIDTH}")
    assert (full.mimetype, full.headers["Cache-Control"]) == ("application/octet-stream", FOREVER)
    assert "immutable" not in part.headers["Cache-Control"] and "public" in part.headers["Cache-Control"]
    assert "Set-Cookie" not in full.headers
    return hashes(full.data) + hashes(part.data)


def test_the_tree_can_be_rebuilt_from_tiles_and_has_the_signed_root(house, client, size):
    found = leaves(client, size)
    checkpoint = opened(client.get("/log/checkpoint").data, signers(house))

    assert (len(found), root(found)) == (checkpoint.size, checkpoint.root)
    assert client.get("/log/tile/1/000.p/1").data == root(found[:TILE_WIDTH])


def test_proofs_lead_to_the_root_of_the_leaves(house, client, size):
    found = leaves(client, size)
    for position, of in ((0, size), (255, 256), (256, size), (size - 1, size), (3, 7)):
        path = path_of(client.get(f"/log/proof/inclusion?position={position}&size={of}"))
        verify_inclusion(found[position], position, of, path, root(found[:of]))
    for old, new in ((1, size), (256, 257), (255, size), (size, size), (3, 7)):
        path = path_of(client.get(f"/log/proof/consistency?old={old}&new={new}"))
        verify_consistency(old, root(found[:old]), new, root(found[:new]), path)


def test_without_a_size_the_proof_is_as_of_the_last_checkpoint_and_not_kept(client, size):
    now = client.get("/log/proof/inclusion?position=5")
    then = client.get(f"/log/proof/inclusion?position=5&size={size}")

    assert now.data == then.data
    assert (now.headers["Cache-Control"], then.headers["Cache-Control"]) == ("public, no-cache", FOREVER)
    assert (
        client.get("/log/proof/consistency?old=5").data == client.get(f"/log/proof/consistency?old=5&new={size}").data
    )


@pytest.mark.one_database
def test_nothing_is_told_of_entries_that_no_checkpoint_counts(house, client):
    assert client.get("/log/tile/0/000.p/1").status_code == 404
    assert client.get("/log/proof/inclusion?position=0").status_code == 404
    a_dispute(house)
    seal_all(house)
    signed = opened(client.get("/log/checkpoint").data, signers(house)).size
    a_dispute(house)
    integrate(house)

    assert client.get(f"/log/tile/0/000.p/{signed}").status_code == 200
    assert client.get(f"/log/tile/0/000.p/{signed + 1}").status_code == 404
    assert client.get(f"/log/proof/inclusion?position=0&size={signed + 1}").status_code == 400
    assert client.get(f"/log/proof/consistency?old=1&new={signed + 1}").status_code == 400


@pytest.mark.one_database
@pytest.mark.parametrize(
    "address",
    [
        "/log/tile/0/0",
        "/log/tile/0/0000",
        "/log/tile/0/x000/000",
        "/log/tile/0/000/000",
        "/log/tile/0/000.p/0",
        "/log/tile/0/000.p/01",
        "/log/tile/0/000.p/256",
        "/log/tile/0/000.p/-1",
        "/log/tile/0/000.p/",
        "/log/tile/00/000",
        "/log/tile/-1/000",
        "/log/tile/64/000.p/1",
        "/log/tile/99/000",
        "/log/tile/0/٠٠٠.p/1",
        "/log/tile/0/x999/x999/x999/x999/x999/x999/999",
        "/log/tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "/log/tile/entries/000",
        "/log/tile/entries/000.p/1",
        "/log/tile/0/002",
        "/log/tile/1/000",
    ],
)
def test_no_other_address_is_a_tile(client, size, address):
    assert client.get(address).status_code == 404


@pytest.mark.one_database
@pytest.mark.parametrize(
    "asked",
    [
        "inclusion",
        "inclusion?position=",
        "inclusion?position=-1",
        "inclusion?position=1.0",
        "inclusion?position=01",
        "inclusion?position=1e3",
        "inclusion?position=%D9%A3",
        "inclusion?position=5&size=5",
        "inclusion?position=0&size=0",
        "inclusion?position=0&size=99999999999999999999999",
        "inclusion?position=" + "9" * 5_000,
        "inclusion?size=3",
        "consistency",
        "consistency?old=0",
        "consistency?old=7&new=6",
        "consistency?old=1&new=9223372036854775808",
        "consistency?new=3",
    ],
)
def test_an_absurd_question_gets_a_sentence(client, size, asked):
    answer = client.get(f"/log/proof/{asked}")

    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"
    assert "must" in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.one_database
def test_a_damaged_tree_is_not_served_as_if_it_were_whole(house, client, size):
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM tile WHERE level = 0"))
        connection.execute(text("DELETE FROM leaf WHERE position = 258"))

    for address in ("tile/0/000", f"tile/0/001.p/{size - TILE_WIDTH}", "proof/inclusion?position=257"):
        answer = client.get(f"/log/{address}")
        assert answer.status_code == 503, address
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.one_database
def test_the_verifier_is_had_as_one_file_under_its_name(client):
    answer = client.get("/log/verifier")

    assert answer.data == Path(offline.__file__).read_bytes()
    assert answer.mimetype == "text/x-python"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="evenhand-verify.py"'
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == (
        "public, no-cache",
        "nosniff",
    )
    assert hashlib.sha256(answer.data).hexdigest() in client.get("/log/checking").text


@pytest.mark.one_database
def test_the_page_of_the_log_leads_to_the_check_at_home_and_the_check_to_the_verifier(client):
    overview, checking = client.get("/log").text, client.get("/log/checking").text

    assert 'href="/log/checking"' in overview and "not offered" not in overview
    assert 'href="/log/verifier"' in checking and client.get("/log/key").text.strip() in checking.replace("&#43;", "+")


@pytest.mark.one_database
def test_no_resource_takes_more_statements_than_it_needs(house, client, size):
    for address, most in (
        ("checkpoint", 1),
        ("tile/0/000", 2),
        ("tile/0/001.p/3", 2),
        ("proof/inclusion?position=1", 4),
    ):
        asked: list[str] = []
        count = lambda *told, asked=asked: asked.append(told[2])  # noqa: E731 - taken off again below
        event.listen(house.engine, "before_cursor_execute", count)
        assert client.get(f"/log/{address}").status_code == 200
        event.remove(house.engine, "before_cursor_execute", count)

        assert len([statement for statement in asked if statement.startswith("SELECT")]) <= most, (address, asked)


# -- how the log stands ---------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_a_program_is_told_how_the_log_stands(house, client, clock):
    before = client.get("/log/status")
    a_dispute(house)
    seal_all(house)
    checkpoint = opened(client.get("/log/checkpoint").data, signers(house))
    check_quickly(house)
    a_dispute(house)

    told = client.get("/log/status")

    assert (before.json["checkpoint"], before.json["checks"]) == (None, {})
    assert told.headers["Cache-Control"] == "public, max-age=5" and "Set-Cookie" not in told.headers
    assert told.json["sound"] is True and told.json["stopped"] is None and told.json["copy_outside"] is True
    assert told.json["log"] == house.origin
    assert told.json["checkpoint"]["size"] == checkpoint.size
    assert told.json["checkpoint"]["root"] == checkpoint.root.hex()
    assert told.json["waiting"] == {"entries": 1, "since": "2026-03-02T09:00:00Z"}
    assert told.json["witnesses"]["asked"] == 0
    quick = {"at": "2026-03-02T09:00:00Z", "size": checkpoint.size, "findings": 0, "code": ""}
    assert told.json["checks"] == {"quick": quick}


@pytest.mark.one_database
def test_the_page_says_in_words_what_the_house_found_and_when(house, client, clock):
    assert "No checkpoint yet" in client.get("/log").text
    a_dispute(house)
    seal_all(house)
    assert "has not looked at its newest entries yet" in client.get("/log").text

    check_quickly(house)
    check_fully(house, verify_house)
    sound = client.get("/log").text
    clock.advance(days=3)
    late = client.get("/log").text
    with unguarded(house) as connection:
        connection.execute(text("UPDATE dispute SET phase = 'evidence'"))
    check_fully(house, verify_house)
    lists = client.get("/log").text
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM payload"))
    check_fully(house, verify_house)
    grave = client.get("/log").text

    assert "found each as it was written" in sound and "every entry, every word, every file" in sound
    assert "overdue" not in sound and "A check is overdue" in late
    assert "a list that was made from it is not" in lists
    assert "something was wrong in" in grave and "This house has stopped" in grave
