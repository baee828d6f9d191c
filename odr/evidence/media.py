"""What an upload is, told from its content alone: the few types that are taken, and why the others are not."""

from __future__ import annotations

import codecs
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import puremagic

from odr.evidence import pictures
from odr.kernel import Refused

HEIF = "image/heic"
PDF = "application/pdf"
TEXT = "text/plain"

# Type -> the endings a name of it may have; the first is given to a name that has another. What is not here is
# refused: office files and e-mails carry active content and can be printed to PDF, archives hide what they hold,
# films and sounds are larger than a hearing on paper needs. Docs: docs/evidence-files.md.
SUFFIXES = {
    PDF: (".pdf",),
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/tiff": (".tiff", ".tif"),
    HEIF: (".heic", ".heif"),
    TEXT: (".txt", ".text", ".log"),
}
PREVIEWED = pictures.READABLE
"""Types that `preview` can draw."""

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Media:
    """What a file turned out to be.

    `locked`: a PDF that asks for a password. `notes`: what a reader should know about a PDF, of "script", "launch"
    (starts a program) and "attachment" (holds another file). `width` and `height` in pixels, 0 where unknown.
    """

    media_type: str
    locked: bool = False
    notes: tuple[str, ...] = ()
    width: int = 0
    height: int = 0


def inspect(head: bytes, size: int, chunks: Iterable[bytes]) -> Media:
    """Judge a file from its first 8 KiB, its size in bytes and one pass over its content.

    The name and the type that the sender declares are never asked. Raises Refused with "file_type_refused",
    "file_web_page_refused", "file_archive_refused", "file_program_refused", "file_document_refused",
    "file_film_refused", "file_two_types" (also valid as something else), "file_damaged", "picture_too_large" with
    `megapixels`, or "file_too_large" with `limit` in bytes (a picture is judged in memory).
    """
    media_type = _opening(head)
    watched = _Tail(chunks)
    if media_type == PDF:
        media = _pdf(head, watched)
    elif media_type == TEXT:
        media = _text(watched)
    elif media_type is not None:
        media = _picture(media_type, size, watched)
    else:
        raise Refused(_reason(head))
    if watched.ends_as_archive():
        raise Refused("file_two_types")
    return media


def copy_for_others(plain: bytes, media_type: str) -> tuple[bytes, str]:
    """What everybody but its sender and the mediator gets: a picture upright and without any metadata, so that a
    photo does not tell where somebody lives; other types as they are. Raises Refused like `inspect`."""
    if media_type in pictures.READABLE:
        return pictures.copy(plain, media_type), media_type
    if media_type == HEIF:
        return pictures.copy_heif(plain), media_type
    return plain, media_type


def preview(plain: bytes, media_type: str) -> tuple[bytes, str]:
    """A small picture (bytes, type) of a file whose type is in PREVIEWED, at most 480 pixels on an edge."""
    return pictures.preview(plain, media_type), pictures.PREVIEW_TYPE


# -- what it is -------------------------------------------------------------------------------------------------

# Invoices printed by web shops often begin with a stray line feed.
_PDF_OPENING = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]{0,16}%PDF-[12]\.")
_HEIF_OPENING = re.compile(rb".{4}ftyp(?:heic|heix|heim|heis|mif1)", re.DOTALL)
_OPENINGS = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"II\*\x00|MM\x00\*"), "image/tiff"),
    (_HEIF_OPENING, HEIF),
    (_PDF_OPENING, PDF),
)
_WIDE_TEXT = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# Text that a program would run or draw, whatever its name says.
_RUNS = re.compile(rb"(?:\xef\xbb\xbf)?#!")
_DRAWS = re.compile(rb"(?:\xef\xbb\xbf)?(?:%!PS|\{\\rtf)")


def _opening(head: bytes) -> str | None:
    for pattern, media_type in _OPENINGS:
        if pattern.match(head):
            return media_type
    if head.startswith(_WIDE_TEXT):
        return TEXT
    if _NO_TEXT.search(head) or _RUNS.match(head) or _DRAWS.match(head):
        return None
    return TEXT


_REASONS = {
    "file_web_page_refused": ".html .htm .xhtml .svg .xml .mht",
    "file_archive_refused": ".zip .rar .7z .gz .bz2 .tar.bz2 .xz .tar .cab .iso .zst",
    "file_program_refused": ".exe .dll .class .AppImage .msi .apk .jar .lnk .bat .com .elf .so .dmg",
    "file_document_refused": ".doc .xls .ppt .docx .xlsx .pptx .odt .ods .odp .rtf .ps .eps .eml .msg",
}
_REASON_OF = {suffix: code for code, suffixes in _REASONS.items() for suffix in suffixes.split()}
_OFFICE = re.compile(rb"\[Content_Types\]\.xml|mimetypeapplication/vnd\.oasis|_rels/\.rels")
# Programs whose marks the label library does not know: shell scripts, Mach-O, WebAssembly.
_PROGRAM = re.compile(rb"(?:\xef\xbb\xbf)?#!|\x7fELF|[\xce\xcf]\xfa\xed\xfe|\xfe\xed\xfa[\xce\xcf]|\x00asm")


def _reason(head: bytes) -> str:
    """The refusal that helps most: the label is a guess and decides nothing but the sentence."""
    if _PROGRAM.match(head):
        return "file_program_refused"
    if head.startswith(b"PK"):
        return "file_document_refused" if _OFFICE.search(head) else "file_archive_refused"
    try:
        labels = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return "file_type_refused"
    for label in labels:
        if label.mime_type.startswith(("video/", "audio/")):
            return "file_film_refused"
        if label.extension in _REASON_OF:
            return _REASON_OF[label.extension]
    return "file_type_refused"


class _Tail:
    """Hands chunks on and remembers the last 64 KiB, where a second file format could hide its own beginning."""

    _REACH = 22 + 65_535

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.tail = b""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.tail = (self.tail + chunk)[-self._REACH :]
            yield chunk

    def ends_as_archive(self) -> bool:
        """Whether an unpacker would find a ZIP directory at the end: its mark, then a comment up to the last byte."""
        at = self.tail.rfind(b"PK\x05\x06")
        while at >= 0:
            comment = int.from_bytes(self.tail[at + 20 : at + 22], "little")
            if at + 22 <= len(self.tail) and at + 22 + comment >= len(self.tail):
                return True
            at = self.tail.rfind(b"PK\x05\x06", 0, at)
        return False


# -- text -------------------------------------------------------------------------------------------------------

_MARKUP = re.compile(
    rb"<!doctype\s+html|<html[\s>]|<script[\s>/]|<svg[\s>]|<iframe[\s>]|<\?xml\s|<\?php\s|<body[\s>]", re.IGNORECASE
)
_OVERLAP = 64


def _text(chunks: Iterable[bytes]) -> Media:
    carry, wide = b"", None
    for chunk in chunks:
        if not carry and chunk.startswith(_WIDE_TEXT):
            wide = codecs.getincrementaldecoder("utf-16")()
        if wide is not None:
            chunk = _narrowed(wide, chunk)
        # Older telephones and offices write in the encodings of their country, so bytes above 127 are all taken.
        if _NO_TEXT.search(chunk):
            raise Refused("file_type_refused")
        if _MARKUP.search(carry + chunk):
            raise Refused("file_web_page_refused")
        carry = chunk[-_OVERLAP:]
    return Media(TEXT)


def _narrowed(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bytes:
    try:
        return decoder.decode(chunk).encode("utf-8")
    except UnicodeError as broken:
        raise Refused("file_damaged") from broken


# -- pictures ---------------------------------------------------------------------------------------------------

# Marks long enough not to occur by chance in compressed pixels.
_MARKUP_IN_PICTURE = re.compile(rb"<!doctype\s+html|<html[\s>]|<script[\s>]|<iframe[\s>]|<\?php\s", re.IGNORECASE)
_ARCHIVE_IN_PICTURE = re.compile(rb"Rar!\x1a\x07[\x00\x01]|7z\xbc\xaf\x27\x1c")
_PDF_IN_PICTURE = re.compile(rb"%PDF-[12]\.")


def _picture(media_type: str, size: int, chunks: Iterable[bytes]) -> Media:
    if size > pictures.LARGEST_BYTES:
        raise Refused("file_too_large", limit=pictures.LARGEST_BYTES)
    plain = b"".join(chunks)
    if _MARKUP_IN_PICTURE.search(plain) or _ARCHIVE_IN_PICTURE.search(plain) or _PDF_IN_PICTURE.search(plain, 0, 8192):
        raise Refused("file_two_types")
    if media_type == HEIF:
        # No reader for its pixels is on board; what can be told is whether its structure holds and can be cleaned.
        pictures.copy_heif(plain)
        return Media(HEIF)
    width, height = pictures.check(plain, media_type)
    return Media(media_type, width=width, height=height)


# -- PDF --------------------------------------------------------------------------------------------------------


def _spelled(name: str) -> bytes:
    """A pattern for a PDF name in any spelling: letters may be escaped, /J#61vaScript, which also hides a name."""
    return b"/" + b"".join(b"(?:%c|#%02x|#%02X)" % (ord(letter), ord(letter), ord(letter)) for letter in name)


_LOCKED = re.compile(_spelled("Encrypt") + rb"\s*(?:<<|\d+\s+\d+\s+R)")
_FACTS = {
    "script": re.compile(_spelled("JavaScript")),
    "launch": re.compile(_spelled("Launch")),
    "attachment": re.compile(_spelled("EmbeddedFile")),
}
_WINDOW = 1024 * 1024
_CARRY = 128 * 1024
# Objects may lie packed in streams. A real file has some hundreds of those; a hostile one must not keep us busy.
_MOST_STREAMS = 4_000
_LARGEST_INFLATED = 4 * 1024 * 1024
_MOST_INFLATED = 64 * 1024 * 1024


def _pdf(head: bytes, chunks: _Tail) -> Media:
    """A PDF is taken as it is; only what a reader should know is told (ISO 32000-2 §7.5, §7.6, §7.11.4, §12.6)."""
    if _MARKUP.search(head, 0, 1024):
        raise Refused("file_two_types")
    locked, notes, budget = False, set[str](), _Budget()
    for window in _windows(chunks):
        locked = locked or _LOCKED.search(window) is not None
        for piece in (window, *_unpacked(window, budget)):
            notes |= {note for note, pattern in _FACTS.items() if note not in notes and pattern.search(piece)}
    # What is cut short has lost its end, where readers look for the table of its parts.
    if b"%%EOF" not in chunks.tail or b"startxref" not in chunks.tail:
        raise Refused("file_damaged")
    return Media(PDF, locked=locked, notes=tuple(note for note in _FACTS if note in notes))


def _windows(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The file in overlapping pieces, so that a name on a border is seen whole in one of them."""
    window = b""
    for chunk in chunks:
        window += chunk
        if len(window) >= _WINDOW:
            yield window
            window = window[-_CARRY:]
    yield window


@dataclass(slots=True)
class _Budget:
    """How much of one file's packed objects is still looked into."""

    streams: int = _MOST_STREAMS
    inflated: int = _MOST_INFLATED


def _unpacked(window: bytes, budget: _Budget) -> Iterator[bytes]:
    """The content of the object streams that begin in a window (ISO 32000-2 §7.5.7)."""
    at = window.find(b"/ObjStm")
    while at >= 0 and budget.streams > 0 and budget.inflated > 0:
        start = window.find(b"stream", at, at + 512)
        if start >= 0:
            budget.streams -= 1
            piece = _inflated(window[start + 6 : start + 6 + _CARRY].lstrip(b"\r\n"))
            budget.inflated -= len(piece)
            yield piece
        at = window.find(b"/ObjStm", at + 7)


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, _LARGEST_INFLATED)
    except zlib.error:
        # Another filter, or encrypted: nothing can be told about its inside.
        return b""


# -- names ------------------------------------------------------------------------------------------------------

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Joiners shape Persian words and family emoji; every other invisible sign in a name only misleads.
_JOINERS = "\u200c\u200d"


def display_name(name: str) -> str | None:
    """A sender's file name as it may be shown: NFC, without folders, control signs and direction overrides, without
    leading dots or names that Windows reserves, at most 120 characters with the ending kept. None when nothing is
    left. It is shown and offered for saving, never used as a path."""
    visible = "".join(sign for sign in name if sign in _JOINERS or unicodedata.category(sign) not in _INVISIBLE)
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", visible))[-1]
    cleaned = re.sub(r"\s+", " ", last).strip(_JOINERS + " .")
    if not cleaned:
        return None
    stem, dot, ending = cleaned.rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,10}", ending):
        stem, dot, ending = cleaned, "", ""
    if _RESERVED.fullmatch(cleaned.split(".")[0].rstrip()):
        stem = f"_{stem}"
    return stem[: LONGEST_NAME - len(dot + ending)].rstrip(" .") + dot + ending


def with_suffix(name: str, media_type: str) -> str:
    """`name` with an ending that belongs to what the file is: "invoice.exe" of a photo becomes "invoice.exe.jpg"."""
    suffixes = SUFFIXES[media_type]
    if name.lower().endswith(suffixes):
        return name
    return name[: LONGEST_NAME - len(suffixes[0])].rstrip(" .") + suffixes[0]


def content_disposition(name: str) -> str:
    """The header that makes a browser save and never show, with the name in both spellings of RFC 6266."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    fallback = re.sub(r"[^A-Za-z0-9 ._()+,=@#&!-]", "_", ascii_name)
    stem, dot, ending = fallback.rpartition(".")
    if not (stem if dot else fallback).strip(" ._"):
        fallback = f"file{dot}{ending}" if dot else "file"
    return f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~', errors='replace')}"
