"""Handing a case file out: which files can go into it, and its bytes while they travel."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

from odr.casefile import records
from odr.casefile.archive import Listed, Member, archive
from odr.casefile.queries import Contents, Held
from odr.evidence import media, pictures
from odr.evidence.store import Damaged
from odr.house import House
from odr.kernel import Refused, moment
from odr.log.receipt import write
from odr.log.signers import signed
from odr.procedure.dispute import EvidenceItem

logger = logging.getLogger(__name__)


def gives_copy(role: str, item: EvidenceItem) -> bool:
    """Whether who reads in this role has this file only as a copy: pictures of others, since a photo may tell where
    somebody lives. What a page does not hand out, a case file does not either."""
    return role != item.side and item.media in pictures.READABLE | {media.HEIF}


def sound_files(house: House, contents: Contents) -> dict[int, str]:
    """Where in the archive each file will lie, by the version of its entry. One that is damaged or gone has no place;
    each is read to its end to know, since the page comes first and says so."""
    role = contents.page.seat.actor.role
    return {held.version: _path(role, held) for held in contents.files if _is_sound(house, held)}


def _is_sound(house: House, held: Held) -> bool:
    if not held.object_id:
        return False
    try:
        house.files.verify_object(held.object_id, held.wrapped_key, held.sha256, held.size)
    except Damaged:
        return False
    return True


def _path(role: str, held: Held) -> str:
    place = records.copy_path if gives_copy(role, held.item) else records.file_path
    return place(held.version, media.SUFFIXES[held.item.media][0])


def bytes_of(house: House, contents: Contents, paths: Mapping[int, str], index: bytes) -> Iterator[bytes]:
    """The case file, a chunk at a time. Needs neither a request nor the database.

    A file that was sound and no longer is raises Damaged in the midst of it.
    """
    made_at, checkpoint = contents.page.at, contents.checkpoint

    def manifest(listed: list[Listed]) -> bytes:
        text = records.manifest_text(
            checkpoint.origin, contents.stream, checkpoint.size, contents.reader, made_at, listed
        )
        return signed(text, checkpoint.size, contents.signers, contents.keys)

    return archive(_members(house, contents, paths, index), moment(made_at), manifest)


def _members(house: House, contents: Contents, paths: Mapping[int, str], index: bytes) -> Iterator[Member]:
    yield Member(records.INDEX, [index])
    yield Member(records.VERIFIER, [records.verifier()])
    for version, receipt in contents.receipts.items():
        yield Member(records.entry_path(version), [write(receipt)])
    lines = {
        records.HIDDEN: records.hidden_lines(contents.hidden),
        records.OPENINGS: records.opening_lines(contents.stream, contents.openings),
        records.WITHHELD: records.withheld_lines(contents.withheld),
    }
    yield from (Member(path, [text]) for path, text in lines.items() if text)
    # Files before copies, each in the order of their entries.
    for copies in (False, True):
        for held in contents.files:
            if held.version in paths and gives_copy(contents.page.seat.actor.role, held.item) == copies:
                yield from _file(house, held, paths[held.version], copies)
    yield Member(records.CHECKPOINT, [contents.note])
    last = {records.HISTORY: contents.history, records.POLICY: contents.policy}
    yield from (Member(path, [text]) for path, text in last.items() if text)


def _file(house: House, held: Held, path: str, as_copy: bool) -> Iterable[Member]:
    plain = house.files.read(held.object_id, held.wrapped_key)
    if not as_copy:
        return [Member(path, plain, packed=held.item.media == media.TEXT)]
    try:
        # A picture is made anew in memory, as for a page; it was weighed for that when it came in.
        bare, _kind = media.copy_for_others(b"".join(plain), held.item.media)
    except Refused as refused:
        # Better without this one than no case file at all: a verifier says which is missing.
        logger.warning("no copy of the file of entry %d could be made: %s", held.version, refused.code)
        return []
    return [Member(path, [bare], packed=False)]
