"""Who signs the log at which size, and which log an entry was made for: keys come and go, and a log may be founded over
another, by entries of the log itself (docs/log-format.md, sections 14 and 18)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from odr.log import tables
from odr.log.chain import Entry, Malformed, check
from odr.log.keys import Keys, KeyTrouble, SigningKey, verifier
from odr.log.note import (
    Checkpoint,
    Rejected,
    Verifier,
    checkpoint_text,
    from_base64,
    key_id,
    open_checkpoint,
    read_vkey,
    sign,
    signature_line,
    vkey,
)

FOUNDED, KEY_ADDED, KEY_RETIRED = "log_founded", "key_added", "key_retired"
"""The entries that say of a key that it signs, or signs no more."""

_OF_LEAF = and_(tables.leaf.c.stream == tables.entry.c.stream, tables.leaf.c.ver == tables.entry.c.ver)
_PLACED = select(tables.entry.c.raw, tables.leaf.c.position).select_from(tables.entry.outerjoin(tables.leaf, _OF_LEAF))
_FOUNDING = _PLACED.where(tables.entry.c.stream == bindparam("stream"), tables.entry.c.ver == 1)
_OWN_STREAM = _PLACED.where(tables.entry.c.stream == bindparam("stream")).order_by(tables.entry.c.ver)
_SIZE_LINE = re.compile(rb"[^\n]*\n(0|[1-9][0-9]{0,18})\n")


class NotAtHand(KeyTrouble):
    """A key that has to sign at this size is not among those that the house holds. That contradicts nothing: acts go
    on, and wait for their checkpoint."""

    def __init__(self, key: str | None) -> None:
        super().__init__(
            f"No checkpoint is signed: the key {key} signs this log and is not at hand. Give it back to the house; if "
            f"it is lost for good and another key signs, too: odr key retire {key}"
            if key
            else "No checkpoint is signed: every key of the log is retired, which no command of ours does; somebody "
            "wrote to the database. Look who could, and then: odr log found-anew --because stolen"
        )


@dataclass(frozen=True, slots=True)
class Term:
    """The time of one key: it signs checkpoints of sizes above `since` and not above `until`, the places of the entries
    that brought it in and retired it. `since` is None while the entry that brings it in has no place yet; `retired`
    says that an entry retires it, be it placed or not."""

    name: str
    public_key: bytes
    since: int | None
    until: int | None = None
    retired: bool = False

    @property
    def vkey(self) -> str:
        return vkey(self.name, self.public_key)

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public_key)

    def signs(self, size: int) -> bool:
        """Whether this key signs the checkpoint of this size."""
        return self.since is not None and self.since < size and (self.until is None or size <= self.until)


@dataclass(frozen=True, slots=True)
class Signers:
    """The keys of the log called `origin`, in the order in which they came in."""

    origin: str
    terms: tuple[Term, ...] = ()

    def at(self, size: int) -> tuple[Term, ...]:
        """The keys that sign the checkpoint of this size, in the order of their lines."""
        return tuple(term for term in self.terms if term.signs(size))

    def verifiers(self, size: int) -> list[Verifier]:
        """What tells the signatures of those keys."""
        return [verifier(self.origin, term.public_key) for term in self.at(size)]

    def newest_first(self, size: int) -> tuple[str, ...]:
        """The vkeys that readers are told while the last checkpoint has this size: of the keys that sign it, or, before
        the first one, of those that will. The newest stands first, since it serves longest."""
        told = self.at(size) if size else tuple(term for term in self.terms if not term.retired)
        return tuple(term.vkey for term in reversed(told))


def fold(origin: str, told: Iterable[tuple[Entry, int | None]]) -> Signers:
    """The keys that the entries of the log's own stream tell of, each with its place in the tree, None where it waits.

    What is not said as section 14 says it is passed over, and so is a key with the id of an earlier one: nobody could
    tell whose a signature is. No key comes in twice, nor back when it was retired.
    """
    terms: list[Term] = []
    for entry, position in told:
        public_key = _key_in(entry, origin)
        if public_key is None:
            continue
        if entry.type == KEY_RETIRED:
            terms = [
                replace(term, until=position, retired=True)
                if term.public_key == public_key and not term.retired
                else term
                for term in terms
            ]
        # The same key has the same id.
        elif not any(term.key_id == key_id(origin, public_key) for term in terms):
            terms.append(Term(origin, public_key, position))
    return Signers(origin, tuple(terms))


def _key_in(entry: Entry, origin: str) -> bytes | None:
    said = entry.data.get("key")
    if entry.stream != f"log/{origin}" or not isinstance(said, str):
        return None
    if entry.type not in (FOUNDED, KEY_ADDED, KEY_RETIRED) or (entry.type == FOUNDED) != (entry.version == 1):
        return None
    try:
        name, public_key = read_vkey(said)
    except Rejected:
        return None
    return public_key if name == origin else None


@dataclass(frozen=True, slots=True)
class Continuation:
    """What the first entry of a log says of the one it was founded over: its name, how many of its entries were kept
    and their root, the last checkpoint that is known of it, and why it was given up."""

    origin: str
    kept: int
    root: str
    size: int
    note: bytes
    code: str


def continuation(raw: bytes) -> Continuation | None:
    """What this `log_founded` says of the log it continues; None where it continues none, or says it otherwise."""
    try:
        said: Any = check(raw).data.get("continues")
        told = Continuation(
            said["log"], said["kept"], said["root"], said["size"], from_base64(said["note"]) or b"", said["code"]
        )
    except (Malformed, KeyError, TypeError):
        return None
    kinds = [(told.origin, str), (told.kept, int), (told.root, str), (told.size, int), (told.code, str)]
    return told if all(type(value) is kind for value, kind in kinds) else None


@dataclass(frozen=True, slots=True)
class Lineage:
    """The logs that this one was founded over, the first one first, and itself: each with the place of the first entry
    that bears its name."""

    logs: tuple[tuple[str, int], ...]

    def origin_at(self, position: int | None) -> str:
        """The log that the entry at this place was made for; one without a place yet was made for the last."""
        bearing = [origin for origin, first in self.logs if position is None or first <= position]
        return bearing[-1] if bearing else self.logs[0][0]

    def end_of(self, origin: str) -> int | None:
        """How many entries were kept when the log of this name was given up; None for the last one."""
        names = [name for name, _ in self.logs]
        after = names.index(origin) + 1
        return self.logs[after][1] if after < len(names) else None


def founding_of(connection: Connection, origin: str) -> tuple[Continuation | None, int | None]:
    """What the first entry of the log of this name says of the one it continues, and the place of that entry."""
    row = connection.execute(_FOUNDING, {"stream": f"log/{origin}"}).one_or_none()
    return (continuation(bytes(row.raw)), row.position) if row else (None, None)


def lineage_of(connection: Connection, origin: str) -> Lineage:
    """The log of this name and those that it was founded over. One statement for each."""
    logs: list[tuple[str, int]] = []
    name: str | None = origin
    # A circle can only be somebody's deed; it must not keep anybody going round.
    while name is not None and name not in [known for known, _ in logs]:
        continued, _ = founding_of(connection, name)
        logs.insert(0, (name, continued.kept if continued else 0))
        name = continued.origin if continued else None
    return Lineage(tuple(logs))


def signers_of(connection: Connection, origin: str) -> Signers:
    """The keys of this log as it stands in the database. One statement over a short stream; what it says is to be
    believed as far as a checkpoint over it is (`halt`, `verify`)."""
    rows = connection.execute(_OWN_STREAM, {"stream": f"log/{origin}"})
    return fold(origin, _readable(rows))


def key_of_former(connection: Connection, lineage: Lineage) -> Term | None:
    """The key of a log that was given up with which the last log was founded, None where it has one of its own, as it
    must: whoever can write to the database, and has no key, could else have the house sign another history."""
    *formers, last = [signers_of(connection, name) for name, _ in lineage.logs]
    former = {term.public_key for signers in formers for term in signers.terms}
    return next((term for term in last.terms if term.public_key in former), None)


def _readable(rows: Iterable[tuple[bytes, int | None]]) -> Iterable[tuple[Entry, int | None]]:
    for raw, position in rows:
        try:
            yield check(bytes(raw)), position
        except Malformed:
            # `odr verify` names it; here it tells of no key.
            continue


def opened(note: bytes, signers: Signers) -> Checkpoint:
    """The checkpoint in a note, signed by a key of the log that signs at its size. Raises Rejected."""
    found = _SIZE_LINE.match(note)
    if found:
        return open_checkpoint(note, signers.origin, signers.verifiers(int(found[1])))
    # It says no size, so it will be rejected; with every key, so that the reason is the right one.
    return opened_by_any(note, signers)


def opened_by_any(note: bytes, signers: Signers) -> Checkpoint:
    """The checkpoint in a note that any key of the log signed: for a log that was given up, where the entries that say
    which key signed when may have lost their places. Raises Rejected."""
    every = dict.fromkeys(term.public_key for term in signers.terms)
    return open_checkpoint(note, signers.origin, [verifier(signers.origin, public_key) for public_key in every])


def signed(text: bytes, size: int, signers: Signers, keys: Keys) -> bytes:
    """The note of this text, signed by all keys that sign at this size of the log. Raises NotAtHand."""
    signing = [_at_hand(term, keys) for term in signers.at(size)]
    if not signing:
        raise NotAtHand(None)
    first, *others = [(signers.origin, key_id(signers.origin, key.public_key), key.sign) for key in signing]
    return sign(text, *first) + b"".join(signature_line(text, *line) for line in others)


def signed_checkpoint(checkpoint: Checkpoint, signers: Signers, keys: Keys) -> bytes:
    """The note of a checkpoint, signed by all keys that sign at its size. Raises NotAtHand."""
    return signed(checkpoint_text(checkpoint), checkpoint.size, signers, keys)


def missing(signers: Signers, size: int, keys: Keys) -> list[Term]:
    """The keys that sign at this size and are not at hand."""
    held = {key.public_key for key in keys.signing}
    return [term for term in signers.at(size) if term.public_key not in held]


def _at_hand(term: Term, keys: Keys) -> SigningKey:
    for key in keys.signing:
        if key.public_key == term.public_key:
            return key
    raise NotAtHand(term.key_id.hex())
