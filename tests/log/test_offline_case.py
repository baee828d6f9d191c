"""Whatever is done to a case file, to the keys behind it or to the words in it, the verifier for everybody names it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odr.log import chain, offline, receipt
from odr.log.note import Rejected
from odr.log.policy import Unclear, judge, read_policy
from tests.log.books import (
    BUYER,
    ORIGIN,
    SALT,
    SELLER,
    STREAMS,
    Book,
    cosigned,
    signed,
    signed_by,
    spoken,
    vkey,
    with_manifest,
    witness,
    zipped,
)
from tests.log.mutations import told_of, view_of
from tests.log.test_offline import altered

HIDDEN, WITHHELD, FILED = 3, (4, "message"), 6
PICTURE = b"\xff\xd8 a picture " + bytes(400)


def about(file: bytes) -> bytes:
    """The words called `file` that speak of a file."""
    return json.dumps({"object": "f" * 32, "sha256": hashlib.sha256(file).hexdigest(), "size": len(file)}).encode()


def a_dispute(*, erased: bool = True) -> Book:
    """Three disputes that take turns. In the first one, entry 6 brings a file and what entry 2 said is erased."""
    book = Book()
    for number in range(15):
        book.write(STREAMS[number % 3], payload=f"word {number}".encode())
    book.write(STREAMS[0], words={"file": about(PICTURE), "name": b"the parcel"})
    if erased:
        book.write(STREAMS[0], type="hold_placed", role="registrar", data={"ground": "court"})
        book.write(STREAMS[0], type="hold_lifted", role="registrar", data={"hold": 7})
        order(book, {"ver": 2, "names": ["message"]})
        book.write(STREAMS[0], type="words_erased", actor="system", role="system", data={"ordered": 9})
    book.write("log/" + ORIGIN, type="log_founded", data={"key": vkey()})
    return book


def order(book: Book, *targets: dict[str, object], actor: str = BUYER, role: str = "buyer", **others: Any) -> None:
    data = {"ground": "asked", "targets": list(targets)}
    book.write(STREAMS[0], type="erasure_ordered", actor=actor, role=role, data=data, **others)


BOOK = a_dispute()
BOOK_HISTORY = BOOK.receipt(len(BOOK.entries) - 1)
FILES = {f"files/{FILED:06}.jpg": PICTURE}
Members = dict[str, bytes]


def members(book: Book = BOOK, **others: Any) -> Members:
    usual: dict[str, Any] = {"hidden": {HIDDEN}, "withheld": {WITHHELD}, "erased": {(2, "message")}, "files": FILES}
    return book.case(**(usual | others))


def case_members() -> Members:
    """The members of a case file that has something of everything."""
    return members(history=BOOK_HISTORY)


@pytest.fixture
def verify(tmp_path: Path) -> Callable[..., Any]:
    """What the verifier says of these bytes as a case file."""

    def run(raw: bytes, *arguments: object, key: str | None = vkey()) -> Any:
        (tmp_path / "case.zip").write_bytes(raw)
        return told_of("case", tmp_path / "case.zip", *arguments, *(["--key", key] if key else []))

    return run


# -- honest case files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("travelling", "method"),
    [(True, zipfile.ZIP_DEFLATED), (False, zipfile.ZIP_DEFLATED), (False, zipfile.ZIP_STORED)],
)
def test_an_honest_case_file_is_sound(verify: Callable[..., Any], travelling: bool, method: int) -> None:
    told = verify(zipped(with_manifest(members()), travelling=travelling, method=method))

    assert (told.status, told.codes) == (offline.SOUND, [])
    assert told.seen["entries"] == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert told.seen["hidden"] == [HIDDEN]
    assert (told.seen["commitments"], told.seen["opened"], told.seen["withheld"], told.seen["files"]) == (6, 4, 1, 1)
    assert told.seen["erased"] == ["message of entry 2: erased as recorded at entry 10"]


def test_erased_words_are_told_in_plain_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "case.zip").write_bytes(zipped(with_manifest(members())))

    assert offline.main(["case", str(tmp_path / "case.zip"), "--key", vkey()]) == offline.SOUND

    assert "erased as recorded at entry 10" in capsys.readouterr().out


def test_a_copy_that_somebody_kept_of_erased_words_still_opens(verify: Callable[..., Any]) -> None:
    told = verify(zipped(with_manifest(members(erased=()))))

    assert (told.codes, told.seen["erased"], told.seen["opened"]) == ([], [], 5)


def test_a_picture_of_somebody_else_may_be_there_as_a_copy(verify: Callable[..., Any]) -> None:
    bare = {f"copies/{FILED:06}.jpg": b"the picture without its place"}

    assert verify(zipped(with_manifest(members(files=bare)))).codes == []
    assert verify(zipped(with_manifest(members(files=bare | FILES)))).codes == ["file_differs"]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_case_files_under_any_size_of_the_log_are_sound(verify: Callable[..., Any], size: int) -> None:
    book = Book()
    for number in range(size):
        book.write(STREAMS[0] if number % 50 == 0 else STREAMS[1], payload=b"a word")

    assert verify(zipped(with_manifest(book.case()))).codes == []


# -- what is done to it ------------------------------------------------------------------------------------------

Change = Callable[[Members], Members]


def changed(path: str, change: Callable[[bytes], bytes]) -> Change:
    def deed(held: Members) -> Members:
        assert change(held[path]) != held[path]
        return {**held, path: change(held[path])}

    return deed


def without(*paths: str) -> Change:
    return lambda held: {path: raw for path, raw in held.items() if path not in paths}


def words(version: int, **changes: object) -> Change:
    """What is given as the words of this entry said otherwise."""

    def rewrite(raw: bytes) -> bytes:
        rows = [json.loads(line) for line in raw.splitlines()]
        rows = [row | changes if row["ver"] == version else row for row in rows]
        return b"".join(chain.canonical(row) + b"\n" for row in rows)

    return changed("openings.jsonl", rewrite)


def no_words(version: int) -> Change:
    def rewrite(raw: bytes) -> bytes:
        return b"".join(line + b"\n" for line in raw.splitlines() if f'"ver":{version}}}'.encode() not in line)

    return changed("openings.jsonl", rewrite)


def entry(version: int) -> str:
    return f"entries/{version:06}.tlog-proof"


def exchanged(one: str, other: str) -> Change:
    return lambda held: {**held, one: held[other], other: held[one]}


def hidden_row(**changes: object) -> Change:
    return changed("hidden.jsonl", lambda raw: chain.canonical(json.loads(raw) | changes) + b"\n")


def edited_entry(version: int) -> Change:
    """The entry said otherwise, its receipt otherwise as it was."""

    def edit(raw: bytes) -> bytes:
        held = receipt.read(raw)
        return receipt.write(replace(held, entry=held.entry.replace(b'"minor":1', b'"minor":9')))

    return changed(entry(version), edit)


def of_another_size(held: Members) -> Members:
    return {**held, entry(5): BOOK.receipt(BOOK.places(STREAMS[0])[4], 16)}


PLACE = BOOK.places(STREAMS[0])
FILE = f"files/{FILED:06}.jpg"

# What was done (with its number in the design of the log), how, and what must be named when the house itself did it and
# signed anew; whoever has no key is betrayed by the signed list as well.
DEEDS: list[tuple[str, Change, list[str]]] = [
    ("22 words edited", words(1, payload="another word"), ["opening_differs"]),
    ("23 a salt edited", words(1, salt=bytes(32).hex()), ["opening_differs"]),
    ("24 both edited", words(1, payload="another word", salt=bytes(32).hex()), ["opening_differs"]),
    ("25 words moved to another entry", words(1, ver=5), ["opening_differs", "words_missing"]),
    ("25 words moved to another dispute", words(1, stream=STREAMS[1]), ["opening_unknown", "words_missing"]),
    ("25 words moved to another name", words(1, name="reason"), ["opening_unknown", "words_missing"]),
    ("25 words given to a hidden entry", words(1, ver=HIDDEN), ["opening_unknown", "words_missing"]),
    ("26 words left out", no_words(1), ["words_missing"]),
    ("26 all words left out", without("openings.jsonl", FILE), ["words_missing"]),
    ("30 a file exchanged", changed(FILE, lambda raw: b"another picture"), ["file_differs"]),
    ("30 a file cut short", changed(FILE, lambda raw: raw[:-1]), ["file_differs"]),
    ("30 a file left out", without(FILE), ["file_missing"]),
    ("30 a file nobody spoke of", lambda held: placed(held, "files/000005.pdf", b"%PDF-"), ["file_differs"]),
    ("30 a copy nobody spoke of", lambda held: placed(held, "copies/000005.pdf", b"%PDF-"), ["file_differs"]),
    ("30 a file a second time", lambda held: placed(held, "files/000006.png", PICTURE), ["file_differs"]),
    ("31 a short salt", words(1, salt=SALT[:31].hex()), ["opening_differs"]),
    ("31 a long salt", words(1, salt=SALT.hex() + "00"), ["opening_differs"]),
    ("1 an entry edited", edited_entry(5), ["entry_not_proven", "stream_gap", "opening_unknown"]),
    ("60 an entry left out", without(entry(5)), ["stream_gap", "opening_unknown"]),
    ("60 the first entry left out", without(entry(1)), ["stream_gap", "opening_unknown"]),
    ("60 the hidden entry left out", without("hidden.jsonl"), ["stream_gap"]),
    ("60 two entries exchanged", exchanged(entry(4), entry(5)), ["entry_misplaced", "stream_gap", "withheld_malformed"]),
    ("60 an entry of another dispute", lambda held: {**held, entry(5): BOOK.receipt(1)}, ["entry_misplaced", "stream_gap", "opening_unknown"]),
    ("a receipt of another size", of_another_size, ["receipt_of_another_tree"]),
    ("a hidden entry at another place", hidden_row(index=PLACE[3]), ["entry_not_proven", "stream_gap"]),
    ("48 a hidden leaf that is none", hidden_row(leaf="f" * 64), ["entry_not_proven", "stream_gap"]),
    ("a hidden entry with another version", hidden_row(ver=5), ["stream_gap", "stream_order_differs", "stream_twice", "stream_prev_differs"]),
    ("a hidden entry said at length", hidden_row(more=1), ["hidden_malformed"]),
    ("a hidden entry without a proof", hidden_row(proof="AAAA"), ["hidden_malformed"]),
    ("a hidden entry spelled otherwise", changed("hidden.jsonl", lambda raw: raw.replace(b":", b": ")), ["hidden_malformed"]),
    ("words withheld that nobody entered", changed("withheld.jsonl", lambda raw: raw.replace(b":4}", b":9}")), ["withheld_malformed"]),
    ("words withheld in another spelling", changed("withheld.jsonl", lambda raw: raw.replace(b":", b": ")), ["withheld_malformed"]),
    ("words that are no words", changed("openings.jsonl", lambda raw: raw + b"nonsense\n"), ["openings_malformed"]),
]  # fmt: skip


def placed(held: Members, path: str, raw: bytes) -> Members:
    """One more file or copy, where it belongs."""
    last = ("checkpoint", "history", "policy", "manifest")
    rest = {name: told for name, told in held.items() if name in last or (name > path and name[:6] == path[:6])}
    return {**{name: told for name, told in held.items() if name not in rest}, path: raw, **rest}


@pytest.mark.parametrize(("name", "deed", "codes"), DEEDS, ids=[name for name, *_ in DEEDS])
def test_every_deed_is_named(verify: Callable[..., Any], name: str, deed: Change, codes: list[str]) -> None:
    """§4 cases 1, 22, 23, 24, 25, 26, 30, 31, 48 and 60, each by the house and by somebody without its key."""
    by_the_house = verify(zipped(with_manifest(deed(members()))))
    by_somebody = verify(zipped(deed(with_manifest(members()))))

    assert {*by_the_house.codes} == {*codes}
    weights = {offline.SENTENCES[code][0] for code in codes}
    assert by_the_house.status == (offline.TAMPERED if offline.TAMPERED in weights else offline.CANNOT_TELL)
    assert {"openings_malformed", "members_differ", "member_differs"} & {*codes, *by_somebody.codes}
    assert by_somebody.status == offline.TAMPERED


def test_words_that_are_missing_are_named_with_their_place(verify: Callable[..., Any]) -> None:
    """§4 case 26."""
    (finding,) = verify(zipped(with_manifest(no_words(1)(members())))).findings

    assert (finding["idx"], finding["ver"], finding["found"]) == (0, 1, "message")
    assert finding["stream"] == STREAMS[0]


def test_erased_words_that_come_back_otherwise_are_named(verify: Callable[..., Any]) -> None:
    """§4 case 27."""
    back = chain.canonical(spoken(STREAMS[0], 2, "message", b"never said")) + b"\n"

    told = verify(zipped(with_manifest(changed("openings.jsonl", lambda raw: back + raw)(members()))))

    assert (told.status, told.codes) == (offline.TAMPERED, ["opening_differs"])


# -- erasure -----------------------------------------------------------------------------------------------------

OURS: dict[str, object] = {"ver": 2, "names": ["message"]}


def erase(*deeds: Callable[[Book], object]) -> Book:
    book = a_dispute(erased=False)
    for deed in deeds:
        deed(book)
    return book


def hold(book: Book) -> None:
    book.write(STREAMS[0], type="hold_placed", role="registrar", data={"ground": "court"})


def lift(version: int) -> Callable[[Book], None]:
    return lambda book: book.write(STREAMS[0], type="hold_lifted", role="registrar", data={"hold": version}) and None


def done(version: object) -> Callable[[Book], None]:
    return lambda book: book.write(STREAMS[0], type="words_erased", data={"ordered": version}) and None


def ordered(*targets: dict[str, object], **others: Any) -> Callable[[Book], None]:
    return lambda book: order(book, *targets, **others)


ERASURES: list[tuple[str, list[Callable[[Book], None]], list[str]]] = [
    ("as it should be", [ordered(OURS), done(7)], []),
    ("by a registrar", [ordered(OURS, actor=SELLER, role="registrar"), done(7)], []),
    ("by the house", [ordered(OURS, actor="system", role="system"), done(7)], []),
    ("after a hold was lifted", [hold, lift(7), ordered(OURS), done(9)], []),
    ("a hold placed after the order", [ordered(OURS), hold, done(7)], []),
    ("28 by the other party", [ordered(OURS, actor=SELLER, role="seller"), done(7)], ["erasure_without_right"]),
    ("28 by a mediator", [ordered(OURS, actor=SELLER, role="mediator"), done(7)], ["erasure_without_right"]),
    ("28 without an order", [done(7)], ["erasure_without_order", "words_missing"]),
    ("28 by an entry that is no order", [done(1)], ["erasure_without_order", "words_missing"]),
    ("28 by an order of no number", [done("7")], ["erasure_without_order", "words_missing"]),
    ("28 twice", [ordered(OURS), done(7), done(7)], ["erasure_without_order"]),
    ("28 of words nobody entered", [ordered({"ver": 2, "names": ["reason"]}), done(7)], ["erasure_malformed", "words_missing"]),
    ("28 of an entry to come", [ordered({"ver": 9, "names": ["message"]}), done(7)], ["erasure_malformed", "words_missing"]),
    ("28 of itself", [ordered({"ver": 7, "names": ["message"]}), done(7)], ["erasure_malformed", "words_missing"]),
    ("28 of no words", [ordered({"ver": 2, "names": []}), done(7)], ["erasure_malformed", "words_missing"]),
    ("28 of nothing", [ordered(), done(7)], ["erasure_malformed", "words_missing"]),
    ("28 of anything", [ordered({"ver": "2", "names": {"message": 1}}), done(7)], ["erasure_malformed", "words_missing"]),
    ("26 ordered and not done", [ordered(OURS)], ["words_missing"]),
    ("26 of other words", [ordered({"ver": 1, "names": ["message"]}), done(7)], ["words_missing"]),
    ("29 under a hold", [hold, ordered(OURS), done(8)], ["erasure_under_hold"]),
    ("29 under one of two holds", [hold, hold, lift(7), ordered(OURS), done(10)], ["erasure_under_hold"]),
    ("29 a hold lifted that was none", [hold, lift(6), ordered(OURS), done(9)], ["hold_malformed", "erasure_under_hold"]),
    ("29 a hold lifted twice", [hold, lift(7), lift(7), ordered(OURS), done(10)], ["hold_malformed"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "deeds", "codes"), ERASURES, ids=[name for name, *_ in ERASURES])
def test_words_are_erased_by_the_rules_or_it_is_named(
    verify: Callable[..., Any], tmp_path: Path, name: str, deeds: list[Callable[[Book], None]], codes: list[str]
) -> None:
    """§4 cases 26, 28 and 29."""
    book = erase(*deeds)

    told = verify(zipped(with_manifest(members(book))))
    whole = told_of("log", book.lay_out(tmp_path / "log"), "--key", vkey())

    assert told.codes == codes
    assert bool(told.seen["erased"]) == ("words_missing" not in codes)
    assert whole.codes == [code for code in codes if code != "words_missing"]


def test_what_hangs_on_hidden_entries_is_not_held_against_anybody(verify: Callable[..., Any]) -> None:
    book = erase(hold, lift(7), ordered(OURS, {"ver": HIDDEN, "names": ["message"]}), done(9))

    assert verify(zipped(with_manifest(members(book)))).codes == []
    assert verify(zipped(with_manifest(members(book, hidden={HIDDEN, 7})))).codes == []
    # Who may see neither the order nor the words has them withheld.
    both = {"hidden": {HIDDEN, 9}, "withheld": {WITHHELD, (2, "message")}}
    assert verify(zipped(with_manifest(members(book, **both)))).codes == []


# -- archives ----------------------------------------------------------------------------------------------------

WHOLE = zipped(with_manifest(members()))


def attributes(path: str, mode: int) -> bytes:
    def change(info: zipfile.ZipInfo) -> None:
        if info.filename == path:
            info.external_attr = mode << 16

    return zipped(with_manifest(members()), change=change)


def renamed(path: str, name: str) -> bytes:
    """A member under another name of the same length."""
    assert len(path) == len(name.encode()) and WHOLE.count(path.encode()) >= 2
    return WHOLE.replace(path.encode(), name.encode())


def tail(**fields: int) -> bytes:
    """The end of the archive said otherwise."""
    names = ["disk", "first_disk", "here", "count", "length", "place", "comment"]
    told = dict(zip(names, struct.unpack("<4H2LH", WHOLE[-18:]), strict=True))
    for name, more in fields.items():
        told[name] += more
    return WHOLE[:-18] + struct.pack("<4H2LH", *told.values())


def listed(place: int, form: str, value: int) -> bytes:
    """A field of the first row of the list behind all members said otherwise."""
    begun = WHOLE.index(b"PK\x01\x02") + place
    return WHOLE[:begun] + struct.pack(form, value) + WHOLE[begun + struct.calcsize(form) :]


def shifted(place: int, junk: bytes) -> bytes:
    """Junk between members, where no list speaks of it."""
    longer = WHOLE[:place] + junk + WHOLE[place:]
    (begun,) = struct.unpack("<L", WHOLE[-6:-2])
    return longer[:-6] + struct.pack("<L", begun + len(junk)) + longer[-2:]


def lying(size: int) -> bytes:
    """A member that unpacks to more than it says."""
    whole = {"index.html": bytes(1_000_000)} | without("index.html")(members())
    raw = zipped(with_manifest(whole), travelling=False)
    return raw.replace(struct.pack("<L", 1_000_000), struct.pack("<L", size))


SECOND = WHOLE.index(b"PK\x03\x04", 4)

ARCHIVES: list[tuple[str, bytes, str]] = [
    ("a way out of the folder", renamed("index.html", "../ex.html"), "bad_path"),
    ("an absolute path", renamed("index.html", "/ndex.html"), "bad_path"),
    ("a path of another system", renamed(entry(1), entry(1).replace("/", "\\")), "bad_path"),
    ("a folder", renamed("policy", "polic/"), "bad_path"),
    ("digits of another script", renamed(entry(1), "entries/\u0661\u0661\u0661.tlog-proof"), "bad_path"),
    ("a name that means nothing", renamed("policy", "police"), "bad_path"),
    ("a program", renamed("evenhand-verify.py", "evenhand_verify.py"), "bad_path"),
    ("a name twice", renamed(entry(2), entry(1)), "bad_order"),
    ("another order", zipped(dict(reversed(with_manifest(members()).items()))), "bad_order"),
    ("a link", attributes("policy", 0o120777), "bad_member"),
    ("a device", attributes("policy", 0o020666), "bad_member"),
    ("a folder as another system says it", listed(38, "<L", 0x10), "bad_member"),
    ("61 stored, and its length behind it", zipped(with_manifest(members()), method=zipfile.ZIP_STORED), "bad_member"),
    ("an encrypted member", listed(8, "<H", 9), "encrypted"),
    ("a flag that means something else", listed(8, "<H", 0x2008), "bad_member"),
    ("another way of packing", zipped(with_manifest(members()), method=zipfile.ZIP_BZIP2), "bad_member"),
    ("an extra field", zipped(with_manifest(members()), change=lambda info: setattr(info, "extra", b"\1\2\0\0")), "bad_archive"),
    ("a comment of a member", zipped(with_manifest(members()), change=lambda info: setattr(info, "comment", b"x")), "bad_archive"),
    ("a comment of the archive", WHOLE[:-2] + b"\1\0x", "bad_archive"),
    ("something behind it", WHOLE + b"x", "bad_archive"),
    ("something between members", shifted(SECOND, b"junk"), "bad_member"),
    ("something before the list", shifted(WHOLE.index(b"PK\x01\x02"), b"junk"), "bad_archive"),
    ("the end cut off", WHOLE[:-1], "bad_archive"),
    ("half of it", WHOLE[: len(WHOLE) // 2], "bad_archive"),
    ("four bytes of it", WHOLE[:4], "bad_archive"),
    ("more members than there are", tail(here=1, count=1), "bad_archive"),
    ("fewer members than there are", tail(here=-1, count=-1), "bad_archive"),
    ("members without end", tail(here=20_000, count=20_000), "too_many_members"),
    ("a list of another length", tail(length=1), "bad_archive"),
    ("a list at another place", tail(place=-1), "bad_archive"),
    ("more disks", tail(disk=1), "bad_archive"),
    ("a place in the midst of another member", listed(42, "<L", 10), "bad_archive"),
    ("another length in the list", listed(24, "<L", 2**32 - 1), "bad_member"),
    ("another packed length in the list", listed(20, "<L", 2**32 - 1), "bad_archive"),
    ("a bomb that says it is small", lying(10), "bad_member"),
    ("a bomb that says it is larger", lying(2_000_000), "bad_member"),
    ("bytes that cannot be unpacked", WHOLE[: 30 + 10] + b"\xff" + WHOLE[30 + 11 :], "bad_member"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "raw", "code"), ARCHIVES, ids=[name for name, *_ in ARCHIVES])
def test_an_archive_of_another_make_is_refused(verify: Callable[..., Any], name: str, raw: bytes, code: str) -> None:
    """§4 case 61."""
    told = verify(raw)

    assert told.status == offline.TAMPERED
    assert told.codes[-1] in ("archive_malformed", "member_differs")
    if "bomb" not in name:
        assert (told.codes, told.findings[0]["found"]) == (["archive_malformed"], code)


def test_a_bomb_is_not_unpacked(verify: Callable[..., Any]) -> None:
    """§4 case 61: whoever has no key can only put in what the signed list does not know, and that is not read."""
    sealed = with_manifest(members())
    bomb = zipped({**sealed, "index.html": bytes(300_000_000)})
    assert len(bomb) < 400_000
    unpacked = 0
    inflate = zlib.decompressobj

    class Counting:
        def __init__(self, *given: int) -> None:
            self.real = inflate(*given)

        def decompress(self, *given: Any) -> bytes:
            nonlocal unpacked
            part = self.real.decompress(*given)
            unpacked += len(part)
            return part

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    zlib.decompressobj = Counting  # type: ignore[assignment,misc]
    try:
        told = verify(bomb)
    finally:
        zlib.decompressobj = inflate  # type: ignore[misc]

    assert told.codes == ["member_differs"]
    assert unpacked < 1_000_000


@pytest.mark.parametrize("raw", [b"", b"PK", b"nonsense" * 10, b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_cannot_be_told(verify: Callable[..., Any], raw: bytes) -> None:
    told = verify(raw)

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["case_unknown"])


@pytest.mark.parametrize(
    ("path", "raw", "code"),
    [
        ("checkpoint", b"x" * 200_000, "archive_malformed"),
        (entry(1), b"x" * 300_000, "archive_malformed"),
        (entry(1), b"x", "receipt_unknown"),
        (entry(1), receipt.HEADER.encode(), "receipt_malformed"),
        ("history", b"x", "history_malformed"),
    ],
)
def test_members_that_are_not_what_they_are_called_are_named(
    verify: Callable[..., Any], path: str, raw: bytes, code: str
) -> None:
    whole = members(history=b"something")

    told = verify(zipped({**with_manifest(whole), path: raw}))

    assert told.status == offline.TAMPERED
    assert code in told.codes


def resigned(text: Callable[[bytes], bytes], **others: Any) -> bytes:
    """A case file whose list says something else, under a signature of the house."""
    sealed = with_manifest(members(), **others)
    told = text(sealed["manifest"].rpartition(b"\n\n")[0] + b"\n")
    return zipped({**sealed, "manifest": signed_by([1], told)})


@pytest.mark.parametrize(
    "raw",
    [
        zipped(with_manifest(members(), size=17)),
        zipped(with_manifest(members(), stream="dispute/1")),
        zipped(with_manifest(members(), reader="neighbour")),
        zipped(with_manifest(members(), origin="evenhand/" + "f" * 32)),
        zipped(with_manifest(members(), seeds=[2])),
        zipped({**with_manifest(members()), "manifest": BOOK.note()}),
        zipped({**with_manifest(members()), "manifest": b"nothing"}),
        zipped(members()),
        resigned(lambda text: text.replace(b"/v1", b"/v2")),
        resigned(lambda text: text.replace(b"1772442000000", b"01772442000000")),
        resigned(lambda text: text.replace(b" policy", b"  policy")),
        resigned(lambda text: text + text.splitlines(True)[-1]),
        resigned(lambda text: text + b"\n"),
        resigned(lambda text: text.splitlines(True)[0]),
    ],
)
def test_a_list_that_is_not_as_it_should_be_is_named(verify: Callable[..., Any], raw: bytes) -> None:
    told = verify(raw)

    assert (told.status, told.codes) == (offline.TAMPERED, ["manifest_malformed"])


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (without("policy"), {"policy"}),
        (without("index.html", FILE), {"index.html", FILE}),
        (lambda held: placed(held, "files/000005.pdf", b"%PDF-"), {"files/000005.pdf"}),
        (lambda held: without("checkpoint")(held), set()),
    ],
)
def test_members_beside_the_list_are_named(verify: Callable[..., Any], change: Change, found: set[str]) -> None:
    """§4 case 60."""
    told = verify(zipped(change(with_manifest(members()))))

    if found:
        assert {finding["found"] for finding in told.findings if finding["code"] == "members_differ"} == found
    else:
        assert (told.status, told.codes) == (offline.CANNOT_TELL, ["checkpoint_missing"])


def test_a_list_in_another_order_is_named(verify: Callable[..., Any]) -> None:
    def turned(text: bytes) -> bytes:
        lines = text.splitlines(True)
        return b"".join([*lines[:6], *reversed(lines[6:])])

    assert verify(resigned(turned)).codes == ["members_differ"]


CHECKPOINTS: list[tuple[str, bytes, str]] = [
    ("33 a thief's own key", BOOK.note(seed=2), "checkpoint_not_signed"),
    ("36 a key without a hand-over", BOOK.note(seed=3), "checkpoint_not_signed"),
    ("39 another log's", signed(len(BOOK.entries), BOOK.root(), origin="evenhand/" + "f" * 32), "checkpoint_not_signed"),
    ("40 an extension line", signed_by([1], BOOK.note().rpartition(b"\n\n")[0] + b"\nmore\n"), "checkpoint_malformed"),
    ("41 lines ended otherwise", BOOK.note().replace(b"\n", b"\r\n"), "checkpoint_malformed"),
    ("42 a signature of another spelling", BOOK.note()[:-8] + b"AAAAAA=\n", "checkpoint_malformed"),
    ("46 of another size", signed(len(BOOK.entries) - 1, BOOK.root(len(BOOK.entries) - 1)), "receipt_of_another_tree"),
    ("35 of another root", signed(len(BOOK.entries), BOOK.root(3)), "receipt_of_another_tree"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "raw", "code"), CHECKPOINTS, ids=[name for name, *_ in CHECKPOINTS])
def test_a_checkpoint_that_is_not_the_log_s_is_named(
    verify: Callable[..., Any], name: str, raw: bytes, code: str
) -> None:
    """§4 cases 33, 35, 36, 39, 40, 41, 42 and 46."""
    assert code in verify(zipped(with_manifest({**members(), "checkpoint": raw}))).codes


# -- keys that change --------------------------------------------------------------------------------------------

FOUNDED, ADDED, RETIRED, AGAIN = 0, 4, 8, 10


def a_rotated_log() -> Book:
    """A log founded with key 1. Key 2 joins at 4, key 1 goes at 8, key 3 joins at 10."""
    book = Book()
    told = {FOUNDED: ("log_founded", 1), ADDED: ("key_added", 2), RETIRED: ("key_retired", 1), AGAIN: ("key_added", 3)}
    for number in range(14):
        if number in told:
            type_, seed = told[number]
            of_log(book, type_, seed)
        else:
            book.write(STREAMS[number % 2], payload=f"word {number}".encode())
    return book


def of_log(book: Book, type_: str, seed: int, **others: Any) -> None:
    others = {"actor": "system", "role": "system", "reach": "public", "data": {"key": vkey(seed)}} | others
    book.write("log/" + book.origin, type=type_, **others)


def seeds_at(size: int) -> list[int]:
    terms = {1: (FOUNDED, RETIRED), 2: (ADDED, 99), 3: (AGAIN, 99)}
    return [seed for seed, (above, until) in terms.items() if above < size <= until]


def rotated_note(book: Book, size: int, *seeds: int) -> bytes:
    text = f"{book.origin}\n{size}\n{offline.base64.b64encode(book.root(size)).decode()}\n".encode()
    return signed_by(seeds or seeds_at(size), text, book.origin)


def history(book: Book, size: int | None = None) -> bytes:
    """Each entry of the log's own stream under the first checkpoint that counts it, then all under a later one."""
    size = size or len(book.entries)
    own = [place for place in book.places("log/" + book.origin) if place < size]
    first = [book.receipt(place, place + 1, note=rotated_note(book, place + 1)) for place in own]
    return b"".join(first + [book.receipt(place, size, note=rotated_note(book, size)) for place in own])


LOG = f"log/{ORIGIN}"
ROTATED = a_rotated_log()
LATER = history(ROTATED)


@pytest.mark.parametrize("trusted", [1, 2, 3])
def test_any_key_leads_to_all_others(tmp_path: Path, trusted: int) -> None:
    (tmp_path / "history").write_bytes(LATER)
    for size in range(1, 15):
        (tmp_path / "mine").write_bytes(ROTATED.receipt(0, size, note=rotated_note(ROTATED, size)))

        told = told_of("receipt", tmp_path / "mine", "--key", vkey(trusted), "--history", tmp_path / "history")

        assert told.codes == [], size


def test_a_key_leads_nowhere_without_a_history(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(ROTATED.receipt(0, 14, note=rotated_note(ROTATED, 14)))

    assert told_of("receipt", tmp_path / "mine", "--key", vkey(1)).codes == ["checkpoint_not_signed"]
    assert told_of("receipt", tmp_path / "mine", "--key", vkey(2)).codes == []


@pytest.mark.parametrize(
    ("number", "size", "seed"),
    [(37, 9, 1), (37, 14, 1), (36, 4, 2), (36, 10, 3), (36, 14, 4), (33, 14, 4), (36, 1, 2)],
)
def test_a_key_that_does_not_sign_at_a_size_is_a_stranger(tmp_path: Path, number: int, size: int, seed: int) -> None:
    """§4 cases 33, 36 and 37."""
    (tmp_path / "history").write_bytes(LATER)
    (tmp_path / "mine").write_bytes(ROTATED.receipt(0, size, note=rotated_note(ROTATED, size, seed)))
    trusted = vkey(2 if seed == 1 else 1)

    told = told_of("receipt", tmp_path / "mine", "--key", trusted, "--history", tmp_path / "history")
    own = told_of("receipt", tmp_path / "mine", "--key", vkey(1), "--history", tmp_path / "history")

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["checkpoint_not_signed"])
    assert own.codes == ["checkpoint_not_signed"]


def test_a_retired_key_beside_one_that_signs_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "history").write_bytes(LATER)
    note = rotated_note(ROTATED, 14, 1, 2)
    (tmp_path / "mine").write_bytes(ROTATED.receipt(0, 14, note=note))
    # A false line of a key that does not sign at this size is passed over like one by a stranger.
    spoilt = rotated_note(ROTATED, 14, 2) + rotated_note(ROTATED, 13, 1).splitlines(True)[-1]
    (tmp_path / "other").write_bytes(ROTATED.receipt(0, 14, note=spoilt))

    for name in ("mine", "other"):
        told = told_of("receipt", tmp_path / name, "--key", vkey(1), "--history", tmp_path / "history")
        assert told.codes == []


def pieces(book: Book = ROTATED) -> list[bytes]:
    return [b"c2sp.org/tlog-proof@v1\n" + piece for piece in history(book).split(b"c2sp.org/tlog-proof@v1\n")[1:]]


def back_dated() -> bytes:
    book = Book()
    of_log(book, "log_founded", 1)
    book.write(STREAMS[0])
    of_log(book, "key_added", 2, at=1)
    return book.receipt(0, 3) + book.receipt(2, 3)


def two_histories() -> bytes:
    """Another key handed over in the same version of the log's stream, as a thief of key 1 would."""
    book = Book(ROTATED.entries[:ADDED], heads_of(ROTATED.entries[:ADDED]))
    of_log(book, "key_added", 4)
    return LATER + book.receipt(ADDED, ADDED + 1, note=rotated_note(book, ADDED + 1, 1))


def heads_of(entries: list[bytes]) -> dict[str, tuple[int, str]]:
    heads: dict[str, tuple[int, str]] = {}
    for raw in entries:
        told = json.loads(raw)
        heads[told["stream"]] = (told["ver"], chain.leaf_hash(raw).hex())
    return heads


def spoilt_piece() -> bytes:
    text = rotated_note(ROTATED, 14, 2).rpartition(b"\n\n")[0] + b"\n"
    forged = text + b"\n" + rotated_note(ROTATED, 13, 2).splitlines(True)[-1]
    return b"".join([*pieces(), ROTATED.receipt(0, 14, note=forged)])


def foreign_key() -> bytes:
    book = Book()
    of_log(book, "log_founded", 1)
    of_log(book, "key_added", 2, data={"key": vkey(2, "evenhand/" + "f" * 32)})
    return book.receipt(0, 2) + book.receipt(1, 2)


HISTORIES: list[tuple[str, bytes, str]] = [
    ("something else", b"nothing of the kind", "history_malformed"),
    ("something before it", b"x" + LATER, "history_malformed"),
    ("an entry of a dispute", LATER + ROTATED.receipt(1, 14, note=rotated_note(ROTATED, 14)), "history_malformed"),
    ("an entry left out", b"".join(pieces()[:1] + pieces()[2:5] + pieces()[6:]), "history_malformed"),
    ("the first entry left out", b"".join(pieces()[5:]), "history_malformed"),
    ("a false signature of a key that signs", spoilt_piece(), "history_malformed"),
    ("a receipt cut short", LATER[:-3], "history_malformed"),
    ("38 a hand-over that is dated back", back_dated(), "history_malformed"),
    ("a key of another log", foreign_key(), "history_malformed"),
    ("35 two histories", two_histories(), "history_forked"),
]


@pytest.mark.parametrize(("name", "raw", "code"), HISTORIES, ids=[name for name, *_ in HISTORIES])
def test_a_history_that_is_not_one_is_named(tmp_path: Path, name: str, raw: bytes, code: str) -> None:
    """§4 cases 35 and 38."""
    (tmp_path / "history").write_bytes(raw)
    (tmp_path / "mine").write_bytes(ROTATED.receipt(0, 2, note=rotated_note(ROTATED, 2)))

    # What a key does not lead to is passed over, so that a gap shows to whoever is led to both of its sides.
    trusted = vkey(2 if "left out" in name else 1)
    told = told_of("receipt", tmp_path / "mine", "--key", trusted, "--history", tmp_path / "history")

    assert code in told.codes
    assert told.status == offline.TAMPERED
    assert "verifier_failed" not in told.codes


def test_a_key_is_brought_in_and_retired_once(tmp_path: Path) -> None:
    """§4 case 37: who has a retired key and writes to the database has its entries said once more."""
    for type_ in ("key_retired", "key_added"):
        book = Book(list(ROTATED.entries), dict(ROTATED.heads))
        of_log(book, type_, 1)
        size = len(book.entries)
        later = b"".join(book.receipt(place, size, note=rotated_note(book, size)) for place in book.places(LOG))
        (tmp_path / "history").write_bytes(later)
        (tmp_path / "mine").write_bytes(ROTATED.receipt(0, 12, note=rotated_note(ROTATED, 12, 1)))

        told = told_of("receipt", tmp_path / "mine", "--key", vkey(3), "--history", tmp_path / "history")

        assert told.codes == ["checkpoint_not_signed"]


def test_a_key_with_the_id_of_an_earlier_one_is_passed_over() -> None:
    """§4 case 39: among a few hundred thousand keys two have the same id."""
    earlier, later = offline.key_in(vkey(1)), offline.key_in(vkey(2))._replace(id=offline.key_in(vkey(1)).id)
    trust = offline.Trust([earlier])

    trust.note_key(later, 7, retired=False)

    assert trust.at(9) == [earlier]


def test_a_history_that_nobody_trusted_signed_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "history").write_bytes(LATER)
    (tmp_path / "mine").write_bytes(ROTATED.receipt(0, 14, note=rotated_note(ROTATED, 14, 5)))

    assert told_of("receipt", tmp_path / "mine", "--key", vkey(5), "--history", tmp_path / "history").codes == []


def test_a_case_file_brings_the_history_that_leads_to_its_keys(verify: Callable[..., Any]) -> None:
    note = rotated_note(ROTATED, 14)
    whole = with_manifest(ROTATED.case(STREAMS[0], note=note, history=LATER), seeds=[2, 3])

    for seed in (1, 2, 3):
        assert verify(zipped(whole), key=vkey(seed)).codes == []
    assert verify(zipped(whole), key=vkey(4)).codes == ["checkpoint_not_signed"]
    alone = with_manifest(ROTATED.case(STREAMS[0], note=note), seeds=[2, 3])
    assert verify(zipped(alone), key=vkey(1)).codes == ["checkpoint_not_signed"]
    by_old_key = with_manifest(ROTATED.case(STREAMS[0], note=note, history=LATER), seeds=[1])
    assert verify(zipped(by_old_key), key=vkey(1)).codes == ["manifest_malformed"]


def test_an_older_case_file_is_read_with_a_newer_key_by_a_newer_history(
    verify: Callable[..., Any], tmp_path: Path
) -> None:
    early = a_rotated_log()
    early.entries = early.entries[:ADDED]
    note = rotated_note(early, ADDED)
    whole = zipped(with_manifest(early.case(STREAMS[0], note=note, history=history(early))))
    (tmp_path / "history").write_bytes(LATER)

    assert verify(whole, key=vkey(3)).codes == ["checkpoint_not_signed"]
    assert verify(whole, "--history", tmp_path / "history", key=vkey(3)).codes == []


def test_logs_and_those_who_follow_them_go_on_over_a_rotation(tmp_path: Path) -> None:
    early = a_rotated_log()
    early.entries = early.entries[:ADDED]
    state = tmp_path / "state"

    first = told_of("follow", early.lay_out(tmp_path / "early"), "--state", state, "--key", vkey(1))
    folder = ROTATED.lay_out(tmp_path / "log", note=rotated_note(ROTATED, 14))
    lost = told_of("follow", folder, "--state", state, "--key", vkey(1))
    (folder / "history").write_bytes(LATER)
    led = told_of("follow", folder, "--state", state, "--key", vkey(1))
    whole = told_of("log", folder, "--checkpoint", state, "--key", vkey(1))

    assert (first.codes, lost.codes, led.codes, whole.codes) == ([], ["checkpoint_not_signed"], [], [])


def test_a_retired_key_is_told_by_the_log_itself_where_the_history_is_left_out(tmp_path: Path) -> None:
    """§4 case 37."""
    folder = ROTATED.lay_out(tmp_path / "log", note=rotated_note(ROTATED, 14, 1))

    told = told_of("log", folder, "--key", vkey(1))

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["checkpoint_not_signed"])


# -- a log founded over another ----------------------------------------------------------------------------------

NEW, NEWER = "evenhand/" + "a" * 32, "evenhand/" + "b" * 32


def founded_over(book: Book, left: int, origin: str, seed: int, **changes: object) -> Book:
    """What is left of a log, and a new one over it."""
    other = Book(book.entries[:left], {}, book.origin)
    continues = {"log": book.origin, "kept": left, "root": other.root().hex(), "size": left + 5, "code": "torn"}
    continues |= {"note": offline.base64.b64encode(book.note(left)).decode()} | changes
    other.heads = heads_of(other.entries)
    other.origin = origin
    of_log(other, "log_founded", seed, data={"key": vkey(seed, origin), "continues": continues})
    for number in range(5):
        other.write(STREAMS[number % 2], payload=b"a later word")
    return other


def seal(book: Book, seed: int) -> bytes:
    return rotated_note(book, len(book.entries), seed)


OVER = founded_over(ROTATED, 12, NEW, 5)


def over_history(book: Book, seed: int) -> bytes:
    own = book.places("log/" + book.origin)
    return b"".join(book.receipt(place, note=seal(book, seed)) for place in own)


@pytest.mark.parametrize("left", [12, 2])
def test_a_log_over_another_is_sound(tmp_path: Path, left: int) -> None:
    once = founded_over(ROTATED, 12, NEW, 5)
    # With 2 left, the beginning of the second log is lost as well.
    twice = founded_over(once, 15 if left == 12 else 2, NEWER, 6)

    for book, seed in ((once, 5), (twice, 6)):
        folder = book.lay_out(tmp_path / f"log {seed}", note=seal(book, seed))
        assert told_of("log", folder, "--key", vkey(seed, book.origin)).codes == []


def test_a_house_cannot_disown_what_it_signed_by_a_history_that_begins_later(tmp_path: Path) -> None:
    """§4 case 35: another history, founded by the same key after all that its followers have seen."""
    seen, other = Book(), Book()
    for number in range(9):
        seen.write(STREAMS[0], payload=b"as it was %d" % number)
        other.write(STREAMS[0], payload=b"as it should have been", origin=NEWER)
    continues = {"log": NEWER, "kept": 9, "root": other.root().hex(), "size": 9, "note": "", "code": "stolen"}
    of_log(other, "log_founded", 1, data={"key": vkey(1), "continues": continues})
    other.lay_out(tmp_path / "log")
    (tmp_path / "log" / "history").write_bytes(other.receipt(9))
    (tmp_path / "kept").write_bytes(seen.note(8))
    (tmp_path / "state").write_bytes(seen.note(8))

    followed = told_of("follow", tmp_path / "log", "--state", tmp_path / "state", "--key", vkey())
    whole = told_of("log", tmp_path / "log", "--checkpoint", tmp_path / "kept", "--key", vkey())

    assert (followed.status, followed.codes) == (offline.TAMPERED, ["log_forked"])
    assert len(followed.seen["evidence"]) == 2
    assert (whole.status, whole.codes) == (offline.TAMPERED, ["log_forked"])


def test_receipts_and_case_files_reach_back_into_the_old_log(verify: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "history").write_bytes(over_history(OVER, 5))
    (tmp_path / "mine").write_bytes(OVER.receipt(1, note=seal(OVER, 5)))
    key = vkey(5, NEW)

    with_it = told_of("receipt", tmp_path / "mine", "--key", key, "--history", tmp_path / "history")
    without_it = told_of("receipt", tmp_path / "mine", "--key", key)

    assert (with_it.codes, without_it.codes) == ([], ["founding_unknown"])
    book = replace(OVER, words=ROTATED.words | OVER.words)
    whole = book.case(STREAMS[0], note=seal(OVER, 5), history=over_history(OVER, 5))
    assert verify(zipped(with_manifest(whole, seeds=[5], origin=NEW)), key=key).codes == []


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"root": "f" * 64}, ["founding_differs"]),
        ({"kept": 11}, ["founding_differs"]),
        ({"log": NEWER}, []),
        ({"root": 7}, ["entry_of_another_log"]),
    ],
)
def test_a_founding_that_says_something_else_is_named(
    tmp_path: Path, change: dict[str, object], codes: list[str]
) -> None:
    book = founded_over(ROTATED, 12, NEW, 5, **change)

    told = told_of("log", book.lay_out(tmp_path / "log", note=seal(book, 5)), "--key", vkey(5, NEW))

    assert told.codes == codes


def test_an_entry_of_the_old_log_among_those_of_the_new_one_is_named(tmp_path: Path) -> None:
    """§4 case 39."""
    book = founded_over(ROTATED, 12, NEW, 5)
    book.write(STREAMS[2], origin=ORIGIN)
    book.write(STREAMS[2])

    told = told_of("log", book.lay_out(tmp_path / "log", note=seal(book, 5)), "--key", vkey(5, NEW))

    assert [(finding["code"], finding["idx"]) for finding in told.findings] == [("entry_of_another_log", 18)]


# -- witnesses ---------------------------------------------------------------------------------------------------

AT = 1_772_442_000
W = [witness(11, "one.example"), witness(12, "two.example"), witness(13, "three.example")]
NAMES = ["one", "two", "three"]


def policy(*lines: str, keys: bool = True) -> str:
    known = [f"log {vkey()} https://log.example/", *map("witness {} {}".format, NAMES, W)]
    return "".join(f"{line}\n" for line in [*(known if keys else []), *lines])


def seen_by(*numbers: int, at: int = AT, note: bytes | None = None) -> bytes:
    told = BOOK.note() if note is None else note
    for number in numbers:
        told = cosigned(told, 11 + number, at, f"{NAMES[number]}.example")
    return told


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Any]:
    """What the verifier says of a receipt under this note to somebody with this policy."""

    def run(note: bytes, lines: str | bytes, *arguments: object, key: str | None = None) -> Any:
        (tmp_path / "policy").write_bytes(lines if isinstance(lines, bytes) else lines.encode())
        (tmp_path / "mine").write_bytes(BOOK.receipt(4, note=note))
        given = ["receipt", tmp_path / "mine", "--policy", tmp_path / "policy", *arguments]
        return told_of(*given, *(["--key", key] if key else []))

    return run


QUORUMS = [
    (["quorum none"], [], True),
    (["quorum one"], [0], True),
    (["quorum one"], [1, 2], False),
    (["group g any one two", "quorum g"], [1], True),
    (["group g any one two", "quorum g"], [2], False),
    (["group g 2 one two three", "quorum g"], [0, 2], True),
    (["group g 2 one two three", "quorum g"], [0], False),
    (["group g all one two three", "quorum g"], [0, 1, 2], True),
    (["group g all one two three", "quorum g"], [0, 1], False),
    (["group g any one two", "group h all g three", "quorum h"], [1, 2], True),
    (["group g any one two", "group h all g three", "quorum h"], [0, 1], False),
    (["\t quorum\t none \t", "  # a remark", ""], [], True),
]


@pytest.mark.parametrize(("lines", "numbers", "met"), QUORUMS)
def test_a_quorum_is_counted(ask: Callable[..., Any], lines: list[str], numbers: list[int], met: bool) -> None:
    told = ask(seen_by(*numbers), policy(*lines))

    assert told.codes == ([] if met else ["quorum_missing"])
    assert told.status == (offline.SOUND if met else offline.CANNOT_TELL)
    assert told.seen["cosigned"] == [NAMES[number] for number in numbers]


def test_one_witness_counts_once(ask: Callable[..., Any]) -> None:
    """§4 case 50."""
    twice = cosigned(seen_by(0), 11, AT + 5, "one.example")
    # The same key under another name is a stranger.
    other = cosigned(seen_by(0), 11, AT, "two.example")

    for note in (twice, other):
        assert ask(note, policy("group g 2 one two three", "quorum g")).codes == ["quorum_missing"]


POLICIES = [
    policy(f"witness four {W[0]}", "quorum none"),
    policy(f"witness four {witness(11, 'four.example')}", "quorum none"),
    policy(f"log {vkey()}", "quorum none"),
    policy(f"log {vkey(1, 'evenhand/' + 'f' * 32)}", "quorum none"),
]


@pytest.mark.parametrize("lines", POLICIES)
def test_a_key_twice_in_a_policy_is_refused(ask: Callable[..., Any], lines: str) -> None:
    """§4 case 51."""
    told = ask(seen_by(0), lines)

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["policy_malformed"])


@pytest.mark.parametrize(
    "lines",
    [
        "",
        policy(),
        policy("quorum four"),
        policy("quorum none", "quorum none"),
        policy("group g any one", "quorum none", "group g any two"),
        policy(f"witness one {witness(14)}", "quorum none"),
        policy(f"witness none {witness(14)}", "quorum none"),
        policy(f"witness four {vkey(14)}", "quorum none"),
        policy(f"log {witness(14, ORIGIN)}", "quorum none"),
        policy("witness four nonsense", "quorum none"),
        policy("group g 3 one two", "quorum g"),
        policy("group g 0 one two", "quorum g"),
        policy("group g 01 one two", "quorum g"),
        policy("group g", "quorum none"),
        policy("group g any", "quorum none"),
        policy("group g any g", "quorum g"),
        policy("group g any none", "quorum g"),
        policy("group g 2 one one", "quorum g"),
        policy("group g any one", "group h 2 g one", "quorum h"),
        policy("quorum g", "group g any one"),
        policy("quorum none\r"),
        policy("nonsense", "quorum none"),
        policy("quorum none " + "x"),
        policy("#" * 300_000, "quorum none"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(ask: Callable[..., Any], lines: str) -> None:
    told = ask(BOOK.note(), lines, key=vkey())

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["policy_malformed"])


def test_bytes_in_a_policy_mean_themselves(ask: Callable[..., Any]) -> None:
    assert ask(BOOK.note(), b"# caf\xe9\n" + policy("quorum none").encode()).codes == []


WORDS = [
    b"\n",
    b" ",
    b"\t",
    b"\r",
    b"#",
    b"any",
    b"all",
    b"none",
    b"0",
    b"2",
    b"group",
    b"one ",
    b" two",
    b"\xff",
    b"\x7f",
]
WORDS += [f"witness four {witness(14)}\n".encode(), f"log {vkey(3)}\n".encode(), b"quorum none\n", b"group k 1 h\n"]
NESTED = policy("group g any one two", "group h 2 g three", "quorum h").encode()


@given(altered(NESTED, WORDS), st.sets(st.sampled_from(NAMES)))
def test_an_altered_policy_is_followed_or_refused_as_by_the_product(raw: bytes, cosigned_: set[str]) -> None:
    try:
        theirs = read_policy(raw)
    except Unclear:
        with pytest.raises(offline.CannotRead):
            offline.Policy(raw)
        return
    ours = offline.Policy(raw)

    assert [key.name for key in ours.keys] == [key.origin for key in theirs.logs]
    assert list(ours.witnesses) == [held.name for held in theirs.witnesses]
    assert ours.satisfied(cosigned_ & {*ours.witnesses}) == theirs.is_met_by(cosigned_)


@given(st.binary(max_size=1), st.integers(0, 600), st.integers(0, 3))
def test_an_altered_note_with_witnesses_is_judged_as_by_the_product(scrap: bytes, place: int, length: int) -> None:
    raw = seen_by(0, 2)
    raw = raw[:place] + scrap + raw[place + length :]
    held = read_policy(NESTED)
    trust = offline.Trust([offline.key_in(vkey())], offline.Policy(NESTED))

    def verify_with(public_key: bytes) -> Callable[[bytes, bytes], bool]:
        return lambda message, signature: offline.signature_holds(public_key, message, signature)

    try:
        theirs = judge(raw, held, verify_with)
    except Rejected:
        # What another log signed is refused by both, each in words of its own.
        with pytest.raises(offline.Unsound):
            trust.checkpoint_in(raw)
        return
    ours = trust.checkpoint_in(raw)

    assert (ours.size, ours.root) == (theirs.checkpoint.size, theirs.checkpoint.root)
    assert {name for name, key in trust.policy.witnesses.items() if key in ours.cosigned} == theirs.cosigned


NOTE_TEXT = BOOK.note().rpartition(b"\n\n")[0] + b"\n"
ANY = policy("group g any one two three", "quorum g")


@pytest.mark.parametrize(
    ("name", "note", "codes"),
    [
        ("over another text", cosigned(BOOK.note(), 11, AT, "one.example", BOOK.note(3)), ["checkpoint_malformed"]),
        ("by another key", seen_by(0).replace(b"one.example", b"two.example"), ["quorum_missing"]),
        ("42 altered", seen_by(0)[:-8] + b"AAAAAA=\n", ["checkpoint_malformed"]),
        ("dated beyond all time", cosigned(BOOK.note(), 11, 2**63, "one.example"), ["checkpoint_malformed"]),
        ("43 of the log's type", signed_by([1], NOTE_TEXT), ["quorum_missing"]),
        ("of a stranger", cosigned(BOOK.note(), 19, AT, "four.example"), ["quorum_missing"]),
        ("only witnesses", cosigned(NOTE_TEXT + b"\n", 11, AT, "one.example"), ["checkpoint_not_signed"]),
    ],
)
def test_a_cosignature_that_is_none_counts_for_nothing(
    ask: Callable[..., Any], name: str, note: bytes, codes: list[str]
) -> None:
    """§4 cases 42 and 43."""
    assert ask(note, ANY).codes == codes


def test_a_signature_of_one_type_is_none_of_the_other(ask: Callable[..., Any]) -> None:
    """§4 case 43: the bytes that a log signs offered under the id of a witness, and the other way about."""
    id_of_one = bytes.fromhex(W[0].split("+")[1])
    plain = signed_by([11], NOTE_TEXT, "one.example").splitlines()[-1].split(b" ")[2]
    as_witness = offline.base64.b64encode(id_of_one + offline.base64.b64decode(plain)[4:])
    line = "\u2014 one.example ".encode() + as_witness + b"\n"

    assert ask(BOOK.note() + line, ANY).codes == ["checkpoint_malformed"]
    # The log's key as a witness of itself is a key of another id, which nobody asked for.
    assert ask(cosigned(NOTE_TEXT + b"\n", 1, AT, ORIGIN), ANY).codes == ["checkpoint_not_signed"]


def test_a_stale_view_is_told(ask: Callable[..., Any]) -> None:
    """§4 case 45."""
    now = int(offline.time.time())
    for days, codes in ((1, []), (3, ["stale"])):
        told = ask(seen_by(0, at=now - days * 86_400 + 60), ANY, "--not-older", 2)
        assert told.codes == codes
    assert ask(seen_by(0, at=now - 9 * 86_400, note=seen_by(1, at=now)), ANY, "--not-older", 2).codes == []
    never = ask(BOOK.note(), policy("quorum none"), "--not-older", 2)
    assert (never.status, never.codes, never.findings[0]["found"]) == (offline.CANNOT_TELL, ["stale"], "never")


def test_a_policy_holds_for_logs_and_case_files_too(verify: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "policy").write_text(ANY)
    for numbers, codes in (([], ["quorum_missing"]), ([2], [])):
        note = seen_by(*numbers)
        folder, state = BOOK.lay_out(tmp_path / "log", note=note), tmp_path / "state"
        told = [
            told_of("log", folder, "--policy", tmp_path / "policy"),
            told_of("follow", folder, "--state", state, "--policy", tmp_path / "policy"),
            verify(zipped(with_manifest(members(note=note))), "--policy", tmp_path / "policy", key=None),
        ]

        assert [each.codes for each in told] == [codes] * 3
        assert state.exists() == (not codes)


def test_the_policy_that_comes_along_is_not_asked(verify: Callable[..., Any]) -> None:
    for lines in (policy("quorum one"), f"log {vkey(2)}\nquorum none\n", "nonsense"):
        assert verify(zipped(with_manifest({**members(), "policy": lines.encode()}))).codes == []


def test_whose_log_it_is_must_be_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy").write_text(policy("quorum none", keys=False))
    for arguments in ([], ["--policy", str(tmp_path / "policy")], ["--key", vkey(), "--key", vkey(1, NEW)]):
        with pytest.raises(SystemExit) as ended:
            offline.main(["receipt", str(tmp_path / "mine"), *arguments])
        assert ended.value.code == offline.USAGE
    # A policy may know other logs; the key says which one is meant.
    (tmp_path / "policy").write_text(policy(f"log {vkey(2, NEW)}", "quorum none"))
    (tmp_path / "mine").write_bytes(BOOK.receipt(1))
    assert told_of("receipt", tmp_path / "mine", "--policy", tmp_path / "policy", "--key", vkey()).codes == []


# -- it only reads -----------------------------------------------------------------------------------------------


def test_nothing_is_written_and_nothing_within_is_run(tmp_path: Path) -> None:
    """§4 case 62."""
    case, ran = tmp_path / "case.zip", tmp_path / "ran"
    trap = f"open({str(ran)!r}, 'w')\n".encode()
    case.write_bytes(zipped(with_manifest({**members(), "evenhand-verify.py": trap})))
    for name in ("zlib.py", "struct.py", "json.py"):
        (tmp_path / name).write_bytes(trap)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}

    program = [sys.executable, str(Path(offline.__file__)), "case", "case.zip", "--key", vkey()]
    ended = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (offline.SOUND, "")
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()} == before


def test_no_byte_of_a_case_file_can_be_changed_unseen(tmp_path: Path) -> None:
    """A sample of what `python -m bench mutations` tries five thousand times."""
    dice, path = random.Random(13), tmp_path / "case.zip"
    whole = bytearray(zipped(with_manifest(case_members())))
    path.write_bytes(whole)
    honest = view_of(path, vkey())
    for _ in range(5_000 if os.environ.get("ODR_EXAMPLES") == "explore" else 250):
        place, change = dice.randrange(len(whole)), dice.randrange(1, 256)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])

        status, view = view_of(path, vkey())

        assert status in (offline.TAMPERED, offline.CANNOT_TELL) or view == honest[1], (place, change)


def test_no_case_file_whatever_makes_the_verifier_fail(verify: Callable[..., Any]) -> None:
    dice, sealed = random.Random(17), with_manifest(members())
    for number in range(1_000 if os.environ.get("ODR_EXAMPLES") == "explore" else 60):
        path = dice.choice(sorted(sealed))
        first, last = sorted(dice.randrange(len(sealed[path]) + 1) for _ in range(2))
        noise = dice.choice([b"", dice.randbytes(3), sealed[path][first:last] * 2, b"\n\n", b"[" * 5_000])
        spoilt = {**sealed, path: sealed[path][:first] + noise + sealed[path][last:]}
        if number % 2 and path != "manifest":
            spoilt = with_manifest(without("manifest")(spoilt), size=len(BOOK.entries))

        told = verify(zipped(spoilt))

        assert "verifier_failed" not in told.codes, told.findings
