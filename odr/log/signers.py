"""Who signs the log at which size: keys come and go by entries of the log itself (docs/log-format.md, section 14)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, select

from odr.log import tables
from odr.log.chain import Entry, Malformed, check
from odr.log.keys import Keys, KeyTrouble, SigningKey, verifier
from odr.log.note import (
    Checkpoint,
    Rejected,
    Verifier,
    checkpoint_text,
    key_id,
    open_checkpoint,
    read_vkey,
    sign,
    signature_line,
    vkey,
)

FOUNDED, KEY_ADDED, KEY_RETIRED = "log_founded", "key_added", "key_retired"
"""The entries that say of a key that it signs, or signs no more."""

_SIZE_LINE = re.compile(rb"[^\n]*\n(0|[1-9][0-9]{0,18})\n")


class NotAtHand(KeyTrouble):
    """A key that has to sign at this size is not among those that the house holds. That contradicts nothing: acts go
    on, and wait for their checkpoint."""


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
    tell whose a signature is. A key that signs already does not come in twice.
    """
    terms: list[Term] = []
    for entry, position in told:
        public_key = _key_in(entry, origin)
        if public_key is None:
            continue
        serving = [place for place, term in enumerate(terms) if term.public_key == public_key and not term.retired]
        if entry.type == KEY_RETIRED:
            for place in serving:
                terms[place] = replace(terms[place], until=position, retired=True)
        elif not serving and not any(
            term.key_id == key_id(origin, public_key) for term in terms if term.public_key != public_key
        ):
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


def signers_of(connection: Connection, origin: str) -> Signers:
    """The keys of this log as it stands in the database. One statement over a short stream; what it says is to be
    believed as far as a checkpoint over it is (`halt`, `verify`)."""
    of_leaf = and_(tables.leaf.c.stream == tables.entry.c.stream, tables.leaf.c.ver == tables.entry.c.ver)
    query = (
        select(tables.entry.c.raw, tables.leaf.c.position)
        .select_from(tables.entry.outerjoin(tables.leaf, of_leaf))
        .where(tables.entry.c.stream == f"log/{origin}")
        .order_by(tables.entry.c.ver)
    )
    return fold(origin, _readable(connection.execute(query)))


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
    every = dict.fromkeys(term.public_key for term in signers.terms)
    return open_checkpoint(note, signers.origin, [verifier(signers.origin, public_key) for public_key in every])


def signed(text: bytes, size: int, signers: Signers, keys: Keys) -> bytes:
    """The note of this text, signed by all keys that sign at this size of the log. Raises NotAtHand."""
    first, *others = [_at_hand(term, keys) for term in signers.at(size)] or [_nobody(size)]
    named = [(signers.origin, key_id(signers.origin, key.public_key), key.sign) for key in (first, *others)]
    return sign(text, *named[0]) + b"".join(signature_line(text, *line) for line in named[1:])


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
    raise NotAtHand(
        f"No checkpoint is signed: the key {term.key_id.hex()} signs this log and is not at hand. Put its file back "
        f"beside the others; if it is lost for good and another key signs, too: odr key retire {term.key_id.hex()}"
    )


def _nobody(size: int) -> SigningKey:
    raise NotAtHand(f"No checkpoint is signed: no entry of the log says who signs it at {size} entries.")
