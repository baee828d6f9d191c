"""Handing a case file out: which files go into it, what is signed, and its bytes while they travel."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from odr.casefile import records
from odr.casefile.archive import LARGEST, MANIFEST, Listed, Member, archive, length, listed, room
from odr.casefile.queries import Contents, Held
from odr.evidence import media, pictures
from odr.evidence.store import Damaged
from odr.house import MEGABYTE, House
from odr.kernel import Refused, moment
from odr.log.receipt import write
from odr.log.signers import signed
from odr.procedure.dispute import EvidenceItem

logger = logging.getLogger(__name__)

ROOM_FOR_FILES = LARGEST - 256 * MEGABYTE
"""How much of an archive files may take. What entries and words need beside them stays far below the rest."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A member of the archive as it will be listed, and how to get its bytes when its turn has come."""

    listed: Listed
    chunks: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a case file by the version of their entry: those that go into it, and those that do not, as "lost"
    (damaged or gone) or "no_room"."""

    packed: Mapping[int, Packed]
    left_out: Mapping[int, str]

    @property
    def paths(self) -> dict[int, str]:
        return {version: packed.listed.path for version, packed in self.packed.items()}

    def count(self, why: str) -> int:
        return sum(reason == why for reason in self.left_out.values())


@dataclass(frozen=True, slots=True)
class Package:
    """A case file that is ready to travel: how long it will be, and its bytes in pieces."""

    length: int
    chunks: Iterator[bytes]


def gives_copy(role: str, item: EvidenceItem) -> bool:
    """Whether who reads in this role has this file only as a copy: pictures of others, since a photo may tell where
    somebody lives. What a page does not hand out, a case file does not either."""
    return role != item.side and item.media in pictures.READABLE | {media.HEIF}


def files_of(house: House, contents: Contents) -> Files:
    """The files that go into a case file. Each is read to its end, and each copy made once, because the page comes
    first in the archive and tells what is in it."""
    role, taken = contents.page.seat.actor.role, 0
    packed, left_out = dict[int, Packed](), dict[int, str]()
    for held in contents.files:
        try:
            found = _copy(house, held) if gives_copy(role, held.item) else _whole(house, held)
        except (Damaged, Refused) as trouble:
            logger.warning("the file of an entry is not in a case file: %s", trouble.code)
            left_out[held.version] = "lost"
            continue
        needed = room(found.listed.path, found.listed.size)
        if taken + needed > ROOM_FOR_FILES:
            left_out[held.version] = "no_room"
        else:
            packed[held.version], taken = found, taken + needed
    return Files(packed, left_out)


def _whole(house: House, held: Held) -> Packed:
    if not held.object_id:
        raise Damaged("file_missing")
    path = records.file_path(held.version, media.SUFFIXES[held.item.media][0])
    read = partial(house.files.read, held.object_id, held.wrapped_key)
    found = listed(path, read())
    if (found.sha256, found.size) != (held.sha256, held.size):
        raise Damaged("file_digest_differs")
    return Packed(found, read)


def _copy(house: House, held: Held) -> Packed:
    whole = _whole(house, held)

    def drawn() -> list[bytes]:
        # A picture is drawn anew in memory, as for a page; it was weighed for that when it came in.
        return [media.copy_for_others(b"".join(whole.chunks()), held.item.media)[0]]

    path = records.copy_path(held.version, media.SUFFIXES[held.item.media][0])
    # Drawn once more when its turn has come: of many pictures nobody could hold all copies.
    return Packed(listed(path, drawn()), drawn)


def package(contents: Contents, files: Files, index: bytes) -> Package:
    """The case file with this page. Its bytes need neither a request nor the database; a file that was sound and no
    longer is raises Damaged in the midst of them.

    Nothing is packed: most of it are pictures and hashes, which get no smaller, and so its length is known, and a
    transfer that broke off is seen to have done so.
    """
    made_at, checkpoint = contents.page.at, contents.checkpoint
    members = list(_members(contents, files, index))
    told = [one.listed for one in members]
    text = records.manifest_text(checkpoint.origin, contents.stream, checkpoint.size, contents.reader, made_at, told)
    manifest = signed(text, checkpoint.size, contents.signers, contents.keys)

    def close(found: list[Listed]) -> bytes:
        if found != told:
            # Somebody changed a file after it was looked at. What was signed must not stand under another archive.
            raise Damaged("file_digest_differs")
        return manifest

    sizes = [*((one.path, one.size) for one in told), (MANIFEST, len(manifest))]
    travelling = (Member(one.listed.path, one.chunks(), one.listed) for one in members)
    return Package(length(sizes), archive(travelling, moment(made_at), close))


def _members(contents: Contents, files: Files, index: bytes) -> Iterator[Packed]:
    yield _at_hand(records.INDEX, index)
    yield _at_hand(records.VERIFIER, records.verifier())
    for version, receipt in contents.receipts.items():
        yield _at_hand(records.entry_path(version), write(receipt))
    yield from _filled(
        (records.HIDDEN, records.hidden_lines(contents.hidden)),
        (records.OPENINGS, records.opening_lines(contents.stream, contents.openings)),
        (records.WITHHELD, records.withheld_lines(contents.withheld)),
    )
    # Files before copies, each in the order of their entries.
    yield from sorted(files.packed.values(), key=lambda one: (one.listed.path.startswith("copies/"), one.listed.path))
    yield _at_hand(records.CHECKPOINT, contents.note)
    yield from _filled((records.HISTORY, contents.history), (records.POLICY, contents.policy))


def _filled(*texts: tuple[str, bytes]) -> Iterable[Packed]:
    return (_at_hand(path, text) for path, text in texts if text)


def _at_hand(path: str, plain: bytes) -> Packed:
    return Packed(listed(path, [plain]), lambda: [plain])
