"""Pictures: opened with care, shown upright, and copied without what the camera wrote beside them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageCms

from odr.kernel import Refused

LARGEST_PIXELS = 50_000_000
"""Over all pages of one file. Decoded that is 200 MB; the largest telephones of today take 50 million."""
LARGEST_BYTES = 64_000_000
MOST_PAGES = 200
PREVIEW_EDGE = 480
PREVIEW_TYPE = "image/webp"

# A file is opened by the one reader of its type only, so that a hostile one cannot choose a weaker reader.
_READERS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/tiff": "TIFF"}
READABLE = frozenset(_READERS)

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow's readers raise on broken or hostile bytes; there is no common base class.
_READING_FAILS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError, RuntimeError,
    struct.error, zlib.error,
)  # fmt: skip


def check(plain: bytes, media_type: str) -> tuple[int, int]:
    """Decode every page of a picture once; answers width and height of the first as it will be shown, in pixels.

    Raises Refused("file_damaged") or Refused("picture_too_large", megapixels=the most that are taken).
    """
    with _reading():
        image = _opened(plain, media_type)
        size, turned = image.size, False
        # A JPEG decodes at an eighth of its size without skipping any of its bytes.
        image.draft(None, (1, 1))
        for number, page in enumerate(_pages(image)):
            page.load()
            turned = turned or (number == 0 and _orientation(page) >= 5)
        return (size[1], size[0]) if turned else size


def copy(plain: bytes, media_type: str) -> bytes:
    """The same picture in the same format, upright and with nothing beside its pixels: no position, no camera, no
    name, no hidden earlier version. Colours are brought to sRGB, since the profile is left out too."""
    with _reading():
        image = _opened(plain, media_type)
        durations: list[int] = []
        pages: list[Image.Image] = []
        for page in _pages(image):
            page.load()
            durations.append(int(page.info.get("duration", 0)))
            pages.append(_bare(page, media_type))
        written = io.BytesIO()
        _save(pages, durations, media_type, written)
        return written.getvalue()


def preview(plain: bytes, media_type: str) -> bytes:
    """A small upright WebP of the first page, at most 480 pixels on its longer edge."""
    with _reading():
        image = _opened(plain, media_type)
        image.draft(None, (2 * PREVIEW_EDGE, 2 * PREVIEW_EDGE))
        image.load()
        small = _bare(image, media_type)
        if small.mode not in ("RGB", "RGBA"):
            small = small.convert("RGBA" if small.mode == "LA" else "RGB")
        small.thumbnail((PREVIEW_EDGE, PREVIEW_EDGE))
        written = io.BytesIO()
        small.save(written, "WEBP", quality=75)
        return written.getvalue()


def copy_heif(plain: bytes) -> bytes:
    """The same telephone picture with everything blanked that is not part of a picture: EXIF, XMP, embedded film.

    The pixels are not decoded (no reader for them is on board), so lengths and offsets stay as they are.
    Raises Refused("file_damaged") where the structure cannot be followed (ISO/IEC 14496-12 and 23008-12).
    """
    with _reading():
        result = bytearray(plain)
        kept: list[tuple[int, int]] = []
        found: set[bytes] = set()
        for kind, start, body, end in _boxes(plain, 0, len(plain)):
            found.add(kind)
            if kind == b"meta":
                kept += _kept_in_meta(plain, result, body + 4, end)
            elif kind != b"ftyp":
                result[body:end] = bytes(end - body)
                if kind != b"mdat":
                    result[start + 4 : start + 8] = b"free"
        if not {b"ftyp", b"meta"} <= found or not kept:
            raise ValueError("not a HEIF picture")
        for start, end in kept:
            result[start:end] = plain[start:end]
        return bytes(result)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombError, MemoryError) as bomb:
        raise _too_large() from bomb
    except _READING_FAILS as broken:
        raise Refused("file_damaged") from broken


def _too_large() -> Refused:
    return Refused("picture_too_large", megapixels=LARGEST_PIXELS // 1_000_000)


def _opened(plain: bytes, media_type: str) -> Image.Image:
    if media_type == "image/tiff":
        _require_few_directories(plain)
    image = Image.open(io.BytesIO(plain), formats=(_READERS[media_type],))
    if image.width * image.height > LARGEST_PIXELS:
        raise _too_large()
    return image


def _require_few_directories(plain: bytes) -> None:
    # Pillow counts the pages of a TIFF by walking all of them, and a hostile file has millions of empty ones.
    order = "<" if plain.startswith(b"II") else ">"
    (at,) = struct.unpack_from(order + "I", plain, 4)
    for _ in range(MOST_PAGES):
        (entries,) = struct.unpack_from(order + "H", plain, at)
        (at,) = struct.unpack_from(order + "I", plain, at + 2 + 12 * entries)
        if not at:
            return
    raise _too_large()


def _pages(image: Image.Image) -> Iterator[Image.Image]:
    """Each page in turn, its size judged before anything of it is decoded."""
    pixels = 0
    # A telephone's JPEG may carry further pictures behind the one that people see; only that one is evidence.
    several = image.format in ("PNG", "WEBP", "TIFF")
    for number in range(MOST_PAGES + 1):
        try:
            image.seek(number)
        except EOFError:
            return
        pixels += image.width * image.height
        if number == MOST_PAGES or pixels > LARGEST_PIXELS:
            raise _too_large()
        yield image
        if not several:
            return


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _READING_FAILS:
        # A broken EXIF block says nothing about the picture itself.
        return 1


def _bare(image: Image.Image, media_type: str) -> Image.Image:
    """A fresh canvas with the upright pixels and nothing else."""
    profile = image.info.get("icc_profile")
    turn = _UPRIGHT.get(_orientation(image))
    plain = _in_srgb(_in_simple_mode(image, media_type), profile)
    if turn is not None:
        plain = plain.transpose(turn)
    canvas = Image.new(plain.mode, plain.size)
    canvas.paste(plain)
    return canvas


def _in_simple_mode(image: Image.Image, media_type: str) -> Image.Image:
    if media_type == "image/jpeg":
        return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")
    if "transparency" in image.info:
        return image.convert("RGBA")
    return image if image.mode in ("1", "L", "LA", "RGB", "RGBA", "CMYK", "I;16") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and image.mode in ("L", "RGB", "RGBA", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = "RGBA" if image.mode == "RGBA" else "RGB"
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=target)
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, *_READING_FAILS):
            # An unusable profile leaves the colours as every viewer without it would show them.
            return image.convert("RGB") if image.mode == "CMYK" else image
    return image.convert("RGB") if image.mode == "CMYK" else image


def _save(pages: list[Image.Image], durations: list[int], media_type: str, target: io.BytesIO) -> None:
    first, others = pages[0], pages[1:]
    if media_type == "image/jpeg":
        first.save(target, "JPEG", quality=90)
    elif media_type == "image/tiff":
        first.save(target, "TIFF", compression="tiff_adobe_deflate", save_all=True, append_images=others)
    elif media_type == "image/webp":
        first.save(target, "WEBP", quality=90, save_all=bool(others), append_images=others, duration=durations)
    elif others:
        first.save(target, "PNG", save_all=True, append_images=others, duration=durations)
    else:
        first.save(target, "PNG")


# -- HEIF -------------------------------------------------------------------------------------------------------

# Boxes of `meta` that describe pictures; whatever else is in there is blanked.
_PICTURE_BOXES = frozenset({b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"grpl"})
# Items that are no picture: camera data, XMP and other text, links.
_NO_PICTURE = frozenset({b"Exif", b"mime", b"uri "})
# A real picture has some dozens; a hostile one could keep us busy with millions.
_MOST_BOXES = 10_000


def _boxes(plain: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """(type, start, start of the body, end) of each box between two offsets; they must fill that space exactly."""
    for _ in range(_MOST_BOXES):
        if start == end:
            return
        size, kind = struct.unpack_from(">I4s", plain, start)
        body = start + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", plain, body)
            body += 8
        stop = end if size == 0 else start + size
        if not body <= stop <= end:
            raise ValueError("a box ends outside its parent")
        yield kind, start, body, stop
        start = stop
    raise ValueError("more boxes than a picture has")


def _kept_in_meta(plain: bytes, result: bytearray, start: int, end: int) -> list[tuple[int, int]]:
    """Blank the strange boxes of `meta` and the items that are no picture; answers where picture data lies."""
    places: dict[bytes, tuple[int, int]] = {}
    for kind, box, body, stop in _boxes(plain, start, end):
        if kind in _PICTURE_BOXES:
            places[kind] = (body, stop)
        else:
            result[box + 4 : box + 8] = b"free"
            result[body:stop] = bytes(stop - body)
    kinds = _item_kinds(plain, *places[b"iinf"])
    own_data = places.get(b"idat", (0, 0))
    pictures = []
    for item, inside, offset, length in _extents(plain, *places[b"iloc"]):
        base, limit = own_data if inside else (0, len(plain))
        span = (base + offset, base + offset + length)
        if span[1] > limit:
            raise ValueError("an item lies outside its space")
        if kinds[item] not in _NO_PICTURE:
            pictures.append(span)
    if sum(stop - begin for begin, stop in pictures) > len(plain):
        raise ValueError("items lie upon each other")
    if own_data[1]:
        result[own_data[0] : own_data[1]] = bytes(own_data[1] - own_data[0])
    return pictures


def _item_kinds(plain: bytes, start: int, end: int) -> dict[int, bytes]:
    """The four letters of each item, from the box `iinf`."""
    first = start + (6 if plain[start] == 0 else 8)
    kinds = {}
    for kind, _, body, _ in _boxes(plain, first, end):
        version = plain[body]
        if kind != b"infe" or version not in (2, 3):
            raise ValueError("an item without a kind")
        item, _, letters = struct.unpack_from(">HH4s" if version == 2 else ">IH4s", plain, body + 4)
        kinds[item] = letters
    return kinds


def _extents(plain: bytes, start: int, end: int) -> Iterator[tuple[int, bool, int, int]]:
    """(item, whether it lies in `idat`, offset, length) of each piece, from the box `iloc`."""
    body = io.BytesIO(plain[start:end])

    def number(size: int) -> int:
        digits = body.read(size)
        if len(digits) != size:
            raise ValueError("the box of locations is cut short")
        return int.from_bytes(digits, "big")

    version = number(1)
    number(3)
    sizes = number(2)
    offset_size, length_size, base_size, index_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15
    wide = 4 if version == 2 else 2
    for _ in range(number(wide)):
        item = number(wide)
        method = number(2) & 15 if version else 0
        external = number(2)
        if method > 1 or external:
            raise ValueError("an item that is put together elsewhere")
        base = number(base_size)
        for _ in range(number(2)):
            if version:
                number(index_size)
            offset, length = number(offset_size), number(length_size)
            if not length:
                raise ValueError("an item of unstated length")
            yield item, method == 1, base + offset, length
