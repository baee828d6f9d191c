"""The pages of evidence: what goes in comes out as it was, for both sides, and for nobody else."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import struct
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import delete
from werkzeug.exceptions import RequestEntityTooLarge

from odr.evidence import rules
from odr.evidence.forms import Upload
from odr.house import MEGABYTE
from odr.kernel import Refused, new_pseudonym
from odr.log.integrator import seal_all
from odr.log.tables import stored_file
from odr.verify import verify_house
from tests.disputes.readers import Reader, hidden_in, text

pytestmark = pytest.mark.one_database

PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
GPS_INFO = 0x8825
HOSTILE_NAMES = [
    "收据 2024-05-17.pdf",
    "فاتورة.pdf",
    "re: invoice #12 (final) .PDF.jpg",
    "../../etc/passwd",
    "..\\..\\windows\\system.ini",
    "/etc/passwd",
    "CON.pdf",
    "a" * 300 + ".png",
    "rechnung\u202efdp.exe",
    'facture "n°3"; filename=x.html',
    ".htaccess",
    "no-extension",
    "a%0D%0ASet-Cookie: x=1.pdf",
    "nul\x00.pdf",
    "<script>alert(1)</script>.pdf",
    "%2e%2e%2f.pdf",
    "\ud83d.pdf",
]


def address(dispute, path="") -> str:
    return f"/disputes/{dispute.number}/evidence{path}"


def send_file(reader: Reader, dispute, content: bytes, name: str = "parcel.pdf", **more):
    fields = {"about": "The parcel as it came", "file": (io.BytesIO(content), name), **more}
    return reader.send(address(dispute), fields, form_at=address(dispute))


def a_photo() -> bytes:
    """A picture with a position and an owner written beside it."""
    exif = Image.Exif()
    exif[0x010E] = "Canal Street 7"
    exif.get_ifd(GPS_INFO).update({1: "N", 2: (52.0, 22.0, 11.0), 3: "E", 4: (4.0, 53.0, 2.0)})
    written = io.BytesIO()
    Image.new("RGB", (60, 40), "#a33").save(written, "JPEG", exif=exif)
    return written.getvalue()


def kept(house) -> list[str]:
    return list(house.files.objects())


def staged(house) -> list[Path]:
    return list((house.settings.files / "staging").iterdir())


# -- a file goes in and comes out -------------------------------------------------------------------------------


def test_a_file_is_listed_for_both_sides_with_its_digest_and_comes_back_bit_for_bit(house, contested, buyer, seller):
    sent = send_file(buyer, contested, PDF)
    listed = [reader.read(address(contested)) for reader in (buyer, seller)]
    taken = [reader.client.get(address(contested, "/1")) for reader in (buyer, seller)]

    assert (sent.status_code, sent.location) == (303, address(contested))
    for page in listed:
        assert "Evidence 1: parcel.pdf" in page
        assert hashlib.sha256(PDF).hexdigest() in page
        assert "The parcel as it came" in page
    assert [answer.data for answer in taken] == [PDF, PDF]
    assert staged(house) == []


def test_the_log_names_what_lies_in_the_store(house, contested, buyer, seller):
    send_file(buyer, contested, PDF)
    send_file(seller, contested, a_photo(), "label.jpg")
    seal_all(house)

    assert verify_house(house).findings == []
    assert len(kept(house)) == 2


def test_the_other_side_gets_a_picture_without_the_place(contested, buyer, seller):
    photo = a_photo()
    send_file(buyer, contested, photo, "parcel.jpg")

    own = buyer.client.get(address(contested, "/1")).data
    others = seller.client.get(address(contested, "/1")).data

    assert own == photo
    assert b"Canal Street" not in others
    assert not Image.open(io.BytesIO(others)).getexif().get_ifd(GPS_INFO)
    assert Image.open(io.BytesIO(others)).size == (60, 40)


def test_the_small_picture_tells_nothing_to_either_side(contested, buyer, seller):
    send_file(buyer, contested, a_photo(), "parcel.jpg")

    for reader in (buyer, seller):
        small = reader.client.get(address(contested, "/1/preview"))
        assert (small.status_code, small.mimetype) == (200, "image/webp")
        assert b"Canal Street" not in small.data
        assert address(contested, "/1/preview") in reader.client.get(address(contested)).get_data(as_text=True)


def test_a_paper_has_no_small_picture(contested, buyer):
    send_file(buyer, contested, PDF)

    assert buyer.client.get(address(contested, "/1/preview")).status_code == 404
    assert "/1/preview" not in buyer.client.get(address(contested)).get_data(as_text=True)


@pytest.mark.parametrize("path", ["/1", "/1/preview"])
def test_a_file_can_do_nothing_in_a_browser(contested, buyer, path):
    send_file(buyer, contested, a_photo(), "parcel.jpg")

    headers = buyer.client.get(address(contested, path)).headers

    assert headers["Content-Disposition"].startswith("attachment; ")
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"].startswith("private")


def test_a_download_is_kept_by_no_cache(contested, buyer):
    send_file(buyer, contested, PDF)

    assert buyer.client.get(address(contested, "/1")).headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_is_shown_tamed_and_names_no_place(tmp_path, house, contested, buyer, seller, name):
    before = {path for path in tmp_path.rglob("*") if "files" not in path.parts}

    sent = send_file(buyer, contested, PDF, name.encode("utf-8", "replace").decode())
    page = seller.client.get(address(contested))
    header = seller.client.get(address(contested, "/1")).headers["Content-Disposition"]

    assert (sent.status_code, page.status_code) == (303, 200)
    assert re.fullmatch(r'attachment; filename="[^"\\/\r\n]+\.pdf"; filename\*=UTF-8\'\'[^\s";]+\.pdf', header, re.I)
    told = unquote(header.split("''")[1])
    assert len(told) <= 120 and not set("/\\\r\n\0\u202e") & set(told) and not told.startswith(".")
    assert "<script>alert" not in page.get_data(as_text=True)
    assert {path for path in tmp_path.rglob("*") if "files" not in path.parts} == before
    assert [re.fullmatch("[0-9a-f]{32}", one) is not None for one in kept(house)] == [True]


def test_what_a_reader_should_know_about_a_paper_is_said(contested, buyer, seller):
    send_file(buyer, contested, PDF.replace(b"/Catalog", b"/Catalog /OpenAction << /S /JavaScript >>"))
    send_file(buyer, contested, PDF.replace(b"trailer <<", b"trailer << /Encrypt 3 0 R"))

    page = seller.read(address(contested))

    assert "This PDF holds a script." in page
    assert "This PDF opens with a password only." in page


# -- what is turned away ----------------------------------------------------------------------------------------


def a_zip(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!doctype html><html><body>hello", "Web pages and drawings"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "Web pages and drawings"),
        (a_zip("a.txt"), "Archives cannot be taken"),
        (gzip.compress(b"hello"), "Archives cannot be taken"),
        (b"MZ" + bytes(300), "cannot be taken"),
        (b"\x7fELF" + bytes(300), "Programs cannot be taken"),
        (a_zip("[Content_Types].xml", "word/document.xml"), "Save the file as PDF"),
        (struct.pack(">I", 24) + b"ftypmp42" + bytes(400), "cannot be taken"),
        (PDF + a_zip("a.txt"), "two kinds of file in one"),
        (PDF[:40], "damaged"),
        (a_photo()[:300], "damaged"),
    ],
)
def test_a_file_that_cannot_be_taken_leaves_a_word_on_the_record_and_nothing_else(
    house, contested, buyer, content, told
):
    answer = send_file(buyer, contested, content, "parcel.pdf", about="What I have")

    assert answer.status_code == 409
    assert told in text(answer)
    assert "What I have" in text(answer)
    assert "A file from the buyer was turned away." in buyer.read(f"/disputes/{contested.number}")
    assert (kept(house), staged(house)) == ([], [])


def test_a_file_turned_away_can_be_followed_by_a_better_one_at_once(contested, buyer):
    answer = send_file(buyer, contested, b"<html>")
    hidden = hidden_in(answer.get_data(as_text=True), address(contested))

    better = buyer.post(address(contested), {**hidden, "about": "", "file": (io.BytesIO(PDF), "parcel.pdf")})

    assert better.status_code == 303


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "Choose a file to upload."),
        ({"file": (io.BytesIO(b""), "")}, "Choose a file to upload."),
        ({"file": (io.BytesIO(b""), "empty.pdf")}, "The file is empty."),
        ({"document": (io.BytesIO(PDF), "parcel.pdf")}, "Choose a file to upload."),
        ({"file": "not a file"}, "Choose a file to upload."),
    ],
)
def test_a_form_without_a_file_asks_for_one(house, contested, buyer, files, told):
    hidden = buyer.hidden(address(contested), address(contested))
    answer = buyer.client.post(
        address(contested), data={**hidden, "about": "My words", **files}, content_type="multipart/form-data"
    )

    assert answer.status_code == 409
    assert told in text(answer)
    assert "My words" in text(answer)
    assert (kept(house), staged(house)) == ([], [])


@pytest.mark.parametrize(("size", "status"), [(100_001, 409), (390_000, 409), (3_000_000, 413)])
def test_a_file_that_is_too_large_is_said_to_be_on_the_page_of_the_dispute(app, house, contested, buyer, size, status):
    app.extensions["odr"] = replace(house, settings=replace(house.settings, upload_limit=100_000))

    answer = send_file(buyer, contested, b"a" * size, "long.txt")

    assert answer.status_code == status
    assert "The file is larger than 0.1 MB." in text(answer)
    assert f"Dispute {contested.number}" in text(answer)
    assert "turned away" not in buyer.read(f"/disputes/{contested.number}")
    assert (kept(house), staged(house)) == ([], [])


def test_a_file_just_at_the_limit_is_taken(app, house, contested, buyer):
    app.extensions["odr"] = replace(house, settings=replace(house.settings, upload_limit=100_000))

    assert send_file(buyer, contested, b"a" * 100_000, "long.txt").status_code == 303


def test_a_text_that_is_too_long_keeps_what_was_typed(house, contested, buyer):
    answer = send_file(buyer, contested, PDF, about="word " * 5_000)

    assert answer.status_code == 422
    assert "Keep it under 20000 characters" in text(answer)
    assert (kept(house), staged(house)) == ([], [])


def test_a_dispute_holds_a_hundred_files(house, contested, buyer):
    for number in range(rules.MOST_ITEMS):
        file = rules.StoredFile("0" * 64, 1, f"{number:032x}")
        contested.act(rules.add_evidence, contested.buyer, file=file, media="text/plain")

    answer = send_file(buyer, contested, PDF)

    assert answer.status_code == 409
    assert "Each side adds at most 50 files to a dispute." in text(answer)
    assert (kept(house), staged(house)) == ([], [])


def test_after_the_exchange_no_file_travels(house, dispute, buyer):
    hidden = buyer.hidden(address(dispute), address(dispute))
    dispute.in_negotiation()

    sent = {**hidden, "about": "The letter of the carrier.", "file": (io.BytesIO(PDF), "late.pdf")}
    answer = buyer.post(address(dispute), sent)

    assert answer.status_code == 409
    assert "The letter of the carrier." in text(answer)
    assert "not possible at the present stage" in text(answer)
    assert "No evidence can be added" in buyer.read(address(dispute))
    assert (kept(house), staged(house)) == ([], [])


# -- who may ----------------------------------------------------------------------------------------------------


class Unread(io.RawIOBase):
    """A body that nobody may read."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("who", ["stranger", "registrar", "nobody"])
def test_whoever_is_no_party_finds_nothing_and_sends_nothing(request, house, contested, buyer, who):
    send_file(buyer, contested, PDF)
    reader = request.getfixturevalue(who)
    expected = 303 if who == "nobody" else 404
    # Nor does a registrar who has opened the dispute with a reason.
    contested.opened_to(getattr(reader, "account_id", "") or "nobody")

    for path in ("", "/1", "/1/preview", "/completion"):
        answer = reader.client.get(address(contested, path))
        told = expected if path != "/completion" or who != "registrar" else 303
        assert answer.status_code == told, path
    sent = reader.client.post(
        address(contested),
        environ_overrides=multipart(Unread(), 20 * MEGABYTE),
    )

    assert sent.status_code == expected
    assert len(kept(house)) == 1


def test_a_dispute_that_does_not_exist_looks_like_a_foreign_one(contested, stranger):
    foreign = stranger.client.get(address(contested))
    unknown = stranger.client.get("/disputes/7K3M-Q9TZ-5/evidence")

    assert foreign.status_code == unknown.status_code == 404


def test_a_seller_learns_of_no_file_before_admission(dispute, buyer, seller):
    send_file(buyer, dispute, PDF)

    assert seller.client.get(address(dispute)).status_code == 404
    assert seller.client.get(address(dispute, "/1")).status_code == 404


@pytest.mark.parametrize("number", ["0", "2", "9999", "10000", "99999999999999999999", "-1", "x", "%00"])
def test_an_item_that_is_not_there_is_not_found(contested, buyer, number):
    send_file(buyer, contested, PDF)

    assert buyer.client.get(address(contested, f"/{number}")).status_code == 404


def test_an_erased_file_is_not_found_and_its_line_stays(house, contested, buyer):
    send_file(buyer, contested, PDF)
    with house.engine.begin() as connection:
        connection.execute(delete(stored_file))

    assert buyer.client.get(address(contested, "/1")).status_code == 404
    assert "Evidence 1" in buyer.read(address(contested))


# -- the form, forged -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "forged", "\x00"])
def test_an_upload_without_the_token_of_the_page_is_turned_away(house, contested, buyer, token):
    hidden = buyer.hidden(address(contested), address(contested)) | {"csrf_token": token}
    data = {name: value for name, value in hidden.items() if value is not None}

    answer = buyer.client.post(address(contested), data={**data, "file": (io.BytesIO(PDF), "a.pdf")})

    assert answer.status_code == 400
    assert (kept(house), staged(house)) == ([], [])


def test_an_upload_from_another_site_is_turned_away(house, contested, buyer):
    hidden = buyer.hidden(address(contested), address(contested))

    answer = buyer.client.post(
        address(contested),
        data={**hidden, "file": (io.BytesIO(PDF), "a.pdf")},
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403


def multipart(body: io.RawIOBase, length: int) -> dict[str, object]:
    """What a server tells of a multipart form, without the test client reading it first."""
    kind = "multipart/form-data; boundary=xx"
    return {"wsgi.input": body, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": kind}


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    head = f'--xx\r\nContent-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


def test_a_file_that_comes_before_the_token_is_not_read(house, contested, buyer):
    hidden = buyer.hidden(address(contested), address(contested))
    body = (
        part("file", PDF, "a.pdf") + b"".join(part(name, value.encode()) for name, value in hidden.items()) + b"--xx--"
    )

    answer = buyer.client.post(address(contested), data=body, content_type="multipart/form-data; boundary=xx")

    assert answer.status_code == 400
    assert (kept(house), staged(house)) == ([], [])


@pytest.mark.parametrize("key", ["", "short", "g" * 32, "0" * 200, "\x00" * 32, "' OR 1=1"])
def test_a_forged_key_is_refused_with_a_sentence(house, contested, buyer, key):
    answer = send_file(buyer, contested, PDF, key=key)

    assert answer.status_code == 422
    assert "A hidden part of this form is missing" in text(answer)
    assert (kept(house), staged(house)) == ([], [])


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=xx"),
        (b"--xx\r\n\r\n", "multipart/form-data; boundary=xx"),
        (b"--xx", "multipart/form-data; boundary=xx"),
        (b"garbage" * 1000, "multipart/form-data; boundary=xx"),
        (b"--xx\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xx--", "multipart/form-data; boundary=xx"),
        (b"--xx\r\nContent-Disposition: \xff\xfe\r\n\r\nx\r\n--xx--", "multipart/form-data; boundary=xx"),
        (part("about", b"x" * 200_000), "multipart/form-data; boundary=xx"),
        (part("a", b"x") * 100, "multipart/form-data; boundary=xx"),
        (b"csrf_token=x", "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"x", ""),
        (b"x", "multipart/form-data"),
        (b"x", "multipart/form-data; boundary=" + "y" * 5_000),
    ],
)
def test_a_malformed_body_is_refused_and_leaves_nothing(house, contested, buyer, body, kind):
    answer = buyer.client.post(address(contested), data=body, content_type=kind)

    assert 400 <= answer.status_code < 500
    assert (kept(house), staged(house)) == ([], [])


def test_an_upload_that_breaks_off_is_refused_with_a_sentence(house, contested, buyer):
    hidden = buyer.hidden(address(contested), address(contested))
    body = b"".join(part(name, value.encode()) for name, value in hidden.items()) + part("file", PDF * 5_000, "a.pdf")

    answer = buyer.client.post(address(contested), data=body[:-40], content_type="multipart/form-data; boundary=xx")

    assert answer.status_code == 409
    assert "The upload broke off" in text(answer)
    assert (kept(house), staged(house)) == ([], [])


@given(
    content=st.binary(max_size=3_000) | st.binary(max_size=60).map(lambda some: (b"\r\n--x" + some) * 20),
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=8),
)
def test_an_upload_reads_the_same_however_it_arrives(content, sizes):
    body = part("about", "é".encode()) + part("file", content, "a.bin") + part("after", b"x") + b"--xx--\r\n"

    upload = Upload(Trickle(body, sizes), "multipart/form-data; boundary=xx")
    read = b"".join(iter(lambda: upload.read(500), b""))

    assert (upload.fields["about"], upload.filename) == ("é", "a.bin")
    assert read == content or b"\r\n--xx" in content


@given(st.binary(max_size=500))
def test_any_body_reads_or_is_refused(some):
    try:
        upload = Upload(io.BytesIO(b"--xx\r\n" + some), "multipart/form-data; boundary=xx")
        while upload.read(100):
            pass
    except (Refused, RequestEntityTooLarge):
        return


class Trickle:
    """A body that comes in pieces of the sizes given, over and over."""

    def __init__(self, body: bytes, sizes: list[int]) -> None:
        self.body, self.sizes, self.turn = body, sizes, 0

    def read(self, size: int = -1) -> bytes:
        self.turn += 1
        now = min(size if size > 0 else len(self.body), self.sizes[self.turn % len(self.sizes)])
        given, self.body = self.body[:now], self.body[now:]
        return given


# -- the same upload twice --------------------------------------------------------------------------------------


def test_an_upload_sent_twice_is_one_item_and_one_file(house, contested, buyer):
    hidden = buyer.hidden(address(contested), address(contested)) | {"about": "Twice"}

    answers = [buyer.post(address(contested), {**hidden, "file": (io.BytesIO(PDF), "a.pdf")}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert "Evidence 2" not in buyer.read(address(contested))
    assert len(kept(house)) == 1


def test_a_key_used_for_another_file_is_refused_and_drops_it(house, contested, buyer):
    hidden = buyer.hidden(address(contested), address(contested)) | {"about": ""}
    buyer.post(address(contested), {**hidden, "file": (io.BytesIO(PDF), "a.pdf")})

    other = buyer.post(address(contested), {**hidden, "file": (io.BytesIO(PDF + b"%"), "a.pdf")})

    assert other.status_code == 409
    assert "already sent with other contents" in text(other)
    assert len(kept(house)) == 1


# -- large files ------------------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A multipart body with a large text file, made while it is read."""

    def __init__(self, hidden: dict[str, str], size: int) -> None:
        self.head = b"".join(part(name, value.encode()) for name, value in hidden.items())
        self.head += part("file", b"", "long.txt")[:-2]
        self.tail = b"\r\n--xx--\r\n"
        self.left = size
        self.length = len(self.head) + size + len(self.tail)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if self.head:
            given, self.head = self.head[: len(buffer)], self.head[len(buffer) :]
        elif self.left:
            given = b"a line of text, and a line of it again\n" * (len(buffer) // 39 + 1)
            given = given[: min(len(buffer), self.left)]
            self.left -= len(given)
        else:
            given, self.tail = self.tail[: len(buffer)], self.tail[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)


@pytest.mark.slow
def test_a_file_of_sixty_megabytes_passes_through_in_little_memory(app, house, contested, buyer):
    app.extensions["odr"] = replace(house, settings=replace(house.settings, upload_limit=80 * MEGABYTE))
    body = Endless(buyer.hidden(address(contested), address(contested)), 60 * MEGABYTE)
    tracemalloc.start()

    sent = buyer.client.post(
        address(contested),
        environ_overrides=multipart(body, body.length),
    )
    digest, size = hashlib.sha256(), 0
    for chunk in buyer.client.get(address(contested, "/1"), buffered=False).iter_encoded():
        digest.update(chunk)
        size += len(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sent.status_code == 303
    assert size == 60 * MEGABYTE
    assert digest.hexdigest() in buyer.client.get(address(contested)).get_data(as_text=True)
    assert peak < 12 * MEGABYTE


# -- completion -------------------------------------------------------------------------------------------------


def test_when_both_say_that_their_file_is_complete_the_negotiation_begins(contested, buyer, seller):
    first = buyer.send(address(contested, "/completion"))
    waits = seller.read(address(contested, "/completion"))
    second = seller.send(address(contested, "/completion"))

    assert (first.status_code, second.status_code) == (303, 303)
    assert "The negotiation begins at once" in waits
    assert "Negotiation" in seller.read(f"/disputes/{contested.number}")


def test_saying_it_twice_is_refused_with_a_sentence(contested, buyer):
    hidden = buyer.hidden(address(contested, "/completion"))
    buyer.post(address(contested, "/completion"), hidden)

    again = buyer.post(address(contested, "/completion"), hidden)
    anew = buyer.post(address(contested, "/completion"), hidden | {"key": new_pseudonym()})

    assert again.status_code == 303
    assert anew.status_code == 409
    assert "You already said that your file is complete." in text(anew)


# -- sample data ------------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_every_sample_file_is_taken_or_refused_cleanly(shared, house, contested, buyer, seller):
    for file in sorted((shared / "data" / "evidence").glob("*.*")):
        if file.suffix == ".csv":
            continue
        sent = send_file(buyer, contested, file.read_bytes(), file.name)
        assert sent.status_code in (303, 409), file.name
    for number in range(1, len(kept(house)) + 1):
        own = buyer.client.get(address(contested, f"/{number}")).data
        others = seller.client.get(address(contested, f"/{number}"))
        assert hashlib.sha256(own).hexdigest() in (shared / "data" / "evidence" / "manifest.csv").read_text()
        assert others.status_code == 200
        assert b"GPS" not in others.data[:4096] or others.mimetype == "application/pdf"


@pytest.mark.shared
@pytest.mark.slow
def test_naughty_words_and_names_come_through_as_words(shared, contested, buyer):
    strings = json.loads((shared / "data" / "naughty_strings.json").read_text())[::7]

    for naughty in strings:
        hidden = buyer.hidden(address(contested), address(contested))
        fields = {**hidden, "about": naughty.encode("utf-8", "replace").decode()}
        answer = buyer.client.post(
            address(contested), data={**fields, "file": (io.BytesIO(PDF), fields["about"] or "x")}
        )
        assert answer.status_code in (303, 400, 409), repr(naughty)
    assert "<script>alert" not in buyer.client.get(address(contested)).get_data(as_text=True)
