"""Never signing backwards: what was signed once, in the database and outside it, binds what is signed next.

A database restored from an older copy, a tree that lost entries or was changed behind the product's back would make the
log sign a second history. So the house stops: it signs nothing, takes no act, and says so, until the right database is
back or the operator's `odr log resume` finds it whole again (ADR 16).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from odr.database import Prepared
from odr.house import House, Settings
from odr.kernel import Refused
from odr.log import tables
from odr.log.keys import Keys, KeyTrouble, keys_at
from odr.log.note import Rejected, open_checkpoint
from odr.log.proof import Unproven, verify_consistency
from odr.log.signers import Signers, key_of_former, lineage_of, opened, signers_of
from odr.log.tiles import Torn, consistency, tree_head

STOPPED = "log_stopped"
"""The code of the refusal that every act meets in a house that has stopped."""

WHY: Mapping[str, str] = {
    "older": "the database does not hold the last checkpoint that was published, so it is an older copy, or "
    "something was taken out of it",
    "shrunken": "fewer entries are in the tree than were signed over",
    "forked": "the tree is not the one that was signed before",
    "torn": "hashes that the tree needs are gone",
    "foreign": "a kept checkpoint was not signed with this house's key, or belongs to another log, or this log was "
    "founded with a key of the one before",
    "unsound": "the house's own check found entries, words, files or checkpoints that are not as they were written",
    "witnessed": "a witness has cosigned more of this log than the database holds, or another history of it, so the "
    "database is an older copy or was changed",
    "stolen": "a key that signs this log was stolen, and another log has to be founded over its entries",
}
"""Each reason to stop, for the operator."""

# Of a later release, or somebody's deed: the house has stopped all the same.
_UNHEARD_OF = "a reason is written down that this release does not know"

GIVEN_UP = "given_up"
"""Not the house has stopped but a process is too old for it: the log it works for was given up meanwhile."""

_stop, _checkpoint, _former = tables.stop, tables.checkpoint, tables.former_checkpoint

_NOTED = Prepared(
    select(
        select(func.max(_stop.c.code)).scalar_subquery(),
        select(_checkpoint.c.number)
        .where(_checkpoint.c.size == bindparam("size"), _checkpoint.c.note == bindparam("note"))
        .scalar_subquery(),
        select(func.min(_former.c.number)).where(_former.c.origin == bindparam("origin")).scalar_subquery(),
    ),
    (),
)
_SIZE_LINE = re.compile(rb"[^\n]*\n([0-9]{1,18})\n")
_OVER = select(_checkpoint).where(_checkpoint.c.size > bindparam("position")).order_by(_checkpoint.c.number).limit(1)
_FORMER_OVER = (
    select(_former)
    .where(_former.c.origin == bindparam("origin"), _former.c.size > bindparam("position"))
    .order_by(_former.c.number)
    .limit(1)
)
_LATEST = select(_checkpoint).order_by(_checkpoint.c.number.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Halt:
    """Why the log signs nothing more, one of WHY, and the signed note that contradicts what is stored."""

    code: str
    note: bytes


class SigningStopped(Exception):
    """The log signs nothing more; `code` is one of WHY."""

    def __init__(self, code: str) -> None:
        super().__init__(
            "This process works for a log that was given up, and signs nothing more. End it and start it again. Where "
            "that helps nothing, somebody wrote to the database: odr verify"
            if code == GIVEN_UP
            else f"This house signs nothing and takes no act: {WHY.get(code, _UNHEARD_OF)}. Stop it, keep database and "
            "files as they are, and read “When the log has stopped” in docs/operating.md."
        )
        self.code = code


def published_file(settings: Settings) -> Path:
    """Where the last signed checkpoint lies outside the database, so that a database cut short is noticed."""
    return settings.instance / "checkpoint"


def read_published(settings: Settings) -> bytes | None:
    """The note kept outside the database, None before the first."""
    try:
        # Unbuffered: it is read in every act, and is two hundred bytes long.
        with published_file(settings).open("rb", buffering=0) as file:
            return file.readall()
    except FileNotFoundError:
        return None


def latest_checkpoint(connection: Connection) -> Any:
    """The row of the last checkpoint (number, size, signed_at, note), None before the first."""
    return connection.execute(_LATEST).one_or_none()


def first_over(connection: Connection, origin: str, position: int) -> tuple[str, Any] | None:
    """The first checkpoint that counts the entry at this place, and the log that signed it: one that the log called
    `origin` was founded over, as long as all that it counts was kept, or itself. None as long as there is none."""
    lineage = lineage_of(connection, origin)
    for former, _ in lineage.logs[:-1]:
        over = _FORMER_OVER.where(_former.c.size <= lineage.end_of(former))
        row = connection.execute(over, {"origin": former, "position": position}).one_or_none()
        if row is not None:
            return former, row
    row = connection.execute(_OVER, {"position": position}).one_or_none()
    return (origin, row) if row is not None else None


def former_number(connection: Connection) -> int:
    """The number of the last checkpoint of the logs that were given up, 0 where there was none. Numbers go on after it,
    so that no two checkpoints of a house bear the same."""
    return connection.scalar(select(func.max(_former.c.number))) or 0


def halted(connection: Connection, settings: Settings, origin: str) -> str | None:
    """Why the house of the log called `origin` has stopped, or must before the next act, one of WHY or "given_up"; None
    when it is open. One statement.

    A checkpoint is committed before it is copied outside, so what lies outside is always in the database, unless the
    database is not the one that it was copied from.
    """
    # The file first: read the other way round, one that is published in between would seem to be missing.
    outside = read_published(settings)
    code, number, former = _noted(connection, outside or b"", origin)
    if code is not None:
        return code
    if former is not None:
        return GIVEN_UP
    return "older" if outside is not None and number is None else None


def must_rest(connection: Connection, house: House) -> str | None:
    """Why this process must write nothing, as `halted` says it."""
    return halted(connection, house.settings, house.origin)


def require_open(connection: Connection, house: House) -> None:
    """Raise Refused("log_stopped") in a house that has stopped, and in a process of a log that was given up."""
    if must_rest(connection, house) is not None:
        raise Refused(STOPPED)


def contradiction(connection: Connection, settings: Settings, origin: str, keys: Keys) -> Halt | None:
    """What speaks against signing the tree as it stands; None when it only grew from everything that was signed."""
    outside = read_published(settings)
    latest = latest_checkpoint(connection)
    signers = signers_of(connection, origin)
    kept = [bytes(latest.note)] if latest else []
    if key_of_former(connection, lineage_of(connection, origin)) is not None:
        return Halt("foreign", kept[0] if kept else b"")
    # Which keys signed, the database says; that it is to be believed, a key that lies outside it. The one outside
    # may be older, signed with a key that was put away since: it lies in the database, under the last one.
    if kept and not signed_at_hand(kept[0], origin, keys, settings):
        return Halt("foreign", kept[0])
    if outside is not None:
        if not _is_stored(connection, outside):
            return Halt("older" if signed_at_hand(outside, origin, keys, settings) else "foreign", outside)
        kept.append(outside)
    # Why the house stopped stays a reason, wherever that checkpoint went since: the house signed it.
    stopped_by = connection.scalar(select(_stop.c.note))
    if stopped_by and signed_at_hand(bytes(stopped_by), origin, keys, settings):
        kept.append(bytes(stopped_by))
    for note in kept:
        code = _against(connection, note, signers)
        if code is not None:
            return Halt(code, note)
    return None


def signed_at_hand(note: bytes, origin: str, keys: Keys, settings: Settings) -> bool:
    """Whether a key that is at hand signed this checkpoint: one of `keys`, or one that came in since this process was
    started and lies where the settings say."""
    if _signed_by(note, origin, keys):
        return True
    try:
        return _signed_by(note, origin, keys_at(settings))
    except KeyTrouble:
        return False


def _signed_by(note: bytes, origin: str, keys: Keys) -> bool:
    try:
        open_checkpoint(note, origin, keys.verifiers(origin))
    except Rejected:
        return False
    return True


def _is_stored(connection: Connection, note: bytes) -> bool:
    return _noted(connection, note, "")[1] is not None


def _noted(connection: Connection, note: bytes, origin: str) -> tuple[str | None, int | None, int | None]:
    """Why the house has stopped, if it has; the number of the checkpoint with this note, if it is stored; and that of a
    checkpoint of the log of this name that was given up, if it was."""
    # By the size in its second line, which is a key, whatever else stands there.
    found = _SIZE_LINE.match(note)
    size = int(found[1]) if found else -1
    code, number, former = _NOTED.row(connection, {"size": size, "note": note, "origin": origin})
    return code, number, former


def _against(connection: Connection, note: bytes, signers: Signers) -> str | None:
    """The code of what keeps the tree from being a later state of the log in this note."""
    try:
        told = opened(note, signers)
        size, root = tree_head(connection)
        if size < told.size:
            return "shrunken"
        verify_consistency(told.size, told.root, size, root, consistency(connection, told.size, size))
    except Rejected:
        return "foreign"
    except Torn:
        return "torn"
    except Unproven:
        return "forked"
    return None


def stop(connection: Connection, house: House, halt: Halt) -> None:
    """Write down that the house has stopped, for every process that works on this database."""
    connection.execute(insert(_stop), {"number": 1, "since": house.clock(), "code": halt.code, "note": halt.note})
