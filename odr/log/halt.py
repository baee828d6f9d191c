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
from odr.log.keys import Keys
from odr.log.note import Rejected, open_checkpoint
from odr.log.proof import Unproven, verify_consistency
from odr.log.signers import Signers, opened, signers_of
from odr.log.tiles import Torn, consistency, tree_head

STOPPED = "log_stopped"
"""The code of the refusal that every act meets in a house that has stopped."""

WHY: Mapping[str, str] = {
    "older": "the database does not hold the last checkpoint that was published, so it is an older copy, or "
    "something was taken out of it",
    "shrunken": "fewer entries are in the tree than were signed over",
    "forked": "the tree is not the one that was signed before",
    "torn": "hashes that the tree needs are gone",
    "foreign": "a kept checkpoint was not signed with this house's key, or belongs to another log",
}
"""Each reason to stop, for the operator."""

_stop, _checkpoint = tables.stop, tables.checkpoint

_NOTED = Prepared(
    select(
        select(func.max(_stop.c.code)).scalar_subquery(),
        select(_checkpoint.c.number)
        .where(_checkpoint.c.size == bindparam("size"), _checkpoint.c.note == bindparam("note"))
        .scalar_subquery(),
    ),
    (),
)
_SIZE_LINE = re.compile(rb"[^\n]*\n([0-9]{1,18})\n")
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
            f"This house signs nothing and takes no act: {WHY[code]}. Stop it, keep database and files as they are, "
            "and read “When the log has stopped” in docs/operating.md."
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


def halted(connection: Connection, settings: Settings) -> str | None:
    """Why the house has stopped, or must before the next act; None when it is open. One statement.

    A checkpoint is committed before it is copied outside, so what lies outside is always in the database, unless the
    database is not the one that it was copied from.
    """
    # The file first: read the other way round, one that is published in between would seem to be missing.
    outside = read_published(settings)
    code, number = _noted(connection, outside or b"")
    if code is not None:
        return code
    return "older" if outside is not None and number is None else None


def require_open(connection: Connection, settings: Settings) -> None:
    """Raise Refused("log_stopped") in a house that has stopped."""
    if halted(connection, settings) is not None:
        raise Refused(STOPPED)


def contradiction(connection: Connection, settings: Settings, origin: str, keys: Keys) -> Halt | None:
    """What speaks against signing the tree as it stands; None when it only grew from everything that was signed."""
    outside = read_published(settings)
    latest = latest_checkpoint(connection)
    signers = signers_of(connection, origin)
    kept = [bytes(latest.note)] if latest else []
    # Which keys signed, the database says; that it is to be believed, a key that lies outside it. The one outside
    # may be older, signed with a key that was put away since: it lies in the database, under the last one.
    if kept and not signed_at_hand(kept[0], origin, keys):
        return Halt("foreign", kept[0])
    if outside is not None:
        if not _is_stored(connection, outside):
            return Halt("older" if signed_at_hand(outside, origin, keys) else "foreign", outside)
        kept.append(outside)
    for note in kept:
        code = _against(connection, note, signers)
        if code is not None:
            return Halt(code, note)
    return None


def signed_at_hand(note: bytes, origin: str, keys: Keys) -> bool:
    """Whether a key that is at hand signed this checkpoint."""
    try:
        open_checkpoint(note, origin, keys.verifiers(origin))
    except Rejected:
        return False
    return True


def _is_stored(connection: Connection, note: bytes) -> bool:
    return _noted(connection, note)[1] is not None


def _noted(connection: Connection, note: bytes) -> tuple[str | None, int | None]:
    """Why the house has stopped, if it has, and the number of the checkpoint with this note, if it is stored."""
    # By the size in its second line, which is a key, whatever else stands there.
    found = _SIZE_LINE.match(note)
    code, number = _NOTED.row(connection, {"size": int(found[1]) if found else -1, "note": note})
    return code, number


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
