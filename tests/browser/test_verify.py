"""A receipt and a case file, checked in the browser of whoever holds them, by a page that sends nothing."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page

from odr.casefile import publication, queries
from odr.database import one_moment
from odr.disputes.queries import Seat
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_pseudonym
from odr.log import offline
from odr.log.integrator import seal_all
from odr.log.note import vkey
from odr.log.publication import receipt_of
from odr.mediation.service import Admission, admit_mediator
from tests.builders import ADispute, a_dispute

pytestmark = [pytest.mark.browser]

IN_BROWSER = """async ([files, keys, history]) => {
  const { verifyFile } = await import("/static/js/verify/verify.js");
  const unpack = ([name, text]) => new File([Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))], name);
  const told = [];
  for (const file of files.map(unpack)) {
    const report = await verifyFile(file, { keys, history: history && unpack(history) });
    told.push({ verdict: report.verdict, findings: report.findings, seen: report.seen });
  }
  return told;
}"""


@dataclass(frozen=True, slots=True)
class Told:
    """What a verifier says of a file: its verdict and the codes of its findings."""

    verdict: str
    codes: tuple[str, ...]


def in_browser(page: Page, files: list[bytes], key: str, *, name: str = "file", history: bytes | None = None) -> Any:
    """What the modules of the page say of these files."""
    given = [[name, base64.b64encode(each).decode()] for each in files]
    past = ["history", base64.b64encode(history).decode()] if history is not None else None
    return page.evaluate(IN_BROWSER, [given, key, past])


def told_in_browser(page: Page, files: list[bytes], key: str, **how: Any) -> list[Told]:
    return [_told(each) for each in in_browser(page, files, key, **how)]


def told_offline(mode: str, folder: Path, files: list[bytes], key: str) -> list[Told]:
    """What the verifier that runs without a browser says of them."""
    told = []
    file = folder / "file"
    for each in files:
        file.write_bytes(each)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            offline.main([mode, str(file), "--key", key, "--json"])
        told.append(_told(json.loads(said.getvalue())))
    return told


def _told(said: dict[str, Any]) -> Told:
    return Told(said["verdict"], tuple(sorted(each["code"] for each in said["findings"])))


# -- receipts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(page: Page, address: str) -> Page:
    """The page, open, with its modules at hand."""
    page.goto(f"{address}/log/verify")
    return page


@pytest.fixture
def receipts(house: House) -> list[bytes]:
    """All receipts of a dispute in a real house."""
    dispute = a_dispute(house).in_negotiation()
    dispute.offer(dispute.seller, "24.45").offer(dispute.buyer, "48.90")
    seal_all(house)
    with house.engine.connect() as connection:
        held = [receipt_of(connection, f"dispute/{dispute.id}", version) for version in range(1, 7)]
    return [each for each in held if each]


def key_of(house: House) -> str:
    return vkey(house.origin, house.keys.public_key)


def test_every_receipt_of_a_real_house_is_sound(bench: Page, house: House, receipts: list[bytes]):
    said = in_browser(bench, receipts, key_of(house))

    assert [each["verdict"] for each in said] == ["sound"] * len(receipts)
    assert [each["seen"]["ver"] for each in said] == list(range(1, len(receipts) + 1))
    assert said[0]["seen"]["type"] == "dispute_filed"


def test_the_browser_sees_the_same_in_a_receipt_as_the_verifier_for_everybody(
    bench: Page, house: House, receipts: list[bytes], tmp_path: Path
):
    file = tmp_path / "a.tlog-proof"
    file.write_bytes(receipts[-1])
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        offline.main(["receipt", str(file), "--key", key_of(house), "--json"])
    offline_saw = json.loads(said.getvalue())["seen"]

    saw = in_browser(bench, [receipts[-1]], key_of(house))[0]["seen"]

    assert {name: saw[name] for name in offline_saw if name in saw} == {
        name: offline_saw[name] for name in offline_saw if name in saw
    }
    assert {"idx", "size", "root", "leaf", "stream", "ver", "type", "at", "data"} <= saw.keys()


def test_mutated_receipts_are_judged_alike(bench: Page, house: House, receipts: list[bytes], tmp_path: Path):
    """§4 cases 1, 15, 33, 39 to 42 and 47, as they befall a receipt: anything may happen to any byte."""
    chance = random.Random(20260302)
    mutated = [mutation(chance, chance.choice(receipts), receipts) for _ in range(400)]

    alike = zip(
        told_in_browser(bench, mutated, key_of(house)),
        told_offline("receipt", tmp_path, mutated, key_of(house)),
        mutated,
        strict=True,
    )

    assert [(here, there, raw) for here, there, raw in alike if here != there] == []


def mutation(chance: random.Random, raw: bytes, others: list[bytes]) -> bytes:
    """These bytes with something done to them that somebody hostile, or a bad wire, might do."""
    place = chance.randrange(len(raw))
    other = chance.choice(others)
    lines, theirs = raw.split(b"\n"), other.split(b"\n")
    number = chance.randrange(len(lines))
    match chance.randrange(9):
        case 0:
            return raw[:place] + bytes([chance.randrange(256)]) + raw[place + 1 :]
        case 1:
            return raw[:place] + raw[place + 1 :]
        case 2:
            return raw[:place] + bytes([chance.choice(b"\x00\r\n\xff\xe2 A=+")]) + raw[place:]
        case 3:
            return raw[:place]
        case 4:
            return b"\n".join([*lines[:number], *lines[number + 1 :]])
        case 5:
            return b"\n".join([*lines[:number], theirs[min(number, len(theirs) - 1)], *lines[number + 1 :]])
        case 6:
            return b"\n".join([*lines[:number], lines[number], *lines[number:]])
        case 7:
            return raw.replace(b"index ", b"index " + chance.choice([b"0", b"-", b"1", b" "]), 1)
        case _:
            return raw + chance.choice([b"\n", b"x", other])


@pytest.mark.parametrize(
    ("spoilt", "rule"),
    [
        (b'{"a":1,"a":1}', "not_canonical"),
        (b'{"a":1.0}', "not_canonical"),
        (b'{"a":0.5}', "float"),
        (b'{"a":-0}', "not_canonical"),
        (b'{"a":9007199254740992}', "integer_too_large"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\xed\xa0\x80"}', "not_utf8"),
        (b'\xef\xbb\xbf{"a":1}', "bom"),
        (b'{"a":NaN}', "not_json"),
        (b'{"b":1,"a":1}', "not_canonical"),
        (b'{"a":"\\u007f"}', "not_canonical"),
        (b'{"\xc3\xa9":1}', "bad_key"),
        (b'{"__proto__":{"v":1}}', "unknown_field"),
        (b"[" * 20_000 + b"]" * 20_000, "not_object"),
        (b'{"a":' + b"[" * 16 + b"]" * 16 + b"}", "too_deep"),
        (b"{}", "missing_field"),
    ],
)
def test_an_entry_in_another_spelling_is_refused(bench: Page, spoilt: bytes, rule: str):
    """§4 case 15."""
    refused = bench.evaluate(
        """async (text) => {
          const { entryIn } = await import("/static/js/verify/entry.js");
          const raw = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
          try { entryIn(raw); } catch (refusal) { return refusal.code; }
        }""",
        base64.b64encode(spoilt).decode(),
    )

    assert refused == rule


# -- case files ---------------------------------------------------------------------------------------------------


@pytest.fixture
def dispute(house: House) -> ADispute:
    """A dispute with words and files on both sides, an offer behind the wall and a decision, all of it sealed."""
    mediator = admit_mediator(house, "m@example.org", "The mediator", Admission(languages=("en",)))
    dispute = a_dispute(house).admitted()
    for actor, name, content in (
        (dispute.buyer, "tracking.txt", b"left origin country\n" * 500),
        (dispute.seller, "photo.png", picture()),
    ):
        given = {"arriving": io.BytesIO(content), "name": name, "about": "The parcel."}
        take_in(house, dispute.id, actor, key=new_pseudonym(), **given)
    dispute.in_negotiation().offer(dispute.seller, "24.45")
    dispute.drawn(mediator).in_decision().decided()
    seal_all(house)
    return dispute


def picture() -> bytes:
    held = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(held, "PNG")
    return held.getvalue()


def case_file(house: House, dispute: ADispute, role: str) -> bytes:
    """The case file that whoever has this role in the dispute is handed."""
    seat = Seat(dispute.id, dispute.number, getattr(dispute, role))
    with one_moment(house.engine) as connection:
        contents = queries.contents_of(connection, house, seat)
    paths = publication.sound_files(house, contents)
    return b"".join(publication.bytes_of(house, contents, paths, b"<!doctype html><title>The dispute</title>"))


def test_the_case_file_of_each_reader_is_sound(bench: Page, house: House, dispute: ADispute):
    files = [case_file(house, dispute, role) for role in ("buyer", "seller", "mediator")]

    said = in_browser(bench, files, key_of(house), name="case.zip")

    assert [(each["verdict"], each["findings"]) for each in said] == [("sound", [])] * 3
