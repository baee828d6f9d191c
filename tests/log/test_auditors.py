"""Auditors: a token opens the entries of all disputes for a time, each reading is written down, nobody else learns of
any of it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from odr.house import House
from odr.kernel import Missing, Refused
from odr.log import offline
from odr.log.auditors import admit_auditor, auditors, end_auditor
from odr.log.chain import leaf_hash
from odr.log.halt import Halt, stop
from odr.log.integrator import integrate, seal_all
from odr.log.journal import read_stream
from odr.log.note import vkey
from odr.verify import verify_house
from tests.builders import a_dispute
from tests.disputes.readers import Reader, account
from tests.log.test_halt import odr
from tests.log.test_tamper import fill_a_tile, unguarded

ENTRIES = "/log/tile/entries/000.p/1"


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def entries_in(bundle: bytes) -> list[bytes]:
    held = []
    while bundle:
        size = int.from_bytes(bundle[:2], "big")
        held.append(bundle[2 : 2 + size])
        bundle = bundle[2 + size :]
    return held


def without_marks(page: str) -> str:
    """A page without what differs at each address: its own name, to come back to, and the token of its forms."""
    return re.sub(r'name="csrf_token" value="[^"]*"|/log/tile/entries/[^"]*', "", page)


def test_an_auditor_reads_all_entries_up_to_the_last_checkpoint_and_it_is_written_down(
    house: House, client: FlaskClient, clock
) -> None:
    fill_a_tile(house)
    auditor, token = admit_auditor(house, "  The  Authority ", 90)
    size = int(client.get("/log/checkpoint").data.splitlines()[1])
    a_dispute(house)
    integrate(house)
    clock.advance(minutes=1)

    whole = client.get("/log/tile/entries/000", headers=bearing(token))
    part = client.get(f"/log/tile/entries/001.p/{size - 256}", headers={"Authorization": f"bearer {token}"})
    beyond = client.get(f"/log/tile/entries/001.p/{size - 255}", headers=bearing(token))

    assert (whole.status_code, part.status_code, beyond.status_code) == (200, 200, 404)
    for answer in (whole, part):
        assert answer.mimetype == "application/octet-stream"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "Authorization" in answer.headers["Vary"] and "Set-Cookie" not in answer.headers
    hashes = [leaf_hash(raw) for raw in entries_in(whole.data) + entries_in(part.data)]
    tiles = client.get("/log/tile/0/000").data + client.get(f"/log/tile/0/001.p/{size - 256}").data
    assert b"".join(hashes) == tiles
    with house.engine.connect() as connection:
        (told,) = auditors(connection)
        paths = list(connection.scalars(text("SELECT path FROM auditor_read ORDER BY path")))
    assert (told.id, told.name, told.read, told.read_at) == (auditor.id, "The Authority", 2, clock())
    assert paths == ["tile/entries/000", f"tile/entries/001.p/{size - 256}"]


def test_the_token_is_kept_as_its_hash_only(house: House) -> None:
    _, token = admit_auditor(house, "The Authority", 1)

    with house.engine.connect() as connection:
        kept = bytes(connection.scalar(text("SELECT token_sha256 FROM auditor")))
    assert kept == hashlib.sha256(token.encode()).digest()
    assert len(token) == 43


@pytest.mark.one_database
def test_for_everybody_else_there_is_no_such_page(house: House, client: FlaskClient, clock) -> None:
    a_dispute(house)
    seal_all(house)
    _, ended = admit_auditor(house, "Ended", 90)
    end_auditor(house, "Ended")
    _, over = admit_auditor(house, "Over", 1)
    clock.advance(days=1)
    _, token = admit_auditor(house, "Present", 1)
    assert client.get(ENTRIES, headers=bearing(token)).status_code == 200
    missing = client.get("/log/tile/entries/999", headers=bearing(token))

    refused = {
        name: client.get(ENTRIES, headers=headers)
        for name, headers in {
            "nobody": {},
            "ended": bearing(ended),
            "over": bearing(over),
            "one letter off": bearing(token[:-1] + ("A" if token[-1] != "A" else "B")),
            "longer": bearing(token + "A"),
            "other scheme": {"Authorization": f"Basic {token}"},
            "no scheme": {"Authorization": token},
            "empty": {"Authorization": "Bearer "},
            "its hash": bearing(hashlib.sha256(token.encode()).hexdigest()[:43]),
            "not even text": {"Authorization": "Bearer " + "\xe9" * 43},
        }.items()
    }

    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(refused, 404)
    assert {without_marks(answer.text) for answer in refused.values()} == {without_marks(missing.text)}
    assert all("no-store" in answer.headers["Cache-Control"] for answer in refused.values())
    with house.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM auditor_read")) == 1


@pytest.mark.one_database
def test_a_token_opens_entries_and_nothing_else(app, house: House) -> None:
    dispute = a_dispute(house)
    seal_all(house)
    client = app.test_client()
    _, token = admit_auditor(house, "The Authority", 1)

    for address in ("/desk/regulator", "/desk", f"/disputes/{dispute.number}/entries/1/receipt"):
        assert client.get(address, headers=bearing(token)).status_code in (303, 404), address
    for staff in ("regulator", "registrar"):
        reader = Reader(app, account(app, f"{staff}@example.org", staff.title(), staff))
        assert reader.client.get(ENTRIES).status_code == 404


@pytest.mark.one_database
def test_damaged_entries_are_not_handed_out_as_if_they_were_whole(house: House, client: FlaskClient) -> None:
    told = a_dispute(house)
    seal_all(house)
    _, token = admit_auditor(house, "The Authority", 1)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM entry WHERE stream = :stream"), {"stream": f"dispute/{told.id}"})

    assert client.get("/log/tile/entries/000.p/2", headers=bearing(token)).status_code == 503


def test_who_ends_is_named_by_name_or_by_id(house: House, clock) -> None:
    first, _ = admit_auditor(house, "Twice", 1)
    second, _ = admit_auditor(house, "Twice", 1)

    with pytest.raises(Refused):
        end_auditor(house, "Twice")
    assert end_auditor(house, first.id).id == first.id
    assert end_auditor(house, "Twice").id == second.id
    with pytest.raises(Missing):
        end_auditor(house, "Twice")
    for name, days in (("", 1), ("A", 0), ("A", 3661), ("A" * 201, 1)):
        with pytest.raises(Refused):
            admit_auditor(house, name, days)


@pytest.mark.one_database
def test_the_command_admits_lists_and_ends(house: House) -> None:
    admitted = odr(house, "auditor", "admit", "The Authority", "--days", "3")
    listed = odr(house, "auditor", "list")
    ended = odr(house, "auditor", "end", "The Authority")
    again = odr(house, "auditor", "end", "The Authority")

    assert admitted.exit_code == 0, admitted.output
    token = admitted.stdout.strip()
    assert len(token) == 43 and token not in listed.output
    assert "may read until" in listed.output and "0 files of entries" in listed.output
    assert ended.exit_code == 0 and again.exit_code == 1
    assert odr(house, "auditor", "admit", "The Authority", "--days", "0").exit_code == 3


@pytest.mark.one_database
def test_the_regulator_sees_who_audits_and_how_much_was_read(app, house: House, client: FlaskClient) -> None:
    reader = Reader(app, account(app, "regulator@example.org", "Regulator", "regulator"))
    assert "Nobody reads the entries" in reader.client.get("/desk/regulator").text
    a_dispute(house)
    seal_all(house)
    _, token = admit_auditor(house, "The <Authority>", 30)
    client.get(ENTRIES, headers=bearing(token))

    page = reader.client.get("/desk/regulator").text

    assert "The &lt;Authority&gt;" in page and "Auditors" in page
    assert token not in page


@pytest.mark.one_database
def test_the_verifier_audits_a_served_log_with_a_token(house: House, address: str, tmp_path: Path) -> None:
    """The whole way: admitted, served, and read by a program that shares no code with the house."""
    fill_a_tile(house)
    _, token = admit_auditor(house, "The Authority", 1)
    (tmp_path / "token").write_text(token + "\n")
    (tmp_path / "token").chmod(0o600)
    key = vkey(house.origin, house.keys.public_key)
    command = [sys.executable, "-I", offline.__file__, "log", f"{address}/log", "--key", key]

    bare = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    told = subprocess.run(
        [*command, "--token-file", str(tmp_path / "token")], capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr
    assert "SOUND" in told.stdout
    assert bare.returncode == 2, bare.stdout


# -- the stream of each auditor -------------------------------------------------------------------------------------


def stream_of(house: House, auditor_id: str) -> list[tuple[str, str, str, dict]]:
    """Type, role, class and data of the entries about an auditor."""
    with house.engine.connect() as connection:
        found = [stored.entry for stored in read_stream(connection, f"auditor/{auditor_id}")]
    return [(each.type, each.role, each.reach, each.data) for each in found]


def test_who_is_let_in_what_they_read_and_that_it_ends_is_chained(house: House, client: FlaskClient) -> None:
    a_dispute(house)
    seal_all(house)
    auditor, token = admit_auditor(house, "The Authority", 1)

    assert client.get(ENTRIES, headers=bearing(token)).status_code == 200
    assert client.head(ENTRIES, headers=bearing(token)).status_code == 200
    end_auditor(house, auditor.id)
    seal_all(house)

    read = ("auditor_read", "auditor", "staff", {"path": ENTRIES.removeprefix("/log/")})
    assert stream_of(house, auditor.id) == [
        ("auditor_admitted", "system", "staff", {"until": auditor.until}),
        read,
        read,
        ("auditor_ended", "system", "staff", {}),
    ]
    assert verify_house(house).findings == []
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM entry WHERE stream LIKE 'auditor/%' AND ver = 2"))
    assert verify_house(house).findings != []


@pytest.mark.one_database
def test_in_a_house_that_has_stopped_auditors_read_on_and_a_row_alone_says_so(
    house: House, client: FlaskClient
) -> None:
    a_dispute(house)
    seal_all(house)
    with house.engine.begin() as connection:
        stop(connection, house, Halt("forked", b"note"))
    auditor, token = admit_auditor(house, "The Authority", 1)

    assert client.get(ENTRIES, headers=bearing(token)).status_code == 200

    assert stream_of(house, auditor.id) == []
    with house.engine.connect() as connection:
        (told,) = auditors(connection)
    assert told.read == 1
