"""The case file: each reader takes home all that is for them and nothing else, and a program of its own believes it."""

from __future__ import annotations

import http.client
import json
import re
import struct
import tracemalloc
import zipfile
import zlib
from html.parser import HTMLParser
from io import BytesIO
from itertools import repeat

import pytest
from PIL import Image
from sqlalchemy import delete, event, text, update

from odr.casefile import publication, service
from odr.casefile.archive import Listed, Member, archive, listed
from odr.decision.rules import ask_fresh_decider
from odr.erasure import service as erasure
from odr.evidence.service import take_in
from odr.evidence.store import CHUNK, Damaged
from odr.house import House
from odr.kernel import Actor, Money, moment, new_number, new_pseudonym
from odr.log import tables as log
from odr.log.halt import Halt, stop
from odr.log.integrator import integrate, seal_all
from odr.people.service import change_account
from odr.procedure.rules import send_message
from odr.response.rules import give_reply
from tests.builders import ADispute, a_dispute
from tests.casefile.archives import (
    all_read,
    checked,
    checked_at_home,
    codes,
    contents,
    made,
    members,
    repacked,
    signed_anew,
    taken,
    where,
)
from tests.log.test_tamper import fill_a_tile, unguarded
from tests.mediation.test_wall import CLAIM, KNOWN, MEDIATED, OFFERED, found, mediated, refund

HOSTILE = "<script>alert(1)</script> \"'><img src=x onerror=alert(2)> \u202eevil\u202c שלום"


def hand_in(
    house: House, dispute: ADispute, actor: Actor, content: bytes, name: str = "file.txt", about: str = ""
) -> int:
    """The version of the entry that a file came in with."""
    key = new_pseudonym()
    done = take_in(house, dispute.id, actor, key=key, arriving=BytesIO(content), name=name, about=about)
    dispute.state = done.dispute
    return done.first


def a_photo(canary: str) -> bytes:
    """A picture that tells more than it shows."""
    exif = Image.Exif()
    exif[0x010E] = canary
    written = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(written, "JPEG", exif=exif)
    return written.getvalue()


def object_of(house: House, dispute: ADispute, version: int):
    """Where the sealed file of an entry lies on the disk."""
    query = "SELECT object_id FROM stored_file WHERE stream = :stream AND ver = :ver"
    with house.engine.connect() as connection:
        asked = {"stream": f"dispute/{dispute.id}", "ver": version}
        object_id = connection.scalar(text(query), asked)
    return house.settings.files / "objects" / object_id[:2] / object_id


def spoil(place, at: int) -> None:
    sealed = bytearray(place.read_bytes())
    sealed[at] ^= 1
    place.write_bytes(bytes(sealed))


# -- what one gets ------------------------------------------------------------------------------------------------


def test_a_downloaded_case_file_is_sound_for_the_verifier_in_it(house, dispute, buyer, tmp_path):
    dispute.admitted()
    version = hand_in(house, dispute, dispute.buyer, b"left origin country\n", "tracking.txt", "The last scan")
    dispute.in_negotiation().offer(dispute.seller, "20.00")
    seal_all(house)
    fill_a_tile(house)
    dispute.offer(dispute.buyer, "30.00")
    seal_all(house)

    raw = taken(buyer, dispute)
    status, told = checked_at_home(house, tmp_path / "home", raw)

    assert (status, told["findings"]) == (0, [])
    assert (told["seen"]["stream"], told["seen"]["reader"]) == (f"dispute/{dispute.id}", "buyer")
    assert told["seen"]["entries"] == list(range(1, dispute.state.version + 1))
    assert members(raw)[f"files/{version:06}.txt"] == b"left origin country\n"
    words = [json.loads(line) for line in members(raw)["openings.jsonl"].splitlines()]
    assert {"The last scan", "We sent it."} <= {one["payload"] for one in words}


def test_every_member_stands_in_its_place(house, dispute, buyer):
    dispute.admitted().contested()
    hand_in(house, dispute, dispute.buyer, b"of the buyer\n")
    hand_in(house, dispute, dispute.seller, a_photo("somewhere"), "photo.jpg")
    hand_in(house, dispute, dispute.seller, b"of the seller\n")
    seal_all(house)

    names = list(members(taken(buyer, dispute)))

    kinds = list(dict.fromkeys(re.sub(r"/.*", "/", name) for name in names))
    assert kinds == [
        "index.html", "evenhand-verify.py", "entries/", "openings.jsonl", "files/", "copies/", "checkpoint",
        *[name for name in ("history", "policy") if name in names], "manifest",
    ]  # fmt: skip
    assert [name for name in names if "/" in name] == sorted(
        (name for name in names if "/" in name), key=lambda name: (kinds.index(name.split("/")[0] + "/"), name)
    )


@pytest.mark.one_database
def test_a_case_file_is_a_file_of_a_stated_name_that_nobody_keeps_for_others(house, dispute, buyer):
    seal_all(house)

    answer = buyer.client.get(where(dispute))

    assert answer.headers["Content-Disposition"] == f'attachment; filename="evenhand-{dispute.number}-buyer.zip"'
    assert (answer.mimetype, answer.headers["X-Content-Type-Options"]) == ("application/zip", "nosniff")
    assert answer.headers["Cache-Control"] == "no-store"


def test_nobody_keeps_the_house_busy_with_case_files(house, dispute, buyer, seller, monkeypatch):
    monkeypatch.setattr(service, "MOST_AN_HOUR", 2)
    dispute.in_negotiation()
    seal_all(house)
    taken(buyer, dispute), taken(buyer, dispute)

    refused = buyer.client.get(where(dispute))

    assert refused.status_code == 409
    assert "Too many tries" in refused.text
    taken(seller, dispute)


def test_a_case_file_takes_as_many_statements_for_many_entries_as_for_few(house, dispute):
    def asked() -> int:
        seen: list[str] = []

        def count(*told: object) -> None:
            seen.append(str(told[2]))

        event.listen(house.engine, "before_cursor_execute", count)
        contents(house, dispute, "buyer")
        event.remove(house.engine, "before_cursor_execute", count)
        return len(seen)

    dispute.admitted().contested()
    seal_all(house)
    few = asked()
    for number in range(60):
        dispute.act(send_message, dispute.buyer, text=f"Message {number}")
    seal_all(house)

    assert asked() <= few + 1
    assert few < 25


# -- who gets what ------------------------------------------------------------------------------------------------


@pytest.mark.one_database
def test_whoever_sits_in_no_seat_has_no_case_file(
    house, dispute, buyer, seller, registrar, stranger, nobody, mediators
):
    other = a_dispute(house, buyer_account=stranger.account_id).admitted()
    dispute.admitted()
    seal_all(house)
    nowhere = f"/disputes/{new_number()}/case-file"

    for reader in (stranger, registrar, *mediators.readers.values()):
        assert reader.client.get(where(dispute)).status_code == 404
    for reader in (buyer, seller):
        assert reader.client.get(where(other)).status_code == 404
        assert reader.client.get(nowhere).status_code == 404
    # Who is not signed in is sent to do so, whatever the number.
    assert {nobody.client.get(path).status_code for path in (where(dispute), nowhere)} == {303}


@pytest.mark.one_database
def test_the_seller_has_none_before_the_filing_is_admitted_and_sealed_as_admitted(house, dispute, seller):
    seal_all(house)
    before = seller.client.get(where(dispute)).status_code
    dispute.admitted()
    unsealed = seller.client.get(where(dispute)).status_code
    seal_all(house)

    assert (before, unsealed, seller.client.get(where(dispute)).status_code) == (404, 202, 200)


@pytest.mark.one_database
def test_each_reader_has_the_canaries_of_their_side_of_the_wall(
    app, house, buyer, seller, mediators, negotiated, tmp_path
):
    mediated(negotiated)
    seal_all(house)
    every = OFFERED | MEDIATED

    for reader in (buyer, seller):
        told = "\n".join(all_read(taken(reader, negotiated)).values())
        assert [sign for signs in every.values() for sign in signs if not re.search(sign, told)] == []

    raw = taken(mediators.of(negotiated), negotiated)
    read = all_read(raw)
    assert found(read, OFFERED) == []
    assert {what for _, what in found(read, MEDIATED)} == set(MEDIATED)
    assert KNOWN in read["index.html"] and KNOWN in read["openings.jsonl"]
    assert "the label of the parcel" in "".join(text for path, text in read.items() if path.startswith("files/"))
    assert checked(house, tmp_path, raw)[1]["seen"]["reader"] == "mediator"


@pytest.mark.one_database
def test_whoever_decides_after_anothers_mediation_has_nothing_of_it(house, mediators, negotiated, tmp_path):
    mediated(negotiated).in_decision()
    first = mediators.of(negotiated)
    negotiated.act(ask_fresh_decider, negotiated.seller)
    negotiated.decided()
    seal_all(house)

    raw = taken(mediators.of(negotiated), negotiated)
    read, (status, told) = all_read(raw), checked(house, tmp_path, raw)

    assert found(read, OFFERED | MEDIATED) == []
    assert (status, told["findings"], told["seen"]["reader"]) == (0, [], "decider")
    assert KNOWN in read["index.html"]
    # Who mediated has left, and has no case file any more.
    assert first.client.get(where(negotiated)).status_code == 404


@pytest.mark.one_database
def test_hidden_entries_are_counted_and_tell_nothing(house, mediators, negotiated, tmp_path):
    mediated(negotiated)
    seal_all(house)

    raw = taken(mediators.of(negotiated), negotiated)
    held = members(raw)
    _, told = checked(house, tmp_path, raw)

    walled = {1, *told["seen"]["entries"], *told["seen"]["hidden"]}
    assert walled == set(range(1, negotiated.state.version + 1))
    assert len(told["seen"]["hidden"]) >= 6
    shapes = {tuple(json.loads(line)) for line in held["hidden.jsonl"].splitlines()}
    assert shapes == {("index", "leaf", "proof", "ver")}
    assert f"{len(told['seen']['hidden'])}. Only their fingerprints are in this file" in held["index.html"].decode()


@pytest.mark.one_database
def test_what_a_seller_says_with_an_offer_is_withheld_from_the_mediator(house, buyer, seller, mediators, tmp_path):
    sides = {"buyer_account": buyer.account_id, "seller_account": seller.account_id}
    dispute = a_dispute(house, items=CLAIM, paid=Money(9_876_543, "EUR"), **sides).admitted()
    dispute.act(give_reply, dispute.seller, choice="offer", text="canary-offer-seller", **refund(5_234_568))
    dispute.in_negotiation().left().in_mediation(*mediators.readers)
    seal_all(house)

    raw = taken(mediators.of(dispute), dispute)
    status, told = checked(house, tmp_path, raw)

    assert found(all_read(raw), OFFERED) == []
    assert (status, told["findings"], told["seen"]["withheld"]) == (0, [], 1)
    assert "canary-offer-seller" in all_read(taken(buyer, dispute))["index.html"]


@pytest.mark.one_database
def test_no_case_file_holds_a_word_of_another_dispute(house, dispute, buyer):
    other = a_dispute(house).admitted().contested()
    other.act(send_message, other.buyer, text="canary-of-another-dispute")
    dispute.admitted()
    seal_all(house)

    read = all_read(taken(buyer, dispute))

    assert not any("canary-of-another" in told or other.id in told or other.number in told for told in read.values())


@pytest.mark.one_database
def test_a_photo_of_the_other_side_comes_without_what_the_camera_wrote(house, dispute, buyer, seller, tmp_path):
    dispute.admitted().contested()
    canary = "canary-where-the-buyer-lives"
    version = hand_in(house, dispute, dispute.buyer, a_photo(canary), "photo.jpg")
    seal_all(house)

    own, others = taken(buyer, dispute), taken(seller, dispute)

    assert canary.encode() in members(own)[f"files/{version:06}.jpg"]
    assert canary not in "".join(all_read(others).values())
    assert Image.open(BytesIO(members(others)[f"copies/{version:06}.jpg"])).size == (40, 30)
    assert [checked(house, tmp_path, raw)[1]["findings"] for raw in (own, others)] == [[], []]


# -- what waits, and a log that does not sign -----------------------------------------------------------------------


def test_what_waits_for_its_seal_is_not_in_it_and_the_page_says_so(house, dispute, buyer, tmp_path):
    dispute.admitted()
    seal_all(house)
    dispute.contested()
    dispute.act(send_message, dispute.buyer, text="canary-unsealed")

    before = taken(buyer, dispute)
    seal_all(house)
    after = taken(buyer, dispute)

    assert "2 entries wait for their seal" in members(before)["index.html"].decode()
    assert "canary-unsealed" not in "".join(all_read(before).values())
    assert "wait for" not in re.sub(r"<style>.*?</style>", "", members(after)["index.html"].decode(), flags=re.S)
    assert [len(checked(house, tmp_path, raw)[1]["seen"]["entries"]) for raw in (before, after)] == [2, 4]


def test_while_nothing_is_sealed_a_page_asks_for_patience(house, dispute, buyer):
    waiting = buyer.client.get(where(dispute))
    integrate(house)
    placed = buyer.client.get(where(dispute))

    for page in (waiting, placed):
        assert (page.status_code, page.headers["Retry-After"]) == (202, "2")
        assert "a few seconds" in page.text and f'href="{where(dispute)}"' in page.text


@pytest.mark.one_database
def test_a_log_that_has_stopped_signs_no_case_file(house, dispute, buyer):
    seal_all(house)
    with house.engine.begin() as connection:
        stop(connection, house, Halt("forked", b"note"))

    answer = buyer.client.get(where(dispute))

    assert answer.status_code == 503
    assert "signs nothing at present" in answer.text and "Try again" not in answer.text


@pytest.mark.one_database
def test_a_damaged_tree_makes_no_case_file(house, dispute, buyer):
    for _ in range(3):
        a_dispute(house)
    seal_all(house)
    with unguarded(house) as connection:
        connection.execute(text("DELETE FROM leaf WHERE position = 0"))

    assert buyer.client.get(where(dispute)).status_code == 503


# -- files --------------------------------------------------------------------------------------------------------


def test_a_large_file_travels_in_small_pieces_and_is_never_held_whole(app, house, dispute):
    dispute.admitted()
    large = 12_000_000
    hand_in(house, dispute, dispute.buyer, bytes(range(32, 127)) * (large // 95), "large.txt")
    seal_all(house)
    case = contents(house, dispute, "buyer")
    pieces = publication.package(case, publication.files_of(house, case), b"<p>the page</p>").chunks

    tracemalloc.start()
    sizes = [len(piece) for piece in pieces]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert max(sizes) <= 2 * CHUNK
    assert peak < 3_000_000


def test_the_first_bytes_leave_before_the_files_are_read(app, house, dispute):
    dispute.admitted()
    version = hand_in(house, dispute, dispute.buyer, a_pdf(3_000_000), "large.pdf")
    seal_all(house)
    case = contents(house, dispute, "buyer")
    pieces = publication.package(case, publication.files_of(house, case), b"<p>the page</p>").chunks

    first = next(pieces)
    spoil(object_of(house, dispute, version), 2_000_000)
    sent = bytearray(first)
    with pytest.raises(Damaged):
        for piece in pieces:
            sent += piece

    # Half of the file had gone out; what arrived is no archive for anybody.
    assert 1_500_000 < len(sent) < 2_500_000
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(BytesIO(bytes(sent)))


@pytest.mark.one_database
@pytest.mark.slow
def test_a_browser_sees_that_a_transfer_broke_off(house, dispute, buyer, address):
    dispute.admitted()
    version = hand_in(house, dispute, dispute.buyer, a_pdf(20_000_000), "large.pdf")
    seal_all(house)
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    cookie = buyer.client.get_cookie("odr")
    connection.request("GET", where(dispute), headers={"Cookie": f"odr={cookie.value}"})
    answer = connection.getresponse()

    answer.read(100_000)
    spoil(object_of(house, dispute, version), 19_500_000)
    with pytest.raises(http.client.IncompleteRead):
        answer.read()


@pytest.mark.one_database
def test_evidence_cannot_pass_itself_off_as_members_of_the_archive(house, dispute, buyer, seller, tmp_path):
    """§4 case 61: some programs read an archive from its beginning, and not the list behind it."""
    dispute.admitted()
    page = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(b"false"), 5, 5, 10, 0) + b"index.htmlfalse"
    until = struct.pack("<4s3L", b"PK\7\10", zlib.crc32(b"%PDF-1.7\n"), 9, 9)
    version = hand_in(
        house, dispute, dispute.seller, b"%PDF-1.7\n" + until + page + b"startxref\n9\n%%EOF\n", "offer.pdf"
    )
    seal_all(house)

    raw = taken(buyer, dispute)

    assert read_from_its_beginning(raw) == list(members(raw).items())
    assert f"files/{version:06}.pdf" in members(raw)
    assert checked(house, tmp_path / "home", raw)[0] == 0


def read_from_its_beginning(raw: bytes) -> list[tuple[str, bytes]]:
    """The members that a program finds that has no more of an archive than has come so far."""
    found, place = [], 0
    while raw[place : place + 4] == b"PK\3\4":
        flags, method, size, named = struct.unpack("<2x2H8xL4xH", raw[place + 4 : place + 28])
        assert (flags, method) == (0, 0)
        start = place + 30 + named
        found.append((raw[place + 30 : start].decode(), raw[start : start + size]))
        place = start + size
    return found


def test_an_archive_of_more_than_two_gigabytes_is_written_like_a_small_one():
    """Some programs begin there to write in another way, which our own verifiers refuse."""
    chunk, count = bytes(2**25), 65
    large = Listed("files/000001.bin", "0" * 64, count * len(chunk), 0)
    last = listed("checkpoint", [b"the last"])
    travelling = (Member("files/000001.bin", repeat(chunk, count), large), Member("checkpoint", [b"the last"], last))

    *_, end = (
        part for part in archive(travelling, moment(1_772_442_000_000), lambda _: b"m") if len(part) < len(chunk)
    )

    size = 46 * 3 + len("files/000001.bin") + len("checkpoint") + len("manifest")
    assert len(end) == size + 22
    assert struct.unpack("<4s4H2LH", end[-22:]) == (b"PK\5\6", 0, 0, 3, 3, size, large.size + 30 * 3 + 34 + 9, 0)


def test_of_files_that_would_not_fit_the_last_ones_are_left_out(app, house, dispute, monkeypatch):
    dispute.admitted()
    versions = [hand_in(house, dispute, dispute.buyer, bytes([65 + place]) * 40_000) for place in range(3)]
    seal_all(house)
    monkeypatch.setattr(publication, "ROOM_FOR_FILES", 100_000)

    raw = made(app, house, dispute, "buyer")

    files = [name for name in members(raw) if name.startswith("files/")]
    assert files == [f"files/{version:06}.txt" for version in versions[:2]]
    assert "There is no room for this file in the case file." in members(raw)["index.html"].decode()


def test_words_and_files_that_were_erased_are_gone_from_new_case_files_and_stay_in_old_ones(
    house, dispute, buyer, seller, tmp_path
):
    """§4 case 26: missing as recorded, and 27: a copy that somebody kept."""
    dispute.admitted().contested()
    version = hand_in(house, dispute, dispute.buyer, b"canary-in-a-file\n")
    dispute.act(send_message, dispute.buyer, text="canary-in-a-message")
    dispute.in_negotiation().offer(dispute.seller, "24.45").accepted(dispute.buyer).signed().performed().confirmed()
    seal_all(house)
    old = taken(seller, dispute)
    house.clock.advance(days=60)
    erasure.order(house, dispute.id, dispute.buyer, key=new_pseudonym())
    erasure.carry_out(house, dispute.id)
    seal_all(house)
    buyer.sign_in()

    new = taken(buyer, dispute)
    statuses = [checked(house, tmp_path, raw) for raw in (old, new)]

    assert [(status, told["findings"]) for status, told in statuses] == [(0, []), (0, [])]
    assert statuses[0][1]["seen"]["erased"] == [] and len(statuses[1][1]["seen"]["erased"]) >= 4
    assert members(old)[f"files/{version:06}.txt"] == b"canary-in-a-file\n"
    assert not any("canary-in" in told for told in all_read(new).values())


@pytest.mark.one_database
def test_a_damaged_file_is_left_out_and_everybody_is_told(house, dispute, buyer, tmp_path):
    """§4 case 30: the file store swapped, truncated, or emptied."""
    dispute.admitted()
    names = ("kept.txt", "edited.txt", "cut.txt", "gone.txt", "swapped.txt")
    versions = [hand_in(house, dispute, dispute.buyer, name.encode() * 9_000, name) for name in names]
    seal_all(house)
    places = [object_of(house, dispute, version) for version in versions]
    spoil(places[1], 70_000)
    places[2].write_bytes(places[2].read_bytes()[:-40])
    places[3].unlink()
    places[4].write_bytes(places[0].read_bytes())

    raw = taken(buyer, dispute)
    status, told = checked(house, tmp_path, raw)

    held = members(raw)
    assert [name for name in held if name.startswith("files/")] == [f"files/{versions[0]:06}.txt"]
    page = held["index.html"].decode()
    assert "4 files are damaged or gone" in page and page.count("This file is damaged or gone") == 4
    assert (status, codes(told)) == (1, {"file_missing"})
    assert {finding["ver"] for finding in told["findings"]} == set(versions[1:])


@pytest.mark.one_database
def test_words_that_cannot_be_opened_are_left_out_and_everybody_is_told(house, dispute, buyer, tmp_path):
    """§4 case 22 and 26: words edited, and words gone without an erasure."""
    dispute.admitted().contested()
    dispute.act(send_message, dispute.buyer, text="canary-edited")
    dispute.act(send_message, dispute.buyer, text="canary-gone")
    seal_all(house)
    last = dispute.state.version
    with unguarded(house) as connection:
        where = log.payload.c.stream == f"dispute/{dispute.id}"
        connection.execute(update(log.payload).where(where, log.payload.c.ver == last - 1).values(sealed=bytes(40)))
        connection.execute(delete(log.payload).where(where, log.payload.c.ver == last))

    raw = taken(buyer, dispute)
    status, told = checked(house, tmp_path, raw)

    page = members(raw)["index.html"].decode()
    assert "Words beside this entry are damaged." in page and "Words beside this entry were erased." in page
    assert (status, codes(told)) == (1, {"words_missing"})
    assert [finding["ver"] for finding in told["findings"]] == [last - 1, last]


def a_pdf(size: int) -> bytes:
    return (
        b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n% "
        + b"p" * size
        + (b"\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n")
    )


# -- the page in it -----------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Where a page leads to, the places on it, and what it would run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: list[str] = []
        self.runs: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "action", "srcset", "data", "formaction", "poster"):
                self.targets.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on") or tag in ("script", "iframe", "object", "form", "link", "base"):
                self.runs.append(f"{tag} {name}")


def told_of(raw: bytes) -> Links:
    return Links(members(raw)["index.html"].decode())


@pytest.mark.one_database
@pytest.mark.parametrize("role", ["buyer", "seller", "mediator"])
def test_the_page_leads_nowhere_but_into_its_archive(app, house, dispute, mediators, role):
    dispute.admitted().contested()
    hand_in(house, dispute, dispute.buyer, a_photo("somewhere"), "photo.jpg")
    hand_in(house, dispute, dispute.seller, b"text\n")
    dispute.left().in_mediation(*mediators.readers).proposed("20.00").decided().closed_with().performed()
    seal_all(house)
    raw = made(app, house, dispute, role)

    page, names = told_of(raw), members(raw).keys()

    assert page.runs == []
    assert len(page.ids) == len(set(page.ids))
    for target in page.targets:
        path, _, place = target.partition("#")
        assert path in names if path else place in page.ids, target
    receipts = {name for name in names if name.startswith("entries/")}
    assert receipts | {name for name in names if name[:6] in ("files/", "copies")} <= set(page.targets)


@pytest.mark.one_database
def test_whatever_somebody_writes_stays_text(app, house, tmp_path):
    texts = {
        "narrative": HOSTILE,
        "order": json.dumps({"bought": HOSTILE, "reference": HOSTILE, "answer": HOSTILE, HOSTILE: HOSTILE}),
        "buyer": json.dumps({"name": HOSTILE, "email": HOSTILE, "country": HOSTILE}),
        "seller": json.dumps({"name": HOSTILE, "site": HOSTILE}),
    }
    dispute = a_dispute(house, texts=texts).admitted().contested()
    hand_in(house, dispute, dispute.seller, b"text\n", f"{HOSTILE}.txt", HOSTILE)
    dispute.in_negotiation().act(send_message, dispute.buyer, text=HOSTILE)
    dispute.offer(dispute.seller, "20.00", text=HOSTILE)
    seal_all(house)

    raw = made(app, house, dispute, "buyer")
    page = members(raw)["index.html"].decode()

    assert told_of(raw).runs == [] and "<img src=x" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 8
    # A sign that turns the words around it is shown as what it is, and each text has its own direction.
    assert "\u202e" not in page and "[U+202E]" in page
    assert '<bdi dir="auto">' in page
    assert checked(house, tmp_path, raw)[0] == 0


@pytest.mark.one_database
def test_the_page_speaks_the_language_and_tells_the_time_of_its_reader(house, dispute, buyer):
    dispute.admitted()
    seal_all(house)
    change_account(house, buyer.account_id, name="A Buyer", language="zh_Hans", zone="Europe/Berlin")

    page = members(taken(buyer, dispute))["index.html"].decode()

    assert '<html lang="zh-Hans" dir="ltr">' in page
    assert re.search(r"10:00.{1,40}09:00", page)
    assert 'datetime="2026-03-02T09:00:00Z"' in page


@pytest.mark.one_database
def test_the_command_on_the_page_checks_the_file(house, dispute, buyer, tmp_path):
    seal_all(house)
    raw = taken(buyer, dispute)
    page = members(raw)["index.html"].decode()

    key, command = re.findall(r'<pre class="wraps" dir="ltr">(.*?)</pre>', page)

    assert command == (f"python3 -I evenhand-verify.py case evenhand-{dispute.number}-buyer.zip --key &#34;{key}&#34;")
    assert checked_at_home(house, tmp_path / "home", raw)[0] == 0


@pytest.mark.one_database
def test_the_dispute_offers_it_to_whom_it_is_for(house, dispute, buyer, seller, registrar, mediators):
    dispute.left().in_mediation(*mediators.readers).opened_to(registrar.account_id)
    page = f"/disputes/{dispute.number}"

    for reader in (buyer, seller, mediators.of(dispute)):
        assert f'href="{where(dispute)}"' in reader.client.get(page).text
    assert where(dispute) not in registrar.client.get(page).text


# -- falsified ----------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(house: House, dispute: ADispute) -> ADispute:
    """A dispute with words and a file, all sealed."""
    dispute.admitted()
    hand_in(house, dispute, dispute.buyer, b"left origin country\n", "tracking.txt", "The last scan")
    dispute.in_negotiation().offer(dispute.seller, "20.00", text="So much and no more.")
    seal_all(house)
    return dispute


def edited(held: dict[str, bytes], path: str, old: bytes, new: bytes) -> None:
    assert old in held[path]
    held[path] = held[path].replace(old, new)


def the_file(held: dict[str, bytes]) -> str:
    return next(name for name in held if name.startswith("files/"))


UNLISTED = {"members_differ", "member_differs"}
"""What is said of an archive that is not the one whose list was signed."""

FALSIFIED = {
    "middle entry gone": (lambda held: held.pop("entries/000003.tlog-proof"), "stream_gap"),
    "first entry gone": (lambda held: held.pop("entries/000001.tlog-proof"), "stream_gap"),
    "word edited": (lambda held: edited(held, "openings.jsonl", b"no more.", b"no less."), "opening_differs"),
    "word gone": (
        lambda held: held.update({"openings.jsonl": b"".join(held["openings.jsonl"].splitlines(True)[:-1])}),
        "words_missing",
    ),
    "file swapped": (lambda held: held.update({the_file(held): b"delivered on time!!\n"}), "file_differs"),
    "file gone": (lambda held: held.pop(the_file(held)), "file_missing"),
    "entry under another number": (
        lambda held: held.update({"entries/000003.tlog-proof": held["entries/000002.tlog-proof"]}), "entry_misplaced",
    ),
}  # fmt: skip


@pytest.mark.one_database
@pytest.mark.parametrize("what", FALSIFIED)
def test_whoever_falsifies_a_case_file_without_the_key_is_found_out(house, sealed, buyer, tmp_path, what):
    """§4 case 60: a bundle with an entry removed; 22, 25 and 30: words and files altered, moved and missing."""
    change, code = FALSIFIED[what]
    raw = taken(buyer, sealed)

    status, told = checked(house, tmp_path, repacked(raw, change))

    assert status == 1
    assert code in codes(told) and codes(told) & UNLISTED


@pytest.mark.one_database
@pytest.mark.parametrize("what", FALSIFIED)
def test_whoever_falsifies_a_case_file_with_the_key_is_found_out_too(house, sealed, buyer, tmp_path, what):
    """§4 case 60 by the operator, who can sign another list, but no other tree."""
    change, code = FALSIFIED[what]
    raw = taken(buyer, sealed)

    status, told = checked(house, tmp_path, signed_anew(house, raw, change))

    assert (status, code in codes(told)) == (1, True)
    assert not codes(told) & {*UNLISTED, "manifest_malformed"}


@pytest.mark.one_database
def test_the_last_entry_cannot_be_taken_out_without_the_key(house, sealed, buyer, tmp_path):
    """§4 case 60, the last event. Whoever has the key can: nothing in a case file shows that none followed."""
    raw = taken(buyer, sealed)
    last = max(name for name in members(raw) if name.startswith("entries/"))

    status, told = checked(house, tmp_path, repacked(raw, lambda held: held.pop(last)))

    assert (status, bool(codes(told) & UNLISTED)) == (1, True)


@pytest.mark.one_database
@pytest.mark.parametrize("member", ["index.html", "evenhand-verify.py", "checkpoint", "manifest"])
def test_no_member_can_be_replaced_without_the_key(house, sealed, buyer, tmp_path, member):
    raw = taken(buyer, sealed)

    def change(held: dict[str, bytes]) -> None:
        held[member] = held[member].replace(b"e", b"E", 1)

    assert checked(house, tmp_path, repacked(raw, change))[0] != 0


@pytest.mark.one_database
@pytest.mark.parametrize("member", ["entries/000002.tlog-proof", "openings.jsonl", "manifest", "checkpoint"])
def test_nothing_of_another_case_file_can_be_put_in(app, house, sealed, buyer, tmp_path, member):
    """§4 case 25 and 39: a member of another dispute of the same house transplanted."""
    other = a_dispute(house).admitted().contested()
    seal_all(house)
    foreign = members(made(app, house, other, "buyer"))[member]
    raw = taken(buyer, sealed)
    change = lambda held: held.update({member: foreign})  # noqa: E731 - the shortest way to say it

    statuses = [checked(house, tmp_path, repacked(raw, change))[0]]
    if member != "manifest":
        statuses.append(checked(house, tmp_path, signed_anew(house, raw, change))[0])

    # The checkpoint may be the same one; then nothing has changed.
    same = members(raw)[member] == foreign
    assert all(status == (0 if same else 1) for status in statuses), statuses
