"""Receipts: whoever may know of an entry takes its proof home, where a program that is not ours to run believes it."""

from __future__ import annotations

import html
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from odr.house import House
from odr.kernel import new_number
from odr.log import offline
from odr.log.halt import Halt, stop
from odr.log.integrator import integrate, seal_all
from odr.log.note import vkey
from odr.log.receipt import read
from odr.people.queries import account_by_email
from odr.procedure import rules as procedure
from odr.procedure.access import may_know
from tests.builders import ADispute, a_dispute
from tests.disputes.readers import Reader
from tests.log.test_tamper import fill_a_tile, unguarded
from tests.mediation.roster import a_mediator

ENTRY = re.compile(r'<li id="entry-(\d+)">')
OFFERED = re.compile(r'<a href="(/disputes/[^"]+/receipt)">Take the receipt of this step with you</a>')


def at(dispute: ADispute, version: int) -> str:
    return f"/disputes/{dispute.number}/entries/{version}/receipt"


def versions(reader: Reader, dispute: ADispute) -> list[int]:
    """The entries that the docket shows to this reader."""
    return [int(version) for version in ENTRY.findall(reader.client.get(f"/disputes/{dispute.number}").text)]


def entry_in(raw: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(read(raw).entry)
    return entry


def verified_at_home(house: House, home: Path, raw: bytes) -> tuple[int, dict[str, Any]]:
    """What the verifier says that a lay reader downloads, far from this house and its libraries."""
    home.mkdir(exist_ok=True)
    (home / "evenhand-verify.py").write_bytes(Path(offline.__file__).read_bytes())
    (home / "mine.tlog-proof").write_bytes(raw)
    key = vkey(house.origin, house.keys.public_key)
    asked = ["evenhand-verify.py", "receipt", "mine.tlog-proof", "--key", key, "--json"]
    ended = subprocess.run([sys.executable, "-I", "-S", "-B", *asked], cwd=home, capture_output=True, check=False)
    return ended.returncode, json.loads(ended.stdout)


# -- what one gets ------------------------------------------------------------------------------------------------


def test_a_downloaded_receipt_is_sound_for_a_program_of_its_own(house, dispute, buyer, tmp_path):
    dispute.in_negotiation().offer(dispute.seller, "20.00")
    fill_a_tile(house)
    dispute.offer(dispute.buyer, "30.00")
    seal_all(house)

    for version in (1, versions(buyer, dispute)[-1]):
        answer = buyer.client.get(at(dispute, version))
        status, told = verified_at_home(house, tmp_path / "home", answer.data)

        assert (answer.status_code, status, told["findings"]) == (200, 0, [])
        assert (told["seen"]["stream"], told["seen"]["ver"]) == (f"dispute/{dispute.id}", version)


@pytest.mark.one_database
def test_no_sign_of_a_downloaded_receipt_can_be_altered(house, dispute, buyer, tmp_path):
    seal_all(house)
    raw = buyer.client.get(at(dispute, 1)).data
    middle = len(raw) // 3

    altered = raw[:middle] + (b"A" if raw[middle : middle + 1] != b"A" else b"B") + raw[middle + 1 :]
    status, told = verified_at_home(house, tmp_path / "home", altered)

    assert (status, told["verdict"]) == (1, "tampered")
    assert told["findings"]


@pytest.mark.one_database
def test_the_commands_on_the_page_do_what_it_says(house, dispute, buyer, tmp_path):
    seal_all(house)
    page = html.unescape(buyer.client.get("/log/checking").text)
    _version, _key, command = re.findall(r"<pre[^>]*>(.*?)</pre>", page)
    receipt = buyer.client.get(at(dispute, 1))
    (tmp_path / "evenhand-verify.py").write_bytes(buyer.client.get("/log/verifier").data)
    name = re.search('filename="(.+)"', receipt.headers["Content-Disposition"])[1]
    (tmp_path / name).write_bytes(receipt.data)

    python, *asked = shlex.split(command.replace("0000-0000-0", dispute.number))
    ended = subprocess.run([sys.executable, *asked], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert python == "python3"
    assert (ended.returncode, "SOUND." in ended.stdout) == (0, True), ended.stdout + ended.stderr


@pytest.mark.one_database
def test_a_receipt_is_a_file_of_a_stated_name_that_nobody_keeps_for_others(house, dispute, buyer):
    seal_all(house)

    answer = buyer.client.get(at(dispute, 1))

    assert answer.headers["Content-Disposition"] == f'attachment; filename="evenhand-{dispute.number}-1.tlog-proof"'
    # As text, some programs would put two signs for each line feed, and the proof would fail.
    assert answer.mimetype == "application/octet-stream"
    assert (answer.headers["Cache-Control"], answer.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_an_entry_that_is_not_sealed_yet_says_so_and_has_its_receipt_after(house, dispute, buyer):
    waiting = buyer.client.get(at(dispute, 1))
    integrate(house)
    placed = buyer.client.get(at(dispute, 1))
    seal_all(house)

    for page in (waiting, placed):
        assert (page.status_code, page.headers["Retry-After"]) == (202, "2")
        assert "a few seconds" in page.text and f'href="{at(dispute, 1)}"' in page.text
    assert entry_in(buyer.client.get(at(dispute, 1)).data)["type"] == "dispute_filed"


@pytest.mark.one_database
def test_nobody_is_told_to_wait_for_a_log_that_has_stopped_or_is_damaged(house, dispute, buyer):
    seal_all(house)
    dispute.admitted()
    with house.engine.begin() as connection:
        stop(connection, house, Halt("forked", b"note"))

    sealed, waits = buyer.client.get(at(dispute, 1)), buyer.client.get(at(dispute, 2))

    assert (sealed.status_code, waits.status_code) == (200, 503)
    assert "signs nothing at present" in waits.text and "Try again" not in waits.text


@pytest.mark.one_database
def test_a_receipt_that_a_damaged_tree_cannot_prove_is_not_made_up(house, dispute, buyer):
    for _ in range(3):
        a_dispute(house)
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM leaf WHERE position = 3"))

    assert buyer.client.get(at(dispute, 1)).status_code == 503


# -- who gets it --------------------------------------------------------------------------------------------------


def test_every_entry_on_the_page_of_a_side_has_its_receipt_and_no_other(house, dispute, buyer, seller):
    dispute.in_negotiation().offer(dispute.seller, "20.00")
    dispute.act(procedure.send_message, dispute.buyer, text="Half of it?")
    seal_all(house)

    for reader in (buyer, seller):
        known = versions(reader, dispute)
        got = [version for version in range(12) if reader.client.get(at(dispute, version)).status_code == 200]

        assert got == known == list(range(1, known[-1] + 1))


@pytest.mark.one_database
def test_the_receipt_of_a_walled_entry_is_not_had_by_the_mediator(app, house, dispute, buyer):
    mediator_id = a_mediator(house, "The")
    with house.engine.connect() as connection:
        mediator = Reader(app, account_by_email(connection, "the@mediators.example").id)
    dispute.in_negotiation().offer(dispute.seller, "31.07")
    dispute.act(procedure.send_message, dispute.buyer, text="Half of it?")
    dispute.in_mediation(mediator_id)
    seal_all(house)
    last = versions(buyer, dispute)[-1]

    own = {version: buyer.client.get(at(dispute, version)) for version in range(1, last + 1)}
    theirs = {version: mediator.client.get(at(dispute, version)) for version in own}
    walled = [version for version, answer in own.items() if not may_know("mediator", entry_in(answer.data)["class"])]

    assert len(walled) == 2
    for version, answer in theirs.items():
        assert answer.status_code == (404 if version in walled else 200), version
        assert version in walled or answer.data == own[version].data
    assert [version for version in own if version not in walled] == versions(mediator, dispute)


@pytest.mark.one_database
def test_a_registrar_has_the_receipts_of_a_registrars_acts_and_not_of_the_merits(house, dispute, registrar):
    dispute.in_negotiation().offer(dispute.seller, "31.07").accepted(dispute.buyer).opened_to(registrar.account_id)
    seal_all(house)

    answers = {version: registrar.client.get(at(dispute, version)) for version in range(1, dispute.state.version + 1)}
    had = [entry_in(answer.data)["type"] for answer in answers.values() if answer.status_code == 200]

    assert had == ["filing_admitted"]
    assert {answer.status_code for answer in answers.values()} == {200, 404}
    links = re.findall(r'href="([^"]+/receipt)"', registrar.client.get(f"/disputes/{dispute.number}").text)
    assert links == [at(dispute, version) for version, answer in answers.items() if answer.status_code == 200]


@pytest.mark.one_database
def test_a_foreign_receipt_and_a_missing_one_look_the_same(app, house, dispute, buyer, stranger):
    other = a_dispute(house)
    seal_all(house)

    def seen(reader: Reader, path: str, *names: str) -> str:
        answer = reader.client.get(path)
        assert answer.status_code == 404
        page = re.sub(r'value="[^"]{40,}"', "", answer.text)
        for name in names:
            page = page.replace(name, "")
        return page

    nowhere = new_number()
    pages = {
        seen(buyer, at(other, 1), other.number, "entries/1/"),
        seen(buyer, at(dispute, 7), dispute.number, "entries/7/"),
        seen(buyer, at(dispute, 0), dispute.number, "entries/0/"),
        seen(buyer, f"/disputes/{nowhere}/entries/1/receipt", nowhere, "entries/1/"),
    }
    assert len(pages) == 1
    assert stranger.client.get(at(dispute, 1)).status_code == 404


@pytest.mark.one_database
def test_the_seller_has_no_receipt_before_the_filing_is_admitted(house, dispute, seller):
    seal_all(house)
    before = seller.client.get(at(dispute, 1)).status_code
    dispute.admitted()

    assert (before, seller.client.get(at(dispute, 1)).status_code) == (404, 200)


# -- where it is offered ------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_the_docket_offers_the_receipt_of_what_is_sealed_and_says_what_waits(house, dispute, buyer):
    dispute.admitted()
    seal_all(house)
    dispute.contested()

    page = buyer.client.get(f"/disputes/{dispute.number}").text
    lines = dict(zip(map(int, ENTRY.findall(page)), ENTRY.split(page)[2::2], strict=True))

    for version, line in lines.items():
        sealed = version <= 2
        assert ("sealed in checkpoint 1" in line) is sealed
        assert (f'href="{at(dispute, version)}"' in line) is sealed
        assert sealed or "Recorded, not yet sealed." in line


@pytest.mark.one_database
def test_after_an_act_its_own_receipt_is_offered_once(house, dispute, buyer):
    dispute.admitted().contested()
    page = f"/disputes/{dispute.number}"

    buyer.send(f"{page}/messages", {"text": "Where is it?"}, form_at=page)
    after = buyer.client.get(page).text
    seal_all(house)

    (href,) = OFFERED.findall(after)
    assert after.index("Your message is sent.") < after.index(href)
    assert entry_in(buyer.client.get(href).data)["type"] == "message_sent"
    assert OFFERED.findall(buyer.client.get(page).text) == []


@pytest.mark.one_database
def test_an_act_that_is_refused_offers_no_receipt(house, dispute, buyer):
    dispute.admitted().contested()
    page = f"/disputes/{dispute.number}"

    refused = buyer.send(f"{page}/messages", {"text": " "}, form_at=page)

    assert refused.status_code == 409
    assert OFFERED.findall(refused.text + buyer.client.get(page).text) == []
