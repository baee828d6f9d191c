"""The house checks itself: the newest part of its log every hour, everything every night. What it finds is kept for
everybody to see, and a log that is not as it was signed stops the house (ADR 22)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, insert, select, tuple_

from odr.database import one_moment, write_unit
from odr.house import House, Settings
from odr.log import tables
from odr.log.chain import Malformed, leaf_hash
from odr.log.halt import GIVEN_UP, Halt, SigningStopped, contradiction, latest_checkpoint, must_rest, stop
from odr.log.keys import Keys
from odr.log.note import Rejected
from odr.log.proof import TILE_WIDTH
from odr.log.records import fields_of
from odr.log.signers import Lineage, lineage_of, opened, signers_of
from odr.log.tiles import full_tile, tree_size
from odr.log.verify import Finding, Verified

QUICK, FULL = "quick", "full"
UNSOUND = "unsound"
"""Why a house has stopped whose own check found something grave."""

RESUMED = "log_resumed"
"""The entry of a house that had stopped and goes on."""

MOST_LOSSES = 300
"""So many losses fit into the one entry that tells of them."""

BESIDE_THE_LOG = frozenset({"payload", "file", "act", "erasure", "hold", "consent"})
"""How codes begin whose findings leave entries, chain, tree and signatures whole."""

_STREAM = re.compile(r"(?:dispute|account|mediator|round|access|auditor)/[0-9a-f]{32}")
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

WAITS_LONG = 5 * MINUTE
"""After so long without a place (ms) an entry is missed; the worker gives places every second."""

CLOCKS_DIFFER = 5 * MINUTE
"""So far (ms) may the clocks of the machines of one house lie apart."""

QUICK_LATE, FULL_LATE = 3 * HOUR, 2 * DAY
"""After so long without a check (ms) its page says that it is overdue."""

MOST_WAITING = 256
"""So many of the entries that wait are looked at, the oldest first."""

MOST_PAIRS = 200
"""Entries asked for at once by their streams and versions."""

NOT_GRAVE = frozenset(
    {
        # Lists, and figures that were cut from entries, can be made anew from the log, which is the truth.
        "projection_missing",
        "projection_unknown",
        "projection_differs",
        "edition_missing",
        "edition_changed",
        "edition_root_differs",
        "edition_differs",
        # A crash between a file and its entry leaves one behind.
        "file_unknown",
        # Nothing was changed: the worker is away, or held up.
        "unsequenced",
        # It was written so, under a commitment that holds: whoever has the case file finds it, and nothing was altered.
        "consent_malformed",
        "consent_shown_differs",
        "consent_signature_wrong",
        # That the house has stopped is no finding of its own.
        "signing_stopped",
    }
)
"""What is told to the operator and stops nothing. Any other finding does, also one that is thought of later."""

_entry, _leaf, _queue, _tile = tables.entry, tables.leaf, tables.queue, tables.tile
_check = tables.self_check

Pair = tuple[str, int]
"""An entry by its stream and version."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found, the gravest first: over how many entries, and whether it has stopped the house just now."""

    kind: str
    at: int
    size: int
    findings: list[Finding]
    stopped: bool = False

    @property
    def code(self) -> str:
        """The code of the first finding; empty where all is sound."""
        return self.findings[0].code if self.findings else ""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """The last check of a kind, as it is kept: when, over how many entries, how much was found, the gravest of it."""

    at: int
    size: int
    findings: int
    code: str

    @property
    def sound(self) -> bool:
        return self.findings == 0

    @property
    def grave(self) -> bool:
        return bool(self.code) and self.code not in NOT_GRAVE


@dataclass(frozen=True, slots=True)
class Health:
    """What the house last said of itself, for its page, and whether the next word of it is overdue."""

    quick: LastCheck | None
    full: LastCheck | None
    quick_late: bool
    full_late: bool


def health(connection: Connection, at: int) -> Health:
    """How the house found itself when it last looked."""
    checks = last_checks(connection)
    quick, full = checks.get(QUICK), checks.get(FULL)
    return Health(
        quick,
        full,
        quick_late=quick is not None and is_late(quick, at, QUICK_LATE),
        full_late=full is not None and is_late(full, at, FULL_LATE),
    )


def is_late(last: LastCheck, at: int, late: int) -> bool:
    """Whether the next check is overdue so long (`late`) after this one. One that lies ahead says nothing: a clock was
    set back since, or somebody wrote it there so that none is made."""
    return not at - late <= last.at <= at + CLOCKS_DIFFER


def is_grave(finding: Finding) -> bool:
    """Whether a finding stops the house. Words under another house's key are evidence of nothing: nobody can tell."""
    return finding.code not in NOT_GRAVE and finding.found != "key_of_another_house"


def last_checks(connection: Connection) -> dict[str, LastCheck]:
    """The last quick and the last full check, as far as there were any."""
    rows = connection.execute(select(_check))
    return {row.kind: LastCheck(row.at, row.size, row.findings, row.code) for row in rows}


# -- quick ----------------------------------------------------------------------------------------------------------


def check_quickly(house: House) -> Outcome:
    """Look at the newest part of the log and keep what was found; something grave stops the house."""
    with one_moment(house.engine) as connection, tables.any_text(connection):
        halt, size, findings = look(connection, house.settings, house.origin, house.keys, house.clock())
    return _keep(house, QUICK, size, findings, halt)


def look(
    connection: Connection, settings: Settings, origin: str, keys: Keys, at: int
) -> tuple[Halt | None, int, list[Finding]]:
    """The newest part of the log against itself and against what was signed: the last full tile of entries and all
    after it, the tree as a whole, the last checkpoint and its copy outside, and what waits for a place.

    Answers what speaks against signing, the size of the tree, and the findings. Reads only. The connection must not
    have read before: the copy outside has to be read first.
    """
    halt = contradiction(connection, settings, origin, keys)
    findings = [Finding("contradiction", found=halt.code)] if halt else []
    size = tree_size(connection)
    findings += _look_at_checkpoint(connection, origin)
    findings += _look_at_newest(connection, lineage_of(connection, origin), size)
    findings += _look_at_last_tile(connection, size)
    findings += _look_at_queue(connection, at)
    findings += _look_for_lost(connection)
    return halt, size, _gravest_first(findings)


def _look_at_checkpoint(connection: Connection, origin: str) -> Iterator[Finding]:
    row = latest_checkpoint(connection)
    if row is None:
        return
    try:
        told = opened(bytes(row.note), signers_of(connection, origin))
    except Rejected as broken:
        yield Finding("checkpoint_malformed", expected=f"checkpoint {row.number}", found=broken.code)
        return
    if told.size != row.size:
        yield Finding("checkpoint_column_differs", expected=str(told.size), found=str(row.size))


def _first_looked_at(size: int) -> int:
    """The first place of the last full tile, or of all where none is full."""
    return (size // TILE_WIDTH - 1) * TILE_WIDTH if size >= TILE_WIDTH else 0


def _look_at_newest(connection: Connection, lineage: Lineage, size: int) -> Iterator[Finding]:
    held = _entry.c.stream == _leaf.c.stream, _entry.c.ver == _leaf.c.ver
    rows = connection.execute(
        select(
            _leaf.c.position, _leaf.c.stream, _leaf.c.ver, _leaf.c.leaf_hash.label("placed"),
            _entry.c.type, _entry.c.at, _entry.c.reach, _entry.c.leaf_hash, _entry.c.raw,
        )
        .select_from(_leaf.outerjoin(_entry, and_(*held)))
        .where(_leaf.c.position >= _first_looked_at(size))
        .order_by(_leaf.c.position)
    ).all()  # fmt: skip
    seen = {(row.stream, row.ver): _Known(row.raw, row.position) for row in rows if row.raw is not None}
    seen |= _known(connection, {(row.stream, row.ver - 1) for row in rows if row.ver > 1} - seen.keys())
    expected = _first_looked_at(size)
    for row in rows:
        if row.position != expected:
            yield Finding("place_gap", position=expected, expected=str(expected), found=str(row.position))
        expected = row.position + 1
        if row.raw is None:
            yield Finding("place_unknown", row.stream, row.ver, row.position)
        else:
            yield from _look_at_entry(row, lineage, seen)


def _look_at_entry(row: Any, lineage: Lineage, seen: dict[Pair, _Known]) -> Iterator[Finding]:
    where = row.stream, row.ver
    known = seen[where]
    if known.seal != row.leaf_hash.hex():
        yield Finding("entry_hash_differs", *where, row.position, known.seal, row.leaf_hash.hex())
    if known.seal != row.placed.hex():
        yield Finding("place_hash_differs", *where, row.position, known.seal, row.placed.hex())
    if known.fields is None:
        yield Finding("entry_malformed", *where, row.position, found=known.fault)
        return
    entry, origin = known.fields, lineage.origin_at(row.position)
    if entry["log"] != origin:
        yield Finding("entry_of_another_log", *where, row.position, origin, entry["log"])
    said = tuple(entry[name] for name in ("stream", "ver", "type", "at", "class"))
    columns = (row.stream, row.ver, row.type, row.at, row.reach)
    if said != columns:
        yield Finding("entry_column_differs", *where, row.position, str(said), str(columns))
    if row.ver > 1:
        yield from _look_back(row, entry, seen.get((row.stream, row.ver - 1)))


def _look_back(row: Any, entry: dict[str, Any], before: _Known | None) -> Iterator[Finding]:
    """How an entry follows the one before it in its stream."""
    where = (row.stream, row.ver)
    if before is None:
        yield Finding("stream_gap", row.stream, row.ver - 1, expected=str(row.ver - 1), found=str(row.ver))
        return
    if entry["prev"] != before.seal:
        yield Finding("stream_prev_differs", *where, row.position, before.seal, entry["prev"])
    if entry["at"] < before.at:
        yield Finding("stream_time_goes_back", *where, row.position, f"at least {before.at}", str(entry["at"]))
    if before.position is None:
        yield Finding("entry_without_place", row.stream, row.ver - 1)
    elif before.position > row.position:
        yield Finding("place_order_differs", *where, row.position, f"after {before.position}")


class _Known:
    """An entry that another one may follow: read once, for itself and for that one. `fields` is None where it is
    malformed, by what `fault` says."""

    def __init__(self, raw: bytes, position: int | None) -> None:
        self.position, self.fault = position, ""
        self.seal = leaf_hash(raw).hex()
        self.fields: dict[str, Any] | None = None
        try:
            self.fields = fields_of(raw)
        except Malformed as broken:
            self.fault = broken.code

    @property
    def at(self) -> int:
        # A malformed one is named where it stands.
        return int(self.fields["at"]) if self.fields else 0


def _known(connection: Connection, wanted: set[Pair]) -> dict[Pair, _Known]:
    """Entries by their streams and versions, with their places; those that there are."""
    asked, known = sorted(wanted), {}
    held = _leaf.c.stream == _entry.c.stream, _leaf.c.ver == _entry.c.ver
    query = select(_entry.c.stream, _entry.c.ver, _entry.c.raw, _leaf.c.position).select_from(
        _entry.outerjoin(_leaf, and_(*held))
    )
    for start in range(0, len(asked), MOST_PAIRS):
        some = tuple_(_entry.c.stream, _entry.c.ver).in_(asked[start : start + MOST_PAIRS])
        for row in connection.execute(query.where(some)):
            known[row.stream, row.ver] = _Known(row.raw, row.position)
    return known


def _look_at_last_tile(connection: Connection, size: int) -> Iterator[Finding]:
    number = size // TILE_WIDTH - 1
    if number < 0:
        return
    first = number * TILE_WIDTH
    query = select(_leaf.c.leaf_hash).where(_leaf.c.position >= first, _leaf.c.position < first + TILE_WIDTH)
    hashes = list(connection.scalars(query.order_by(_leaf.c.position)))
    stored = connection.execute(select(_tile).where(_tile.c.level == 0, _tile.c.number == number)).one_or_none()
    if stored is None:
        yield Finding("tile_missing", position=first, expected=f"tile 0/{number}")
    elif len(hashes) == TILE_WIDTH and dict(stored._mapping) != full_tile(0, number, hashes):
        yield Finding("tile_differs", position=first, found=f"tile 0/{number}")


def _look_at_queue(connection: Connection, at: int) -> Iterator[Finding]:
    of_entry = and_(_entry.c.stream == _queue.c.stream, _entry.c.ver == _queue.c.ver)
    placed = exists().where(_leaf.c.stream == _queue.c.stream, _leaf.c.ver == _queue.c.ver)
    rows = connection.execute(
        select(_queue.c.stream, _queue.c.ver, _queue.c.leaf_hash, _entry.c.at, _entry.c.raw, placed.label("placed"))
        .select_from(_queue.outerjoin(_entry, of_entry))
        .order_by(_queue.c.id)
        .limit(MOST_WAITING)
    )
    for row in rows:
        if row.raw is None or row.placed:
            yield Finding("queue_unknown", row.stream, row.ver)
        elif leaf_hash(row.raw) != row.leaf_hash:
            yield Finding(
                "queue_hash_differs", row.stream, row.ver, None, leaf_hash(row.raw).hex(), row.leaf_hash.hex()
            )
        elif row.at < at - WAITS_LONG and _is_of_our_time(row.raw):
            yield Finding("unsequenced", row.stream, row.ver, found=f"since {row.at}")


def _is_of_our_time(raw: bytes) -> bool:
    # What a script did long ago, by its own clock, may have been written a second ago.
    try:
        return bool(json.loads(raw)["clock"] == "real")
    except (ValueError, KeyError, TypeError):
        return True


def _look_for_lost(connection: Connection) -> Iterator[Finding]:
    """Entries that are in the tree nowhere and do not wait: what was taken out of the queue never gets a place."""
    placed = exists().where(_leaf.c.stream == _entry.c.stream, _leaf.c.ver == _entry.c.ver)
    waiting = tuple_(_entry.c.stream, _entry.c.ver).in_(select(_queue.c.stream, _queue.c.ver))
    query = select(_entry.c.stream, _entry.c.ver).where(~placed, ~waiting)
    for row in connection.execute(query.limit(MOST_WAITING)):
        yield Finding("entry_without_place", row.stream, row.ver)


# -- full -----------------------------------------------------------------------------------------------------------


def check_fully(house: House, verify: Callable[[House], Verified]) -> Outcome:
    """Verify the whole house by `verify` and keep what was found; something grave stops the house.

    What is grave is looked at twice: a file lies outside the moment of the database that is read, and one that is
    erased meanwhile must not look like one that is lost.
    """
    verified = verify(house)
    findings = verified.findings
    if any(map(is_grave, findings)):
        verified, before = verify(house), {_told(finding) for finding in findings}
        findings = [finding for finding in verified.findings if not is_grave(finding) or _told(finding) in before]
    with house.engine.connect() as connection:
        known = known_losses(connection, house.origin)
    new = [finding for finding in findings if finding.code != "signing_stopped" and as_loss(finding) not in known]
    return _keep(house, FULL, verified.size, _gravest_first(new), None)


def _told(finding: Finding) -> tuple[str, str | None, int | None, str | None]:
    return finding.code, finding.stream, finding.version, finding.found


def hour_of_check(origin: str) -> int:
    """When in the day (ms after midnight UTC) this house checks itself: some minute of the first five hours, another
    one for each house, so that those on one machine do not begin together."""
    drawn = int.from_bytes(hashlib.sha256(f"odr/check/v1\n{origin}".encode()).digest()[:4])
    return drawn % (5 * 60) * MINUTE


def full_is_due(connection: Connection, origin: str, at: int) -> bool:
    """Whether the nightly check has not been made since its hour came last."""
    last = last_checks(connection).get(FULL)
    hour = hour_of_check(origin)
    return last is None or is_late(last, at, (at - hour) % DAY)


# -- what is lost for good ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loss:
    """Something beside the log that is not as its entry says and cannot be made whole again. The entry with which the
    house went on says so for everybody; every check names it once, and then no more."""

    code: str
    stream: str
    version: int
    name: str

    def as_data(self) -> dict[str, Any]:
        return {"code": self.code, "stream": self.stream, "ver": self.version, "name": self.name}


def as_loss(finding: Finding) -> Loss | None:
    """The finding as a loss that a house can go on with; None where it is about the log itself, which must be whole."""
    if not is_grave(finding) or finding.code.partition("_")[0] not in BESIDE_THE_LOG:
        return None
    if finding.stream is None or finding.version is None or not _STREAM.fullmatch(finding.stream):
        return None
    name = (finding.expected if finding.code == "payload_unreadable" else finding.found) or ""
    return Loss(finding.code, finding.stream, finding.version, name if _NAME.fullmatch(name) else "")


def known_losses(connection: Connection, origin: str) -> set[Loss]:
    """What this house went on without, by the entries that say so."""
    streams = [f"log/{name}" for name, _ in lineage_of(connection, origin).logs]
    query = select(_entry.c.raw).where(_entry.c.stream.in_(streams), _entry.c.type == RESUMED)
    lost: list[Any] = []
    for raw in connection.scalars(query):
        try:
            lost += fields_of(bytes(raw))["data"].get("lost", [])
        except (Malformed, TypeError):
            # The walk over the entries names it.
            continue
    return {
        Loss(str(each.get("code")), str(each.get("stream")), int(each.get("ver", 0)), str(each.get("name")))
        for each in lost
        if isinstance(each, dict) and isinstance(each.get("ver"), int)
    }


# -- what follows ---------------------------------------------------------------------------------------------------


def found_sound(connection: Connection, since: int, at: int) -> bool:
    """Whether a full check since this instant found nothing grave, as a house demands that had stopped over one. Of an
    instant that lies ahead, a sound check is after it that was made just now."""
    last = last_checks(connection).get(FULL)
    return last is not None and not last.grave and last.at >= (since if since <= at else at - CLOCKS_DIFFER)


def _gravest_first(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: not is_grave(finding))


def _keep(house: House, kind: str, size: int, findings: list[Finding], halt: Halt | None) -> Outcome:
    """Write down what a check found, and stop the house where that is grave."""
    at = house.clock()
    code = findings[0].code if findings else ""

    def unit(connection: Connection) -> bool:
        if must_rest(connection, house) == GIVEN_UP:
            # To a process of a log that was given up, the one founded over it looks like a forgery.
            raise SigningStopped(GIVEN_UP)
        connection.execute(delete(_check).where(_check.c.kind == kind))
        row = {"kind": kind, "at": at, "size": size, "findings": len(findings), "code": code}
        connection.execute(insert(_check), row)
        if not any(map(is_grave, findings)) or connection.scalar(select(tables.stop.c.code)):
            return False
        last = latest_checkpoint(connection)
        stop(connection, house, halt or Halt(UNSOUND, bytes(last.note) if last else b""))
        return True

    return Outcome(kind, at, size, findings, stopped=write_unit(house.engine, unit))
