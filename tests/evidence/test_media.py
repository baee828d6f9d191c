"""What an upload is: a few types by their content, everything else refused with the reason, and copies that tell
nothing about the sender."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, TiffImagePlugin

from odr.evidence import pictures
from odr.evidence.media import (
    HEIF,
    LONGEST_NAME,
    PDF,
    PREVIEWED,
    TEXT,
    Media,
    content_disposition,
    copy_for_others,
    display_name,
    inspect,
    preview,
    with_suffix,
)
from odr.kernel import Refused

GPS_INFO = 0x8825
ORIENTATION = 0x0112
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/tiff": "TIFF"}
SECRETS = (b"Canal Street 7", b"the camera's owner")

MINIMAL_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def judged(content: bytes, chunk: int = 65_536) -> Media:
    """What `inspect` says of a whole content, handed over in chunks."""
    chunks = (content[at : at + chunk] for at in range(0, len(content), chunk))
    return inspect(content[:8192], len(content), chunks)


def refusal(content: bytes) -> str:
    with pytest.raises(Refused) as refused:
        judged(content)
    return refused.value.code


def a_picture(format_: str, *, orientation: int = 1, mode: str = "RGB", size: tuple[int, int] = (90, 60)) -> bytes:
    """A picture, red on its left third, with a position, a description and an owner written beside it."""
    image = Image.new(mode, size, "white")
    image.paste(Image.new(mode, (size[0] // 3, size[1]), "red"), (0, 0))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010E] = SECRETS[0].decode()
    exif[0x013B] = SECRETS[1].decode()
    written = io.BytesIO()
    if format_ == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        for tag, value in exif.items():
            tags[tag] = value
        tags[GPS_INFO] = {1: "N", 2: (52.0, 22.0, 12.0)}
        image.save(written, format_, tiffinfo=tags)
    else:
        exif.get_ifd(GPS_INFO).update({1: "N", 2: (52.0, 22.0, 12.0)})
        image.save(written, format_, exif=exif, **({"lossless": True} if format_ == "WEBP" else {}))
    return written.getvalue()


def plain_picture(format_: str, size: tuple[int, int] = (9, 6), mode: str = "RGB") -> bytes:
    written = io.BytesIO()
    Image.new(mode, size).save(written, format_)
    return written.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def beside_the_pixels(content: bytes) -> dict[str, object]:
    """Everything a picture carries that could tell about its sender."""
    image = opened(content)
    tags = {tag for tag in image.getexif() if tag in (GPS_INFO, 0x8769, 0x010E, 0x010F, 0x0110, 0x013B, 0x0132)}
    words = ("exif", "xmp", "icc_profile", "comment", "photoshop", "XML:com.adobe.xmp", "mp", "mpoffset")
    return {"tags": tags, **{word: image.info[word] for word in words if image.info.get(word)}}


NOTHING: dict[str, object] = {"tags": set()}


# -- the samples --------------------------------------------------------------------------------------------------


def samples(shared: Path) -> Iterator[tuple[dict[str, str], bytes]]:
    with (shared / "data" / "evidence" / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row, (shared / "data" / "evidence" / row["file"]).read_bytes()


@pytest.mark.shared
def test_every_sample_is_taken_for_what_it_is(shared: Path) -> None:
    types = {"jpg": "image/jpeg", "png": "image/png", "tiff": "image/tiff", "heif": HEIF, "pdf": PDF}

    for row, content in samples(shared):
        assert judged(content, chunk=1000).media_type == types[row["file"].rpartition(".")[2]], row["file"]
        assert hashlib.sha256(content).hexdigest() == row["sha256"]


@pytest.mark.shared
def test_no_copy_of_a_sample_tells_where_it_was_taken(shared: Path) -> None:
    with_position = 0

    for row, content in samples(shared):
        media_type = judged(content).media_type
        if media_type not in PREVIEWED:
            continue
        with_position += GPS_INFO in opened(content).getexif()
        copy, copied_type = copy_for_others(content, media_type)
        assert copied_type == media_type
        assert beside_the_pixels(copy) == NOTHING, row["file"]
        assert beside_the_pixels(preview(content, media_type)[0]) == NOTHING, row["file"]
    assert with_position >= 3


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "upright"), [("orientation_portrait_6.jpg", (450, 600)), ("orientation_landscape_8.jpg", (600, 450))]
)
def test_turned_samples_are_shown_upright(shared: Path, name: str, upright: tuple[int, int]) -> None:
    content = (shared / "data" / "evidence" / name).read_bytes()

    found = judged(content)

    assert (found.width, found.height) == upright
    assert opened(copy_for_others(content, found.media_type)[0]).size == upright


@pytest.mark.shared
def test_the_locked_sample_and_the_one_with_a_file_inside_are_told(shared: Path) -> None:
    told = {row["file"]: judged(content) for row, content in samples(shared) if row["file"].endswith(".pdf")}

    assert {name for name, found in told.items() if found.locked} == {"password-protected.pdf"}
    assert {name: found.notes for name, found in told.items() if found.notes} == {
        "with-embedded-attachment.pdf": ("attachment",)
    }


@pytest.mark.shared
def test_a_telephone_picture_keeps_its_pixels_and_loses_its_camera_data(shared: Path) -> None:
    content = (shared / "data" / "evidence" / "phone_sample.heif").read_bytes()
    assert b"Exif\x00\x00MM" in content

    copy, media_type = copy_for_others(content, HEIF)

    # The picture item of this sample lies where its box of locations says.
    picture = slice(0x0D26, 0x0D26 + 0x64F2)
    assert media_type == HEIF
    assert len(copy) == len(content)
    assert copy[picture] == content[picture]
    assert b"Exif\x00\x00MM" not in copy
    assert b"xmpmeta" not in copy
    assert copy_for_others(copy, HEIF)[0] == copy


@pytest.mark.shared
def test_a_sample_cut_short_is_taken_or_refused_but_never_breaks(shared: Path) -> None:
    for _, content in samples(shared):
        for part in (10, 3, 2):
            try:
                judged(content[: len(content) // part])
            except Refused as refused:
                assert refused.code in {"file_damaged", "file_type_refused"}


# -- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("media_type", FORMATS)
def test_a_copy_is_upright_and_bare(media_type: str, orientation: int) -> None:
    content = a_picture(FORMATS[media_type], orientation=orientation)
    assert all(secret in content for secret in SECRETS)
    assert GPS_INFO in opened(content).getexif()

    copy, copied_type = copy_for_others(content, media_type)

    # Where the red third of the stored picture is to be seen, by EXIF 2.32 §4.6.4.
    red = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}[orientation]
    image = opened(copy).convert("RGB")
    width, height = image.size
    spots = {"left": (3, 30), "right": (width - 4, 30), "top": (30, 3), "bottom": (30, height - 4)}
    assert copied_type == media_type
    assert (width, height) == ((90, 60) if orientation < 5 else (60, 90))
    assert {side for side, spot in spots.items() if image.getpixel(spot)[1] < 100} == {red}
    assert beside_the_pixels(copy) == NOTHING
    assert not any(secret in copy for secret in SECRETS)
    assert judged(content) == Media(media_type, width=width, height=height)
    assert opened(preview(content, media_type)[0]).size == (width, height)


def test_a_preview_is_small() -> None:
    content = plain_picture("JPEG", (3000, 1500))

    small, media_type = preview(content, "image/jpeg")

    assert opened(small).size == (480, 240)
    assert media_type == "image/webp"


def test_bytes_behind_a_picture_do_not_reach_others() -> None:
    content = plain_picture("JPEG") + b"\x00\x00\x00\x18ftypmp42 a film with a voice"

    assert b"voice" not in copy_for_others(content, judged(content).media_type)[0]


@pytest.mark.parametrize("media_type", ["image/tiff", "image/webp", "image/png"])
def test_every_page_is_in_the_copy(media_type: str) -> None:
    pages = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
    written = io.BytesIO()
    pages[0].save(written, FORMATS[media_type], save_all=True, append_images=pages[1:], duration=[500, 700, 900])

    copy, _ = copy_for_others(written.getvalue(), media_type)

    assert Image.open(io.BytesIO(copy)).n_frames == 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_every_kind_of_pixel_are_copied(mode: str) -> None:
    content = plain_picture("PNG", mode=mode)

    assert judged(content) == Media("image/png", width=9, height=6)
    assert opened(copy_for_others(content, "image/png")[0]).size == (9, 6)
    assert opened(preview(content, "image/png")[0]).size == (9, 6)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "I;16", "I;16B", "F"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_scans_of_every_kind_of_pixel_are_copied(mode: str, compression: str) -> None:
    written = io.BytesIO()
    Image.new(mode, (9, 6)).save(written, "TIFF", compression=compression)

    assert judged(written.getvalue()) == Media("image/tiff", width=9, height=6)
    assert opened(copy_for_others(written.getvalue(), "image/tiff")[0]).size == (9, 6)


def test_transparency_survives() -> None:
    image = Image.new("P", (9, 6), 0)
    written = io.BytesIO()
    image.save(written, "PNG", transparency=0)

    copy = opened(copy_for_others(written.getvalue(), "image/png")[0])

    assert copy.convert("RGBA").getpixel((0, 0))[3] == 0


def test_colours_of_another_profile_stay_the_same_to_the_eye() -> None:
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    usual = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    for profile in (usual, wide):
        written = io.BytesIO()
        Image.new("RGB", (9, 6), (200, 30, 30)).save(written, "PNG", icc_profile=profile.tobytes())

        copy = opened(copy_for_others(written.getvalue(), "image/png")[0])

        assert "icc_profile" not in copy.info
        # A profile that does not fit the pixels is left aside, as viewers do.
        assert all(abs(got - put) <= 3 for got, put in zip(copy.getpixel((4, 3)), (200, 30, 30), strict=True))


def png_of_size(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims a size; no pixel of it exists."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("edge", [7_100, 12_000, 60_000, 2**31 - 1])
def test_a_picture_that_would_fill_the_memory_is_refused(edge: int) -> None:
    assert refusal(png_of_size(edge, edge)) == "picture_too_large"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_size_of_a_jpeg_is_judged_before_it_is_reduced() -> None:
    content = bytearray(plain_picture("JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", 8000, 8000)

    assert refusal(bytes(content)) == "picture_too_large"


def test_a_scan_of_too_many_pages_is_refused() -> None:
    page = Image.new("1", (1, 1))
    written = io.BytesIO()
    page.save(written, "TIFF", save_all=True, append_images=[page] * pictures.MOST_PAGES)

    assert refusal(written.getvalue()) == "picture_too_large"


def test_a_picture_file_that_would_fill_the_memory_is_refused_unread() -> None:
    head = plain_picture("JPEG")

    def never() -> Iterator[bytes]:
        raise AssertionError("the content was asked for")
        yield b""

    with pytest.raises(Refused) as refused:
        inspect(head, pictures.LARGEST_BYTES + 1, never())

    assert (refused.value.code, refused.value.params) == ("file_too_large", {"limit": pictures.LARGEST_BYTES})


# Pillow warns about broken tags and reads on, as it should.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("media_type", FORMATS)
@given(data=st.data())
def test_no_altered_picture_breaks_the_house(media_type: str, data: st.DataObject) -> None:
    content = bytearray(a_picture(FORMATS[media_type]))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    altered = bytes(content[: data.draw(st.integers(12, len(content)))])

    for act in (lambda: judged(altered), lambda: copy_for_others(altered, media_type)):
        try:
            act()
        except Refused as refused:
            assert refused.code.startswith(("file_", "picture_"))


# -- HEIF ---------------------------------------------------------------------------------------------------------


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def a_heif(*, more: bytes = b"", inside: bool = False) -> bytes:
    """A telephone picture of two items, one picture and one camera data, in `mdat` or in `meta` itself."""
    stored = b"PIXELS" + b"Canal Street 7"

    def meta(base: int) -> bytes:
        kinds = b"".join(
            box(b"infe", b"\x02\0\0\0" + struct.pack(">HH4s", item, 0, kind) + b"\0")
            for item, kind in ((1, b"hvc1"), (2, b"Exif"))
        )
        spans = b"".join(
            struct.pack(">HHHHII", item, int(inside), 0, 1, base + at, length)
            for item, at, length in ((1, 0, 6), (2, 6, 14))
        )
        boxes = box(b"iinf", b"\0\0\0\0" + struct.pack(">H", 2) + kinds)
        boxes += box(b"iloc", b"\x01\0\0\0\x44\0" + struct.pack(">H", 2) + spans)
        boxes += box(b"idat", stored) if inside else b""
        return box(b"meta", b"\0\0\0\0" + boxes + box(b"udta", b"Canal Street 7"))

    start = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    base = 0 if inside else len(start) + len(meta(0)) + 8
    return start + meta(base) + (b"" if inside else box(b"mdat", stored)) + more


@pytest.mark.parametrize("inside", [False, True])
def test_only_pixels_of_a_telephone_picture_reach_others(inside: bool) -> None:
    content = a_heif(inside=inside, more=box(b"mpvd", b"a film of Canal Street 7") + box(b"uuid", b"Canal Street 7"))
    assert judged(content) == Media(HEIF)

    copy, _ = copy_for_others(content, HEIF)

    assert b"PIXELS" in copy
    assert b"Canal" not in copy
    assert len(copy) == len(content)


@given(data=st.data())
def test_no_altered_telephone_picture_breaks_the_house(data: st.DataObject) -> None:
    content = bytearray(a_heif())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    try:
        copy, _ = copy_for_others(bytes(content), HEIF)
        assert len(copy) == len(content)
    except Refused as refused:
        assert refused.code == "file_damaged"


def test_a_telephone_picture_of_a_million_boxes_is_refused() -> None:
    assert refusal(a_heif(more=box(b"free", b"") * 20_000)) == "file_damaged"


# -- PDF ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf"])
def test_a_pdf_is_taken_even_with_blanks_before_it(before: bytes) -> None:
    assert judged(before + MINIMAL_PDF) == Media(PDF)


@pytest.mark.parametrize(
    ("part", "notes"),
    [
        (b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>", ("script",)),
        (b"<< /S /J#61vaScr#69pt /JS (app.alert\\(1\\)) >>", ("script",)),
        (b"<< /S /Launch /F (cmd.exe) >>", ("launch",)),
        (b"<< /Type /EmbeddedFile >> << /S /Launch >>", ("launch", "attachment")),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_reader_should_know_of_a_pdf_is_told(part: bytes, notes: tuple[str, ...], packed: bool) -> None:
    if packed:
        part = b"<< /Type /ObjStm /Filter /FlateDecode >>\nstream\r\n" + zlib.compress(part) + b"\nendstream"
    content = MINIMAL_PDF.replace(b"trailer", part + b"\ntrailer")

    assert judged(content).notes == notes


@pytest.mark.parametrize("padding", [0, 65_530, 1024 * 1024 - 50, 1024 * 1024 + 65_000, 3_000_000])
def test_a_pdf_with_a_password_is_told_wherever_that_stands(padding: int) -> None:
    content = MINIMAL_PDF.replace(b"trailer <<", b"%" + b"x" * padding + b"\ntrailer << /Encrypt 7 0 R")

    assert judged(content) == Media(PDF, locked=True)


def test_a_pdf_that_speaks_of_encryption_is_not_locked() -> None:
    content = MINIMAL_PDF.replace(b"endobj", b"(see /Encrypt in the manual) endobj")

    assert not judged(content).locked


def test_a_pdf_cut_short_is_refused() -> None:
    assert refusal(MINIMAL_PDF[:-10]) == "file_damaged"


def test_a_pdf_of_countless_packed_parts_is_judged_all_the_same() -> None:
    bomb = b"<< /Type /ObjStm >>\nstream\n" + zlib.compress(bytes(50_000_000)) + b"\nendstream\n"
    content = MINIMAL_PDF.replace(b"trailer", bomb * 5 + b"/ObjStm stream" * 50_000 + b"\ntrailer")

    assert judged(content) == Media(PDF)


# -- text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"BMW parts, order 7; delivery 2026-03-02\r\n\tpage 2\f",
        "收据 第五号".encode(),
        "收据 第五号".encode("gb18030"),
        "فاتورة".encode("utf-16"),
        "reçu".encode("latin-1"),
        b"\xef\xbb\xbfwith a mark",
        b"<seller@shop.example> wrote: 3 < 5 and 7 > 6",
        "é".encode() * 100_000,
    ],
)
def test_plain_text_in_any_writing_is_taken(content: bytes) -> None:
    assert judged(content) == Media(TEXT)


@given(text=st.text(min_size=1, alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"])))
def test_what_people_write_is_text(text: str) -> None:
    assert judged(text.replace("<", "").replace("#!", "").replace("%!", "").encode() + b".") == Media(TEXT)


@pytest.mark.parametrize("at", [10_000, 65_533, 200_000])
def test_markup_and_binary_are_found_behind_a_harmless_beginning(at: int) -> None:
    assert refusal(b"x" * at + b"<script src=x>") == "file_web_page_refused"
    assert refusal(b"x" * at + b"\x00\x01") == "file_type_refused"


def test_broken_wide_text_is_refused() -> None:
    assert refusal(b"\xff\xfe\x00\xdc\x00\xdc") == "file_damaged"


# -- what is refused ----------------------------------------------------------------------------------------------


def a_zip(name: str = "receipt.txt") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(name, "words")
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<!DOCTYPE html><p>hello", "file_web_page_refused"),
        (b"\n  <HTML><body onload=alert(1)>", "file_web_page_refused"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "file_web_page_refused"),
        (b'<?xml version="1.0"?><svg/>', "file_web_page_refused"),
        ("<html>".encode("utf-16"), "file_web_page_refused"),
        (a_zip(), "file_archive_refused"),
        (gzip.compress(b"words", mtime=0), "file_archive_refused"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(50), "file_archive_refused"),
        (b"7z\xbc\xaf'\x1c" + bytes(50), "file_archive_refused"),
        (a_zip("[Content_Types].xml"), "file_document_refused"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file_document_refused"),
        (b"{\\rtf1 words}", "file_document_refused"),
        (b"%!PS-Adobe-3.0\n", "file_document_refused"),
        (b"MZ\x90\x00" + bytes(200), "file_program_refused"),
        (b"\x7fELF\x02\x01\x01" + bytes(200), "file_program_refused"),
        (b"\xcf\xfa\xed\xfe" + bytes(200), "file_program_refused"),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(200), "file_program_refused"),
        (b"#!/bin/sh\nrm -rf /\n", "file_program_refused"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00" + bytes(50), "file_film_refused"),
        (b"ID3\x03\x00" + bytes(50), "file_film_refused"),
        (b"GIF89a" + bytes(50), "file_type_refused"),
        (b"GIF89a/*<script>*/=1;alert(1)", "file_web_page_refused"),
        (bytes(100), "file_type_refused"),
        (b"\xff\xd8\xff\xe0 no picture at all", "file_damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "file_damaged"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00" + bytes(50), "file_damaged"),
        (b"II*\x00\xff\xff\xff\xff", "file_damaged"),
    ],
)
def test_other_types_are_refused_with_the_reason_that_helps(content: bytes, code: str) -> None:
    assert refusal(content) == code


@pytest.mark.parametrize("base", [plain_picture("JPEG"), plain_picture("PNG"), MINIMAL_PDF], ids=["jpeg", "png", "pdf"])
def test_a_file_that_is_also_an_archive_is_refused(base: bytes) -> None:
    commented = io.BytesIO(a_zip())
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = b"c" * 500

    assert refusal(base + a_zip()) == "file_two_types"
    assert refusal(base + commented.getvalue()) == "file_two_types"


def with_comment(comment: bytes) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (9, 6)).save(written, "JPEG", comment=comment)
    return written.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        plain_picture("JPEG") + b"<html><script>alert(1)</script>",
        with_comment(b"<script>alert(1)</script>"),
        with_comment(MINIMAL_PDF),
        plain_picture("PNG") + b"<?php system($_GET[0]); ?>",
        plain_picture("PNG") + b"Rar!\x1a\x07\x01\x00",
        MINIMAL_PDF.replace(b"%PDF-1.7\n", b"%PDF-1.7\n%<script>alert(1)</script>\n"),
    ],
)
def test_a_file_that_is_also_something_else_is_refused(content: bytes) -> None:
    assert refusal(content) == "file_two_types"


# -- names --------------------------------------------------------------------------------------------------------

HOSTILE_NAMES = {
    "收据 2024-05-17.pdf": "收据 2024-05-17.pdf",
    "فاتورة.pdf": "فاتورة.pdf",
    "re: invoice #12 (final) .PDF.jpg": "re: invoice #12 (final) .PDF.jpg",
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "CON.pdf": "_CON.pdf",
    "aux": "_aux",
    "Lpt1.tar.gz": "_Lpt1.tar.gz",
    "console.pdf": "console.pdf",
    "a" * 300 + ".png": "a" * 116 + ".png",
    "a" * 300: "a" * 120,
    "rechnung\u202efdp.exe": "rechnungfdp.exe",
    'facture "n°3"; filename=x.html': 'facture "n°3"; filename=x.html',
    ".htaccess": "htaccess",
    "": None,
    "   ": None,
    "..": None,
    "../": None,
    "\x00\u200b\u2066": None,
    "no-extension": "no-extension",
    "cafe\u0301.jpg": "caf\u00e9.jpg",
    "a\r\nSet-Cookie: x.txt": "aSet-Cookie: x.txt",
    "trailing dots...": "trailing dots",
    "half \ud800 sign.txt": "half sign.txt",
    "family \U0001f468\u200d\U0001f469.png": "family \U0001f468\u200d\U0001f469.png",
}


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_is_shown_without_its_tricks(name: str) -> None:
    assert display_name(name) == HOSTILE_NAMES[name]


@given(name=st.text(max_size=300))
def test_any_name_becomes_a_harmless_one_or_none(name: str) -> None:
    shown = display_name(name)

    if shown is not None:
        assert 0 < len(shown) <= LONGEST_NAME
        assert shown == shown.strip()
        assert not set(shown) & set("/\\\r\n\x00\u202e\u2066\u200f")
        assert display_name(shown) == shown
        header = content_disposition(shown)
        assert header.isascii()
        assert header.isprintable()
        assert header.count('"') == 2
        assert unquote(header.rpartition("''")[2]) == shown


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("receipt.pdf", "attachment; filename=\"receipt.pdf\"; filename*=UTF-8''receipt.pdf"),
        (
            'facture "n°3"; filename=x.html',
            'attachment; filename="facture _n3__ filename=x.html"; '
            "filename*=UTF-8''facture%20%22n%C2%B03%22%3B%20filename%3Dx.html",
        ),
        ("收据.pdf", "attachment; filename=\"file.pdf\"; filename*=UTF-8''%E6%94%B6%E6%8D%AE.pdf"),
    ],
)
def test_the_header_of_a_download_is_read_in_one_way(name: str, header: str) -> None:
    assert content_disposition(name) == header


@pytest.mark.parametrize(
    ("name", "media_type", "offered"),
    [
        ("receipt.PDF", PDF, "receipt.PDF"),
        ("rechnungfdp.exe", "image/jpeg", "rechnungfdp.exe.jpg"),
        ("photo.jpeg", "image/jpeg", "photo.jpeg"),
        ("evil.bat", TEXT, "evil.bat.txt"),
        ("no-extension", HEIF, "no-extension.heic"),
        ("a" * 120, PDF, "a" * 116 + ".pdf"),
    ],
)
def test_a_name_ends_in_what_the_file_is(name: str, media_type: str, offered: str) -> None:
    assert with_suffix(name, media_type) == offered


@pytest.mark.parametrize("read", [copy_for_others, preview])
def test_a_damaged_picture_is_refused_by_every_reader(read: Callable[[bytes, str], tuple[bytes, str]]) -> None:
    whole = plain_picture("PNG", (200, 200))

    with pytest.raises(Refused) as refused:
        read(whole[: len(whole) // 2], "image/png")

    assert refused.value.code == "file_damaged"
