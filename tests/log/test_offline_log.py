"""Whatever is done to a log that is handed out, the verifier that anybody can run names it, and writes nothing there."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odr.log import chain, note, offline, proof, receipt
from tests.log.books import ORIGIN, SALT, STREAMS, Book, a_book, key, put, signed, vkey

SIZE = 600
BOOK = a_book(SIZE)
EARLIER = 450


class Told:
    """What the verifier said: the code it ended with, and its findings."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        told = json.loads(text)
        self.verdict, self.seen, self.findings = told["verdict"], told["seen"], told["findings"]
        self.codes = [finding["code"] for finding in self.findings]


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    def run(*arguments: object, seed: int = 1) -> Told:
        status = offline.main([*map(str, arguments), "--key", vkey(seed), "--json"])
        out, err = capsys.readouterr()
        assert err == ""
        return Told(status, out)

    return run


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    """The whole log as it is handed out."""
    return BOOK.lay_out(tmp_path / "log")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A checkpoint that somebody kept from earlier."""
    (tmp_path / "kept").write_bytes(BOOK.note(EARLIER))
    return tmp_path / "kept"


# -- honest logs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, SIZE])
def test_an_honest_log_is_sound(verify: Callable[..., Told], tmp_path: Path, size: int) -> None:
    told = verify("log", a_book(size).lay_out(tmp_path / "log"))

    assert (told.status, told.codes) == (offline.SOUND, [])
    assert told.seen["entries"] == told.seen["size"] == size
    assert told.seen["streams"] == min(size, 3)


def test_a_log_of_nothing_is_sound(verify: Callable[..., Told], tmp_path: Path) -> None:
    told = verify("log", Book().lay_out(tmp_path / "log"))

    assert (told.status, told.codes, told.seen["entries"]) == (offline.SOUND, [], 0)


def test_a_log_that_has_grown_still_holds_what_was_kept(
    verify: Callable[..., Told], laid: Path, kept: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_bytes(BOOK.receipt(77, 300))

    told = verify("log", laid, "--checkpoint", kept, "--checkpoint", tmp_path / "mine")

    assert told.codes == []


def test_what_a_full_tile_has_replaced_is_not_missed(verify: Callable[..., Told], tmp_path: Path) -> None:
    book = a_book(512)
    folder = book.lay_out(tmp_path / "log", note=book.note(400))
    # The one tile that stays partial has to be there for every signed size.
    put(folder / "tile" / "1" / "000.p" / "1", proof.root(book.leaves[:256]))

    told = verify("log", folder)

    assert (told.codes, told.seen["size"]) == ([], 400)


def test_hashes_alone_can_be_checked_when_that_is_asked(verify: Callable[..., Told], laid: Path, kept: Path) -> None:
    for bundle in (laid / "tile" / "entries").rglob("*"):
        if bundle.is_file():
            bundle.unlink()

    assert verify("log", laid, "--hashes", "--checkpoint", kept).codes == []
    whole = verify("log", laid)
    assert (whole.status, whole.codes) == (offline.CANNOT_TELL, ["entries_not_given"])


def test_words_given_for_entries_are_opened(verify: Callable[..., Told], laid: Path, tmp_path: Path) -> None:
    words = tmp_path / "words"
    lines = [opening(number) for number in range(SIZE)]
    words.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    told = verify("log", laid, "--openings", words)

    assert told.codes == []
    assert told.seen["opened"] == told.seen["commitments"] == SIZE


def opening(number: int, **changes: object) -> dict[str, object]:
    entry = chain.check(BOOK.entries[number])
    honest = {"name": "message", "salt": SALT.hex(), "payload": f"word {number}"}
    return {"stream": entry.stream, "ver": entry.version} | honest | changes


# -- deeds -------------------------------------------------------------------------------------------------------

Deed = Callable[[Path], None]


def rewritten(change: Callable[[list[bytes]], list[bytes]], *, seed: int | None = None, edge: bool = False) -> Deed:
    """The whole log laid out anew with other entries, all hashes recomputed. `seed` says who signs it; without one
    the old checkpoint stays. With `edge`, hash tiles stay as they were signed."""

    def deed(folder: Path) -> None:
        other = Book(change(list(BOOK.entries)))
        tiles = {
            path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "entries" not in path.parts
        }
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            path.unlink()
        other.lay_out(folder, note=BOOK.note() if seed is None else other.note(seed=seed))
        if edge:
            for path, held in tiles.items():
                path.write_bytes(held)

    return deed


def bytes_of(path: str, change: Callable[[bytes], bytes]) -> Deed:
    def deed(folder: Path) -> None:
        whole = (folder / path).read_bytes()
        assert change(whole) != whole
        (folder / path).write_bytes(change(whole))

    return deed


def without(path: str) -> Deed:
    return lambda folder: (folder / path).unlink()


def checkpoint(raw: bytes) -> Deed:
    return lambda folder: (folder / "checkpoint").write_bytes(raw) and None


def edited(entries: list[bytes], index: int = 301) -> list[bytes]:
    entries[index] = entries[index].replace(b'"minor":401', b'"minor":409')
    return entries


def swapped(entries: list[bytes], first: int, second: int) -> list[bytes]:
    entries[first], entries[second] = entries[second], entries[first]
    return entries


def with_entry(index: int, **changes: Any) -> Callable[[list[bytes]], list[bytes]]:
    """The entry at this index said otherwise, in canonical bytes."""

    def change(entries: list[bytes]) -> list[bytes]:
        entries[index] = chain.encode(replace(chain.check(entries[index]), **changes))
        return entries

    return change


def with_bytes(index: int, raw: Callable[[bytes], bytes]) -> Callable[[list[bytes]], list[bytes]]:
    def change(entries: list[bytes]) -> list[bytes]:
        assert raw(entries[index]) != entries[index]
        entries[index] = raw(entries[index])
        return entries

    return change


def regrown(entries: list[bytes]) -> list[bytes]:
    """The log up to 400 as it was, and another history from there on."""
    other = Book(entries[:400], {})
    for stream in STREAMS:
        last = [entry for entry in map(chain.check, other.entries) if entry.stream == stream][-1]
        other.heads[stream] = (last.version, chain.leaf_hash(chain.encode(last)).hex())
    for number in range(250):
        other.write(STREAMS[number % 3], payload=b"another word")
    return other.entries


def renamed(entries: list[bytes]) -> list[bytes]:
    """One entry that belongs to another log."""
    return with_entry(0, origin="evenhand/" + "f" * 32)(entries)


def flip(place: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


MIDDLE = BOOK.note(EARLIER)
TEXT = BOOK.note().partition(b"\n\n")[0] + b"\n"
LOG_KEY = note.key_id(ORIGIN, key(1).public_key().public_bytes_raw())
TYPE_FOUR = hashlib.sha256(f"{ORIGIN}\n\x04".encode() + key(1).public_key().public_bytes_raw()).digest()[:4]
STRANGE = "evenhand/" + "f" * 32


def signed_text(text: bytes, *, key_id: bytes = LOG_KEY, seed: int = 1) -> bytes:
    return note.sign(text, ORIGIN, key_id, key(seed).sign)


# What was done (with its number in the design of the log), the codes that must be named, and the first index of the
# first of them where that can be told. "kept" deeds are found by whoever kept a checkpoint of 450 entries.
DEEDS: list[tuple[str, Deed, set[str], int | None]] = [
    # Without the key.
    ("1 an entry edited", rewritten(edited, edge=True), {"entry_differs"}, 301),
    ("1 a byte in a bundle", bytes_of("tile/entries/001", flip(1_000)), {"entry_differs"}, None),
    ("1 a length in a bundle", bytes_of("tile/entries/001", flip(0)), {"bundle_malformed"}, 256),
    ("2, 3 an entry edited and every hash recomputed", rewritten(edited), {"root_differs"}, None),
    ("4, 5 an entry deleted, the rest renumbered", rewritten(lambda held: held[:301] + held[302:], edge=True), {"entries_missing", "entry_differs", "stream_gap"}, None),
    ("6 two entries of different streams exchanged", rewritten(lambda held: swapped(held, 10, 11), edge=True), {"entry_differs"}, 10),
    ("6 two entries of one stream exchanged", rewritten(lambda held: swapped(held, 9, 12), edge=True), {"entry_differs", "stream_gap", "stream_twice"}, 9),
    ("9 an entry put into the past", rewritten(lambda held: [*held[:50], held[9], *held[50:-1]], edge=True), {"entry_differs", "stream_twice"}, 50),
    ("10 a whole stream removed", rewritten(lambda held: [raw for raw in held if STREAMS[1].encode() not in raw], edge=True), {"entries_missing", "entry_differs"}, None),
    ("8 another history without a signature", rewritten(lambda held: regrown(held)[:SIZE]), {"root_differs"}, None),
    ("17 a tile of leaves edited", bytes_of("tile/0/001", flip(32 * 7)), {"tile_differs"}, 256 + 7),
    ("17 the leaves at the edge edited", bytes_of("tile/0/002.p/88", flip(32 * 87)), {"tile_differs"}, 599),
    ("17 a tile of roots edited", bytes_of("tile/1/000.p/2", flip(32)), {"tile_differs"}, 0),
    ("17 a tile cut short", bytes_of("tile/0/001", lambda raw: raw[:-1]), {"tile_differs"}, 256),
    ("17 a tile lengthened", bytes_of("tile/0/001", lambda raw: raw + bytes(32)), {"tile_differs"}, 256),
    ("17 a tile removed", without("tile/0/001"), {"tile_missing"}, 256),
    ("17 a tile of roots removed", without("tile/1/000.p/2"), {"tile_missing"}, 0),
    ("60 the end removed", without("tile/entries/002.p/88"), {"entries_missing"}, 512),
    ("60 the middle removed", without("tile/entries/001"), {"entries_missing"}, 256),
    ("60 the last entry removed", bytes_of("tile/entries/002.p/88", lambda raw: raw[: -len(BOOK.entries[-1]) - 2]), {"bundle_malformed"}, 512),
    ("61 a bundle far too long", bytes_of("tile/entries/001", lambda raw: raw + bytes(256 * 65_538)), {"bundle_malformed"}, 256),
    # Checkpoints.
    ("33 a thief signs with a key of their own", rewritten(edited, seed=2), {"checkpoint_not_signed"}, None),
    ("34 a thief's key under our id", checkpoint(signed_text(TEXT, seed=2)), {"checkpoint_malformed"}, None),
    ("39 another log's checkpoint", checkpoint(signed(SIZE, BOOK.root(), origin=STRANGE)), {"checkpoint_not_signed"}, None),
    ("39 another log's text under our key", checkpoint(signed_text(TEXT.replace(ORIGIN.encode(), STRANGE.encode()))), {"checkpoint_of_another_log"}, None),
    ("40 an extension line", checkpoint(signed_text(TEXT + b"more\n")), {"checkpoint_malformed"}, None),
    ("41 a size with a leading zero", checkpoint(signed_text(TEXT.replace(b"\n600", b"\n0600"))), {"checkpoint_malformed"}, None),
    ("41 lines ended otherwise", bytes_of("checkpoint", lambda raw: raw.replace(b"\n", b"\r\n")), {"checkpoint_malformed"}, None),
    ("41 seventeen signatures", bytes_of("checkpoint", lambda raw: raw + raw[raw.rindex(b"\n\n") + 2 :] * 16), {"checkpoint_malformed"}, None),
    ("43 a signature of another type", checkpoint(signed_text(TEXT, key_id=TYPE_FOUR)), {"checkpoint_not_signed"}, None),
    ("46 a checkpoint of another size", checkpoint(signed(SIZE, BOOK.root(SIZE - 1))), {"root_differs"}, None),
    ("a checkpoint beyond the log", checkpoint(signed(SIZE + 1, BOOK.root())), {"entries_missing", "tile_missing"}, None),
    ("a checkpoint of a log without end", checkpoint(signed(2**63 - 1, BOOK.root())), {"entries_missing", "tile_missing"}, None),
    ("no checkpoint", without("checkpoint"), {"checkpoint_missing"}, None),
    # With the key of the log itself.
    ("7 kept: the end cut off", rewritten(lambda held: held[:400], seed=1), {"log_shrank"}, None),
    ("7 kept: an old copy is shown", checkpoint(BOOK.note(400)), {"log_shrank"}, None),
    ("8 kept: the end cut off and regrown otherwise", rewritten(regrown, seed=1), {"log_forked"}, None),
    ("35, 44 kept: an entry edited and signed again", rewritten(edited, seed=1), {"log_forked"}, None),
    ("10 kept: a stream removed and signed again", rewritten(lambda held: [raw for raw in held if STREAMS[1].encode() not in raw], seed=1), {"log_shrank"}, None),
    ("4 an entry taken out and signed again", rewritten(lambda held: held[:301] + held[302:], seed=1), {"stream_gap"}, 303),
    ("11 a version twice", rewritten(lambda held: with_entry(12, version=4, nonce="f" * 32)(held), seed=1), {"stream_twice"}, None),
    ("11 an entry twice", rewritten(lambda held: [*held, held[9]], seed=1), {"stream_twice"}, 600),
    ("12 an entry that follows another stream", rewritten(with_entry(12, prev=BOOK.leaves[10].hex()), seed=1), {"stream_prev_differs"}, 12),
    ("13 versions in another order than places", rewritten(lambda held: swapped(held, 9, 12), seed=1), {"stream_gap", "stream_twice"}, 9),
    ("52 the clock set back", rewritten(with_entry(12, at=1), seed=1), {"stream_time_goes_back"}, 12),
    ("39 an entry of another log", rewritten(renamed, seed=1), {"entry_of_another_log"}, 0),
    ("15 a float", rewritten(with_bytes(12, lambda raw: raw.replace(b'"minor":112', b'"minor":1.5')), seed=1), {"entry_malformed"}, 12),
    ("15 a key twice", rewritten(with_bytes(12, lambda raw: raw.replace(b'"act":""', b'"act":"","act":""')), seed=1), {"entry_malformed"}, 12),
    ("15 an unknown field", rewritten(with_bytes(12, lambda raw: raw.replace(b'"act":""', b'"abc":"","act":""')), seed=1), {"entry_malformed"}, 12),
    ("15 a byte order mark", rewritten(with_bytes(12, lambda raw: b"\xef\xbb\xbf" + raw), seed=1), {"entry_malformed"}, 12),
    ("15 a lone surrogate", rewritten(with_bytes(12, lambda raw: raw.replace(b'"act":""', b'"act":"\\ud800"')), seed=1), {"entry_malformed"}, 12),
    ("15 another spelling", rewritten(with_bytes(12, lambda raw: raw + b" "), seed=1), {"entry_malformed"}, 12),
    ("15 levels without end", rewritten(with_bytes(12, lambda raw: b"[" * 60_000), seed=1), {"entry_malformed"}, 12),
    ("15 nothing", rewritten(with_bytes(12, lambda raw: b""), seed=1), {"entry_malformed"}, 12),
    ("48 an inner node given as an entry", rewritten(with_bytes(12, lambda raw: b"\x01" + BOOK.leaves[0] + BOOK.leaves[1]), seed=1), {"entry_malformed"}, 12),
]  # fmt: skip


@pytest.mark.parametrize(("name", "deed", "codes", "first"), DEEDS, ids=[name for name, *_ in DEEDS])
def test_every_deed_is_named(
    verify: Callable[..., Told], laid: Path, kept: Path, name: str, deed: Deed, codes: set[str], first: int | None
) -> None:
    """§4 cases 1 to 13, 15, 17, 33 to 35, 39 to 41, 43, 44, 46, 48, 52, 60 and 61, as far as a folder of files shows them."""
    deed(laid)

    told = verify("log", laid, *(["--checkpoint", kept] if "kept:" in name else []))

    assert codes <= set(told.codes)
    weights = {offline.SENTENCES[code][0] for code in told.codes}
    assert told.status == (offline.TAMPERED if offline.TAMPERED in weights else offline.CANNOT_TELL)
    if first is not None:
        assert min(finding["idx"] for finding in told.findings if finding["code"] in codes) == first


@pytest.mark.parametrize(
    ("number", "change", "code"),
    [
        (22, {"payload": "another word"}, "opening_differs"),
        (23, {"salt": bytes(32).hex()}, "opening_differs"),
        (24, {"payload": "another word", "salt": bytes(32).hex()}, "opening_differs"),
        (25, {"ver": 7}, "opening_differs"),
        (25, {"stream": STREAMS[1]}, "opening_differs"),
        (25, {"name": "reason"}, "opening_unknown"),
        (25, {"stream": "dispute/" + "f" * 32}, "opening_unknown"),
        (31, {"salt": SALT[:31].hex()}, "opening_differs"),
        (31, {"salt": SALT.hex() + "00" * 32}, "opening_differs"),
    ],
)
def test_words_that_were_altered_or_moved_are_named(
    verify: Callable[..., Told], laid: Path, tmp_path: Path, number: int, change: dict[str, Any], code: str
) -> None:
    """§4 cases 22, 23, 24, 25 and 31."""
    (tmp_path / "words").write_text(json.dumps(opening(9, **change)))

    told = verify("log", laid, "--openings", tmp_path / "words")

    assert told.codes == [code]


def test_a_flood_of_findings_is_cut(verify: Callable[..., Told], tmp_path: Path) -> None:
    book = a_book(1_100)
    other = Book([raw + b" " for raw in book.entries])

    told = verify("log", other.lay_out(tmp_path / "log"))

    assert len(told.findings) == offline.MOST_FINDINGS + 1
    assert told.codes[-1] == "too_many_findings"


# -- following ---------------------------------------------------------------------------------------------------


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine" / "state"


def test_following_believes_a_log_that_only_grew(verify: Callable[..., Told], tmp_path: Path, state: Path) -> None:
    for size in (3, 3, 255, 256, 257, SIZE, SIZE):
        folder = a_book(size).lay_out(tmp_path / f"log {size}")

        told = verify("follow", folder, "--state", state)

        assert told.codes == []
        assert state.read_bytes() == BOOK.note(size)
    assert [path.name for path in state.parent.iterdir()] == ["state"]


@given(st.integers(0, SIZE))
@settings(max_examples=20)
def test_any_earlier_size_is_proven_from_tiles_alone(tmp_path_factory: pytest.TempPathFactory, old: int) -> None:
    folder = tmp_path_factory.mktemp("followed")
    BOOK.lay_out(folder / "log")
    (folder / "state").write_bytes(BOOK.note(old))
    report = offline.Report("follow")

    offline.follow(offline.Folder(folder / "log"), offline.Trust([offline.key_in(vkey())]), folder / "state", report)

    assert report.findings == []
    if 0 < old:
        assert offline.Tiles(offline.Folder(folder / "log"), SIZE).growth(old) == proof.consistency_proof(
            BOOK.leaves, old
        )


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        (rewritten(lambda held: held[:400], seed=1), "log_shrank"),
        (rewritten(lambda held: edited(held)[:EARLIER], seed=1), "log_forked"),
        (rewritten(edited, seed=1), "log_forked"),
        (rewritten(regrown, seed=1), "log_forked"),
    ],
)
def test_both_notes_of_a_fork_are_kept_as_evidence(
    verify: Callable[..., Told], laid: Path, state: Path, deed: Deed, code: str
) -> None:
    """§4 cases 7, 8, 35 and 44."""
    state.write_bytes(MIDDLE)
    deed(laid)

    told = verify("follow", laid, "--state", state)
    again = verify("follow", laid, "--state", state)

    assert told.codes == again.codes == [code]
    assert state.read_bytes() == MIDDLE
    evidence = {path.suffix: path.read_bytes() for path in state.parent.iterdir() if path != state}
    assert evidence == {".kept": MIDDLE, ".shown": (laid / "checkpoint").read_bytes()}
    assert sorted(map(Path, told.seen["evidence"])) == sorted(path for path in state.parent.iterdir() if path != state)


def test_evidence_is_never_written_over(verify: Callable[..., Told], laid: Path, state: Path) -> None:
    state.write_bytes(MIDDLE)
    rewritten(edited, seed=1)(laid)
    verify("follow", laid, "--state", state)
    (shown,) = state.parent.glob("*.shown")
    shown.write_bytes(b"something else")

    told = verify("follow", laid, "--state", state)

    assert told.codes == ["log_forked", "not_saved"]
    assert told.status == offline.TAMPERED
    assert shown.read_bytes() == b"something else"


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        (bytes_of("tile/0/002.p/88", flip(0)), "tile_differs"),
        (bytes_of("tile/1/000.p/2", lambda raw: bytes(len(raw))), "tile_differs"),
        (bytes_of("tile/0/002.p/88", lambda raw: raw[1:]), "tile_differs"),
        (without("tile/1/000.p/2"), "tile_missing"),
        (without("tile/0/002.p/88"), "tile_missing"),
        (checkpoint(signed(SIZE, BOOK.root(SIZE - 1))), "tile_differs"),
        (checkpoint(BOOK.note(seed=2)), "checkpoint_not_signed"),
        (without("checkpoint"), "checkpoint_missing"),
    ],
)
@pytest.mark.parametrize("before", [None, 0, 3, EARLIER])
def test_what_cannot_be_proven_is_not_believed(
    verify: Callable[..., Told], laid: Path, state: Path, deed: Deed, code: str, before: int | None
) -> None:
    if before is not None:
        state.write_bytes(BOOK.note(before))
    deed(laid)

    told = verify("follow", laid, "--state", state)

    assert told.codes == [code]
    kept = [] if before is None else [BOOK.note(before)]
    assert [path.read_bytes() for path in state.parent.glob("state")] == kept
    # What the log signed and did not prove may be proven false by others one day.
    shown = (laid / "checkpoint").read_bytes() if kept and code.startswith("tile") else None
    assert [path.read_bytes() for path in state.parent.glob("*.shown")] == ([shown] if shown else [])


@pytest.mark.parametrize("raw", [b"", b"nothing of the kind", BOOK.note(seed=2), MIDDLE[:-1], b"x" * 1_000_000])
def test_a_state_that_nobody_signed_is_not_believed(
    verify: Callable[..., Told], laid: Path, state: Path, raw: bytes
) -> None:
    state.write_bytes(raw)

    told = verify("follow", laid, "--state", state)

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["state_malformed"])
    assert state.read_bytes() == raw


def test_the_first_look_claims_no_comparison(laid: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for _ in range(2):
        assert offline.main(["follow", str(laid), "--state", str(state), "--key", vkey()]) == offline.SOUND
        said.append(capsys.readouterr().out)

    assert "nothing was compared yet" in said[0]
    assert "still begins with everything it held" in said[1]


def test_a_state_that_cannot_be_written_is_said(verify: Callable[..., Told], laid: Path, tmp_path: Path) -> None:
    told = verify("follow", laid, "--state", tmp_path / "no folder" / "state")

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["not_saved"])


def test_no_honest_history_raises_an_alarm(tmp_path: Path) -> None:
    """Logs that grow by leaps of every size, looked at now and then by somebody who keeps what they saw."""
    dice, trust = random.Random(3), offline.Trust([offline.key_in(vkey())])
    for number in range(1_000 if os.environ.get("ODR_EXAMPLES") == "explore" else 10):
        folder, state, book, looks = tmp_path / f"log {number}", tmp_path / f"state {number}", Book(), []
        for _ in range(dice.randrange(1, 5)):
            for _ in range(dice.choice([1, 3, 100, 256, 300])):
                book.write(dice.choice(STREAMS), payload=dice.choice([None, b"a word"]))
            book.lay_out(folder)
            looks.append(trust.checkpoint_in(book.note()))
            report = offline.Report("follow")
            offline.follow(offline.Folder(folder), trust, state, report)
            assert report.findings == []
        report = offline.Report("log")
        offline.verify_log(offline.Folder(folder), trust, looks, {}, False, report)
        assert report.findings == []


# -- over the network --------------------------------------------------------------------------------------------


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    servers = []

    def start(handler: Any) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_log_is_verified_and_followed_over_the_network(
    verify: Callable[..., Told], serve: Callable[[Any], str], laid: Path, state: Path
) -> None:
    address = serve(partial(Quiet, directory=str(laid)))
    state.write_bytes(MIDDLE)

    assert verify("log", address + "/").codes == []
    assert verify("follow", address, "--state", state).codes == []
    without("tile/0/001")(laid)
    assert verify("log", address).codes == ["tile_missing"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        (500, {}, b"", "unreachable"),
        (302, {"Location": "file:///etc/hostname"}, b"", "unreachable"),
        (301, {"Location": "/elsewhere"}, b"", "unreachable"),
        (200, {"Content-Encoding": "gzip"}, b"", "unreachable"),
        (200, {"Content-Length": "5000000"}, b"short", "unreachable"),
        (200, {"Content-Length": "nonsense"}, b"", "checkpoint_malformed"),
        (200, {}, b"x" * 1_000_000, "checkpoint_malformed"),
        (200, {}, b"<!doctype html>\n\n<p>\tSign in", "checkpoint_malformed"),
        (404, {}, b"", "checkpoint_missing"),
    ],
)
def test_a_server_that_answers_otherwise_is_named(
    verify: Callable[..., Told],
    serve: Callable[[Any], str],
    status: int,
    headers: dict[str, str],
    body: bytes,
    code: str,
) -> None:
    class Strange(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    # What is answered in place of a history of keys is no history either.
    assert [told for told in verify("log", serve(Strange)).codes if told != "history_malformed"] == [code]


@pytest.mark.parametrize("begins", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b""])
def test_an_answer_that_never_ends_is_given_up(
    verify: Callable[..., Told],
    serve: Callable[[Any], str],
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    begins: bytes,
) -> None:
    """A log that would have its followers wait for ever: by the rest of an answer, or by a word that one is to come."""
    over = threading.Event()

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(begins)
            while not over.wait(0.001):
                self.wfile.write(b"" if begins else b"HTTP/1.1 100 Continue\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(offline, "LONGEST", 0.1)
    state.write_bytes(MIDDLE)

    told = verify("follow", serve(Endless), "--state", state)
    over.set()

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["unreachable"])
    assert state.read_bytes() == MIDDLE


def test_a_token_is_sent_for_entries_and_to_nobody_else(
    verify: Callable[..., Told], serve: Callable[[Any], str], laid: Path, tmp_path: Path
) -> None:
    asked: dict[str, str | None] = {}
    elsewhere: list[str] = []

    class Counting(Quiet):
        def do_GET(self) -> None:
            asked[self.path] = self.headers["Authorization"]
            if self.path.startswith("/tile/entries/") and asked[self.path] != "Bearer let-me-read":
                self.send_error(401)
            else:
                super().do_GET()

    class Elsewhere(Quiet):
        def do_GET(self) -> None:
            elsewhere.append(self.path)

    class Sending(Counting):
        def do_GET(self) -> None:
            self.send_response(307)
            self.send_header("Location", serve(Elsewhere) + self.path)
            self.end_headers()

    (tmp_path / "token").write_text("let-me-read\n")
    address = serve(partial(Counting, directory=str(laid)))

    told = verify("log", address, "--token-file", tmp_path / "token")
    closed = verify("log", address)
    sent_on = verify("log", serve(Sending), "--token-file", tmp_path / "token")

    assert (told.codes, told.seen["entries"]) == ([], SIZE)
    assert asked["/checkpoint"] is asked["/history"] is asked["/tile/0/000"] is None
    assert (closed.status, closed.codes) == (offline.CANNOT_TELL, ["unreachable"])
    assert (sent_on.codes, elsewhere) == (["unreachable"], [])


def test_nobody_at_the_address_is_no_tampering(verify: Callable[..., Told], state: Path) -> None:
    for address in ("http://127.0.0.1:9", "http://[nonsense", "https://127.0.0.1:9/log"):
        told = verify("follow", address, "--state", state)
        assert (told.status, told.codes) == (offline.CANNOT_TELL, ["unreachable"])


# -- what is read is never trusted, and never written ------------------------------------------------------------


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_nothing_is_written_into_what_is_verified(
    verify: Callable[..., Told], laid: Path, kept: Path, state: Path, tmp_path: Path
) -> None:
    """§4 case 62."""
    before = snapshot(laid)
    (tmp_path / "receipt").write_bytes(BOOK.receipt(1))

    verify("log", laid, "--checkpoint", kept)
    verify("follow", laid, "--state", state)
    verify("receipt", tmp_path / "receipt")

    assert snapshot(laid) == before
    for inside in (laid / "state", laid / "tile" / ".." / "state", laid):
        with pytest.raises(SystemExit) as ended:
            offline.main(["follow", str(laid), "--state", str(inside), "--key", vkey()])
        assert ended.value.code == offline.USAGE
    assert snapshot(laid) == before


def test_code_that_lies_in_a_log_is_not_run(laid: Path, tmp_path: Path) -> None:
    """§4 case 62."""
    for name in ("json.py", "hashlib.py", "sitecustomize.py", "usercustomize.py", "__init__.py"):
        (laid / name).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")

    ran = offline_in(laid, "log", ".", "--key", vkey())

    assert ran == offline.SOUND
    assert not (tmp_path / "ran").exists()


def offline_in(folder: Path, *arguments: str) -> int:
    """What the verifier ends with as a program of its own, started inside the folder it verifies."""
    program = [sys.executable, str(Path(offline.__file__)), *arguments]
    return subprocess.run(program, cwd=folder, capture_output=True, check=False).returncode


def test_links_pipes_and_folders_in_place_of_files_are_not_followed(
    verify: Callable[..., Told], laid: Path, tmp_path: Path
) -> None:
    path = laid / "tile" / "0" / "001"
    whole = path.read_bytes()
    (tmp_path / "outside").write_bytes(whole)
    for make in (
        lambda: path.symlink_to(tmp_path / "outside"),
        lambda: path.symlink_to("/dev/zero"),
        lambda: os.mkfifo(path),
        lambda: path.mkdir(),
    ):
        path.unlink()
        make()
        told = verify("log", laid)
        assert (told.status, told.codes) == (offline.CANNOT_TELL, ["unreadable"])
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
            path.write_bytes(whole)


def test_signs_that_command_a_terminal_are_not_passed_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    book = Book()
    book.write(STREAMS[0])
    book.entries[0] = chain.encode(
        replace(chain.check(book.entries[0]), data={"code": "\x1b]0;owned\x07\x9b31m\u202e", "x": "\x7f"})
    )
    (tmp_path / "receipt").write_bytes(book.receipt(0))

    for more in ([], ["--json"]):
        status = offline.main(["receipt", str(tmp_path / "receipt"), "--key", vkey(), *more])
        out = capsys.readouterr().out
        assert status == offline.SOUND
        assert out.isascii()
        assert not any(sign < " " and sign != "\n" for sign in out)
        assert "\x7f" not in out or more


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["receipt"],
        ["receipt", "file"],
        ["receipt", "file", "--key", "nonsense"],
        ["receipt", "file", "--key", vkey()[:-1]],
        ["receipt", "file", "--key", vkey(), "--key", vkey(1, STRANGE)],
        ["log", "folder", "--key", vkey(), "--more"],
        ["follow", "folder", "--key", vkey()],
        ["something", "--key", vkey()],
        ["receipt", "\x1b[31m", "--key", "\x1b[31m"],
    ],
)
def test_a_call_that_makes_no_sense_ends_with_three(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        offline.main(arguments)

    assert ended.value.code == offline.USAGE
    assert "\x1b" not in capsys.readouterr().err


def test_what_is_not_there_cannot_be_told(verify: Callable[..., Told], laid: Path, tmp_path: Path) -> None:
    for arguments in (
        ["receipt", tmp_path / "nothing"],
        ["receipt", tmp_path],
        ["log", tmp_path / "nothing"],
        ["log", laid / "checkpoint"],
        ["log", laid, "--checkpoint", tmp_path / "nothing"],
        ["log", laid, "--openings", tmp_path / "nothing"],
    ):
        told = verify(*arguments)
        assert (told.status, told.codes) == (offline.CANNOT_TELL, ["unreadable"])


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense",
        b"[]",
        b"{}",
        b"\xff",
        b'{"name":"a"}',
        json.dumps(opening(9, salt="zz")).encode(),
        json.dumps(opening(9, ver=-1)).encode(),
        json.dumps(opening(9, stream=7)).encode(),
        json.dumps(opening(9, payload="\ud800")).encode(),
        json.dumps(opening(9)).encode() + b"\n\n",
    ],
)
def test_a_file_of_words_that_cannot_be_read_is_named(
    verify: Callable[..., Told], laid: Path, tmp_path: Path, raw: bytes
) -> None:
    (tmp_path / "words").write_bytes(raw)

    told = verify("log", laid, "--openings", tmp_path / "words")

    assert (told.status, told.codes) == (offline.CANNOT_TELL, ["openings_malformed"])


def test_a_thief_who_signs_beside_us_changes_nothing(verify: Callable[..., Told], laid: Path) -> None:
    line = note.signature_line(TEXT, ORIGIN, b"\1\2\3\4", key(2).sign)
    bytes_of("checkpoint", lambda raw: raw + line)(laid)

    assert verify("log", laid).codes == []
    assert verify("log", laid, seed=2).codes == ["checkpoint_not_signed"]


def test_one_key_given_twice_counts_as_one(verify: Callable[..., Told], laid: Path) -> None:
    assert verify("log", laid, "--key", vkey()).codes == []


def test_no_input_whatever_makes_the_verifier_fail(verify: Callable[..., Told], tmp_path: Path, state: Path) -> None:
    dice = random.Random(11)
    folder = a_book(300).lay_out(tmp_path / "log")
    whole = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    book = a_book(300)
    mine, words = tmp_path / "mine.tlog-proof", tmp_path / "words"
    for _ in range(1_000 if os.environ.get("ODR_EXAMPLES") == "explore" else 60):
        (path,) = dice.sample(sorted(whole), 1)
        path.write_bytes(spoilt(dice, whole[path]))
        mine.write_bytes(spoilt(dice, book.receipt(7)))
        words.write_bytes(spoilt(dice, json.dumps(opening(7)).encode()))
        state.write_bytes(spoilt(dice, book.note(100)))

        for told in (
            verify("log", folder, "--checkpoint", mine, "--openings", words),
            verify("receipt", mine, "--openings", words),
            verify("follow", folder, "--state", state),
        ):
            assert "verifier_failed" not in told.codes, told.findings
            assert told.status in (offline.SOUND, offline.TAMPERED, offline.CANNOT_TELL)
        path.write_bytes(whole[path])


def spoilt(dice: random.Random, raw: bytes) -> bytes:
    """These bytes with a stretch taken out, doubled, or filled with noise."""
    first, last = sorted(dice.randrange(len(raw) + 1) for _ in range(2))
    last = dice.choice([last, min(len(raw), first + 3)])
    noise = dice.randbytes(dice.choice([0, 1, last - first]))
    return raw[:first] + dice.choice([noise, raw[first:last] * 2, b"\n\n", b"[" * 5_000]) + raw[last:]


def test_a_receipt_kept_by_somebody_else_shows_that_they_were_shown_another_log(
    verify: Callable[..., Told], laid: Path, tmp_path: Path
) -> None:
    theirs = Book(edited(list(BOOK.entries)))
    (tmp_path / "theirs").write_bytes(theirs.receipt(5))

    told = verify("log", laid, "--checkpoint", tmp_path / "theirs")

    assert (told.status, told.codes) == (offline.TAMPERED, ["log_forked"])


def test_a_kept_receipt_that_is_forged_is_named_and_not_used(
    verify: Callable[..., Told], laid: Path, tmp_path: Path
) -> None:
    forged = receipt.write(replace(receipt.read(BOOK.receipt(5)), entry=BOOK.entries[6]))
    (tmp_path / "forged").write_bytes(forged)

    assert verify("log", laid, "--checkpoint", tmp_path / "forged").codes == ["entry_not_proven"]


def test_every_finding_is_told_in_a_sentence_for_everybody(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for code, (_, sentence) in offline.SENTENCES.items():
        finding = offline.Finding(code, 7, "dispute/1", 3, "this", "that")
        assert finding.sentence.endswith(".") and finding.sentence[0] in "ABCDEFGHIJKLMNOPQRSTUVWXYZd"
        assert "{" not in finding.sentence, sentence
    (tmp_path / "receipt").write_bytes(BOOK.receipt(7))
    offline.main(["receipt", str(tmp_path / "receipt"), "--key", vkey()])
    assert "date: 2026-03-02 09:00:00 UTC" in capsys.readouterr().out
