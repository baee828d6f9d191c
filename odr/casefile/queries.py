"""What a case file is made of: one moment of a dispute under one checkpoint, parted by what its reader may have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, bindparam, select

from odr.casefile.records import Hidden, Opening
from odr.disputes.queries import Page, Seat, docket_of, identities_of, places_of
from odr.disputes.records import stream_of, to_history
from odr.disputes.tables import dispute_row
from odr.house import House
from odr.kernel import Actor, Missing, read_number
from odr.log import tables as log
from odr.log.chain import Entry
from odr.log.cosigning import PolicyTrouble, policy_text, with_cosignatures
from odr.log.halt import latest_checkpoint, must_rest
from odr.log.journal import Stored, read_stream
from odr.log.keys import Keys, keys_at
from odr.log.note import Checkpoint, Rejected
from odr.log.payloads import Unreadable, reveal
from odr.log.publication import history_of
from odr.log.receipt import Receipt
from odr.log.signers import Signers, missing, opened, signers_of
from odr.log.tiles import Torn, inclusions
from odr.people import tables as people
from odr.procedure import access
from odr.procedure.dispute import Dispute, EvidenceItem, fold


class NoCaseFile(Exception):
    """There is no case file to be had now; `code` is "unsealed" (no checkpoint covers the dispute yet: wait) or
    "stopped" (the log signs nothing, or its tree is damaged: waiting is in vain)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Held:
    """A file that words of the stream speak of: the entry, its item of evidence, what the words say of it, and where it
    lies; `object_id` is empty where nobody knows."""

    version: int
    item: EvidenceItem
    sha256: str
    size: int
    object_id: str
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """All of a dispute that one reader may have, as of the last checkpoint.

    `page` is the dispute as its reader sees it without what waits for a place under the next checkpoint, `waiting`
    how many entries that are. `unreadable` are words that the house cannot open any more: their version and name.
    """

    page: Page
    stream: str
    reader: str
    checkpoint: Checkpoint
    number: int
    signers: Signers
    keys: Keys
    note: bytes
    receipts: Mapping[int, Receipt]
    hidden: list[Hidden]
    openings: list[Opening]
    withheld: list[tuple[int, str]]
    unreadable: list[tuple[int, str]]
    files: list[Held]
    waiting: int
    history: bytes
    policy: bytes

    @property
    def key(self) -> str:
        """The vkey that readers are told to check it with."""
        return self.signers.newest_first(self.checkpoint.size)[0]


_RAW = select(log.entry.c.ver, log.entry.c.raw).where(log.entry.c.stream == bindparam("stream"))
_SEALED = (
    select(log.payload.c.ver, log.payload.c.name, log.payload.c.salt, log.payload.c.wrapped_key, log.payload.c.sealed)
    .where(log.payload.c.stream == bindparam("stream"))
    .order_by(log.payload.c.ver, log.payload.c.name)
)
_FILES = select(log.stored_file.c.ver, log.stored_file.c.object_id, log.stored_file.c.wrapped_key).where(
    log.stored_file.c.stream == bindparam("stream")
)
_SEAT = (
    select(dispute_row.c.id, dispute_row.c.mediator, people.account.c.name.label("mediator_name"))
    .outerjoin(people.mediator, people.mediator.c.id == dispute_row.c.mediator)
    .outerjoin(people.account, people.account.c.id == people.mediator.c.account_id)
    .where(dispute_row.c.number == bindparam("number"))
)


def contents_of(connection: Connection, house: House, seat: Seat) -> Contents:
    """What the case file of this reader holds, in a dozen queries however many entries the dispute has. For a
    transaction that reads one moment.

    Raises Missing for who may have none, NoCaseFile.
    """
    stream = stream_of(seat.dispute_id)
    whole = read_stream(connection, stream)
    dispute = fold(seat.dispute_id, to_history(whole), house.rulesets)
    now = max(house.clock(), dispute.at)
    _demand(dispute, seat, now)
    signers = signers_of(connection, house.origin)
    checkpoint, number, note = _last_checkpoint(connection, house, signers)
    places = places_of(connection, stream)
    sealed = _under(checkpoint, whole, places)
    # By the whole history: who was kept from the mediation a second ago must not get it by the last checkpoint.
    reader = access.reader_of(dispute, seat.actor)
    known = [one for one in sealed if _may_have(reader, one.entry)]
    page_state = fold(seat.dispute_id, to_history(known), house.rulesets)
    if not known or not access.may("casefile:read", page_state, seat.actor, now):
        # What makes them a reader of this dispute waits for its seal itself.
        raise NoCaseFile("unsealed")
    openings, unreadable = _openings(connection, house, stream, known, reader)
    words = _by_version(openings)
    return Contents(
        page=Page(
            page_state,
            seat,
            now,
            docket_of(known, words, places),
            [],
            identities=identities_of(connection, house, seat.dispute_id),
        ),
        stream=stream,
        reader=reader,
        checkpoint=checkpoint,
        number=number,
        signers=signers,
        keys=_keys(house, signers, checkpoint.size),
        note=with_cosignatures(connection, number, note),
        **_proven(connection, stream, checkpoint, note, sealed, known, places),
        openings=openings,
        withheld=_withheld(known, reader, _erased(dispute) - _erased(page_state)),
        unreadable=unreadable,
        files=_files(connection, stream, page_state, words),
        waiting=len(whole) - len(sealed),
        history=_history(connection, house),
        policy=_policy(connection, house),
    )


def seat_of(connection: Connection, house: House, number: str, role: str) -> Seat:
    """The seat of this role in the dispute of this number, whoever sits in it. Raises Missing where there is no such
    dispute, or nobody in that seat."""
    canonical = read_number(number)
    row = connection.execute(_SEAT, {"number": canonical}).one_or_none() if canonical else None
    if row is None:
        raise Missing(number)
    dispute = fold(row.id, to_history(read_stream(connection, stream_of(row.id))), house.rulesets)
    actors = {"buyer": dispute.buyer, "seller": dispute.seller, "mediator": dispute.mediator}
    if not actors[role]:
        raise Missing(role)
    return Seat(row.id, str(canonical), Actor(actors[role], role), row.mediator_name or "")


def _demand(dispute: Dispute, seat: Seat, at: int) -> None:
    if not access.may("casefile:read", dispute, seat.actor, at):
        raise Missing(seat.number)


def _may_have(reader: str, entry: Entry) -> bool:
    return access.may_have_receipt(reader, entry.reach, entry.role)


def _reads(reader: str, entry: Entry) -> bool:
    return access.may_read_words(reader, entry.type, entry.reach, entry.data)


def _entries(stored: Iterable[Stored]) -> Iterable[Entry]:
    return (one.entry for one in stored)


# -- the checkpoint and what it covers ----------------------------------------------------------------------------


def _last_checkpoint(connection: Connection, house: House, signers: Signers) -> tuple[Checkpoint, int, bytes]:
    # The manifest is signed by the log's keys, and a log that contradicts itself signs nothing.
    if must_rest(connection, house) is not None:
        raise NoCaseFile("stopped")
    row = latest_checkpoint(connection)
    if row is None:
        raise NoCaseFile("unsealed")
    note = bytes(row.note)
    try:
        return opened(note, signers), row.number, note
    except Rejected as broken:
        raise NoCaseFile("stopped") from broken


def _keys(house: House, signers: Signers, size: int) -> Keys:
    """The keys that sign at this size; also those that came in since this process was started."""
    keys = keys_at(house.settings) if missing(signers, size, house.keys) else house.keys
    if missing(signers, size, keys):
        raise NoCaseFile("stopped")
    return keys


def _under(checkpoint: Checkpoint, whole: list[Stored], places: Mapping[int, Any]) -> list[Stored]:
    """The entries that the checkpoint covers: the first ones, since an entry has its place after the one before it."""

    def covered(one: Stored) -> bool:
        place = places.get(one.entry.version)
        return place is not None and place.position < checkpoint.size

    return list(takewhile(covered, whole))


def _proven(
    connection: Connection,
    stream: str,
    checkpoint: Checkpoint,
    note: bytes,
    sealed: list[Stored],
    known: list[Stored],
    places: Mapping[int, Any],
) -> dict[str, Any]:
    """Receipts of the entries that the reader may have; of all others their leaf hashes, with the same proofs."""
    positions = {one.entry.version: places[one.entry.version].position for one in sealed}
    try:
        proofs = inclusions(connection, list(positions.values()), checkpoint.size)
    except Torn as torn:
        raise NoCaseFile("stopped") from torn
    paths = dict(zip(positions, proofs, strict=True))
    raw = {row.ver: bytes(row.raw) for row in connection.execute(_RAW, {"stream": stream})}
    shown = {entry.version for entry in _entries(known)}
    return {
        "receipts": {
            version: Receipt(raw[version], positions[version], tuple(path), note)
            for version, path in paths.items()
            if version in shown
        },
        "hidden": [
            Hidden(one.entry.version, positions[one.entry.version], one.leaf_hash, paths[one.entry.version])
            for one in sealed
            if one.entry.version not in shown
        ],
    }


def _history(connection: Connection, house: House) -> bytes:
    try:
        return history_of(connection, house)
    except Torn as torn:
        raise NoCaseFile("stopped") from torn


def _policy(connection: Connection, house: House) -> bytes:
    try:
        return policy_text(connection, house)
    except PolicyTrouble:
        # The operator is told elsewhere; readers have a policy of their own to go by, or none.
        return b""


# -- words and files ----------------------------------------------------------------------------------------------


def _openings(
    connection: Connection, house: House, stream: str, known: list[Stored], reader: str
) -> tuple[list[Opening], list[tuple[int, str]]]:
    """The words that the reader may read, and those that would be but cannot be opened."""
    readable = {entry.version for entry in _entries(known) if _reads(reader, entry)}
    openings, unreadable = list[Opening](), list[tuple[int, str]]()
    for row in connection.execute(_SEALED, {"stream": stream}):
        if row.ver not in readable:
            continue
        try:
            text = reveal(house.keys, stream, row.ver, row.name, row.wrapped_key, row.sealed).decode()
        except (Unreadable, UnicodeDecodeError):
            unreadable.append((row.ver, row.name))
        else:
            openings.append(Opening(row.ver, row.name, bytes(row.salt), text))
    return openings, unreadable


def _withheld(known: list[Stored], reader: str, erased_since: set[tuple[int, str]]) -> list[tuple[int, str]]:
    """Words that are not for this reader; and those erased by an entry that the checkpoint does not cover yet, which no
    verifier of this case file could know to be erased."""
    return [
        (entry.version, name)
        for entry in _entries(known)
        for name in entry.commit
        if not _reads(reader, entry) or (entry.version, name) in erased_since
    ]


def _erased(dispute: Dispute) -> set[tuple[int, str]]:
    return {name for erasure in dispute.erasures if erasure.done for name in erasure.names}


def _by_version(openings: list[Opening]) -> dict[int, dict[str, str]]:
    words: dict[int, dict[str, str]] = {}
    for opening in openings:
        words.setdefault(opening.version, {})[opening.name] = opening.text
    return words


def _files(connection: Connection, stream: str, dispute: Dispute, words: Mapping[int, Mapping[str, str]]) -> list[Held]:
    """The files of the evidence whose words the reader has; one whose words were erased was destroyed with them."""
    lie = {row.ver: row for row in connection.execute(_FILES, {"stream": stream})}
    held = []
    for item in dispute.evidence:
        told = words.get(item.version, {}).get("file")
        if told is None:
            continue
        file, place = json.loads(told), lie.get(item.version)
        object_id, wrapped_key = (place.object_id, bytes(place.wrapped_key)) if place else ("", b"")
        held.append(Held(item.version, item, file["sha256"], file["size"], object_id, wrapped_key))
    return held
