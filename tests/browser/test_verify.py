"""A receipt and a case file, checked in the browser of whoever holds them, by a page that sends nothing."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from odr.erasure import service as erasure
from odr.evidence.service import take_in
from odr.house import House
from odr.kernel import new_pseudonym
from odr.log import offline
from odr.log.integrator import seal_all
from odr.log.note import vkey
from odr.log.publication import receipt_of
from odr.log.rotation import add_key, retire_key
from odr.mediation.service import Admission, admit_mediator
from odr.web.sentences import sentence
from tests.browser.readers import Kind, Reader
from tests.browser.test_accessibility import beyond_the_edge, findings
from tests.builders import ADispute, a_dispute
from tests.casefile.archives import made
from tests.conftest import CHECKOUT, FrozenClock
from tests.erasure.conftest import settled
from tests.log import books, consents

pytestmark = [pytest.mark.browser]

STREAM = books.STREAMS[0]
FILE = b"left origin country\n" * 40
Members = dict[str, bytes]

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
    return [_told(said_offline(mode, folder, each, key)) for each in files]


def said_offline(mode: str, folder: Path, raw: bytes, key: str, *more: str) -> dict[str, Any]:
    file = folder / "file"
    file.write_bytes(raw)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        offline.main([mode, str(file), "--key", key, *more, "--json"])
    return json.loads(said.getvalue())


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
    offline_saw = said_offline("receipt", tmp_path, receipts[-1], key_of(house))["seen"]

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


def test_the_case_file_of_each_reader_is_sound(bench: Page, app: Flask, house: House, dispute: ADispute):
    files = [made(app, house, dispute, role) for role in ("buyer", "seller", "mediator")]

    said = in_browser(bench, files, key_of(house), name="case.zip")

    assert [(each["verdict"], each["findings"]) for each in said] == [("sound", [])] * 3


def test_the_browser_counts_in_a_case_file_what_the_verifier_for_everybody_counts(
    bench: Page, app: Flask, house: House, dispute: ADispute, tmp_path: Path
):
    raw = made(app, house, dispute, "mediator")
    there = said_offline("case", tmp_path, raw, key_of(house))["seen"]

    here = in_browser(bench, [raw], key_of(house), name="case.zip")[0]["seen"]

    assert here["hidden"] == len(there["hidden"]) > 0
    assert [each["ver"] for each in here["entries"]] == there["entries"]
    assert len(here["files"]) == there["files"] == 2
    assert {name: here[name] for name in ("stream", "reader", "size", "root", "opened", "withheld")} == {
        name: there[name] for name in ("stream", "reader", "size", "root", "opened", "withheld")
    }


def a_case() -> books.Book:
    """A dispute with all that can lie in a case file, and others between its entries."""
    book = books.Book()
    stored = json.dumps({"object": "x", "sha256": hashlib.sha256(FILE).hexdigest(), "size": len(FILE)}).encode()
    for number in range(12):
        book.write(books.STREAMS[number % 3], payload=b"word %d" % number)
    book.write(STREAM, words={"file": stored, "note": b"A photo"})
    book.write(STREAM, words={"text": b"Forget this."})
    book.write(STREAM, type="erasure_ordered", data={"ground": "asked", "targets": [{"ver": 6, "names": ["text"]}]})
    book.write(STREAM, type="words_erased", role="system", data={"ordered": 7})
    book.write(STREAM, type="hold_placed", role="registrar", data={"ground": "authority"})
    book.write(STREAM, type="hold_lifted", role="registrar", data={"hold": 9})
    return book


def members_of(book: books.Book) -> Members:
    """The case file of its buyer, who does not have the second entry, nor the words of the third."""
    files = {"files/000005.txt": FILE}
    return book.case(STREAM, hidden=(2,), withheld=[(3, "message")], erased=[(6, "text")], files=files)


def closed(members: Members, **said: Any) -> bytes:
    """The archive, its list signed by the house: by a house that lies, where its members do."""
    return books.zipped(books.with_manifest(members, **said))


def without(path: str) -> Callable[[Members], Members]:
    return lambda members: {name: raw for name, raw in members.items() if name != path}


def changed(path: str, old: bytes, new: bytes) -> Callable[[Members], Members]:
    return lambda members: {name: raw.replace(old, new) if name == path else raw for name, raw in members.items()}


def swapped(one: str, other: str) -> Callable[[Members], Members]:
    return lambda members: {**members, one: members[other], other: members[one]}


LIES: dict[str, tuple[str, Callable[[Members], Members]]] = {
    "§4 case 60: an entry in the middle is gone": ("stream_gap", without("entries/000004.tlog-proof")),
    "§4 case 60: the hidden entry is gone": ("stream_gap", without("hidden.jsonl")),
    "§4 case 30: the file is gone": ("file_missing", without("files/000005.txt")),
    "§4 case 30: the file is another one": ("file_differs", changed("files/000005.txt", b"left", b"lost")),
    "§4 case 30: the file is cut short": ("file_differs", changed("files/000005.txt", b" country", b"")),
    "§4 case 26: words are gone": ("words_missing", without("openings.jsonl")),
    "§4 case 26: withheld words are not said to be": ("words_missing", without("withheld.jsonl")),
    "§4 case 22: words are others": ("opening_differs", changed("openings.jsonl", b"word 9", b"word 8")),
    "§4 case 23: a salt is another one": ("opening_differs", changed("openings.jsonl", b"000102", b"000103")),
    "§4 case 31: a salt is shorter": ("opening_differs", changed("openings.jsonl", b'"salt":"0001', b'"salt":"01')),
    "§4 case 25: words are moved to another entry": (
        "opening_unknown",
        changed("openings.jsonl", b'"name":"note"', b'"name":"noted"'),
    ),
    "§4 case 6: two receipts change places": (
        "entry_misplaced",
        swapped("entries/000003.tlog-proof", "entries/000004.tlog-proof"),
    ),
    "§4 case 48: a hidden leaf is another one": (
        "entry_not_proven",
        changed("hidden.jsonl", b'"index":3', b'"index":4'),
    ),
    "a hidden line is spelled otherwise": ("hidden_malformed", changed("hidden.jsonl", b'"ver":2', b'"ver": 2')),
    "a hidden line says more": ("hidden_malformed", changed("hidden.jsonl", b'"ver":2', b'"ver":2,"x":1')),
    "words are withheld that nobody wrote": ("withheld_malformed", changed("withheld.jsonl", b"message", b"massage")),
    "a line of words is none": ("openings_malformed", changed("openings.jsonl", b"{", b"")),
    "there is no checkpoint": ("checkpoint_missing", without("checkpoint")),
    "§4 case 39: the checkpoint is of another log": (
        "checkpoint_malformed",
        changed("checkpoint", books.ORIGIN.encode() + b"\n", b"evenhand/" + b"9" * 32 + b"\n"),
    ),
    "§4 case 40: the checkpoint says more": ("checkpoint_malformed", changed("checkpoint", b"=\n\n", b"=\nmore\n\n")),
}


def test_whatever_a_house_lies_in_a_case_file_is_named_alike(bench: Page, tmp_path: Path):
    """§4 cases 6, 22, 23, 25, 26, 30, 31, 39, 40, 48 and 60, although the list is signed by the house."""
    members = members_of(a_case())
    # The size in the list is that of the true checkpoint, also where there is none, or a false one.
    files = [closed(lie(members), size=18) for _code, lie in LIES.values()]

    here = told_in_browser(bench, files, books.vkey(), name="case.zip")

    assert {name: code in told.codes for (name, (code, _lie)), told in zip(LIES.items(), here, strict=True)} == (
        dict.fromkeys(LIES, True)
    )
    assert dict(zip(LIES, here, strict=True)) == dict(
        zip(LIES, told_offline("case", tmp_path, files, books.vkey()), strict=True)
    )


def test_what_was_erased_is_told_with_the_entry_that_records_it(bench: Page, tmp_path: Path):
    members = members_of(a_case())

    said = in_browser(bench, [closed(members)], books.vkey(), name="case.zip")[0]

    assert said["verdict"] == "sound"
    assert said["seen"]["erased"] == [{"ver": 6, "name": "text", "recorded": 8}]
    assert said["seen"]["files"] == [{"path": "files/000005.txt", "ver": 5, "size": len(FILE), "copy": False}]
    assert told_offline("case", tmp_path, [closed(members)], books.vkey()) == [Told("sound", ())]


def test_after_an_erasure_in_a_real_house_everything_still_fits(
    bench: Page, app: Flask, house: House, clock: FrozenClock, tmp_path: Path
):
    dispute = settled(house)
    before = made(app, house, dispute, "seller")
    clock.advance(days=60)
    erasure.order(house, dispute.id, dispute.buyer, key=new_pseudonym())
    erasure.carry_out(house, dispute.id)
    seal_all(house)
    after = made(app, house, dispute, "seller")

    kept, fresh = in_browser(bench, [before, after], key_of(house), name="case.zip")

    assert kept["verdict"] == fresh["verdict"] == "sound"
    assert kept["seen"]["erased"] == []
    recorded = fresh["seen"]["entries"][-1]
    assert recorded["type"] == "words_erased"
    assert {each["recorded"] for each in fresh["seen"]["erased"]} == {recorded["ver"]}
    assert len(fresh["seen"]["erased"]) == kept["seen"]["opened"] - fresh["seen"]["opened"] > 0
    assert told_offline("case", tmp_path, [before, after], key_of(house)) == [Told("sound", ())] * 2


STRANGE: dict[str, bytes] = {
    "§4 case 61: a way out of the folder": books.zipped({"../../etc/passwd": b"x"}),
    "§4 case 61: a link": books.zipped(
        {"index.html": b"/etc/passwd"}, change=lambda info: setattr(info, "external_attr", 0o120777 << 16)
    ),
    "§4 case 61: a folder": books.zipped(
        {"index.html": b"x"}, change=lambda info: setattr(info, "external_attr", 0x10)
    ),
    "§4 case 61: stored, and its length behind it": books.zipped({"index.html": b"x"}, method=zipfile.ZIP_STORED),
    "§4 case 61: something else in it": books.zipped({"index.html": b"x", "virus.exe": b"x"}),
    "a comment": books.zipped({"index.html": b"x"}, change=lambda info: setattr(info, "comment", b"x")),
    "an extra field": books.zipped({"index.html": b"x"}, change=lambda info: setattr(info, "extra", b"\1\2\0\0")),
    "packed in another way": books.zipped({"index.html": b"x"}, method=zipfile.ZIP_BZIP2),
    "in another order": books.zipped({"manifest": b"x", "index.html": b"x"}),
    "something behind it": books.zipped({"index.html": b"x"}) + b"x",
    "something before it": b"PK\3\4" + books.zipped({"index.html": b"x"}),
    "nothing in it": books.zipped({}),
    "cut off": books.zipped({"index.html": b"x" * 1_000})[:-10],
    "no archive": b"Rar!\x1a\x07",
}


def test_a_strange_archive_is_turned_away_alike(bench: Page, tmp_path: Path):
    here = told_in_browser(bench, list(STRANGE.values()), books.vkey(), name="case.zip")
    there = told_offline("case", tmp_path, list(STRANGE.values()), books.vkey())

    assert dict(zip(STRANGE, here, strict=True)) == dict(zip(STRANGE, there, strict=True))
    assert {each.verdict for each in here} == {"tampered", "cannot_tell"}


def test_a_bomb_is_not_unpacked(bench: Page):
    """§4 case 61: what an archive says of its length is all that is ever unpacked of it, and too much is too much."""
    huge = books.zipped({"index.html": b"\0" * 5_000_000}, travelling=False)
    small, large = (5_000_000).to_bytes(4, "little"), (4_000_000_000).to_bytes(4, "little")
    listed = books.with_manifest({**members_of(a_case()), "index.html": b"\0" * 5})
    liar = books.zipped({**listed, "index.html": b"\0" * 5_000_000}).replace(small, (5).to_bytes(4, "little"))

    here = told_in_browser(bench, [huge.replace(small, large), liar], books.vkey(), name="case.zip")

    assert here == [Told("cannot_tell", ("too_large_here",)), Told("tampered", ("archive_malformed",))]


def test_mutated_case_files_are_judged_alike(bench: Page, tmp_path: Path):
    """§4 case 60: a byte anywhere in the archive is another one, is gone, or is one too many."""
    chance = random.Random(20260303)
    sound = closed(members_of(a_case()))
    mutated = [one_byte(chance, sound) for _ in range(300)]

    alike = zip(
        told_in_browser(bench, mutated, books.vkey(), name="case.zip"),
        told_offline("case", tmp_path, mutated, books.vkey()),
        mutated,
        strict=True,
    )

    assert [(here, there) for here, there, _raw in alike if here != there] == []


def test_stories_of_holds_and_erasures_are_judged_alike(bench: Page, tmp_path: Path):
    """§4 cases 26, 28, 29 and 52: words are held, ordered erased and erased by whoever may or may not, in any order."""
    chance = random.Random(20260304)
    files = [a_story(chance) for _ in range(80)]

    here = told_in_browser(bench, files, books.vkey(), name="case.zip")
    there = told_offline("case", tmp_path, files, books.vkey())

    assert [(one, other) for one, other in zip(here, there, strict=True) if one != other] == []
    assert {code for one in here for code in one.codes} >= {
        "hold_malformed", "erasure_malformed", "erasure_under_hold", "erasure_without_order", "erasure_without_right",
        "stream_time_goes_back", "words_missing",
    }  # fmt: skip


def a_story(chance: random.Random) -> bytes:
    """A case file of a stream in which such entries follow each other as chance will have it."""
    book, length = books.Book(), chance.randrange(3, 12)
    for _ in range(length):
        before = chance.choice([chance.randrange(length), chance.randrange(length), "x"])
        kind, told = chance.choice(
            [
                ("offer_made", {}),
                ("offer_made", {}),
                ("hold_placed", {}),
                ("hold_lifted", {"hold": before}),
                ("erasure_ordered", {"targets": [{"ver": before, "names": chance.choice([["message"], ["x"], []])}]}),
                ("erasure_ordered", {"targets": [{"ver": 1, "names": ["message"]}]}),
                ("words_erased", {"ordered": before}),
            ]
        )
        said = {
            "role": chance.choice(["buyer", "registrar", "system"]),
            "actor": chance.choice([books.BUYER, "1" * 32]),
        }
        at = chance.choice([None, None, None, 1_772_441_999_999])
        book.write(STREAM, payload=b"words" if kind == "offer_made" else None, type=kind, data=told, at=at, **said)
    spoken = [(version, "message") for version in range(1, length + 1) if book.words[STREAM, version]]
    hidden = [version for version in range(1, length + 1) if chance.random() < 0.15]
    withheld, erased = (
        [each for each in spoken if each[0] not in hidden and chance.random() < share] for share in (0.2, 0.4)
    )
    return closed(book.case(STREAM, hidden=hidden, withheld=withheld, erased=erased))


def one_byte(chance: random.Random, raw: bytes) -> bytes:
    place = chance.randrange(len(raw))
    other = bytes([chance.randrange(256)])
    return raw[:place] + chance.choice([other, b"", raw[place : place + 1] + other]) + raw[place + 1 :]


# -- keys, signatures and witnesses -------------------------------------------------------------------------------


def test_a_history_leads_from_an_old_key_to_the_one_that_signed(bench: Page, tmp_path: Path):
    """§4 cases 36 and 37: a key that nobody led to is not trusted, and a retired one not beyond its time."""
    book, log = books.Book(), f"log/{books.ORIGIN}"
    book.write(log, type="log_founded", role="system", data={"key": books.vkey(1)})
    book.write(STREAM)
    book.write(log, type="key_added", role="system", data={"key": books.vkey(2)})
    book.write(STREAM)
    book.write(log, type="key_retired", role="system", data={"key": books.vkey(1)})
    book.write(STREAM)
    history = b"".join(
        book.receipt(index, size, note=book.note(size, seed=seed))
        for index, size, seed in ((0, 1, 1), (2, 3, 1), (4, 5, 2))
    )
    new = book.receipt(5, note=book.note(seed=2))
    late = book.receipt(5, note=book.note(seed=1))
    (tmp_path / "history").write_bytes(history)

    def there(raw: bytes, *more: str) -> Told:
        return _told(said_offline("receipt", tmp_path, raw, books.vkey(1), *more))

    unled = told_in_browser(bench, [new], books.vkey(1))
    led = told_in_browser(bench, [new, late], books.vkey(1), history=history)

    assert unled == [there(new)] == [Told("cannot_tell", ("checkpoint_not_signed",))]
    assert led == [there(each, "--history", str(tmp_path / "history")) for each in (new, late)]
    assert led == [Told("sound", ()), Told("cannot_tell", ("checkpoint_not_signed",))]


def test_a_key_is_brought_in_and_retired_once(bench: Page):
    """§4 case 37: a second entry that retires a key gives it no more time, and one that brings it in again none."""
    book, log = books.Book(), f"log/{books.ORIGIN}"
    for type_, seed in (("log_founded", 1), ("key_added", 2), ("key_retired", 1)):
        book.write(log, type=type_, role="system", data={"key": books.vkey(seed)})
    book.write(STREAM)
    late = book.receipt(3, note=book.note(seed=1))
    book.write(log, type="key_added", role="system", data={"key": books.vkey(1)})
    book.write(log, type="key_retired", role="system", data={"key": books.vkey(1)})
    history = b"".join(book.receipt(index, note=book.note(seed=2)) for index in (0, 1, 2, 4, 5))

    told = told_in_browser(bench, [late], books.vkey(2), history=history)

    assert told == [Told("cannot_tell", ("checkpoint_not_signed",))]


def test_entries_from_before_a_log_was_founded_anew_are_known_by_its_history(bench: Page, tmp_path: Path):
    """Section 18: what was left of an older log bears the older origin, and nothing later does."""
    book, log = books.Book(origin="evenhand/" + "0" * 32), f"log/{books.ORIGIN}"
    book.write(STREAM)
    left, book.origin = book.root(), books.ORIGIN
    continues = {"log": "evenhand/" + "0" * 32, "kept": 1, "root": left.hex(), "size": 2, "note": "", "code": "older"}
    book.write(log, type="log_founded", role="system", data={"key": books.vkey(1), "continues": continues})
    book.write(STREAM)
    receipts, history = [book.receipt(0), book.receipt(2)], book.receipt(1)
    (tmp_path / "history").write_bytes(history)
    whole = closed(book.case(STREAM, history=history))

    unled, led = (told_in_browser(bench, receipts, books.vkey(), history=each) for each in (None, history))

    assert unled == told_offline("receipt", tmp_path, receipts, books.vkey())
    assert unled == [Told("cannot_tell", ("founding_unknown",)), Told("sound", ())]
    more = ("--history", str(tmp_path / "history"))
    assert led == [_told(said_offline("receipt", tmp_path, each, books.vkey(), *more)) for each in receipts]
    assert led == [Told("sound", ())] * 2
    assert told_in_browser(bench, [whole], books.vkey(), name="case.zip") == [Told("sound", ())]
    assert told_offline("case", tmp_path, [whole], books.vkey()) == [Told("sound", ())]


def test_a_broken_history_is_named(bench: Page):
    book, log = books.Book(), f"log/{books.ORIGIN}"
    book.write(log, type="log_founded", role="system", data={"key": books.vkey(1)})
    book.write(STREAM)
    other = books.Book()
    other.write(log, type="log_founded", role="system", data={"key": books.vkey(3)})
    raw, receipt = book.receipt(0), book.receipt(1)

    told = [
        told_in_browser(bench, [receipt], books.vkey(), history=history)[0]
        for history in (raw + other.receipt(0), raw[10:], raw + book.receipt(1), raw.replace(b"index 0", b"index 1"))
    ]

    assert told == [
        Told("tampered", ("history_forked",)),
        Told("tampered", ("history_malformed",)),
        Told("tampered", ("history_malformed",)),
        Told("tampered", ("history_malformed",)),
    ]


def test_a_witness_counts_by_its_own_key_only(bench: Page, tmp_path: Path):
    """§4 cases 43 and 50."""
    book = books.a_book(9)
    at = 1_772_442_000
    seen, falsely = (books.cosigned(book.note(), 7, at, text=text) for text in (None, b"something else\n"))
    asked = f"log {books.vkey()}\nwitness w {books.witness(7)}\nquorum w\n"
    unasked = f"log {books.vkey()}\nwitness w {books.witness(7)}\nquorum none\n"
    twice = f"log {books.vkey()}\nwitness a {books.witness(7)}\nwitness b {books.witness(7)}\nquorum a\n"
    beyond = books.cosigned(book.note(), 7, 2**63)
    plain, with_witness, forged, late = (book.receipt(3, note=note) for note in (book.note(), seen, falsely, beyond))

    said = in_browser(bench, [with_witness], asked)[0]

    assert said["verdict"] == "sound"
    assert said["seen"]["signers"][1] == {"name": "witness.example", "kind": "witness", "at": at}
    assert told_in_browser(bench, [plain, forged, late], asked) == [
        Told("cannot_tell", ("quorum_missing",)),
        Told("tampered", ("checkpoint_malformed",)),
        Told("tampered", ("checkpoint_malformed",)),
    ]
    assert told_in_browser(bench, [plain], unasked) == [Told("sound", ())]
    assert told_in_browser(bench, [with_witness, forged], books.vkey()) == [Told("sound", ())] * 2
    assert in_browser(bench, [forged], books.vkey())[0]["seen"]["others"] == ["witness.example"]
    assert told_in_browser(bench, [plain], twice) == [Told("cannot_tell", ("key_malformed",))]


@pytest.mark.parametrize("pasted", ["", "nonsense", books.vkey()[:-1], books.witness(7), "quorum w"])
def test_a_key_that_is_none_is_said_to_be_none(bench: Page, pasted: str):
    assert told_in_browser(bench, [books.a_book(3).receipt(0)], pasted) == [Told("cannot_tell", ("key_malformed",))]


HOLDS = """async (cases) => {
  const { signatureHolds } = await import("/static/js/verify/ed25519.js");
  const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  const held = [];
  for (const each of cases) held.push(await signatureHolds(...each.map(bytes)));
  return held;
}"""


def test_signatures_hold_as_strictly_as_outside_of_a_browser(bench: Page):
    """§4 case 42: S beyond the order, points in another spelling, and points of small order, as key and as R."""
    private = books.key(5)
    key, message = private.public_key().public_bytes_raw(), b"a message"
    signature = private.sign(message)
    scalar = int.from_bytes(signature[32:], "little") + offline.ORDER
    small = [point.to_bytes(32, "little") for y in SMALL_ORDER for point in (y, y + 2**255) if y < 2**255]
    cases = [
        (key, message, signature),
        (key, message, signature[:32] + scalar.to_bytes(32, "little")),
        (key, message + b"!", signature),
        (key, message, signature[:-1]),
        (key[:-1], message, signature),
        (b"\2" + b"\0" * 31, message, signature),
        *((point, message, point + b"\0" * 32) for point in small),
        *((point, message, signature) for point in small),
        *((key, message, point + signature[32:]) for point in small),
    ]

    held = bench.evaluate(HOLDS, [[part.hex() for part in case] for case in cases])

    assert held == [offline.signature_holds(*case) for case in cases] == [True] + [False] * (len(cases) - 1)


EIGHTH = 2707385501144840649318225287225658788936804267575313519463743609750303402022
# The second coordinates of the points whose order divides 8, and the other spellings that some of them have.
SMALL_ORDER = (0, 1, offline.P - 1, EIGHTH, offline.P - EIGHTH, offline.P, offline.P + 1)


def test_the_signatures_of_other_hands_hold_as_they_say(bench: Page, shared: Path):
    groups = json.loads((shared / "vectors/ed25519/wycheproof.json").read_text())["testGroups"]
    vectors = [(group["publicKey"]["pk"], case) for group in groups for case in group["tests"]]

    held = bench.evaluate(HOLDS, [[key, case["msg"], case["sig"]] for key, case in vectors])

    assert [one for one, (_key, case) in zip(held, vectors, strict=True) if one != (case["result"] == "valid")] == []


# -- the page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def faults(page: Page) -> list[str]:
    """What the console says, breaches of the content policy among it."""
    said: list[str] = []
    page.on("console", lambda each: said.append(each.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def put(page: Page, name: str, raw: bytes) -> None:
    """Choose a file and press the button."""
    page.get_by_label("The file", exact=True).set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": raw}
    )
    page.get_by_role("button", name="Check the file").click()


def accessible(page: Page) -> list[str]:
    """What is wrong with the page as it stands, on a telephone and at a desk, in the light and in the dark."""
    kind, faults = Kind(Reader("stranger"), "log.verify", "/log/verify"), []
    for width, theme in ((320, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme)
        faults += findings(kind, page) + [f"{width}: too wide"] * (beyond_the_edge(page) > 0)
    return faults


def test_a_reader_sees_one_clear_sentence_first(
    page: Page, address: str, app: Flask, house: House, dispute: ADispute, receipts: list[bytes], faults: list[str]
):
    page.goto(f"{address}/log/verify")
    page.evaluate(Axe().axe_script)
    assert accessible(page) == []

    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Choose the file that you want to check.")).to_be_visible()
    expect(page.get_by_label("The file", exact=True)).to_be_focused()
    assert accessible(page) == []

    put(page, "a.tlog-proof", receipts[0])
    expect(page.get_by_role("heading", name="Sound: this entry is as it was signed")).to_be_focused()
    expect(page.locator("#result")).to_contain_text("The buyer filed the dispute.")
    expect(page.locator("#result")).to_contain_text("the house agrees with itself")
    assert accessible(page) == []

    put(page, "case.zip", made(app, house, dispute, "buyer"))
    expect(page.get_by_role("heading", name="Sound: this case file is as it was signed")).to_be_focused()
    expect(page.locator("#result li", has_text="The seller made offer 1.")).to_contain_text("Entry 9")
    assert accessible(page) == []

    put(page, "a.tlog-proof", receipts[0].replace(b"index ", b"index 1"))
    expect(page.get_by_role("heading", name="Tampered: this is not what was signed")).to_be_focused()
    expect(page.locator("#result")).to_contain_text("entry_not_proven")
    expect(page.locator("#result")).not_to_contain_text("The buyer filed the dispute.")
    assert accessible(page) == []

    page.get_by_label("The key of the log").fill(books.vkey())
    put(page, "a.tlog-proof", receipts[0])
    expect(page.get_by_role("heading", name="Cannot tell: the file could not be checked")).to_be_focused()
    expect(page.locator("#result")).to_contain_text("It was not signed with the key that you gave.")
    assert accessible(page) == []
    assert faults == []


def test_nothing_leaves_the_browser_once_the_page_is_there(
    page: Page, address: str, app: Flask, house: House, dispute: ADispute, receipts: list[bytes], faults: list[str]
):
    page.goto(f"{address}/log/verify")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)

    for name, raw, said in (
        ("case.zip", made(app, house, dispute, "seller"), "Sound: this case file"),
        ("a.tlog-proof", receipts[0], "Sound: this entry"),
        ("a.tlog-proof", receipts[0][:-9], "Tampered"),
    ):
        put(page, name, raw)
        expect(page.get_by_role("heading", name=said)).to_be_visible()

    assert asked == []
    assert faults == []


def test_the_page_forbids_its_own_scripts_to_speak_to_anybody(page: Page, address: str):
    answer = page.goto(f"{address}/log/verify")

    assert answer is not None
    assert "connect-src 'none'" in answer.headers["content-security-policy"]
    assert page.evaluate("fetch('/log/key').then(() => 'sent', () => 'not sent')") == "not sent"
    assert page.evaluate("[...document.querySelectorAll('#check [name]')].length") == 0


def test_every_finding_has_a_sentence_of_its_own(page: Page, address: str):
    page.goto(f"{address}/log/verify")
    said = page.evaluate(
        "[...document.getElementById('words').content.querySelectorAll('[data-say]')].map((each) => each.dataset.say)"
    )

    # What only befalls whole logs, files of a reader's own and addresses, a browser is never asked.
    elsewhere = {
        "bundle_malformed", "entries_missing", "entries_not_given", "entry_differs", "founding_differs", "log_forked",
        "log_shrank", "not_saved", "policy_malformed", "root_differs", "stale", "state_malformed", "tile_differs",
        "tile_missing", "unreachable",
    }  # fmt: skip
    assert sorted(set(offline.SENTENCES) - elsewhere - set(said)) == []


def test_an_entry_is_told_as_the_docket_tells_it(bench: Page):
    samples = [(each["type"], data) for each in map(json.loads, frozen_samples()) for data in each["samples"]]

    told = bench.evaluate(
        """async (samples) => {
          const { sentenceOf } = await import("/static/js/verify/sentences.js");
          const facts = document.getElementById("facts").content;
          return samples.map(([type, data]) => sentenceOf(facts, { type, data }));
        }""",
        samples,
    )

    assert told == [sentence(name, data) for name, data in samples]


def frozen_samples() -> list[str]:
    return [file.read_text("utf-8") for file in sorted((CHECKOUT / "tests/samples/events").glob("*.json"))]


def test_a_file_can_be_dropped_on_the_page(page: Page, address: str, receipts: list[bytes]):
    page.goto(f"{address}/log/verify")

    page.evaluate(
        """(text) => {
          const held = new DataTransfer();
          held.items.add(new File([Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0))], "a.tlog-proof"));
          document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: held, bubbles: true }));
        }""",
        base64.b64encode(receipts[0]).decode(),
    )

    expect(page.get_by_role("heading", name="Sound: this entry is as it was signed")).to_be_visible()


def test_the_keyboard_alone_is_enough(page: Page, address: str, receipts: list[bytes], tmp_path: Path):
    file = tmp_path / "a.tlog-proof"
    file.write_bytes(receipts[0])
    page.goto(f"{address}/log/verify")

    expect(page.get_by_label("The file", exact=True)).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_label("The file", exact=True).press("Enter")
    chooser.value.set_files(file)
    page.get_by_role("button", name="Check the file").press("Enter")

    expect(page.get_by_role("heading", name="Sound: this entry is as it was signed")).to_be_focused()


def test_without_script_the_page_says_how_else_to_check(chromium: Browser, address: str):
    context = chromium.new_context(base_url=address, java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto("/log/verify")

    expect(page.get_by_role("button", name="Check the file")).to_be_hidden()
    page.get_by_role("link", name="How to check a receipt at home", exact=True).click()

    expect(page).to_have_url(f"{address}/log/checking")
    expect(page.get_by_role("link", name="Check a receipt or a case file in your browser")).to_be_visible()
    context.close()


def test_a_browser_that_knows_no_such_signatures_says_so(page: Page, address: str, receipts: list[bytes]):
    page.add_init_script("crypto.subtle.importKey = () => Promise.reject(new DOMException('', 'NotSupportedError'));")
    page.goto(f"{address}/log/verify")

    put(page, "a.tlog-proof", receipts[0])

    expect(page.get_by_role("heading", name="Cannot tell: the file could not be checked")).to_be_focused()
    expect(page.locator("#result")).to_contain_text("This browser cannot check signatures.")


def test_a_file_too_large_for_a_browser_is_said_to_be_too_large(page: Page, address: str):
    page.goto(f"{address}/log/verify")

    told = page.evaluate(
        """async (keys) => {
          const { LARGEST_FILE, verifyFile } = await import("/static/js/verify/verify.js");
          const part = new Uint8Array(LARGEST_FILE / 16);
          const large = new File([...Array.from({ length: 16 }, () => part), part.subarray(0, 1)], "case.zip");
          return (await verifyFile(large, { keys })).findings.map(({ code }) => code);
        }""",
        books.vkey(),
    )

    assert told == ["too_large_here"]


def test_the_page_leads_an_older_key_to_the_one_that_signs_now(page: Page, address: str, house: House):
    old = key_of(house)
    a_dispute(house)
    seal_all(house)
    add_key(house)
    seal_all(house)
    retire_key(house, old)
    dispute = a_dispute(house).admitted()
    seal_all(house)
    with house.engine.connect() as connection:
        raw = receipt_of(connection, f"dispute/{dispute.id}", 1)
    page.goto(f"{address}/log/verify")

    page.get_by_label("The key of the log").fill(old)
    put(page, "a.tlog-proof", raw)

    expect(page.get_by_role("heading", name="Sound: this entry is as it was signed")).to_be_visible()


# -- consents -----------------------------------------------------------------------------------------------------


def test_falsified_consents_are_judged_alike(bench: Page, tmp_path: Path):
    """Each byte of what a passkey signed turned once, other keys, other texts, other disputes (section 20)."""
    lies = consents.falsified()
    entry = {
        "log": books.ORIGIN, "stream": STREAM, "ver": 5, "type": "settlement_signed", "actor": books.BUYER,
        "role": "buyer", "data": consents.SIGNED, "commit": {"consent": "0" * 64},
    }  # fmt: skip

    told = bench.evaluate(
        """async ([entry, payloads]) => {
          const { verifyConsent } = await import("/static/js/verify/consent.js");
          const said = [];
          for (const payload of payloads) {
            const found = [];
            await verifyConsent(entry, new Map([["consent", payload]]), (code) => found.push(code));
            said.push(found.sort());
          }
          return said;
        }""",
        [entry, [payload.decode() for _, payload in lies.values()]],
    )

    wanted = {name: codes for name, (codes, _) in lies.items()}
    assert dict(zip(lies, told, strict=True)) == wanted

    # And within whole case files: the true one, one given to another text, one that was tampered with.
    names = ["a true one", "a record", "another text was shown", "-7: byte 3 of signature"]
    files = [a_case_with(lies[name][1]) for name in names]
    here = told_in_browser(bench, files, books.vkey(), name="case.zip")
    assert here == told_offline("case", tmp_path, files, books.vkey())
    assert [told.codes for told in here] == [tuple(lies[name][0]) for name in names]


def a_case_with(consent: bytes) -> bytes:
    """A case file in which the buyer signed the agreement, with this consent."""
    book = books.Book()
    book.write(STREAM, payload=b"word")
    book.write(STREAM, type="settlement_signed", data=consents.SIGNED, words={"consent": consent})
    return closed(book.case(STREAM))


def test_the_page_tells_how_somebody_consented(page: Page, address: str):
    page.goto(f"{address}/log/verify")
    page.get_by_label("The key of the log").fill(books.vkey())

    put(page, "case.zip", a_case_with(consents.payload(consents.honest())))

    expect(page.get_by_role("heading", name="Consents, checked")).to_be_visible()
    expect(page.locator("#result")).to_contain_text(f"Entry 2: signed with a passkey at {consents.SITE}.")
